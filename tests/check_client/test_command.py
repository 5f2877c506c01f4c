"""The command as a user runs it: usage, exit statuses, reports, and that nothing is left running."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import jsonschema_rs
import pytest

from comfy_assets.contract.clients import ClientOptions, check_client
from comfy_assets.contract.reports.schema import CLIENT_REPORT
from tests.check_client.catalogue import FAULTS

TEMPLATE = Path(__file__).with_name("template.py")
COMMAND = [sys.executable, "-m", "comfy_assets", "check-client"]
PROGRAM = ["--", sys.executable, "-I", "-S", str(TEMPLATE)]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ((), 2, "which program?"),
        (("--", "no-such-program"), 2, "is not found"),
        (("--", str(TEMPLATE)), 2, "is not executable"),
        (("--timeout", "5", "--", "true"), 2, "at least 10"),
        (("--rule", "nonsense", "--", "true"), 2, "no rule"),
        (("--env", "COMFY_CLOUD_API_KEY=x", "--", "true"), 2, "set by each scenario"),
        (("--", "true"), 2, "not seen to ask"),
        (("--", "false"), 2, "not seen to ask"),
    ],
)
def test_what_cannot_run_ends_with_2_and_a_sentence(words: tuple[str, ...], status: int, said: str) -> None:
    """Wrong usage, a command that is none, and a program that never asks."""
    done = run(*words)
    assert done.returncode == status
    assert said in " ".join((done.stdout + done.stderr).split())


def test_reports_tell_the_same(tmp_path: Path) -> None:
    """Terminal, JSON, JUnit and HTML name the finding; the record can be judged again; no key is in any."""
    lines = next(one.lines for one in FAULTS if one.name == "adds a query")
    files = {name: tmp_path / name for name in ("a.json", "a.xml", "a.html")}
    options = [
        f"--report-{kind}={file}"
        for kind, file in zip(("json", "junit", "html"), files.values(), strict=True)
    ]
    done = run(
        "--rule", "plain", "--rule", "request-target", "--rule", "survive-status", *options, *PROGRAM, lines
    )
    assert done.returncode == 1
    report = json.loads(files["a.json"].read_text())
    validator = jsonschema_rs.Draft202012Validator(CLIENT_REPORT)
    assert [error.message for error in validator.iter_errors(report)] == []
    assert not validator.is_valid({**report, "record": {**report["record"], "runs": [{"index": 0}]}})
    assert [one["rule"] for one in report["findings"]] == ["request-target"]
    assert ET.parse(files["a.xml"]).getroot().get("failures") == "1"
    for text in (done.stdout, files["a.html"].read_text(), files["a.xml"].read_text()):
        assert "request-target" in text
    assert "comfyui-" not in "".join(file.read_text() for file in files.values())
    again = run("--rejudge", str(files["a.json"]))
    assert (again.returncode, "request-target" in again.stdout) == (1, True)


def marked(mark: str) -> list[int]:
    """Processes whose command line holds this text."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdecimal() and int(name) != os.getpid():
            try:
                if mark.encode() in Path(f"/proc/{name}/cmdline").read_bytes():
                    found.append(int(name))
            except OSError:
                pass
    return found


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")
def test_interrupted_leaves_nothing_running(tmp_path: Path) -> None:
    """Ctrl-C ends with 130; programs that ignore SIGTERM, and what they started, are ended."""
    program = tmp_path / "stubborn.py"
    program.write_text(
        "import os, signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "if len(sys.argv) == 1:\n"
        "    subprocess.Popen([sys.executable, __file__, 'child'], start_new_session=True)\n"
        "time.sleep(600)\n"
    )
    check = subprocess.Popen([*COMMAND, "--", sys.executable, str(program)], stderr=subprocess.PIPE)
    end = time.monotonic() + 60
    while len(marked(str(program))) < 3 and time.monotonic() < end:  # the check's own line names it too
        time.sleep(0.05)
    check.send_signal(signal.SIGINT)
    check.communicate(timeout=60)
    assert check.returncode == 130
    end = time.monotonic() + 20
    while marked(str(program)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not marked(str(program))


def test_environment_is_clean_and_finds_toolchains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies, keys and HOME stay outside; where toolchains are is told, by variable or from the real HOME."""
    (tmp_path / ".cargo").mkdir()
    (tmp_path / "elsewhere").mkdir()
    given = {"HOME": tmp_path, "RUSTUP_HOME": tmp_path / "elsewhere", "JAVA_HOME": tmp_path / "gone"}
    for name, value in (given | {"HTTPS_PROXY": "http://127.0.0.1:9", "MY_TOKEN": "secret"}).items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.delenv("CARGO_HOME", raising=False)
    outcome = check_client(ClientOptions(("sh", "-c", "env >&2; exit 1")))
    seen = dict(
        line.split("=", 1) for line in outcome.record.runs[0].stderr.decode().splitlines() if "=" in line
    )
    assert seen["HOME"] != str(tmp_path)
    assert seen["RUSTUP_HOME"] == str(tmp_path / "elsewhere")
    assert seen["CARGO_HOME"] == str(tmp_path / ".cargo")
    assert not {"JAVA_HOME", "HTTPS_PROXY", "MY_TOKEN"} & seen.keys()
