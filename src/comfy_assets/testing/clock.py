"""Time that passes only when somebody waits."""

from __future__ import annotations

import asyncio

from comfy_assets.clock import Clock


class FakeClock(Clock):
    """A clock for tests: waiting takes no time, and is noted.

    Attributes:
        sleeps: seconds of each wait so far.
        draw: what `chance` gives; 1 makes each wait as long as its bound.
    """

    def __init__(self, now: float = 1_000.0, draw: float = 1.0) -> None:
        self.sleeps: list[float] = []
        self.draw = draw
        self._now = now

    def now(self) -> float:
        """Seconds, moved by `sleep` alone."""
        return self._now

    def wall(self) -> float:
        """The same: the world began when the clock did."""
        return self._now

    def chance(self) -> float:
        """Always `draw`."""
        return self.draw

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.sleeps.append(seconds)
        self._now += seconds

    async def sleep_async(self, seconds: float) -> None:
        """Let time pass; other tasks have their turn."""
        self.sleep(seconds)
        await asyncio.sleep(0)
