"""Content is indexed while requests are answered: `/readyz` and the ready file tell when it is done."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from comfy_assets.server import content
from comfy_assets.server.store import Store
from tests.server.asking import PORTRAIT, Asker, blake3_of, write_files

KEY = "a-key"
BODY = {"hash": blake3_of(PORTRAIT), "tags": ["a"], "name": "n"}
PATIENT = 60


@contextmanager
def serving(
    folder: Path, *options: str, key: str | None = KEY
) -> Iterator[tuple[subprocess.Popen[str], str, Path]]:
    """A server that is indexing a file which takes minutes to read, its URL, and that file."""
    slow = folder / "z.bin"
    with slow.open("wb") as file:
        file.truncate(256 * 1024**3)  # takes no space
    ready = folder.parent / "ready.json"
    command = [sys.executable, "-m", "comfy_assets", "serve", "--port=0", "--json", "--no-access-log",
               f"--content={folder}", f"--ready-file={ready}", *([f"--api-key={key}"] if key else []), *options]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True
    ) as process:
        try:
            assert process.stdout is not None
            # The first event that names an address comes while content is indexed.
            url = ""
            while not url:
                event = json.loads(process.stdout.readline())
                url = event["message"].split()[2].rstrip(";") if event["type"] == "log" else ""
            yield process, url, slow
        finally:
            process.kill()


def readiness(url: str) -> int:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=PATIENT) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize("workers", [1, 2])
def test_requests_are_answered_meanwhile(tmp_path: Path, workers: int) -> None:
    """What is indexed already is found, `/readyz` is 503 and no ready file there; both change at the end."""
    folder = write_files(tmp_path / "content", {"a.png": PORTRAIT})
    with serving(folder, f"--workers={workers}") as (process, url, slow):
        assert Asker(url, KEY).send(None, method="GET", path="/healthz").status == 200
        assert [readiness(url) for _ in range(4)] == [503] * 4
        assert Asker(url, KEY).create({**BODY, "hash": blake3_of(b"other")}).status == 404
        assert not (tmp_path / "ready.json").exists()
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        while told["type"] != "indexing":
            told = json.loads(process.stdout.readline())
        assert told["bytes_read"] > len(PORTRAIT)
        os.truncate(slow, 0)  # it is told as a file that changed, and skipped
        end = time.monotonic() + PATIENT
        while not (tmp_path / "ready.json").exists():
            assert time.monotonic() < end
            time.sleep(0.05)
        assert [readiness(url) for _ in range(4)] == [200] * 4
        assert Asker(url, KEY).create(BODY).status == 201
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENT) == 0


def test_key_that_was_made_is_told_early(tmp_path: Path) -> None:
    """Once, and when it can be used: not only when all is indexed."""
    folder = write_files(tmp_path / "content", {"a.png": PORTRAIT})
    with serving(folder, key=None) as (process, url, slow):
        assert process.stderr is not None
        key = process.stderr.readline().rpartition(" ")[2].strip()
        assert Asker(url, key).create({**BODY, "hash": blake3_of(b"other")}).status == 404
        os.truncate(slow, 0)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENT) == 0
        assert key not in process.stderr.read()


def test_interrupted_index_is_taken_up(tmp_path: Path) -> None:
    """Ctrl-C while a file is read ends it at once; what was read before is not read again."""
    folder = write_files(tmp_path / "content", {"a.png": PORTRAIT})
    database = f"sqlite:///{tmp_path / 'a.db'}"
    with serving(folder, f"--database={database}") as (process, _, _slow):
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENT) == 130
    with contextlib.closing(Store(database)) as store:
        assert [Path(one.path).name for one in content.stored(store)] == ["a.png"]
        (folder / "z.bin").unlink()
        assert content.index(store, [folder], print).read == 0
