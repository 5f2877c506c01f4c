"""A whole check: plan, probe, confirm, judge. The same as a command, as a library and under pytest."""

from __future__ import annotations

import secrets
import time
from contextlib import AbstractContextManager, nullcontext
from typing import IO, TYPE_CHECKING, Any

from attrs import field, frozen

from comfy_assets import specification
from comfy_assets.contract import budget as budget_
from comfy_assets.contract import drawing, oracle, words
from comfy_assets.contract import plan as plan_
from comfy_assets.contract.baseline import Baseline
from comfy_assets.contract.confirm import confirm
from comfy_assets.contract.facts import Content, facts_for
from comfy_assets.contract.history import History
from comfy_assets.contract.judge import judge, rules_of
from comfy_assets.contract.keys import KEY, OTHER_KEY, Keys
from comfy_assets.contract.probe import Probe
from comfy_assets.contract.record import STOPPED, Record
from comfy_assets.contract.reported import INTERRUPTED, Concluded
from comfy_assets.contract.reports import json_report
from comfy_assets.contract.rules import GROUPS, RULES
from comfy_assets.contract.shrink import shrink
from comfy_assets.contract.wire import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from comfy_assets.contract.facts import Facts
    from comfy_assets.contract.record import Case, Exchange
    from comfy_assets.contract.rules import Rule
    from comfy_assets.contract.verdicts import Finding
    from comfy_assets.specification import Contract

DEFAULT_SEED = 0


@frozen
class Options:
    """What to check, and how. `url` is the base URL; keys never show."""

    url: str
    api_key: str | None = field(default=None, repr=False)
    other_api_key: str | None = field(default=None, repr=False)
    contents: tuple[Content, ...] = ()
    #: Further headers of every request; their values are treated like keys.
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    strict: bool = False
    complete: bool = False
    seed: int = DEFAULT_SEED
    run_id: str = field(factory=lambda: secrets.token_hex(4))
    timeout: float = 30.0
    deadline: float = 600.0
    rate_limit: float | None = None
    max_references: int = budget_.DEFAULT
    rules: tuple[str, ...] = ()
    allow_not_checked: tuple[str, ...] = ()
    baseline: Baseline = field(factory=Baseline)
    ca_file: Path | None = None
    insecure: bool = False
    proxy: str | None = field(default=None, repr=False)
    ledger: Path | None = None
    #: Drawn cases beside the planned ones.
    drawn: bool = True
    #: Send what was found again, so that chance is told from cause.
    confirm: bool = True
    #: The contract; None: the one that belongs to this package.
    contract: Contract | None = field(default=None, repr=False)


class Outcome(Concluded[Record, Options]):
    """How a check of a server ended."""

    schema = "comfy-assets-check/1"
    case_word = "sent"
    looked_at = "answers"

    @property
    def subject(self) -> str:
        """The server."""
        return self.record.facts.url

    @property
    def rules(self) -> Mapping[str, Rule]:
        """All rules there are."""
        return RULES

    @property
    def name(self) -> str:
        """Which run it was."""
        return f"run {self.record.facts.run_id}"

    @property
    def groups(self) -> Mapping[str, str]:
        """Their groups, in the order of reports."""
        return GROUPS

    @property
    def facts_line(self) -> list[str]:
        """The run in numbers."""
        facts = self.record.facts
        requests = f"{len(self.record.exchanges)} requests in {self.seconds:.1f} s"
        return [requests, f"seed {facts.seed}", self.name, words.references(self)]

    @property
    def left_behind(self) -> tuple[str, Mapping[str, str]] | None:
        """What is left on the server, in words, and each by its id."""
        record = self.record
        return (words.references(self), record.made) if record.made or record.made_unknown else None

    @property
    def numbers(self) -> dict[str, Any]:
        """Members of the JSON summary."""
        record, facts = self.record, self.record.facts
        return {
            "server": facts.url,
            "seed": facts.seed,
            "run_id": facts.run_id,
            "requests": len(record.exchanges),
            "references_made": list(record.made),
            "references_unknown": record.made_unknown,
            "references_needed": record.references_needed,
        }

    def case_of(self, finding: Finding) -> str:
        """The case that shows a finding."""
        return words.exchange_of(self, finding).case

    def shown_by(self, finding: Finding) -> int:
        """The number of its exchange."""
        return words.exchange_of(self, finding).index

    def reproduction(self, finding: Finding, record: str | None = None) -> str:
        """The command that shows it again."""
        return words.reproduction(self, finding, record)

    def bytes_of(self, finding: Finding) -> list[bytes]:
        """The bytes that show it."""
        exchange = words.exchange_of(self, finding)
        return [exchange.request.wire(), exchange.raw or (exchange.detail or "(no answer)").encode()]


def check(
    options: Options,
    *,
    progress: Callable[[int, int, Exchange | None], None] = lambda _done, _all, _exchange: None,
) -> Outcome:
    """Check a server. Raises `UnreachableError` where there is none to check."""
    started = time.monotonic()
    facts, keys, target = prepare(options)
    record = Record(facts, max_references=options.max_references, only_rules=options.rules)
    with _ledger(options.ledger) as ledger:
        budget = budget_.Budget(options.max_references, ledger)
        errors: list[str] = []
        done, total = 0, [0]

        def step(exchange: Exchange | None) -> None:
            nonlocal done
            done += exchange is None or (exchange.attempt == 0 and exchange.burst is None)
            progress(min(done, total[0]), total[0], exchange)

        probe = Probe(
            target, keys, record, budget,
            timeout=options.timeout, deadline=options.deadline, rate_limit=options.rate_limit, progress=step,
        )  # fmt: skip
        cases = planned(facts, options)
        try:
            _send_all(probe, cases, options, total)
        except drawing.DrawingError as error:
            errors.append(str(error))
        except KeyboardInterrupt:
            record.ended = INTERRUPTED
        finally:
            probe.close()
            record.made, record.made_unknown = dict(budget.made), budget.unknown + budget.reserved
            record.references_needed = budget.spent + budget.lacking
        _leave_out(record, cases)
    outcome = conclude(record, options, time.monotonic() - started)
    outcome.errors = errors
    return outcome


def _send_all(probe: Probe, cases: list[Case], options: Options, total: list[int]) -> None:
    """Planned cases, drawn ones, the last ones, and what was found once more."""
    record, facts = probe.record, probe.record.facts
    with drawing.drawing(facts, wanted=_wants_drawn(options)) as drawn:
        total[0] = len(cases)
        probe.run(cases)
        # Where the run has ended already, nobody waits for cases that would not be sent.
        more = [] if record.ended else drawn()
        last = needed([*more, *plan_.last_cases(facts)], facts, options.rules)
        total[0] += len(last)
        probe.run(last)
    if options.confirm and not record.ended:
        confirm(probe, record)
        shrink(probe, record)


def _leave_out(record: Record, cases: list[Case]) -> None:
    """Where somebody interrupted the run: what was not sent any more was not checked."""
    if record.ended != INTERRUPTED:
        return
    sent = {exchange.case for exchange in record.exchanges}
    known = {case.id for case in record.cases}
    record.cases += [case for case in cases if case.id not in known and case.unless is None]
    record.left_out |= {case.id: STOPPED for case in record.cases if case.id not in sent}


def prepare(options: Options) -> tuple[Facts, Keys, Target]:
    """What the options say, in the forms that the line works with."""
    given = {KEY: options.api_key, OTHER_KEY: options.other_api_key}
    values = {name: value for name, value in given.items() if value}
    # Without a key a made-up one is sent: a server that has no authentication shows it by accepting it.
    values.setdefault(KEY, f"no-key-was-given-{options.run_id}")
    headers = []
    for name, value in options.headers:
        placeholder = f"{{{{header {name}}}}}"
        values[placeholder] = value
        headers.append((name, placeholder))
    keys = Keys(values)
    target = Target(options.url.rstrip("/"), options.ca_file, options.insecure, options.proxy)
    facts = facts_for(
        target,
        options.contents,
        [name for name in (KEY, OTHER_KEY) if name in keys],
        run_id=options.run_id,
        seed=options.seed,
        complete=options.complete,
        headers=headers,
        telling_key=keys.telling,
        contract=options.contract,
    )
    return facts, keys, target


def planned(facts: Facts, options: Options) -> list[Case]:
    """The cases that are not drawn, in the order sent."""
    return needed(plan_.plan(facts), facts, options.rules)


def needed(cases: list[Case], facts: Facts, rules: Sequence[str]) -> list[Case]:
    """The cases that some rules need, with their controls and all that their scenarios need."""
    if not rules:
        return cases
    groups = {RULES[id_].group for id_ in rules}
    if groups & {"never", "observed"}:
        return cases
    history = History(Record(facts, cases=cases))
    # Rules about answers look at all that keep the contract.
    good = bool(groups & {"body", "kept", "identity"})
    wanted = {
        case.id
        for case in cases
        if case.id == plan_.CONTROL
        or rules_of(case, history) & {*rules}
        or (good and oracle.expect(facts, case.request).kind == oracle.ACCEPT)
    }
    scenarios = {case.scenario for case in cases if case.id in wanted and case.scenario}
    return [case for case in cases if case.id in wanted or case.scenario in scenarios]


#: Groups whose rules gain by drawn cases.
_DRAWN = frozenset({"accept", "refuse", "never", "observed"})


def _wants_drawn(options: Options) -> bool:
    return options.drawn and (not options.rules or any(RULES[id_].group in _DRAWN for id_ in options.rules))


def conclude(record: Record, options: Options, seconds: float = 0.0) -> Outcome:
    """Judge a record, and hold the findings against the baseline."""
    return Outcome(record, judge(record), options, seconds)


def rejudge(path: Path, *, strict: bool, allow: Sequence[str], known: Baseline) -> Outcome:
    """A recorded run, judged again; ValueError for a file that holds none, OSError as it comes."""
    value = json_report.recorded(path, Outcome.schema, "check")
    record = Record.from_json(value, specification.load())
    facts = record.facts
    options = Options(
        facts.url, strict=strict, allow_not_checked=tuple(allow), baseline=known, complete=facts.complete,
        rules=record.only_rules, run_id=facts.run_id, seed=facts.seed, max_references=record.max_references,
    )  # fmt: skip
    ended = max((one.started + one.seconds for one in record.exchanges), default=0.0)
    return conclude(record, options, ended)


def _ledger(path: Path | None) -> AbstractContextManager[IO[str] | None]:
    return nullcontext() if path is None else path.open("a", encoding="utf-8")
