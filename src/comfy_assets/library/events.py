"""What a run tells, as it happens: the bar, the JSON lines and the reports only consume these."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from attrs import Factory, define, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping


class Outcome(StrEnum):
    """What became of a file."""

    CREATED = "created"
    EXISTING = "existing"
    MISSING = "missing"
    CHANGED = "changed"
    FAILED = "failed"


#: Outcomes after which the file has a reference.
DONE = (Outcome.CREATED, Outcome.EXISTING)


@frozen(kw_only=True)
class FileDone:
    """The end of one file.

    Attributes:
        path: of the file.
        outcome: what became of it.
        name, tags, metadata, mime_type: what was asked for.
        size: bytes; None where the file could not be looked at.
        hash: of what it holds; None where it was not read.
        source: where the hash came from: `"read"`, `"cache"`, `"link"` (another link to the same file was
            read) or `"list"`.
        why: why it was read, where a cache was asked first: `"new"`, or what differed.
        id: of the reference.
        asked: whether the service was asked in this run; otherwise the journal knew.
        status_code: of the answer.
        reason: why there is no reference.
        passing: whether trying again may help.
        note: what else there is to say, such as that the file looks cut off.
        differs: what an existing reference has otherwise than asked: `"tags"`, `"user_metadata"`, ...
    """

    path: str
    outcome: Outcome
    name: str | None = None
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Any] | None = None
    mime_type: str | None = None
    size: int | None = None
    hash: str | None = None
    source: str | None = None
    why: str | None = None
    id: str | None = None
    asked: bool = False
    status_code: int | None = None
    reason: str | None = None
    passing: bool = False
    note: str | None = None
    differs: tuple[str, ...] = ()


@frozen
class Note:
    """Something that the user should know, about a path or about the run (`path` None)."""

    path: str | None
    message: str


@frozen
class Waiting:
    """The service asked for patience: no request is sent for so many seconds."""

    seconds: float
    status_code: int


@frozen
class Progress:
    """How far the run is. `counting`: the totals still grow."""

    files: int
    bytes: int
    counting: bool
    files_done: int
    bytes_done: int


@define
class Summary:
    """The run's end: files by outcome, bytes that were read, seconds, requests that were sent.

    `stopped` is the error that ended the run before its end.
    """

    outcomes: Counter[Outcome] = Factory(Counter)
    bytes: int = 0
    bytes_read: int = 0
    seconds: float = 0.0
    requests: int = 0
    stopped: Exception | None = None

    def add(self, done: FileDone) -> None:
        """Count a file."""
        self.outcomes[done.outcome] += 1
        self.bytes += done.size or 0

    @property
    def undone(self) -> int:
        """How many files have no reference."""
        return sum(count for outcome, count in self.outcomes.items() if outcome not in DONE)


Event = FileDone | Note | Waiting | Progress | Summary
