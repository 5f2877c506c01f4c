"""`comfy-assets hash PATH...`: content hashes, one line each."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import click

from comfy_assets import errors
from comfy_assets.cli.output import Exit, Failure, Output, json_option, printable
from comfy_assets.defaults import ALGORITHM
from comfy_assets.hashing import ALGORITHMS, hash_file
from comfy_assets.library.items import Item, LeftOut, Problem, words
from comfy_assets.library.options import Options
from comfy_assets.library.reading import ChangedError, Pace
from comfy_assets.library.remote import RemoteItem, Root, is_remote
from comfy_assets.library.sources import of_paths

if TYPE_CHECKING:
    from collections.abc import Iterator

    from comfy_assets.library.sources import Given


@click.command("hash", epilog="Example: comfy-assets hash models/ portrait.png")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path())
@click.option("--algorithm", type=click.Choice(list(ALGORITHMS)), default=ALGORITHM, show_default=True)
@json_option
def command(paths: tuple[str, ...], algorithm: str, as_json: bool) -> None:
    r"""Print the content hash of each file: hash, two spaces, path. Folders are walked.

    A path with a newline or a backslash is printed as sha256sum does: the line begins with a
    backslash, and the path has \n and \\ for them.

    Exit status: 0 all files hashed; 1 some could not be read; 2 a named path does not exist.
    """
    output = Output("hash", as_json=as_json)
    failed: list[dict[str, str]] = []
    hashed = 0
    for file in _given(paths):
        if isinstance(file, LeftOut):
            if file.told:
                output.talk(f"{printable(file.path)}: {file.reason}")
            continue
        hash_, reason = _hash(file, algorithm)
        if hash_ is None:
            failed.append({"path": file.path, "reason": reason})
            output.talk(f"{printable(file.path)}: {reason}")
            output.event("failed", path=file.path, reason=reason)
        else:
            hashed += 1
            output.data(_line(hash_, file.path))
            output.event("hashed", path=file.path, hash=hash_)
    if failed:
        named = not all(map(_exists, paths))
        raise Failure(
            f"{len(failed)} of {len(failed) + hashed} could not be hashed",
            code="incomplete",
            exit_code=Exit.COULD_NOT_RUN if named else Exit.ANSWER_IS_NO,
            data={"hashed": hashed, "failed": failed},
        )
    output.end({"hashed": hashed, "failed": []})


def _given(paths: tuple[str, ...]) -> Iterator[Given]:
    try:
        # No tag is ever asked for: the files are all that is wanted of them.
        yield from of_paths(paths, (), Options())()
    except errors.InputError as error:
        raise Failure(str(error), code="input", exit_code=Exit.COULD_NOT_RUN) from None


def _exists(path: str) -> bool:
    return Root.of(path).exists() if is_remote(path) else os.path.exists(path)


def _hash(file: Item | Problem, algorithm: str) -> tuple[str | None, str]:
    """A file's hash, or None and the reason."""
    if isinstance(file, Problem):
        return None, file.reason
    try:
        if isinstance(file, RemoteItem):
            return file.file.read(algorithm, Pace(None, threading.Event()), lambda _: None).hash, ""
        return hash_file(file.path, algorithm), ""
    except ChangedError:
        return None, "it changed while it was read"
    except (OSError, errors.InputError) as error:
        return None, words(error)


def _line(hash_: str, path: str) -> str:
    escaped = path.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    mark = "\\" if escaped != path else ""
    return f"{mark}{hash_}  {escaped}"
