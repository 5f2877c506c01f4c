"""Files in object stores become references, streamed."""

from __future__ import annotations

import functools
import http.server
import itertools
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import blake3
import pytest

from comfy_assets.errors import InputError
from comfy_assets.hashing import hash_file
from comfy_assets.library.items import Item, LeftOut, in_units
from comfy_assets.library.options import Options
from comfy_assets.library.reading import ChangedError, Pace
from comfy_assets.library.remote import RemoteItem, Root, is_remote, look, shown
from comfy_assets.library.sources import of_paths
from tests.cli.conftest import Command
from tests.cluster.conftest import put


def test_objects_are_registered_and_not_read_again(
    command: Command, s3: dict[str, str], library: Path
) -> None:
    """Objects get references under their names, told first with their bytes; a second run downloads nothing."""
    ran = command(
        "register", "s3://models", "--tag", "s3", "--name-from", "path", "--exclude", "0009*", "--json", **s3
    )
    assert ran.status == 0, ran.json
    assert ran.json[0]["type"] == "note"
    size = sum((library / "sub" / f"{one:04}.bin").stat().st_size for one in range(9))
    assert ran.json[0]["message"] == f"9 objects, at most {in_units(size)} to download"
    files = {one["path"]: one for one in ran.json if one["type"] == "file"}
    assert sorted(files) == [f"s3://models/sub/{one:04}.bin" for one in range(9)]
    first = files["s3://models/sub/0001.bin"]
    assert (first["name"], first["hash"]) == ("sub/0001.bin", hash_file(library / "sub" / "0001.bin"))
    again = command("register", "s3://models/sub", "--tag", "s3", "--exclude", "0009*", "--json", **s3)
    assert again.json[-1]["data"]["bytes_read"] == 0
    put(s3["AWS_ENDPOINT_URL"], "models/sub/0001.bin", b"changed")
    try:
        changed = command("register", "s3://models/sub/0001.bin", "--tag", "s3", "--explain", **s3)
        assert changed.status == 1
        assert "another" in changed.lines[0]
    finally:
        original = (library / "sub" / "0001.bin").read_bytes()
        put(s3["AWS_ENDPOINT_URL"], "models/sub/0001.bin", original)


def test_dry_run_tells_the_bytes(command: Command, s3: dict[str, str]) -> None:
    """Before anything is downloaded one hears how much it will be."""
    ran = command("register", "s3://models/sub/0000.bin", "--tag", "t", "--dry-run", **s3)
    assert ran.status == 0
    assert "1 object, at most 9.8 KiB to download" in ran.stderr


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("s3://no-such-bucket/x", "no such path"),
        ("s3://models/none", "no such path"),
        ("nothing://x", "nothing://x"),
        ("gs://bucket/x", "gcsfs"),
    ],
)
def test_what_is_not_there(command: Command, s3: dict[str, str], url: str, words: str) -> None:
    """A bucket or an object that does not exist ends with 2, and so does a package that is missing."""
    ran = command("register", url, "--tag", "t", **s3)
    assert ran.status == 2
    assert words in ran.stderr


def test_credentials_are_shown_nowhere() -> None:
    """Neither a password in a URL nor a signature is part of what is shown."""
    assert shown("ftp://me:p@ss@host/a") == "ftp://host/a"
    signed = "https://h/a?id=3&X-Amz-Signature=abc&X-Amz-Credential=d"
    assert shown(signed) == "https://h/a?id=3&X-Amz-Signature=***&X-Amz-Credential=***"
    with pytest.raises(InputError) as raised:
        Root.of("nothing://me:secret@host/x")
    assert "secret" not in str(raised.value)


def test_paths_and_urls_are_told_apart() -> None:
    """A disk of Windows is no URL; a chained URL is one."""
    assert [is_remote(one) for one in ("C://a", "a/b", "a:b", "s3://b", "simplecache::s3://b")] == [
        False, False, False, True, True,
    ]  # fmt: skip


def test_a_weak_etag_is_no_version() -> None:
    """An etag that may stay while the bytes change is not trusted."""
    assert look({"size": 1, "ETag": 'W/"x"'}) is None
    assert look({"size": 1, "ETag": '"x"'}) != look({"size": 1, "ETag": '"y"'})
    assert look({"name": "x"}) is None


def test_object_that_changes_while_it_is_read() -> None:
    """An object that is another one after reading has no digest."""
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe("/changing/a", b"x" * 3_000_000)
    given = list(of_paths(["memory://changing/"], ["t"], Options())())
    [item] = [one for one in given if isinstance(one, RemoteItem)]
    count = itertools.count()

    def change(_: int) -> None:
        if next(count) == 0:
            memory.pipe("/changing/a", b"y" * 3_000_000)

    pace = Pace(None, threading.Event())
    with pytest.raises(ChangedError):
        item.file.read("blake3", pace, change)
    assert item.file.read("blake3", pace, lambda _: None).hash.startswith("blake3:")
    memory.rm("/changing", recursive=True)
    with pytest.raises(FileNotFoundError):
        item.file.read("blake3", pace, lambda _: None)


def test_what_is_left_out_of_a_store() -> None:
    """Folders and objects by patterns, and unfinished downloads, which are told."""
    import fsspec

    memory = fsspec.filesystem("memory")
    for name in ("a.bin", "b.part", "c.txt", "skip/d.bin", "deep/e.bin"):
        memory.pipe(f"/leaving/{name}", b"x")
    options = Options(exclude=["skip/", "*.txt"])
    given = list(of_paths(["memory://leaving/"], ["t"], options)())
    memory.rm("/leaving", recursive=True)
    assert sorted(one.name or "" for one in given if isinstance(one, Item)) == ["a.bin", "e.bin"]
    left = {one.path: one.reason for one in given if isinstance(one, LeftOut) and one.told}
    assert [path for path, reason in left.items() if reason == "an unfinished download"] == [
        "memory://leaving/b.part"
    ]


def test_http(command: Command, library: Path) -> None:
    """A file of an ordinary web server is one object; a password in its URL is printed nowhere."""
    serve = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(library / "sub"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://me:hidden-word@127.0.0.1:{server.server_address[1]}/0002.bin"
        ran = command("register", url, "--tag", "web", "--json")
        server.shutdown()
    assert "hidden-word" not in ran.stdout.decode() + ran.stderr
    assert ran.status == 0, ran.stdout
    [file] = [one for one in ran.json if one["type"] == "file"]
    assert file["outcome"] in ("created", "existing")  # another test may have asked first
    assert file["name"] == "0002.bin"


class Answers(http.server.BaseHTTPRequestHandler):
    """A web server that says no size, and shows `secret` to nobody."""

    def do_GET(self) -> None:
        asked = re.search(r"/status-(\d+)", self.path)
        status = int(asked[1]) if asked else 403 if "secret" in self.path else 200
        self.send_response(status)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(b"of unknown size")

    do_HEAD = do_GET  # noqa: N815 - the base's name

    def log_message(self, *_: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] # says nothing
        pass


@pytest.fixture
def web() -> Iterator[str]:
    """Its URL."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_object_of_unknown_size(command: Command, web: str) -> None:
    """It is told as such before it is read, and is read to its end."""
    ran = command("register", f"{web}/a.bin", "--tag", "t", "--json")
    assert ran.json[0]["message"] == "1 object of unknown size to download"
    [file] = [one for one in ran.json if one["type"] == "file"]
    assert file["hash"] == "blake3:" + blake3.blake3(b"of unknown size").hexdigest()


@pytest.mark.parametrize(
    ("status", "words", "ends"),
    [
        (404, "no such path", 2),
        (410, "no such path", 2),
        (401, "permission denied", 1),
        (403, "permission denied", 1),
        (500, "the server answered 500", 1),
    ],
)
def test_what_a_web_server_refuses(command: Command, web: str, status: int, words: str, ends: int) -> None:
    """What is not there, what one may not see and what is broken are told apart."""
    ran = command("register", f"{web}/status-{status}", "--tag", "t")
    assert (ran.status, words in ran.stdout.decode() + ran.stderr) == (ends, True), ran


def test_no_server(command: Command) -> None:
    """A web server that is down is not an object that is not there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        ran = command("register", f"http://127.0.0.1:{free.getsockname()[1]}/a", "--tag", "t")
    assert (ran.status, "Connect" in ran.stdout.decode()) == (1, True), ran


def test_hash(command: Command, s3: dict[str, str], library: Path) -> None:
    """URLs are hashed as files are; one that is not there ends with 2."""
    ran = command("hash", "s3://models/sub/0003.bin", library / "sub" / "0003.bin", **s3)
    digest = hash_file(library / "sub" / "0003.bin")
    assert ran.lines == [f"{digest}  s3://models/sub/0003.bin", f"{digest}  {library}/sub/0003.bin"]
    ran = command("hash", "s3://models/none", **s3)
    assert (ran.status, "there is no such object" in ran.stderr) == (2, True), ran


def test_permission_denied(command: Command, web: str) -> None:
    """What this user may not read has no reference, and the command says why."""
    keys = {"AWS_ENDPOINT_URL": web, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    ran = command("register", "s3://secret/secret", "--tag", "t", **keys)
    assert ran.status in (1, 2)
    assert any(word in (ran.stdout.decode() + ran.stderr).lower() for word in ("forbidden", "denied"))
