"""Writes that come together share a transaction, so that one `fsync` makes many references durable.

A request waits no longer for it: the first is written at once, and those that come meanwhile are the
next batch. Where a batch fails, each of its requests is written by itself, so that one request cannot
fail another; each is answered only after the commit that holds its reference.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import anyio
from anyio.to_thread import run_sync

if TYPE_CHECKING:
    from comfy_assets.server.references import Reference, References, Wanted

    Asked = tuple[int, Wanted]
    Referred = tuple[Reference, bool] | None

#: References in a transaction. More would gain nothing, and hold other processes' writes back.
BATCH = 64


class Writing:
    """Writes references of many requests; for one event loop."""

    def __init__(self, references: References) -> None:
        self._references = references
        self._waiting: list[tuple[Asked, asyncio.Future[Referred]]] = []
        self._writers = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._threads = anyio.CapacityLimiter(references.writers)

    async def refer(self, owner: int, wanted: Wanted) -> Referred:
        """As `References.refer`; returns when what it made is on the disk."""
        result: asyncio.Future[Referred] = asyncio.get_running_loop().create_future()
        self._waiting.append(((owner, wanted), result))
        if self._writers < self._references.writers:
            self._writers += 1
            writer = asyncio.create_task(self._write())
            self._tasks.add(writer)  # the event loop itself keeps no task alive
            writer.add_done_callback(self._tasks.discard)
        return await result

    async def _write(self) -> None:
        """Until nothing waits."""
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
                await self._together(batch)
        finally:
            # Here, and not when the task is done: what comes between would find a writer that looks no more.
            self._writers -= 1

    async def _together(self, batch: list[tuple[Asked, asyncio.Future[Referred]]]) -> None:
        try:
            referred = await run_sync(
                self._references.refer, [asked for asked, _ in batch], limiter=self._threads
            )
        except Exception:  # noqa: BLE001 - whatever it was: who caused it gets it again, alone
            for asked, result in batch:
                await self._alone(asked, result)
            return
        for (_, result), one in zip(batch, referred, strict=True):
            if not result.done():
                result.set_result(one)

    async def _alone(self, asked: Asked, result: asyncio.Future[Referred]) -> None:
        try:
            [one] = await run_sync(self._references.refer, [asked], limiter=self._threads)
        except Exception as error:  # noqa: BLE001 - the endpoint answers and tells it
            if not result.done():
                result.set_exception(error)
        else:
            if not result.done():
                result.set_result(one)
