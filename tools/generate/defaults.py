"""Whether a default keeps to its own schema: one that does not would make every object of it invalid."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any, cast
from uuid import UUID

_BOUNDS: tuple[tuple[str, Callable[[Any, Any], bool]], ...] = (
    ("minimum", lambda value, bound: value >= bound),
    ("maximum", lambda value, bound: value <= bound),
    ("exclusive_minimum", lambda value, bound: value > bound),
    ("exclusive_maximum", lambda value, bound: value < bound),
    ("multiple_of", lambda value, of: (Fraction(repr(value)) / Fraction(repr(of))).denominator == 1),
    ("min_length", lambda value, bound: len(value) >= bound),
    ("max_length", lambda value, bound: len(value) <= bound),
    ("min_items", lambda value, bound: len(value) >= bound),
    ("max_items", lambda value, bound: len(value) <= bound),
    ("regex", lambda value, regex: re.search(regex, value) is not None),
)
_READ: dict[str, Callable[[str], Any]] = {
    "uuid": UUID,
    "date": datetime.date.fromisoformat,
    "date_time": datetime.datetime.fromisoformat,
}
_TYPES: dict[str, type | tuple[type, ...]] = {
    "text": str,
    "uuid": str,
    "date": str,
    "date_time": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
    "array": list,
    "free_form": dict,
}


def fits(  # noqa: PLR0911 - a list of reasons not to
    tree: dict[str, Any], value: Any, classes: dict[str, dict[str, Any]]
) -> bool:
    """Whether a tree takes a value; never for an object with members, whose default cannot be generated."""
    kind = tree["kind"]
    if kind == "one_of":
        return any(fits(variant, value, classes) for variant in tree["variants"])
    if kind in ("choice", "constants"):
        values = (
            tree["constants"]
            if kind == "constants"
            else [one["value"] for one in classes[tree["class"]]["members"]]
        )
        return any(value == one and type(value) is type(one) for one in values)
    if kind == "anything":
        return True
    if (
        kind not in _TYPES
        or not isinstance(value, _TYPES[kind])
        or (isinstance(value, bool) and kind != "boolean")
    ):
        return False
    if kind == "array" and not all(fits(tree["each"], item, classes) for item in cast("list[Any]", value)):
        return False
    try:
        cast("Callable[[Any], object]", _READ.get(kind, bool))(value)
    except ValueError:
        return False
    return all(holds(value, tree[limit]) for limit, holds in _BOUNDS if limit in tree)
