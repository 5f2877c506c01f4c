"""Rules about HTTP itself, and what is only observed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from comfy_assets.contract import oracle
from comfy_assets.contract.rules.model import Deviation, Judged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from comfy_assets.contract.history import History

#: Slower than that is worth a word.
SLOW_SECONDS = 1.0


def allow(history: History) -> Iterator[Judged]:
    """405 says which methods there are."""
    for one in history.seen:
        if one.status != 405 or one.response is None or one.expectation.kind != oracle.METHOD:
            continue
        said = one.response.header("allow")
        method = history.facts.operation.method
        names = [name.strip().upper() for name in (said or "").split(",")]
        deviation = None
        if method not in names:
            cause = "absent" if said is None else "not named"
            deviation = Deviation(
                cause, f"Allow with {method}", f"405 with Allow: {said if said is not None else '(none)'}"
            )
        yield Judged((one.index,), deviation)


def head(history: History) -> Iterator[Judged]:
    """An answer to HEAD has no body: what follows it is the next answer."""
    for one in history.seen:
        if one.exchange.request.method == "HEAD" and one.response is not None:
            after = one.exchange.raw.partition(b"\r\n\r\n")[2]
            deviation = Deviation(
                "body", "an answer to HEAD without a body", f"{len(after)} bytes after the head"
            )
            yield Judged((one.index,), deviation if after else None)


def challenge(history: History) -> Iterator[Judged]:
    """401 says how to authenticate."""
    for one in history.seen:
        if one.status == 401 and one.response is not None and one.expectation.kind == oracle.AUTH:
            has = one.response.header("www-authenticate")
            deviation = Deviation("absent", "WWW-Authenticate in a 401", "a 401 without it")
            yield Judged((one.index,), None if has else deviation)


def throttled(history: History) -> Iterator[Judged]:
    """Throttling is for those who ask too often, not for what they ask."""
    for place, one in enumerate(history.seen):
        control = one.case.control if one.case else None
        if not one.is_throttled:
            if one.response is not None:
                yield Judged((one.index,))
            continue
        after = next((other for other in history.seen[place + 1 :] if other.exchange.attempt == 0), None)
        # Asked again and again, while requests before and after it were answered at once.
        alone = one.exchange.attempt > 0 and (after is None or not after.is_throttled)
        if alone and control is not None and history.accepted(control):
            got = f"{one.status}, {one.exchange.attempt + 1} times, while its control was answered"
            yield Judged((one.index,), Deviation(str(one.status), "an answer, like that of its control", got))


def open_observed(history: History) -> Iterator[Judged]:
    """How requests are answered that may be accepted or refused: each answer, and what gets it."""
    told: dict[str, list[int]] = {}
    asked: dict[str, dict[str, None]] = {}
    for one in history.seen:
        if one.expectation.kind == oracle.OPEN and one.status is not None and one.status < 500:
            answer = "accepted" if one.is_success else f"answered {one.status}"
            told.setdefault(answer, []).append(one.index)
            asked.setdefault(answer, {})[" and ".join(one.expectation.open)] = None
    for answer, indexes in told.items():
        note = f"{answer}: {', '.join(asked[answer])}"
        yield from (Judged((index,), note=note) for index in indexes)


def slow(history: History) -> Iterator[Judged]:
    """The slowest answer, where it is worth a word."""
    answered = [one for one in history.seen if one.response is not None]
    if answered:
        slowest = max(answered, key=lambda one: one.exchange.seconds)
        if slowest.exchange.seconds > SLOW_SECONDS:
            yield Judged((slowest.index,), note=f"the slowest answer took {slowest.exchange.seconds:.1f} s")
