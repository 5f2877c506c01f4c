"""Whether every text that one pattern lets pass is one that another lets pass."""

from __future__ import annotations

import re
from typing import Any

import interegular
from interegular import InvalidSyntax, Unsupported

#: Comparing two automata of about this many letters takes a second; beyond, the answer is "not known".
LONGEST_PATTERN = 500


def is_within(narrow: str, wide: str) -> bool | None:
    """Whether `wide` lets everything pass that `narrow` does; None where that cannot be said.

    Patterns are searched, as JSON Schema has it; they are read as regular languages, so what is not one
    (look-around, back references) gives None.
    """
    if max(len(narrow), len(wide)) > LONGEST_PATTERN:
        return None
    try:
        automata: list[Any] = [interegular.parse_pattern(_whole(one)).to_fsm() for one in (narrow, wide)]
    except (InvalidSyntax, Unsupported, NotImplementedError, re.error, RecursionError):
        return None
    return bool(automata[0].issubset(automata[1]))


def _whole(pattern: str) -> str:
    """The pattern as one that matches from the first letter to the last."""
    start = "" if pattern.startswith("^") else "(?s:.*)"
    is_closed = pattern.endswith("$") and not pattern.endswith("\\$")
    end = "" if is_closed else "(?s:.*)"
    inner = pattern.removeprefix("^")
    inner = inner.removesuffix("$") if is_closed else inner
    if "|" in inner and not re.fullmatch(r"[^|]*\([^()]*\)[^|]*", inner):
        # `^a|b$` anchors one alternative each: no automaton for that.
        raise Unsupported(pattern)
    return f"{start}({inner}){end}"
