"""JSON as RFC 8259 has it, and what a text is instead where it is none.

Python's own reader takes NaN, UTF-16, repeated members and lone surrogates without a word; whoever
judges others must not.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from attrs import define, field

from comfy_assets.scenarios.model import depth

# What is wrong with a text that is not JSON.
EMPTY, TRAILING, NON_FINITE, ENCODING, MALFORMED = "empty", "trailing", "non-finite", "encoding", "malformed"
# What a reader may take or refuse: RFC 8259 leaves it open, or the design does.
BYTE_ORDER_MARK = "a byte order mark"
DUPLICATE = "a member that stands twice"
SURROGATE = "a lone surrogate"
NUL = "the character NUL"
HUGE = "a number too large for a double"
TOO_DEEP = "nesting too deep to be read here"

_MANY_DIGITS = 4000
# What jsonschema-rs takes; Python's own reader ends at 1,000 levels or at 10,000, by its version.
_DEEPEST = 255
_SURROGATES = re.compile("[\ud800-\udfff]")


@define
class Text:
    """A body as JSON: the value, or what is wrong; and what about it is open."""

    value: Any = None
    wrong: str | None = None
    detail: str = ""
    open: set[str] = field(factory=set)


class _NonFiniteError(ValueError):
    pass


def read(body: bytes) -> Text:
    """Read a body."""
    text = Text()
    if body.startswith(b"\xef\xbb\xbf"):
        text.open.add(BYTE_ORDER_MARK)
        body = body[3:]
    if not body.strip(b" \t\r\n"):
        text.wrong, text.detail = EMPTY, "the body is empty"
        return text
    try:
        decoded = body.decode("utf-8")
    except UnicodeDecodeError as error:
        text.wrong, text.detail = ENCODING, f"not UTF-8 at byte {error.start}"
        return text
    if "\0" in decoded:
        text.wrong, text.detail = ENCODING, "not UTF-8: a NUL byte stands in it, as in UTF-16"
        return text
    _parse(decoded, text)
    if text.wrong is None:
        _look_at_texts(text)
    return text


def _parse(decoded: str, text: Text) -> None:
    stripped = decoded.lstrip(" \t\r\n")
    try:
        value, end = _decoder(text).raw_decode(stripped)
    except _NonFiniteError as error:
        text.wrong, text.detail = NON_FINITE, f"{error} is not a JSON number"
    except json.JSONDecodeError as error:
        text.wrong, text.detail = MALFORMED, f"{error.msg} at character {error.pos}"
    except RecursionError:
        text.open.add(TOO_DEEP)
    else:
        if depth(value) > _DEEPEST:
            text.open.add(TOO_DEEP)
        else:
            text.value = value
        if stripped[end:].strip(" \t\r\n"):
            text.wrong, text.detail = TRAILING, "something stands after the JSON value"


def _decoder(text: Text) -> json.JSONDecoder:
    """A reader that notes in `text` what is open."""

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            text.open.add(DUPLICATE)
        return made

    def number(digits: str) -> float:
        value = float(digits)
        if not math.isfinite(value):
            text.open.add(HUGE)
        return value

    def integer(digits: str) -> int | float:
        if len(digits) > _MANY_DIGITS:
            text.open.add(HUGE)
            return math.inf
        return int(digits)

    return json.JSONDecoder(
        object_pairs_hook=members, parse_float=number, parse_int=integer, parse_constant=_refuse, strict=True
    )


def _refuse(name: str) -> NoReturn:
    raise _NonFiniteError(name)


def _look_at_texts(text: Text) -> None:
    for found in texts(text.value):
        if "\0" in found:
            text.open.add(NUL)
        if not found.isascii() and _SURROGATES.search(found):
            text.open.add(SURROGATE)


def judgeable(value: Any) -> Any:
    """A value for jsonschema-rs, which takes no lone surrogates: to a schema they are characters."""
    if all(found.isascii() or not _SURROGATES.search(found) for found in texts(value)):
        return value
    return _without_surrogates(value)


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATES.sub("\ufffd", value)
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_without_surrogates(name): _without_surrogates(item) for name, item in value.items()}
    return value


def texts(value: Any) -> list[str]:
    """Every text in a value, names of members too."""
    found: list[str] = []
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, dict):
            waiting += [*item.keys(), *item.values()]
        elif isinstance(item, list):
            waiting += item
    return found


def numbers(value: Any) -> list[int | float]:
    """Every number in a value."""
    found: list[int | float] = []
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
        elif isinstance(item, int | float) and not isinstance(item, bool):
            found.append(item)
    return found


def same(one: Any, other: Any) -> bool:
    """Whether two values mean the same: key order aside, true is not 1, fractions as doubles."""
    if isinstance(one, bool) or isinstance(other, bool) or one is None or other is None:
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return _same_number(one, other)
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def _same_number(one: float, other: float) -> bool:
    if isinstance(one, int) and abs(one) <= 2**53:
        # Written as an integer too: 1.0 for 1 loses its type on the way.
        return isinstance(other, int) and one == other
    try:
        return float(one) == float(other)
    except OverflowError:
        return one == other
