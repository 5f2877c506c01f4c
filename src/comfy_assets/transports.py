"""Connections: httpx transports of ours, which keep a time limit over the whole of an exchange.

Stock transports take a time limit for each wait on the socket: a service that sends a byte now and
then holds a call for ever. Here each limit of a request is counted from its beginning.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import socket
import ssl
import time
import urllib.request
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

import httpcore
import httpx
from attrs import define

from comfy_assets import defaults
from comfy_assets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    import aiohttp
    from comfy_assets_api.client import KeyInHeader
    from httpx_aiohttp import AiohttpTransport

    _Place = tuple[int, asyncio.AbstractEventLoop, str | None]
    _Kept = tuple[AiohttpTransport, AsyncGenerator[None, None]]


@define
class Progress:
    """What the running exchange tells its transport, and hears from it."""

    #: Kept out of what the libraries log, also where the service repeats it.
    key: KeyInHeader
    #: Whether the request is on its way: from then on nobody knows what it did.
    sent: bool = False


progress: Final[ContextVar[Progress | None]] = ContextVar("progress", default=None)


def _without_key(record: logging.LogRecord) -> bool:
    """A logging filter that cuts the key of the running exchange out of a record."""
    running = progress.get()
    if running is not None:
        record.msg, record.args = running.key.removed_from(record.getMessage()), None
    return True


# At debug level they log the headers of answers, which a service could put the key into.
for _name in ("httpcore.connection", "httpcore.http11", "httpcore.proxy", "httpcore.socks", "aiohttp.client"):
    logging.getLogger(_name).addFilter(_without_key)

_PROXY: Final = re.compile(r"(?:https?|socks5h?)://[^\s/?#]+/?")


class _Way:
    """How connections are made: through which proxy, and whom they trust."""

    def __init__(self, proxy: str | None, verify: bool | str | ssl.SSLContext, *, trust_env: bool) -> None:
        if proxy is not None and not _PROXY.fullmatch(proxy):
            # Not shown: it may hold a password.
            raise InputError("proxy: expected http://, https:// or socks5:// and a host")
        self.proxy = proxy
        self.trust_env = trust_env
        self._verify = verify
        self._context: ssl.SSLContext | None = None

    def context(self) -> ssl.SSLContext:
        """Whom connections trust; made when first needed, which costs more than a call."""
        if self._context is None:
            verify = self._verify
            if isinstance(verify, str):
                places = {"capath" if os.path.isdir(verify) else "cafile": verify}
                try:
                    verify = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, **places)
                except (OSError, ssl.SSLError) as error:
                    raise InputError(f"the certificates in {verify!r} cannot be read: {error}") from None
            self._context = httpx.create_ssl_context(verify, trust_env=self.trust_env)
        return self._context

    def proxy_for(self, url: httpx.URL) -> str | None:
        """The proxy to go through: the one that was given, else the environment's."""
        if self.proxy is not None or not self.trust_env:
            return self.proxy
        # As the standard library reads HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY.
        proxies = urllib.request.getproxies()
        if urllib.request.proxy_bypass(url.netloc.decode("ascii")):
            return None
        return proxies.get(url.scheme) or proxies.get("all")


class Transport(httpx.BaseTransport):
    """Connections of the sync client; one pool for all threads, a new one after a fork.

    Args:
        proxy: `"http://host:port"`, also with user and password; `socks5://` needs the package
            `socksio`. By default what HTTPS_PROXY and its kin say.
        verify: True, the path of a file or folder with certificates to trust, an `ssl.SSLContext`, or
            False, which trusts everybody.
        trust_env: whether the environment's proxies and SSL_CERT_FILE count.
    """

    def __init__(
        self,
        *,
        proxy: str | None = None,
        verify: bool | str | ssl.SSLContext = True,
        trust_env: bool = True,
    ) -> None:
        self._way = _Way(proxy, verify, trust_env=trust_env)
        # By process, too: parent and child of a fork must not talk over the same sockets. A dict whose
        # `setdefault` decides needs no lock, which another thread could hold during the fork.
        self._pools: dict[tuple[int, str | None], httpcore.ConnectionPool] = {}

    def _pool(self, url: httpx.URL) -> httpcore.ConnectionPool:
        proxy = self._way.proxy_for(url)
        pool = self._pools.get((os.getpid(), proxy))
        return pool or self._pools.setdefault((os.getpid(), proxy), self._new_pool(url, proxy))

    def _new_pool(self, url: httpx.URL, proxy: str | None) -> httpcore.ConnectionPool:
        is_tls = url.scheme == "https" or (proxy or "").startswith("https:")
        options: dict[str, Any] = {
            "ssl_context": self._way.context() if is_tls else None,
            "max_connections": defaults.CONNECTIONS,
            "max_keepalive_connections": defaults.CONNECTIONS,
            "keepalive_expiry": defaults.KEEP_ALIVE,
            "network_backend": _Backend(),
        }
        if proxy is None:
            return httpcore.ConnectionPool(**options)
        given = httpx.Proxy(proxy)
        options |= {"proxy_url": str(given.url), "proxy_auth": given.raw_auth}
        if given.url.scheme.startswith("socks5"):
            return httpcore.SOCKSProxy(**options)
        if given.url.scheme == "https":
            options["proxy_ssl_context"] = self._way.context()
        return httpcore.HTTPProxy(**options)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """One exchange; each of its time limits counts from now."""
        limits = dict(request.extensions.get("timeout") or {})
        now = time.monotonic()
        # httpcore hands them on to `_Backend`, which takes them for moments. It waits for a free
        # connection itself.
        moments = {
            name: limit if name == "pool" or limit is None else now + limit for name, limit in limits.items()
        }
        url = request.url
        with _httpx_errors():
            answer = self._pool(url).handle_request(
                httpcore.Request(
                    request.method,
                    httpcore.URL(
                        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                    ),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions={**request.extensions, "timeout": moments},
                )
            )
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            stream=_Pieces(answer.stream, answer.extensions.get("network_stream")),
            extensions=answer.extensions,
        )

    def close(self) -> None:
        """Close the connections."""
        pools, self._pools = self._pools, {}
        for (process, _), pool in pools.items():
            if process == os.getpid():
                pool.close()


class _httpx_errors:  # noqa: N801 - a context manager that reads like a function
    """httpcore's errors as httpx's of the same name."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if kind is not None and kind.__module__.startswith("httpcore"):
            raise getattr(httpx, kind.__name__, httpx.TransportError)(str(error)) from error


class _Pieces(httpx.SyncByteStream):
    """A body as it comes."""

    def __init__(self, stream: Any, connection: Any) -> None:
        self._stream = stream
        self._connection = connection

    def __iter__(self) -> Iterator[bytes]:
        with _httpx_errors():
            yield from self._stream

    def close(self) -> None:
        if isinstance(self._connection, _Stream):
            self._connection.is_spoiled = self._has_leftover()
        self._stream.close()

    def _has_leftover(self) -> bool:
        """Whether bytes came behind the answer: httpcore would take them for the next one."""
        try:
            # Nothing public tells. Where this is another httpcore, in doubt there are some.
            return bool(self._stream._stream._connection._h11_state.trailing_data[0])  # noqa: SLF001 - as said
        except AttributeError:
            return True


def _left(moment: float | None, too_late: type[httpcore.TimeoutException]) -> float | None:
    """Seconds until a moment; an error where it is over."""
    if moment is None:
        return None
    left = moment - time.monotonic()
    if left <= 0:
        raise too_late("timed out")
    return left


class _Backend(httpcore.SyncBackend):
    """httpcore's sockets, with moments for time limits."""

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, **options: Any) -> _Stream:  # type: ignore[override] # the rest is handed on as it is
        addresses = _addresses(host, port)
        for position, address in enumerate(addresses):
            left = _left(timeout, httpcore.ConnectTimeout)
            # Each address has its share of the time: one that is silent must not cost the others theirs.
            share = left and left / (len(addresses) - position)
            try:
                return _Stream(super().connect_tcp(address, port, share, **options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                if position == len(addresses) - 1:
                    # With the address: it may be the proxy's.
                    raise type(error)(f"{address}:{port}: {error}") from error
        raise httpcore.ConnectError(f"{host} has no address")


def _addresses(host: str, port: int) -> list[str]:
    """The addresses of a host; the look-up has no time limit, the system's resolver has."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError(f"{host}: {error}") from error
    return list(dict.fromkeys(_with_interface(*address) for *_, address in found))


def _with_interface(host: str, _port: int, _flow: int = 0, interface: int = 0) -> str:
    """An address; a link-local one of IPv6 means something only with its interface."""
    return f"{host}%{interface}" if interface else host


class _Stream(httpcore.NetworkStream):
    """A connection with moments for time limits."""

    #: Whether no further answer may be read from it.
    is_spoiled = False

    #: Bytes that are written in one go, between two looks at the clock.
    _AT_ONCE: Final = 1 << 14

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), self._AT_ONCE):
            left = _left(timeout, httpcore.WriteTimeout)
            note_sent()
            self._stream.write(buffer[start : start + self._AT_ONCE], left)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> _Stream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable" and self.is_spoiled:
            # httpcore asks this before it uses a connection again: with something to read, it does not.
            return True
        return self._stream.get_extra_info(info)


def note_sent() -> None:
    """The running exchange's request is on its way."""
    running = progress.get()
    if running is not None:
        running.sent = True


class AsyncTransport(httpx.AsyncBaseTransport):
    """`Transport` for asyncio, over aiohttp; each event loop has connections of its own.

    The time limit over the whole exchange is the caller's, who can cancel it.
    """

    def __init__(
        self,
        *,
        proxy: str | None = None,
        verify: bool | str | ssl.SSLContext = True,
        trust_env: bool = True,
    ) -> None:
        self._way = _Way(proxy, verify, trust_env=trust_env)
        # By process too, as those of `Transport`.
        self._transports: dict[_Place, _Kept] = {}

    async def _transport(self, url: httpx.URL) -> AiohttpTransport:
        proxy = self._way.proxy_for(url)
        place = (os.getpid(), asyncio.get_running_loop(), proxy)
        kept = self._transports.get(place)
        if kept is None:
            for other in list(self._transports):
                if other[1].is_closed():
                    self._transports.pop(other, None)
            transport = self._new_transport(url, proxy)
            kept = self._transports[place] = (transport, _until_closed(transport))
            await anext(kept[1])
        return kept[0]

    def _new_transport(self, url: httpx.URL, proxy: str | None) -> AiohttpTransport:
        from httpx_aiohttp import AiohttpTransport

        is_tls = url.scheme == "https" or (proxy or "").startswith("https:")
        # A bare context costs nothing, and is never asked.
        context = self._way.context() if is_tls else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return AiohttpTransport(
            verify=context,
            proxy=None if proxy is None else httpx.Proxy(proxy),
            client=lambda: _session(context),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One exchange."""
        return await (await self._transport(request.url)).handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections of this event loop; those of another are closed when it ends."""
        here = (os.getpid(), asyncio.get_running_loop())
        for place in list(self._transports):
            if place[:2] == here:
                await self._transports.pop(place)[1].aclose()


async def _until_closed(transport: AiohttpTransport) -> AsyncGenerator[None, None]:
    """Closes a transport when it is closed itself: an event loop that ends does that to its generators."""
    try:
        yield
    finally:
        await transport.aclose()


def _session(context: ssl.SSLContext) -> aiohttp.ClientSession:
    """An aiohttp session without a memory: no cookies, and nothing read from the environment."""
    import aiohttp

    async def note(*_: object) -> None:
        note_sent()

    tracing = aiohttp.TraceConfig()
    tracing.on_request_headers_sent.append(note)
    connector = aiohttp.TCPConnector(
        ssl=context, limit=defaults.CONNECTIONS, keepalive_timeout=defaults.KEEP_ALIVE
    )
    return aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trace_configs=[tracing]
    )
