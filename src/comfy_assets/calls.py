"""One call: its attempts, its deadline, and what is known at its end. Does no input or output itself.

A client asks `seconds()` how long the next attempt may take, makes it, and asks `after()` how long to
wait before the one after; None ends the call.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field, frozen

from comfy_assets import retrying
from comfy_assets.retrying import Attempt, Budget, Decision, RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable

    from comfy_assets.clock import Clock
    from comfy_assets.exchanges import Exchange

_log = logging.getLogger("comfy_assets")


@frozen
class Limits:
    """What bounds a call: seconds for the whole of it, and when it is attempted again."""

    timeout: float
    retry: RetryPolicy | None


@define
class Conversation:
    """The attempts of one call."""

    limits: Limits
    clock: Clock
    budget: Budget
    hook: Callable[[Attempt], object] | None = None
    attempts: list[Attempt] = field(factory=list)
    _deadline: float = field(init=False)

    @_deadline.default  # pyright: ignore[reportAttributeAccessIssue] # attrs' decorator: a field until the class is made
    def _from_now(self) -> float:
        return self.clock.now() + self.limits.timeout

    def _left(self) -> float:
        return self._deadline - self.clock.now()

    def seconds(self) -> float:
        """How long the next attempt may take."""
        own = None if self.limits.retry is None else self.limits.retry.attempt_timeout
        # A clock may have run past the deadline while we slept; an attempt needs some time all the same.
        left = max(self._left(), 0.001)
        return left if own is None else min(left, own)

    def after(self, exchange: Exchange) -> float | None:
        """How many seconds to wait before the next attempt; None where there is none."""
        attempt = self._attempt(exchange)
        passes = exchange.failure is None or exchange.failure.passes
        decision = retrying.decide(
            self.limits.retry, attempt, passing=passes, left=self._left(), chance=self.clock.chance()
        )
        stopped_by: Any = decision.stopped_by
        if stopped_by == "success":
            self.budget.earn()
        elif stopped_by is None and not self.budget.draw():
            decision, stopped_by = Decision(), "budget"
        attempt = evolve(attempt, delay=decision.delay, stopped_by=stopped_by)
        self.attempts.append(attempt)
        told(self.hook, attempt)
        return decision.delay

    def _attempt(self, exchange: Exchange) -> Attempt:
        response, failure = exchange.response, exchange.failure
        status = None if response is None else response.status_code
        asked = None if response is None else retrying.retry_after(response.headers, self.clock.wall())
        return Attempt(
            number=len(self.attempts) + 1,
            outcome=retrying.outcome(status, asked, sent=exchange.sent, whole=_is_whole(exchange)),
            status_code=status,
            error=None if failure is None else failure.cause,
            seconds=exchange.seconds,
            retry_after=asked,
        )


def _is_whole(exchange: Exchange) -> bool:
    # An answer beyond our limit did come; it is our reading that ends.
    return exchange.failure is None or exchange.failure.kind == "too_large"


def told(hook: Callable[[Any], object] | None, what: Any) -> None:
    """Call a user's hook. An error in it is logged: a registration must not be lost to a counter."""
    if hook is None:
        return
    try:
        hook(what)
    except Exception:  # noqa: BLE001 - whatever a hook raises
        _log.exception("a hook failed on %r", what)
