"""The rules, as data: what the contract asks of a server, each with its level, its source and its limits.

An id never changes its meaning and is never used again for another rule.
"""

from __future__ import annotations

from comfy_assets.contract.rules.model import GROUPS, MUST, OBSERVED, SHOULD, Deviation, Judged, Rule
from comfy_assets.contract.rules.table_answers import RULES as _ANSWERS
from comfy_assets.contract.rules.table_requests import RULES as _REQUESTS

#: All rules by id, in the order of reports.
RULES: dict[str, Rule] = {
    rule.id: rule for group in GROUPS for rule in (*_REQUESTS, *_ANSWERS) if rule.group == group
}

__all__ = ["GROUPS", "MUST", "OBSERVED", "RULES", "SHOULD", "Deviation", "Judged", "Rule"]
