"""Indexes content in the background, while requests are answered already, and tells how far it is."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from comfy_assets.server import content
from comfy_assets.server.content import Indexed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from comfy_assets.server.logs import Log
    from comfy_assets.server.store import Store

#: Seconds between two lines about how far it is.
TOLD_SECONDS: Final = 2.0
#: Seconds that the end waits for the thread, which looks between two reads.
END_SECONDS: Final = 5.0
_STEP: Final = 1024


class _EndedError(Exception):
    """Nobody needs the index any more."""


class Indexing:
    """One run over these folders, in a thread; a file is at most read once. `done` is set at its end."""

    def __init__(self, store: Store, folders: Sequence[Path], log: Log) -> None:
        self.done = threading.Event()
        self._store, self._folders, self._log = store, folders, log
        self._ended = threading.Event()
        self._told = time.monotonic()
        self._result: Indexed | Exception = Indexed()
        self._thread = threading.Thread(target=self._run, name="indexing", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End it, wherever it is; what it wrote is taken up by the next run."""
        self._ended.set()
        self._thread.join(END_SECONDS)

    def result(self) -> Indexed:
        """What it saw, once it is done; raises what ended it."""
        if isinstance(self._result, Exception):
            raise self._result
        return self._result

    def _run(self) -> None:
        try:
            self._result = content.index(self._store, self._folders, self._log.say, self._watch)
            done = self._result
            text = f"indexed {done.files} files, {size(done.bytes)}"
            self._log.event("indexed", text, files=done.files, bytes=done.bytes, read=done.read)
        except Exception as error:  # noqa: BLE001 - whoever waits for the result gets it
            self._result = error
        finally:
            self.done.set()

    def _watch(self, so_far: Indexed) -> None:
        if self._ended.is_set():
            raise _EndedError
        if time.monotonic() - self._told < TOLD_SECONDS:
            return
        self._told = time.monotonic()
        text = f"indexing: {so_far.files} files, {size(so_far.bytes_read)} read"
        self._log.event("indexing", text, files=so_far.files, bytes_read=so_far.bytes_read)


def size(count: float) -> str:
    """A number of bytes for people: `12 bytes`, `3.4 MiB`."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < _STEP:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= _STEP
    return f"{count:.1f} TiB"
