"""How clients are used: options, copies, warnings, threads, forks, event loops."""

from __future__ import annotations

import asyncio
import inspect
import multiprocessing
import os
import re
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import comfy_assets
from comfy_assets import (
    AssetsClient,
    AsyncAssetsClient,
    InputError,
    InsecureConnectionWarning,
    Transport,
    errors,
)
from tests.client.conftest import KEY, Call
from tests.support import BODY, CREATED, HASH, answer, scripted

BAD = answer(201, {**BODY, "mime_type": None})


def test_both_clients_have_the_same_interface() -> None:
    """Sync and async differ in nothing but how they wait."""
    for name in ("create_asset_from_hash", "register", "close"):
        assert inspect.signature(getattr(AssetsClient, name)) == inspect.signature(
            getattr(AsyncAssetsClient, name)
        )
    ours, theirs = (set(inspect.signature(one).parameters) for one in (AssetsClient, AsyncAssetsClient))
    assert ours == theirs


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": 0}, {"timeout": "5"}, {"timeout": True}, {"timeout": float("nan")}, {"timeout": None},
        {"timeout": float("inf")}, {"timeout": 10**400}, {"on_drift": "shout"}, {"retry": 3},
        {"transport": 5}, {"transport": Transport},
        {"clock": "noon"}, {"attempt_hook": 5}, {"drift_hook": 5},
    ],
    ids=lambda options: str(options)[:40],
)  # fmt: skip
def test_bad_options(call: Call, options: dict[str, Any]) -> None:
    """An option that cannot work is refused when the client is made."""
    with pytest.raises(errors.InputError, match=f"^{next(iter(options))} is .*: expected "):
        call("http://127.0.0.1:1", options=options)


def test_options_make_a_copy() -> None:
    """A copy has the other options and the same connections; the original stays as it is."""
    with scripted(BAD) as server, AssetsClient(KEY, server.url, timeout=9) as client:
        strict = client.with_options(on_drift="raise", timeout=3, retry=None)
        assert (client.timeout, strict.timeout, strict.base_url) == (9, 3, client.base_url)
        with pytest.raises(errors.ContractError), strict:
            strict.create_asset_from_hash(HASH, ["a"])
        with pytest.warns(comfy_assets.DriftWarning):
            client.create_asset_from_hash(HASH, ["a"])
        assert server.connections == 1


@pytest.mark.parametrize(
    "wrong", [{"api_key": "k"}, {"base_url": "http://x"}, {"on_drift": "shout"}, {"retry": 1}]
)
def test_options_that_a_copy_cannot_have(wrong: dict[str, Any]) -> None:
    """Key and address belong to a client for good; what cannot work is refused by name."""
    client = AssetsClient(KEY, "http://127.0.0.1:1")
    with pytest.raises(InputError, match=next(iter(wrong))):
        client.with_options(**wrong)


def test_options_that_a_copy_cannot_have_are_listed() -> None:
    """The error names all of them, and what there is."""
    client = AssetsClient(KEY, "http://127.0.0.1:1")
    with pytest.raises(InputError) as caught:
        client.with_options(b=1, a=2)  # type: ignore[call-arg] # the mistake
    assert str(caught.value) == (
        "with_options cannot change a, b: expected some of timeout, retry, on_drift, attempt_hook, drift_hook; "
        "for anything else make another client"
    )


def test_options_at_their_limits() -> None:
    """The longest time is taken, and what is refused is shown."""
    client = AssetsClient(KEY, "http://127.0.0.1:1", timeout=sys.float_info.max)
    assert client.timeout == sys.float_info.max
    with pytest.raises(InputError, match=r"^timeout is 'soon': expected a number of seconds above 0$"):
        client.with_options(timeout="soon")  # type: ignore[arg-type] # the mistake


@pytest.mark.parametrize("client", [AssetsClient, AsyncAssetsClient])
def test_how_a_client_shows_itself(client: Any) -> None:
    """With its class and address, also where making it failed: tracebacks are logged with their variables."""
    assert repr(client(KEY, "http://127.0.0.1:1")) == f"{client.__name__}(base_url='http://127.0.0.1:1')"
    assert repr(client.__new__(client)) == f"{client.__name__}(base_url=None)"


def test_closed_client_says_so(call: Call) -> None:
    """A client that was closed, and its copies, refuse to be used in a sentence."""
    client = AssetsClient(KEY, "http://127.0.0.1:1")
    copy = client.with_options(timeout=1)
    client.close()
    for one in (client, copy):
        with pytest.raises(InputError, match=r"^the client is closed$"):
            one.create_asset_from_hash(HASH, ["a"])


def test_drift_warns_once_per_kind() -> None:
    """The same deviation of many answers is one warning; the results have it each."""
    said = [answer(201, {**BODY, "tags": ["a", number, 5]}) for number in range(20)]
    with scripted(lambda _: said.pop()) as server, AssetsClient(KEY, server.url) as client:
        with warnings.catch_warnings(record=True, action="always") as told:
            results = [client.create_asset_from_hash(HASH, ["a"]) for _ in range(20)]
        assert len(told) == 1
        assert all(len(result.call.drift) == 2 for result in results)


def test_warnings_stand_at_the_callers_line() -> None:
    """What a client warns of is told where it was made, or called."""
    for client in (AssetsClient, AsyncAssetsClient):
        with pytest.warns(InsecureConnectionWarning) as told:
            client(KEY, "http://192.0.2.1")
        assert told[0].filename == __file__
    with (
        scripted(BAD) as server,
        AssetsClient(KEY, server.url) as one,
        pytest.warns(comfy_assets.DriftWarning) as told,
    ):
        one.create_asset_from_hash(HASH, ["a"])
    assert told[0].filename == __file__


OTHER_MACHINES = ["http://192.0.2.1", "http://comfy.example:8188", "http://[2001:db8::1]"]


THIS_MACHINE = [
    "http://127.0.0.1:1",
    "http://localhost:1",
    "http://[::1]:1",
    "http://a.localhost",
    "https://comfy.example",
]


@pytest.mark.parametrize("client", [AssetsClient, AsyncAssetsClient])
def test_unencrypted_key_warns(client: Any) -> None:
    """A key that would go unencrypted to another machine is warned of."""
    for url in OTHER_MACHINES:
        words = f"^the key goes unencrypted to {re.escape(url)}; use https, or a tunnel$"
        with pytest.warns(InsecureConnectionWarning, match=words):
            client(KEY, url)
    with warnings.catch_warnings(action="error"):
        for url in THIS_MACHINE:
            client(KEY, url)


def test_one_client_for_many_threads() -> None:
    """Threads share one pool: eight at once use no more connections than there are threads."""
    with scripted(CREATED) as server, AssetsClient(KEY, server.url) as client, ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda _: client.create_asset_from_hash(HASH, ["a"]), range(80)))
        assert all(asset.created_new for asset in done)
        assert server.connections <= 8


def _in_child(client: AssetsClient, results: Any) -> None:
    results.put((os.getpid(), client.create_asset_from_hash(HASH, ["child"]).created_new))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_after_a_fork() -> None:
    """Parent and child go on with the same client, over connections of their own."""
    fork = multiprocessing.get_context("fork")
    with scripted(CREATED) as server, AssetsClient(KEY, server.url) as client:
        client.create_asset_from_hash(HASH, ["parent"])
        assert server.connections == 1
        results = fork.Queue()
        child = fork.Process(target=_in_child, args=(client, results))
        child.start()
        assert results.get(timeout=30) == (child.pid, True)
        child.join(30)
        client.create_asset_from_hash(HASH, ["parent"])
        assert server.connections == 2
        assert [request.json["tags"] for request in server.requests] == [["parent"], ["child"], ["parent"]]


def test_in_several_event_loops() -> None:
    """One async client works in one event loop after the other, and in two at once."""
    with scripted(CREATED) as server:
        client = AsyncAssetsClient(KEY, server.url)

        async def call() -> bool:
            asset = await client.create_asset_from_hash(HASH, ["a"])
            return asset.created_new

        async def last() -> None:
            await asyncio.gather(*(call() for _ in range(5)))
            await client.close()

        with warnings.catch_warnings(
            action="ignore"
        ):  # connections of a loop that ended are lost, not closed
            assert asyncio.run(call())
            with ThreadPoolExecutor(2) as pool:
                assert all(pool.map(lambda _: asyncio.run(call()), range(2)))
        asyncio.run(last())
        with pytest.raises(InputError, match="closed"):
            asyncio.run(call())


def test_cancelling_a_call() -> None:
    """A task that is cancelled ends at once, and the client can be used on."""
    begun = threading.Event()

    def script(_: object) -> bytes:
        if not begun.is_set():
            begun.set()
            threading.Event().wait(1)
        return CREATED

    async def run(url: str) -> None:
        async with AsyncAssetsClient(KEY, url) as client:
            task = asyncio.create_task(client.create_asset_from_hash(HASH, ["a"]))
            await asyncio.to_thread(begun.wait, 10)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert (await client.create_asset_from_hash(HASH, ["a"])).created_new

    with scripted(script) as server:
        asyncio.run(run(server.url))
