"""The scripted service of one run: a listener of its own, and another host to which redirects lead.

Every run has its own two addresses and its own key, so that whatever arrives belongs to it.
"""

from __future__ import annotations

import contextlib
import math
import socket
import threading
import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Final, Self

import h11
from attrs import define, evolve, field, frozen

from comfy_assets.contract.clients.plan import ELSEWHERE, FAILURE, LATER, MOVED
from comfy_assets.contract.clients.record import Arrival, Said
from comfy_assets.contract.messages import CHUNKED, LENGTH, NO_BODY, Request
from comfy_assets.scenarios import wire
from comfy_assets.scenarios.allowed import plain
from comfy_assets.scenarios.failing import SUCCESS as TRAP

if TYPE_CHECKING:
    from comfy_assets.contract.clients.plan import Reply

_BYTES: Final = 1 << 16
#: Of a request more is not kept: what is asked for is far smaller.
_LARGEST: Final = 4 * 1024 * 1024
#: Requests of one run: whoever asks more often is ended at its time limit without being recorded further.
MOST: Final = 200
#: The other host, where the system has a second loopback address.
_OTHER: Final = ("127.0.0.2", "127.0.0.1")


@frozen
class _Read:
    """What was read of a connection: a request, what was wrong, or neither where the client went away."""

    raw: bytes
    request: Request | None = None
    wrong: str = ""
    closes: bool = False
    rest: bytes = b""


@define(eq=False)
class Service:
    """Answers one run's requests with its replies, one after the other, the last again and again."""

    replies: tuple[Reply, ...]
    key_header: str
    arrivals: list[Arrival] = field(factory=list)
    _began: float = field(factory=time.monotonic)
    _listeners: list[socket.socket] = field(factory=list)
    _open: set[socket.socket] = field(factory=set)
    _threads: list[threading.Thread] = field(factory=list)
    _lock: threading.Lock = field(factory=threading.Lock)
    _ended: threading.Event = field(factory=threading.Event)
    _asked: int = 0
    _connections: int = 0

    def __enter__(self) -> Self:
        main = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._listeners = [main, _other()]
        for listener in self._listeners:
            thread = threading.Thread(target=self._accept, args=(listener, listener is not main), daemon=True)
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The base URL of the service."""
        return self._address(0)

    @property
    def elsewhere(self) -> str:
        """The base URL of the other host."""
        return self._address(1)

    def _address(self, number: int) -> str:
        host, port = self._listeners[number].getsockname()[:2]
        return f"http://{host}:{port}"

    def stop(self) -> None:
        """Close everything; what a program had sent before it ended is read."""
        self._ended.set()
        deadline = time.monotonic() + 1
        for thread in list(self._threads):
            thread.join(max(0, min(0.1, deadline - time.monotonic())))
        with self._lock:
            for one in (*self._listeners, *self._open):
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                with contextlib.suppress(OSError):
                    one.close()
        for thread in list(self._threads):
            thread.join(1)

    def _accept(self, listener: socket.socket, elsewhere: bool) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                self._open.add(connection)
                self._connections += 1
                number = self._connections
            thread = threading.Thread(target=self._serve, args=(connection, number, elsewhere), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, number: int, elsewhere: bool) -> None:
        rest = b""
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                read = _read(connection, rest)
                if read.request is None and not read.wrong:
                    return
                arrival = Arrival(
                    read.request, read.raw, number, self._now(), elsewhere=elsewhere, wrong=read.wrong
                )
                goes_on = self._answer(connection, arrival)
                if read.closes or not goes_on or read.request is None:
                    return
                rest = read.rest
        except OSError:
            return
        finally:
            with self._lock:
                self._open.discard(connection)
            with contextlib.suppress(OSError):
                connection.close()

    def _now(self) -> float:
        return round(time.monotonic() - self._began, 6)

    def _answer(self, connection: socket.socket, arrival: Arrival) -> bool:
        """Send what is due, and note it; whether the connection goes on."""
        with self._lock:
            if len(self.arrivals) >= MOST:
                return False
            place = len(self.arrivals)
            if arrival.request is None:
                steps, said = wire.WIRES["at-once"].steps(wire.Answer(400, ends=True)), None
            elif arrival.elsewhere:
                steps, said = self._elsewhere(arrival.request), None
            else:
                steps, said = self._due(arrival.request)
                arrival = evolve(arrival, moved=arrival.request.target == MOVED)
            self.arrivals.append(evolve(arrival, said=said))
        try:
            return wire.send(connection, steps, self._ended)
        except (OSError, ValueError):
            return False
        finally:
            with self._lock:
                self.arrivals[place] = evolve(self.arrivals[place], answered=self._now())

    def _due(self, request: Request) -> tuple[wire.Steps, Said]:
        """What the service says: the next of its replies, its headers completed."""
        if request.target == MOVED:
            if request.method != "POST":
                return wire.WIRES["at-once"].steps(wire.Answer(405, b"{}")), Said(FAILURE, 405, None, None)
            reply = self.replies[-1]
        else:
            redirects = any(MOVED.encode() in step.data for step in self.replies[0].steps)
            last = 0 if redirects else len(self.replies) - 1
            reply = self.replies[min(self._asked, last)]
            self._asked += 1
        wait, now = reply.wait, time.time()
        later = now if wait is None else math.ceil(now + wait)  # dates know no fractions
        if any(LATER.encode() in step.data for step in reply.steps):
            wait = later - now
        known = {ELSEWHERE: self.elsewhere, LATER: formatdate(later, usegmt=True)}
        steps = tuple(evolve(step, data=_completed(step.data, known)) for step in reply.steps)
        return steps, Said(reply.says, reply.status, reply.id, wait)

    def _elsewhere(self, request: Request) -> wire.Steps:
        """What another host says: it takes the key of whoever gives it, as a trap would."""
        answer = plain(201, TRAP) if request.header(self.key_header) else wire.Answer(401, b"{}")
        return wire.WIRES["at-once"].steps(answer)


def _completed(data: bytes, known: dict[str, str]) -> bytes:
    for name, value in known.items():
        data = data.replace(name.encode(), value.encode())
    return data


def _other() -> socket.socket:
    for host in _OTHER:
        with contextlib.suppress(OSError):
            return socket.create_server((host, 0), backlog=64)
    raise OSError("no loopback address can be listened on")


def _read(connection: socket.socket, rest: bytes) -> _Read:  # noqa: C901 - one loop over events
    """One request from a connection."""
    conversation = h11.Connection(h11.SERVER, max_incomplete_event_size=_LARGEST)
    raw, body, head = rest, b"", None
    if rest:
        conversation.receive_data(rest)
    try:
        while True:
            event = conversation.next_event()
            if event is h11.NEED_DATA:
                if conversation.they_are_waiting_for_100_continue:
                    go_on = conversation.send(h11.InformationalResponse(status_code=100, headers=[]))
                    connection.sendall(go_on or b"")
                data = connection.recv(_BYTES)
                raw += data
                if len(raw) > _LARGEST:
                    return _Read(raw[:_LARGEST], wrong="the request is larger than 4 MiB")
                if not data:
                    return _Read(raw, wrong="the connection ended inside the request" if raw.strip() else "")
                conversation.receive_data(data)
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                break
            else:
                return _Read(raw)
    except h11.RemoteProtocolError as error:
        return _Read(raw, wrong=str(error))
    trailing, _ = conversation.trailing_data
    headers = tuple(
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers.raw_items()
    )
    names = {name.lower(): value.lower() for name, value in headers}
    framing = CHUNKED if "transfer-encoding" in names else LENGTH if "content-length" in names else NO_BODY
    request = Request(head.method.decode("latin-1"), head.target.decode("latin-1"), headers, body, framing)
    closes = head.http_version == b"1.0" or "close" in names.get("connection", "")
    size = len(raw) - len(trailing)
    return _Read(raw[:size], request, closes=closes, rest=bytes(trailing))
