"""Real schedulers, workers and an S3-compatible server, each a process of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import define, field

from comfy_assets.server.process import ServerProcess
from tests.cli.conftest import KEY, OTHER_KEY, Command

#: Seconds for a process to be ready; this machine may be busy.
READY = 90

FILES = 60


def ended(process: subprocess.Popen[bytes]) -> None:
    """Stop a process that a test started."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@define
class Dask:
    """A scheduler and its workers."""

    folder: Path
    #: Of the workers.
    environment: dict[str, str]
    scheduler: subprocess.Popen[bytes] | None = None
    address: str = ""
    workers: list[subprocess.Popen[bytes]] = field(factory=list)

    def start(self) -> None:
        """Start the scheduler."""
        told = self.folder / "scheduler.json"
        told.unlink(missing_ok=True)
        self.scheduler = self._run(
            "scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", told
        )
        for _ in range(READY * 10):
            if told.exists() and told.stat().st_size:
                break
            time.sleep(0.1)
        self.address = json.loads(told.read_text())["address"]

    def worker(self, **environment: str) -> subprocess.Popen[bytes]:
        """Start one more worker; returns when the scheduler knows it."""
        process = self._worker({**self.environment, **environment})
        self._wait()
        return process

    def mend(self) -> None:
        """Have a scheduler and two workers, whatever the test before did to them."""
        if self.scheduler is None or self.scheduler.poll() is not None:
            self.stop()
            self.start()
        self.workers = [one for one in self.workers if one.poll() is None]
        missing = 2 - len(self.workers)
        for _ in range(missing):
            self._worker(self.environment)
        if missing > 0:
            self._wait()

    def _worker(self, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        process = self._run("worker", self.address, "--nthreads", "1", "--no-nanny", **environment)
        self.workers.append(process)
        return process

    def _wait(self) -> None:
        from distributed import Client

        alive = sum(one.poll() is None for one in self.workers)
        with Client(self.address, set_as_default=False, timeout=READY) as client:
            client.wait_for_workers(alive, timeout=READY)

    def _run(self, *arguments: object, **environment: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *map(str, arguments), "--no-dashboard"],
            cwd=self.folder,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                "DASK_TEMPORARY_DIRECTORY": str(self.folder),
                **environment,
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def stop(self) -> None:
        """Stop all that was started."""
        for process in filter(None, [*self.workers, self.scheduler]):
            ended(process)
        self.workers, self.scheduler = [], None


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, s3: dict[str, str]) -> Iterator[Dask]:
    """One cluster for all tests of a module: what starts it takes longer than what they do with it."""
    one = Dask(tmp_path_factory.mktemp("dask"), s3)
    try:
        yield one
    finally:
        one.stop()


@pytest.fixture
def dask(cluster: Dask) -> Dask:
    """A cluster with two workers, which reach the object store too."""
    cluster.mend()
    return cluster


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of files that the service stores."""
    folder = tmp_path_factory.mktemp("library")
    (folder / "sub").mkdir()
    for number in range(FILES):
        (folder / "sub" / f"{number:04}.bin").write_bytes(b"%d " % number * 5000)
    return folder


@pytest.fixture(scope="module")
def service(library: Path) -> Iterator[ServerProcess]:
    """The reference server on those files."""
    with ServerProcess(content=[library], api_keys=[KEY, OTHER_KEY]) as server:
        yield server


@pytest.fixture
def command(service: ServerProcess, tmp_path: Path) -> Command:
    """The command, in an empty folder, with that service in its environment."""
    return Command(service.url, tmp_path)


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory, library: Path) -> Iterator[dict[str, str]]:
    """What reaches a real S3-compatible server that has ten of those files in the bucket `models`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    environment = {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "id-of-a-test",
        "AWS_SECRET_ACCESS_KEY": "secret-of-a-test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        cwd=tmp_path_factory.mktemp("moto"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(READY * 10):
            try:
                put(url, "models")
                break
            except OSError:
                assert process.poll() is None
                time.sleep(0.1)
        for number in range(10):
            put(url, f"models/sub/{number:04}.bin", (library / "sub" / f"{number:04}.bin").read_bytes())
        yield environment
    finally:
        ended(process)


def put(url: str, path: str, content: bytes = b"") -> None:
    """Make a bucket, or an object."""
    signed = {
        "Authorization": "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/s3/aws4_request",
        # As a form, which urllib takes it for, it would arrive empty.
        "Content-Type": "application/octet-stream",
    }
    request = urllib.request.Request(f"{url}/{path}", data=content, method="PUT", headers=signed)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10):
        pass
