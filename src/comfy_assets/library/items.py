"""What the sources of a run give: files to register, and what they could not look at."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What calls itself ctime on Windows is when the file was made: it tells nothing of changes.
_HAS_CTIME: Final = os.name != "nt"

#: The order in which a difference is told: the first one says most.
_MEMBERS: Final = ("size", "mtime", "ctime", "inode", "device")


@frozen
class Look:
    """What a system says of a file without reading it; times in nanoseconds since 1970.

    `ctime` is 0 where the system has none. An inode of 0 is that of a file system without them.
    """

    size: int
    mtime: int
    ctime: int
    inode: int
    device: int
    links: int = 1

    @classmethod
    def of(cls, status: os.stat_result) -> Look:
        """From what `os.stat` gives."""
        ctime = status.st_ctime_ns if _HAS_CTIME else 0
        return cls(status.st_size, status.st_mtime_ns, ctime, status.st_ino, status.st_dev, status.st_nlink)

    def difference(self, other: Look, *, ignore: frozenset[str] = frozenset()) -> str | None:
        """The first member by which the two are not the same file unchanged; None where there is none.

        Devices are numbered anew when a disk is mounted again, so only two looks of one run compare them.
        """
        for name in _MEMBERS:
            if name not in ignore and getattr(self, name) != getattr(other, name):
                return name
        return None

    def newest(self) -> int:
        """When the file was last written, or written about."""
        return max(self.mtime, self.ctime)


@frozen(kw_only=True)
class Item:
    """A file to register, or known content without one.

    Attributes:
        path: of the file; of content without a file, what its list calls it.
        name: under which the reference is made; None lets the service choose, for content without a file.
        tags, metadata, mime_type: what goes with it.
        look: the file when the source saw it; None where the source has no file.
        hash: what a list says that the content is; believed while the answer's size agrees.
    """

    path: str
    name: str | None
    tags: tuple[str, ...]
    metadata: Mapping[str, Any] | None = None
    mime_type: str | None = None
    look: Look | None = None
    hash: str | None = None

    @property
    def size(self) -> int:
        """In bytes; 0 for content without a file."""
        return 0 if self.look is None else self.look.size


@frozen
class Problem:
    """A file or folder that a source could not look at, and why."""

    path: str
    reason: str


@frozen
class LeftOut:
    """Something that a source passed by, and why; it counts as no file.

    `told`: whether the user would wonder, as they would not about what they excluded themselves.
    """

    path: str
    reason: str
    told: bool = True


def words(error: Exception) -> str:
    """An error as the reason of a file: what the system says, without the path that stands beside."""
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)


def in_units(size: float) -> str:
    """Bytes for people."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024:  # noqa: PLR2004 - the step between the units
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"
