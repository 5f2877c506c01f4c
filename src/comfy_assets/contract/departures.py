"""Every way in which a request's body can break its schema, one at a time.

Derived from the schema: a limit that the contract changes is tried at its new place. Each departure
keeps everything else as the control has it, known content included, so that no 404 can hide that it
was accepted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from comfy_assets.specification import Contract

#: A value of each type of JSON; text that could pass for a list, a number that could pass for text.
SAMPLES: Mapping[str, tuple[Any, ...]] = {
    "string": ("input", "input,models"),
    "integer": (7,),
    "number": (1.5,),
    "boolean": (True, False),
    "array": ([], ["input"]),
    "object": ({}, {"input": "models"}),
}
_NULL = "null"


@frozen
class Departure:
    """One way to break the schema: the keyword, the place ("tags", "tags[]"), what was done, the body."""

    keyword: str
    place: str
    label: str
    body: Any


def departures(contract: Contract, schema: Mapping[str, Any], body: dict[str, Any]) -> Iterator[Departure]:
    """The departures from `body`, which keeps `schema`, an object's."""
    yield from _types("", ("object",), nullable=False, put=lambda value: value)
    for name in schema.get("required", ()):
        others = {key: body[key] for key in body if key != name}
        yield Departure("required", name, "missing", others)
        # Readers in several languages take names of members in any case.
        for label, spelled in (("in title case", name.title()), ("in upper case", name.upper())):
            if spelled != name:
                yield Departure("required", name, f"only {label}", {spelled: body[name], **others})
    for name, member in schema.get("properties", {}).items():
        followed = contract.resolve(member["$ref"]) if "$ref" in member else member
        for keyword, place, label, value in _of_member(contract, name, followed, body.get(name)):
            yield Departure(keyword, place, label, {**body, name: value})


_Wrong = tuple[str, str, str, Any]


def _of_member(contract: Contract, place: str, schema: Mapping[str, Any], right: Any) -> Iterator[_Wrong]:
    types = _allowed(schema)
    for departure in _types(place, types, nullable=schema.get("nullable") is True, put=lambda value: value):
        yield departure.keyword, place, departure.label, departure.body
    if "string" in types:
        yield from _of_text(contract, place, schema, right if isinstance(right, str) else "")
    if "array" in types:
        yield from _of_list(contract, place, schema, right if isinstance(right, list) else [])
    if "integer" in types or "number" in types:
        yield from _of_number(place, schema)
    if "enum" in schema:
        yield "enum", place, "none of the allowed values", "no such value"


def _allowed(schema: Mapping[str, Any]) -> tuple[str, ...]:
    type_ = schema.get("type")
    return (type_,) if isinstance(type_, str) else tuple(SAMPLES)


def _types(
    place: str, allowed: tuple[str, ...], *, nullable: bool, put: Callable[[Any], Any]
) -> Iterator[Departure]:
    if not nullable:
        yield Departure("null", place, "null", put(None))
    for name, samples in SAMPLES.items():
        if name in allowed or (name == "integer" and "number" in allowed):
            continue
        for sample in samples:
            yield Departure("type", place, f"{_article(name)}, {sample!r}", put(sample))


def _article(type_: str) -> str:
    return f"{'an' if type_[0] in 'aio' else 'a'} {type_}"


def _of_text(contract: Contract, place: str, schema: Mapping[str, Any], right: str) -> Iterator[_Wrong]:
    if "pattern" in schema or "format" in schema or "minLength" in schema:
        accepts = contract.validator(schema)
        for label, value in near_misses(right):
            if not accepts.is_valid(value):
                yield "pattern", place, label, value
    if "maxLength" in schema:
        yield "maxLength", place, "too long", "x" * (schema["maxLength"] + 1)


def _of_list(contract: Contract, place: str, schema: Mapping[str, Any], right: list[Any]) -> Iterator[_Wrong]:
    if schema.get("minItems"):
        yield "minItems", place, "too few items", right[: schema["minItems"] - 1]
    if "maxItems" in schema and right:
        yield (
            "maxItems",
            place,
            "too many items",
            (right * (schema["maxItems"] + 1))[: schema["maxItems"] + 1],
        )
    if schema.get("uniqueItems") and right:
        yield "uniqueItems", place, "an item twice", [right[0], right[0]]
    items = schema.get("items")
    if not isinstance(items, dict):
        return
    items = contract.resolve(items["$ref"]) if "$ref" in items else items
    for keyword, inner, label, value in _of_member(
        contract, place + "[]", items, right[0] if right else None
    ):
        yield keyword, inner, label, [*right, value]


def _of_number(place: str, schema: Mapping[str, Any]) -> Iterator[_Wrong]:
    if "minimum" in schema:
        yield "minimum", place, "too small", schema["minimum"] - 1
    if "maximum" in schema:
        yield "maximum", place, "too large", schema["maximum"] + 1


def near_misses(right: str) -> Iterator[tuple[str, str]]:
    """Texts that are almost `right`: what a lenient reader mends, and what a sloppy one overlooks."""
    head, separator, digest = right.partition(":")
    yield "upper-case letters", right.upper()
    yield "upper-case digits", head + separator + digest.upper()
    yield "upper-case prefix", head.upper() + separator + digest
    yield "a space before it", " " + right
    yield "a space after it", right + " "
    yield "a line break after it", right + "\n"
    yield "a tab before it", "\t" + right
    yield "a space after the colon", f"{head}{separator} {digest}"
    yield "no prefix", digest
    yield "no colon", head + digest
    yield "a dash for the colon", f"{head}-{digest}"
    yield "two prefixes", head + separator + right
    yield "an unknown algorithm", "md5" + separator + digest
    yield "one digit less", right[:-1]
    yield "one digit more", right + "0"
    yield "twice the digits", right + digest
    yield "a letter that is no digit", right[:-1] + "g"
    yield "a digit of another script", right[:-1] + "٣"
    yield "a file ending", right + ".png"
    yield "a path before it", "models/" + right
    yield "percent-encoding", head + "%3A" + digest
    yield "a wildcard", right[:-1] + "%"
    yield "only the prefix", head + separator
    yield "nothing", ""


def kind_of_near_miss(text: Any, is_right: Callable[[str], bool]) -> str:
    """What makes a text wrong that a server would mend: one name for all texts that are mended alike."""
    if not isinstance(text, str):
        return "another type"
    if is_right(text.strip()):
        return "white space around it"
    if is_right(text.lower()):
        return "upper-case letters"
    if is_right(text.strip().lower()):
        return "white space and upper-case letters"
    return "another form"
