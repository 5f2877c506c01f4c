"""A record of every exchange as JSON lines: one writer, flushed line by line, and no key in any of them."""

from __future__ import annotations

import base64
import json
import os
import re
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from comfy_assets.scenarios.wire import Answer
    from comfy_assets.server.front import Exchange
    from comfy_assets.server.keys import Keys

#: Bytes of a body that are kept; the rest is counted only.
LARGEST_BODY: Final = 1024 * 1024
#: What stands where a key stood.
REMOVED: Final = "(removed)"
#: Headers whose values can be no secret. All others are named, and their values removed.
_SHOWN: Final = frozenset({
    "accept", "accept-encoding", "allow", "cache-control", "connection", "content-encoding", "content-length",
    "content-type", "date", "expect", "host", "retry-after", "server", "transfer-encoding", "user-agent",
    "www-authenticate",
})  # fmt: skip
#: Words that could be a key. Each is looked up, since a key can stand where none belongs.
_WORD: Final = re.compile(r"[^\s\"'=&?:,;/\\{}\[\]<>()]{6,400}")
#: Words of one exchange that are looked up.
_MOST_WORDS: Final = 2000
#: Shorter keys are removed from their header and not looked for elsewhere: any text would hold them.
_TELLING: Final = 6


class Recorder:
    """Writes exchanges to a file, which is begun anew.

    `keys` and `given` are the server's keys, `header` the one for them; `say` is told where writing fails,
    once: the server goes on, the record does not. Raises OSError where the file cannot be opened.
    """

    def __init__(
        self, path: Path, header: str, keys: Keys, given: Sequence[str], say: Callable[[str], None]
    ) -> None:
        self._path = path
        self._header = header.lower()
        self._keys = keys
        self._secrets = {key for key in given if len(key) >= _TELLING}
        self._say = say
        self._lock = threading.Lock()
        self._count = 0
        # Keys are removed, names and metadata are not: nobody else's business.
        self._file: int | None = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)

    def close(self) -> None:
        """No more lines."""
        with self._lock:
            if self._file is not None:
                os.close(self._file)
            self._file = None

    def note(self, exchange: Exchange) -> None:
        """Write one exchange."""
        with self._lock:
            if self._file is None:
                return
            line = json.dumps(self._line(exchange)) + "\n"
            try:
                _write(self._file, line.encode("ascii"))
            except OSError as error:
                self._say(
                    f"--record {self._path}: cannot be written after {self._count} exchanges "
                    f"({error.strerror}); the record ends, the server goes on"
                )
                os.close(self._file)
                self._file = None
                return
            self._count += 1

    def _line(self, exchange: Exchange) -> dict[str, Any]:
        secrets = self._found(exchange)
        line: dict[str, Any] = {
            "number": self._count + 1,
            "time": datetime.fromtimestamp(exchange.started, UTC).isoformat(timespec="milliseconds"),
            "seconds": round(exchange.seconds, 6),
            "request": None,
            "answer": None,
        }
        request = exchange.request
        if request is None:
            line["bytes"] = _content(exchange.raw, secrets)
        else:
            line["request"] = {
                "method": request.method,
                "target": _without(_target(request.target), secrets),
                "headers": self._headers(request.headers, secrets),
                **_content(request.body, secrets),
            }
        if exchange.answer is not None:
            line["answer"] = self._answer(exchange.answer, secrets)
        if exchange.how is not None:
            line["wire"] = exchange.how
        if exchange.note:
            line["scenario"] = {**exchange.note, "step": _without(str(exchange.note.get("step")), secrets)}
        return line

    def _answer(self, answer: Answer, secrets: set[str]) -> dict[str, Any]:
        return {
            "status": answer.status,
            "headers": self._headers(answer.headers, secrets),
            **_content(answer.body, secrets),
        }

    def _headers(self, headers: Sequence[tuple[str, str]], secrets: set[str]) -> list[list[str]]:
        return [
            [_without(name, secrets), _without(value, secrets) if name.lower() in _SHOWN else REMOVED]
            for name, value in headers
        ]

    def _found(self, exchange: Exchange) -> set[str]:
        """Every key that stands in the exchange: what came in the key's header, and whatever word is one."""
        request = exchange.request
        texts = [exchange.raw.decode("utf-8", "replace")]
        if request is not None:
            sent = {value for value in request.values(self._header) if len(value) >= _TELLING}
            self._secrets |= {
                value for value in sent if self._keys.owner(value.encode("latin-1")) is not None
            }
            texts = [
                request.target,
                *(value for _, value in request.headers),
                request.body.decode("utf-8", "replace"),
            ]
        else:
            sent = set()
        words = {word for text in texts for word in _WORD.findall(text[:LARGEST_BODY])}
        for word in list(words)[:_MOST_WORDS]:
            if self._keys.owner(word.encode("utf-8", "replace")) is not None:
                self._secrets.add(word)
        return self._secrets | sent


def _write(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


def _target(target: str) -> str:
    """A target without the values of its query: what stands there is often a key."""
    path, mark, query = target.partition("?")
    if not mark:
        return path
    names = (part.partition("=") for part in query.split("&"))
    return path + "?" + "&".join(name + equals + (REMOVED if equals else "") for name, equals, _ in names)


def _spellings(secret: str) -> set[str]:
    raw = secret.encode("utf-8")
    padded = [base64.b64encode(raw[start:]).decode().rstrip("=") for start in range(3)]
    return {
        secret,
        json.dumps(secret)[1:-1],
        quote(secret, safe=""),
        raw.hex(),
        # In the middle of something that is encoded as a whole, the edges differ.
        *(text[2:-2] for text in padded if len(text) > 12),  # noqa: PLR2004 - shorter ones would be anything
    }


def _without(text: str, secrets: set[str]) -> str:
    for secret in secrets:
        for spelling in _spellings(secret):
            text = text.replace(spelling, REMOVED)
    return text


def _content(body: bytes, secrets: set[str]) -> dict[str, Any]:
    """The body as text, or in base64 where it is none; without keys either way."""
    whole = body[:LARGEST_BODY]
    for secret in secrets:
        for spelling in _spellings(secret):
            whole = whole.replace(spelling.encode("utf-8"), REMOVED.encode())
    try:
        content: dict[str, Any] = {"body": whole.decode("utf-8")}
    except UnicodeDecodeError:
        content = {"body_base64": base64.b64encode(whole).decode("ascii")}
    return content | ({"body_bytes": len(body)} if len(body) > LARGEST_BODY else {})
