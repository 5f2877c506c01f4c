"""Connections of the sync client: an httpx transport of ours, which keeps a time limit over a whole exchange.

Stock transports take a time limit for each wait on the socket: a service that sends a byte now and
then holds a call for ever. Here each limit of a request is counted from its beginning.
"""

from __future__ import annotations

import functools
import os
import time
from typing import TYPE_CHECKING, Any, Final

import httpcore
import httpx

from comfy_assets import defaults
from comfy_assets.progress import Incoming
from comfy_assets.sockets import Backend, Stream
from comfy_assets.ways import Way, needs_tls, parsed

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Iterator, Mapping

    from comfy_assets_api.client import KeyInHeader


#: Headers that a connection's other end needs of every request with a body.
_HOST: Final = "Host"
_LENGTH: Final = "Content-Length"


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
        self._way = Way(proxy, verify, trust_env=trust_env)
        # By process, too: parent and child of a fork must not talk over the same sockets. A dict whose
        # `setdefault` decides needs no lock, which another thread could hold during the fork.
        self._pools: dict[tuple[int, str | None, bool], httpcore.ConnectionPool] = {}

    def _pool(self, url: httpx.URL) -> httpcore.ConnectionPool:
        proxy = self._way.proxy_for(url)
        place = (os.getpid(), proxy, needs_tls(url, proxy))
        return self._pools.get(place) or self._pools.setdefault(place, self._new_pool(url, proxy))

    def _new_pool(self, url: httpx.URL, proxy: str | None) -> httpcore.ConnectionPool:
        options: dict[str, Any] = {
            "ssl_context": self._way.context() if needs_tls(url, proxy) else None,
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

    def send(
        self,
        key: KeyInHeader,
        seconds: float,
        *,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes = b"",
    ) -> Incoming[Iterable[bytes], None]:
        """One exchange of at most so many seconds; the key is in none of the headers that are given."""
        # httpcore hands them on to `Backend`, which takes them for moments. It waits for a free
        # connection itself.
        moment = time.monotonic() + seconds
        limits = {"connect": moment, "read": moment, "write": moment, "pool": seconds}
        fields = {_HOST: parsed(url).netloc.decode(), **headers, _LENGTH: str(len(content))}
        request = _request(key, method, _address_of(url), fields, content, limits)
        return self._answered(parsed(url), request)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """One exchange; each of its time limits counts from now."""
        limits = dict(request.extensions.get("timeout") or {})
        now = time.monotonic()
        moments = {
            name: limit if name == "pool" or limit is None else now + limit for name, limit in limits.items()
        }
        answer = self._answered(
            request.url,
            httpcore.Request(
                request.method,
                _address(request.url),
                headers=request.headers.raw,
                content=request.stream,
                extensions={**request.extensions, "timeout": moments},
            ),
        )
        return httpx.Response(
            answer.status, headers=list(answer.headers), stream=answer.pieces, extensions=dict(answer.more)
        )

    def _answered(self, url: httpx.URL, request: httpcore.Request) -> Incoming[_Pieces, None]:
        with _httpx_errors():
            answer = self._pool(url).handle_request(request)
        pieces = _Pieces(answer.stream, answer.extensions.get("network_stream"))
        return Incoming(answer.status, answer.headers, pieces, pieces.close, answer.extensions)

    def close(self) -> None:
        """Close the connections."""
        pools, self._pools = self._pools, {}
        for (process, *_), pool in pools.items():
            if process == os.getpid():
                pool.close()


def _address(url: httpx.URL) -> httpcore.URL:
    return httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)


#: A client asks the same URL again and again.
_address_of: Final = functools.lru_cache(32)(lambda url: _address(parsed(url)))


def _request(
    key: KeyInHeader,
    method: str,
    address: httpcore.URL,
    headers: Mapping[str, str],
    content: bytes,
    limits: Mapping[str, float],
) -> httpcore.Request:
    """A request as it goes over the wire: the only thing that holds the key in readable form."""
    written = dict(headers)
    key.add_to(written)
    fields = [(name.encode(), value.encode()) for name, value in written.items()]
    return httpcore.Request(method, address, headers=fields, content=content, extensions={"timeout": limits})


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
