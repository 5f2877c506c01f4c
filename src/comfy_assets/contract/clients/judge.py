"""From a record of runs to verdicts: pure, with the findings and levels of the check of servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from comfy_assets.contract.clients.history import ClientHistory
from comfy_assets.contract.clients.plan import PLAIN
from comfy_assets.contract.clients.rules import RULES
from comfy_assets.contract.findings import arranged, gather
from comfy_assets.contract.record import STOPPED, TIMED_OUT
from comfy_assets.contract.rules.model import OBSERVED, Judged, Rule
from comfy_assets.contract.verdicts import (
    INTERMITTENT,
    NOT_APPLICABLE,
    NOT_CHECKED,
    OBSERVED_ONLY,
    PASSED,
    PREREQUISITE,
    VIOLATED,
    Finding,
    Judgement,
    Verdict,
)

if TYPE_CHECKING:
    from comfy_assets.contract.clients.record import ClientRecord

#: Names of scenarios that a sentence lists.
_SHOWN = 4


def judge(record: ClientRecord) -> Judgement:
    """Judge a record by the rules; those that the user asked for, where there are such."""
    chosen = {
        id_: rule
        for id_, rule in RULES.items()
        if not record.only_rules or id_ in record.only_rules or id_ == PLAIN
    }
    history = ClientHistory(record, [run for run in record.runs if run.replay == 0])
    looked = {id_: list(rule.check(history)) for id_, rule in chosen.items()}  # type: ignore[arg-type] # rules of clients look at their history
    findings = [one for id_, rule in chosen.items() for one in gather(rule, looked[id_], lambda _: 0)]
    for finding in findings:
        _weigh(finding, record, chosen[finding.rule])
    verdicts = {id_: _verdict(rule, looked[id_], findings, history) for id_, rule in chosen.items()}
    return Judgement(verdicts, arranged(findings, chosen))


def _weigh(finding: Finding, record: ClientRecord, rule: Rule) -> None:
    finding.evidence = (
        f"in {finding.count} of {finding.looked_at} runs" if finding.looked_at > 1 else "seen once"
    )
    scenario = record.runs[finding.shown[-1]].scenario
    again = [
        any(one.deviation for one in rule.check(ClientHistory(record, [run])))  # type: ignore[arg-type] # as above
        for run in record.runs
        if run.replay and run.scenario == scenario and not finding.proven
    ]
    if again:
        finding.again = again.count(True)
        finding.evidence += f"; again in {finding.again} of {len(again)} further runs"
        if True not in again:
            finding.verdict = INTERMITTENT


def _verdict(rule: Rule, looked: list[Judged], findings: list[Finding], history: ClientHistory) -> Verdict:
    exercised = len(looked)
    own = [finding.verdict for finding in findings if finding.rule == rule.id]
    if own:
        return Verdict(rule, VIOLATED if VIOLATED in own else INTERMITTENT, exercised=exercised)
    lacking = _lacking(rule, history)
    if lacking:
        return Verdict(rule, NOT_CHECKED, *lacking, exercised)
    if rule.level == OBSERVED:
        notes = list(dict.fromkeys(one.note for one in looked if one.note))
        return Verdict(rule, OBSERVED_ONLY, text="; ".join(notes) or "nothing to tell", exercised=exercised)
    if looked:
        return Verdict(rule, PASSED, exercised=exercised)
    if rule.id in _NEEDS_OCCASION:
        return Verdict(rule, NOT_APPLICABLE, "no-case", _NEEDS_OCCASION[rule.id])
    return Verdict(rule, NOT_CHECKED, PREREQUISITE, "no run gave an occasion for it")


#: Rules for which a conforming program need not give an occasion.
_NEEDS_OCCASION = {"says-why": "the program never failed"}


def _lacking(rule: Rule, history: ClientHistory) -> tuple[str, str] | None:
    """Why the runs do not suffice to say that a rule is kept: the reason in a word, and for people."""
    first = next(iter(history.of(PLAIN)), None)
    if first is None:
        run = next((run for run in history.runs if run.rule == PLAIN), None)
        text = (
            f"the program was not seen to ask the service ({history.end(run)})" if run else "nothing was run"
        )
        return PREREQUISITE, text
    if rule.id == PLAIN:
        return None
    if len(history.runs) == 1 and len(history.record.planned) > 1 and not history.record.ended:
        return PREREQUISITE, "the plain run failed"
    done = {run.scenario for run in history.runs if run.asks}
    mine = {name for name, id_ in history.record.planned.items() if rule.id in {id_, "asks"}}
    missed = sorted(mine - done)
    if not missed:
        return (STOPPED, history.record.ended) if history.record.ended else None
    names = ", ".join(missed[:_SHOWN]) + (f" and {len(missed) - _SHOWN} more" if len(missed) > _SHOWN else "")
    if history.record.ended:
        return STOPPED, history.record.ended
    return TIMED_OUT, f"no request was seen within the time limit in {names}; a longer --timeout would help"
