"""Digests of files that were read before: a cache, which can be lost at any time."""

from __future__ import annotations

import os
import sqlite3
import threading
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field, frozen

from comfy_assets.library.items import Look
from comfy_assets.library.remote import is_remote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from comfy_assets.library.reading import Reading

VERSION: Final = 1
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS digests (
    path BLOB NOT NULL, algorithm TEXT NOT NULL, hash TEXT NOT NULL,
    size INTEGER NOT NULL, mtime INTEGER NOT NULL, ctime INTEGER NOT NULL,
    inode TEXT NOT NULL, device TEXT NOT NULL, began INTEGER NOT NULL, note TEXT,
    PRIMARY KEY (path, algorithm)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS digests_links ON digests (inode, algorithm);
"""

#: Nanoseconds within which a write may leave a file's times as they are: system clocks tick in up to 16 ms
#: steps, and file systems that know only whole seconds may round to two.
FINE: Final = 50_000_000
COARSE: Final = 2_000_000_000
_SECOND: Final = 1_000_000_000

_INSERT: Final = "INSERT OR REPLACE INTO digests VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_SELECT: Final = "SELECT hash, note, began, size, mtime, ctime, inode, device FROM digests "
#: Several at once: a statement costs more than the row that it finds.
_BY_PATH: Final = "SELECT path, " + _SELECT.removeprefix("SELECT ") + "WHERE algorithm = ? AND path IN ({})"
_BY_LINK: Final = _SELECT + "WHERE inode = ? AND algorithm = ? AND device = ?"

#: Writes that are committed at once; a cache may lose the last ones.
_BATCH: Final = 200


@frozen
class Known:
    """A digest that the cache trusts (`hash`), or why it knows none that it does (`why`)."""

    hash: str | None = None
    note: str | None = None
    why: str | None = None
    source: str = "cache"


def settled(look: Look, began: int) -> bool:
    """Whether a file was written long enough before it was read that a later write would show."""
    coarse = look.mtime % _SECOND == 0 and look.ctime % _SECOND == 0
    return look.newest() < began - (COARSE if coarse else FINE)


@define
class Digests:
    """The cache. Safe for threads. Without a connection it knows nothing."""

    connection: sqlite3.Connection | None
    ignore: frozenset[str] = frozenset()
    _lock: threading.Lock = field(factory=threading.Lock)
    _waiting: int = 0

    def get(self, path: str, look: Look, algorithm: str) -> Known:
        """What is known of a file that looks so."""
        return self.get_all([(path, look)], algorithm)[0]

    def get_all(self, files: Sequence[tuple[str, Look]], algorithm: str) -> list[Known]:
        """What is known of files that look so, in their order."""
        keys = [_key(path) for path, _ in files]
        select = _BY_PATH.format(", ".join("?" * len(keys)))
        try:
            with self._lock:
                # Another thread may find it lost: it is there or not for as long as the lock is held.
                if self.connection is None:
                    return [Known(why="no cache") for _ in files]
                rows = {key: row for key, *row in self.connection.execute(select, (algorithm, *keys))}
                return [
                    self._judged(rows[key], look, "cache") if key in rows else self._by_link(look, algorithm)
                    for key, (_, look) in zip(keys, files, strict=True)
                ]
        except sqlite3.Error as error:
            lost = self._lost(error)
            return [lost for _ in files]

    def _by_link(self, look: Look, algorithm: str) -> Known:
        row = None
        if self.connection is not None and look.links > 1 and look.inode:
            row = self.connection.execute(_BY_LINK, (str(look.inode), algorithm, str(look.device))).fetchone()
        return self._judged(row, look, "link")

    def _judged(self, row: Sequence[Any] | None, look: Look, source: str) -> Known:
        if row is None:
            return Known(why="new")
        hash_, note, began, size, mtime, ctime, inode, device = row
        was = Look(size, mtime, ctime, int(inode), int(device))
        # Devices are numbered anew when a disk is mounted again.
        differs = look.difference(was, ignore=self.ignore | {"device"})
        if differs is not None:
            return Known(why=f"another {differs}")
        if not settled(was, began):
            return Known(why="written in the instant in which it was read")
        return Known(hash_, note, None, source)

    def put(self, path: str, algorithm: str, reading: Reading) -> None:
        """Remember what was read."""
        look = reading.look
        row = (
            _key(path), algorithm, reading.hash, look.size, look.mtime, look.ctime,
            # As text: an inode can have 64 or 128 bits, SQLite's integers have 63.
            str(look.inode), str(look.device), reading.began, reading.note,
        )  # fmt: skip
        try:
            with self._lock:
                if self.connection is None:
                    return
                if not self.connection.in_transaction:
                    self.connection.execute("BEGIN IMMEDIATE")
                self.connection.execute(_INSERT, row)
                self._waiting += 1
                if self._waiting >= _BATCH:
                    self._commit()
        except sqlite3.Error as error:
            self._lost(error)

    def flush(self) -> None:
        """Write what waits: before others want to write, and at the end."""
        try:
            with self._lock:
                self._commit()
        except sqlite3.Error as error:
            self._lost(error)

    def close(self) -> None:
        """Write what waits, and close."""
        self.flush()
        with self._lock:
            if self.connection is not None:
                self.connection.close()

    def _commit(self) -> None:
        if self.connection is not None and self.connection.in_transaction:
            self.connection.execute("COMMIT")
        self._waiting = 0

    def _lost(self, error: sqlite3.Error) -> Known:
        # A disk that is full, or a cache that breaks while it is used: files are read, nothing is lost.
        with self._lock:
            self.connection = None
        return Known(why=f"no cache: {error}")


def _key(path: str) -> bytes:
    # Not as a path below this folder: a URL is the same from everywhere.
    return os.fsencode(path if is_remote(path) else os.path.abspath(path))
