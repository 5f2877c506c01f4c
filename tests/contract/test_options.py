"""`pytest tests/contract --server URL --api-key K --known-hash H`: as a user runs it, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .mutants import MUTANTS, serve
from .runs import Server

pytestmark = pytest.mark.embedded

ROOT = Path(__file__).parents[2]
#: Seconds: far more than a run takes, so that only one that hangs is ended.
TIMEOUT = 300
USAGE_ERROR = int(pytest.ExitCode.USAGE_ERROR)


def pytest_run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """What this pytest does with the contract tests and these options, in the small profile."""
    path = os.pathsep.join(filter(None, sys.path))
    environment = {**os.environ, "PYTHONPATH": path, "HYPOTHESIS_PROFILE": "dev"}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests/contract", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--server", "http://127.0.0.1:9", "--api-key", "k"], "--server needs --known-hash"),
        (["--server", "http://127.0.0.1:9", "--known-hash", "h"], "--server needs --api-key"),
        (["--server", "http://127.0.0.1:9", "--api-key", "k", "--known-hash", "h"], "no connection"),
    ],
    ids=["no known hash", "no key", "server that is down"],
)
def test_options_that_cannot_work_are_one_sentence(options: list[str], says: str) -> None:
    """What makes judging impossible ends the run before its first test, with one sentence and exit 4."""
    # Schemathesis's own plugin takes seconds to import, and is not what is tested.
    result = pytest_run("-p", "no:schemathesis", *options)
    assert result.returncode == USAGE_ERROR
    assert [line for line in result.stderr.splitlines() if line] == [
        line for line in result.stderr.splitlines() if line.startswith("ERROR: ") and says in line
    ]


def options_for(server: Server) -> list[str]:
    """The options that name a server."""
    hashes = [option for known in server.known_hashes for option in ("--known-hash", known)]
    return ["--server", server.url, "--api-key", str(server.api_key), *hashes]


def test_named_server_is_judged_without_showing_the_key(reference_server: Server) -> None:
    """A server that is named is judged: a test that it breaks fails, one that it keeps passes.

    Even a server that tells the key does not bring it into the output; what was left there is told.
    """
    mutant = next(mutant for mutant in MUTANTS if mutant.found_by == "key_is_not_told")
    with serve(mutant, reference_server) as broken:
        tests = "keeps_the_contract or repeat_returns"
        result = pytest_run("-vv", "--showlocals", "-k", tests, *options_for(broken))
    shown = result.stdout + result.stderr
    # Not `key not in shown`: the failed assertion would show both.
    assert shown.count(broken.api_key) == 0, "the key is shown"
    assert result.returncode == int(pytest.ExitCode.TESTS_FAILED), shown
    assert "1 failed, 1 passed" in shown
    assert mutant.found_by in shown
    assert f"references were made on {broken.url}" in shown
