"""Throughput of the reference server against bare Starlette on the same ASGI server, in one run.

Each row is a server, asked by the same program over the same number of kept connections. `ratio` is
requests per second over those of bare Starlette, which answers a fixed body of the same size;
`cpu_ratio` is the same of the processor time of a request. Server and asker share the machine, so
ratios carry over and absolute numbers do not.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psutil
from blake3 import blake3

from comfy_assets.server.process import ServerProcess
from tests.postgres import new_database, postgresql

if TYPE_CHECKING:
    from collections.abc import Iterator

CONNECTIONS = 32
KEY = "key-of-the-measurement"
CONTENT = b"content of the measurement"
HASH = "blake3:" + blake3(CONTENT).hexdigest()
PATH = "/api/assets/from-hash"
#: References that are asked for again and again.
EXISTING = 100

#: Bare Starlette, served exactly as the reference server is.
BARE = """
import json, socket, sys
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from comfy_assets import specification
from comfy_assets.server.serving import server_for

BODY = json.dumps({"id": "3c90c3cc-0d44-4b50-8888-8dd25736052a", "filler": "x" * 480}).encode()

async def answer(request):
    await request.body()
    return Response(BODY, 200, media_type="application/json")

listener = socket.create_server(("127.0.0.1", 0))
app = Starlette(routes=[Route("{path}", answer, methods=["POST"])])
def ready():
    print(listener.getsockname()[1], flush=True)
server_for(app, specification.load(), ready).run(sockets=[listener])
""".replace("{path}", PATH)


def request(name: str) -> bytes:
    """The bytes that ask for a reference of this name."""
    body = json.dumps({"hash": HASH, "tags": ["input", "bench"], "name": name, "user_metadata": {"n": 1}})
    return (
        f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {KEY}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


async def ask(url: str, names: Iterator[str], seconds: float, allowed: set[int]) -> tuple[int, list[float]]:
    """How many requests were answered in that time, and how long each took; only `allowed` statuses."""
    address = urlsplit(url)
    end = time.perf_counter() + seconds
    took: list[float] = []

    async def one() -> None:
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        for name in names:
            started = time.perf_counter()
            if started > end:
                break
            writer.write(request(name))
            head = await reader.readuntil(b"\r\n\r\n")
            status = int(head[9:12])
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
            body = await reader.readexactly(int(length))
            if status not in allowed:
                raise RuntimeError(f"{status}: {body[:200]!r}")
            took.append(time.perf_counter() - started)
        writer.close()

    await asyncio.gather(*(one() for _ in range(CONNECTIONS)))
    return len(took), sorted(took)


def measured(
    name: str, url: str, pid: int, names: Iterator[str], seconds: float, status: int
) -> dict[str, Any]:
    """One line of the table: what a server's process did in that time, and its processor time."""
    process = psutil.Process(pid)
    before = process.cpu_times()
    count, took = asyncio.run(ask(url, names, seconds, {status}))
    after = process.cpu_times()
    used = after.user + after.system - before.user - before.system
    return {
        "server": name,
        "cpu_us": round(used / count * 1e6),
        "per_second": round(count / seconds, 1),
        "p50_ms": round(took[count // 2] * 1000, 2),
        "p99_ms": round(took[count * 99 // 100] * 1000, 2),
    }


@contextlib.contextmanager
def bare() -> Iterator[tuple[str, int]]:
    """The URL and the process of bare Starlette in a process of its own."""
    path = os.pathsep.join(filter(None, sys.path))
    with subprocess.Popen(
        [sys.executable, "-c", BARE], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path}
    ) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}", process.pid
        finally:
            process.terminate()


def numbered(prefix: str) -> Iterator[str]:
    """Names that nobody used before."""
    number = 0
    while True:
        number += 1
        yield f"{prefix} {number}"


def repeated() -> Iterator[str]:
    """The names of `EXISTING` references, round and round."""
    while True:
        for number in range(EXISTING):
            yield f"existing {number}"


def measure_server(name: str, database: str, seconds: float) -> list[dict[str, Any]]:
    """New references, then existing ones, on one database."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "content").write_bytes(CONTENT)
        with ServerProcess(content=[folder], api_keys=[KEY], database=database) as server:
            at = (server.url, server.pid)
            rows = [measured(f"{name}, new", *at, numbered("new"), seconds, 201)]
            first = iter([f"existing {number}" for number in range(EXISTING)])
            asyncio.run(ask(server.url, first, 60, {201}))
            rows.append(measured(f"{name}, existing", *at, repeated(), seconds, 200))
    return rows


def measure(full: bool) -> list[dict[str, Any]]:
    """The rows of the table; `full` measures ten times as long."""
    seconds = 20.0 if full else 3.0
    rows = []
    with bare() as (url, pid):
        asyncio.run(ask(url, numbered("warm"), 0.5, {200}))
        rows.append(measured("bare Starlette", url, pid, numbered("a"), seconds, 200))
    with tempfile.TemporaryDirectory() as folder:
        rows += measure_server("SQLite", f"sqlite:///{folder}/references.db", seconds)
    with postgresql() as server:
        rows += measure_server("PostgreSQL", new_database(server), seconds)
    for one in rows:
        one["ratio"] = round(one["per_second"] / rows[0]["per_second"], 2)
        one["cpu_ratio"] = round(rows[0]["cpu_us"] / one["cpu_us"], 2)
    return rows


def show(rows: list[dict[str, Any]]) -> None:
    """The table, and the same as JSON on the last line."""
    names = list(dict.fromkeys(name for one in rows for name in one))
    print("  ".join(f"{name:>12}" if number else f"{name:<24}" for number, name in enumerate(names)))
    for one in rows:
        cells = [str(one.get(name, "")) for name in names]
        print("  ".join(f"{cell:>12}" if number else f"{cell:<24}" for number, cell in enumerate(cells)))
    print(json.dumps(rows))


if __name__ == "__main__":
    show(measure("--full" in sys.argv[1:]))
