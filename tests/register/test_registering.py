"""Files and folders become references."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from comfy_assets.registering import Found, Outcome, Unreadable, register_files, walk

from comfy_assets import AssetsClient, errors
from tests.support import BODY, answer, scripted


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
    assert [file.size for file in walk([tmp_path / "c"]) if isinstance(file, Found)] == [len("c/d/e/f")]


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    """A link to a file or a folder is followed; one that leads back above itself ends."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").touch()
    (tmp_path / "linked").symlink_to("real")
    (tmp_path / "real" / "back").symlink_to("..")
    assert relative([tmp_path]) == ["linked/file", "real/file"]


def test_what_cannot_be_looked_at(tmp_path: Path) -> None:
    """A dangling link, a missing path and a name that no file can have are told with a reason."""
    (tmp_path / "dangling").symlink_to("nowhere")
    found = list(walk([tmp_path, tmp_path / "missing", "a\0b"]))
    assert [type(one) for one in found] == [Unreadable] * 3
    assert [bool(one.reason) for one in found if isinstance(one, Unreadable)] == [True] * 3


@pytest.mark.parametrize("status", [401, 402, 403, 429])
def test_fatal_for_the_run(tmp_path: Path, status: int) -> None:
    """What every further file would meet too ends the run after the first request."""
    for number in range(3):
        (tmp_path / str(number)).write_text(str(number))
    with (
        scripted(answer(status, {"code": "X", "message": "no"})) as server,
        AssetsClient("k", server.url) as client,
    ):
        with pytest.raises(errors.APIStatusError):
            list(register_files(client, walk([tmp_path]), ["t"]))
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "outcome"), [(404, Outcome.MISSING), (400, Outcome.FAILED), (500, Outcome.FAILED)]
)
def test_fatal_for_the_file(tmp_path: Path, status: int, outcome: Outcome) -> None:
    """What concerns one file is that file's outcome, with status and reason, and the rest goes on."""
    for number in range(3):
        (tmp_path / str(number)).write_text(str(number))
    with (
        scripted(answer(status, {"code": "X", "message": "no"})) as server,
        AssetsClient("k", server.url) as client,
    ):
        results = list(register_files(client, walk([tmp_path]), ["t"]))
    assert [(one.outcome, one.status_code) for one in results] == [(outcome, status)] * 3
    assert all("no" in str(one.reason) for one in results)


def test_file_that_vanishes(tmp_path: Path) -> None:
    """A file that is gone when its turn comes fails alone."""
    for name in "abc":
        (tmp_path / name).write_text(name)
    files = list(walk([tmp_path]))
    os.unlink(tmp_path / "b")
    with scripted(answer(201, BODY)) as server, AssetsClient("k", server.url) as client:
        outcomes = [one.outcome for one in register_files(client, files, ["t"])]
    assert outcomes == [Outcome.CREATED, Outcome.FAILED, Outcome.CREATED]


def test_progress_counts_every_byte(tmp_path: Path) -> None:
    """`on_read` hears of every byte that is read, and of no other."""
    (tmp_path / "a").write_bytes(b"x" * 3_000_000)
    (tmp_path / "b").write_bytes(b"")
    read: list[int] = []
    with scripted(answer(201, BODY)) as server, AssetsClient("k", server.url) as client:
        list(register_files(client, walk([tmp_path]), ["t"], on_read=read.append))
    assert sum(read) == 3_000_000
