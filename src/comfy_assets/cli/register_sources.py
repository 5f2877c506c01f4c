"""What `register` registers: paths, a ComfyUI folder, lists; and digests that were made elsewhere."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from comfy_assets.cli.completing import files, folders
from comfy_assets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from comfy_assets.library.options import Options
    from comfy_assets.library.sources import Source

#: Options that name files to read; `-` is standard input, which can be read once.
_LISTS = ("files_from", "manifest", "retry_from", "b3sums", "sha256sums")

#: Options that name a file to write.
_WRITTEN = ("report", "missing_to")

_OPTIONS: tuple[Any, ...] = (
    click.option(
        "--comfyui",
        metavar="DIR",
        shell_complete=folders,
        help="A ComfyUI folder: models, inputs and outputs, each with the tags by which ComfyUI finds them.",
    ),
    click.option(
        "--extra-model-paths",
        multiple=True,
        metavar="FILE",
        shell_complete=files,
        help="With --comfyui: more such files as DIR/extra_model_paths.yaml, which is found by itself.",
    ),
    click.option(
        "--comfyui-tags",
        metavar="FILE",
        shell_complete=files,
        help="With --comfyui: another mapping of folders to tags, in YAML.",
    ),
    click.option(
        "--files-from",
        metavar="FILE",
        shell_complete=files,
        help="Paths, one a line; - is standard input. See -0.",
    ),
    click.option(
        "--manifest",
        metavar="FILE",
        shell_complete=files,
        help="JSON lines or CSV, a row for each file: path, name, tags, metadata, mime_type, hash; "
        "or hash without a path. - is standard input.",
    ),
    click.option(
        "--retry-from",
        metavar="FILE",
        shell_complete=files,
        help="What an earlier --report says is missing, changed or failed, as it was asked for then.",
    ),
    click.option(
        "--b3sums",
        metavar="FILE",
        shell_complete=files,
        help="Digests that b3sum printed: their files are not read, as long as sizes agree.",
    ),
    click.option("--sha256sums", metavar="FILE", shell_complete=files, help="The same, of sha256sum."),
)


def source_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds them to the command, in their order."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def source(paths: Sequence[str], given: dict[str, Any], options: Options) -> tuple[Source, Sequence[str]]:
    """What is registered, and the paths that have to exist. Raises InputError, or click's own error."""
    from comfy_assets.library import sources

    _judge(paths, given)
    tags, found = given["tags"], []
    if paths:
        found.append(sources.of_paths(paths, tags, options))
    if given["comfyui"] and os.path.lexists(given["comfyui"]):
        found.append(_comfyui(given, options))
    found += _listed(given, options)
    return _known(given, sources.chained(found)), [*paths, *filter(None, [given["comfyui"]])]


def _judge(paths: Sequence[str], given: dict[str, Any]) -> None:
    """Refuse what cannot be meant."""
    from comfy_assets.library.remote import is_remote

    named = [given[name] for name in ("comfyui", "files_from", "manifest", "retry_from")]
    if not paths and not any(named):
        raise click.UsageError("Missing argument 'PATH...'")
    if not given["tags"] and (paths or given["files_from"]):
        raise click.UsageError("no tags: give at least one with --tag")
    if given["comfyui"] and is_remote(given["comfyui"]):
        raise click.UsageError("--comfyui takes a folder of this machine; name URLs as PATH")
    if not given["comfyui"] and (given["extra_model_paths"] or given["comfyui_tags"]):
        raise click.UsageError("--extra-model-paths and --comfyui-tags are for --comfyui")
    if [given[name] for name in _LISTS].count("-") > 1:
        raise click.UsageError("standard input can be read once: one option may be -")
    for name in _WRITTEN:
        for other in _LISTS:
            if _same(given[name], given[other]):
                words = f"--{name} would write over --{other}, {given[name]!r}: name another file"
                raise click.UsageError(words.replace("_", "-", 2))
    if given["report"] and _same(given["report"], given["missing_to"]):
        raise click.UsageError("--report and --missing-to name the same file")


def _same(one: str | None, other: str | None) -> bool:
    return bool(one and other) and os.path.realpath(str(one)) == os.path.realpath(str(other))


def _comfyui(given: dict[str, Any], options: Options) -> Source:
    from comfy_assets.library import comfyui

    mapping = comfyui.Mapping.of(given["comfyui_tags"])
    return comfyui.source(given["comfyui"], given["extra_model_paths"], given["tags"], options, mapping)


def _listed(given: dict[str, Any], options: Options) -> list[Source]:
    from comfy_assets.library import lists, rows
    from comfy_assets.library.walking import Patterns

    tags, found = given["tags"], []
    if given["files_from"]:
        patterns = Patterns.of(options.include, options.exclude)
        end = b"\0" if given["zero"] else b"\n"
        found.append(lists.paths(lists.Text.of(given["files_from"]), end, tags, options, patterns))
    if given["manifest"]:
        found.append(rows.manifest(lists.Text.of(given["manifest"]), tags, options))
    if given["retry_from"]:
        found.append(rows.undone(lists.Text.of(given["retry_from"]), tags, options))
    return found


def _known(given: dict[str, Any], source: Source) -> Source:
    from comfy_assets.library import lists

    if not (given["b3sums"] or given["sha256sums"]):
        return source
    digests = lists.Digests()
    for option, algorithm in (("b3sums", "blake3"), ("sha256sums", "sha256")):
        if given[option] and not digests.add(lists.Text.of(given[option]), algorithm):
            raise InputError(f"{given[option]!r} has no digests")
    return digests.used_for(source)
