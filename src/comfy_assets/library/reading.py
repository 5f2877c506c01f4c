"""A file becomes a digest, and only the one of what it held the whole time."""

from __future__ import annotations

import os
import struct
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from attrs import Factory, define, frozen

from comfy_assets.hashing import ALGORITHMS, buffer_for, open_regular
from comfy_assets.library.items import Look

if TYPE_CHECKING:
    from collections.abc import Callable


class ChangedError(Exception):
    """A file changed while it was read."""


class StoppedError(Exception):
    """The run ends; reading does not go on."""


@frozen
class Reading:
    """What a file held: its hash, and how it looked from before it was opened until it was read.

    `note` is what else there is to say, `began` when reading began (nanoseconds since 1970).
    """

    hash: str
    look: Look
    began: int
    note: str | None = None


@define
class Pace:
    """Bytes per second that all readers together may read; None for no limit. Safe for threads."""

    rate: float | None
    stop: threading.Event
    _next: float = 0.0
    _lock: threading.Lock = Factory(threading.Lock)

    def took(self, size: int) -> None:
        """A piece was read; waits until the next one may be. StoppedError where the run ends."""
        wait = 0.0
        if self.rate is not None:
            with self._lock:
                now = time.monotonic()
                self._next = max(now, self._next) + size / self.rate
                wait = self._next - now
        if self.stop.wait(wait) if wait > 0 else self.stop.is_set():
            raise StoppedError


def read(path: str, algorithm: str, pace: Pace, on_read: Callable[[int], object]) -> Reading:
    """Read a file once.

    Raises:
        ChangedError: it was not the same before, at and after reading.
        OSError, InputError: it cannot be read.
        StoppedError: the run ends.
    """
    began = time.time_ns()
    before = Look.of(os.stat(path))
    digest = ALGORITHMS[algorithm]()
    head, size = b"", 0
    with open(open_regular(path), "rb", buffering=0) as file:
        _same(before, Look.of(os.fstat(file.fileno())))
        buffer = buffer_for(before.size)
        while count := file.readinto(buffer):
            digest.update(buffer[:count])
            head = head or bytes(buffer[: _HEAD.size])
            size += count
            on_read(count)
            pace.took(count)
            if size > before.size:
                # One that is written to all the time would never end.
                raise ChangedError
        note = _cut_off(file, path, before.size, head)
        _same(before, Look.of(os.fstat(file.fileno())))
    # By its path once more: another file may have taken its place.
    _same(before, Look.of(os.stat(path)))
    if size != before.size:
        raise ChangedError
    return Reading(f"{algorithm}:{digest.hexdigest()}", before, began, note)


def _same(before: Look, after: Look) -> None:
    if before.difference(after) is not None:
        raise ChangedError


#: A safetensors file begins with the length of its header, 64 bits, lowest byte first.
_HEAD: Final = struct.Struct("<Q")

#: The format's own limit for its header; what claims more is no safetensors file.
_LONGEST_HEADER: Final = 100_000_000


def _cut_off(file: Any, path: str, size: int, head: bytes) -> str | None:
    """Words for a safetensors file that is shorter than its header says."""
    if not path.endswith(".safetensors"):
        return None
    length = _HEAD.unpack(head)[0] if len(head) == _HEAD.size else None
    if length is None or _HEAD.size + length > size:
        claimed = "ends within its header"
        return f"looks cut off: it {claimed}" if length is None or length <= _LONGEST_HEADER else None
    if length > _LONGEST_HEADER:
        return None
    file.seek(_HEAD.size)
    whole = _HEAD.size + length + _end_of_data(file.read(length))
    return f"looks cut off: {size} bytes, its header says {whole}" if size < whole else None


def _end_of_data(header: bytes) -> int:
    """The largest end of a tensor that a header names; 0 where it cannot be read."""
    import json

    try:
        tensors = json.loads(header).values()
        return max((int(one["data_offsets"][1]) for one in tensors if "data_offsets" in one), default=0)
    except (ValueError, AttributeError, TypeError, LookupError, RecursionError):
        return 0
