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
    from collections.abc import Mapping, Sequence

    from comfy_assets.server.database import Database
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
#: What is given of each reference of a batch.
_GIVEN = ("position", "id", "owner_id", "blake3", "name_digest", "name", "mime_type", "tags", "user_metadata")
_KEY = ("position", "owner_id", "blake3", "name_digest")
_TOUCH = (
    sa.update(REFERENCE)
    .where(REFERENCE.c.id.in_(sa.bindparam("references", expanding=True)))
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
    mime_type: str | None
    tags: str
    user_metadata: str
    created_at: int
    updated_at: int
    last_access_time: int
    size: int


@dataclass(frozen=True)
class Found:
    """What a look at the database found, before anything was written.

    `settled` where nothing has to be written: the reference is there and was told lately, or there
    is no such content (then `reference` is None).
    """

    reference: Reference | None
    settled: bool


#: Who asks, and for what.
Asked = tuple[int, Wanted]
#: A reference, and whether this call made it; None where there is no such content.
Referred = tuple[Reference, bool] | None


class References:
    """The references in one database. Safe to use from several threads.

    Whatever is asked comes in batches, one statement for each: it costs little more than one for one.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._find = _statement_that_finds(store.database)
        self._make = _statement_that_makes(store.database)
        # Contents by their hashes. What a hash names never changes, so nothing here grows stale.
        self._contents: dict[str, tuple[str, int]] = {}

    @property
    def writers(self) -> int:
        """Writes at a time that one process sends."""
        return self._store.database.writers

    def find(self, asked: Sequence[Asked]) -> list[Found]:
        """Look without writing, which is enough for most requests."""
        with self._store.engine.connect() as connection:
            known = self._known(connection, asked)
            found = self._found(connection, known)
        moment = now()
        return [
            Found(None, settled=position not in known)
            if position not in found
            else Found(found[position], settled=moment - found[position].last_access_time < ACCESS_LAG)
            for position in range(len(asked))
        ]

    def refer(self, asked: Sequence[Asked]) -> list[Referred]:
        """For each owner and what it wants: its reference, and whether this call made it.

        None where no such content is stored, and the owner had no reference to it before. Whatever fails, all
        can be asked again: what was made by then is found.
        """
        results: list[Referred] = [None] * len(asked)
        moment = now()
        with self._store.stating() as connection:
            known = self._known(connection, asked)
            rows = {position: one.row(position) for position, one in known.items()}
            made = self._made(connection, rows, moment)
            found = self._found(connection, {at: one for at, one in known.items() if at not in made})
            lagging = [one.id for one in found.values() if moment - one.last_access_time >= ACCESS_LAG]
            if lagging:
                connection.execute(_TOUCH, {"references": lagging, "moment": moment})
        for position, mime_type in made.items():
            results[position] = known[position].made(rows[position], mime_type, moment), True
        for position, reference in found.items():
            results[position] = reference, False
        return results

    def _made(
        self, connection: sa.Connection, rows: Mapping[int, dict[str, Any]], moment: int
    ) -> dict[int, str | None]:
        """Make those that are not there; which they were, by their positions, and their MIME types."""
        if not rows:
            return {}
        # In one order everywhere: two transactions that make the same references in two orders
        # would each wait for the other.
        ordered = sorted(rows.values(), key=lambda row: [row[name] for name in _KEY[1:]])
        batch = json.dumps([{**row, "position": at} for at, row in enumerate(ordered)], ensure_ascii=False)
        made = connection.execute(self._make, {"rows": batch, "moment": moment}).all()
        positions = {row["id"]: row["position"] for row in rows.values()}
        return {positions[row.id]: row.mime_type for row in made}

    def _found(self, connection: sa.Connection, known: Mapping[int, _Known]) -> dict[int, Reference]:
        """Those that are there, by their positions."""
        if not known:
            return {}
        batch = json.dumps([one.key(position) for position, one in known.items()])
        rows = connection.execute(self._find, {"rows": batch}).all()
        found: dict[int, Reference] = {}
        for row in rows:
            members = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
            position = members.pop("position")
            found[position] = Reference(**members, size=known[position].size)
        return found

    def _known(self, connection: sa.Connection, asked: Sequence[Asked]) -> dict[int, _Known]:
        """Those whose content was ever indexed, by their positions."""
        known = {}
        for position, (owner, wanted) in enumerate(asked):
            content = self._content(connection, wanted.hash)
            if content is not None:
                known[position] = _Known(owner, wanted, *content)
        return known

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


@dataclass(frozen=True)
class _Known:
    """What an owner wants, and the content that it names."""

    owner: int
    wanted: Wanted
    blake3: str
    size: int

    @property
    def name(self) -> str:
        return self.blake3 if self.wanted.name is None else self.wanted.name

    def key(self, position: int) -> dict[str, Any]:
        """What tells a reference from others."""
        digest = hashlib.sha256(self.name.encode("utf-8")).hexdigest()
        return {"position": position, "owner_id": self.owner, "blake3": self.blake3, "name_digest": digest}

    def row(self, position: int) -> dict[str, Any]:
        """A new reference."""
        return {
            **self.key(position),
            "id": str(uuid.uuid4()),
            "name": self.name,
            "mime_type": self.wanted.mime_type,
            "tags": json.dumps(list(self.wanted.tags), ensure_ascii=False),
            "user_metadata": json.dumps(self.wanted.user_metadata or {}, ensure_ascii=False),
        }

    def made(self, row: Mapping[str, Any], mime_type: str | None, moment: int) -> Reference:
        """The reference that was made of a row."""
        return Reference(
            id=row["id"],
            name=row["name"],
            blake3=row["blake3"],
            mime_type=mime_type,
            tags=row["tags"],
            user_metadata=row["user_metadata"],
            created_at=moment,
            updated_at=moment,
            last_access_time=moment,
            size=self.size,
        )


def _statement_that_finds(database: Database) -> Any:
    """The statement that gives the references of a batch that are there, each with its position."""
    asked = database.rows(_typed(_KEY))
    members = ("id", "name", "blake3", "mime_type", "tags", "user_metadata")
    times = ("created_at", "updated_at", "last_access_time")
    found = sa.select(
        asked["position"].label("position"), *(REFERENCE.c[name] for name in (*members, *times))
    )
    return found.where(*(REFERENCE.c[name] == asked[name] for name in _KEY[1:]))


def _statement_that_makes(database: Database) -> Any:
    """The statement that makes those references of a batch whose content is there and which are not."""
    asked = database.rows(_typed(_GIVEN))
    file = FILE.alias()
    guessed = sa.select(sa.func.min(FILE.c.mime_type)).where(FILE.c.blake3 == asked["blake3"])
    moment = sa.bindparam("moment", type_=sa.BigInteger)
    columns: dict[str, Any] = {
        **{name: asked[name] for name in _GIVEN[1:]},
        "mime_type": sa.func.coalesce(asked["mime_type"], guessed.scalar_subquery()),
        **dict.fromkeys(("created_at", "updated_at", "last_access_time"), moment),
    }
    stored = sa.exists().where(file.c.blake3 == asked["blake3"])
    rows = sa.select(*columns.values()).where(stored).order_by(asked["position"])
    made = database.insert(REFERENCE).from_select(list(columns), rows)
    return made.on_conflict_do_nothing().returning(REFERENCE.c.id, REFERENCE.c.mime_type)


def _typed(names: Sequence[str]) -> dict[str, Any]:
    return {name: sa.Integer() if name == "position" else REFERENCE.c[name].type for name in names}
