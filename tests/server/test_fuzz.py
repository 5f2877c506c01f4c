"""Whatever is sent: no 5xx, no crash, no hang, and memory that does not grow with the number of requests.

Bytes on sockets are good requests with a few changes, so that most get far before something is wrong; what
schemathesis draws keeps the contract's schemas, or breaks them in one place.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import hypothesis
import pytest
import requests
import schemathesis
import sqlalchemy as sa

from comfy_assets import specification
from comfy_assets.server.process import ServerProcess
from tests.postgres import new_database
from tests.server.asking import FILES, PATH, PORTRAIT, Asker, blake3_of, write_files

KEY = "fuzzing-key"
SEED = 20261123
#: Numbers of the requests, on each database; by night 200,000 in all, in portions of some minutes.
NUMBERS = [
    range(1000),
    *(pytest.param(range(start, start + 30_000), marks=pytest.mark.nightly) for start in (0, 30_000, 60_000)),
]
DRAWN = [100, pytest.param(10_000, marks=pytest.mark.nightly)]
#: MiB by which the server may grow after the first tenth, however many requests follow.
GROWTH = 40
#: Seconds for one exchange: the server's own limits end it after half a second, a busy machine takes longer.
LONGEST = 60
CONNECTIONS = 16
#: Ends a connection that is still in order.
LAST = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
#: What breaks parsers, put in anywhere.
PIECES = [
    b"\r\n", b"\n", b"\0", b"\xff", b"\xed\xa0\x80", b"\\ud800", b"[" * 200, b"{", b'"', b"1e999", b"-0",
    b"9" * 5000, b"NaN", b"Transfer-Encoding: chunked\r\n", b"Content-Length: 5\r\n", b"Content-Length: -1\r\n",
    b"Expect: 100-continue\r\n", b"Upgrade: websocket\r\nConnection: upgrade\r\n", b"Connection: close\r\n",
    b"X-API-Key: a\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.0", b"%00", b"\xe2\x80\xae", b"x" * 20_000,
]  # fmt: skip


@contextlib.contextmanager
def serving(database: str, tmp_path: Path) -> Iterator[ServerProcess]:
    """A server that is as it should be afterwards: alive, the same size, with nothing to complain about."""
    folder = write_files(tmp_path / "content", FILES)
    options = ["--head-timeout", "0.5", "--body-timeout", "0.5", "--no-access-log"]
    with ServerProcess(content=[folder], api_keys=[KEY], database=database, options=options) as server:
        yield server
        body = {"hash": blake3_of(PORTRAIT), "tags": ["a"], "name": "after all"}
        assert Asker(server.url, KEY).create(body).status == 201
        assert "Traceback" not in server.stderr


@pytest.fixture
def fuzzed(database: str, tmp_path: Path) -> Iterator[ServerProcess]:
    """One on each kind of database."""
    with serving(database, tmp_path) as server:
        yield server


def size(server: ServerProcess) -> float:
    """MiB of memory that the server's process holds."""
    told = Path(f"/proc/{server.pid}/status").read_text()
    return int(told.partition("VmRSS:")[2].split()[0]) / 1024


def good(chance: random.Random, number: int) -> bytes:
    """A request that keeps the contract, announced or chunked."""
    members: dict[str, Any] = {"hash": blake3_of(PORTRAIT), "tags": ["a"], "name": f"raw {number}"}
    body = json.dumps({**members, "user_metadata": {"n": [1, {"a": 2.5}]}}).encode()
    framing = f"Content-Length: {len(body)}\r\n"
    if chance.random() < 0.3:
        framing = "Transfer-Encoding: chunked\r\n"
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    head = f"POST {PATH} HTTP/1.1\r\nHost: a\r\nX-API-Key: {KEY}\r\nContent-Type: application/json\r\n"
    return f"{head}{framing}\r\n".encode() + body


def changed(chance: random.Random, request: bytes) -> bytes:
    """A request with up to four changes."""
    data = bytearray(request)
    for _ in range(chance.randint(0, 4)):
        start = chance.randrange(len(data) + 1)
        end = min(len(data), start + chance.randint(1, 12))
        kind = chance.randrange(6)
        if kind == 0:
            data[start:start] = chance.choice(PIECES)
        elif kind == 1:
            del data[start:end]
        elif kind == 2:
            data[start:end] = chance.randbytes(end - start)
        elif kind == 3:
            data[start:start] = data[start:end] * chance.randint(1, 50)
        elif kind == 4:
            del data[start:]
        else:
            data += request
    return bytes(data)


async def exchange(port: int, request: bytes, *, leaves: bool) -> list[int]:
    """The statuses that come back. `leaves` before it reads any of them."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answers = b""
    # A server that has answered may close while the rest of the request is on its way.
    with contextlib.suppress(ConnectionError):
        # Whatever was not ended by the changes is ended by `LAST`, or by the server's time limits; and by
        # another one where the first was exactly what a body still lacked.
        writer.write(request + LAST)
        await writer.drain()
        async with asyncio.timeout(LONGEST):
            while not leaves:
                try:
                    part = await asyncio.wait_for(reader.read(65536), 2)
                except TimeoutError:
                    writer.write(LAST)
                    continue
                if not part:
                    break
                answers += part
    writer.transport.abort()
    return [int(status) for status in re.findall(rb"(?:^|[\n}])HTTP/1\.1 (\d{3})", answers)]


@pytest.mark.parametrize("chosen", NUMBERS, ids=str)
def test_bytes_on_sockets(fuzzed: ServerProcess, chosen: range) -> None:
    """Good requests with changes in head, framing and body, some from clients that leave at once."""
    port = urlsplit(fuzzed.url).port
    assert port is not None
    numbers = iter(chosen)
    statuses: Counter[int] = Counter()

    async def client() -> None:
        for number in numbers:
            # By its number alone, so that what is found can be sent again, whoever comes first.
            chance = random.Random(f"{SEED} {number}")
            request = changed(chance, good(chance, number % 1000))
            try:
                got = await exchange(port, request, leaves=chance.random() < 0.02)
            except TimeoutError:
                pytest.fail(f"no end of request {number}: {request!r}")
            assert all(status < 500 for status in got), (got, request)
            statuses.update(got)
            if number == chosen.start + len(chosen) // 10:
                sizes.append(size(fuzzed))

    async def all_clients() -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(CONNECTIONS):
                group.create_task(client())

    sizes: list[float] = []
    asyncio.run(all_clients())
    print(
        f"{len(chosen)} raw requests: {dict(sorted(statuses.items()))}; {sizes[0]:.1f} -> {size(fuzzed):.1f} MiB"
    )
    assert {200, 201, 400, 401, 408} <= statuses.keys()
    assert size(fuzzed) - sizes[0] < GROWTH


@pytest.fixture
def both(postgresql_server: sa.URL, tmp_path: Path) -> Iterator[list[ServerProcess]]:
    """A server on each kind of database, for what takes long to draw."""
    sqlite = f"sqlite:///{tmp_path / 'references.db'}"
    with (
        serving(sqlite, tmp_path / "one") as first,
        serving(new_database(postgresql_server), tmp_path / "two") as second,
    ):
        yield [first, second]


def drawn_cases(mode: schemathesis.GenerationMode) -> Any:
    """Requests of the operation whose hash is known, unless it is what is wrong with them."""
    document = copy.deepcopy(specification.load().document)
    schema = document["components"]["schemas"]["CreateAssetFromHashRequest"]["properties"]["hash"]
    schema["enum"] = [blake3_of(content) for content in FILES.values()]
    operation = schemathesis.openapi.from_dict(document)[PATH]["POST"]
    return operation.as_strategy(generation_mode=mode)


@pytest.mark.parametrize("count", DRAWN)
def test_what_schemathesis_draws(both: list[ServerProcess], count: int) -> None:
    """Requests that keep the schema and requests that break it, the same to both databases."""
    statuses: Counter[int] = Counter()
    sizes: list[float] = []

    sessions = [requests.Session() for _ in both]
    for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):

        @hypothesis.settings(max_examples=count // 2, phases=[hypothesis.Phase.generate], deadline=None)
        @hypothesis.seed(SEED)
        @hypothesis.given(case=drawn_cases(mode))
        def send(case: schemathesis.Case[Any]) -> None:
            got = []
            for server, session in zip(both, sessions, strict=True):
                answer = case.call(server.url, session=session, headers={"X-API-Key": KEY}, timeout=LONGEST)
                got.append(answer.status_code)
            assert got[0] == got[1] < 500, (got, case.body)
            statuses.update(got)
            if len(sizes) < 2 and sum(statuses.values()) > 2 * count // 10:
                sizes.extend(map(size, both))

        send()
    for session in sessions:
        session.close()
    print(f"{sum(statuses.values())} drawn requests: {dict(sorted(statuses.items()))}; {sizes}")
    assert {200, 201, 400} <= statuses.keys()
    assert all(size(server) - before < GROWTH for server, before in zip(both, sizes, strict=True))
