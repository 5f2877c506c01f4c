"""Both clients behind one function, so that each test holds for both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from comfy_assets import AssetCreated, AssetsClient, AsyncAssetsClient
from tests.support import HASH

KEY = "key-4f1c9a"

#: Options that switch repeats off, for tests of a single attempt.
ONCE: dict[str, Any] = {"retry": None}

Call = Callable[..., AssetCreated]


def call_sync(
    url: str,
    *arguments: Any,
    method: str = "create_asset_from_hash",
    options: dict[str, Any] | None = None,
    **named: Any,
) -> AssetCreated:
    """One call of the sync client."""
    with AssetsClient(KEY, url, **(ONCE | (options or {}))) as client:
        asset: AssetCreated = getattr(client, method)(*(arguments or (HASH, ["input"])), **named)
        return asset


def call_async(
    url: str,
    *arguments: Any,
    method: str = "create_asset_from_hash",
    options: dict[str, Any] | None = None,
    **named: Any,
) -> AssetCreated:
    """One call of the async client, in an event loop of its own."""

    async def run() -> AssetCreated:
        async with AsyncAssetsClient(KEY, url, **(ONCE | (options or {}))) as client:
            asset: AssetCreated = await getattr(client, method)(*(arguments or (HASH, ["input"])), **named)
            return asset

    return asyncio.run(run())


@pytest.fixture(params=[call_sync, call_async], ids=["sync", "async"])
def call(request: pytest.FixtureRequest) -> Call:
    """`call(url, hash, tags, ...)` with one of the two clients."""
    one: Call = request.param
    return one
