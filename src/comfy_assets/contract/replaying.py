"""Sends the recorded requests of one finding again, byte for byte, and says what comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve, frozen

from comfy_assets.contract import run
from comfy_assets.contract.budget import Budget
from comfy_assets.contract.confirm import scenario
from comfy_assets.contract.history import History
from comfy_assets.contract.probe import Probe
from comfy_assets.contract.record import Record
from comfy_assets.contract.rules import RULES
from comfy_assets.contract.rules.statuses import got

if TYPE_CHECKING:
    from comfy_assets.contract.run import Options, Outcome


@frozen
class Replayed:
    """Whether the finding was seen again, and what was answered, a line each."""

    seen_again: bool
    lines: tuple[str, ...]


def replay(outcome: Outcome, fingerprint: str, options: Options) -> Replayed:
    """Replay a finding of a record; `LookupError` where it holds no such finding."""
    finding = next((one for one in outcome.judgement.all_findings() if one.fingerprint == fingerprint), None)
    if finding is None:
        raise LookupError(fingerprint)
    facts, keys, target = run.prepare(options)
    old = outcome.record
    facts.contents, facts.run_id = old.facts.contents, old.facts.run_id
    cases = scenario(old, finding.shown)
    record = Record(facts, cases=list(cases), max_references=options.max_references)
    probe = Probe(target, keys, record, Budget(options.max_references), options.timeout, options.deadline)
    try:
        probe.replay(cases, 0)
    finally:
        probe.close()
    history = History(evolve(record, only_rules=()))
    again = any(one.deviation for one in RULES[finding.rule].check(history))
    lines = [f"{one.exchange.case}: {got(one)}" for one in history.seen]
    lines.append(f"{finding.rule}: {'seen again' if again else 'not seen this time'}")
    return Replayed(again, tuple(lines))
