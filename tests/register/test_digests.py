"""The cache of digests, where it breaks while it is used."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from types import TracebackType

from comfy_assets.library.digests import SCHEMA, Digests
from comfy_assets.library.items import Look
from comfy_assets.library.reading import Reading

LOOK = Look(size=1, mtime=1, ctime=1, inode=1, device=1)


class LostMeanwhile:
    """A lock that is waited for while another thread, which holds it, loses the cache."""

    digests: Digests

    def __enter__(self) -> None:
        """Get it, when all is over."""
        self.digests.connection = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back."""


def test_another_thread_loses_the_cache() -> None:
    """Where the cache is lost while a thread waits for its turn, that thread knows nothing, and goes on."""
    connection = sqlite3.connect(":memory:")
    connection.executescript(SCHEMA)
    uses: list[Callable[[Digests], object]] = [
        lambda digests: digests.get("a", LOOK, "blake3").hash,
        lambda digests: digests.put("a", "blake3", Reading("blake3:0", LOOK, 2)),
        Digests.flush,
        Digests.close,
    ]
    for use in uses:
        lock = LostMeanwhile()
        lock.digests = Digests(connection)
        lock.digests._lock = lock  # type: ignore[assignment] # as far as it is used
        assert use(lock.digests) is None
    connection.close()
