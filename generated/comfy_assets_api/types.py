# Generated from openapi.yaml and overrides/. Do not edit: change those, then run ./generate.sh
"""The types of the contract's values: what JSON each takes, which limits hold, how it reads and writes.

A rule does three things:

- `check(value, place, problems)` appends the problems of a Python value, before it is sent, to `problems`;
- `read(raw, place, problems)` makes a Python value of JSON, appends what deviates to `problems`, and
  gives `UNREADABLE` where no value of this type can be made of it;
- `write(value)` makes JSON of a Python value.
"""

from __future__ import annotations

import datetime
import enum
import ipaddress
import json
import math
import re
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, ClassVar, Final, Generic, Literal, Self, SupportsIndex, TypeVar, cast
from urllib.parse import quote
from uuid import UUID

import httpx
from attrs import Attribute, fields, frozen

from .errors import InvalidValue, Problem, UnexpectedAnswer

Place = tuple[str | int, ...]


class Unset(enum.Enum):
    """The type of `UNSET`: an enumeration, so that copies and pickles are the same object."""

    UNSET = "UNSET"

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "UNSET"


#: A member that is absent, which is something else than one that is null.
UNSET: Final = Unset.UNSET


class _Unreadable(enum.Enum):
    UNREADABLE = "UNREADABLE"


UNREADABLE: Final = _Unreadable.UNREADABLE

_KINDS: Final[dict[type, str]] = {
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    str: "a string",
    list: "an array",
    dict: "an object",
    type(None): "null",
}


def shown(value: object, length: int = 80) -> str:
    """A value in at most `length` characters, for a message."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        # Cut first: the text of a value may be huge.
        return repr(value if len(value) <= length else value[: length - 3] + "...")
    if isinstance(value, (list, dict)):
        return f"{_KINDS[type(value)] if type(value) in _KINDS else type(value).__name__} of {len(value)}"
    if isinstance(value, int):
        text = repr(value) if value.bit_length() < 4 * length else "an integer of more digits"
        return text if len(text) <= length else text[: length - 3] + "..."
    if isinstance(value, float):
        return repr(value)
    return f"a Python {type(value).__name__}"


class Rule:
    """A type of the contract with its limits."""

    kind: ClassVar[str] = "a value"

    def check(self, value: Any, place: Place, problems: list[Problem]) -> None:
        """Append the problems of a Python value."""
        raise NotImplementedError

    def read(self, raw: Any, place: Place, problems: list[Problem]) -> Any:
        """A Python value of JSON; where the two look alike, the value itself."""
        before = len(problems)
        self.check(raw, place, problems)
        found = problems[before:]
        return (
            UNREADABLE if any(problem.rule == "type" and problem.place == place for problem in found) else raw
        )

    def write(self, value: Any) -> Any:
        """JSON of a Python value, also of one that deviates."""
        return as_json(value)

    def wrong_type(self, place: Place, got: object) -> Problem:
        """The problem of a value of another type."""
        return Problem(place, "type", self.kind, shown(got))


def as_json(value: Any) -> Any:
    """JSON of a Python value, by what the value is."""
    if isinstance(value, Model):
        return value.to_dict()
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime.date):
        text: str = getattr(value, "text", "") or value.isoformat()
        # As most services write UTC, so that most times come back letter by letter.
        return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text
    if isinstance(value, list):
        return [as_json(item) for item in value]
    if isinstance(value, dict):
        return {name: as_json(member) for name, member in value.items()}
    return value


TOO_DEEP: Final = Problem(
    (), "type", "a value that nests less deep", "a deeper one, or one that holds itself"
)


def found(check: Callable[..., None], *arguments: Any) -> list[Problem]:
    """The problems that a check appends; one problem where the value nests too deep to be judged."""
    problems: list[Problem] = []
    try:
        check(*arguments, problems)
    except RecursionError:
        return [TOO_DEEP]
    return problems


def _has_lone_surrogate(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


# RFC 3986, appendix A; an address in brackets is looked at by `ipaddress`.
_PLAIN: Final = r"A-Za-z0-9._~!$&'()*+,;="
_URI: Final = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*:"
    r"(?://(?:(?:[X:-]|%H)*@)?(?:\[(?:(?P<ip>[0-9A-Fa-f:.]+)|[vV][0-9A-Fa-f]+\.[X:-]+)\]|(?:[X-]|%H)*)(?::[0-9]*)?"
    r"(?:/(?:[X:@-]|%H)*)*"
    r"|/(?:(?:[X:@-]|%H)+(?:/(?:[X:@-]|%H)*)*)?"
    r"|(?:[X:@-]|%H)+(?:/(?:[X:@-]|%H)*)*)?"
    r"(?:\?(?:[X:@/?-]|%H)*)?(?:#(?:[X:@/?-]|%H)*)?".replace("X", _PLAIN).replace("%H", "%[0-9A-Fa-f]{2}")
)


def _is_uri(text: str) -> bool:
    match = _URI.fullmatch(text)
    try:
        return match is not None and (match["ip"] is None or bool(ipaddress.IPv6Address(match["ip"])))
    except ValueError:
        return False


# Formats of text that stays text; other formats have rules of their own or assert nothing.
_FORMATS: Final[dict[str, tuple[Callable[[str], bool], str]]] = {
    "uri": (_is_uri, "an absolute URI"),
}


class Text(Rule):
    """A string."""

    kind = "a string"

    def __init__(
        self,
        *,
        pattern: str | None = None,
        regex: str | None = None,
        min_length: int | None = None,
        max_length: int | None = None,
        format: str | None = None,
    ) -> None:
        # The pattern as the contract has it, for messages, and as Python has it.
        self.pattern = pattern
        self.regex = None if regex is None else re.compile(regex)
        self.min_length = min_length
        self.max_length = max_length
        self.format = None if format is None else _FORMATS.get(format)

    def check(self, value: Any, place: Place, problems: list[Problem]) -> None:
        if not isinstance(value, str):
            problems.append(self.wrong_type(place, value))
            return
        if not value.isascii() and _has_lone_surrogate(value):
            problems.append(Problem(place, "type", "a string that UTF-8 can carry", shown(value)))
        if self.min_length is not None and len(value) < self.min_length:
            problems.append(
                Problem(
                    place, "minLength", f"at least {_counted(self.min_length, 'character')}", shown(value)
                )
            )
        if self.max_length is not None and len(value) > self.max_length:
            problems.append(
                Problem(
                    place,
                    "maxLength",
                    f"at most {_counted(self.max_length, 'character')}",
                    _counted(len(value), "character"),
                )
            )
        if self.regex is not None and self.regex.search(value) is None:
            problems.append(Problem(place, "pattern", f"a string that matches {self.pattern}", shown(value)))
        if self.format is not None and not self.format[0](value):
            problems.append(Problem(place, "format", self.format[1], shown(value)))

    def read(self, raw: Any, place: Place, problems: list[Problem]) -> Any:
        self.check(raw, place, problems)
        return raw if isinstance(raw, str) else UNREADABLE


class Boolean(Rule):
    """True or false."""

    kind = "a boolean"

    def check(self, value: Any, place: Place, problems: list[Problem]) -> None:
        if not isinstance(value, bool):
            problems.append(self.wrong_type(place, value))


class Null(Rule):
    """Null."""

    kind = "null"

    def check(self, value: Any, place: Place, problems: list[Problem]) -> None:
        if value is not None:
            problems.append(self.wrong_type(place, value))


#: Bits of an integer that Python still writes in decimal digits, 4,300 of them.
_LONGEST: Final = 14_284


def _too_long(value: float, place: Place, problems: list[Problem]) -> None:
    if isinstance(value, int) and value.bit_length() > _LONGEST:
        problems.append(Problem(place, "type", "an integer that can be written", shown(value)))


class Number(Rule):
    """A finite number; a boolean is none."""

    kind = "a number"

    def __init__(
        self,
        *,
        minimum: float | None = None,
        maximum: float | None = None,
        exclusive_minimum: float | None = None,
        exclusive_maximum: float | None = None,
        multiple_of: float | None = None,
    ) -> None:
        self.multiple_of = multiple_of
        bounds: list[tuple[str, float | None, Callable[[Any, Any], bool], str]] = [
            ("minimum", minimum, lambda value, bound: value >= bound, "at least"),
            ("maximum", maximum, lambda value, bound: value <= bound, "at most"),
            ("exclusiveMinimum", exclusive_minimum, lambda value, bound: value > bound, "more than"),
            ("exclusiveMaximum", exclusive_maximum, lambda value, bound: value < bound, "less than"),
        ]
        self.bounds = [bound for bound in bounds if bound[1] is not None]

    def is_one(self, value: Any) -> bool:
        """Whether the value is of this type, limits aside."""
        if isinstance(value, float):
            return math.isfinite(value)
        return isinstance(value, int) and not isinstance(value, bool)

    def check(self, value: Any, place: Place, problems: list[Problem]) -> None:
        if not self.is_one(value):
            problems.append(self.wrong_type(place, value))
            return
        if not self.bounds:
            _too_long(value, place, problems)
        for name, bound, holds, words in self.bounds:
            if not holds(value, bound):
                problems.append(Problem(place, name, f"{self.kind} of {words} {bound}", shown(value)))
        if self.multiple_of is not None and not self._is_multiple(value, self.multiple_of):
            problems.append(Problem(place, "multipleOf", f"a multiple of {self.multiple_of}", shown(value)))

    @staticmethod
    def _is_multiple(value: float, of: float) -> bool:
        if isinstance(value, int) and isinstance(of, int):
            return value % of == 0
        # As they are written: in binary, 0.3 is no multiple of 0.1.
        return (Fraction(repr(value)) / Fraction(repr(of))).denominator == 1


class Integer(Number):
    """An integer; a boolean is none, and neither is `1.0`."""

    kind = "an integer"

    def is_one(self, value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool)

    def read(self, raw: Any, place: Place, problems: list[Problem]) -> Any:
        if isinstance(raw, float) and raw.is_integer():
            # The value is plain to see, only its spelling deviates.
            problems.append(self.wrong_type(place, raw))
            raw = int(raw)
        return super().read(raw, place, problems)


_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


class InText(Rule):
    """A value of its own Python type that JSON writes as text, which may have limits too."""

    def __init__(self, text: Text | None = None) -> None:
        self.text = text

    def _limits(self, text: str, place: Place, problems: list[Problem]) -> None:
        if self.text is not None:
            self.text.check(text, place, problems)


class Uuid(InText):
    """A UUID as RFC 4122 writes it, in either case."""

    kind = "a UUID"

    def check(self, value: Any, place: Place, problems: list[Problem]) -> None:
        if isinstance(value, UUID):
            self._limits(str(value), place, problems)
        else:
            problems.append(self.wrong_type(place, value))

    def read(self, raw: Any, place: Place, problems: list[Problem]) -> Any:
        if not isinstance(raw, str):
            problems.append(self.wrong_type(place, raw))
            return UNREADABLE
        self._limits(raw, place, problems)
        if _UUID.fullmatch(raw):
            # By its number: from text, the class would look for braces and prefixes that are not there.
            return UUID(int=int(raw.replace("-", ""), 16))
        problems.append(Problem(place, "format", self.kind, shown(raw)))
        try:
            return UUID(raw)
        except ValueError:
            return UNREADABLE


class Timestamp(datetime.datetime):
    """A time whose fraction is finer than `datetime` holds: `text` keeps it as it came."""

    text: str = ""

    @classmethod
    def of(cls, moment: datetime.datetime, text: str) -> Timestamp:
        """The moment, and the text that says it exactly."""
        self = cls.combine(moment.date(), moment.timetz())
        self.text = text
        return self

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        return Timestamp.of, (datetime.datetime.combine(self.date(), self.timetz()), self.text)


# Date, separator, hours and minutes, seconds, fraction with its point, zone; RFC 3339 wants a T, and of a
# zone all that is optional here.
_TIME: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})([Tt ])([0-9]{2}:[0-9]{2}):([0-9]{2})(\.[0-9]+)?([Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def read_date(text: str) -> datetime.date | str | None:
    """A date of RFC 3339; the year 0, which `datetime` cannot hold, stays text. None for what is no date."""
    # The year 2000 is a leap year, as the year 0 would be.
    year_zero = text.startswith("0000")
    try:
        date = datetime.date.fromisoformat("2000" + text[4:] if year_zero else text)
    except ValueError:
        return None
    if _DATE.fullmatch(text) is None:
        return None
    return text if year_zero else date


def read_time(text: str) -> tuple[datetime.datetime | str, bool] | None:
    """A time of RFC 3339, and whether it keeps to the RFC; None for what is no time.

    A time that `datetime` cannot hold (a leap second, the year 0) stays text. One without an offset
    reads as UTC, one with a space for the `T`, or an offset such as `+0000` or `+00`, as ISO 8601 or
    databases mean it; none of them keeps to the RFC.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    date, separator, minute, second, fraction, zone = match.groups("")
    keeps = len(zone) in (1, 6) and separator != " "
    # What datetime cannot hold is judged by its nearest neighbour: 59 for the second 60, and the
    # year 2000, a leap year too, for the year 0.
    leap_second, year_zero = second == "60", date.startswith("0000")
    if leap_second:
        second = "59"
    if year_zero:
        date = "2000" + date[4:]
    try:
        moment = datetime.datetime.fromisoformat(
            f"{date}T{minute}:{second}{fraction[:7]}{zone.upper() or 'Z'}"
        )
    except ValueError:
        return None
    if leap_second and not _ends_a_day(moment):
        return None
    if leap_second or year_zero:
        return text, keeps
    return (Timestamp.of(moment, text) if fraction[7:].strip("0") else moment), keeps


def _ends_a_day(moment: datetime.datetime) -> bool:
    """Whether it lies in the last minute of a day in UTC, the only one that can have a leap second."""
    offset = moment.utcoffset() or datetime.timedelta()
    return (moment.hour * 60 + moment.minute - offset.total_seconds() // 60) % (24 * 60) == 24 * 60 - 1


class DateTime(InText):
    """A time of RFC 3339: an aware `datetime`, or its text where `datetime` cannot hold it."""

    kind = "an RFC 3339 time with an offset"

    def check(self, value: Any, place: Place, problems: list[Problem]) -> None:
        if isinstance(value, datetime.datetime):
            offset = value.utcoffset()
            if offset is None or offset % datetime.timedelta(minutes=1):
                problems.append(
                    Problem(place, "format", self.kind, f"{datetime.datetime.isoformat(value)!r}")
                )
            else:
                self._limits(as_json(value), place, problems)
        elif isinstance(value, str):
            time = read_time(value)
            if time is None or not time[1]:
                problems.append(Problem(place, "format", self.kind, shown(value)))
            self._limits(value, place, problems)
        else:
            problems.append(self.wrong_type(place, value))

    def read(self, raw: Any, place: Place, problems: list[Problem]) -> Any:
        if not isinstance(raw, str):
            problems.append(self.wrong_type(place, raw))
            return UNREADABLE
        time = read_time(raw)
        if time is None or not time[1]:
            problems.append(Problem(place, "format", self.kind, shown(raw)))
        self._limits(raw, place, problems)
        return UNREADABLE if time is None else time[0]


class Date(InText):
    """A full date of RFC 3339: a `date`, or its text where `date` cannot hold it."""

    kind = "a date"

    def check(self, value: Any, place: Place, problems: list[Problem]) -> None:
        if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
            self._limits(value.isoformat(), place, problems)
        elif isinstance(value, str):
            if read_date(value) is None:
                problems.append(Problem(place, "format", self.kind, shown(value)))
            self._limits(value, place, problems)
        else:
            problems.append(self.wrong_type(place, value))

    def read(self, raw: Any, place: Place, problems: list[Problem]) -> Any:
        self.check(raw, place, problems)
        date = read_date(raw) if isinstance(raw, str) else None
        return UNREADABLE if date is None else date


#: Deeper than this, Python's own JSON encoder gives up; a value that holds itself ends here too.
_DEEPEST: Final = 900


class Anything(Rule):
    """Any JSON value."""

    kind = "a JSON value"

    def check(self, value: Any, place: Place, problems: list[Problem]) -> None:
        # A loop, not a recursion: how deep a value may nest is not to depend on the caller's stack.
        waiting: list[tuple[Any, Place]] = [(value, place)]
        while waiting:
            value, place = waiting.pop()
            if isinstance(value, str):
                _TEXT.check(value, place, problems)
            elif isinstance(value, float):
                if not math.isfinite(value):
                    problems.append(Problem(place, "type", "a finite number", shown(value)))
            elif isinstance(value, int):
                _too_long(value, place, problems)
            elif isinstance(value, (dict, list)) and len(place) > _DEEPEST:
                problems.append(
                    Problem(place, "type", f"a value nested at most {_DEEPEST} deep", "a deeper one")
                )
                return
            elif isinstance(value, dict):
                for name in value:
                    if isinstance(name, str):
                        _TEXT.check(name, place, problems)
                    else:
                        problems.append(Problem(place, "type", "member names that are strings", shown(name)))
                waiting.extend((member, (*place, str(name))) for name, member in reversed(value.items()))
            elif isinstance(value, list):
                waiting.extend((item, (*place, position)) for position, item in enumerate(value))
            elif value is not None and not isinstance(value, int):
                problems.append(self.wrong_type(place, value))

    def read(self, raw: Any, place: Place, problems: list[Problem]) -> Any:
        self.check(raw, place, problems)
        return raw

    def write(self, value: Any) -> Any:
        return value


_TEXT: Final = Text()
ANYTHING: Final = Anything()


def _count(count: int, place: Place, fewest: int | None, most: int | None, problems: list[Problem]) -> None:
    """The problems of an object's number of members."""
    if fewest is not None and count < fewest:
        problems.append(Problem(place, "minProperties", f"at least {fewest} members", str(count)))
    if most is not None and count > most:
        problems.append(Problem(place, "maxProperties", f"at most {most} members", str(count)))


class FreeForm(Rule):
    """An object without members of its own: a plain dict, of any values or of values of one rule."""

    kind = "an object"

    def __init__(
        self,
        each: Rule | None = None,
        *,
        min_properties: int | None = None,
        max_properties: int | None = None,
    ) -> None:
        self.each = each
        self.min_properties = min_properties
        self.max_properties = max_properties

    def check(self, value: Any, place: Place, problems: list[Problem]) -> None:
        if not isinstance(value, dict):
            problems.append(self.wrong_type(place, value))
            return
        _count(len(value), place, self.min_properties, self.max_properties, problems)
        if self.each is None:
            ANYTHING.check(value, place, problems)
            return
        for name, member in value.items():
            ANYTHING.check({name: None}, place, problems)
            self.each.check(member, (*place, str(name)), problems)

    def read(self, raw: Any, place: Place, problems: list[Problem]) -> Any:
        if not isinstance(raw, dict):
            problems.append(self.wrong_type(place, raw))
            return UNREADABLE
        if self.each is None:
            self.check(raw, place, problems)
            return raw
        _count(len(raw), place, self.min_properties, self.max_properties, problems)
        return {name: _kept(self.each, value, (*place, name), problems) for name, value in raw.items()}

    def write(self, value: Any) -> Any:
        return value if self.each is None or not isinstance(value, dict) else as_json(value)


def _kept(rule: Rule, raw: Any, place: Place, problems: list[Problem]) -> Any:
    """What a rule reads; the JSON itself where it can read nothing."""
    value = rule.read(raw, place, problems)
    return raw if value is UNREADABLE else value


#: Problems of the items of one array that are told.
_ENOUGH: Final = 100


class Array(Rule):
    """A list of values of one rule."""

    kind = "an array"

    def __init__(
        self,
        items: Rule,
        *,
        min_items: int | None = None,
        max_items: int | None = None,
        unique_items: bool | None = None,
    ) -> None:
        self.items = items
        self.min_items = min_items
        self.max_items = max_items
        self.unique_items = unique_items

    def _limits(self, raw: list[Any], place: Place, problems: list[Problem]) -> None:
        if self.min_items is not None and len(raw) < self.min_items:
            problems.append(
                Problem(
                    place,
                    "minItems",
                    f"at least {_counted(self.min_items, 'item')}",
                    _counted(len(raw), "item"),
                )
            )
        if self.max_items is not None and len(raw) > self.max_items:
            problems.append(
                Problem(
                    place,
                    "maxItems",
                    f"at most {_counted(self.max_items, 'item')}",
                    _counted(len(raw), "item"),
                )
            )
        if self.unique_items and len({_comparable(item) for item in raw}) < len(raw):
            problems.append(Problem(place, "uniqueItems", "items that all differ", "one of them twice"))

    def check(self, value: Any, place: Place, problems: list[Problem]) -> None:
        if not isinstance(value, list):
            problems.append(self.wrong_type(place, value))
            return
        before = len(problems)
        for position, item in enumerate(value):
            self.items.check(item, (*place, position), problems)
        # Items that are no JSON cannot be compared.
        if len(problems) == before:
            self._limits([self.items.write(item) for item in value], place, problems)

    def read(self, raw: Any, place: Place, problems: list[Problem]) -> Any:
        if not isinstance(raw, list):
            problems.append(self.wrong_type(place, raw))
            return UNREADABLE
        read, before = [], len(problems)
        for position, item in enumerate(raw):
            read.append(self.items.read(item, (*place, position), problems))
            if len(problems) - before > _ENOUGH:
                # Whoever sent this sent something else than such an array.
                return UNREADABLE
        self._limits(raw, place, problems)
        return [value for value in read if value is not UNREADABLE]

    def write(self, value: Any) -> Any:
        return [self.items.write(item) for item in value] if isinstance(value, list) else as_json(value)


def _comparable(raw: Any) -> Any:
    """Something hashable that is equal where JSON values are: 1 is 1.0 but not true."""
    if isinstance(raw, dict):
        return frozenset((name, _comparable(member)) for name, member in raw.items())
    if isinstance(raw, list):
        return tuple(_comparable(item) for item in raw)
    return (bool, raw) if isinstance(raw, bool) else raw


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


class OneOf(Rule):
    """A value of the first rule that takes it; where it is `exclusive`, of that rule alone."""

    def __init__(self, *rules: Rule, exclusive: bool = False) -> None:
        self.rules = rules
        self.exclusive = exclusive

    def check(self, value: Any, place: Place, problems: list[Problem]) -> None:
        checked = [_judged(rule, value, place) for rule in self.rules]
        if all(checked):
            problems.extend(self._closest(checked))
        elif self.exclusive:
            self._read_clean(self.write(value), place, problems)

    def read(self, raw: Any, place: Place, problems: list[Problem]) -> Any:
        clean = self._read_clean(raw, place, problems)
        if clean:
            return clean[0]
        attempts: list[tuple[Any, list[Problem]]] = []
        for rule in self.rules:
            own: list[Problem] = []
            attempts.append((rule.read(raw, place, own), own))
        readable = [attempt for attempt in attempts if attempt[0] is not UNREADABLE]
        if readable:
            value, own = min(readable, key=lambda attempt: len(attempt[1]))
            problems.extend(own)
            return value
        problems.extend(self._closest([own for _, own in attempts]))
        return UNREADABLE

    def _read_clean(self, raw: Any, place: Place, problems: list[Problem]) -> list[Any]:
        """What the rules make of JSON that read it without a problem; a problem where they are too many."""
        clean = []
        for rule in self.rules:
            own: list[Problem] = []
            value = rule.read(raw, place, own)
            if not own:
                clean.append(value)
                if not self.exclusive:
                    break
        if len(clean) > 1:
            got = f"{shown(raw)}, which is of {len(clean)}"
            problems.append(Problem(place, "oneOf", "a value of exactly one of the variants", got))
        return clean

    def _closest(self, checked: list[list[Problem]]) -> list[Problem]:
        """The problems of the rule that came nearest: one of the value's type rather than another."""
        return min(checked, key=lambda problems: any(problem.rule == "type" for problem in problems))

    def write(self, value: Any) -> Any:
        for rule in self.rules:
            if not _judged(rule, value, ()):
                return rule.write(value)
        return as_json(value)


def _judged(rule: Rule, value: Any, place: Place) -> list[Problem]:
    problems: list[Problem] = []
    rule.check(value, place, problems)
    return problems


class Constants(Rule):
    """One of some values, each of JSON's plain types."""

    def __init__(self, *values: Any) -> None:
        self.values = values

    def check(self, value: Any, place: Place, problems: list[Problem]) -> None:
        if not isinstance(value, (str, int, float, type(None))) or _comparable(value) not in map(
            _comparable, self.values
        ):
            problems.append(
                Problem(place, "enum", f"one of {', '.join(map(shown, self.values))}", shown(value))
            )

    def read(self, raw: Any, place: Place, problems: list[Problem]) -> Any:
        before = len(problems)
        self.check(raw, place, problems)
        return raw if len(problems) == before else UNREADABLE


class Choice(Rule):
    """A member of an enumeration."""

    def __init__(self, choices: Callable[[], type[enum.Enum]]) -> None:
        self._choices = choices

    def _problem(self, place: Place, got: object) -> Problem:
        values = ", ".join(shown(choice.value) for choice in self._choices())
        # The class too: its value, given as plain text, is none of them.
        return Problem(place, "enum", f"a {self._choices().__name__}, one of {values}", shown(got))

    def check(self, value: Any, place: Place, problems: list[Problem]) -> None:
        if not isinstance(value, self._choices()):
            problems.append(self._problem(place, value))

    def read(self, raw: Any, place: Place, problems: list[Problem]) -> Any:
        for choice in self._choices():
            if choice.value == raw and isinstance(raw, bool) is isinstance(choice.value, bool):
                return choice
        problems.append(self._problem(place, raw))
        return UNREADABLE


class Object(Rule):
    """An object that has a model."""

    kind = "an object"

    def __init__(self, model: Callable[[], type[Model]]) -> None:
        self._model = model

    def check(self, value: Any, place: Place, problems: list[Problem]) -> None:
        if isinstance(value, self._model()):
            value.judge(place, problems)
        else:
            problems.append(Problem(place, "type", f"a {self._model().__name__}", shown(value)))

    def read(self, raw: Any, place: Place, problems: list[Problem]) -> Any:
        value = self._model().read(raw, problems, place)
        return UNREADABLE if value is None else value


class Nothing(Rule):
    """Takes no value: for the further members of an object that may not have any."""

    kind = "no such member"

    def check(self, value: Any, place: Place, problems: list[Problem]) -> None:
        problems.append(Problem(place, "additionalProperties", self.kind, shown(value)))

    def read(self, raw: Any, place: Place, problems: list[Problem]) -> Any:
        self.check(raw, place, problems)
        return raw


class Member:
    """A member of an object: its name in JSON, its rule, and whether it must be there.

    As attrs validator of its attribute it refuses what the contract refuses, with `InvalidValue`.
    """

    def __init__(self, name: str, rule: Rule, *, required: bool) -> None:
        self.name = name
        self.rule = rule
        self.required = required

    def check(self, value: Any, place: Place, problems: list[Problem]) -> None:
        """The problems of the member's value; an absent one may be absent or not."""
        if value is UNSET:
            if self.required:
                problems.append(Problem((*place, self.name), "required", "a value", "none"))
        else:
            self.rule.check(value, (*place, self.name), problems)

    def __call__(self, instance: object, attribute: Attribute[Any], value: Any) -> None:
        if problems := found(self.check, value, ()):
            raise InvalidValue(problems)


_members: Final[dict[type, tuple[tuple[str, Member], ...]]] = {}


def members(model: type[Model]) -> tuple[tuple[str, Member], ...]:
    """The members of a model by the names of their attributes."""
    found = _members.get(model)
    if found is None:
        attributes: Iterable[Attribute[Any]] = fields(cast(Any, model))
        found = tuple((one.name, one.validator) for one in attributes if isinstance(one.validator, Member))
        _members[model] = found
    return found


class Model:
    """What all models share. A model is an attrs class whose attributes have `Member` validators."""

    __slots__ = ()

    #: The rule for members that the contract does not name.
    further: ClassVar[Rule] = ANYTHING
    #: How many members there may be, named by the contract or not.
    min_properties: ClassVar[int | None] = None
    max_properties: ClassVar[int | None] = None

    additional_properties: dict[str, Any]

    def check(self) -> list[Problem]:
        """The problems of all members, also of those changed in place since they were set."""
        return found(self.judge, ())

    def judge(self, place: Place, problems: list[Problem]) -> None:
        """Append what `check` finds in an object that stands at a place in another one."""
        count = 0
        for attribute, member in members(type(self)):
            value = getattr(self, attribute)
            count += value is not UNSET
            member.check(value, place, problems)
        further = self.additional_properties
        self.check_further(further, place, problems)
        _count(count + len(further), place, self.min_properties, self.max_properties, problems)

    @classmethod
    def check_further(cls, value: Any, place: Place, problems: list[Problem]) -> None:
        """The problems of members that the contract does not name."""
        if not isinstance(value, dict):
            problems.append(Problem((*place, "additional_properties"), "type", "a dict", shown(value)))
            return
        named = {member.name: attribute for attribute, member in members(cls)}
        for name, member in value.items():
            ANYTHING.check({name: None}, place, problems)
            if name in named:
                problems.append(
                    Problem(
                        (*place, name),
                        "additionalProperties",
                        f"it in the attribute {named[name]}",
                        "it here",
                    )
                )
            cls.further.check(member, (*place, str(name)), problems)

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON; members that are UNSET are absent."""
        written = {
            member.name: member.rule.write(value)
            for attribute, member in members(type(self))
            if (value := getattr(self, attribute)) is not UNSET
        }
        return {
            name: self.further.write(value) for name, value in self.additional_properties.items()
        } | written

    @classmethod
    def from_dict(cls, source: Mapping[str, Any]) -> Self:
        """The model of a JSON object; InvalidValue, with every problem, where it breaks the contract."""
        problems: list[Problem] = []
        try:
            model = cls.read(source, problems)
        except RecursionError:
            raise InvalidValue([TOO_DEEP]) from None
        if problems or model is None:
            raise InvalidValue(problems)
        return model

    @classmethod
    def read(cls, source: Any, problems: list[Problem], place: Place = ()) -> Self | None:
        """The model of a JSON object that may deviate; what deviates is appended to `problems`.

        None where a required member is missing or cannot be read. An optional member that is null
        though it may not be, or that cannot be read, is absent. Other values are kept as they are,
        and so are members that the contract does not name.
        """
        if not isinstance(source, Mapping):
            problems.append(Problem(place, "type", "an object", shown(source)))
            return None
        _count(len(source), place, cls.min_properties, cls.max_properties, problems)
        rest = dict(source)
        values: dict[str, Any] = {}
        for attribute, member in members(cls):
            where = (*place, member.name)
            if member.name not in rest:
                value: Any = UNSET
                if member.required:
                    problems.append(Problem(where, "required", "a value", "none"))
                    value = UNREADABLE
            else:
                value = member.rule.read(rest.pop(member.name), where, problems)
            values[attribute] = UNSET if value is UNREADABLE and not member.required else value
        if any(value is UNREADABLE for value in values.values()):
            return None
        values["additional_properties"] = {
            name: _kept(cls.further, value, (*place, name), problems) for name, value in rest.items()
        }
        return cls.unchecked(values)

    @classmethod
    def unchecked(cls, values: Mapping[str, Any]) -> Self:
        """A model of these attributes, past the validators; UNSET where none is given.

        A deviating value is kept: it is judged when it is sent.
        """
        self = cls.__new__(cls)
        for attribute, _ in members(cls):
            if attribute not in values:
                object.__setattr__(self, attribute, UNSET)
        if "additional_properties" not in values:
            object.__setattr__(self, "additional_properties", {})
        for attribute, value in values.items():
            object.__setattr__(self, attribute, value)
        return self


def check_further(instance: Model, attribute: Attribute[Any], value: Any) -> None:
    """The attrs validator of `additional_properties`."""
    if problems := found(instance.check_further, value, ()):
        raise InvalidValue(problems)


@frozen
class Parameter:
    """A parameter of an operation: where it goes, its name and rule, and whether a list is sent item by item."""

    place: Literal["path", "query", "header", "cookie"]
    member: Member
    explode: bool = False

    def check(self, value: Any, problems: list[Problem]) -> None:
        """The problems of an argument. None is sent as little as UNSET: only bodies can say null."""
        self.member.check(UNSET if value is None else value, (), problems)
        if self.place in ("header", "cookie"):
            for text in self.texts(value):
                if _HEADER_TEXT.fullmatch(text) is None:
                    problems.append(
                        Problem(
                            (self.member.name,),
                            "type",
                            "visible ASCII characters, as a header needs",
                            shown(text),
                        )
                    )

    def texts(self, value: Any) -> list[str]:
        """A value as text, a list as several."""
        if value is UNSET or value is None:
            return []
        written = self.member.rule.write(value)
        return [_as_text(item) for item in (written if isinstance(written, list) else [written])]


#: The value of a field of HTTP (RFC 9110, section 5.5), ASCII only.
_HEADER_TEXT: Final = re.compile(r"(?:[!-~](?:[ \t!-~]*[!-~])?)?")


def _as_text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


@frozen
class Body:
    """The body of an operation's request."""

    media_type: str
    rule: Rule
    required: bool

    def check(self, value: Any, problems: list[Problem]) -> None:
        """The problems of a body, UNSET where there is none."""
        if value is not UNSET:
            self.rule.check(value, (), problems)
        elif self.required:
            problems.append(Problem((), "required", "a body", "none"))


def request_arguments(
    method: str,
    path: str,
    parameters: Sequence[Parameter] = (),
    values: Sequence[Any] = (),
    body: Body | None = None,
    content: Any = UNSET,
    *,
    with_key: bool = True,
) -> dict[str, Any]:
    """The arguments for `httpx.Client.request`; InvalidValue, and nothing sent, where one breaks the contract."""
    given = list(zip(parameters, values, strict=True))
    problems = [problem for parameter, value in given for problem in found(parameter.check, value)]
    problems += found(body.check, content) if body is not None else []
    if problems:
        raise InvalidValue(problems)
    headers: dict[str, str] = {}
    arguments: dict[str, Any] = {"method": method, "url": _filled(path, given), "headers": headers}
    params = [pair for parameter, value in given for pair in _pairs(parameter, value, "query")]
    if params:
        arguments["params"] = params
    headers.update(pair for parameter, value in given for pair in _pairs(parameter, value, "header"))
    cookies = [pair for parameter, value in given for pair in _pairs(parameter, value, "cookie")]
    if cookies:
        headers["Cookie"] = "; ".join(f"{name}={quote(text, safe='')}" for name, text in cookies)
    if body is not None and content is not UNSET:
        headers["Content-Type"] = body.media_type
        arguments["content"] = _dumped(body.rule.write(content))
    if not with_key:
        arguments["auth"] = None
    return arguments


def _pairs(parameter: Parameter, value: Any, place: str) -> list[tuple[str, str]]:
    """Name and text of a parameter, several times where its list is sent item by item."""
    texts = parameter.texts(value)
    if parameter.place != place or not texts:
        return []
    return [(parameter.member.name, text) for text in (texts if parameter.explode else [",".join(texts)])]


def _filled(path: str, given: Sequence[tuple[Parameter, Any]]) -> str:
    """The path with its parameters in it, each within its own segment."""
    filled = path
    for parameter, value in given:
        if parameter.place == "path":
            name, texts = parameter.member.name, parameter.texts(value)
            filled = filled.replace("{" + name + "}", ",".join(quote(text, safe="") for text in texts))
    for before, after in zip(path.split("/"), filled.split("/"), strict=True):
        if before != after and after in ("", ".", ".."):
            # Any of these would make it the path of another operation.
            raise InvalidValue(
                [
                    Problem(
                        (before.strip("{}"),), "path", "text that can stand between two slashes", shown(after)
                    )
                ]
            )
    return filled


def _dumped(value: Any) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except RecursionError:
        raise InvalidValue([TOO_DEEP]) from None


T = TypeVar("T")


@frozen
class Response(Generic[T]):
    """An answer: `status_code`, `content` and `headers` as they came, whatever they are.

    `parsed` is what the contract says of this status; None where the contract does not document the
    status, or the body cannot be read. `problems` lists how the body deviates.
    """

    status_code: int
    content: bytes
    headers: httpx.Headers
    parsed: T | None
    problems: tuple[Problem, ...] = ()


@frozen
class Answer:
    """What the contract documents for a status or a range of them."""

    first: int
    last: int
    media_type: str | None
    rule: Rule | None


def read_response(response: httpx.Response, answers: Sequence[Answer]) -> Response[Any]:
    """An answer as the contract documents its status. Never raises, whatever the body is."""
    content_type = response.headers.get("content-type", "")
    parsed, problems = read_answer(response.status_code, content_type, response.content, answers)
    return Response(response.status_code, response.content, response.headers, parsed, tuple(problems))


def read_answer(
    status_code: int, content_type: str, content: bytes, answers: Sequence[Answer]
) -> tuple[Any, list[Problem]]:
    """What the contract says of an answer of this status, None where it says nothing, and how it deviates."""
    problems: list[Problem] = []
    for answer in answers:
        if answer.first <= status_code <= answer.last:
            return _read_body(content_type, content, answer, problems), problems
    return None, problems


def parsed(response: Response[T], answers: Sequence[Answer]) -> T:
    """What was read of an answer; UnexpectedAnswer where the contract documents none, or it cannot be read."""
    documented = any(answer.first <= response.status_code <= answer.last for answer in answers)
    if response.parsed is None and (response.problems or not documented):
        raise UnexpectedAnswer(response.status_code, response.content, response.problems)
    # None is what an answer without a body says, and a body of null.
    return cast(T, response.parsed)


def _read_body(content_type: str, content: bytes, answer: Answer, problems: list[Problem]) -> Any:
    if answer.rule is None:
        return None
    if content_type.split(";")[0].strip().lower() != answer.media_type:
        problems.append(Problem(("Content-Type",), "content", f"{answer.media_type}", shown(content_type)))
    if content.startswith(BOM_UTF8):
        # RFC 8259, section 8.1: none may be sent, and it may be ignored.
        problems.append(Problem((), "content", "JSON", "a byte order mark and JSON"))
        content = content.removeprefix(BOM_UTF8)
    try:
        raw = _loaded(content)
    except (ValueError, RecursionError):
        start = content[:60].decode("utf-8", "replace")
        problems.append(Problem((), "content", "JSON", shown(start) if content else "an empty body"))
        return None
    try:
        value = answer.rule.read(raw, (), problems)
    except RecursionError:
        problems.append(TOO_DEEP)
        return None
    return None if value is UNREADABLE else value


def _loaded(content: bytes) -> Any:
    """JSON of bytes; ValueError or RecursionError where they are none."""
    # RFC 8259, section 8.1: UTF-8. By itself, `json` would also read UTF-16 and UTF-32.
    text = content.decode()
    try:
        # `NaN` and its like are no JSON, but told by the rules where they stand, they cost only themselves.
        return json.loads(text)
    except json.JSONDecodeError:
        raise
    except ValueError:
        # An integer of more digits than Python reads: one number is not worth the whole answer.
        return json.loads(text, parse_int=_as_far_as_it_goes)


def _as_far_as_it_goes(digits: str) -> float:
    try:
        return int(digits)
    except ValueError:
        return float(digits)


__all__ = ["UNSET", "Problem", "Response", "Unset"]
