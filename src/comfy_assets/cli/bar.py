"""The progress bar: bytes and files, rate and time left; it moves while the total is still being counted."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

if TYPE_CHECKING:
    from comfy_assets.library.events import Progress as Far


class Bar:
    """On stderr; lines that go to the same terminal are printed above it."""

    def __init__(self) -> None:
        self._bar = Progress(
            TextColumn("{task.fields[files]}"),
            BarColumn(),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            redirect_stdout=sys.stdout.isatty(),
        )
        self._task = self._bar.add_task("", total=None, files="counting")

    def start(self) -> None:
        """Show it."""
        self._bar.start()

    def stop(self) -> None:
        """Take it away."""
        self._bar.stop()

    def move(self, far: Far) -> None:
        """To where the run is; a total that still grows has a `+`."""
        more = "+" if far.counting else ""
        self._bar.update(
            self._task,
            completed=far.bytes_done,
            total=max(far.bytes, far.bytes_done),
            files=f"{far.files_done}/{far.files}{more} files",
        )
