"""Files and folders become references."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from comfy_assets import AsyncAssetsClient, RetryPolicy, errors
from comfy_assets.library.engine import register_files
from comfy_assets.library.events import FileDone, Outcome, Summary, Waiting
from comfy_assets.library.items import LeftOut, Problem
from comfy_assets.library.options import Options
from comfy_assets.library.reading import ChangedError, Pace, read
from comfy_assets.library.walking import Found, walk
from tests.support import BODY, Request, ScriptedServer, answer, scripted


def sized(request: Request) -> bytes:
    """A reference to one byte, whatever is asked for."""
    return answer(201, {**BODY, "size": 1, "name": request.json["name"]})


def run(server: ScriptedServer, *paths: Path, **options: object) -> list[object]:
    """All events of a run."""
    client = AsyncAssetsClient(
        "key-of-a-test", server.url, retry=RetryPolicy(first_delay=0.01), on_drift="ignore"
    )
    return list(register_files(paths, ["t"], client=client, options=Options(**options)))  # type: ignore[arg-type] # a test's choice


def outcomes(events: list[object]) -> list[tuple[Outcome, int | None]]:
    """Outcome and status of each file, in the order of the paths."""
    done = sorted((one for one in events if isinstance(one, FileDone)), key=lambda one: one.path)
    return [(one.outcome, one.status_code) for one in done]


def files(folder: Path, count: int) -> None:
    """Files of one byte and different content."""
    for number in range(count):
        (folder / str(number)).write_bytes(bytes([number]))


def relative(paths: list[Path]) -> list[str]:
    """The relative names that a walk finds, in its order."""
    return [file.relative for file in walk(paths) if isinstance(file, Found)]


def test_walk_is_ordered_and_whole(tmp_path: Path) -> None:
    """Every file is found once, in the order of the names, named from the folder that was given."""
    for name in ("b/2", "b/1", "a", "c/d/e/f", ".hidden"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    assert relative([tmp_path]) == [".hidden", "a", "b/1", "b/2", "c/d/e/f"]
    assert relative([tmp_path / "a", tmp_path / "b"]) == ["a", "1", "2"]
    assert [one.look.size for one in walk([tmp_path / "c"]) if isinstance(one, Found)] == [len("c/d/e/f")]


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    """A link to a file or a folder is followed; one that leads back above itself ends, and is told."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").touch()
    (tmp_path / "linked").symlink_to("real")
    (tmp_path / "real" / "back").symlink_to("..")
    assert relative([tmp_path]) == ["linked/file", "real/file"]
    told = [one.reason for one in walk([tmp_path]) if isinstance(one, LeftOut)]
    assert told == ["a link back to a folder above it"] * 2


def test_link_that_leaves_the_folder_is_told(tmp_path: Path) -> None:
    """What lies elsewhere is followed and told; a link within the folder is not told."""
    (tmp_path / "root").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").touch()
    (tmp_path / "root" / "out").symlink_to("../elsewhere")
    (tmp_path / "root" / "z").symlink_to("out/file")
    found = list(walk([tmp_path / "root"]))
    assert [one.relative for one in found if isinstance(one, Found)] == ["out/file", "z"]
    assert [os.path.basename(one.path) for one in found if isinstance(one, LeftOut)] == ["out", "z"]


def test_unfinished_downloads_and_ignored_files_are_left_out(tmp_path: Path) -> None:
    """A download that goes on is told and left out, and so is, silently, what an ignore file names."""
    for name in ("a.part", "b", "b.aria2", "c", "cache/d", "deep/cache/e"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / ".comfyassetsignore").write_text("# not these\n/cache/\n")
    assert relative([tmp_path]) == ["c", "deep/cache/e"]
    told = [os.path.basename(one.path) for one in walk([tmp_path]) if isinstance(one, LeftOut) and one.told]
    assert told == ["a.part", "b", "b.aria2"]


def test_what_cannot_be_looked_at(tmp_path: Path) -> None:
    """A dangling link, a missing path and a name that no file can have are told with a reason."""
    (tmp_path / "dangling").symlink_to("nowhere")
    found = [one for one in walk([tmp_path, tmp_path / "missing", "a\0b"]) if not isinstance(one, LeftOut)]
    assert [type(one) for one in found] == [Problem] * 3
    assert [bool(one.reason) for one in found if isinstance(one, Problem)] == [True] * 3


@pytest.mark.parametrize("status", [401, 402, 403, 429])
def test_fatal_for_the_run(tmp_path: Path, status: int) -> None:
    """What every further file would meet too ends the run at once."""
    files(tmp_path, 30)
    with scripted(answer(status, {"code": "X", "message": "no"})) as server:
        with pytest.raises(errors.APIStatusError):
            run(server, tmp_path, concurrency=1)
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "outcome"), [(404, Outcome.MISSING), (400, Outcome.FAILED), (500, Outcome.FAILED)]
)
def test_fatal_for_the_file(tmp_path: Path, status: int, outcome: Outcome) -> None:
    """What concerns one file is that file's outcome, with status and reason, and the rest goes on."""
    files(tmp_path, 3)
    with scripted(answer(status, {"code": "X", "message": "no"})) as server:
        events = run(server, tmp_path)
    assert outcomes(events) == [(outcome, status)] * 3
    assert all("no" in str(one.reason) for one in events if isinstance(one, FileDone))


def test_file_that_vanishes(tmp_path: Path) -> None:
    """A file that is gone when its turn comes fails alone."""
    files(tmp_path, 3)
    source = list(walk([tmp_path]))
    os.unlink(tmp_path / "1")
    with scripted(sized) as server:
        from comfy_assets.library.sources import item

        options = Options()
        given = [item(one, ("t",), options) for one in source if isinstance(one, Found)]
        client = AsyncAssetsClient("key-of-a-test", server.url)
        events = list(register_files((), client=client, options=options, source=lambda: iter(given)))
    assert [one for one, _ in outcomes(list(events))] == [Outcome.CREATED, Outcome.FAILED, Outcome.CREATED]


def test_every_byte_is_read_once(tmp_path: Path) -> None:
    """All links to a file are registered, and it is read once; the next run reads and asks nothing."""
    (tmp_path / "a").write_bytes(b"x" * 3_000_000)
    for name in "bcd":
        os.link(tmp_path / "a", tmp_path / name)
    os.utime(tmp_path / "a", (1, 1))
    body = answer(201, {**BODY, "size": 3_000_000})
    threading.Event().wait(0.1)  # past the instant in which the file was made
    with scripted(body) as server:
        first, second = run(server, tmp_path)[-1], run(server, tmp_path)[-1]
        assert len(server.requests) == 4
    assert isinstance(first, Summary)
    assert isinstance(second, Summary)
    assert (first.bytes_read, second.bytes_read) == (3_000_000, 0)
    assert (first.outcomes, second.outcomes) == ({Outcome.CREATED: 4}, {Outcome.EXISTING: 4})


def test_answer_about_other_content(tmp_path: Path) -> None:
    """A reference whose size is not that of the file is a failure, not a success."""
    files(tmp_path, 1)
    with scripted(answer(201, BODY)) as server:
        assert outcomes(run(server, tmp_path)) == [(Outcome.FAILED, 201)]


def test_all_wait_together(tmp_path: Path) -> None:
    """After a 429 with `Retry-After` nobody sends until the time is over, and then every file is registered."""
    files(tmp_path, 20)
    import time

    times: list[float] = []

    def script(request: Request) -> bytes:
        times.append(time.monotonic())
        first = len(times) == 1
        return (
            answer(429, {"code": "X", "message": "later"}, headers="Retry-After: 1\r\n")
            if first
            else sized(request)
        )

    with scripted(script) as server:
        events = run(server, tmp_path, concurrency=2)
    assert outcomes(events) == [(Outcome.CREATED, 201)] * 20
    # One other may have been on its way already.
    assert sum(moment < times[0] + 0.99 for moment in times) <= 2
    assert [type(one) for one in events].count(Waiting) == 1


def test_file_that_changes_while_it_is_read(tmp_path: Path) -> None:
    """A file that is written to between its first and its last byte has no digest."""
    path = tmp_path / "live"
    path.write_bytes(b"x" * 3_000_000)

    def grow(_: int) -> None:
        with open(path, "ab") as file:
            file.write(b"y")

    with pytest.raises(ChangedError):
        read(str(path), "blake3", Pace(None, threading.Event()), grow)


def test_second_run_at_once(tmp_path: Path) -> None:
    """While a run is under way, another one for the same service and key is refused in words."""
    files(tmp_path, 2)
    with scripted(sized) as server:
        client = AsyncAssetsClient("key-of-a-test", server.url)
        events = register_files([tmp_path], ["t"], client=client)
        next(events)
        with pytest.raises(errors.InputError, match="another run registers"):
            run(server, tmp_path)
        events.close()
        assert outcomes(run(server, tmp_path))[0][0] in (Outcome.CREATED, Outcome.EXISTING)


@pytest.mark.parametrize("name", ["journal.sqlite", "digests.sqlite"])
def test_damaged_memory(tmp_path: Path, state: Path, name: str) -> None:
    """A journal or cache that is no database is set aside and told, and the run goes on."""
    files(tmp_path, 1)
    (state / "comfy-assets").mkdir()
    (state / "comfy-assets" / name).write_bytes(b"not a database" * 1000)
    with scripted(sized) as server:
        events = run(server, tmp_path)
    assert "could not be used" in str(events[0])
    assert outcomes(events) == [(Outcome.CREATED, 201)]
