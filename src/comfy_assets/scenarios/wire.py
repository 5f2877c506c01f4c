"""Answers as bytes, and how bytes can reach a client: at once, late, in pieces, cut off, not at all.

Data, and one sender for it. `WIRES` says of each way what a client can have got by it.
"""

from __future__ import annotations

import itertools
import select
import socket
import struct
import time
from typing import TYPE_CHECKING, Final

from attrs import frozen

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

JSON: Final = "application/json"
#: How the end of an answer's body is told.
LENGTH, CHUNKED, UNTIL_CLOSED = "length", "chunked", "until closed"

#: A client has to wait for an answer that comes within this many seconds.
PATIENCE: Final = 3.0
#: Seconds until the first byte of a slow answer, and from the first to the last of a dripping one: below
#: `PATIENCE` by what a busy machine may add.
LATE: Final = 2.5

_REASONS = {
    200: "OK",
    201: "Created",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    500: "Internal Server Error",
}


@frozen
class Answer:
    """An answer: `before` stands before its status line (1xx), `ends` closes the connection after it."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = (("Content-Type", JSON),)
    framing: str = LENGTH
    reason: str | None = None
    before: bytes = b""
    ends: bool = False
    version: str = "1.1"

    @property
    def head(self) -> bytes:
        """All bytes before the body."""
        reason = _REASONS.get(self.status, "X") if self.reason is None else self.reason
        framing = {
            LENGTH: [("Content-Length", str(len(self.body)))],
            CHUNKED: [("Transfer-Encoding", "chunked")],
        }
        headers = [*self.headers, *framing.get(self.framing, [])]
        if self.ends or self.framing == UNTIL_CLOSED:
            headers.append(("Connection", "close"))
        lines = [
            f"HTTP/{self.version} {self.status} {reason}",
            *(f"{name}: {value}" for name, value in headers),
        ]
        return self.before + "\r\n".join([*lines, "", ""]).encode("utf-8")

    @property
    def content(self) -> bytes:
        """The body's bytes as they are sent."""
        if self.framing != CHUNKED:
            return self.body
        middle = len(self.body) // 2
        pieces = [piece for piece in (self.body[:middle], self.body[middle:]) if piece]
        return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"

    @property
    def closes(self) -> bool:
        """Whether the connection ends with it."""
        return self.ends or self.framing == UNTIL_CLOSED or self.version == "1.0"


# Kinds of steps.
SAY, PAUSE, CLOSE, RESET, HANG, DRIP_FOR_EVER = "say", "pause", "close", "reset", "hang", "drip for ever"


@frozen
class Step:
    """One thing that a server does with a connection."""

    kind: str
    data: bytes = b""
    seconds: float = 0.0


Steps = tuple[Step, ...]


def say(data: bytes) -> Step:
    """Send bytes."""
    return Step(SAY, data)


def pause(seconds: float) -> Step:
    """Do nothing for a while."""
    return Step(PAUSE, seconds=seconds)


def drip(data: bytes, seconds: float, pieces: int) -> Steps:
    """Send bytes in so many pieces over so many seconds."""
    size = max(1, -(-len(data) // pieces))
    parts = [data[start : start + size] for start in range(0, len(data), size)]
    return tuple(step for part in parts for step in (pause(seconds / len(parts)), say(part)))


#: What a client can have got: the whole answer; all of it, though a strict reader misses something; nothing
#: that can be read; nothing at all, for as long as it waits.
WHOLE, OPEN, LOST, SILENT = "whole", "open", "lost", "silent"
#: Bytes of a body that is cut off: too few to hold any member.
_CUT = 6


@frozen
class Wire:
    """A way in which an answer is sent, or is not."""

    name: str
    got: str
    steps: Callable[[Answer], Steps]

    @property
    def waits(self) -> bool:
        """Whether it takes time and not work."""
        return self.got == SILENT or sum(step.seconds for step in self.steps(Answer(200, b"{}"))) > 1


def _at_once(answer: Answer) -> Steps:
    end = (Step(CLOSE),) if answer.closes else ()
    return (say(answer.head + answer.content), *end)


def _in_packets(answer: Answer) -> Steps:
    raw = answer.head + answer.content
    places = (0, 5, len(answer.head) - 2, len(answer.head), len(answer.head) + 9, len(raw))
    parts = [raw[one:other] for one, other in itertools.pairwise(places)]
    return tuple(step for part in parts for step in (say(part), pause(0.02)))


def _longer(answer: Answer) -> Steps:
    more = answer.head.replace(
        b"Content-Length: %d" % len(answer.body), b"Content-Length: %d" % (len(answer.body) + 9)
    )
    return say(more + answer.body), Step(CLOSE)


def _shorter(answer: Answer) -> Steps:
    less = answer.head.replace(b"Content-Length: %d" % len(answer.body), b"Content-Length: %d" % _CUT)
    return say(less + answer.body), Step(CLOSE)


def _begun(answer: Answer) -> Step:
    return say(answer.head + answer.content[:_CUT])


#: By name; the names are an interface.
WIRES: Final[dict[str, Wire]] = {
    wire.name: wire
    for wire in (
        Wire("at-once", WHOLE, _at_once),
        Wire("split-packets", WHOLE, _in_packets),
        Wire("slow-first-byte", WHOLE, lambda answer: (pause(LATE), *_at_once(answer))),
        Wire("dripping", WHOLE, lambda answer: (say(answer.head), *drip(answer.content, LATE, 20))),
        Wire("reset-before-answer", LOST, lambda _: (Step(RESET),)),
        Wire("closed-before-answer", LOST, lambda _: (Step(CLOSE),)),
        Wire("closed-within-head", LOST, lambda answer: (say(answer.head[:20]), Step(CLOSE))),
        Wire("reset-within-body", LOST, lambda answer: (_begun(answer), pause(0.05), Step(RESET))),
        Wire("cut-short", LOST, lambda answer: (_begun(answer), Step(CLOSE))),
        Wire("length-too-short", LOST, _shorter),
        Wire("length-too-long", OPEN, _longer),
        Wire("not-http", LOST, lambda _: (say(b"SSH-2.0-OpenSSH_9.2\r\n"), Step(CLOSE))),
        Wire("no-answer", SILENT, lambda _: (Step(HANG),)),
        Wire("silent-within-body", SILENT, lambda answer: (_begun(answer), Step(HANG))),
        Wire("dripping-for-ever", SILENT, lambda answer: (
            say(Answer(answer.status, b" " * 10**6).head), Step(DRIP_FOR_EVER, b" ", 0.25))),
    )
}  # fmt: skip


def send(connection: socket.socket, steps: Steps, ended: threading.Event) -> bool:
    """Do these steps on a connection; whether it can carry another answer.

    `ended` stops whatever waits. Raises OSError where the client is gone.
    """
    for step in steps:
        if step.kind == SAY:
            connection.sendall(step.data)
        elif step.kind == PAUSE:
            ended.wait(step.seconds)
        elif step.kind == DRIP_FOR_EVER:
            while not ended.wait(step.seconds):
                connection.sendall(step.data)
            return False
        else:
            _END[step.kind](connection, ended)
            return False
    return True


def _reset(connection: socket.socket, _ended: threading.Event) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def _close(connection: socket.socket, _ended: threading.Event) -> None:
    connection.shutdown(socket.SHUT_WR)
    connection.settimeout(0.2)  # what the client still sends would turn the close into a reset
    end = time.monotonic() + 1
    while time.monotonic() < end and connection.recv(1 << 16):
        pass


def _hang(connection: socket.socket, ended: threading.Event) -> None:
    """Until the client goes away, or it is over."""
    while not ended.is_set():
        readable, _, _ = select.select([connection], [], [], 0.1)
        if readable and not connection.recv(1 << 16):
            return


_END: Final = {RESET: _reset, CLOSE: _close, HANG: _hang}
