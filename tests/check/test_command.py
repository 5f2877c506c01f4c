"""The command as a user sees it: verdicts, exit statuses, reports, and what it must never show."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from comfy_assets.cli.main import main
from comfy_assets.contract import RULES, check
from comfy_assets.contract.reports.schema import REPORT
from comfy_assets.contract.selftest import KEYS, STORED
from comfy_assets.scenarios.catalogue import CONFORMING, FAULTS
from comfy_assets.scenarios.faults import Fault
from comfy_assets.scenarios.serving import serving
from comfy_assets.server.process import ServerProcess

from .conftest import envelope, in_a_process, keyed

Run = Callable[..., subprocess.CompletedProcess[str]]

#: Seconds in which a whole check of the reference server has to be done, on two cores that do nothing else.
#: Ten times what was measured: a slow machine is not a defect, a check that hangs is.
LONGEST = 60


def named(name: str) -> Fault:
    return next(fault for fault in FAULTS if fault.name == name)


@pytest.fixture
def broken() -> Iterator[str]:
    """A server with one fault of level `must`."""
    with serving(named("size as text").service(STORED, KEYS).answer) as url:
        yield url


def test_reference_server_keeps_the_contract(tmp_path: Path) -> None:
    """With two keys and known files: no deviation, every rule checked, exit 0."""
    files = {"a.txt": b"one", "b.bin": bytes(range(256)) * 9, "c.png": b"three", "empty": b""}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    options = [option for name in files for option in ("--known-file", str(tmp_path / name))]
    with ServerProcess(content=[tmp_path], api_keys=KEYS) as server:
        keys = ["--api-key", KEYS[0], "--other-api-key", KEYS[1]]
        result = in_a_process(
            server.url, *keys, *options, "--complete", "--strict", "--json", timeout=LONGEST
        )
    data = envelope(result)["data"]
    assert (result.returncode, data["findings"], data["not_checked"]) == (0, 0, []), result.stdout[-3000:]
    assert data["verdicts"]["passed"] > 60
    assert len(data["references_made"]) <= 50


def test_violation_is_exit_1_with_what_was_expected_and_got(run_check: Run, broken: str) -> None:
    """A finding names the rule, what was expected, what came, how strong the evidence is, and a command."""
    result = run_check(*keyed(broken), "--rule", "body-types")
    assert result.returncode == 1
    for words in (
        "body-types",
        "size of type integer",
        'size: "',
        "evidence",
        "again in 1 of 1",
        "curl -i -X POST",
    ):
        assert words in result.stdout
    assert "partial run" in result.stdout


def test_should_counts_only_with_strict(run_check: Run) -> None:
    """A violation of level `should` is shown, and fails the run only with --strict."""
    with serving(named("size as 1.0").service(STORED, KEYS).answer) as url:
        assert run_check(*keyed(url), "--rule", "integers-written").returncode == 0
        assert run_check(*keyed(url), "--rule", "integers-written", "--strict").returncode == 1


def test_key_is_in_no_output(tmp_path: Path, run_check: Run) -> None:
    """Not on the terminal, not in JSON, JUnit, HTML or the ledger, even where the server tells it."""
    files = {name: tmp_path / name for name in ("json", "junit", "html", "ledger", "baseline")}
    reports = [f"--report-{name}={files[name]}" for name in ("json", "junit", "html")]
    more = [
        f"--ledger={files['ledger']}",
        f"--write-baseline={files['baseline']}",
        "--header",
        "X-Token: secret-token-1",
    ]
    for fault in ("tells the key in a 400", "tells the key in a header"):
        with serving(named(fault).service(STORED, KEYS).answer) as url:
            result = run_check(*keyed(url), *reports, *more, "--json")
        assert result.returncode == 1
        shown = result.stdout + result.stderr + "".join(file.read_text() for file in files.values())
        # Not `key not in shown`: the failed assertion would show it.
        assert sum(shown.count(key) for key in (*KEYS, "secret-token-1")) == 0, "a key is shown"


def test_rejudge_gives_the_same_verdicts_without_a_network(
    run_check: Run, broken: str, tmp_path: Path
) -> None:
    """All that a verdict needs is in the record."""
    record = tmp_path / "record.json"
    first = run_check(*keyed(broken), "--report-json", str(record), "--json")
    again = run_check("--rejudge", str(record), "--json")

    def said(result: subprocess.CompletedProcess[str]) -> list[dict[str, object]]:
        events = [json.loads(line) for line in result.stdout.splitlines()]
        return [event for event in events if event["type"] in {"finding", "verdict"}]

    assert said(first) == said(again)
    assert (first.returncode, again.returncode) == (1, 1)


def test_json_report_has_the_documented_form(run_check: Run, broken: str, tmp_path: Path) -> None:
    """The report keeps its JSON Schema, and the schema is not so wide that it says nothing."""
    record = tmp_path / "record.json"
    run_check(*keyed(broken), "--rule", "body-types", "--report-json", str(record))
    report = json.loads(record.read_text())
    validator = jsonschema_rs.Draft202012Validator(REPORT)
    assert [error.message for error in validator.iter_errors(report)] == []
    report["findings"][0]["shown_by"] = "first"
    assert not validator.is_valid(report)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_says_what_it_left_behind(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C ends the run with 130; what it made is told, what was not asked any more is not checked."""
    service = CONFORMING[0].service(STORED, KEYS)
    asked = threading.Event()

    def answer(request: object) -> object:
        time.sleep(0.03)
        if service.count > 10:
            asked.set()
        return service.answer(request)  # type: ignore[arg-type] # what a model takes

    report = tmp_path / "report.json"
    with serving(answer) as url:  # type: ignore[arg-type] # the same
        command = [sys.executable, "-m", "comfy_assets", "check", *keyed(url), "--report-json", str(report)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert asked.wait(60)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "references made on" in out
    assert "Traceback" not in err
    said = json.loads(report.read_text())
    assert list(said["record"]["made"]) == said["summary"]["references_made"] != []
    assert {one["rule"] for one in said["verdicts"] if one["verdict"] == "passed"} < RULES.keys()
    assert said["summary"]["not_checked"]


def test_interruption_that_python_drops_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Ctrl-C comes while nothing can be raised, the run goes on, and still ends as interrupted."""

    def deaf(*arguments: Any, **named: Any) -> Any:
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        return check(*arguments, **named)

    monkeypatch.setattr("comfy_assets.cli.check_modes.check", deaf)
    with serving(CONFORMING[0].service(STORED, KEYS).answer) as url:
        assert main(["check", *keyed(url), "--rule", "body-json", "--quiet"]) == 130


def test_replay_sends_a_finding_again(run_check: Run, broken: str, tmp_path: Path) -> None:
    """A recorded finding is seen again on the broken server, and not on a good one."""
    record = tmp_path / "record.json"
    run_check(*keyed(broken), "--rule", "body-types", "--report-json", str(record))
    finding = json.loads(record.read_text())["findings"][0]["finding"]
    same = run_check(broken, "--api-key", KEYS[0], "--replay", f"{record}#{finding}")
    assert (same.returncode, "seen again" in same.stdout) == (1, True)
    with serving(CONFORMING[0].service(STORED, KEYS).answer) as url:
        other = run_check(url, "--api-key", KEYS[0], "--replay", f"{record}#{finding}")
    assert (other.returncode, "not seen" in other.stdout) == (0, True)


def test_baseline_accepts_what_is_known_and_names_what_is_gone(
    run_check: Run, broken: str, tmp_path: Path
) -> None:
    """Only new findings fail; an entry whose rule passes is stale; an entry that ended does not count."""
    known = tmp_path / "baseline.json"
    options = [*keyed(broken), "--rule", "body-types", "--rule", "body-json"]
    assert run_check(*options, "--write-baseline", str(known)).returncode == 1
    accepted = run_check(*options, "--baseline", str(known))
    assert (accepted.returncode, "accepted" in accepted.stdout) == (0, True)
    with serving(CONFORMING[0].service(STORED, KEYS).answer) as url:
        gone = run_check(*keyed(url), "--rule", "body-types", "--baseline", str(known), "--json")
    assert envelope(gone)["data"]["stale"] == [
        entry["fingerprint"] for entry in json.loads(known.read_text())
    ]
    entries = [{**entry, "expires": "2020-01-01"} for entry in json.loads(known.read_text())]
    known.write_text(json.dumps(entries))
    assert run_check(*options, "--baseline", str(known)).returncode == 1


def test_junit_says_what_consumers_read(run_check: Run, tmp_path: Path) -> None:
    """A violation is a failure, not checked is an error, not applicable is skipped, and the counts agree."""
    path = tmp_path / "junit.xml"
    with serving(named("a new reference each time").service(STORED, KEYS).answer) as url:
        run_check(url, "--api-key", KEYS[0], "--known-hash", STORED[0].blake3, "--report-junit", str(path))
    root = ET.parse(path).getroot()
    cases = {case.get("name"): case for case in root.iter("testcase")}
    assert cases.keys() == RULES.keys()
    assert cases["repeat-same"].find("failure") is not None
    assert cases["body-json"].find("error") is not None  # no 200 was seen
    assert cases["owners-apart"].find("skipped") is not None  # no second key was given
    for element, count in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        assert int(root.get(count, "-1")) == sum(case.find(element) is not None for case in cases.values())


def test_page_is_one_file_with_everything_escaped(run_check: Run, tmp_path: Path) -> None:
    """The page loads nothing, and what a server says cannot become markup; two runs stand side by side."""
    fault = named("errors in HTML")
    with serving(fault.service(STORED, KEYS).answer) as url:
        run_check(*keyed(url), "--rule", "error-body", "--report-json", str(tmp_path / "a.json"))
    page = tmp_path / "page.html"
    assert (
        run_check(
            "--rejudge",
            str(tmp_path / "a.json"),
            "--rejudge",
            str(tmp_path / "a.json"),
            "--report-html",
            str(page),
        ).returncode
        == 1
    )
    text = page.read_text()
    assert "&lt;h1&gt;Error&lt;/h1&gt;" in text
    assert "<h1>Error</h1>" not in text
    assert not any(loading in text for loading in ("<script", "<link", "src=", "@import", "url("))
    assert text.count("error-body") > 3


def test_rules_are_listed_and_explained(run_check: Run) -> None:
    """Each rule has a title, a level, a source and a reason; --explain tells them."""
    listed = run_check("--list-rules")
    assert all(id_ in listed.stdout for id_ in RULES)
    for rule in RULES.values():
        assert rule.title
        assert rule.source
        assert rule.why
        assert rule.level in {"must", "should", "observed"}
    told = run_check("--explain", "refuse-pattern").stdout
    assert RULES["refuse-pattern"].why.split(";")[0][:40] in told


def test_what_may_be_unchecked_is_not_exit_2(run_check: Run) -> None:
    """--complete without a second key is incomplete, unless that rule may be left out."""
    with serving(CONFORMING[0].service(STORED, KEYS).answer) as url:
        options = [
            url,
            "--api-key",
            KEYS[0],
            "--known-hash",
            STORED[0].blake3,
            "--rule",
            "owners-apart",
            "--complete",
        ]
        assert run_check(*options).returncode == 2
        assert run_check(*options, "--allow-not-checked", "owners-apart").returncode == 0


def test_environment_key_goes_only_where_it_belongs(run_check: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key in the environment is sent to the address in the environment, and to no other."""
    seen: list[str] = []
    service = CONFORMING[0].service(STORED, KEYS)

    def answer(asked: object) -> object:
        seen.append(str(service.key(asked)))  # type: ignore[arg-type] # what a model takes
        return service.answer(asked)  # type: ignore[arg-type] # the same

    with serving(answer) as url:  # type: ignore[arg-type] # the same
        monkeypatch.setenv("COMFY_CLOUD_API_KEY", KEYS[0])
        run_check(url, "--known-hash", STORED[0].blake3, "--rule", "unknown-content")
        assert seen
        assert KEYS[0] not in seen
        monkeypatch.setenv("COMFY_CLOUD_BASE_URL", url)
        run_check(url, "--known-hash", STORED[0].blake3, "--rule", "unknown-content")
        assert KEYS[0] in seen
