"""What folders hold besides files, what files do meanwhile, and what systems lack: told apart, the rest goes on."""

from __future__ import annotations

import json
import os
import socket
import struct
import threading
import time
from pathlib import Path

import pytest

from comfy_assets import AsyncAssetsClient
from comfy_assets.errors import InputError
from comfy_assets.library import disks
from comfy_assets.library.digests import COARSE, settled
from comfy_assets.library.engine import register_files
from comfy_assets.library.events import Note, Summary
from comfy_assets.library.items import Look, Problem
from comfy_assets.library.options import Options
from comfy_assets.library.reading import ChangedError, Pace, Reading, StoppedError, read
from comfy_assets.library.walking import Found, Patterns, walk
from tests.register.conftest import KEY, different_files, serving


def reading(path: Path, **more: object) -> Reading:
    return read(str(path), "blake3", Pace(None, threading.Event()), lambda _: None)


@pytest.mark.skipif(os.name == "nt", reason="no such things there")
def test_everything_that_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pipe, socket, device, loop, dangling link, a name that is not UTF-8, no bytes: each has its own end, nothing waits."""
    library = tmp_path / "library"
    library.mkdir()
    monkeypatch.chdir(library)
    os.mkfifo("pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
    os.symlink("/dev/zero", "device")
    os.symlink(".", "loop")
    os.symlink("self", "self")
    os.symlink("nowhere", "dangling")
    Path("empty").touch()
    Path("a\nb").write_bytes(b"newline")
    Path(os.fsdecode(b"\xff")).write_bytes(b"no text")
    content = tmp_path / "content"
    content.mkdir()
    (content / "1").touch()
    (content / "2").write_bytes(b"newline")
    with serving(content, tmp_path) as service:
        report = tmp_path / "report.jsonl"
        status, _, talk = service.run(library, "--tag", "t", "--report", report)
    rows = {
        os.path.relpath(row["path"], library): row for row in map(json.loads, report.read_text().splitlines())
    }
    assert status == 1
    assert {name: row["outcome"] for name, row in rows.items() if row["outcome"] != "failed"} == {
        "empty": "created", "a\nb": "created",
    }  # fmt: skip
    told = {name: row["reason"] for name, row in rows.items() if row["outcome"] == "failed"}
    assert set(told) == {"pipe", "socket", "device", "self", "dangling", "\udcff"}
    for name in ("pipe", "socket", "device"):
        assert told[name] == f"is a {name}, not a file"
    assert "a link back to a folder above it" in talk


#: Runs a command as a user who may read what its owner allows, which root is not: a system that is being
#: tested may have nobody else.
ORDINARY = (
    ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
    if getattr(os, "geteuid", int)() == 0
    else []
)


@pytest.mark.skipif(os.name == "nt", reason="access lists are another thing")
def test_permission_denied(tmp_path: Path) -> None:
    """A file and a folder that may not be read are failed, each with its reason; the rest has its reference."""
    library, report = different_files(tmp_path / "library", 3), tmp_path / "report.jsonl"
    (library / "file").touch(mode=0)
    (library / "folder").mkdir(mode=0)
    with serving(different_files(tmp_path / "content", 3), tmp_path) as service:
        status, _, talk = service.run(library, "--tag", "t", "--report", report, before=ORDINARY)
    rows = [json.loads(line) for line in report.read_text().splitlines()]
    failed = {os.path.basename(row["path"]): row["reason"] for row in rows if row["outcome"] == "failed"}
    assert failed == dict.fromkeys(["file", "folder"], "Permission denied")
    assert (status, len(rows)) == (1, 5), talk


def test_name_that_is_too_long(tmp_path: Path) -> None:
    """A path that the system cannot have is told with its reason."""
    [problem] = walk([str(tmp_path / ("x" * 300))])
    assert isinstance(problem, Problem)
    assert "too long" in problem.reason


@pytest.mark.parametrize("deed", ["grow", "shrink", "replace", "touch"])
def test_whatever_changes_a_file_while_it_is_read(tmp_path: Path, deed: str) -> None:
    """It grows, shrinks, makes room for another one, or is written to in place: it has no digest."""
    path, other = tmp_path / "live", tmp_path / "other"
    path.write_bytes(b"x" * 3_000_000)
    other.write_bytes(b"x" * 3_000_000)
    deeds = {
        "grow": lambda: os.truncate(path, 4_000_000),
        "shrink": lambda: os.truncate(path, 2_000_000),
        "replace": lambda: os.replace(other, path) if other.exists() else None,
        "touch": lambda: os.utime(path, (1, 1)),
    }
    with pytest.raises(ChangedError):
        read(str(path), "blake3", Pace(None, threading.Event()), lambda _: deeds[deed]())


def test_missing_path_and_the_rest(tmp_path: Path) -> None:
    """A named path that does not exist is status 2, and all others are registered all the same."""
    library = different_files(tmp_path / "library", 2)
    with serving(library, tmp_path) as service:
        status, lines, talk = service.run(tmp_path / "nowhere", library, "--tag", "t")
    assert status == 2
    assert sum(line.startswith("created") for line in lines) == 2
    assert "no such path" in talk


def test_state_folder_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a place to remember, the run goes on and says so; a journal that was named has to be usable."""
    library = different_files(tmp_path / "library", 2)
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with serving(library, tmp_path) as service:
        client = AsyncAssetsClient(KEY, service.front.url)
        named = Options(journal=str(tmp_path / "file" / "j"))
        with pytest.raises(InputError, match="the journal cannot be used"):
            list(register_files([library], ["t"], client=client, options=named))
        assert not service.front.seen
        events = list(register_files([library], ["t"], client=AsyncAssetsClient(KEY, service.front.url)))
    assert any(isinstance(one, Note) and "nothing of this run" in one.message for one in events)
    assert isinstance(events[-1], Summary)
    assert events[-1].outcomes.total() == 2


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (struct.pack("<Q", 100) + b"{}", "it ends within its header"),
        (b"ab", "it ends within its header"),
        (struct.pack("<Q", 36) + b'{"a": {"data_offsets": [0, 1000000]}}'[:36], None),
        (struct.pack("<Q", 33) + b'{"a": {"data_offsets": [0, 1000]}}'[:34] + b"x" * 9, "its header says 10"),
        (struct.pack("<Q", 1 << 60) + b"x", None),
        (struct.pack("<Q", 4) + b"null", None),
    ],
)
def test_safetensors_that_are_cut_off(tmp_path: Path, content: bytes, note: str | None) -> None:
    """A file that is shorter than its header says is told; one whose header says nothing is not."""
    path = tmp_path / "m.safetensors"
    if note == "its header says 10":
        header = b'{"a": {"data_offsets": [0, 1000]}}'
        content = struct.pack("<Q", len(header)) + header + b"x" * 9
    path.write_bytes(content)
    told = reading(path).note
    assert (told is None) == (note is None)
    assert note is None or (told is not None and note in told)


def test_read_rate(tmp_path: Path) -> None:
    """All readers together stay below the rate, and a run that ends wakes them."""
    path, stop = tmp_path / "f", threading.Event()
    path.write_bytes(b"x" * 2_000_000)
    began = time.monotonic()
    read(str(path), "blake3", Pace(4_000_000, stop), lambda _: None)
    assert time.monotonic() - began >= 0.4
    stop.set()
    with pytest.raises(StoppedError):
        read(str(path), "blake3", Pace(1, stop), lambda _: None)


def test_one_reader_on_a_spinning_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a disk that turns one file is read at a time; other disks do not wait for it."""
    monkeypatch.setattr(disks, "spins", lambda device: device == 1)
    readers, inside, most = disks.Readers("auto"), {1: 0, 2: 0}, {1: 0, 2: 0}
    lock, together = threading.Lock(), threading.Barrier(2)

    def work(device: int) -> None:
        with readers.turn(device):
            with lock:
                inside[device] += 1
                most[device] = max(most[device], inside[device])
            if device == 2:
                # Passes only where two are here at once.
                together.wait(30)
            time.sleep(0.01)
            with lock:
                inside[device] -= 1

    threads = [threading.Thread(target=work, args=(device,)) for device in (1, 1, 2, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert most == {1: 1, 2: 2}


def test_patterns(tmp_path: Path) -> None:
    """Include, exclude and ignore files as git reads them; a deeper ignore file counts below its folder."""
    for name in ("a.bin", "b.txt", "sub/c.bin", "sub/d.tmp", "sub/keep/e.bin", "no/f.bin"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "sub" / ".comfyassetsignore").write_text("/c.bin\n")
    patterns = Patterns.of(["*.bin"], ["no/"])
    found = [one.relative for one in walk([tmp_path], patterns) if isinstance(one, Found)]
    assert found == ["a.bin", "sub/keep/e.bin"]


def test_systems_without_ctime_or_inodes() -> None:
    """Without ctime, or an inode, the rest of the look decides; whole seconds make a digest wait longer."""
    look = Look(1, 10**9 + 5, 0, 0, 7)
    assert look.difference(Look(1, 10**9 + 5, 0, 0, 7)) is None
    assert look.difference(Look(1, 10**9 + 6, 0, 0, 7)) == "mtime"
    whole = Look(1, 5 * 10**9, 0, 0, 7)
    assert not settled(whole, whole.mtime + COARSE)
    assert settled(whole, whole.mtime + COARSE + 1)
    assert settled(look, look.mtime + COARSE)


def test_loop_where_there_are_no_inodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that numbers every file 0 has loops too."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "f").touch()
    (tmp_path / "a" / "back").symlink_to("..")
    from comfy_assets.library import walking

    class Status:
        st_dev = st_ino = 0

    real = walking._identity
    monkeypatch.setattr(walking, "_identity", os.path.realpath)
    assert [one.relative for one in walk([tmp_path]) if isinstance(one, Found)] == ["a/f"]
    monkeypatch.setattr(walking, "_identity", real)
    monkeypatch.setattr(os, "stat", lambda path: Status())
    assert walking._identity(str(tmp_path)) == os.path.realpath(tmp_path)
