"""Rules about what a program makes of answers, how often it asks, and where the key goes."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from comfy_assets.contract.clients.plan import EITHER, FAILURE, PLAIN, SUCCESS
from comfy_assets.contract.clients.record import TIMED_OUT
from comfy_assets.contract.clients.rules.sent import shown
from comfy_assets.contract.rules.model import Deviation, Judged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from comfy_assets.contract.clients.history import ClientHistory
    from comfy_assets.contract.clients.record import Arrival, Run

#: Seconds by which clocks may differ.
_TOLERANCE = 0.05


def plain(history: ClientHistory) -> Iterator[Judged]:
    """The first good run succeeds."""
    for run in history.of(PLAIN):
        deviation = None
        if not run.claims_success:
            deviation = Deviation("failed", "exit status 0", history.end(run))
        elif not _is_told(run):
            deviation = Deviation(
                "another id", f"the id {_ids(run)} as the last line", f"{shown(run.last_line)!r}"
            )
        yield Judged((run.index,), deviation)


def survive(rule: str) -> Callable[[ClientHistory], Iterator[Judged]]:
    """A success that the contract allows is taken for one."""

    def check(history: ClientHistory) -> Iterator[Judged]:
        for run in history.of(rule):
            if run.ended != TIMED_OUT:
                deviation = Deviation(
                    run.scenario, "exit status 0: the service said that it is registered", history.end(run)
                )
                yield Judged((run.index,), None if run.claims_success else deviation)

    return check


def fail(rule: str) -> Callable[[ClientHistory], Iterator[Judged]]:
    """No success is claimed where none was told."""

    def check(history: ClientHistory) -> Iterator[Judged]:
        runs = list(history.of(rule))
        wrong = {run.index for run in runs if run.claims_success and not _could_succeed(run)}
        every = len(wrong) == len(runs) > 1
        for run in runs:
            deviation = Deviation(
                "whatever comes" if every else run.scenario,
                "another exit status than 0",
                f"exit status 0, printed {shown(run.last_line)!r}",
            )
            yield Judged((run.index,), deviation if run.index in wrong else None)

    return check


def _could_succeed(run: Run) -> bool:
    """Whether one of its requests got what may be taken for a success."""
    return any(one.said is not None and one.said.says != FAILURE for one in run.asks)


def recover(history: ClientHistory) -> Iterator[Judged]:
    """After a failure that passes, success is claimed where it came, and only there."""
    for run in history.of("recover"):
        came = any(one.said is not None and one.said.says == SUCCESS for one in run.asks)
        if run.ended == TIMED_OUT:
            continue
        deviation = None
        if run.claims_success != came:
            expected = (
                "exit status 0: a repeat was answered with a success"
                if came
                else "another exit status than 0"
            )
            deviation = Deviation(run.scenario, expected, history.end(run))
        yield Judged((run.index,), deviation)


def drift(history: ClientHistory) -> Iterator[Judged]:
    """A success that deviates and can be read is taken for one."""
    for run in history.of("drift-survived"):
        if run.ended != TIMED_OUT:
            deviation = Deviation(run.scenario, "exit status 0: the id can be read", history.end(run))
            yield Judged((run.index,), None if run.claims_success else deviation)


def told(history: ClientHistory) -> Iterator[Judged]:
    """The last line is the id that the answer holds."""
    for run in history.runs:
        if run.claims_success and _ids(run):
            got = f"{shown(run.last_line)!r}" if run.last_line else "nothing"
            holds = any(id_.lower().encode() in run.stdout.lower() for id_ in _ids(run).split(" or "))
            cause = "not the last line" if holds else "another id" if run.last_line else "nothing"
            deviation = Deviation(cause, f"{_ids(run)} as the last line that is not empty", got)
            yield Judged((run.index,), None if _is_told(run) else deviation)


def _ids(run: Run) -> str:
    ids = [
        one.said.id for one in run.asks if one.said is not None and one.said.id and one.said.says != FAILURE
    ]
    return " or ".join(dict.fromkeys(ids))


def _is_told(run: Run) -> bool:
    return any(_meant(run.last_line) == _meant(id_) for id_ in _ids(run).split(" or "))


def _meant(text: str) -> object:
    try:
        return uuid.UUID(text)
    except ValueError:
        return text


def hang(history: ClientHistory) -> Iterator[Judged]:
    """Every run ends."""
    for run in history.runs:
        if run.asks:
            got = f"still running after {run.seconds:.0f} s, {len(run.asks)} requests"
            deviation = Deviation(run.scenario, "an end, with or without success", got, proven=True)
            yield Judged((run.index,), deviation if run.ended == TIMED_OUT else None)


def says_why(history: ClientHistory) -> Iterator[Judged]:
    """Whoever fails says why."""
    for run in history.ended:
        if not run.claims_success and run.asks:
            deviation = Deviation(
                "silent", "a reason on stderr", f"exit status {run.status} and nothing on stderr"
            )
            yield Judged((run.index,), None if run.stderr.strip() else deviation)


# --- How often it asks ----------------------------------------------------------------------------


def _pairs(run: Run) -> Iterator[tuple[Arrival, Arrival | None]]:
    """Each request to the service that was answered, with the one after it."""
    asks = run.asks
    for place, one in enumerate(asks):
        yield one, asks[place + 1] if place + 1 < len(asks) else None


def once(history: ClientHistory) -> Iterator[Judged]:
    """Nothing is asked again after a success."""
    for run in history.runs:
        if run.rule == "fail-broken":
            continue  # a connection that breaks off is a reason to ask again
        for one, after in _pairs(run):
            if one.said is not None and one.said.says in {SUCCESS, EITHER}:
                got = (
                    f"{len(run.asks)} requests; the next {after.arrived - one.arrived:.2f} s after the one that succeeded"
                    if after
                    else ""
                )
                yield Judged(
                    (run.index,), Deviation("again", "one request", got, proven=True) if after else None
                )
                break


def retry_after(history: ClientHistory) -> Iterator[Judged]:
    """Nothing is asked again before the time that the service names is over."""
    for run in history.runs:
        for one, after in _pairs(run):
            if one.said is None or one.said.wait is None:
                continue
            deviation = None
            if after is not None:
                waited = after.arrived - one.arrived  # what is sent may be read before the sender goes on
                if waited < one.said.wait - _TOLERANCE:
                    expected = f"no request for {one.said.wait:g} s: Retry-After said so"
                    deviation = Deviation(
                        str(one.said.status),
                        expected,
                        f"asked again after {max(0, waited):.2f} s",
                        proven=True,
                    )
            yield Judged((run.index,), deviation)


def refused(history: ClientHistory) -> Iterator[Judged]:
    """What the service refused is not asked again."""
    documented = {
        int(one) for one in history.facts.operation.responses if one.isdecimal() and "400" <= one < "500"
    }
    for run in history.runs:
        for one, after in _pairs(run):
            if one.said is not None and one.said.status in documented and one.said.says == FAILURE:
                got = f"{len(run.asks)} requests" if after else ""
                deviation = Deviation(
                    str(one.said.status), f"one request: {one.said.status} is final", got, proven=True
                )
                yield Judged((run.index,), deviation if after else None)
                break


def recovers(history: ClientHistory) -> Iterator[Judged]:
    """Whether it asks again by itself."""
    runs = list(history.of("recover"))
    for words, again in (("asks again", True), ("gives up", False)):
        alike = [run for run in runs if (len(run.asks) > 1) is again]
        names = ", ".join(sorted({run.scenario for run in alike}))
        yield from (Judged((run.index,), note=f"{words} in {names}") for run in alike)


def left(history: ClientHistory) -> Iterator[Judged]:
    """What is left when it has ended."""
    for run in history.ended:
        yield Judged((run.index,), note="processes were left running, and were ended" if run.left else "")


# --- The key --------------------------------------------------------------------------------------


#: Places where a key may stand, in words.
_PLACES = {
    "url": "the URL",
    "body": "the request's body",
    "referer": "the header Referer",
    "header": "another header",
    "elsewhere": "a request to the host that a redirect leads to",
}


def _leak(
    places: frozenset[str], expected: str, rules: frozenset[str] | None = None
) -> Callable[[ClientHistory], Iterator[Judged]]:
    def check(history: ClientHistory) -> Iterator[Judged]:
        for run in history.runs:
            if not run.asks or (rules is not None and run.rule not in rules):
                continue
            found = [(place, form) for place, form in run.leaks if place in places]
            for place, form in found or [("", "")]:
                deviation = Deviation(
                    place, expected, f"the key, {form}, in {_PLACES.get(place, place)}", proven=True
                )
                yield Judged((run.index,), deviation if place else None)

    return check


printed = _leak(frozenset({"stdout", "stderr"}), "no key in what it prints")
header_only = _leak(frozenset({"url", "body", "referer", "header"}), "the key in its header and nowhere else")
key_elsewhere = _leak(
    frozenset({"elsewhere"}),
    "no key for any other host than that of COMFY_CLOUD_BASE_URL",
    frozenset({"fail-redirect"}),
)


def elsewhere(history: ClientHistory) -> Iterator[Judged]:
    """Another host is not asked."""
    for run in history.of("fail-redirect"):
        others = [one for one in run.arrivals if one.elsewhere]
        methods = ", ".join(one.request.method if one.request else "something" for one in others)
        deviation = Deviation(
            "redirect", "no request to another host", f"{methods} to the redirect's target", proven=True
        )
        yield Judged((run.index,), deviation if others else None)
