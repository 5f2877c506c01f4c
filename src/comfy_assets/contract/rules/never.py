"""Rules about what must never stand in an answer: keys, and what tells of the server's inside.

An answer is looked at as it came and as its reader sees it: texts in JSON without their escapes, HTML
without its entities. What stood in the request is no leak.
"""

from __future__ import annotations

import html
import json
import re
from typing import TYPE_CHECKING, Any

from comfy_assets.contract import jsontext
from comfy_assets.contract.rules.model import Deviation, Judged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from comfy_assets.contract.history import History, Seen

_SHOWN = 80
#: A wrong key that is shorter could stand in an answer as a word.
_TELLING = 12

_PLACE = r"(?:file://|node:|webpack|[A-Za-z]:[\\/]|\.{0,2}/)"
_LINE = r"(?:^|\n)\s{0,40}"
#: How stack traces look, by where they come from. Bounded: an answer may be large, and written to hurt.
TRACES = {
    "Python": rf"Traceback \(most recent call last\)|{_LINE}File \"[^\"\n]{{1,400}}\", line \d+",
    "JavaScript": rf"\bat (?:(?:async|new) )?[\w$.<>\[\] ]{{1,200}} \({_PLACE}?[^()\n]{{0,400}}:\d+:\d+\)"
    rf"|{_LINE}at (?:async )?{_PLACE}[^\n]{{0,400}}:\d+:\d+",
    "Java": r"\bat [\w$.<>/@-]{1,300} ?\((?:[\w$-]{1,200}\.(?:java|kt|scala|groovy|clj)(?::\d+)?"
    r"|Native Method|Unknown Source)\)|Exception in thread \"",
    "Go": r"\bgoroutine \d+ \[\w|\.go:\d+ \+0x[0-9a-f]+",
    "Rust": r"panicked at |\bstack backtrace:",
    ".NET": r"\bat [\w.`<>\[\],]{1,300}\([^)\n]{0,400}\) in [^\n]{1,400}:line \d+"
    rf"|{_LINE}at (?:System|Microsoft)\.[\w.`<>\[\]]{{1,300}}\(",
    "PHP": r"#\d+ [^\n]{0,400}\.php\(\d+\)|#\d+ \{main\}|\.php(?:</b>)? on line (?:<b>)?\d+",
    "Ruby": r"\.rb:\d+:in [`'‘]",
    "Elixir": r"\(\w{1,100} \d+\.\d+[^)\s]{0,40}\) \S{1,400}\.exs?:\d+:",
    "Perl": r" at \S{1,400}\.p[lm] line \d+\.",
    "Lua": r"stack traceback:",
}
#: Members of an object that is one call of a trace.
_FILE_MEMBERS, _LINE_MEMBERS = {"file", "filename"}, {"line", "lineno", "linenumber"}
_TRACES = re.compile("|".join(TRACES.values()))
_SQL = re.compile(
    r"\b(?:SELECT\s.{1,200}?\sFROM\s|INSERT\s+(?:OR\s+\w+\s+)?INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s)"
    r"|UNIQUE constraint failed|SQLSTATE|SQLITE_[A-Z]{3}|sqlite3?\.\w*Error|psycopg|sqlalche\.me"
    r"|duplicate key value violates|ORA-\d{5}|near \"\w+\": syntax error",
    re.IGNORECASE | re.DOTALL,
)
_PATHS = re.compile(
    r"(?<![\w:/.~-])/(?:home|root|usr|var|opt|srv|etc|tmp|mnt|app|data|Users|private|workspace|code)/[\w.@+-]+(?:/[\w.@+-]+)*"
    r"|(?<![\w])[A-Za-z]:\\\\?(?:[\w .-]+\\\\?)+[\w.-]+|(?<=file://)/[\w./-]+"
)


def _texts(raw: bytes, value: Any) -> list[str]:
    """Every text in a JSON body; any other body as it came; both as HTML shows them too."""
    texts = [raw.decode("utf-8", "replace")] if value is None else []
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += [*one, *one.values()]
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, str):
            texts.append(one)
    return texts + [html.unescape(text) for text in texts if "&" in text]


def _said(seen: Seen) -> list[str]:
    """All texts of an answer; found out once for each."""
    cached: list[str] | None = seen.__dict__.get("texts_said")
    if cached is None:
        assert seen.response is not None
        cached = _texts(seen.response.body, seen.text.value)
        cached += [value for _, value in seen.response.headers]
        seen.__dict__["texts_said"] = cached
    return cached


def _asked(seen: Seen) -> list[str]:
    """All texts of its request."""
    request = seen.exchange.request
    texts = _texts(request.body, jsontext.read(request.body).value)
    return [*texts, request.target, *(value for _, value in request.headers)]


def _leaked(seen: Seen, pattern: re.Pattern[str]) -> str | None:
    asked: list[str] | None = None
    for text in _said(seen):
        for match in pattern.finditer(text):
            asked = _asked(seen) if asked is None else asked
            if not any(match[0] in one for one in asked):
                return match[0]
    return None


def _never(
    find: Callable[[Seen], str | None], cause: str, expected: str
) -> Callable[[History], Iterable[Judged]]:
    """No answer holds what is looked for."""

    def check(history: History) -> Iterator[Judged]:
        for seen in history.every:
            if seen.response is None:
                continue
            found = find(seen)
            deviation = None
            if found is not None:
                shown = " ".join(found.split())[:_SHOWN]
                deviation = Deviation(cause, expected, f"{seen.status} with {shown!r}", proven=True)
            yield Judged((seen.index,), deviation)

    return check


def _trace(seen: Seen) -> str | None:
    return _leaked(seen, _TRACES) or _calls(seen)


def _calls(seen: Seen) -> str | None:
    """A trace as data: an object with a file and a line in it."""
    if seen.is_success:
        return None  # the user's own metadata may look so
    waiting = [seen.text.value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting += one
        elif isinstance(one, dict):
            names = {name.lower().replace("_", "") for name in one}
            if names & _FILE_MEMBERS and names & _LINE_MEMBERS:
                return json.dumps(one, ensure_ascii=False, default=str)
            waiting += one.values()
    return None


traces = _never(_trace, "trace", "no stack trace in an answer")
sql = _never(lambda seen: _leaked(seen, _SQL), "sql", "no SQL and no database error in an answer")
paths = _never(lambda seen: _leaked(seen, _PATHS), "path", "no path of the server in an answer")


def keys(history: History) -> Iterator[Judged]:
    """No answer holds a key, right or wrong."""
    header = history.facts.key_header
    for seen in history.every:
        if seen.response is None:
            continue
        wrong = [
            value
            for value in seen.exchange.request.header(header)
            if len(value) > _TELLING and "{{" not in value
        ]
        raw = seen.exchange.raw.decode("utf-8", "replace")
        # `hide` has put placeholders where keys stood.
        told = "{{api-key" in raw or "{{other-api-key" in raw
        deviation = None
        if told or any(value in raw for value in wrong):
            which = "a key that was given to the check" if told else "the wrong key that was sent"
            deviation = Deviation("key", "no key in an answer", f"{seen.status} with {which}", proven=True)
        yield Judged((seen.index,), deviation)
