"""A scripted TCP front: stands before the server's own socket, and does with a request what a step says.

One for any number of workers. Bytes of requests that no step touches go through as they came, those that
are no HTTP included; what is not a whole request in time or size is the server's own business.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import h11
from attrs import define, evolve, field, frozen

from comfy_assets.scenarios import wire
from comfy_assets.scenarios.wire import Answer

#: Bytes of a body that a step looks at; a larger one is carried and no more.
LARGEST: Final = 1024 * 1024
#: Bytes of an answer.
_LARGEST_ANSWER: Final = 64 * 1024 * 1024
_BYTES: Final = 65536
#: Seconds for the server behind it; longer than any limit of its own.
_PATIENCE: Final = 120.0
#: Seconds in which a body must have come for a step to act on it. The server's own limit is its own.
_BODY_SECONDS: Final = 10.0
_HEAD_BYTES: Final = 65536
_FRAMING: Final = (b"content-length", b"transfer-encoding")


@frozen
class Request:
    """A request: header names as they were written, in their order; `raw` is all of its bytes."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    raw: bytes = field(repr=False)

    def values(self, name: str) -> list[str]:
        """All values of a header."""
        return [value for one, value in self.headers if one.lower() == name.lower()]

    def with_header(self, name: str, value: str) -> Request:
        """With this one value of a header."""
        headers = [pair for pair in self.headers if pair[0].lower() != name.lower()]
        return self._written((*headers, (name, value)), self.body)

    def with_body(self, body: bytes) -> Request:
        """With another body."""
        return self._written(self.headers, body)

    def _written(self, headers: tuple[tuple[str, str], ...], body: bytes) -> Request:
        kept = [pair for pair in headers if pair[0].lower().encode("latin-1") not in (*_FRAMING, b"expect")]
        kept.append(("Content-Length", str(len(body))))
        lines = [
            f"{self.method} {self.target} HTTP/1.1",
            *(f"{name}: {value}" for name, value in kept),
            "",
            "",
        ]
        return evolve(self, headers=tuple(kept), body=body, raw="\r\n".join(lines).encode("latin-1") + body)


@frozen
class Deed:
    """What becomes of a request: the answer, how it is sent, and what was asked of the server behind."""

    answer: Answer
    how: str | None = None
    delay: float = 0.0
    #: Whether it is the server's own answer, to be sent as it came.
    own: bool = False
    note: dict[str, Any] = field(factory=dict)


#: Brings a request to the server behind; its answer.
Carry = Callable[[Request], Answer]
#: Decides what becomes of a request; None: it is carried, and its answer brought back.
Decide = Callable[[Request, Carry], Deed | None]


@frozen
class Exchange:
    """What went over a connection. `answer` is None where the server behind gave none."""

    request: Request | None
    answer: Answer | None
    how: str | None
    started: float
    seconds: float
    #: Bytes that were no HTTP, where there is no request.
    raw: bytes = b""
    note: dict[str, Any] = field(factory=dict)


class _GoneError(Exception):
    """A connection ended, or said what is no HTTP."""


@define(slots=False)
class Front:
    """Accepts on `listener` and carries to `behind`. `seen` is told of every exchange."""

    listener: socket.socket
    behind: tuple[str, int]
    decide: Decide
    seen: Callable[[Exchange], None] = lambda _: None
    ended: threading.Event = field(factory=threading.Event)
    _open: set[socket.socket] = field(factory=set)
    _lock: threading.Lock = field(factory=threading.Lock)

    def start(self) -> None:
        """Listen, in threads of this process."""
        self.listener.listen(socket.SOMAXCONN)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """End every connection, and what waits in them."""
        self.ended.set()
        with self._lock:
            for one in (self.listener, *self._open):
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self) -> None:
        while not self.ended.is_set():
            try:
                connection, _ = self.listener.accept()
            except OSError:
                if self.ended.wait(0.05):  # out of descriptors, for a while
                    return
                continue
            connection.setblocking(True)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.add(connection)
        try:
            with contextlib.suppress(OSError, _GoneError, h11.ProtocolError):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                _Conversation(self, connection).run()
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()


class _Conversation:
    """One connection of a client."""

    def __init__(self, front: Front, connection: socket.socket) -> None:
        self._front = front
        self._connection = connection
        self._parser = h11.Connection(h11.SERVER, max_incomplete_event_size=_HEAD_BYTES)
        #: Bytes of the request that is being read.
        self._raw = b""
        self._behind: socket.socket | None = None

    def run(self) -> None:
        try:
            while self._one():
                rest, _ = self._parser.trailing_data
                self._parser.start_next_cycle()
                self._raw = bytes(rest)
        finally:
            if self._behind is not None:
                self._behind.close()

    # --- A request -------------------------------------------------------------------------------

    def _one(self) -> bool:
        """One request and what becomes of it; whether another can follow."""
        try:
            head = self._event()
            if not isinstance(head, h11.Request):
                return False  # the client closed
            started = time.time()
            whole, body = self._body(head)
        except h11.RemoteProtocolError:
            self._tunnel()
            return False
        if not whole:
            self._note(_request(head, body, self._raw), None, None, time.time())
            self._tunnel()
            return False
        rest, _ = self._parser.trailing_data
        raw = self._raw[: len(self._raw) - len(rest)]
        request = _request(head, body, raw)
        deed = self._front.decide(request, self._carry)
        if deed is None:
            deed = Deed(self._carry(request), own=True)
        self._note(request, deed.answer, deed.how, started, deed.note)
        return self._say(deed, head)

    def _event(self) -> Any:
        while True:
            event = self._parser.next_event()
            if event is not h11.NEED_DATA:
                return event
            data = self._connection.recv(_BYTES)
            self._raw += data
            self._parser.receive_data(data)

    def _body(self, head: h11.Request) -> tuple[bool, bytes]:
        """The body, and whether it is whole; one that is too large or too slow is not."""
        parts: list[bytes] = []
        size, end = 0, time.monotonic() + _BODY_SECONDS
        announced = next((int(value) for name, value in head.headers if name == b"content-length"), 0)
        if announced > LARGEST:
            return False, b""
        if self._parser.they_are_waiting_for_100_continue:
            self._connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        try:
            while True:
                self._connection.settimeout(max(0.01, end - time.monotonic()))
                event = self._event()
                if isinstance(event, h11.EndOfMessage):
                    return True, b"".join(parts)
                if not isinstance(event, h11.Data):
                    raise _GoneError
                parts.append(bytes(event.data))
                size += len(event.data)
                if size > LARGEST:
                    return False, b"".join(parts)
        except TimeoutError:
            return False, b"".join(parts)
        finally:
            self._connection.settimeout(None)

    # --- The server behind -------------------------------------------------------------------------

    def _backend(self) -> socket.socket:
        if self._behind is not None and select.select([self._behind], [], [], 0)[0]:
            self._behind.close()  # it closed an idle connection
            self._behind = None
        if self._behind is None:
            self._behind = socket.create_connection(self._front.behind, timeout=_PATIENCE)
            self._behind.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._behind

    def _carry(self, request: Request) -> Answer:
        try:
            return self._carried(request)
        except (OSError, _GoneError):
            # It may have closed an idle connection, or a worker ended: nobody else can know which.
            if self._behind is not None:
                self._behind.close()
                self._behind = None
            raise _GoneError from None

    def _carried(self, request: Request) -> Answer:
        behind = self._backend()
        behind.sendall(request.raw)
        parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEAD_BYTES)
        parser.send(h11.Request(method=request.method, target="/", headers=[("Host", "a")]))
        parser.send(h11.EndOfMessage())
        head, parts, size = None, [], 0
        while True:
            event = parser.next_event()
            if event is h11.NEED_DATA:
                parser.receive_data(behind.recv(_BYTES))
            elif isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                parts.append(bytes(event.data))
                size += len(event.data)
                if size > _LARGEST_ANSWER:
                    raise _GoneError
            elif isinstance(event, h11.EndOfMessage):
                break
            elif not isinstance(event, h11.InformationalResponse):
                raise _GoneError
        assert head is not None
        closes = parser.their_state is not h11.DONE
        if closes:
            behind.close()
            self._behind = None
        return _answer(head, b"".join(parts), closes=closes)

    def _tunnel(self) -> None:
        """Carry bytes both ways until one side has no more: what came is no HTTP, too large, or too slow."""
        behind = self._backend()
        behind.sendall(self._raw)
        raw = self._raw[:_HEAD_BYTES]
        started = time.time()
        ways = {self._connection: behind, behind: self._connection}
        while True:
            readable, _, _ = select.select(list(ways), [], [], _PATIENCE)
            for one in readable:
                data = one.recv(_BYTES)
                if not data or not readable:
                    self._front.seen(Exchange(None, None, None, started, time.time() - started, raw))
                    return
                ways[one].sendall(data)
            if not readable:
                return

    # --- The answer --------------------------------------------------------------------------------

    def _say(self, deed: Deed, head: h11.Request) -> bool:
        if deed.delay and self._front.ended.wait(deed.delay):
            return False
        answer = deed.answer
        data = answer.head + (b"" if head.method == b"HEAD" else answer.content)
        if deed.how is None:
            self._connection.sendall(data)
            goes_on = not answer.closes
        else:
            steps = wire.WIRES[deed.how].steps(answer)
            goes_on = wire.send(self._connection, steps, self._front.ended)
        if not goes_on or self._parser.their_state is not h11.DONE:
            return False
        # The parser is told that an answer was given, so that it reads the next request.
        self._parser.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
        self._parser.send(h11.EndOfMessage())
        return self._parser.our_state is h11.DONE

    def _note(
        self,
        request: Request,
        answer: Answer | None,
        how: str | None,
        started: float,
        note: dict[str, Any] | None = None,
    ) -> None:
        self._front.seen(Exchange(request, answer, how, started, time.time() - started, b"", note or {}))


def _request(head: h11.Request, body: bytes, raw: bytes) -> Request:
    headers = tuple(
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers.raw_items()
    )
    return Request(head.method.decode("ascii"), head.target.decode("latin-1"), headers, body, raw)


def _answer(head: h11.Response, body: bytes, *, closes: bool) -> Answer:
    """The server's answer. A length without a body, as for HEAD, stays; chunks are put together."""
    pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers.raw_items()]
    lengths = [pair for pair in pairs if pair[0].lower() == "content-length"]
    headers = [
        pair for pair in pairs if pair[0].lower() not in ("content-length", "transfer-encoding", "connection")
    ]
    reason = bytes(head.reason).decode("latin-1")
    if not body and (lengths or head.status_code in (204, 304)):
        return Answer(head.status_code, b"", (*headers, *lengths), "", reason, ends=closes)
    return Answer(head.status_code, body, tuple(headers), reason=reason, ends=closes)
