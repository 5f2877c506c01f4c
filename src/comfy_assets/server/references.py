"""References: found, and made where the content is there; the statements of every request.

One statement decides whether a reference is made: it inserts from the content that is there, and
does nothing where the owner has that reference. So any number of processes agree. A reference is told
to its owner after its write was committed.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from comfy_assets.server.tables import CONTENT, FILE, REFERENCE, now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from comfy_assets.server.store import Store

#: `last_access_time` moves when it is older than this, so that most repeats only read.
ACCESS_LAG = 60 * 1_000_000
#: Contents that a process remembers by their hashes: some 30 MB at most.
CONTENTS = 100_000

# The statements of every request, built once: building one takes longer than running it.
_CONTENT_BY_BLAKE3, _CONTENT_BY_SHA256 = (
    sa.select(CONTENT.c.blake3, CONTENT.c.size).where(column == sa.bindparam("hash"))
    for column in (CONTENT.c.blake3, CONTENT.c.sha256)
)
_REFERENCE = sa.select(
    *(REFERENCE.c[name] for name in ("id", "name", "blake3", "mime_type", "tags", "user_metadata")),
    *(REFERENCE.c[name] for name in ("created_at", "updated_at", "last_access_time")),
).where(
    REFERENCE.c.owner_id == sa.bindparam("owner"),
    REFERENCE.c.blake3 == sa.bindparam("blake3"),
    REFERENCE.c.name_digest == sa.bindparam("name_digest"),
)
_TOUCH = (
    sa.update(REFERENCE)
    .where(REFERENCE.c.id == sa.bindparam("reference"))
    .values(last_access_time=sa.bindparam("moment"))
)


@dataclass(frozen=True)
class Wanted:
    """What a request asks for: the content by one of its hashes, and how the reference describes it."""

    hash: str
    tags: Sequence[str]
    name: str | None = None
    mime_type: str | None = None
    user_metadata: dict[str, Any] | None = None


@dataclass(frozen=True)
class Reference:
    """A stored reference. `tags` and `user_metadata` are JSON text, times microseconds since 1970."""

    id: str
    name: str
    blake3: str
    size: int
    mime_type: str | None
    tags: str
    user_metadata: str
    created_at: int
    updated_at: int
    last_access_time: int


@dataclass(frozen=True)
class Found:
    """What a look at the database found, before anything was written.

    `settled` where nothing has to be written: the reference is there and was told lately, or there
    is no such content (then `reference` is None).
    """

    reference: Reference | None
    settled: bool


class References:
    """The references in one database. Safe to use from several threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._make = _statement_that_makes(store.insert)
        # Contents by their hashes. What a hash names never changes, so nothing here grows stale.
        self._contents: dict[str, tuple[str, int]] = {}

    @property
    def writers(self) -> int:
        """Writes at a time that one process sends."""
        return self._store.database.writers

    def find(self, owner: int, wanted: Wanted) -> Found:
        """Look without writing, which is enough for most requests."""
        with self._store.engine.connect() as connection:
            content = self._content(connection, wanted.hash)
            reference = content and _reference(connection, owner, content, wanted.name)
        if not reference:
            return Found(None, settled=content is None)
        return Found(reference, settled=now() - reference.last_access_time < ACCESS_LAG)

    def refer(self, asked: Sequence[tuple[int, Wanted]]) -> list[tuple[Reference, bool] | None]:
        """For each owner and what it wants: its reference, and whether this call made it; in one transaction.

        None where no such content is stored, and the owner had no reference to it before.
        """
        results: list[tuple[Reference, bool] | None] = [None] * len(asked)
        with self._store.writing() as connection:
            contents = [self._content(connection, wanted.hash) for _, wanted in asked]
            known = [position for position, content in enumerate(contents) if content]
            # In one order everywhere: two transactions that make the same references in two orders
            # would each wait for the other.
            known.sort(key=lambda position: _key(*asked[position], contents[position]))
            for position in known:
                content = contents[position]
                assert content is not None
                results[position] = self._refer(connection, *asked[position], content)
        return results

    def _refer(
        self, connection: sa.Connection, owner: int, wanted: Wanted, content: tuple[str, int]
    ) -> tuple[Reference, bool] | None:
        blake3, size = content
        name = blake3 if wanted.name is None else wanted.name
        moment = now()
        members = {
            "id": str(uuid.uuid4()),
            "name": name,
            "blake3": blake3,
            "tags": json.dumps(list(wanted.tags), ensure_ascii=False),
            "user_metadata": json.dumps(wanted.user_metadata or {}, ensure_ascii=False),
        }
        values = {
            **members,
            "owner_id": owner,
            "name_digest": _digest(name),
            "mime_type": wanted.mime_type,
            "moment": moment,
        }
        made = connection.execute(self._make, values).first()
        if made is not None:
            return Reference(
                **members,
                size=size,
                mime_type=made.mime_type,
                created_at=moment,
                updated_at=moment,
                last_access_time=moment,
            ), True
        reference = _reference(connection, owner, content, wanted.name)
        if reference is None:
            return None
        if moment - reference.last_access_time >= ACCESS_LAG:
            connection.execute(_TOUCH, {"reference": reference.id, "moment": moment})
        return reference, False

    def _content(self, connection: sa.Connection, hash_: str) -> tuple[str, int] | None:
        """BLAKE3 hash and size of the content that one of its hashes names, if it was ever indexed."""
        known = self._contents.get(hash_)
        if known is None:
            query = _CONTENT_BY_SHA256 if hash_.startswith("sha256:") else _CONTENT_BY_BLAKE3
            row = connection.execute(query, {"hash": hash_}).first()
            if row is None:
                return None
            known = (row.blake3, row.size)
            if len(self._contents) >= CONTENTS:
                self._contents.clear()
            self._contents[hash_] = known
        return known


def _statement_that_makes(insert: Any) -> Any:
    """The statement that makes a reference, if the content is there and the reference is not."""
    guessed = sa.select(sa.func.min(FILE.c.mime_type)).where(FILE.c.blake3 == CONTENT.c.blake3)
    moment = sa.bindparam("moment", type_=sa.BigInteger)
    given = ("id", "owner_id", "name_digest", "name", "tags", "user_metadata")
    columns: dict[str, Any] = {
        "blake3": CONTENT.c.blake3,
        "mime_type": sa.func.coalesce(sa.bindparam("mime_type", type_=sa.Text), guessed.scalar_subquery()),
        **{column: sa.bindparam(column, type_=REFERENCE.c[column].type) for column in given},
        **dict.fromkeys(("created_at", "updated_at", "last_access_time"), moment),
    }
    stored = sa.exists().where(FILE.c.blake3 == CONTENT.c.blake3)
    rows = sa.select(*columns.values()).where(CONTENT.c.blake3 == sa.bindparam("blake3"), stored)
    made = insert(REFERENCE).from_select(list(columns), rows)
    return made.on_conflict_do_nothing().returning(REFERENCE.c.mime_type)


def _key(owner: int, wanted: Wanted, content: tuple[str, int] | None) -> tuple[int, str, str]:
    """Where a reference stands among those of a transaction."""
    blake3 = content[0] if content else ""
    return owner, blake3, blake3 if wanted.name is None else wanted.name


def _reference(
    connection: sa.Connection, owner: int, content: tuple[str, int], name: str | None
) -> Reference | None:
    blake3, size = content
    digest = _digest(blake3 if name is None else name)
    row = connection.execute(_REFERENCE, {"owner": owner, "blake3": blake3, "name_digest": digest}).first()
    return Reference(**row._mapping, size=size) if row else None  # noqa: SLF001, SQLAlchemy's public name for it


def _digest(name: str) -> bytes:
    return hashlib.sha256(name.encode("utf-8")).digest()
