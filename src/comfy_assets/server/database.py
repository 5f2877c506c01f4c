"""Which database: SQLite in a file, or PostgreSQL by its URL; everything in which the two differ.

SQLite      one writer at a time, waited for; every commit is on disk (`synchronous=FULL`)
PostgreSQL  many writers; every commit is on disk as far as its own settings say (`fsync`, the default)
"""

from __future__ import annotations

import importlib
import select
from abc import ABC, abstractmethod
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy import event, exc

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: How long a write waits for another process, in milliseconds; and when the database is opened.
BUSY_MS: Final = 30_000
OPENING_MS: Final = 10_000
#: Seconds to connect to a database server.
CONNECT_SECONDS: Final = 10
#: Any number, the same for all servers: held while tables are made, so that only one of them makes them.
_LOCK: Final = 0x636F6D6679

_EXAMPLES: Final = "sqlite:///references.db or postgresql://user@host/name"


class StoreError(Exception):
    """The database cannot be used; the text is one sentence."""


def sentence(error: exc.DBAPIError) -> str:
    """What a database says, in one line; what it says of locks, in words that say what to do."""
    cause = " ".join(str(error.orig).split())
    if "database is locked" in cause or "lock timeout" in cause:
        return "it is locked by another process, which did not let go of it in time"
    return cause


class Database(ABC):
    """An engine, and what differs between databases."""

    #: Writes at a time that one process sends.
    writers: int
    #: Options of connections: for a transaction that writes, and for statements that may be committed singly.
    writing: Mapping[str, Any]
    stating: Mapping[str, Any]

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        #: How long new connections wait for a lock: short while somebody waits for the server to start.
        self.patience_ms = OPENING_MS
        event.listen(engine, "connect", self._made)
        # As the user wrote it: which driver is used is our business.
        shown = engine.url.set(drivername=engine.url.get_backend_name())
        self.url = shown.render_as_string(hide_password=True)
        # The dialect's own, which knows ON CONFLICT. Importing a dialect takes long: only the one in use.
        dialect = importlib.import_module(f"sqlalchemy.dialects.{engine.dialect.name}")
        self.insert: Callable[[sa.Table], Any] = dialect.insert

    def opened(self) -> None:
        """From now on requests wait, and no longer who starts a server."""
        self.patience_ms = BUSY_MS
        self.engine.dispose()

    def _made(self, connection: Any, record: Any) -> None:  # noqa: ARG002 - SQLAlchemy passes it
        try:
            self._connected(connection)
        except BaseException:
            # SQLAlchemy forgets one that could not be set up, and leaves it open.
            connection.close()
            raise

    @abstractmethod
    def _connected(self, connection: Any) -> None:
        """Set up a new connection."""

    @abstractmethod
    def rows(self, columns: Mapping[str, Any]) -> Mapping[str, sa.ColumnElement[Any]]:
        """The members of the objects in the parameter `rows`, a JSON array: a row for each, typed so."""

    @abstractmethod
    def prepare(self, connection: sa.Connection) -> None:
        """Before the tables are looked at: alone, and sure that the database is sound."""


class _SQLite(Database):
    # A file has one writer at a time: waiting in line here is fair, waiting there is not.
    writers = 1
    # Each commit waits for the disk: statements that come together are better committed together.
    writing = stating = MappingProxyType({"immediate": True})

    def __init__(self, url: sa.URL) -> None:
        # Parameters stay out of error texts, which reach the log.
        super().__init__(sa.create_engine(url, hide_parameters=True, pool_size=16, max_overflow=32))
        event.listen(self.engine, "begin", self._begun)

    def _connected(self, connection: Any) -> None:
        connection.isolation_level = None  # sqlite3 must not begin transactions by itself
        for pragma in (
            f"busy_timeout={self.patience_ms}",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @staticmethod
    def _begun(connection: sa.Connection) -> None:
        # A transaction that reads first and then writes fails with "database is locked" without waiting
        # when another one wrote in between: one that may write says so at once.
        immediate = connection.get_execution_options().get("immediate")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    def rows(self, columns: Mapping[str, Any]) -> Mapping[str, sa.ColumnElement[Any]]:
        each = sa.func.json_each(sa.bindparam("rows", type_=sa.Text)).table_valued("value")
        return {
            name: sa.func.json_extract(each.c.value, f"$.{name}", type_=type_)
            for name, type_ in columns.items()
        }

    def prepare(self, connection: sa.Connection) -> None:
        damage = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
        if damage != "ok":
            raise StoreError(f"{self.url}: the database is damaged: {str(damage).splitlines()[-1]}")


class _PostgreSQL(Database):
    # Each waits for a disk; more would make smaller batches.
    writers = 2
    # A statement by itself is one message and its answer; a transaction has two more of each.
    writing = MappingProxyType({"isolation_level": "READ COMMITTED"})
    stating: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, url: sa.URL) -> None:
        try:
            engine = sa.create_engine(
                url.set(drivername="postgresql+psycopg"),
                hide_parameters=True,
                isolation_level="AUTOCOMMIT",
                pool_size=16,
                max_overflow=32,
                connect_args={
                    "connect_timeout": CONNECT_SECONDS,
                    "application_name": "comfy-assets",
                    # A server that is gone without a word is noticed after half a minute.
                    "keepalives_idle": 10,
                    "keepalives_interval": 5,
                    "keepalives_count": 4,
                    "tcp_user_timeout": BUSY_MS,
                },
            )
        except ModuleNotFoundError:
            raise StoreError(
                "PostgreSQL needs the \"postgresql\" extra: pip install 'comfy-assets[server,postgresql]'"
            ) from None
        super().__init__(engine)
        event.listen(engine, "checkout", self._taken)

    def _connected(self, connection: Any) -> None:
        connection.execute(f"SET lock_timeout = {self.patience_ms}")
        connection.commit()

    @staticmethod
    def _taken(connection: Any, record: Any, proxy: Any) -> None:  # noqa: ARG004 - SQLAlchemy passes them
        # A connection that the server closed is made anew, not handed out. To ask the server whether it is
        # there would take as long as a statement; what it sends unasked is that it goes.
        waiting = select.poll()
        waiting.register(connection.fileno(), select.POLLIN)
        if waiting.poll(0):
            raise exc.DisconnectionError("closed by the server")

    def rows(self, columns: Mapping[str, Any]) -> Mapping[str, sa.ColumnElement[Any]]:
        array = sa.cast(sa.bindparam("rows", type_=sa.Text), sa.JSON)
        typed = [sa.column(name, type_) for name, type_ in columns.items()]
        table = sa.func.json_to_recordset(array).table_valued(*typed, name="asked")
        return dict(table.render_derived(with_types=True).c)

    def prepare(self, connection: sa.Connection) -> None:
        # Until the end of the transaction: a second server that starts now waits here.
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))


_KINDS: Final[dict[str, Callable[[sa.URL], Database]]] = {
    "sqlite": _SQLite,
    "postgresql": _PostgreSQL,
    "postgres": _PostgreSQL,  # as many services write it
}


def database(url: str) -> Database:
    """The database at a URL; StoreError where it is none of those that are known. Connects to nothing yet."""
    try:
        parsed = sa.make_url(url)
        kind = _KINDS[parsed.get_backend_name()]
    except (exc.ArgumentError, KeyError):
        # Not shown: it may hold a password.
        raise StoreError(f"--database takes a URL such as {_EXAMPLES}") from None
    if kind is _SQLite and parsed.database in (None, "", ":memory:"):
        raise StoreError("--database needs a file, such as sqlite:///references.db")
    return kind(parsed)
