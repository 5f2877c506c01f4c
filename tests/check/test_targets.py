"""Servers that cannot be checked, and options that cannot work: exit 2, one sentence, in time."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from comfy_assets.contract.selftest import KEYS, STORED
from comfy_assets.contract.wire import REFUSED, TIMEOUT, TLS, Line, Target
from comfy_assets.scenarios.catalogue import CONFORMING
from comfy_assets.scenarios.serving import serving
from tests.support import certificate_in

from .conftest import KNOWN, envelope, keyed

Run = Callable[..., subprocess.CompletedProcess[str]]


@contextmanager
def talking(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server on a socket that does what it is told with each connection."""
    listener = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def accept() -> None:
        while not ended.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=guarded, args=(connection,), daemon=True).start()

    def guarded(connection: socket.socket) -> None:
        try:
            talk(connection)
        except OSError:
            pass
        finally:
            connection.close()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        ended.set()
        listener.close()


def _silent(connection: socket.socket) -> None:
    connection.recv(65536)
    time.sleep(20)


def _dripping(connection: socket.socket) -> None:
    """A byte now and then, for ever: each of them would reset a limit per read."""
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(200):
        connection.sendall(b" ")
        time.sleep(0.1)


def _no_http(connection: socket.socket) -> None:
    connection.sendall(b"220 mail.example.org ESMTP\r\n")
    connection.recv(65536)


@pytest.mark.parametrize(
    ("talk", "says"), [(_silent, "within 1 s"), (_dripping, "within 1 s"), (_no_http, "does not speak HTTP")]
)
def test_server_that_cannot_be_checked_is_one_sentence(run_check: Run, talk: Any, says: str) -> None:
    """A server that is silent, slow for ever, or something else ends the run at once, with exit 2."""
    with talking(talk) as address:
        started = time.monotonic()
        result = run_check(f"http://{address}", "--api-key", KEYS[0], *KNOWN, "--timeout", "1", "--json")
    assert result.returncode == 2
    assert says in envelope(result)["error"]["message"]
    assert time.monotonic() - started < 10


def test_server_that_is_down_is_one_sentence(run_check: Run) -> None:
    """Nobody listens: exit 2, and what to do."""
    result = run_check("http://127.0.0.1:9", "--api-key", KEYS[0], *KNOWN)
    assert result.returncode == 2
    assert result.stdout == ""
    assert [line.partition(":")[0] for line in result.stderr.splitlines()] == ["error", "hint"]


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 that nobody signed, and its key, in one file."""
    return certificate_in(tmp_path)


def test_unknown_authority_is_told_and_can_be_named(run_check: Run, certificate: Path) -> None:
    """TLS by an unknown authority: exit 2 with a hint; with --ca-file, or --insecure, the check goes on."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    answer = b"HTTP/1.1 402 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

    def talk(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(65536)
            secured.sendall(answer)

    with talking(talk) as address:
        options = [f"https://{address}", "--api-key", KEYS[0], *KNOWN, "--json"]
        refused = envelope(run_check(*options))["error"]
        assert "certificate is not trusted" in refused["message"]
        assert "--ca-file" in refused["hint"]
        for more in (["--ca-file", str(certificate)], ["--insecure"]):
            result = run_check(*options, *more)
            assert result.returncode == 2
            assert "402" in envelope(result)["data"]["hint"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "which server"),
        (["not a url"], "base URL"),
        (["http://127.0.0.1:9", "--rule", "no-such"], "there is no rule"),
        (["http://127.0.0.1:9", "--allow-not-checked", "refuse-nul"], "there is no rule"),
        (["--explain", "no-such"], "there is no rule"),
        (["http://127.0.0.1:9", "--known-hash", "abc"], "no hash as the contract writes it"),
        (["http://127.0.0.1:9", "--known-file", "/no/such/file"], "cannot be read"),
        (["http://127.0.0.1:9", "--baseline", "/no/such/file"], "cannot be read"),
        (["http://127.0.0.1:9", "--report-html", "/no/such/folder/a.html"], "cannot be written"),
        (["http://127.0.0.1:9", "--header", "no colon"], "--header"),
        (["http://127.0.0.1:9", "--run-id", "a b"], "--run-id"),
        (["http://127.0.0.1:9", "--timeout", "0"], "--timeout"),
        (["--rejudge", "/no/such/file"], "cannot be read"),
        (["--replay", "/no/such/file#x"], "cannot be read"),
    ],
)
def test_options_that_cannot_work_are_one_sentence(run_check: Run, options: list[str], says: str) -> None:
    """Wrong usage is exit 2, before anything is sent."""
    result = run_check(*options, "--json")
    assert result.returncode == 2, result.stdout + result.stderr
    assert says in envelope(result)["error"]["message"]


def test_wrong_key_is_not_the_servers_fault(run_check: Run) -> None:
    """A key that the server refuses leaves everything unchecked: exit 2, and why."""
    service = CONFORMING[0].service(STORED, KEYS)
    with serving(service.answer) as url:
        result = run_check(url, "--api-key", "not-the-right-key", *KNOWN, "--json")
    assert result.returncode == 2
    assert "answered 401 to the key" in envelope(result)["data"]["hint"]


def test_without_known_content_the_run_is_incomplete(run_check: Run) -> None:
    """Nothing that the server stores is known: exit 2, and the option that would help."""
    service = CONFORMING[0].service(STORED, KEYS)
    with serving(service.answer) as url:
        result = run_check(url, "--api-key", KEYS[0], "--json")
    assert result.returncode == 2
    assert "--known-file" in envelope(result)["data"]["hint"]


def test_server_that_wants_money_ends_the_run(run_check: Run) -> None:
    """402 ends the run after that request: not checked, exit 2."""
    service = CONFORMING[0].service(STORED, KEYS)
    with serving(lambda asked: service.error(402, "pay first")) as url:
        result = run_check(*keyed(url), "--json")
    assert result.returncode == 2
    assert envelope(result)["data"]["requests"] == 1


def test_server_that_throttles_everything_is_not_passed(run_check: Run) -> None:
    """429 to everything: nothing is a violation, and nothing reads as green."""
    service = CONFORMING[0].service(STORED, KEYS)
    with serving(lambda asked: service.error(429, "later").with_header("Retry-After", "0")) as url:
        result = run_check(*keyed(url), "--json")
    data = envelope(result)["data"]
    assert result.returncode == 2
    assert set(data["verdicts"]) <= {"not checked", "observed"}


def _until_blank_line(connection: socket.socket) -> bytes:
    said = b""
    while b"\r\n\r\n" not in said and (part := connection.recv(65536)):
        said += part
    return said


def test_tunnel_through_a_proxy(certificate: Path) -> None:
    """To a server with TLS a proxy makes a tunnel; it gets its own password, and sees nothing else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    asked: list[bytes] = []

    def server_behind(connection: socket.socket) -> None:
        asked.append(_until_blank_line(connection))
        connection.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        with context.wrap_socket(connection, server_side=True) as secured:
            asked.append(_until_blank_line(secured))
            secured.sendall(b"HTTP/1.1 204 X\r\n\r\n")

    with talking(server_behind) as proxy:
        target = Target("https://127.0.0.1:9", ca_file=certificate, proxy=f"http://me:a%20b@{proxy}")
        line = Line(target)
        told = line.ask(b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n", "GET", 20)
        line.close()
    assert (told.failure, told.raw) == (None, b"HTTP/1.1 204 X\r\n\r\n")
    assert asked == [
        b"CONNECT 127.0.0.1:9 HTTP/1.1\r\nHost: 127.0.0.1:9\r\nProxy-Authorization: Basic bWU6YSBi\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n",
    ]


def _only_connects(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 X\r\n\r\n")
    time.sleep(20)


@pytest.mark.parametrize(
    ("talk", "failure", "detail"),
    [
        (lambda one: one.sendall(b"HTTP/1.1 407 X\r\n\r\n"), REFUSED, "the proxy refused to connect"),
        (lambda one: None, REFUSED, "the proxy "),
        (_silent, TIMEOUT, "the proxy did not answer in time"),
        (_only_connects, TIMEOUT, "TLS was not agreed upon"),
        (lambda one: one.sendall(b"HTTP/1.1 200 X\r\n\r\nno TLS"), TLS, "TLS failed"),
    ],
    ids=["refuses", "closes", "is silent", "no TLS behind", "other bytes behind"],
)  # fmt: skip
def test_tunnel_that_is_none(talk: Callable[[socket.socket], None], failure: str, detail: str) -> None:
    """What a proxy does instead is told in words."""

    def heard(connection: socket.socket) -> None:
        if talk is not _silent:
            _until_blank_line(connection)
        talk(connection)

    with talking(heard) as proxy:
        told = Line(Target("https://127.0.0.1:9", proxy=f"http://{proxy}")).ask(b"", "GET", 0.5)
    assert (told.failure, told.raw) == (failure, b"")
    assert told.detail.startswith(detail)
