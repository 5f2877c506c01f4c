"""`comfy-assets keys` and `comfy-assets content`, on the database of a server that runs."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from comfy_assets.cli.main import main
from comfy_assets.server.process import ServerProcess
from tests.server.asking import PORTRAIT, Asker, blake3_of, sha256_of, write_files

HASH = blake3_of(PORTRAIT)


@pytest.fixture
def run(database: str, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command on the database: its exit status and the JSON lines that it printed."""

    def run(*words: str) -> tuple[int, list[dict[str, Any]]]:
        capsys.readouterr()
        status = main([*words, "--database", database, "--json"])
        return status, [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return run


def soon(ask: Asker, status: int, **members: Any) -> Any:
    """The answer with this status, which is to come within seconds."""
    end = time.monotonic() + 10
    while True:
        answered = ask.create({"hash": HASH, "tags": ["a"], **members})
        if answered.status == status:
            return answered.json
        assert time.monotonic() < end, answered
        time.sleep(0.1)


def test_keys_of_a_running_server(database: str, run: Any, tmp_path: Path) -> None:
    """A key that is added counts, is an owner of its own, and counts no more when it is revoked."""
    folder = write_files(tmp_path / "content", {"a.png": PORTRAIT})
    with ServerProcess(content=[folder], api_keys=["given-key"], database=database) as server:
        status, [envelope] = run("keys", "add", "--label", "ci")
        assert (status, envelope["ok"]) == (0, True)
        key, number = envelope["data"]["key"], envelope["data"]["id"]
        mine = soon(Asker(server.url, key), 201)
        assert soon(Asker(server.url, "given-key"), 201)["id"] != mine["id"]
        status, [listed, _] = run("keys", "list")
        assert (status, listed["id"], listed["label"], listed["state"]) == (0, number, "ci", "valid")
        assert key not in json.dumps(listed)
        assert run("keys", "revoke", str(number))[0] == 0
        soon(Asker(server.url, key), 401)
    status, [envelope] = run("keys", "revoke", str(number))
    assert (status, envelope["error"]["code"]) == (1, "not_found")
    (tmp_path / "key").write_text(f"{key}\n")
    assert run("keys", "add", "--key-file", str(tmp_path / "key"))[0] == 0
    with ServerProcess(database=database) as server:
        assert soon(Asker(server.url, key), 200)["id"] == mine["id"]


def test_content_of_a_running_server(database: str, run: Any, tmp_path: Path) -> None:
    """Content that is added is there at once, also after a restart; content that is removed is a 404 for new references."""
    served = write_files(tmp_path / "served", {"served.bin": b"served"})
    added = write_files(tmp_path / "added", {"a.png": PORTRAIT, "b.bin": b"b"})
    ask: dict[str, Any] = {"content": [served], "api_keys": ["given-key"], "database": database}
    with ServerProcess(**ask) as server:
        asker = Asker(server.url, "given-key")
        soon(asker, 404)
        status, [envelope] = run("content", "add", str(added))
        assert (status, envelope["data"]["files"]) == (0, 2)
        first = soon(asker, 201)
        assert (first["mime_type"], first["size"]) == ("image/png", len(PORTRAIT))
    with ServerProcess(**ask) as server:
        asker = Asker(server.url, "given-key")
        assert soon(asker, 200)["id"] == first["id"]
        _, [*listed, _] = run("content", "list")
        assert {Path(one["path"]).name: one["sha256"] for one in listed}["a.png"] == sha256_of(PORTRAIT)
        assert run("content", "remove", HASH)[0] == 0
        soon(asker, 404, name="new")
        assert soon(asker, 200)["id"] == first["id"]
        assert run("content", "remove", str(added))[1][0]["data"] == {str(added): 1}
        assert [Path(one["path"]).name for one in run("content", "list")[1][:-1]] == ["served.bin"]
    status, [envelope] = run("content", "remove", HASH)
    assert (status, envelope["error"]["code"]) == (1, "not_found")
    assert (added / "a.png").exists()


def test_two_servers_with_folders_of_their_own(database: str, run: Any, tmp_path: Path) -> None:
    """What one server brings into a shared database stays when another one starts with another folder."""
    folders = [write_files(tmp_path / name, {f"{name}.bin": name.encode()}) for name in ("one", "two")]
    for folder in folders:
        with ServerProcess(content=[folder], database=database):
            pass
    assert {Path(one["path"]).name for one in run("content", "list")[1][:-1]} == {"one.bin", "two.bin"}


BAD: dict[str, tuple[list[str], int, str]] = {
    "no such path": (["content", "add", "/nowhere/at/all"], 2, "no_such_path"),
    "a key of spaces": (["keys", "add", "--key-file", "{0}/spaces"], 2, "usage"),
    "no key file": (["keys", "add", "--key-file", "{0}/none"], 2, "unreadable_file"),
}


@pytest.mark.parametrize(("words", "status", "code"), BAD.values(), ids=BAD)
def test_mistakes_are_named(run: Any, tmp_path: Path, words: list[str], status: int, code: str) -> None:
    """A mistake ends in one sentence and the right status."""
    (tmp_path / "spaces").write_text("a b\x00")
    ended, [envelope] = run(*(word.format(tmp_path) for word in words))
    assert (ended, envelope["error"]["code"]) == (status, code)
    assert "\n" not in envelope["error"]["message"]


def test_content_that_cannot_be_read(tmp_path: Path, run: Any) -> None:
    """It is told, and exits 1; all else is stored."""
    folder = write_files(tmp_path / "added", {"a.png": PORTRAIT})
    (folder / "nowhere").symlink_to(folder / "not there")
    status, [*_, envelope] = run("content", "add", str(folder))
    assert (status, envelope["error"]["message"]) == (1, "1 could not be read")
    assert envelope["data"]["files"] == 1
    assert "nowhere: No such file" in envelope["data"]["skipped"][0]


def test_database_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    """A URL that is no database is one sentence, exit 2."""
    assert main(["keys", "list", "--database", "mysql://user:secret-word@host/a"]) == 2
    said = capsys.readouterr().err
    assert "--database takes a URL such as" in said
    assert "secret-word" not in said
