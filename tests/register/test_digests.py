"""The cache of digests, where it breaks while it is used."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import pytest
from attrs import evolve

from comfy_assets.library.digests import SCHEMA, VERSION, Digests, Known
from comfy_assets.library.items import Look
from comfy_assets.library.reading import Reading
from comfy_assets.library.state import open_database

LOOK = Look(size=1, mtime=1, ctime=1, inode=1, device=1)


class LostMeanwhile:
    """A lock that is waited for while another thread, which holds it, loses the cache."""

    digests: Digests

    def __enter__(self) -> None:
        """Get it, when all is over."""
        self.digests.connection = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back."""


def test_another_thread_loses_the_cache() -> None:
    """Where the cache is lost while a thread waits for its turn, that thread knows nothing, and goes on."""
    connection = sqlite3.connect(":memory:")
    connection.executescript(SCHEMA)
    uses: list[Callable[[Digests], object]] = [
        lambda digests: digests.get("a", LOOK, "blake3").hash,
        lambda digests: digests.put("a", "blake3", Reading("blake3:0", LOOK, 2)),
        Digests.flush,
        Digests.close,
    ]
    for use in uses:
        lock = LostMeanwhile()
        lock.digests = Digests(connection)
        lock.digests._lock = lock  # type: ignore[assignment] # as far as it is used
        assert use(lock.digests) is None
    connection.close()


def test_what_waits_is_known_and_locks_nobody_out(tmp_path: Path) -> None:
    """A row that waits to be written is found, by its path and by another link, while others may write."""
    path = str(tmp_path / "digests.sqlite")
    look = Look(size=1, mtime=1, ctime=1, inode=1, device=1, links=2)
    with contextlib.closing(open_database(path, SCHEMA, VERSION)[0]) as connection:
        digests = Digests(connection)
        digests.put("a", "blake3", Reading("blake3:0", look, 2**62))
        with contextlib.closing(sqlite3.connect(path, timeout=0)) as other:
            assert other.execute("SELECT count(*) FROM digests").fetchone() == (0,)
            other.execute("BEGIN IMMEDIATE")
            other.rollback()
            assert digests.get("a", look, "blake3") == Known("blake3:0", None, None, "cache")
            assert digests.get("b", look, "blake3") == Known("blake3:0", None, None, "link")
            assert digests.get("b", look, "sha256").why == "new"
            assert digests.get("b", evolve(look, links=1), "blake3").why == "new"
            digests.flush()
            assert digests.get("b", look, "blake3") == Known("blake3:0", None, None, "link")
            assert other.execute("SELECT count(*) FROM digests").fetchone() == (1,)


def test_what_took_long_is_written_at_once(tmp_path: Path) -> None:
    """A digest that comes after a second is on the disk before the next file is read."""
    path = str(tmp_path / "digests.sqlite")
    with contextlib.closing(open_database(path, SCHEMA, VERSION)[0]) as connection:
        digests = Digests(connection)
        for name in "ab":
            time.sleep(1.1)
            digests.put(name, "blake3", Reading("blake3:0", LOOK, 2))
            with contextlib.closing(sqlite3.connect(path)) as other:
                assert other.execute("SELECT max(path) FROM digests").fetchone()[0].endswith(name.encode())


def test_cache_that_breaks_while_it_is_used() -> None:
    """Nobody is held up: what it knew is not known any more, the reason is told, and what is read is not kept."""

    def write(digests: Digests) -> None:
        digests.put("a", "blake3", Reading("blake3:0", LOOK, 2))
        digests.flush()

    uses: list[Callable[[Digests], object]] = [lambda digests: digests.get("a", LOOK, "blake3").why, write]
    for use in uses:
        with contextlib.closing(sqlite3.connect(":memory:")) as connection:
            digests = Digests(connection)
            assert use(digests) in (None, "no cache: no such table: digests")
            assert digests.get("a", LOOK, "blake3") == Known(why="no cache")
            digests.close()


def test_file_that_was_just_written() -> None:
    """A digest of a file that was written in the instant in which it was read is not trusted."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(SCHEMA)
        digests = Digests(connection)
        digests.put("a", "blake3", Reading("blake3:0", LOOK, 1))
        assert digests.get("a", LOOK, "blake3").why == "written in the instant in which it was read"


def test_memory_of_another_version(tmp_path: Path) -> None:
    """It is set aside and told; what cannot be opened at all is an OSError with its place."""
    path = tmp_path / "digests.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection, told = open_database(str(path), SCHEMA, VERSION)
    connection.close()
    assert told is not None
    assert f"it is of version 99, not {VERSION}" in told
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder: unable to open database file"):
        open_database(str(tmp_path / "folder"), SCHEMA, VERSION)
