"""What a run leaves behind, how it behaves towards a server, and that it can be repeated byte by byte."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from comfy_assets.contract import Options, check
from comfy_assets.contract.budget import Budget
from comfy_assets.contract.messages import Response
from comfy_assets.contract.probe import retry_after
from comfy_assets.contract.selftest import CONTENTS, KEYS, STORED, checked
from comfy_assets.scenarios.catalogue import CONFORMING, FAULTS
from comfy_assets.scenarios.comfyui import COMFYUI
from comfy_assets.scenarios.faults import Fault
from comfy_assets.scenarios.model import Asked, Said, Service
from comfy_assets.scenarios.serving import serving

from .conftest import ROOT, TIMEOUT, keyed


def sent_to(seed: int, run_id: str) -> list[bytes]:
    """Everything that a run sends, in order, as the server receives it; the burst has no order."""
    service = CONFORMING[0].service(STORED, KEYS)
    received: list[bytes] = []

    def answer(asked: Asked) -> Said:
        headers = sorted((name, values) for name, values in asked.headers.items() if name != "host")
        received.append(json.dumps([asked.method, asked.target, headers]).encode() + asked.body)
        return service.answer(asked)

    with serving(answer) as url:
        check(
            Options(url, api_key=KEYS[0], other_api_key=KEYS[1], contents=CONTENTS, seed=seed, run_id=run_id)
        )
    return received


def test_same_seed_and_run_id_send_the_same_bytes() -> None:
    """Two runs with one seed and one run id send the same requests; another seed sends others."""
    first = sent_to(5, "twice")
    assert first == sent_to(5, "twice")
    assert first != sent_to(6, "twice")


#: Prints a digest of all requests of a run, as they go to the wire.
_DIGEST = """
import hashlib
from comfy_assets.contract import drawing, plan
from comfy_assets.contract.run import Options, prepare
from comfy_assets.contract.selftest import CONTENTS

facts, keys, _ = prepare(Options("http://127.0.0.1:9", api_key="k-123456", contents=CONTENTS, run_id="abc"))
with drawing.drawing(facts, wanted=True) as drawn:
    cases = [*plan.plan(facts), *drawn(), *plan.last_cases(facts)]
print(len(cases), hashlib.sha256(b"".join(keys.fill(case.request).wire() for case in cases)).hexdigest())
"""


def test_same_bytes_wherever_it_runs(tmp_path: Path) -> None:
    """A checkout and an installed copy, in other folders and environments, send the same bytes."""
    installed = tmp_path / "site-packages"
    for folder in ("src/comfy_assets", "generated/comfy_assets_api"):
        leave = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, installed / Path(folder).name, ignore=leave)
    shutil.copy(ROOT / "openapi.yaml", installed / "comfy_assets")
    # A module of this name in the current folder is somebody else's.
    (tmp_path / "attrs.py").write_text("raise ImportError('not that one')")
    elsewhere = {"PYTHONHASHSEED": "5", "CI": "true", "TZ": "Asia/Tokyo", "LC_ALL": "C",
                 "HYPOTHESIS_STORAGE_DIRECTORY": str(tmp_path / "examples")}  # fmt: skip
    path = os.pathsep.join(filter(None, sys.path))
    places = (
        ({"PYTHONPATH": path}, ROOT),
        ({**elsewhere, "PYTHONPATH": f"{installed}{os.pathsep}{path}"}, tmp_path),
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-P", "-c", _DIGEST],
            cwd=cwd, env={**os.environ, **more}, stdout=subprocess.PIPE, text=True,
        )
        for more, cwd in places
    ]  # fmt: skip
    here, there = (process.communicate(timeout=TIMEOUT)[0] for process in running)
    assert here
    assert here == there


def counting(fault: Fault) -> tuple[Callable[[Asked], Said], list[int]]:
    """A service, and how many references it has made."""
    service = fault.service(STORED, KEYS)
    made: list[int] = []
    make = service.make
    service.make = lambda *arguments: (made.append(1), make(*arguments))[1]  # type: ignore[method-assign, func-returns-value] # it counts
    return service.answer, made


@pytest.mark.parametrize("bound", [0, 1, 7, 50])
def test_bound_holds_on_a_server_that_accepts_everything(bound: int) -> None:
    """A server that makes a reference for nearly every request is left with no more than the bound."""
    answer, made = counting(COMFYUI)
    with serving(answer) as url:
        outcome = check(Options(url, api_key=KEYS[0], contents=CONTENTS, max_references=bound, drawn=False))
    assert len(made) <= bound
    assert {*outcome.record.made.values()} <= {case.id for case in outcome.record.cases}


def test_bound_holds_on_a_server_that_answers_nothing() -> None:
    """Where no answer comes, each request may have made a reference: each counts, and the run ends soon."""
    answered = [0]

    def answer(_asked: Asked) -> Said | None:
        answered[0] += 1
        return (
            Said(200, {}, seconds=5)
            if answered[0] > 1
            else CONFORMING[0].service(STORED, KEYS).answer(_asked)
        )

    with serving(answer) as url:
        options = Options(
            url, api_key=KEYS[0], contents=CONTENTS, max_references=50, drawn=False, timeout=1.0
        )
        outcome = check(options)
    assert outcome.exit_status == 2
    assert answered[0] <= 5
    assert outcome.record.made_unknown + len(outcome.record.made) == answered[0]


def test_ledger_is_written_before_the_request_is_sent(tmp_path: Path) -> None:
    """A run that is killed leaves a ledger that names as many references as it could have made."""
    ledger = tmp_path / "ledger.jsonl"
    answer, made = counting(CONFORMING[0])

    def slowly(asked: Asked) -> Said:
        time.sleep(0.02)
        return answer(asked)

    with serving(slowly) as url:
        command = [sys.executable, "-m", "comfy_assets", "check", *keyed(url), "--ledger", str(ledger)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        end = time.monotonic() + 60
        while len(made) < 5 and time.monotonic() < end:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    entries = [json.loads(line) for line in ledger.read_text().splitlines()]
    reserved = sum(entry.get("reserved", 0) for entry in entries)
    released = sum("released" in entry for entry in entries)
    assert reserved - released >= len(made) >= 5


def test_budget_counts_by_what_answers_show() -> None:
    """A refusal gives a reservation back, a known id too; silence and a success without an id keep it."""

    def success(status: int, **members: Any) -> Response:
        return Response(status, (), json.dumps(members).encode())

    budget = Budget(10)
    answers = [
        (Response(400, (), b""), 0),
        (None, 1),
        (success(201, id="A"), 2),
        (success(200, id="a"), 2),
        (success(200, id="b", created_new=False), 2),
        (success(200, id="c", created_new=True), 3),
        (success(200), 4),
        (Response(500, (), b""), 5),
    ]
    for answer, spent in answers:
        assert budget.reserve(1, "case")
        budget.settle("case", answer)
        assert budget.spent == spent
    assert not budget.reserve(6, "case")
    assert budget.lacking == 6


def test_throttling_is_obeyed() -> None:
    """After a 429 the run waits as long as `Retry-After` says, and asks again."""
    service = CONFORMING[0].service(STORED, KEYS)
    times: list[float] = []

    def answer(asked: Asked) -> Said:
        times.append(time.monotonic())
        if len(times) == 3:
            return service.error(429, "later").with_header("Retry-After", "1")
        return service.answer(asked)

    with serving(answer) as url:
        outcome = check(
            Options(url, api_key=KEYS[0], contents=CONTENTS, drawn=False, rules=("unknown-content",))
        )
    assert times[3] - times[2] >= 1
    assert outcome.exit_status == 0


@pytest.mark.parametrize(
    ("value", "seconds"), [(None, None), ("3", 3.0), ("x", None), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0)]
)
def test_retry_after_is_read_in_both_forms(value: str | None, seconds: float | None) -> None:
    """Seconds, or a date; what is neither says nothing."""
    assert retry_after(value) == seconds


def test_rate_limit_is_kept() -> None:
    """No more requests a second than asked for."""
    service = CONFORMING[0].service(STORED, KEYS)
    with serving(service.answer) as url:
        started = time.monotonic()
        options = Options(
            url,
            api_key=KEYS[0],
            contents=CONTENTS,
            drawn=False,
            rules=("unknown-content",),
            rate_limit=20,
            confirm=False,
        )
        outcome = check(options)
    assert len(outcome.record.exchanges) / (time.monotonic() - started) <= 21


def test_deadline_ends_the_run() -> None:
    """What the deadline leaves out is not checked: timeout."""
    service = CONFORMING[0].service(STORED, KEYS)

    def answer(asked: Asked) -> Said:
        time.sleep(0.05)
        return service.answer(asked)

    with serving(answer) as url:
        started = time.monotonic()
        outcome = check(Options(url, api_key=KEYS[0], contents=CONTENTS, drawn=False, deadline=1))
    assert time.monotonic() - started < 5
    assert outcome.exit_status == 2
    assert "timeout" in {one.reason for one in outcome.judgement.verdicts.values()}


def test_chance_is_told_from_cause() -> None:
    """A body that is wrong now and then is intermittent; one that is always wrong is violated."""
    numbers = iter(range(10**6))

    def sometimes(self: Any, asked: Any, said: Said) -> Said:
        wrong = said.status in {200, 201} and next(numbers) == 7
        return Said(said.status, {**said.members, "size": "5"}) if wrong else said

    outcome = checked(Fault("once", "body-types", {"after": sometimes}), "body-types", confirm=True)
    assert [finding.verdict for finding in outcome.judgement.findings] == ["intermittent"]
    assert outcome.exit_status == 2  # seen once only
    always = next(fault for fault in FAULTS if fault.name == "size as text")
    outcome = checked(always, "body-types", confirm=True)
    assert [finding.verdict for finding in outcome.judgement.findings] == ["violated"]


def test_drawn_finding_is_made_small() -> None:
    """A fault that only drawn requests reach is shown by a request with little else in it."""
    named = {"hash", "tags", "name", "mime_type", "user_metadata", "x-unknown", "description"}

    def check_(self: Any, value: Any) -> None:
        Service.check(self, value)
        if set(value) - named:
            raise ValueError("an unknown member")

    fault = Fault("drawn only", "never-5xx", {"check": check_})
    # Not every seed draws a member that the contract does not name.
    runs = (checked(fault, drawn=True, confirm=True, seed=seed) for seed in range(8))
    outcome = next(run for run in runs if run.record.smallest)
    finding = next(one for one in outcome.judgement.findings if one.fingerprint in outcome.record.smallest)
    smallest = outcome.record.exchanges[outcome.record.smallest[finding.fingerprint]].request.body
    assert len(smallest) < len(outcome.record.exchanges[finding.shown[-1]].request.body)
    assert len(set(json.loads(smallest)) - named) == 1


def test_proxy_is_used() -> None:
    """Through a proxy every request names the whole address."""
    service = CONFORMING[0].service(STORED, KEYS)
    targets: list[str] = []

    def proxy(asked: Asked) -> Said:
        targets.append(asked.target)
        path = asked.target.removeprefix("http://assets.invalid")
        return service.answer(Asked(asked.method, path, asked.headers, asked.body, asked.names))

    with serving(proxy) as url:
        options = Options(
            "http://assets.invalid",
            api_key=KEYS[0],
            contents=CONTENTS,
            proxy=url,
            drawn=False,
            rules=("unknown-content",),
        )
        outcome = check(options)
    assert outcome.exit_status == 0
    assert all(target.startswith("http://assets.invalid/") for target in targets)


def test_drawing_that_dies_at_once_is_an_error_of_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was planned is judged all the same, and the run is not complete."""

    class Dead(subprocess.Popen[bytes]):
        def __init__(self, _command: Any, **named: Any) -> None:
            super().__init__([sys.executable, "-c", "raise SystemExit('no schemathesis')"], **named)
            self.wait()

    monkeypatch.setattr("comfy_assets.contract.drawing.subprocess.Popen", Dead)
    outcome = checked(CONFORMING[0], drawn=True)
    assert outcome.errors == ["cases could not be drawn: no schemathesis"]
    assert (outcome.exit_status, outcome.not_checked) == (2, [])
