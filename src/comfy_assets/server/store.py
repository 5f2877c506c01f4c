"""An open database: its tables made or recognised, transactions, and the owners of keys."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import exc

from comfy_assets.server.database import Database, StoreError, database, sentence
from comfy_assets.server.tables import META, METADATA, OWNER, VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator


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
        try:
            with self.writing() as connection:
                self.salt = _open(connection, self.database, looks=looks)
        except exc.DBAPIError as error:
            self.engine.dispose()
            raise StoreError(f"{self.url}: cannot be used as a database: {sentence(error)}") from error
        except StoreError:
            self.engine.dispose()
            raise
        self.database.opened()

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
        options = self.database.writing
        with self.engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection

    @contextmanager
    def stating(self) -> Iterator[sa.Connection]:
        """Statements that may write and need not hold together: committed one by one, or all at the end."""
        options = self.database.stating
        with self.engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection

    def owner(self, key_digest: str) -> int:
        """The owner with this digest of a key, made if new."""
        with self.writing() as connection:
            connection.execute(self.insert(OWNER).values(key_digest=key_digest).on_conflict_do_nothing())
            found = sa.select(OWNER.c.id).where(OWNER.c.key_digest == key_digest)
            return int(connection.execute(found).scalar_one())


def _open(connection: sa.Connection, opened: Database, *, looks: bool) -> bytes:
    """Create the tables of a new database, refuse one that is not ours; the salt of the keys."""
    if looks:
        opened.prepare(connection)
    tables = set(sa.inspect(connection).get_table_names())
    if not tables:
        METADATA.create_all(connection)
        first = [{"name": "version", "value": VERSION}, {"name": "salt", "value": secrets.token_hex(16)}]
        connection.execute(sa.insert(META), first)
    # Another version may have other tables: it is told first, where the database says that it is ours.
    if not {column["name"] for column in _columns(connection, tables)} >= {"name", "value"}:
        raise StoreError(f"{opened.url}: a database of something else; name a new one")
    values = {row.name: row.value for row in connection.execute(sa.select(META))}
    if "version" in values and values["version"] != VERSION:
        found = f"a database of version {values['version']}"
        raise StoreError(f"{opened.url}: {found}, this server needs {VERSION}; name a new one")
    if "version" not in values or (tables and not tables >= set(METADATA.tables)):
        raise StoreError(f"{opened.url}: a database of something else; name a new one")
    return bytes.fromhex(values["salt"])


def _columns(connection: sa.Connection, tables: set[str]) -> Any:
    """Of the table that says what the database is; those of ours where it was just made."""
    if not tables:
        return [{"name": column.name} for column in META.c]
    return sa.inspect(connection).get_columns(META.name) if META.name in tables else []
