"""Which way a request goes, and whom it trusts: proxies and certificates."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from comfy_assets import (
    AssetsClient,
    AsyncAssetsClient,
    AsyncTransport,
    InputError,
    RetryPolicy,
    Transport,
    errors,
    ways,
)
from tests.client.conftest import KEY, Call, call_async, call_sync, transport_for
from tests.support import CREATED, HASH, ScriptedServer, scripted


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


@pytest.mark.parametrize("client", [AssetsClient, AsyncAssetsClient])
def test_proxies_of_the_environment_as_they_change(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment is asked for each request and host, by a transport that is used on too."""
    for name in ("NO_PROXY", "no_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)

    async def done(what: Any) -> None:
        if asyncio.iscoroutine(what):
            await what

    async def run() -> None:
        here = client(KEY, server.url)
        there = client(KEY, server.url.replace("127.0.0.1", "localhost"), transport=here._shared.transport)

        async def ask(one: Any = here) -> tuple[int, int]:
            """How many requests proxy and server have had, after one more."""
            await done(one.create_asset_from_hash(HASH, ["a"]))
            return len(proxy.requests), len(server.requests)

        assert await ask() == (0, 1)
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert await ask() == (1, 1)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert await ask() == (1, 2)
        assert await ask(there) == (2, 2)
        assert await ask() == (2, 3)
        monkeypatch.delenv("NO_PROXY")
        monkeypatch.delenv("HTTP_PROXY")
        assert await ask() == (2, 4)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        assert await ask() == (3, 4)
        await done(here.close())

    with scripted(CREATED) as proxy, scripted(CREATED) as server:
        asyncio.run(run())


def test_socks_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sync client needs a package for them; the async one refuses them, and sends them nothing."""
    with scripted(CREATED) as server:
        socks = server.url.replace("http:", "socks5:")
        with pytest.raises(errors.APIConnectionError, match="socksio"):
            call_sync("http://127.0.0.1:1", options={"transport": Transport(proxy=socks)})
        with pytest.raises(errors.InputError, match=r"^proxy: the async client has no SOCKS"):
            AsyncTransport(proxy=socks)
        monkeypatch.setenv("ALL_PROXY", socks)
        monkeypatch.setenv("NO_PROXY", "")
        monkeypatch.setenv("no_proxy", "")
        with pytest.raises(errors.APIConnectionError, match="proxy: the async client has no SOCKS") as caught:
            call_async("http://127.0.0.1:1", options={"retry": RetryPolicy()})
        assert [attempt.outcome for attempt in caught.value.attempts] == ["not_sent"]
        assert server.connections == 0


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


def test_one_transport_for_plain_and_encrypted(tls_server: ScriptedServer, certificate: Path) -> None:
    """Whom a transport trusts holds also where its first service was spoken to without TLS."""
    with scripted(CREATED) as server:
        with Transport(verify=str(certificate)) as transport:
            for url in (server.url, tls_server.url):
                client = AssetsClient(KEY, url, transport=transport, retry=None)
                assert client.create_asset_from_hash(HASH, ["a"]).created_new

        async def run() -> None:
            async with AsyncTransport(verify=str(certificate)) as transport:
                for url in (server.url, tls_server.url):
                    client = AsyncAssetsClient(KEY, url, transport=transport, retry=None)
                    assert (await client.create_asset_from_hash(HASH, ["a"])).created_new

        asyncio.run(run())


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


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            OSError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 1)"),
            os.strerror(errno.ECONNREFUSED),
        ),
        (OSError(errno.EPERM, "no"), os.strerror(errno.EPERM)),
        (OSError(0, "no words of the system"), "no words of the system"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "Name or service not known"),
        (OSError("all that is known"), "all that is known"),
        (ssl.SSLError(1, "[SSL] record layer failure"), "[SSL] record layer failure"),
        (UnicodeError("label too long"), "label too long"),
    ],
    ids=repr,
)
def test_reason_is_in_the_systems_words(error: Exception, words: str) -> None:
    """Without numbers, and without what a library made of it; TLS has words of its own."""
    assert ways.reason(error).startswith(words)
