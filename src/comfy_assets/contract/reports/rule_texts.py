"""The rules themselves, for `--list-rules` and `--explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from comfy_assets.contract.rules import GROUPS, RULES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from comfy_assets.contract.rules import Rule


def table(rules: Mapping[str, Rule] = RULES, groups: Mapping[str, str] = GROUPS) -> Table:
    """All rules, by group."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(no_wrap=True)
    table.add_column()
    for group, title in groups.items():
        table.add_row(Text(title, style="cyan"), "", "")
        for rule in rules.values():
            if rule.group == group:
                table.add_row(f"  {rule.id}", rule.level, rule.title)
    return table


def explained(rule: Rule, groups: Mapping[str, str] = GROUPS) -> Table:
    """One rule: what it asks for, where that stands, why, and what it cannot see."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for name, text in as_json(rule, groups).items():
        if text:
            table.add_row(name.replace("_", " "), ", ".join(text) if isinstance(text, list) else text)
    return table


def as_json(rule: Rule, groups: Mapping[str, str] = GROUPS) -> dict[str, Any]:
    """A rule's texts."""
    return {
        "id": rule.id,
        "group": groups[rule.group],
        "level": rule.level,
        "title": rule.title,
        "source": rule.source,
        "why": rule.why,
        "cannot_see": rule.blind,
        "needs": list(rule.needs),
    }
