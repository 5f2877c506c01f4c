"""The process: how it starts, what it tells, what it keeps, how it ends, and what keeps it from starting."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from comfy_assets import specification
from comfy_assets.cli.main import main
from comfy_assets.server.process import ServerProcess, ServerStartError
from comfy_assets.server.starting import StartError, check_folders
from comfy_assets.server.tables import VERSION
from tests.server.asking import FILES, PORTRAIT, Asker, blake3_of, sha256_of, write_files

REQUEST = {"hash": blake3_of(PORTRAIT), "tags": ["a"], "name": "serving"}


def serve(*arguments: str | Path, code: str = "") -> subprocess.CompletedProcess[str]:
    """Run `comfy-assets serve` to its end, which must come by itself."""
    program = ["-c", code] if code else ["-m", "comfy_assets", "serve"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.run(
        [sys.executable, *program, *map(str, arguments)],
        capture_output=True, text=True, timeout=30, check=False, env=environment,
    )  # fmt: skip


def asker(server: ServerProcess) -> Asker:
    return Asker(server.url, server.api_keys[0])


def test_ready_file_says_what_is_served(tmp_path: Path) -> None:
    """URL, process, contract, database, version and content; gone at the end, and the database with it."""
    folder = write_files(tmp_path / "content", FILES)
    with ServerProcess(content=[folder], options=["--json", "--no-access-log"]) as server:
        database = Path(server.ready["database"].removeprefix("sqlite:///"))
        assert server.ready == {
            "url": server.url,
            "pid": server.pid,
            "database": f"sqlite:///{database}",
            "contract": specification.load().digest,
            "version": server.ready["version"],
            "content": {"files": 3, "bytes": sum(map(len, FILES.values()))},
        }
        assert database.exists()
        assert asker(server).create(REQUEST).status == 201
    assert not database.parent.exists()
    indexed, event, envelope = map(json.loads, server.stdout.splitlines())
    assert (indexed["type"], indexed["files"]) == ("indexed", 3)
    assert event == {"schema": "event/1", "type": "ready", **server.ready}
    assert (envelope["ok"], envelope["command"], envelope["data"]) == (
        True,
        "serve",
        {"stopped_by": "SIGTERM"},
    )


def test_output_for_people(tmp_path: Path) -> None:
    """Standard output holds the URL and nothing else; a made key is shown once; both work."""
    folder = write_files(tmp_path / "content", FILES)
    with ServerProcess(content=[folder], api_keys=[]) as server:
        key = server.stderr.partition("shown once: ")[2].split()[0]
        assert len(key) >= 40
        assert server.stdout == server.url + "\n"
        assert server.stderr.count(key) == 1
        assert "indexed 3 files, 125.0 KiB" in server.stderr
        assert Asker(server.url, key).create(REQUEST).status == 201


def test_health(server: ServerProcess) -> None:
    """`/healthz` answers without a key."""
    answer = Asker(server.url, "").send(None, method="GET", path="/healthz")
    assert (answer.status, answer.json) == (200, {"status": "ok"})


def test_what_it_obeys_can_be_read(server: ServerProcess) -> None:
    """The contract is served as the file that it is, and as JSON; readiness asks the database."""

    def get(path: str) -> Any:
        answered = asker(server).send(None, method="GET", path=path)
        assert answered.status == 200
        return answered

    contract = specification.load()
    assert get("/openapi.json").json == contract.document
    assert get("/readyz").json == {"status": "ok"}
    with urllib.request.urlopen(f"{server.url}/openapi.yaml") as answered:
        assert answered.read() == contract.path.read_bytes()


@pytest.mark.parametrize("option", ["--development", "--validate"])
def test_every_answer_can_be_held_against_the_contract(tmp_path: Path, option: str) -> None:
    """A success or an error that would break the contract is a 500, and the log says which member it was."""
    folder = write_files(tmp_path / "content", {"a.bin": b"content"})
    database = tmp_path / "references.db"
    text = specification.load().path.read_text(encoding="utf-8")
    short = text.replace("description: Short name of the error, for programs.", "maxLength: 12")
    assert short != text
    (tmp_path / "short.yaml").write_text(short, encoding="utf-8")
    serving: dict[str, Any] = {
        "content": [folder],
        "database": f"sqlite:///{database}",
        "options": [option],
        "contract": tmp_path / "short.yaml",
    }
    with ServerProcess(**serving, api_keys=["one"]) as server:
        ask = asker(server)
        body = {"hash": blake3_of(b"content"), "tags": ["a"], "name": "n"}
        assert ask.create(body).status == 201
        with sqlite3.connect(database) as connection:
            connection.execute("UPDATE reference SET tags = '[1]'")
        connection.close()
        assert ask.create(body).status == 500
        assert ask.create({**body, "hash": blake3_of(b"other")}).status == 404
        assert ask.create({**body, "tags": []}).status == 500  # INVALID_REQUEST is longer than that
    assert "the answer 200 would break the contract: 1 is not of type" in server.stderr
    assert 'the answer 400 would break the contract: "INVALID_REQUEST" is longer' in server.stderr


def test_references_outlive_the_process(tmp_path: Path) -> None:
    """A restart with the same database: the same reference, for the same key, and not for another."""
    key = "a-key-that-is-written-nowhere"
    folder = write_files(tmp_path / "content", FILES)
    database = f"sqlite:///{tmp_path / 'references.db'}"
    with ServerProcess(content=[folder], database=database, api_keys=[key]) as server:
        first = asker(server).create(REQUEST)
    with ServerProcess(content=[folder], database=database, api_keys=["another", key]) as server:
        again = Asker(server.url, key).create(REQUEST)
        other = Asker(server.url, "another").create(REQUEST)
    assert (first.status, again.status, other.status) == (201, 200, 201)
    assert again.json == {**first.json, "created_new": False}
    assert key.encode() not in b"".join(file.read_bytes() for file in tmp_path.glob("references.db*"))


def test_acknowledged_reference_survives_a_kill(tmp_path: Path) -> None:
    """What was answered before `kill -9` is there afterwards, and the stale ready file is replaced."""
    folder = write_files(tmp_path / "content", FILES)
    database = f"sqlite:///{tmp_path / 'references.db'}"
    with ServerProcess(content=[folder], database=database, api_keys=["one"]) as server:
        ids = [asker(server).create({**REQUEST, "name": str(number)}).json["id"] for number in range(20)]
        server.stop(signal.SIGKILL)
    with ServerProcess(content=[folder], database=database, api_keys=["one"]) as server:
        again = [asker(server).create({**REQUEST, "name": str(number)}) for number in range(20)]
    assert [answer.status for answer in again] == [200] * 20
    assert [answer.json["id"] for answer in again] == ids


def test_last_access_time_moves_when_it_is_old(tmp_path: Path) -> None:
    """It lags at most a minute; the times of making and changing stay."""
    folder = write_files(tmp_path / "content", FILES)
    database = tmp_path / "references.db"
    with ServerProcess(content=[folder], database=f"sqlite:///{database}") as server:
        first = asker(server).create(REQUEST).json
        with sqlite3.connect(database) as connection:
            connection.execute("UPDATE reference SET last_access_time = last_access_time - 3600000000")
        connection.close()
        old, moved = (asker(server).create(REQUEST).json for _ in range(2))
    assert old["last_access_time"] < first["last_access_time"] < moved["last_access_time"]
    assert moved["created_at"] == moved["updated_at"] == first["created_at"]


def test_index_follows_the_files(tmp_path: Path) -> None:
    """At a restart: new files are content, changed ones are other content, gone ones are none any more.

    References to content that is gone stay: a repeat is 200, only a new one is 404.
    """
    folder = write_files(tmp_path / "content", {"a.png": b"first", "b.png": b"stays", "c/d.txt": b"goes"})
    database = f"sqlite:///{tmp_path / 'references.db'}"
    gone = {"hash": sha256_of(b"goes"), "tags": ["a"], "name": "kept"}
    with ServerProcess(content=[folder], database=database, api_keys=["one"]) as server:
        made = asker(server).create(gone)
        assert made.json["mime_type"] == "text/plain"
    write_files(folder, {"a.png": b"second", "e.png": b"new"})
    (folder / "c/d.txt").unlink()
    with ServerProcess(content=[folder], database=database, api_keys=["one"]) as server:

        def status(content: bytes, name: str) -> int:
            return asker(server).create({"hash": blake3_of(content), "tags": ["a"], "name": name}).status

        assert [status(content, "x") for content in (b"second", b"stays", b"new")] == [201, 201, 201]
        assert [status(content, "x") for content in (b"first", b"goes")] == [404, 404]
        again = asker(server).create(gone)
    assert (again.status, again.json["id"]) == (200, made.json["id"])


def test_unchanged_files_are_not_read_again(tmp_path: Path) -> None:
    """A file of the same size and time is taken from the index, which shows when its bytes differ."""
    folder = write_files(tmp_path / "content", {"a.bin": b"before"})
    database = f"sqlite:///{tmp_path / 'references.db'}"
    with ServerProcess(content=[folder], database=database):
        pass
    times = (folder / "a.bin").stat()
    write_files(folder, {"a.bin": b"after!"})
    os.utime(folder / "a.bin", ns=(times.st_atime_ns, times.st_mtime_ns))
    with ServerProcess(content=[folder], database=database) as server:
        assert asker(server).create({"hash": blake3_of(b"before"), "tags": ["a"]}).status == 201
        assert asker(server).create({"hash": blake3_of(b"after!"), "tags": ["a"]}).status == 404


def test_index_takes_what_it_can(tmp_path: Path) -> None:
    """Links are followed once, loops end, odd names work; what cannot be read is told and skipped."""
    elsewhere = write_files(tmp_path / "elsewhere", {"far.bin": b"far"})
    folder = write_files(tmp_path / "content", {"a/b/c.bin": b"deep", "plain.bin": b"plain"})
    (folder / "loop").symlink_to(folder)
    (folder / "a/up").symlink_to(folder / "a")
    (folder / "linked").symlink_to(elsewhere)
    (folder / "itself").symlink_to(folder / "itself")
    (folder / "nowhere").symlink_to(folder / "not there")
    os.mkfifo(folder / "pipe")
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff\n.bin")).write_bytes(b"odd name")
    with ServerProcess(content=[folder, folder, elsewhere]) as server:
        for content in (b"far", b"deep", b"plain", b"odd name"):
            assert asker(server).create({"hash": sha256_of(content), "tags": ["a"]}).status == 201
    assert server.ready["content"]["files"] == 4
    skipped = [line for line in server.stderr.splitlines() if line.startswith("skipped ")]
    assert len(skipped) == 2
    assert any("itself" in line for line in skipped)
    assert any("nowhere: No such file" in line for line in skipped)


def test_port_in_use_is_one_sentence(server: ServerProcess) -> None:
    """Exit 2, and no traceback."""
    port = urlsplit(server.url).port
    assert failed(serve("--port", str(port))).endswith(f"127.0.0.1 port {port}: the port is in use")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--content", "{0}/none"], "--content {0}/none: no such folder"),
        (["--content", "{0}/bad.yaml"], "no such folder"),
        (["--api-key", " a"], "an API key must not be empty"),
        (["--api-key", ""], "an API key must not be empty"),
        (["--contract", "{0}/bad.yaml"], "not YAML"),
        (["--contract", "{0}/none.yaml"], "No such file"),
        (["--database", "mysql://user:secret@a/b"], "--database takes a URL such as"),
        (["--database", "references.db"], "--database takes a URL"),
        (["--database", "sqlite://"], "--database needs a file"),
        (["--database", "sqlite:///{0}/none/a.db"], "unable to open database file"),
        (["--database", "sqlite:///{0}/damaged.db"], "file is not a database"),
        (["--ready-file", "{0}/none/ready"], "its folder does not exist"),
        (["--ready-file", "{0}"], "the server cannot run: "),
        (["--host", "no such host"], "error: cannot listen on no such host port 0: "),
        (["--host", "192.0.2.1"], "error: cannot listen on 192.0.2.1 port 0: "),
    ],
)
def test_what_it_is_given_is_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    """Folders, keys, contract, database, address: one sentence that names what is wrong, exit 2."""
    (tmp_path / "bad.yaml").write_text("a: [")
    (tmp_path / "damaged.db").write_bytes(b"this is not a database" * 500)
    assert said.format(tmp_path) in refused(capsys, *(part.format(tmp_path) for part in arguments))


def test_folder_that_cannot_be_read(tmp_path: Path) -> None:
    """Not skipped, as what lies below it would be: nothing at all could be served."""
    closed = tmp_path / "closed"
    closed.mkdir(0)
    is_root = os.geteuid() == 0
    if is_root:  # who may read everything
        os.seteuid(65534)
    try:
        with pytest.raises(StartError, match="closed: cannot be read: Permission denied") as refusal:
            check_folders([closed])
    finally:
        if is_root:
            os.seteuid(0)
    assert refusal.value.code == "usage"


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What `serve` says when it cannot start: one line, exit 2, nothing on stdout.

    In this process: one of its own for each case would take most of the time of this folder.
    """
    status = main(["serve", "--port", "0", *arguments])
    captured = capsys.readouterr()
    assert (status, captured.out, captured.err.count("\n")) == (2, "", 1)
    return captured.err


def test_other_databases_are_refused_and_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One of another version, one of another program, and one whose pages were overwritten."""
    with ServerProcess(database=f"sqlite:///{tmp_path / 'newer.db'}"):
        pass
    damaged = bytearray((tmp_path / "newer.db").read_bytes())
    damaged[4096 * 3 :] = b"\x55" * (len(damaged) - 4096 * 3)
    (tmp_path / "damaged.db").write_bytes(damaged)
    for file, statement in [
        ("newer.db", "UPDATE meta SET value = '99' WHERE name = 'version'"),
        ("other.db", "CREATE TABLE reference (a)"),
    ]:
        with sqlite3.connect(tmp_path / file) as connection:
            connection.execute(statement)
        connection.close()
    for file, said in [
        ("newer.db", f"a database of version 99, this server needs {VERSION}"),
        ("other.db", "a database of something else"),
        ("damaged.db", "damaged"),
    ]:
        before = (tmp_path / file).read_bytes()
        assert said in refused(capsys, "--database", f"sqlite:///{tmp_path / file}")
        if file != "other.db":  # that one is put into WAL mode by looking at it
            assert (tmp_path / file).read_bytes() == before


def test_contract_that_asks_for_more_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A required member that this server has not is told at the start, not when somebody asks."""
    text = specification.load().path.read_text(encoding="utf-8")
    required = "        - created_new\n      properties:\n"
    assert required in text
    changed = text.replace(required, "        - created_new\n        - preview_url\n      properties:\n")
    (tmp_path / "more.yaml").write_text(changed, encoding="utf-8")
    said = refused(capsys, "--contract", str(tmp_path / "more.yaml"))
    assert "cannot answer" in said
    assert "preview_url" in said
    (tmp_path / "fewer.yaml").write_text(
        text.replace('        "201":\n', '        "202":\n'), encoding="utf-8"
    )
    said = refused(capsys, "--contract", str(tmp_path / "fewer.yaml"))
    assert "status 201, which this server answers, is not described" in said


def test_missing_extra_is_one_sentence() -> None:
    """Without the server's packages the command says what to install."""
    code = (
        "import sys; sys.modules['uvicorn'] = None\n"
        "from comfy_assets.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    said = failed(serve("serve", code=code))
    assert said == "error: serve needs the \"server\" extra: pip install 'comfy-assets[server]'"


def test_json_failure_is_an_envelope(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With `--json` a failure is the last JSON line."""
    status = main(["serve", "--json", "--content", str(tmp_path / "none")])
    envelope = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (status, envelope["ok"], envelope["error"]["code"]) == (2, False, "usage")


def test_stale_ready_file_is_removed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One that a killed server left behind would tell a waiting program a lie."""
    (tmp_path / "ready").write_text("{}")
    refused(capsys, "--ready-file", str(tmp_path / "ready"), "--contract", str(tmp_path / "none.yaml"))
    assert not (tmp_path / "ready").exists()


def test_server_process_tells_why_it_did_not_start(tmp_path: Path) -> None:
    """The helper for tests raises with what the server said, and leaves nothing running."""
    never = ServerProcess(content=[tmp_path / "none"])
    with pytest.raises(ServerStartError, match="no such folder"), never:
        pass
    assert ServerProcess().stop() is None


def failed(result: subprocess.CompletedProcess[str]) -> str:
    """The one line about a failure that could not run: exit 2, nothing on stdout, no traceback."""
    assert result.returncode == 2, result
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1, result.stderr
    return result.stderr.strip()
