"""Connections of the clients: which are used again, closed and bounded."""

from __future__ import annotations

import asyncio
import gc
import re
import socket
import ssl
import threading
import time
import warnings
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from comfy_assets import AssetsClient, AsyncAssetsClient, AsyncTransport, Transport, defaults, errors
from comfy_assets.settings import InsecureConnectionWarning
from tests.client.conftest import KEY, Call, transport_for
from tests.support import BODY, CREATED, HASH, Request, ScriptedServer, answer, scripted

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
        through = transport_for(calls, proxy=server.url)
        calls("http://comfy.localhost", 6, at_once=True, transport=through)
        assert (server.connections, len(server.requests)) == (4, 12)


def test_waiting_for_a_connection_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that gets no connection ends at its own deadline, and nothing was sent."""
    monkeypatch.setattr(defaults, "CONNECTIONS", 1)
    begun, go_on = threading.Event(), threading.Event()

    def hold(_: Request) -> bytes:
        begun.set()
        go_on.wait(30)
        return CREATED

    with (
        scripted(hold) as server,
        AssetsClient(KEY, server.url, retry=None) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        first = pool.submit(client.create_asset_from_hash, HASH, ["a"])
        assert begun.wait(30)
        with pytest.raises(errors.APITimeoutError) as caught:
            client.with_options(timeout=0.2).create_asset_from_hash(HASH, ["a"])
        go_on.set()
        assert first.result(30).created_new
    assert caught.value.cause.startswith("PoolTimeout")
    assert caught.value.attempts[0].outcome == "not_sent"


def test_unused_connections_are_not_kept(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that was not used for a while is not trusted with a request."""
    monkeypatch.setattr(defaults, "KEEP_ALIVE", 0.05)
    with scripted(CREATED) as server:
        calls(server.url, 2, pause=0.3)
        assert server.connections == 2


def test_connection_that_the_service_closed(calls: Calls) -> None:
    """A connection that was kept and then closed by the service is not used again: no repeat is needed."""
    with scripted(CREATED) as server:
        server.closes = True
        calls(server.url, 3, pause=0.05)
        assert server.connections == 3


def test_another_address_of_this_machine(call: Call) -> None:
    """A connection goes to the host that was named."""
    server = ScriptedServer(lambda _: CREATED, listener=socket.create_server(("127.0.0.2", 0)))  # pyright: ignore[reportCallIssue] # attrs' name for _listener
    server.start()
    try:
        assert call(server.url.replace("127.0.0.1", "127.0.0.2")).created_new
    finally:
        server.stop()


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
        transport._pools = {(place[0] + 1, *place[1:]): pool}
        transport.close()
        assert _ends(server) == [False]
        transport._pools = {place: pool}
        transport.close()
        transport.close()
        assert server.connections == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "nobody.invalid"])
def test_why_there_is_no_connection(call: Call, host: str) -> None:
    """Both clients say where and why, in the system's words, and nothing of the library between."""
    with socket.socket() as unused, warnings.catch_warnings():
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        warnings.simplefilter("ignore", InsecureConnectionWarning)
        with pytest.raises(errors.APIConnectionError) as caught:
            call(f"http://{host}:{port}")
    said = re.search(r"\(ConnectError: (.*)\)", str(caught.value))
    assert said is not None
    assert re.fullmatch(rf"{host}(:{port})?: [A-Z][a-z -]*", said[1])


def test_certificate_that_nobody_trusts(call: Call, certificate: Path) -> None:
    """Both clients say what is wrong with it, once."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    with scripted(CREATED, tls=context) as server, pytest.raises(errors.APIConnectionError) as caught:
        call(server.url)
    assert str(caught.value).count("certificate verify failed: self-signed certificate") == 1
    assert "ssl:" not in str(caught.value)
