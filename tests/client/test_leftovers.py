"""What is left of one exchange is never taken for the answer of the next one.

A connection is used again. What stands behind an answer, or comes after a call has given up, would otherwise be the
answer to another call: a registration that never happened.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from comfy_assets import AssetsClient, AsyncAssetsClient, ComfyAssetsError
from tests.client.conftest import KEY
from tests.support import BODY, HASH, Request, answer, scripted

OPTIONS: dict[str, Any] = {"timeout": 1.0, "retry": None, "on_drift": "ignore"}


def named(name: str) -> bytes:
    """A success that says for which call it is."""
    return answer(201, BODY | {"name": name})


def names_sync(url: str, calls: int) -> list[str | None]:
    """The names in the results of several calls of one sync client; None where a call failed."""
    names: list[str | None] = []
    with AssetsClient(KEY, url, **OPTIONS) as client:
        for _ in range(calls):
            names.append(None)
            with suppress(ComfyAssetsError):
                names[-1] = client.create_asset_from_hash(HASH, ["a"]).name
            time.sleep(0.1)
    return names


def names_async(url: str, calls: int) -> list[str | None]:
    """The same of one async client."""

    async def run() -> list[str | None]:
        names: list[str | None] = []
        async with AsyncAssetsClient(KEY, url, **OPTIONS) as client:
            for _ in range(calls):
                names.append(None)
                with suppress(ComfyAssetsError):
                    names[-1] = (await client.create_asset_from_hash(HASH, ["a"])).name
                await asyncio.sleep(0.1)
        return names

    return asyncio.run(run())


def _late(said: bytes) -> bytes:
    time.sleep(1.3)
    return said


#: What the first call's answer leaves behind it.
LEFTOVERS: dict[str, Callable[[], bytes]] = {
    "another answer": lambda: named("first") + named("left over"),
    "another answer behind a 404": lambda: answer(404, {"code": "a", "message": "b"}) + named("left over"),
    "another answer behind a 204": lambda: b"HTTP/1.1 204 No Content\r\n\r\n" + named("left over"),
    "another answer behind a 304": lambda: b"HTTP/1.1 304 Not Modified\r\n\r\n" + named("left over"),
    "a body behind a length that is too short": lambda: answer(201, b"x" + named("left over"), length=1),
    "an answer behind chunks": lambda: (
        b"HTTP/1.1 404 X\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + named("left over")
    ),
    "half an answer": lambda: named("first") + named("left over")[:50],
    "an interim answer": lambda: named("first") + b"HTTP/1.1 100 Continue\r\n\r\n",
    "an answer that comes too late": lambda: _late(named("left over")),
}


@pytest.mark.parametrize("leftover", LEFTOVERS.values(), ids=LEFTOVERS)
@pytest.mark.parametrize("names", [names_sync, names_async], ids=["sync", "async"])
def test_leftovers_are_not_answers(
    names: Callable[[str, int], list[str | None]], leftover: Callable[[], bytes]
) -> None:
    """After an answer with something behind it, each further call gets its own answer, or an error."""

    def script(request: Request) -> bytes:
        number = len(server.requests)
        return leftover() if number == 1 else named(f"call {number}")

    with scripted(script) as server:
        found = names(server.url, 3)
    assert "left over" not in found
    assert found[1] in ("call 2", None)
    assert found[2] in ("call 3", "call 2")
