"""From a record to verdicts: pure, so that any verdict can be reached again.

Every rule looks at the history. What it saw becomes a verdict, and what it blames becomes findings: one
for each cause, with what follows from a cause listed under it.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field, frozen

from comfy_assets.contract import oracle
from comfy_assets.contract.facts import CREATED
from comfy_assets.contract.history import History
from comfy_assets.contract.keys import OTHER_KEY
from comfy_assets.contract.record import BUDGET, STOPPED, THROTTLED, TIMED_OUT
from comfy_assets.contract.rules import OBSERVED, RULES, SHOULD, Deviation, Judged, Rule
from comfy_assets.contract.rules import model as needs
from comfy_assets.contract.rules.statuses import statuses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from comfy_assets.contract.record import Record

# Verdicts.
PASSED, VIOLATED, INTERMITTENT, OBSERVED_ONLY = "passed", "violated", "intermittent", "observed"
NOT_APPLICABLE, NOT_CHECKED, ACCEPTED, CHECKER_ERROR = (
    "not applicable",
    "not checked",
    "accepted",
    "checker error",
)

# Why a rule was not checked.
NO_CONTENT, PREREQUISITE = "no-content", "prerequisite-failed"

_REASONS = {
    BUDGET: "the budget of references ended; --max-references {needed} would suffice",
    THROTTLED: "the server kept answering 429 or 503",
    TIMED_OUT: "time ran out; a longer --deadline or --timeout would help",
    STOPPED: "the run ended early",
    NO_CONTENT: "no content is known that the server stores; give --known-hash or --known-file",
    PREREQUISITE: "what it builds on was not accepted",
}

#: What a need asks the user for, in words.
_NEEDS = {
    needs.OTHER_KEY: "needs a second owner: --other-api-key",
    needs.TWO_HASHES: "needs content by both hashes: --known-file",
    needs.TELLING_KEY: "the key is too short to be told from a word",
    needs.ANY_KEY: "needs a key: --api-key",
}


@define
class Finding:
    """One cause of deviations: of one rule, with the exchanges that show it."""

    rule: str
    cause: str
    level: str
    expected: str
    got: str
    exchanges: list[int]
    #: The first exchanges that show it.
    shown: tuple[int, ...] = ()
    #: How often it was seen, and how many answers the rule looked at in all.
    count: int = 1
    looked_at: int = 0
    proven: bool = False
    verdict: str = VIOLATED
    #: How strong the evidence is, in words.
    evidence: str = ""
    #: Findings of other rules that have the same cause.
    under: list[Finding] = field(factory=list)
    reason: str = ""
    #: The member of the answer that it is about.
    member: str | None = None

    @property
    def fingerprint(self) -> str:
        """The same in every run that finds the same, on any server; for `--baseline` and `--replay`."""
        return f"{self.rule}-{hashlib.sha256(self.cause.encode()).hexdigest()[:8]}"


@frozen
class Verdict:
    """What became of a rule; `reason` is a short word, `text` says it to people."""

    rule: Rule
    verdict: str
    reason: str = ""
    text: str = ""
    exercised: int = 0


@define
class Judgement:
    """All verdicts and findings of a record."""

    verdicts: dict[str, Verdict]
    findings: list[Finding]

    def all_findings(self) -> Iterable[Finding]:
        """Findings, and those that are listed under others."""
        for finding in self.findings:
            yield finding
            yield from finding.under


def judge(record: Record, rules: Mapping[str, Rule] = RULES) -> Judgement:
    """Judge a record by the rules; those that the record's user asked for, where there are such."""
    chosen = {id_: rule for id_, rule in rules.items() if not record.only_rules or id_ in record.only_rules}
    history = History(record)
    looked = {id_: list(rule.check(history)) for id_, rule in chosen.items()}

    def size(one: Judged | Finding) -> int:
        indexes = one.exchanges if isinstance(one, Judged) else one.shown
        return sum(len(record.exchanges[index].request.body) for index in indexes)

    findings = [finding for id_, rule in chosen.items() for finding in gather(rule, looked[id_], size)]
    _weigh(findings, record, chosen)
    verdicts = {id_: _verdict(rule, looked[id_], findings, history) for id_, rule in chosen.items()}
    return Judgement(verdicts, arranged(findings, chosen))


def gather(rule: Rule, looked: list[Judged], size: Callable[[Judged | Finding], int]) -> list[Finding]:
    """What a rule saw, as findings: one for each cause."""
    found: dict[str, Finding] = {}
    for one in looked:
        deviation = one.deviation
        if deviation is None:
            continue
        finding = found.get(deviation.cause)
        if finding is None:
            found[deviation.cause] = _finding(
                rule, deviation, one, len({other.exchanges for other in looked})
            )
        else:
            finding.exchanges += [index for index in one.exchanges if index not in finding.exchanges]
            finding.count += 1
            if size(one) < size(finding):  # the smallest request says most clearly what is wrong
                finding.shown, finding.expected, finding.got = (
                    one.exchanges,
                    deviation.expected,
                    deviation.got,
                )
    return list(found.values())


def _finding(rule: Rule, deviation: Deviation, one: Judged, looked_at: int) -> Finding:
    return Finding(
        rule=rule.id,
        cause=deviation.cause,
        level=rule.level,
        expected=deviation.expected,
        got=deviation.got,
        exchanges=list(one.exchanges),
        shown=one.exchanges,
        looked_at=looked_at,
        proven=deviation.proven,
        member=deviation.member,
    )


def arranged(findings: list[Finding], rules: Mapping[str, Rule]) -> list[Finding]:
    """Findings that follow from others, under those."""
    by_rule: dict[str, list[Finding]] = {}
    for finding in findings:
        by_rule.setdefault(finding.rule, []).append(finding)
    on_top = []
    for finding in findings:
        cause = next(
            (
                one
                for id_ in rules[finding.rule].follows
                for one in by_rule.get(id_, ())
                if _explains(one, finding)
            ),
            None,
        )
        if cause is None:
            on_top.append(finding)
        else:
            cause.under.append(finding)
    return on_top


def _explains(one: Finding, other: Finding) -> bool:
    """Findings about two members have nothing to do with each other."""
    return one.member is None or other.member is None or one.member == other.member


# --- Evidence -------------------------------------------------------------------------------------

#: So many server errors, on any requests, are enough.
_ENOUGH = 2


def _weigh(findings: list[Finding], record: Record, rules: Mapping[str, Rule]) -> None:
    """Say how strong each finding is, by its replays; what chance could explain is intermittent."""
    for finding in findings:
        blamed = finding.count
        finding.evidence = (
            f"in {blamed} of {finding.looked_at} answers" if finding.looked_at > 1 else "seen once"
        )
        if finding.proven:
            finding.evidence += "; proven by what was recorded"
            continue
        numbers = record.replays.get(finding.fingerprint, [])
        if not numbers:
            continue
        looked = [shows(record, number, finding, rules) for number in numbers]
        again, counted = looked.count(True), len(looked) - looked.count(None)
        if not counted:
            # Such as what came of a first request: on some servers, no further one is the first.
            finding.evidence += "; no replay can bring it about again"
            continue
        finding.evidence += f"; again in {again} of {counted} replays"
        if again < counted:
            finding.verdict = INTERMITTENT
    _merge_chance(findings)


def replayed(record: Record, number: int) -> Record:
    """The record of one replay alone, as if nothing else had been sent."""
    chosen = [evolve(one, replay=0) for one in record.exchanges if one.replay == number]
    return evolve(record, exchanges=chosen, left_out={}, replays={}, only_rules=())


def shows(record: Record, number: int, finding: Finding, rules: Mapping[str, Rule] = RULES) -> bool | None:
    """Whether a replay shows a finding again: a deviation of the same kind on the same request.

    None where the rule had nothing to look at in it.
    """
    history = History(replayed(record, number))
    case = record.exchanges[finding.shown[-1]].case
    where = {one.index for one in history.seen if one.exchange.case == case}
    # By a status alone, another rule may be blamed where less is known to be accepted.
    alike = statuses(history) if finding.rule in statuses(History(record)) else {}
    looked = [*rules[finding.rule].check(history), *(one for several in alike.values() for one in several)]
    again = [one.deviation is not None for one in looked if where & set(one.exchanges)]
    return any(again) if again else None


def _merge_chance(findings: list[Finding]) -> None:
    """Server errors that come and go have one cause, whatever they were answers to."""
    chance = [
        one for one in findings if one.verdict == INTERMITTENT and one.rule in {"never-5xx", "never-silent"}
    ]
    for rule in {one.rule for one in chance}:
        first, *others = (one for one in chance if one.rule == rule)
        for other in others:
            first.exchanges += other.exchanges
            first.count += other.count
            findings.remove(other)
        first.cause = "now and then"
        if first.count >= _ENOUGH:
            first.verdict = VIOLATED
            first.evidence = f"{first.count} in {first.looked_at} answers, on no particular request"


# --- Verdicts -------------------------------------------------------------------------------------


def _verdict(  # noqa: PLR0911, a list of decisions
    rule: Rule, looked: list[Judged], findings: list[Finding], history: History
) -> Verdict:
    exercised = len(looked)
    own = [finding.verdict for finding in findings if finding.rule == rule.id]
    if own:
        return Verdict(rule, VIOLATED if VIOLATED in own else INTERMITTENT, exercised=exercised)
    if rule.level != OBSERVED and not history.successes and history.facts.contents:
        reason, text = _why_no_success(history)
        return Verdict(rule, NOT_CHECKED, reason, text, exercised)
    if rule.level == OBSERVED:
        notes = list(dict.fromkeys(one.note for one in looked if one.note))
        return Verdict(rule, OBSERVED_ONLY, text="; ".join(notes) or "nothing to tell", exercised=exercised)
    lacking = _lacking(rule, history)
    if lacking:
        verdict = NOT_CHECKED if history.facts.complete else NOT_APPLICABLE
        return Verdict(rule, verdict, "not-given", _NEEDS[lacking])
    left_out = _left_out(rule, history)
    if left_out:
        return _not_checked(rule, left_out, history, exercised)
    if not looked:
        return _unexercised(rule, findings, history)
    missing = _missing_status(rule, looked, history)
    if missing:
        hint = (
            "give content that is new to this key" if missing == str(CREATED) else "no repeat was answered so"
        )
        text = f"no answer {missing} was seen: {hint}"
        return Verdict(rule, NOT_CHECKED, PREREQUISITE, text, exercised)
    return Verdict(rule, PASSED, exercised=exercised)


def _lacking(rule: Rule, history: History) -> str | None:
    """What the user did not give and the rule needs."""
    facts = history.facts
    given = {
        needs.OTHER_KEY: OTHER_KEY in facts.keys,
        needs.TWO_HASHES: any(len(content.hashes) > 1 for content in facts.contents)
        or len(set(history.contents.values())) < len(history.contents),
        needs.TELLING_KEY: facts.telling_key,
        needs.ANY_KEY: bool(facts.keys) or not facts.key_header,
    }
    return next((need for need in rule.needs if not given[need]), None)


def _left_out(rule: Rule, history: History) -> str | None:
    """Why cases of the rule were not sent; None where all were."""
    reasons = [
        history.record.left_out[id_]
        for id_, case in history.cases.items()
        if id_ in history.record.left_out and rule.id in rules_of(case, history)
    ]
    return reasons[0] if reasons else None


def rules_of(case: Any, history: History) -> set[str]:
    """The rules that a case would exercise, by its bytes and by its plan."""
    cache: dict[str, set[str]] = history.__dict__.setdefault("rules_of", {})
    if case.id not in cache:
        expectation = oracle.expect(history.facts, case.request)
        ids = {*case.rules, "never-5xx", "never-silent"}
        ids |= {departure.rule for departure in expectation.departures}
        ids |= {rule for rule, _ in expectation.features}
        ids |= {"refuse-status", "error-body"} if expectation.kind == oracle.REFUSE else set()
        ids |= {"auth-status", "auth-challenge", "error-body"} if expectation.kind == oracle.AUTH else set()
        ids |= {"unknown-content", "error-body"} if expectation.kind == oracle.UNKNOWN else set()
        ids |= {"open-requests"} if expectation.kind == oracle.OPEN else set()
        ids |= {"allow-header", "head-body"} if expectation.kind == oracle.METHOD else set()
        cache[case.id] = ids
    return cache[case.id]


def _not_checked(rule: Rule, reason: str, history: History, exercised: int = 0) -> Verdict:
    text = _REASONS.get(reason, reason).format(needed=history.record.references_needed)
    if reason == STOPPED and history.record.ended:
        text = history.record.ended
    return Verdict(rule, NOT_CHECKED, reason, text, exercised)


def _unexercised(rule: Rule, findings: list[Finding], history: History) -> Verdict:
    """A rule that saw nothing: nothing to see on this server, or nothing was shown."""
    if not history.facts.contents:
        return _not_checked(rule, NO_CONTENT, history)
    if rule.group in {"body", "kept"} or rule.id in {
        "times-ordered",
        "created-told",
        "auth-challenge",
        "allow-header",
    }:
        return Verdict(rule, NOT_APPLICABLE, "never-sent", "the server never sends what this rule is about")
    if not any(rule.id in rules_of(case, history) for case in history.cases.values()):
        return Verdict(rule, NOT_APPLICABLE, "no-case", "the contract gives no occasion for it")
    mine = {case.id for case in history.cases.values() if rule.id in rules_of(case, history)}
    exchanges = history.record.exchanges
    broken = [one.rule for one in findings if mine & {exchanges[index].case for index in one.exchanges}]
    if broken:
        text = f"its requests broke another rule: {', '.join(dict.fromkeys(broken))}"
        return Verdict(rule, NOT_CHECKED, PREREQUISITE, text)
    return _not_checked(rule, PREREQUISITE, history)


def _why_no_success(history: History) -> tuple[str, str]:
    if history.record.ended:
        return STOPPED, history.record.ended
    statuses = [one.status for one in history.seen if one.expectation.kind == oracle.ACCEPT]
    first = next((status for status in statuses if status is not None), None)
    if first == 404:
        return NO_CONTENT, "the server answered 404 for all content that it was said to store"
    if first in {401, 403}:
        return PREREQUISITE, f"the server answered {first} to the key; give one that is valid with --api-key"
    if statuses and all(status in {429, 503} for status in statuses):
        return THROTTLED, _REASONS[THROTTLED]
    return PREREQUISITE, "no request for known content was accepted"


def _missing_status(rule: Rule, looked: list[Judged], history: History) -> str:
    seen = {one.index: one.status for one in history.seen}
    statuses = {seen.get(index) for one in looked for index in one.exchanges}
    return " or ".join(str(status) for status in rule.statuses if status not in statuses)


# --- Exit status ----------------------------------------------------------------------------------


def with_verdict(judgement: Judgement, rule: str, verdict: str, text: str) -> Judgement:
    """The judgement with another verdict for one rule."""
    changed = {**judgement.verdicts, rule: evolve(judgement.verdicts[rule], verdict=verdict, text=text)}
    return evolve(judgement, verdicts=changed)


def counts(finding: Finding, *, strict: bool) -> bool:
    """Whether a finding makes the run fail."""
    return finding.verdict in {VIOLATED, INTERMITTENT} and (strict or finding.level != SHOULD)
