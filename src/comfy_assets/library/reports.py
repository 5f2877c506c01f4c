"""Files that a run writes: one row for each file, or the paths of what is missing."""

from __future__ import annotations

import csv
import json
from typing import IO, TYPE_CHECKING, Any, Final, Protocol, Self

from attrs import asdict

from comfy_assets.errors import InputError
from comfy_assets.library.events import FileDone, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: The columns of a report, in their order.
COLUMNS: Final = (
    "path", "outcome", "id", "hash", "source", "size", "name", "tags", "metadata", "mime_type", "status_code",
    "reason", "passing", "note", "differs", "why",
)  # fmt: skip


class Report(Protocol):
    """Something that hears of each file; a context manager."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def add(self, done: FileDone) -> None:
        """One file."""


class _File:
    """A file that is written line by line; what is there is replaced."""

    def __init__(self, path: str) -> None:
        try:
            # Paths that are no UTF-8 are written as the bytes that they are.
            self._file: IO[str] = open(  # noqa: SIM115 - closed by __exit__
                path, "w", encoding="utf-8", errors="surrogateescape", newline=""
            )
        except OSError as error:
            raise InputError(f"{path!r} cannot be written: {error.strerror}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


class MissingList(_File):
    """The paths of missing files, each with an end of its own: for an uploader."""

    def __init__(self, path: str, end: str) -> None:
        super().__init__(path)
        self._end = end

    def add(self, done: FileDone) -> None:
        """One file."""
        if done.outcome is Outcome.MISSING:
            self._file.write(done.path + self._end)
            self._file.flush()


class _Rows(_File):
    def __init__(self, path: str, write: Callable[[IO[str]], Callable[[Mapping[str, Any]], object]]) -> None:
        super().__init__(path)
        self._write = write(self._file)

    def add(self, done: FileDone) -> None:
        """One file."""
        row = asdict(done)
        self._write({name: row[name] for name in COLUMNS})
        self._file.flush()


def report(path: str) -> Report:
    """A report with a row for each file: CSV where the path ends in .csv, otherwise JSON lines."""
    return _Rows(path, _csv if path.lower().endswith(".csv") else _json_lines)


def _json_lines(file: IO[str]) -> Callable[[Mapping[str, Any]], object]:
    return lambda row: file.write(json.dumps(row) + "\n")


def _csv(file: IO[str]) -> Callable[[Mapping[str, Any]], object]:
    writer = csv.DictWriter(file, COLUMNS)
    writer.writeheader()
    return lambda row: writer.writerow({name: _cell(value) for name, value in row.items()})


def _cell(value: Any) -> Any:
    """Lists and objects as JSON, so that they can be read again."""
    return json.dumps(value) if isinstance(value, (dict, list, tuple)) else value
