"""The progress bar: bytes and files, rate and time left; it moves while the total is still being counted."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column
from rich.text import Text

from comfy_assets.library.items import in_units

if TYPE_CHECKING:
    from comfy_assets.library.events import Progress as Far


#: Columns of a terminal below which rate and time left have no room.
_NARROW: Final = 72


def _whole() -> Column:
    return Column(no_wrap=True)


class _Rate(ProgressColumn):
    """Bytes per second, in the units of the summary."""

    def render(self, task: Task) -> Text:
        """Nothing before there is something to tell."""
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{in_units(speed)}/s", style="progress.data.speed")


class Bar:
    """On stderr; lines that go to the same terminal are printed above it."""

    def __init__(self) -> None:
        # What is printed above the bar is data: the terminal breaks long lines, and they can be copied.
        console = Console(stderr=True, soft_wrap=True)
        columns = [
            TextColumn("{task.fields[files]}", table_column=_whole()),
            BarColumn(None if console.width < _NARROW else 40),
            DownloadColumn(binary_units=True, table_column=_whole()),
            _Rate(table_column=_whole()),
            TimeRemainingColumn(table_column=_whole()),
        ]
        self._bar = Progress(
            *(columns if console.width >= _NARROW else columns[:3]),
            console=console,
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
