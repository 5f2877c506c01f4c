"""Both clients behind one function, so that each test holds for both; a server that speaks TLS."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from comfy_assets import AssetCreated, AssetsClient, AsyncAssetsClient, AsyncTransport, Transport
from tests.support import BODY, HASH, ScriptedServer, answer, certificate_in, scripted

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


def transport_for(call: Callable[..., Any], **options: Any) -> Any:
    """Our transport for the client that `call` uses."""
    return (AsyncTransport if "async" in call.__name__ else Transport)(**options)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that no CA has signed, and its key, in one file."""
    return certificate_in(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def tls_server(certificate: Path) -> Iterator[ScriptedServer]:
    """A scripted server that speaks TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with scripted(answer(201, BODY), context) as server:
        yield server
