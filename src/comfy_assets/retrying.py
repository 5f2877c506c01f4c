"""Which attempts are repeated, and when: pure decisions, shared by the sync and the async client.

- An attempt is repeated where its failure may pass: no connection, a time limit, an answer that broke
  off, or a status of `RetryPolicy.statuses`; 429 only where the service says when to come back.
- The wait before it is drawn evenly from 0 to a bound that doubles with each attempt, and is never
  shorter than the service's `Retry-After`.
- A wait that does not end before the deadline is not begun: the error comes at once.
- All calls of a client draw their repeats from one budget, so that a service that is down meets
  little more than first attempts.
"""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterable
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Literal

from attrs import Attribute, field, frozen
from attrs.validators import optional

from comfy_assets.errors import InputError, shortened

if TYPE_CHECKING:
    from collections.abc import Mapping

    from comfy_assets.clock import Clock

#: What an attempt did, as far as the client can know:
#:
#: - `not_sent`: there was no connection, so the service never saw the request;
#: - `refused`: the service answered that it did not act (a 3xx or 4xx, or a 503 with `Retry-After`);
#: - `unknown`: the request was sent, but whether the service acted is open (no answer, half an answer, 5xx);
#: - `answered`: the service answered that it acted (2xx).
Outcome = Literal["not_sent", "refused", "unknown", "answered"]


def _number(least: float, _instance: object, attribute: Attribute[Any], value: Any) -> None:
    # No integer beyond what a float can hold either: it is reckoned with.
    if type(value) not in (int, float) or not least <= value <= sys.float_info.max:
        raise InputError(f"{attribute.name} is {shortened(value)}: expected a number of at least {least:g}")


_time_or_none: Any = optional(partial(_number, 0.001))


def _count(_instance: object, attribute: Attribute[Any], value: Any) -> None:
    if type(value) is not int or value < 1:
        raise InputError(f"{attribute.name} is {shortened(value)}: expected an integer of at least 1")


def _switch(_instance: object, attribute: Attribute[Any], value: Any) -> None:
    if type(value) is not bool:
        raise InputError(f"{attribute.name} is {shortened(value)}: expected True or False")


def _set_of(value: Any) -> Any:
    """A set of any iterable; the validator refuses the rest."""
    return frozenset(value) if isinstance(value, Iterable) and not isinstance(value, (str, bytes)) else value


def _statuses(_instance: object, attribute: Attribute[Any], value: Any) -> None:
    if not isinstance(value, frozenset) or not all(isinstance(one, int) for one in value):
        raise InputError(f"{attribute.name} is {shortened(value)}: expected numbers of statuses")


@frozen(kw_only=True)
class RetryPolicy:
    """When a call is attempted again. `retry=None` instead of a policy: never.

    Attributes:
        attempts: how often a call is attempted at most, the first time included.
        attempt_timeout: seconds for one attempt; None for no limit but the call's own. Without one,
            a service that is silent once uses up the whole call.
        first_delay: seconds; the bound of the first wait, which doubles with each further one.
        longest_delay: seconds; the bound stays below it. A longer `Retry-After` is obeyed all the same.
        statuses: after which an attempt is repeated; 429 only where it comes with `Retry-After`.
        repeat_unknown: whether an attempt of which nobody knows what it did is repeated. The contract
            makes that safe: the repeat finds the reference. A service that drifts may make a second one.
        budget: how many repeats all calls of a client may draw at once. Each answered call earns a
            tenth of one back, and so does each second.
    """

    attempts: int = field(default=4, validator=_count)
    attempt_timeout: float | None = field(default=20.0, validator=_time_or_none)
    first_delay: float = field(default=0.5, validator=partial(_number, 0))
    longest_delay: float = field(default=8.0, validator=partial(_number, 0))
    statuses: frozenset[int] = field(
        default=frozenset({408, 425, 429, 500, 502, 503, 504}), converter=_set_of, validator=_statuses
    )
    repeat_unknown: bool = field(default=True, validator=_switch)
    budget: int = field(default=20, validator=_count)


@frozen
class Attempt:
    """One attempt of a call, as hooks, results and errors carry it. It holds no key.

    Attributes:
        number: counted from 1.
        outcome: `"not_sent"`, `"refused"`, `"unknown"` or `"answered"`.
        status_code: of the answer; None where none came.
        error: type and words of what went wrong on the wire; None where nothing did.
        seconds: how long it took.
        retry_after: seconds that the service asked to wait; None where it asked for none.
        delay: seconds until the next attempt; None where this was the last one.
        stopped_by: why it was the last one: `"success"`, `"error"` (one that does not pass),
            `"attempts"`, `"deadline"`, `"budget"` or `"unknown"` (see `RetryPolicy.repeat_unknown`).
    """

    number: int
    outcome: Outcome
    status_code: int | None
    error: str | None
    seconds: float
    retry_after: float | None = None
    delay: float | None = None
    stopped_by: Literal["success", "error", "attempts", "deadline", "budget", "unknown"] | None = None


def outcome(status_code: int | None, retry_after: float | None, *, sent: bool, whole: bool) -> Outcome:
    """What an attempt did. `whole`: the answer came to its end."""
    if status_code is None:
        return "unknown" if sent else "not_sent"
    if status_code == HTTPStatus.SERVICE_UNAVAILABLE and retry_after is not None:
        return "refused"
    if whole and 200 <= status_code < 300:  # noqa: PLR2004 - the classes of RFC 9110, section 15
        return "answered"
    return "refused" if 300 <= status_code < 500 else "unknown"  # noqa: PLR2004 - as above


_SECONDS: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?")


def retry_after(headers: Mapping[str, str], wall: float) -> float | None:
    """Seconds that an answer asks to wait (RFC 9110, section 10.2.3); None where it asks for none.

    A date is taken against the answer's own `Date`, or against `wall` where it has none: the
    machine's clock may be wrong. Anything else in the header says nothing.
    """
    value = headers.get("retry-after")
    if value is not None and _SECONDS.fullmatch(value.strip()):
        return float(value)
    moment = _moment(value)
    if moment is None:
        return None
    sent = _moment(headers.get("date"))
    return max(0.0, moment - (wall if sent is None else sent))


def _moment(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def bound(policy: RetryPolicy, number: int) -> float:
    """The longest wait after attempt `number`, `Retry-After` aside."""
    # No doubling beyond what a float can hold.
    return min(policy.longest_delay, policy.first_delay * 2.0 ** min(number - 1, 512))


class Budget:
    """How many repeats all calls of a client may still draw; safe for threads."""

    #: What an answered call, and a second, earn back.
    EARNED: Final = 0.1

    def __init__(self, capacity: float, clock: Clock) -> None:
        self._capacity = capacity
        self._clock = clock
        self._left = capacity
        self._seen = clock.now()
        self._lock = threading.Lock()

    def _earn(self, amount: float) -> None:
        now = self._clock.now()
        self._left = min(self._capacity, self._left + amount + max(0.0, now - self._seen) * self.EARNED)
        self._seen = now

    def earn(self) -> None:
        """A call was answered."""
        with self._lock:
            self._earn(self.EARNED)

    def draw(self) -> bool:
        """Take one repeat; False where there is none left."""
        with self._lock:
            self._earn(0)
            if self._left < 1:
                return False
            self._left -= 1
            return True


@frozen
class Decision:
    """Whether, and after how many seconds, an attempt is repeated."""

    delay: float | None = None
    stopped_by: Literal["success", "error", "attempts", "deadline", "unknown"] | None = None


def decide(
    policy: RetryPolicy | None, attempt: Attempt, *, passing: bool, left: float, chance: float
) -> Decision:
    """What follows on an attempt.

    Args:
        attempt: what happened; its `delay` and `stopped_by` are not looked at.
        passing: whether a failure without a status may pass; a wrong certificate does not.
        left: seconds until the call's deadline.
        chance: from 0 to 1, where the wait falls between 0 and its bound.
    """
    if attempt.outcome == "answered":
        return Decision(stopped_by="success")
    if policy is None or not _may_pass(policy, attempt, passing=passing):
        return Decision(stopped_by="error")
    if attempt.outcome == "unknown" and not policy.repeat_unknown:
        return Decision(stopped_by="unknown")
    if attempt.number >= policy.attempts:
        return Decision(stopped_by="attempts")
    delay = max(chance * bound(policy, attempt.number), attempt.retry_after or 0.0)
    return Decision(stopped_by="deadline") if delay >= left else Decision(delay)


def _may_pass(policy: RetryPolicy, attempt: Attempt, *, passing: bool) -> bool:
    status = attempt.status_code
    if status is None or 200 <= status < 300:  # noqa: PLR2004 - a success that broke off
        return passing
    if status == HTTPStatus.TOO_MANY_REQUESTS and attempt.retry_after is None:
        # Without it, the vendor's 429 means a subscription that is not active.
        return False
    return status in policy.statuses
