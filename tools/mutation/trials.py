"""Tries changes: pytest collects once, and each change has a process of its own that runs the tests it may fail.

mutmut's own runner starts pytest anew for each change, which takes longer than the tests do.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, NoReturn, TypeAlias

import pytest
from attrs import define, field
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state

#: Processes: more than cores, for the tests of most of them wait for sockets.
CHILDREN: Final = 5

#: What a trial ends with, as mutmut's verdicts.
SURVIVED, KILLED, HUNG = 0, 1, 36

#: A change hangs when a test takes this many times what it takes without it, and some seconds.
PATIENCE, SECONDS = 3, 10

#: By function, the tests that come by it, the quickest first; and the seconds of each test.
Tests: TypeAlias = dict[str, list[str]]
Seconds: TypeAlias = dict[str, float]


def with_collected(arguments: list[str], then: Callable[[Trials], None]) -> None:
    """Let pytest collect in this process, and do `then` instead of running the tests."""
    pytest.main([*arguments, "-qq", "-s", "--no-header", "--tb=native"], plugins=[_Instead(then)])


class _Instead:
    """A plugin of pytest."""

    def __init__(self, then: Callable[[Trials], None]) -> None:
        self._then = then

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        from hypothesis import Phase, settings  # pytest wants to be there first

        # Any example will do, the smallest is not needed.
        settings.register_profile("any", settings(), phases=[Phase.explicit, Phase.generate])
        settings.load_profile("any")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            print(f"\n{report.nodeid}\n{report.longreprtext}")

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if not session.testsfailed:
            self._then(Trials(session))
        return True


@define
class Trials:
    """The collected tests, to be run in processes of their own."""

    session: pytest.Session
    _running: dict[int, str] = field(factory=dict)

    def who_calls_what(self) -> tuple[Tests, Seconds] | None:
        """Run every test without a change, and note what it comes by; None where one fails."""
        items = [(item, 600.0) for item in self.session.items]
        share = -(-len(items) // CHILDREN)
        places = [Path(f"calls-{number}.json").absolute() for number in range(CHILDREN)]
        for number, place in enumerate(places):
            self._start("stats", items[number * share : (number + 1) * share], _Notes(place))
        if any(code != SURVIVED for _, code in self._ended(math.inf)):
            for place in places:
                print(place.with_suffix(".log").read_text(encoding="utf-8"), file=sys.stderr)
            return None
        tests: Tests = {}
        seconds: Seconds = {}
        for place in places:
            notes = json.loads(place.read_text(encoding="utf-8"))
            seconds |= notes["seconds"]
            for function, found in notes["calls"].items():
                tests.setdefault(function, []).extend(found)
        return {
            function: sorted(found, key=seconds.__getitem__) for function, found in tests.items()
        }, seconds

    def verdicts(
        self, mutants: Iterable[tuple[str, list[str]]], seconds: Seconds, until: float
    ) -> Iterator[tuple[str, int]]:
        """Try changes, each with the tests that it may fail; stops at a moment of the monotonic clock."""
        items = {
            item.nodeid: (item, PATIENCE * seconds[item.nodeid] + SECONDS) for item in self.session.items
        }
        try:
            for mutant, tests in mutants:
                if len(self._running) >= CHILDREN:
                    yield from self._ended(until, some=True)
                if time.monotonic() >= until:
                    return
                self._start(mutant, [items[test] for test in tests])
            yield from self._ended(until)
        finally:
            for pid in self._running:
                _end(os.killpg, pid)
                _end(os.kill, pid)

    def _start(
        self, mutant: str, items: list[tuple[pytest.Item, float]], notes: _Notes | None = None
    ) -> None:
        sys.stdout.flush()
        pid = os.fork()
        if not pid:
            self._in_child(mutant, items, notes)
        self._running[pid] = mutant

    def _in_child(
        self, mutant: str, items: list[tuple[pytest.Item, float]], notes: _Notes | None
    ) -> NoReturn:
        """Run tests, each for so many seconds, up to the first that fails."""
        code = KILLED
        try:
            os.setpgid(0, 0)  # what the tests start can be ended with them
            to = os.open(
                notes.place.with_suffix(".log") if notes else os.devnull, os.O_RDWR | os.O_CREAT | os.O_TRUNC
            )
            for stream in (0, 1, 2):
                os.dup2(to, stream)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
                signal.signal(number, signal.SIG_DFL)
            set_mutant_under_test(mutant)
            for (item, limit), (following, _) in zip(items, [*items[1:], (None, 0)], strict=True):
                signal.setitimer(signal.ITIMER_REAL, limit)
                began = time.monotonic()
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                if self.session.testsfailed:
                    os._exit(KILLED)
                if notes is not None:
                    notes.take(item.nodeid, time.monotonic() - began)
            if notes is not None:
                notes.write()
            code = SURVIVED
        finally:
            os._exit(code)

    def _ended(self, until: float, *, some: bool = False) -> Iterator[tuple[str, int]]:
        """What the processes ended with: all, or those that end next."""
        while self._running and time.monotonic() < until:
            ended = []
            for pid in list(self._running):
                found, status = os.waitpid(pid, os.WNOHANG)
                if found:
                    code = HUNG if os.WIFSIGNALED(status) else KILLED if status else SURVIVED
                    ended.append((self._running.pop(pid), code))
                    _end(os.killpg, pid)
            yield from ended
            if ended and some:
                return
            if not ended:
                time.sleep(0.01)


def _end(how: Callable[[int, int], None], number: int) -> None:
    """End a process, or its group, where it is there."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        how(number, signal.SIGKILL)


class _Notes:
    """Which functions each test comes by, and how long it takes."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._calls: dict[str, list[str]] = {}
        self._seconds: Seconds = {}

    def take(self, test: str, seconds: float) -> None:
        """What was called since the last test."""
        self._seconds[test] = seconds
        called = state()._stats  # noqa: SLF001 - where mutmut's trampolines note it
        for function in called:
            self._calls.setdefault(function, []).append(test)
        called.clear()

    def write(self) -> None:
        """To be read by the other process."""
        text = json.dumps({"calls": self._calls, "seconds": self._seconds})
        self.place.write_text(text, encoding="utf-8")
