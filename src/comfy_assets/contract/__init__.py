"""Does this server keep the contract? Rules, and what applies them to any server by its URL.

from comfy_assets.contract import Content, Options, check

outcome = check(Options("http://127.0.0.1:8765", api_key="...", contents=(Content(("blake3:...",)),)))
print(outcome.exit_status, [finding.rule for finding in outcome.violations])
"""

from __future__ import annotations

from comfy_assets.contract.facts import Content
from comfy_assets.contract.probe import UnreachableError
from comfy_assets.contract.rules import RULES, Rule
from comfy_assets.contract.run import Options, Outcome, check
from comfy_assets.contract.verdicts import Finding, Judgement, Verdict

__all__ = [
    "RULES",
    "Content",
    "Finding",
    "Judgement",
    "Options",
    "Outcome",
    "Rule",
    "UnreachableError",
    "Verdict",
    "check",
]
