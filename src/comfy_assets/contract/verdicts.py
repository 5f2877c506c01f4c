"""What a check can say: the verdicts, what a finding is, and which findings make a run fail."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from comfy_assets.contract.rules.model import SHOULD

if TYPE_CHECKING:
    from collections.abc import Iterable

    from comfy_assets.contract.rules.model import Rule

# Verdicts.
PASSED, VIOLATED, INTERMITTENT, OBSERVED_ONLY = "passed", "violated", "intermittent", "observed"
NOT_APPLICABLE, NOT_CHECKED, ACCEPTED, CHECKER_ERROR = (
    "not applicable",
    "not checked",
    "accepted",
    "checker error",
)

# Why a rule was not checked.
NO_CONTENT, PREREQUISITE = "no-content", "prerequisite-failed"
#: So begins the text of a rule whose requests all have a finding already.
BROKEN = "its requests broke another rule"


@define
class Finding:
    """One cause of deviations: of one rule, with the exchanges that show it."""

    rule: str
    cause: str
    level: str
    expected: str
    got: str
    exchanges: list[int]
    #: The first exchanges that show it.
    shown: tuple[int, ...] = ()
    #: How often it was seen, and how many answers the rule looked at in all.
    count: int = 1
    looked_at: int = 0
    #: In how many replays it was seen again.
    again: int = 0
    proven: bool = False
    verdict: str = VIOLATED
    #: How strong the evidence is, in words.
    evidence: str = ""
    #: Findings of other rules that have the same cause.
    under: list[Finding] = field(factory=list)
    reason: str = ""
    #: The member of the answer that it is about.
    member: str | None = None

    @property
    def fingerprint(self) -> str:
        """The same in every run that finds the same, on any server; for `--baseline` and `--replay`."""
        return f"{self.rule}-{hashlib.sha256(self.cause.encode()).hexdigest()[:8]}"


@frozen
class Verdict:
    """What became of a rule; `reason` is a short word, `text` says it to people."""

    rule: Rule
    verdict: str
    reason: str = ""
    text: str = ""
    exercised: int = 0


@define
class Judgement:
    """All verdicts and findings of a record."""

    verdicts: dict[str, Verdict]
    findings: list[Finding]

    def all_findings(self) -> Iterable[Finding]:
        """Findings, and those that are listed under others."""
        for finding in self.findings:
            yield finding
            yield from finding.under


def counts(finding: Finding, *, strict: bool) -> bool:
    """Whether a finding makes the run fail."""
    return finding.verdict in {VIOLATED, INTERMITTENT} and (strict or finding.level != SHOULD)
