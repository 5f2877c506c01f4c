"""One schema of several: what an allOf brings together says what all its parts say."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from keywords import ANNOTATIONS
from source import ContractError

Schema = dict[str, Any]


def without_prose(schema: Schema) -> Schema:
    """A schema without what it says to people."""
    return {key: value for key, value in schema.items() if key not in ("title", "description")}


def plain(schema: Schema, place: str, *, alone: bool) -> Schema:
    """`type` as a list with null in it, `const` as an enum, exclusive bounds as numbers.

    OpenAPI 3.0 gives `nullable` no effect on what stands in an allOf, anyOf or oneOf, but that is how
    people say "or null": there it stays, and null is let in beside the rest.
    """
    found = dict(schema)
    combined = not alone or "anyOf" in found or "oneOf" in found
    if "type" in found:
        found["type"] = (
            [found["type"]] if isinstance(found["type"], str) else list(dict.fromkeys(found["type"]))
        )
        if not combined and found.pop("nullable", False) and "null" not in found["type"]:
            found["type"].append("null")
    elif found.get("nullable") and "enum" in found and not combined:
        raise ContractError(place, "nullable needs a type beside it")
    if "const" in found:
        found["enum"] = [found.pop("const")]
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(found.get(exclusive), bool) and found.pop(exclusive) and bound in found:
            found[exclusive] = found.pop(bound)
    return found


def _types(first: list[str], second: list[str], place: str) -> list[str]:
    common = [one for one in first if one in second]
    if "number" in first and "integer" in second and "integer" not in common:
        common.append("integer")
    if "integer" in first and "number" in second and "integer" not in common:
        common.append("integer")
    if not common:
        raise ContractError(place, f"no value is both {' or '.join(first)} and {' or '.join(second)}")
    return common


def _multiple(first: Any, second: Any, place: str) -> Any:
    small, large = sorted((first, second))
    if (Fraction(str(large)) / Fraction(str(small))).denominator != 1:
        raise ContractError(place, "two different `multipleOf` for one value cannot be generated")
    return large


def _values(first: list[Any], second: list[Any], place: str) -> list[Any]:
    common = [
        value for value in first if any(value == other and type(value) is type(other) for other in second)
    ]
    if not common:
        raise ContractError(place, "no value is in both enums")
    return common


def _properties(first: Schema, second: Schema, _place: str) -> Schema:
    both = {name: _each(first[name], member, _place) for name, member in second.items() if name in first}
    return first | second | both


def _larger(first: Any, second: Any, _place: str) -> Any:
    return max(first, second)


def _smaller(first: Any, second: Any, _place: str) -> Any:
    return min(first, second)


def _names(first: list[str], second: list[str], _place: str) -> list[str]:
    return list(dict.fromkeys([*first, *second]))


def _each(first: Schema, second: Schema, _place: str) -> Schema:
    return first if first == second else {"allOf": [first, second]}


#: How two values of a keyword become one; where nothing is said, they must be the same.
_MERGED: dict[str, Callable[[Any, Any, str], Any]] = {
    "type": _types,
    "enum": _values,
    "multipleOf": _multiple,
    "required": _names,
    "items": _each,
    "properties": _properties,
    **dict.fromkeys(
        ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "uniqueItems"), _larger
    ),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"), _smaller),
}


def both(first: Schema, second: Schema, place: str) -> Schema:
    """One schema that says what both say."""
    for part, other in ((first, second), (second, first)):
        if part.get("additionalProperties", True) not in (True, {}) and "properties" in other:
            words = "additionalProperties in one part of an allOf and members in another cannot be generated"
            raise ContractError(place, words)
    found = dict(first)
    for keyword, value in second.items():
        if keyword not in first or keyword in ANNOTATIONS or keyword.startswith("x-"):
            found[keyword] = value
        elif keyword in _MERGED:
            found[keyword] = _MERGED[keyword](first[keyword], value, place)
        elif first[keyword] != value:
            raise ContractError(place, f"two different `{keyword}` for one value cannot be generated")
    return found
