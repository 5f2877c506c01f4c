"""Which service, which key."""

from __future__ import annotations

import httpx
import pytest
from comfy_assets_api.client import BASE_URL, KEY_HEADER

from comfy_assets import InputError
from comfy_assets.settings import checked_url, hidden, service

KEY = {"COMFY_CLOUD_API_KEY": "from-the-environment"}
BOTH = {**KEY, "COMFY_CLOUD_BASE_URL": "http://127.0.0.1:8188/"}

FOUND = [
    # arguments, environment -> address, key
    ((None, None), KEY, BASE_URL, "from-the-environment"),
    ((None, None), BOTH, "http://127.0.0.1:8188", "from-the-environment"),
    ((None, "http://127.0.0.1:8188"), BOTH, "http://127.0.0.1:8188", "from-the-environment"),
    ((None, BASE_URL + "/"), KEY, BASE_URL, "from-the-environment"),
    (("mine", "http://localhost:1"), BOTH, "http://localhost:1", "mine"),
    (("mine", None), {}, BASE_URL, "mine"),
    (("mine", None), {"COMFY_CLOUD_BASE_URL": ""}, BASE_URL, "mine"),
    (("mine", "https://proxy.example/X"), {}, "https://proxy.example/X", "mine"),
    (("mine", "https://proxy.example/comfy/"), {}, "https://proxy.example/comfy", "mine"),
]

REFUSED = [
    ((None, None), {}, "no API key"),
    ((None, None), {"COMFY_CLOUD_API_KEY": ""}, "no API key"),
    ((None, "http://elsewhere.example"), KEY, "is not sent to http://elsewhere.example"),
    ((None, "http://elsewhere.example"), BOTH, "is not sent to http://elsewhere.example"),
    (("two words", None), {}, "visible ASCII"),
    (("", None), {}, "visible ASCII"),
    (("schlüssel", None), {}, "visible ASCII"),
    (("line\n", None), {}, "visible ASCII"),
    (("mine", "ftp://host"), {}, "no base URL"),
    (("mine", "cloud.comfy.org"), {}, "no base URL"),
    (("mine", ""), {}, "no base URL"),
    (("mine", "http://"), {}, "no base URL"),
    (("mine", "http://host:99999"), {}, "no base URL"),
    (("mine", "http://[::1"), {}, "no base URL"),
    (("mine", "http://host/?key=1"), {}, "has a query"),
    (("mine", "http://user:secret@host"), {}, "user name or password"),
    (("mine", "http://user:secret@host:99999"), {}, "what was given is no base URL: expected http"),
    (("mine", "http://two words"), {}, "a space or a control character"),
    (("mine", "http://host/a b"), {}, "a space or a control character"),
    (("mine", "http://ho\nst"), {}, "a space or a control character"),
    (("mine", "http://host\x7f"), {}, "a space or a control character"),
]


@pytest.mark.parametrize(("arguments", "environment", "address", "key"), FOUND)
def test_found(
    arguments: tuple[str | None, str | None], environment: dict[str, str], address: str, key: str
) -> None:
    """Arguments come before the environment, the environment before the contract's own server."""
    found = service(hidden(arguments[0]), arguments[1], environment)
    request = next(found.key.auth_flow(httpx.Request("POST", found.base_url)))
    assert (found.base_url, request.headers[KEY_HEADER]) == (address, key)
    assert key not in repr(found)


@pytest.mark.parametrize(("arguments", "environment", "words"), REFUSED)
def test_refused(arguments: tuple[str | None, str | None], environment: dict[str, str], words: str) -> None:
    """What cannot work is refused in one sentence that does not contain the key or a password."""
    with pytest.raises(InputError, match=words) as caught:
        service(hidden(arguments[0]), arguments[1], environment)
    assert "\n" not in str(caught.value)
    for secret in (arguments[0], KEY["COMFY_CLOUD_API_KEY"], "secret"):
        assert not secret or secret not in str(caught.value)


WORDS = {
    ("mine", "cloud"): "'cloud' is no base URL: expected http:// or https:// and a host",
    ("mine", 5): "'5' is no base URL: expected http:// or https:// and a host",
    ("mine", "u" * 201): f"'{'u' * 200}' is no base URL: expected http:// or https:// and a host",
    ("mine", "http://a b"): "'http://a b' is no base URL: it has a space or a control character",
    ("mine", "http://a/#b"): "'http://a/#b' is no base URL: it has a query or a fragment",
    ("mine", "http://user@host"): "a base URL cannot hold a user name or password",
    ("mine", "http://:secret@host"): "a base URL cannot hold a user name or password",
    (None, "http://elsewhere.example"): (
        "the key in COMFY_CLOUD_API_KEY belongs to http://127.0.0.1:8188 and is not sent to "
        "http://elsewhere.example: give the key for it, or set COMFY_CLOUD_BASE_URL too"
    ),
}


@pytest.mark.parametrize(("arguments", "words"), WORDS.items(), ids=str)
def test_refused_in_these_words(arguments: tuple[str | None, str], words: str) -> None:
    """The sentence shows what was given, cut short, and says what to do."""
    with pytest.raises(InputError) as caught:
        service(hidden(arguments[0]), arguments[1], BOTH)
    assert str(caught.value) == words


def test_default_is_the_contracts_server() -> None:
    """Without any word on the address it is the contract's, written down once."""
    from comfy_assets import specification

    assert checked_url(specification.load().server_url) == BASE_URL == service(hidden("k"), None, {}).base_url
