"""Connections of the clients: which are used again, closed and bounded, through which proxy, and for how long."""

from __future__ import annotations

import asyncio
import gc
import gzip
import socket
import ssl
import struct
import threading
import time
import tracemalloc
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpcore
import httpx
import pytest
from comfy_assets_api.client import KeyInHeader
from httpx_aiohttp import AiohttpTransport

from comfy_assets import (
    AssetsClient,
    AsyncAssetsClient,
    AsyncTransport,
    Transport,
    defaults,
    errors,
    exchanges,
    sockets,
)
from tests.client.conftest import KEY, Call, call_async, call_sync, transport_for
from tests.support import BODY, HASH, Request, ScriptedServer, answer, scripted

CREATED = answer(201, BODY)

#: Several calls of one client, one after the other or at once, with a pause between them.
Calls = Callable[..., None]


def calls_sync(url: str, count: int, *, at_once: bool = False, pause: float = 0, **options: Any) -> None:
    with AssetsClient(KEY, url, retry=None, **options) as client, ThreadPoolExecutor(count) as pool:

        def one(_: int) -> None:
            client.create_asset_from_hash(HASH, ["a"])
            time.sleep(pause)

        list(pool.map(one, range(count)) if at_once else map(one, range(count)))


def calls_async(url: str, count: int, *, at_once: bool = False, pause: float = 0, **options: Any) -> None:
    async def run() -> None:
        async with AsyncAssetsClient(KEY, url, retry=None, **options) as client:
            if at_once:
                await asyncio.gather(*(client.create_asset_from_hash(HASH, ["a"]) for _ in range(count)))
                return
            for _ in range(count):
                await client.create_asset_from_hash(HASH, ["a"])
                await asyncio.sleep(pause)

    asyncio.run(run())


@pytest.fixture(params=[calls_sync, calls_async], ids=["sync", "async"])
def calls(request: pytest.FixtureRequest) -> Calls:
    """`calls(url, count, ...)` with one of the two clients."""
    both: Calls = request.param
    return both


# --- What is kept, and for how long -------------------------------------------------------------------


def test_a_connection_is_used_again(calls: Calls) -> None:
    """Calls one after the other share a connection."""
    with scripted(CREATED) as server:
        calls(server.url, 3)
        assert server.connections == 1


def test_connections_are_bounded(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more connections are open than the client may have; further calls wait for one."""
    monkeypatch.setattr(defaults, "CONNECTIONS", 2)

    def slow(_: Request) -> bytes:
        time.sleep(0.05)
        return CREATED

    with scripted(slow) as server:
        calls(server.url, 6, at_once=True)
        assert (server.connections, len(server.requests)) == (2, 6)


def test_unused_connections_are_not_kept(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that was not used for a while is not trusted with a request."""
    monkeypatch.setattr(defaults, "KEEP_ALIVE", 0.05)
    with scripted(CREATED) as server:
        calls(server.url, 2, pause=0.3)
        assert server.connections == 2


def test_no_cookies(calls: Calls) -> None:
    """What a service sets is not sent back to it: a client has no memory."""
    with scripted(answer(201, BODY, headers="Set-Cookie: a=b; Path=/\r\n")) as server:
        calls(server.url.replace("127.0.0.1", "localhost"), 2)
        assert [request.headers.get("cookie") for request in server.requests] == [None, None]


def _ends(server: ScriptedServer) -> list[bool]:
    """Of each connection that a server accepted, whether the client has closed it."""
    ends = []
    for connection in server._open:
        try:
            ends.append(connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b"")
        except BlockingIOError:
            ends.append(False)
        except OSError:
            ends.append(True)
    return ends


def _second_ends(server: ScriptedServer) -> list[bool]:
    """`_ends`, when the second one was closed, or has not been for a long time."""
    deadline = time.monotonic() + 30
    while not _ends(server)[1] and time.monotonic() < deadline:
        time.sleep(0.01)
    return _ends(server)


def test_closing_closes_the_connections_of_this_loop() -> None:
    """An async client that is closed closes what it opened, at once; another event loop's stay open, and usable."""
    with scripted(CREATED) as server:
        transport = AsyncTransport()
        go_on, used = threading.Event(), threading.Event()

        async def other_loop() -> None:
            client = AsyncAssetsClient(KEY, server.url, transport=transport, retry=None)
            await client.create_asset_from_hash(HASH, ["a"])
            used.set()
            await asyncio.to_thread(go_on.wait, 30)
            await client.create_asset_from_hash(HASH, ["a"])
            await client.close()

        async def this_loop() -> None:
            client = AsyncAssetsClient(KEY, server.url, transport=transport, retry=None)
            await client.create_asset_from_hash(HASH, ["a"])
            await client.close()
            assert await asyncio.to_thread(_second_ends, server) == [False, True]

        thread = threading.Thread(target=lambda: asyncio.run(other_loop()))
        thread.start()
        try:
            assert used.wait(30)
            asyncio.run(this_loop())
        finally:
            go_on.set()
            thread.join(30)
        assert (server.connections, len(server.requests)) == (2, 3)


def test_loops_that_ended_are_forgotten() -> None:
    """A client that lives through many event loops keeps none of them."""
    with scripted(CREATED) as server:
        client = AsyncAssetsClient(KEY, server.url)
        loops: list[weakref.ref[Any]] = []

        async def call() -> None:
            loops.append(weakref.ref(asyncio.get_running_loop()))
            await client.create_asset_from_hash(HASH, ["a"])

        for _ in range(3):
            asyncio.run(call())
        gc.collect()
        assert [loop() is None for loop in loops[:2]] == [True, True]


def test_an_old_client_closes_only_what_is_its_own() -> None:
    """Closing after a fork leaves the parent's connections alone, and closing twice does nothing."""
    transport = Transport()
    with scripted(CREATED) as server, AssetsClient(KEY, server.url, transport=transport) as client:
        client.create_asset_from_hash(HASH, ["a"])
        (place, pool), *_ = transport._pools.items()
        transport._pools = {(place[0] + 1, None): pool}
        transport.close()
        assert _ends(server) == [False]
        transport._pools = {place: pool}
        transport.close()
        transport.close()
        assert server.connections == 1


# --- Proxies -------------------------------------------------------------------------------------------


def test_proxy_with_a_password(call: Call) -> None:
    """User and password of a proxy's address reach it in its own header, and go no further."""
    with scripted(CREATED) as proxy:
        address = proxy.url.replace("//", "//user:secret@")
        call("http://comfy.localhost", options={"transport": transport_for(call, proxy=address)})
        (request,) = proxy.requests
    assert request.headers["proxy-authorization"] == "Basic dXNlcjpzZWNyZXQ="
    assert request.line == "POST http://comfy.localhost/api/assets/from-hash HTTP/1.1"
    assert "authorization" not in request.headers


def test_tunnel_with_a_password(call: Call) -> None:
    """Where a tunnel is asked for, the proxy's password goes with that question, and the key does not."""
    with scripted(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n") as proxy:
        address = proxy.url.replace("//", "//user:secret@")
        with pytest.raises(errors.APIConnectionError) as caught:
            call("https://comfy.example", options={"transport": transport_for(call, proxy=address)})
        (request,) = proxy.requests
    assert request.line == "CONNECT comfy.example:443 HTTP/1.1"
    assert request.headers["proxy-authorization"] == "Basic dXNlcjpzZWNyZXQ="
    assert KEY not in str(request.headers)
    assert caught.value.attempts[0].outcome == "not_sent"


def test_encrypted_proxy(call: Call, tls_server: ScriptedServer, certificate: Path) -> None:
    """A proxy that is spoken to by TLS is trusted by the same certificates as a service."""
    options = {"transport": transport_for(call, proxy=tls_server.url, verify=str(certificate))}
    assert call("http://comfy.localhost", options=options).created_new
    assert tls_server.requests[0].line == "POST http://comfy.localhost/api/assets/from-hash HTTP/1.1"
    with pytest.raises(errors.APIConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
        call("http://comfy.localhost", options={"transport": transport_for(call, proxy=tls_server.url)})
    assert len(tls_server.requests) == 1


# --- What breaks, and when ------------------------------------------------------------------------------


def test_aiohttps_connection_that_is_reset() -> None:
    """With aiohttp's own transport, too, a connection that is reset after the request leaves open what it did."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            connection.recv(10_000)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(errors.APIConnectionError) as caught:
            call_async(url, options={"transport": AiohttpTransport()})
        thread.join(30)
    assert caught.value.attempts[0].outcome == "unknown"


PAST = time.monotonic() - 1


def test_no_wait_begins_after_its_moment() -> None:
    """Each wait on a socket whose moment is over ends at once, as the error of its kind."""
    context = ssl.create_default_context()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        stream = sockets.Backend().connect_tcp("127.0.0.1", port, time.monotonic() + 30)
        for kind, wait in (
            (httpcore.ReadTimeout, lambda: stream.read(1, PAST)),
            (httpcore.WriteTimeout, lambda: stream.write(b"a", PAST)),
            (httpcore.ConnectTimeout, lambda: stream.start_tls(context, "localhost", PAST)),
            (httpcore.ConnectTimeout, lambda: sockets.Backend().connect_tcp("127.0.0.1", port, PAST)),
        ):
            with pytest.raises(kind, match=r"^(127\.0\.0\.1:\d+: )?timed out$"):
                wait()
        stream.close()


def test_small_answers_do_not_grow(call: Call) -> None:
    """A compressed answer is never unpacked beyond what is kept of it."""
    bomb = gzip.compress(b" " * (64 << 20))
    with scripted(answer(201, bomb, headers="Content-Encoding: gzip\r\n")) as server:
        tracemalloc.start()
        try:
            with pytest.raises(errors.ContractError, match="larger than"):
                call(server.url)
            assert tracemalloc.get_traced_memory()[1] < 16 << 20
        finally:
            tracemalloc.stop()


def test_compression_that_is_broken_says_so(call: Call) -> None:
    """What the unpacking library found wrong stands in the error."""
    said = answer(201, b"\x1f\x8bno gzip", headers="Content-Encoding: gzip\r\n")
    with scripted(said) as server, pytest.raises(errors.APIConnectionError, match="Error -3 while") as caught:
        call(server.url)
    assert caught.value.cause.startswith("DecodingError: ")


# --- Transports of one's own ----------------------------------------------------------------------------


class Dripping(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that never ends and knows no time limit; closing it fails, or takes for ever."""

    def __init__(self, *, hangs: bool = False) -> None:
        self.hangs = hangs
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        while True:
            yield b"x"
            time.sleep(0.02)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            yield b"x"
            await asyncio.sleep(0.02)

    def close(self) -> None:
        self.closed += 1
        raise ZeroDivisionError

    async def aclose(self) -> None:
        self.closed += 1
        if self.hangs:
            await asyncio.sleep(600)
        raise ZeroDivisionError


@pytest.mark.parametrize(("status", "kind"), [(201, errors.APITimeoutError), (404, errors.NotFoundError)])
@pytest.mark.parametrize("hangs", [False, True])
def test_own_transport_keeps_no_time(
    call: Call, status: int, kind: type[errors.ComfyAssetsError], *, hangs: bool
) -> None:
    """The deadline holds with a transport that knows none, also where closing its answer fails or hangs."""
    body = Dripping(hangs=hangs)
    transport = httpx.MockTransport(lambda _: httpx.Response(status, stream=body))
    with pytest.raises(kind) as caught:
        call("https://comfy.example", options={"transport": transport, "timeout": 0.3})
    assert body.closed == 1
    if status == 201:
        words = "the answer of https://comfy.example, which began with 201, did not end in time"
        assert str(caught.value) == words
    if status == 201 and call is call_sync:
        assert caught.value.cause == "ReadTimeout: the answer did not end in time"  # type: ignore[attr-defined]


def test_own_transport_is_told_the_limits(call: Call) -> None:
    """Each attempt tells its transport, in httpx's way, how many seconds it has."""
    told: list[Any] = []

    def handler(request: httpx.Request) -> httpx.Response:
        told.append(request.extensions["timeout"])
        return httpx.Response(201, json=BODY)

    call("https://comfy.example", options={"transport": httpx.MockTransport(handler), "timeout": 7})
    (limits,) = told
    assert limits.keys() == {"connect", "read", "write", "pool"}
    assert all(5 < limit <= 7 for limit in limits.values())


def test_an_answer_means_that_the_request_was_sent() -> None:
    """Also with a transport that does not tell, and where the answer breaks off."""
    key = KeyInHeader(KEY)
    arguments = {"method": "POST", "url": "https://comfy.example"}
    for body in (None, Dripping()):
        transport = httpx.MockTransport(lambda _, body=body: httpx.Response(201, stream=body))
        assert exchanges.exchange(transport, arguments, key, 0.1).sent is True
        assert asyncio.run(exchanges.exchange_async(transport, arguments, key, 0.1)).sent is True


def test_a_failure_that_is_none_of_the_others_is_a_break() -> None:
    """An exchange tells apart what broke, what came too late and what is too large."""
    key = KeyInHeader(KEY)
    arguments = {"method": "POST", "url": "https://comfy.example"}

    def raising(error: Exception) -> httpx.MockTransport:
        def handler(_: httpx.Request) -> httpx.Response:
            raise error

        return httpx.MockTransport(handler)

    for raised, failure in (
        (httpx.ReadError("no"), exchanges.Failure("broken", "ReadError: no")),
        (httpx.ReadTimeout("no"), exchanges.Failure("timeout", "ReadTimeout: no")),
        (httpx.InvalidURL("no"), exchanges.Failure("broken", "InvalidURL: no", passes=False)),
    ):
        assert exchanges.exchange(raising(raised), arguments, key, 1).failure == failure
