"""What the service answered, written down before it is shown: a run goes on where the last one stopped."""

from __future__ import annotations

import asyncio
import functools
import json
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field, frozen

from comfy_assets.errors import ComfyAssetsError
from comfy_assets.library.events import DONE, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from comfy_assets.library.items import Item

VERSION: Final = 1
#: No WITHOUT ROWID: rows are long, and one that is replaced keeps its place.
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS answers (
    service TEXT NOT NULL, owner TEXT NOT NULL, hash TEXT NOT NULL, name TEXT NOT NULL, tags TEXT NOT NULL,
    asked TEXT NOT NULL, outcome TEXT NOT NULL, id TEXT, status INTEGER, differs TEXT NOT NULL,
    size INTEGER, path BLOB NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (service, owner, hash, name, tags)
);
"""

_INSERT: Final = "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

#: Several at once: a statement costs more than the row that it finds. CROSS JOIN: one after the other.
_SELECT: Final = (
    "WITH wanted (service, owner, hash, name, tags) AS (VALUES {}) "
    "SELECT wanted.*, asked, outcome, id, status, differs, size, at "
    "FROM wanted CROSS JOIN answers USING (service, owner, hash, name, tags)"
)


class JournalError(ComfyAssetsError):
    """The journal cannot be written: what the service answers would be forgotten, so the run ends."""


@frozen
class Key:
    """What makes two requests one, as far as it is known on this side."""

    service: str
    owner: str
    hash: str
    name: str
    tags: str

    @classmethod
    def of(cls, service: str, owner: str, hash_: str, item: Item) -> Key:
        """The key of a file; the order of tags says nothing."""
        # A name that no text can be is refused before it is sent; it must not break the look-up.
        name = (item.name or "").encode("utf-8", "backslashreplace").decode()
        return cls(service, owner, hash_, name, _written(tuple(item.tags)))

    def values(self) -> tuple[str, ...]:
        """In the order of the columns."""
        return (self.service, self.owner, self.hash, self.name, self.tags)


@functools.lru_cache(1024)
def _written(tags: tuple[str, ...]) -> str:
    """Tags as a set; most files of a run have the same."""
    return json.dumps(sorted(set(tags)))


@frozen
class Answered:
    """A row: what was asked besides the key, and what came."""

    asked: str
    outcome: Outcome
    id: str | None
    status_code: int | None
    differs: tuple[str, ...] = ()
    size: int | None = None
    at: float = 0.0


def _answered(
    asked_: str, outcome: str, id_: str, status_code: int, differs: str, size: int, at: float
) -> Answered:
    return Answered(asked_, Outcome(outcome), id_, status_code, _told(differs), size, at)


@functools.lru_cache(1024)
def _told(differs: str) -> tuple[str, ...]:
    return tuple(json.loads(differs))


def asked(item: Item) -> str:
    """What is asked for besides the key: where it is another one than before, the service is asked again."""
    if item.metadata is None:
        return _asked_plainly(item.mime_type)
    return json.dumps([item.mime_type, item.metadata], sort_keys=True, default=str)


@functools.lru_cache(1024)
def _asked_plainly(mime_type: str | None) -> str:
    return json.dumps([mime_type, None])


@define
class Journal:
    """The journal of one run: rows that come together are written together, by one event loop.

    Looking up is safe for threads.
    """

    connection: sqlite3.Connection
    #: Another one for looking up: one connection would wait for its own write to reach the disk.
    reader: sqlite3.Connection
    _looking: threading.Lock = field(factory=threading.Lock)
    _waiting: list[tuple[tuple[Any, ...], asyncio.Future[None]]] = field(factory=list)
    _writer: asyncio.Task[None] | None = None

    def get(self, keys: Sequence[Key]) -> dict[Key, Answered]:
        """The rows with a reference. Where there is none, the service has to be asked."""
        if not keys:
            return {}
        select = _SELECT.format(", ".join(["(?, ?, ?, ?, ?)"] * len(keys)))
        values = [value for key in keys for value in key.values()]
        with self._looking:
            rows = self.reader.execute(select, values).fetchall()
        return {Key(*row[:5]): _answered(*row[5:]) for row in rows if row[6] in DONE}

    async def record(self, key: Key, answered: Answered, path: bytes) -> None:
        """Write a row; returns when it is on the disk. Raises JournalError where it cannot be."""
        row = (
            *key.values(), answered.asked, answered.outcome.value, answered.id, answered.status_code,
            json.dumps(answered.differs), answered.size, path, time.time(),
        )  # fmt: skip
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((row, written))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        # Whoever waits may be cancelled; the row is written all the same.
        await asyncio.shield(written)

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            error: Exception | None = None
            try:
                await asyncio.to_thread(self._commit, [row for row, _ in batch])
            except sqlite3.Error as failed:
                error = JournalError(f"the journal cannot be written: {failed}")
            for _, written in batch:
                if error is None:
                    written.set_result(None)
                else:
                    written.set_exception(error)
                    # Nobody may wait for it any more.
                    written.exception()

    def _commit(self, rows: list[tuple[Any, ...]]) -> None:
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            self.connection.executemany(_INSERT, rows)
            self.connection.execute("COMMIT")
        except sqlite3.Error:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            raise

    async def close(self) -> None:
        """Write what waits, and close."""
        if self._writer is not None:
            await asyncio.shield(self._writer)
        self.connection.close()
        self.reader.close()
