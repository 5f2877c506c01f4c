"""What is known of an exchange that failed: of which kind it is, whether it passes, and what the service may have seen."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future

import aiohttp
import h11
import httpcore
import httpx
import pytest
from comfy_assets_api.client import KeyInHeader

from comfy_assets import AssetsClient, RetryPolicy, errors, exchanges
from comfy_assets.testing import FakeClock
from tests.client.conftest import KEY, Call
from tests.support import HASH

REQUEST = {"method": "POST", "url": "https://comfy.example"}


def raising(error: Exception, cause: Exception | None = None) -> httpx.MockTransport:
    """A transport that fails."""

    def handler(_: httpx.Request) -> httpx.Response:
        if cause:
            raise error from cause
        raise error

    return httpx.MockTransport(handler)


FAILURES = [
    (httpx.ReadError("no"), exchanges.Failure("broken", "ReadError: no"), True),
    (httpx.ReadTimeout("noX"), exchanges.Failure("timeout", "ReadTimeout: noX"), True),
    (httpx.InvalidURL("no"), exchanges.Failure("broken", "InvalidURL: no", passes=False), True),
    (httpx.ProxyError("no"), exchanges.Failure("broken", "ProxyError: no"), False),
    (httpx.ConnectError("no"), exchanges.Failure("broken", "ConnectError: no"), False),
]


@pytest.mark.parametrize(("raised", "failure", "sent"), FAILURES, ids=lambda one: type(one).__name__)
def test_what_an_exchange_tells(raised: Exception, failure: exchanges.Failure, sent: bool) -> None:
    """What broke, what came too late, whether it passes, and whether the request may have been seen."""
    key = KeyInHeader(KEY).check()
    for told in (
        exchanges.exchange(raising(raised), REQUEST, key, 9),
        asyncio.run(exchanges.exchange_async(raising(raised), REQUEST, key, 9)),
    ):
        assert (told.failure, told.sent, told.response) == (failure, sent, None)
        assert 0 <= told.seconds < 60


class Broken(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that breaks off."""

    def __iter__(self) -> Iterator[bytes]:
        yield f"your key is {KEY[:9]}".encode()
        raise httpx.ReadError("no")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


def test_half_a_key_is_cut_out_too() -> None:
    """Where an answer breaks off within the key, its beginning is not left; a whole answer ends as it likes."""
    key = KeyInHeader(KEY).check()
    whole = httpx.MockTransport(lambda _: httpx.Response(201, content=f"your key is {KEY[:9]}"))
    broken = httpx.MockTransport(lambda _: httpx.Response(201, stream=Broken()))
    for transport, left in ((whole, True), (broken, False)):
        for told in (
            exchanges.exchange(transport, REQUEST, key, 9),
            asyncio.run(exchanges.exchange_async(transport, REQUEST, key, 9)),
        ):
            assert told.response is not None
            assert (KEY[:9].encode() in told.response.content) is left


RAISED = [
    (httpx.ConnectError("no"), "not_sent"),
    (httpx.ConnectTimeout("no"), "not_sent"),
    (httpx.PoolTimeout("no"), "not_sent"),
    (httpx.ReadError("no"), "unknown"),
    (httpx.ReadTimeout("no"), "unknown"),
    (httpx.RemoteProtocolError("no"), "unknown"),
    (OSError("no"), "unknown"),
    (ValueError("no"), "unknown"),
    (RuntimeError("no"), "unknown"),
    (TimeoutError("no"), "unknown"),
    (httpx.StreamClosed(), "unknown"),
    (httpx.InvalidURL("no"), "unknown"),
    (httpx.UnsupportedProtocol("no"), "not_sent"),
    (httpcore.ReadError("no"), "unknown"),
    (h11.RemoteProtocolError("no"), "unknown"),
    (aiohttp.ServerDisconnectedError("no"), "unknown"),
]


@pytest.mark.parametrize(("raised", "outcome"), RAISED, ids=lambda one: type(one).__name__)
def test_what_another_transport_raises(raised: Exception, outcome: str) -> None:
    """With another transport its error tells whether the request was sent; in doubt, nobody knows."""
    with (
        AssetsClient(KEY, "https://a.example", transport=raising(raised), retry=None) as client,
        pytest.raises(errors.APIConnectionError) as caught,
    ):
        client.create_asset_from_hash(HASH, ["a"])
    assert caught.value.attempts[0].outcome == outcome
    is_timeout = isinstance(raised, (httpx.TimeoutException, TimeoutError))
    assert isinstance(caught.value, errors.APITimeoutError) is is_timeout


#: What a transport raises, and whether the next attempt may fare better.
PASSING = [
    (httpx.ConnectError("no"), True),
    (ssl.SSLError("no"), False),
    (ssl.SSLCertVerificationError("no"), False),
    (ssl.SSLEOFError("no"), True),
    (ssl.SSLZeroReturnError("no"), True),
    (httpx.UnsupportedProtocol("no"), False),
    (httpx.InvalidURL("no"), False),
    (ValueError("no"), False),
    (RuntimeError("no"), True),
]


@pytest.mark.parametrize(("raised", "passes"), PASSING, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("is_cause", [False, True], ids=["itself", "cause"])
def test_what_does_not_pass_is_not_repeated(
    call: Call, raised: Exception, passes: bool, is_cause: bool
) -> None:
    """TLS that does not fit, and an address that is none, are met again by each attempt."""
    transport = raising(httpx.ConnectError("no"), raised) if is_cause else raising(raised)
    options = {"transport": transport, "retry": RetryPolicy(attempts=2), "clock": FakeClock()}
    with pytest.raises(errors.APIConnectionError) as caught:
        call("https://a.example", options=options)
    assert len(caught.value.attempts) == (2 if passes else 1)


def test_an_error_around_the_call_is_no_cause() -> None:
    """What the caller is dealing with says nothing of what happens on the wire."""
    transport = raising(httpx.ReadError("no"))
    client = AssetsClient(KEY, "https://a.example", transport=transport, clock=FakeClock())
    late: Future[None] = Future()
    for mistake in (lambda: int("a"), lambda: late.result(timeout=0)):
        try:
            mistake()
        except (ValueError, TimeoutError):
            with pytest.raises(errors.APIConnectionError) as caught:
                client.create_asset_from_hash(HASH, ["a"])
            assert type(caught.value) is errors.APIConnectionError
            assert len(caught.value.attempts) == 4


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        ("w" * 300, "ReadError: " + "w" * 200),
        ("a\n  b", "ReadError: a b"),
        ("", "ReadError"),
        (f"sent {KEY} to it", "ReadError: sent [key removed] to it"),
    ],
)
def test_words_of_a_cause(call: Call, words: str, cause: str) -> None:
    """Of the library's own error there are type and words, short, in one line, and without the key."""
    with pytest.raises(errors.APIConnectionError) as caught:
        call("https://a.example", options={"transport": raising(httpx.ReadError(words))})
    assert (caught.value.cause, caught.value.attempts[0].error) == (cause, cause)
    assert str(caught.value) == f"no answer from https://a.example ({cause})"
