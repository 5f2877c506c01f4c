"""Serves a model on a real socket of this machine, a thread for each connection."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import h11
from attrs import define, field

from comfy_assets.scenarios.model import Asked, Said

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_BYTES = 65536


@define
class Served:
    """A listening model; `url` is where."""

    answer: Callable[[Asked], Said | None]
    _listener: socket.socket = field(init=False)
    _open: set[socket.socket] = field(factory=set)
    _lock: threading.Lock = field(factory=threading.Lock)

    def start(self) -> None:
        """Listen on a free port."""
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def stop(self) -> None:
        """Close everything; threads end by themselves."""
        with self._lock:
            for one in (self._listener, *self._open):
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            conversation = h11.Connection(h11.SERVER)
            while self._answer_one(connection, conversation):
                conversation.start_next_cycle()
        except (OSError, h11.ProtocolError):
            pass
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def _answer_one(self, connection: socket.socket, conversation: h11.Connection) -> bool:
        """Answer one request; whether the connection goes on."""
        head, parts = None, []
        while True:
            event = _next(connection, conversation)
            if isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                parts.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                break
            else:
                return False
        assert head is not None
        said = self.answer(_asked(head, b"".join(parts)))
        if said is None:
            return False
        if said.seconds:
            time.sleep(said.seconds)
        if said.raw is not None:
            connection.sendall(said.raw)
            return False
        _send(connection, conversation, head, said)
        return conversation.our_state is h11.DONE and conversation.their_state is h11.DONE


def _next(connection: socket.socket, conversation: h11.Connection) -> Any:
    while True:
        event = conversation.next_event()
        if event is not h11.NEED_DATA:
            return event
        conversation.receive_data(connection.recv(_BYTES))


def _asked(head: h11.Request, body: bytes) -> Asked:
    headers: dict[str, list[str]] = {}
    for name, value in head.headers:
        headers.setdefault(name.decode("ascii"), []).append(value.decode("latin-1"))
    names = tuple(name.decode("ascii") for name, _ in head.headers.raw_items())
    return Asked(head.method.decode("ascii"), head.target.decode("latin-1"), headers, body, names)


def _send(connection: socket.socket, conversation: h11.Connection, head: h11.Request, said: Said) -> None:
    content = said.content
    headers = [*said.headers.items()]
    if not any(name.lower() in {"content-length", "transfer-encoding"} for name, _ in headers):
        headers.append(("Content-Length", str(len(content))))
    if said.closes:
        headers.append(("Connection", "close"))
    encoded = [(name.encode("ascii"), value.encode("utf-8")) for name, value in headers]
    data = conversation.send(h11.Response(status_code=said.status, headers=encoded)) or b""
    if head.method != b"HEAD":
        data += conversation.send(h11.Data(data=content)) or b""
    data += conversation.send(h11.EndOfMessage()) or b""
    connection.sendall(data)


@contextlib.contextmanager
def serving(answer: Callable[[Asked], Said | None]) -> Iterator[str]:
    """The URL of a model for the time of a `with`."""
    served = Served(answer)
    served.start()
    try:
        yield served.url
    finally:
        served.stop()
