"""Keys are owners, and only salted digests of them are kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from comfy_assets.server.keys import KeyFormatError, Keys, add_key, kept_keys, make_key, revoke_key
from comfy_assets.server.store import Store
from comfy_assets.server.tables import OWNER


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[list[Store]]:
    """Two databases."""
    opened = [Store(f"sqlite:///{tmp_path / name}") for name in ("a.db", "b.db")]
    yield opened
    for store in opened:
        store.close()


def test_each_key_is_an_owner(stores: list[Store]) -> None:
    """The same key is the same owner, also at the next start; a near miss is nobody."""
    keys = Keys(stores[0], ["one", "two", "one", "sch\u00f6n"])
    owners = [keys.owner(key.encode()) for key in ("one", "two", "sch\u00f6n")]
    assert len(set(owners)) == 3
    assert None not in owners
    assert Keys(stores[0], ["two"]).owner(b"two") == owners[1]
    assert [keys.owner(key) for key in (b"", b"On", b"onf", b"one ", b"ONE", b"sch\xf6n")] == [None] * 6


def test_digests_differ_from_database_to_database(stores: list[Store]) -> None:
    """So a table of digests made for one says nothing about another, and none holds the key."""
    digests = []
    for store in stores:
        Keys(store, ["one"])
        with store.engine.connect() as connection:
            digests.append(connection.execute(sa.select(OWNER.c.key_digest)).scalar_one())
    assert digests[0] != digests[1]
    assert "one" not in digests


def test_kept_keys_come_and_go(stores: list[Store]) -> None:
    """A key that was added counts after a refresh, until it is revoked; added again, it is the same owner."""
    store, keys = stores[0], Keys(stores[0], ["given"])
    added = add_key(store, "added", "for a test")
    assert keys.is_stale
    assert keys.owner(b"added") is None
    keys.refresh()
    assert not keys.is_stale
    assert keys.owner(b"added") == added.id != keys.owner(b"given")
    assert [(one.id, one.label, one.revoked_at) for one in kept_keys(store)] == [
        (added.id, "for a test", None)
    ]
    assert [revoke_key(store, added.id), revoke_key(store, added.id), revoke_key(store, 99)] == [
        True,
        False,
        False,
    ]
    keys.refresh()
    assert keys.owner(b"added") is None
    assert kept_keys(store)[0].revoked_at is not None
    assert add_key(store, "added", "again").id == added.id
    keys.refresh()
    assert keys.owner(b"added") == added.id


@pytest.mark.parametrize("key", ["", " ", " a", "a ", "a\n", "a\0b", "a\tb"])
def test_key_that_no_header_carries_is_refused(stores: list[Store], key: str) -> None:
    """It could never be sent; the message does not repeat it."""
    with pytest.raises(KeyFormatError, match="must not be empty"):
        Keys(stores[0], [key])


def test_made_keys_differ_and_are_long() -> None:
    """32 random bytes, in characters that a header and a shell take as they are."""
    made = {make_key() for _ in range(100)}
    assert len(made) == 100
    assert all(
        len(key) == 49 and key.startswith("local-") and key.replace("-", "").replace("_", "").isalnum()
        for key in made
    )
