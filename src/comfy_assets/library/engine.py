"""Registering files from a program: a run yields what happens, for asyncio and without it.

    for event in register_files(["ComfyUI/models/loras"], ["models", "loras"]):
        if isinstance(event, FileDone):
            print(event.outcome, event.path)

What a run consists of is in `stages`.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from typing import TYPE_CHECKING, Any

from attrs import evolve

from comfy_assets.client import AsyncAssetsClient
from comfy_assets.library import cluster, memory, sources
from comfy_assets.library.options import Options
from comfy_assets.library.stages import Stages

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterable, Iterator, Sequence

    from comfy_assets.library.events import Event
    from comfy_assets.library.sources import Source


async def aregister_files(
    paths: Iterable[str | os.PathLike[str]],
    tags: Sequence[str] = (),
    *,
    client: AsyncAssetsClient | None = None,
    options: Options | None = None,
    source: Source | None = None,
) -> AsyncGenerator[Event]:
    """Register files and all files below folders; yields what happens, and a `Summary` last.

    Args:
        paths: files, folders, and URLs that fsspec reaches.
        tags: of every file, at least one.
        client: which service and key; by default those of the environment. One that is given stays open.
        options: how to go about it.
        source: what to register instead of `paths`.

    Raises:
        InputError: nothing could be tried: no key, another run is at it, ...
        ComfyAssetsError: what ended the run, after the `Summary`.
    """
    async with contextlib.aclosing(_run(paths, tags, client, options, source)) as batches:
        async for batch in batches:
            for event in batch:
                yield event


async def _run(
    paths: Iterable[str | os.PathLike[str]],
    tags: Sequence[str],
    client: AsyncAssetsClient | None,
    options: Options | None,
    source: Source | None,
) -> AsyncGenerator[list[Event]]:
    """The same, in lists: all events that are there."""
    options = Options() if options is None else options
    source = sources.of_paths(paths, tags, options) if source is None else source
    async with contextlib.AsyncExitStack() as stack:
        used = await stack.enter_async_context(AsyncAssetsClient()) if client is None else client
        kept = await stack.enter_async_context(memory.opened(used, options))
        stop = threading.Event()
        if options.cluster is not None:
            joined = cluster.connected(options.cluster, stop)
            joining: Any = await asyncio.to_thread(joined.__enter__)
            stack.push_async_callback(asyncio.to_thread, joined.__exit__, None, None, None)
            # Its workers are the threads; here is only who waits for them.
            options = evolve(options, hash_threads=await asyncio.to_thread(joining.width))
        else:
            joining = None
        run = Stages(used, options, source, kept, stop, joining)
        task = asyncio.create_task(run.run())
        task.add_done_callback(run.wake)
        try:
            while batch := await run.batch():
                yield batch
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        if run.summary.stopped is not None:
            raise run.summary.stopped


def register_files(
    paths: Iterable[str | os.PathLike[str]],
    tags: Sequence[str] = (),
    *,
    client: AsyncAssetsClient | None = None,
    options: Options | None = None,
    source: Source | None = None,
) -> Generator[Event]:
    """`aregister_files` for programs without an event loop: the same arguments, events and errors."""
    batches = event_batches(paths, tags, client=client, options=options, source=source)
    with contextlib.closing(batches):
        for batch in batches:
            yield from batch


def event_batches(
    paths: Iterable[str | os.PathLike[str]],
    tags: Sequence[str] = (),
    *,
    client: AsyncAssetsClient | None = None,
    options: Options | None = None,
    source: Source | None = None,
) -> Generator[list[Event]]:
    """`register_files` in lists of what happened meanwhile: whoever prints them writes once for each."""
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        loop.set_exception_handler(_told)
        batches = _run(paths, tags, client, options, source)
        with _interruption(loop) as interrupted:
            try:
                while (batch := runner.run(_next(batches, interrupted))) is not None:
                    yield batch
            finally:
                runner.run(_close(batches))
            if interrupted.is_set():
                raise KeyboardInterrupt


@contextlib.contextmanager
def _interruption(loop: asyncio.AbstractEventLoop) -> Iterator[asyncio.Event]:
    """Set by Ctrl-C, which then raises nothing by itself: in the midst of a task it would do harm.

    The next Ctrl-C is the program's own again: a thread that reads from a disk that is gone never ends.
    """
    interrupted, before = asyncio.Event(), signal.getsignal(signal.SIGINT)

    def give_back() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, before)

    def interrupt() -> None:
        interrupted.set()
        give_back()

    try:
        loop.add_signal_handler(signal.SIGINT, interrupt)
    except (NotImplementedError, ValueError, RuntimeError):
        # Windows, or not the main thread: there asyncio's own way has to do.
        yield interrupted
        return
    try:
        yield interrupted
    finally:
        give_back()


def _told(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What asyncio complains of; not that Ctrl-C came while a task was at work, which the caller is told."""
    if not isinstance(context.get("exception"), KeyboardInterrupt):
        loop.default_exception_handler(context)


async def _next(batches: AsyncIterator[list[Event]], interrupted: asyncio.Event) -> list[Event] | None:
    """The next events; None after the last ones, and where Ctrl-C came first."""
    coming = asyncio.ensure_future(_anext(batches))
    stopping = asyncio.ensure_future(interrupted.wait())
    try:
        await asyncio.wait({coming, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return coming.result() if coming.done() and not interrupted.is_set() else None
    finally:
        for one in (coming, stopping):
            one.cancel()
        await asyncio.gather(coming, stopping, return_exceptions=True)


async def _anext(batches: AsyncIterator[list[Event]]) -> list[Event] | None:
    return await anext(batches, None)


async def _close(batches: Any) -> None:
    await batches.aclose()
