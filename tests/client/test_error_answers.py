"""What an answer that is no success becomes: its error, whatever the body looks like."""

from __future__ import annotations

import json
from typing import Any

import pytest

from comfy_assets import DriftWarning, errors
from tests.client.conftest import Call
from tests.support import BODY, CREATED, answer, scripted

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


def test_redirects_are_not_followed(call: Call) -> None:
    """A redirect is an error that names its target, and the key reaches nobody else."""
    with scripted(CREATED) as other:
        moved = answer(307, headers=f"Location: {other.url}/elsewhere\r\n")
        with scripted(moved) as server, pytest.raises(errors.APIStatusError, match=other.url) as caught:
            call(server.url)
    assert caught.value.status_code == 307
    assert str(caught.value).endswith("redirects are not followed, they would take the key along")
    assert other.connections == 0


def test_long_redirect(call: Call) -> None:
    """Of where a redirect leads, an error shows 200 characters."""
    moved = answer(307, headers=f"Location: https://{'l' * 300}\r\n")
    with scripted(moved) as server, pytest.raises(errors.APIStatusError) as caught:
        call(server.url)
    assert caught.value.message.startswith(f"the service redirects to https://{'l' * 192}; redirects")
