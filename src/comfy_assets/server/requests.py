"""What arrives, judged: bytes and headers become a request that keeps the contract, or a refusal.

Pure: nothing here reads a socket or a database. Beyond the contract's schema the body must be
JSON that every reader understands alike. Refused with 400, each with the place and the cause:

- bytes that are not UTF-8, a byte order mark, anything that is not JSON (NaN and Infinity are not);
- a member that stands twice in one object, since readers differ in which one they keep;
- numbers too large for a double, and integers of more than `DIGITS` digits;
- lone surrogates and NUL characters, in names of members too, since databases cannot store them;
- nesting deeper than `DEPTH` levels, and more than `MEMBERS` members and items in all.

A refusal never repeats a value that was sent: it could be a key, or a megabyte.
"""

from __future__ import annotations

import json
import math
from itertools import islice
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import jsonschema_rs

#: Levels of objects and arrays. The contract's users get 32; the JSON parser itself ends near 1,000.
DEPTH = 100
#: Members of all objects and items of all arrays. A body of 16 KiB, which everybody may send, has room for
#: 8,192.
MEMBERS = 50_000
#: Digits of an integer. Python refuses to convert more than 4,300 by default, in both directions.
DIGITS = 4300
#: Characters of a name or a limit that a message shows.
SHOWN = 100
#: Violations of the schema that one message names.
NAMED = 3


class RefusedError(Exception):
    """A request that is not carried out: its status, why, and headers that belong to the answer."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or {}


def check_headers(content_types: Sequence[str], content_encodings: Sequence[str], expected: str) -> None:
    """Refuse a body that is not of the `expected` media type, in UTF-8 and not compressed.

    Takes the values of all `Content-Type` and `Content-Encoding` headers. Parameters other than
    `charset` are passed over.
    """
    if len(content_types) != 1:
        raise RefusedError(400, f"exactly one Content-Type header is needed, {expected}")
    media_type, *parameters = (part.strip() for part in content_types[0].split(";"))
    if media_type.lower() != expected.lower():
        raise RefusedError(400, f"the Content-Type must be {expected}")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset" and value.strip().strip('"').lower() != "utf-8":
            raise RefusedError(400, "the charset must be utf-8")
    if any(value.strip().lower() != "identity" for value in content_encodings):
        raise RefusedError(400, "a Content-Encoding is not supported: send the body as it is")


def read_json(body: bytes) -> Any:
    """The JSON value in a body, as Python has it; `RefusedError` for what the top of this module lists."""
    if not body:
        raise RefusedError(400, "the body is empty, a JSON value is needed")
    if body.startswith(b"\xef\xbb\xbf"):
        raise RefusedError(400, "the body starts with a byte order mark, which JSON does not have")
    try:
        value = _DECODER.decode(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise RefusedError(400, f"the body is not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise RefusedError(400, f"the body is not JSON: {error.msg} at {where}") from None
    except RecursionError:
        raise _too_deep() from None
    _check_texts(value)
    return value


def check_schema(validator: jsonschema_rs.Draft202012Validator, value: Any) -> None:
    """Refuse a value that breaks the contract's schema, naming the places and the limits."""
    if validator.is_valid(value):
        return
    errors = list(islice(validator.iter_errors(value), NAMED))
    raise RefusedError(400, "; ".join(map(_violation, errors)))


# --- Hooks of the JSON parser -------------------------------------------------------------------


def _refuse_constant(name: str) -> NoReturn:
    raise RefusedError(400, f"the body is not JSON: {name} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise RefusedError(400, "a number is too large for a double")
    return number


def _integer(text: str) -> int:
    try:
        # The interpreter's own limit can be set lower than ours, and answers with ValueError.
        number = int(text) if len(text.lstrip("-")) <= DIGITS else None
    except ValueError:
        number = None
    if number is None:
        raise RefusedError(400, f"an integer has more than {DIGITS} digits")
    return number


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise RefusedError(400, f"the member {_shown(name)} stands twice in one object")
            seen.add(name)
    return result


_DECODER = json.JSONDecoder(
    parse_constant=_refuse_constant, parse_float=_finite, parse_int=_integer, object_pairs_hook=_members
)


# --- The value as a whole -----------------------------------------------------------------------


def _check_texts(value: Any) -> None:
    """Walk without recursion, so that depth is a limit of ours and not of the interpreter."""
    waiting: list[tuple[Any, int, tuple[str | int, ...]]] = [(value, 1, ())]
    members = 0
    while waiting:
        item, level, place = waiting.pop()
        if isinstance(item, str):
            _check_text(item, place)
            continue
        if not isinstance(item, dict | list):
            continue
        if level > DEPTH:
            raise _too_deep()
        members += len(item)
        if members > MEMBERS:
            raise RefusedError(400, f"the body has more than {MEMBERS} members and items")
        for key, inner in _inner(item):
            if isinstance(key, str):
                _check_text(key, place)
            if isinstance(inner, str | dict | list):
                waiting.append((inner, level + 1, (*place, key)))


def _inner(item: dict[str, Any] | list[Any]) -> Iterator[tuple[str | int, Any]]:
    return iter(item.items()) if isinstance(item, dict) else enumerate(item)


def _check_text(text: str, place: Sequence[str | int]) -> None:
    if text.isascii() and "\0" not in text:
        return
    if "\0" in text:
        raise RefusedError(400, f"{_named(place)}: the character NUL is not supported")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise RefusedError(400, f"{_named(place)}: a lone surrogate is not a character") from None


def _too_deep() -> RefusedError:
    return RefusedError(400, f"the body is nested deeper than {DEPTH} levels")


# --- Words --------------------------------------------------------------------------------------

#: What each keyword of JSON Schema asks for; `{}` is the keyword's value in the contract.
_ASKED = {
    "type": "must be of type {}",
    "pattern": "must match the pattern {}",
    "format": "must be a valid {}",
    "enum": "must be one of {}",
    "minItems": "needs at least {} items",
    "maxItems": "can have at most {} items",
    "minLength": "needs at least {} characters",
    "maxLength": "can have at most {} characters",
    "minProperties": "needs at least {} members",
    "maxProperties": "can have at most {} members",
    "minimum": "must be at least {}",
    "maximum": "must be at most {}",
    "exclusiveMinimum": "must be more than {}",
    "exclusiveMaximum": "must be less than {}",
    "multipleOf": "must be a multiple of {}",
    "uniqueItems": "must not hold the same item twice",
    "additionalProperties": "has members that are not allowed",
}
_UNITS = {"items": "item", "characters": "character", "members": "member"}


def _violation(error: jsonschema_rs.ValidationError) -> str:
    keyword = error.kind.name
    if keyword == "required":
        return f"{_named([*error.instance_path, error.kind.value])} is required"
    value = error.kind.value
    limit = " or ".join(map(str, value)) if keyword == "type" and isinstance(value, list) else str(value)
    words = _ASKED.get(keyword, f"breaks the rule {keyword} of the contract").format(limit[:SHOWN])
    if value == 1:
        for many, one in _UNITS.items():
            words = words.replace(many, one)
    return f"{_named(error.instance_path)} {words}"


def _named(place: Sequence[str | int]) -> str:
    """A place in words: `the body`, `hash`, `tags[3]`, `user_metadata.a`; cut where it is long."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
        if len(text) > SHOWN:
            break
    return _shown(text.removeprefix("."), quote="") or "the body"


def _shown(text: str, quote: str = '"') -> str:
    """Text in printable ASCII, cut: it may hold anything, also what UTF-8 cannot write."""
    cut = text[:SHOWN] + ("..." if len(text) > SHOWN else "")
    return quote + json.dumps(cut)[1:-1] + quote
