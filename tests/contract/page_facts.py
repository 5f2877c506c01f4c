"""The facts of the reference page, written down a second time, by hand, apart from `openapi.yaml`.

Sources: the page as it was copied, and where it is silent the vendor's own description (published).
`ours` marks what a complete document needs and neither says. The comparison at the end goes both
ways: nothing of this is missing from the contract, and nothing else stands in it.

Prose is not compared: the contract describes in its own words. Examples are checked by themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

PAGE = "page"
PUBLISHED = "published"
OURS = "inferred"
#: How the document is built, not what the API does; carries no mark.
FORM = "form"

UNMARKED = {PAGE, FORM}


@dataclass(frozen=True)
class Fact:
    """One leaf of the contract: where it stands, what it says, who says it."""

    place: tuple[str, ...]
    value: Any
    source: str


# --- The operation -----------------------------------------------------------------------------

PATH = "/api/assets/from-hash"
METHOD = "post"
SERVER = "https://cloud.comfy.org"
JSON = "application/json"
KEY_HEADER = "X-API-Key"

#: Place → value and source, for what is neither a body's member nor a status.
DOCUMENT: tuple[tuple[str, Any, str], ...] = (
    ("openapi", "3.0.3", FORM),
    ("info title", "Comfy Cloud assets from hashes", OURS),
    ("info version", "1.0.0", OURS),
    ("info contact name", "Comfy Org", OURS),
    ("info contact url", "https://comfy.org", OURS),
    ("info license name", "MIT", OURS),
    ("info license url", "https://opensource.org/license/mit", OURS),
    ("info x-transcribed", "2026-11-23", FORM),
    ("servers 0 url", SERVER, PAGE),
    ("security 0 ApiKeyAuth", [], PAGE),
    ("components securitySchemes ApiKeyAuth type", "apiKey", PAGE),
    ("components securitySchemes ApiKeyAuth in", "header", PAGE),
    ("components securitySchemes ApiKeyAuth name", KEY_HEADER, PAGE),
    ("tags 0 name", "asset", PUBLISHED),
)

OPERATION: tuple[tuple[str, Any, str], ...] = (
    ("operationId", "createAssetFromHash", PUBLISHED),
    ("tags 0", "asset", PUBLISHED),
    # Said twice, because openapi-python-client reads only the operation's own.
    ("security 0 ApiKeyAuth", [], PAGE),
    ("requestBody required", True, PAGE),
)

#: Status → body and source. The page shows 200 alone.
STATUSES: tuple[tuple[str, str, str], ...] = (
    ("200", "AssetCreated", PAGE),
    ("201", "AssetCreated", PUBLISHED),
    ("400", "ErrorResponse", PUBLISHED),
    ("401", "ErrorResponse", PUBLISHED),
    ("404", "ErrorResponse", PUBLISHED),
    ("500", "ErrorResponse", PUBLISHED),
)


# --- The bodies --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Member:
    """A row of the page's table: `type` as the page writes it, `string<uuid> | null` for example."""

    name: str
    type: str
    required: bool = False
    at_least: int | None = None
    pattern: str | None = None


@dataclass(frozen=True)
class Body:
    """A body and who says that it is so; patterns are never the page's."""

    name: str
    source: str
    members: tuple[Member, ...]


BODIES: tuple[Body, ...] = (
    Body(
        "CreateAssetFromHashRequest",
        PAGE,
        (
            Member("hash", "string", required=True, pattern="^(blake3|sha256):[a-f0-9]{64}$"),
            Member("tags", "string[]", required=True, at_least=1),
            Member("name", "string"),
            Member("mime_type", "string"),
            Member("user_metadata", "object"),
        ),
    ),
    Body(
        "AssetCreated",
        PAGE,
        (
            Member("id", "string<uuid>", required=True),
            Member("name", "string", required=True),
            Member("size", "integer<int64>", required=True),
            Member("created_at", "string<date-time>", required=True),
            Member("updated_at", "string<date-time>", required=True),
            Member("created_new", "boolean", required=True),
            Member("asset_hash", "string", pattern="^blake3:[a-f0-9]{64}$"),
            Member("mime_type", "string"),
            Member("tags", "string[]"),
            Member("user_metadata", "object"),
            Member("preview_url", "string<uri>"),
            Member("preview_id", "string<uuid> | null"),
            Member("prompt_id", "string<uuid> | null"),
            Member("last_access_time", "string<date-time>"),
            Member("is_immutable", "boolean"),
        ),
    ),
    Body(
        "ErrorResponse",
        PUBLISHED,
        (
            Member("code", "string", required=True),
            Member("message", "string", required=True),
        ),
    ),
)


# --- The table as leaves of a document ---------------------------------------------------------


def expected() -> Iterator[Fact]:
    """Every leaf that the contract must have, and no other."""
    for place, value, source in DOCUMENT:
        yield Fact(tuple(place.split()), value, source)
    operation = ("paths", PATH, METHOD)
    for place, value, source in OPERATION:
        yield Fact((*operation, *place.split()), value, source)
    yield _reference((*operation, "requestBody"), BODIES[0].name, PAGE)
    for status, name, source in STATUSES:
        yield _reference((*operation, "responses", status), name, source)
    for body in BODIES:
        yield from _body(body)


def _reference(holder: tuple[str, ...], body: str, source: str) -> Fact:
    return Fact((*holder, "content", JSON, "schema", "$ref"), f"#/components/schemas/{body}", source)


def _body(body: Body) -> Iterator[Fact]:
    place = ("components", "schemas", body.name)
    yield Fact((*place, "type"), "object", body.source)
    yield Fact((*place, "required"), sorted(m.name for m in body.members if m.required), body.source)
    for member in body.members:
        for keyword, value, source in _keywords(member, body.source):
            yield Fact((*place, "properties", member.name, *keyword.split()), value, source)


def _keywords(member: Member, source: str) -> Iterator[tuple[str, Any, str]]:
    written, _, null = member.type.partition(" | ")
    name, _, form = written.rstrip(">").partition("<")
    yield "type", "array" if name == "string[]" else name, source
    if name == "string[]":
        yield "items type", "string", source
    if name == "object":
        yield "additionalProperties", True, source
    if form:
        yield "format", form, source
    if null:
        yield "nullable", True, source
    if member.at_least is not None:
        yield "minItems", member.at_least, source
    if member.pattern is not None:
        yield "pattern", member.pattern, PUBLISHED


# --- A document as leaves ----------------------------------------------------------------------

#: Text for people, in our own words.
PROSE = {"description", "summary"}
MARK = "x-provenance"


def leaves(node: Any, place: tuple[str, ...] = (), source: str | None = None) -> Iterator[Fact]:
    """Every leaf of a document with the mark that holds there; prose and examples left out."""
    stated = _stated(node, place) if isinstance(node, dict) else {}
    if stated:
        mark = None if is_map_of_names(place) else node.get(MARK)
        for key, value in stated.items():
            yield from leaves(value, (*place, str(key)), _marked(mark, str(key), source))
    elif isinstance(node, dict):
        # A status that has only a description is still a status.
        yield Fact(place, {}, source or PAGE)
    elif isinstance(node, list) and node and not is_names(place):
        for index, value in enumerate(node):
            yield from leaves(value, (*place, str(index)), source)
    else:
        yield Fact(place, sorted(node) if is_names(place) else node, source or PAGE)


def is_names(place: tuple[str, ...]) -> bool:
    """Whether here stands the list of required members, whose order says nothing."""
    return place[-1:] == ("required",) and place[:2] == ("components", "schemas")


def _stated(node: dict[str, Any], place: tuple[str, ...]) -> dict[str, Any]:
    """An object without prose, examples and marks; a member of a body may bear any of these names."""
    left_out = set() if is_map_of_names(place) else {*PROSE, "examples", MARK}
    return {key: value for key, value in node.items() if key not in left_out}


def is_map_of_names(place: tuple[str, ...]) -> bool:
    """Whether the keys of the object here are names from the API, not keywords."""
    return place[-1:] in {("properties",), ("responses",), ("schemas",), ("paths",), ("content",)}


def _marked(mark: Any, key: str, inherited: str | None) -> str | None:
    if isinstance(mark, dict):
        return mark.get(key, inherited)
    return mark or inherited


def differences(document: dict[str, Any]) -> list[str]:
    """What the contract lacks, what it invents, what it says otherwise, and what is marked wrongly."""
    wanted = {fact.place: fact for fact in expected()}
    found = {fact.place: fact for fact in leaves(document)}
    return [
        *(f"missing: {_say(wanted[place])}" for place in wanted.keys() - found.keys()),
        *(f"invented: {_say(found[place])}" for place in found.keys() - wanted.keys()),
        *_disagreements(wanted, found),
        *_bad_marks(document),
    ]


def _disagreements(wanted: dict[tuple[str, ...], Fact], found: dict[tuple[str, ...], Fact]) -> Iterable[str]:
    for place in wanted.keys() & found.keys():
        want, have = wanted[place], found[place]
        # The type counts too: True is 1 in Python, and "123" is not 123 in JSON.
        if (type(want.value), want.value) != (type(have.value), have.value):
            yield f"differs: {_say(have)}, where the table has {want.value!r}"
        marked_as = PAGE if want.source in UNMARKED else want.source
        if marked_as != have.source:
            yield f"provenance: {_say(have)} is marked as {have.source}, where the table has {want.source}"


def _bad_marks(node: Any, place: tuple[str, ...] = ()) -> Iterator[str]:
    """Marks that mark nothing: an unknown word, or a keyword that does not stand beside them."""
    if isinstance(node, list):
        for index, value in enumerate(node):
            yield from _bad_marks(value, (*place, str(index)))
    if not isinstance(node, dict):
        return
    mark = {} if is_map_of_names(place) else node.get(MARK, {})
    words = mark if isinstance(mark, dict) else {MARK: mark}
    for keyword, word in words.items():
        if word not in {PUBLISHED, OURS} or keyword not in node:
            yield f"provenance: {' '.join(place)} marks {keyword} as {word}"
    for key, value in node.items():
        if key != "value" or "examples" not in place:
            yield from _bad_marks(value, (*place, str(key)))


def _say(fact: Fact) -> str:
    return f"{' '.join(fact.place)} = {fact.value!r}"
