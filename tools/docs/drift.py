"""The page about what drifts in the field: the scenarios' own words."""

from __future__ import annotations

from comfy_assets.scenarios.drift import CONDUCTS, DRIFTS
from tools.docs.rules import escaped

HEAD = """# What drifts in the field

How real servers deviate from their documentation, and still go on. Each line is a scenario of that name: the client is
tested on it, `comfy-assets scenario bind NAME` lets the reference server answer so
([how](../how-to/test-a-client.md)), and `comfy-assets check` finds it by the [rules](server-rules.md) that stand
beside it; without one, the contract allows it.
"""


def drift() -> str:
    """The page."""
    tables = (("In successes that can still be read", DRIFTS), ("In what is refused, and how", CONDUCTS))
    return HEAD + "".join(_table(title, kinds) for title, kinds in tables)


def _table(title: str, kinds: object) -> str:
    assert isinstance(kinds, dict)
    rows = [
        f"| `{name}` | {escaped(one.seen)} | {', '.join(map(_linked, one.rules))} |"
        for name, one in kinds.items()
    ]
    return (
        "\n".join([f"\n## {title}\n", "| scenario | what was seen | rules |", "|---|---|---|", *rows]) + "\n"
    )


def _linked(rule: str) -> str:
    return f"[{rule}](server-rules.md#{rule})"
