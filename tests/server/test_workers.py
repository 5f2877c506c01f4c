"""Several processes behind one address: they agree, are replaced when they die, and none is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from comfy_assets.server.process import ServerProcess
from tests.server.asking import PORTRAIT, Asker, blake3_of, write_files

BODY = {"hash": blake3_of(PORTRAIT), "tags": ["a"], "name": "n"}


def children(pid: int) -> set[int]:
    """The processes that a process has started."""
    return {int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def is_gone(pid: int) -> bool:
    """Whether a process has ended, also where nobody has asked for its status."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def within_seconds(what: Callable[[], bool]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + 15
    while not what():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_workers_agree(database: str, tmp_path: Path) -> None:
    """A reference is the same whichever worker is asked, and the workers that serve are as many as were asked for."""
    folder = write_files(tmp_path / "content", {"a.png": PORTRAIT})
    options = ["--workers", "3"]
    with ServerProcess(content=[folder], api_keys=["one"], database=database, options=options) as server:
        assert len(children(server.pid)) == 3
        answers = [Asker(server.url, "one").create(BODY) for _ in range(20)]
    assert [answered.status for answered in answers] == [201] + [200] * 19
    assert len({answered.json["id"] for answered in answers}) == 1


def test_worker_that_dies_is_replaced(tmp_path: Path) -> None:
    """After the death of a worker there are as many as before, requests are answered, and it is told."""
    folder = write_files(tmp_path / "content", {"a.png": PORTRAIT})
    with ServerProcess(content=[folder], api_keys=["one"], options=["--workers", "2"]) as server:
        time.sleep(2.1)  # one that ends sooner is taken for one that cannot run
        before = children(server.pid)
        victim = min(before)
        os.kill(victim, signal.SIGKILL)
        within_seconds(lambda: len(children(server.pid) - {victim}) == 2)
        assert Asker(server.url, "one").create(BODY).status == 201
        assert f"worker {victim} ended" in server.stderr


def test_none_is_left_behind(tmp_path: Path) -> None:
    """Stopped by a signal, or killed, the server takes its workers with it."""
    for number, status in ((signal.SIGTERM, 0), (signal.SIGKILL, -9)):
        with ServerProcess(options=["--workers", "2"]) as server:
            workers = children(server.pid)
            assert server.stop(number) == status
            within_seconds(lambda workers=workers: all(map(is_gone, workers)))  # type: ignore[misc] # bound now


def test_ends_with_its_parent(tmp_path: Path) -> None:
    """With --exit-with-parent the server ends when whoever started it is gone, however that went."""
    ready = tmp_path / "ready.json"
    words = [
        sys.executable,
        "-m",
        "comfy_assets",
        "serve",
        "--port",
        "0",
        "--exit-with-parent",
        f"--ready-file={ready}",
    ]
    program = f"import subprocess, time; print(subprocess.Popen({words!r}).pid, flush=True); time.sleep(60)"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        within_seconds(ready.exists)
        parent.kill()
    within_seconds(lambda: is_gone(pid))
    assert not ready.exists()
