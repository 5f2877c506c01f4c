"""HTTP messages as the check sends, records and judges them: what was sent, what came back, as bytes.

Pure. A request may be one that no ordinary client would send, so it is written here and not by a
library; answers are read by h11, with the rules of RFC 9112.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any

import h11
from attrs import evolve, frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

#: How the end of a request's body is told: `Content-Length`, chunks, or not at all where there is none.
LENGTH, CHUNKED, NO_BODY = "length", "chunked", "none"
#: Bytes of an answer that are read. No answer of an operation like this is near it.
ANSWER_BYTES = 4 * 1024 * 1024


#: How every answer begins.
_START = b"HTTP/"


class NotHTTPError(Exception):
    """What came back is not an HTTP/1.1 answer; the text says in what."""


@frozen
class Request:
    """A request. Keys stand in it as placeholders (`keys.py`); `target` and headers are latin-1 text."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""
    framing: str = LENGTH

    def header(self, name: str) -> list[str]:
        """The values of a header, in the order sent."""
        return [value for given, value in self.headers if given.lower() == name.lower()]

    def setting(self, name: str, *values: str) -> Request:
        """The same request with exactly these values of a header."""
        others = tuple(pair for pair in self.headers if pair[0].lower() != name.lower())
        return evolve(self, headers=(*others, *((name, value) for value in values)))

    def wire(self) -> bytes:
        """The bytes to send."""
        framing: tuple[tuple[str, str], ...] = ()
        body = self.body
        if self.framing == CHUNKED:
            framing = (("Transfer-Encoding", "chunked"),)
            body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
        elif self.framing == LENGTH:
            framing = (("Content-Length", str(len(body))),)
        lines = [f"{self.method} {self.target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in (*self.headers, *framing)]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body

    def to_json(self) -> dict[str, Any]:
        """For a record."""
        return {
            "method": self.method,
            "target": self.target,
            "headers": [list(pair) for pair in self.headers],
            "body": bytes_to_json(self.body),
            "framing": self.framing,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Request:
        """From a record."""
        headers = tuple((str(name), str(text)) for name, text in value["headers"])
        return cls(
            value["method"], value["target"], headers, bytes_from_json(value["body"]), value["framing"]
        )


@frozen
class Response:
    """An answer: header names in lower case; `complete` is false where the connection ended too early."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    complete: bool = True

    def header(self, name: str) -> str | None:
        """The first value of a header."""
        return next((value for given, value in self.headers if given == name.lower()), None)


class Reader:
    """Reads one answer from the bytes of a connection, as they come."""

    def __init__(self, method: str) -> None:
        self._connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=ANSWER_BYTES)
        # h11 needs to know what was asked; what really went out is told by `Request.wire`.
        self._connection.send(h11.Request(method=method, target="/", headers=[("Host", "_")]))
        self._connection.send(h11.EndOfMessage())
        self._head: h11.Response | None = None
        self._body: list[bytes] = []
        self._size = 0
        self.done = False
        self._start = b""
        #: Whether the connection can carry another request.
        self.reusable = False

    def feed(self, data: bytes) -> None:
        """Take what was received; `b""` says that the connection ended. Raises `NotHTTPError`."""
        if len(self._start) < len(_START):
            self._start += data[: len(_START)]
            if not _START.startswith(self._start[: len(_START)]):
                # Something else need not end its lines as HTTP does: there is nothing to wait for.
                raise NotHTTPError(f"it starts with {data[:20].decode('latin-1')!a}")
        try:
            self._connection.receive_data(data)
            while not self.done:
                event = self._connection.next_event()
                if event in (h11.NEED_DATA, h11.PAUSED) or isinstance(event, h11.ConnectionClosed):
                    return
                self._take(event)
        except h11.RemoteProtocolError as error:
            if not data and self._head is None:
                return  # nothing came: whoever reads will see that there is no answer
            if self._head is None or data:
                raise NotHTTPError(str(error)) from None
            # The connection ended inside the body.
            self.done = True

    def _take(self, event: Any) -> None:
        if isinstance(event, h11.Response):
            self._head = event
        elif isinstance(event, h11.Data):
            self._body.append(bytes(event.data))
            self._size += len(event.data)
            if self._size > ANSWER_BYTES:
                raise NotHTTPError(f"the answer is larger than {ANSWER_BYTES} bytes")
        elif isinstance(event, h11.EndOfMessage):
            self.done = True
            self.reusable = (
                self._connection.our_state is h11.DONE and self._connection.their_state is h11.DONE
            )

    def response(self) -> Response | None:
        """The answer, as far as it came; None where not even its head did."""
        if self._head is None:
            return None
        headers = tuple(
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in self._head.headers
        )
        complete = self.done and self._connection.their_state is not h11.ERROR
        return Response(self._head.status_code, headers, b"".join(self._body), complete)


def read_response(raw: bytes, method: str) -> Response | None:
    """The answer in recorded bytes; None where there is none, or none that is HTTP."""
    reader = Reader(method)
    try:
        reader.feed(raw)
        if not reader.done:
            reader.feed(b"")
    except NotHTTPError:
        return None
    return reader.response()


def json_request(
    target: str, headers: Sequence[tuple[str, str]], media_type: str, value: Any, method: str = "POST"
) -> Request:
    """A request with a JSON body; `value` may be bytes that are sent as they are."""
    body = value if isinstance(value, bytes) else encode(value)
    return Request(method, target, (*headers, ("Content-Type", media_type)), body)


def encode(value: Any) -> bytes:
    """JSON as it is sent: UTF-8, no spaces; what UTF-8 cannot write is escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode("ascii")


def bytes_to_json(content: bytes) -> dict[str, str]:
    """Bytes as JSON that people can read where they are text."""
    try:
        return {"text": content.decode("utf-8")}
    except UnicodeDecodeError:
        return {"base64": b64encode(content).decode("ascii")}


def bytes_from_json(value: dict[str, str]) -> bytes:
    """The bytes that `bytes_to_json` wrote."""
    return value["text"].encode("utf-8") if "text" in value else b64decode(value["base64"])
