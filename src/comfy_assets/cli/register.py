"""`comfy-assets register PATH...`: hash and register a whole library of files."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

import click

from comfy_assets import errors
from comfy_assets.cli import register_options, register_sources, service
from comfy_assets.cli.extras import need_extra
from comfy_assets.cli.interrupting import ends_at_once
from comfy_assets.cli.output import Exit, Failure, Output, json_option, printable
from comfy_assets.cli.register_output import Printer
from comfy_assets.library.remote import Root, is_remote, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from comfy_assets.library.events import Summary
    from comfy_assets.library.options import Options
    from comfy_assets.library.sources import Source


@click.command(
    "register",
    epilog="Example: comfy-assets register ComfyUI/models/checkpoints --tag models --tag checkpoints",
)
@click.argument("paths", metavar="PATH...", nargs=-1, type=click.Path())
@register_sources.source_options
@register_options.all_options
@service.service_options
@json_option
def command(paths: tuple[str, ...], dry_run: bool, quiet: bool, as_json: bool, **given: Any) -> None:
    """Give each file a reference on the service, by its hash; nothing is uploaded.

    Prints one line for each file: outcome, id, path. A file is `missing` where the service does not
    have its content: it must be uploaded first. A run that was stopped, however it was, goes on where it
    stopped when the same command is given again.

    Exit status: 0 every file has a reference; 1 some are missing, changed or failed; 2 nothing could be
    tried, the run had to stop, or a named PATH does not exist.
    """
    where = {name: given.pop(name) for name in service.NAMES}
    output = Output("register", as_json=as_json, quiet=quiet)
    try:
        chosen, source, roots = register_options.chosen(paths, given)
        reports = register_options.reports(given)
    except errors.InputError as error:
        raise Failure(str(error), code="input") from None
    if dry_run:
        _show_plan(output, source, _absent(roots))
        return
    if chosen.cluster is not None:
        need_extra("--cluster", "cluster")
    printer = Printer(output, reports, explain=given["explain"])
    try:
        with contextlib.ExitStack() as stack:
            for report in reports:
                stack.enter_context(report)
            stack.enter_context(printer)
            _run(where, chosen, source, printer)
    except errors.ComfyAssetsError as error:
        output.talk(printer.summary_line())
        raise service.failure(error, data=printer.data(), is_run=True) from None
    except KeyboardInterrupt:
        output.talk(printer.summary_line())
        raise Failure(
            "interrupted",
            code="interrupted",
            hint="the same command goes on where this one stopped",
            exit_code=Exit.INTERRUPTED,
            data=printer.data(),
        ) from None
    _end(output, printer, _absent(roots))


def _absent(roots: Sequence[str]) -> list[str]:
    return [shown(path) for path in roots if not _exists(path)]


def _exists(path: str) -> bool:
    return Root.of(path).exists() if is_remote(path) else os.path.lexists(path)


def _run(where: dict[str, Any], chosen: Options, source: Source, printer: Printer) -> None:
    from comfy_assets.library.engine import event_batches

    client = service.async_client(**where)
    batches = event_batches((), client=client, options=chosen, source=source)
    with ends_at_once(), contextlib.closing(batches):
        for batch in batches:
            printer.show(batch)


def _end(output: Output, printer: Printer, absent: Sequence[str]) -> None:
    """Say how it went; raises Failure where not every file has a reference."""
    output.talk(printer.summary_line())
    data, summary = printer.data(), printer.summary
    _refuse(absent, data)
    if summary.undone:
        message = f"{summary.undone} of {summary.outcomes.total()} have no reference"
        raise Failure(message, code="incomplete", hint=_hint(summary), exit_code=Exit.ANSWER_IS_NO, data=data)
    output.end(data)


def _refuse(absent: Sequence[str], data: dict[str, Any]) -> None:
    """Raises Failure where paths that were named do not exist."""
    if absent:
        words = f"no such path: {', '.join(map(printable, absent))}"
        raise Failure(words, code="no_such_path", data=data)


def _hint(summary: Summary) -> str | None:
    from comfy_assets.library.events import Outcome

    if summary.outcomes[Outcome.MISSING]:
        return "upload what is missing (--missing-to FILE lists it), and run this again"
    return None


def _show_plan(output: Output, source: Source, absent: Sequence[str]) -> None:
    """Say what would be asked; raises Failure, after it all, where not every file could be looked at."""
    from comfy_assets.library.items import Item, Problem

    files = unreadable = 0
    for one in source():
        if isinstance(one, Item):
            files += 1
            tags = ", ".join(one.tags)
            name = printable(one.name or "(unnamed)")
            output.data(f"would register  {printable(one.path)}  as {name}  [{printable(tags)}]")
            output.event(
                "plan",
                path=one.path,
                name=one.name,
                tags=list(one.tags),
                metadata=one.metadata,
                mime_type=one.mime_type,
                size=one.size,
                hash=one.hash,
            )
        elif isinstance(one, Problem):
            unreadable += 1
            output.data(f"cannot read  {printable(one.path)}: {one.reason}")
            output.event("unreadable", path=one.path, reason=one.reason)
        elif one.told:
            output.talk(f"{printable(one.path)}: {one.reason}")
    data = {"files": files, "unreadable": unreadable}
    _refuse(absent, data)
    if unreadable:
        message = f"{unreadable} of {files + unreadable} cannot be read"
        raise Failure(message, code="incomplete", exit_code=Exit.ANSWER_IS_NO, data=data)
    output.end(data)
