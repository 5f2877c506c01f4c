"""Files that a run writes: one row for each file, or the paths of what is missing."""

from __future__ import annotations

import contextlib
import csv
import json
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any, Final, Protocol, Self

from attrs import asdict, frozen

from comfy_assets.errors import ComfyAssetsError, InputError
from comfy_assets.library.events import FileDone, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The columns of a report, in their order.
COLUMNS: Final = (
    "path", "outcome", "id", "hash", "source", "size", "name", "tags", "metadata", "mime_type", "status_code",
    "reason", "passing", "note", "differs", "why",
)  # fmt: skip


_Say = Callable[[str], None]


class ReportError(ComfyAssetsError):
    """A report cannot be written any more, so the run ends; the journal has what was done."""


@frozen
class _Writable:
    write: _Say


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
        with contextlib.suppress(OSError):
            self._file.close()

    def _say(self, text: str) -> None:
        try:
            self._file.write(text)
            self._file.flush()
        except OSError as error:
            # The journal has what was done: nothing is lost with the report.
            raise ReportError(f"{self._file.name!r} cannot be written: {error.strerror}") from None


class MissingList(_File):
    """The paths of missing files, each with an end of its own: for an uploader."""

    def __init__(self, path: str, end: str) -> None:
        super().__init__(path)
        self._end = end

    def add(self, done: FileDone) -> None:
        """One file."""
        if done.outcome is Outcome.MISSING:
            self._say(done.path + self._end)


class _Rows(_File):
    def __init__(self, path: str, write: Callable[[_Say], Callable[[Mapping[str, Any]], object]]) -> None:
        super().__init__(path)
        self._row = write(self._say)

    def add(self, done: FileDone) -> None:
        """One file."""
        row = asdict(done)
        self._row({name: row[name] for name in COLUMNS})


def report(path: str) -> Report:
    """A report with a row for each file: CSV where the path ends in .csv, otherwise JSON lines."""
    return _Rows(path, _csv if path.lower().endswith(".csv") else _json_lines)


def _json_lines(say: _Say) -> Callable[[Mapping[str, Any]], object]:
    return lambda row: say(json.dumps(row) + "\n")


def _csv(say: _Say) -> Callable[[Mapping[str, Any]], object]:
    writer: csv.DictWriter[str] = csv.DictWriter(_Writable(say), COLUMNS)
    writer.writeheader()
    return lambda row: writer.writerow({name: _cell(value) for name, value in row.items()})


def _cell(value: Any) -> Any:
    """Lists and objects as JSON, so that they can be read again."""
    return json.dumps(value) if isinstance(value, (dict, list, tuple)) else value
