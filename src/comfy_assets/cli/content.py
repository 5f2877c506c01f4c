"""`comfy-assets content add|list|remove`: what content a server stores, also while it runs."""

from __future__ import annotations

import os
from pathlib import Path

import click

from comfy_assets.cli.completing import files
from comfy_assets.cli.databases import database_option, opened
from comfy_assets.cli.output import Exit, Failure, Output, json_option, printable


@click.group("content")
def command() -> None:
    """Add, list and remove the content that a server stores; it may be running."""


@command.command("add", epilog="Example: comfy-assets content add models/ --database sqlite:///references.db")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path())
@database_option
@json_option
def add(paths: tuple[str, ...], database: str, as_json: bool) -> None:
    """Store the content of files, and of all files below folders.

    Exit status: 0 all stored; 1 some could not be read; 2 a named path does not exist.
    """
    output = Output("content add", as_json=as_json)
    absent = [path for path in paths if not os.path.exists(path)]
    if absent:
        raise Failure(f"no such path: {', '.join(map(printable, absent))}", code="no_such_path")
    with opened("content", database) as store:
        from comfy_assets.server import content

        done = content.add(store, [Path(path) for path in paths], output.talk)
    data = {"files": done.files, "bytes": done.bytes, "skipped": done.skipped}
    output.talk(f"{done.files} files stored")
    if done.skipped:
        raise Failure(
            f"{len(done.skipped)} could not be read",
            code="incomplete",
            exit_code=Exit.ANSWER_IS_NO,
            data=data,
        )
    output.end(data)


@command.command("list", epilog="Example: comfy-assets content list --database sqlite:///references.db")
@database_option
@json_option
def list_(database: str, as_json: bool) -> None:
    """List what is stored: hash, two spaces, path."""
    output = Output("content list", as_json=as_json)
    count = 0
    with opened("content", database) as store:
        from comfy_assets.server import content

        for one in content.stored(store):
            count += 1
            output.data(f"{one.blake3}  {printable(one.path)}")
            output.event(
                "content",
                path=one.path,
                blake3=one.blake3,
                sha256=one.sha256,
                size=one.size,
                mime_type=one.mime_type,
            )
    output.end({"files": count})


@command.command(
    "remove", epilog="Example: comfy-assets content remove a.png --database sqlite:///references.db"
)
@click.argument("named", metavar="HASH|PATH...", nargs=-1, required=True, shell_complete=files)
@database_option
@json_option
def remove(named: tuple[str, ...], database: str, as_json: bool) -> None:
    """Let content vanish, by hash, file or folder; the files themselves stay.

    New references to it are refused with 404, those that there are remain.
    """
    output = Output("content remove", as_json=as_json)
    with opened("content", database) as store:
        from comfy_assets.server import content

        removed = {one: content.remove(store, one) for one in named}
    missing = [one for one, count in removed.items() if not count]
    output.talk(f"{sum(removed.values())} files are stored no more")
    if missing:
        raise Failure(
            f"not stored: {', '.join(map(printable, missing))}",
            code="not_found",
            exit_code=Exit.ANSWER_IS_NO,
            data=removed,
        )
    output.end(removed)
