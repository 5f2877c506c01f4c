"""Sends bytes and brings bytes back: sockets, TLS and proxies, each with an end in time."""

from __future__ import annotations

import base64
import contextlib
import socket
import ssl
import time
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from attrs import define, field, frozen

from comfy_assets.contract.messages import NotHTTPError, Reader

if TYPE_CHECKING:
    from pathlib import Path

#: Why there is no whole answer.
TIMEOUT, CLOSED, REFUSED, NOT_HTTP, TLS = "timeout", "closed", "refused", "not-http", "tls"
_RECEIVE_BYTES = 65536


@frozen
class Target:
    """Where the server is, and the way there."""

    url: str
    ca_file: Path | None = None
    insecure: bool = False
    proxy: str | None = None
    scheme: str = field(init=False)
    host: str = field(init=False)
    port: int = field(init=False)
    #: What stands before the contract's paths.
    prefix: str = field(init=False)

    @scheme.default  # pyright: ignore[reportAttributeAccessIssue] # attrs' decorator: a field until the class is made
    def _scheme(self) -> str:
        return urlsplit(self.url).scheme

    @host.default  # pyright: ignore[reportAttributeAccessIssue] # attrs' decorator: a field until the class is made
    def _host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @port.default  # pyright: ignore[reportAttributeAccessIssue] # attrs' decorator: a field until the class is made
    def _port(self) -> int:
        return urlsplit(self.url).port or (443 if self.scheme == "https" else 80)

    @prefix.default  # pyright: ignore[reportAttributeAccessIssue] # attrs' decorator: a field until the class is made
    def _prefix(self) -> str:
        return urlsplit(self.url).path.rstrip("/")

    @property
    def authority(self) -> str:
        """The value of the `Host` header."""
        return urlsplit(self.url).netloc.rpartition("@")[2]


@frozen
class Answered:
    """What came back for one request: raw bytes, and why they are not a whole answer if they are not."""

    raw: bytes
    failure: str | None
    #: The failure in words; holds nothing that was sent.
    detail: str
    seconds: float


class _FailedError(Exception):
    """Internal: no connection, or it failed; `failure` as in `Answered`."""

    def __init__(self, failure: str, detail: str, raw: bytes = b"") -> None:
        super().__init__(detail)
        self.failure = failure
        self.detail = detail
        #: What had come until then, for the record.
        self.raw = raw


@define
class Line:
    """One connection to the server, opened when needed and kept while the server keeps it."""

    target: Target
    _socket: socket.socket | None = None

    def ask(self, wire: bytes, method: str, seconds: float) -> Answered:
        """Send these bytes and read one answer, all within `seconds`."""
        started = time.monotonic()
        end = started + seconds
        raw, failure, detail = b"", None, ""
        was_open = self._socket is not None
        try:
            raw = self._exchange(wire, method, end)
            if not raw and was_open:
                # A server may close a kept connection at any time (RFC 9112, section 9.3.1): once more
                # on a new one, where the same silence is the server's answer.
                raw = self._exchange(wire, method, end)
            if not raw:
                failure, detail = CLOSED, "the connection was closed without an answer"
        except _FailedError as error:
            failure, detail = error.failure, error.detail
            raw = error.raw
            self.close()
        return Answered(raw, failure, detail, time.monotonic() - started)

    def connect(self, seconds: float) -> None:
        """Open the connection now; raises nothing, `ask` will tell."""
        with contextlib.suppress(_FailedError):
            self._open(time.monotonic() + seconds)

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
            self._socket = None

    # --- Inside ----------------------------------------------------------------------------------

    def _exchange(self, wire: bytes, method: str, end: float) -> bytes:
        connection = self._open(end)
        try:
            connection.settimeout(_left(end))
            connection.sendall(wire)
        except TimeoutError:
            raise _FailedError(TIMEOUT, "the request could not be sent in time") from None
        except OSError:
            pass  # the server may have answered before it had read everything, and closed
        reader = Reader(method)
        raw = b""
        while not reader.done:
            data = self._receive(connection, end, raw)
            raw += data
            try:
                reader.feed(data)
            except NotHTTPError as error:
                raise _FailedError(NOT_HTTP, f"not an HTTP answer: {error}", raw) from None
            if not data:
                break
        if not reader.reusable:
            self.close()
        return raw

    def _receive(self, connection: socket.socket, end: float, so_far: bytes) -> bytes:
        try:
            connection.settimeout(_left(end))
            return connection.recv(_RECEIVE_BYTES)
        except TimeoutError:
            raise _FailedError(TIMEOUT, "no whole answer in time", so_far) from None
        except OSError:
            return b""  # a reset is judged like a close

    def _open(self, end: float) -> socket.socket:
        if self._socket is None:
            self._socket = _connected(self.target, end)
        return self._socket


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _connected(target: Target, end: float) -> socket.socket:
    proxy = urlsplit(target.proxy) if target.proxy else None
    host, port = (proxy.hostname or "", proxy.port or 8080) if proxy else (target.host, target.port)
    try:
        connection = socket.create_connection((host, port), timeout=_left(end))
    except TimeoutError:
        raise _FailedError(TIMEOUT, f"no connection to {host}:{port} in time") from None
    except OSError as error:
        cause = error.strerror or str(error)
        raise _FailedError(REFUSED, f"no connection to {host}:{port}: {cause}") from None
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if target.scheme != "https":
        return connection
    try:
        if proxy:
            _tunnel(connection, target, end)
        return _secured(connection, target, end)
    except _FailedError:
        connection.close()
        raise


def proxy_headers(target: Target) -> tuple[tuple[str, str], ...]:
    """What a proxy wants to know; empty without one, or without a name in its URL."""
    parts = urlsplit(target.proxy or "")
    if parts.username is None:
        return ()
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return (("Proxy-Authorization", "Basic " + base64.b64encode(pair.encode()).decode("ascii")),)


def _tunnel(connection: socket.socket, target: Target, end: float) -> None:
    lines = [f"CONNECT {target.host}:{target.port} HTTP/1.1", f"Host: {target.host}:{target.port}"]
    lines += [f"{name}: {value}" for name, value in proxy_headers(target)]
    try:
        connection.settimeout(_left(end))
        connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
        said = b""
        while b"\r\n\r\n" not in said:
            connection.settimeout(_left(end))
            data = connection.recv(_RECEIVE_BYTES)
            if not data:
                break
            said += data
    except TimeoutError:
        raise _FailedError(TIMEOUT, "the proxy did not answer in time") from None
    except OSError as error:
        raise _FailedError(REFUSED, f"the proxy broke off: {error.strerror or error}") from None
    status = said.split(b"\r\n", 1)[0].split(b" ")
    if len(status) < 2 or not status[1].startswith(b"2"):
        raise _FailedError(REFUSED, "the proxy refused to connect to the server")


def _secured(connection: socket.socket, target: Target, end: float) -> socket.socket:
    try:
        context = ssl.create_default_context(cafile=target.ca_file)
        if target.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        connection.settimeout(_left(end))
        return context.wrap_socket(connection, server_hostname=target.host)
    except TimeoutError:
        raise _FailedError(TIMEOUT, "TLS was not agreed upon in time") from None
    except ssl.SSLCertVerificationError as error:
        raise _FailedError(TLS, f"the certificate is not trusted: {error.verify_message}") from None
    except (ssl.SSLError, OSError) as error:
        cause = getattr(error, "reason", None) or error.strerror or str(error)
        raise _FailedError(TLS, f"TLS failed: {cause}") from None
