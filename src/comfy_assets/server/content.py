"""The index of files: which content is stored, by both of its hashes.

Each file is read once, for both digests, with plain reads (a mapped file that shrinks would end the
process). A file whose path, size and time of change are in the index already is not read again.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from blake3 import blake3

from comfy_assets import defaults, media_types
from comfy_assets.errors import InputError
from comfy_assets.hashing import open_regular
from comfy_assets.server.tables import CONTENT, FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from comfy_assets.server.store import Store

#: Files and bytes of a transaction: a process that is killed reads no more than these again.
BATCH = 500
BATCH_BYTES = 1024**3


@dataclass(frozen=True)
class FoundFile:
    """A regular file below `root`, as it was when it was looked at."""

    root: Path
    path: Path
    size: int
    mtime_ns: int

    @property
    def key(self) -> bytes:
        """The path as the database holds it."""
        return os.fsencode(self.path)


@dataclass
class Indexed:
    """What an index run saw: files and their bytes, how many of them it read, and what it could not read."""

    files: int = 0
    bytes: int = 0
    read: int = 0
    skipped: list[str] = field(default_factory=list)
    bytes_read: int = 0


def index(
    store: Store,
    folders: Sequence[Path],
    say: Callable[[str], None],
    watch: Callable[[Indexed], None] = lambda _: None,
) -> Indexed:
    """Make what these folders brought into the store exactly the regular files under them, links followed.

    What other folders brought, or was added by itself, stays: several servers may share a database.
    What cannot be read is skipped and told through `say`, one line each. Content whose last file is
    gone is not stored any more; references to it stay. `watch` is told how far it is, after each file and
    each part of one; what it raises ends the run, and the next one goes on from there.
    """
    result = Indexed()

    def read(count: int) -> None:
        result.bytes_read += count
        watch(result)

    def skip(path: object, cause: object) -> None:
        line = f"skipped {path}: {cause}"
        result.skipped.append(line)
        say(line)

    roots = {os.fsencode(folder.absolute()) for folder in folders}
    with store.engine.connect() as connection:
        rows = connection.execute(sa.select(FILE)).all()
    known = {row.path: (row.size, row.mtime_ns, row.root) for row in rows}
    present: set[bytes] = set()
    waiting = _Waiting(store)
    try:
        for file in walk(folders, skip):
            if file.key in present:
                continue
            if known.get(file.key, ())[:2] != (file.size, file.mtime_ns):
                row = _read(file, skip, read)
                if row is None:
                    continue
                waiting.add(row | {"root": os.fsencode(file.root)})
                result.read += 1
            present.add(file.key)
            result.files += 1
            result.bytes += file.size
            watch(result)
    finally:
        waiting.write()
    _remove(store, [path for path, (*_, root) in known.items() if root in roots and path not in present])
    return result


def add(store: Store, paths: Sequence[Path], say: Callable[[str], None]) -> Indexed:
    """Store the content of these files, and of all below these folders, beside what is there already."""
    result = Indexed()

    def skip(path: object, cause: object) -> None:
        line = f"skipped {path}: {cause}"
        result.skipped.append(line)
        say(line)

    for file in walk(paths, skip):
        row = _read(file, skip)
        if row is not None:
            _write(store, [row | {"root": b""}])
            result.files, result.read, result.bytes = (
                result.files + 1,
                result.read + 1,
                result.bytes + file.size,
            )
    return result


@dataclass(frozen=True)
class Stored:
    """A file whose content is stored."""

    path: str
    blake3: str
    sha256: str
    size: int
    mime_type: str | None


def stored(store: Store) -> Iterator[Stored]:
    """The files whose content is stored, by path."""
    query = sa.select(FILE.c.path, CONTENT.c.blake3, CONTENT.c.sha256, CONTENT.c.size, FILE.c.mime_type)
    with store.engine.connect() as connection:
        for row in connection.execute(query.join(CONTENT).order_by(FILE.c.path)):
            yield Stored(os.fsdecode(row.path), *row[1:])


def remove(store: Store, what: str) -> int:
    """Let content vanish, named by one of its hashes, by a file or by a folder; how many files that were.

    A folder that a server serves with `--content` brings its files back when that server starts again.
    """
    path = os.path.abspath(what)
    inside = os.path.join(path, "")
    named = [
        os.fsencode(one.path)
        for one in stored(store)
        if what in (one.blake3, one.sha256) or one.path == path or one.path.startswith(inside)
    ]
    _remove(store, named)
    return len(named)


def walk(folders: Sequence[Path], skip: Callable[[object, object], None]) -> Iterator[FoundFile]:
    """The regular files under `folders`, in a fixed order, each folder once even where links make a loop."""
    seen: set[tuple[int, int]] = set()
    waiting = [(folder.absolute(), folder.absolute()) for folder in reversed(folders)]
    while waiting:
        root, path = waiting.pop()
        try:
            status = path.stat()
            if stat.S_ISREG(status.st_mode):
                yield FoundFile(root, path, status.st_size, status.st_mtime_ns)
            elif stat.S_ISDIR(status.st_mode) and (status.st_dev, status.st_ino) not in seen:
                seen.add((status.st_dev, status.st_ino))
                waiting += [(root, inner) for inner in sorted(path.iterdir(), reverse=True)]
        except OSError as error:
            skip(path, error.strerror)


def digests(path: Path, read: Callable[[int], None] = lambda _: None) -> tuple[str, str, os.stat_result]:
    """Both hashes of a file, from one read, and its status before it; `read` is told of each part.

    Raises `OSError` where it cannot be read, also where it changed meanwhile; `InputError` where it
    is no regular file any more.
    """
    first, second = blake3(), hashlib.sha256()
    buffer = bytearray(defaults.READ_SIZE)
    with open(open_regular(path), "rb", buffering=0) as file:
        before = os.fstat(file.fileno())
        while count := file.readinto(buffer):
            part = memoryview(buffer)[:count]
            first.update(part)
            second.update(part)
            read(count)
        after = os.fstat(file.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise OSError(None, "it changed while it was read")
    return f"blake3:{first.hexdigest()}", f"sha256:{second.hexdigest()}", before


def _read(
    file: FoundFile, skip: Callable[[object, object], None], read: Callable[[int], None] = lambda _: None
) -> dict[str, Any] | None:
    try:
        blake3_hash, sha256_hash, status = digests(file.path, read)
    except OSError as error:
        skip(file.path, error.strerror)
        return None
    except InputError as error:
        skip(file.path, error)
        return None
    return {
        "path": file.key,
        "size": status.st_size,
        "mtime_ns": status.st_mtime_ns,
        "mime_type": media_types.guess(file.path),
        "blake3": blake3_hash,
        "sha256": sha256_hash,
    }


class _Waiting:
    """Rows that are written together."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rows: list[dict[str, Any]] = []
        self._bytes = 0

    def add(self, row: dict[str, Any]) -> None:
        self._rows.append(row)
        self._bytes += row["size"]
        if len(self._rows) >= BATCH or self._bytes >= BATCH_BYTES:
            self.write()

    def write(self) -> None:
        _write(self._store, self._rows)
        self._rows, self._bytes = [], 0


def _write(store: Store, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    contents = [{name: row[name] for name in ("blake3", "sha256", "size")} for row in rows]
    files = [
        {name: row[name] for name in ("path", "size", "mtime_ns", "mime_type", "blake3", "root")}
        for row in rows
    ]
    upsert = store.insert(FILE)
    changed = {name: upsert.excluded[name] for name in ("size", "mtime_ns", "mime_type", "blake3", "root")}
    with store.writing() as connection:
        connection.execute(store.insert(CONTENT).on_conflict_do_nothing(), contents)
        connection.execute(upsert.on_conflict_do_update(index_elements=["path"], set_=changed), files)


def _remove(store: Store, paths: list[bytes]) -> None:
    for start in range(0, len(paths), BATCH):
        with store.writing() as connection:
            connection.execute(sa.delete(FILE).where(FILE.c.path.in_(paths[start : start + BATCH])))
