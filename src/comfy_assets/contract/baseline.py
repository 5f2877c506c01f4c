"""Findings that are known and accepted for now: a JSON file of fingerprints with reasons and ends.

[{"rule": "...", "fingerprint": "...", "reason": "...", "expires": "2027-01-31"}]
"""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

if TYPE_CHECKING:
    from pathlib import Path

    from comfy_assets.contract.verdicts import Finding, Judgement


class BaselineError(ValueError):
    """A baseline that cannot be used; the text is one sentence."""


@frozen
class Entry:
    """One accepted finding; `expires` is the last day on which it is."""

    rule: str
    fingerprint: str
    reason: str
    expires: dt.date | None = None


@frozen
class Baseline:
    """The accepted findings."""

    entries: tuple[Entry, ...] = ()
    today: dt.date = field(factory=lambda: dt.datetime.now(dt.UTC).date())

    def reason(self, finding: Finding) -> str | None:
        """Why a finding is accepted; None where it is not, or no longer."""
        for entry in self.entries:
            if entry.fingerprint == finding.fingerprint and (
                entry.expires is None or entry.expires >= self.today
            ):
                return entry.reason
        return None

    def stale(self, judgement: Judgement) -> list[str]:
        """Fingerprints whose rule ran and does not show them any more."""
        found = {finding.fingerprint for finding in judgement.all_findings()}
        return [
            entry.fingerprint
            for entry in self.entries
            if entry.fingerprint not in found
            and entry.rule in judgement.verdicts
            and judgement.verdicts[entry.rule].verdict in {"passed", "violated", "intermittent", "observed"}
        ]


def read(path: Path, rules: frozenset[str]) -> Baseline:
    """Read a baseline; `BaselineError` for a file that is none, or names a rule that there is not."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BaselineError(f"the baseline {path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise BaselineError(f"the baseline {path} is not JSON: {error}") from None
    if not isinstance(value, list):
        raise BaselineError(f"the baseline {path} is not a list of entries")
    return Baseline(tuple(_entry(one, number, path, rules) for number, one in enumerate(value, 1)))


def _entry(value: Any, number: int, path: Path, rules: frozenset[str]) -> Entry:
    where = f"the baseline {path}, entry {number}"
    if not isinstance(value, dict):
        raise BaselineError(f"{where}: not an object")
    texts = {name: value.get(name) for name in ("rule", "fingerprint", "reason")}
    for name, text in texts.items():
        if not isinstance(text, str) or not text.strip():
            raise BaselineError(f"{where}: the member {name} is missing")
    if texts["rule"] not in rules:
        raise BaselineError(f"{where}: there is no rule {texts['rule']!r}")
    expires = value.get("expires")
    try:
        day = None if expires is None else dt.date.fromisoformat(expires)
    except (ValueError, TypeError):
        raise BaselineError(f"{where}: expires is no date like 2027-01-31") from None
    return Entry(str(texts["rule"]), str(texts["fingerprint"]), str(texts["reason"]), day)


def written(findings: list[Finding], reason: str) -> str:
    """A baseline of these findings, as text."""
    entries = [
        {"rule": one.rule, "fingerprint": one.fingerprint, "reason": reason, "expires": None}
        for one in findings
    ]
    return json.dumps(entries, indent=2, ensure_ascii=False) + "\n"
