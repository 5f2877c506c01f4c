"""Writes that come together: one transaction for many, and a failing one fails nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from comfy_assets.server import assets, content, references
from comfy_assets.server.batching import BATCH, Batches
from comfy_assets.server.references import Asked, References, Referred, Wanted
from comfy_assets.server.store import Store
from tests.server.asking import PORTRAIT, blake3_of, sha256_of, write_files

HASH = blake3_of(PORTRAIT)


@pytest.fixture
def store(database: str, tmp_path: Path) -> Iterator[Store]:
    """A store with one content, on each kind of database."""
    folder = write_files(tmp_path / "content", {"a.png": PORTRAIT})
    with closing(Store(database)) as opened:
        content.index(opened, [folder], lambda _: None)
        yield opened


def noting(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the transactions from now on; one that holds the name `broken` fails."""
    sizes: list[int] = []
    refer = References.refer

    def noted(self: References, asked: Sequence[tuple[int, Wanted]]) -> Any:
        sizes.append(len(asked))
        if any(wanted.name == "broken" for _, wanted in asked):
            raise RuntimeError("a test broke this one")
        return refer(self, asked)

    monkeypatch.setattr(References, "refer", noted)
    return sizes


def batches(store: Store) -> Batches[Asked, Referred]:
    """References made together, as the server makes them."""
    references = References(store)
    return Batches(references.refer, references.writers)


def ask(store: Store, names: Sequence[str | None], hash_: str = HASH) -> list[Any]:
    """What each of these requests gets, all asked at once."""
    owner = store.owner("digest of a key")

    async def all_of_them() -> list[Any]:
        making = batches(store)
        wanted = [Wanted(hash=hash_, tags=["a"], name=name) for name in names]
        return await asyncio.gather(*(making.ask((owner, one)) for one in wanted), return_exceptions=True)

    return asyncio.run(all_of_them())


def test_many_share_a_transaction(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Far fewer transactions than references, none larger than the bound; each is told its own."""
    sizes = noting(monkeypatch)
    names = [f"reference {number}" for number in range(3 * BATCH)]
    results = ask(store, names)
    assert [(reference.name, created) for reference, created in results] == [(name, True) for name in names]
    assert len(sizes) <= 8 + 3
    assert max(sizes) <= BATCH


def test_same_request_in_one_transaction(store: Store) -> None:
    """Of equal requests in a batch one makes the reference; the other hash of the content is the same one."""
    results = ask(store, [None] * 20)
    assert sorted(created for _, created in results) == [False] * 19 + [True]
    [(reference, created)] = ask(store, [None], sha256_of(PORTRAIT))
    assert {one.id for one, _ in results} == {reference.id}
    assert not created
    assert (reference.size, reference.mime_type) == (len(PORTRAIT), "image/png")


def test_failing_one_fails_alone(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others of its batch are carried out."""
    noting(monkeypatch)
    results = ask(store, ["first", "broken", "last"])
    assert isinstance(results[1], RuntimeError)
    assert [results[0][1], results[2][1]] == [True, True]


def test_unknown_content(store: Store) -> None:
    """None, for each that asks, and nothing is remembered of it."""
    assert ask(store, ["a", "b"], blake3_of(b"unknown")) == [None, None]


def test_one_right_after_the_other(store: Store) -> None:
    """A request that comes in the very moment in which the last writer ends is written too."""
    owner = store.owner("digest of a key")

    async def in_turns(making: Batches[Asked, Referred], client: int) -> None:
        for turn in range(3):
            made = await making.ask((owner, Wanted(hash=HASH, tags=["a"], name=f"{client} {turn}")))
            assert made is not None
            assert made[1]

    async def clients() -> None:
        making = batches(store)
        async with asyncio.timeout(30):
            await asyncio.gather(*(in_turns(making, client) for client in range(store.database.writers)))

    asyncio.run(clients())


def test_what_is_remembered_is_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that remembers one reference, and none that is large, answers as if it remembered all."""
    monkeypatch.setattr(assets, "KNOWN", 1)
    monkeypatch.setattr(references, "CONTENTS", 1)
    owner, hashes = store.owner("digest of a key"), (HASH, sha256_of(PORTRAIT))

    async def asked_in_turn() -> list[tuple[int, str]]:
        create = assets.CreateAssetFromHash(store)
        told = []
        for _ in range(3):
            for number, large in ((0, {}), (1, {}), (0, {"a": "b" * assets.LARGEST_KNOWN})):
                request = {
                    "hash": hashes[number],
                    "tags": ["a"],
                    "name": f"n{number}{bool(large)}",
                    "user_metadata": large,
                }
                outcome = await create(owner, request)
                told.append((outcome.status, outcome.members["id"]))
                assert len(create._known) <= 1
                assert not any(name == "n0True" for _, _, name in create._known)
        return told

    first, *again = (asyncio.run(asked_in_turn())[place : place + 3] for place in (0, 3, 6))
    assert [status for status, _ in first] == [201] * 3
    for told in again:
        assert told == [(200, id_) for _, id_ in first]
