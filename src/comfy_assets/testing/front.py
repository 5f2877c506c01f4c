"""The server's scripted front, with deeds that a test says one after the other."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from typing import Any

from attrs import frozen

from comfy_assets.scenarios.wire import Answer
from comfy_assets.server import front
from comfy_assets.server.starting import bind, url_of


@frozen
class Said:
    """An answer: status, headers, body."""

    status_code: int
    headers: dict[str, str]
    content: bytes


@frozen
class Seen:
    """A request that reached the front.

    `body` is its JSON, None where it is none; `status_code` that of its answer, None where it got none.
    The key that came with it is not kept.
    """

    method: str
    path: str
    body: Any
    status_code: int | None


#: What becomes of a request: `carry()` brings it to the server behind; None lets the answer vanish.
Deed = Callable[[Callable[[], Said]], Said | None]


class Front:
    """Listens on a free port of 127.0.0.1; a request gets the next of the `waiting` deeds, or is carried."""

    def __init__(self, host: str, port: int) -> None:
        self.seen: list[Seen] = []
        self.waiting: deque[Deed] = deque()
        listener = bind("127.0.0.1", 0)
        self.url = url_of(listener)
        self._front = front.Front(listener, (host, port), self._decide)
        self._front.start()

    def close(self) -> None:
        """Listen no more."""
        self._front.close()

    def _decide(self, request: front.Request, carry: front.Carry) -> front.Deed:
        def carried() -> Said:
            answer = carry(request)
            return Said(answer.status, dict(answer.headers), answer.body)

        try:
            deed = self.waiting.popleft()
        except IndexError:
            deed = _carried
        said = deed(carried)
        status = None if said is None else said.status_code
        self.seen.append(Seen(request.method, request.target, _json(request.body), status))
        if said is None:
            return front.Deed(Answer(500), "reset-before-answer")
        return front.Deed(Answer(said.status_code, said.content, tuple(said.headers.items())))


def _carried(carry: Callable[[], Said]) -> Said:
    return carry()


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None
