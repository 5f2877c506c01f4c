"""One request and what came of it: the only place where the clients touch the network.

An exchange never raises for what the network does. What came is kept as far as it came, bounded in
size and time, and without the key, wherever the service may have repeated it.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import sys
import time
import zlib
from typing import TYPE_CHECKING, Any, Final, Literal

import httpx
from attrs import Factory, define, field, frozen

from comfy_assets import defaults
from comfy_assets.errors import InputError
from comfy_assets.progress import Incoming, Progress, progress
from comfy_assets.transports import Transport
from comfy_assets.transports_async import AsyncTransport

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Awaitable, Iterable, Iterator, Mapping

    from comfy_assets_api.client import KeyInHeader


def usable(transport: Any, ours: type[Any], method: str) -> Any:
    """The transport that was given, or one of ours; InputError for what does not fit the client."""
    if transport is None:
        return ours()
    if isinstance(transport, type) or not callable(getattr(transport, method, None)):
        raise InputError(
            f"transport is of the type {type(transport).__name__}: expected "
            f"comfy_assets.{ours.__name__}(...), or an httpx transport with {method}"
        )
    return transport


@frozen
class RawResponse:
    """An answer as it came: status, headers (names in lower case) and bytes, decompressed.

    Where the service repeated the key, it is cut out.
    """

    status_code: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)


@frozen
class Failure:
    """What went wrong on the wire.

    Attributes:
        kind: `"timeout"`, `"too_large"`, or `"broken"` for everything else.
        cause: type and words of the library's own error; holds no key.
        passes: whether another attempt may fare better.
    """

    kind: Literal["broken", "timeout", "too_large"]
    cause: str
    passes: bool = True


@frozen
class Exchange:
    """What came of a request: an answer, a failure, or an answer that a failure cut off.

    `sent` tells whether the service may have seen the request.
    """

    response: RawResponse | None
    failure: Failure | None
    sent: bool
    seconds: float


def _sent(
    transport: httpx.BaseTransport, arguments: Mapping[str, Any], key: KeyInHeader, seconds: float
) -> Incoming[Iterable[bytes], None]:
    """Send a request by our transport, or by somebody's own: one of ours with another method is that, too."""
    one: Any = transport
    if _is(one.handle_request, Transport.handle_request):
        incoming: Incoming[Iterable[bytes], None] = one.send(key, seconds, **arguments)
        return incoming
    answer = one.handle_request(_for_httpx(arguments, key, seconds))

    def close() -> None:
        with contextlib.suppress(Exception):
            answer.close()

    return Incoming(answer.status_code, answer.headers.raw, answer.stream, close)


async def _sent_async(
    transport: httpx.AsyncBaseTransport, arguments: Mapping[str, Any], key: KeyInHeader, seconds: float
) -> Incoming[AsyncIterable[bytes], Awaitable[None]]:
    """As `_sent`, in an event loop."""
    one: Any = transport
    if _is(one.handle_async_request, AsyncTransport.handle_async_request):
        incoming: Incoming[AsyncIterable[bytes], Awaitable[None]] = await one.send(key, **arguments)
        return incoming
    answer = await one.handle_async_request(_for_httpx(arguments, key, seconds))

    async def close() -> None:
        # An answer that was not read to its end may keep its connection from closing quickly.
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_CLOSING):
                await answer.aclose()

    return Incoming(answer.status_code, answer.headers.raw, answer.stream, close)


def _is(method: Any, function: object) -> bool:
    """Whether a method is that function, and neither overridden nor replaced."""
    return hasattr(method, "__func__") and method.__func__ is function


def _for_httpx(arguments: Mapping[str, Any], key: KeyInHeader, seconds: float) -> httpx.Request:
    """A request for somebody's own transport, which gets the key in it."""
    limits = dict.fromkeys(("connect", "read", "write", "pool"), seconds)
    return next(key.auth_flow(httpx.Request(**arguments, extensions={"timeout": limits})))


#: A character for each byte.
_BYTES: Final = "latin-1"


def _text(raw: bytes) -> str:
    """A header as text: UTF-8 where it is that, else a character for each byte."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode(_BYTES)


@define
class _Attempt:
    """What is known of an exchange while it goes on."""

    progress: Progress
    #: Whether the transport is ours, and tells when it sends; of another one only its error does.
    tells: bool
    began: float = Factory(time.monotonic)
    #: What the caller was dealing with: no cause of what happens here.
    outside: BaseException | None = Factory(sys.exception)
    status: int = 0
    headers: dict[str, str] = Factory(dict)
    body: _Body | None = None
    failure: Failure | None = None

    def begin(self, answer: Incoming[Any, Any]) -> _Body:
        """Status and headers are there."""
        self.progress.sent = True
        self.status = answer.status
        remove = self.progress.key.removed_from
        for name, value in answer.headers:
            key, text = remove(_text(name).lower()), remove(_text(value))
            self.headers[key] = f"{self.headers[key]}, {text}" if key in self.headers else text
        self.body = _Body(self.headers.get("content-encoding"))
        return self.body

    def look_at_the_clock(self, seconds: float) -> None:
        """Stop where the time is over: not every transport does."""
        if time.monotonic() - self.began > seconds:
            raise httpx.ReadTimeout("the answer did not end in time")

    def fail(self, error: Exception) -> None:
        """The library gave up."""
        words = " ".join(self.progress.key.removed_from(str(error)).split())[:200]
        cause = f"{type(error).__name__}: {words}".rstrip(": ")
        chain = list(_chain(error, self.outside))
        if isinstance(error, _TooLargeError):
            self.failure = Failure("too_large", str(error))
        elif _is_timeout(chain):
            self.failure = Failure("timeout", cause)
        else:
            self.failure = Failure("broken", cause, passes=not any(map(_is_lasting, chain)))
        if isinstance(error, httpx.ProxyError):
            # What was sent was for the proxy.
            self.progress.sent = False
        elif not self.tells:
            never_left = isinstance(error, _NOT_SENT) and not _was_connected(chain)
            self.progress.sent = self.progress.sent or not never_left

    def end(self) -> Exchange:
        """What came of it."""
        response = None
        if self.body is not None:
            content = bytes(self.body.content)
            content = self.progress.key.removed_from_bytes(content, is_cut=self.failure is not None)
            response = RawResponse(self.status, self.headers, content)
        return Exchange(response, self.failure, self.progress.sent, time.monotonic() - self.began)


def exchange(
    transport: httpx.BaseTransport, arguments: Mapping[str, Any], key: KeyInHeader, seconds: float
) -> Exchange:
    """Send a request and read its answer, within a number of seconds.

    Args:
        arguments: for `httpx.Request`, without the key.
    """
    attempt = _Attempt(Progress(key), tells=isinstance(transport, Transport))
    answer, before = None, progress.set(attempt.progress)
    try:
        answer = _sent(transport, arguments, key, seconds)
        body = attempt.begin(answer)
        for piece in answer.pieces:
            body.take(piece)
            attempt.look_at_the_clock(seconds)
        body.end()
    except Exception as error:
        if not _is_of_the_wire(error):
            raise
        attempt.fail(error)
    finally:
        progress.reset(before)
        if answer is not None:
            answer.close()
    return attempt.end()


async def exchange_async(
    transport: httpx.AsyncBaseTransport, arguments: Mapping[str, Any], key: KeyInHeader, seconds: float
) -> Exchange:
    """As `exchange`, in an event loop."""
    attempt = _Attempt(Progress(key), tells=isinstance(transport, AsyncTransport))
    answer, before = None, progress.set(attempt.progress)
    try:
        async with asyncio.timeout(seconds):
            answer = await _sent_async(transport, arguments, key, seconds)
            body = attempt.begin(answer)
            async for piece in answer.pieces:
                body.take(piece)
            body.end()
    except Exception as error:
        if not _is_of_the_wire(error):
            raise
        attempt.fail(error)
    finally:
        progress.reset(before)
        if answer is not None:
            await answer.close()
    return attempt.end()


#: Seconds for closing a connection whose answer was not read to its end.
_CLOSING: Final = 0.2

#: What transports raise, by class and by library.
_OF_THE_WIRE: Final = (
    httpx.HTTPError,
    httpx.InvalidURL,
    httpx.StreamError,
    OSError,
    ValueError,
    RuntimeError,
)
_LIBRARIES: Final = ("aiohttp", "httpcore", "h11")


def _is_of_the_wire(error: Exception) -> bool:
    """Others, such as an AssertionError of a test's own transport, tell of a mistake in a program."""
    return isinstance(error, _OF_THE_WIRE) or type(error).__module__.partition(".")[0] in _LIBRARIES


#: Errors of httpx before a request is on its way.
_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


def _chain(error: BaseException | None, outside: BaseException | None) -> Iterator[BaseException]:
    """An error and what led to it, up to the one that the caller was dealing with."""
    while error is not None and error is not outside:
        yield error
        # httpcore raises its errors anew, "from None".
        error = error.__cause__ or error.__context__


def _is_timeout(chain: list[BaseException]) -> bool:
    # The aiohttp transport also reports a connection that the server closed as ConnectTimeout; what
    # was a timeout has one as its cause.
    if len(chain) > 1 and type(chain[1]).__module__.startswith("aiohttp"):
        return isinstance(chain[1], TimeoutError)
    return isinstance(chain[0], (httpx.TimeoutException, TimeoutError))


def _was_connected(chain: list[BaseException]) -> bool:
    """Whether aiohttp's error is that of a connection which had been made."""
    return any(type(one).__name__ in ("ServerDisconnectedError", "ClientOSError") for one in chain)


def _is_lasting(error: BaseException) -> bool:
    """Whether the next attempt would meet the same error: TLS that does not fit, an address that is none."""
    if isinstance(error, ssl.SSLError):
        return not isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError))
    return isinstance(error, (httpx.UnsupportedProtocol, httpx.InvalidURL, ValueError))


class _TooLargeError(ValueError):
    """An answer beyond the limit."""


class _Body:
    """A body as it comes in: decompressed, and bounded, for a small one can grow a thousandfold."""

    def __init__(self, encoding: str | None) -> None:
        self.content = bytearray()
        coding = None if encoding is None else encoding.strip().lower()
        self._decompressor: Any = None
        self._may_be_bare = coding == "deflate"
        if coding in ("gzip", "x-gzip"):
            self._decompressor = zlib.decompressobj(zlib.MAX_WBITS | 16)
        elif coding == "deflate":
            self._decompressor = zlib.decompressobj()
        # Any other coding stays as it is: none was asked for.

    def take(self, piece: bytes) -> None:
        """The next piece."""
        room = defaults.LARGEST_ANSWER - len(self.content)
        if self._decompressor is not None:
            # One byte more than fits tells that it does not fit.
            piece = self._decompressed(piece, room + 1)
        self.content += piece[:room]
        if len(piece) > room:
            raise _TooLargeError(f"the answer is larger than {defaults.LARGEST_ANSWER} bytes")

    def _decompressed(self, piece: bytes, room: int) -> bytes:
        try:
            decompressed: bytes = self._decompressor.decompress(piece, room)
        except zlib.error as error:
            if not self._may_be_bare or self.content:
                raise httpx.DecodingError(str(error)) from error
            # "deflate" should have a zlib header, but some services send it bare.
            self._may_be_bare, self._decompressor = False, zlib.decompressobj(-zlib.MAX_WBITS)
            return self._decompressed(piece, room)
        return decompressed

    def end(self) -> None:
        """There is no more; an error where there should be."""
        if self._decompressor is not None and not self._decompressor.eof:
            raise httpx.DecodingError("the compressed answer breaks off")
