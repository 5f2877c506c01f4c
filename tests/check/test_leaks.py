"""What tells of the server's inside is seen in every dress, and nothing else is taken for it."""

from __future__ import annotations

import html
import json
from typing import Any

import pytest

from comfy_assets.contract.judge import judge
from comfy_assets.contract.keys import KEY
from comfy_assets.contract.record import Exchange, Record
from tests.check.test_judging import FACTS, PLANNER

TRACES = {
    "Python": 'Traceback (most recent call last):\n  File "main.py", line 7, in create\nKeyError: tags',
    "Python, frames only": 'boom\n  File "main.py", line 7, in create',
    "Node": "TypeError: x\n    at Object.<anonymous> (/app/x.js:1:2)",
    "Node, without a name": "Error: x\n    at /app/x.js:10:5",
    "Node, of its own": "Error: x\n    at node:internal/process/task_queues:95:5",
    "Node on Windows": "Error: x\n    at create (C:\\app\\x.js:1:2)",
    "Deno": "Error: x\n    at async create (file:///app/x.ts:1:2)",
    "Java": "java.lang.IllegalStateException: x\n\tat com.foo.Bar(Bar.java:10)",
    "Java, a lambda": "x\n\tat com.foo.Bar.lambda$create$0(Bar.java:10)\n\tat java.base/java.lang.Thread.run(Unknown Source)",
    "Kotlin": "x\n\tat com.foo.BarKt$create$1.invokeSuspend(Bar.kt:10)",
    "Go": "boom\n\ngoroutine 1 [running]:\nmain.main()",
    "Go, frames only": "main.create\n\t/x/main.go:12 +0x1d",
    "Rust": "thread 'main' panicked at src/main.rs:3:5:\nboom",
    ".NET": "System.NullReferenceException: x\n   at Assets.Api.Create(Request r) in /src/Api.cs:line 12",
    ".NET without places": "x\n   at System.Text.Json.JsonSerializer.Read[T](String json)",
    "PHP": "Stack trace:\n#0 /srv/index.php(12): create()\n#1 {main}",
    "PHP, in HTML": "<b>Warning</b>: x in <b>/srv/index.php</b> on line <b>12</b>",
    "Ruby": "app.rb:10:in 'block in create'",
    "Elixir": "(api 0.1.0) lib/api/assets.ex:10: Api.Assets.create/2",
    "Perl": "Can't locate object at Api.pm line 12.",
    "Lua": "x\nstack traceback:\n\tassets.lua:3: in function 'create'",
}
HARMLESS = (
    "the hash is not valid: look at line 3 of your request",
    "a request at (1:2) was refused",
    "meet us at 10:30:15 (UTC)",
    "the file name has 300 characters, at most 255 are kept",
    "try again at example.org (port:80)",
    "the goroutine of this service is busy",
)


def leaks(body: bytes, asked: Any = None, rule: str = "never-trace", status: int = 404) -> bool:
    """Whether the rule sees a leak in an answer with this body."""
    request = PLANNER.request(asked if asked is not None else PLANNER.base, KEY)
    raw = b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)
    exchange = Exchange(index=0, case="x", request=request, raw=raw)
    findings = judge(Record(FACTS, exchanges=[exchange])).all_findings()
    return any(finding.rule == rule for finding in findings)


@pytest.mark.parametrize("text", TRACES.values(), ids=TRACES)
def test_trace_is_seen_in_every_dress(text: str) -> None:
    """As text, in JSON in one member or line by line, and in HTML."""
    assert leaks(text.encode())
    assert leaks(json.dumps({"code": "x", "message": text}).encode())
    assert leaks(json.dumps({"code": "x", "stack": text.split("\n")}).encode())
    assert leaks(html.escape(text).encode())


def test_trace_as_data_is_seen() -> None:
    """Frameworks in debug mode write calls as objects; a user's own metadata may look the same."""
    calls = {"exception": "E", "trace": [{"file": "Assets.php", "line": 3, "function": "create"}]}
    assert leaks(json.dumps(calls).encode(), status=400)
    assert not leaks(json.dumps({"user_metadata": calls}).encode(), status=200)


@pytest.mark.parametrize("text", HARMLESS)
def test_plain_words_are_no_trace(text: str) -> None:
    """A message for people is not blamed."""
    assert not leaks(json.dumps({"code": "x", "message": text}).encode())


@pytest.mark.parametrize("text", [*TRACES.values(), "/mnt/a.png", "C:\\models\\a.bin", "SELECT a FROM b "])
def test_what_was_sent_is_no_leak(text: str) -> None:
    """Users may keep traces, paths and SQL in their metadata; whatever escapes the answer writes them with."""
    asked = {**PLANNER.base, "name": text}
    for answer in (json.dumps({"name": text}), json.dumps({"name": text}).replace("/", "\\/")):
        for rule in ("never-trace", "never-path", "never-sql"):
            assert not leaks(answer.encode(), asked, rule, 201)


def test_path_is_seen_behind_escapes() -> None:
    """PHP writes slashes with a backslash before them."""
    assert leaks(rb'{"code":"x","message":"no file \/srv\/content\/af"}', rule="never-path")
    assert leaks(rb'{"code":"x","message":"no file C:\\content\\af"}', rule="never-path")


def test_hostile_answer_does_not_hold_the_judge() -> None:
    """A large answer that is made to make patterns slow is read at once."""
    for piece in (b"at ", b"\n ", b"at a (", b"#1 ", b"(a 1.2) ", b'File "', b" at x"):
        leaks(piece * (300_000 // len(piece)))
