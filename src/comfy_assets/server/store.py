"""References and the content they refer to, in a database: SQLAlchemy Core, the same on every kind of it.

    meta       what the database is: its version, and the salt of the keys' digests
    owner      one row per key, which itself is not stored
    key        the keys that are accepted at every start, until they are revoked
    content    one row per content ever indexed, by both hashes; never deleted
    file       the files that hold it now; content without a file is not stored any more
    reference  what an owner made; one per owner, content and name

One statement decides whether a reference is made: it inserts from the content that is there, and
does nothing where the owner has that reference. So any number of processes agree. Every committed
write is on disk (`synchronous=FULL`); a reference is told to its owner after that.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from comfy_assets.server.database import Database, StoreError, database

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: The version of the tables below. A database of another one is refused.
VERSION = "2"
#: `last_access_time` moves when it is older than this, so that most repeats only read.
ACCESS_LAG = 60 * 1_000_000
#: Contents that a process remembers by their hashes: some 30 MB at most.
CONTENTS = 100_000

_METADATA = sa.MetaData()
META = sa.Table(
    "meta",
    _METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
OWNER = sa.Table(
    "owner",
    _METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("key_digest", sa.Text, nullable=False, unique=True),
)
KEY = sa.Table(
    "key",
    _METADATA,
    sa.Column("owner_id", sa.ForeignKey(OWNER.c.id), primary_key=True),
    sa.Column("label", sa.Text, nullable=False),
    # Microseconds since 1970.
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("revoked_at", sa.BigInteger),
)
CONTENT = sa.Table(
    "content",
    _METADATA,
    sa.Column("blake3", sa.Text, primary_key=True),
    sa.Column("sha256", sa.Text, nullable=False, unique=True),
    sa.Column("size", sa.BigInteger, nullable=False),
)
FILE = sa.Table(
    "file",
    _METADATA,
    # Bytes, because a path need not be text.
    sa.Column("path", sa.LargeBinary, primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("mtime_ns", sa.BigInteger, nullable=False),
    sa.Column("mime_type", sa.Text),
    sa.Column("blake3", sa.ForeignKey(CONTENT.c.blake3), nullable=False, index=True),
    # The folder that brought it into the index; empty for one that was added by itself.
    sa.Column("root", sa.LargeBinary, nullable=False, index=True),
)
REFERENCE = sa.Table(
    "reference",
    _METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("owner_id", sa.ForeignKey(OWNER.c.id), nullable=False),
    sa.Column("blake3", sa.ForeignKey(CONTENT.c.blake3), nullable=False),
    # A digest stands in the key for the name: a name can be longer than a database lets a key be.
    sa.Column("name_digest", sa.LargeBinary, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("mime_type", sa.Text),
    # JSON as text: numbers come back as they were, however large.
    sa.Column("tags", sa.Text, nullable=False),
    sa.Column("user_metadata", sa.Text, nullable=False),
    # Microseconds since 1970.
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("updated_at", sa.BigInteger, nullable=False),
    sa.Column("last_access_time", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("owner_id", "blake3", "name_digest"),
)


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


class Store:
    """An open database. `salt` goes into the digests of keys. Safe to use from several threads."""

    def __init__(self, url: str, *, looks: bool = True) -> None:
        """Open the database at `url` and create its tables if it is new.

        Without `looks` nobody checks whether it is damaged, which takes longer the larger it is: for a
        process whose parent has just done so.

        Raises `StoreError` where it is not a database, cannot be opened, or is of another version.
        """
        self.database = database(url)
        self.engine, self.insert, self.url = self.database.engine, self.database.insert, self.database.url
        self._make = _statement_that_makes(self.insert)
        # Contents by their hashes. What a hash names never changes, so nothing here grows stale.
        self._contents: dict[str, tuple[str, int]] = {}
        try:
            with self.writing() as connection:
                self.salt = _open(connection, self.database, looks=looks)
        except sa.exc.DBAPIError as error:
            self.engine.dispose()
            cause = " ".join(str(error.orig).split())
            raise StoreError(f"{self.url}: cannot be used as a database: {cause}") from error
        except StoreError:
            self.engine.dispose()
            raise

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    def ping(self) -> None:
        """Ask the database something; raises what it raises where it does not answer."""
        with self.engine.connect() as connection:
            connection.execute(sa.select(META.c.value).where(META.c.name == "version"))

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that may write, from its first statement on."""
        with self.engine.connect().execution_options(immediate=True) as connection, connection.begin():
            yield connection

    def owner(self, key_digest: str) -> int:
        """The owner with this digest of a key, made if new."""
        with self.writing() as connection:
            connection.execute(self.insert(OWNER).values(key_digest=key_digest).on_conflict_do_nothing())
            found = sa.select(OWNER.c.id).where(OWNER.c.key_digest == key_digest)
            return int(connection.execute(found).scalar_one())

    def find(self, owner: int, wanted: Wanted) -> Found:
        """Look without writing, which is enough for most requests."""
        with self.engine.connect() as connection:
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
        with self.writing() as connection:
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


def _open(connection: sa.Connection, opened: Database, *, looks: bool) -> bytes:
    """Create the tables of a new database, refuse one that is not ours; the salt of the keys."""
    if looks:
        opened.prepare(connection)
    tables = set(sa.inspect(connection).get_table_names())
    if not tables:
        _METADATA.create_all(connection)
        first = [{"name": "version", "value": VERSION}, {"name": "salt", "value": secrets.token_hex(16)}]
        connection.execute(sa.insert(META), first)
    # Another version may have other tables: it is told first, where the database says that it is ours.
    if not {column["name"] for column in _columns(connection, tables)} >= {"name", "value"}:
        raise StoreError(f"{opened.url}: a database of something else; name a new one")
    values = {row.name: row.value for row in connection.execute(sa.select(META))}
    if "version" in values and values["version"] != VERSION:
        found = f"a database of version {values['version']}"
        raise StoreError(f"{opened.url}: {found}, this server needs {VERSION}; name a new one")
    if "version" not in values or (tables and not tables >= set(_METADATA.tables)):
        raise StoreError(f"{opened.url}: a database of something else; name a new one")
    return bytes.fromhex(values["salt"])


def _columns(connection: sa.Connection, tables: set[str]) -> Any:
    """Of the table that says what the database is; those of ours where it was just made."""
    if not tables:
        return [{"name": column.name} for column in META.c]
    return sa.inspect(connection).get_columns(META.name) if META.name in tables else []


def _reference(
    connection: sa.Connection, owner: int, content: tuple[str, int], name: str | None
) -> Reference | None:
    blake3, size = content
    digest = _digest(blake3 if name is None else name)
    row = connection.execute(_REFERENCE, {"owner": owner, "blake3": blake3, "name_digest": digest}).first()
    return Reference(**row._mapping, size=size) if row else None  # noqa: SLF001, SQLAlchemy's public name for it


def _digest(name: str) -> bytes:
    return hashlib.sha256(name.encode("utf-8")).digest()


def now() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1000
