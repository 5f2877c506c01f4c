"""Both directions: every broken server is found by the rule that it breaks, no conforming one is blamed."""

from __future__ import annotations

import random

import pytest

from comfy_assets.contract import RULES, drawing
from comfy_assets.contract.findings import shows
from comfy_assets.contract.selftest import checked
from comfy_assets.contract.verdicts import NOT_CHECKED
from comfy_assets.scenarios.catalogue import CONFORMING, FAULTS
from comfy_assets.scenarios.comfyui import COMFYUI, DEVIATIONS
from comfy_assets.scenarios.faults import Fault
from comfy_assets.scenarios.model import Asked, Service, Stored
from tests.check.drawing_once import drawing_once

#: In the long run every server is checked as a user would, with drawn cases and replays.
SEEDS = range(5)
PAIRS = 100
#: Not blamed, and not complete either: the second owner's requests are all 404.
INCOMPLETE = {"content of one owner only"}


def rules_of(outcome: object) -> set[str]:
    return {finding.rule for finding in outcome.judgement.all_findings()}  # type: ignore[attr-defined] # an Outcome


def test_catalogue_is_large_enough_and_speaks_of_real_rules() -> None:
    """At least a hundred broken and twenty conforming servers, no name twice, every rule has one."""
    assert len(FAULTS) >= 100
    assert len(CONFORMING) >= 20
    names = [one.name for one in (*FAULTS, *CONFORMING)]
    assert len(names) == len(set(names))
    assert {fault.rule for fault in FAULTS} <= set(RULES)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_broken_server_is_found(fault: Fault) -> None:
    """The rule that a server breaks, asked alone, finds it."""
    outcome = checked(fault, fault.rule)
    assert fault.rule in rules_of(outcome), outcome.judgement.verdicts[fault.rule]
    assert outcome.exit_status == (1 if RULES[fault.rule].level == "must" else 0) or outcome.exit_status == 2


@pytest.mark.parametrize("fault", CONFORMING, ids=lambda fault: fault.name)
def test_conforming_server_is_not_blamed(fault: Fault) -> None:
    """A server that keeps the contract in its own way has no finding, and every rule was checked."""
    outcome = checked(fault)
    assert not rules_of(outcome)
    unchecked = {id_ for id_, one in outcome.judgement.verdicts.items() if one.verdict == NOT_CHECKED}
    assert not unchecked or fault.name in INCOMPLETE
    assert outcome.record.references_needed <= outcome.record.max_references


@pytest.mark.parametrize(("levels", "status"), [(64, 201), (65, 400), (300, 400), (5000, 400)])
@pytest.mark.parametrize("is_bare", [True, False])
def test_model_bounds_nesting_itself(levels: int, status: int, *, is_bare: bool) -> None:
    """How deep a body may be does not hang on the Python that reads it, nor on the library that judges it."""
    stored = Stored.of(b"content")
    service = Service([stored], ["key"])
    deep = b"[" * (levels - 2 * (not is_bare)) + b"]" * (levels - 2 * (not is_bare))
    body = (
        deep
        if is_bare
        else b'{"hash":"%b","tags":["t"],"user_metadata":{"a":%b}}' % (stored.blake3.encode(), deep)
    )
    headers = {service.key_header: ["key"], "content-type": ["application/json"]}
    said = service.answer(Asked(service.operation.method, service.operation.path, headers, body))
    assert said.status == (400 if is_bare else status)


@pytest.fixture
def drawn_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draws the cases of a seed once, and not for each server."""
    monkeypatch.setattr(drawing, "drawing", drawing_once)


@pytest.mark.nightly
@pytest.mark.usefixtures("drawn_once")
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("fault", CONFORMING, ids=lambda fault: fault.name)
def test_conforming_server_is_not_blamed_by_any_seed(fault: Fault, seed: int) -> None:
    """The same as a user would run it, five times."""
    outcome = checked(fault, seed=seed, drawn=True, confirm=True, run_id=f"seed{seed}")
    assert not rules_of(outcome)


@pytest.mark.nightly
@pytest.mark.usefixtures("drawn_once")
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_broken_server_is_found_by_any_seed(fault: Fault, seed: int) -> None:
    """The same as a user would run it, five times."""
    outcome = checked(fault, seed=seed, drawn=True, confirm=True, run_id=f"seed{seed}")
    assert fault.rule in rules_of(outcome)


def pairs(number: int) -> list[tuple[Fault, Fault, Fault]]:
    """Drawn pairs of faults that are both there when they are put together."""
    draw = random.Random(20261124)
    found: list[tuple[Fault, Fault, Fault]] = []
    while len(found) < number:
        one, other = draw.sample(FAULTS, 2)
        both = one.and_(other)
        names = {one.name, other.name}
        if (
            both is not None
            and not names & HIDING.keys()
            and names not in EXCLUDING
            and one.rule != other.rule
        ):
            found.append((one, other, both))
    return found


#: Faults after which something else cannot be seen, whatever a check does, and what that is.
HIDING = {
    "a new reference each time": "nothing is found again, and the budget of references ends early",
    "no authentication": "there are no owners, and no keys",
    "answers end too early": "no repeat can be read",
    "body in an array": "no member of a success can be read",
    "body cut short": "no member of a success can be read",
    "NaN in the body": "no member of a success can be read",
    "id made of the content": "references cannot be told from each other",
    "unknown content is made up": "there is no 404",
}
#: The same of two: one answer takes the place of the other, or what is refused is never given back.
EXCLUDING = (
    {"400 for 401", "500 for wrong keys"},
    {"404 for 401", "500 for wrong keys"},
    {"403 for 401", "500 for wrong keys"},
    {"500 now and then", "429 for ever beyond ASCII"},
    {"400 beyond ASCII", "metadata in ASCII"},
    {"400 beyond ASCII", "name in ASCII"},
    {"400 for 404", "404 for a lone surrogate"},
)


@pytest.mark.parametrize(
    "pair", [pytest.param(pair, id=pair[2].name, marks=[] if place < 10 else pytest.mark.nightly)
             for place, pair in enumerate(pairs(PAIRS))]
)  # fmt: skip
def test_two_faults_are_both_found(pair: tuple[Fault, Fault, Fault]) -> None:
    """Neither of two faults in one server hides the other."""
    one, other, both = pair
    assert {one.rule, other.rule} <= rules_of(checked(both, confirm=False))


def test_each_deviation_of_the_open_source_service_is_found() -> None:
    """With room for all references, each deviation is a finding of its own, and none hides another."""
    outcome = checked(COMFYUI, max_references=1000, drawn=True, confirm=True)
    found = {(finding.rule, finding.cause) for finding in outcome.judgement.all_findings()}
    missed = [
        one for one in DEVIATIONS if not any(rule == one[0] and one[1] in cause for rule, cause in found)
    ]
    assert not missed
    assert outcome.exit_status == 1


def test_what_the_budget_left_out_is_named() -> None:
    """With the default bound the rest is not checked, with the number that would suffice."""
    outcome = checked(COMFYUI)
    left = [one for one in outcome.judgement.verdicts.values() if one.reason == "budget"]
    assert left
    assert all(f"--max-references {outcome.record.references_needed}" in one.text for one in left)
    assert len(outcome.record.made) + outcome.record.made_unknown <= 50


def test_finding_is_confirmed_by_replaying_its_scenario() -> None:
    """A cause is seen in each replay; chance is told from it."""
    fault = next(one for one in FAULTS if one.name == "500 for emoji")
    outcome = checked(fault, "never-5xx", confirm=True)
    finding = outcome.judgement.findings[0]
    numbers = outcome.record.replays[finding.fingerprint]
    assert numbers
    assert all(shows(outcome.record, number, finding) for number in numbers)
