"""The command as a user runs it: a process of its own, with an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from comfy_assets.server.process import ServerProcess
from tests.support import counted

KEY = "cli-key-77d0"
#: Another owner, whose references no other test makes.
OTHER_KEY = "cli-key-b3e1"


@frozen
class Ran:
    """How a command ended and what it said."""

    status: int
    stdout: bytes
    stderr: str

    @property
    def lines(self) -> list[str]:
        """The lines of stdout."""
        return self.stdout.decode("utf-8", "surrogateescape").splitlines()

    @property
    def json(self) -> list[dict[str, Any]]:
        """The JSON lines of stdout, those about progress aside: how many there are depends on the time."""
        lines = [json.loads(line) for line in self.lines]
        return [line for line in lines if line["type"] != "progress"]


@frozen
class Command:
    """`comfy-assets`, for one service."""

    url: str
    folder: Path

    def environment(self) -> dict[str, str]:
        """What the command finds around it; nothing of ours reaches it."""
        path = os.pathsep.join(filter(None, sys.path))
        return {
            "PATH": os.environ["PATH"],
            **counted(),
            "PYTHONPATH": path,
            "COMFY_CLOUD_BASE_URL": self.url,
            "COMFY_CLOUD_API_KEY": KEY,
            # What a run remembers stays in the test's own folder.
            "XDG_STATE_HOME": str(self.folder) + ".state",
        }

    def __call__(self, *arguments: str | bytes | os.PathLike[str], **environment: str) -> Ran:
        """Run it to its end."""
        done = subprocess.run(
            [sys.executable, "-m", "comfy_assets", *arguments],
            cwd=self.folder,
            env={**self.environment(), **environment},
            capture_output=True,
            timeout=60,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        ran = Ran(done.returncode, done.stdout, done.stderr.decode())
        # Nobody is to see a traceback, or a key, whatever happens.
        assert "Traceback" not in ran.stderr
        assert KEY not in ran.stderr
        assert KEY.encode() not in ran.stdout
        return ran


@pytest.fixture(scope="session")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of files that the service stores."""
    folder = tmp_path_factory.mktemp("stored")
    (folder / "sub" / "deeper").mkdir(parents=True)
    (folder / "a.png").write_bytes(b"a picture")
    (folder / "sub" / "b.safetensors").write_bytes(b"a model")
    (folder / "sub" / "deeper" / "ü.txt").write_bytes(b"a text")
    return folder


@pytest.fixture(scope="session")
def service(stored: Path) -> Iterator[ServerProcess]:
    """The reference server on those files."""
    with ServerProcess(content=[stored], api_keys=[KEY, OTHER_KEY]) as server:
        yield server


@pytest.fixture
def command(service: ServerProcess, tmp_path: Path) -> Command:
    """The command, in an empty folder, with that service in its environment."""
    return Command(service.url, tmp_path)
