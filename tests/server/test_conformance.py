"""The check finds nothing on the reference server, on each database, with one process and with several."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from comfy_assets.server.process import ServerProcess
from tests.server.asking import FILES, write_files

KEYS = ["first-owner-key", "second-owner-key"]


@pytest.mark.parametrize("workers", [4, pytest.param(1, marks=pytest.mark.nightly)])
def test_check_finds_nothing(database: str, workers: int, tmp_path: Path) -> None:
    """Two keys, known files, all rules, `--strict --complete`: exit 0."""
    folder = write_files(tmp_path / "content", FILES)
    known = [f"--known-file={folder / name}" for name in FILES]
    with ServerProcess(
        content=[folder], api_keys=KEYS, database=database, options=["--workers", str(workers)]
    ) as server:
        result = subprocess.run(
            [sys.executable, "-m", "comfy_assets", "check", server.url, f"--api-key={KEYS[0]}",
             f"--other-api-key={KEYS[1]}", *known, "--strict", "--complete"],
            capture_output=True, text=True, timeout=300, check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )  # fmt: skip
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-1000:]
