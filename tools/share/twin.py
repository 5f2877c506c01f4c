"""The same contract as OpenAPI 3.1: what changed between the versions is said in the newer one's words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

#: Most tools that read 3.1 ask for this text.
VERSION: Final = "3.1.0"
#: Values of these stand for themselves, whatever they look like.
_LITERAL: Final = frozenset({"example", "examples", "default", "enum", "value"})
#: Formats that 3.1 says with JSON Schema's own keywords.
_CONTENT: Final = {
    "byte": {"contentEncoding": "base64"},
    "binary": {"contentMediaType": "application/octet-stream"},
}


def twin(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document of OpenAPI 3.0 as one of 3.1 that means the same; nothing of the original is changed."""
    made = _object(document)
    return {**made, "openapi": VERSION}


def _object(value: Any) -> Any:
    """Anything that is no schema."""
    if isinstance(value, list):
        return [_object(one) for one in value]
    if not isinstance(value, Mapping):
        return value
    made = {}
    for name, one in value.items():
        if name in _LITERAL or name.startswith("x-"):
            made[name] = one
        elif name == "schema":
            made[name] = schema(one)
        elif name == "schemas":
            made[name] = {key: schema(each) for key, each in one.items()}
        else:
            made[name] = _object(one)
    return made


def schema(value: Any) -> Any:
    """A schema of 3.0 in the words of 3.1."""
    if not isinstance(value, Mapping):
        return value
    if isinstance(value.get("$ref"), str):
        return {"$ref": value["$ref"]}  # 3.0 ignores what stands beside it; 3.1 would not
    made: dict[str, Any] = {}
    for name, one in value.items():
        made.update(_KEYWORDS[name](one, value) if name in _KEYWORDS else {name: one})
    return made


_Keyword = Callable[[Any, Mapping[str, Any]], dict[str, Any]]


def _type(one: Any, whole: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": [one, "null"] if whole.get("nullable") is True else one}


def _format(one: Any, _whole: Mapping[str, Any]) -> dict[str, Any]:
    return _CONTENT.get(one, {"format": one})


def _bound(name: str, exclusive: str) -> _Keyword:
    """A bound: the number stands at the keyword that says whether it is itself allowed."""
    return lambda one, whole: {exclusive if whole.get(exclusive) is True else name: one}


def _one(name: str) -> _Keyword:
    return lambda one, _: {name: schema(one)}


def _many(name: str) -> _Keyword:
    return lambda one, _: {name: [schema(each) for each in one]}


def _nothing(_one: Any, _whole: Mapping[str, Any]) -> dict[str, Any]:
    """Said at another keyword."""
    return {}


def _provenance(one: Any) -> Any:
    """What was said of `nullable` is said of `type`, which now says it."""
    if not isinstance(one, Mapping) or "nullable" not in one:
        return one
    return {**{name: word for name, word in one.items() if name != "nullable"}, "type": one["nullable"]}


#: What is written otherwise, by keyword; everything else means the same in both.
_KEYWORDS: Final[dict[str, _Keyword]] = {
    "nullable": _nothing,
    "exclusiveMinimum": _nothing,
    "exclusiveMaximum": _nothing,
    "minimum": _bound("minimum", "exclusiveMinimum"),
    "maximum": _bound("maximum", "exclusiveMaximum"),
    "type": _type,
    "format": _format,
    "example": lambda one, _: {"examples": [one]},
    "x-provenance": lambda one, _: {"x-provenance": _provenance(one)},
    **{name: _one(name) for name in ("items", "additionalProperties", "not")},
    **{name: _many(name) for name in ("allOf", "anyOf", "oneOf")},
    "properties": lambda one, _: {"properties": {name: schema(each) for name, each in one.items()}},
}
