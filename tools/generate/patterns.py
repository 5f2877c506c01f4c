"""From the contract's regular expressions (ECMA-262, as JSON Schema means them) to Python's `re`.

The two differ where it matters: Python's `$` also matches before a trailing newline, and its `\\d`,
`\\w` and `\\s` take all of Unicode. What `re` cannot express is refused, never approximated.
"""

from __future__ import annotations

import re

#: White space and line ends of ECMA-262, the members of its `\\s`.
_SPACE = r"\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"

_CLASSES = {"d": "0-9", "w": "A-Za-z0-9_", "s": _SPACE}
_CONTROLS = set("tnvfr0")
_SYNTAX = set("^$\\.*+?()[]{}|/-")

_TOKEN = re.compile(
    r"""
    (?P<named>\(\?<(?P<name>[A-Za-z_][A-Za-z0-9_]*)>)
  | (?P<group>\(\?(?::|=|!|<=|<!))
  | (?P<unknown>\(\?)
  | \\(?P<reference>[1-9][0-9]*|k<[A-Za-z_][A-Za-z0-9_]*>)
  | \\u\{(?P<braced>[0-9A-Fa-f]{1,6})\}
  | \\u(?P<unicode>[0-9A-Fa-f]{4})
  | \\x(?P<hex>[0-9A-Fa-f]{2})
  | \\(?P<escaped>.)
  | (?P<possessive>(?:[*+?]|\{[0-9]+(?:,[0-9]*)?\})\+)
  | (?P<plain>.)
    """,
    re.VERBOSE | re.DOTALL,
)


class PatternError(ValueError):
    """The pattern is not ECMA-262, or Python cannot express it."""


def to_python(pattern: str) -> str:
    """The same pattern for `re.search`. Raises PatternError where there is none."""
    translated, in_class, position = [], False, 0
    while position < len(pattern):
        token = _TOKEN.match(pattern, position)
        if token is None:
            raise PatternError("it ends in a backslash")
        translated.append(_in_class(token) if in_class else _outside(token, pattern))
        if token["plain"] == "[" and not in_class:
            in_class = True
            position = _class_opened(pattern, token.end(), translated)
            continue
        in_class = in_class and token["plain"] != "]"
        position = token.end()
    result = "".join(translated)
    try:
        re.compile(result)
    except (re.error, OverflowError, RecursionError) as error:
        raise PatternError(f"Python's re refuses it: {error}") from None
    return result


def _class_opened(pattern: str, position: int, translated: list[str]) -> int:
    """Behind `[` and perhaps `^`; `[]` and `[^]`, which Python would read otherwise, are written out."""
    if pattern.startswith("^]", position):
        translated[-1] = r"[\s\S"
        return position + 1
    if pattern.startswith("]", position):
        # Never matches.
        translated[-1] = r"(?!)[\s\S"
        return position
    if pattern.startswith("^", position):
        translated.append("^")
        return position + 1
    return position


def _outside(token: re.Match[str], pattern: str) -> str:
    if token["named"]:
        return f"(?P<{token['name']}>"
    if token["unknown"]:
        raise PatternError(f"unknown group at {pattern[token.start() : token.start() + 6]!r}")
    if token["possessive"]:
        raise PatternError(f"{token['possessive']!r} repeats a repetition")
    if token["reference"]:
        name = token["reference"]
        return f"(?P={name[2:-1]})" if name.startswith("k") else f"(?:\\{name})"
    escaped = token["escaped"]
    if escaped in ("b", "B"):
        # ASCII words, as in ECMA-262.
        return f"(?a:\\{escaped})"
    if escaped in _CLASSES:
        return f"[{_CLASSES[escaped]}]"
    if escaped is not None and escaped.lower() in _CLASSES:
        return f"[^{_CLASSES[escaped.lower()]}]"
    if token["plain"] == "$":
        return r"\Z"
    if token["plain"] == ".":
        return r"[^\n\r\u2028\u2029]"
    return _common(token)


def _in_class(token: re.Match[str]) -> str:
    escaped = token["escaped"]
    if escaped == "b":
        return r"\x08"
    if escaped in _CLASSES:
        return _CLASSES[escaped]
    if escaped is not None and escaped.lower() in _CLASSES:
        raise PatternError(f"\\{escaped} inside a class")
    if token["plain"] in ("[", "&", "~", "|"):
        # Python reserves these in classes for set operations.
        return "\\" + token["plain"]
    if token["plain"] is None and escaped is None and token["unicode"] is None and token["hex"] is None:
        # A token of several characters that has no meaning inside a class: take them one by one.
        return "".join(re.escape(character) if character != "\\" else "\\\\" for character in token[0])
    return _common(token)


def _common(token: re.Match[str]) -> str:
    if token["braced"]:
        return f"\\U{int(token['braced'], 16):08x}"
    if token["unicode"] or token["hex"]:
        return token[0]
    escaped = token["escaped"]
    if escaped is None:
        return token[0]
    if escaped in _CONTROLS:
        return {"0": r"\x00"}.get(escaped, "\\" + escaped)
    if escaped in _SYNTAX:
        return re.escape(escaped)
    if escaped.isalnum():
        raise PatternError(f"\\{escaped} is no escape of ECMA-262, or one that Python does not have")
    return re.escape(escaped)
