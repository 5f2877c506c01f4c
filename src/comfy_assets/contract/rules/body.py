"""Rules about the bodies of answers: what the contract's schemas say of them, and what they cannot."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from comfy_assets.contract import jsontext
from comfy_assets.contract.facts import SIZE, SUCCESSES
from comfy_assets.contract.oracle import ACCEPT, ELSEWHERE, METHOD, OPEN
from comfy_assets.contract.rules.model import Deviation, Judged
from comfy_assets.contract.rules.statuses import got

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from comfy_assets.contract.history import History, Seen

_SHOWN = 80


def _answers(history: History) -> Iterator[Seen]:
    """Successes of the operation, whatever was asked."""
    for seen in history.seen:
        # What should have been refused has an answer that nobody described.
        is_described = seen.expectation.kind in {ACCEPT, OPEN}
        if is_described and seen.is_success and seen.response and seen.response.complete:
            yield seen


def media_type(history: History) -> Iterator[Judged]:
    """A success is announced as JSON."""
    for seen in _answers(history):
        assert seen.response is not None
        described = history.facts.operation.response(seen.response.status)
        expected = (described.media_type if described else None) or "application/json"
        said = seen.response.header("content-type")
        kind = (said or "").partition(";")[0].strip().lower()
        wrong = Deviation(kind or "none", f"Content-Type: {expected}", f"Content-Type: {said or '(none)'}")
        yield Judged((seen.index,), None if kind == expected else wrong)


def is_json(history: History) -> Iterator[Judged]:
    """A success body is a JSON object."""
    for seen in _answers(history):
        text = seen.text
        deviation = None
        if text.wrong is not None:
            deviation = Deviation(text.wrong, "a JSON object", f"{text.detail}: {got(seen)}")
        elif not isinstance(text.value, dict):
            deviation = Deviation("no object", "a JSON object", got(seen))
        yield Judged((seen.index,), deviation)


def duplicates(history: History) -> Iterator[Judged]:
    """No member stands twice."""
    for seen in _answers(history):
        if seen.members:
            twice = jsontext.DUPLICATE in seen.text.open
            wrong = Deviation("twice", "each member once", got(seen))
            yield Judged((seen.index,), wrong if twice else None)


def schema(keywords: frozenset[str] | None) -> Callable[[History], Iterable[Judged]]:
    """Whether success bodies keep these keywords of the schema; None: all that no other rule has."""

    def check(history: History) -> Iterator[Judged]:
        for seen in _answers(history):
            if not seen.members:
                continue
            assert seen.response is not None
            problems = [
                (place, words, value)
                for keyword, place, words, value in _errors(history, seen, seen.response.status)
                if (keyword in keywords if keywords is not None else keyword not in NAMED_KEYWORDS)
            ]
            for place, words, value in problems:
                yield Judged((seen.index,), Deviation(place, words, f"{place}: {_text(value)}"))
            if not problems:
                yield Judged((seen.index,))

    return check


#: Keywords that have a rule of their own; `null` and `range` are told apart by the validator's errors.
NAMED_KEYWORDS = frozenset({"required", "type", "null", "format", "range", "pattern"})


def _errors(history: History, seen: Seen, status: int) -> Iterator[tuple[str, str, str, Any]]:
    """Keyword, place, what the contract asks for, and the value."""
    cache: dict[int, list[tuple[str, str, str, Any]]] = history.__dict__.setdefault("schema_errors", {})
    if seen.index not in cache:
        validator = history.facts.validator(status)
        errors = validator.iter_errors(jsontext.judgeable(seen.text.value)) if validator is not None else ()
        cache[seen.index] = [_error(error) for error in errors]
    yield from cache[seen.index]


def _error(error: Any) -> tuple[str, str, str, Any]:
    path, keyword = list(error.instance_path), error.kind.name
    if keyword == "required":
        path = [*path, error.kind.value]
    place = "".join("[]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".") or "the body"
    value = error.instance
    match keyword:
        case "required":
            return keyword, place, f"the member {place}, which is required", "(absent)"
        case "type" if value is None:
            return "null", place, f"{place} is not null, or is left out", value
        case "type":
            asked = error.kind.value
            return (
                keyword,
                place,
                f"{place} of type {' or '.join(asked) if isinstance(asked, list) else asked}",
                value,
            )
        case "minimum" | "maximum":
            return "range", place, f"{place} within its range ({keyword} {error.kind.value})", value
        case _:
            return keyword, place, f"{place} keeps the {keyword} {error.kind.value}", value


def _text(value: Any) -> str:
    text = "(absent)" if value == "(absent)" else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def integers(history: History) -> Iterator[Judged]:
    """Integers are written as integers."""
    properties = history.facts.success_schema.get("properties", {})
    names = [name for name, member in properties.items() if member.get("type") == "integer"]
    for seen in _answers(history):
        for name in names:
            value = seen.members.get(name)
            if isinstance(value, int | float) and not isinstance(value, bool):
                wrong = isinstance(value, float) and value.is_integer()
                deviation = Deviation(name, f"{name} written as an integer", f"{name}: {value}")
                yield Judged((seen.index,), deviation if wrong else None)


def not_negative(history: History) -> Iterator[Judged]:
    """A size is a number of bytes."""
    for seen in _answers(history):
        value = seen.members.get(SIZE)
        if isinstance(value, int | float) and not isinstance(value, bool):
            deviation = Deviation(SIZE, f"{SIZE} of 0 or more", f"{SIZE}: {value}")
            yield Judged((seen.index,), deviation if value < 0 else None)


# --- Errors ---------------------------------------------------------------------------------------


def error_body(history: History) -> Iterator[Judged]:
    """A documented error has the error body."""
    for seen in history.seen:
        response = seen.response
        if (
            response is None
            or not response.complete
            or response.status in SUCCESSES
            or response.status >= 500
        ):
            continue
        if seen.expectation.kind in {ELSEWHERE, METHOD}:
            continue
        described = history.facts.operation.responses.get(str(response.status))
        validator = history.facts.validator(response.status)
        if described is None or validator is None:
            continue
        expected = described.media_type or "application/json"
        kind = (response.header("content-type") or "none").partition(";")[0].strip().lower()
        problem = _error_problem(seen, validator, kind, expected)
        words = f"{expected} with the members of the error body"
        deviation = Deviation(problem, words, f"{kind}: {got(seen)}") if problem else None
        yield Judged((seen.index,), deviation)


def _error_problem(seen: Seen, validator: Any, kind: str, expected: str) -> str | None:
    if seen.text.wrong is not None:
        return f"{seen.text.wrong}, not JSON" if kind == expected else f"{kind}, not JSON"
    places = sorted(
        {
            f"{place}: {keyword}"
            for keyword, place, _, _ in map(
                _error, validator.iter_errors(jsontext.judgeable(seen.text.value))
            )
        }
    )
    if places:
        return ", ".join(places)
    return None if kind == expected else f"called {kind}"
