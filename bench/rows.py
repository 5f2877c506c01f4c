"""What a measurement gives: one line of the table."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence


@frozen(kw_only=True)
class Row:
    """A ratio within one run, and the goal that it is held against.

    `ours` and `theirs` are of the same unit and carry over to no other machine; `ratio` does.
    """

    what: str
    against: str
    ours: float
    theirs: float
    unit: str
    ratio: float
    goal: float
    #: Whether the goal is the least that the ratio should be; else it is the most.
    at_least: bool
    note: str = ""

    @property
    def is_reached(self) -> bool:
        """Whether the ratio is on the right side of its goal."""
        return self.ratio >= self.goal if self.at_least else self.ratio <= self.goal


def faster(
    what: str, against: str, ours: float, theirs: float, unit: str, goal: float, note: str = ""
) -> Row:
    """A row where more is better: `ours` of at least `goal` times `theirs`."""
    return Row(
        what=what, against=against, ours=ours, theirs=theirs, unit=unit, ratio=ours / theirs, goal=goal,
        at_least=True, note=note,
    )  # fmt: skip


def shorter(
    what: str, against: str, ours: float, theirs: float, unit: str, goal: float, note: str = ""
) -> Row:
    """A row where less is better: `ours` of at most `goal` times `theirs`."""
    return Row(
        what=what, against=against, ours=ours, theirs=theirs, unit=unit, ratio=ours / theirs, goal=goal,
        at_least=False, note=note,
    )  # fmt: skip


def median(values: Sequence[float]) -> float:
    """Of the rounds of one measurement."""
    return statistics.median(values)
