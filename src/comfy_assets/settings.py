"""Which service, and which key: from arguments, the environment and the contract."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from attrs import field, frozen
from comfy_assets_api.client import BASE_URL, KeyInHeader

from comfy_assets.defaults import API_KEY_VARIABLE, BASE_URL_VARIABLE
from comfy_assets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping


@frozen
class Service:
    """An address and the key that belongs to it."""

    base_url: str
    api_key: str = field(repr=False)


def service(
    api_key: str | None = None, base_url: str | None = None, environment: Mapping[str, str] | None = None
) -> Service:
    """The service that arguments and environment name.

    The environment's key goes only to the address that the environment names or, where it names
    none, to the contract's own server: a key must not follow an address given by hand to another host.

    Raises InputError where there is no key, or where key or address cannot be used.
    """
    environment = os.environ if environment is None else environment
    named = environment.get(BASE_URL_VARIABLE) or BASE_URL
    address = checked_url(base_url if base_url is not None else named)
    if api_key is None:
        api_key = environment.get(API_KEY_VARIABLE)
        if not api_key:
            raise InputError(f"no API key: set {API_KEY_VARIABLE}, or give one")
        if address != checked_url(named):
            raise InputError(
                f"the key in {API_KEY_VARIABLE} belongs to {checked_url(named)} and is not sent to "
                f"{address}: give the key for it, or set {BASE_URL_VARIABLE} too"
            )
    try:
        KeyInHeader(api_key)
    except (ValueError, TypeError) as error:
        raise InputError(str(error)) from None
    return Service(address, api_key)


def checked_url(url: str) -> str:
    """An address without the slash at its end; InputError where it is none for HTTP."""
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except (ValueError, AttributeError):
        host, port, parts = None, None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host or port == 0:
        raise InputError(f"{str(url)[:200]!r} is no base URL: expected http:// or https:// and a host")
    if parts.username is not None or parts.password is not None:
        # Not shown: it holds a password.
        raise InputError("a base URL cannot hold a user name or password")
    if parts.query or parts.fragment:
        raise InputError(f"{url[:200]!r} is no base URL: it has a query or a fragment")
    return parts.geturl().rstrip("/")
