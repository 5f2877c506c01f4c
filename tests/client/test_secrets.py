"""The key is on the wire and nowhere else, also where the service repeats it."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from comfy_assets_api import AuthenticatedClient

from comfy_assets import AssetsClient, AsyncAssetsClient, DriftWarning, RetryPolicy, errors
from tests.client.conftest import Call, call_sync
from tests.support import BODY, CREATED, Request, answer, scripted

#: With characters that JSON and URLs write in other ways.
KEY = 'comfyui-4f"1c\\9a/77d0e2'
FORMS = [
    KEY,
    json.dumps(KEY)[1:-1],
    json.dumps(KEY)[1:-1].replace("/", "\\/"),
    "comfyui-4f%221c%5C9a%2F77d0e2",
]

OWN = ("comfy_assets/", "comfy_assets_api/")


def frames_of_ours(error: BaseException) -> str:
    """The local variables of our own frames, as tools that log tracebacks write them."""
    seen = traceback.TracebackException.from_exception(error, capture_locals=True)
    found, waiting = [], [seen]
    while waiting:
        one = waiting.pop()
        found += [str(frame.locals) for frame in one.stack if any(part in frame.filename for part in OWN)]
        waiting += [further for further in (one.__cause__, one.__context__) if further is not None]
    return "\n".join(found)


def texts_of(error: BaseException) -> dict[str, str]:
    """Everything that an error may be turned into."""
    return {
        "str": str(error),
        "repr": repr(error),
        "attributes": repr(vars(error)),
        "pickle": str(pickle.dumps(error)),
        "copy": repr(vars(copy.deepcopy(error))),
        "traceback": "".join(traceback.format_exception(error)),
        "frames": frames_of_ours(error),
    }


def echo_body(request: Request) -> bytes:
    return answer(400, {"code": "BAD", "message": f"no such key: {request.headers['x-api-key']}"})


def echo_careful_json(request: Request) -> bytes:
    said = json.dumps({"code": "BAD", "message": request.headers["x-api-key"]}).replace("/", "\\/")
    return answer(400, said.encode())


def echo_header(request: Request) -> bytes:
    return answer(401, {}, headers=f"X-Your-Key: {request.headers['x-api-key']}\r\nSet-Cookie: k={KEY}\r\n")


def echo_location(_: Request) -> bytes:
    return answer(302, headers=f"Location: https://elsewhere.example/?key={FORMS[3]}\r\n")


def echo_broken_header(request: Request) -> bytes:
    return f"HTTP/1.1 500 X\r\n{request.headers['x-api-key']}\r\n\r\n".encode()


def echo_status_line(request: Request) -> bytes:
    return f"HTTP/1.1 {request.headers['x-api-key']}\r\n\r\n".encode()


def echo_unreadable(request: Request) -> bytes:
    return answer(201, {**BODY, "id": request.headers["x-api-key"]})


ECHOES: list[Callable[[Request], bytes]] = [
    echo_body, echo_careful_json, echo_header, echo_location, echo_broken_header, echo_status_line,
    echo_unreadable,
]  # fmt: skip


def assert_nowhere(texts: dict[str, str]) -> None:
    for place, text in texts.items():
        for form in FORMS:
            assert form not in text, f"the key stands in {place}"


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """All loggers at debug level, those of the libraries too."""
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "aiohttp", "asyncio"):
        caplog.set_level(logging.DEBUG, name)


@pytest.mark.parametrize("echo", ECHOES, ids=lambda echo: echo.__name__)
def test_key_that_comes_back(
    call: Call, echo: Callable[[Request], bytes], caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """A service that repeats the key puts it into no error, log or warning."""
    monkeypatch.setattr("tests.client.conftest.KEY", KEY)
    told: list[Any] = []
    with scripted(echo) as server, pytest.raises(errors.ComfyAssetsError) as caught:
        server.closes = True
        call(server.url, options={"attempt_hook": told.append, "retry": RetryPolicy(first_delay=0)})
    assert server.requests[0].headers["x-api-key"] == KEY
    output = capfd.readouterr()
    logged = caplog.text + "".join(str(record.args) for record in caplog.records)
    if call is call_sync:
        assert "receive_response_headers" in caplog.text, "the transport's own records were looked at"
    assert_nowhere(
        texts_of(caught.value)
        | {"log": logged, "stdout": output.out, "stderr": output.err, "hook": repr(told)}
    )


def test_key_in_a_success(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """A result holds no key either, not in what the service adds to it."""
    monkeypatch.setattr("tests.client.conftest.KEY", KEY)
    with scripted(lambda request: answer(201, {**BODY, "used": request.headers["x-api-key"]})) as server:
        asset = call(server.url)
    said = {"repr": repr(asset), "call": repr(asset.call), "bytes": str(asset.call.response.content)}
    assert_nowhere(said | {"pickle": str(pickle.dumps(asset)), "dict": repr(asset.to_dict())})
    assert asset.additional_properties["used"] == "[key removed]"


def test_short_keys_are_left_alone(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key like `1` cannot be told from ordinary text: it is not cut out, answers stay readable."""
    monkeypatch.setattr("tests.client.conftest.KEY", "1")
    with scripted(CREATED) as server:
        assert call(server.url).size == 123


def test_nothing_listens(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection, no key in its error."""
    monkeypatch.setattr("tests.client.conftest.KEY", KEY)
    with pytest.raises(errors.APIConnectionError) as caught:
        call("http://127.0.0.1:1")
    assert_nowhere(texts_of(caught.value))
    assert caught.value.__cause__ is None


BAD_KEYS = [
    "",
    "two words-4f1c9a",
    "line-4f1c9a\n",
    "schlüssel-4f1c9a",
    "tab-4f1c9a\t",
    "null-4f1c9a\0",
    b"bytes-4f1c9a",
    5,
    "\udc80-4f1c9a",
]


@pytest.mark.parametrize("kind", [AssetsClient, AsyncAssetsClient])
@pytest.mark.parametrize("key", BAD_KEYS, ids=ascii)
def test_keys_that_cannot_be_sent(kind: Any, key: Any) -> None:
    """A key that no header can carry is refused without showing it, in no frame either."""
    with pytest.raises(errors.InputError, match="visible ASCII") as caught:
        kind(key, "http://127.0.0.1:1")
    for text in texts_of(caught.value).values():
        assert "4f1c9a" not in text.replace(__file__, "").replace("test_keys_that_cannot_be_sent", "")


@pytest.mark.parametrize(
    "options", [{"timeout": -1}, {"on_drift": "shout"}, {"base_url": "ftp://x"}, {"retry": "often"}], ids=str
)
@pytest.mark.parametrize("kind", [AssetsClient, AsyncAssetsClient])
def test_other_mistakes_do_not_show_it(
    kind: Any, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error about another argument has no frame of ours with the key; nor has one from the environment."""
    with pytest.raises(errors.InputError) as caught:
        kind(KEY, **{"base_url": "http://127.0.0.1:1", **options})
    assert_nowhere({"frames": frames_of_ours(caught.value)})
    monkeypatch.setenv("COMFY_CLOUD_API_KEY", KEY)
    with pytest.raises(errors.InputError) as caught:
        kind(**{"base_url": "http://127.0.0.1:1", **options})
    assert_nowhere({"frames": frames_of_ours(caught.value), "str": str(caught.value)})


def test_generated_client_does_not_show_it() -> None:
    """The generated client keeps it as well: in repr, in errors about other arguments, in copies."""
    client = AuthenticatedClient(token=KEY)
    assert_nowhere({"repr": repr(client), "copy": repr(client.with_headers({"A": "b"}))})
    for options in ({"timeout": 0}, {"httpx_args": {"auth": None}}, {"nonsense": 1}, {"token": KEY + "\n"}):
        with pytest.raises((ValueError, TypeError)) as caught:
            AuthenticatedClient(**{"token": KEY, **options})  # type: ignore[arg-type] # the mistakes
        assert_nowhere({"str": str(caught.value), "frames": frames_of_ours(caught.value)})
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(AssetsClient(KEY, "http://127.0.0.1:1"))


def test_client_and_attributes() -> None:
    """A client's own text and attributes hold no key."""
    client = AssetsClient(KEY, "http://127.0.0.1:1")
    assert_nowhere({"repr": repr(client), "attributes": repr(vars(client))})


def test_headers_of_the_caller() -> None:
    """A dict of headers that goes into the generated client stays as it was."""
    headers = {"X-Own": "1"}
    with (
        scripted(CREATED) as server,
        AuthenticatedClient(server.url, token=KEY, headers=headers) as client,
    ):
        assert client.get_httpx_client().post("/").status_code == 201
        assert KEY not in repr(client.get_httpx_client().headers)
    assert headers == {"X-Own": "1"}
    assert server.requests[0].headers["x-api-key"] == KEY


def test_warnings_hold_no_key(monkeypatch: pytest.MonkeyPatch, call: Call) -> None:
    """What is warned of a deviation shows no key that the service put there."""
    monkeypatch.setattr("tests.client.conftest.KEY", KEY)
    with (
        pytest.warns(DriftWarning) as told,
        scripted(
            lambda request: answer(201, {**BODY, "preview_url": request.headers["x-api-key"]})
        ) as server,
    ):
        call(server.url)
    assert "[key removed]" in str(told[0].message)
    assert_nowhere({"warning": str(told[0].message)})
