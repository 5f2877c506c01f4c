"""What the package brings for the tests of programs that use it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from comfy_assets import DriftWarning, InputError, RetryPolicy, errors
from comfy_assets.scenarios.drift import DRIFTS
from comfy_assets.testing import AssetsServer, FakeClock


def test_each_test_has_a_server_of_its_own(comfy_assets_server: AssetsServer) -> None:
    """Content that was added can be registered, once; another owner has a reference of its own."""
    server = comfy_assets_server
    hash_ = server.add(b"content")
    with server.client() as client:
        created, existing = (client.create_asset_from_hash(hash_, ["a"], name="n") for _ in range(2))
    assert (created.created_new, existing.created_new) == (True, False)
    assert (created.id, created.size) == (existing.id, 7)
    assert [seen.status_code for seen in server.requests] == [201, 200]
    assert server.requests[0].body == {"hash": hash_, "tags": ["a"], "name": "n"}
    assert server.api_key not in repr(server.requests)


def test_fail(comfy_assets_server: AssetsServer, comfy_assets_clock: FakeClock) -> None:
    """The next answers fail as told, one after the other, and then no more."""
    server = comfy_assets_server
    hash_ = server.add(b"content")
    server.fail(503, retry_after=3, times=2)
    with server.client(clock=comfy_assets_clock) as client:
        asset = client.create_asset_from_hash(hash_, ["a"])
    assert [attempt.status_code for attempt in asset.call.attempts] == [503, 503, 201]
    assert comfy_assets_clock.sleeps == [3, 3]
    server.fail(402, code="NO_CREDITS", message="none left")
    with server.client() as client, pytest.raises(errors.PaymentRequiredError, match="NO_CREDITS: none left"):
        client.create_asset_from_hash(hash_, ["a"])


def test_vanish(comfy_assets_server: AssetsServer) -> None:
    """An answer that vanishes leaves the reference made; a request that vanishes makes none."""
    server = comfy_assets_server
    hash_ = server.add(b"content")
    for when, created in (("before", True), ("after", False)):
        server.vanish(when=when)  # type: ignore[arg-type] # mypy takes the two for any text
        with server.client(retry=RetryPolicy(first_delay=0)) as client:
            asset = client.create_asset_from_hash(hash_, ["a"], name=when)
        assert asset.created_new is created
        assert [attempt.outcome for attempt in asset.call.attempts] == ["unknown", "answered"]
        assert asset.call.created_by_this_call is (True if created else None)


@pytest.mark.parametrize("name", DRIFTS)
def test_drift_is_what_the_client_names(comfy_assets_server: AssetsServer, name: str) -> None:
    """Each deviation of the catalogue is survived, and named by the client as the catalogue says."""
    server = comfy_assets_server
    hash_ = server.add(b"content")
    known = server.drift(name)
    assert known is not None
    with server.client(on_drift="ignore") as client:
        try:
            problems = client.create_asset_from_hash(hash_, ["b", "a"], mime_type="text/plain").call.drift
        except errors.ContractError as error:  # where a required member cannot be read
            problems = error.problems
    assert {(problem.place, problem.rule) for problem in problems} == set(known.told)


def test_drift_by_a_function(comfy_assets_server: AssetsServer) -> None:
    """A test can make up a deviation."""
    server = comfy_assets_server
    hash_ = server.add(b"content")
    server.drift(lambda body: {**body, "id": "asset-17"})
    server.drift(lambda body: {**body, "size": 7.0})
    with server.client() as client:
        with pytest.raises(errors.ContractError, match="id: expected a UUID"):
            client.create_asset_from_hash(hash_, ["a"])
        with pytest.warns(DriftWarning, match="size"):
            client.create_asset_from_hash(hash_, ["a"])


def test_content_comes_and_goes(comfy_assets_server: AssetsServer, tmp_path: Path) -> None:
    """Content that was removed is missing for a new reference; one that there is stays."""
    server = comfy_assets_server
    path = tmp_path / "a.png"
    path.write_bytes(b"picture")
    hash_ = server.add(path)

    async def run() -> None:
        async with server.async_client() as client:
            first = await client.register(path, ["a"])
            assert first.mime_type == "image/png"
            server.remove(hash_)
            assert (await client.register(path, ["a"])).id == first.id
            with pytest.raises(errors.NotFoundError):
                await client.register(path, ["a"], name="other")

    asyncio.run(run())


def test_mistakes_are_named(comfy_assets_server: AssetsServer) -> None:
    """An unknown deviation, time or hash is refused in a sentence."""
    with pytest.raises(InputError, match="'nonsense' is no deviation: expected one of"):
        comfy_assets_server.drift("nonsense")
    with pytest.raises(InputError, match="'never'"):
        comfy_assets_server.vanish(when="never")  # type: ignore[arg-type] # the mistake
    with pytest.raises(InputError, match="is not stored here"):
        comfy_assets_server.remove("blake3:" + "0" * 64)


def test_pytest_finds_them(tmp_path: Path) -> None:
    """A project that has this package installed needs no line of configuration for the fixtures."""
    (tmp_path / "test_it.py").write_text(
        "def test_it(comfy_assets_server, comfy_assets_clock):\n"
        "    with comfy_assets_server.client(clock=comfy_assets_clock) as client:\n"
        "        hash = comfy_assets_server.add(b'content')\n"
        "        assert client.create_asset_from_hash(hash, ['a']).created_new\n"
    )
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "."],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "1 passed" in ran.stdout
