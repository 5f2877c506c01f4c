"""`comfy-assets scenario`, and `Scenarios` for Python: the same for a key, in words, in JSON and as values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from comfy_assets import InputError
from comfy_assets.cli.main import main
from comfy_assets.server import keys
from comfy_assets.server.process import ServerProcess
from comfy_assets.testing import Scenarios
from tests.server.asking import FILES, write_files
from tests.server.test_scenarios import outcome


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a server that is not there."""
    monkeypatch.setattr(keys, "REFRESH", 0)


@pytest.fixture
def run(database: str, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a scenario command: its exit status and the JSON lines that it printed."""

    def run(*words: str) -> tuple[int, list[dict[str, Any]]]:
        capsys.readouterr()
        status = main(["scenario", *words, "--database", database, "--json"])
        return status, [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return run


def test_list_in_words_and_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Every scenario and every part of a step, each with what it is about; `bind` knows each name."""
    assert main(["scenario", "list"]) == 0
    words = capsys.readouterr().out.splitlines()
    assert main(["scenario", "list", "--json"]) == 0
    *events, envelope = map(json.loads, capsys.readouterr().out.splitlines())
    assert len(words) == len(events)
    kinds = [event["type"] for event in events]
    assert envelope["data"] == {"scenarios": kinds.count("scenario"), "steps": kinds.count("step")}
    assert all(event["about"] for event in events)
    assert {"outcome-unknown", "failing", "slow"} <= {event["name"] for event in events}
    assert {event["part"] for event in events if event["type"] == "step"} >= {"drift", "wire", "failing"}


def test_bind_show_unbind(run: Any) -> None:
    """A key is made, what is bound to it is shown, also among all that is bound, and taken away again."""
    status, [envelope] = run("bind", "--steps", "status:503,carry", "--seed", "5")
    key = envelope["data"]["key"]
    assert (status, envelope["data"]["seed"], envelope["data"]["requests"]) == (0, 5, 0)
    assert [(one["step"], one["used"]) for one in envelope["data"]["steps"]][:2] == [
        ("status:503", False),
        ("carry", False),
    ]
    status, [envelope] = run("show", "--api-key", key)
    assert (status, envelope["data"]["committed"]) == (0, [])
    assert run("bind", "throttled", "--without-key")[0] == 0
    status, [*listed, envelope] = run("show")
    assert (status, envelope["data"]) == (0, {"bound": 2})
    assert [one["scenario"] for one in listed] == ["throttled", "status:503,carry"]
    assert run("bind", "slow", "--api-key", key)[1][0]["data"]["scenario"] == "slow"
    assert run("unbind", "--api-key", key)[0] == 0
    for command in ("show", "unbind"):
        status, [envelope] = run(command, "--api-key", key)
        assert (status, envelope["error"]["code"]) == (1, "not_found")


BAD = {
    "no scenario": (["bind"], 2, "usage"),
    "two scenarios": (["bind", "slow", "--steps", "carry"], 2, "usage"),
    "unknown scenario": (["bind", "nonsense"], 2, "scenario"),
    "unknown step": (["bind", "--steps", "status:abc"], 2, "scenario"),
    "no such file": (["bind", "--file", "/nowhere/at.yaml"], 2, "scenario"),
    "file that is none": (["bind", "--file", "{0}/bad.yaml"], 2, "scenario"),
    "bytes": (["bind", "--file", "{0}/bytes.yaml"], 2, "scenario"),
    "unknown key": (["show", "--api-key", "never-seen"], 2, "unknown_key"),
    "two keys": (["show", "--api-key", "a", "--without-key"], 2, "usage"),
    "no key": (["unbind"], 2, "usage"),
}


@pytest.mark.parametrize(("words", "status", "code"), BAD.values(), ids=BAD)
def test_mistakes_are_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, words: list[str], status: int, code: str
) -> None:
    """One sentence, and the right status."""
    (tmp_path / "bad.yaml").write_text("a: [")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe")
    database = f"sqlite:///{tmp_path / 'references.db'}"
    ended = main(["scenario", *(word.format(tmp_path) for word in words), "--database", database, "--json"])
    envelope = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (ended, envelope["error"]["code"]) == (status, code)
    assert "\n" not in envelope["error"]["message"]


def test_scenarios_from_python(database: str, tmp_path: Path) -> None:
    """Bound by name, list or object to a key that is made or known; shown with what was committed; taken away."""
    content = write_files(tmp_path / "content", FILES)
    with (
        ServerProcess(
            content=[content], api_keys=["known"], database=database, options=["--scenarios"]
        ) as server,
        Scenarios(database) as scenarios,
    ):
        assert scenarios.bind(["status:503", "wire:reset-before-answer", "carry"], "known") == "known"
        got = [outcome(server.url, f"n{number}", "known") for number in range(3)]
        assert got == [503, "no answer", 201]
        shown = scenarios.show("known")
        assert (shown["requests"], [one["used"] for one in shown["steps"]][:3]) == (3, [True] * 3)
        assert [one["name"] for one in shown["committed"]] == ["n1", "n2"]
        assert scenarios.unbind("known")
        assert not scenarios.unbind("known")
        made = scenarios.bind({"steps": [{"status": 418}], "then": "last"}, seed=3)
        assert outcome(server.url, "n", "known") == 201
        assert scenarios.show(made)["seed"] == 3
        for wrong in (
            lambda: scenarios.bind("nonsense"),
            lambda: scenarios.bind(["carry"], "never-seen"),
            lambda: scenarios.show("known"),
        ):
            with pytest.raises(InputError):
                wrong()
