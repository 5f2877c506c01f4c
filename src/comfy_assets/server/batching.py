"""What is asked of the database at the same time is asked together: one statement, one thread, one `fsync`.

Nobody waits longer for it: the first is asked at once, and those that come meanwhile are the next batch.
Where a batch fails, each of its requests is asked by itself, so that one request cannot fail another; each
is answered only after its transaction was committed.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import anyio
from anyio.to_thread import run_sync

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Requests of a batch. More would gain nothing, and hold other processes' writes back.
BATCH = 64

Asked = TypeVar("Asked")
Told = TypeVar("Told")


class Batches(Generic[Asked, Told]):
    """Asks `together`, which answers many at once, in up to `threads` threads; for one event loop."""

    def __init__(self, together: Callable[[Sequence[Asked]], list[Told]], threads: int) -> None:
        self._together = together
        self._threads = threads
        self._limiter = anyio.CapacityLimiter(threads)
        self._waiting: list[tuple[Asked, asyncio.Future[Told]]] = []
        self._running = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, asked: Asked) -> Told:
        """The answer to one; raises what it raises for it alone."""
        result: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, result))
        if self._running < self._threads:
            self._running += 1
            task = asyncio.create_task(self._run())
            self._tasks.add(task)  # the event loop itself keeps no task alive
            task.add_done_callback(self._tasks.discard)
        return await result

    async def _run(self) -> None:
        """Until nothing waits."""
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
                await self._answer(batch)
        finally:
            # Here, and not when the task is done: who comes between would wait for one that looks no more.
            self._running -= 1

    async def _answer(self, batch: list[tuple[Asked, asyncio.Future[Told]]]) -> None:
        try:
            told = await self._in_thread([asked for asked, _ in batch])
        except Exception as error:  # noqa: BLE001 - whatever it was: who caused it gets it, alone
            if len(batch) > 1:
                for one in batch:
                    await self._answer([one])
            elif not batch[0][1].done():
                batch[0][1].set_exception(error)
            return
        for (_, result), answer in zip(batch, told, strict=True):
            if not result.done():
                result.set_result(answer)

    async def _in_thread(self, asked: Sequence[Any]) -> list[Told]:
        return await run_sync(self._together, asked, limiter=self._limiter)
