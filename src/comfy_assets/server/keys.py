"""API keys: each is an owner. Only digests are kept, and compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from comfy_assets.server.tables import KEY, OWNER, now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from comfy_assets.server.store import Store


class KeyFormatError(ValueError):
    """A key that no request could carry in a header; the text is one sentence, without the key."""


def make_key() -> str:
    """A new key, too long to guess."""
    # The word in front keeps it from starting with a dash, which commands would take for an option.
    return "local-" + secrets.token_urlsafe(32)


#: Seconds after which a key that was added or revoked in another process counts here.
REFRESH = 1.0


@dataclass(frozen=True)
class KnownKey:
    """A key that is kept: everything but itself. Times are microseconds since 1970."""

    id: int
    label: str
    created_at: int
    revoked_at: int | None


def add_key(store: Store, key: str, label: str) -> KnownKey:
    """Accept a key at every start from now on; `KeyFormatError` for one that no request could carry.

    A key that was revoked is accepted again, and is the same owner.
    """
    _check(key)
    owner = store.owner(_digest(store, key.encode("utf-8")))
    known = KnownKey(owner, label, now(), None)
    row = {"owner_id": owner, "label": label, "created_at": known.created_at, "revoked_at": None}
    with store.writing() as connection:
        insert = store.insert(KEY).values(row)
        connection.execute(insert.on_conflict_do_update(index_elements=["owner_id"], set_=row))
    return known


def kept_keys(store: Store) -> list[KnownKey]:
    """The keys that were added, oldest first, revoked ones too."""
    with store.engine.connect() as connection:
        rows = connection.execute(sa.select(KEY).order_by(KEY.c.owner_id)).all()
    return [KnownKey(*row) for row in rows]


def known_owner(store: Store, key: str) -> int | None:
    """The owner whose key this is, valid or not; None for one that this database never saw."""
    query = sa.select(OWNER.c.id).where(OWNER.c.key_digest == _digest(store, key.encode("utf-8")))
    with store.engine.connect() as connection:
        return connection.execute(query).scalar()


def revoke_key(store: Store, id_: int) -> bool:
    """Accept a key no more; False where there is none to revoke. Its references stay."""
    revoke = sa.update(KEY).where(KEY.c.owner_id == id_, KEY.c.revoked_at.is_(None)).values(revoked_at=now())
    with store.writing() as connection:
        return bool(connection.execute(revoke).rowcount)


class Keys:
    """The keys that this server accepts, as digests, each with its owner.

    They are those that it was started with, and those that are kept in the database; what is added or
    revoked there by another process counts after `REFRESH` seconds.
    """

    def __init__(self, store: Store, keys: Sequence[str]) -> None:
        """Make each of `keys` an owner in the store; the same key is the same owner at every start."""
        self._store = store
        for key in keys:
            _check(key)
        self._own = {digest: store.owner(digest) for digest in (_digest(store, key.encode()) for key in keys)}
        self._kept: dict[str, int] = {}
        self._looked = float("-inf")

    @property
    def is_stale(self) -> bool:
        """Whether it is time to look into the database again."""
        return time.monotonic() - self._looked > REFRESH

    def refresh(self) -> None:
        """Look into the database for keys that were added or revoked."""
        query = sa.select(OWNER.c.key_digest, OWNER.c.id).join(KEY).where(KEY.c.revoked_at.is_(None))
        with self._store.engine.connect() as connection:
            self._kept = {row.key_digest: row.id for row in connection.execute(query)}
        self._looked = time.monotonic()

    def owner(self, presented: bytes) -> int | None:
        """The owner whose key this is, None for an unknown one."""
        digest = _digest(self._store, presented)
        owner = None
        # All are compared, always: the time tells nothing of which one is near.
        for known, its_owner in (*self._own.items(), *self._kept.items()):
            if hmac.compare_digest(known, digest):
                owner = its_owner
        return owner


def _digest(store: Store, key: bytes) -> str:
    # Salted per database, so that digests of one cannot be looked up for another. A slow hash
    # is for passwords that people choose, and would cost each request its time.
    return hashlib.blake2b(key, key=store.salt, digest_size=32).hexdigest()


def _check(key: str) -> None:
    if not key or key != key.strip() or not key.isprintable():
        raise KeyFormatError(
            "an API key must not be empty, start or end with a space, or hold control characters"
        )
