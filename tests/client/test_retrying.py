"""The decisions about repeats: pure, so properties over any attempt, any answer and any header text."""

from __future__ import annotations

import math
import re
import sys
import time
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from comfy_assets import InputError, RetryPolicy
from comfy_assets.calls import Conversation, Limits
from comfy_assets.exchanges import Exchange, Failure, RawResponse
from comfy_assets.retrying import Attempt, Budget, bound, decide, outcome, retry_after
from comfy_assets.testing import FakeClock

seconds = st.floats(0, 1e6)
headers = st.dictionaries(st.sampled_from(["retry-after", "date"]), st.text())
policies = st.builds(
    RetryPolicy,
    attempts=st.integers(1, 10**9),
    attempt_timeout=st.none() | st.floats(0.001, 1e6),
    first_delay=seconds,
    longest_delay=seconds,
    repeat_unknown=st.booleans(),
    budget=st.integers(1, 1000),
)
attempts = st.builds(
    Attempt,
    number=st.integers(1, 10**9),
    outcome=st.sampled_from(["not_sent", "refused", "unknown", "answered"]),
    status_code=st.none() | st.integers(100, 999),
    error=st.none(),
    seconds=seconds,
    retry_after=st.none() | st.floats(0, math.inf),
)
exchanges = st.builds(
    Exchange,
    response=st.none() | st.builds(RawResponse, st.integers(100, 999), headers, st.binary()),
    failure=st.builds(
        Failure, st.sampled_from(["broken", "timeout", "too_large"]), st.just("it broke"), st.booleans()
    ),
    sent=st.booleans(),
    seconds=seconds,
)


@given(attempts, policies, st.booleans(), st.floats(-10, 1e6), st.floats(0, 1))
def test_decision_keeps_its_promises(
    attempt: Attempt, policy: RetryPolicy, passing: bool, left: float, chance: float
) -> None:
    """A wait ends before the deadline, is never shorter than `Retry-After`, and else below its bound."""
    decision = decide(policy, attempt, passing=passing, left=left, chance=chance)
    assert (decision.delay is None) is (decision.stopped_by is not None)
    if decision.delay is not None:
        assert 0 <= decision.delay < left
        assert decision.delay >= (attempt.retry_after or 0)
        assert decision.delay <= max(policy.longest_delay, attempt.retry_after or 0)
        assert attempt.number < policy.attempts
        assert attempt.outcome != "answered"
        assert policy.repeat_unknown or attempt.outcome != "unknown"
        if attempt.status_code is None or 200 <= attempt.status_code < 300:
            assert passing
        else:
            assert attempt.status_code in policy.statuses
            assert attempt.status_code != 429 or attempt.retry_after is not None
    assert decide(None, attempt, passing=passing, left=left, chance=chance).delay is None


@given(st.text() | st.from_regex(r"[0-9]{1,400}(\.[0-9]{1,20})?"), st.text(), seconds)
def test_any_header_is_read(after: str, date: str, wall: float) -> None:
    """Whatever the header holds: nothing, or a number of seconds that is not negative."""
    found = retry_after({"retry-after": after, "date": date}, wall)
    assert found is None or found >= 0


@pytest.mark.parametrize(
    ("value", "expected"),
    [("120", 120), (" 0 ", 0), ("1.5", 1.5), ("9" * 400, math.inf), *[(bad, None) for bad in (
        "", "-1", "soon", "1e3", "١٢", "1 s", "0x10", "+5", "Wed, 99 Foo 2020", "nan", "inf"
    )]],
)  # fmt: skip
def test_seconds(value: str, expected: float | None) -> None:
    """Digits are seconds, however many; anything else that is no date says nothing."""
    assert retry_after({"retry-after": value}, 0) == expected


@given(st.integers(-100, 100_000), st.integers(0, 4_000_000_000))
def test_dates_count_from_the_answers_own(ahead: int, wall: int) -> None:
    """A date is taken against the answer's `Date`, so a wrong clock of this machine does not matter."""
    sent = datetime(2026, 3, 1, 12, tzinfo=UTC)
    later = format_datetime(sent + timedelta(seconds=ahead), usegmt=True)
    given_date = format_datetime(sent, usegmt=True)
    assert retry_after({"retry-after": later, "date": given_date}, wall) == max(0, ahead)
    assert retry_after({"retry-after": later}, sent.timestamp()) == max(0, ahead)
    assert retry_after({"retry-after": later, "date": "nonsense"}, sent.timestamp()) == max(0, ahead)
    # Of another zone, and of none, which is UTC.
    there = format_datetime((sent + timedelta(seconds=ahead)).astimezone(timezone(timedelta(hours=5))))
    assert retry_after({"retry-after": there, "date": given_date}, wall) == max(0, ahead)
    assert retry_after({"retry-after": later.replace("GMT", "-0000"), "date": given_date}, wall) == max(
        0, ahead
    )


@given(policies, st.integers(1, 10**9))
def test_bound_doubles_up_to_the_longest(policy: RetryPolicy, number: int) -> None:
    """The bound starts at `first_delay`, doubles, and never exceeds `longest_delay`."""
    assert bound(policy, 1) == min(policy.first_delay, policy.longest_delay)
    assert 0 <= bound(policy, number) <= policy.longest_delay
    assert bound(policy, number + 1) == pytest.approx(min(policy.longest_delay, 2 * bound(policy, number)))


def test_dates_without_a_zone_are_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where this machine is does not matter, neither where the answer has no `Date`."""
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        after = {"retry-after": "Sun, 01 Mar 2026 12:00:30 -0000"}
        wall = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()
        assert retry_after(after, wall) == 30
        clock = FakeClock(now=wall)
        talk = Conversation(Limits(60, RetryPolicy()), clock, Budget(1, clock))
        assert talk.after(Exchange(RawResponse(503, after, b""), None, sent=True, seconds=0.25)) == 30
        assert (talk.attempts[0].retry_after, talk.attempts[0].seconds) == (30, 0.25)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_an_answer_that_is_too_large_came() -> None:
    """It is our reading that ends: the service acted, and is not asked again."""
    clock = FakeClock()
    for kind, said in (("too_large", "answered"), ("broken", "unknown"), ("timeout", "unknown")):
        talk = Conversation(Limits(60, None), clock, Budget(1, clock))
        failure = Failure(kind, "it broke")  # type: ignore[arg-type] # one of its words
        talk.after(Exchange(RawResponse(201, {}, b""), failure, sent=True, seconds=0))
        assert talk.attempts[0].outcome == said


OUTCOMES = [
    # status, retry_after, sent, whole -> outcome
    (None, None, False, True, "not_sent"),
    (None, None, True, True, "unknown"),
    (200, None, True, True, "answered"),
    (201, None, True, True, "answered"),
    (299, None, True, True, "answered"),
    (201, None, True, False, "unknown"),
    (101, None, True, True, "unknown"),
    (199, None, True, True, "unknown"),
    (300, None, True, True, "refused"),
    (300, None, True, False, "refused"),
    (307, None, True, True, "refused"),
    (400, None, True, False, "refused"),
    (429, None, True, True, "refused"),
    (499, None, True, True, "refused"),
    (500, 5.0, True, True, "unknown"),
    (503, None, True, True, "unknown"),
    (503, 5.0, True, True, "refused"),
    (600, None, True, True, "unknown"),
]


@pytest.mark.parametrize(("status", "asked", "sent", "whole", "expected"), OUTCOMES)
def test_outcomes(status: int | None, asked: float | None, sent: bool, whole: bool, expected: str) -> None:
    """What an attempt did follows from its status, and from how far it got."""
    assert outcome(status, asked, sent=sent, whole=whole) == expected


STATUSES = {
    # status, with Retry-After or not -> repeated
    (408, False): True, (425, False): True, (429, True): True, (429, False): False, (500, False): True,
    (502, False): True, (503, False): True, (503, True): True, (504, False): True, (501, True): False,
    (505, False): False, (520, False): False, (400, True): False, (401, False): False, (402, True): False,
    (403, False): False, (404, True): False, (409, False): False, (422, False): False, (307, True): False,
    (201, False): False, (600, False): False,
}  # fmt: skip


@pytest.mark.parametrize(("status", "asks"), STATUSES)
def test_which_statuses_are_repeated(status: int, asks: bool) -> None:
    """The default policy repeats exactly what may pass; 429 only where the service says when."""
    asked = 1.0 if asks else None
    attempt = Attempt(1, outcome(status, asked, sent=True, whole=True), status, None, 0.1, asked)
    decision = decide(RetryPolicy(), attempt, passing=True, left=60, chance=1)
    assert (decision.delay is not None) is STATUSES[status, asks]


@pytest.mark.parametrize(
    ("status", "expected"), [(None, True), (200, True), (299, True), (300, False), (199, False)]
)
def test_a_success_that_broke_off_may_pass(status: int | None, expected: bool) -> None:
    """Without an answer, or with half a success, it is the failure that says whether to repeat."""
    attempt = Attempt(1, "unknown", status, "ReadError", 0.1)
    for passing in (True, False):
        decision = decide(RetryPolicy(), attempt, passing=passing, left=60, chance=0)
        assert (decision.delay is not None) is (expected and passing)


WHY = {
    "success": ({}, {"outcome": "answered", "status_code": 200}),
    "error": ({}, {"status_code": 404}),
    "unknown": ({"repeat_unknown": False}, {"outcome": "unknown", "status_code": 500}),
    "attempts": ({"attempts": 1}, {}),
    "deadline": ({}, {"retry_after": 60.0}),
}


@pytest.mark.parametrize(("why", "changes"), WHY.items())
def test_why_it_stops(why: str, changes: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """The decision names what stopped it."""
    attempt = evolve(Attempt(1, "refused", 503, None, 0.1, 0.0), **changes[1])
    assert (
        decide(
            RetryPolicy(), Attempt(1, "refused", 503, None, 0.1, 0.0), passing=True, left=60, chance=0
        ).delay
        == 0
    )
    assert decide(RetryPolicy(**changes[0]), attempt, passing=True, left=60, chance=0).stopped_by == why


@given(st.integers(1, 50), st.lists(st.sampled_from(["draw", "earn", "wait"]), max_size=200))
def test_budget_is_never_overdrawn(size: int, actions: list[str]) -> None:
    """No more repeats are drawn than the budget holds and what answers and time earned back."""
    clock = FakeClock()
    budget = Budget(size, clock)
    drawn, earned = 0, 0.0
    for action in actions:
        if action == "draw":
            drawn += budget.draw()
        elif action == "earn":
            budget.earn()
            earned += 0.1
        else:
            clock.sleep(1)
            earned += 0.1
        assert drawn <= size + earned + 1e-6


def test_answers_earn_repeats_back() -> None:
    """Ten answered calls earn one repeat, without any time."""
    budget = Budget(1, FakeClock())
    assert [budget.draw(), budget.draw()] == [True, False]
    for _ in range(11):
        budget.earn()
    assert [budget.draw(), budget.draw()] == [True, False]


def test_calls_that_are_answered_earn() -> None:
    """It is calls that succeed which earn repeats back, not those that fail."""
    for status, earned in ((201, True), (404, False)):
        clock = FakeClock()
        budget = Budget(1, clock)
        assert budget.draw()
        for _ in range(11):
            talk = Conversation(Limits(60, None), clock, budget)
            assert talk.after(Exchange(RawResponse(status, {}, b""), None, sent=True, seconds=0.1)) is None
        assert budget.draw() is earned


def test_budget_refills_up_to_its_size() -> None:
    """An empty budget refuses, and after a long time holds what it held at first, no more."""
    clock = FakeClock()
    budget = Budget(3, clock)
    assert [budget.draw() for _ in range(4)] == [True, True, True, False]
    clock.sleep(9)
    assert budget.draw() is False
    clock.sleep(1.1)
    assert budget.draw() is True
    clock.sleep(10_000)
    assert [budget.draw() for _ in range(4)] == [True, True, True, False]


@given(policies, st.lists(exchanges, min_size=1, max_size=30), st.floats(0.01, 1e6))
def test_a_call_ends(policy: RetryPolicy, came: list[Exchange], timeout: float) -> None:
    """Whatever comes: no wait outlasts the deadline, attempts are counted, and the last one says why it was."""
    clock = FakeClock()
    talk = Conversation(Limits(timeout, policy), clock, Budget(policy.budget, clock))
    began = clock.now()
    for number, exchange in enumerate(came, 1):
        assert 0 < talk.seconds() <= max(timeout, 0.001) + 1e-6
        wait = talk.after(exchange)
        attempt = talk.attempts[-1]
        assert (attempt.number, attempt.delay) == (number, wait)
        assert (attempt.stopped_by is None) is (wait is not None)
        if wait is None:
            return
        clock.sleep(wait)
        assert clock.now() - began <= timeout + 1e-6


POLICY_ERRORS: list[dict[str, Any]] = [
    {"attempts": 0}, {"attempts": 1.5}, {"attempts": True}, {"attempt_timeout": 0}, {"attempt_timeout": "5"},
    {"first_delay": -1}, {"first_delay": math.nan}, {"longest_delay": math.inf}, {"budget": 0},
    {"budget": None}, {"first_delay": None}, {"longest_delay": True}, {"attempt_timeout": 0.0009},
    {"first_delay": 10**400}, {"repeat_unknown": "no"}, {"repeat_unknown": 1}, {"statuses": 503},
    {"statuses": "503"}, {"statuses": b"503"}, {"statuses": frozenset({"503"})},
]  # fmt: skip


@pytest.mark.parametrize("wrong", POLICY_ERRORS, ids=str)
def test_policy_that_cannot_work(wrong: dict[str, Any]) -> None:
    """A policy that cannot work is refused by name and value."""
    [(name, value)] = wrong.items()
    with pytest.raises(InputError, match=re.escape(f"{name} is {value!r}: expected ")) as caught:
        RetryPolicy(**wrong)
    assert EXPECTED[name] in str(caught.value)


EXPECTED = {
    "attempts": "an integer of at least 1", "attempt_timeout": "a number of at least 0.001",
    "first_delay": "a number of at least 0", "longest_delay": "a number of at least 0",
    "budget": "an integer of at least 1", "repeat_unknown": "True or False", "statuses": "numbers of statuses",
}  # fmt: skip


def test_policy_at_its_limits() -> None:
    """The least and the largest that a policy takes are taken."""
    policy = RetryPolicy(
        attempts=1,
        attempt_timeout=0.001,
        first_delay=0,
        longest_delay=sys.float_info.max,
        budget=1,
        statuses=[503],
    )
    assert (policy.attempt_timeout, policy.statuses) == (0.001, frozenset({503}))
    assert RetryPolicy(attempt_timeout=None).attempt_timeout is None


def test_wrong_values_are_shown_in_short() -> None:
    """A value that is endless, or has no text, does not make the error so."""
    expected = ": expected an integer of at least 1"
    for wrong, shown in (
        ("x" * 498, repr("x" * 498)),
        ("x" * 499, f"'{'x' * 499}..."),
        (-(10**5_000), "a Python int"),
    ):
        with pytest.raises(InputError) as caught:
            RetryPolicy(attempts=wrong)  # type: ignore[arg-type] # the mistake
        assert str(caught.value) == f"attempts is {shown}{expected}"
