"""A library and the reference server that stores it, with everything counted."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from attrs import frozen

from comfy_assets.server.process import ServerProcess
from comfy_assets.testing.front import Front

KEY = "library-key-4b1f"

#: Seconds after which a run hangs: far more than the largest one takes on a machine that has other work too.
_HANGS = 3600


@pytest.fixture(autouse=True)
def state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of the test's own."""
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    return folder


def different_files(folder: Path, count: int) -> Path:
    """So many small files of different content, a hundred in each folder."""
    for number in range(count):
        below = folder / str(number // 100)
        below.mkdir(parents=True, exist_ok=True)
        (below / f"{number}.bin").write_bytes(number.to_bytes(8, "big"))
    return folder


@frozen
class Service:
    """The reference server, behind a front that counts; and `register` as a process."""

    front: Front
    database: Path
    journal: Path

    def references(self) -> set[str]:
        """The ids of all references that the server has."""
        with contextlib.closing(sqlite3.connect(self.database)) as connection:
            return {str(one) for [one] in connection.execute("SELECT id FROM reference")}

    def rows(self) -> list[tuple[Any, ...]]:
        """Id, outcome and path of each row of the journal."""
        with contextlib.closing(sqlite3.connect(self.journal)) as connection:
            return connection.execute("SELECT id, outcome, path FROM answers").fetchall()

    def start(
        self,
        *arguments: str | os.PathLike[str],
        before: Sequence[str] = (),
        program: Sequence[str] = ("-m", "comfy_assets"),
        **more: Any,
    ) -> subprocess.Popen[bytes]:
        """Start `register`, by a command of its own if need be; whoever starts it waits for it."""
        path = os.pathsep.join(filter(None, sys.path))
        environment = {
            **os.environ, "PYTHONPATH": path, "COMFY_CLOUD_BASE_URL": self.front.url, "COMFY_CLOUD_API_KEY": KEY,
        }  # fmt: skip
        streams: dict[str, Any] = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
        }
        return subprocess.Popen(  # pyright: ignore[reportReturnType] # of bytes, whatever is added
            [*before, sys.executable, *program, "register", *arguments, "--journal", self.journal],
            env=environment, **(streams | more),
        )  # fmt: skip

    def run(self, *arguments: str | os.PathLike[str], **more: Any) -> tuple[int, list[str], str]:
        """Run `register` to its end: status, lines of stdout, stderr."""
        process = self.start(*arguments, **more)
        try:
            out, err = process.communicate(timeout=_HANGS)
        finally:
            process.kill()
        assert b"Traceback" not in err, err.decode()
        return process.returncode, os.fsdecode(out).splitlines(), err.decode()


@contextlib.contextmanager
def serving(content: Path, place: Path) -> Iterator[Service]:
    """A service that stores a folder."""
    database = place / "references.db"
    with ServerProcess(content=[content], api_keys=[KEY], database=f"sqlite:///{database}") as server:
        parts = urlsplit(server.url)
        with contextlib.closing(Front(str(parts.hostname), int(parts.port or 0))) as front:
            yield Service(front, database, place / "journal.sqlite")
