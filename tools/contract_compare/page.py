"""Reads the facts of a reference page that was copied as text.

Its shape: the method and the path on lines of their own; `Authorizations`, `Body` and `Response` as headings;
each member as three or two lines (name, type, `required`), then prose; limits as `Minimum array length: 1`.
"""

from __future__ import annotations

import re
from typing import Any, Final

from tools.contract_compare.facts import Facts

_METHODS: Final = frozenset({"GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS"})
_HEADINGS: Final = ("Authorizations", "Body", "Response")
_NAME: Final = re.compile(r"[A-Za-z_$][\w$-]*")
_ONE_TYPE: Final = r"[a-z]+(?:<[\w-]+>)?(?:\[\])?"
_TYPE: Final = re.compile(rf"{_ONE_TYPE}(?: \| {_ONE_TYPE})*")
_MEDIA_TYPE: Final = re.compile(r"[\w.+-]+/[\w.+*-]+")
_STATUS: Final = re.compile(r"[1-5]\d\d")
#: The page's words for a limit.
_LIMITS: Final = {
    "Minimum array length": "minItems",
    "Maximum array length": "maxItems",
    "Minimum string length": "minLength",
    "Maximum string length": "maxLength",
    "Required string length": "minLength",
    "Pattern": "pattern",
}
_LIMIT: Final = re.compile(rf"({'|'.join(_LIMITS)}): (.+)")
_RANGE: Final = re.compile(r"x\s*(<=|>=|<|>)\s*(-?\d+)")
_BOUND: Final = {"<=": "maximum", ">=": "minimum", "<": "exclusiveMaximum", ">": "exclusiveMinimum"}


class NotAPageError(ValueError):
    """The text has not the shape of the page; the message says what is missing."""


def read(text: str) -> Facts:
    """The facts; NotAPageError where there is no operation in the text."""
    lines = [line.strip() for line in text.replace("\u200b", "").splitlines()]
    start, facts = _operation(lines)
    sections = {name: lines.index(name, start) for name in _HEADINGS if name in lines[start:]}
    missing = [name for name in ("Body", "Response") if name not in sections]
    if missing:
        raise NotAPageError(f"the text has no heading {' and no heading '.join(missing)}")
    ends = sorted([*sections.values(), len(lines)])
    for name, begin in sections.items():
        end = next(one for one in ends if one > begin)
        _section(name, lines[begin + 1 : end], facts)
    facts.setdefault("authentication", ["nothing"])
    return facts


def _operation(lines: list[str]) -> tuple[int, Facts]:
    """Where the operation's path ends, and the path, method and server."""
    start = next((number for number, line in enumerate(lines) if line in _METHODS), None)
    if start is None:
        raise NotAPageError("the text has no line with a method, such as POST, alone")
    path, end = "", start + 1
    while end < len(lines) and (
        lines[end] == "/"
        or (path.endswith("/") and re.fullmatch(r"[\w{}.-]+", lines[end]))
        or lines[end].startswith("/")
    ):
        path += lines[end]
        end += 1
    facts: Facts = {"operation": f"{lines[start]} {path}"}
    url = next(
        (match[1] for line in lines if (match := re.search(r"--url\s+'?(https?://[^\s'\\]+)", line))), None
    )
    if url is not None and url.endswith(path):
        facts["servers"] = [url.removesuffix(path)]
    return end, facts


def _section(name: str, lines: list[str], facts: Facts) -> None:
    place = {"Body": "request", "Response": "answer 200"}.get(name, "")
    member, type_at = "", -1
    if place.startswith("answer"):
        status = next((line for line in lines if _STATUS.fullmatch(line)), "200")
        place = f"answer {status}"
        facts[place] = "documented"
    if place:
        facts[f"{place} type"] = "object"
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else ""
        if _MEDIA_TYPE.fullmatch(line) and place and not member:
            facts[f"{place} content {line}"] = "documented"
        elif number != type_at and _NAME.fullmatch(line) and _TYPE.fullmatch(following):
            member, type_at = line, number + 1
            after = lines[number + 2 : number + 5]
            if place:
                facts[f"{place} {member}"] = "required" if "required" in _tight(after) else "optional"
                _type(f"{place} {member}", following, facts)
            elif _tight(after)[:1] in (["header"], ["query"], ["cookie"]):
                facts.setdefault("authentication", []).append(f"{after[0]} {member.lower()}")
        elif place and member:
            _limits(f"{place} {member}", line, facts)


def _tight(lines: list[str]) -> list[str]:
    """The lines up to the first empty one."""
    return lines[: lines.index("")] if "" in lines else lines


def _type(place: str, written: str, facts: Facts) -> None:
    parts = written.split(" | ")
    main = next((part for part in parts if part != "null"), "null")
    form = re.fullmatch(r"(\w+)(?:<([\w-]+)>)?(\[\])?", main)
    assert form is not None, "the pattern of a type has been matched"
    kind, format_, is_list = form.groups()
    nulls = [] if "null" not in parts or main == "null" else ["null"]
    facts[f"{place} type"] = " | ".join(["array" if is_list else kind, *nulls])
    inner = f"{place} []" if is_list else place
    if is_list:
        facts[f"{inner} type"] = kind
    if format_:
        facts[f"{inner} format"] = format_


def _limits(place: str, line: str, facts: Facts) -> None:
    limit = _LIMIT.fullmatch(line)
    if limit:
        value: Any = limit[2].strip("`")
        if limit[1] == "Required string length" and "-" in value:
            low, _, high = value.partition("-")
            facts |= {f"{place} minLength": _number(low), f"{place} maxLength": _number(high)}
        elif limit[1] == "Required string length":
            facts |= {f"{place} minLength": _number(value), f"{place} maxLength": _number(value)}
        else:
            facts[f"{place} {_LIMITS[limit[1]]}"] = _number(value)
    elif line.startswith("Required range: "):
        for sign, number in _RANGE.findall(line):
            facts[f"{place} {_BOUND[sign]}"] = int(number)


def _number(text: str) -> Any:
    text = text.strip()
    return int(text) if text.isdecimal() else text
