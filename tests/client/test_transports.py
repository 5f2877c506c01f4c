"""Our transports, as httpx's clients use them: bodies, limits of time, and the names of errors."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import aiohttp
import httpcore
import httpx
import multidict
import pytest
import yarl
from aiohttp.client_reqrep import ConnectionKey, RequestInfo
from comfy_assets_api.client import KeyInHeader

from comfy_assets import AsyncTransport, Transport, exchanges, sockets, transports, transports_async
from tests.client.conftest import KEY
from tests.support import BODY, CREATED, scripted


@pytest.mark.parametrize("timeout", [None, 30.0])
def test_our_transports_in_httpx(timeout: float | None) -> None:
    """They are httpx's: its own clients can use them, also without any limit of time."""
    with scripted(CREATED) as server:
        with httpx.Client(transport=Transport(), timeout=timeout) as client:
            answered = client.post(f"{server.url}/a?b=c", content=b"d")
        assert (answered.status_code, answered.reason_phrase, answered.json()) == (201, "X", BODY)
        request = httpx.Request("POST", server.url, content=b"d")
        with Transport() as transport:
            assert transport.handle_request(request).read() == json.dumps(BODY).encode()

        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=AsyncTransport(), timeout=timeout) as client:
                return await client.post(f"{server.url}/a?b=c", content=b"d")

        answered = asyncio.run(ask())
        assert (answered.status_code, answered.reason_phrase, answered.json()) == (201, "X", BODY)
        lines = [f"{request.line} {request.body.decode()}" for request in server.requests]
        assert lines == ["POST /a?b=c HTTP/1.1 d", "POST / HTTP/1.1 d", "POST /a?b=c HTTP/1.1 d"]


def test_httpx_over_our_async_transport() -> None:
    """Headers and body arrive, also of a body that is made while it is sent; an answer may have no reason."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"de"
        yield b"fg"

    async def ask(url: str) -> None:
        async with httpx.AsyncClient(transport=AsyncTransport()) as client:
            for content in (b"abc", pieces(), None):
                answered = await client.post(url, content=content, headers={"X-A": "b"})
                assert (answered.json(), answered.reason_phrase) == (BODY, "")

    with scripted(CREATED.replace(b"201 X", b"201 ")) as server:
        asyncio.run(ask(server.url))
    assert [request.headers["x-a"] for request in server.requests] == ["b", "b", "b"]
    assert (server.requests[0].body, server.requests[2].body) == (b"abc", b"")
    assert server.requests[1].headers["transfer-encoding"] == "chunked"


def _limited(**limits: float) -> dict[str, Any]:
    """A request's extensions: a long time for all but these."""
    return {"timeout": {**dict.fromkeys(("connect", "read", "write", "pool"), 60.0), **limits}}


#: For what takes a request's own limits, by what is silent: the kind of limit and httpx's error.
SILENT = [("http", "read", httpx.ReadTimeout), ("https", "connect", httpx.ConnectTimeout)]


@pytest.mark.parametrize(("scheme", "limit", "error"), SILENT)
def test_limits_that_httpx_gives(scheme: str, limit: str, error: type[Exception]) -> None:
    """Each of a request's limits holds, over both transports, while the others are long."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"{scheme}://127.0.0.1:{silent.getsockname()[1]}"
        request = httpx.Request("POST", url, content=b"a", extensions=_limited(**{limit: 0.2}))
        with Transport(verify=False) as transport, pytest.raises(error):
            transport.handle_request(request)

        async def ask() -> None:
            async with AsyncTransport(verify=False) as transport:
                await transport.handle_async_request(request)

        with pytest.raises(error):
            asyncio.run(ask())


def test_limit_for_a_free_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits longer for a connection than the request says."""
    monkeypatch.setattr("comfy_assets.defaults.CONNECTIONS", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        first = httpx.Request("POST", url, content=b"a", extensions=_limited(read=3.0))
        second = httpx.Request("POST", url, content=b"a", extensions=_limited(pool=0.2))
        with Transport() as transport, ThreadPoolExecutor() as threads:
            waiting_sync = threads.submit(transport.handle_request, first)
            time.sleep(0.5)
            with pytest.raises(httpx.PoolTimeout):
                transport.handle_request(second)
            assert isinstance(waiting_sync.exception(30), httpx.ReadTimeout)

        async def ask() -> None:
            async with AsyncTransport() as transport:
                waiting = asyncio.create_task(transport.handle_async_request(first))
                await asyncio.sleep(0.5)
                with pytest.raises(httpx.ConnectTimeout):
                    await transport.handle_async_request(second)
                with pytest.raises(httpx.ReadTimeout):
                    await waiting

        asyncio.run(ask())


def test_request_without_a_body() -> None:
    """Nothing is sent for it; that it was sent is known by what came of it."""
    key = KeyInHeader(KEY).check()
    with scripted(CREATED) as server, Transport() as transport:
        asked: dict[str, Any] = {"method": "POST", "url": f"{server.url}/a", "headers": {}}
        assert transport.send(key, 30, **asked).status == 201
        assert (server.requests[0].headers["content-length"], server.requests[0].body) == ("0", b"")

        async def ask() -> int:
            async with AsyncTransport() as transport:
                return (await transport.send(key, **asked)).status

        assert asyncio.run(ask()) == 201
        server.closes, server.script = True, lambda _: None
        for is_sent in (True, False):
            exchange = asyncio.run(_asked_once(asked, key))
            assert (exchange.response, exchange.sent) == (None, is_sent)
            server.stop()


async def _asked_once(asked: dict[str, Any], key: KeyInHeader) -> exchanges.Exchange:
    async with AsyncTransport() as transport:
        return await exchanges.exchange_async(transport, asked, key, 30)


# What aiohttp's errors are made of.
CONNECTION = ConnectionKey("a.example", 80, False, True, None, None, None)


REQUEST_INFO = RequestInfo(
    yarl.URL("http://a.example"), "GET", multidict.CIMultiDictProxy(multidict.CIMultiDict())
)


@pytest.mark.parametrize(
    ("theirs", "ours", "words"),
    [
        (aiohttp.ClientProxyConnectionError(CONNECTION, OSError("no")), httpx.ProxyError, "a.example:80: no"),
        (aiohttp.ClientHttpProxyError(REQUEST_INFO, (), status=407), httpx.ProxyError, None),
        (aiohttp.ConnectionTimeoutError("no"), httpx.ConnectTimeout, "no"),
        (aiohttp.SocketTimeoutError("no"), httpx.ReadTimeout, "no"),
        (aiohttp.ClientConnectorError(CONNECTION, OSError("no")), httpx.ConnectError, "a.example:80: no"),
        (aiohttp.ServerDisconnectedError("no"), httpx.ReadError, "no"),
        (aiohttp.ClientPayloadError("no"), httpx.ReadError, "no"),
        (aiohttp.InvalidURL("no"), httpx.UnsupportedProtocol, "no"),
        (aiohttp.ClientError("no"), httpx.RemoteProtocolError, "no"),
    ],
)
def test_errors_have_httpxs_names(theirs: Exception, ours: type[Exception], words: str | None) -> None:
    """Whoever catches httpx's errors gets those of aiohttp; what is of neither stays what it is.

    `words`: what they say; None for aiohttp's own.
    """
    found = transports_async._as_httpx(theirs)
    assert type(found) is ours
    assert str(found) == (str(theirs) if words is None else words)
    other = LookupError("no")
    assert transports_async._as_httpx(other) is other


def test_httpcore_of_another_kind() -> None:
    """An error that httpx has no name for is one of the transport; in doubt, something came behind an answer."""
    with pytest.raises(httpx.TransportError, match=r"^no$"), transports._httpx_errors():
        raise httpcore.ConnectionNotAvailable("no")
    connection = sockets.Stream(httpcore.MockStream([]))
    transports._Pieces(httpx.ByteStream(b""), connection).close()
    assert connection.is_spoiled
