"""Whatever is wrong with a request, the answer is the documented status in the contract's error body."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path
from typing import Any

import pytest

from comfy_assets import specification
from comfy_assets.server.process import ServerProcess
from tests.server.asking import (
    FILES,
    PATH,
    PORTRAIT,
    Answered,
    Asker,
    blake3_of,
    connected,
    received,
    write_files,
)
from tests.support import until

HASH = blake3_of(PORTRAIT)
GOOD = json.dumps({"hash": HASH, "tags": ["a"], "name": "refusals"}).encode()


def assert_refused(answer: Answered, status: int, said: str = "") -> None:
    """The status, and a body that satisfies the contract's error schema and is short."""
    assert answer.status == status, answer.body[:300]
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json) == {"code", "message"}
    assert said in answer.json["message"]
    assert len(answer.json["message"]) < 500
    assert "Traceback" not in answer.json["message"]


def with_members(**members: Any) -> bytes:
    return json.dumps({"hash": HASH, "tags": ["a"], **members}).encode()


def with_metadata(text: str) -> bytes:
    """A request whose metadata is this text, put in as it is."""
    return b'{"hash": "%s", "tags": ["a"], "user_metadata": %s}' % (HASH.encode(), text.encode())


#: A body, and what the message must say of it.
BROKEN = {
    "no hash": (b'{"tags": ["a"]}', "hash is required"),
    "no tags": (b'{"hash": "%s"}' % HASH.encode(), "tags is required"),
    "empty tags": (with_members(tags=[]), "tags needs at least 1 item"),
    "tags null": (with_members(tags=None), "tags must be of type array"),
    "tags text": (with_members(tags="a,b"), "tags must be of type array"),
    "tag number": (with_members(tags=["a", 1]), "tags[1] must be of type string"),
    "many wrong tags": (with_members(tags=[1] * 1000), "tags[0] must be of type string"),
    "hash upper case": (with_members(hash=HASH.upper()), "hash must match the pattern"),
    "hash newline": (with_members(hash=HASH + "\n"), "hash must match the pattern"),
    "hash space": (with_members(hash=" " + HASH), "hash must match the pattern"),
    "hash bare": (with_members(hash=HASH[7:]), "hash must match the pattern"),
    "hash short": (with_members(hash=HASH[:-1]), "hash must match the pattern"),
    "hash other": (with_members(hash="md5:" + HASH[7:]), "hash must match the pattern"),
    "hash huge": (with_members(hash="x" * 500_000), "hash must match the pattern"),
    "name number": (with_members(name=1), "name must be of type string"),
    "name null": (with_members(name=None), "name must be of type string"),
    "type null": (with_members(mime_type=None), "mime_type must be of type string"),
    "metadata array": (with_members(user_metadata=[]), "user_metadata must be of type object"),
    "metadata null": (with_members(user_metadata=None), "user_metadata must be of type object"),
    "array": (b"[]", "the body must be of type object"),
    "text": (b'"a"', "the body must be of type object"),
    "number": (b"1", "the body must be of type object"),
    "null": (b"null", "the body must be of type object"),
    "empty": (b"", "the body is empty"),
    "blank": (b" ", "not JSON"),
    "cut short": (GOOD[:-1], "not JSON"),
    "two values": (GOOD + GOOD, "not JSON"),
    "trailing comma": (b'{"a": 1,}', "not JSON"),
    "comment": (b"/* a */ {}", "not JSON"),
    "single quotes": (b"{'a': 1}", "not JSON"),
    "form": (b"hash=a&tags=b", "not JSON"),
    "raw control character": (b'{"a": "\x01"}', "not JSON"),
    "raw NUL": (b'{"a": "\0"}', "not JSON"),
    "bad escape": (b'{"a": "\\x"}', "not JSON"),
    "UTF-16": (GOOD.decode().encode("utf-16"), "not UTF-8"),
    "UTF-16 without mark": (GOOD.decode().encode("utf-16-le"), "not JSON"),
    "Latin-1": ('{"hash": "é"}'.encode("latin-1"), "not UTF-8"),
    "overlong": (b'{"a": "\xc0\xaf"}', "not UTF-8"),
    "raw surrogate": (b'{"a": "\xed\xa0\x80"}', "not UTF-8"),
    "byte order mark": (b"\xef\xbb\xbf" + GOOD, "byte order mark"),
    "NaN": (with_metadata('{"a": NaN}'), "NaN"),
    "Infinity": (with_metadata('{"a": -Infinity}'), "Infinity"),
    "too large a number": (with_metadata('{"a": 1e400}'), "too large"),
    "too long an integer": (with_metadata('{"a": 1%s}' % ("0" * 4300)), "more than 4300 digits"),
    "very long integer": (b"1" * 900_000, "more than 4300 digits"),
    "lone surrogate": (with_metadata(r'{"a": "\ud800"}'), "user_metadata.a: a lone surrogate"),
    "lone surrogate in a name": (with_members(name="\udfff"), "name: a lone surrogate"),
    "lone surrogate in a tag": (with_members(tags=["a", "\ud83d"]), "tags[1]: a lone surrogate"),
    "lone surrogate in a member": (with_metadata(r'{"x": {"\ud800": 1}}'), "user_metadata.x: a lone"),
    "lone surrogate at the top": (b'{"\\udc00": 1}', "the body: a lone surrogate"),
    "surrogates reversed": (with_metadata(r'{"a": "\ude00\ud83d"}'), "a lone surrogate"),
    "NUL": (with_metadata(r'{"a": ["b", "\u0000"]}'), "user_metadata.a[1]: the character NUL"),
    "NUL in a member": (with_metadata(r'{"\u0000": 1}'), "user_metadata: the character NUL"),
    "NUL in the name": (with_members(name="a\0"), "name: the character NUL"),
    "NUL in the hash": (with_members(hash=HASH + "\0"), "hash: the character NUL"),
    "twice": (b'{"hash": "a", "hash": "b"}', 'the member "hash" stands twice'),
    "twice inside": (with_metadata('{"a": {"b": 1, "b": 1}}'), 'the member "b" stands twice'),
    "twice, a surrogate": (with_metadata(r'{"\ud800": 1, "\ud800": 1}'), "stands twice"),
    "twice, long": (with_metadata('{"x%s": 1, "x%s": 1}'.replace("%s", "x" * 9999)), "stands twice"),
    "too deep": (with_metadata('{"a":' * 100 + "1" + "}" * 100), "deeper than 100 levels"),
    "too many members": (with_metadata("[" + "0," * 50_000 + "0]"), "more than 50000 members and items"),
    "far too deep": (b"[" * 500_000, "deeper than 100 levels"),
    "far too deep, closed": (b"[" * 50_000 + b"]" * 50_000, "deeper than 100 levels"),
    "deep objects": (b'{"a":' * 100_000, "deeper than 100 levels"),
    "long place": (with_metadata('{"%s": "\\u0000"}' % ("x" * 9999)), "NUL"),
}


@pytest.mark.parametrize(("body", "said"), BROKEN.values(), ids=BROKEN)
def test_broken_body_is_refused_with_its_cause(ask: Asker, body: bytes, said: str) -> None:
    """400, the error body, and a message that names the place and the limit."""
    assert_refused(ask.send(body), 400, said)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": None},
        {"Content-Type": ""},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/jsonp"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "application/json, application/json"},
        {"Content-Type": "application/problem+json"},
        {"Content-Encoding": "gzip"},
        {"Content-Encoding": "br, identity"},
    ],
    ids=str,
)
def test_body_of_another_kind_is_refused(ask: Asker, headers: dict[str, str | None]) -> None:
    """A media type that is not the contract's, another charset, and compression."""
    body = gzip.compress(GOOD) if "Content-Encoding" in headers else GOOD
    assert_refused(ask.send(body, headers=headers), 400)


@pytest.mark.parametrize(
    "key", [None, "", "x", "first-owner-kex", "first-owner-key2", "FIRST-OWNER-KEY", "k\u00e9"]
)
def test_wrong_key_is_401_before_the_body_is_looked_at(ask: Asker, key: str | None) -> None:
    """With a challenge, whatever the body is, and without the key that was sent."""
    for body in (GOOD, b"{", b"", b"x" * 2_000_000):
        answer = ask.send(body, headers={"X-API-Key": key})
        assert_refused(answer, 401)
        assert answer.headers["www-authenticate"] == "ApiKey"
        assert key is None or len(key) < 2 or key.encode() not in answer.body


def test_two_keys_are_none(server: ServerProcess) -> None:
    """Two headers, even with the same right key, do not say who asks."""
    head = f"POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n"
    key = f"X-API-Key: {server.api_keys[0]}\r\n"
    assert raw(server, (head + key + key + "\r\n").encode()).startswith(b"HTTP/1.1 401 ")


def test_body_above_the_limit_is_413(ask: Asker) -> None:
    """One byte more than a MiB, announced or not, is refused; a MiB is not."""
    padding = 1024 * 1024 - len(GOOD)
    assert ask.send(GOOD + b" " * padding).status in {200, 201}
    assert_refused(ask.send(GOOD + b" " * (padding + 1)), 413)
    assert_refused(ask.send(b"x" * 10_000_000), 413)


def test_chunked_body_is_read_and_limited(server: ServerProcess) -> None:
    """A length that is not announced is counted."""
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: a\r\nX-API-Key: {server.api_keys[0]}\r\nConnection: close\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    ).encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (GOOD[:7], GOOD[7:]))
    assert raw(server, head + chunks + b"0\r\n\r\n").split()[1] in {b"200", b"201"}
    large = b"%x\r\n%s\r\n" % (2_000_000, b"x" * 2_000_000)
    assert raw(server, head + large + b"0\r\n\r\n").split()[1] == b"413"


def test_announced_length_far_above_the_limit_is_413_at_once(server: ServerProcess) -> None:
    """Nobody has to send a gigabyte to be told."""
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: a\r\nX-API-Key: {server.api_keys[0]}\r\n"
        "Content-Type: application/json\r\nContent-Length: 1000000000\r\n\r\n"
    ).encode()
    answer = raw(server, head)
    assert answer.split()[1] == b"413"
    assert b"connection: close" in answer.lower()


def test_slow_body_is_408(tmp_path: Path) -> None:
    """A body that drips longer than the limit ends the connection, in the error body."""
    with ServerProcess(options=["--body-timeout", "0.3"]) as server:
        with connected(server.url) as connection:
            connection.sendall(
                f"POST {PATH} HTTP/1.1\r\nHost: a\r\nX-API-Key: {server.api_keys[0]}\r\n"
                "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n".encode()
            )
            started = time.monotonic()
            for _ in range(2):
                connection.sendall(b" ")
                time.sleep(0.05)
            answer = received(connection)
        assert 0.2 < time.monotonic() - started < 5
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert set(json.loads(answer.partition(b"\r\n\r\n")[2])) == {"code", "message"}


def test_connection_that_ends_inside_a_body_harms_nobody(server: ServerProcess, ask: Asker) -> None:
    """The server answers the next one, and has nothing to say on stderr."""
    said = server.stderr
    with connected(server.url) as connection:
        connection.sendall(
            f"POST {PATH} HTTP/1.1\r\nHost: a\r\nX-API-Key: {server.api_keys[0]}\r\n"
            "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{".encode()
        )
    assert ask.send(GOOD).status in {200, 201}
    assert server.stderr == said


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "post"])
def test_other_method_is_405_with_allow(ask: Asker, method: str) -> None:
    """With and without a body or a key; methods are case-sensitive."""
    for body in (None, GOOD):
        for headers in ({}, {"X-API-Key": None}):
            answer = ask.send(body, method=method, headers=headers)
            assert_refused(answer, 405)
            assert answer.headers["allow"] == "POST"


def test_head_is_405_without_a_body(ask: Asker) -> None:
    """HEAD has the headers of the refusal and no body."""
    answer = ask.send(None, method="HEAD")
    assert (answer.status, answer.body, answer.headers["allow"]) == (405, b"", "POST")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        PATH + "/",
        PATH + "/x",
        "/" + PATH,
        PATH.upper(),
        "/api/assets",
        "/api/../" + PATH,
        "/%00",
        "/docs/other",
    ],
)
def test_unknown_path_is_404_and_no_redirect(ask: Asker, path: str) -> None:
    """Also a trailing slash, another case, and dots."""
    for method in ("GET", "POST", "HEAD"):
        answer = ask.send(None, method=method, path=path)
        assert answer.status == 404
        assert "location" not in answer.headers
        if method != "HEAD":
            assert_refused(answer, 404)


def test_query_changes_nothing(ask: Asker) -> None:
    """The operation has no parameters; what follows the path is passed over."""
    assert ask.send(GOOD, path=PATH + "?a=b&X-API-Key=wrong").status in {200, 201}


def test_absolute_target_is_the_same_path(ask: Asker) -> None:
    """As RFC 9112 asks of every server."""
    assert ask.send(GOOD, path="http://any.example" + PATH).status in {200, 201}


@pytest.mark.parametrize(
    "request_",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n" % PATH.encode(),
        b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %s\r\n\r\n" % (PATH.encode(), b"9" * 5000),
        b"POST %s HTTP/1.1\r\nHost: a\r\nX-A: %s\r\n\r\n" % (PATH.encode(), b"x" * 100_000),
        b"POST %s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" % PATH.encode(),
    ],
    ids=lambda request_: request_[:20].decode() + str(len(request_)),
)
def test_what_is_not_http_is_refused_in_the_same_form(server: ServerProcess, request_: bytes) -> None:
    """Also below the application the error has the contract's body, or the key comes first."""
    answer = raw(server, request_)
    assert answer.split()[1] in {b"400", b"401"}
    assert set(json.loads(answer.partition(b"\r\n\r\n")[2])) == {"code", "message"}


def test_malformed_rest_after_an_answer_leaves_no_trace(server: ServerProcess, ask: Asker) -> None:
    """A chunk that is none, after the 401 was sent, ends the connection and says nothing on stderr."""
    said = server.stderr
    with connected(server.url) as connection:
        connection.sendall(
            b"POST %s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" % PATH.encode()
        )
        assert connection.recv(5000).startswith(b"HTTP/1.1 401 ")
        connection.sendall(b"zz\r\n")
        received(connection)
    assert ask.send(GOOD).status in {200, 201}
    assert server.stderr == said


def test_unforeseen_failure_is_500_without_its_cause(tmp_path: Path) -> None:
    """A database that lost its tables: the error body for who asks, the cause on stderr, no key anywhere."""
    import sqlite3

    database = tmp_path / "a.db"
    key = "the-key-nobody-may-see"
    folder = write_files(tmp_path / "content", FILES)
    with ServerProcess(content=[folder], database=f"sqlite:///{database}", api_keys=[key]) as server:
        with sqlite3.connect(database) as connection:
            connection.execute("ALTER TABLE reference RENAME TO gone")
        connection.close()
        answer = Asker(server.url, key).send(GOOD)
        assert_refused(answer, 500, "the service could not answer this request")
        assert answer.json["code"] == "INTERNAL_ERROR"
        # The log is written beside the answers.
        assert until(lambda: "no such table" in server.stderr)
        assert key not in server.stderr


def test_changed_contract_changes_the_server(tmp_path: Path) -> None:
    """Another limit, another header for the key, another path: none of them is written in the server."""
    text = specification.load().path.read_text(encoding="utf-8")
    changed = text.replace("minItems: 1", "minItems: 2").replace("name: X-API-Key", "name: X-Other")
    changed = changed.replace("/api/assets/from-hash:", "/other/{place}:")
    # An answer has the contract's members, and no other.
    changed = changed.replace(
        "        is_immutable:\n          type: boolean\n", "        other:\n          type: boolean\n"
    )
    contract = tmp_path / "changed.yaml"
    contract.write_text(changed, encoding="utf-8")
    folder = write_files(tmp_path / "content", FILES)
    with ServerProcess(content=[folder], contract=contract) as server:
        ask = Asker(server.url, server.api_keys[0])
        headers: dict[str, str | None] = {"X-Other": server.api_keys[0], "X-API-Key": None}
        assert_refused(ask.send(GOOD, path="/other/1", headers=headers), 400, "tags needs at least 2 items")
        assert_refused(ask.send(GOOD, path="/other/1"), 401)
        assert_refused(ask.send(GOOD, headers=headers), 404)
        two = json.dumps({"hash": HASH, "tags": ["a", "b"]}).encode()
        answer = ask.send(two, path="/other/1", headers=headers)
        assert answer.status == 201
        assert "is_immutable" not in answer.json


def raw(server: ServerProcess, request: bytes) -> bytes:
    """Send bytes, and give all that comes back until the server closes or waits for more."""
    with connected(server.url) as connection:
        connection.sendall(request)
        return received(connection)
