"""The JSON report of a client: the record, with the verdicts that were reached from it.

`{"schema": "comfy-assets-check-client/1", "summary": ..., "verdicts": [...], "findings": [...], "record": ...}`,
in the form of the check of servers; `record` holds runs where that one holds exchanges.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from comfy_assets import specification
from comfy_assets._version import __version__
from comfy_assets.contract import words
from comfy_assets.contract.clients.record import ClientRecord
from comfy_assets.contract.clients.run import ClientOptions, ClientOutcome, conclude, facts_of
from comfy_assets.contract.reports.json_report import verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from comfy_assets.contract.baseline import Baseline
    from comfy_assets.contract.judge import Finding

SCHEMA = "comfy-assets-check-client/1"


def document(outcome: ClientOutcome) -> str:
    """The whole report as text."""
    value = {
        "schema": SCHEMA,
        "tool": f"comfy-assets {__version__}",
        "summary": summary(outcome),
        "verdicts": [verdict(one) for one in outcome.judgement.verdicts.values()],
        "findings": [finding(outcome, one) for one in outcome.judgement.findings],
        "record": outcome.record.to_json(),
    }
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def summary(outcome: ClientOutcome) -> dict[str, Any]:
    """The end of a check in a few members."""
    counted: dict[str, int] = {}
    for one in outcome.judgement.verdicts.values():
        counted[one.verdict] = counted.get(one.verdict, 0) + 1
    record = outcome.record
    return {
        "exit_status": outcome.exit_status,
        "summary": words.summary(outcome),
        "hint": words.completing(outcome),
        "verdicts": counted,
        "findings": len(outcome.judgement.findings),
        "not_checked": outcome.not_checked,
        "stale": outcome.stale,
        "partial": bool(record.only_rules),
        "command": list(record.command),
        "seed": record.seed,
        "runs": len(record.runs),
        "requests": sum(len(run.arrivals) for run in record.runs),
        "seconds": round(outcome.seconds, 3),
    }


def finding(outcome: ClientOutcome, one: Finding) -> dict[str, Any]:
    """A finding with everything that a reader needs; `exchanges` and `shown_by` are numbers of runs."""
    return {
        "finding": one.fingerprint,
        "rule": one.rule,
        "level": one.level,
        "verdict": one.verdict,
        "cause": one.cause,
        "scenario": outcome.case_of(one),
        "expected": one.expected,
        "got": one.got,
        "evidence": one.evidence,
        "reason": one.reason,
        "exchanges": one.exchanges,
        "shown_by": outcome.shown_by(one).index,
        "reproduce": outcome.reproduction(one),
        "under": [finding(outcome, other) for other in one.under],
    }


def read(path: Path, *, strict: bool, allow: Sequence[str], known: Baseline) -> ClientOutcome:
    """A recorded check, judged again; ValueError for a file that holds none, OSError as it comes."""
    value = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(value, dict) or value.get("schema") != SCHEMA:
        raise ValueError("not a report of `check-client --report-json`")
    record = ClientRecord.from_json(value.get("record"), facts_of(specification.load()))
    options = ClientOptions(
        record.command, record.timeout, strict=strict, seed=record.seed, rules=record.only_rules,
        allow_not_checked=tuple(allow), baseline=known,
    )  # fmt: skip
    return conclude(record, options)
