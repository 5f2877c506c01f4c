"""Models on sockets, and the command in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from comfy_assets.cli.main import main
from comfy_assets.contract import drawing
from comfy_assets.contract.selftest import KEYS, STORED
from tests.support import counted

ROOT = Path(__file__).parents[2]
#: Seconds: far more than a run takes, so that only one that hangs is ended.
TIMEOUT = 120

#: What the models of `selftest` store, as options.
KNOWN = [option for one in STORED for option in ("--known-hash", one.blake3)]


@pytest.fixture(autouse=True, scope="session")
def drawing_is_counted() -> Iterator[None]:
    """The process that draws cases gets an environment of its own; `make coverage` counts there, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drawing, "_KEPT", drawing._KEPT | counted().keys())
        yield


@pytest.fixture
def run_check(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `comfy-assets check` with these arguments, in this process: its start would take most of the time."""
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("COMFY_CLOUD_API_KEY", "COMFY_CLOUD_BASE_URL"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        capfd.readouterr()
        status = main(["check", *arguments])
        out, err = capfd.readouterr()
        return subprocess.CompletedProcess(arguments, status, out, err)

    return run


def in_a_process(*arguments: str, timeout: float = TIMEOUT) -> subprocess.CompletedProcess[str]:
    """Runs `comfy-assets check` as a user does."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "COLUMNS": "200"}
    command = [sys.executable, "-m", "comfy_assets", "check", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=timeout, check=False
    )


def keyed(url: str) -> list[str]:
    """The options for a model at this URL."""
    return [url, "--api-key", KEYS[0], "--other-api-key", KEYS[1], *KNOWN]


def envelope(result: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The last line of `--json`."""
    value: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return value
