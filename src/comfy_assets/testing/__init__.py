"""For the tests of programs that use this package."""

from __future__ import annotations

from comfy_assets.testing.clock import FakeClock

__all__ = ["FakeClock"]
