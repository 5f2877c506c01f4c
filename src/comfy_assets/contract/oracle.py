"""What the contract says must happen to a request: read from the bytes that were sent, and nothing else.

One function, `expect`: bytes to expectation. Whoever made the request (a table, a fuzzer, a state
machine, a shrinker) has no say in how its answer is judged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from comfy_assets.contract import departures, jsontext
from comfy_assets.contract.facts import (
    DEEPEST_BODY,
    HASH,
    LARGEST_BODY,
    LONGEST_NAME,
    MOST_TAGS,
    NAME,
    SUCCESSES,
    TAGS,
    Content,
)
from comfy_assets.contract.features import Feature, features
from comfy_assets.contract.keys import ALMOST, KEY, OTHER_KEY
from comfy_assets.contract.messages import CHUNKED, NO_BODY
from comfy_assets.scenarios.model import depth

if TYPE_CHECKING:
    from comfy_assets.contract.facts import Facts
    from comfy_assets.contract.messages import Request

# Kinds of expectations.
ACCEPT, UNKNOWN, REFUSE, AUTH, MEDIA, METHOD, OPEN, ELSEWHERE = (
    "accept", "unknown", "refuse", "auth", "media", "method", "open", "elsewhere",
)  # fmt: skip

_OPEN_STATUSES = SUCCESSES | {400, 413}


@frozen
class Departure:
    """Something about a request that the contract forbids, and the rule that says so."""

    rule: str
    #: The same for all requests that a server treats alike; part of a finding's fingerprint.
    cause: str
    words: str


@frozen
class Expectation:
    """How a request must be answered: `allowed` statuses (None: anything but a server error), and why."""

    kind: str
    allowed: frozenset[int] | None
    departures: tuple[Departure, ...] = ()
    features: frozenset[Feature] = frozenset()
    #: Placeholder of the key whose owner asks.
    owner: str | None = None
    body: Any = None
    content: Content | None = None
    #: What the contract or the RFC leaves open about it.
    open: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """What must happen, for people."""
        return _WORDS[self.kind].format(
            statuses=" or ".join(map(str, sorted(self.allowed or ()))),
            why=" and ".join(departure.words for departure in self.departures) or "it is not open",
        )


_WORDS = {
    ACCEPT: "{statuses}: the request keeps the contract and its content is known",
    UNKNOWN: "404: nobody stored content with this hash",
    REFUSE: "{statuses}, since {why}",
    AUTH: "{statuses}, since {why}",
    MEDIA: "{statuses}, since {why}",
    METHOD: "{statuses}, since {why}",
    OPEN: "{statuses}, or another answer without a server error",
    ELSEWHERE: "an answer without a server error",
}


def expect(facts: Facts, request: Request) -> Expectation:
    """What must happen to a request; thought about once for each."""
    known = facts.expectations.get(id(request))
    if known is None or known[0] is not request:
        known = facts.expectations[id(request)] = (request, _expect(facts, request))
    return known[1]


def _expect(facts: Facts, request: Request) -> Expectation:  # noqa: PLR0911 - a list of decisions
    path, _, query = request.target.partition("?")
    if path != facts.path:
        return Expectation(ELSEWHERE, None)
    if request.method != facts.operation.method:
        return _method(facts, request)
    owner, wrong_key = _key(facts, request, query)
    media = _media(facts, request)
    if owner is None and wrong_key is None:
        return Expectation(ELSEWHERE, None)  # more than one key: nobody says which counts
    body = _body(facts, request)
    if wrong_key is not None:
        # A server may look at the body before the key: of two faults, either may be told.
        others = frozenset({400, 413, 415}) if media or body.departures or body.open else frozenset()
        odd = frozenset({400}) if not "".join(request.header(facts.key_header)).isascii() else frozenset()
        return Expectation(AUTH, frozenset({401}) | others | odd, (wrong_key,), body=body.value)
    if media is not None:
        return _with_media(media, body, owner)
    if body.departures:
        statuses = {400, 413} if body.open else {400}
        if request.framing == NO_BODY:
            # Nothing that a length or a media type could be said of (RFC 9110, sections 15.5.12 and 15.5.16).
            statuses |= {411, 415}
        return Expectation(
            REFUSE, frozenset(statuses), tuple(body.departures), owner=owner, body=body.value, open=body.open
        )
    return _kept(facts, request, body, owner)


def _kept(facts: Facts, request: Request, body: _Body, owner: str | None) -> Expectation:
    """A body that keeps the schema."""
    content = facts.content_of(body.value.get(HASH)) if isinstance(body.value, dict) else None
    if body.open:
        unknown = frozenset() if content else frozenset({404})
        unknown |= {411} if request.framing == CHUNKED else set()
        unusual = (
            frozenset(features(facts, request, body.value)) if isinstance(body.value, dict) else frozenset()
        )
        return Expectation(OPEN, _OPEN_STATUSES | unknown, (), unusual, owner, body.value, content, body.open)
    found = frozenset(features(facts, request, body.value))
    if content is None:
        return Expectation(UNKNOWN, frozenset({404}), features=found, owner=owner, body=body.value)
    # Content of one owner need not be another's: a 404 does not tell "unknown" from "not yours".
    others = frozenset({404}) if owner == OTHER_KEY else frozenset()
    return Expectation(
        ACCEPT, SUCCESSES | others, features=found, owner=owner, body=body.value, content=content
    )


# --- The parts of a request ---------------------------------------------------------------------

# RFC 9110, section 9.1: every server knows GET and HEAD, so that they are not allowed here (405); what it
# does not know at all it need not have implemented (501).
_ALWAYS_KNOWN = frozenset({"GET", "HEAD"})
_STANDARD = frozenset({*_ALWAYS_KNOWN, "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"})


def _method(facts: Facts, request: Request) -> Expectation:
    defined = {one.method for one in facts.contract.operations if one.path == facts.operation.path}
    if request.method in defined:
        return Expectation(ELSEWHERE, None)
    if request.method == "OPTIONS":
        return Expectation(ELSEWHERE, None)
    statuses = {405}
    statuses |= set() if request.method in _ALWAYS_KNOWN else {501}
    statuses |= set() if request.method in _STANDARD else {400}
    departure = Departure("other-methods", request.method, f"the contract has no {request.method} here")
    return Expectation(METHOD, frozenset(statuses), (departure,))


def _key(  # noqa: PLR0911 - a list of decisions
    facts: Facts, request: Request, query: str
) -> tuple[str | None, Departure | None]:
    """The owner, or what is wrong with the key; neither where two keys were sent."""
    values = request.header(facts.key_header)
    if len(values) > 1:
        return None, None
    if values and values[0] in {KEY, OTHER_KEY}:
        return values[0], None
    if values and values[0] in ALMOST:
        words = values[0].strip("{}").partition(", ")[2]
        return None, Departure("auth-almost", "almost", f"the key is almost right ({words})")
    if values and values[0].strip():
        return None, Departure("auth-wrong", "wrong", "the key is wrong")
    elsewhere = [name for name, value in request.headers if "{{api-key" in value]
    if elsewhere or "{{api-key" in query:
        place = elsewhere[0] if elsewhere else "the query"
        return None, Departure("auth-place", f"in {place}", f"the key stands in the wrong place, {place}")
    if values:
        return None, Departure("auth-empty", "empty", "the key is empty")
    return None, Departure("auth-missing", "missing", "no key was sent")


@frozen
class _Media:
    departure: Departure | None
    words: str


def _media(facts: Facts, request: Request) -> _Media | None:
    """What is unusual about how the body is announced: forbidden, or open where `departure` is None."""
    types = request.header("content-type")
    if any(value.strip().lower() != "identity" for value in request.header("content-encoding")):
        return _Media(None, "a content coding")
    if len(types) != 1 or not types[0].strip():
        # RFC 9110, section 8.3: without the header, the server may look at the body.
        return _Media(None, "no media type" if not types else "several media types")
    media_type, _, parameters = types[0].partition(";")
    if media_type.strip().lower() != facts.media_type:
        words = f"the media type is {media_type.strip()}"
        return _Media(Departure("other-media-types", "media type", words), words)
    pairs = [pair.strip().lower().partition("=") for pair in parameters.split(";")]
    charset = {name: value.strip('"') for name, _, value in pairs}.get("charset", "utf-8")
    return None if charset == "utf-8" else _Media(None, f"the charset {charset}")


def _with_media(media: _Media, body: _Body, owner: str | None) -> Expectation:
    unusual = (*body.open, media.words)
    if media.departure is None:
        statuses = {400, 413, 415} if body.departures else _OPEN_STATUSES | {404, 415}
        return Expectation(OPEN, frozenset(statuses), owner=owner, body=body.value, open=unusual)
    return Expectation(MEDIA, frozenset({400, 413, 415}), (media.departure,), owner=owner, body=body.value)


@frozen
class _Body:
    value: Any
    departures: tuple[Departure, ...] = ()
    open: tuple[str, ...] = ()


_JSON_RULES = {
    jsontext.EMPTY: "json-empty",
    jsontext.TRAILING: "json-trailing",
    jsontext.NON_FINITE: "json-non-finite",
    jsontext.ENCODING: "json-encoding",
    jsontext.MALFORMED: "json-malformed",
}


def _body(facts: Facts, request: Request) -> _Body:
    text = jsontext.read(request.body)
    # Small servers read no chunks, and the vendor's own client sends none.
    chunks = {"a body in chunks"} if request.framing == CHUNKED else set()
    unusual = tuple(sorted(text.open | _beyond_promise(request.body, text.value) | chunks))
    if text.wrong is not None:
        words = f"the body is not JSON ({text.detail})"
        return _Body(None, (Departure(_JSON_RULES[text.wrong], text.wrong, words),), unusual)
    if jsontext.TOO_DEEP in unusual:
        return _Body(None, (), unusual)
    errors = facts.request_validator.iter_errors(jsontext.judgeable(text.value))
    found = {
        departure.rule + departure.cause: departure
        for error in errors
        for departure in [_departure(facts, error)]
    }
    return _Body(text.value, tuple(found.values()), unusual)


def _beyond_promise(raw: bytes, value: Any) -> set[str]:
    """Where the request passes what every server must accept."""
    found = set()
    if len(raw) > LARGEST_BODY:
        found.add("a body of more than 16 KiB")
    if depth(value) > DEEPEST_BODY:
        found.add("nesting of more than 32 levels")
    members = value if isinstance(value, dict) else {}
    if isinstance(members.get(NAME), str) and len(members[NAME]) > LONGEST_NAME:
        found.add("a name of more than 255 characters")
    if isinstance(members.get(TAGS), list) and len(members[TAGS]) > MOST_TAGS:
        found.add("more than 32 tags")
    return found


#: Keyword of the schema that a body breaks, and the rule about it.
KEYWORD_RULES = {
    "required": "refuse-missing",
    "null": "refuse-null",
    "type": "refuse-type",
    "pattern": "refuse-pattern",
    "minItems": "refuse-empty",
}
OTHER_KEYWORDS = "refuse-limits"


def _departure(facts: Facts, error: Any) -> Departure:
    """The rule that an error of the validator belongs to."""
    path = list(error.instance_path)
    keyword, value = error.kind.name, error.instance
    if keyword == "required":
        path, keyword = [*path, error.kind.value], "required"
    place = "".join("[]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
    if not path:
        return Departure("refuse-body", "body", f"the body is {jsontype(value)} and not an object")
    if keyword == "type" and value is None:
        keyword = "null"
    rule = KEYWORD_RULES.get(keyword, OTHER_KEYWORDS)
    if keyword == "required":
        alike = next((name for name in value or () if name.lower() == error.kind.value.lower()), None)
        if alike is not None:
            return Departure(
                rule, "names in another case", f"{place} is missing, and {alike} is another name"
            )
    if keyword == "pattern":
        schema = facts.request_schema["properties"].get(path[0], {})
        kind = departures.kind_of_near_miss(value, facts.contract.validator(schema).is_valid)
        return Departure(rule, f"{place}: {kind}", f"{place} does not match its pattern ({kind})")
    return Departure(
        rule, place if rule != OTHER_KEYWORDS else f"{place}: {keyword}", _said(keyword, place, value)
    )


def _said(keyword: str, place: str, value: Any) -> str:
    match keyword:
        case "required":
            return f"{place} is missing"
        case "null":
            return f"{place} is null"
        case "type":
            return f"{place} is {jsontype(value)}"
        case "minItems":
            return f"{place} has {len(value)} items"
        case _:
            return f"{place} breaks {keyword}"


def jsontype(value: Any) -> str:
    """The type of a JSON value, with its article."""
    kinds = {
        type(None): "null",
        bool: "a boolean",
        int: "an integer",
        float: "a number",
        str: "a string",
        list: "an array",
        dict: "an object",
    }
    return kinds.get(type(value), "something else")
