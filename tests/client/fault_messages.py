"""Faults in what servers say: redirects, statuses, syntax, bodies, and the caller's own key."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from comfy_assets.defaults import LARGEST_ANSWER
from tests.client.fault_server import Conversation, Words, plain, receive, say, silent
from tests.client.faults import (
    BROKEN,
    BROKEN_SUCCESS,
    ERROR,
    JSON,
    LATE,
    LINE,
    READ,
    READ_OR_BROKEN,
    READ_OR_NOT,
    UNREADABLE,
    Fault,
    headed,
    of_status,
    says,
    with_lines,
)
from tests.support import BODY, answer


def _moved(status: int, location: str) -> Words:
    """A redirect; `{}` stands for another server."""
    return lambda conversation: answer(
        status, headers=f"Location: {location.replace('{}', conversation.elsewhere)}\r\n"
    )


REDIRECTS: dict[str, Fault] = {
    f"{status} to another host": says(_moved(status, "{}/other"), of_status(status), status)
    for status in (300, 301, 302, 303, 307, 308)
} | {
    "307 to itself": says(_moved(307, "/api/assets/from-hash"), of_status(307), 307),
    "302 without a target": says(answer(302), of_status(302), 302),
    "301 to another host without a scheme": says(_moved(301, "//localhost:1/"), of_status(301), 301),
    "308 to nowhere": says(_moved(308, "http://[::1"), of_status(308), 308),
    "307 to a script": says(_moved(307, "javascript:alert(1)"), of_status(307), 307),
    "303 to non-ASCII": says(_moved(303, "{}/\N{SNOWMAN}"), of_status(303), 303),
    "two targets": says(_moved(307, "/a\r\nLocation: {}/b"), of_status(307), 307),
    "refresh to another host": says(
        lambda it: answer(201, BODY, headers=f"Refresh: 0; url={it.elsewhere}\r\nLocation: {it.elsewhere}\r\n"), READ, 201
    ),
}  # fmt: skip

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

STATUSES: dict[str, Fault] = {
    f"status {status}": says(answer(status, ERROR), of_status(status), status)
    for status in (
        *(400, 401, 402, 403, 404, 405, 408, 409, 413, 415, 418, 422, 425, 429, 431, 451),
        *(500, 501, 502, 503, 504, 507, 511, 520, 599, 600, 700, 999),
    )
} | {
    "429 for a while": says(answer(429, ERROR, headers="Retry-After: 86400\r\n"), of_status(429), 429),
    "503 for nobody knows how long": says(answer(503, ERROR, headers="Retry-After: soon\r\n"), of_status(503), 503),
    "a 100 first": says(CONTINUE + answer(201, BODY), READ, 201),
    "a 103 first": says(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + answer(201, BODY), READ, 201),
    "many 1xx first": says(CONTINUE * 2000 + answer(201, BODY), READ_OR_BROKEN, 201),
    "101": says(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n", of_status(101) + BROKEN, 101),
    "101, then silence": Fault((receive, say(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n"), silent), of_status(101) + BROKEN + LATE, 101, plain, "waits"),
    "199": says(b"HTTP/1.1 199 X\r\n\r\n", BROKEN),
    "202": says(answer(202, BODY), READ, 202),
    "204": says(b"HTTP/1.1 204 No Content\r\n\r\n", UNREADABLE, 204),
    "204 with a body": says(answer(204, BODY), READ_OR_NOT + BROKEN, 204),
    "205": says(answer(205), UNREADABLE, 205),
    "206": says(answer(206, BODY, headers="Content-Range: bytes 0-9/100\r\n"), READ_OR_NOT, 206),
    "299": says(answer(299, BODY), READ_OR_NOT, 299),
    "304": says(b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n', of_status(304), 304),
    "304 with a length": says(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n", of_status(304), 304),
}  # fmt: skip


def _status_line(line: bytes) -> bytes:
    return line + b"\r\n" + answer(201, BODY).partition(b"\r\n")[2]


SYNTAX: dict[str, Fault] = {
    "status 42": says(_status_line(b"HTTP/1.1 42 X"), BROKEN),
    "status 000": says(_status_line(b"HTTP/1.1 000 X"), BROKEN + of_status(0)),
    "status 1000": says(_status_line(b"HTTP/1.1 1000 X"), BROKEN),
    "status -1": says(_status_line(b"HTTP/1.1 -1 X"), BROKEN),
    "status of text": says(_status_line(b"HTTP/1.1 OK"), BROKEN),
    "status in other digits": says(_status_line("HTTP/1.1 \u0662\u0660\u0661 X".encode()), BROKEN),
    "no reason": says(_status_line(b"HTTP/1.1 201"), READ, 201),
    "reason that is no ASCII": says(_status_line(b"HTTP/1.1 201 \xff\xfe"), READ_OR_BROKEN, 201),
    "reason with NUL": says(_status_line(b"HTTP/1.1 201 a\0b"), READ_OR_BROKEN, 201),
    "huge reason": says(_status_line(b"HTTP/1.1 201 " + b"x" * 1_000_000), READ_OR_BROKEN, 201),
    "HTTP/0.9": says(JSON, BROKEN),
    "HTTP/3.7": says(_status_line(b"HTTP/3.7 201 Created"), READ_OR_BROKEN, 201),
    "lower-case http": says(_status_line(b"http/1.1 201 Created"), READ_OR_BROKEN, 201),
    "HTTP/2 preface": says(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0", BROKEN),
    "HTTP/2 settings": says(b"\0\0\x12\4\0\0\0\0\0\0\3\0\0\0\x80\0\4\0\1\0\0\0\5\0\xff\xff\xff", BROKEN),
    "SSH": says(b"SSH-2.0-OpenSSH_9.2\r\n", BROKEN),
    "SMTP": says(b"220 mail.example ESMTP\r\n", BROKEN),
    "TLS alert": says(b"\x15\x03\x01\x00\x02\x02\x46", BROKEN),
    "zeros": says(bytes(1000), BROKEN),
    "a request": says(b"POST /api HTTP/1.1\r\nHost: a\r\n\r\n", BROKEN),
    "nothing but line ends": says(b"\r\n\r\n\r\n", BROKEN),
    "empty line first": says(b"\r\n" + answer(201, BODY), READ_OR_BROKEN, 201),
    "header with NUL": says(with_lines(b"X-Bad: a\0b\r\n"), READ_OR_BROKEN),
    "header name with a blank": says(with_lines(b"X Bad: a\r\n"), READ_OR_BROKEN),
    "header name that is no ASCII": says(with_lines(b"X-B\xe4d: a\r\n"), READ_OR_BROKEN),
    "header value that is no ASCII": says(with_lines(b"X-Bad: \xff\xfe\x80\r\n"), READ_OR_BROKEN),
    "header without a colon": says(with_lines(b"X-Bad\r\n"), READ_OR_BROKEN),
    "header without a name": says(with_lines(b": a\r\n"), READ_OR_BROKEN),
    "blank before the colon": says(with_lines(b"X-Bad : a\r\n"), READ_OR_BROKEN),
    "folded header": says(with_lines(b"X-Bad: a\r\n b\r\n"), READ_OR_BROKEN),
    "huge header line": says(with_lines(b"X-Bad: " + b"y" * 1_000_000 + b"\r\n"), READ_OR_BROKEN),
    "10,000 headers": says(with_lines(b"".join(b"X-%d: y\r\n" % n for n in range(10_000))), READ_OR_BROKEN),
    "lone LF": says(answer(201, BODY).replace(b"\r\n", b"\n"), READ_OR_BROKEN, 201),
    "lone CR": says(answer(201, BODY).replace(b"\r\n", b"\r"), BROKEN),
    "CR in a header": says(with_lines(b"X-Bad: a\rX-Worse: b\r\n"), READ_OR_BROKEN),
    "LF CR": says(answer(201, BODY).replace(b"\r\n", b"\n\r"), BROKEN_SUCCESS),
    "answer twice": says(answer(201, BODY) * 2, READ, 201),
    "garbage behind the answer": says(answer(201, BODY) + b"\xff" * 1000, READ_OR_BROKEN, 201),
}  # fmt: skip

#: Bodies that are not the contract's, and what becomes of them as a success.
BODIES: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "HTML": (b"<!doctype html><title>502 Bad Gateway</title><h1>Bad Gateway</h1>", UNREADABLE),
    "no body": (b"", UNREADABLE),
    "blanks": (b" \n" * 1000, UNREADABLE),
    "truncated JSON": (JSON[:-9], UNREADABLE),
    "JSON twice": (JSON + JSON, UNREADABLE),
    "arrays nested 100,000 deep": (b"[" * 100_000 + b"]" * 100_000, UNREADABLE),
    "objects nested 100,000 deep": (b'{"error":' * 100_000 + b"1" + b"}" * 100_000, UNREADABLE),
    "metadata nested 100,000 deep": (
        JSON[:-1] + b', "user_metadata": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001, READ_OR_NOT,
    ),
    "metadata nested 950 deep": (
        JSON[:-1] + b', "user_metadata": ' + b'{"a":' * 950 + b"1" + b"}" * 951, READ_OR_NOT,
    ),
    "an error nested 600 deep": (b'{"error":' * 600 + b"1" + b"}" * 600, UNREADABLE),
    "a list": (b"[" + JSON + b"]", UNREADABLE),
    "null": (b"null", UNREADABLE),
    "a number": (b"201", UNREADABLE),
    "a string": (b'"created"', UNREADABLE),
    "a number of 100,000 digits": (JSON[:-1] + b', "n": ' + b"1" * 100_000 + b"}", READ_OR_NOT),
    "invalid UTF-8": (JSON.replace(b"portrait", b"\xff\xfe\x80"), UNREADABLE),
    "invalid UTF-8 that looks like UTF-32": (b"\xff\xfe\x00\x00" + JSON, UNREADABLE),
    "UTF-16": (JSON.decode().encode("utf-16"), READ_OR_NOT),
    "a BOM": (b"\xef\xbb\xbf" + JSON, READ_OR_NOT),
    "NaN": (JSON[:-1] + b', "user_metadata": {"x": NaN}}', READ_OR_NOT),
    "Infinity as size": (JSON.replace(b"123", b"Infinity"), UNREADABLE),
    "1e999 as size": (JSON.replace(b"123", b"1e999"), UNREADABLE),
    "a lone surrogate": (JSON.replace(b"portrait", b"\\ud800"), READ_OR_NOT),
    "an error body": (ERROR, UNREADABLE),
    "a nested error body": (b'{"error": ' + ERROR + b"}", UNREADABLE),
    "members twice": (b'{"code": 1, "code": ["a"], "message": {}, "message": null}', UNREADABLE),
    "terminal commands": (b"\x1b[2J\x1b]0;title\x07\r\n\0", UNREADABLE),
}  # fmt: skip

AS_BODY: dict[str, Fault] = {
    f"{name} as {status}": says(answer(status, body), expected if status == 201 else of_status(status), status)
    for name, (body, expected) in BODIES.items()
    for status in (201, 503)
} | {
    "a million empty arrays in the metadata": says(
        lambda _: answer(201, BODY | {"user_metadata": {"a": [[]] * 1_000_000}}), READ_OR_NOT, 201, "large"
    ),
    "a million tags of a wrong type": says(
        lambda _: answer(201, BODY | {"tags": [1] * 1_000_000}), READ_OR_NOT, 201, "large"
    ),
    "a million arrays of a 404": says(
        lambda _: answer(404, b"[" + b"[]," * 1_000_000 + b"[]]"), of_status(404), 404, "large"
    ),
} | {"HTML, and says so": says(answer(201, b"<html>", "text/html"), UNREADABLE, 201)}  # fmt: skip


# --- The caller's own key -----------------------------------------------------------------------

#: An echo of the key: makes the bytes of an answer of the key.
Echo = Callable[[str], bytes]


def _echoes(echo: Echo, expected: tuple[str, ...], status: int | None = None) -> Fault:
    def words(conversation: Conversation) -> bytes:
        return echo(conversation.key)

    return says(words, expected, status)


def _error(
    status: int, message: str, *, code: str = "BAD_KEY", further: dict[str, Any] | None = None
) -> bytes:
    return answer(status, {"code": code, "message": message} | (further or {}))


def _escaped(text: str) -> str:
    """As JSON may write it: each character by its number."""
    return "".join(f"\\u{ord(character):04X}" for character in text)


ECHOES: dict[str, Fault] = {
    f"key in the {name}": _echoes(echo, expected, status)
    for name, echo, expected, status in [
        ("message", lambda key: _error(401, f"unknown key {key}"), of_status(401), 401),
        ("code", lambda key: _error(403, "no", code=key), of_status(403), 403),
        ("error body's further members", lambda key: _error(400, "no", further={"headers": {"X-API-Key": [key, key]}}), of_status(400), 400),
        ("error body's member names", lambda key: _error(400, "no", further={key: 1}), of_status(400), 400),
        ("nested error", lambda key: answer(500, {"error": {"code": key, "message": key}}), of_status(500), 500),
        ("plain text of an error", lambda key: answer(401, f"no such key: {key}".encode(), "text/plain"), of_status(401), 401),
        ("text, where it is cut", lambda key: answer(401, b"x" * 110 + key.encode(), "text/plain"), of_status(401), 401),
        ("message, in numbers", lambda key: answer(401, b'{"code": "a", "message": "%b"}' % _escaped(key).encode()), of_status(401), 401),
        ("message, in UTF-16", lambda key: answer(401, json.dumps({"code": "a", "message": key}).encode("utf-16")), of_status(401), 401),
        ("body, where it is too large", lambda key: answer(404, b" " * (LARGEST_ANSWER - 9) + key.encode() * 2), of_status(404), 404),
        ("list of an error", lambda key: answer(422, json.dumps([key]).encode()), of_status(422), 422),
        ("error, URL-encoded", lambda key: answer(400, f"/login?key={quote(key)}".encode(), "text/plain"), of_status(400), 400),
        ("header of an error", lambda key: answer(401, ERROR, headers=f"X-Echo: {key}\r\n"), of_status(401), 401),
        ("header's name", lambda key: answer(401, ERROR, headers=f"X-{key}: a\r\n"), of_status(401) + BROKEN, None),
        ("request id", lambda key: answer(401, ERROR, headers=f"X-Request-Id: {key}\r\n"), of_status(401), 401),
        ("media type", lambda key: answer(201, JSON, key), READ, 201),
        ("Location", lambda key: answer(302, headers=f"Location: https://login.invalid/?key={quote(key)}\r\n"), of_status(302), 302),
        ("Location, where it is cut", lambda key: answer(302, headers=f"Location: https://login.invalid/{'x' * 170}{key}\r\n"), of_status(302), 302),
        ("cookie", lambda key: answer(404, ERROR, headers=f"Set-Cookie: key={key}\r\n"), of_status(404), 404),
        ("reason", lambda key: answer(401, ERROR).replace(b"401 X", b"401 " + key.encode()), of_status(401), 401),
        ("header line that cannot be parsed", lambda key: headed(b"X-Echo " + key.encode() + b"\r\n"), BROKEN, None),
        ("header value that cannot be parsed", lambda key: headed(b"X-Echo: \0" + key.encode() + b"\r\n"), READ_OR_BROKEN, None),
        ("status line that cannot be parsed", lambda key: b"HTTP/1.1 " + key.encode() + b"\r\n\r\n", BROKEN, None),
        ("version that cannot be parsed", lambda key: key.encode() + b"/1.1 200 OK\r\n\r\n", BROKEN, None),
        ("length that cannot be parsed", lambda key: headed(b"Content-Length: " + key.encode() + b"\r\n"), BROKEN, None),
        ("chunk size", lambda key: headed(b"Transfer-Encoding: chunked\r\n", key.encode() + b"\r\n"), BROKEN_SUCCESS, None),
        ("content coding", lambda key: answer(201, b"\0", headers=f"Content-Encoding: {key}\r\n"), BROKEN_SUCCESS, 201),
        ("name of a success", lambda key: answer(201, {**BODY, "name": key}), READ, 201),
        ("hash of a success", lambda key: answer(201, {**BODY, "asset_hash": key}), READ, 201),
        ("hash of a success, in numbers", lambda key: answer(201, JSON[:-1] + b', "asset_hash": "%b"}' % _escaped(key).encode()), READ, 201),
        ("id of a success", lambda key: answer(201, {**BODY, "id": key}), UNREADABLE, 201),
        ("time of a success, where it is cut", lambda key: answer(201, {**BODY, "created_at": "x" * 70 + key}), UNREADABLE, 201),
        ("success that is none", lambda key: answer(200, b"<p>" + key.encode(), "text/html"), UNREADABLE, 200),
        ("broken success", lambda key: answer(201, {**BODY, "name": key}, length=10_000), BROKEN_SUCCESS, 201),
        ("line before the answer", lambda key: b"X-API-Key: " + key.encode() + b"\r\n" + LINE, BROKEN, None),
    ]
}  # fmt: skip

FAULTS = REDIRECTS | STATUSES | SYNTAX | AS_BODY | ECHOES
