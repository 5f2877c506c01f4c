"""Connections of the async client: an httpx transport of ours over aiohttp, far faster than httpx's own.

The time limit over a whole exchange is the caller's, who can cancel it.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import os
import ssl
from typing import TYPE_CHECKING, Any, Final

import httpx

from comfy_assets import defaults
from comfy_assets.errors import InputError
from comfy_assets.progress import Incoming, note_sent
from comfy_assets.ways import Way, needs_tls, parsed, reason

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Mapping

    import aiohttp
    from aiohttp.abc import AbstractStreamWriter
    from comfy_assets_api.client import KeyInHeader

    _Place = tuple[int, asyncio.AbstractEventLoop, str | None, bool]
    _Kept = tuple["_Session", AsyncGenerator[None, None]]

_NO_SOCKS: Final = "the async client has no SOCKS; use http:// or https://, or the sync client"

#: aiohttp gives this to a proxy under its right name, and to nobody else.
_CREDENTIALS: Final = "Authorization"

#: Errors before a request is on its way.
_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)


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
        self._way = Way(proxy, verify, trust_env=trust_env)
        if proxy is not None and proxy.startswith("socks"):
            raise InputError(f"proxy: {_NO_SOCKS}")
        # By process too, as those of `Transport`.
        self._sessions: dict[_Place, _Kept] = {}

    async def _session(self, url: httpx.URL) -> _Session:
        proxy = self._way.proxy_for(url)
        place = (os.getpid(), asyncio.get_running_loop(), proxy, needs_tls(url, proxy))
        kept = self._sessions.get(place)
        if kept is None:
            for other in list(self._sessions):
                if other[1].is_closed():
                    self._sessions.pop(other, None)
            session = self._new_session(url, proxy)
            kept = self._sessions[place] = (session, _until_closed(session))
            await anext(kept[1])
        return kept[0]

    def _new_session(self, url: httpx.URL, proxy: str | None) -> _Session:
        if proxy is not None and proxy.startswith("socks"):
            # aiohttp would speak HTTP to it, and give it the key.
            raise httpx.UnsupportedProtocol(f"the environment's proxy: {_NO_SOCKS}")
        # A bare context costs nothing, and is never asked.
        context = self._way.context() if needs_tls(url, proxy) else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return _Session(context, proxy)

    async def send(
        self,
        key: KeyInHeader,
        *,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes | None = None,
    ) -> Incoming[AsyncIterable[bytes], Awaitable[None]]:
        """One exchange; the key is in none of the headers that are given."""
        session = await self._session(parsed(url))
        return await session.request(method, url, _headers(headers, key), content, {})

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One exchange, as httpx asks for it; the body is read whole before it is sent."""
        session = await self._session(request.url)
        limits = request.extensions.get("timeout") or {}
        content = await request.aread() or None
        answer = await session.request(request.method, str(request.url), request.headers, content, limits)
        return httpx.Response(
            answer.status, headers=list(answer.headers), stream=answer.pieces, extensions=dict(answer.more)
        )

    async def aclose(self) -> None:
        """Close the connections of this event loop; those of another are closed when it ends."""
        here = (os.getpid(), asyncio.get_running_loop())
        for place in list(self._sessions):
            if place[:2] == here:
                await self._sessions.pop(place)[1].aclose()


async def _until_closed(session: _Session) -> AsyncGenerator[None, None]:
    """Closes a session when it is closed itself: an event loop that ends does that to its generators."""
    try:
        yield
    finally:
        await session.close()


class _Headers(dict[str, str]):
    """Headers with the key, which nobody sees who looks at variables."""

    def __repr__(self) -> str:
        return f"<{len(self)} headers>"


def _headers(headers: Mapping[str, str], key: KeyInHeader) -> _Headers:
    made = _Headers(headers)
    key.add_to(made)
    return made


class _Session:
    """Connections of one event loop, through one proxy; no memory, and nothing from the environment."""

    def __init__(self, context: ssl.SSLContext, proxy: str | None) -> None:
        import aiohttp

        self._proxy = {} if proxy is None else _through(proxy)
        connector = aiohttp.TCPConnector(
            ssl=context, limit=defaults.CONNECTIONS, keepalive_timeout=defaults.KEEP_ALIVE
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )

    async def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes | None,
        limits: Mapping[str, float | None],
    ) -> Incoming[_Pieces, Awaitable[None]]:
        """One request, up to the headers of its answer."""
        timeout = _timeout(limits.get("pool"), limits.get("connect"), limits.get("read"))
        try:
            answer = await self._session.request(
                method,
                url,
                headers=headers,
                data=content and _content()(content),
                allow_redirects=False,
                timeout=timeout,
                **self._proxy,
            )
        except Exception as error:
            failed = _as_httpx(error)
            if not isinstance(failed, _NOT_SENT):
                # What has no body tells nothing while it is sent.
                note_sent()
            raise failed from error
        pieces = _Pieces(answer)
        more = {"reason_phrase": (answer.reason or "").encode()}
        return Incoming(answer.status, answer.raw_headers, pieces, pieces.aclose, more)

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()


@functools.lru_cache(8)
def _timeout(pool: float | None, connect: float | None, read: float | None) -> aiohttp.ClientTimeout:
    import aiohttp

    return aiohttp.ClientTimeout(connect=pool, sock_connect=connect, sock_read=read)


@functools.cache
def _content() -> type[aiohttp.BytesPayload]:
    """A body that tells when it is written; aiohttp's own way to tell costs a tenth of a call."""
    import aiohttp

    class Content(aiohttp.BytesPayload):
        async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
            note_sent()
            await super().write_with_length(writer, content_length)

    return Content


def _through(address: str) -> dict[str, Any]:
    """Aiohttp's arguments for a proxy. A password goes as a header: the argument for it is deprecated."""
    proxy = httpx.Proxy(address)
    arguments: dict[str, Any] = {"proxy": str(proxy.url)}
    if proxy.raw_auth is not None:
        credentials = base64.b64encode(b":".join(proxy.raw_auth)).decode()
        arguments["proxy_headers"] = {_CREDENTIALS: f"Basic {credentials}"}
    return arguments


class _Pieces(httpx.AsyncByteStream):
    """A body as it comes."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._answer.content.iter_any():
                yield piece
        except Exception as error:
            raise _as_httpx(error) from error

    async def aclose(self) -> None:
        # At its end the connection went back by itself; before, nobody can use it again.
        if not self._answer.content.at_eof():
            self._answer.close()


def _as_httpx(error: Exception) -> Exception:
    """Httpx's error for one of aiohttp; any other as it is."""
    import aiohttp

    kinds: dict[type[Exception], type[httpx.HTTPError]] = {
        aiohttp.ClientProxyConnectionError: httpx.ProxyError,
        aiohttp.ClientHttpProxyError: httpx.ProxyError,
        aiohttp.ConnectionTimeoutError: httpx.ConnectTimeout,
        aiohttp.ServerTimeoutError: httpx.ReadTimeout,
        aiohttp.ClientConnectorError: httpx.ConnectError,
        aiohttp.InvalidURL: httpx.UnsupportedProtocol,
        aiohttp.ClientConnectionError: httpx.ReadError,
        aiohttp.ClientPayloadError: httpx.ReadError,
        aiohttp.ClientError: httpx.RemoteProtocolError,
    }
    kind = next((kind for theirs, kind in kinds.items() if isinstance(error, theirs)), None)
    if kind is None:
        return error
    if isinstance(error, aiohttp.ClientConnectorError):
        # Its own words are for programmers.
        return kind(f"{error.host}:{error.port}: {reason(error.__cause__ or error.os_error)}")
    return kind(str(error))
