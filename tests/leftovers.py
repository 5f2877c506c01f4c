"""Nothing that a test starts may leave anything in the folder for temporary files.

The tests, and what they start, get such a folder of their own. A run in which something is left there fails,
says what it is, and removes it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

import pytest

#: Where pytest keeps `tmp_path`, for whoever looks at a test that failed: outside that folder.
_KEPT = "PYTEST_DEBUG_TEMPROOT"

#: The package that brings PostgreSQL locks its processes out of each other's way by this file, for good.
_ALLOWED = {".lockfile"}

#: Seconds in which a program that nobody waits for has removed its own.
_ENDS = 15.0


class Leftovers:
    """The folder of one run, and what was found in it at the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: list[str] = []

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Look, when all processes of the run have ended; one that was told to end may still be at it."""
        until = time.monotonic() + _ENDS
        while (names := set(os.listdir(self.folder)) - _ALLOWED) and time.monotonic() < until:
            time.sleep(0.1)
        self.names = sorted(names)
        if self.names and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what was found, with what is in it."""
        if self.names:
            terminalreporter.section("left in the folder for temporary files", red=True)
            for name in self.names:
                inside = sorted(os.listdir(self.folder / name)) if (self.folder / name).is_dir() else []
                terminalreporter.line(f"{name}{' with ' * bool(inside)}{', '.join(inside[:5])}")

    def pytest_unconfigure(self) -> None:
        """Remove it; this process may have another run."""
        os.environ["TMPDIR"] = tempfile.tempdir = ordinary_folder()
        shutil.rmtree(self.folder, ignore_errors=True)


def pytest_configure(config: pytest.Config) -> None:
    """Once for a run: the processes among which it is divided have the folder by the environment."""
    if hasattr(config, "workerinput"):
        return
    os.environ.setdefault(_KEPT, tempfile.gettempdir())
    folder = tempfile.mkdtemp(prefix="tests-")
    os.environ["TMPDIR"] = tempfile.tempdir = folder
    config.pluginmanager.register(Leftovers(Path(folder)))


def ordinary_folder() -> str:
    """The folder for temporary files as it is outside of the tests."""
    return os.environ[_KEPT]
