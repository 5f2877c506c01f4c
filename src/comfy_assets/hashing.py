"""Content hashes of files, as the service names content."""

from __future__ import annotations

import hashlib
import os
import stat
from typing import TYPE_CHECKING, Final, Protocol

from comfy_assets import defaults
from comfy_assets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable


class _Digest(Protocol):
    def update(self, data: memoryview, /) -> object: ...
    def hexdigest(self) -> str: ...


def _blake3() -> _Digest:
    # Imported when needed: a compiled module that `import comfy_assets` need not pay for.
    from blake3 import blake3

    return blake3()


#: What systems read at least; a file that says to have no bytes may have some, as those of Linux's /proc.
_PAGE: Final = 1 << 12

#: The algorithms by the prefix of their hashes.
ALGORITHMS: Final[dict[str, Callable[[], _Digest]]] = {"blake3": _blake3, "sha256": hashlib.sha256}


def hash_file(
    path: str | os.PathLike[str],
    algorithm: str = defaults.ALGORITHM,
    *,
    on_read: Callable[[int], object] | None = None,
) -> str:
    """The hash of a file's content, as the contract's `hash` wants it: `"blake3:<64 hex digits>"`.

    Plain reads into one buffer, so that memory stays the same for a file of any size.

    Args:
        path: a regular file, or a symbolic link to one.
        algorithm: `"blake3"` or `"sha256"`.
        on_read: called with the number of bytes of each piece that was read, for progress.

    Raises:
        OSError: the file cannot be opened or read, as `open` says it.
        InputError: an unknown algorithm; or not a file but a folder, pipe, socket or device.
    """
    if algorithm not in ALGORITHMS:
        raise InputError(f"unknown hash algorithm {algorithm!r}: expected one of {', '.join(ALGORITHMS)}")
    digest = ALGORITHMS[algorithm]()
    with open(open_regular(path), "rb", buffering=0) as file:
        buffer = buffer_for(os.fstat(file.fileno()).st_size)
        while size := file.readinto(buffer):
            digest.update(buffer[:size])
            if on_read is not None:
                on_read(size)
    return f"{algorithm}:{digest.hexdigest()}"


def buffer_for(size: int) -> memoryview:
    """What to read a file of so many bytes into: no larger than it needs, for to make one takes its time.

    One byte more than is there shows the end, or that the file grows, with one read.
    """
    return memoryview(bytearray(min(defaults.READ_SIZE, max(size + 1, _PAGE))))


def open_regular(path: str | os.PathLike[str]) -> int:
    """A file descriptor of a regular file; never waits for the other end of a pipe.

    Raises OSError as `os.open` does, InputError for what is no regular file.
    """
    # Windows lacks O_NONBLOCK, and needs O_BINARY.
    flags = (
        os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    )
    try:
        descriptor = os.open(path, flags)
    except ValueError as error:
        # A NUL in the name: no file can have it.
        raise InputError(f"no file can have the name {os.fspath(path)!r}: {error}") from None
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    raise InputError(f"{os.fspath(path)!r} is {kind_of(mode)}, not a file")


def kind_of(mode: int) -> str:
    """What a mode of `os.stat` is, in words."""
    kinds = [
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
    ]
    return next((name for is_kind, name in kinds if is_kind(mode)), "something else")
