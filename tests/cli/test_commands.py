"""The commands, as a user runs them."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

import comfy_assets
from comfy_assets import hash_file
from comfy_assets.cli.main import COMMANDS
from tests.cli.conftest import OTHER_KEY, Command
from tests.support import BODY, HASH, Request, answer, scripted


def test_registered_twice(command: Command, stored: Path) -> None:
    """The same file twice is created (201), then existing (200), with the same id."""
    first, second = (
        command("register", stored / "a.png", "--tag", "input", "--recheck", "--json") for _ in range(2)
    )
    assert (first.status, second.status) == (0, 0)
    (one, first_end), (other, second_end) = first.json, second.json
    assert (one["outcome"], one["status_code"]) == ("created", 201)
    assert (other["outcome"], other["status_code"]) == ("existing", 200)
    assert one["id"] == other["id"]
    assert one["hash"] == hash_file(stored / "a.png")
    assert first_end["ok"] is second_end["ok"] is True


def test_folder_with_a_missing_file(command: Command, stored: Path) -> None:
    """Each file of a folder is registered; one that the service does not have is told, and the status is 1."""
    (command.folder / "new.txt").write_text("never stored")
    given = ["--tag", "t", "--name-from", "path", "--metadata", "n=1"]
    ran = command("register", stored, "new.txt", *given, COMFY_CLOUD_API_KEY=OTHER_KEY)
    assert ran.status == 1
    outcomes = {line.split()[2].removesuffix(":"): line.split()[0] for line in ran.lines}
    paths = ["a.png", "sub/b.safetensors", "sub/deeper/ü.txt"]
    assert outcomes == {**{str(stored / path): "created" for path in paths}, "new.txt": "missing"}
    assert "3 created, 1 missing" in ran.stderr
    assert "1 of 4 have no reference" in ran.stderr


def test_name_from_path(command: Command, stored: Path) -> None:
    """`--name-from path` names a reference after its path below the folder that is given."""
    with scripted(answer(201, BODY)) as server:
        command("register", stored, "--tag", "t", "--name-from", "path", COMFY_CLOUD_BASE_URL=server.url)
        command("register", stored, "--tag", "t", COMFY_CLOUD_BASE_URL=server.url)
    names = [request.json["name"] for request in server.requests]
    # Files are registered side by side: their order is chance.
    assert sorted(names[:3]) == ["a.png", "sub/b.safetensors", "sub/deeper/ü.txt"]
    assert sorted(names[3:]) == ["a.png", "b.safetensors", "ü.txt"]


def test_dry_run_sends_nothing(command: Command, stored: Path) -> None:
    """`--dry-run` shows each file with its name, and asks nobody."""
    with scripted(answer(201, BODY)) as server:
        ran = command("register", stored, "--tag", "t", "--dry-run", COMFY_CLOUD_BASE_URL=server.url)
    assert ran.status == 0
    assert len(ran.lines) == 3
    assert server.connections == 0


@pytest.mark.parametrize("named", [["absent", "--tag", "t"], ["--comfyui", "absent"]], ids=" ".join)
def test_dry_run_of_what_is_not_there(command: Command, named: list[str]) -> None:
    """A path that does not exist ends a `--dry-run` as it would end the run: 2, and named."""
    ran = command("register", *named, "--dry-run")
    assert ran.status == 2
    assert "no such path: absent" in ran.stderr


def test_from_hash(command: Command, stored: Path) -> None:
    """`from-hash` registers content by its hash, by either algorithm, with name, MIME type and metadata."""
    for algorithm in ("blake3", "sha256"):
        hash_ = hash_file(stored / "a.png", algorithm)
        given = [
            "--tag",
            "x",
            "--tag",
            "y",
            "--name",
            f"by {algorithm}",
            "--mime-type",
            "image/x",
            "--metadata",
            'm={"a": [1]}',
        ]
        ran = command("from-hash", hash_, *given, "--metadata", "t=plain", "--json")
        assert ran.status == 0
        [end] = ran.json
        asset = end["data"]["asset"]
        assert end["data"]["outcome"] == "created"
        assert (asset["name"], asset["mime_type"]) == (f"by {algorithm}", "image/x")
        assert set(asset["tags"]) == {"x", "y"}
        assert asset["user_metadata"] == {"m": {"a": [1]}, "t": "plain"}
        assert asset["asset_hash"] == hash_file(stored / "a.png")


def test_hash_prints_what_b3sum_would(command: Command, stored: Path) -> None:
    """`hash` prints hash, two spaces and path for each file, in the order of the names."""
    ran = command("hash", stored, "--algorithm", "sha256")
    paths = [stored / "a.png", stored / "sub" / "b.safetensors", stored / "sub" / "deeper" / "ü.txt"]
    assert ran.lines == [f"{hash_file(path, 'sha256')}  {path}" for path in paths]
    assert (ran.status, ran.stderr) == (0, "")


def test_hash_of_odd_names(command: Command) -> None:
    """Names with newlines, backslashes, spaces, leading dashes and bytes that are no UTF-8 are told apart."""
    names = [b"-n", b" ", b"a\nb", b"back\\slash", b"caf\xe9", "\u202eabc".encode()]
    for name in names:
        (Path(os.fsdecode(os.fsencode(command.folder) + b"/" + name))).write_bytes(name)
    ran = command("hash", ".")
    assert ran.status == 0
    printed = {line.partition(b"  ")[2] for line in ran.stdout.splitlines()}
    assert printed == {b"./-n", b"./ ", b"./a\\nb", b"./back\\\\slash", b"./caf\xe9", "./\u202eabc".encode()}
    assert len(command("hash", ".", "--json").json) == len(names) + 1


#: What is typed, in an empty folder with the service in the environment → status, words on stderr.
MISTAKES = {
    "no command": ([], 2, "Usage: comfy-assets"),
    "unknown command": (["regsiter"], 2, "No such command 'regsiter'. Did you mean 'register'?"),
    "unknown command, near none": (["upload"], 2, "No such command 'upload'."),
    "no shell": (["completion"], 2, "bash|zsh|fish"),
    "unknown shell": (["completion", "tcsh"], 2, "'tcsh'"),
    "unknown option": (["hash", "x", "--fast"], 2, "No such option"),
    "no path": (["register", "--tag", "t"], 2, "Missing argument 'PATH...'"),
    "a ComfyUI folder elsewhere": (
        ["register", "--comfyui", "s3://bucket/ComfyUI"], 2, "--comfyui takes a folder of this machine",
    ),
    "no tags": (["register", "."], 2, "no tags: give at least one with --tag"),
    "path does not exist": (["register", "nowhere", "--tag", "t"], 2, "no such path: nowhere"),
    "hash of nothing": (["hash", "nowhere"], 2, "nowhere: No such file or directory"),
    "metadata without value": (["register", ".", "--tag", "t", "--metadata", "k"], 2, "not of the form K=V"),
    "metadata twice": (["register", ".", "--tag", "t", "--metadata", "k=1", "--metadata", "k=2"], 2, "given twice"),
    "a file name as hash": (["from-hash", "a.png", "--tag", "t"], 2, "compute it with"),
    "bare hex": (["from-hash", "a1" * 32, "--tag", "t"], 2, "hash: expected a string that matches"),
    "from-hash without tag": (["from-hash", HASH], 2, "Missing option '--tag'"),
    "unknown content": (["from-hash", HASH, "--tag", "t"], 1, "404"),
    "wrong key": (["from-hash", HASH, "--tag", "t", "--api-key", "wrong"], 2, "401"),
    "key with a space": (["from-hash", HASH, "--tag", "t", "--api-key", "a b"], 2, "visible ASCII"),
    "two keys": (["from-hash", HASH, "--tag", "t", "--api-key", "a", "--api-key-file", "b"], 2, "exclude each other"),
    "no key file": (["from-hash", HASH, "--tag", "t", "--api-key-file", "nowhere"], 2, "'nowhere' cannot be read"),
    "no URL": (["from-hash", HASH, "--tag", "t", "--base-url", "cloud"], 2, "'cloud' is no base URL"),
    "key for another host": (["from-hash", HASH, "--tag", "t", "--base-url", "http://127.0.0.1:9"], 2, "is not sent to"),
    "service is down": (
        ["from-hash", HASH, "--tag", "t", "--base-url", "http://127.0.0.1:9", "--api-key", "k"], 2, "no answer from",
    ),
    "timeout of nothing": (["from-hash", HASH, "--tag", "t", "--timeout", "0"], 2, "--timeout"),
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "status", "words"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes(command: Command, arguments: list[str], status: int, words: str) -> None:
    """Each mistake gets its sentence on stderr and its exit status, and nothing on stdout."""
    ran = command(*arguments)
    assert ran.status == status
    assert words in ran.stderr
    assert not [line for line in ran.lines if not line.startswith("failed")]


@pytest.mark.parametrize(
    ("arguments", "status", "words"), list(MISTAKES.values())[1:], ids=list(MISTAKES)[1:]
)
def test_mistakes_as_json(command: Command, arguments: list[str], status: int, words: str) -> None:
    """With `--json` the last line is an envelope that says what went wrong, and stderr is empty."""
    ran = command(*arguments, "--json")
    end = ran.json[-1]
    assert ran.status == status
    assert ran.stderr == ""
    assert end["ok"] is False
    assert end["error"]["code"]
    assert end["schema"] == "envelope/1"
    assert words in end["error"]["message"] or any(
        words.endswith(str(event.get("reason"))) for event in ran.json
    )


def test_key_from_a_file(command: Command, stored: Path) -> None:
    """`--api-key-file` holds the key, with or without a newline."""
    (command.folder / "key").write_text(command.environment()["COMFY_CLOUD_API_KEY"] + "\n")
    hash_ = hash_file(stored / "a.png")
    ran = command("from-hash", hash_, "--tag", "t", "--api-key-file", "key", COMFY_CLOUD_API_KEY="wrong")
    assert ran.status == 0


def test_a_run_stops_where_no_file_can_succeed(command: Command, stored: Path) -> None:
    """A key that is refused ends the run at the first file, with status 2."""
    ran = command("register", stored, "--tag", "t", "--json", COMFY_CLOUD_API_KEY="wrong")
    assert ran.status == 2
    [end] = ran.json
    assert (end["error"]["code"], end["ok"]) == ("authentication", False)


def test_what_cannot_be_read_does_not_stop_the_rest(command: Command, stored: Path) -> None:
    """A dangling link, a pipe and a link that leads back to its own folder are told, and the rest goes on."""
    (command.folder / "dangling").symlink_to("nowhere")
    (command.folder / "loop").symlink_to(".")
    os.mkfifo(command.folder / "pipe")
    (command.folder / "z.png").write_bytes((stored / "a.png").read_bytes())
    ran = command("register", ".", "--tag", "t")
    assert ran.status == 1
    assert [line.split()[0] for line in ran.lines] == ["failed", "failed", "created"]
    assert "is a pipe, not a file" in ran.lines[1]


def test_name_that_is_no_unicode(command: Command) -> None:
    """A file whose name is no UTF-8 cannot be sent as a name; it fails by itself, in readable words."""
    Path(os.fsdecode(os.fsencode(command.folder) + b"/caf\xe9")).write_bytes(b"x")
    ran = command("register", ".", "--tag", "t", "--json")
    assert ran.status == 1
    assert ran.json[0]["outcome"] == "failed"
    assert "UTF-8" in ran.json[0]["reason"]


def silent(_: Request) -> None:
    """Says nothing for longer than an interruption takes."""
    time.sleep(5)


def test_interrupted(command: Command, stored: Path) -> None:
    """Ctrl-C ends a run with status 130 and a word, without a traceback."""
    with scripted(silent) as server:
        process = subprocess.Popen(
            [sys.executable, "-m", "comfy_assets", "register", stored, "--tag", "t"],
            env={**command.environment(), "COMFY_CLOUD_BASE_URL": server.url},
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        while not server.connections and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "error: interrupted" in said.decode().splitlines()
    assert b"Traceback" not in said


def test_reader_that_goes_away(command: Command, tmp_path: Path) -> None:
    """`| head` ends the command quietly."""
    for number in range(2000):
        (tmp_path / f"{number:05}-{'x' * 80}").touch()
    shell = f"'{sys.executable}' -m comfy_assets hash . | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", shell], cwd=tmp_path, env=command.environment(), capture_output=True, check=False
    )
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == b""
    assert done.returncode == 2


def test_help(command: Command) -> None:
    """`--help` of each command and of all tells what it does, and imports no HTTP library."""
    listed = command("--help").lines
    for name, line in COMMANDS.items():
        assert any(name in one and line in one for one in listed)
        helped = command(name, "--help")
        assert helped.status == 0
        assert f"Usage: comfy-assets {name}" in helped.lines[0]
    assert command("--version").lines == [f"comfy-assets, version {comfy_assets.__version__}"]
    imported = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "comfy_assets", "--help"],
        env=command.environment(),
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    assert "click" in imported
    assert not [
        name for name in ("httpx", "attrs", "rich", "starlette", "aiohttp") if f" {name}\n" in imported
    ]


def test_no_key(command: Command, stored: Path) -> None:
    """Whoever has no key yet is told how it is given, and where one for Comfy Cloud is made."""
    ran = command("register", stored, "--tag", "t", COMFY_CLOUD_API_KEY="")
    assert ran.status == 2
    assert "hint: export COMFY_CLOUD_API_KEY=..., or give --api-key-file FILE" in ran.stderr
    assert "account settings on comfy.org" in ran.stderr


def test_database_that_was_not_there(command: Command) -> None:
    """A slip in a database's name is told, and not again; in JSON, stderr stays empty."""
    for name, given, words in (("a", [], "is new"), ("a", [], ""), ("b", ["--json"], "")):
        ran = command("keys", "list", "--database", f"sqlite:///{name}.db", *given)
        assert ran.status == 0
        assert words in ran.stderr
        assert bool(words) is bool(ran.stderr)


@pytest.mark.skipif(os.name == "nt", reason="a shell of POSIX")
@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("hash FILE >&-", 0),
        ("hash FILE --json >&-", 0),
        ("hash nowhere 2>&-", 2),
        ("hash nowhere <&- >&- 2>&-", 2),
        ("register FILE --tag t --dry-run <&- >&- 2>&-", 0),
        ("register --files-from - --tag t --dry-run <&-", 0),
    ],
)
def test_closed_streams(command: Command, stored: Path, words: str, status: int) -> None:
    """Started with streams closed, a command says nothing there, and its exit status is what it always is."""
    line = f"{sys.executable} -m comfy_assets {words.replace('FILE', str(stored / 'a.png'))}"
    done = subprocess.run(
        ["sh", "-c", line],
        cwd=command.folder,
        env=command.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="a pseudo-terminal")
@pytest.mark.parametrize("plain", [{}, {"NO_COLOR": "1"}], ids=["colours", "without"])
def test_lines_on_a_terminal(command: Command, stored: Path, plain: dict[str, str]) -> None:
    """On a narrow terminal each line stays whole, to be copied; its outcome has a colour, unless NO_COLOR says no."""
    master, slave = os.openpty()
    termios.tcsetwinsize(slave, (24, 40))
    done = subprocess.Popen(
        [sys.executable, "-m", "comfy_assets", "register", stored, "new.txt", "--tag", "narrow"],
        cwd=command.folder,
        env={**command.environment(), "TERM": "xterm-256color", **plain},
        stdin=subprocess.DEVNULL,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    seen = b""
    with contextlib.suppress(OSError):  # the end of a terminal
        while more := os.read(master, 65536):
            seen += more
    assert done.wait(60) == 2
    os.close(master)
    printed = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.decode())
    for path in ("a.png", "sub/b.safetensors", "sub/deeper/ü.txt"):
        line = rf"(created|existing)   ?[0-9a-f-]{{36}}  {stored / path}(: exists with other tags)?\r?\n"
        assert re.search(line, printed), printed[-2000:]
    coloured = re.search(rb"\x1b\[3[26]m(created|existing)", seen)
    assert bool(coloured) is not bool(plain)
