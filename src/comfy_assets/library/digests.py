"""Digests of files that were read before: a cache, which can be lost at any time."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Final, TypeAlias

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
_SELECT: Final = "SELECT * FROM digests "
#: Several at once: a statement costs more than the row that it finds.
_BY_PATH: Final = _SELECT + "WHERE algorithm = ? AND path IN ({})"
_BY_LINK: Final = _SELECT + "WHERE algorithm = ? AND inode = ? AND device = ?"

#: Rows that are written together, and seconds after which fewer are: where the process is killed, what
#: took long to read is not read again.
_BATCH: Final = 200
_SECONDS: Final = 1.0

#: A row of the table, in the order of its columns.
_Row: TypeAlias = "tuple[bytes, str, str, int, int, int, str, str, int, str | None]"


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
    #: Not in a transaction that waits for more: other processes write to the file too.
    _waiting: dict[tuple[bytes, str], _Row] = field(factory=dict)
    _written: float = field(factory=time.monotonic)

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
                rows: dict[bytes, _Row] = {
                    row[0]: row for row in self.connection.execute(select, (algorithm, *keys))
                }
                rows |= {key: row for key in keys if (row := self._waiting.get((key, algorithm)))}
                return [
                    self._judged(rows[key], look, "cache")
                    if key in rows
                    else self._judged(self._link(look, algorithm), look, "link")
                    for key, (_, look) in zip(keys, files, strict=True)
                ]
        except sqlite3.Error as error:
            lost = self._lost(error)
            return [lost for _ in files]

    def _link(self, look: Look, algorithm: str) -> _Row | None:
        """The row of another link to a file."""
        if self.connection is None or look.links < 2 or not look.inode:  # noqa: PLR2004 - itself, and another
            return None
        place = (algorithm, str(look.inode), str(look.device))
        for row in self._waiting.values():
            if (row[1], *row[6:8]) == place:
                return row
        found: _Row | None = self.connection.execute(_BY_LINK, place).fetchone()
        return found

    def _judged(self, row: _Row | None, look: Look, source: str) -> Known:
        if row is None:
            return Known(why="new")
        _, _, hash_, size, mtime, ctime, inode, device, began, note = row
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
        row: _Row = (
            _key(path), algorithm, reading.hash, look.size, look.mtime, look.ctime,
            # As text: an inode can have 64 or 128 bits, SQLite's integers have 63.
            str(look.inode), str(look.device), reading.began, reading.note,
        )  # fmt: skip
        try:
            with self._lock:
                self._waiting[row[0], algorithm] = row
                if len(self._waiting) >= _BATCH or time.monotonic() - self._written >= _SECONDS:
                    self._write()
        except sqlite3.Error as error:
            self._lost(error)

    def flush(self) -> None:
        """Write what waits."""
        try:
            with self._lock:
                self._write()
        except sqlite3.Error as error:
            self._lost(error)

    def close(self) -> None:
        """Write what waits, and close."""
        self.flush()
        with self._lock:
            if self.connection is not None:
                self.connection.close()

    def _write(self) -> None:
        if self.connection is not None and self._waiting:
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                self.connection.executemany(_INSERT, self._waiting.values())
                self.connection.execute("COMMIT")
            finally:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
        self._waiting.clear()
        self._written = time.monotonic()

    def _lost(self, error: sqlite3.Error) -> Known:
        # A disk that is full, or a cache that breaks while it is used: files are read, nothing is lost.
        with self._lock:
            self.connection = None
        return Known(why=f"no cache: {error}")


def _key(path: str) -> bytes:
    # Not as a path below this folder: a URL is the same from everywhere.
    return os.fsencode(path if is_remote(path) else os.path.abspath(path))
