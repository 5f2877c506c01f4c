"""`pytest tests/contract --server URL --api-key K --known-hash H`: as a user runs it, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from comfy_assets.contract.selftest import KEYS, STORED
from comfy_assets.scenarios.catalogue import FAULTS
from comfy_assets.scenarios.serving import serving

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


def options_for(url: str) -> list[str]:
    """The options that name a model."""
    hashes = [option for one in STORED for option in ("--known-hash", one.blake3)]
    return ["--server", url, "--api-key", KEYS[0], *hashes]


def test_named_server_is_judged_without_showing_the_key() -> None:
    """A server that is named is judged: a rule that it breaks fails, one that it keeps passes.

    Even a server that tells the key does not bring it into the output; what was left there is told.
    """
    fault = next(fault for fault in FAULTS if fault.name == "tells the key in a 400")
    with serving(fault.service(STORED, KEYS).answer) as url:
        result = pytest_run("-vv", "--showlocals", "-k", "never-key or repeat-same", *options_for(url))
    shown = result.stdout + result.stderr
    # Not `key not in shown`: the failed assertion would show both.
    assert shown.count(KEYS[0]) == 0, "the key is shown"
    assert result.returncode == int(pytest.ExitCode.TESTS_FAILED), shown
    assert "1 failed, 1 passed" in shown
    assert fault.rule in shown
    assert f"references were made on {url}" in shown
