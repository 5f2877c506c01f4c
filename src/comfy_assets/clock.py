"""Time and chance as the clients see them, in one place that a test can replace."""

from __future__ import annotations

import asyncio
import random
import time


class Clock:
    """The machine's own time and chance. A subclass with other ones goes in by `clock=`.

    Waiting for the network is not the clock's: sockets have the machine's time.
    """

    def now(self) -> float:
        """Seconds since some moment; never runs backwards."""
        return time.monotonic()

    def wall(self) -> float:
        """Seconds since 1970, as the machine believes."""
        return time.time()

    def chance(self) -> float:
        """A number from 0 to 1, even over them."""
        return random.random()  # noqa: S311 - spreads retries, guards nothing

    def sleep(self, seconds: float) -> None:
        """Wait, in a thread."""
        time.sleep(seconds)

    async def sleep_async(self, seconds: float) -> None:
        """Wait, in an event loop."""
        await asyncio.sleep(seconds)
