"""The options of `register`, and what they choose."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from comfy_assets.cli import register_sources
from comfy_assets.cli.completing import files
from comfy_assets.cli.metadata import metadata_option
from comfy_assets.defaults import ALGORITHM, CONCURRENCY, HASH_THREADS
from comfy_assets.hashing import ALGORITHMS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from comfy_assets.library.options import Options
    from comfy_assets.library.reports import Report
    from comfy_assets.library.sources import Source


def _rate(_context: click.Context, _parameter: click.Parameter, given: str | None) -> float | None:
    """Bytes per second: a number with K, M or G, of 1024."""
    if given is None:
        return None
    unit = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}.get(given[-1:].lower(), 1)
    try:
        rate = float(given[:-1] if unit > 1 else given) * unit
    except ValueError:
        rate = 0.0
    if not 1 <= rate < float("inf"):
        raise click.BadParameter(f"{given!r} is no rate: expected bytes per second, such as 50M")
    return rate


_MANY = {"multiple": True}

_OPTIONS: tuple[Any, ...] = (
    click.option("--tag", "tags", multiple=True, metavar="T", help="A tag of every file; repeat for more."),
    click.option(
        "--name-from",
        type=click.Choice(["basename", "path"]),
        default="basename",
        show_default=True,
        help="What a reference is named after: the file's name, or its path below the PATH given, with /.",
    ),
    metadata_option,
    click.option(
        "--mime-type", metavar="M", help="The MIME type of every file. Default: by the name's ending."
    ),
    click.option(
        "--include", multiple=True, metavar="P", help="Only files that match, as in .gitignore. Repeatable."
    ),
    click.option("--exclude", multiple=True, metavar="P", help="No files or folders that match. Repeatable."),
    click.option(
        "--ignore-file",
        metavar="FILE",
        shell_complete=files,
        help="More of --exclude, one a line. .comfyassetsignore is found by itself.",
    ),
    click.option("--algorithm", type=click.Choice(list(ALGORITHMS)), default=ALGORITHM, show_default=True),
    click.option(
        "--concurrency",
        type=click.IntRange(1, 1000),
        default=CONCURRENCY,
        show_default=True,
        metavar="N",
        help="Requests in flight.",
    ),
    click.option(
        "--hash-threads",
        type=click.IntRange(1, 256),
        default=HASH_THREADS,
        show_default=True,
        metavar="N",
        help="Files that are read at once.",
    ),
    click.option(
        "--disk",
        type=click.Choice(["auto", "spinning", "solid"]),
        default="auto",
        show_default=True,
        help="A spinning disk is read one file at a time. Only Linux tells by itself.",
    ),
    click.option(
        "--cluster",
        metavar="ADDRESS",
        help="Hash on the workers of this Dask cluster, such as tcp://host:8786; key and journal stay here.",
    ),
    click.option("--max-read-rate", metavar="R", callback=_rate, help="Bytes per second, such as 50M."),
    click.option(
        "--journal",
        metavar="F",
        shell_complete=files,
        help="Remember answers here. Default: in the user's state folder.",
    ),
    click.option("--recheck", is_flag=True, help="Ask for everything, whatever the journal knows."),
    click.option("--read-again", is_flag=True, help="Read every file, whatever the cache knows."),
    click.option(
        "--ignore-change",
        "ignore",
        multiple=True,
        type=click.Choice(["ctime", "inode"]),
        help="Trust the cache although this differs.",
    ),
    click.option("--explain", is_flag=True, help="Say why each file was read, or not."),
    click.option(
        "--missing-to",
        metavar="FILE",
        shell_complete=files,
        help="Write the paths of missing files, one a line.",
    ),
    click.option(
        "-0", "zero", is_flag=True, help="--missing-to and --files-from: paths end with NUL, not a newline."
    ),
    click.option(
        "--report",
        metavar="FILE",
        shell_complete=files,
        help="Write a row for each file: JSON lines, or CSV where FILE ends in .csv.",
    ),
    click.option("--dry-run", is_flag=True, help="Show what would be asked; read and send nothing."),
    click.option("--quiet", is_flag=True, help="No progress and no summary."),
)


def all_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds them to the command, in their order."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def chosen(paths: Sequence[str], given: dict[str, Any]) -> tuple[Options, Source, Sequence[str]]:
    """The options of the run, what is registered, and the paths that have to exist.

    Raises InputError, or click's own error, for what cannot be used.
    """
    from comfy_assets.library.options import Options

    exclude = (*given["exclude"], *_lines(given["ignore_file"]))
    same: tuple[str, ...] = (
        "name_from",
        "metadata",
        "mime_type",
        "include",
        "algorithm",
        "concurrency",
        "hash_threads",
    )
    same = (*same, "disk", "max_read_rate", "journal", "recheck", "read_again", "ignore", "cluster")
    options = Options(exclude=exclude, progress=0.2, **{name: given[name] for name in same})
    return options, *register_sources.source(paths, given, options)


def _lines(path: str | None) -> list[str]:
    if path is None:
        return []
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().splitlines()
    except OSError as error:
        raise click.BadParameter(f"{path!r} cannot be read: {error.strerror}") from None


def reports(given: dict[str, Any]) -> list[Report]:
    """The files that the run writes."""
    from comfy_assets.library.reports import MissingList, report

    made: list[Report] = []
    if given["missing_to"]:
        made.append(MissingList(given["missing_to"], "\0" if given["zero"] else os.linesep))
    if given["report"]:
        made.append(report(given["report"]))
    return made
