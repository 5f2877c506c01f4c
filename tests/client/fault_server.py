"""A server on real sockets that misbehaves in steps, and the places where it can stand.

A step is a function of a `Conversation`: it receives, says something, waits or ends. A fault is a row of
steps (`faults.py`); when they are done, the connection is closed.
"""

from __future__ import annotations

import itertools
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from attrs import define, field, frozen

from tests.support import BODY, ScriptedServer, answer

#: Seconds after which a server that drips or is silent gives up: longer than any client here may
#: wait, so that a client without a deadline is found, and its test ends.
PATIENCE = 4.0


@define
class Conversation:
    """One connection of a client: what it sent, and what can be done to it."""

    connection: socket.socket
    #: The address of a server that nobody has a reason to ask.
    elsewhere: str
    key: str = ""
    _ends: float = field(factory=lambda: time.monotonic() + PATIENCE)

    def receive(self, *, body: bool) -> None:
        """Read the request's headers, and its body."""
        head = b""
        while b"\r\n\r\n" not in head:
            if not (more := self.connection.recv(1 if not body else 1 << 16)):
                raise ConnectionError("the client went away")
            head += more
        head, _, rest = head.partition(b"\r\n\r\n")
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:])
        }
        self.key = headers.get("x-api-key", "")
        while body and len(rest) < int(headers.get("content-length", 0)):
            rest += self.connection.recv(1 << 16)

    def send_each(self, pieces: Iterable[bytes], pause: float) -> None:
        """Send pieces, with a pause after each, until the client goes away or patience ends."""
        for piece in pieces:
            if time.monotonic() > self._ends:
                raise TimeoutError("out of patience")
            self.connection.sendall(piece)
            if pause:
                time.sleep(pause)

    def wait(self) -> None:
        """Say nothing until the client goes away, or for as long as patience lasts."""
        self.connection.settimeout(max(0.01, self._ends - time.monotonic()))
        while self.connection.recv(1 << 16):
            pass


Step = Callable[[Conversation], None]
#: What a step says: bytes, or a function that makes them, of the key or of another server's address.
Words = bytes | Callable[[Conversation], bytes]


def receive_headers(conversation: Conversation) -> None:
    """Read the request's headers, not its body."""
    conversation.receive(body=False)


def receive(conversation: Conversation) -> None:
    """Read the whole request."""
    conversation.receive(body=True)


def say(words: Words) -> Step:
    """Send some bytes at once."""

    def step(conversation: Conversation) -> None:
        conversation.connection.sendall(words if isinstance(words, bytes) else words(conversation))

    return step


def drip(words: bytes, pause: float = 0.05) -> Step:
    """Send some bytes one at a time, with a pause after each."""
    pieces = [words[position : position + 1] for position in range(len(words))]
    return lambda conversation: conversation.send_each(pieces, pause)


def repeat(piece: bytes, pause: float = 0.0) -> Step:
    """Send the same piece for ever."""
    return lambda conversation: conversation.send_each(itertools.repeat(piece), pause)


def pause(seconds: float) -> Step:
    """Say nothing for a while."""
    return lambda conversation: time.sleep(seconds)


def silent(conversation: Conversation) -> None:
    """Say nothing any more, and keep the connection open."""
    conversation.wait()


def close(conversation: Conversation) -> None:
    """Close the connection in order, with FIN: also where the client still sends."""
    conversation.connection.shutdown(socket.SHUT_WR)
    conversation.connection.settimeout(0.2)
    with suppress(TimeoutError):
        while conversation.connection.recv(1 << 16):
            pass


def reset(conversation: Conversation) -> None:
    """End the connection with RST."""
    conversation.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    conversation.connection.close()


@define
class FaultServer(ScriptedServer):
    """Goes through the steps of a fault on each connection."""

    steps: Sequence[Step] = ()
    elsewhere: str = ""

    def _serve(self, connection: socket.socket) -> None:
        # The end of a conversation is the client's to report; here an error only means that it is over.
        with suppress(OSError), connection:
            wrapped = self.tls.wrap_socket(connection, server_side=True) if self.tls else connection
            with wrapped:
                conversation = Conversation(wrapped, self.elsewhere)
                for step in self.steps:
                    step(conversation)


@frozen
class Stage:
    """Where the client is sent, and what may be watched there."""

    url: str
    #: How many connections came to the faulty server, and to the one that nobody has a reason to ask.
    connections: Callable[[], int] = lambda: 0
    elsewhere: Callable[[], int] = lambda: 0


#: Makes a stage of a fault's steps, and of a folder with a certificate.
Place = Callable[[Sequence[Step], Path], "Iterator[Stage]"]


def _running(steps: Sequence[Step], tls: ssl.SSLContext | None, scheme: str) -> Iterator[Stage]:
    elsewhere = ScriptedServer(lambda request: answer(201, BODY))
    server = FaultServer(
        lambda request: None,
        steps=steps,
        tls=tls,
        elsewhere=elsewhere.url.replace("127.0.0.1", "localhost"),
    )
    elsewhere.start()
    server.start()
    try:
        yield Stage(
            f"{scheme}:{server.url.partition(':')[2]}",
            lambda: server.connections,
            lambda: elsewhere.connections,
        )
    finally:
        server.stop()
        elsewhere.stop()


def plain(steps: Sequence[Step], _certificates: Path) -> Iterator[Stage]:
    """A server without TLS, as the client expects."""
    yield from _running(steps, None, "http")


def plain_for_https(steps: Sequence[Step], _certificates: Path) -> Iterator[Stage]:
    """A server without TLS, to which the client speaks TLS."""
    yield from _running(steps, None, "https")


def _tls(certificates: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
    return context


def tls(steps: Sequence[Step], certificates: Path) -> Iterator[Stage]:
    """A server with a certificate that nobody vouches for."""
    yield from _running(steps, _tls(certificates), "https")


def tls_for_http(steps: Sequence[Step], certificates: Path) -> Iterator[Stage]:
    """A server with TLS, to which the client speaks without."""
    yield from _running(steps, _tls(certificates), "http")


def _address(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def refused(_steps: Sequence[Step], _certificates: Path) -> Iterator[Stage]:
    """Nobody listens: the port is taken, so that nobody else can, but not opened."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield Stage(_address(taken))


def never_accepted(_steps: Sequence[Step], _certificates: Path) -> Iterator[Stage]:
    """The system takes the connection and the request; no program ever does."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield Stage(_address(listener))


def _fill(listener: socket.socket) -> list[socket.socket]:
    """Connections until the system takes no more."""
    waiting: list[socket.socket] = []
    try:
        while True:
            waiting.append(socket.create_connection(listener.getsockname(), timeout=0.2))
    except TimeoutError:
        return waiting


def queue_full(_steps: Sequence[Step], _certificates: Path) -> Iterator[Stage]:
    """The system has no room for another connection, and does not answer the attempt."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        waiting = _fill(listener)
        yield Stage(_address(listener))
        for one in waiting:
            one.close()


@contextmanager
def staged(place: Place, steps: Sequence[Step], certificates: Path) -> Iterator[Stage]:
    """A fault for the time of a `with`."""
    yield from place(steps, certificates)
