"""The record of exchanges: every one of them, without a key, and what becomes of it when it cannot be written."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from comfy_assets.server.process import ServerProcess
from tests.server.asking import PORTRAIT, Asker, blake3_of, connected, write_files

KEY = "recorded-key/with+odd=characters"
BODY = {"hash": blake3_of(PORTRAIT), "tags": ["a"], "name": "n"}


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]


@pytest.mark.parametrize("workers", [1, 3])
def test_every_exchange_is_a_line_without_a_key(tmp_path: Path, workers: int) -> None:
    """Whatever is sent, keys in wrong places and bytes that are no text or no HTTP included; a kill loses nothing."""
    path = tmp_path / "record.jsonl"
    content = write_files(tmp_path / "content", {"portrait.png": PORTRAIT})
    options = ["--record", str(path), "--workers", str(workers)]
    with ServerProcess(content=[content], api_keys=[KEY], options=options, start_seconds=120) as process:
        ask = Asker(process.url, KEY)
        wrong = "a-wrong-key-that-could-be-one-elsewhere"
        sent = [
            ask.create(BODY),
            ask.create({**BODY, "user_metadata": {"mistake": KEY, wrong: "é"}}),
            ask.send(b'{"\xff', headers={"Authorization": f"Bearer {KEY}", "X-API-Key": None}),
            ask.send(None, method="GET", path="/healthz", headers={"Cookie": f"key={KEY}"}),
            ask.send(b"{}", path=f"/api/assets/from-hash?api_key={wrong}"),
            ask.send(b"{}", path=f"/{KEY}"),
            ask.send(b"{}", headers={"X-API-Key": wrong}),
            ask.send(
                b"{}", headers={"Authorization": "Basic " + base64.b64encode(f"me:{KEY}".encode()).decode()}
            ),
        ]
        with connected(process.url) as connection:
            connection.sendall(f"NOT HTTP {KEY}\r\n\r\n".encode())
            while connection.recv(4096):
                pass
        os.kill(process.pid, signal.SIGKILL)
    recorded = lines(path)
    assert [one["answer"]["status"] for one in recorded[: len(sent)]] == [one.status for one in sent]
    assert recorded[0]["request"]["body"] == json.dumps(BODY)
    assert base64.b64decode(recorded[2]["request"]["body_base64"]) == b'{"\xff'
    assert recorded[4]["request"]["target"] == "/api/assets/from-hash?api_key=(removed)"
    assert [one["number"] for one in recorded] == list(range(1, len(recorded) + 1))
    assert "NOT HTTP (removed)" in recorded[-1]["bytes"]["body"]
    text = path.read_text()
    encoded = base64.b64encode(KEY.encode()).decode().rstrip("=")[:-1]
    for secret in (KEY, json.dumps(KEY)[1:-1], "recorded-key", encoded, "recorded-key%2F"):
        assert secret not in text
    assert wrong not in "".join(json.dumps(one) for one in recorded if one is not recorded[1])


def test_file_that_cannot_be_opened_is_one_sentence(tmp_path: Path) -> None:
    """The server does not start."""
    command = [sys.executable, "-m", "comfy_assets", "serve", "--port=0", f"--record={tmp_path}/none/record"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 2
    assert "none/record" in ended.stderr
    assert "error:" in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a file that is always full")
def test_full_disk_is_told_and_the_server_goes_on(tmp_path: Path) -> None:
    """Said once, and every request is answered."""
    content = write_files(tmp_path / "content", {"portrait.png": PORTRAIT})
    options = ["--record", "/dev/full"]
    with ServerProcess(content=[content], api_keys=[KEY], options=options, start_seconds=120) as process:
        ask = Asker(process.url, KEY)
        assert [ask.create(BODY).status for _ in range(3)] == [201, 200, 200]
    assert process.stderr.count("cannot be written after 0 exchanges") == 1
