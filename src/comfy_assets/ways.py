"""How connections are made: through which proxy, and whom they trust; the same for both clients."""

from __future__ import annotations

import functools
import os
import re
import ssl
import urllib.request
from typing import Any, Final

import httpx

from comfy_assets.errors import InputError

_PROXY: Final = re.compile(r"(?:https?|socks5h?)://[^\s/?#]+/?")

#: What the environment says of proxies; a REQUEST_METHOD makes the standard library distrust HTTP_PROXY.
_VARIABLES: Final = (
    "REQUEST_METHOD",
    *(name for way in ("http", "https", "all", "no") for name in (f"{way}_proxy", f"{way}_PROXY".upper())),
)

#: A client asks the same URL again and again, and to read one takes httpx a tenth of a call's time.
parsed: Final = functools.lru_cache(32)(httpx.URL)


class Way:
    """Through which proxy, and whom to trust."""

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


def reason(error: BaseException) -> str:
    """Why a connection could not be made, in the system's words, whichever library met it."""
    if isinstance(error, OSError) and error.errno is not None and not isinstance(error, ssl.SSLError):
        # Numbers below zero are those of name look-ups, whose words come with them.
        return os.strerror(error.errno) if error.errno > 0 else str(error.strerror)
    return str(error)


def _environment_proxy(url: httpx.URL) -> str | None:
    """As the standard library reads HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY."""
    proxies = urllib.request.getproxies()
    if urllib.request.proxy_bypass(url.netloc.decode()):
        return None
    return proxies.get(url.scheme) or proxies.get("all")


def needs_tls(url: httpx.URL, proxy: str | None) -> bool:
    """Whether the service, or the proxy on the way, is spoken to by TLS."""
    return url.scheme == "https" or (proxy is not None and proxy.startswith("https:"))
