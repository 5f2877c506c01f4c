"""Values that a schema of the contract allows, in every form in which it allows them; and wrong ones."""

from __future__ import annotations

import datetime as dt
import math
import re
import uuid
from fractions import Fraction
from functools import cache
from pathlib import PurePosixPath
from typing import Any

from hypothesis import strategies as st

from . import document

# --- Formats -----------------------------------------------------------------------------------

#: Days with a meaning: the ends of datetime's range and beyond, leap days, days of leap seconds.
DAYS = ("0000-02-29", "0001-01-01", "9999-12-31", "2000-02-29", "2024-02-29", "1990-12-31", "2016-12-31")
OFFSETS = ("Z", "z", "+00:00", "-00:00", "+05:45", "-08:00", "+14:00", "-12:00", "+23:59", "-23:59")
#: RFC 3339's own examples, offsets of leap seconds, and the finest fractions.
TIMES = (
    "1990-12-31T23:59:60Z",
    "1990-12-31T15:59:60-08:00",
    "2016-12-31t23:59:60.5z",
    "1937-01-01T12:00:27.87+00:20",
    "2023-11-07t05:31:56z",
    "2023-11-07T05:31:56.123456789Z",
    "2023-11-07T05:31:56.100000000+01:00",
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59.999999999-12:00",
)


@st.composite
def _times(draw: st.DrawFn) -> str:
    date = draw(st.sampled_from(DAYS) | st.dates().map(str))
    clock = draw(st.times()).strftime("%H:%M:%S")
    digits = draw(st.text("0123456789", max_size=9))
    fraction = f".{digits}" if digits else ""
    return f"{date}{draw(st.sampled_from('Tt'))}{clock}{fraction}{draw(st.sampled_from(OFFSETS))}"


@st.composite
def _uuids(draw: st.DrawFn) -> str:
    text = str(draw(st.uuids() | st.sampled_from([uuid.UUID(int=0), uuid.UUID(int=2**128 - 1)])))
    return draw(st.sampled_from([text, text.upper(), text.title()]))


URIS = (
    "https://cloud.comfy.org/previews/1?size=64&x=%20#top",
    "http://[::1]:8188/view",
    "HTTPS://user@EXAMPLE.org:443/a;b,c/(d)/~e/'f'/*",
    "data:image/png;base64,AAAA",
    "urn:uuid:3c90c3cc-0d44-4b50-8888-8dd25736052a",
    "file:///C:/a",
    "a:",
)

FORMATS: dict[str, st.SearchStrategy[str]] = {
    "date-time": st.sampled_from(TIMES) | _times(),
    "uuid": _uuids(),
    "uri": st.sampled_from(URIS)
    | st.from_regex(r"https?://[a-z0-9.-]{1,20}(/[!-~]{0,10}){0,3}", fullmatch=True),
}

INT64 = tuple(sorted({-(2**63), -(2**53) - 1, -1, 0, 1, 2**31, 2**53, 2**53 + 1, 2**63 - 1}))


# --- Values of a schema ------------------------------------------------------------------------

#: Any JSON value; numbers are finite, and text has no lone surrogates, as in every JSON document.
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def values_of(name: str) -> st.SearchStrategy[Any]:
    """Values that a schema of the contract allows."""
    return _valid(document.schema(name))


def values_of_member(name: str, member: str) -> st.SearchStrategy[Any]:
    """Values that a schema of the contract allows for one of its members."""
    return _valid(document.schema(name)["properties"][member])


def _valid(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Drawn from the schema's keywords, and held against all of them: what is drawn is surely allowed."""
    validator = document.validator_for(schema)
    drawn: st.SearchStrategy[Any] = _BY_TYPE[schema["type"]](schema).filter(validator.is_valid)
    return st.none() | drawn if schema.get("nullable") else drawn


def _strings(schema: dict[str, Any]) -> st.SearchStrategy[str]:
    if "pattern" in schema:
        return st.from_regex(schema["pattern"], fullmatch=True)
    return FORMATS[schema["format"]] if "format" in schema else st.text()


def _objects(schema: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Required members always, optional ones or not, and members that the schema does not name."""
    members = {name: _valid(member) for name, member in schema.get("properties", {}).items()}
    required = {name: members.pop(name) for name in schema.get("required", ())}
    further = st.dictionaries(st.text(), JSON_VALUES, max_size=2)
    named = st.fixed_dictionaries(required, optional=members)
    known = {*required, *members}
    return st.builds(lambda a, b: a | {k: v for k, v in b.items() if k not in known}, named, further)


_BY_TYPE: dict[str, Any] = {
    "string": _strings,
    "boolean": lambda _schema: st.booleans(),
    "integer": lambda _schema: st.sampled_from(INT64) | st.integers(INT64[0], INT64[-1]),
    "array": lambda schema: st.lists(_valid(schema["items"]), min_size=schema.get("minItems", 0), max_size=4),
    "object": _objects,
}


# --- Wrong values ------------------------------------------------------------------------------

#: No JSON at all, or JSON that UTF-8 or RFC 8259 cannot carry.
NOT_JSON = (
    math.nan,
    math.inf,
    -math.inf,
    "\ud800",
    b"blake3:",
    {"a": {1: "a name that is no text"}},
    {"a": ["\udfff"]},
    {"\ud800": 1},
    {"a": math.nan},
    {"a": {"b", "c"}},
    {"a": (1, 2)},
    [b"input"],
    object(),
    dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    uuid.UUID(int=1),
    PurePosixPath("portrait.png"),
    Fraction(1, 2),
    1 + 2j,
)
DIGEST = "0123456789abcdef" * 4
NEAR_HASHES = (
    "",
    "blake3:",
    DIGEST,
    f"blake3:{DIGEST}\n",
    f"\nblake3:{DIGEST}",
    f" blake3:{DIGEST}",
    f"blake3:{DIGEST} ",
    f"blake3:{DIGEST}0",
    f"blake3:{DIGEST[:-1]}",
    f"blake3:{DIGEST[:-1]}g",
    # A digit, but not one of the pattern's.
    f"blake3:{DIGEST[:-1]}٣",
    f"blake3:{DIGEST.upper()}",
    f"BLAKE3:{DIGEST}",
    f"blake3{DIGEST}",
    f"blake3: {DIGEST}",
    f"blake2:{DIGEST}",
    f"sha256:{DIGEST}\r",
    f"md5:{DIGEST}",
)
NEAR_TAGS: tuple[Any, ...] = ([], "input", "", ["a", 1], ["a", None], [["a"]], {"a": "b"}, ["\ud800"], [True])

ANYTHING = JSON_VALUES | st.sampled_from(NOT_JSON)
WRONG: dict[str, st.SearchStrategy[Any]] = {
    "hash": st.sampled_from(NEAR_HASHES) | ANYTHING,
    "tags": st.sampled_from(NEAR_TAGS) | ANYTHING,
}


@cache
def arguments() -> st.SearchStrategy[dict[str, Any]]:
    """Arguments of a request, right ones and wrong ones; mostly one wrong at a time."""
    schema = document.schema(document.REQUEST)
    right = {name: _valid(member) for name, member in schema["properties"].items()}

    def with_one_wrong(members: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
        wrong = [st.fixed_dictionaries({name: WRONG.get(name, ANYTHING)}) for name in right]
        return st.one_of(wrong).map(members.__or__)

    optional = {name: strategy for name, strategy in right.items() if name not in schema["required"]}
    required = {name: right[name] for name in schema["required"]}
    good = st.fixed_dictionaries(required, optional=optional)
    return good | good.flatmap(with_one_wrong) | good.flatmap(with_one_wrong).flatmap(with_one_wrong)


# --- Equality by meaning -----------------------------------------------------------------------

_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII
)


def meaning(schema: dict[str, Any], value: Any) -> Any:
    """A JSON value in a form that is equal where the contract's meaning is."""
    match schema.get("format"), value:
        case "uuid", str():
            return uuid.UUID(value)
        case "date-time", str():
            return instant(value)
        case _, dict():
            members = schema.get("properties", {})
            return {name: meaning(members.get(name, {}), member) for name, member in value.items()}
        case _, list():
            return [meaning(schema.get("items", {}), item) for item in value]
        case _:
            # 1, 1.0 and true are equal in Python and differ in JSON; so do 0.0 and -0.0.
            return type(value), repr(value)


def instant(text: str) -> Any:
    """The moment that RFC 3339 text names, to the last digit; text that datetime cannot hold stays text."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(f"no RFC 3339 time: {text!r}")
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    if second == 60 or year == 0:
        return text
    fraction, sign, hours, minutes = found.groups()[6:]
    offset = (int(hours) * 60 + int(minutes)) * (-1 if sign == "-" else 1) if sign else 0
    days = dt.date(year, month, day).toordinal()
    seconds = ((days * 24 + hour) * 60 + minute - offset) * 60 + second
    return seconds + (Fraction(int(fraction), 10 ** len(fraction)) if fraction else 0)
