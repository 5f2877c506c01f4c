"""Progress of a check: a bar on a terminal, events with `--json`, silence otherwise."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from comfy_assets.cli.output import Output

#: With `--json`, an event for every so many requests.
_EVERY = 25


@contextmanager
def progress_for(url: str, output: Output) -> Iterator[Callable[[int, int, Any], None]]:
    """A function that takes how many cases are done, how many there are, and the last exchange."""
    if output.as_json:
        yield (
            lambda done, total, _: (
                output.event("progress", done=done, total=total) if done % _EVERY == 0 else None
            )
        )
    elif output.quiet or not sys.stderr.isatty():
        yield lambda _done, _total, _exchange: None
    else:
        with _bar(url) as step:
            yield step


@contextmanager
def _bar(url: str) -> Iterator[Callable[[int, int, Any], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(f"checking {url}", total=None)

        def step(done: int, total: int, exchange: Any) -> None:
            words = "seeing findings again" if exchange is not None and exchange.replay else f"checking {url}"
            progress.update(task, completed=done, total=total, description=words)

        yield step
