"""From a record to verdicts: pure, so that any verdict can be reached again.

Every rule looks at the history. What it blames becomes findings (`findings`), what it saw a verdict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from comfy_assets.contract import oracle
from comfy_assets.contract.facts import CREATED, CREATED_NEW, EXISTING
from comfy_assets.contract.findings import arranged, gather, weigh
from comfy_assets.contract.history import THROTTLING, History
from comfy_assets.contract.keys import OTHER_KEY
from comfy_assets.contract.record import BUDGET, STOPPED, THROTTLED, TIMED_OUT
from comfy_assets.contract.rules import OBSERVED, RULES, Judged, Rule
from comfy_assets.contract.rules import model as needs
from comfy_assets.contract.verdicts import (
    BROKEN,
    INTERMITTENT,
    NO_CONTENT,
    NOT_APPLICABLE,
    NOT_CHECKED,
    OBSERVED_ONLY,
    PASSED,
    PREREQUISITE,
    VIOLATED,
    Finding,
    Judgement,
    Verdict,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from comfy_assets.contract.record import Record

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


def judge(record: Record, rules: Mapping[str, Rule] = RULES) -> Judgement:
    """Judge a record by the rules; those that the record's user asked for, where there are such."""
    chosen = {id_: rule for id_, rule in rules.items() if not record.only_rules or id_ in record.only_rules}
    history = History(record)
    looked = {id_: list(rule.check(history)) for id_, rule in chosen.items()}

    def size(one: Judged | Finding) -> tuple[bool, int]:
        indexes = one.exchanges if isinstance(one, Judged) else one.shown
        exchanges = [record.exchanges[index] for index in indexes]
        # What is said of content is best shown by content that is there.
        is_unknown = any(
            oracle.expect(history.facts, one.request).kind == oracle.UNKNOWN for one in exchanges
        )
        return is_unknown, sum(len(one.request.body) for one in exchanges)

    findings = [finding for id_, rule in chosen.items() for finding in gather(rule, looked[id_], size)]
    weigh(findings, record, chosen)
    verdicts = {id_: _verdict(rule, looked[id_], findings, history) for id_, rule in chosen.items()}
    return Judgement(verdicts, arranged(findings, chosen))


def _verdict(  # noqa: PLR0911 - a list of decisions
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
    notes = list(dict.fromkeys(one.note for one in looked if one.note))
    return Verdict(rule, PASSED, text="; ".join(notes), exercised=exercised)


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
        text = f"{BROKEN}: {', '.join(dict.fromkeys(broken))}"
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
        if not history.facts.keys:
            return PREREQUISITE, f"the server asks for a key (it answered {first}); give one with --api-key"
        return PREREQUISITE, f"the server answered {first} to the key; give one that is valid with --api-key"
    if statuses and all(status in THROTTLING for status in statuses):
        return THROTTLED, _REASONS[THROTTLED]
    return PREREQUISITE, "no request for known content was accepted"


def _missing_status(rule: Rule, looked: list[Judged], history: History) -> str:
    """The answers that were not seen: by their status, or by the member that has to agree with it."""
    seen = {one.index: one for one in history.seen}
    answers = [seen[index] for one in looked for index in one.exchanges if index in seen]
    statuses = {one.status for one in answers}
    said = {str(one.members.get(CREATED_NEW)) for one in answers if one.is_success}
    statuses |= {status for status, new in ((CREATED, "True"), (EXISTING, "False")) if new in said}
    return " or ".join(str(status) for status in rule.statuses if status not in statuses)
