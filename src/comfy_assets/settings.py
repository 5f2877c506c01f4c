"""Which service, and which key: from arguments, the environment and the contract."""

from __future__ import annotations

import ipaddress
import os
import re
import warnings
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from attrs import frozen
from comfy_assets_api.client import BASE_URL, KeyInHeader

from comfy_assets.defaults import API_KEY_VARIABLE, BASE_URL_VARIABLE
from comfy_assets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping


_UNSEEN: Final = re.compile(r"[\s\x00-\x1f\x7f]")


class InsecureConnectionWarning(UserWarning):
    """A key goes unencrypted to another machine: everybody on the way can read it."""


@frozen
class Service:
    """An address and the key that belongs to it."""

    base_url: str
    key: KeyInHeader


def hidden(api_key: str | None) -> KeyInHeader | None:
    """A key where nobody sees it. Raises nothing: an error would have the key as a local variable."""
    return None if api_key is None else KeyInHeader(api_key)


def service(
    key: KeyInHeader | None = None, base_url: str | None = None, environment: Mapping[str, str] | None = None
) -> Service:
    """The service that arguments and environment name.

    The environment's key goes only to the address that the environment names or, where it names
    none, to the contract's own server: a key must not follow an address given by hand to another host.

    Raises InputError where there is no key, or where key or address cannot be used. Warns with
    InsecureConnectionWarning where the key would go unencrypted to another machine.
    """
    environment = os.environ if environment is None else environment
    named = environment.get(BASE_URL_VARIABLE) or BASE_URL
    from_environment = hidden(environment.get(API_KEY_VARIABLE) or None)
    # What is raised from here on must not have it as a local variable.
    del environment
    address = checked_url(base_url if base_url is not None else named)
    if key is None:
        key = from_environment
        if key is None:
            raise InputError(f"no API key: set {API_KEY_VARIABLE}, or give one")
        if address != checked_url(named):
            raise InputError(
                f"the key in {API_KEY_VARIABLE} belongs to {checked_url(named)} and is not sent to "
                f"{address}: give the key for it, or set {BASE_URL_VARIABLE} too"
            )
    reason = _refused(key)
    if reason is not None:
        raise InputError(reason)
    if address.startswith("http:") and not _is_this_machine(str(urlsplit(address).hostname)):
        warnings.warn(
            f"the key goes unencrypted to {address}; use https, or a tunnel",
            InsecureConnectionWarning,
            stacklevel=4,
        )
    return Service(address, key)


def _refused(key: KeyInHeader) -> str | None:
    """Why a key cannot be sent, in words that do not contain it."""
    try:
        key.check()
    except ValueError as error:
        return str(error)
    return None


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        # RFC 6761, section 6.3.
        return host == "localhost" or host.endswith(".localhost")


def checked_url(url: str) -> str:
    """An address without the slash at its end; InputError where it is none for HTTP."""
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except (ValueError, AttributeError):
        raise _no_url(url, "expected http:// or https:// and a host") from None
    if parts.scheme not in ("http", "https") or not host or port == 0:
        raise _no_url(url, "expected http:// or https:// and a host")
    if parts.username is not None or parts.password is not None:
        # Not shown: it holds a password.
        raise InputError("a base URL cannot hold a user name or password")
    if _UNSEEN.search(url.strip()):
        # `urlsplit` drops some of them without a word, and the rest would name another host.
        raise _no_url(url, "it has a space or a control character")
    if parts.query or parts.fragment:
        raise _no_url(url, "it has a query or a fragment")
    return parts.geturl().rstrip("/")


def _no_url(url: object, why: str) -> InputError:
    text = str(url)
    # With an @ it may hold a password.
    shown = "what was given" if "@" in text else repr(text[:200])
    return InputError(f"{shown} is no base URL: {why}")
