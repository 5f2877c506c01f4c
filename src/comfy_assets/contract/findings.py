"""From what rules saw to findings: one for each cause, with the strength of its evidence.

What follows from a cause is listed under it, and what chance could explain is intermittent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from comfy_assets.contract.history import History
from comfy_assets.contract.rules import RULES, Deviation, Judged, Rule
from comfy_assets.contract.rules.statuses import statuses
from comfy_assets.contract.verdicts import INTERMITTENT, VIOLATED, Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from comfy_assets.contract.record import Record


def gather(rule: Rule, looked: list[Judged], size: Callable[[Judged | Finding], Any]) -> list[Finding]:
    """What a rule saw, as findings: one for each cause."""
    found: dict[str, Finding] = {}
    for one in looked:
        deviation = one.deviation
        if deviation is None:
            continue
        finding = found.get(deviation.cause)
        if finding is None:
            found[deviation.cause] = _finding(
                rule, deviation, one, len({other.exchanges for other in looked})
            )
        else:
            finding.exchanges += [index for index in one.exchanges if index not in finding.exchanges]
            finding.count += 1
            if size(one) < size(finding):  # the smallest request says most clearly what is wrong
                finding.shown, finding.expected, finding.got = (
                    one.exchanges,
                    deviation.expected,
                    deviation.got,
                )
    return list(found.values())


def _finding(rule: Rule, deviation: Deviation, one: Judged, looked_at: int) -> Finding:
    return Finding(
        rule=rule.id,
        cause=deviation.cause,
        level=rule.level,
        expected=deviation.expected,
        got=deviation.got,
        exchanges=list(one.exchanges),
        shown=one.exchanges,
        looked_at=looked_at,
        proven=deviation.proven,
        member=deviation.member,
    )


def arranged(findings: list[Finding], rules: Mapping[str, Rule]) -> list[Finding]:
    """Findings that follow from others, under those."""
    by_rule: dict[str, list[Finding]] = {}
    for finding in findings:
        by_rule.setdefault(finding.rule, []).append(finding)
    on_top = []
    for finding in findings:
        cause = next(
            (
                one
                for id_ in rules[finding.rule].follows
                for one in by_rule.get(id_, ())
                if _explains(one, finding)
            ),
            None,
        )
        if cause is None:
            on_top.append(finding)
        else:
            cause.under.append(finding)
    return on_top


def _explains(one: Finding, other: Finding) -> bool:
    """Findings about two members have nothing to do with each other."""
    return one.member is None or other.member is None or one.member == other.member


# --- Evidence -------------------------------------------------------------------------------------

#: So many server errors, on any requests, are enough.
_ENOUGH = 2


def weigh(findings: list[Finding], record: Record, rules: Mapping[str, Rule]) -> None:
    """Say how strong each finding is, by its replays; what chance could explain is intermittent."""
    for finding in findings:
        blamed = finding.count
        finding.evidence = (
            f"in {blamed} of {finding.looked_at} answers" if finding.looked_at > 1 else "seen once"
        )
        if finding.proven:
            finding.evidence += "; proven by what was recorded"
            continue
        numbers = record.replays.get(finding.fingerprint, [])
        if not numbers:
            continue
        looked = [shows(record, number, finding, rules) for number in numbers]
        again, counted = looked.count(True), len(looked) - looked.count(None)
        if not counted:
            # Such as what came of a first request: on some servers, no further one is the first.
            finding.evidence += "; no replay can bring it about again"
            continue
        finding.again = again
        finding.evidence += f"; again in {again} of {counted} replays"
        if again < counted:
            finding.verdict = INTERMITTENT
    _merge_chance(findings)


def replayed(record: Record, number: int) -> Record:
    """The record of one replay alone, as if nothing else had been sent."""
    chosen = [evolve(one, replay=0) for one in record.exchanges if one.replay == number]
    return evolve(record, exchanges=chosen, left_out={}, replays={}, only_rules=())


def shows(record: Record, number: int, finding: Finding, rules: Mapping[str, Rule] = RULES) -> bool | None:
    """Whether a replay shows a finding again: a deviation of the same kind on the same request.

    None where the rule had nothing to look at in it.
    """
    history = History(replayed(record, number))
    case = record.exchanges[finding.shown[-1]].case
    where = {one.index for one in history.seen if one.exchange.case == case}
    # By a status alone, another rule may be blamed where less is known to be accepted.
    alike = statuses(history) if finding.rule in statuses(History(record)) else {}
    looked = [*rules[finding.rule].check(history), *(one for several in alike.values() for one in several)]
    again = [one.deviation is not None for one in looked if where & set(one.exchanges)]
    return any(again) if again else None


def _merge_chance(findings: list[Finding]) -> None:
    """Server errors that come and go have one cause, whatever they were answers to."""
    chance = [
        one for one in findings if one.verdict == INTERMITTENT and one.rule in {"never-5xx", "never-silent"}
    ]
    for rule in {one.rule for one in chance}:
        first, *others = (one for one in chance if one.rule == rule)
        for other in others:
            first.exchanges += other.exchanges
            first.count += other.count
            findings.remove(other)
        first.cause = "now and then"
        if first.count >= _ENOUGH:
            first.verdict = VIOLATED
            first.evidence = f"{first.count} in {first.looked_at} answers, on no particular request"
