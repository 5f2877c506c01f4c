"""What the server says of requests: a line for each, for people or programs, without keys and in nobody's way."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from comfy_assets.server import logs
from comfy_assets.server.process import ServerProcess
from tests.server.asking import PATH, PORTRAIT, Asker, blake3_of, connected, write_files

KEY = "the-key-nobody-may-see"
BODY = {"hash": blake3_of(PORTRAIT), "tags": ["a"], "name": "n"}
#: Path or not, method or not, and the status of what `provoke` asks.
ASKED = [
    ("POST", PATH, 201),
    ("POST", PATH, 400),
    ("POST", "(unknown path)", 404),
    ("(unknown method)", PATH, 405),
    ("GET", "/healthz", 200),
]


def provoke(url: str) -> None:
    """Ask `ASKED`, with the key wherever it could get into a log."""
    ask = Asker(url, KEY)
    assert ask.create(BODY).status == 201
    ask.send(b"", path=f"{PATH}?key={KEY}")
    ask.send(b"", path=f"/{KEY}")
    ask.send(b"", method=KEY.upper())
    ask.send(None, method="GET", path="/healthz")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_files(tmp_path / "content", {"portrait.png": PORTRAIT})


def test_line_for_each_request(folder: Path) -> None:
    """When, what and how long; nothing that a client may have put into path, query or method."""
    with ServerProcess(content=[folder], api_keys=[KEY]) as server:
        provoke(server.url)
    lines = [line for line in server.stderr.splitlines() if re.match(r"\d{4}-", line)]
    for line, (method, path, status) in zip(lines, ASKED, strict=True):
        assert re.fullmatch(
            rf"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ {re.escape(f'{method} {path} {status}')} \d+\.\d ms", line
        )
    assert KEY not in server.stderr.lower()


def test_no_line_where_none_is_wanted(folder: Path) -> None:
    """With --no-access-log requests are not told, also where everything else is."""
    with ServerProcess(content=[folder], api_keys=[KEY], options=["--no-access-log", "--json"]) as server:
        provoke(server.url)
    assert "request" not in {json.loads(line)["type"] for line in server.stdout.splitlines()}


@pytest.mark.parametrize("workers", [1, 2])
def test_events_for_programs(folder: Path, workers: int) -> None:
    """With --json: every line of stdout is an event, the last the envelope; the same with workers."""
    with ServerProcess(
        content=[folder], api_keys=[KEY], options=["--json", f"--workers={workers}"]
    ) as server:
        provoke(server.url)
    lines = [json.loads(line) for line in server.stdout.splitlines()]
    told = [(one["method"], one["path"], one["status"]) for one in lines if one["type"] == "request"]
    assert sorted(told) == sorted(ASKED)
    assert all(one["milliseconds"] > 0 for one in lines if one["type"] == "request")
    kinds = [one["type"] for one in lines if one["type"] != "request"]
    assert kinds == ["indexed", "ready", "envelope"]
    assert lines[-1]["type"] == "envelope"
    assert KEY not in (server.stdout + server.stderr).lower()


def test_failure_is_an_event_with_its_traceback(folder: Path, tmp_path: Path) -> None:
    """What went wrong inside stands in the log, whole lines also where several workers write."""
    import sqlite3

    database = tmp_path / "references.db"
    with ServerProcess(
        content=[folder], api_keys=[KEY], database=f"sqlite:///{database}", options=["--json", "--workers=2"]
    ) as server:
        with sqlite3.connect(database) as connection:
            connection.execute("ALTER TABLE reference RENAME TO gone")
        connection.close()
        assert Asker(server.url, KEY).create(BODY).status == 500
    [failure] = [one for one in map(json.loads, server.stdout.splitlines()) if one["type"] == "log"]
    assert (failure["level"], failure["message"]) == ("error", "createAssetFromHash failed")
    assert "no such table" in failure["traceback"]
    assert KEY not in server.stdout


def test_log_that_nobody_reads_holds_nobody_up(folder: Path) -> None:
    """A pipe that is full: requests are answered on, and the server ends when it is told to."""
    command = [sys.executable, "-m", "comfy_assets", "serve", "--port=0", f"--content={folder}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().decode().strip()
            one = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
            with connected(url) as connection:
                for _ in range(40):
                    connection.sendall(one * 100)
                    answers = b""
                    while answers.count(b"}") < 100:
                        answers += connection.recv(65536)
            process.terminate()
            assert process.wait(60) == 0
        finally:
            process.kill()


class Slow(io.StringIO):
    """A stream of somebody who collects what is said, and takes nothing before `go_on`."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()

    def write(self, text: str) -> int:
        self.go_on.wait(30)
        return super().write(text)


def test_lines_that_nobody_took_in_time_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot wait is lost, and said to be: a log without a gap is whole."""
    stream = Slow()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(logs, "WAITING", 10)
    log = logs.Log()
    for number in range(50):
        log.say(f"line {number}")
    stream.go_on.set()
    log.flush()
    log.close()
    lines = stream.getvalue().splitlines()
    lost = [line for line in lines if line.endswith("lines of this log were lost: nobody took them in time")]
    assert len(lost) == 1
    assert len(lines) - 1 + int(lost[0].split()[0]) == 50


def test_requests_are_told_only_where_that_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever calls the log of a server without them need not know."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    for wanted in (False, True):
        log = logs.Log(requests=wanted)
        log.request("GET", "/healthz", 200, 1.0)
        log.flush()
        log.close()
    assert len(stream.getvalue().splitlines()) == 1
