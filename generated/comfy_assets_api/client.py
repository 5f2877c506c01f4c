# Generated from openapi.yaml and overrides/. Do not edit: change those, then run ./generate.sh
"""Where requests go: address, key, time limit, connections."""

from __future__ import annotations

import math
import re
import ssl
import threading
from collections.abc import Generator, Mapping, MutableMapping
from typing import Any, Final, NoReturn, Self

import httpx
from attrs import define, field

#: `servers` of the contract.
BASE_URL: Final = "https://cloud.comfy.org"
#: The header that carries the key, by the contract's security scheme, and what stands before the key.
KEY_HEADER: Final = "X-API-Key"
KEY_PREFIX: Final = ""
#: Seconds to wait for a connection, and between any two pieces of an answer.
TIMEOUT: Final = 30.0


def _copied(mapping: Mapping[str, Any]) -> dict[str, Any]:
    return dict(mapping)


def _check_timeout(instance: object, attribute: object, value: Any) -> None:
    limits = value.as_dict().values() if isinstance(value, httpx.Timeout) else [value]
    for limit in limits:
        if isinstance(limit, bool) or not isinstance(limit, (int, float)) or not 0 < limit < math.inf:
            message = f"a timeout is a number of seconds above 0, or an httpx.Timeout of such, not {limit!r}"
            raise ValueError(message)


def _check_httpx_args(instance: object, attribute: object, value: dict[str, Any]) -> None:
    # Each has an argument of its own, or is decided here: given twice, one would silently win.
    for name in ("auth", "base_url", "follow_redirects", "headers", "timeout", "verify"):
        if name in value:
            message = (
                f"httpx_args cannot hold {name!r}: it is an argument of the client, or not to be changed"
            )
            raise ValueError(message)


#: What stands where a key stood, and how long a key is that can be told from ordinary text.
REMOVED: Final = "[key removed]"
_LONG_ENOUGH: Final = 8


def _as_texts_write_it(character: str) -> str:
    """A pattern for a character as it stands in plain text, in JSON however careful, or in a URL."""
    number = f"{ord(character):02x}"
    in_hexadecimal = "".join(f"[{digit}{digit.upper()}]" for digit in number)
    # The longest first: of an escaped character all goes, or what remains is no JSON.
    backslashed = rf"\\{re.escape(character)}|" if character in '"\\/' else ""
    return rf"(?:{backslashed}\\u00{in_hexadecimal}|%{in_hexadecimal}|{re.escape(character)})"


class KeyInHeader(httpx.Auth):
    """Adds the key to a request when it is sent, so that it stands in no dict of headers before.

    Nothing of it is raised with the key as a local variable: tracebacks are logged with those.
    """

    # No dict of attributes, which debuggers and loggers print.
    __slots__ = ("_header", "_key", "_prefix", "_written")

    def __init__(self, key: str, header: str = KEY_HEADER, prefix: str = KEY_PREFIX) -> None:
        self._header = header
        # Looked at in `check` only: here, an error would have the key as a local variable.
        self._key: Any = key
        self._prefix = prefix
        self._written: re.Pattern[str] | None = None

    def check(self) -> Self:
        """The same; ValueError, which does not contain it, where it cannot stand in a header."""
        if (
            not isinstance(self._key, str)
            or not self._key
            or not all("!" <= character <= "~" for character in self._key)
        ):
            message = "the key must be one or more visible ASCII characters, without spaces"
            raise ValueError(message)
        if len(self._key) >= _LONG_ENOUGH:
            self._written = re.compile("".join(map(_as_texts_write_it, self._key)))
        return self

    def add_to(self, headers: MutableMapping[str, str]) -> None:
        """Write the key into headers that are sent now."""
        headers[self._header] = self._prefix + self._key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        self.add_to(request.headers)
        yield request

    def removed_from(self, text: str) -> str:
        """A text without the key; one of less than eight characters is too common to be looked for."""
        if self._written is None or not (self._key in text or "\\" in text or "%" in text):
            return text
        return self._written.sub(REMOVED, text)

    def removed_from_bytes(self, content: bytes, *, is_cut: bool = False) -> bytes:
        """As `removed_from`, for what came over the wire; `is_cut`: it may end within the key."""
        text = content.decode("latin-1")
        without = self.removed_from(text)
        if is_cut and self._written is not None:
            start = next((n for n in range(len(self._key) - 1, 3, -1) if without.endswith(self._key[:n])), 0)
            without = without[: len(without) - start]
        return content if without is text else without.encode("latin-1")

    def __repr__(self) -> str:
        return f"KeyInHeader(header={self._header!r})"

    def __reduce__(self) -> NoReturn:
        message = "a key is not pickled: it would stand in a file or a queue"
        raise TypeError(message)


@define(eq=False, repr=False)
class Client:
    """Where requests go. A context manager, sync and async; it closes what it opened.

    Attributes:
        base_url: Scheme, host and, where there is one, the path before the contract's own.
        headers: Further headers of every request. Copied; the caller's mapping is never changed.
        timeout: Seconds to wait for a connection, and between any two pieces of an answer; or an
            `httpx.Timeout`. There is always a limit.
        verify: How the server's certificate is checked: True, a path to a CA bundle, or an SSLContext.
        httpx_args: Further arguments for `httpx.Client` and `httpx.AsyncClient`, such as `transport`.

    Redirects are never followed: they would carry the key to another host.
    """

    base_url: str = BASE_URL
    headers: Mapping[str, str] = field(factory=dict, kw_only=True, repr=False, converter=_copied)
    timeout: float | httpx.Timeout = field(default=TIMEOUT, kw_only=True, validator=_check_timeout)
    verify: str | bool | ssl.SSLContext = field(default=True, kw_only=True)
    httpx_args: Mapping[str, Any] = field(
        factory=dict, kw_only=True, repr=False, converter=_copied, validator=_check_httpx_args
    )
    _client: httpx.Client | None = field(default=None, init=False, repr=False)
    _async_client: httpx.AsyncClient | None = field(default=None, init=False, repr=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False, repr=False)

    def __repr__(self) -> str:
        # Also of one whose making failed: tracebacks are logged with their local variables.
        return f"{type(self).__name__}(base_url={getattr(self, 'base_url', None)!r})"

    def _auth(self) -> httpx.Auth | None:
        return None

    def _arguments(self) -> dict[str, Any]:
        return {
            "base_url": self.base_url,
            "headers": self.headers,
            "timeout": self.timeout,
            "verify": self.verify,
            "auth": self._auth(),
            "follow_redirects": False,
            **self.httpx_args,
        }

    def get_httpx_client(self) -> httpx.Client:
        """The client underneath: one for all threads, made at the first call."""
        with self._lock:
            if self._client is None:
                self._client = httpx.Client(**self._arguments())
            return self._client

    def get_async_httpx_client(self) -> httpx.AsyncClient:
        """The async client underneath, made at the first call."""
        with self._lock:
            if self._async_client is None:
                self._async_client = httpx.AsyncClient(**self._arguments())
            return self._async_client

    def _given(self) -> dict[str, Any]:
        """The arguments that make a client like this one."""
        return {
            "base_url": self.base_url,
            "headers": self.headers,
            "timeout": self.timeout,
            "verify": self.verify,
            "httpx_args": self.httpx_args,
        }

    def with_headers(self, headers: Mapping[str, str]) -> Self:
        """A client of its own with further headers; this one stays as it is."""
        return type(self)(**self._given() | {"headers": {**self.headers, **headers}})

    def with_timeout(self, timeout: float | httpx.Timeout) -> Self:
        """A client of its own with another time limit; this one stays as it is."""
        return type(self)(**self._given() | {"timeout": timeout})

    def close(self) -> None:
        """Close the connections of the sync calls."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    async def aclose(self) -> None:
        """Close the connections of the async calls."""
        with self._lock:
            client, self._async_client = self._async_client, None
        if client is not None:
            await client.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.aclose()


class AuthenticatedClient(Client):
    """A client with a key, which is sent as the contract's security scheme says and shown nowhere."""

    __slots__ = ("_key",)

    # Written by hand, not by attrs: an argument that is refused must leave no frame that holds the key.
    def __init__(self, base_url: str = BASE_URL, *, token: str | KeyInHeader, **options: Any) -> None:
        self._key = token if isinstance(token, KeyInHeader) else KeyInHeader(token)
        del token
        super().__init__(base_url, **options)
        self._key.check()

    def _auth(self) -> httpx.Auth:
        return self._key

    def _given(self) -> dict[str, Any]:
        return super()._given() | {"token": self._key}
