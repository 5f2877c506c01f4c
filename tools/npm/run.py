"""Runs a pinned program of npm from the folder that `make npm-tools` fills."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from filelock import FileLock

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".cache" / "npm"
PROGRAMS = {
    "pyright": "pyright/index.js",
    "redocly": "@redocly/cli/bin/cli.js",
    "spectral": "@stoplight/spectral-cli/dist/index.js",
}
#: No word to anybody about what is done here, and no advice about newer versions.
QUIET = {
    "REDOCLY_TELEMETRY": "off",
    "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true",
    "NO_COLOR": "1",
    "NO_UPDATE_NOTIFIER": "1",
}


class MissingProgramError(Exception):
    """Node or what it runs is not there; the text is one sentence."""


def install() -> None:
    """Install the pinned programs where they are not; MissingProgramError where that is impossible."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise MissingProgramError("there is no node with npm on the PATH; install Node.js 20.19 or newer")
    FOLDER.parent.mkdir(exist_ok=True)
    # Two at once would take each other's files away.
    with FileLock(FOLDER.with_suffix(".lock")):
        _make()


def _make() -> None:
    if not (FOLDER / "complete").exists():
        done = subprocess.run(
            ["make", "--no-print-directory", "-C", str(ROOT), "npm-tools"],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise MissingProgramError(
                "the pinned programs of npm could not be installed: " + done.stderr.strip()[-300:]
            )


def run(program: str, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program; its output is caught."""
    install()
    # Node 20 is enough for the pinned versions; that it is old is no news for each run.
    command = ["node", "--no-deprecation", str(FOLDER / "node_modules" / PROGRAMS[program]), *words]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        cwd=cwd,
        env={**os.environ, **QUIET},
    )
