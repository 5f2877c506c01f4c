"""For the tests of programs that use this package: a server to test against, and a clock without waiting.

pytest finds the fixtures `comfy_assets_server` and `comfy_assets_clock` by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from comfy_assets.testing.clock import FakeClock

if TYPE_CHECKING:
    from comfy_assets.testing.scenarios import Scenarios
    from comfy_assets.testing.server import AssetsServer

__all__ = ["AssetsServer", "FakeClock", "Scenarios"]


def __getattr__(name: str) -> Any:
    # Imported when first used: it needs the extra `server`.
    if name == "AssetsServer":
        from comfy_assets.testing.server import AssetsServer

        return AssetsServer
    if name == "Scenarios":
        from comfy_assets.testing.scenarios import Scenarios

        return Scenarios
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
