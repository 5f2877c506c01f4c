r"""From the contract's regular expressions (ECMA-262, as JSON Schema means them) to Python's `re`.

The two differ where it matters: Python's `$` also matches before a trailing newline, its `\d`, `\w`
and `\s` take all of Unicode, and `{,3}` repeats where ECMA-262 has no such thing. What `re` cannot
express is refused, never approximated. tests/generation compares the result with a real engine.

A pattern is read in unicode mode, as JSON Schema advises, but for lone braces and brackets, which web
browsers take as themselves and people write.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

#: White space and line ends of ECMA-262, the members of its `\\s`.
_SPACE = r"\t\n\v\f\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_CLASSES = {"d": "0-9", "w": "A-Za-z0-9_", "s": _SPACE}
#: The rest of Unicode for each, since a class in a class can only be listed.
_COMPLEMENTS = {
    "D": r"\x00-/:-\U0010ffff",
    "W": r"\x00-/:-@\[-\^`{-\U0010ffff",
    "S": (
        r"\x00-\x08\x0e-\x1f!-\x9f\xa1-\u167f\u1681-\u1fff\u200b-\u2027\u202a-\u202e\u2030-\u205e\u2060-\u2fff"
        r"\u3001-\ufefe\uff00-\U0010ffff"
    ),
}
_WORD = "[A-Za-z0-9_]"
#: Written out: Python's own take all of Unicode, and its `\\B` never matches an empty text.
_BOUNDARIES = {
    "b": f"(?:(?<={_WORD})(?!{_WORD})|(?<!{_WORD})(?={_WORD}))",
    "B": f"(?:(?<={_WORD})(?={_WORD})|(?<!{_WORD})(?!{_WORD}))",
}
_CONTROLS = {"t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r"}

_OPENING = re.compile(r"\((?:\?(?::|=|!|<=|<!|<(?P<name>[A-Za-z_][A-Za-z0-9_]*)>))?(?!\?)")
_REPETITION = re.compile(r"(?:[*+?]|\{(?P<least>[0-9]+)(?:,(?P<most>[0-9]*))?\})\??")
_CODE = re.compile(
    r"\\(?:x(?P<hex>[0-9A-Fa-f]{2})|u(?P<high>[Dd][89ABab][0-9A-Fa-f]{2})\\u(?P<low>[Dd][C-Fc-f][0-9A-Fa-f]{2})"
    r"|u(?P<four>[0-9A-Fa-f]{4})|u\{(?P<braced>[0-9A-Fa-f]+)\}|c(?P<control>[A-Za-z])|(?P<null>0(?![0-9]))"
    r"|(?P<other>[^A-Za-z0-9]|[tnvfr]))"
)
_REFERENCE = re.compile(r"\\(?:(?P<number>[1-9][0-9]*)|k<(?P<name>[A-Za-z_][A-Za-z0-9_]*)>)")


class PatternError(ValueError):
    """The pattern is not ECMA-262, or Python cannot express it."""


def to_python(pattern: str) -> str:
    """The same pattern for `re.search`. Raises PatternError where there is none."""
    result = _Translation(pattern).run()
    try:
        re.compile(result)
    except (re.error, OverflowError, RecursionError) as error:
        raise PatternError(f"Python's re refuses it: {error}") from None
    return result


@dataclass(eq=False)
class _Group:
    """A group of the pattern; `number` where it captures."""

    text: str
    number: int | None
    above: tuple[_Group, ...]
    is_closed: bool = False
    is_repeated: bool = False


@dataclass
class _Translation:
    pattern: str
    position: int = 0
    out: list[str] = field(default_factory=list)
    open: list[_Group] = field(default_factory=list)
    captures: list[_Group] = field(default_factory=list)
    names: dict[str, _Group] = field(default_factory=dict)
    referred: list[_Group] = field(default_factory=list)
    # What a repetition that comes next would repeat; None where there is nothing.
    last: _Group | str | None = None

    def run(self) -> str:
        while self.position < len(self.pattern):
            self._step(self.pattern[self.position])
        if self.open:
            raise PatternError(f"{self.open[-1].text!r} is never closed")
        for group in self.referred:
            if any(one.is_repeated or one.text[:3] in ("(?!", "(?<") for one in group.above):
                # ECMA-262 forgets such a group between repetitions, and Python does not.
                raise PatternError("a reference to a group inside a repeated, negative or backward one")
        return "".join(self.out)

    def _step(self, character: str) -> None:
        repetition = _REPETITION.match(self.pattern, self.position)
        if repetition:
            self._repeat(repetition)
        elif character == "(":
            self._open()
        elif character == ")":
            self._close()
        elif character == "[":
            self._add(self._class())
        elif character == "\\":
            self._escape()
        elif character in "^$|":
            self.position += 1
            self._add({"$": r"\Z"}.get(character, character), repeatable=False)
        else:
            self.position += 1
            # Lone braces and brackets among them, which Python might read otherwise.
            self._add(r"[^\n\r\u2028\u2029]" if character == "." else _literal(ord(character)))

    def _add(self, text: str, *, repeatable: bool = True) -> None:
        self.out.append(text)
        self.last = text if repeatable else None

    def _repeat(self, match: re.Match[str]) -> None:
        if self.last is None:
            raise PatternError(f"{match[0]!r} has nothing to repeat")
        if match["most"] and int(match["most"]) < int(match["least"]):
            raise PatternError(f"{match[0]!r} is out of order")
        if isinstance(self.last, _Group):
            self.last.is_repeated = True
        self.position = match.end()
        self._add(match[0], repeatable=False)

    def _open(self) -> None:
        match = _OPENING.match(self.pattern, self.position)
        if match is None:
            raise PatternError(f"unknown group at {self.pattern[self.position : self.position + 6]!r}")
        is_capture = match[0] == "(" or match["name"] is not None
        group = _Group(match[0], len(self.captures) + 1 if is_capture else None, tuple(self.open))
        if is_capture:
            self.captures.append(group)
        if match["name"] is not None and self.names.setdefault(match["name"], group) is not group:
            raise PatternError(f"two groups are called {match['name']}")
        self.open.append(group)
        self.position = match.end()
        self._add("(" if is_capture else match[0], repeatable=False)

    def _close(self) -> None:
        if not self.open:
            raise PatternError("')' closes nothing")
        group = self.open.pop()
        group.is_closed = True
        self.position += 1
        self._add(")")
        # A look ahead or back repeats nothing.
        self.last = None if group.number is None and group.text != "(?:" else group

    def _escape(self) -> None:
        following = self.pattern[self.position + 1 : self.position + 2]
        reference = _REFERENCE.match(self.pattern, self.position)
        if reference:
            self._refer(reference)
        elif following in _BOUNDARIES:
            self.position += 2
            self._add(_BOUNDARIES[following], repeatable=False)
        elif following and following.lower() in _CLASSES:
            self.position += 2
            self._add(f"[{'^' if following.isupper() else ''}{_CLASSES[following.lower()]}]")
        else:
            self._add(_literal(self._code()))

    def _refer(self, match: re.Match[str]) -> None:
        if match["name"]:
            group = self.names.get(match["name"])
        else:
            number = int(match["number"])
            group = self.captures[number - 1] if number <= len(self.captures) else None
        if group is None or not group.is_closed:
            raise PatternError(f"{match[0]} refers to no group before it")
        self.referred.append(group)
        self.position = match.end()
        # A group that took no part matches nothing in Python, and the empty text in ECMA-262.
        self._add(f"(?:(?({group.number})\\{group.number}|))")

    def _code(self) -> int:
        """The code point of an escape, or of a character."""
        if self.pattern[self.position] != "\\":
            self.position += 1
            return ord(self.pattern[self.position - 1])
        match = _CODE.match(self.pattern, self.position)
        if match is None:
            said = self.pattern[self.position : self.position + 2]
            raise PatternError(f"{said} is no escape of ECMA-262, or one that Python does not have")
        self.position = match.end()
        return _code_point(match)

    def _class(self) -> str:
        end = re.compile(r"\[\^?").match(self.pattern, self.position)
        assert end is not None  # The caller saw the bracket.
        is_negated, self.position = end[0] == "[^", end.end()
        parts: list[str] = []
        while not self.pattern.startswith("]", self.position):
            if self.position >= len(self.pattern):
                raise PatternError("'[' is never closed")
            parts.append(self._class_item())
        self.position += 1
        if not parts:
            # Python would take the closing bracket for a member.
            return r"[\x00-\U0010ffff]" if is_negated else "(?!)"
        return f"[{'^' if is_negated else ''}{''.join(parts)}]"

    def _class_item(self) -> str:
        first, is_set = self._class_atom()
        following = self.pattern[self.position : self.position + 2]
        if not following.startswith("-") or following in ("-", "-]"):
            return first if is_set else _literal(int(first), in_class=True)
        self.position += 1
        last, is_set_too = self._class_atom()
        if is_set or is_set_too:
            raise PatternError("a range that ends in a class")
        if int(last) < int(first):
            raise PatternError("a range that is out of order")
        return f"{_literal(int(first), in_class=True)}-{_literal(int(last), in_class=True)}"

    def _class_atom(self) -> tuple[str, bool]:
        """A code point as a number, or a set of them as text; and whether it is a set."""
        said = self.pattern[self.position : self.position + 2]
        sets = _CLASSES | _COMPLEMENTS
        if said[0] == "\\" and said[1:] in sets:
            self.position += 2
            return sets[said[1:]], True
        if said == "\\b":
            self.position += 2
            return str(ord("\b")), False
        return str(self._code()), False


def _code_point(match: re.Match[str]) -> int:
    if match["high"]:
        found = 0x10000 + ((int(match["high"], 16) - 0xD800) << 10) + int(match["low"], 16) - 0xDC00
    elif match["control"]:
        found = ord(match["control"]) % 32
    elif match["null"]:
        found = 0
    elif match["other"]:
        found = ord(_CONTROLS.get(match["other"], match["other"]))
    else:
        found = int(match["hex"] or match["four"] or match["braced"], 16)
    if found > 0x10FFFF or 0xD800 <= found <= 0xDFFF:
        raise PatternError(f"{match[0]} is no character")
    return found


def _literal(code: int, *, in_class: bool = False) -> str:
    """A character as itself where nobody could read it otherwise."""
    character = chr(code)
    if character.isalnum() or character in (" _:;,/@%=!<>'\"`" if in_class else " _:;,/@%=!<>'\"`-&~#"):
        return character
    if character.isascii() and character.isprintable():
        return "\\" + character
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
