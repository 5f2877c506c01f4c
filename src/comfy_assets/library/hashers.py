"""The second stage: an item becomes one with a hash, in a thread; from the cache where that is safe."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, Final

from attrs import Factory, define, field, frozen

from comfy_assets.errors import InputError
from comfy_assets.library.digests import Known
from comfy_assets.library.disks import Readers
from comfy_assets.library.events import FileDone, Outcome
from comfy_assets.library.items import Item, Look, words
from comfy_assets.library.reading import ChangedError, Pace, Reading, read
from comfy_assets.library.remote import RemoteFile, RemoteItem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from comfy_assets.library.cluster import Cluster
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
    #: Read by a worker, or from a store: this system cannot look at it.
    elsewhere: bool = False

    def is_current(self) -> bool:
        """Whether the file still looks as it did when it was read."""
        if self.look is None or self.elsewhere:
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
    #: Whose workers read, instead of this process.
    cluster: Cluster | None = None
    #: Bytes that were read, and bytes of files whose reading was spared.
    read: int = 0
    spared: int = 0
    _readers: Readers = field(init=False)
    _links: list[threading.Lock] = Factory(lambda: [threading.Lock() for _ in range(_LOCKS)])
    _counting: threading.Lock = Factory(threading.Lock)

    @_readers.default  # pyright: ignore[reportAttributeAccessIssue] # attrs' decorator: a field until the class is made
    def _for_the_disk(self) -> Readers:
        return Readers(self.options.disk)

    def hash_all(self, items: Sequence[Item]) -> list[Hashed | FileDone]:
        """Each item with its hash, or its end."""
        # A link may be read by another thread before its turn comes.
        alone = {
            item.path: item.look
            for item in items
            if item.look is not None and item.look.links == 1 and item.hash is None and self._is_here(item)
        }
        found = self.digests.get_all(list(alone.items()), self.options.algorithm) if alone else []
        known = dict(zip(alone, found, strict=True))
        # The same path once more is looked up anew.
        return [self.hash(item, known.pop(item.path, None)) for item in items]

    def hash(self, item: Item, known: Known | None = None, *, again: bool = False) -> Hashed | FileDone:
        """An item with its hash, or its end. `known`: to the cache, where that was asked already.

        `again`: whatever the cache knows.
        """
        if item.hash is not None and item.look is None:
            return Hashed(item=item, hash=item.hash, look=None, source="list")
        try:
            if item.look is not None and item.look.links > 1:
                with self._links[item.look.inode % _LOCKS]:
                    return self._hash(item, known, again=again)
            return self._hash(item, known, again=again)
        except ChangedError:
            return ended(item, Outcome.CHANGED, CHANGED, passing=True)
        except (OSError, InputError) as error:
            return ended(item, Outcome.FAILED, words(error))

    def _is_here(self, item: Item) -> bool:
        return self.cluster is None and not isinstance(item, RemoteItem)

    def _hash(self, item: Item, known: Known | None, *, again: bool) -> Hashed:
        if not self._is_here(item):
            return self._hash_elsewhere(item, again=again)
        # Whether it looks so still is asked before its hash is used.
        look = item.look
        if look is None or again:
            look = Look.of(os.stat(item.path))
        if item.hash is not None and not (again or self.options.read_again):
            return Hashed(item=item, hash=item.hash, look=look, source="list")
        if known is None:
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

    def _hash_elsewhere(self, item: Item, *, again: bool) -> Hashed:
        """The same, of a file that this system does not have, or that a worker is to read."""
        look = self._look_elsewhere(item)
        sized = None if look is None or look.size < 0 else look
        if item.hash is not None and not (again or self.options.read_again):
            return Hashed(item=item, hash=item.hash, look=sized, source="list", elsewhere=True)
        known = Known(why="its store tells no changes")
        if look is not None:
            known = self.digests.get(item.path, look, self.options.algorithm)
        if known.hash is not None and not (again or self.options.read_again):
            self._count(0, max(0, item.size))
            return Hashed(
                item=item, hash=known.hash, look=sized, source=known.source, note=known.note, elsewhere=True
            )
        reading = self._repeated(lambda: self._read_elsewhere(item))
        if look is not None:
            self.digests.put(item.path, self.options.algorithm, reading)
        sized = None if reading.look.size < 0 else reading.look
        why = known.why or ("changed since it was read" if again else "asked to read again")
        if isinstance(item, RemoteItem):
            # The cache has an object's version where a file has its inode.
            why = why.replace("inode", "version")
        return Hashed(
            item=item,
            hash=reading.hash,
            look=sized,
            source="read",
            why=why,
            note=reading.note,
            elsewhere=True,
        )

    def _look_elsewhere(self, item: Item) -> Look | None:
        where = item.file if isinstance(item, RemoteItem) else os.path.abspath(item.path)
        if self.cluster is not None:
            return self.cluster.look(where)
        assert isinstance(where, RemoteFile)
        return where.look()

    def _read_elsewhere(self, item: Item) -> Reading:
        where = item.file if isinstance(item, RemoteItem) else os.path.abspath(item.path)
        if self.cluster is not None:
            reading = self.cluster.read(where, self.options.algorithm)
            self._count(max(0, reading.look.size))
            return reading
        assert isinstance(where, RemoteFile)
        return where.read(self.options.algorithm, self.pace, self._count)

    def _read(self, path: str, device: int) -> Reading:
        with self._readers.turn(device):
            return self._repeated(lambda: read(path, self.options.algorithm, self.pace, self._count))

    def _repeated(self, reading: Callable[[], Reading]) -> Reading:
        for _ in range(_READS - 1):
            try:
                return reading()
            except ChangedError:
                continue
        return reading()

    def _count(self, read_: int, spared: int = 0) -> None:
        with self._counting:
            self.read += read_
            self.spared += spared


def ended(item: Item, outcome: Outcome, reason: str | None, **more: Any) -> FileDone:
    """The end of an item; `more` is what else is known of it, beside what the item says."""
    known: dict[str, Any] = {"size": item.size, **more}
    return FileDone(
        path=item.path,
        outcome=outcome,
        name=item.name,
        tags=item.tags,
        metadata=item.metadata,
        mime_type=item.mime_type,
        reason=reason,
        **known,
    )
