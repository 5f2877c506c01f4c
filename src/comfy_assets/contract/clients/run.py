"""A whole check of a client: run it in every scenario, see findings again, judge."""

from __future__ import annotations

import os
import secrets
import shlex
import tempfile
import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field, frozen

from comfy_assets import specification
from comfy_assets.contract.baseline import Baseline
from comfy_assets.contract.clients import asks, plan
from comfy_assets.contract.clients.judge import judge
from comfy_assets.contract.clients.leaks import Leaks
from comfy_assets.contract.clients.program import Ended, Programs
from comfy_assets.contract.clients.record import ENDED, TIMED_OUT, Arrival, ClientRecord, Run
from comfy_assets.contract.clients.rules import GROUPS, RULES, needed
from comfy_assets.contract.clients.server import Service
from comfy_assets.contract.facts import OPERATION, Facts
from comfy_assets.contract.messages import Request
from comfy_assets.contract.reported import INTERRUPTED, Concluded
from comfy_assets.contract.reports import json_report
from comfy_assets.contract.verdicts import INTERMITTENT, PASSED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from comfy_assets.contract.clients.plan import Scenario
    from comfy_assets.contract.rules.model import Rule
    from comfy_assets.contract.verdicts import Finding
    from comfy_assets.specification import Contract

#: Programs at once: those that work, and beside them those that wait.
WORKING, WAITING = 3, 12
#: Seconds within which those that wait must all have started: a burst of slow starters would make them late.
BURST = 2.0
#: Further runs of a scenario that showed a finding, so that chance is told from cause.
FURTHER = 2
#: Findings that are seen again: a program with more is broken beyond doubt.
MOST_CONFIRMED = 25
#: Requests that a report shows of a run.
_SHOWN_REQUESTS = 5


@frozen
class ClientOptions:
    """What to check, and how. `timeout` is seconds for one run of the command."""

    command: tuple[str, ...]
    timeout: float = 30.0
    environment: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    keep_home: bool = False
    strict: bool = False
    seed: int = 0
    rules: tuple[str, ...] = ()
    allow_not_checked: tuple[str, ...] = ()
    baseline: Baseline = field(factory=Baseline)
    confirm: bool = True
    contract: Contract | None = field(default=None, repr=False)


class ClientOutcome(Concluded[ClientRecord, ClientOptions]):
    """How a check of a client ended."""

    schema = "comfy-assets-check-client/1"
    case_word = "scenario"
    looked_at = "looks"

    @property
    def subject(self) -> str:
        """The command."""
        return shlex.join(self.record.command)

    @property
    def rules(self) -> Mapping[str, Rule]:
        """All rules there are."""
        return RULES

    @property
    def name(self) -> str:
        """Which check it was."""
        return f"seed {self.record.seed}"

    @property
    def groups(self) -> Mapping[str, str]:
        """Their groups, in the order of reports."""
        return GROUPS

    @property
    def facts_line(self) -> list[str]:
        """The check in numbers."""
        numbers = self.numbers
        runs = f"{numbers['runs']} runs with {numbers['requests']} requests in {self.seconds:.1f} s"
        return [runs, self.name]

    @property
    def numbers(self) -> dict[str, Any]:
        """Members of the JSON summary."""
        record = self.record
        return {
            "command": list(record.command),
            "seed": record.seed,
            "runs": len(record.runs),
            "requests": sum(len(run.arrivals) for run in record.runs),
        }

    def case_of(self, finding: Finding) -> str:
        """The scenario that shows a finding."""
        return self._run_of(finding).scenario

    def shown_by(self, finding: Finding) -> int:
        """The number of its run."""
        return self._run_of(finding).index

    def bytes_of(self, finding: Finding) -> list[bytes]:
        """What was sent, and what was printed."""
        run = self._run_of(finding)
        asked = [one.raw or b"(nothing)" for one in run.arrivals] or [b"(no request)"]
        return [*asked[:_SHOWN_REQUESTS], b"stdout:\n" + run.stdout, b"stderr:\n" + run.stderr]

    def reproduction(self, finding: Finding, record: str | None = None) -> str:  # noqa: ARG002 - a new run needs no record
        """The command that shows a finding again."""
        return f"comfy-assets check-client --rule {finding.rule} -- {self.subject}"

    def _run_of(self, finding: Finding) -> Run:
        return self.record.runs[finding.shown[-1]]


def check_client(
    options: ClientOptions,
    *,
    progress: Callable[[int, int, Run | None], None] = lambda _done, _all, _run: None,
) -> ClientOutcome:
    """Check a client. Raises `NotRunnableError` where the command cannot be started."""
    began = time.monotonic()
    contract = options.contract or specification.load()
    facts = facts_of(contract, options.seed)
    record = ClientRecord(options.command, facts, options.seed, options.timeout, only_rules=options.rules)
    programs = Programs(options.command, dict(options.environment), options.keep_home)
    programs.check()
    with tempfile.TemporaryDirectory(prefix="comfy-assets-check-", ignore_cleanup_errors=True) as folder:
        runner = _Runner(programs, record, Path(folder), options, progress)
        try:
            runner.all(plan.scenarios(contract, options.seed))
        except KeyboardInterrupt:
            record.ended = INTERRUPTED
        finally:
            programs.stop()
    return conclude(record, options, time.monotonic() - began)


def facts_of(contract: Contract, seed: int = 0) -> Facts:
    """The facts by which requests are judged: the contract's, at no particular address."""
    path = contract.operation(OPERATION).path
    from comfy_assets.contract.keys import KEY

    return Facts(contract, "", path, "", keys=(KEY,), seed=seed)


def conclude(record: ClientRecord, options: ClientOptions, seconds: float = 0.0) -> ClientOutcome:
    """Judge a record, and hold the findings against the baseline."""
    return ClientOutcome(record, judge(record), options, seconds)


def rejudge(path: Path, *, strict: bool, allow: Sequence[str], known: Baseline) -> ClientOutcome:
    """A recorded check, judged again; ValueError for a file that holds none, OSError as it comes."""
    value = json_report.recorded(path, ClientOutcome.schema, "check-client")
    record = ClientRecord.from_json(value, facts_of(specification.load()))
    options = ClientOptions(
        record.command, record.timeout, strict=strict, seed=record.seed, rules=record.only_rules,
        allow_not_checked=tuple(allow), baseline=known,
    )  # fmt: skip
    return conclude(record, options)


@define(eq=False)
class _Runner:
    """Runs scenarios, several at once."""

    programs: Programs
    record: ClientRecord
    folder: Path
    options: ClientOptions
    progress: Callable[[int, int, Run | None], None]
    #: Seconds from the start of the program to its first request, in the plain run.
    startup: float = 0.0
    _lock: threading.Lock = field(factory=threading.Lock)

    def all(self, scenarios: Sequence[Scenario]) -> None:
        """The plain run, then the others, then what was found once more."""
        first, *others = scenarios
        others = needed(others, self.options.rules)
        self.record.planned = {one.name: one.rule for one in (first, *others)}
        total = 1 + len(others)
        self.progress(0, total, None)
        run = self.one(first)
        self._add(run)
        self.progress(1, total, run)
        if judge(self.record).verdicts[plan.PLAIN].verdict != PASSED:
            return  # whoever does nothing, always fails or prints one id for all passes nothing
        self.startup = run.asks[0].arrived
        self._several([(one, 0) for one in others], 1, total)
        if self.options.confirm:
            self._confirm({one.name: one for one in scenarios})

    def _several(self, wanted: list[tuple[Scenario, int]], done: int, total: int) -> None:
        many = int(BURST * (os.cpu_count() or 1) / max(self.startup, 0.01))
        waiters = max(1, min(WAITING, many))
        with ThreadPoolExecutor(waiters) as waiting, ThreadPoolExecutor(WORKING) as working:
            pools = {True: waiting, False: working}
            futures: set[Future[Run]] = {
                pools[one.waits].submit(self.one, one, replay) for one, replay in wanted
            }
            try:
                while futures:
                    finished, futures = wait(futures, timeout=0.2, return_when=FIRST_COMPLETED)
                    for future in finished:
                        run = future.result()
                        self._add(run)
                        done += run.replay == 0
                        self.progress(done, total, run)
            except BaseException:
                for future in futures:
                    future.cancel()
                self.programs.stop()
                raise

    def _add(self, run: Run) -> None:
        self.record.runs.append(evolve(run, index=len(self.record.runs)))

    def _confirm(self, scenarios: dict[str, Scenario]) -> None:
        """See findings again, each in the scenario that shows it."""
        for replay in range(1, 1 + FURTHER):
            findings = [
                one for one in judge(self.record).all_findings() if not one.proven and one.level != "observed"
            ][:MOST_CONFIRMED]
            names = {self.record.runs[one.shown[-1]].scenario for one in findings}
            if replay > 1:  # those that were not seen again
                names = {
                    self.record.runs[one.shown[-1]].scenario
                    for one in findings
                    if one.verdict == INTERMITTENT
                }
            self._several([(scenarios[name], replay) for name in sorted(names)], 0, len(self.record.planned))

    def one(self, scenario: Scenario, replay: int = 0) -> Run:
        """Run the program in a scenario."""
        key = f"comfyui-{secrets.token_hex(24)}"
        asked = scenario.ask.body(f"{self.record.seed} {scenario.name} {replay}")
        with Service(scenario.replies, self.record.facts.key_header) as service:
            home = Path(tempfile.mkdtemp(dir=self.folder))
            given = asks.environment(asked) | {asks.URL_VARIABLE: service.url, asks.KEY_VARIABLE: key}
            ended = self.programs.run(
                self.programs.environment(home) | given,
                f"{asks.URL_VARIABLE}={service.url}\0",
                self.options.timeout + self.startup,
            )
            service.stop()
            return _recorded(
                scenario, asked, service.arrivals, ended, Leaks(key), replay, self.record.facts.key_header
            )


def _recorded(
    scenario: Scenario,
    asked: dict[str, Any],
    arrivals: Sequence[Arrival],
    ended: Ended,
    leaks: Leaks,
    replay: int,
    key_header: str,
) -> Run:
    found = {
        (place, form)
        for place, text in (("stdout", ended.stdout), ("stderr", ended.stderr))
        if (form := leaks.form(text))
    }
    found |= {one for arrival in arrivals for one in _leaks(arrival, leaks, key_header)}
    how = TIMED_OUT if ended.status is None else ENDED
    return Run(
        index=0, scenario=scenario.name, rule=scenario.rule, must=scenario.must, asked=asked,
        arrivals=tuple(_hidden(arrival, leaks) for arrival in arrivals), ended=how, status=ended.status,
        stdout=leaks.hide(ended.stdout), stderr=leaks.hide(ended.stderr), seconds=round(ended.seconds, 3),
        leaks=tuple(sorted(found)), left=ended.left, cut=ended.cut, replay=replay,
    )  # fmt: skip


def _leaks(arrival: Arrival, leaks: Leaks, key_header: str) -> Sequence[tuple[str, str]]:
    if arrival.elsewhere:
        form = leaks.form(arrival.raw)
        return [("elsewhere", form)] if form else []
    request = arrival.request
    if request is None:
        return []
    parts = [("url", request.target.encode("latin-1")), ("body", request.body)]
    parts += [
        ("referer" if name.lower() == "referer" else "header", value.encode("latin-1"))
        for name, value in request.headers
        if name.lower() != key_header.lower()
    ]
    return [(place, form) for place, text in parts if (form := leaks.form(text))]


def _hidden(arrival: Arrival, leaks: Leaks) -> Arrival:
    request = arrival.request
    if request is not None:
        headers = tuple((leaks.hide_text(name), leaks.hide_text(value)) for name, value in request.headers)
        request = Request(
            request.method,
            leaks.hide_text(request.target),
            headers,
            leaks.hide(request.body),
            request.framing,
        )
    return evolve(arrival, request=request, raw=leaks.hide(arrival.raw))
