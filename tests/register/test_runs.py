"""Whole runs of the command against the reference server: nothing twice, nothing lost, memory flat."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.register.conftest import different_files, serving
from tests.support import BODY, Request, answer, scripted

#: Small in `make test`, and what the requirement says in the long run.
COUNTS = [pytest.param(300, id="few"), pytest.param(10_000, id="many", marks=pytest.mark.nightly)]


@pytest.mark.parametrize("count", COUNTS)
def test_one_to_one(tmp_path: Path, count: int) -> None:
    """Each file is one request, one reference and one row; a second run sends and reads nothing."""
    library = different_files(tmp_path / "library", count)
    with serving(library, tmp_path) as service:
        report = tmp_path / "report.jsonl"
        status, lines, _ = service.run(library, "--tag", "t", "--report", report)
        assert (status, len(lines)) == (0, count)
        assert len(service.front.seen) == count
        told = {row["id"] for row in map(json.loads, report.read_text().splitlines())}
        journal = {row[0] for row in service.rows()}
        assert len(told) == len(service.rows()) == count
        assert told == journal
        assert {one.replace("-", "") for one in told} == {
            one.replace("-", "") for one in service.references()
        }
        status, lines, talk = service.run(library, "--tag", "t")
        assert (status, len(lines), len(service.front.seen)) == (0, count, count)
        assert f"{count} existing" in talk


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL there")
@pytest.mark.parametrize(("kills", "count"), [(4, 400), pytest.param(50, 3000, marks=pytest.mark.nightly)])
def test_killed_and_resumed(tmp_path: Path, kills: int, count: int) -> None:
    """However often a run is killed: one reference and one row for each file, and few requests again."""
    library, chance, concurrency = different_files(tmp_path / "library", count), random.Random(7), 8
    with serving(library, tmp_path) as service:
        for kill in range(kills):
            process = service.start(
                # Nobody reads what it prints before it is killed, and a pipe that is full would stop it.
                library, "--tag", "t", "--concurrency", str(concurrency), "--quiet", stdout=subprocess.DEVNULL
            )  # fmt: skip
            seen = len(service.front.seen)
            # Once it is at work, at any moment of its share of the work.
            while process.poll() is None and len(service.front.seen) == seen:
                time.sleep(0.005)
            goal = seen + chance.randrange(1, max(2, 2 * count // (3 * kills)))
            while process.poll() is None and len(service.front.seen) < goal:
                time.sleep(0.001)
            time.sleep(chance.random() * 0.01)
            process.kill()
            process.communicate()
            assert len(service.front.seen) < count, f"too late to kill anything: {kill}"
        status, lines, _ = service.run(library, "--tag", "t", "--concurrency", str(concurrency))
        assert (status, len(lines)) == (0, count)
        assert len(service.rows()) == len(service.references()) == count
        assert {row[1] for row in service.rows()} <= {"created", "existing"}
        assert len({row[2] for row in service.rows()}) == count
        assert len(service.front.seen) <= count + kills * 2 * concurrency


@pytest.mark.parametrize(
    ("few", "many"), [(500, 3000), pytest.param(1000, 100_000, marks=pytest.mark.nightly)]
)
def test_memory_is_flat(tmp_path: Path, few: int, many: int) -> None:
    """A hundred times the files take at most 1.3 times the memory."""

    def script(request: Request) -> bytes:
        return answer(201, {**BODY, "size": 8, "name": request.json["name"]})

    program = (
        "import sys\n"
        "from comfy_assets.cli.main import main\n"
        "status = main(sys.argv[1:])\n"
        "import resource\n"
        "print('peak', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, status, file=sys.stderr)\n"
    )
    peaks = []
    with scripted(script) as server:
        for count in (few, many):
            library = different_files(tmp_path / str(count), count)
            server.requests.clear()
            done = subprocess.run(
                [sys.executable, "-c", program, "register", library, "--tag", "t", "--journal", library / "j",
                 "--base-url", server.url, "--api-key", "key-of-memory", "--exclude", "/j*"],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True, timeout=1200,
            )  # fmt: skip
            peak, status = done.stderr.split()[-2:]
            assert status == b"0", done.stderr
            assert len(server.requests) == count
            peaks.append(int(peak))
    print(f"peak memory: {few} files {peaks[0]}, {many} files {peaks[1]}")
    assert peaks[1] <= 1.3 * peaks[0]


def test_retry_takes_up_what_failed(tmp_path: Path) -> None:
    """`--retry-from` asks for what an earlier report says is undone, as it was asked for, and for nothing else."""
    library = different_files(tmp_path / "library", 3)
    other = different_files(tmp_path / "other", 5) / "0"
    report = tmp_path / "report.csv"
    with serving(library, tmp_path) as service:
        status, _, _ = service.run(other, "--tag", "a,b", "--metadata", "k=[1]", "--report", report)
        assert status == 1
        assert [row[1] for row in service.rows()].count("missing") == 2
        for path in sorted(other.iterdir())[3:]:
            (library / path.name).write_bytes(path.read_bytes())
        before = len(service.front.seen)
        assert service.run("--retry-from", report)[0] == 1
        asked = [one.body for one in service.front.seen[before:]]
        assert sorted(one["name"] for one in asked) == ["3.bin", "4.bin"]
        assert all(one["tags"] == ["a,b"] and one["user_metadata"] == {"k": [1]} for one in asked)
        status, _, talk = service.run("--retry-from", report, "--report", report)
        assert (status, "name another file" in talk) == (2, True)


def test_digest_of_a_list_is_believed_while_sizes_agree(tmp_path: Path) -> None:
    """A file with a known digest is not read; where the service has another size, it is read after all."""
    library = different_files(tmp_path / "library", 2)
    (library / "2.bin").write_bytes(b"another size")
    first, second, third = library / "0" / "0.bin", library / "0" / "1.bin", library / "2.bin"
    from comfy_assets import hash_file

    sums = tmp_path / "sums"
    # The third one's digest is that of another file, and its time is older than the list.
    lines = [(hash_file(first), first), (hash_file(second), second), (hash_file(first), third)]
    sums.write_text("".join(f"{hash_[7:]}  {path}\n" for hash_, path in lines))
    os.utime(sums, (time.time() + 60, time.time() + 60))
    with serving(library, tmp_path) as service:
        report = tmp_path / "report.jsonl"
        assert service.run(library, "--tag", "u", "--b3sums", sums, "--report", report)[0] == 0
        rows = {row["path"]: row for row in map(json.loads, report.read_text().splitlines())}
        assert rows[str(first)]["source"] == "list"
        assert rows[str(third)]["hash"] == hash_file(third)
        assert rows[str(third)]["source"] == "read"


def test_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal that cannot grow ends the run in words; with room again, the same command finishes it."""
    # What counts coverage would find no room either, and say so.
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
    library = different_files(tmp_path / "library", 300)

    def small() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))

    with serving(library, tmp_path) as service:
        status, _, talk = service.run(library, "--tag", "t", preexec_fn=small)
        assert status == 2
        assert "cannot be" in talk
        status, lines, _ = service.run(library, "--tag", "t")
        assert (status, len(lines)) == (0, 300)
        assert len(service.rows()) == len(service.references()) == 300


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has it")
@pytest.mark.parametrize("option", ["--report", "--missing-to"])
def test_report_that_cannot_be_written(tmp_path: Path, option: str) -> None:
    """A report on a full disk ends the run in words, and what was answered is in the journal."""
    library, empty = different_files(tmp_path / "library", 3), tmp_path / "empty"
    empty.mkdir()
    with serving(empty, tmp_path) as service:
        status, _, talk = service.run(library, "--tag", "t", option, "/dev/full")
    assert status == 2
    assert "No space left" in talk


def test_interrupted(tmp_path: Path) -> None:
    """Ctrl-C ends with 130 and how far it came; the same command goes on, and asks for nothing twice."""
    library = different_files(tmp_path / "library", 500)
    with serving(library, tmp_path) as service:
        process = service.start(library, "--tag", "t", "--concurrency", "2")
        while len(service.front.seen) < 20:
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)
        assert process.returncode == 130
        assert b"Traceback" not in err
        assert b"created" in err
        assert b"0 bytes read" not in err
        assert b"goes on where this one stopped" in err
        assert service.run(library, "--tag", "t")[0] == 0
        assert len(service.front.seen) <= 500 + 4


#: A file whose reading never ends, as on a disk that is gone.
STUCK = """
import sys, threading
from comfy_assets.cli.main import run
from comfy_assets.library import hashers

def read(*_):
    print("reading", flush=True)
    threading.Event().wait()

hashers.read = read
run(sys.argv[1:])
"""


def test_second_interruption(tmp_path: Path) -> None:
    """Where a thread cannot be stopped, the second Ctrl-C ends the command, and the next run goes on."""
    library = different_files(tmp_path / "library", 3)
    with serving(library, tmp_path) as service:
        process = service.start(library, "--tag", "t", program=["-c", STUCK])
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)
        assert (process.returncode, err.splitlines()[-1]) == (130, b"stopped at once")
        assert service.run(library, "--tag", "t")[0] == 0


@pytest.mark.parametrize("form", ["--quiet", "--json"])
def test_what_is_done_is_said_at_once(tmp_path: Path, form: str) -> None:
    """A file's line comes while the service still thinks about the next one."""
    read = threading.Event()

    def script(request: Request) -> bytes:
        if request.json["name"] == "b":
            assert read.wait(60)
        return answer(201, BODY)

    for name in "ab":
        (tmp_path / name).write_text(name)
    environment = {
        **os.environ,
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "COMFY_CLOUD_API_KEY": "a-key-of-one-owner",
    }
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    command = [
        sys.executable,
        "-m",
        "comfy_assets",
        "register",
        str(tmp_path / "a"),
        str(tmp_path / "b"),
        "--tag",
        "t",
    ]
    with scripted(script) as service:
        environment["COMFY_CLOUD_BASE_URL"] = service.url
        with subprocess.Popen(
            [*command, form], stdout=subprocess.PIPE, env=environment, text=True
        ) as process:
            assert process.stdout is not None
            said = process.stdout.readline()
            while said and str(tmp_path / "a") not in said:
                # Progress.
                said = process.stdout.readline()
            read.set()
            rest = process.stdout.read()
    assert said
    assert str(tmp_path / "b") in rest
