"""Programs that a type checker must refuse: each line says which error it makes, by mypy's name and pyright's.

An error that does not come is one itself: both checkers are told to refuse a comment that ignores nothing.
"""

from __future__ import annotations

from comfy_assets import (
    APIStatusError,
    AssetCreated,
    AssetsClient,
    AsyncAssetsClient,
    AsyncTransport,
    Call,
    RetryPolicy,
    Transport,
    hash_file,
)


def clients(client: AssetsClient) -> None:
    client.create_asset_from_hash("blake3:...")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.create_asset_from_hash("blake3:...", None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.create_asset_from_hash("blake3:...", [1])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    client.create_asset_from_hash(b"blake3:...", ["a"])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.create_asset_from_hash("blake3:...", ["a"], "name")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.create_asset_from_hash("blake3:...", ["a"], nam="a")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.create_asset_from_hash("blake3:...", ["a"], user_metadata=[1])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.register(1, ["a"])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.with_options(base_url="https://a.example")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.base_url = "https://a.example"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


async def async_clients(client: AsyncAssetsClient) -> None:
    print((await client.register("a.png", ["a"])).identifier)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    print(client.register("a.png", ["a"]).id)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    with client:  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues]
        pass


def options() -> None:
    AssetsClient(timeout="5")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    AssetsClient(timeout=None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    AssetsClient(on_drift="warm")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    AssetsClient("key", "https://a.example", 5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    AssetsClient(transport=AsyncTransport())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    AsyncAssetsClient(transport=Transport())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    AssetsClient(retry=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    RetryPolicy(retries=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    RetryPolicy().attempts = 5  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    hash_file()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def answer(asset: AssetCreated, call: Call) -> None:
    asset.tags.append("b")  # type: ignore[union-attr]  # pyright: ignore[reportAttributeAccessIssue]
    print(asset.created_at.year)  # type: ignore[union-attr]  # pyright: ignore[reportAttributeAccessIssue]
    print(asset.nam)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    asset.name = 1  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
    call.attempts.append(None)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    text: str = asset.mime_type  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    print(text)


def errors(error: APIStatusError) -> None:
    code: str = error.code  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    print(code)
