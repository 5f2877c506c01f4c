"""What becomes of each request with a key: scenarios as lists of steps, and the step of a request by its number.

A step says whether the server acts (`commit`), what is answered instead of its own answer (`status`, `failing`),
in which shape (`drift`, `allowed`), how late (`delay`) and how the bytes go out (`wire`). As text its parts
are joined by `+`: `status:503`, `drift:naive-times`, `wire:no-answer+uncommitted`, `delay:2`; `carry` is the
server's own answer. As JSON it is an object with the same members; `times` repeats it, and `any` is a list of
steps of which one is drawn by the seed.
"""

from __future__ import annotations

import random
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from attrs import field, frozen

from comfy_assets.scenarios.allowed import allowed
from comfy_assets.scenarios.drift import CONDUCTS, DRIFTS, Conduct, Drift
from comfy_assets.scenarios.failing import failing
from comfy_assets.scenarios.wire import LOST, SILENT, WIRES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from comfy_assets.specification import Contract

#: Steps of one scenario, repeats counted; a file that asks for more is a mistake.
MOST_STEPS: Final = 100_000
#: Seconds that a step may wait.
LONGEST_DELAY: Final = 3600.0
#: What comes after the last step: the server's own answers, the last step again, all of them again.
CARRY, LAST, REPEAT = "carry", "last", "repeat"
_ENDS: Final = (CARRY, LAST, REPEAT)
_STATUSES: Final = range(200, 600)
_WITHOUT_BODY: Final = frozenset({204, 304})


class ScenarioError(ValueError):
    """A scenario that cannot be; the text is one sentence: the place, what was expected, what came."""


@frozen
class Step:
    """What becomes of one request. Without anything said, the server answers by itself."""

    status: int | None = None
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()
    failing: str | None = None
    drift: str | None = None
    allowed: str | None = None
    wire: str | None = None
    delay: float = 0.0
    #: Whether the server acts, whatever is answered.
    commit: bool = True

    def __str__(self) -> str:
        parts = [f"status:{self.status}"] if self.status else []
        parts += [
            f"{name}:{value}"
            for name in ("failing", "drift", "allowed", "wire")
            if (value := getattr(self, name)) is not None
        ]
        parts += [f"delay:{self.delay:g}"] if self.delay else []
        answers = self.status is not None or self.failing is not None
        if self.commit and answers:
            parts.append("committed")
        if not self.commit and not answers:
            parts.append("uncommitted")
        return "+".join(parts) or CARRY


@frozen
class Draw:
    """One of several steps, drawn by the seed and the request's number."""

    steps: tuple[Step, ...]

    def __str__(self) -> str:
        return f"any of {len(self.steps)}"


@frozen
class Scenario:
    """Steps, and what comes after them."""

    name: str
    steps: tuple[Step | Draw, ...] = field()
    then: str = CARRY

    def step(self, seed: int, number: int) -> Step:
        """The step of the request with this number, counted from 1; the same for the same three, anywhere."""
        place = number - 1
        if place >= len(self.steps):
            if self.then == CARRY or not self.steps:
                return Step()
            place = len(self.steps) - 1 if self.then == LAST else place % len(self.steps)
        one = self.steps[place]
        if isinstance(one, Step):
            return one
        # A text as seed: it is hashed in a way that stays the same.
        return random.Random(f"{seed} {self.name} {number}").choice(one.steps)  # noqa: S311 - not for secrets


# --- Built in -------------------------------------------------------------------------------------

_GATEWAY: Final = {
    "status": 504, "body": "<h1>Gateway Time-out</h1>", "headers": {"Content-Type": "text/html"},
}  # fmt: skip

#: By name: what it is for, its steps as a file would say them, and what comes then.
BUILT_IN: Final[dict[str, tuple[str, list[Any], str]]] = {
    "slow": ("every answer comes late, at once or in drops", [{"any": ["wire:slow-first-byte", "wire:dripping"]}], REPEAT),
    "failing": ("two failures, then the server's own answer, again and again", [
        {"any": ["status:500", "status:502", "status:503", _GATEWAY]},
        {"any": ["status:503", "failing:status-429"]}, "carry"], REPEAT),
    "throttled": ("429 with Retry-After, twice", [{"status": 429, "headers": {"Retry-After": "1"}, "times": 2}], CARRY),
    "outcome-unknown": ("committed, and the answer is lost in each way, then the server's own answers", [
        "wire:reset-before-answer", "wire:cut-short", "status:500+committed", "wire:no-answer"], CARRY),
    "lost-before": ("the request is lost before the server acts, in each way", [
        "wire:reset-before-answer+uncommitted", "wire:closed-before-answer+uncommitted",
        "wire:no-answer+uncommitted"], CARRY),
    "vanished": ("content vanished between a look-up and the call: 404, once", ["status:404"], CARRY),
    "no-credits": ("402, always: the account has no credits", ["status:402"], LAST),
    "forbidden": ("403, always", ["status:403"], LAST),
    "any-allowed": ("any answer that the contract allows", [{"any": ["allowed:*"]}], REPEAT),
    "any-drift": ("any deviation of a success that was seen in the field", [{"any": ["drift:*"]}], REPEAT),
    "any-failing": ("any answer that is no success", [{"any": ["failing:*"]}], REPEAT),
}  # fmt: skip


def names(contract: Contract) -> dict[str, dict[str, str]]:
    """What parts of steps can name, with a few words for each."""
    deviations: dict[str, Drift | Conduct] = {**DRIFTS, **CONDUCTS}
    drifts = {name: _words(one.seen, one.rules) for name, one in deviations.items()}
    return {
        "drift": drifts,
        "allowed": {one.name: one.about for one in allowed(contract)},
        "failing": {one.name: one.about for one in failing(contract)},
        "wire": {name: one.got for name, one in WIRES.items()},
    }


def _words(seen: str, rules: tuple[str, ...]) -> str:
    return f"{seen}: {', '.join(rules)}" if rules else f"{seen}: allowed"


# --- From text and JSON ---------------------------------------------------------------------------


def scenario(contract: Contract, name: str) -> Scenario:
    """The built-in scenario of this name, or the one of this one step for ever; ScenarioError for neither."""
    if name in BUILT_IN:
        _, steps, then = BUILT_IN[name]
        return from_value(contract, {"steps": steps, "then": then}, name)
    try:
        step = _Reader(contract).text(name, "")
    except ScenarioError as error:
        near = get_close_matches(name, BUILT_IN, n=1)
        meant = f"did you mean {near[0]!r}? " if near else ""
        raise ScenarioError(
            f"{name!r} is no scenario: {meant}expected one of {', '.join(BUILT_IN)}, or a step"
            + (f" ({str(error).lstrip(': ')})" if ":" in name or "+" in name else "")
        ) from None
    return Scenario(name, (step,), LAST)


def from_value(contract: Contract, value: Any, name: str) -> Scenario:
    """A scenario from a list of steps, or an object with `steps`, `then` and `name`; ScenarioError says what is wrong."""
    if isinstance(value, list):
        value = {"steps": value}
    if not isinstance(value, dict):
        raise ScenarioError("a scenario is a list of steps, or an object with `steps`")
    unknown = sorted(map(str, value.keys() - {"steps", "then", "name"}))
    if unknown:
        raise ScenarioError(f"a scenario has no member {unknown[0]!r}: expected steps, then, name")
    steps, then, own_name = value.get("steps"), value.get("then", CARRY), value.get("name", name)
    if not isinstance(steps, list) or not steps:
        raise ScenarioError("steps: expected a list with at least one step")
    if then not in _ENDS:
        raise ScenarioError(f"then: expected one of {', '.join(_ENDS)}, got {then!r}")
    if not isinstance(own_name, str) or not own_name:
        raise ScenarioError(f"name: expected text, got {own_name!r}")
    reader = _Reader(contract)
    read: list[Step | Draw] = []
    for place, one in enumerate(steps):
        read += reader.several(one, f"steps[{place}]", MOST_STEPS - len(read))
    return Scenario(own_name, tuple(read), then)


def to_value(one: Scenario) -> dict[str, Any]:
    """The scenario as `from_value` reads it."""
    return {"name": one.name, "steps": [_plain(step) for step in one.steps], "then": one.then}


def _plain(step: Step | Draw) -> Any:
    if isinstance(step, Draw):
        return {"any": [_plain(inner) for inner in step.steps]}
    plain: dict[str, Any] = {
        name: getattr(step, name)
        for name in ("status", "body", "failing", "drift", "allowed", "wire")
        if getattr(step, name) is not None
    }
    if step.headers:
        plain["headers"] = dict(step.headers)
    if step.delay:
        plain["delay"] = step.delay
    return {**plain, "commit": step.commit}


class _Reader:
    """Reads steps; every error names the place and says what was expected."""

    def __init__(self, contract: Contract) -> None:
        self._names = {kind: list(known) for kind, known in names(contract).items()}
        #: Deviations that show in every success; what is drawn from.
        self._starred = {**self._names, "drift": list(DRIFTS)}

    def several(self, value: Any, place: str, room: int) -> list[Step | Draw]:
        """A step, as often as it says."""
        times = 1
        if isinstance(value, dict) and "times" in value:
            times = value["times"]
            if not _is_integer(times) or times < 1:
                raise ScenarioError(f"{place}.times: expected a number of 1 or more, got {times!r}")
            value = {name: one for name, one in value.items() if name != "times"}
        if times > room:
            raise ScenarioError(f"{place}: a scenario can have at most {MOST_STEPS} steps")
        if isinstance(value, dict) and "any" in value:
            return [self._draw(value, place)] * times
        return [self.step(value, place)] * times

    def _draw(self, value: dict[Any, Any], place: str) -> Draw:
        inner = value["any"]
        if len(value) > 1 or not isinstance(inner, list) or not inner:
            raise ScenarioError(f"{place}.any: expected a list of steps, and nothing beside it but `times`")
        steps: list[Step] = []
        for number, one in enumerate(inner):
            kind, _, name = one.partition(":") if isinstance(one, str) else ("", "", "")
            if name == "*" and kind in self._starred:
                steps += [self.text(f"{kind}:{known}", place) for known in self._starred[kind]]
            else:
                steps.append(self.step(one, f"{place}.any[{number}]"))
        return Draw(tuple(steps))

    def step(self, value: Any, place: str) -> Step:
        """One step, as text or as an object."""
        if isinstance(value, str):
            return self.text(value, place)
        if not isinstance(value, dict):
            raise ScenarioError(f"{place}: expected a step as text or as an object, got {value!r}")
        return self._step(value, place)

    def text(self, text: str, place: str) -> Step:
        """A step as text: parts joined by `+`."""
        members: dict[str, Any] = {}
        for part in text.split("+"):
            name, colon, value = part.strip().partition(":")
            if name == CARRY and not colon:
                continue
            if name in {"committed", "uncommitted"} and not colon:
                members["commit"] = name == "committed"
            elif name in _TEXT_PARTS and colon and name not in members:
                members[name] = _number(value) if name in {"status", "delay"} else value
            else:
                raise ScenarioError(f"{place}: {part.strip()!r} is no part of a step: expected carry, "
                                 f"{', '.join(f'{one}:...' for one in _TEXT_PARTS)}, committed or uncommitted")  # fmt: skip
        return self._step(members, place)

    def _step(self, members: Mapping[Any, Any], place: str) -> Step:
        for name, value in members.items():
            check = _MEMBERS.get(name)
            if check is None:
                raise ScenarioError(f"{place}: a step has no member {name!r}: expected {', '.join(_MEMBERS)}")
            if name in self._names and value not in self._names[name]:
                raise ScenarioError(
                    f"{place}.{name}: {value!r} is not known; `comfy-assets scenario list` shows what is"
                )
            problem = check(value)
            if problem:
                raise ScenarioError(f"{place}.{name}: expected {problem}, got {value!r}")
        return _made(members, place)


def _made(members: Mapping[Any, Any], place: str) -> Step:
    answers = [name for name in ("status", "failing") if name in members]
    shapes = [name for name in ("drift", "allowed") if name in members]
    if len(answers) > 1 or len(shapes) > 1 or (answers and shapes):
        raise ScenarioError(f"{place}: {' and '.join([*answers, *shapes])} exclude each other")
    if ("body" in members or "headers" in members) and "status" not in members:
        raise ScenarioError(f"{place}: body and headers belong to a status")
    status, body = members.get("status"), members.get("body")
    if status in _WITHOUT_BODY and body is not None:
        raise ScenarioError(f"{place}.body: an answer {status} has none")
    commit = members.get("commit", not answers)
    wire = WIRES.get(members.get("wire", ""))
    if not commit and not answers and (wire is None or wire.got not in {LOST, SILENT}):
        raise ScenarioError(
            f"{place}: a request that is not committed needs a status, or a wire that loses the answer"
        )
    return Step(
        status=status,
        body=body,
        headers=tuple(dict(members.get("headers") or {}).items()),
        failing=members.get("failing"),
        drift=members.get("drift"),
        allowed=members.get("allowed"),
        wire=members.get("wire"),
        delay=float(members.get("delay", 0.0)),
        commit=commit,
    )


def _number(text: str) -> Any:
    try:
        return int(text) if text.isdecimal() else float(text)
    except ValueError:
        return text


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _headers_problem(value: Any) -> str | None:
    ok = isinstance(value, dict) and all(
        isinstance(name, str) and _is_token(name) and name.lower() not in _FRAMING
        and isinstance(text, str) and text.isprintable() and text.isascii()
        for name, text in value.items()
    )  # fmt: skip
    return (
        None if ok else "names of headers with values in printable ASCII, without those of the body's length"
    )


_FRAMING: Final = frozenset({"content-length", "transfer-encoding", "connection"})


def _is_token(name: str) -> bool:
    return (
        bool(name)
        and name.isascii()
        and all(letter.isalnum() or letter in "-_.!#$%&'*+^`|~" for letter in name)
    )


def _named(value: Any) -> str | None:
    return None if isinstance(value, str) else "a name"


#: Members of a step, each with what is wrong about a value; None where nothing is.
_MEMBERS: Final[dict[str, Callable[[Any], str | None]]] = {
    "status": lambda value: None if _is_integer(value) and value in _STATUSES else "a status from 200 to 599",
    "body": lambda _: None,
    "headers": _headers_problem,
    "failing": _named,
    "drift": _named,
    "allowed": _named,
    "wire": _named,
    "delay": lambda value: (
        None
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= LONGEST_DELAY
        else f"seconds from 0 to {LONGEST_DELAY:g}"
    ),
    "commit": lambda value: None if isinstance(value, bool) else "true or false",
}
_TEXT_PARTS: Final = ("status", "failing", "drift", "allowed", "wire", "delay")
