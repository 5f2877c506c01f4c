"""Values that requests are made of: unusual ones that every server must accept, and unknown hashes."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from attrs import frozen

from comfy_assets.contract.facts import (
    DEEPEST_BODY,
    LARGEST_BODY,
    LARGEST_EXACT,
    LONGEST_NAME,
    MIME_TYPE,
    MOST_TAGS,
    NAME,
    TAGS,
)
from comfy_assets.contract.facts import (
    METADATA as METADATA_MEMBER,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from comfy_assets.contract.facts import Facts
    from comfy_assets.contract.plan import Planner

#: In a change: the member is left out.
ABSENT: Any = object()

#: Types, nesting, Unicode, numbers at their edges, null, and names of members that trip readers.
METADATA: dict[str, Any] = {
    "text": "Grüße, 世界 \U0001f600",
    "largest exact integer": LARGEST_EXACT,
    "smallest exact integer": -LARGEST_EXACT,
    # The largest one is a power of two, which narrow floats hold too.
    "largest odd integer": LARGEST_EXACT - 1,
    "beyond 32 bits": 2**32 + 1,
    "beyond a float of 32 bits": 2**24 + 1,
    "fraction": 0.1,
    "small": 5e-324,
    "zero": 0,
    "true": True,
    "false": False,
    "null": None,
    "number as text": "007",
    "list": [1, "two", None, {"three": [True, []]}],
    "empty": {"object": {}, "list": [], "text": ""},
    "": "an empty name",
    "a.b": {"$c": 1},
}

#: Well-formed, and the hash of nothing that anyone stores.
UNKNOWN_HASHES = ("blake3:" + "0" * 64, "sha256:" + "f" * 64)


def unknown_hashes(facts: Facts) -> Iterator[tuple[str, str]]:
    """Hashes that no content has, with what they are: drawn ones and near misses of known ones."""
    seen = {hash_ for content in facts.contents for hash_ in content.hashes}
    random = hashlib.sha256(f"{facts.seed} {facts.run_id}".encode()).hexdigest()
    candidates = [
        ("blake3:" + random, "drawn, BLAKE3"),
        ("sha256:" + random, "drawn, SHA-256"),
        *((hash_, "all digits the same") for hash_ in UNKNOWN_HASHES[:1]),
    ]
    for content in facts.contents[:1]:
        for hash_ in content.hashes:
            prefix, _, digest = hash_.partition(":")
            other = "sha256" if prefix == "blake3" else "blake3"
            candidates.append((f"{other}:{digest}", f"the {prefix} digest as {other}"))
            last = "0" if digest[-1] != "0" else "1"
            candidates.append((f"{prefix}:{digest[:-1]}{last}", f"known {prefix}, last digit changed"))
            first = "0" if digest[0] != "0" else "1"
            candidates.append((f"{prefix}:{first}{digest[1:]}", f"known {prefix}, first digit changed"))
    validator = facts.request_validator
    for hash_, label in candidates:
        if hash_ not in seen and validator.is_valid({"hash": hash_, "tags": ["input"]}):
            seen.add(hash_)
            yield hash_, label


@frozen
class Change:
    """Members that differ from the control's, and the label of a name of its own where one is needed.

    `parts` are the same, one feature at a time: they are sent where all at once was not accepted, so
    that a server that takes everything is left with one reference and not with five.
    """

    label: str
    members: dict[str, Any]
    own_name: str = ""
    parts: tuple[tuple[str, dict[str, Any]], ...] = ()


def together(label: str, own_name: str, *parts: tuple[str, dict[str, Any]]) -> Change:
    """Several changes in one request."""
    members: dict[str, Any] = {}
    for _, change in parts:
        for name, value in change.items():
            both = isinstance(members.get(name), dict) and isinstance(value, dict)
            several = isinstance(members.get(name), list) and isinstance(value, list)
            if both:
                value = members[name] | value  # noqa: PLW2901 - the merged value
            elif several:
                value = [*members[name], *value]  # noqa: PLW2901 - the same
            members[name] = value
    return Change(label, members, own_name, parts)


def accepted(planner: Planner) -> Iterator[Change]:
    """Unusual requests that must be accepted."""
    # Before any without a name: a server that takes the two for one shows what it makes of this one.
    yield Change("an empty name", {NAME: ""})
    yield from _absent()
    yield from _texts(planner)
    yield from _names(planner)
    yield from _tags()
    yield from _metadata()
    yield from _large(planner)
    yield Change("unknown members", {"x-unknown": {"a": [1]}, "description": None})


def _absent() -> Iterator[Change]:
    yield together(
        "required members only",
        "",
        ("no name", {NAME: ABSENT}),
        ("no mime_type", {MIME_TYPE: ABSENT}),
        ("no user_metadata", {METADATA_MEMBER: ABSENT}),
    )
    yield Change("an unusual mime_type", {MIME_TYPE: "application/vnd.example+json; a=b"}, "mime")


def _texts(planner: Planner) -> Iterator[Change]:
    yield together(
        "Unicode everywhere",
        "",
        ("Unicode in name", {NAME: planner.name("Ελληνικά 世界 e\u0301")}),
        ("Unicode in tags", {TAGS: ["größe", "世界"]}),
        ("Unicode in user_metadata", {METADATA_MEMBER: {"größe": "世界"}}),
    )
    yield together(
        "characters beyond U+FFFF everywhere",
        "",
        ("emoji in name", {NAME: planner.name("\U0001f600")}),
        ("emoji in tags", {TAGS: ["\U0001f600"]}),
        ("emoji in user_metadata", {METADATA_MEMBER: {"\U0001f600": "\U0001f680"}}),
    )
    yield together(
        "control characters",
        "controls",
        ("control characters in user_metadata", {METADATA_MEMBER: {"text": "a\tb\nc\x01\x7f"}}),
        ("control characters in tags", {TAGS: ["a\tb"]}),
    )


def _names(planner: Planner) -> Iterator[Change]:
    stem = planner.name("long-")
    yield Change("the longest name", {NAME: stem + "n" * (LONGEST_NAME - len(stem))})
    yield Change("the longest name beyond ASCII", {NAME: stem + "世" * (LONGEST_NAME - len(stem))})
    # These cannot be in one name: what is changed about it has to be told apart.
    yield Change("a name with slashes", {NAME: "../a/" + planner.name("b\\c")})
    yield Change("a name with spaces around it", {NAME: f" {planner.name('Spaces')} "})
    yield Change("a name with signs", {NAME: planner.name("'\"<b>;--%00")})


def _tags() -> Iterator[Change]:
    yield Change("one tag", {TAGS: ["models"]})
    yield Change("many tags", {TAGS: [f"tag {number}" for number in range(MOST_TAGS)]}, "tags")
    yield together(
        "unusual tags",
        "unusual-tags",
        ("a tag twice", {TAGS: ["a", "b", "a"]}),
        ("an empty tag", {TAGS: ["", "c"]}),
        ("a long tag", {TAGS: ["t" * LONGEST_NAME]}),
        ("a tag with a comma", {TAGS: ["d,e"]}),
        ("a tag with spaces and upper case", {TAGS: [" F g "]}),
    )


def _metadata() -> Iterator[Change]:
    def part(label: str, value: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        return label, {METADATA_MEMBER: value}

    yield Change("empty metadata", {METADATA_MEMBER: {}}, "empty")
    yield together(
        "unusual metadata",
        "metadata",
        part("nested metadata", {"nested": {"b": [{"c": [[]]}]}}),
        part("numbers", {"a": 1 - LARGEST_EXACT, "b": 0.1 + 0.2, "c": 1e300, "d": -0.5}),
        part("null, true and false", {"null": None, "true": True, "false": False}),
        part("an empty name in metadata", {"": {"": ""}}),
        part("names that mean something elsewhere", {"__proto__": 1, "$where": 2, "id": 3}),
    )
    # The body is a level of its own, and the metadata's object another.
    yield Change("the deepest metadata", {METADATA_MEMBER: {"a": nested(DEEPEST_BODY - 2)}}, "deep")
    yield Change("large integers", {METADATA_MEMBER: {"a": 2**63, "b": 2**64 + 1}}, "integers")


def nested(levels: int) -> Any:
    """Arrays in arrays."""
    value: Any = []
    for _ in range(levels - 1):
        value = [value]
    return value


def _large(planner: Planner) -> Iterator[Change]:
    body = {**planner.base, NAME: planner.name("large"), METADATA_MEMBER: {"text": ""}}
    room = LARGEST_BODY - len(json.dumps(body, separators=(",", ":")).encode())
    yield Change("the largest body", {METADATA_MEMBER: {"text": "x" * room}}, "large")
