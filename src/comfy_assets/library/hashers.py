"""The second stage: an item becomes one with a hash, in a thread; from the cache where that is safe."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Final

from attrs import Factory, define, field, frozen

from comfy_assets.errors import InputError
from comfy_assets.library.disks import Readers
from comfy_assets.library.events import FileDone, Outcome
from comfy_assets.library.items import Item, Look, words
from comfy_assets.library.reading import ChangedError, Pace, Reading, read

if TYPE_CHECKING:
    from comfy_assets.library.digests import Digests
    from comfy_assets.library.options import Options

#: How often a file is read at most, where it changes meanwhile.
_READS: Final = 2

#: Locks for the links to a file, so that one thread reads it and the others find it in the cache.
_LOCKS: Final = 64

CHANGED: Final = "it changed while it was read, twice"


@frozen(kw_only=True)
class Hashed:
    """An item whose content is known, and how its hash came about; `look` is None without a file."""

    item: Item
    hash: str
    look: Look | None
    source: str
    why: str | None = None
    note: str | None = None

    def is_current(self) -> bool:
        """Whether the file still looks as it did when it was read."""
        if self.look is None:
            return True
        try:
            return self.look.difference(Look.of(os.stat(self.item.path))) is None
        except OSError:
            return False


@define
class Hasher:
    """Hashes items; its methods are called in threads."""

    options: Options
    digests: Digests
    pace: Pace
    #: Bytes that were read, and bytes of files whose reading was spared.
    read: int = 0
    spared: int = 0
    _readers: Readers = field(init=False)
    _links: list[threading.Lock] = Factory(lambda: [threading.Lock() for _ in range(_LOCKS)])
    _counting: threading.Lock = Factory(threading.Lock)

    @_readers.default
    def _for_the_disk(self) -> Readers:
        return Readers(self.options.disk)

    def hash(self, item: Item, *, again: bool = False) -> Hashed | FileDone:
        """An item with its hash, or its end. `again`: whatever the cache knows."""
        if item.hash is not None and item.look is None:
            return Hashed(item=item, hash=item.hash, look=None, source="list")
        try:
            if item.look is not None and item.look.links > 1:
                with self._links[item.look.inode % _LOCKS]:
                    return self._hash(item, again=again)
            return self._hash(item, again=again)
        except ChangedError:
            return ended(item, Outcome.CHANGED, CHANGED, passing=True)
        except (OSError, InputError) as error:
            return ended(item, Outcome.FAILED, words(error))

    def _hash(self, item: Item, *, again: bool) -> Hashed:
        look = Look.of(os.stat(item.path))
        if item.hash is not None and not (again or self.options.read_again):
            return Hashed(item=item, hash=item.hash, look=look, source="list")
        known = self.digests.get(item.path, look, self.options.algorithm)
        if known.hash is not None and not (again or self.options.read_again):
            self._count(0, look.size)
            return Hashed(item=item, hash=known.hash, look=look, source=known.source, note=known.note)
        why = known.why or ("changed since it was read" if again else "asked to read again")
        why = "the list has another digest" if item.hash is not None else why
        reading = self._read(item.path, look.device)
        self.digests.put(item.path, self.options.algorithm, reading)
        return Hashed(
            item=item, hash=reading.hash, look=reading.look, source="read", why=why, note=reading.note
        )

    def _read(self, path: str, device: int) -> Reading:
        with self._readers.turn(device):
            for _ in range(_READS - 1):
                try:
                    return read(path, self.options.algorithm, self.pace, self._count)
                except ChangedError:
                    continue
            return read(path, self.options.algorithm, self.pace, self._count)

    def _count(self, read_: int, spared: int = 0) -> None:
        with self._counting:
            self.read += read_
            self.spared += spared


def ended(item: Item, outcome: Outcome, reason: str, *, passing: bool = False) -> FileDone:
    """The end of an item that the service was not asked about."""
    return FileDone(
        path=item.path,
        outcome=outcome,
        name=item.name,
        tags=item.tags,
        metadata=item.metadata,
        mime_type=item.mime_type,
        size=item.size,
        reason=reason,
        passing=passing,
    )
