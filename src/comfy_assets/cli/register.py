"""`comfy-assets register PATH...`: hash and register files and folders."""

from __future__ import annotations

import contextlib
import os
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from comfy_assets import registering
from comfy_assets.cli import service
from comfy_assets.cli.metadata import metadata_option
from comfy_assets.cli.output import Exit, Failure, Output, json_option, printable
from comfy_assets.defaults import ALGORITHM
from comfy_assets.hashing import ALGORITHMS
from comfy_assets.registering import Found, Outcome, Registered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


@click.command(
    "register",
    epilog="Example: comfy-assets register ComfyUI/models/checkpoints --tag models --tag checkpoints",
)
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path())
@click.option("--tag", "tags", multiple=True, metavar="T", help="A tag of every file; repeat for more.")
@click.option(
    "--name-from",
    type=click.Choice(["basename", "path"]),
    default="basename",
    show_default=True,
    help="What a reference is named after: the file's name, or its path below the PATH given, with /.",
)
@metadata_option
@click.option("--algorithm", type=click.Choice(list(ALGORITHMS)), default=ALGORITHM, show_default=True)
@click.option("--dry-run", is_flag=True, help="Show what would be registered; read and send nothing.")
@click.option("--quiet", is_flag=True, help="No progress and no summary.")
@service.service_options
@json_option
def command(
    paths: tuple[str, ...],
    tags: tuple[str, ...],
    name_from: str,
    metadata: dict[str, Any] | None,
    algorithm: str,
    dry_run: bool,
    quiet: bool,
    as_json: bool,
    **where: Any,
) -> None:
    """Give each file a reference on the service, by its hash; nothing is uploaded.

    Prints one line for each file: outcome, id, path. A file is `missing` where the service does not
    have its content: it must be uploaded first.

    Exit status: 0 every file has a reference; 1 some are missing or failed; 2 nothing could be
    tried, the run had to stop, or a named PATH does not exist.
    """
    if not tags:
        raise click.UsageError("no tags: give at least one with --tag")
    output = Output("register", as_json=as_json, quiet=quiet)
    files = list(registering.walk(paths))
    if dry_run:
        _show_plan(output, files, tags, name_from)
        return
    tally = _Tally(paths)
    try:
        with service.client(**where) as client, _progress(output, files) as on_read:
            for result in registering.register_files(
                client,
                files,
                tags,
                name_from=name_from,
                user_metadata=metadata,
                algorithm=algorithm,
                on_read=on_read,
            ):
                tally.add(result)
                _show(output, result)
    except registering.FATAL as error:
        if tally.outcomes:
            output.talk(tally.summary())
        raise service.failure(error, data=tally.data()) from None
    tally.end(output)


class _Tally:
    """How many files had which outcome."""

    def __init__(self, paths: Sequence[str]) -> None:
        self.absent = [path for path in paths if not os.path.exists(path)]
        self.outcomes: Counter[Outcome] = Counter()

    def add(self, result: Registered) -> None:
        self.outcomes[result.outcome] += 1

    def data(self) -> dict[str, Any]:
        return {"outcomes": {outcome.value: self.outcomes[outcome] for outcome in Outcome}}

    def summary(self) -> str:
        return (
            ", ".join(f"{count} {outcome}" for outcome in Outcome if (count := self.outcomes[outcome]))
            or "no files"
        )

    def end(self, output: Output) -> None:
        """Say how it went; raises Failure where not every file has a reference."""
        output.talk(self.summary())
        if self.absent:
            raise Failure(
                f"no such path: {', '.join(map(printable, self.absent))}",
                code="no_such_path",
                data=self.data(),
            )
        undone = sum(count for outcome, count in self.outcomes.items() if outcome not in registering.DONE)
        if undone:
            message = f"{undone} of {self.outcomes.total()} have no reference"
            raise Failure(message, code="incomplete", exit_code=Exit.ANSWER_IS_NO, data=self.data())
        output.end(self.data())


def _show(output: Output, result: Registered) -> None:
    # What `missing` means is the same for every file.
    reason = f": {printable(result.reason or '')}" if result.outcome is Outcome.FAILED else ""
    output.data(f"{result.outcome:<8}  {result.id or '-':<36}  {printable(result.path)}{reason}")
    output.event(
        "file",
        path=result.path,
        outcome=result.outcome,
        id=result.id,
        hash=result.hash,
        size=result.size,
        status_code=result.status_code,
        reason=result.reason,
    )


def _show_plan(
    output: Output, files: Sequence[Found | registering.Unreadable], tags: Sequence[str], name_from: str
) -> None:
    for file in files:
        if isinstance(file, Found):
            name = file.relative if name_from == "path" else os.path.basename(file.path)
            output.data(f"would register  {printable(file.path)}  as {printable(name)}")
            output.event("plan", path=file.path, name=name, tags=list(tags), size=file.size)
        else:
            output.data(f"cannot read  {printable(file.path)}: {file.reason}")
            output.event("unreadable", path=file.path, reason=file.reason)
    output.end({"files": sum(isinstance(file, Found) for file in files)})


@contextlib.contextmanager
def _progress(
    output: Output, files: Sequence[Found | registering.Unreadable]
) -> Iterator[Callable[[int], object] | None]:
    """A bar over the bytes that are read, on a terminal only."""
    if output.quiet or output.as_json or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    bar = Progress(
        "registering",
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        # The bar prints lines of ours above itself, but only those that go to the same terminal.
        redirect_stdout=sys.stdout.isatty(),
    )
    with bar:
        task = bar.add_task("", total=sum(file.size for file in files if isinstance(file, Found)))
        yield lambda size: bar.advance(task, size)
