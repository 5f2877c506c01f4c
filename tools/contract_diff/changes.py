"""A change, and how much it weighs."""

from __future__ import annotations

from attrs import frozen

#: What a change demands of the version, from nothing to everything.
LEVELS = ("none", "patch", "minor", "major")


def heaviest(levels: list[str]) -> str:
    """The level that decides; `none` where there is no change."""
    return max(levels, key=LEVELS.index, default="none")


@frozen
class Change:
    """One change of the contract.

    `level` is what it demands of the version, `breaks_servers` whether a server that kept the contract
    may break it now. `rule` names the kind of change.
    """

    level: str
    place: str
    rule: str
    message: str
    breaks_servers: bool = False


class NotJudgedError(Exception):
    """The change cannot be judged; the text is one sentence."""
