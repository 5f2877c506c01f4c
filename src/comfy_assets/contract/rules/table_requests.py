"""Rules about requests: which are accepted, which are refused, and how."""

from __future__ import annotations

from comfy_assets.contract.rules import body, protocol
from comfy_assets.contract.rules.model import ANY_KEY, MUST, OBSERVED, SHOULD, Rule
from comfy_assets.contract.rules.statuses import rule as by_status

_BODY = "reference page, Body"
_SCHEMA = "openapi.yaml, CreateAssetFromHashRequest"
_400 = "published description, response 400"
_401 = "reference page, Authorizations; published description, response 401"
_RANDOM = "A server that refuses only for values that were not tried."


def _accept(
    id_: str, title: str, why: str, *, level: str = MUST, source: str = _BODY, blind: str = _RANDOM
) -> Rule:
    return Rule(id_, "accept", title, level, source, why, blind, by_status(id_))


def _refuse(id_: str, title: str, why: str, source: str = _SCHEMA) -> Rule:
    blind = "A server that repairs a wrong value which was not tried."
    return Rule(id_, "refuse", title, MUST, f"{source}; {_400}", why, blind, by_status(id_))


def _auth(id_: str, title: str, why: str, *, level: str = MUST, follows: tuple[str, ...] = ()) -> Rule:
    blind = "Whether the key is compared in constant time, and how keys are stored."
    return Rule(
        id_, "auth", title, level, _401, why, blind, by_status(id_), needs=(ANY_KEY,), follows=follows
    )


def _protocol(id_: str, title: str, why: str, *, level: str, source: str) -> Rule:
    return Rule(id_, "protocol", title, level, source, why, _RANDOM, by_status(id_))


_NO_KEY = ("auth-missing",)

RULES: tuple[Rule, ...] = (
    _accept(
        "accept-known",
        "A request for known content, by any of its hashes, is answered 200 or 201",
        "It is what the operation is for; a client that hashes by SHA-256 depends on both algorithms.",
        blind="Content that was not named to the check.",
    ),
    _accept(
        "accept-minimal",
        "Optional members may be left out, and hold any value of their type",
        "A client that knows no name or MIME type must still be able to register its file.",
    ),
    _accept(
        "accept-unicode",
        "Text may hold any Unicode character but NUL",
        "Files and tags are named in every script; emoji are where byte-limited databases fail.",
    ),
    _accept(
        "accept-names",
        "Names up to 255 characters are accepted, the empty one too, whatever stands in them",
        "The contract calls the name a display name; file systems allow 255 characters.",
    ),
    _accept(
        "accept-tags",
        "Any tags are accepted: repeated, empty, long ones, and up to 32 of them",
        "The page calls tags free-form, in any order.",
    ),
    _accept(
        "accept-metadata",
        "Metadata may hold any JSON: nested up to 32 levels, empty, with numbers and null",
        "Workflows and prompts are nested deeply; the contract sets no limit to their form.",
    ),
    _accept(
        "accept-size",
        "Bodies up to 16 KiB are accepted",
        "Metadata with a workflow in it is several kilobytes long.",
    ),
    _accept(
        "accept-unknown-members",
        "Members that the contract does not name are tolerated",
        "A client that is newer than the server must not be locked out; nothing forbids further members.",
        level=SHOULD,
        source="openapi.yaml, CreateAssetFromHashRequest: no additionalProperties",
    ),
    Rule(
        "unknown-content",
        "unknown",
        "Content that nobody stored is answered 404",
        MUST,
        "published description, response 404",
        "A client uploads what is answered 404; a success here is a reference to nothing.",
        "Content that the server lost: a hash that it once knew.",
        by_status("unknown-content"),
    ),
    _refuse(
        "refuse-missing",
        "A request without a required member is refused with 400",
        "A default that the server makes up hides a mistake of the client.",
    ),
    _refuse(
        "refuse-null",
        "null is refused with 400 where the contract does not allow it",
        "The contract says which members may be null; a server that reads null as absent differs from the next.",
    ),
    _refuse(
        "refuse-type",
        "A member of the wrong type is refused with 400",
        "Numbers turned into text, or text split into lists, come out as something else than went in.",
    ),
    _refuse(
        "refuse-pattern",
        "A hash that is almost right is refused with 400",
        "A 404 would send a client to upload a file that is there; mended hashes make two spellings of one content.",
    ),
    _refuse(
        "refuse-empty",
        "A list with too few items is refused with 400",
        "The contract asks for at least one tag.",
    ),
    _refuse(
        "refuse-limits",
        "A value beyond any other limit of the contract is refused with 400",
        "A limit that is not held is none.",
    ),
    _refuse(
        "refuse-body", "A body that is no object is refused with 400", "There is nothing to register in it."
    ),
    _refuse(
        "refuse-status",
        "Whatever is refused as invalid is refused with 400",
        "Clients tell a mistake of theirs (400) from missing content (404) and a bad key (401) by the status alone.",
    ),
    Rule(
        "error-body",
        "refuse",
        "Documented errors carry the error body: JSON with code and message",
        MUST,
        "published description, ErrorResponse",
        "Programs show the message to people and decide by the code.",
        "Whether the message helps anybody.",
        body.error_body,
    ),
    _auth(
        "auth-missing", "A request without a key is answered 401", "Without it everybody can use the account."
    ),
    _auth(
        "auth-empty", "An empty key is answered 401", "An unset variable must not be a key.", follows=_NO_KEY
    ),
    _auth(
        "auth-wrong",
        "A wrong key is answered 401",
        "A key that anybody can make up is none.",
        follows=_NO_KEY,
    ),
    _auth(
        "auth-almost",
        "A key that is almost right is answered 401",
        "Keys compared without case, or only as far as they go, are easier to guess.",
        follows=("auth-missing", "auth-wrong"),
    ),
    _auth(
        "auth-place",
        "A right key in the wrong place is answered 401",
        "Keys in a query end up in logs and histories; the contract names one header.",
        follows=_NO_KEY,
    ),
    _auth(
        "auth-status",
        "A request without a valid key is answered 401 and nothing else",
        "403, 404 or 400 send people looking for other mistakes than a wrong key.",
    ),
    Rule(
        "auth-challenge",
        "auth",
        "A 401 carries WWW-Authenticate",
        SHOULD,
        "RFC 9110, section 15.5.2",
        "HTTP requires it, so that a client can tell what kind of key is asked for.",
        "Whether what it says is true.",
        protocol.challenge,
        needs=(ANY_KEY,),
    ),
    _auth(
        "header-case",
        "The name of the key's header may be written in any case",
        "Proxies and HTTP/2 write header names in lower case.",
        level=SHOULD,
    ),
    _protocol(
        "other-methods",
        "Methods that the contract does not have are answered 405",
        "A GET that creates something is called by crawlers and prefetching browsers.",
        level=SHOULD,
        source="RFC 9110, section 15.5.6; the page has POST only",
    ),
    Rule(
        "allow-header",
        "protocol",
        "A 405 says in Allow which methods there are",
        SHOULD,
        "RFC 9110, section 15.5.6",
        "HTTP requires it.",
        "Whether further methods that it names exist.",
        protocol.allow,
    ),
    Rule(
        "head-body",
        "protocol",
        "An answer to HEAD has no body",
        SHOULD,
        "RFC 9110, section 9.3.2",
        "What follows it is taken for the next answer on the connection.",
        "",
        protocol.head,
    ),
    _protocol(
        "other-media-types",
        "A body that is announced as something else than JSON is refused with 400 or 415",
        "A browser sends text/plain across origins without asking; a server that takes it can be used by any page.",
        level=SHOULD,
        source="reference page, Body: application/json; RFC 9110, section 15.5.16",
    ),
    _protocol(
        "media-type-spelling",
        "The media type may be written in any case and carry charset=utf-8",
        "Several HTTP libraries add the parameter by themselves.",
        level=SHOULD,
        source="RFC 9110, section 8.3.1",
    ),
    _protocol(
        "json-empty",
        "An empty body is refused with 400",
        "The contract says that the body is required.",
        level=MUST,
        source="reference page, Body; openapi.yaml, requestBody.required",
    ),
    _protocol(
        "json-malformed",
        "A body that is not JSON is refused with 400",
        "A lenient reader takes half of a broken request for a whole one.",
        level=MUST,
        source="reference page, Body: application/json; RFC 8259",
    ),
    _protocol(
        "json-trailing",
        "Bytes after the JSON value are refused with 400",
        "A reader that stops early overlooks that two requests were glued together.",
        level=MUST,
        source="reference page, Body: application/json; RFC 8259, section 2",
    ),
    _protocol(
        "json-non-finite",
        "NaN and Infinity are refused with 400",
        "They are no JSON: once stored, the answer that repeats them cannot be read by others.",
        level=MUST,
        source="RFC 8259, section 6",
    ),
    _protocol(
        "json-encoding",
        "A body that is not UTF-8 is refused with 400",
        "Guessing the encoding stores other names than were sent.",
        level=SHOULD,
        source="RFC 8259, section 8.1",
    ),
    _protocol(
        "open-requests",
        "What may be refused is accepted or refused with 400 or 413",
        "Lone surrogates, NUL, bodies beyond 16 KiB: a server need not take them, but must say so.",
        level=SHOULD,
        source="published description, response 400",
    ),
    Rule(
        "never-5xx",
        "never",
        "No request is answered with a server error",
        MUST,
        "published description, response 500: the server failed",
        "A server error tells the client to try again, for ever, what will never work.",
        "Failures under load, or of parts that were not reached.",
        by_status("never-5xx"),
    ),
    Rule(
        "never-silent",
        "never",
        "Every request gets a whole answer",
        MUST,
        "reference page, Response",
        "A connection that ends without an answer leaves open whether a reference was made.",
        "Connections that were lost on the way.",
        by_status("never-silent"),
    ),
    Rule(
        "never-throttled",
        "never",
        "No request is throttled for ever while others are answered",
        MUST,
        "RFC 6585, section 4; RFC 9110, section 15.6.4: both are for a time",
        "A client waits and asks again, for ever.",
        "Throttling that ends after a longer time.",
        protocol.throttled,
    ),
    Rule(
        "requests-observed",
        "observed",
        "How requests are answered that may be accepted or refused",
        OBSERVED,
        "RFC 8259, sections 4, 6 and 8",
        "Worth knowing when moving from one server to another.",
        "",
        protocol.open_observed,
    ),
    Rule(
        "slow-answers",
        "observed",
        "The slowest answer",
        OBSERVED,
        "no source: the contract says nothing of time",
        "Slowness is no violation.",
        "",
        protocol.slow,
    ),
)
