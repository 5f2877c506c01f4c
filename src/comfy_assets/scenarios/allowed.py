"""Every shape of success that the contract allows, derived from it: members, values, spelling, HTTP.

`allowed(contract)` gives them. Each takes an ordinary success, status and members, and gives an answer that
means the same, or whose difference no client has a reason to stumble over.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from attrs import evolve, frozen

from comfy_assets.scenarios.wire import CHUNKED, JSON, UNTIL_CLOSED, Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from comfy_assets.specification import Contract

OPERATION = "createAssetFromHash"
Members = dict[str, Any]

# What a shape is about.
STATUS, OPTIONAL, UNKNOWN, VALUE, SPELLING, HTTP, INTERIM = (
    "status", "optional", "unknown", "values", "json", "http", "interim",
)  # fmt: skip

#: The member that says whether the reference is new, and the status that says so too.
_CREATED_NEW, _CREATED = "created_new", 201
_OTHER_ID: Final = "00000000-0000-4000-8000-00000000beef"


@frozen
class Allowed:
    """One shape: `of` makes an answer of a success's status and members."""

    name: str
    about: str
    of: Callable[[int, Members], Answer]


def plain(status: int, members: Members) -> Answer:
    """An ordinary answer."""
    return Answer(status, json.dumps(members, ensure_ascii=False).encode("utf-8"))


def success_schema(contract: Contract) -> Mapping[str, Any]:
    """The schema of the success body."""
    return _followed(contract, next(iter(_successes(contract).values())) or {})


def _successes(contract: Contract) -> dict[int, Any]:
    responses = contract.operation(OPERATION).responses
    return {
        int(status): one.schema for status, one in responses.items() if status.isdecimal() and status < "300"
    }


def _followed(contract: Contract, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    followed: Mapping[str, Any] = contract.resolve(schema["$ref"]) if "$ref" in schema else schema
    return followed


def whole(
    contract: Contract, id_: str, asked: Mapping[str, Any], *, created: bool = True
) -> tuple[int, Members]:
    """Status and members of a success to what was asked, with every member that the contract has."""
    made = {
        name: _ordinary(_followed(contract, schema))
        for name, schema in success_schema(contract)["properties"].items()
    }
    kept = {name: value for name, value in asked.items() if name in made}
    status = _CREATED if created else next(one for one in _successes(contract) if one != _CREATED)
    return status, {**made, **kept, "id": id_, _CREATED_NEW: created}


def _ordinary(schema: Mapping[str, Any]) -> Any:
    kind = (schema.get("type"), schema.get("format"))
    if "hash" in str(schema.get("description", "")).lower() or "pattern" in schema:
        return "blake3:" + "a1" * 32
    return _ORDINARY.get(kind, _ORDINARY.get((kind[0], None)))


_ORDINARY: Final[dict[tuple[Any, Any], Any]] = {
    ("string", "uuid"): "3c90c3cc-0d44-4b50-8888-8dd25736052a",
    ("string", "date-time"): "2023-11-07T05:31:56Z",
    ("string", "uri"): "https://cloud.comfy.org/previews/a",
    ("string", None): "portrait.png",
    ("integer", None): 123,
    ("boolean", None): True,
    ("array", None): ["input"],
    ("object", None): {"project": "spring"},
}


def allowed(contract: Contract) -> tuple[Allowed, ...]:
    """All shapes."""
    return (*_statuses(contract), *_members(contract), *_values(contract), *_SPELLINGS, *_MESSAGES)


def _statuses(contract: Contract) -> Iterator[Allowed]:
    for status in _successes(contract):

        def of(_status: int, members: Members, status: int = status) -> Answer:
            return plain(status, {**members, _CREATED_NEW: status == _CREATED})

        yield Allowed(f"status-{status}", STATUS, of)


# --- Members --------------------------------------------------------------------------------------


def _without(*names: str) -> Callable[[int, Members], Answer]:
    return lambda status, members: plain(
        status, {name: value for name, value in members.items() if name not in names}
    )


def _with(more: Members, *, first: bool = False) -> Callable[[int, Members], Answer]:
    return lambda status, members: plain(status, {**more, **members} if first else {**members, **more})


def _members(contract: Contract) -> Iterator[Allowed]:
    schema = success_schema(contract)
    optional = [name for name in schema["properties"] if name not in schema["required"]]
    yield Allowed("required-only", OPTIONAL, _without(*optional))
    for name in optional:
        yield Allowed(f"without-{name}", OPTIONAL, _without(name))
    nullable = [
        name
        for name in schema["properties"]
        if _followed(contract, schema["properties"][name]).get("nullable")
    ]
    for name in nullable:
        yield Allowed(f"null-{name}", OPTIONAL, _with({name: None}))
    if schema.get("additionalProperties", True) is not False:
        for name, more in _FURTHER.items():
            fresh = {key: value for key, value in more.items() if key not in schema["properties"]}
            yield Allowed(f"further-{name}", UNKNOWN, _with(fresh, first=True))


_FURTHER: Final[dict[str, Members]] = {
    "null": {"display_name": None},
    "nested": {"job": {"id": _OTHER_ID, "steps": [{"id": _OTHER_ID}, 1, None]}},
    "tempting": {
        "hash": "a1" * 32,
        "error": None,
        "code": "",
        "message": "",
        "asset_id": _OTHER_ID,
        "uuid": _OTHER_ID,
    },
    "many": {f"further_{number}": number for number in range(200)},
}

# --- Values ---------------------------------------------------------------------------------------

#: By type and format, with a name for each: values that the schema allows and somebody's reader may not.
VALUES: Final[dict[tuple[str, str | None], dict[str, Any]]] = {
    ("string", "date-time"): {
        "offset": "2023-11-07T07:31:56+02:00",
        "unknown-offset": "2023-11-07T05:31:56-00:00",
        "milliseconds": "2023-11-07T05:31:56.123Z",
        "microseconds": "2023-11-07T05:31:56.123456+00:00",
        "nanoseconds": "2023-11-07T05:31:56.123456789Z",
        "lower-case": "2023-11-07t05:31:56z",
        "leap-second": "2016-12-31T23:59:60Z",
        "early": "0001-01-01T00:00:00Z",
        "late": "9999-12-31T23:59:59Z",
    },
    ("string", "uuid"): {"upper-case": str.upper},
    ("string", "uri"): {
        "query": "https://cloud.comfy.org/a?b=c&d=%20#e",
        "other-scheme": "data:image/png;base64,AAAA",
        "long": "https://cloud.comfy.org/" + "a" * 3000,
    },
    ("string", None): {
        "empty": "",
        "long": "n" * 5000,
        "unicode": "Ünïcode 名前 \U0001f3a8 e\u0301.png",
        "controls": 'quote " backslash \\ tab \t newline \n end',
        "like-an-error": "error: 500",
    },
    ("integer", "int64"): {"zero": 0, "int32": 2**31, "2^53": 2**53 + 1, "int64": 2**63 - 1},
    ("array", None): {"none": [], "many": [f"tag {n}" for n in range(500)], "unicode": ["名前", "\U0001f3a8", "", "a,b"]},
    ("object", None): {
        "empty": {},
        "tempting": {"id": _OTHER_ID, "created_new": "no", "error": {"code": "X"}},
        "kinds": {"a": [1, 2.5, None, True, {"b": []}], "": "", "名": "\U0001f3a8", "big": 2**60, "small": 1e-300},
        "deep": json.loads('{"a":' * 30 + "1" + "}" * 30),
    },
    ("boolean", None): {"false": False},
}  # fmt: skip


def _values(contract: Contract) -> Iterator[Allowed]:
    """Each value, in all members at once that are of its type: one scenario for one reason to stumble."""
    properties = {
        name: _followed(contract, schema) for name, schema in success_schema(contract)["properties"].items()
    }
    for kind, values in VALUES.items():
        names = [
            name for name, schema in properties.items()
            if (schema.get("type"), schema.get("format")) == kind and "pattern" not in schema and name != _CREATED_NEW
        ]  # fmt: skip
        for word, value in values.items():
            if names:
                word_of_kind = kind[1] or kind[0]
                yield Allowed(f"{word_of_kind}-{word}", VALUE, _valued(names, value))


def _valued(names: list[str], value: Any) -> Callable[[int, Members], Answer]:
    def of(status: int, members: Members) -> Answer:
        put = {
            name: value(members[name]) if callable(value) else value
            for name in names
            if members.get(name) is not None
        }
        return plain(status, {**members, **put})

    return of


# --- Spelling of JSON -----------------------------------------------------------------------------


def _spelt(write: Callable[[Members], str]) -> Callable[[int, Members], Answer]:
    return lambda status, members: Answer(status, write(members).encode("utf-8"))


def _escaped(members: Members) -> str:
    """Every letter of names and texts as an escape."""

    def text(value: str) -> str:
        units = value.encode("utf-16-be")
        return '"' + "".join(f"\\u{units[n]:02x}{units[n + 1]:02x}" for n in range(0, len(units), 2)) + '"'

    def write(value: Any) -> str:
        if isinstance(value, str):
            return text(value)
        if isinstance(value, dict):
            return "{" + ",".join(f"{text(name)}:{write(one)}" for name, one in value.items()) + "}"
        if isinstance(value, list):
            return "[" + ",".join(map(write, value)) + "]"
        return json.dumps(value)

    return write(members)


_SPELLINGS: Final = (
    Allowed("json-indented", SPELLING, _spelt(lambda members: json.dumps(members, indent=4))),
    Allowed("json-compact", SPELLING, _spelt(lambda members: json.dumps(members, separators=(",", ":")))),
    Allowed("json-space-around", SPELLING, _spelt(lambda members: f"\r\n\t {json.dumps(members)} \n\n")),
    Allowed(
        "json-space-everywhere",
        SPELLING,
        _spelt(lambda members: json.dumps(members, separators=(" ,\n", "\t: "))),
    ),
    Allowed("json-escapes", SPELLING, _spelt(_escaped)),
    Allowed(
        "json-escaped-slashes", SPELLING, _spelt(lambda members: json.dumps(members).replace("/", "\\/"))
    ),
    Allowed(
        "json-other-order", SPELLING, _spelt(lambda members: json.dumps(dict(reversed(members.items()))))
    ),
)


# --- HTTP -----------------------------------------------------------------------------------------


def _sent(**more: Any) -> Callable[[int, Members], Answer]:
    return lambda status, members: evolve(plain(status, members), **more)


def _headed(*headers: tuple[str, str]) -> Callable[[int, Members], Answer]:
    return _sent(headers=headers)


_TYPE: Final = ("Content-Type", JSON)
_MESSAGES: Final = (
    Allowed("chunked", HTTP, _sent(framing=CHUNKED)),
    Allowed("no-length", HTTP, _sent(framing=UNTIL_CLOSED)),
    Allowed("connection-close", HTTP, _sent(ends=True)),
    Allowed("http-1.0", HTTP, _sent(version="1.0", framing=UNTIL_CLOSED)),
    Allowed("media-type-charset", HTTP, _headed(("Content-Type", f"{JSON}; charset=utf-8"))),
    Allowed("media-type-spelling", HTTP, _headed(("Content-Type", 'Application/JSON;Charset="UTF-8"'))),
    Allowed("header-case", HTTP, _headed(("cONTENT-tYPE", JSON), ("x-request-id", "a"))),
    Allowed("further-headers", HTTP, _headed(
        _TYPE, ("Date", "Tue, 07 Nov 2023 05:31:56 GMT"), ("Server", "x"), ("Vary", "Accept, Origin"),
        ("Set-Cookie", "a=b; Path=/"), ("Location", f"/api/assets/{_OTHER_ID}"), ("ETag", 'W/"a"'),
        ("Cache-Control", "no-store"), ("Warning", '199 - "old"'), ("X-Id", _OTHER_ID), ("X-Empty", ""),
    )),
    Allowed("many-headers", HTTP, _headed(_TYPE, *((f"X-Further-{number}", "a" * 40) for number in range(60)))),
    Allowed("reason-none", HTTP, _sent(reason="")),
    Allowed("reason-other", HTTP, _sent(reason="500 Not What It Says")),
    Allowed("1xx-continue-first", INTERIM, _sent(before=b"HTTP/1.1 100 Continue\r\n\r\n")),
    Allowed("1xx-early-hints-first", INTERIM, _sent(before=b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n")),
)  # fmt: skip
