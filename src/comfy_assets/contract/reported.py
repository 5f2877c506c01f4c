"""A check that ended, whether of a server or of a client program: what reports know of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from attrs import define, field

from comfy_assets.contract.verdicts import ACCEPTED, INTERMITTENT, NOT_CHECKED, counts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from comfy_assets.contract.baseline import Baseline
    from comfy_assets.contract.facts import Facts
    from comfy_assets.contract.rules import Rule
    from comfy_assets.contract.verdicts import Finding, Judgement

#: Why a check ended that somebody interrupted; its exit status says so too.
INTERRUPTED = "interrupted"
#: So often must be seen what is not seen each time, before it counts.
_OFTEN_ENOUGH = 2


class Choices(Protocol):
    """What the user asked for."""

    @property
    def strict(self) -> bool:
        """Whether violations of level `should` count."""
        ...

    @property
    def allow_not_checked(self) -> Sequence[str]:
        """Rules that may be not checked."""
        ...

    @property
    def baseline(self) -> Baseline:
        """Findings that are accepted."""
        ...


class Recorded(Protocol):
    """The record behind a report."""

    #: Why the check ended early, in words; empty where it did not.
    ended: str

    @property
    def facts(self) -> Facts:
        """What was known before anything was sent."""
        ...

    @property
    def only_rules(self) -> Sequence[str]:
        """Rules that were asked for; empty: all."""
        ...

    def to_json(self) -> dict[str, Any]:
        """The record as JSON."""
        ...


RecordT_co = TypeVar("RecordT_co", bound=Recorded, covariant=True)
ChoicesT_co = TypeVar("ChoicesT_co", bound=Choices, covariant=True)


@define
class Concluded(ABC, Generic[RecordT_co, ChoicesT_co]):
    """How a check ended; the findings in the baseline are accepted."""

    record: RecordT_co
    judgement: Judgement
    options: ChoicesT_co
    seconds: float = 0.0
    #: Baseline entries whose rule passed.
    stale: list[str] = field(factory=list)
    #: Mistakes of the check itself.
    errors: list[str] = field(factory=list)

    #: Names the form of the JSON report.
    schema: ClassVar[str]
    #: What a finding's case is called, and what rules count.
    case_word: ClassVar[str]
    looked_at: ClassVar[str]

    def __attrs_post_init__(self) -> None:
        known = self.options.baseline
        for finding in self.judgement.all_findings():
            reason = known.reason(finding)
            if reason is not None:
                finding.verdict, finding.reason = ACCEPTED, reason
        self.stale = known.stale(self.judgement)

    # --- The end ------------------------------------------------------------------------------------

    @property
    def violations(self) -> list[Finding]:
        """Findings that make the check fail."""
        return [one for one in self.judgement.all_findings() if counts(one, strict=self.options.strict)]

    @property
    def not_checked(self) -> list[str]:
        """Rules that were to be checked and could not be, those aside that may be."""
        verdicts = self.judgement.verdicts.items()
        allowed = self.options.allow_not_checked
        return [id_ for id_, verdict in verdicts if verdict.verdict == NOT_CHECKED and id_ not in allowed]

    @property
    def exit_status(self) -> int:
        """1: violated; 2: not complete; 0: neither; 130: interrupted."""
        if self.record.ended == INTERRUPTED:
            return 130
        by_chance = [
            one
            for one in self.violations
            if one.verdict == INTERMITTENT and one.count + one.again < _OFTEN_ENOUGH
        ]
        if len(by_chance) < len(self.violations):
            return 1
        return 2 if by_chance or self.not_checked or self.errors or self.record.ended else 0

    # --- What differs between servers and clients -----------------------------------------------------

    @property
    @abstractmethod
    def subject(self) -> str:
        """Who was checked."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What tells it from another check of the same."""

    @property
    @abstractmethod
    def rules(self) -> Mapping[str, Rule]:
        """All rules there are."""

    @property
    @abstractmethod
    def groups(self) -> Mapping[str, str]:
        """Their groups, in the order of reports."""

    @property
    @abstractmethod
    def facts_line(self) -> list[str]:
        """The check in numbers."""

    @property
    def left_behind(self) -> tuple[str, Mapping[str, str]] | None:
        """What it left, in words, and each by its id."""
        return None

    @property
    @abstractmethod
    def numbers(self) -> dict[str, Any]:
        """Members of the JSON summary."""

    @abstractmethod
    def case_of(self, finding: Finding) -> str:
        """The case that shows a finding."""

    @abstractmethod
    def shown_by(self, finding: Finding) -> int:
        """Its number in the record."""

    @abstractmethod
    def reproduction(self, finding: Finding, record: str | None = None) -> str:
        """The command that shows it again."""

    @abstractmethod
    def bytes_of(self, finding: Finding) -> list[bytes]:
        """The bytes that show it."""


#: A check as reports see it.
Reported = Concluded[Recorded, Choices]
