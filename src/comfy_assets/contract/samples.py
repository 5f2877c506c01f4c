"""Values that requests are made of: unusual ones that every server must accept, and unknown hashes."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from comfy_assets.contract.facts import (
    DEEPEST_BODY,
    LARGEST_BODY,
    LARGEST_EXACT,
    LONGEST_NAME,
    METADATA as METADATA_MEMBER,
    MIME_TYPE,
    MOST_TAGS,
    NAME,
    TAGS,
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


Change = tuple[str, str, dict[str, Any], str]


def accepted(planner: Planner) -> Iterator[Change]:
    """One unusual thing at a time that must be accepted.

    Each is: what, the rule, the members that change, and the label of a name of its own where the
    answer should be that of a new reference ("" keeps the control's name, and makes none).
    """
    yield from _absent()
    yield from _texts(planner)
    yield from _names(planner)
    yield from _tags()
    yield from _metadata()
    yield from _large(planner)
    yield "unknown members", "accept-unknown-members", {"x-unknown": {"a": [1]}, "description": None}, ""


def _absent() -> Iterator[Change]:
    rule = "accept-minimal"
    yield "no name", rule, {NAME: ABSENT}, ""
    yield "no mime_type", rule, {MIME_TYPE: ABSENT}, ""
    yield "no user_metadata", rule, {METADATA_MEMBER: ABSENT}, ""
    yield "required members only", rule, {NAME: ABSENT, MIME_TYPE: ABSENT, METADATA_MEMBER: ABSENT}, ""
    yield "an unusual mime_type", rule, {MIME_TYPE: "application/vnd.example+json; a=b"}, "mime"


def _texts(planner: Planner) -> Iterator[Change]:
    rule = "accept-unicode"
    yield "Unicode in name", rule, {NAME: planner.name("Ελληνικά 世界")}, ""
    yield "emoji in name", rule, {NAME: planner.name("\U0001f600")}, ""
    yield "combining characters in name", rule, {NAME: planner.name("e\u0301 \u202e")}, ""
    yield "Unicode in tags", rule, {TAGS: ["größe", "世界"]}, ""
    yield "emoji in tags", rule, {TAGS: ["\U0001f600"]}, ""
    yield "Unicode in user_metadata", rule, {METADATA_MEMBER: {"größe": "世界"}}, ""
    yield "emoji in user_metadata", rule, {METADATA_MEMBER: {"\U0001f600": "\U0001f680"}}, ""
    yield "control characters in user_metadata", rule, {METADATA_MEMBER: {"text": "a\tb\nc\x01\x7f"}}, "controls"
    yield "control characters in tags", rule, {TAGS: ["a\tb"]}, ""


def _names(planner: Planner) -> Iterator[Change]:
    rule = "accept-names"
    stem = planner.name("long-")
    longest = stem + "n" * (LONGEST_NAME - len(stem))
    yield "the longest name", rule, {NAME: longest}, ""
    yield "the longest name beyond ASCII", rule, {NAME: stem + "世" * (LONGEST_NAME - len(stem))}, ""
    yield "an empty name", rule, {NAME: ""}, ""
    yield "a name with slashes", rule, {NAME: "../a/" + planner.name("b\\c")}, ""
    yield "a name with spaces around it", rule, {NAME: f" {planner.name('spaces')} "}, ""
    yield "a name with signs", rule, {NAME: planner.name("'\"<b>;--%00")}, ""


def _tags() -> Iterator[Change]:
    rule = "accept-tags"
    yield "one tag", rule, {TAGS: ["models"]}, ""
    yield "many tags", rule, {TAGS: [f"tag {number}" for number in range(MOST_TAGS)]}, "tags"
    yield "a tag twice", rule, {TAGS: ["a", "b", "a"]}, "twice"
    yield "an empty tag", rule, {TAGS: ["", "a"]}, ""
    yield "a long tag", rule, {TAGS: ["t" * LONGEST_NAME]}, ""
    yield "a tag with a comma", rule, {TAGS: ["a,b"]}, "comma"
    yield "a tag with spaces and upper case", rule, {TAGS: [" A b "]}, "case"


def _metadata() -> Iterator[Change]:
    rule = "accept-metadata"

    def with_metadata(value: dict[str, Any]) -> dict[str, Any]:
        return {METADATA_MEMBER: value}

    yield "empty metadata", rule, with_metadata({}), "empty"
    yield "nested metadata", rule, with_metadata({"a": {"b": [{"c": [[]]}]}}), "nested"
    # The body is a level of its own, and the metadata's object another.
    yield "the deepest metadata", rule, with_metadata({"a": nested(DEEPEST_BODY - 2)}), "deep"
    yield "numbers", rule, with_metadata({"a": LARGEST_EXACT, "b": 0.1, "c": 1e300, "d": -0.5}), "numbers"
    yield "null, true and false", rule, with_metadata({"a": None, "b": True, "c": False}), "constants"
    yield "an empty name in metadata", rule, with_metadata({"": {"": ""}}), ""
    yield "large integers", rule, with_metadata({"a": 2**63, "b": 2**64 + 1}), "integers"
    yield "names that mean something elsewhere", rule, with_metadata({"__proto__": 1, "$where": 2, "id": 3}), ""


def nested(levels: int) -> Any:
    """Arrays in arrays."""
    value: Any = []
    for _ in range(levels - 1):
        value = [value]
    return value


def _large(planner: Planner) -> Iterator[Change]:
    body = {**planner.base, NAME: planner.name("large"), METADATA_MEMBER: {"text": ""}}
    room = LARGEST_BODY - len(json.dumps(body, separators=(",", ":")).encode())
    yield "the largest body", "accept-size", {METADATA_MEMBER: {"text": "x" * room}}, "large"
