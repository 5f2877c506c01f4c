"""How clients are used: copies, threads, forks, event loops, proxies, certificates."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import aiohttp
import h11
import httpcore
import httpx
import pytest
from httpx_aiohttp import AiohttpTransport

import comfy_assets
from comfy_assets import (
    AssetsClient,
    AsyncAssetsClient,
    InputError,
    InsecureConnectionWarning,
    RetryPolicy,
    errors,
)
from comfy_assets.testing import FakeClock
from tests.client.conftest import KEY, Call, transport_for
from tests.support import BODY, HASH, ScriptedServer, answer, scripted

CREATED = answer(201, BODY)
BAD = answer(201, {**BODY, "mime_type": None})


def test_options_make_a_copy() -> None:
    """A copy has the other options and the same connections; the original stays as it is."""
    with scripted(BAD) as server, AssetsClient(KEY, server.url, timeout=9) as client:
        strict = client.with_options(on_drift="raise", timeout=3, retry=None)
        assert (client.timeout, strict.timeout, strict.base_url) == (9, 3, client.base_url)
        with pytest.raises(errors.ContractError), strict:
            strict.create_asset_from_hash(HASH, ["a"])
        with pytest.warns(comfy_assets.DriftWarning):
            client.create_asset_from_hash(HASH, ["a"])
        assert server.connections == 1


@pytest.mark.parametrize(
    "wrong", [{"api_key": "k"}, {"base_url": "http://x"}, {"on_drift": "shout"}, {"retry": 1}]
)
def test_options_that_a_copy_cannot_have(wrong: dict[str, Any]) -> None:
    """Key and address belong to a client for good; what cannot work is refused by name."""
    client = AssetsClient(KEY, "http://127.0.0.1:1")
    with pytest.raises(InputError, match=next(iter(wrong))):
        client.with_options(**wrong)


@pytest.mark.parametrize("client", [AssetsClient, AsyncAssetsClient])
def test_how_a_client_shows_itself(client: Any) -> None:
    """With its class and address, also where making it failed: tracebacks are logged with their variables."""
    assert repr(client(KEY, "http://127.0.0.1:1")) == f"{client.__name__}(base_url='http://127.0.0.1:1')"
    assert repr(client.__new__(client)) == f"{client.__name__}(base_url=None)"


def test_options_at_their_limits() -> None:
    """The longest time is taken, and what is refused is shown."""
    client = AssetsClient(KEY, "http://127.0.0.1:1", timeout=sys.float_info.max)
    assert client.timeout == sys.float_info.max
    with pytest.raises(InputError, match=r"^timeout is 'soon': expected a number of seconds above 0$"):
        client.with_options(timeout="soon")  # type: ignore[arg-type]


def test_options_that_a_copy_cannot_have_are_listed() -> None:
    """The error names all of them, and what there is."""
    client = AssetsClient(KEY, "http://127.0.0.1:1")
    with pytest.raises(InputError) as caught:
        client.with_options(b=1, a=2)  # type: ignore[call-arg]
    assert str(caught.value) == (
        "with_options cannot change a, b: expected some of timeout, retry, on_drift, attempt_hook, drift_hook; "
        "for anything else make another client"
    )


def test_closed_client_says_so(call: Call) -> None:
    """A client that was closed, and its copies, refuse to be used in a sentence."""
    client = AssetsClient(KEY, "http://127.0.0.1:1")
    copy = client.with_options(timeout=1)
    client.close()
    for one in (client, copy):
        with pytest.raises(InputError, match=r"^the client is closed$"):
            one.create_asset_from_hash(HASH, ["a"])


def test_drift_warns_once_per_kind() -> None:
    """The same deviation of many answers is one warning; the results have it each."""
    said = [answer(201, {**BODY, "tags": ["a", number, 5]}) for number in range(20)]
    with scripted(lambda _: said.pop()) as server, AssetsClient(KEY, server.url) as client:
        with warnings.catch_warnings(record=True, action="always") as told:
            results = [client.create_asset_from_hash(HASH, ["a"]) for _ in range(20)]
        assert len(told) == 1
        assert all(len(result.call.drift) == 2 for result in results)


def test_warnings_stand_at_the_callers_line() -> None:
    """What a client warns of is told where it was made, or called."""
    for client in (AssetsClient, AsyncAssetsClient):
        with pytest.warns(InsecureConnectionWarning) as told:
            client(KEY, "http://192.0.2.1")
        assert told[0].filename == __file__
    with (
        scripted(BAD) as server,
        AssetsClient(KEY, server.url) as one,
        pytest.warns(comfy_assets.DriftWarning) as told,
    ):
        one.create_asset_from_hash(HASH, ["a"])
    assert told[0].filename == __file__


def test_one_client_for_many_threads() -> None:
    """Threads share one pool: eight at once use no more connections than there are threads."""
    with scripted(CREATED) as server, AssetsClient(KEY, server.url) as client, ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda _: client.create_asset_from_hash(HASH, ["a"]), range(80)))
        assert all(asset.created_new for asset in done)
        assert server.connections <= 8


def _in_child(client: AssetsClient, results: Any) -> None:
    results.put((os.getpid(), client.create_asset_from_hash(HASH, ["child"]).created_new))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_after_a_fork() -> None:
    """Parent and child go on with the same client, over connections of their own."""
    fork = multiprocessing.get_context("fork")
    with scripted(CREATED) as server, AssetsClient(KEY, server.url) as client:
        client.create_asset_from_hash(HASH, ["parent"])
        assert server.connections == 1
        results = fork.Queue()
        child = fork.Process(target=_in_child, args=(client, results))
        child.start()
        assert results.get(timeout=30) == (child.pid, True)
        child.join(30)
        client.create_asset_from_hash(HASH, ["parent"])
        assert server.connections == 2
        assert [request.json["tags"] for request in server.requests] == [["parent"], ["child"], ["parent"]]


def test_in_several_event_loops() -> None:
    """One async client works in one event loop after the other, and in two at once."""
    with scripted(CREATED) as server:
        client = AsyncAssetsClient(KEY, server.url)

        async def call() -> bool:
            asset = await client.create_asset_from_hash(HASH, ["a"])
            return asset.created_new

        async def last() -> None:
            await asyncio.gather(*(call() for _ in range(5)))
            await client.close()

        with warnings.catch_warnings(
            action="ignore"
        ):  # connections of a loop that ended are lost, not closed
            assert asyncio.run(call())
            with ThreadPoolExecutor(2) as pool:
                assert all(pool.map(lambda _: asyncio.run(call()), range(2)))
        asyncio.run(last())
        with pytest.raises(InputError, match="closed"):
            asyncio.run(call())


def test_cancelling_a_call() -> None:
    """A task that is cancelled ends at once, and the client can be used on."""
    begun = threading.Event()

    def script(_: object) -> bytes:
        if not begun.is_set():
            begun.set()
            threading.Event().wait(1)
        return CREATED

    async def run(url: str) -> None:
        async with AsyncAssetsClient(KEY, url) as client:
            task = asyncio.create_task(client.create_asset_from_hash(HASH, ["a"]))
            await asyncio.to_thread(begun.wait, 10)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert (await client.create_asset_from_hash(HASH, ["a"])).created_new

    with scripted(script) as server:
        asyncio.run(run(server.url))


def test_says_who_it_is(call: Call) -> None:
    """The `User-Agent` names this package and its version."""
    with scripted(CREATED) as server:
        call(server.url)
    assert server.requests[0].headers["user-agent"].startswith(f"comfy-assets/{comfy_assets.__version__} ")


OTHER_MACHINES = ["http://192.0.2.1", "http://comfy.example:8188", "http://[2001:db8::1]"]
THIS_MACHINE = [
    "http://127.0.0.1:1",
    "http://localhost:1",
    "http://[::1]:1",
    "http://a.localhost",
    "https://comfy.example",
]


@pytest.mark.parametrize("client", [AssetsClient, AsyncAssetsClient])
def test_unencrypted_key_warns(client: Any) -> None:
    """A key that would go unencrypted to another machine is warned of."""
    for url in OTHER_MACHINES:
        words = f"^the key goes unencrypted to {re.escape(url)}; use https, or a tunnel$"
        with pytest.warns(InsecureConnectionWarning, match=words):
            client(KEY, url)
    with warnings.catch_warnings(action="error"):
        for url in THIS_MACHINE:
            client(KEY, url)


# --- Proxies, certificates, other transports -----------------------------------------------------


def test_proxy(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests go through the proxy that is given, or that the environment names, unless told otherwise."""
    with scripted(CREATED) as proxy, scripted(CREATED) as server:
        call(server.url, options={"transport": transport_for(call, proxy=proxy.url)})
        assert (len(proxy.requests), len(server.requests)) == (1, 0)
        assert proxy.requests[0].line == f"POST {server.url}/api/assets/from-hash HTTP/1.1"
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        call(server.url)
        assert (len(proxy.requests), len(server.requests)) == (2, 0)
        call(server.url, options={"transport": transport_for(call, trust_env=False)})
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        call(server.url)
        assert (len(proxy.requests), len(server.requests)) == (2, 2)


@pytest.mark.parametrize("wrong", ["ftp://user:secret@host", "host:3128", "", "http://"])
def test_proxy_that_is_none(call: Call, wrong: str) -> None:
    """What cannot be a proxy is refused, without showing what may hold a password."""
    with pytest.raises(
        InputError, match=r"^proxy: expected http://, https:// or socks5:// and a host$"
    ) as caught:
        transport_for(call, proxy=wrong)
    assert "secret" not in str(caught.value)


def test_certificates(call: Call, tls_server: ScriptedServer, certificate: Path) -> None:
    """A service with an unknown certificate is refused at once; a CA of one's own goes in by the transport."""
    with pytest.raises(errors.APIConnectionError, match="CERTIFICATE_VERIFY_FAILED") as caught:
        call(tls_server.url, options={"retry": RetryPolicy()})
    assert [attempt.outcome for attempt in caught.value.attempts] == ["not_sent"]
    assert tls_server.requests == []
    for verify in (str(certificate), ssl.create_default_context(cafile=certificate), False):
        assert call(tls_server.url, options={"transport": transport_for(call, verify=verify)}).created_new


def test_certificates_in_a_folder(
    call: Call, tls_server: ScriptedServer, certificate: Path, tmp_path: Path
) -> None:
    """A folder with certificates, named as OpenSSL names them, is trusted too."""
    words = ["openssl", "x509", "-hash", "-noout", "-in", str(certificate)]
    number = subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
    (tmp_path / f"{number}.0").write_bytes(certificate.read_bytes())
    assert call(tls_server.url, options={"transport": transport_for(call, verify=str(tmp_path))}).created_new


def test_certificates_of_the_environment(
    call: Call, tls_server: ScriptedServer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SSL_CERT_FILE counts, unless the environment is not to be trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert call(tls_server.url).created_new
    with pytest.raises(errors.APIConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
        call(tls_server.url, options={"transport": transport_for(call, trust_env=False)})


def test_certificates_that_cannot_be_read(call: Call, tmp_path: Path) -> None:
    """A file of certificates that is none is named."""
    path = tmp_path / "ca.pem"
    path.write_text("nonsense")
    for wrong in (path, tmp_path / "missing.pem"):
        with pytest.raises(InputError, match=wrong.name):
            call("https://127.0.0.1:1", options={"transport": transport_for(call, verify=str(wrong))})


def test_plain_and_encrypted_mixed_up(call: Call, tls_server: ScriptedServer) -> None:
    """TLS to a server without it, and the reverse, end in one error that is not a timeout, at once."""
    with socket.create_server(("127.0.0.1", 0)) as plain:

        def serve() -> None:
            # As servers do: what is no HTTP is refused when it comes.
            while True:
                try:
                    connection, _ = plain.accept()
                    with connection:
                        connection.recv(10_000)
                        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        plain_url = f"https://127.0.0.1:{plain.getsockname()[1]}"
        for url in (tls_server.url.replace("https:", "http:"), plain_url):
            with pytest.raises(errors.APIConnectionError) as caught:
                call(url, options={"timeout": 5})
            assert type(caught.value) is errors.APIConnectionError
        plain.shutdown(socket.SHUT_RDWR)


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


def test_connection_that_the_service_closed(call: Call) -> None:
    """A connection that was kept and then closed by the service is not used again: no repeat is needed."""
    with scripted(CREATED) as server:
        server.closes = True
        with AssetsClient(KEY, server.url, retry=None) as client:
            for _ in range(3):
                assert client.create_asset_from_hash(HASH, ["a"]).created_new
                time.sleep(0.05)
        assert server.connections == 3


def test_another_address_of_this_machine(call: Call) -> None:
    """A connection goes to the host that was named."""
    server = ScriptedServer(lambda _: CREATED, listener=socket.create_server(("127.0.0.2", 0)))  # pyright: ignore[reportCallIssue]
    server.start()
    try:
        assert call(server.url.replace("127.0.0.1", "127.0.0.2")).created_new
    finally:
        server.stop()


def test_request_that_is_not_taken() -> None:
    """A service that connects and reads nothing holds the sync client no longer than its deadline.

    The async client ends as well, but aiohttp leaves such a connection to the end of the process.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        began = time.monotonic()
        with AssetsClient(KEY, url, timeout=1) as client, pytest.raises(errors.APITimeoutError) as caught:
            client.create_asset_from_hash(HASH, ["a"], user_metadata={"a": "b" * 20_000_000})
    assert time.monotonic() - began < 6
    assert caught.value.attempts[0].outcome == "unknown"


def test_handshake_that_is_not_answered(call: Call) -> None:
    """A service that never says hello ends at the deadline, and nothing was sent."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        began = time.monotonic()
        with pytest.raises(errors.APITimeoutError) as caught:
            call(f"https://127.0.0.1:{listener.getsockname()[1]}", options={"timeout": 1})
    assert time.monotonic() - began < 6
    assert caught.value.attempts[0].outcome == "not_sent"


RAISED = [
    (httpx.ConnectError("no"), "not_sent"),
    (httpx.ConnectTimeout("no"), "not_sent"),
    (httpx.PoolTimeout("no"), "not_sent"),
    (httpx.ReadError("no"), "unknown"),
    (httpx.ReadTimeout("no"), "unknown"),
    (httpx.RemoteProtocolError("no"), "unknown"),
    (OSError("no"), "unknown"),
    (ValueError("no"), "unknown"),
    (RuntimeError("no"), "unknown"),
    (TimeoutError("no"), "unknown"),
    (httpx.StreamClosed(), "unknown"),
    (httpx.InvalidURL("no"), "unknown"),
    (httpx.UnsupportedProtocol("no"), "not_sent"),
    (httpcore.ReadError("no"), "unknown"),
    (h11.RemoteProtocolError("no"), "unknown"),
    (aiohttp.ServerDisconnectedError("no"), "unknown"),
]


@pytest.mark.parametrize(("raised", "outcome"), RAISED, ids=lambda one: type(one).__name__)
def test_what_another_transport_raises(raised: Exception, outcome: str) -> None:
    """With another transport its error tells whether the request was sent; in doubt, nobody knows."""

    def handler(_: httpx.Request) -> httpx.Response:
        raise raised

    with (
        AssetsClient(KEY, "https://a.example", transport=httpx.MockTransport(handler), retry=None) as client,
        pytest.raises(errors.APIConnectionError) as caught,
    ):
        client.create_asset_from_hash(HASH, ["a"])
    assert caught.value.attempts[0].outcome == outcome
    is_timeout = isinstance(raised, (httpx.TimeoutException, TimeoutError))
    assert isinstance(caught.value, errors.APITimeoutError) is is_timeout


#: What a transport raises, and whether the next attempt may fare better.
PASSING = [
    (httpx.ConnectError("no"), True),
    (ssl.SSLError("no"), False),
    (ssl.SSLCertVerificationError("no"), False),
    (ssl.SSLEOFError("no"), True),
    (ssl.SSLZeroReturnError("no"), True),
    (httpx.UnsupportedProtocol("no"), False),
    (httpx.InvalidURL("no"), False),
    (ValueError("no"), False),
    (RuntimeError("no"), True),
]


@pytest.mark.parametrize(("raised", "passes"), PASSING, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("is_cause", [False, True], ids=["itself", "cause"])
def test_what_does_not_pass_is_not_repeated(
    call: Call, raised: Exception, passes: bool, is_cause: bool
) -> None:
    """TLS that does not fit, and an address that is none, are met again by each attempt."""

    def handler(_: httpx.Request) -> httpx.Response:
        if is_cause:
            raise httpx.ConnectError("no") from raised
        raise raised

    options = {
        "transport": httpx.MockTransport(handler),
        "retry": RetryPolicy(attempts=2),
        "clock": FakeClock(),
    }
    with pytest.raises(errors.APIConnectionError) as caught:
        call("https://a.example", options=options)
    assert len(caught.value.attempts) == (2 if passes else 1)


def test_an_error_around_the_call_is_no_cause() -> None:
    """What the caller is dealing with says nothing of what happens on the wire."""

    def handler(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("no")

    client = AssetsClient(KEY, "https://a.example", transport=httpx.MockTransport(handler), clock=FakeClock())
    late: Future[None] = Future()
    for mistake in (lambda: int("a"), lambda: late.result(timeout=0)):
        try:
            mistake()
        except (ValueError, TimeoutError):
            with pytest.raises(errors.APIConnectionError) as caught:
                client.create_asset_from_hash(HASH, ["a"])
            assert type(caught.value) is errors.APIConnectionError
            assert len(caught.value.attempts) == 4


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        ("w" * 300, "ReadError: " + "w" * 200),
        ("a\n  b", "ReadError: a b"),
        ("", "ReadError"),
        (f"sent {KEY} to it", "ReadError: sent [key removed] to it"),
    ],
)
def test_words_of_a_cause(call: Call, words: str, cause: str) -> None:
    """Of the library's own error there are type and words, short, in one line, and without the key."""

    def handler(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadError(words)

    with pytest.raises(errors.APIConnectionError) as caught:
        call("https://a.example", options={"transport": httpx.MockTransport(handler)})
    assert (caught.value.cause, caught.value.attempts[0].error) == (cause, cause)
    assert str(caught.value) == f"no answer from https://a.example ({cause})"
