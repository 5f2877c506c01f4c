"""The two clients, on real sockets. Each test runs with both."""

from __future__ import annotations

import copy
import gzip
import inspect
import json
import pickle
import socket
import traceback
import warnings
import zlib
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from comfy_assets_api.errors import Problem
from comfy_assets_api.models import CreateAssetFromHashRequest

import comfy_assets
from comfy_assets import (
    UNSET,
    AssetsClient,
    AsyncAssetsClient,
    AsyncTransport,
    DriftWarning,
    Transport,
    errors,
    hash_file,
)
from comfy_assets.defaults import LARGEST_ANSWER
from tests.client.conftest import KEY, Call
from tests.support import BODY, HASH, answer, scripted

ERROR = {"code": "SOME_CODE", "message": "some words"}

STATUSES = {
    400: errors.BadRequestError,
    401: errors.AuthenticationError,
    402: errors.PaymentRequiredError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    405: errors.APIStatusError,
    409: errors.ConflictError,
    418: errors.APIStatusError,
    422: errors.UnprocessableEntityError,
    429: errors.RateLimitError,
    500: errors.InternalServerError,
    502: errors.InternalServerError,
    503: errors.InternalServerError,
    520: errors.InternalServerError,
    599: errors.InternalServerError,
    600: errors.APIStatusError,
    301: errors.APIStatusError,
    304: errors.APIStatusError,
}

#: Error bodies, and what can be read of them: code, message.
ERROR_BODIES: dict[str, tuple[bytes, str | None, str]] = {
    "the contract's": (json.dumps(ERROR).encode(), "SOME_CODE", "some words"),
    "nested": (json.dumps({"error": {**ERROR, "details": {}}}).encode(), "SOME_CODE", "some words"),
    "plain text": (b"Forbidden\n", None, "Forbidden"),
    "HTML": (
        b"<html><body>\n<h1>502 Bad Gateway</h1></body></html>",
        None,
        "<html><body> <h1>502 Bad Gateway</h1></body></html>",
    ),
    "empty": (b"", None, "the answer has no body"),
    "a list": (b"[1, 2]", None, "[1, 2]"),
    "null": (b"null", None, "null"),
    "other types": (b'{"code": 7, "message": ["a"]}', None, '{"code": 7, "message": ["a"]}'),
    "truncated": (b'{"code": "SOME', None, '{"code": "SOME'),
    "invalid UTF-8": (b"\xff\xfe\x00", None, "\ufffd\ufffd\x00"),
    "deep": (b"[" * 100_000, None, "[" * 120 + "..."),
    "just short enough": (b"x" * 120, None, "x" * 120),
}

#: Error bodies that are JSON, and what `body` is of them; one that nests too deep to be copied is left out.
JSON_BODIES: list[tuple[Any, bool]] = [
    ({**ERROR, "details": [{"place": ["a"]}, 1, None]}, True),
    ([[]], True),
    ("text", True),
    (json.loads("[" * 99 + "]" * 99), True),
    (json.loads('{"a":' * 99 + "[]" + "}" * 99), True),
    (json.loads("[" * 102 + "]" * 102), False),
    (json.loads('{"a":' * 102 + "1" + "}" * 102), False),
]


def test_request_is_what_the_contract_says(call: Call) -> None:
    """Method, path, media type, key header and body are the contract's; nothing else is sent."""
    with scripted(answer(201, BODY)) as server:
        call(
            server.url, HASH, ["input", "ü"], name="n", mime_type="image/png", user_metadata={"a": [1, None]}
        )
    [request] = server.requests
    assert request.line == "POST /api/assets/from-hash HTTP/1.1"
    assert request.headers["x-api-key"] == KEY
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"].startswith(f"comfy-assets/{comfy_assets.__version__} ")
    assert not {"authorization", "cookie"} & set(request.headers)
    members = {"name": "n", "mime_type": "image/png", "user_metadata": {"a": [1, None]}}
    assert request.json == {"hash": HASH, "tags": ["input", "ü"], **members}


def test_optional_members_are_left_out(call: Call) -> None:
    """What the caller does not give is absent, not null."""
    with scripted(answer(201, BODY)) as server:
        call(server.url)
    assert server.requests[0].json == {"hash": HASH, "tags": ["input"]}


def test_created_and_existing(call: Call) -> None:
    """201 with `created_new` is created by this call, 200 without is not; absent members are UNSET."""
    for status, created in ((201, True), (200, False)):
        with scripted(answer(status, {**BODY, "created_new": created})) as server:
            asset = call(server.url)
        assert asset.created_new is created
        assert asset.call.created_by_this_call is created
        assert asset.call.drift == ()
        assert asset.call.response.status_code == status
        assert json.loads(asset.call.response.content) == asset.to_dict()
        assert asset.preview_id is UNSET


def test_result_survives_copies(call: Call) -> None:
    """A result comes through pickle and deepcopy as it was, `call` included."""
    with scripted(answer(201, {**BODY, "further": {"member": 1}})) as server:
        asset = call(server.url)
    for other in (pickle.loads(pickle.dumps(asset)), copy.deepcopy(asset), copy.copy(asset)):
        assert other == asset
        assert other.call == asset.call
        assert other.to_dict() == {**BODY, "further": {"member": 1}}
        assert other.tags is UNSET


@pytest.mark.parametrize(("status", "kind"), STATUSES.items())
def test_each_status_has_its_error(call: Call, status: int, kind: type[errors.APIStatusError]) -> None:
    """A status that is no success becomes the error of that status, and keeps it."""
    with (
        scripted(
            answer(status, ERROR if status != 304 else None, headers="X-Request-Id: r-17\r\n")
        ) as server,
        pytest.raises(errors.APIStatusError) as caught,
    ):
        call(server.url)
    assert type(caught.value) is kind
    assert caught.value.status_code == status == caught.value.response.status_code
    assert caught.value.request_id == "r-17"


@pytest.mark.parametrize(("body", "code", "message"), ERROR_BODIES.values(), ids=ERROR_BODIES)
@pytest.mark.parametrize("status", [400, 503])
def test_status_survives_any_body(
    call: Call, status: int, body: bytes, code: str | None, message: str
) -> None:
    """Whatever an error's body looks like, the error is that of its status; code and message as far as they go."""
    with (
        scripted(answer(status, body, "text/html")) as server,
        pytest.raises(errors.APIStatusError) as caught,
    ):
        call(server.url)
    assert caught.value.status_code == status
    assert (caught.value.code, caught.value.message) == (code, message)
    assert caught.value.response.content == body


@pytest.mark.parametrize(("body", "kept"), JSON_BODIES)
def test_body_of_an_error(call: Call, body: Any, kept: bool) -> None:
    """An error has its body as JSON, as far as it can be copied; the bytes are there in any case."""
    with scripted(answer(404, body)) as server, pytest.raises(errors.NotFoundError) as caught:
        call(server.url)
    assert caught.value.body == (body if kept else None)
    assert json.loads(caught.value.response.content) == body


def test_how_much_of_an_answer_an_error_has(call: Call) -> None:
    """Of a body that is not the contract's, an error shows what its first 400 bytes say; as JSON it has up to 256 KiB."""
    for body, shown in (
        (b" " * 300 + b"y" * 101, "y" * 100),
        (b" " * 400 + b"y", "the answer has no body"),
        (b"a" * 120, "a" * 120),
        (b"a" * 121, "a" * 120 + "..."),
    ):
        with scripted(answer(404, body)) as server, pytest.raises(errors.NotFoundError) as caught:
            call(server.url)
        assert caught.value.message == shown
    for size, kept in ((1 << 18, True), ((1 << 18) + 1, False)):
        said = json.dumps("x" * (size - 2)).encode()
        with scripted(answer(404, said)) as server, pytest.raises(errors.NotFoundError) as caught:
            call(server.url)
        assert (caught.value.body is not None) is kept


def test_long_redirect(call: Call) -> None:
    """Of where a redirect leads, an error shows 200 characters."""
    moved = answer(307, headers=f"Location: https://{'l' * 300}\r\n")
    with scripted(moved) as server, pytest.raises(errors.APIStatusError) as caught:
        call(server.url)
    assert caught.value.message.startswith(f"the service redirects to https://{'l' * 192}; redirects")


def test_redirects_are_not_followed(call: Call) -> None:
    """A redirect is an error that names its target, and the key reaches nobody else."""
    with scripted(answer(201, BODY)) as other:
        moved = answer(307, headers=f"Location: {other.url}/elsewhere\r\n")
        with scripted(moved) as server, pytest.raises(errors.APIStatusError, match=other.url) as caught:
            call(server.url)
    assert caught.value.status_code == 307
    assert str(caught.value).endswith("redirects are not followed, they would take the key along")
    assert other.connections == 0


NO_ANSWERS = {
    "closed at once": None,
    "half a status line": b"HTT",
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "half a header": b"HTTP/1.1 201 Created\r\nContent-Le",
    "half a body": answer(201, BODY, length=10_000),
    "broken gzip": answer(201, b"no gzip", headers="Content-Encoding: gzip\r\n"),
}


@pytest.mark.parametrize("said", NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_answers_that_break_off(call: Call, said: bytes | None) -> None:
    """Where no whole answer comes, the error is ours, says which service, and is not called a timeout."""
    with scripted(lambda _: said) as server:
        server.closes = True
        with pytest.raises(errors.APIConnectionError) as caught:
            call(server.url, options={"timeout": 5})
    assert type(caught.value) is errors.APIConnectionError
    assert server.url in str(caught.value)
    assert caught.value.cause == caught.value.attempts[0].error
    began = isinstance(said, bytes) and said.startswith(b"HTTP/1.1 201 X\r\n")
    assert (", which began with 201, broke off (" in str(caught.value)) is began
    assert (caught.value.response is not None) is began


def test_nobody_listens(call: Call) -> None:
    """A refused connection is an APIConnectionError in one line."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(errors.APIConnectionError, match=f"no answer from http://127.0.0.1:{port} ") as caught:
        call(f"http://127.0.0.1:{port}")
    assert "\n" not in str(caught.value)


def test_silence_is_a_timeout(call: Call) -> None:
    """A service that says nothing ends in an APITimeoutError after the time limit."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(errors.APITimeoutError, match=f"^{url} did not answer in time$"):
            call(url, options={"timeout": 0.3})


CODINGS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    # As some services send it: without the header that the coding should have.
    "Deflate": lambda data: zlib.compress(data, wbits=-zlib.MAX_WBITS),
    "identity": bytes,
}


@pytest.mark.parametrize(("coding", "compress"), CODINGS.items())
def test_compressed_answers(call: Call, coding: str, compress: Any) -> None:
    """What was not asked for is unpacked all the same, in any pieces in which it comes."""
    metadata = {"text": "".join(map(str, range(30_000)))}
    body = compress(json.dumps({**BODY, "user_metadata": metadata}).encode())
    with scripted(answer(201, body, headers=f"Content-Encoding: {coding}\r\n")) as server:
        assert call(server.url).user_metadata == metadata


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_compressed_answer_that_breaks_within(call: Call, coding: str) -> None:
    """A packed answer that goes wrong in its middle, or ends too soon, broke off."""
    packed = CODINGS[coding](json.dumps({**BODY, "user_metadata": {"a": list(range(20_000))}}).encode())
    for broken in (packed[:-9], packed[:20_000] + b"\xff" * 40 + packed[20_040:]):
        head = answer(201, broken, headers=f"Content-Encoding: {coding}\r\n")
        with (
            scripted(head) as server,
            pytest.raises(errors.APIConnectionError, match="DecodingError: ") as caught,
        ):
            call(server.url)
        assert caught.value.status_code == 201


def test_answer_that_grows(call: Call) -> None:
    """A small packed answer that would fill the memory ends at the limit, and says so."""
    packed = gzip.compress(b" " * (8 * LARGEST_ANSWER))
    with (
        scripted(answer(201, packed, headers="Content-Encoding: gzip\r\n")) as server,
        pytest.raises(errors.ContractError, match=f"larger than {LARGEST_ANSWER} bytes") as caught,
    ):
        call(server.url)
    assert len(caught.value.response.content) == LARGEST_ANSWER
    assert str(caught.value) == (
        "the service answered 201, a success, but it cannot be read: the value: expected an answer of bearable size, "
        f"got the answer is larger than {LARGEST_ANSWER} bytes"
    )
    assert [problem.rule for problem in caught.value.problems] == ["content"]


def test_answer_that_does_not_end_soon(call: Call) -> None:
    """What comes in many pieces is read up to the limit, all of them together."""
    for said in (b" " * (LARGEST_ANSWER + 1), b" " * LARGEST_ANSWER):
        with scripted(answer(201, said)) as server, pytest.raises(errors.ContractError) as caught:
            call(server.url)
        assert len(caught.value.response.content) == LARGEST_ANSWER
        assert ("larger than" in str(caught.value)) is (len(said) > LARGEST_ANSWER)


UNREADABLE = {
    "no JSON": b"<html>",
    "empty": b"",
    "a list": b"[]",
    "no id": {name: value for name, value in BODY.items() if name != "id"},
    "id is no uuid": {**BODY, "id": "asset-17"},
    "size is text": {**BODY, "size": "123"},
    "size is a boolean": {**BODY, "size": True},
    "created_new is null": {**BODY, "created_new": None},
    "created_at is a number": {**BODY, "created_at": 1699335116},
    "created_at is no time": {**BODY, "created_at": "yesterday"},
    "created_at has no offset that is one": {**BODY, "created_at": "2023-11-07T05:31:56+05:30:00"},
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_unreadable_success(call: Call, body: Any) -> None:
    """A success whose required members cannot be read keeps its status, its body and what is wrong with it."""
    said = answer(201, body, headers="X-Request-Id: r-17\r\n")
    with scripted(said) as server, pytest.raises(errors.ContractError) as caught:
        call(server.url)
    assert caught.value.status_code == 201
    assert caught.value.request_id == "r-17"
    assert caught.value.body == (body if isinstance(body, dict) else [] if body == b"[]" else None)
    assert [attempt.outcome for attempt in caught.value.attempts] == ["answered"]
    assert caught.value.problems
    assert "a success" in str(caught.value)
    assert caught.value.response.content == (body if isinstance(body, bytes) else json.dumps(body).encode())


#: A deviation, and what is kept: changed members → place, and attribute with value.
DRIFT: dict[str, tuple[dict[str, Any], tuple[str, ...], str, Any]] = {
    "null for an optional member": ({"mime_type": None}, ("mime_type",), "mime_type", UNSET),
    "optional member of another type": ({"tags": "a,b"}, ("tags",), "tags", UNSET),
    "relative preview": ({"preview_url": "/view?a"}, ("preview_url",), "preview_url", "/view?a"),
    "hash without prefix": ({"asset_hash": "ab.png"}, ("asset_hash",), "asset_hash", "ab.png"),
    "trailing newline": ({"asset_hash": HASH + "\n"}, ("asset_hash",), "asset_hash", HASH + "\n"),
    "size with a fraction": ({"size": 123.0}, ("size",), "size", 123),
    "size beyond 64 bits": ({"size": 1 << 63}, ("size",), "size", 1 << 63),
}


@pytest.mark.parametrize(("change", "place", "attribute", "kept"), DRIFT.values(), ids=DRIFT)
def test_drift_is_told_and_survived(
    call: Call, change: dict[str, Any], place: tuple[str, ...], attribute: str, kept: Any
) -> None:
    """An answer that deviates but can be read is kept; the deviation is told once, raised, or only kept as data."""
    with scripted(answer(201, {**BODY, **change})) as server:
        with pytest.warns(DriftWarning) as told:
            asset = call(server.url)
        with warnings.catch_warnings(action="error"):
            ignored = call(server.url, options={"on_drift": "ignore"})
        with pytest.raises(errors.ContractError, match=place[0]):
            call(server.url, options={"on_drift": "raise"})
    assert [problem.place for problem in asset.call.drift] == [place]
    assert len(told) == 1
    assert getattr(asset, attribute) == kept
    assert ignored.call.drift == asset.call.drift


def test_drift_that_is_raised(call: Call) -> None:
    """The error says that it is a success that deviates, and how."""
    with (
        scripted(answer(201, {**BODY, "mime_type": None})) as server,
        pytest.raises(errors.ContractError) as told,
    ):
        call(server.url, options={"on_drift": "raise"})
    words = (
        "the service answered 201, which deviates from the contract: mime_type: expected a string, got null"
    )
    assert str(told.value) == words


def test_number_of_too_many_digits(call: Call) -> None:
    """An integer that Python does not read costs that number, not the registration."""
    body = json.dumps({**BODY, "user_metadata": {"a": 1, "b": 0}}).replace('"b": 0', f'"b": {"9" * 5000}')
    with scripted(answer(201, body.encode())) as server, pytest.warns(DriftWarning, match="user_metadata.b"):
        asset = call(server.url)
    assert asset.user_metadata == {"a": 1, "b": float("inf")}


def test_numbers_that_are_none(call: Call) -> None:
    """`NaN` in the metadata is told and costs no registration; in a required member it cannot be read."""
    body = json.dumps({**BODY, "user_metadata": {"a": 1, "b": float("nan")}, "extra": float("-inf")}).encode()
    with scripted(answer(201, body)) as server, pytest.warns(DriftWarning) as told:
        asset = call(server.url)
    assert len(told) == 2
    assert asset.to_dict()["user_metadata"]["a"] == 1
    assert {problem.place for problem in asset.call.drift} == {("user_metadata", "b"), ("extra",)}
    with (
        scripted(answer(201, {**BODY, "size": float("nan")})) as server,
        pytest.raises(errors.ContractError, match="size: expected an integer, got nan"),
    ):
        call(server.url)


def test_warnings_do_not_fill_the_memory(call: Call) -> None:
    """Of kinds of deviation without end, the first 256 are warned of; the result has them all."""
    body = {**BODY, "user_metadata": {str(number): float("nan") for number in range(257)}}
    with scripted(answer(201, json.dumps(body).encode())) as server, pytest.warns(DriftWarning) as told:
        asset = call(server.url)
    assert (len(told), len(asset.call.drift)) == (256, 257)


def test_every_deviation_is_told_in_one_line(call: Call) -> None:
    """An error about several deviations names them one after the other."""
    with (
        scripted(answer(201, {**BODY, "size": "a", "created_new": None})) as server,
        pytest.raises(errors.ContractError, match=r"got 'a'; created_new: "),
    ):
        call(server.url)


def test_naive_times_read_as_utc(call: Call) -> None:
    """A time without an offset is UTC, and told."""
    with (
        scripted(answer(201, {**BODY, "created_at": "2023-11-07T05:31:56"})) as server,
        pytest.warns(DriftWarning),
    ):
        asset = call(server.url)
    assert asset.created_at == asset.updated_at


@pytest.mark.parametrize(
    "text", ["2023-11-07T05:31:56+0000", "2023-11-07T05:31:56-00", "2023-11-07 05:31:56.000000+00"]
)
def test_offsets_of_other_standards(call: Call, text: str) -> None:
    """A time whose offset is written as ISO 8601 or a database has it is read, and told."""
    with (
        scripted(answer(201, {**BODY, "created_at": text})) as server,
        pytest.warns(DriftWarning, match="created_at"),
    ):
        asset = call(server.url)
    assert asset.created_at == asset.updated_at


@pytest.mark.parametrize(("status", "created"), [(201, False), (200, True)])
def test_contradicting_status_and_created_new(call: Call, status: int, created: bool) -> None:
    """201 with `created_new` false leaves open who created, says so, and keeps what the service sent."""
    with (
        scripted(answer(status, {**BODY, "created_new": created})) as server,
        pytest.warns(DriftWarning, match="created_new"),
    ):
        asset = call(server.url)
    assert asset.created_new is created
    assert asset.call.created_by_this_call is None
    got = f"{str(created).lower()} with {status}"
    assert str(asset.call.drift[0]) == f"created_new: expected true with 201, false with 200, got {got}"
    assert asset.call.drift == (Problem(("created_new",), "status", "true with 201, false with 200", got),)


def test_undocumented_success(call: Call) -> None:
    """A success of another status is read as the contract's, and told."""
    with (
        scripted(answer(202, {**BODY, "created_new": False})) as server,
        pytest.warns(
            DriftWarning,
            match="^the service deviates from the contract: the value: expected 200 or 201, got 202$",
        ),
    ):
        asset = call(server.url)
    assert str(asset.id) == BODY["id"]
    assert asset.call.drift == (Problem((), "status", "200 or 201", "202"),)


def test_success_without_a_media_type(call: Call) -> None:
    """A success that does not say what it is is read as the contract's, and told."""
    with (
        scripted(answer(201, BODY, content_type=None)) as server,
        pytest.warns(DriftWarning),
    ):
        asset = call(server.url)
    assert [str(problem) for problem in asset.call.drift] == [
        "Content-Type: expected application/json, got ''"
    ]


REFUSED: dict[str, tuple[tuple[Any, ...], dict[str, Any], str]] = {
    "a file name": (
        ("portrait.png", ["a"]),
        {},
        r"got 'portrait.png' \(compute it with .* or `comfy-assets hash PATH`\)$",
    ),
    "bare hex": (("a1" * 32, ["a"]), {}, "compute it with comfy_assets.hash_file"),
    "upper case": ((HASH.upper(), ["a"]), {}, "hash: expected a string that matches"),
    "trailing newline": ((HASH + "\n", ["a"]), {}, "hash: "),
    "bytes": ((HASH.encode(), ["a"]), {}, "hash: expected a string, got a Python bytes"),
    "none": ((None, ["a"]), {}, "hash: expected a string, got null"),
    "no tags": ((HASH, []), {}, "tags: expected at least 1 item, got 0 items"),
    "tags are text": ((HASH, "input"), {}, "tags: expected an array, got 'input'"),
    "tags are none": ((HASH, None), {}, "tags: expected an array, got null"),
    "a tag is a number": ((HASH, ["a", 5]), {}, r"tags\[1\]: expected a string, got 5"),
    "name is a path": ((HASH, ["a"]), {"name": Path("x")}, "name: expected a string"),
    "lone surrogate": ((HASH, ["a"]), {"name": "a\udc80"}, "name: expected a string that UTF-8 can carry"),
    "metadata is a list": (
        (HASH, ["a"]),
        {"user_metadata": [1]},
        "user_metadata: expected an object, got an array of 1",
    ),
    "metadata with NaN": (
        (HASH, ["a"]),
        {"user_metadata": {"x": float("nan")}},
        "user_metadata.x: expected a finite",
    ),
    "metadata with an integer that Python does not write": (
        (HASH, ["a"]),
        {"user_metadata": {"x": [10**5000]}},
        r"user_metadata.x\[0\]: expected an integer that can be written, got an integer of more digits",
    ),
    "metadata with a set": (
        (HASH, ["a"]),
        {"user_metadata": {"x": {1}}},
        "user_metadata.x: expected a JSON value",
    ),
    "metadata with number keys": (
        (HASH, ["a"]),
        {"user_metadata": {"x": {1: 2}}},
        "member names that are strings",
    ),
}


@pytest.mark.parametrize(("arguments", "named", "words"), REFUSED.values(), ids=REFUSED)
def test_bad_requests_are_not_sent(
    call: Call, arguments: tuple[Any, ...], named: dict[str, Any], words: str
) -> None:
    """What breaks the contract is refused with field, limit and value, in one line, before a connection is made."""
    with scripted(answer(201, BODY)) as server, pytest.raises(errors.InputError, match=words) as caught:
        call(server.url, *arguments, **named)
    assert server.connections == 0
    assert "\n" not in str(caught.value)
    assert caught.value.problems


def test_metadata_of_any_mapping(call: Call) -> None:
    """Metadata may be any mapping, and tags any iterable."""
    with scripted(answer(201, BODY)) as server:
        call(server.url, HASH, (tag for tag in ["a"]), user_metadata=MappingProxyType({"a": 1}))
    assert server.requests[0].json == {"hash": HASH, "tags": ["a"], "user_metadata": {"a": 1}}


def test_metadata_that_holds_itself(call: Call) -> None:
    """A value without end is refused, not followed for ever."""
    endless: dict[str, Any] = {}
    endless["self"] = endless
    with scripted(answer(201, BODY)) as server, pytest.raises(errors.InputError, match="nested at most"):
        call(server.url, HASH, ["a"], user_metadata=endless)


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": 0}, {"timeout": "5"}, {"timeout": True}, {"timeout": float("nan")}, {"timeout": None},
        {"timeout": float("inf")}, {"timeout": 10**400}, {"on_drift": "shout"}, {"retry": 3},
        {"transport": 5}, {"transport": Transport},
        {"clock": "noon"}, {"attempt_hook": 5}, {"drift_hook": 5},
    ],
    ids=lambda options: str(options)[:40],
)  # fmt: skip
def test_bad_options(call: Call, options: dict[str, Any]) -> None:
    """An option that cannot work is refused when the client is made."""
    with pytest.raises(errors.InputError, match=f"^{next(iter(options))} is .*: expected "):
        call("http://127.0.0.1:1", options=options)


def test_transport_of_the_other_client() -> None:
    """A transport that only the other client can use is refused when the client is made, not when it is used."""
    with pytest.raises(errors.InputError, match=r"AsyncTransport: expected comfy_assets\.Transport\("):
        AssetsClient(KEY, "http://127.0.0.1:1", transport=AsyncTransport())  # type: ignore[arg-type]
    with pytest.raises(errors.InputError, match=r"Transport: expected comfy_assets\.AsyncTransport\("):
        AsyncAssetsClient(KEY, "http://127.0.0.1:1", transport=Transport())  # type: ignore[arg-type]


def test_byte_order_mark(call: Call) -> None:
    """A byte order mark costs neither a registration, which tells of it, nor the code of an error."""
    mark = b"\xef\xbb\xbf"
    with (
        scripted(answer(201, mark + json.dumps(BODY).encode())) as server,
        pytest.warns(DriftWarning, match="byte order mark"),
    ):
        assert str(call(server.url).id) == BODY["id"]
    with (
        scripted(answer(400, mark + json.dumps(ERROR).encode())) as server,
        pytest.raises(errors.BadRequestError) as caught,
    ):
        call(server.url)
    assert (caught.value.code, caught.value.message) == (ERROR["code"], ERROR["message"])


#: What a service may put into the texts of its error.
WILD = {
    "control codes": ("a\x1b[31mred\x00", r"a\x1b[31mred\x00"),
    "lone surrogate": ("a\ud800b", r"a\ud800b"),
    "lines": ("a\r\n\tb", "a b"),
    "without end": ("m" * 100_000, "m" * 500 + "..."),
    "just in time": ("m" * 500, "m" * 500),
    "bidirectional": ("a\u202eb", r"a\u202eb"),
    "printable": ("K\u00fcste \\ '\u4e16'", "K\u00fcste \\ '\u4e16'"),
    "blank for long": ("m" + " " * 999 + "m", "m"),
}


@pytest.mark.parametrize(("said", "shown"), WILD.values(), ids=WILD)
def test_wild_words_of_a_service(call: Call, said: str, shown: str) -> None:
    """What a service says is kept as it came, and shown in one line that any terminal and log can take."""
    with (
        scripted(answer(400, {"code": said, "message": said})) as server,
        pytest.raises(errors.BadRequestError) as caught,
    ):
        call(server.url)
    assert (caught.value.code, caught.value.message) == (said, said)
    assert str(caught.value) == f"400 {shown}: {shown}"


def test_error_body_that_says_little(call: Call) -> None:
    """An empty message shows the body, and a number of too many digits does not cost the code."""
    with (
        scripted(answer(400, {"code": "", "message": ""})) as server,
        pytest.raises(errors.BadRequestError, match=r"400: {.*code"),
    ):
        call(server.url)
    long = json.dumps(ERROR).replace("}", f', "n": {"9" * 5000}}}').encode()
    with scripted(answer(400, long)) as server, pytest.raises(errors.BadRequestError) as caught:
        call(server.url)
    assert (caught.value.code, caught.value.body["n"]) == (ERROR["code"], float("inf"))


def test_register_describes_the_file(call: Call, tmp_path: Path) -> None:
    """`register` sends the file's hash, its name and the MIME type of its ending; what is given comes first."""
    path = tmp_path / "Küste.png"
    path.write_bytes(b"content")
    with scripted(answer(201, BODY)) as server:
        call(server.url, path, ["input"], method="register")
        call(
            server.url,
            path,
            ("input",),
            method="register",
            name="other",
            mime_type="a/b",
            algorithm="sha256",
            user_metadata={"a": 1},
        )
    first, second = (request.json for request in server.requests)
    assert first == {
        "hash": hash_file(path),
        "tags": ["input"],
        "name": "Küste.png",
        "mime_type": "image/png",
    }
    assert second == {
        "hash": hash_file(path, "sha256"),
        "tags": ["input"],
        "name": "other",
        "mime_type": "a/b",
        "user_metadata": {"a": 1},
    }


def test_register_a_missing_file(call: Call, tmp_path: Path) -> None:
    """A file that is not there is a FileNotFoundError, and nothing is sent."""
    with scripted(answer(201, BODY)) as server, pytest.raises(FileNotFoundError):
        call(server.url, tmp_path / "missing", ["input"], method="register")
    assert server.connections == 0


def test_key_stands_nowhere(
    call: Call, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """The key is in no repr, error, traceback with locals of ours, pickle or log record at debug level."""
    caplog.set_level("DEBUG")
    said = []
    with scripted(answer(500, ERROR)) as server:
        for url in (server.url, "http://127.0.0.1:1"):
            with pytest.raises(errors.ComfyAssetsError) as caught:
                call(url)
            said += [repr(caught.value), str(caught.value), repr(vars(caught.value))]
            said += [str(pickle.dumps(caught.value)), "".join(traceback.format_exception(caught.value))]
            assert caught.value.__cause__ is None
    said += [repr(AssetsClient(KEY, server.url)), caplog.text, *capfd.readouterr()]
    assert server.requests[0].headers["x-api-key"] == KEY
    for text in said:
        assert KEY not in text


def test_every_member_can_be_given() -> None:
    """A member that the contract's request has, or gets, is an argument of the operation; no other is."""
    given = set(inspect.signature(AssetsClient.create_asset_from_hash).parameters) - {"self"}
    assert given == set(inspect.signature(CreateAssetFromHashRequest).parameters) - {"additional_properties"}


def test_both_clients_have_the_same_interface() -> None:
    """Sync and async differ in nothing but how they wait."""
    for name in ("create_asset_from_hash", "register", "close"):
        assert inspect.signature(getattr(AssetsClient, name)) == inspect.signature(
            getattr(AsyncAssetsClient, name)
        )
    ours, theirs = (set(inspect.signature(one).parameters) for one in (AssetsClient, AsyncAssetsClient))
    assert ours == theirs
