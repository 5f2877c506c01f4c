"""What real servers of this operation have been seen to do, and what both clients make of it.

A row tells the evidence in a sentence. Three kinds: successes, of which a registration must never be lost and each
deviation is told; refusals, which become the error of their status; and requests that some server lets pass or
stumbles over, and that therefore never leave.
"""

from __future__ import annotations

import datetime
import json
import warnings
from typing import Any
from uuid import UUID

import pytest
from attrs import frozen

from comfy_assets import UNSET, DriftWarning, errors
from tests.client.conftest import Call
from tests.support import BODY, CREATED, HASH, answer, scripted

ON_DRIFT = ("warn", "raise", "ignore")
HEX = HASH.partition(":")[2]
OTHER_ID = "0f8fad5b-d9cb-469f-a165-70867728950e"
NAIVE = "2023-11-07T05:31:56.123456"
AWARE = datetime.datetime(2023, 11, 7, 5, 31, 56, 123456, tzinfo=datetime.UTC)

#: A member that the body does not have.
ABSENT: Any = object()

#: Place, rule, expected, got: what `call.drift` says of a deviation.
Drift = tuple[tuple[str | int, ...], str, str, str]


@frozen
class Success:
    """Evidence of a success: what differs from a perfect body, what is kept of it, and what is told."""

    line: str
    members: dict[str, Any]
    kept: dict[str, Any]
    drift: tuple[Drift, ...] = ()
    status: int = 201
    #: Whether this call made the reference; None where nobody can tell.
    created: bool | None = True

    def said(self) -> bytes:
        """The server's answer."""
        body = {name: value for name, value in (BODY | self.members).items() if value is not ABSENT}
        return answer(self.status, body)


def _null(name: str, kind: str) -> Drift:
    return (name,), "type", kind, "null"


TIME = "an RFC 3339 time with an offset"
PATTERN = "a string that matches ^blake3:[a-f0-9]{64}$"
CONTRADICTION = "true with 201, false with 200"

SUCCESSES = [
    Success(
        "one reference per content, owner and name once: a repeat under another name may be the first one again",
        {"created_new": False, "name": "first.png"}, {"name": "first.png"}, status=200, created=False,
    ),
    Success(
        "200: an identical reference existed already", {"created_new": False}, {"created_new": False},
        status=200, created=False,
    ),
    Success(
        "every repeat is 201 with a new id and created_new false", {"created_new": False, "id": OTHER_ID},
        {"created_new": False, "id": UUID(OTHER_ID)},
        ((("created_new",), "status", CONTRADICTION, "false with 201"),), created=None,
    ),
    Success(
        "created is derived from the status by some, from created_new by others: where they disagree, nobody knows",
        {"created_new": True}, {"created_new": True},
        ((("created_new",), "status", CONTRADICTION, "true with 200"),), status=200, created=None,
    ),
    Success(
        "the answer's tags are sorted, not as they were sent", {"tags": ["input", "a", "B"]},
        {"tags": ["input", "a", "B"]},
    ),
    Success(
        "tags as one text with commas", {"tags": "input,models"}, {"tags": UNSET},
        ((("tags",), "type", "an array", "'input,models'"),),
    ),
    Success(
        "tags that were numbers", {"tags": ["input", 5]}, {"tags": ["input"]},
        ((("tags", 1), "type", "a string", "5"),),
    ),
    Success("the name is trimmed, or cut to its last segment", {"name": "b.png"}, {"name": "b.png"}),
    Success("the name is the bare digest", {"name": HEX}, {"name": HEX}),
    Success(
        "times have neither Z nor an offset", {"created_at": NAIVE, "updated_at": NAIVE, "last_access_time": NAIVE},
        {"created_at": AWARE, "updated_at": AWARE, "last_access_time": AWARE},
        tuple(((name,), "format", TIME, repr(NAIVE)) for name in ("created_at", "updated_at", "last_access_time")),
    ),
    Success(
        "preview_url is relative", {"preview_url": "/api/view?filename=a.png"},
        {"preview_url": "/api/view?filename=a.png"},
        ((("preview_url",), "format", "an absolute URI", "'/api/view?filename=a.png'"),),
    ),
    Success(
        "hash instead of asset_hash", {"hash": HASH},
        {"asset_hash": UNSET, "additional_properties": {"hash": HASH}},
    ),
    Success(
        "hash beside asset_hash", {"hash": HASH, "asset_hash": HASH},
        {"asset_hash": HASH, "additional_properties": {"hash": HASH}},
    ),
    Success(
        "members that the contract does not name",
        {"metadata": {"a": [1, None]}, "display_name": "x", "loader_path": None, "job_id": OTHER_ID},
        {"additional_properties": {"metadata": {"a": [1, None]}, "display_name": "x", "loader_path": None, "job_id": OTHER_ID}},
    ),
    Success(
        "asset_hash is the digest and a file's ending, without prefix", {"asset_hash": f"{HEX}.png"},
        {"asset_hash": f"{HEX}.png"},
        ((("asset_hash",), "pattern", PATTERN, repr(f"{HEX}.png")),),
    ),
    Success(
        "optional members are null",
        dict.fromkeys(["asset_hash", "mime_type", "tags", "user_metadata", "preview_url", "last_access_time", "is_immutable"]),
        dict.fromkeys(["asset_hash", "mime_type", "tags", "user_metadata", "preview_url", "last_access_time", "is_immutable"], UNSET),
        (
            _null("asset_hash", "a string"), _null("mime_type", "a string"), _null("tags", "an array"),
            _null("user_metadata", "an object"), _null("preview_url", "a string"), _null("last_access_time", TIME),
            _null("is_immutable", "a boolean"),
        ),
    ),
    Success(
        "optional members are null where the contract lets them", {"preview_id": None, "prompt_id": None},
        {"preview_id": None, "prompt_id": None},
    ),
]  # fmt: skip


@pytest.mark.parametrize("on_drift", ON_DRIFT)
@pytest.mark.parametrize("row", SUCCESSES, ids=[row.line for row in SUCCESSES])
def test_success_in_the_field(call: Call, row: Success, on_drift: str) -> None:
    """A success keeps all that can be read, and tells each deviation as `on_drift` says."""
    options = {"on_drift": on_drift}
    with scripted(row.said()) as server, warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        if row.drift and on_drift == "raise":
            with pytest.raises(errors.ContractError) as caught:
                call(server.url, options=options)
            assert as_rows(caught.value.problems) == row.drift
            assert caught.value.status_code == row.status
            assert caught.value.response.content == row.said().partition(b"\r\n\r\n")[2]
            return
        asset = call(server.url, options=options)
    assert len(server.requests) == 1
    assert {name: getattr(asset, name) for name in row.kept} == row.kept
    assert as_rows(asset.call.drift) == row.drift
    assert asset.call.created_by_this_call is row.created
    warned = [str(one.message) for one in told if issubclass(one.category, DriftWarning)]
    named = {str(place[0]) for place, *_ in row.drift} if on_drift == "warn" else set()
    assert len(warned) == len(told)
    assert {name for name in named if any(name in text for text in warned)} == named
    assert bool(warned) is bool(named)


def as_rows(problems: Any) -> tuple[Drift, ...]:
    """Problems as the table writes them."""
    return tuple((one.place, one.rule, one.expected, one.got) for one in problems)


def test_unknown_members_survive(call: Call) -> None:
    """What a server says beside the contract is written back as it came, beside what the contract names."""
    members = {"metadata": {"a": [1, None]}, "job_id": OTHER_ID, "hash": HASH}
    with scripted(answer(201, BODY | members)) as server:
        assert call(server.url).to_dict() == BODY | members


#: Evidence of successes whose required members cannot be read: members, and what is told.
UNREADABLE: dict[str, tuple[dict[str, Any], Drift]] = {
    "size is missing": ({"size": ABSENT}, (("size",), "required", "a value", "none")),
    "size is null": ({"size": None}, _null("size", "an integer")),
    "the name is null": ({"name": None}, _null("name", "a string")),
}


@pytest.mark.parametrize("on_drift", ON_DRIFT)
@pytest.mark.parametrize(("members", "problem"), UNREADABLE.values(), ids=UNREADABLE)
def test_unreadable_success_in_the_field(
    call: Call, members: dict[str, Any], problem: Drift, on_drift: str
) -> None:
    """A success without what the contract requires is a ContractError with status, body and place, however drift is told."""
    row = Success("", members, {}, (problem,))
    with scripted(row.said()) as server, pytest.raises(errors.ContractError, match="a success") as caught:
        call(server.url, options={"on_drift": on_drift})
    assert as_rows(caught.value.problems) == row.drift
    assert caught.value.status_code == 201
    assert json.loads(caught.value.response.content)["id"] == BODY["id"]


@frozen
class Refusal:
    """Evidence of an answer that is no success: what comes, and the error that it becomes."""

    line: str
    status: int
    body: Any
    error: type[errors.APIStatusError]
    code: str | None
    message: str
    content_type: str = "application/json"


def _plain(line: str, status: int, text: str, error: type[errors.APIStatusError]) -> Refusal:
    return Refusal(line, status, text.encode(), error, None, text, "text/plain; charset=utf-8")


def _documented(line: str, status: int, error: type[errors.APIStatusError]) -> Refusal:
    return Refusal(line, status, {"code": "A_CODE", "message": "some words"}, error, "A_CODE", "some words")


NESTED = {"error": {"code": "INVALID_HASH", "message": "hash must be blake3", "details": {"a": 1}}}
REFUSALS = [
    Refusal("sha256 is refused, in an error within an error", 400, NESTED, errors.BadRequestError, "INVALID_HASH", "hash must be blake3"),
    Refusal("a nested error of another status", 500, NESTED, errors.InternalServerError, "INVALID_HASH", "hash must be blake3"),
    _plain("uncaught errors are plain text", 500, "500 Internal Server Error", errors.InternalServerError),
    _plain("403 is plain text", 403, "403: Forbidden", errors.PermissionDeniedError),
    _plain("405 is plain text", 405, "405: Method Not Allowed", errors.APIStatusError),
    _plain("503 occurs", 503, "assets are disabled", errors.InternalServerError),
    _documented("lone surrogates and NaN are 500", 500, errors.InternalServerError),
    _documented("a lone surrogate within metadata is 404", 404, errors.NotFoundError),
    _documented("402: no credits", 402, errors.PaymentRequiredError),
    _documented("403: not allowed", 403, errors.PermissionDeniedError),
    _documented("422 where 400 is meant", 422, errors.UnprocessableEntityError),
    _documented("429: the subscription is inactive, and waiting does not help", 429, errors.RateLimitError),
    _documented("a file name as hash is 404", 404, errors.NotFoundError),
    _documented("404 is both unknown and not yours", 404, errors.NotFoundError),
]  # fmt: skip


@pytest.mark.parametrize("on_drift", ON_DRIFT)
@pytest.mark.parametrize("row", REFUSALS, ids=[row.line for row in REFUSALS])
def test_refusal_in_the_field(call: Call, row: Refusal, on_drift: str) -> None:
    """A status that is no success is its error, with code and message, and no drift is told beside it."""
    said = answer(row.status, row.body, row.content_type)
    with (
        scripted(said) as server,
        warnings.catch_warnings(action="error"),
        pytest.raises(errors.APIStatusError) as caught,
    ):
        call(server.url, options={"on_drift": on_drift})
    assert type(caught.value) is row.error
    assert (caught.value.status_code, caught.value.code, caught.value.message) == (
        row.status,
        row.code,
        row.message,
    )
    assert caught.value.response.content == said.partition(b"\r\n\r\n")[2]
    assert len(server.requests) == 1


def test_unauthenticated_server(call: Call) -> None:
    """A server that asks for no key is answered as any other: the key is sent all the same, once."""
    with scripted(CREATED) as server:
        assert call(server.url).id == UUID(BODY["id"])
    assert [request.line for request in server.requests] == ["POST /api/assets/from-hash HTTP/1.1"]


def test_content_can_vanish_and_come_back(call: Call) -> None:
    """A 404 is an ordinary outcome, and not for ever: no look-up comes before, and the next call asks again."""
    answers = [CREATED, answer(404, NESTED), answer(200, BODY | {"created_new": False})]
    with scripted(lambda request: answers[len(server.requests) - 1]) as server:
        assert call(server.url).created_new is True
        with pytest.raises(errors.NotFoundError):
            call(server.url)
        assert call(server.url).created_new is False
    assert {request.line for request in server.requests} == {"POST /api/assets/from-hash HTTP/1.1"}
    assert len(server.requests) == 3


def test_each_repeat_may_be_another_reference(call: Call) -> None:
    """Where a server makes a new reference for each repeat, each result says which one it is, and that nobody knows who made it."""
    ids = [BODY["id"], OTHER_ID]
    with scripted(
        lambda request: answer(201, BODY | {"id": ids[len(server.requests) - 1], "created_new": False})
    ) as server:
        made = [call(server.url, options={"on_drift": "ignore"}) for _ in ids]
    assert [str(asset.id) for asset in made] == ids
    assert [asset.call.created_by_this_call for asset in made] == [None, None]


#: Requests that some server lets pass, changes or fails at: arguments, named ones, place and rule of what is wrong.
REQUESTS: dict[str, tuple[tuple[Any, ...], dict[str, Any], tuple[Any, ...], str]] = {
    "upper-case hashes are accepted": ((HASH.upper(), ["a"]), {}, ("hash",), "pattern"),
    "hashes with upper-case digits are accepted": ((f"blake3:{HEX.upper()}", ["a"]), {}, ("hash",), "pattern"),
    "hashes with blanks around are accepted": ((f" {HASH} ", ["a"]), {}, ("hash",), "pattern"),
    "a file name as hash is 404": (("portrait.png", ["a"]), {}, ("hash",), "pattern"),
    "bare hex as hash is 404": ((HEX, ["a"]), {}, ("hash",), "pattern"),
    "hex with a file's ending": ((f"{HEX}.png", ["a"]), {}, ("hash",), "pattern"),
    "tags may be null": ((HASH, None), {}, ("tags",), "type"),
    "tags may be empty": ((HASH, []), {}, ("tags",), "minItems"),
    "tags may be a text with commas": ((HASH, "input,models"), {}, ("tags",), "type"),
    "numbers as tags become strings": ((HASH, ["a", 5]), {}, ("tags", 1), "type"),
    "a lone surrogate in a tag is 500": ((HASH, ["\udc80"]), {}, ("tags", 0), "type"),
    "a lone surrogate in the name is 500": ((HASH, ["a"]), {"name": "\ud800.png"}, ("name",), "type"),
    "NaN in metadata is 500": ((HASH, ["a"]), {"user_metadata": {"x": float("nan")}}, ("user_metadata", "x"), "type"),
    "a lone surrogate in metadata is 404": ((HASH, ["a"]), {"user_metadata": {"x": ["\udc80"]}}, ("user_metadata", "x", 0), "type"),
}  # fmt: skip


@pytest.mark.parametrize("on_drift", ON_DRIFT)
@pytest.mark.parametrize(("arguments", "named", "place", "rule"), REQUESTS.values(), ids=REQUESTS)
def test_request_in_the_field(
    call: Call,
    arguments: tuple[Any, ...],
    named: dict[str, Any],
    place: tuple[Any, ...],
    rule: str,
    on_drift: str,
) -> None:
    """What one server takes and another refuses never leaves: the error names the place and the limit, nothing is sent."""
    with scripted(CREATED) as server, pytest.raises(errors.InputError) as caught:
        call(server.url, *arguments, options={"on_drift": on_drift}, **named)
    assert server.connections == 0
    assert [(problem.place, problem.rule) for problem in caught.value.problems] == [(place, rule)]
    # How a hash is computed is what somebody wants to know who has a file's name.
    assert ("hash_file" in str(caught.value)) is (place == ("hash",))


def test_sha256_is_sent(call: Call) -> None:
    """The contract takes SHA-256, so it is sent, though some server refuses it."""
    with scripted(CREATED) as server:
        call(server.url, f"sha256:{HEX}", ["input"])
    assert server.requests[0].json["hash"] == f"sha256:{HEX}"


def test_the_name_is_sent_as_it_is(call: Call) -> None:
    """A name that some server trims or cuts is sent letter by letter: what becomes of it is the server's."""
    with scripted(answer(201, BODY | {"name": "b.png"})) as server:
        assert call(server.url, name=" folder/b.png ").name == "b.png"
    assert server.requests[0].json["name"] == " folder/b.png "
