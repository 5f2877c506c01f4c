"""The scenarios: what the service answers to a program, and what the program has to make of it.

The same for one contract and seed, but for ids that a drift draws.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any, Final

from attrs import evolve, frozen

from comfy_assets.contract.clients.asks import ASKS, Ask, pick
from comfy_assets.contract.facts import CONTENT_HASH, CREATED_NEW, EXISTING, ID, NAME
from comfy_assets.scenarios import allowed as allowed_
from comfy_assets.scenarios import failing as failing_
from comfy_assets.scenarios.drift import DRIFTS
from comfy_assets.scenarios.wire import LOST, OPEN, SILENT, WHOLE, WIRES, Answer, Steps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from comfy_assets.scenarios.drift import Drift
    from comfy_assets.specification import Contract

# What a program may claim after an answer: it must claim success, may, must not.
SUCCESS, EITHER, FAILURE = "success", "either", "failure"

#: Groups of scenarios whose runs mostly wait.
PLAIN: Final = "plain"
_NAMESPACE: Final = uuid.UUID("6b1e1f6e-6c0f-4d3c-9d2a-3f0f5a3a8f10")
#: Seconds that `Retry-After` asks for.
WAIT: Final = 2
_REDIRECTS: Final = (300, 301, 302, 303, 307, 308)
#: Stand in headers for what is known when they are sent: the other host, and the time that `WAIT` seconds end.
ELSEWHERE: Final = "{elsewhere}"
LATER: Final = "{later}"
#: Where redirects to the same host lead: whoever posts there registers.
MOVED: Final = "/moved/from-hash"


@frozen
class Reply:
    """What is done to one request: the steps, and what a program can know after them."""

    steps: Steps
    says: str
    #: Status of the answer, where its head is sent.
    status: int | None = None
    #: The id that a success holds.
    id: str | None = None
    #: Seconds before which it must not ask again; None: it may at any time.
    wait: float | None = None


@frozen
class Scenario:
    """One run of the program: what it is asked, and what each of its requests gets, the last one again and again."""

    name: str
    #: The rule about what the program makes of it.
    rule: str
    ask: Ask
    replies: tuple[Reply, ...]
    #: It takes time and not work.
    waits: bool = False

    @property
    def must(self) -> str:
        """What the program has to claim in the end."""
        says = {reply.says for reply in self.replies}
        if says == {SUCCESS}:
            return SUCCESS
        return FAILURE if says == {FAILURE} else EITHER


def scenarios(contract: Contract, seed: int) -> tuple[Scenario, ...]:
    """All of them; the plain one first."""
    made = [
        *_plain(contract), *_waiting(contract), *_asks(contract), *_allowed(contract), *_failing(contract),
        *_drifting(contract), *_redirects(contract), *_lost(contract), *_again(contract),
    ]  # fmt: skip
    return tuple(
        one if one.ask is not ASKS[0] or one.rule == PLAIN or one.name.startswith("ask-") else evolve(one, ask=pick(number, seed))
        for number, one in enumerate(made)
    )  # fmt: skip


def id_of(name: str) -> str:
    """The id that a scenario's success holds: another one in each."""
    return str(uuid.uuid5(_NAMESPACE, name))


def _success(
    contract: Contract, name: str, ask: Ask = ASKS[0], *, created: bool = True
) -> tuple[int, dict[str, Any]]:
    return allowed_.whole(contract, id_of(name), ask.members, created=created)


def _replied(
    answer: Answer, says: str, id_: str | None = None, wire: str = "at-once", wait: float | None = None
) -> Reply:
    return Reply(WIRES[wire].steps(answer), says, answer.status, id_, wait)


def _plain(contract: Contract) -> Iterator[Scenario]:
    answer = allowed_.plain(*_success(contract, PLAIN))
    yield Scenario(PLAIN, PLAIN, ASKS[0], (_replied(answer, SUCCESS, id_of(PLAIN)),))


def _asks(contract: Contract) -> Iterator[Scenario]:
    for number, ask in enumerate(ASKS[1:]):
        name = f"ask-{ask.name}".replace(" ", "-").lower()
        answer = allowed_.plain(*_success(contract, name, ask, created=number % 2 == 0))
        yield Scenario(name, "survive-asks", ask, (_replied(answer, SUCCESS, id_of(name)),))


def _allowed(contract: Contract) -> Iterator[Scenario]:
    for number, shape in enumerate(allowed_.allowed(contract)):
        name = f"allowed-{shape.name}"
        answer = shape.of(*_success(contract, name, created=number % 3 > 0))
        id_ = str(json.loads(answer.body)["id"])
        yield Scenario(name, f"survive-{shape.about}", ASKS[0], (_replied(answer, SUCCESS, id_),))
    name = "wire-split-packets"
    yield Scenario(name, "survive-http", ASKS[0], (
        _replied(allowed_.plain(*_success(contract, name)), SUCCESS, id_of(name), "split-packets"),))  # fmt: skip


def _waiting(contract: Contract) -> Iterator[Scenario]:
    """Scenarios that take time: begun first, since others can go on beside them."""
    for wire in WIRES.values():
        if not wire.waits:
            continue
        name = f"wire-{wire.name}"
        answer = allowed_.plain(*_success(contract, name))
        if wire.got == SILENT:
            yield Scenario(
                name, "fail-no-answer", ASKS[0], (_replied(answer, FAILURE, wire=wire.name),), waits=True
            )
        else:
            reply = _replied(answer, SUCCESS, id_of(name), wire.name)
            yield Scenario(name, "survive-slow", ASKS[0], (reply,), waits=True)
    for status in (429, 503):
        for suffix, when, times in (("", str(WAIT), 1), ("-twice", str(WAIT), 2), ("-date", LATER, 1)):
            name = f"retry-after-{status}{suffix}"
            error = failing_.error(contract, status)
            error = evolve(error, headers=(*error.headers, ("Retry-After", when)))
            good = allowed_.plain(*_success(contract, name))
            replies = (*[_replied(error, FAILURE, wait=WAIT)] * times, _replied(good, SUCCESS, id_of(name)))
            yield Scenario(name, "recover", ASKS[0], replies, waits=True)


def _failing(contract: Contract) -> Iterator[Scenario]:
    rules = {
        failing_.DOCUMENTED: "fail-documented",
        failing_.OTHER: "fail-other-status",
        failing_.ODD_BODY: "fail-odd-body",
        failing_.UNREADABLE: "fail-unreadable",
        failing_.NULL_ID: "fail-null-id",
    }
    for one in failing_.failing(contract):
        reply = _replied(one.answer, FAILURE)
        yield Scenario(
            f"failing-{one.name}", rules[one.about], ASKS[0], (reply,), waits=one.answer.status in {429, 503}
        )


def _drifting(contract: Contract) -> Iterator[Scenario]:
    seen = []
    for drift_name, drift in DRIFTS.items():
        name = f"drift-{drift_name}"
        ask, status, members = _drifted(contract, name, drift)
        written = allowed_.plain(status, {**members, ID: ""})
        if written in seen:
            continue  # to a client that asks once, another drift looks the same
        seen.append(written)
        says = EITHER if drift.told else SUCCESS
        rule = "drift-survived" if drift.told else "survive-unknown"
        reply = _replied(allowed_.plain(status, members), says, str(members.get(ID)))
        yield Scenario(name, rule, ask, (reply,))
    schema = allowed_.success_schema(contract)
    for member in schema["required"]:
        if member == ID:
            continue
        name = f"drift-without-{member}"
        status, members = _success(contract, name)
        del members[member]
        if allowed_.plain(status, {**members, ID: ""}) in seen:
            continue
        reply = _replied(allowed_.plain(status, members), EITHER, id_of(name))
        yield Scenario(name, "drift-survived", ASKS[0], (reply,))
    name = "drift-200-says-created"
    _, members = _success(contract, name)
    reply = _replied(allowed_.plain(EXISTING, {**members, CREATED_NEW: True}), EITHER, id_of(name))
    yield Scenario(name, "drift-survived", ASKS[0], (reply,))


def _drifted(contract: Contract, name: str, drift: Drift) -> tuple[Ask, int, dict[str, Any]]:
    """What a service that drifts answers, to the first request that shows it."""
    for ask in ASKS:
        status, members = _success(contract, name, ask, created="repeat" not in name)
        if NAME not in ask.members:  # then the service finds a name
            members[NAME] = members.get(CONTENT_HASH, "")
        changed = drift.change(status, dict(members))
        if allowed_.plain(*changed) != allowed_.plain(status, members):  # in Python, 1 and 1.0 are the same
            return ask, *changed
    raise AssertionError(f"no request shows {name}")


def _redirects(contract: Contract) -> Iterator[Scenario]:
    for status in _REDIRECTS:
        answer = Answer(status, b"", (("Location", f"{ELSEWHERE}/api/assets/from-hash"),))
        yield Scenario(f"redirect-{status}", "fail-redirect", ASKS[0], (_replied(answer, FAILURE),))
    for status in _REDIRECTS:
        name = f"redirect-{status}-same-host"
        answer = Answer(status, b"", (("Location", MOVED),))
        good = allowed_.plain(*_success(contract, name))
        replies = (_replied(answer, FAILURE), _replied(good, EITHER, id_of(name)))
        yield Scenario(name, "fail-redirect", ASKS[0], replies)


def _lost(contract: Contract) -> Iterator[Scenario]:
    for wire in WIRES.values():
        if wire.got not in {LOST, OPEN} or wire.waits:
            continue
        name = f"wire-{wire.name}"
        answer = allowed_.plain(*_success(contract, name))
        id_, says = (id_of(name), EITHER) if wire.got == OPEN else (None, FAILURE)
        yield Scenario(name, "fail-broken", ASKS[0], (_replied(answer, says, id_, wire.name),))


def _again(contract: Contract) -> Iterator[Scenario]:
    """The first request fails, further ones succeed: whoever asks again is told what it asked for."""
    for word, first in (
        ("500", _replied(failing_.error(contract, 500), FAILURE)),
        ("502", _replied(failing_.error(contract, 502), FAILURE)),
        ("401", _replied(failing_.error(contract, 401), FAILURE)),
        ("400", _replied(failing_.error(contract, 400), FAILURE)),
        ("404", _replied(failing_.error(contract, 404), FAILURE)),
        ("reset", _replied(Answer(201), FAILURE, wire="reset-before-answer")),
        ("cut-short", _replied(allowed_.plain(201, {"id": id_of("cut")}), FAILURE, wire="cut-short")),
    ):
        name = f"first-{word}"
        good = allowed_.plain(*_success(contract, name, created=word != "cut-short"))
        yield Scenario(name, "recover", ASKS[0], (first, _replied(good, SUCCESS, id_of(name))))


__all__ = ["EITHER", "ELSEWHERE", "FAILURE", "SUCCESS", "WHOLE", "Reply", "Scenario", "scenarios"]
