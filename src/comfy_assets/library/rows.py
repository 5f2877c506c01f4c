"""Rows of manifests and of reports: from JSON lines or CSV to items.

What a row says goes before what the options say: its name and MIME type replace theirs, its tags and
metadata come on top. A row that cannot be used is a `Problem` at its line, and the others go on.
"""

from __future__ import annotations

import csv
import io
import json
import os
from typing import TYPE_CHECKING, Any, Final

from comfy_assets.errors import InputError
from comfy_assets.library.events import DONE, Outcome
from comfy_assets.library.items import Item, Problem
from comfy_assets.library.lists import listed
from comfy_assets.library.reports import COLUMNS
from comfy_assets.library.sources import item
from comfy_assets.library.walking import Found, Patterns, walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from comfy_assets.library.lists import Text
    from comfy_assets.library.options import Options
    from comfy_assets.library.sources import Given, Source

Row = dict[str, Any]

#: What a row of a manifest may say, each with its type and the words for it.
MEMBERS: Final[dict[str, tuple[type, str]]] = {
    "path": (str, "text"),
    "hash": (str, "text"),
    "name": (str, "text"),
    "tags": (list, "a list of texts"),
    "metadata": (dict, "an object"),
    "mime_type": (str, "text"),
}

#: The request's own name for it.
_ALSO: Final[dict[Any, str]] = {"user_metadata": "metadata"}

#: Members that a CSV writes as JSON.
_JSON: Final = ("tags", "metadata")


def manifest(text: Text, tags: Sequence[str], options: Options) -> Source:
    """The files, or known content, of a manifest.

    Raises InputError where no row can be used: a column that nobody knows, or no tags anywhere.
    """
    if not tags and not any(isinstance(row, dict) and row.get("tags") for _, row in _read(text)):
        raise InputError(f"no tags: no row of {text.name!r} has any, and --tag gives none")

    def give() -> Iterator[Given]:
        for number, row in _read(text):
            yield from _given(f"{text.name}:{number}", row, tags, options)

    return give


def undone(text: Text, tags: Sequence[str], options: Options) -> Source:
    """What a report says is missing, changed or failed, as it was asked for then.

    Raises InputError where it is no report.
    """
    for _, row in _read(text):
        if not isinstance(row, dict) or not {"path", "outcome"} <= row.keys():
            raise InputError(f"{text.name!r} is no report: its first row has no path and outcome")
        break

    def give() -> Iterator[Given]:
        for number, row in _read(text):
            where = f"{text.name}:{number}"
            if isinstance(row, str):
                yield Problem(where, row)
            elif row.get("outcome") not in tuple(Outcome):
                yield Problem(where, f"its outcome is {row.get('outcome')!r}")
            elif row["outcome"] not in DONE:
                yield from _given(where, _as_asked(row), tags, options)

    return give


def _as_asked(row: Row) -> Row:
    """The row of a manifest that asks what a row of a report tells of."""
    kept = {name: row[name] for name in MEMBERS if name != "hash" and row.get(name) not in (None, [])}
    # A digest may be what was wrong; content without a file has nothing else.
    if row.get("source") == "list" and not os.path.lexists(str(row["path"])):
        kept["hash"] = row.get("hash")
    return kept


def _given(where: str, row: Row | str, tags: Sequence[str], options: Options) -> Iterator[Given]:
    wrong = row if isinstance(row, str) else _wrong(row)
    if wrong is not None:
        yield Problem(where, wrong)
        return
    assert isinstance(row, dict)
    all_tags = tuple(dict.fromkeys((*row.get("tags", ()), *tags)))
    if not all_tags:
        # A file that could not be looked at was told by its path alone: nothing says its tags.
        yield Problem(row.get("path") or where, f"no tags ({where}, and no --tag)")
    elif not row.get("path") or ("hash" in row and not os.path.lexists(row["path"])):
        yield _without_file(row, all_tags, options)
    else:
        patterns = Patterns.of(options.include, options.exclude)
        for found in walk([row["path"]], patterns):
            yield _described(found, row, all_tags, options) if isinstance(found, Found) else found


def _wrong(row: Row) -> str | None:
    """Words for a row that cannot be used."""
    unknown = [name for name in row if name not in (*MEMBERS, *COLUMNS)]
    if unknown:
        return f"unknown member {unknown[0]!r}: a row may have {', '.join(MEMBERS)}"
    for name, (kind, expected) in MEMBERS.items():
        if name in row and not isinstance(row[name], kind):
            return f"{name} is {json.dumps(row[name])[:80]}: expected {expected}"
    if not all(isinstance(tag, str) for tag in row.get("tags", ())):
        return "tags: expected a list of texts"
    if {"name", "hash"} & row.keys() and os.path.isdir(row.get("path", "")):
        return f"{row['path']} is a folder: a name or hash is one file's"
    return None if row.get("path") or row.get("hash") else "neither a path nor a hash"


def _without_file(row: Row, tags: tuple[str, ...], options: Options) -> Item:
    return Item(
        path=row.get("path") or row["hash"],
        name=row.get("name") or (os.path.basename(row["path"]) if row.get("path") else None),
        tags=tags,
        metadata=_merged(row, options),
        mime_type=row.get("mime_type", options.mime_type),
        hash=row["hash"],
    )


def _described(found: Found, row: Row, tags: tuple[str, ...], options: Options) -> Item:
    named = listed(row["path"], found) if options.name_from == "path" else found
    made = item(named, tags, options)
    return Item(
        path=made.path,
        name=row.get("name", made.name),
        tags=tags,
        metadata=_merged(row, options),
        mime_type=row.get("mime_type", made.mime_type),
        look=made.look,
        hash=row.get("hash"),
    )


def _merged(row: Row, options: Options) -> Mapping[str, Any] | None:
    return {**(options.metadata or {}), **row.get("metadata", {})} or None


def _read(text: Text) -> Iterator[tuple[int, Row | str]]:
    """Each row with its line; words instead of one that cannot be read."""
    with (
        text.open() as binary,
        io.TextIOWrapper(binary, encoding="utf-8-sig", errors="surrogateescape", newline="") as file,
    ):
        first = file.readline()
        file.seek(0)
        yield from _json_lines(file) if first.lstrip()[:1] in ("", "{", "[", '"') else _csv(file, text.name)


def _json_lines(file: io.TextIOWrapper) -> Iterator[tuple[int, Row | str]]:
    for number, line in enumerate(file, 1):
        if line.strip():
            yield number, _row(line)


def _row(line: str) -> Row | str:
    try:
        row = json.loads(line, parse_constant=_refused)
    except (ValueError, RecursionError) as error:
        return f"is no JSON: {error}"
    if not isinstance(row, dict):
        return "is no JSON object"
    return {str(_ALSO.get(name, name)): value for name, value in row.items() if value is not None}


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is no number of JSON")


def _csv(file: io.TextIOWrapper, where: str) -> Iterator[tuple[int, Row | str]]:
    reader = csv.DictReader(file, strict=True)
    try:
        columns: list[str] = [_ALSO.get(name, name) for name in reader.fieldnames or ()]
        unknown = [name for name in columns if name not in (*MEMBERS, *COLUMNS)]
        if unknown:
            raise InputError(f"{where!r}: unknown column {unknown[0]!r}; known are {', '.join(MEMBERS)}")
        reader.fieldnames = columns
        for row in reader:
            yield reader.line_num, _cells(row)
    except csv.Error as error:
        yield reader.line_num, f"is no CSV: {error}"


def _cells(row: dict[Any, Any]) -> Row | str:
    if None in row or None in row.values():
        return "has more or fewer cells than there are columns"
    try:
        return {name: _cell(name, value) for name, value in row.items() if value != ""}
    except (ValueError, RecursionError) as error:
        return str(error)


def _cell(name: str, value: str) -> Any:
    if name not in _JSON:
        return value
    if name == "tags" and not value.startswith("["):
        return [tag.strip() for tag in value.split(",") if tag.strip()]
    try:
        return json.loads(value, parse_constant=_refused)
    except ValueError as error:
        raise ValueError(f"{name} is no JSON: {error}") from None
