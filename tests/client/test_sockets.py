"""The sockets under the sync transport: their moments, what is written when, and the addresses of a host."""

from __future__ import annotations

import socket
import ssl
import time
from typing import Any

import httpcore
import pytest

from comfy_assets import sockets

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
    with pytest.raises(httpcore.ConnectError, match=r"^\.\.: .*label"):
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
