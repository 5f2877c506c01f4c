"""What options cannot be is said in a sentence, before anything is asked of anybody. In this process: it is quick."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from comfy_assets.cli.main import main
from tests.cli.conftest import KEY
from tests.support import HASH

REGISTER = ["register", "--tag", "t", "--dry-run"]
CHECK = ["check", "http://127.0.0.1:9", "--api-key", KEY]

#: What is typed beside an empty file `empty`, which no command can use → words on stderr.
MISTAKES = {
    "paths of ComfyUI without it": ([*REGISTER, "empty", "--extra-model-paths", "empty"], "are for --comfyui"),
    "tags of ComfyUI without it": ([*REGISTER, "empty", "--comfyui-tags", "empty"], "are for --comfyui"),
    "standard input twice": ([*REGISTER, "--manifest", "-", "--b3sums", "-"], "one option may be -"),
    "two files in one": ([*REGISTER, "empty", "--report", "a", "--missing-to", "./a"], "name the same file"),
    "no digests": ([*REGISTER, "empty", "--b3sums", "empty"], "'empty' has no digests"),
    "no list": ([*REGISTER, "--files-from", "nowhere"], "'nowhere' cannot be read: No such file"),
    "no rate": ([*REGISTER, "empty", "--max-read-rate", "fast"], "'fast' is no rate"),
    "rate of nothing": ([*REGISTER, "empty", "--max-read-rate", "0M"], "'0M' is no rate"),
    "no file of patterns": ([*REGISTER, "empty", "--ignore-file", "nowhere"], "'nowhere' cannot be read"),
    "pattern that is none": ([*REGISTER, "empty", "--exclude", "!"], "--exclude: Invalid git pattern"),
    "key file that is no text": (["from-hash", HASH, "--tag", "t", "--api-key-file", "bytes"], "'bytes' is not text"),
    "hash of a URL that nobody reaches": (["hash", "nosuch://a/b"], "nosuch"),
    "check without a server": (["check"], "which server? Give its URL"),
    "check with two keys": ([*CHECK, "--api-key-file", "empty"], "--api-key and --api-key-file exclude each other"),
    "check with a key of spaces": (["check", CHECK[1], "--api-key", " a"], "a key cannot be empty, or hold spaces"),
    "check through no proxy": ([*CHECK, "--proxy", "nowhere"], "'nowhere' is no base URL"),
    "check with a CA that is not there": ([*CHECK, "--ca-file", "nowhere"], "there is no file 'nowhere'"),
    "replay of no finding": (["check", "--replay", "empty"], "--replay takes FILE#FINDING"),
    "record that is none": (["check", "--rejudge", "empty"], "'empty': "),
    "variable without a value": (["check-client", "--env", "A", "--", "true"], "--env takes K=V, not 'A'"),
    "client without a command": (["check-client"], "which program?"),
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "words"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each gets its sentence on stderr and status 2, and nothing on stdout."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COMFY_CLOUD_BASE_URL", raising=False)
    (tmp_path / "empty").touch()
    (tmp_path / "bytes").write_bytes(b"\xff")
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert words in said.err
    assert said.out == ""


@pytest.mark.parametrize("command", ["check", "check-client"])
def test_rules_are_listed_and_explained(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every rule that the list has is explained, and JSON has what the table shows."""
    assert main([command, "--list-rules"]) == 0
    table = capsys.readouterr().out
    assert main([command, "--list-rules", "--json"]) == 0
    *rules, end = map(json.loads, capsys.readouterr().out.splitlines())
    assert end["data"] == {"rules": len(rules)}
    for rule in (rules[0], rules[-1]):
        assert rule["id"] in table
        assert main([command, "--explain", rule["id"]]) == 0
        assert rule["id"] in capsys.readouterr().out
        assert main([command, "--explain", rule["id"], "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["data"]["id"] == rule["id"]
