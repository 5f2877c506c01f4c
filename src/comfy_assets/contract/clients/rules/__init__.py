"""What the contract, and the command's few promises, ask of a client program: rules as data.

An id never changes its meaning and is never used again for another rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from comfy_assets.contract.clients.rules.table import ALL, GROUPS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from comfy_assets.contract.clients.plan import Scenario
    from comfy_assets.contract.rules.model import Rule

#: All rules by id, in the order of reports.
RULES: dict[str, Rule] = {rule.id: rule for group in GROUPS for rule in ALL if rule.group == group}

#: Rules that look only at scenarios of other rules.
_LOOK_AT = {
    "key-elsewhere": {"fail-redirect"},
    "request-elsewhere": {"fail-redirect"},
    "retry-after": {"recover"},
    "no-repeat-refused": {"fail-documented", "recover"},
    "plain": set[str](),
}
#: Groups whose rules are each about the scenarios that bear their name.
_OWN = {"survive", "fail", "drift"}


def needed(scenarios: Sequence[Scenario], rules: Sequence[str]) -> list[Scenario]:
    """The scenarios that some rules look at; all of them where no rule is named."""
    if not rules:
        return [*scenarios]
    wanted: set[str] = set()
    for id_ in rules:
        if id_ in _LOOK_AT:
            wanted |= _LOOK_AT[id_]
        elif RULES[id_].group in _OWN or id_ == "recover":
            wanted.add(id_)
        else:
            return [*scenarios]
    return [one for one in scenarios if one.rule in wanted]


__all__ = ["GROUPS", "RULES", "needed"]
