"""The stages of a run: walk, hash and register at the same time, each bounded, so that memory does not grow
with the number of files.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from attrs import define, evolve, field

from comfy_assets.clock import Clock
from comfy_assets.errors import ComfyAssetsError
from comfy_assets.library.events import FileDone, Note, Outcome, Progress, Summary
from comfy_assets.library.gate import Gate
from comfy_assets.library.hashers import Hashed, Hasher
from comfy_assets.library.items import Item, LeftOut, Problem
from comfy_assets.library.reading import Pace, StoppedError
from comfy_assets.library.registrar import Registrar, StaleError, StopRunError, changed
from comfy_assets.library.remote import RemoteItem
from comfy_assets.library.verdicts import THROTTLING

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable, Iterator, Sequence

    from comfy_assets.client import AsyncAssetsClient
    from comfy_assets.library.cluster import Cluster
    from comfy_assets.library.events import Event
    from comfy_assets.library.memory import Memory
    from comfy_assets.library.options import Options
    from comfy_assets.library.registrar import Answers
    from comfy_assets.library.sources import Given, Source

#: Items that a walk gives at once, and that wait before each stage: enough that no stage starves, and
#: nothing beside what a run needs anyway.
_BATCH: Final = 64
_QUEUE: Final = 256

#: Seconds of a run before its files are counted: most are over by then, and each file is looked at once.
_UNCOUNTED: Final = 1.0

#: Small files that go to a thread together: so many at most, and bytes.
_TOGETHER: Final = 16
_SMALL: Final = 1 << 20


@define(eq=False)
class Stages:
    """The stages of a run and what flows between them; None ends each flow."""

    client: AsyncAssetsClient
    options: Options
    source: Source
    memory: Memory
    _stop: threading.Event
    _cluster: Cluster | None
    summary: Summary = field(factory=Summary)
    events: asyncio.Queue[Sequence[Event] | None] = field(factory=lambda: asyncio.Queue(_QUEUE))
    _items: asyncio.Queue[list[Item] | None] = field(factory=lambda: asyncio.Queue(_QUEUE // _TOGETHER))
    _hashed: asyncio.Queue[Hashed | None] = field(factory=lambda: asyncio.Queue(_QUEUE))
    _files: int = 0
    _bytes: int = 0
    _counting: bool = True
    _hasher: Hasher = field(init=False)
    _registrar: Registrar = field(init=False)
    _threads: ThreadPoolExecutor = field(init=False)

    def __attrs_post_init__(self) -> None:
        options, clock = self.options, Clock()
        # The gate is for all; a client would wait by itself.
        retry: Any = self.client._options.retry  # noqa: SLF001 - within the package; nobody else needs it
        if retry is not None:
            retry = evolve(retry, statuses=[one for one in retry.statuses if one not in THROTTLING])
        self._hasher = Hasher(
            options, self.memory.digests, Pace(options.max_read_rate, self._stop), self._cluster
        )
        self._registrar = Registrar(
            self.client.with_options(retry=retry),
            self.memory,
            Gate(clock, options.patience),
            self._tell,
            bearable=options.concurrency,
            began=time.time(),
            ahead=_QUEUE + options.concurrency + 4 * _TOGETHER * options.hash_threads,
            recheck=options.recheck,
        )
        # One more walks, one more counts.
        self._threads = ThreadPoolExecutor(options.hash_threads + 2, "comfy-assets")

    async def run(self) -> None:
        """From the first item to the summary; whatever ends it, nothing goes on behind it."""
        began = time.monotonic()
        try:
            await self._tell(*self.memory.notes)
            await self._stages()
            self._counting = False
        except* StopRunError as stopped:
            self.summary.stopped = _first(stopped).cause
        except* ComfyAssetsError as failed:
            self.summary.stopped = _first(failed)
        finally:
            self._stop.set()
            # Their files are closed when they see it; the journal's writer is another one's thread.
            await asyncio.shield(asyncio.to_thread(self._threads.shutdown))
        registrar = self._registrar
        if registrar.silent and not registrar.answers and self.summary.stopped is None:
            self.summary.stopped = registrar.last_silence
        self.summary.seconds = time.monotonic() - began
        self.summary.requests, self.summary.bytes_read = registrar.requests, self._hasher.read
        await self._tell(self._progress(), self.summary)
        await self.events.put(None)

    async def batch(self) -> list[Event]:
        """All events that are there, one at least; none after the last one."""
        batch: list[Event] = []
        events = await self.events.get()
        while events is not None:
            batch += events
            if self.events.empty():
                break
            events = self.events.get_nowait()
        if events is None and batch:
            # The next call is to see the end too.
            self.events.put_nowait(None)
        return batch

    def wake(self, task: asyncio.Task[None]) -> None:
        """Let nobody wait for events of a run that failed."""
        if task.cancelled() or task.exception() is not None:
            while self.events.full():
                self.events.get_nowait()
            self.events.put_nowait(None)

    async def _stages(self) -> None:
        ticker = asyncio.create_task(self._tick())
        try:
            async with asyncio.TaskGroup() as stages:
                stages.create_task(self._walk())
                hashing = [stages.create_task(self._hash()) for _ in range(self.options.hash_threads)]
                for _ in range(self.options.concurrency):
                    stages.create_task(self._register())
                await asyncio.wait(hashing)
                for _ in range(self.options.concurrency):
                    await self._hashed.put(None)
        finally:
            ticker.cancel()

    async def _in_thread(self, work: Any, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)

    async def _walk(self) -> None:
        given = self.source()
        while batch := await self._in_thread(_batch, given):
            for items in _together([one for one in batch if isinstance(one, Item)], self._cluster is None):
                await self._items.put(items)
            for one in batch:
                await self._pass_by(one)
        for _ in range(self.options.hash_threads):
            await self._items.put(None)

    async def _pass_by(self, one: Given) -> None:
        if isinstance(one, Problem):
            await self._end(FileDone(path=one.path, outcome=Outcome.FAILED, reason=one.reason))
        elif isinstance(one, LeftOut) and one.told:
            await self._tell(Note(one.path, one.reason))

    async def _hash(self) -> None:
        while (items := await self._items.get()) is not None:
            try:
                ends = await self._in_thread(self._hash_all, items)
            except StoppedError:
                return
            if done := [one for one in ends if isinstance(one, FileDone)]:
                await self._end(*done)
            for hashed in ends:
                if isinstance(hashed, Hashed):
                    await self._hashed.put(hashed)

    def _hash_all(self, items: list[Item]) -> list[Hashed | FileDone]:
        """Each with its hash, or its end: most files of a second run end here."""
        ends = self._hasher.hash_all(items)
        known = self._registrar.known([one for one in ends if isinstance(one, Hashed)])
        return [self._looked_up(one, known) if isinstance(one, Hashed) else one for one in ends]

    def _looked_up(self, hashed: Hashed, known: Answers) -> Hashed | FileDone:
        try:
            return self._registrar.looked_up(hashed, known) or hashed
        except StaleError:
            return self._read_again(hashed.item)

    async def _register(self) -> None:
        while (hashed := await self._hashed.get()) is not None:
            await self._end(await self._registered(hashed))

    async def _registered(self, hashed: Hashed) -> FileDone:
        try:
            return await self._registrar.register(hashed)
        except StaleError:
            again = await self._in_thread(self._read_again, hashed.item)
        if isinstance(again, FileDone):
            return again
        try:
            return await self._registrar.register(again)
        except StaleError:
            return changed(again)

    def _read_again(self, item: Item) -> Hashed | FileDone:
        hashed = self._hasher.hash(item, again=True)
        if isinstance(hashed, FileDone):
            return hashed
        try:
            return self._registrar.looked_up(hashed, self._registrar.known([hashed])) or hashed
        except StaleError:
            return changed(hashed)

    async def _end(self, *done: FileDone) -> None:
        for one in done:
            self.summary.add(one)
        await self._tell(*done)

    async def _tell(self, *events: Event) -> None:
        if events:
            await self.events.put(events)

    def _progress(self) -> Progress:
        done = self._hasher.read + self._hasher.spared
        files_done = self.summary.outcomes.total()
        # What is done is there, counted or not.
        files, bytes_ = max(self._files, files_done), max(self._bytes, done)
        return Progress(files, bytes_, self._counting, files_done, done)

    async def _tick(self) -> None:
        """Tell how far it is; in a run that takes its time, a thread of its own counts ahead."""
        if self.options.progress is None:
            return
        began, counting = time.monotonic(), None
        while True:
            await asyncio.sleep(self.options.progress)
            if counting is None and time.monotonic() - began >= _UNCOUNTED:
                counting = asyncio.get_running_loop().run_in_executor(self._threads, self._count)
            self._counting = counting is None or not counting.done()
            if not self.events.full():
                self.events.put_nowait([self._progress()])

    def _count(self) -> None:
        for one in self.source():
            if self._stop.is_set():
                return
            if not isinstance(one, LeftOut):
                self._files += 1
                self._bytes += one.size if isinstance(one, Item) else 0


def _batch(given: Iterator[Given]) -> list[Given]:
    return list(islice(given, _BATCH))


def _together(items: Iterable[Item], here: bool) -> Iterator[list[Item]]:
    """Items as they go to threads: several where they are small, for each way there has its price.

    `here`: whether threads of this process read them.
    """
    together: list[Item] = []
    size = 0
    for item in items:
        if item.size >= _SMALL or isinstance(item, RemoteItem) or not here:
            yield [item]
            continue
        if together and (len(together) >= _TOGETHER or size + item.size > _SMALL):
            yield together
            together, size = [], 0
        together.append(item)
        size += item.size
    if together:
        yield together


def _first(group: BaseExceptionGroup[Any]) -> Any:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
