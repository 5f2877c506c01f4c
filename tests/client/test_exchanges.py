"""One exchange and the sockets under it: what breaks, and when; transports of one's own."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import ssl
import struct
import threading
import time
import tracemalloc
from collections.abc import AsyncIterator, Iterator
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
from httpx_aiohttp import AiohttpTransport

from comfy_assets import (
    AsyncTransport,
    Transport,
    errors,
    exchanges,
    sockets,
    transports,
    transports_async,
)
from tests.client.conftest import KEY, Call, call_async, call_sync
from tests.support import BODY, answer, scripted

CREATED = answer(201, BODY)

# What aiohttp's errors are made of.
CONNECTION = ConnectionKey("a.example", 80, False, True, None, None, None)
REQUEST_INFO = RequestInfo(
    yarl.URL("http://a.example"), "GET", multidict.CIMultiDictProxy(multidict.CIMultiDict())
)


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
        held = sockets.Backend().connect_tcp("127.0.0.1", port, time.monotonic() + 30)
        held.write(b"a")
        for kind, wait in (
            (httpcore.ReadTimeout, lambda: stream.read(1, PAST)),
            (httpcore.WriteTimeout, lambda: stream.write(b"a" * (1 << 14), PAST)),
            (httpcore.WriteTimeout, lambda: held.read(1, PAST)),
            (httpcore.ConnectTimeout, lambda: stream.start_tls(context, "localhost", PAST)),
            (httpcore.ConnectTimeout, lambda: sockets.Backend().connect_tcp("127.0.0.1", port, PAST)),
        ):
            with pytest.raises(kind, match=r"^(127\.0\.0\.1:\d+: )?timed out$"):
                wait()
        stream.close()
        held.close()


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


def test_compression_that_breaks_off_says_so(call: Call) -> None:
    """An answer whose bytes are all there, and whose compression is not, is told from one that was cut."""
    half = gzip.compress(json.dumps(BODY).encode())[:60]
    said = answer(201, half, headers="Content-Encoding: gzip\r\n")
    with scripted(said) as server, pytest.raises(errors.APIConnectionError) as caught:
        call(server.url)
    assert caught.value.cause == "DecodingError: the compressed answer breaks off"


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
    key = KeyInHeader(KEY).check()
    arguments = {"method": "POST", "url": "https://comfy.example"}
    for body in (None, Dripping()):
        transport = httpx.MockTransport(lambda _, body=body: httpx.Response(201, stream=body))
        assert exchanges.exchange(transport, arguments, key, 0.1).sent is True
        assert asyncio.run(exchanges.exchange_async(transport, arguments, key, 0.1)).sent is True


REQUEST = {"method": "POST", "url": "https://comfy.example"}


def raising(error: Exception) -> httpx.MockTransport:
    """A transport that fails."""

    def handler(_: httpx.Request) -> httpx.Response:
        raise error

    return httpx.MockTransport(handler)


FAILURES = [
    (httpx.ReadError("no"), exchanges.Failure("broken", "ReadError: no"), True),
    (httpx.ReadTimeout("noX"), exchanges.Failure("timeout", "ReadTimeout: noX"), True),
    (httpx.InvalidURL("no"), exchanges.Failure("broken", "InvalidURL: no", passes=False), True),
    (httpx.ProxyError("no"), exchanges.Failure("broken", "ProxyError: no"), False),
    (httpx.ConnectError("no"), exchanges.Failure("broken", "ConnectError: no"), False),
]


@pytest.mark.parametrize(("raised", "failure", "sent"), FAILURES, ids=lambda one: type(one).__name__)
def test_what_an_exchange_tells(raised: Exception, failure: exchanges.Failure, sent: bool) -> None:
    """What broke, what came too late, whether it passes, and whether the request may have been seen."""
    key = KeyInHeader(KEY).check()
    for told in (
        exchanges.exchange(raising(raised), REQUEST, key, 9),
        asyncio.run(exchanges.exchange_async(raising(raised), REQUEST, key, 9)),
    ):
        assert (told.failure, told.sent, told.response) == (failure, sent, None)
        assert 0 <= told.seconds < 60


class Broken(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that breaks off."""

    def __iter__(self) -> Iterator[bytes]:
        yield f"your key is {KEY[:9]}".encode()
        raise httpx.ReadError("no")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


def test_half_a_key_is_cut_out_too() -> None:
    """Where an answer breaks off within the key, its beginning is not left; a whole answer ends as it likes."""
    key = KeyInHeader(KEY).check()
    whole = httpx.MockTransport(lambda _: httpx.Response(201, content=f"your key is {KEY[:9]}"))
    broken = httpx.MockTransport(lambda _: httpx.Response(201, stream=Broken()))
    for transport, left in ((whole, True), (broken, False)):
        for told in (
            exchanges.exchange(transport, REQUEST, key, 9),
            asyncio.run(exchanges.exchange_async(transport, REQUEST, key, 9)),
        ):
            assert told.response is not None
            assert (KEY[:9].encode() in told.response.content) is left


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


def test_texts_of_headers(call: Call) -> None:
    """UTF-8 where it is that, else a character for each byte; of several with one name, all."""
    said = b"X-A: \xc3\xa9\r\nX-A: \xe9\r\nX-B: b\r\n"
    head, _, body = CREATED.partition(b"\r\n\r\n")
    with scripted(head + b"\r\n" + said + b"\r\n" + body) as server:
        headers = call(server.url).call.response.headers
    assert (headers["x-a"], headers["x-b"]) == ("é, é", "b")


def test_what_is_sent_beside_the_body(call: Call) -> None:
    """Each header once, and none that nobody asked for; the name of a host without its usual port."""
    with scripted(CREATED) as server:
        call(server.url)
    assert {name: value for name, value in server.requests[0].headers.items() if name != "user-agent"} == {
        "host": server.url.removeprefix("http://"),
        "accept": "application/json",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "content-length": str(len(server.requests[0].body)),
        "x-api-key": KEY,
    }


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (aiohttp.ClientProxyConnectionError(CONNECTION, OSError("no")), httpx.ProxyError),
        (aiohttp.ClientHttpProxyError(REQUEST_INFO, (), status=407), httpx.ProxyError),
        (aiohttp.ConnectionTimeoutError("no"), httpx.ConnectTimeout),
        (aiohttp.SocketTimeoutError("no"), httpx.ReadTimeout),
        (aiohttp.ClientConnectorError(CONNECTION, OSError("no")), httpx.ConnectError),
        (aiohttp.ServerDisconnectedError("no"), httpx.ReadError),
        (aiohttp.ClientPayloadError("no"), httpx.ReadError),
        (aiohttp.InvalidURL("no"), httpx.UnsupportedProtocol),
        (aiohttp.ClientError("no"), httpx.RemoteProtocolError),
    ],
)
def test_errors_have_httpxs_names(theirs: Exception, ours: type[Exception]) -> None:
    """Whoever catches httpx's errors gets those of aiohttp; what is of neither stays what it is."""
    found = transports_async._as_httpx(theirs)
    assert type(found) is ours
    assert str(found) == str(theirs)
    other = LookupError("no")
    assert transports_async._as_httpx(other) is other


def test_what_is_no_transport(call: Call) -> None:
    """The error says what was given, and what is wanted."""
    a, method = ("", "handle_request") if call is call_sync else ("Async", "handle_async_request")
    with pytest.raises(errors.InputError) as caught:
        call("http://127.0.0.1:1", options={"transport": 5})
    assert str(caught.value) == (
        f"transport is of the type int: expected comfy_assets.{a}Transport(...), "
        f"or an httpx transport with {method}"
    )


def test_head_and_body_go_together() -> None:
    """A small request is one write; of a large one, no more is held back than one piece."""
    written: list[bytes] = []

    class Recorded(httpcore.MockStream):
        def write(self, buffer: bytes, timeout: float | None = None) -> None:
            written.append(buffer)

    stream = sockets.Stream(Recorded([b"answer", b""]))
    stream.write(b"head ")
    stream.write(b"body")
    assert written == []
    assert stream.read(10) == b"answer"
    assert written == [b"head body"]
    stream.write(b"a" * 40_000)
    assert [len(piece) for piece in written[1:]] == [1 << 14, 1 << 14]
    stream.read(10)
    assert [len(piece) for piece in written[1:]] == [1 << 14, 1 << 14, 40_000 - (2 << 14)]


def test_answer_before_the_request_was_heard() -> None:
    """What a service says before it closes is read, though nothing more can be sent to it."""

    class Closed(httpcore.MockStream):
        def write(self, buffer: bytes, timeout: float | None = None) -> None:
            raise httpcore.WriteError("closed")

    stream = sockets.Stream(Closed([b"answer", b""]))
    stream.write(b"a")
    assert [stream.read(10), stream.read(10)] == [b"answer", b""]


def test_host_without_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host of which the system knows no address, or nothing, is named."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [])
    with pytest.raises(httpcore.ConnectError, match=r"^comfy\.localhost has no address$"):
        sockets.Backend().connect_tcp("comfy.localhost", 1)
    monkeypatch.undo()
    with pytest.raises(httpcore.ConnectError, match=r"^\.\.: "):
        sockets.Backend().connect_tcp("..", 1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(httpcore.ConnectError, match=f"^127.0.0.1:{port}: .*refused"):
        sockets.Backend().connect_tcp("127.0.0.1", port)


#: What the system says of a host: one address twice, one of this link alone, and one more.
FOUND = [
    ("192.0.2.1", 5),
    ("192.0.2.1", 5),
    ("fe80::1", 5, 0, 2),
    ("2001:db8::1", 5, 7, 0),
]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What httpcore is asked to connect to; it connects to the last of the addresses alone."""
    asked: list[Any] = []

    def found(host: str, port: int) -> list[Any]:
        asked.append((host, port))
        return [(0, 0, 0, "", address) for address in FOUND]

    def connect_tcp(_: Any, address: str, port: int, share: float | None, **options: Any) -> Any:
        asked.append((address, port, share, options))
        if address == "192.0.2.1":
            raise httpcore.ConnectTimeout("no")
        if port == 6 or address == "fe80::1%2":
            raise httpcore.ConnectError("no")
        return address

    monkeypatch.setattr(socket, "getaddrinfo", found)
    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect_tcp)
    monkeypatch.setattr(time, "monotonic", lambda: 100.0)
    return asked


def test_each_address_has_its_share_of_the_time(asked: list[Any]) -> None:
    """The addresses of a host are tried one after the other; what is left is shared by those that are left."""
    sockets.Backend().connect_tcp("a.example", 5, 109.0, local_address="127.0.0.3")
    options = {"local_address": "127.0.0.3"}
    assert asked == [
        ("a.example", 5),
        ("192.0.2.1", 5, 3.0, options),
        ("fe80::1%2", 5, 4.5, options),
        ("2001:db8::1", 5, 9.0, options),
    ]
    sockets.Backend().connect_tcp("a.example", 5)
    assert [share for _, _, share, _ in asked[5:]] == [None, None, None]


def test_the_last_address_has_the_last_word(asked: list[Any]) -> None:
    """Where none answers, the error is that of the last one; where no time is left, none is tried."""
    with pytest.raises(httpcore.ConnectError, match=r"^2001:db8::1:6: no$"):
        sockets.Backend().connect_tcp("a.example", 6, 109.0)
    assert len(asked) == 4
    with pytest.raises(httpcore.ConnectTimeout, match=r"^timed out$"):
        sockets.Backend().connect_tcp("a.example", 5, 100.0)
    assert len(asked) == 5


def test_httpcore_of_another_kind() -> None:
    """An error that httpx has no name for is one of the transport; in doubt, something came behind an answer."""
    with pytest.raises(httpx.TransportError, match=r"^no$"), transports._httpx_errors():
        raise httpcore.ConnectionNotAvailable("no")
    connection = sockets.Stream(httpcore.MockStream([]))
    transports._Pieces(httpx.ByteStream(b""), connection).close()
    assert connection.is_spoiled
