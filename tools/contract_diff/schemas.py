"""Two schemas for one place: is the new one looser, tighter, or another?

Loosened means that values pass which did not pass before, tightened the opposite, and what is both is
`changed`. What that means for callers depends on the direction and is decided by `meaning`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import frozen

from tools.contract_diff import patterns

LOOSENED, TIGHTENED, CHANGED, ADDED, REMOVED, TOLD = (
    "loosened", "tightened", "changed", "added", "removed", "told",
)  # fmt: skip

#: Limits that let less pass when they grow, and those that let more pass.
LOWER = ("minLength", "minItems", "minProperties", "minimum")
UPPER = ("maxLength", "maxItems", "maxProperties", "maximum")
PROSE = {"description", "title", "example", "examples", "externalDocs", "xml"}
#: Kept out of the general comparison: each is looked at by a function of its own, below.
KNOWN = {
    *LOWER, *UPPER, "type", "nullable", "enum", "pattern", "format", "required", "properties", "items",
    "additionalProperties", "uniqueItems", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "default",
    "deprecated", "allOf", "oneOf", "anyOf",
}  # fmt: skip
MOST_LEVELS = 40

Resolve = Callable[[Any], Any]


@frozen
class Difference:
    """One keyword that differs. `place` is the path of members from the body, such as `tags[]`."""

    place: str
    keyword: str
    effect: str
    old: Any
    new: Any


def differences(old: Any, new: Any, resolve: tuple[Resolve, Resolve]) -> Iterator[Difference]:
    """Every difference between two schemas, with those of their members."""
    yield from _Comparison(resolve).compare(old, new, "", 0)


def said(value: Any) -> str:
    """A value on one short line; None, where nothing stands, in a word."""
    if value is None:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= 80 else text[:79] + "…"


class _Comparison:
    def __init__(self, resolve: tuple[Resolve, Resolve]) -> None:
        self._old, self._new = resolve
        self._open: set[tuple[str, str]] = set()

    def compare(self, old: Any, new: Any, place: str, depth: int) -> Iterator[Difference]:
        """The differences of one place and of what lies below it."""
        names = (said_reference(old), said_reference(new))
        if depth > MOST_LEVELS or (all(names) and names in self._open):
            return
        self._open.add(names)
        try:
            before, after = _flat(self._old(old), self._old), _flat(self._new(new), self._new)
            if _is_one_of(before, after, self._new):
                yield Difference(place, "anyOf", LOOSENED, None, after["anyOf"])
            elif _is_one_of(after, before, self._old):
                yield Difference(place, "anyOf", TIGHTENED, before["anyOf"], None)
            else:
                yield from self._keywords(before, after, place)
                yield from self._members(before, after, place, depth)
        finally:
            self._open.discard(names)

    def _keywords(self, old: dict[str, Any], new: dict[str, Any], place: str) -> Iterator[Difference]:
        for keyword, effect in _effects(old, new):
            yield Difference(place, keyword, effect, _value(old, keyword), _value(new, keyword))

    def _members(
        self, old: dict[str, Any], new: dict[str, Any], place: str, depth: int
    ) -> Iterator[Difference]:
        before, after = old.get("properties", {}), new.get("properties", {})
        wanted = set(new.get("required", ()))
        for name in sorted(before.keys() | after.keys()):
            inner = f"{place}.{name}".lstrip(".")
            if name not in after:
                yield Difference(inner, "member", REMOVED, name, None)
            elif name not in before:
                effect = CHANGED if name in wanted else ADDED
                yield Difference(inner, "required-member" if name in wanted else "member", effect, None, name)
            else:
                yield from self.compare(before[name], after[name], inner, depth + 1)
        known = before.keys() & after.keys() | (before.keys() - after.keys())
        for name in sorted(set(old.get("required", ())) ^ wanted):
            inner = f"{place}.{name}".lstrip(".")
            if name in known and (name in after or name in wanted):
                yield Difference(
                    inner,
                    "required",
                    TIGHTENED if name in wanted else LOOSENED,
                    name not in wanted,
                    name in wanted,
                )
        yield from self._below(old, new, "items", f"{place}[]", depth)
        yield from self._below(old, new, "additionalProperties", f"{place}.*".lstrip("."), depth)

    def _below(
        self, old: dict[str, Any], new: dict[str, Any], keyword: str, place: str, depth: int
    ) -> Iterator[Difference]:
        """A keyword that holds a schema; without one, or with `true`, everything passes."""
        if keyword not in old and keyword not in new:
            return
        before, after = old.get(keyword, {}), new.get(keyword, {})
        before, after = ({} if one is True else one for one in (before, after))
        if before is False or after is False:
            if before is not after:
                yield Difference(place, keyword, TIGHTENED if after is False else LOOSENED, before, after)
        else:
            yield from self.compare(before, after, place, depth + 1)


def _is_one_of(schema: dict[str, Any], other: dict[str, Any], resolve: Resolve) -> bool:
    """Whether the other is a choice, of which the schema is one."""
    if {key for key in other if not _is_prose(key)} != {"anyOf"}:
        return False
    return any(_binding(_flat(resolve(part), resolve)) == _binding(schema) for part in other["anyOf"])


def _binding(schema: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if not _is_prose(key)}


def _is_prose(keyword: str) -> bool:
    return keyword in PROSE or (keyword.startswith("x-") and keyword != "x-several")


def said_reference(schema: Any) -> str:
    """The reference that a schema is; empty where it is none."""
    return str(schema.get("$ref", "")) if isinstance(schema, dict) else ""


def _flat(schema: Any, resolve: Resolve) -> dict[str, Any]:
    """A schema with its `allOf` merged in, so that a reference which was taken apart is not a change."""
    if not isinstance(schema, dict):
        return {}
    result = {key: value for key, value in schema.items() if key != "allOf"}
    for part in schema.get("allOf", ()):
        for key, value in _flat(resolve(part), resolve).items():
            if key == "properties":
                result[key] = {**value, **result.get(key, {})}
            elif key == "required":
                result[key] = sorted({*value, *result.get(key, ())})
            elif key in PROSE:
                result.setdefault(key, value)
            elif key in result and result[key] != value:
                result.setdefault("x-several", []).append({key: value})
            else:
                result[key] = value
    return result


def _value(schema: dict[str, Any], keyword: str) -> Any:
    if keyword == "type":
        return sorted(_types(schema) or ["anything"])
    return schema.get(keyword)


def _types(schema: Mapping[str, Any]) -> set[str]:
    """The types that pass; none at all stands for all of them. A number lets integers pass."""
    kind = schema.get("type")
    names = set(kind if isinstance(kind, list) else [kind] if kind else [])
    return names | {"null"} if names and schema.get("nullable") is True else names


def _by_sets(old: set[Any], new: set[Any]) -> str:
    if old < new:
        return LOOSENED
    return TIGHTENED if new < old else CHANGED


def _effects(old: dict[str, Any], new: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The keywords of one schema that differ, each with what that does."""
    before, after = _types(old), _types(new)
    if before != after:
        yield "type", _of_types(before, after)
    for keyword in sorted((old.keys() | new.keys()) & KNOWN - {"type", "nullable"}):
        one, other = old.get(keyword), new.get(keyword)
        if one != other and keyword in _EFFECTS:
            effect = _EFFECTS[keyword](one, other)
            if effect:
                yield keyword, effect
    # Words for people are told of apart, and extensions bind nobody.
    for keyword in sorted((old.keys() | new.keys()) - KNOWN - PROSE - {"$ref"}):
        is_extension = keyword.startswith("x-") and keyword != "x-several"
        if old.get(keyword) != new.get(keyword) and not is_extension:
            yield keyword, CHANGED


def _of_types(old: set[str], new: set[str]) -> str:
    if not old or not new:
        return TIGHTENED if new else LOOSENED
    wide_old = old | ({"integer"} if "number" in old else set())
    wide_new = new | ({"integer"} if "number" in new else set())
    return _by_sets(wide_old, wide_new)


def _limit(one: Any, other: Any, *, tighter_when_greater: bool) -> str:
    if one is None or other is None:
        return TIGHTENED if one is None else LOOSENED
    return TIGHTENED if (other > one) == tighter_when_greater else LOOSENED


def _lower(one: Any, other: Any) -> str:
    return _limit(one, other, tighter_when_greater=True)


def _least(one: Any, other: Any) -> str:
    # Nothing has less than no letter, item or member.
    return "" if {one, other} <= {None, 0} else _lower(one, other)


def _upper(one: Any, other: Any) -> str:
    return _limit(one, other, tighter_when_greater=False)


def _flag(one: Any, other: Any) -> str:
    return "" if bool(one) == bool(other) else TIGHTENED if other else LOOSENED


def _enum(one: Any, other: Any) -> str:
    if one is None or other is None:
        return TIGHTENED if one is None else LOOSENED
    sets = [{json.dumps(value, sort_keys=True) for value in values} for values in (one, other)]
    return "" if sets[0] == sets[1] else _by_sets(*sets)


def _pattern(one: Any, other: Any) -> str:
    if one is None or other is None:
        return TIGHTENED if one is None else LOOSENED
    wider, narrower = patterns.is_within(one, other), patterns.is_within(other, one)
    if wider and narrower:
        return TOLD
    return LOOSENED if wider else TIGHTENED if narrower else CHANGED


def _format(one: Any, other: Any) -> str:
    if one is None or other is None:
        return TIGHTENED if one is None else LOOSENED
    return {("int32", "int64"): LOOSENED, ("int64", "int32"): TIGHTENED}.get((one, other), CHANGED)


def _multiple(one: Any, other: Any) -> str:
    if one is None or other is None:
        return TIGHTENED if one is None else LOOSENED
    return TIGHTENED if other % one == 0 else LOOSENED if one % other == 0 else CHANGED


def _default(one: Any, other: Any) -> str:
    return ADDED if one is None else CHANGED if other is not None else REMOVED


def _deprecated(one: Any, other: Any) -> str:
    return "" if bool(one) == bool(other) else "deprecated" if other else TOLD


_EFFECTS: dict[str, Callable[[Any, Any], str]] = {
    **dict.fromkeys(LOWER, _least),
    "minimum": _lower,
    **dict.fromkeys(UPPER, _upper),
    "uniqueItems": _flag,
    "exclusiveMinimum": _flag,
    "exclusiveMaximum": _flag,
    "enum": _enum,
    "oneOf": _enum,
    "anyOf": _enum,
    "pattern": _pattern,
    "format": _format,
    "multipleOf": _multiple,
    "default": _default,
    "deprecated": _deprecated,
}
