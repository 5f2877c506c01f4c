"""Sends the scenarios of findings again, so that chance is told from cause.

A replay is the whole scenario, with its controls, under names that no request has used yet. What one
history proves (two ids in a race, a key in an answer) is not sent again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from comfy_assets.contract.findings import shows
from comfy_assets.contract.judge import judge
from comfy_assets.contract.plan import under_fresh_names

if TYPE_CHECKING:
    from collections.abc import Iterable

    from comfy_assets.contract.probe import Probe
    from comfy_assets.contract.record import Case, Record
    from comfy_assets.contract.verdicts import Finding

#: Replays of a finding: the first, and further ones where the first did not show it.
FURTHER = 2
#: Rules that chance breaks: one replay that agrees could be chance too.
CHANCE = {"never-5xx": 1, "never-silent": 1}
#: Findings that are replayed; a server with more is broken beyond doubt.
MOST = 60


def confirm(probe: Probe, record: Record) -> None:
    """Replay what the record shows so far; the numbers of the replays go into the record."""
    number = max((one.replay for one in record.exchanges), default=0)
    for finding in _replayable(judge(record).all_findings()):
        cases = scenario(record, finding.shown)
        key = finding.fingerprint
        for count in range(1 + FURTHER):
            number += 1
            fresh = [under_fresh_names(case, record.facts.mark, number) for case in cases]
            if probe.replay(fresh, number) is None:
                break  # the budget or the time ended: what was seen stands
            record.replays.setdefault(key, []).append(number)
            if count >= CHANCE.get(finding.rule, 0) and shows(record, number, finding):
                break


def _replayable(findings: Iterable[Finding]) -> list[Finding]:
    return [finding for finding in findings if not finding.proven and finding.level != "observed"][:MOST]


def scenario(record: Record, exchanges: Iterable[int]) -> list[Case]:
    """The cases that lead to these exchanges, in order: controls, and what came before in a scenario."""
    cases = {case.id: case for case in record.cases}
    order = {case.id: position for position, case in enumerate(record.cases)}
    wanted: set[str] = set()
    waiting = [record.exchanges[index].case for index in exchanges]
    while waiting:
        id_ = waiting.pop()
        if id_ in wanted or id_ not in cases:
            continue
        wanted.add(id_)
        case = cases[id_]
        if case.control:
            waiting.append(case.control)
        if case.scenario:
            waiting += [other.id for other in record.cases[: order[id_]] if other.scenario == case.scenario]
    return [cases[id_] for id_ in sorted(wanted, key=order.__getitem__)]
