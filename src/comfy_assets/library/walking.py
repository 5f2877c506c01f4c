"""Files below folders, in the order of their names.

Symbolic links are followed, for most ComfyUI folders consist of them; a link back to a folder above
itself is not, and one that leaves the folder that was named is told.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final

from attrs import Factory, frozen

from comfy_assets.errors import InputError
from comfy_assets.hashing import kind_of
from comfy_assets.library.items import LeftOut, Look, Problem, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pathspec

#: A file of this name holds patterns, as in .gitignore, for its folder and all below.
IGNORE_FILE: Final = ".comfyassetsignore"

#: What programs call a file that they are still downloading.
UNFINISHED: Final = (
    ".part", ".partial", ".aria2", ".crdownload", ".download", ".incomplete", ".opdownload", ".!qb",
)  # fmt: skip

#: A program that downloads under the final name keeps this beside it.
_BESIDE_UNFINISHED: Final = ".aria2"


@frozen
class Found:
    """A regular file: its path, and its path relative to the folder that was named, with `/`."""

    path: str
    relative: str
    look: Look


@frozen
class Patterns:
    """Which files below a folder are wanted; patterns as in .gitignore, relative to that folder."""

    include: pathspec.GitIgnoreSpec | None = None
    exclude: tuple[tuple[str, pathspec.GitIgnoreSpec], ...] = Factory(tuple)

    @classmethod
    def of(cls, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> Patterns:
        """From lines; InputError for one that is no pattern."""
        return cls(
            spec(include, "--include") if include else None,
            (("", spec(exclude, "--exclude")),) if exclude else (),
        )

    def below(self, folder: str, lines: Iterable[str]) -> Patterns:
        """With the ignore file of a folder."""
        more = (folder, spec(lines, f"{folder}/{IGNORE_FILE}".lstrip("/")))
        return Patterns(self.include, (*self.exclude, more))

    def want(self, relative: str, *, folder: bool) -> bool:
        """Whether a path is looked at; a folder that is not wanted is not entered."""
        mark = "/" if folder else ""
        for base, patterns in self.exclude:
            inner = relative[len(base) :].lstrip("/")
            if patterns.match_file(inner + mark):
                return False
        return folder or self.include is None or self.include.match_file(relative)


def spec(lines: Iterable[str], where: str) -> pathspec.GitIgnoreSpec:
    """Patterns as in .gitignore; InputError for one that is none."""
    # Most runs have none, and it takes as long to load as all of this package.
    import pathspec

    try:
        return pathspec.GitIgnoreSpec.from_lines(lines)
    except ValueError as error:
        raise InputError(f"{where}: {error}") from None


@frozen
class _Folder:
    path: str
    relative: str
    above: tuple[tuple[int, int] | str, ...]
    patterns: Patterns
    #: Where the walk began, without links.
    root: str


def walk(
    paths: Iterable[str | os.PathLike[str]], patterns: Patterns | None = None
) -> Iterator[Found | Problem | LeftOut]:
    """The files that are named, or lie below a folder that is named."""
    patterns = Patterns() if patterns is None else patterns
    for path in [os.fspath(one) for one in paths]:
        if os.path.isdir(path):
            yield from _walk(_Folder(path, "", (), patterns, os.path.realpath(path)))
        else:
            yield from _look(path, os.path.basename(path), ())


def _walk(folder: _Folder) -> Iterator[Found | Problem | LeftOut]:
    try:
        here = _identity(folder.path)
        if here in folder.above:
            yield LeftOut(folder.path, "a link back to a folder above it")
            return
        with os.scandir(folder.path) as listed:
            entries = {entry.name: entry for entry in listed}
        patterns = _with_ignore_file(folder) if IGNORE_FILE in entries else folder.patterns
    except (OSError, InputError) as error:
        yield Problem(folder.path, words(error))
        return
    beside = {name for name in entries if name.endswith(_BESIDE_UNFINISHED)}
    for name in sorted(entries):
        entry = entries.pop(name)
        path, relative = entry.path, f"{folder.relative}/{name}" if folder.relative else name
        is_folder = _is_folder(entry)
        if name == IGNORE_FILE or not patterns.want(relative, folder=is_folder):
            yield LeftOut(path, "excluded", told=False)
            continue
        if entry.is_symlink() and (place := _outside(path, folder.root)):
            yield LeftOut(path, f"a link that leaves the folder, to {place}; it is followed")
        if is_folder:
            yield from _walk(_Folder(path, relative, (*folder.above, here), patterns, folder.root))
        else:
            yield from _look(path, relative, beside)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        # A link in a circle; looking at it will tell.
        return False


def _identity(folder: str) -> tuple[int, int] | str:
    status = os.stat(folder)
    # A file system without inodes says 0 for every one.
    return (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(folder)


def _with_ignore_file(folder: _Folder) -> Patterns:
    path = os.path.join(folder.path, IGNORE_FILE)
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return folder.patterns.below(folder.relative, file.read().splitlines())


def _outside(link: str, root: str) -> str | None:
    place = os.path.realpath(link)
    return None if place == root or place.startswith(os.path.join(root, "")) else place


def _look(path: str, relative: str, beside: Iterable[str]) -> Iterator[Found | Problem | LeftOut]:
    name = os.path.basename(path)
    if name.lower().endswith(UNFINISHED) or name + _BESIDE_UNFINISHED in beside:
        yield LeftOut(path, "an unfinished download")
        return
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:
        yield Problem(path, words(error))
        return
    if stat.S_ISREG(status.st_mode):
        yield Found(path, relative, Look.of(status))
    else:
        yield Problem(path, f"is {kind_of(status.st_mode)}, not a file")
