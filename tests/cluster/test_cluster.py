"""Workers of a Dask cluster hash; this process registers."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from comfy_assets.library.reading import ChangedError
from tests.cli.conftest import KEY, Command
from tests.cluster.conftest import FILES, Dask, ended


def started(command: Command, *arguments: object) -> subprocess.Popen[bytes]:
    """The command, not waited for."""
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "comfy_assets", "register", *map(str, arguments)],
        cwd=command.folder,
        env=command.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # What a buffer of ours holds after a readline, communicate() would not give.
        bufsize=0,
    )


def holds(pid: int, secret: bytes) -> bool:
    """Whether a process has a secret anywhere in its memory."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            place, mode = line.split()[:2]
            if mode.startswith("rw"):
                start, end = (int(one, 16) for one in place.split("-"))
                try:
                    memory.seek(start)
                    if secret in memory.read(end - start):
                        return True
                except (OSError, ValueError, OverflowError):
                    continue
    return False


def test_worker_killed_midway(command: Command, dask: Dask, library: Path) -> None:
    """A worker that is killed loses nothing and doubles nothing; neither it nor the scheduler had the key."""
    process = started(command, library, "--tag", "killed", "--cluster", dask.address)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(15)]
    if sys.platform == "linux":
        assert holds(process.pid, KEY.encode())
        assert dask.scheduler is not None
        assert not any(holds(one.pid, KEY.encode()) for one in [dask.scheduler, *dask.workers])
    dask.workers[0].kill()
    out, err = process.communicate(timeout=120)
    lines += out.splitlines()
    assert {line.split()[0] for line in lines} == {b"created"}, [*lines, err]
    assert process.returncode == 0, err
    assert len({line.split()[1] for line in lines}) == len(lines) == FILES
    again = command("register", library, "--tag", "killed", "--cluster", dask.address, "--explain")
    assert again.status == 0
    assert all(line.startswith("existing") and "cache" in line for line in again.lines)


def test_file_that_the_workers_do_not_see(command: Command, dask: Dask, library: Path) -> None:
    """What vanished for the workers is told as such, and never hashed here instead."""
    hidden = command.folder / "hidden"
    hidden.symlink_to(library / "sub" / "0000.bin")

    from comfy_assets.library.cluster import connected

    with connected(dask.address, threading.Event()) as cluster:
        assert cluster.look(str(hidden)) is not None
        hidden.unlink()
        with pytest.raises(OSError, match="workers do not see it"):
            cluster.look(str(hidden))


def test_interrupted_leaves_the_cluster_clean(command: Command, dask: Dask, library: Path) -> None:
    """Ctrl-C ends with 130, and no task of ours is left on the scheduler."""
    process = started(command, library, "--tag", "interrupted", "--cluster", dask.address)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, b"Traceback" in err) == (130, False)

    from distributed import Client

    with Client(dask.address, set_as_default=False) as client:
        left = client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks))
    assert left == 0


def test_scheduler_absent(command: Command, library: Path) -> None:
    """Where no scheduler is, the command says so and ends with 2."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        ran = command("register", library, "--tag", "t", "--cluster", f"tcp://127.0.0.1:{port}")
    assert ran.status == 2
    assert "there is no Dask scheduler" in ran.stderr
    nonsense = command("register", library, "--tag", "t", "--cluster", "nonsense://x")
    assert (nonsense.status, "no Dask scheduler" in nonsense.stderr) == (2, True)


def test_worker_of_another_version(command: Command, dask: Dask, library: Path) -> None:
    """A worker with another version of the package, or without it, is named, with the remedy."""
    shadow = command.folder / "shadow" / "comfy_assets"
    shadow.mkdir(parents=True)
    (shadow / "__init__.py").write_text("")
    path = os.pathsep.join([str(shadow.parent), *filter(None, sys.path)])
    other = dask.worker(PYTHONPATH=path)
    try:
        ran = command("register", library, "--tag", "t", "--cluster", dask.address)
    finally:
        ended(other)
    assert ran.status == 2
    assert "has no comfy-assets" in ran.stderr
    assert "install comfy-assets[cluster]" in ran.stderr


def test_objects_on_the_cluster(command: Command, dask: Dask, s3: dict[str, str]) -> None:
    """Workers read objects, too."""
    ran = command("register", "s3://models/sub", "--tag", "far", "--cluster", dask.address, **s3)
    assert ran.status == 0, ran.stderr
    # Another test may have asked for the same names first.
    assert [line.split()[0] in ("created", "existing") for line in ran.lines] == [True] * 10


def test_all_workers_lost(dask: Dask, library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no worker is left for a while, the run is told so instead of waiting for ever."""
    from comfy_assets.library import cluster

    monkeypatch.setattr(cluster, "ALONE", 1.0)
    with cluster.connected(dask.address, threading.Event()) as joined:
        for worker in dask.workers:
            worker.kill()
            worker.wait()
        with pytest.raises(cluster.ClusterError, match="has had no worker for 1 s"):
            joined.read(str(library / "sub" / "0000.bin"), "blake3")


def test_file_that_changes_while_a_worker_reads_it(dask: Dask, tmp_path: Path) -> None:
    """A file that is another one after reading has no digest."""
    from comfy_assets.library.cluster import connected

    path, over = tmp_path / "growing.bin", threading.Event()
    path.write_bytes(b"x")
    os.truncate(path, 64 << 20)

    def grow() -> None:
        with path.open("ab", 0) as file:
            while not over.wait(0.001):
                file.write(b"x")

    growing = threading.Thread(target=grow)
    growing.start()
    try:
        with connected(dask.address, threading.Event()) as joined, pytest.raises(ChangedError):
            # A machine that is busy may let it rest during one reading.
            for _ in range(20):
                joined.read(str(path), "blake3")
    finally:
        over.set()
        growing.join()


def test_dask_is_quiet(dask: Dask) -> None:
    """No logger of Dask speaks while a cluster is used; afterwards each has the level that it had."""
    from comfy_assets.library.cluster import connected

    with connected(dask.address, threading.Event()):
        loggers = [
            logging.getLogger(f"distributed.{name}") for name in ("client", "batched", "core", "comm.tcp")
        ]
        levels = [log.getEffectiveLevel() for log in loggers]
    assert levels == [logging.CRITICAL] * len(loggers)
    assert logging.getLogger("distributed").level < logging.CRITICAL
    assert logging.getLogger("distributed.client").level < logging.CRITICAL


def test_scheduler_lost(command: Command, dask: Dask, library: Path) -> None:
    """A scheduler that dies ends the run with one sentence; the next run goes on."""
    process = started(command, library, "--tag", "lost", "--cluster", dask.address)
    assert process.stdout is not None
    process.stdout.readline()
    assert dask.scheduler is not None
    dask.scheduler.kill()
    _, err = process.communicate(timeout=120)
    assert process.returncode == 2, err
    assert b"is lost" in err
    assert b"Traceback" not in err
    assert command("register", library, "--tag", "lost").status == 0
