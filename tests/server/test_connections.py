"""Below the application: heads that do not arrive, bodies that nobody wants, and connections beyond the bound."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterator

import pytest

from comfy_assets.server.process import ServerProcess
from comfy_assets.server.protocol import TOLD
from comfy_assets.server.starting import UNTAKEN_MS
from tests.server.asking import PATH, Asker, blake3_of, connected, received

HEAD = f"POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
PATIENT = 30


@pytest.fixture(scope="module")
def hasty() -> Iterator[ServerProcess]:
    """A server that gives a head half a second."""
    with ServerProcess(options=["--head-timeout", "0.5"]) as server:
        yield server


def dripped(connection: socket.socket, part: bytes) -> bytes:
    """What comes back while a byte is sent now and then, until the server closes."""
    came = b""
    connection.settimeout(0.05)
    end = time.monotonic() + PATIENT
    while time.monotonic() < end:
        try:
            if not (got := connection.recv(65536)):
                return came
            came += got
        except TimeoutError:
            with contextlib.suppress(OSError):
                connection.send(part)
        except ConnectionResetError:
            return came
    raise AssertionError("the server kept the connection")


def members(answer: bytes) -> set[str]:
    """The members of the last answer's body."""
    return set(json.loads(answer.rpartition(b"\r\n\r\n")[2]))


def test_slow_head_is_408(hasty: ServerProcess) -> None:
    """A head that drips is answered in the contract's form, and the connection closed."""
    with connected(hasty.url) as connection:
        connection.sendall(f"{HEAD}X-Slow: ".encode())
        answer = dripped(connection, b"x")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer.lower()
    assert members(answer) == {"code", "message"}


def test_slow_second_head_is_408(hasty: ServerProcess) -> None:
    """Also after an answer, and where it begins in the same packet as the request before it."""
    for rest in (b"", b"POST /"):
        with connected(hasty.url) as connection:
            connection.sendall(f"{HEAD}Content-Length: 0\r\n\r\n".encode() + rest)
            if not rest:
                assert received(connection).startswith(b"HTTP/1.1 401 ")
            answer = dripped(connection, b"x")
        assert b"HTTP/1.1 408 " in answer
        assert members(answer) == {"code", "message"}


def test_body_after_its_answer_ends(hasty: ServerProcess) -> None:
    """Whoever was told 401 cannot hold the connection by dripping the body."""
    with connected(hasty.url) as connection:
        connection.sendall(f"{HEAD}Content-Length: 100000\r\n\r\n".encode())
        answer = dripped(connection, b"x")
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert answer.count(b"HTTP/1.1 ") == 1


def test_head_in_time_is_served(hasty: ServerProcess) -> None:
    """A connection that is idle longer than a head may take is kept, and so is one that asks again."""
    with connected(hasty.url) as connection:
        time.sleep(0.7)
        for _ in range(2):
            connection.sendall(f"{HEAD}Content-Length: 0\r\n\r\n".encode())
            assert received(connection).startswith(b"HTTP/1.1 401 ")
            time.sleep(0.7)


def test_connections_beyond_the_bound() -> None:
    """Those within it are served on; those beyond are told 503 and when to come again; room is used again."""
    request = f"{HEAD}Content-Length: 2\r\n\r\n{{}}".encode()
    with (
        ServerProcess(options=["--max-connections", "3", "--head-timeout", "1"]) as server,
        contextlib.ExitStack() as stack,
    ):
        within = [stack.enter_context(connected(server.url)) for _ in range(3)]
        for connection in within:
            connection.sendall(request)
            assert received(connection).startswith(b"HTTP/1.1 401 ")
        with connected(server.url) as beyond:
            beyond.sendall(request)
            answer = b"".join(iter(lambda: beyond.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nretry-after: 1\r\n" in answer
        assert members(answer) == {"code", "message"}
        with connected(server.url) as silent:
            assert silent.recv(10) == b""
        for connection in within:
            connection.sendall(request)
            assert received(connection).startswith(b"HTTP/1.1 401 ")
        within.pop().close()
        ask = Asker(server.url, server.api_keys[0])
        body = {"hash": blake3_of(b"nothing"), "tags": ["a"]}
        end = time.monotonic() + PATIENT
        while (status := ask.create(body).status) == 503 and time.monotonic() < end:
            time.sleep(0.05)
        assert status == 404


def test_connections_far_beyond_are_closed() -> None:
    """A flood is cut off without an answer, and the server answers afterwards."""
    with ServerProcess(options=["--max-connections", "2"]) as server:
        with contextlib.ExitStack() as stack:
            flood = [stack.enter_context(connected(server.url)) for _ in range(2 + TOLD + 20)]
            for connection in flood[-20:]:
                with contextlib.suppress(ConnectionResetError):
                    assert connection.recv(10) == b""
        ask = Asker(server.url, server.api_keys[0])
        end = time.monotonic() + PATIENT
        while (status := ask.send(b"").status) == 503 and time.monotonic() < end:
            time.sleep(0.05)
        assert status == 400


GOOD = "GET /healthz HTTP/1.1\r\nHost: a\r\n"


def test_half_closed_connection_gets_its_answers(hasty: ServerProcess) -> None:
    """Who has sent all and says so, as `nc -N` does, gets every answer; an unfinished request gets none."""
    for sent, answers in ((f"{GOOD}\r\n", 1), (f"{GOOD}\r\n" * 30, 30), (f"{GOOD}\r\n{GOOD}", 1), (GOOD, 0)):
        with connected(hasty.url) as connection:
            connection.sendall(sent.encode())
            connection.shutdown(socket.SHUT_WR)
            came = b"".join(iter(lambda: connection.recv(65536), b""))
        assert came.count(b"HTTP/1.1 200 ") == came.count(b"HTTP/1.1 ") == answers


def test_nothing_after_the_last_request_counts(hasty: ServerProcess) -> None:
    """What follows a request with `Connection: close` neither replaces its answer nor gets one."""
    head = f"{HEAD}X-API-Key: {hasty.api_keys[0]}\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}"
    for rest in (b"nonsense\r\n\r\n", f"{GOOD}\r\n".encode()):
        with connected(hasty.url) as connection:
            connection.sendall(head.encode())
            connection.sendall(rest)
            came = b"".join(iter(lambda: connection.recv(65536), b""))
        assert came.count(b"HTTP/1.1 ") == 1
        assert b"tags is required" in came


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="the system has no such limit")
@pytest.mark.nightly
def test_client_that_takes_no_answer_is_dropped() -> None:
    """One that asks and asks and reads nothing loses its connection."""
    with ServerProcess() as server, connected(server.url) as connection:
        connection.settimeout(1)
        end = time.monotonic() + 4 * UNTAKEN_MS / 1000
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            while time.monotonic() < end:
                with contextlib.suppress(TimeoutError):
                    connection.send(b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: a\r\n\r\n" * 100)
                time.sleep(0.1)
