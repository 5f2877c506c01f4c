"""Lists that a user gives: paths one after the other, and digests that were made elsewhere.

A list is read more than once, to count ahead; standard input is therefore copied to a file first, and
nothing of a list is kept in memory.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import sys
import tempfile
import threading
import weakref
from typing import IO, TYPE_CHECKING, Final

from attrs import evolve, field, frozen

from comfy_assets.errors import InputError
from comfy_assets.library.items import Item
from comfy_assets.library.sources import item
from comfy_assets.library.walking import Found, walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from comfy_assets.library.options import Options
    from comfy_assets.library.sources import Given, Source
    from comfy_assets.library.walking import Patterns

_PIECE: Final = 1 << 16

#: What stands for standard input.
STDIN: Final = "-"


@frozen(eq=False)
class Text:
    """A file that can be read any number of times, at once too; `name` is what the user calls it."""

    name: str
    path: str

    @classmethod
    def of(cls, path: str) -> Text:
        """A file, or standard input for `-`. Raises InputError where it cannot be read."""
        try:
            if path == STDIN:
                return cls._copied("standard input", sys.stdin.buffer)
            with open(path, "rb") as file:
                # A pipe of the shell, `<(...)`, gives everything but once.
                return cls(path, path) if os.path.isfile(path) else cls._copied(path, file)
        except OSError as error:
            raise InputError(f"{path!r} cannot be read: {error.strerror or error}") from None

    @classmethod
    def _copied(cls, name: str, file: IO[bytes]) -> Text:
        folder = tempfile.mkdtemp(prefix="comfy-assets-")
        text = cls(name, os.path.join(folder, "list"))
        # When nobody needs it any more, and at the latest when the process ends.
        weakref.finalize(text, shutil.rmtree, folder, ignore_errors=True)
        with open(text.path, "wb") as made:
            shutil.copyfileobj(file, made)
        return text

    def open(self) -> IO[bytes]:
        """From its begin."""
        return open(self.path, "rb")


def paths(text: Text, end: bytes, tags: Sequence[str], options: Options, patterns: Patterns) -> Source:
    """The files of a list of paths, and what lies below its folders; each path ends with `end`.

    With `--name-from path` a file is named by its path as the list has it.
    """

    def give() -> Iterator[Given]:
        for raw in _pieces(text, end):
            path = os.fsdecode(raw)
            for found in walk([path], patterns):
                yield item(listed(path, found), tuple(tags), options) if isinstance(found, Found) else found

    return give


def listed(path: str, found: Found) -> Found:
    """What a walk from a listed path found, named by that path."""
    name = path if found.path == path else os.path.join(path, found.relative)
    return evolve(found, relative=name.replace(os.sep, "/"))


def _pieces(text: Text, end: bytes) -> Iterator[bytes]:
    rest = b""
    with text.open() as file:
        while piece := file.read(_PIECE):
            *whole, rest = (rest + piece).split(end)
            yield from filter(None, map(_bare if end == b"\n" else bytes, whole))
    if rest:
        yield rest


def _bare(line: bytes) -> bytes:
    # Windows ends lines with two characters; elsewhere the first one may belong to the name.
    return line.removesuffix(b"\r") if os.name == "nt" else line


#: `<hash>  <path>` as b3sum, sha256sum and `comfy-assets hash` write it; a star says binary.
_PLAIN: Final = re.compile(rb"(\\?)(?:(blake3|sha256):)?([0-9a-fA-F]{64}) [ *](.+)", re.DOTALL)
#: `BLAKE3 (<path>) = <hash>`, as they do with --tag.
_TAGGED: Final = re.compile(rb"(\\?)(BLAKE3|SHA256) \((.+)\) = ([0-9a-fA-F]{64})", re.DOTALL)
_ESCAPES: Final = {b"\\n": b"\n", b"\\r": b"\r", b"\\\\": b"\\"}


@frozen(eq=False)
class Digests:
    """What lists of digests say of files, by absolute path; safe for threads.

    A list is older than a file that was written after it: such a file is read.
    """

    #: Not in memory: a list may be as long as a library.
    _database: sqlite3.Connection = field(
        factory=lambda: sqlite3.connect("", check_same_thread=False, isolation_level=None)
    )
    _lock: threading.Lock = field(factory=threading.Lock)

    def __attrs_post_init__(self) -> None:
        # Sources hold it as long as somebody asks them; Python 3.13 warns of a database that nobody closed.
        weakref.finalize(self, self._database.close)
        self._database.execute(
            "CREATE TABLE known (path BLOB PRIMARY KEY, hash TEXT NOT NULL, at INTEGER) WITHOUT ROWID"
        )

    def add(self, text: Text, algorithm: str) -> int:
        """Take a list; returns how many digests it has. InputError for a line that is none."""
        at = os.stat(text.path).st_mtime_ns
        count = 0
        self._database.execute("BEGIN")
        for number, line in enumerate(_pieces(text, b"\n"), 1):
            if not line.strip() or line.startswith(b"#"):
                continue
            found = parsed(line.removesuffix(b"\r"), algorithm)
            if found is None:
                raise InputError(
                    f"{text.name}:{number} is no digest: expected 64 hex digits, two spaces, a path"
                )
            path, hash_ = found
            row = (os.path.abspath(path), hash_, at)
            self._database.execute("INSERT OR REPLACE INTO known VALUES (?, ?, ?)", row)
            count += 1
        self._database.execute("COMMIT")
        return count

    def used_for(self, source: Source) -> Source:
        """The same items, with the hashes that the lists have for their files."""

        def give() -> Iterator[Given]:
            for one in source():
                yield self._known(one) if isinstance(one, Item) else one

        return give

    def _known(self, one: Item) -> Item:
        if one.hash is not None or one.look is None:
            return one
        key = os.fsencode(os.path.abspath(one.path))
        with self._lock:
            row = self._database.execute("SELECT hash, at FROM known WHERE path = ?", (key,)).fetchone()
        return one if row is None or one.look.newest() > row[1] else evolve(one, hash=row[0])


def parsed(line: bytes, algorithm: str) -> tuple[bytes, str] | None:
    """Path and hash of a line; `algorithm` is that of a line that does not say."""
    if plain := _PLAIN.fullmatch(line):
        escaped, kind, digest, path = plain.groups()
    elif tagged := _TAGGED.fullmatch(line):
        escaped, kind, path, digest = tagged.groups()
    else:
        return None
    if escaped:
        path = re.sub(rb"\\[nr\\]", lambda found: _ESCAPES[found[0]], path)
    return path, f"{kind.decode().lower() if kind else algorithm}:{digest.decode().lower()}"
