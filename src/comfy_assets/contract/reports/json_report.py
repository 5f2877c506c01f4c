"""The JSON report: the record, with the verdicts that were reached from it.

`{"schema": ..., "summary": ..., "verdicts": [...], "findings": [...], "record": ...}`; `schema.REPORT` and
`schema.CLIENT_REPORT` are its JSON Schemas. The verdicts are for readers; `--rejudge` looks at the record alone.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from comfy_assets._version import __version__
from comfy_assets.contract import words

if TYPE_CHECKING:
    from pathlib import Path

    from comfy_assets.contract.reported import Reported
    from comfy_assets.contract.verdicts import Finding, Verdict


def document(outcome: Reported) -> str:
    """The whole report as text."""
    value = {
        "schema": outcome.schema,
        "tool": f"comfy-assets {__version__}",
        "summary": summary(outcome),
        "verdicts": [verdict(one) for one in outcome.judgement.verdicts.values()],
        "findings": [finding(outcome, one) for one in outcome.judgement.findings],
        "record": outcome.record.to_json(),
    }
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def summary(outcome: Reported) -> dict[str, Any]:
    """The end of a check in a few members."""
    return {
        "exit_status": outcome.exit_status,
        "summary": words.summary(outcome),
        "hint": words.completing(outcome),
        "verdicts": dict(Counter(one.verdict for one in outcome.judgement.verdicts.values())),
        "findings": len(outcome.judgement.findings),
        "not_checked": outcome.not_checked,
        "stale": outcome.stale,
        "partial": bool(outcome.record.only_rules),
        **outcome.numbers,
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


def finding(outcome: Reported, one: Finding) -> dict[str, Any]:
    """A finding with everything that a reader needs; its `exchanges` are numbers in the record."""
    return {
        "finding": one.fingerprint,
        "rule": one.rule,
        "level": one.level,
        "verdict": one.verdict,
        "cause": one.cause,
        outcome.case_word: outcome.case_of(one),
        "expected": one.expected,
        "got": one.got,
        "evidence": one.evidence,
        "reason": one.reason,
        "exchanges": one.exchanges,
        "shown_by": outcome.shown_by(one),
        "reproduce": outcome.reproduction(one),
        "under": [finding(outcome, other) for other in one.under],
    }


def recorded(path: Path, schema: str, command: str) -> Any:
    """The record in a report; ValueError for a file that holds none of this command, OSError as it comes."""
    value = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(value, dict) or value.get("schema") != schema:
        raise ValueError(f"not a report of `{command} --report-json`")
    return value.get("record")
