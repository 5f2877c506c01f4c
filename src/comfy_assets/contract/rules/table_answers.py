"""Rules about answers: their bodies, the references in them, and what must never stand in one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from comfy_assets.contract.facts import CREATED, EXISTING, METADATA, MIME_TYPE, NAME, TAGS
from comfy_assets.contract.rules import body, identity, kept, never
from comfy_assets.contract.rules.model import (
    MUST,
    OBSERVED,
    OTHER_KEY,
    SHOULD,
    TELLING_KEY,
    TWO_HASHES,
    Judged,
    Rule,
)

if TYPE_CHECKING:
    from comfy_assets.contract.history import History

_RESPONSE = "reference page, Response; openapi.yaml, AssetCreated"
_BOTH = (EXISTING, CREATED)
_Check = Callable[["History"], Iterable[Judged]]


def _body(id_: str, title: str, why: str, check: _Check, *, level: str = MUST) -> Rule:
    blind = "Answers to requests that were not sent."
    return Rule(id_, "body", title, level, _RESPONSE, why, blind, check, statuses=_BOTH)


def _schema(id_: str, title: str, why: str, *keywords: str) -> Rule:
    return _body(id_, title, why, body.schema(frozenset(keywords) or None))


def _kept(id_: str, name: str, title: str, why: str) -> Rule:
    blind = "What becomes of it later: the contract has no operation that reads it."
    return Rule(
        id_, "kept", title, MUST, f"reference page, Body and Response: {name}", why, blind, kept.kept(name)
    )


RULES: tuple[Rule, ...] = (
    _body(
        "body-media-type",
        "A success is announced as application/json",
        "Clients choose a reader by it.",
        body.media_type,
    ),
    _body("body-json", "A success body is a JSON object", "Anything else cannot be read.", body.is_json),
    _body(
        "body-members-once",
        "No member of a success body stands twice",
        "Readers differ in which one they keep.",
        body.duplicates,
        level=SHOULD,
    ),
    _schema(
        "body-required", "Every required member is there", "Clients read them without asking.", "required"
    ),
    _schema("body-types", "Every member has its type", "Typed clients cannot read another.", "type"),
    _schema(
        "body-null", "null stands only where the contract allows it", "Typed clients cannot read it.", "null"
    ),
    _schema(
        "body-formats",
        "Ids, times, addresses and numbers have their format",
        "A time without an offset is another moment in every country; a number beyond int64 overflows.",
        "format",
        "range",
    ),
    _schema(
        "body-patterns", "Texts match their patterns", "A hash in another form finds nothing.", "pattern"
    ),
    _schema("body-limits", "Every other limit of the schema is held", "A limit that is not held is none."),
    _body(
        "integers-written",
        "Integers are written as integers",
        "1.0 is no integer for readers in several languages.",
        body.integers,
        level=SHOULD,
    ),
    _body(
        "size-not-negative",
        "A size is not negative",
        "It is a number of bytes.",
        body.not_negative,
        level=SHOULD,
    ),
    Rule(
        "created-status",
        "identity",
        "201 comes exactly with created_new true",
        MUST,
        "reference page, created_new; published description, responses 200 and 201",
        "Clients look at one of the two; both must say the same.",
        "Whether what both say is true.",
        identity.created_status,
    ),
    Rule(
        "created-told",
        "identity",
        "Who made a reference is told so",
        MUST,
        "reference page, created_new",
        "A client counts what it made by it.",
        "A server that does not give the name back.",
        identity.created_told,
    ),
    Rule(
        "repeat-same",
        "identity",
        "The same request again is 200 with the same id",
        MUST,
        "reference page, Response 200: already exists, returned existing",
        "A client that repeats a call after a lost answer must not make a second reference.",
        "Repeats after a long time, or after a restart.",
        identity.repeat_same,
    ),
    Rule(
        "repeat-stable",
        "identity",
        "Size, hash, name and creation time stay as they were",
        MUST,
        "reference page, created_at: when the asset was created",
        "They belong to the reference, not to the call.",
        "Changes that take longer than the run.",
        identity.repeat_stable,
        follows=("size-true", "name-kept", "hash-kept", "repeat-same"),
    ),
    Rule(
        "other-hash",
        "identity",
        "The same request by the content's other hash finds the same reference",
        SHOULD,
        "reference page, hash: both algorithms name the content",
        "Otherwise one file becomes two references, depending on which hash a client prefers.",
        "Content of which only one hash is known.",
        identity.other_hash,
        needs=(TWO_HASHES,),
        follows=("repeat-same",),
    ),
    Rule(
        "race-one",
        "identity",
        "Many identical requests at once make one reference",
        MUST,
        "reference page, id: unique identifier; created_new",
        "A client with several workers sends them; a server that looks first and writes later makes several.",
        "Races that these few requests did not win.",
        identity.race,
        follows=("repeat-same", "created-status", "created-told"),
    ),
    Rule(
        "one-identity",
        "identity",
        "What makes a reference another one is the same throughout",
        SHOULD,
        "reference page, Response 200",
        "A reference that is found again by chance cannot be relied upon.",
        "Members that were not varied.",
        identity.one_identity,
        follows=("repeat-same",),
    ),
    Rule(
        "ids-unique",
        "identity",
        "Two references never have one id",
        MUST,
        "reference page, id: unique identifier for the asset",
        "Whoever uses the id reaches another file.",
        "References of other runs.",
        identity.ids_unique,
    ),
    Rule(
        "times-ordered",
        "identity",
        "Nothing is updated or accessed before it was created",
        SHOULD,
        "reference page, created_at, updated_at and last_access_time",
        "Sorting and synchronising rely on it.",
        "A clock that is wrong altogether.",
        identity.times,
        follows=("ids-unique",),
    ),
    _kept("name-kept", NAME, "The name comes out as it went in", "It is how people find the file again."),
    _kept(
        "tags-kept",
        TAGS,
        "The tags come out as they went in, as a set",
        "Applications find models by them, case kept.",
    ),
    _kept(
        "metadata-kept",
        METADATA,
        "The metadata comes out as it went in",
        "Types, nesting and numbers are the user's.",
    ),
    _kept(
        "mime-type-kept",
        MIME_TYPE,
        "The MIME type comes out as it went in",
        "Applications choose a viewer by it.",
    ),
    Rule(
        "hash-kept",
        "kept",
        "The content's hash is that of the content asked for",
        MUST,
        "reference page, asset_hash: BLAKE3 hash of the asset content",
        "A client compares it with its file; by SHA-256 too, where it has to be looked up.",
        "Content of which only the SHA-256 is known.",
        kept.content_hash,
    ),
    Rule(
        "size-true",
        "kept",
        "The size is that of the file",
        MUST,
        "reference page, size: bytes of the asset",
        "A client plans downloads by it.",
        "Files that were not given: of those only that the size is always the same.",
        kept.size,
    ),
    Rule(
        "owners-apart",
        "auth",
        "One owner's reference is not another's",
        SHOULD,
        "reference page, title: under your own name, tags and metadata",
        "Names and metadata are private; what one owner changes must not change another's.",
        "Owners that share an account.",
        identity.owners,
        needs=(OTHER_KEY,),
        follows=("auth-missing", "ids-unique"),
    ),
    Rule(
        "never-key",
        "never",
        "No answer holds a key, right or wrong",
        MUST,
        "reference page, Authorizations: a secret of its owner",
        "Answers end up in logs, reports and bug trackers.",
        "Keys in another spelling than raw, escaped, percent-encoded or base64.",
        never.keys,
        needs=(TELLING_KEY,),
    ),
    Rule(
        "never-trace",
        "never",
        "No answer holds a stack trace",
        MUST,
        "published description, ErrorResponse: a message for people",
        "It tells attackers about the inside, and users nothing.",
        "Traces in a form that is not known here.",
        never.traces,
    ),
    Rule(
        "never-path",
        "never",
        "No answer holds a path of the server",
        MUST,
        "published description, ErrorResponse: a message for people",
        "It tells attackers where things lie.",
        "Paths outside the usual folders.",
        never.paths,
    ),
    Rule(
        "never-sql",
        "never",
        "No answer holds SQL or an error of the database",
        MUST,
        "published description, ErrorResponse: a message for people",
        "It shows that input reaches the database, and how.",
        "Databases whose messages are not known here.",
        never.sql,
    ),
    Rule(
        "identity",
        "observed",
        "What makes a reference another one",
        OBSERVED,
        "left open by the page",
        "A library of files with the same content needs to know whether names make references.",
        "",
        identity.identity_told,
    ),
    Rule(
        "other-operations",
        "observed",
        "Operations of the contract that no rule asks for",
        OBSERVED,
        "openapi.yaml, paths",
        "A run without a finding says nothing of an operation that it never asked for.",
        "",
        identity.other_operations,
    ),
    Rule(
        "large-integers",
        "observed",
        "What becomes of integers beyond 2^53",
        OBSERVED,
        "RFC 8259, section 6",
        "Seeds are often 64 bits wide.",
        "",
        kept.large_integers,
    ),
)
