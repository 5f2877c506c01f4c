"""Latency of the reference server with a thousand references and with a million, side by side in one run.

Two servers run at the same time and are asked in turns over one connection each, so that whatever else
the machine does falls on both alike. `existing` asks for references that no request asked for before:
what a process remembers must not stand in for the database.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import random
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bench.server import CONTENT, HASH, KEY, request, show
from comfy_assets.server.keys import Keys
from comfy_assets.server.process import ServerProcess
from comfy_assets.server.store import Store
from comfy_assets.server.tables import OWNER, REFERENCE, now

if TYPE_CHECKING:
    from collections.abc import Iterator

SMALL = 1_000
#: Rows of one statement.
ROWS = 10_000


def fill(database: str, count: int) -> None:
    """Make references `filled 0` and on, of the owner with `KEY`, as the server would."""
    with contextlib.closing(Store(database)) as store:
        Keys(store, [KEY])
        with store.engine.connect() as connection:
            owner = connection.execute(sa.select(OWNER.c.id)).scalar_one()
        for start in range(0, count, ROWS):
            rows = [filled(owner, number) for number in range(start, min(count, start + ROWS))]
            with store.writing() as connection:
                connection.execute(sa.insert(REFERENCE), rows)


def filled(owner: int, number: int) -> dict[str, Any]:
    """One row."""
    name, moment = f"filled {number}", now()
    return {
        "id": str(uuid.uuid4()),
        "owner_id": owner,
        "blake3": HASH,
        "name_digest": hashlib.sha256(name.encode()).digest(),
        "name": name,
        "mime_type": None,
        "tags": '["input", "bench"]',
        "user_metadata": '{"n": 1}',
        "created_at": moment,
        "updated_at": moment,
        # Recent, and for longer than the measurement takes: a look at it is not a write.
        "last_access_time": moment + 600 * 1_000_000,
    }


async def ask(port: int, names: list[str], status: int) -> list[float]:
    """How long each of these requests took, over one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    took = []
    for name in names:
        started = time.perf_counter()
        writer.write(request(name))
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]))
        if int(head[9:12]) != status:
            raise RuntimeError(f"{name}: {head[:40]!r}")
        took.append(time.perf_counter() - started)
    writer.close()
    return took


@contextlib.contextmanager
def server(folder: Path, count: int) -> Iterator[int]:
    """The port of a server that has this many references."""
    content = folder / f"content-{count}"
    content.mkdir()
    (content / "a").write_bytes(CONTENT)
    database = f"sqlite:///{folder}/{count}.db"
    serving: dict[str, Any] = {"content": [content], "api_keys": [KEY], "database": database}
    with ServerProcess(**serving):
        pass  # makes the tables, and indexes the content
    fill(database, count)
    with ServerProcess(**serving) as process:
        yield int(process.url.rpartition(":")[2])


def measure(full: bool) -> list[dict[str, Any]]:
    """The rows of the table; without `full` the large one has 100,000 references."""
    large = 1_000_000 if full else 100_000
    turns, each = 20, 40
    took: dict[tuple[int, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        counts = (SMALL, large)
        ports = {count: stack.enter_context(server(Path(folder), count)) for count in counts}
        chance = random.Random(1)
        known = {count: chance.sample(range(count), turns * each) for count in counts}
        for turn in range(turns):
            for count in counts:
                existing = [f"filled {known[count].pop()}" for _ in range(each)]
                new = [f"new {turn} {number}" for number in range(each)]
                for kind, names, status in (("existing", existing, 200), ("new", new, 201)):
                    took.setdefault((count, kind), []).extend(asyncio.run(ask(ports[count], names, status)))
    return [row(kind, counts, took) for kind in ("existing", "new")]


def row(kind: str, counts: tuple[int, int], took: dict[tuple[int, str], list[float]]) -> dict[str, Any]:
    """One line of the table: medians in milliseconds, and the ratio of the two."""
    small, large = (sorted(took[count, kind])[len(took[count, kind]) // 2] * 1000 for count in counts)
    return {
        "server": f"SQLite, {kind}",
        "references": counts[1],
        "p50_small_ms": round(small, 2),
        "p50_large_ms": round(large, 2),
        "times": round(large / small, 2),
    }


if __name__ == "__main__":
    show(measure("--full" in sys.argv[1:]))
