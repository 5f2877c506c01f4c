"""What `register` takes: folders of ComfyUI, lists, manifests, reports; shown with `--dry-run`, in this process."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from comfy_assets.cli.main import main
from tests.support import HASH


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where it runs: files to name."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "b.bin", "part.crdownload"):
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def planned(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> list[dict[str, Any]]:
    """The files that `--dry-run` tells, and those that it cannot read."""
    assert main(["register", "--dry-run", "--json", *arguments]) == status
    *events, _ = map(json.loads, capsys.readouterr().out.splitlines())
    return [event for event in events if event["type"] in {"plan", "unreadable"}]


def test_comfyui(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder of ComfyUI and more paths for models give each file its tags; --tag comes on top."""
    for name in ("ComfyUI/models/vae/v", "ComfyUI/input/i", "more/own/m"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).touch()
    (folder / "more.yaml").write_text("own:\n  base_path: more\n  checkpoints: own\njust text: a\n")
    options = ["--comfyui", "ComfyUI", "--extra-model-paths", "more.yaml", "--tag", "t"]
    assert {(event["name"], *event["tags"]) for event in planned(capsys, *options)} == {
        ("v", "models", "vae", "t"),
        ("i", "input", "t"),
        ("m", "models", "checkpoints", "t"),
    }
    (folder / "more.yaml").write_text("")
    assert len(planned(capsys, *options)) == 2
    (folder / "more.yaml").unlink()
    assert main(["register", "--dry-run", *options]) == 2
    assert "'more.yaml' cannot be read: No such file" in capsys.readouterr().err
    assert main(["register", "--dry-run", "--comfyui", "a.png"]) == 2
    assert "'a.png' cannot be read: Not a directory" in capsys.readouterr().err


def test_lists(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Paths of a file, with NUL where asked for, or of standard input; and a manifest from there."""
    (folder / "list").write_text("a.png\nb.bin\n")
    (folder / "zero").write_bytes(b"a.png\0b.bin\0")
    for options in (["--files-from", "list"], ["--files-from", "zero", "-0"], ["--files-from", "-"]):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a.png\nb.bin")))
        assert [event["name"] for event in planned(capsys, *options, "--tag", "t")] == ["a.png", "b.bin"]
    rows = [
        '{"path": "a.png", "tags": ["own"]}',
        "",
        json.dumps({"hash": HASH, "tags": ["known"]}),
        '{"path": "b.bin"}',
    ]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("\n".join(rows).encode())))
    known, *others = sorted(planned(capsys, "--manifest", "-", status=1), key=lambda event: event["type"])
    assert (known["name"], known["tags"]) == ("a.png", ["own"])
    assert (others[0]["hash"], others[0]["tags"]) == (HASH, ["known"])
    assert others[1]["reason"] == "no tags (standard input:4, and no --tag)"


def test_what_a_report_left_undone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a report, what is not done is asked for again; content without a file by its digest; bad rows are told."""
    rows: list[dict[str, Any]] = [
        {"path": "a.png", "outcome": "existing", "tags": ["t"]},
        {"path": "b.bin", "outcome": "failed", "tags": ["t"]},
        {"path": "gone", "outcome": "missing", "tags": ["t"], "source": "list", "hash": HASH},
        {"path": "b.bin", "outcome": "lost"},
    ]
    (folder / "report").write_text("\n".join([*map(json.dumps, rows), "[]"]))
    told = planned(capsys, "--retry-from", "report", status=1)
    assert [(event.get("name"), event.get("hash")) for event in told[:2]] == [("b.bin", None), ("gone", HASH)]
    assert ["its outcome is 'lost'" in event["reason"] for event in told[2:]] == [True, False]
    (folder / "report").write_text("")
    assert planned(capsys, "--retry-from", "report") == []


def test_digests_with_comments(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Lines that say nothing are passed by."""
    (folder / "sums").write_text(f"# made yesterday\n\n{HASH[7:]}  a.png\n")
    told = planned(capsys, "a.png", "--tag", "t", "--b3sums", "sums")
    assert [event["hash"] for event in told] == [HASH]


def test_options_of_a_library(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A rate has a unit, patterns may stand in a file, and what is left out is told."""
    (folder / "patterns").write_text("*.png\n")
    told = planned(capsys, ".", "--tag", "t", "--max-read-rate", "1.5M", "--ignore-file", "patterns")
    assert [event["name"] for event in told] == ["b.bin", "patterns"]
    assert main(["register", "--dry-run", ".", "--tag", "t"]) == 0
    assert "part.crdownload: an unfinished download" in capsys.readouterr().err
