"""pytest finds these fixtures by itself where this package is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from comfy_assets.testing.clock import FakeClock
    from comfy_assets.testing.server import AssetsServer


@pytest.fixture
def comfy_assets_server() -> Iterator[AssetsServer]:
    """A reference server whose next answers can fail, drift or vanish; see `comfy_assets.testing.server`."""
    try:
        from comfy_assets.testing.server import AssetsServer
    except ImportError as error:
        pytest.fail(f"comfy_assets_server needs the extra: pip install 'comfy-assets[server]' ({error})")
    with AssetsServer() as server:
        yield server


@pytest.fixture
def comfy_assets_clock() -> FakeClock:
    """Time that passes only when somebody waits, for `AssetsClient(clock=...)`."""
    from comfy_assets.testing.clock import FakeClock

    return FakeClock()
