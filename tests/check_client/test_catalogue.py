"""Both directions: every broken client is found by the rule that it breaks, no conforming one is blamed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from comfy_assets.contract.clients import RULES, ClientOptions, ClientOutcome, check_client
from comfy_assets.contract.rules.model import MUST, OBSERVED
from tests.check_client.catalogue import ADVISED, CONFORMING, FAULTS, PROGRAMS, Broken, program

TEMPLATE = Path(__file__).with_name("template.py")
#: Looked for in every scenario; the others alone in those of their rule.
WHOLE = {"prints the key on error"}
#: Rules that look at every scenario: each broken client costs a whole check.
LONG = {"once", "no-hang", "id-told", "says-why", "asks", "key-not-printed", "key-in-header-only"}


def checked(client: Broken, *rules: str) -> ClientOutcome:
    command = (sys.executable, "-I", "-S", str(TEMPLATE), client.lines)
    return check_client(ClientOptions(command, timeout=12, rules=rules, confirm=False))


def is_not_blamed(outcome: ClientOutcome, but: frozenset[str] = frozenset()) -> None:
    assert found(outcome) <= but
    assert not outcome.not_checked
    assert outcome.exit_status == 0


def found(outcome: ClientOutcome) -> set[str]:
    return {finding.rule for finding in outcome.judgement.all_findings()}


def test_catalogue_is_large_enough_and_speaks_of_real_rules() -> None:
    """At least thirty broken clients, no name twice, and every rule has one but those left open."""
    assert len(FAULTS) >= 30
    assert len({one.name for one in (*FAULTS, *CONFORMING)}) == len(FAULTS) + len(CONFORMING)
    without = {
        "request-http",
        "survive-asks",
        "survive-interim",
        "fail-null-id",
        "sent-hash",
    }
    assert {one.rule for one in FAULTS} == {
        id_ for id_, rule in RULES.items() if rule.level != OBSERVED
    } - without


def _marks(client: Broken) -> list[pytest.MarkDecorator]:
    is_long = client.rule in LONG or client.rule.startswith(("request-", "sent-"))
    return [pytest.mark.nightly] if is_long and client.name not in WHOLE else []


@pytest.mark.parametrize("client", [pytest.param(one, id=one.name, marks=_marks(one)) for one in FAULTS])
def test_broken_client_is_found(client: Broken) -> None:
    """The rule that a client breaks finds it, and the exit status says so."""
    outcome = checked(client, client.rule)
    assert client.rule in found(outcome)
    assert outcome.exit_status == (1 if RULES[client.rule].level == MUST else 0)


@pytest.mark.parametrize(
    "client",
    [
        pytest.param(one, id=one.name, marks=[pytest.mark.nightly] if place else [])
        for place, one in enumerate(CONFORMING)
    ],
)
def test_conforming_client_is_not_blamed(client: Broken) -> None:
    """A client that keeps the contract in its own way has no finding, and every rule was checked."""
    is_not_blamed(checked(client))


@pytest.mark.parametrize(
    "name",
    [pytest.param(one, marks=[pytest.mark.nightly] if one != "raw socket" else []) for one in PROGRAMS],
)
def test_conforming_program_is_not_blamed(name: str) -> None:
    """Programs on other HTTP libraries, or none, keep the contract too."""
    command = program(name)
    if isinstance(command, str):
        pytest.skip(command)
    outcome = check_client(ClientOptions(command, timeout=30, confirm=False))
    is_not_blamed(outcome, ADVISED.get(name, frozenset()))
