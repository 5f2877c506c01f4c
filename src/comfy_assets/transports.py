"""Connections: httpx transports of ours, which keep a time limit over the whole of an exchange.

Stock transports take a time limit for each wait on the socket: a service that sends a byte now and
then holds a call for ever. Here each limit of a request is counted from its beginning.
"""

from __future__ import annotations

import asyncio
import base64
import os
import re
import ssl
import time
import urllib.request
from typing import TYPE_CHECKING, Any, Final

import httpcore
import httpx

from comfy_assets import defaults
from comfy_assets.errors import InputError
from comfy_assets.progress import note_sent
from comfy_assets.sockets import Backend, Stream

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    import aiohttp
    from httpx_aiohttp import AiohttpTransport

    _Place = tuple[int, asyncio.AbstractEventLoop, str | None, bool]
    _Kept = tuple[AiohttpTransport, AsyncGenerator[None, None]]


_PROXY: Final = re.compile(r"(?:https?|socks5h?)://[^\s/?#]+/?")


_NO_SOCKS: Final = "the async client has no SOCKS; use http:// or https://, or the sync client"

#: What the environment says of proxies; a REQUEST_METHOD makes the standard library distrust HTTP_PROXY.
_VARIABLES: Final = (
    "REQUEST_METHOD",
    *(name for way in ("http", "https", "all", "no") for name in (f"{way}_proxy", f"{way}_PROXY".upper())),
)


def _for_aiohttp(address: str) -> httpx.Proxy:
    """A proxy whose password goes as a header: the argument that httpx-aiohttp takes for it is deprecated."""
    proxy = httpx.Proxy(address)
    if proxy.raw_auth is None:
        return proxy
    # aiohttp gives it to the proxy under its right name, and to nobody else.
    credentials = base64.b64encode(b":".join(proxy.raw_auth)).decode()
    return httpx.Proxy(proxy.url, headers={"Authorization": f"Basic {credentials}"})


def _needs_tls(url: httpx.URL, proxy: str | None) -> bool:
    """Whether the service, or the proxy on the way, is spoken to by TLS."""
    return url.scheme == "https" or (proxy is not None and proxy.startswith("https:"))


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
        self._found: tuple[tuple[object, ...], str | None] | None = None

    def context(self) -> ssl.SSLContext:
        """Whom connections trust; made when first needed, which costs more than a call."""
        if self._context is None:
            verify = self._verify
            if isinstance(verify, str):
                places: dict[str, Any] = {"capath" if os.path.isdir(verify) else "cafile": verify}
                try:
                    verify = ssl.create_default_context(**places)
                except (OSError, ssl.SSLError) as error:
                    raise InputError(f"the certificates in {verify!r} cannot be read: {error}") from None
            self._context = httpx.create_ssl_context(verify, trust_env=self.trust_env)
        return self._context

    def proxy_for(self, url: httpx.URL) -> str | None:
        """The proxy to go through: the one that was given, else the environment's."""
        if self.proxy is not None or not self.trust_env:
            return self.proxy
        # Asked for with each request, and anew only where the environment says something else: the look-up
        # goes through all of it, which would cost more than the request.
        asked = (url.scheme, url.netloc, *map(os.environ.get, _VARIABLES))
        if self._found is None or self._found[0] != asked:
            self._found = (asked, _environment_proxy(url))
        return self._found[1]


def _environment_proxy(url: httpx.URL) -> str | None:
    """As the standard library reads HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY."""
    proxies = urllib.request.getproxies()
    if urllib.request.proxy_bypass(url.netloc.decode()):
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
        self._pools: dict[tuple[int, str | None, bool], httpcore.ConnectionPool] = {}

    def _pool(self, url: httpx.URL) -> httpcore.ConnectionPool:
        proxy = self._way.proxy_for(url)
        place = (os.getpid(), proxy, _needs_tls(url, proxy))
        return self._pools.get(place) or self._pools.setdefault(place, self._new_pool(url, proxy))

    def _new_pool(self, url: httpx.URL, proxy: str | None) -> httpcore.ConnectionPool:
        options: dict[str, Any] = {
            "ssl_context": self._way.context() if _needs_tls(url, proxy) else None,
            "max_connections": defaults.CONNECTIONS,
            "keepalive_expiry": defaults.KEEP_ALIVE,
            "network_backend": Backend(),
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
        # httpcore hands them on to `Backend`, which takes them for moments. It waits for a free
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
        for (process, *_), pool in pools.items():
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
        if isinstance(self._connection, Stream):
            self._connection.is_spoiled = self._has_leftover()
        self._stream.close()

    def _has_leftover(self) -> bool:
        """Whether bytes came behind the answer: httpcore would take them for the next one."""
        try:
            # Nothing public tells. Where this is another httpcore, in doubt there are some.
            return bool(self._stream._stream._connection._h11_state.trailing_data[0])  # noqa: SLF001 - as said
        except AttributeError:
            return True


class AsyncTransport(httpx.AsyncBaseTransport):
    """`Transport` for asyncio, over aiohttp; each event loop has connections of its own. No SOCKS proxies.

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
        if proxy is not None and proxy.startswith("socks"):
            raise InputError(f"proxy: {_NO_SOCKS}")
        # By process too, as those of `Transport`.
        self._transports: dict[_Place, _Kept] = {}

    async def _transport(self, url: httpx.URL) -> AiohttpTransport:
        proxy = self._way.proxy_for(url)
        place = (os.getpid(), asyncio.get_running_loop(), proxy, _needs_tls(url, proxy))
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

        if proxy is not None and proxy.startswith("socks"):
            # aiohttp would speak HTTP to it, and give it the key.
            raise httpx.UnsupportedProtocol(f"the environment's proxy: {_NO_SOCKS}")
        # A bare context costs nothing, and is never asked.
        context = self._way.context() if _needs_tls(url, proxy) else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return AiohttpTransport(
            verify=context,
            proxy=None if proxy is None else _for_aiohttp(proxy),
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


def usable(transport: Any, ours: type[Transport | AsyncTransport]) -> Any:
    """The transport that was given, or one of ours; InputError for what does not fit the client."""
    if transport is None:
        return ours()
    method, kind = (
        ("handle_request", "Transport") if ours is Transport else ("handle_async_request", "AsyncTransport")
    )
    if isinstance(transport, type) or not callable(getattr(transport, method, None)):
        raise InputError(
            f"transport is of the type {type(transport).__name__}: expected comfy_assets.{kind}(...), "
            f"or an httpx transport with {method}"
        )
    return transport


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
