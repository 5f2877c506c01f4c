"""The JSON report: the record, with the verdicts that were reached from it.

`{"schema": "comfy-assets-check/1", "summary": ..., "verdicts": [...], "findings": [...], "record": ...}`.
`schema.REPORT` is its JSON Schema. The verdicts are for readers; `--rejudge` looks at the record alone.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from comfy_assets import specification
from comfy_assets._version import __version__
from comfy_assets.contract import words
from comfy_assets.contract.record import Record
from comfy_assets.contract.run import Options, conclude

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from comfy_assets.contract.baseline import Baseline
    from comfy_assets.contract.judge import Finding, Verdict
    from comfy_assets.contract.run import Outcome

SCHEMA = "comfy-assets-check/1"


def document(outcome: Outcome) -> str:
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


def summary(outcome: Outcome) -> dict[str, Any]:
    """The end of a run in a few members."""
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
        "server": record.facts.url,
        "seed": record.facts.seed,
        "run_id": record.facts.run_id,
        "requests": len(record.exchanges),
        "references_made": list(record.made),
        "references_unknown": record.made_unknown,
        "references_needed": record.references_needed,
        "seconds": round(outcome.seconds, 3),
    }


def verdict(one: Verdict) -> dict[str, Any]:
    """What became of a rule."""
    return {
        "rule": one.rule.id,
        "level": one.rule.level,
        "group": one.rule.group,
        "title": one.rule.title,
        "verdict": one.verdict,
        "reason": one.reason,
        "text": one.text,
        "exercised": one.exercised,
    }


def finding(outcome: Outcome, one: Finding) -> dict[str, Any]:
    """A finding with everything that a reader needs."""
    return {
        "finding": one.fingerprint,
        "rule": one.rule,
        "level": one.level,
        "verdict": one.verdict,
        "cause": one.cause,
        "expected": one.expected,
        "got": one.got,
        "evidence": one.evidence,
        "reason": one.reason,
        "exchanges": one.exchanges,
        "shown_by": words.exchange_of(outcome, one).index,
        "reproduce": words.reproduction(outcome, one),
        "under": [finding(outcome, other) for other in one.under],
    }


def read(path: Path, *, strict: bool, allow: Sequence[str], known: Baseline) -> Outcome:
    """A recorded run, judged again; ValueError for a file that holds none, OSError as it comes."""
    value = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(value, dict) or "record" not in value:
        raise ValueError("not a report of `check --report-json`")
    record = Record.from_json(value["record"], specification.load())
    options = Options(
        record.facts.url, strict=strict, allow_not_checked=tuple(allow), baseline=known,
        complete=record.facts.complete, rules=record.only_rules, run_id=record.facts.run_id, seed=record.facts.seed,
        max_references=record.max_references,
    )  # fmt: skip
    return conclude(record, options)
