"""How the server ends: by signals, with requests under way, while it indexes, and in a hurry."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from comfy_assets.server.process import ServerProcess
from tests.server.asking import PATH, Asker, connected
from tests.support import until

#: Seconds that requests under way get where a test shows that nobody waits for them.
LONG = 120


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_signal_ends_it_cleanly(number: int, status: int) -> None:
    """Connections stand open, one idle and one inside a body: it ends soon, without a traceback."""
    with ServerProcess(options=["--no-access-log"]) as server:
        head = f"POST {PATH} HTTP/1.1\r\nHost: a\r\nX-API-Key: {server.api_keys[0]}\r\n"
        with connected(server.url), connected(server.url) as busy:
            busy.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{{".encode())
            assert Asker(server.url, server.api_keys[0]).send(b"").status == 400
            started = time.monotonic()
            assert server.stop(number) == status
            assert server.left_behind == []
            assert time.monotonic() - started < 8
    said = server.stderr.splitlines()
    assert said == ["indexed 0 files, 0 bytes", *(["error: interrupted"] if status else [])]


def test_sigterm_while_indexing_ends_it_too(tmp_path: Path) -> None:
    """Before it serves, the same signal ends it the same way, and no temporary database stays."""
    with (tmp_path / "large.bin").open("wb") as file:
        file.truncate(64 * 1024**3)  # takes no space, and takes long to read
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "TMPDIR": str(tmp_path),
    }
    command = [sys.executable, "-m", "comfy_assets", "serve", "--port", "0", "--content", str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment, text=True) as process:
        try:
            assert until(lambda: bool(list(tmp_path.glob("comfy-assets-*/*-wal"))))
            process.terminate()
            assert process.wait(LONG) == 0
            assert process.stderr is not None
            assert "Traceback" not in process.stderr.read()
        finally:
            process.kill()
    assert list(tmp_path.glob("comfy-assets-*")) == []


def test_signal_while_a_connection_is_closed() -> None:
    """The signal ends it there too, and the database's library does not call that a failure."""
    script = """
import os, signal, sqlalchemy
from comfy_assets.server.stopping import Stopped, stopping_by_signal
engine = sqlalchemy.create_engine("sqlite://", poolclass=sqlalchemy.pool.NullPool)
closing = engine.dialect.do_close
engine.dialect.do_close = lambda connection: (closing(connection), os.kill(os.getpid(), signal.SIGTERM))
try:
    with stopping_by_signal(), engine.connect():
        pass
except Stopped:
    print("stopped")
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True
    )
    assert (done.stdout, done.stderr) == ("stopped\n", "")


@pytest.mark.parametrize("workers", [1, 2])
def test_second_interruption_ends_it_at_once(workers: int) -> None:
    """Ctrl-C waits for requests under way, Ctrl-C again does not; nothing stays behind."""
    options = ["--workers", str(workers), "--stop-timeout", str(LONG), "--body-timeout", str(LONG)]
    with ServerProcess(options=options) as server:
        address = urlsplit(server.url)
        head = (
            f"POST {PATH} HTTP/1.1\r\nHost: a\r\nX-API-Key: {server.api_keys[0]}\r\nExpect: 100-continue\r\n"
        )
        with connected(server.url) as busy:
            busy.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 9\r\n\r\n".encode())
            assert busy.recv(1000).startswith(b"HTTP/1.1 100 ")
            os.kill(server.pid, signal.SIGINT)
            assert until(lambda: not listens(address.hostname, address.port))
            time.sleep(0.5)
            assert Path(f"/proc/{server.pid}").exists()
            started = time.monotonic()
            assert server.stop(signal.SIGINT) == 130
            assert time.monotonic() - started < LONG / 4
    assert server.left_behind == []


def listens(host: str | None, port: int | None) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host or "", port or 0)) == 0
