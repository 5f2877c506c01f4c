"""Would the run notice a broken server, and does it leave a conforming one in peace?

The same run as for the judged server, on proxies before the embedded one.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from .mutants import ALWAYS_THROTTLED, CONFORMING, MUTANTS, Mutant, serve
from .runs import UNKNOWN_HASH, ApiKey, Run, Server, is_promised, report, run_contract_tests

pytestmark = pytest.mark.embedded

#: Faults show in the first few cases of their kind: more only takes time.
EXAMPLES = 8


def mutant_run(mutant: Mutant, upstream: Server, seed: int) -> Run:
    """The same run as for the judged server, on one that is broken."""
    with serve(mutant, upstream) as broken:
        return run_contract_tests(broken, seed=seed, examples=EXAMPLES)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.fault)
def test_broken_server_is_found(mutant: Mutant, reference_server: Server, seed: int) -> None:
    """A server with this one fault fails the run, by the check that is meant to find it."""
    failures = mutant_run(mutant, reference_server, seed).failures
    assert mutant.found_by in {failure.check for failure in failures}, report(failures) or "no failure"


@pytest.mark.parametrize("mutant", CONFORMING, ids=lambda mutant: mutant.fault)
def test_unusual_server_is_not_blamed(mutant: Mutant, reference_server: Server, seed: int) -> None:
    """A server that keeps the contract in its own way has no failure, and nothing is left unjudged."""
    run = mutant_run(mutant, reference_server, seed)
    assert not run.failures, report(run.failures)
    assert not run.throttled


def test_throttled_answers_are_counted_and_not_blamed(reference_server: Server, seed: int) -> None:
    """A server that answers 429 to everything has broken nothing that was seen, and is not passed either."""
    run = mutant_run(ALWAYS_THROTTLED, reference_server, seed)
    assert (report(run.failures), run.judged[200], run.judged[201]) == ("", 0, 0)
    assert run.throttled


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"hash": UNKNOWN_HASH, "tags": ["a"] * 32, "name": "n" * 255}, True),
        ({"hash": UNKNOWN_HASH, "tags": ["a"] * 33}, False),
        ({"hash": UNKNOWN_HASH, "tags": ["a"], "name": "n" * 256}, False),
        ({"hash": UNKNOWN_HASH, "tags": ["a" * 16 * 1024]}, False),
        ({"user_metadata": json.loads('{"a":' * 31 + "1" + "}" * 31)}, True),
        ({"user_metadata": json.loads('{"a":' * 32 + "1" + "}" * 32)}, False),
    ],
)
def test_promise_ends_where_the_design_says(body: dict[str, Any], expected: bool) -> None:
    """Refusing a good request is excused exactly beyond 255 characters, 32 tags, 16 KiB and 32 levels."""
    assert is_promised(body) is expected


def test_same_seed_sends_the_same_requests(reference_server: Server, seed: int) -> None:
    """Two runs with one seed and run id send the same bodies in the same order."""

    def bodies() -> list[tuple[str, bytes]]:
        sent: list[tuple[str, bytes]] = []

        def note(request: Any, _server: Server) -> Any:
            sent.append((request.method, request.body))
            return request

        with serve(Mutant("notes", "nothing", before=note), reference_server) as noted:
            run_contract_tests(noted, seed=seed, examples=EXAMPLES, run_id="twice")
        return sent

    assert bodies() == bodies()


def test_key_is_not_shown(reference_server: Server, seed: int) -> None:
    """Neither the report of a server that tells the key, nor the text of the server itself, contains it."""
    mutant = next(mutant for mutant in MUTANTS if mutant.found_by == "key_is_not_told")
    failures = mutant_run(mutant, reference_server, seed).failures
    told = report(failures) + repr(failures) + repr(reference_server)
    # Not `key not in told`: the failed assertion would show both.
    assert told.count(reference_server.api_key) == 0, "the key is shown"


def test_server_that_is_down_is_one_failure(seed: int) -> None:
    """A server that does not answer gives one failure that says so, not one per case."""
    nobody = Server("http://127.0.0.1:9", ApiKey("key"), (UNKNOWN_HASH,))
    failures = run_contract_tests(nobody, seed=seed, examples=EXAMPLES).failures
    assert [failure.check for failure in failures] == ["could not be judged"]
