"""What a program that uses the package may rely on: the types that a checker sees. Checked, never run."""

from __future__ import annotations

import datetime
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Any, assert_type
from uuid import UUID

import httpx
from comfy_assets_api.types import Problem, Unset

from comfy_assets import (
    UNSET,
    APIConnectionError,
    APIStatusError,
    AssetCreated,
    AssetsClient,
    AsyncAssetsClient,
    AsyncTransport,
    Attempt,
    Call,
    ComfyAssetsError,
    ContractError,
    InputError,
    NotFoundError,
    RawResponse,
    RetryPolicy,
    Transport,
    hash_file,
)
from comfy_assets.contract import Options, check
from comfy_assets.contract.run import Outcome
from comfy_assets.library.engine import aregister_files, register_files
from comfy_assets.library.events import Event
from comfy_assets.testing import AssetsServer, FakeClock


def clients(path: Path) -> None:
    with AssetsClient() as client:
        assert_type(client, AssetsClient)
        assert_type(client.create_asset_from_hash("blake3:...", ["input"]), AssetCreated)
        assert_type(client.create_asset_from_hash(hash="blake3:...", tags={"input"}, name="a"), AssetCreated)
        assert_type(
            client.register(path, ("input",), user_metadata={"steps": [1, {"cfg": 7.5}]}), AssetCreated
        )
        assert_type(client.register("a.png", ["input"], mime_type="image/png"), AssetCreated)
        assert_type(client.with_options(timeout=5, retry=None), AssetsClient)
        assert_type(client.base_url, str)
        assert_type(client.timeout, float)


async def async_clients(path: Path) -> None:
    async with AsyncAssetsClient(
        "key", "https://cloud.example", transport=AsyncTransport(proxy=None)
    ) as client:
        assert_type(client, AsyncAssetsClient)
        assert_type(await client.create_asset_from_hash("blake3:...", ["input"]), AssetCreated)
        assert_type(await client.register(path, ["input"]), AssetCreated)
        assert_type(client.with_options(on_drift="raise"), AsyncAssetsClient)


def options(clock: FakeClock, mock: httpx.MockTransport) -> None:
    AssetsClient(retry=RetryPolicy(attempts=3, repeat_unknown=False), clock=clock, transport=Transport())
    AssetsClient(transport=mock, attempt_hook=lambda attempt: print(attempt.outcome), drift_hook=print)
    AsyncAssetsClient(transport=mock)


class Client(AssetsClient):
    """Copies of a client of one's own are of one's own class."""


def inherited(client: Client) -> None:
    assert_type(client.with_options(timeout=1), Client)


def answer(asset: AssetCreated) -> None:
    assert_type(asset.id, UUID)
    assert_type(asset.name, str)
    assert_type(asset.size, int)
    assert_type(asset.created_new, bool)
    # A time that `datetime` cannot hold is text.
    assert_type(asset.created_at, datetime.datetime | str)
    assert_type(asset.call, Call)
    assert_type(asset.call.attempts, tuple[Attempt, ...])
    assert_type(asset.call.drift, tuple[Problem, ...])
    assert_type(asset.call.response, RawResponse)
    assert_type(asset.call.created_by_this_call, bool | None)


def left_out(asset: AssetCreated) -> None:
    """A member that the service left out is told from its value by truth, class, or identity."""
    assert_type(asset.tags, list[str] | Unset)
    assert_type(asset.user_metadata, dict[str, Any] | Unset)
    assert_type(asset.preview_id, UUID | Unset | None)
    if not isinstance(asset.asset_hash, Unset):
        assert_type(asset.asset_hash, str)
    if asset.tags:
        assert_type(asset.tags, list[str])
    assert_type(asset.mime_type or "unknown", str)
    print(asset.preview_url is UNSET)


def errors(client: AssetsClient) -> None:
    try:
        client.create_asset_from_hash("blake3:...", ["input"])
    except NotFoundError as error:
        assert_type(error.status_code, int)
        assert_type(error.response, RawResponse)
        assert_type(error.attempts, tuple[Attempt, ...])
    except APIStatusError as error:
        assert_type(error.code, str | None)
        assert_type(error.retry_after, float | None)
        assert_type(error.request_id, str | None)
    except APIConnectionError as error:
        assert_type(error.response, RawResponse | None)
        assert_type(error.status_code, int | None)
    except (ContractError, InputError) as error:
        assert_type(error.problems, tuple[Problem, ...])
    except ComfyAssetsError as error:
        assert_type(error.message, str)
        assert_type(error.status_code, int | None)


def hashing(path: Path) -> None:
    assert_type(hash_file(path), str)
    assert_type(hash_file("a.png", algorithm="sha256"), str)


def libraries(path: Path) -> None:
    assert_type(register_files([path], ["models"]), Generator[Event, None, None])
    assert_type(aregister_files([path, "b"], ["models"]), AsyncGenerator[Event, None])


def checks() -> None:
    assert_type(check(Options("http://127.0.0.1:8765", api_key="key")), Outcome)


def fixtures(comfy_assets_server: AssetsServer, comfy_assets_clock: FakeClock) -> None:
    comfy_assets_server.fail(503, retry_after=1)
    AssetsClient(clock=comfy_assets_clock)
