"""Transports of one's own: httpx's, aiohttp's, and ours with a method put over them."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from comfy_assets_api.client import KeyInHeader
from httpx_aiohttp import AiohttpTransport

from comfy_assets import AssetsClient, AsyncAssetsClient, AsyncTransport, Transport, errors, exchanges
from tests.client.conftest import KEY, Call, call_async, call_sync
from tests.support import BODY, CREATED, HASH, scripted


def test_transport_of_ones_own() -> None:
    """Any httpx transport serves; what it raises by mistake is not taken for the network."""

    def handler(request: httpx.Request) -> httpx.Response:
        assert request.url.host == "comfy.example"
        return httpx.Response(201, json=BODY)

    def mistaken(_: httpx.Request) -> httpx.Response:
        raise AssertionError("not expected")

    transport = httpx.MockTransport(handler)
    with AssetsClient(KEY, "https://comfy.example", transport=transport) as client:
        assert client.create_asset_from_hash(HASH, ["a"]).created_new

    async def run() -> bool:
        async with AsyncAssetsClient(KEY, "https://comfy.example", transport=transport) as client:
            return (await client.create_asset_from_hash(HASH, ["a"])).created_new

    assert asyncio.run(run())
    with (
        AssetsClient(KEY, "https://comfy.example", transport=httpx.MockTransport(mistaken)) as client,
        pytest.raises(AssertionError, match="not expected"),
    ):
        client.create_asset_from_hash(HASH, ["a"])


def test_transport_of_the_other_client() -> None:
    """A transport that only the other client can use is refused when the client is made, not when it is used."""
    with pytest.raises(errors.InputError, match=r"AsyncTransport: expected comfy_assets\.Transport\("):
        AssetsClient(KEY, "http://127.0.0.1:1", transport=AsyncTransport())  # type: ignore[arg-type] # the mistake
    with pytest.raises(errors.InputError, match=r"Transport: expected comfy_assets\.AsyncTransport\("):
        AsyncAssetsClient(KEY, "http://127.0.0.1:1", transport=Transport())  # type: ignore[arg-type] # the mistake


def test_what_is_no_transport(call: Call) -> None:
    """The error says what was given, and what is wanted."""
    a, method = ("", "handle_request") if call is call_sync else ("Async", "handle_async_request")
    with pytest.raises(errors.InputError) as caught:
        call("http://127.0.0.1:1", options={"transport": 5})
    assert str(caught.value) == (
        f"transport is of the type int: expected comfy_assets.{a}Transport(...), "
        f"or an httpx transport with {method}"
    )


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
        assert caught.value.cause == "ReadTimeout: the answer did not end in time"  # type: ignore[attr-defined] # of a ContractError


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
    key = KeyInHeader(KEY).check()
    arguments = {"method": "POST", "url": "https://comfy.example"}
    for body in (None, Dripping()):
        transport = httpx.MockTransport(lambda _, body=body: httpx.Response(201, stream=body))
        assert exchanges.exchange(transport, arguments, key, 0.1).sent is True
        assert asyncio.run(exchanges.exchange_async(transport, arguments, key, 0.1)).sent is True


def _seen(asked: list[str], request: httpx.Request) -> None:
    asked.append(request.headers["X-API-Key"])


class _Sync(Transport):
    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        _seen(self.asked, request)
        return super().handle_request(request)


class _Async(AsyncTransport):
    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        _seen(self.asked, request)
        return await super().handle_async_request(request)


def test_method_of_ones_own_over_ours(call: Call) -> None:
    """Whoever puts a method over that of our transport is asked."""
    own = _Sync() if call is call_sync else _Async()
    with scripted(CREATED) as server:
        assert call(server.url, options={"transport": own}).created_new
    assert own.asked == [KEY]


def test_our_own_need_no_objects_of_httpx(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the clients and their own transports there are none: making them takes a quarter of a call."""
    a, method = (
        (Transport, "handle_request") if call is call_sync else (AsyncTransport, "handle_async_request")
    )
    monkeypatch.setattr(a, method, lambda *_: pytest.fail("it was asked"))
    with scripted(CREATED) as server:
        assert call(server.url).created_new


@pytest.mark.parametrize(("said", "outcome"), [(None, "unknown"), (b"HTTP/1.1 2", "unknown")])
def test_aiohttps_transport_of_ones_own(said: bytes | None, outcome: str) -> None:
    """It calls a closed connection a time limit for connecting; that the request was sent is known all the same."""

    async def run(url: str) -> None:
        transport = AiohttpTransport()
        async with AsyncAssetsClient(KEY, url, transport=transport, retry=None) as client:
            await client.create_asset_from_hash(HASH, ["a"])

    with scripted(lambda _: said) as server:
        server.closes = True
        with pytest.raises(errors.APIConnectionError) as caught:
            asyncio.run(run(server.url))
    assert type(caught.value) is errors.APIConnectionError
    assert caught.value.attempts[0].outcome == outcome
    with pytest.raises(errors.APIConnectionError) as caught:
        asyncio.run(run(server.url))
    assert caught.value.attempts[0].outcome == "not_sent"


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
