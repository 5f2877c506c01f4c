"""A small proxy that carries requests to a server, or does something else with them."""

from __future__ import annotations

import http.client
import json
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from attrs import frozen

#: Seconds that the front waits for the server behind it.
_PATIENCE = 30.0

#: What the front says of an answer to itself, and no program needs twice.
_OWN_HEADERS = ("connection", "content-length", "date", "server", "transfer-encoding")


@frozen
class Said:
    """An answer: status, headers, body."""

    status_code: int
    headers: dict[str, str]
    content: bytes


@frozen
class Seen:
    """A request that reached the front.

    `body` is its JSON, None where it is none; `status_code` that of its answer, None where it got none.
    The key that came with it is not kept.
    """

    method: str
    path: str
    body: Any
    status_code: int | None


#: What becomes of a request: `carry()` brings it to the server behind; None lets the answer vanish.
Deed = Callable[[Callable[[], Said]], Said | None]


class Front:
    """Listens on a free port of 127.0.0.1; a request gets the next of the `waiting` deeds, or is carried."""

    def __init__(self, host: str, port: int) -> None:
        self.behind = (host, port)
        self.seen: list[Seen] = []
        self.waiting: deque[Deed] = deque()
        self._server = _Listener(self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, front: Front) -> None:
        self.front = front
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Listener

    def handle_one_request(self) -> None:
        # A client that goes away is no event of a test.
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True

    def __getattr__(self, name: str) -> Any:
        # The base class asks for do_POST and its like; every method is carried.
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def _answer(self) -> None:
        front = self.server.front
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            deed = front.waiting.popleft()
        except IndexError:
            deed = _carried
        said = deed(lambda: self._carry(content))
        status = None if said is None else said.status_code
        front.seen.append(Seen(self.command, self.path, _json(content), status))
        if said is None:
            self._reset()
            return
        self.send_response_only(said.status_code)
        for name, value in said.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(said.content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(said.content)

    def _carry(self, content: bytes) -> Said:
        connection = http.client.HTTPConnection(*self.server.front.behind, timeout=_PATIENCE)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
            connection.request(self.command, self.path, content, headers)
            answer = connection.getresponse()
            kept = {name: value for name, value in answer.getheaders() if name.lower() not in _OWN_HEADERS}
            return Said(answer.status, kept, answer.read())
        finally:
            connection.close()

    def _reset(self) -> None:
        """Close the connection in the way that the other side calls "reset by peer"."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def log_message(self, *_: Any) -> None:
        """Tests have enough to say."""


def _carried(carry: Callable[[], Said]) -> Said:
    return carry()


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None
