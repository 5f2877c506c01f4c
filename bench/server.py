"""Throughput of the reference server against bare Starlette on the same ASGI server, in one run.

Each row is a server, asked by the same program over the same number of kept connections, in short turns
that follow each other round and round, so that whatever else the machine does falls on all alike. `ratio`
is requests per second over those of bare Starlette, which answers a fixed body of the same size;
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
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psutil
from blake3 import blake3

from bench import rows
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

#: Bare Starlette on uvicorn as it comes, with the same HTTP and event loop as the reference server.
BARE = """
import json
import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from comfy_assets.server.starting import bind

BODY = json.dumps({"id": "3c90c3cc-0d44-4b50-8888-8dd25736052a", "filler": "x" * 480}).encode()

async def answer(request):
    await request.body()
    return Response(BODY, 200, media_type="application/json")

listener = bind("127.0.0.1", 0)
listener.listen(512)
print(listener.getsockname()[1], flush=True)
app = Starlette(routes=[Route("{path}", answer, methods=["POST"])])
options = {"http": "h11", "loop": "asyncio", "ws": "none", "lifespan": "off", "server_header": False}
config = uvicorn.Config(app, log_config=None, access_log=False, proxy_headers=False, **options)
uvicorn.Server(config).run(sockets=[listener])
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


@dataclass
class Row:
    """One line of the table: what a server's process did in all its turns."""

    name: str
    url: str
    pid: int
    names: Iterator[str]
    status: int
    seconds: float = 0
    used: float = 0
    took: list[float] = field(default_factory=list)

    def turn(self, seconds: float) -> None:
        """Ask for that long."""
        process = psutil.Process(self.pid)
        before = process.cpu_times()
        _, took = asyncio.run(ask(self.url, self.names, seconds, {self.status}))
        after = process.cpu_times()
        self.used += after.user + after.system - before.user - before.system
        self.seconds += seconds
        self.took += took

    def cells(self) -> dict[str, Any]:
        """The line."""
        took, count = sorted(self.took), len(self.took)
        return {
            "server": self.name,
            "cpu_us": round(self.used / count * 1e6),
            "per_second": round(count / self.seconds, 1),
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


@contextlib.contextmanager
def reference_server(name: str, database: str) -> Iterator[list[Row]]:
    """New references, and existing ones, on one database. Bare Starlette logs nothing, nor does this."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "content").write_bytes(CONTENT)
        options = ["--no-access-log"]
        with ServerProcess(content=[folder], api_keys=[KEY], database=database, options=options) as server:
            first = iter([f"existing {number}" for number in range(EXISTING)])
            asyncio.run(ask(server.url, first, 60, {201}))
            at = (server.url, server.pid)
            yield [
                Row(f"{name}, new", *at, numbered("new"), 201),
                Row(f"{name}, existing", *at, repeated(), 200),
            ]


def measure(full: bool) -> list[rows.Row]:
    """Existing and new references on both databases, held against bare Starlette."""
    bare_one, *servers = table(full)
    goals = {"existing": 0.5, "new": 0.2}
    return [
        rows.faster(
            f"server, {one['server']} references", "bare Starlette, fixed body, same ASGI server",
            one["per_second"], bare_one["per_second"], "calls/s", goals[one["server"].rpartition(" ")[2]],
            note=f"by processor time {one['cpu_ratio']}",
        )
        for one in servers
    ]  # fmt: skip


def table(full: bool) -> list[dict[str, Any]]:
    """A line for each server; `full` measures ten times as long."""
    turns, seconds = (20, 2.0) if full else (4, 1.0)
    with contextlib.ExitStack() as stack:
        enter = stack.enter_context
        folder = enter(tempfile.TemporaryDirectory())
        servers = [Row("bare Starlette", *enter(bare()), numbered("a"), 200)]
        servers += enter(reference_server("SQLite", f"sqlite:///{folder}/references.db"))
        servers += enter(reference_server("PostgreSQL", new_database(enter(postgresql()))))
        for row in servers:
            asyncio.run(ask(row.url, row.names, 0.5, {row.status}))
        for _ in range(turns):
            for row in servers:
                row.turn(seconds)
    lines = [row.cells() for row in servers]
    for one in lines:
        one["ratio"] = round(one["per_second"] / lines[0]["per_second"], 2)
        one["cpu_ratio"] = round(lines[0]["cpu_us"] / one["cpu_us"], 2)
    return lines


def show(lines: list[dict[str, Any]]) -> None:
    """The table, and the same as JSON on the last line."""
    names = list(dict.fromkeys(name for one in lines for name in one))
    print("  ".join(f"{name:>12}" if number else f"{name:<24}" for number, name in enumerate(names)))
    for one in lines:
        cells = [str(one.get(name, "")) for name in names]
        print("  ".join(f"{cell:>12}" if number else f"{cell:<24}" for number, cell in enumerate(cells)))
    print(json.dumps(lines))


if __name__ == "__main__":
    show(table("--full" in sys.argv[1:]))
