"""What reports need to know of a check, whether of a server or of a client program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from comfy_assets.contract.judge import Finding, Judgement
    from comfy_assets.contract.rules import Rule


class Choices(Protocol):
    """What the user asked for."""

    @property
    def strict(self) -> bool:
        """Whether violations of level `should` count."""
        ...


class Recorded(Protocol):
    """The record behind a report."""

    @property
    def only_rules(self) -> Sequence[str]:
        """Rules that were asked for; empty: all."""
        ...


class Reported(Protocol):
    """A check that ended."""

    judgement: Judgement
    seconds: float
    stale: list[str]
    errors: list[str]
    #: What a finding's case is called, and what rules count.
    case_word: str
    looked_at: str

    @property
    def options(self) -> Choices:
        """What the user asked for."""
        ...

    @property
    def record(self) -> Recorded:
        """What was recorded."""
        ...

    @property
    def subject(self) -> str:
        """Who was checked."""
        ...

    @property
    def contract_version(self) -> str:
        """The version of the contract."""
        ...

    @property
    def rules(self) -> Mapping[str, Rule]:
        """All rules there are."""
        ...

    @property
    def groups(self) -> Mapping[str, str]:
        """Their groups, in the order of reports."""
        ...

    @property
    def not_checked(self) -> list[str]:
        """Rules that were to be checked and could not be."""
        ...

    @property
    def exit_status(self) -> int:
        """The end in a number."""
        ...

    @property
    def facts_line(self) -> list[str]:
        """The check in numbers."""
        ...

    @property
    def left_behind(self) -> tuple[str, Mapping[str, str]] | None:
        """What it left, in words, and each by its id."""
        ...

    def case_of(self, finding: Finding) -> str:
        """The case that shows a finding."""
        ...

    def reproduction(self, finding: Finding, record: str | None) -> str:
        """The command that shows it again."""
        ...

    def bytes_of(self, finding: Finding) -> list[bytes]:
        """The bytes that show it."""
        ...
