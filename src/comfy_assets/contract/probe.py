"""Sends what the plan says and records what comes back; it never judges.

What it decides is only how to be polite and safe: whether the budget allows a request, how long to
wait after 429 and 503, and when going on makes no sense.
"""

from __future__ import annotations

import email.utils
import threading
import time
from typing import TYPE_CHECKING

from attrs import define, evolve, field

from comfy_assets.contract.messages import LENGTH, read_response
from comfy_assets.contract.record import BUDGET, STOPPED, THROTTLED, TIMED_OUT, Case, Exchange
from comfy_assets.contract.wire import CLOSED, NOT_HTTP, REFUSED, TIMEOUT, TLS, Line, proxy_headers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from comfy_assets.contract.budget import Budget
    from comfy_assets.contract.keys import Keys
    from comfy_assets.contract.messages import Request, Response
    from comfy_assets.contract.record import Record
    from comfy_assets.contract.wire import Answered, Target

#: How often one request is asked again after 429 or 503, and how long one such wait may be.
ATTEMPTS = 3
LONGEST_WAIT = 20.0
#: Seconds to wait where the server does not say how long.
USUAL_WAIT = 0.5
#: Waits of a run altogether, as a part of its deadline.
MOST_WAITING = 0.5
#: So many requests in a row without an answer end the run.
MOST_SILENT = 3

THROTTLING = frozenset({429, 503})
PAYMENT_REQUIRED = 402


class UnreachableError(Exception):
    """There is no server to check; the text is one sentence."""


@define
class Probe:
    """Sends cases to one server and appends the exchanges to a record."""

    target: Target
    keys: Keys
    record: Record
    budget: Budget
    #: Seconds for one request, and for the run.
    timeout: float = 30.0
    deadline: float = 600.0
    #: Requests per second; None: as fast as the server answers.
    rate_limit: float | None = None
    #: Called after each exchange and each case left out.
    progress: Callable[[Exchange | None], None] = lambda _exchange: None
    sleep: Callable[[float], None] = time.sleep
    _line: Line = field(init=False)
    _started: float = field(factory=time.monotonic)
    _silent: int = 0
    _waited: float = 0.0
    _last_sent: float = 0.0
    _throttled_in_a_row: int = 0
    _answered: bool = False
    #: Cases that were answered with a success.
    _accepted: set[str] = field(factory=set)

    def __attrs_post_init__(self) -> None:
        self._line = Line(self.target)

    def close(self) -> None:
        """Close the connection."""
        self._line.close()

    def run(self, cases: Iterable[Case]) -> None:
        """Send the cases in their order; those that cannot be sent are left out, with the reason."""
        for case in cases:
            if case.unless is not None and case.unless in self._accepted:
                self.progress(None)
                continue
            self.record.cases.append(case)
            reason = self._send(case, replay=0)
            if reason is not None:
                self.record.left_out[case.id] = reason
                self.progress(None)

    def replay(self, cases: Iterable[Case], number: int) -> list[Exchange] | None:
        """Send cases of a finding again; None where not all could be sent."""
        before = len(self.record.exchanges)
        for case in cases:
            if self._send(case, replay=number) is not None:
                return None
        return self.record.exchanges[before:]

    # --- One case -----------------------------------------------------------------------------------

    def _send(self, case: Case, replay: int) -> str | None:
        """Send one case; the reason where it was not sent."""
        if self.record.ended:
            return STOPPED
        if self._left() <= 0:
            return TIMED_OUT
        if not self.budget.reserve(case.makes, case.id):
            return BUDGET
        if case.at_once > 1:
            self._burst(case, replay)
            return None
        return self._patiently(case, replay)

    def _patiently(self, case: Case, replay: int) -> str | None:
        for attempt in range(ATTEMPTS + 1):
            self._keep_rate()
            exchange, response = self._ask(self._line, case, replay, attempt)
            self._note(exchange, response)
            is_throttled = response is not None and response.status in THROTTLING
            self._settle(case, response)
            again = is_throttled and response is not None and attempt < ATTEMPTS and self._wait(response)
            if again and self.budget.reserve(case.makes, case.id):
                continue
            if is_throttled:
                self._throttled_in_a_row += 1
                return THROTTLED
            self._throttled_in_a_row = 0
            return TIMED_OUT if exchange.failure == TIMEOUT else None
        return THROTTLED

    def _settle(self, case: Case, response: Response | None) -> None:
        if case.makes:
            self.budget.settle(case.id, response)

    def _ask(self, line: Line, case: Case, replay: int, attempt: int) -> tuple[Exchange, Response | None]:
        started = time.monotonic() - self._started
        answered = line.ask(
            self._wire(case.request), case.request.method, min(self.timeout, max(self._left(), 0.01))
        )
        exchange = self._exchange(case, answered, replay, attempt, started)
        response = read_response(exchange.raw, case.request.method)
        if response is None or response.status >= 400 or case.request.framing != LENGTH:
            # A server that refuses without reading the body would take what is left of it for the next
            # request: that one must not be judged for it.
            line.close()
        return exchange, response

    def _wire(self, request: Request) -> bytes:
        filled = self.keys.fill(request)
        if self.target.proxy and self.target.scheme == "http":
            # A proxy takes the absolute form (RFC 9112, section 3.2.2).
            absolute = f"http://{self.target.authority}{filled.target}"
            filled = evolve(filled, target=absolute, headers=(*filled.headers, *proxy_headers(self.target)))
        return filled.wire()

    def _exchange(
        self,
        case: Case,
        answered: Answered,
        replay: int,
        attempt: int,
        started: float,
        burst: int | None = None,
    ) -> Exchange:
        exchange = Exchange(
            index=len(self.record.exchanges),
            case=case.id,
            request=case.request,
            raw=self.keys.hide_answer(answered.raw, case.request.method),
            failure=answered.failure,
            detail=answered.detail,
            seconds=answered.seconds,
            started=started,
            replay=replay,
            attempt=attempt,
            burst=burst,
        )
        self.record.exchanges.append(exchange)
        return exchange

    # --- Many at once -------------------------------------------------------------------------------

    def _burst(self, case: Case, replay: int) -> None:
        """The same request over many connections, which are opened before the first byte is sent."""
        lines = [Line(self.target) for _ in range(case.at_once)]
        wire = self._wire(case.request)
        gate = threading.Barrier(case.at_once)
        answers: list[Answered | None] = [None] * case.at_once
        started = time.monotonic() - self._started
        seconds = min(self.timeout, max(self._left(), 0.01))

        def send(number: int) -> None:
            lines[number].connect(seconds)
            gate.wait()
            answers[number] = lines[number].ask(wire, case.request.method, seconds)
            lines[number].close()

        threads = [
            threading.Thread(target=send, args=(number,), daemon=True) for number in range(case.at_once)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        number = len(self.record.exchanges)
        for answered in answers:
            assert answered is not None
            exchange = self._exchange(case, answered, replay, 0, started, burst=number)
            response = read_response(exchange.raw, case.request.method)
            self._settle(case, response)
            self._note(exchange, response)

    # --- Manners ------------------------------------------------------------------------------------

    def _note(self, exchange: Exchange, response: Response | None) -> None:
        self.progress(exchange)
        if response is not None and exchange.failure is None:
            self._silent, self._answered = 0, True
        elif exchange.failure in {TIMEOUT, REFUSED, NOT_HTTP, TLS, CLOSED}:
            # A server that closes the connection may only have fallen over this one request.
            self._silent += exchange.failure in {TIMEOUT, REFUSED, TLS}
            is_first = len(self.record.exchanges) >= (MOST_SILENT if exchange.failure == CLOSED else 1)
            if is_first and not self._answered:
                raise UnreachableError(unreachable(self.target, exchange, self.timeout))
            if self._silent >= MOST_SILENT:
                self.record.ended = f"the server stopped answering: {exchange.detail}"
        if response is not None and 200 <= response.status < 300:
            self._accepted.add(exchange.case)
        if response is not None and response.status == PAYMENT_REQUIRED:
            self.record.ended = "the server answered 402: the account has to be paid for"

    def _left(self) -> float:
        return self._started + self.deadline - time.monotonic()

    def _keep_rate(self) -> None:
        if self.rate_limit:
            wait = self._last_sent + 1 / self.rate_limit - time.monotonic()
            if wait > 0:
                self.sleep(wait)
        self._last_sent = time.monotonic()

    def _wait(self, response: Response) -> bool:
        """Wait as a throttling answer asks; false where that would take too long."""
        asked = retry_after(response.header("retry-after"))
        if self._throttled_in_a_row >= MOST_SILENT:
            return False  # it throttles everything: asking thrice each time would only be rude
        wait = USUAL_WAIT if asked is None else asked
        if wait > LONGEST_WAIT or self._waited + wait > self.deadline * MOST_WAITING or wait > self._left():
            return False
        self._waited += wait
        self.sleep(wait)
        return True


def retry_after(value: str | None) -> float | None:
    """The seconds that a `Retry-After` header names, as a number or as a date; None where it names none."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, moment.timestamp() - time.time())


def unreachable(target: Target, exchange: Exchange, timeout: float) -> str:
    """Why there is nothing to check, in one sentence."""
    match exchange.failure:
        case "timeout":
            return f"{target.url} gave no whole answer within {timeout:g} s"
        case "not-http":
            return f"{target.url} does not speak HTTP: {exchange.detail.removeprefix('not an HTTP answer: ')}"
        case "tls":
            return f"{target.url} cannot be reached safely: {exchange.detail}"
        case _:
            return f"{target.url} cannot be reached: {exchange.detail}"
