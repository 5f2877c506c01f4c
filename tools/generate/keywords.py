"""The keywords of a schema: what may stand there, and which limits each type has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from source import ContractError, below


def is_number(value: Any) -> bool:
    """Whether a value is a number, which a boolean is not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_schema(value: Any) -> bool:
    return isinstance(value, dict)


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")

#: What the value of each keyword must be.
KEYWORDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "type": (
        lambda value: value in TYPES or (_is_names(value) and set(value) <= set(TYPES) and value != []),
        "a type",
    ),
    "format": (lambda value: isinstance(value, str), "text"),
    "pattern": (lambda value: isinstance(value, str), "text"),
    "title": (lambda value: isinstance(value, str), "text"),
    "description": (lambda value: isinstance(value, str), "text"),
    "required": (_is_names, "a list of the names of members"),
    "enum": (lambda value: isinstance(value, list) and value != [], "a list of one or more values"),
    "nullable": (lambda value: isinstance(value, bool), "true or false"),
    "uniqueItems": (lambda value: isinstance(value, bool), "true or false"),
    "multipleOf": (lambda value: is_number(value) and value > 0, "a number above 0"),
    "properties": (
        lambda value: isinstance(value, dict) and all(map(_is_schema, value.values())),
        "schemas by name",
    ),
    "items": (_is_schema, "a schema"),
    "additionalProperties": (
        lambda value: isinstance(value, bool) or _is_schema(value),
        "true, false or a schema",
    ),
    **dict.fromkeys(
        ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
        (_is_count, "a whole number, 0 or more"),
    ),
    **dict.fromkeys(("minimum", "maximum"), (is_number, "a number")),
    **{
        keyword: (lambda value: isinstance(value, bool) or is_number(value), "true, false or a number")
        for keyword in ("exclusiveMinimum", "exclusiveMaximum")
    },
    **{
        keyword: (
            lambda value: isinstance(value, list) and value != [] and all(map(_is_schema, value)),
            "schemas",
        )
        for keyword in ("allOf", "anyOf", "oneOf")
    },
}
#: Keywords that limit nothing, so that any value may stand there.
ANNOTATIONS = frozenset(
    [
        "title",
        "description",
        "default",
        "example",
        "examples",
        "deprecated",
        "readOnly",
        "writeOnly",
        "xml",
        "externalDocs",
        "discriminator",
        "$comment",
    ]
)

#: Keywords that hold values, in which nothing is a reference.
NO_SCHEMAS = frozenset(["default", "enum", "example", "examples"])

#: The limits of each type: the keyword, and the argument of the rule that it becomes.
LIMITS: dict[str, dict[str, str | None]] = {
    "string": {
        "minLength": "min_length",
        "maxLength": "max_length",
        "pattern": "pattern",
        "format": "format",
    },
    "integer": {
        "minimum": "minimum",
        "maximum": "maximum",
        "exclusiveMinimum": "exclusive_minimum",
        "exclusiveMaximum": "exclusive_maximum",
        "multipleOf": "multiple_of",
        "format": None,
    },
    "array": {"minItems": "min_items", "maxItems": "max_items", "uniqueItems": "unique_items", "items": None},
    "object": {
        "minProperties": "min_properties",
        "maxProperties": "max_properties",
        "properties": None,
        "required": None,
        "additionalProperties": None,
    },
    "boolean": {},
    "null": {},
}
LIMITS["number"] = LIMITS["integer"]


def check(schema: dict[str, Any], place: str, *, is_31: bool) -> None:
    """Refuse keywords that are unknown, cannot be generated, or have a value that they do not take."""
    for keyword, value in schema.items():
        if keyword in KEYWORDS:
            is_right, words = KEYWORDS[keyword]
            if not is_right(value):
                raise ContractError(below(place, keyword), f"`{keyword}` must be {words}")
        elif keyword == "const" and is_31:
            pass
        elif keyword not in ANNOTATIONS and keyword != "$ref" and not keyword.startswith("x-"):
            raise ContractError(place, f"`{keyword}` is a keyword that cannot be generated, or none at all")
