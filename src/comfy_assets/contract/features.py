"""What is unusual about a request that keeps the contract: why a server might refuse it.

Computed from the bytes, so that planned, drawn and shrunk requests are judged alike. Each feature
belongs to the rule that says it must be accepted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from comfy_assets.contract import jsontext
from comfy_assets.contract.facts import HASH, LARGEST_EXACT, METADATA, MIME_TYPE, NAME, TAGS
from comfy_assets.scenarios.model import depth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from comfy_assets.contract.facts import Facts
    from comfy_assets.contract.messages import Request

Feature = tuple[str, str]  # the rule, and the feature in words

#: Sizes at which servers are known to end; more than the larger is also more than the smaller.
_TAGS = (4, 8, 16)
_NAME = (64, 128, 200)
#: Where databases and file systems count bytes.
_NAME_BYTES = (255, 512)
_TAG = (32, 64, 128)
_LEVELS = (4, 8, 16, 24)
_BODY = (2048, 4096, 8192, 12288)


def _beyond(size: int, limits: tuple[int, ...], words: str) -> Iterator[str]:
    """The limits that a size passes, each as a feature."""
    yield from (words.format(limit) for limit in limits if size > limit)


def features(facts: Facts, request: Request, body: dict[str, Any]) -> set[Feature]:
    """The features of a request whose body keeps the schema."""
    found: set[Feature] = set(_of_members(facts, body))
    found |= {("accept-unicode", words) for words in _of_texts(body)}
    for name, rule, judge in _OF:
        if name in body:
            found |= {(rule, words) for words in judge(body[name])}
    found |= {
        ("accept-size", words) for words in _beyond(len(request.body), _BODY, "a body of more than {} bytes")
    }
    found |= set(_of_headers(facts, request))
    return found


def _of_members(facts: Facts, body: dict[str, Any]) -> Iterator[Feature]:
    properties = facts.request_schema.get("properties", {})
    required = facts.request_schema.get("required", ())
    for name in properties:
        if name not in body and name not in required:
            yield "accept-minimal", f"no {name}"
    if set(body) - set(properties):
        yield "accept-unknown-members", "a member that the contract does not name"
    if isinstance(body.get(HASH), str):
        yield "accept-known", f"a {body[HASH].partition(':')[0]} hash"


def _of_texts(body: dict[str, Any]) -> Iterator[str]:
    for place in (NAME, TAGS, METADATA, MIME_TYPE):
        letters = set("".join(jsontext.texts(body.get(place))))
        # Who refuses all that is beyond ASCII refuses emoji too: that is one reason, not two.
        if any(letter > "\x7f" for letter in letters):
            yield f"characters beyond ASCII in {place}"
        if any(letter > "\uffff" for letter in letters):
            yield f"characters beyond U+FFFF in {place}"
        if any(letter < " " or letter == "\x7f" for letter in letters):
            yield f"control characters in {place}"


def _of_tags(tags: Any) -> Iterator[str]:
    if len(tags) > len(set(tags)):
        yield "the same tag twice"
    yield from _beyond(len(tags), _TAGS, "more than {} tags")
    if "" in tags:
        yield "an empty tag"
    yield from _beyond(max(map(len, tags), default=0), _TAG, "a tag of more than {} characters")
    if any("," in tag for tag in tags):
        yield "a tag with a comma"
    if any(tag != tag.strip() for tag in tags):
        yield "a tag with spaces around it"
    if any(tag != tag.lower() for tag in tags):
        yield "a tag in upper case"


def _of_name(name: str) -> Iterator[str]:
    if not name:
        yield "an empty name"
    yield from _beyond(len(name), _NAME, "a name of more than {} characters")
    yield from _beyond(len(name.encode("utf-8", "replace")), _NAME_BYTES, "a name of more than {} bytes")
    if "/" in name or "\\" in name:
        yield "a name with a slash"
    if name != name.strip():
        yield "a name with spaces around it"
    if any(letter in name for letter in "'\"<>;%"):
        yield "a name with quotes or signs"


def _of_metadata(metadata: Any) -> Iterator[str]:
    if not metadata:
        yield "empty metadata"
        return
    if any(isinstance(value, dict) for value in metadata.values()):
        yield "an object in metadata"
    if any(isinstance(value, list) for value in metadata.values()):
        yield "a list in metadata"
    yield from _beyond(depth(metadata), _LEVELS, "metadata of more than {} levels")
    if any(isinstance(number, int) and abs(number) > LARGEST_EXACT for number in jsontext.numbers(metadata)):
        yield "an integer beyond 2^53 in metadata"
    if any(isinstance(number, float) for number in jsontext.numbers(metadata)):
        yield "a fraction in metadata"
    yield from (
        words for words, value in _VALUES if any(jsontext.same(one, value) for one in metadata.values())
    )
    if "" in metadata:
        yield "metadata with an empty name"
    if any(name.startswith(("__", "$")) for name in metadata):
        yield "metadata with names that mean something elsewhere"


_VALUES = (("null in metadata", None), ("a boolean in metadata", True), ("a boolean in metadata", False))


def _of_mime_type(mime_type: str) -> Iterator[str]:
    if "/" not in mime_type:
        yield "a mime_type without a slash"


_OF: tuple[tuple[str, str, Callable[[Any], Iterator[str]]], ...] = (
    (TAGS, "accept-tags", _of_tags),
    (NAME, "accept-names", _of_name),
    (METADATA, "accept-metadata", _of_metadata),
    (MIME_TYPE, "accept-minimal", _of_mime_type),
)


def _of_headers(facts: Facts, request: Request) -> Iterator[Feature]:
    media_type, _, parameters = request.header("content-type")[0].partition(";")
    if parameters.strip():
        yield "media-type-spelling", "the media type: with a charset"
    if media_type != media_type.lower():
        yield "media-type-spelling", "the media type: in upper case"
    if facts.key_header and facts.key_header not in {name for name, _ in request.headers}:
        yield "header-case", "the name of the key's header in another case"
