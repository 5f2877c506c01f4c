"""The sockets of the sync client: httpcore's, with moments instead of time limits.

A time limit of httpcore is for one wait, and a service that sends a byte now and then never meets it.
httpcore hands the number on as it got it; here it is a moment of the monotonic clock, the same for
every wait of an exchange.
"""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Any, Final

import httpcore

from comfy_assets.progress import note_sent
from comfy_assets.ways import reason

if TYPE_CHECKING:
    import ssl


def _left(moment: float | None, too_late: type[httpcore.TimeoutException]) -> float | None:
    """Seconds until a moment; an error where it is over."""
    if moment is None:
        return None
    left = moment - time.monotonic()
    if left <= 0:
        raise too_late("timed out")
    return left


class Backend(httpcore.SyncBackend):
    """httpcore's sockets, with moments for time limits."""

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, **options: Any) -> Stream:  # type: ignore[override] # the rest is handed on as it is
        """Connect to the first address of a host that answers."""
        addresses = _addresses(host, port)
        for position, address in enumerate(addresses):
            left = _left(timeout, httpcore.ConnectTimeout)
            # Each address has its share of the time: one that is silent must not cost the others theirs.
            share = left and left / (len(addresses) - position)
            try:
                return Stream(super().connect_tcp(address, port, share, **options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                if position == len(addresses) - 1:
                    # With the address: it may be the proxy's.
                    raise type(error)(f"{address}:{port}: {reason(error.__cause__ or error)}") from error
        raise httpcore.ConnectError(f"{host} has no address")


def _addresses(host: str, port: int) -> list[str]:
    """The addresses of a host; the look-up has no time limit, the system's resolver has."""
    try:
        found = socket.getaddrinfo(host, port)
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError(f"{host}: {reason(error)}") from error
    return list(dict.fromkeys(_with_interface(*address) for *_, address in found))  # pyright: ignore[reportArgumentType] # of IP: a name and numbers


def _with_interface(host: str, _port: int, *more: int) -> str:
    """An address; a link-local one of IPv6 means something only with its interface."""
    interface = more[1:]
    return f"{host}%{interface[0]}" if any(interface) else host


class Stream(httpcore.NetworkStream):
    """A connection with moments for time limits."""

    #: Whether no further answer may be read from it.
    is_spoiled = False

    #: Bytes that are written in one go, between two looks at the clock.
    _AT_ONCE: Final = 1 << 14

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream
        # httpcore writes head and body one after the other: together they are one packet, and wake the other
        # side once.
        self._held = bytearray()

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """The next bytes, after all that was written is sent; none where the other side closed."""
        try:
            while self._held:
                self._send(timeout)
        except httpcore.WriteError:
            # It may have answered before it heard all.
            self._held.clear()
        return self._stream.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it, at the latest when an answer is read."""
        self._held += buffer
        while len(self._held) >= self._AT_ONCE:
            self._send(timeout)

    def _send(self, timeout: float | None) -> None:
        left = _left(timeout, httpcore.WriteTimeout)
        piece = bytes(self._held[: self._AT_ONCE])
        del self._held[: self._AT_ONCE]
        note_sent()
        self._stream.write(piece, left)

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> Stream:
        """The same connection, encrypted."""
        left = _left(timeout, httpcore.ConnectTimeout)
        return Stream(self._stream.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        """What httpcore wants to know of the connection."""
        if info == "is_readable" and self.is_spoiled:
            # httpcore asks this before it uses a connection again: with something to read, it does not.
            return True
        return self._stream.get_extra_info(info)
