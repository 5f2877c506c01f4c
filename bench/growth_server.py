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

from bench import rows
from bench.server import CONTENT, HASH, KEY, request, show
from comfy_assets.server.keys import Keys
from comfy_assets.server.process import ServerProcess
from comfy_assets.server.store import Store
from comfy_assets.server.tables import OWNER, REFERENCE, now
from tests.postgres import new_database, postgresql

if TYPE_CHECKING:
    from collections.abc import Iterator

SMALL = 1_000
_COLUMNS = [column.name for column in REFERENCE.c]


def fill(database: str, count: int) -> None:
    """Make references `filled 0` and on, of the owner with `KEY`, as the server would."""
    with contextlib.closing(Store(database)) as store:
        Keys(store, [KEY])
        with store.engine.connect() as connection:
            owner = connection.execute(sa.select(OWNER.c.id)).scalar_one()
        rows = (filled(owner, number) for number in range(count))
        # By what each driver has for many rows: a million is a matter of seconds.
        raw: Any = store.engine.raw_connection()
        names = ", ".join(_COLUMNS)
        if store.engine.dialect.name == "sqlite":
            raw.cursor().execute("BEGIN")
            marks = ", ".join("?" * len(_COLUMNS))
            raw.cursor().executemany(f"INSERT INTO reference ({names}) VALUES ({marks})", rows)
        else:
            with raw.cursor().copy(f"COPY reference ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        raw.commit()
        raw.close()


def filled(owner: int, number: int) -> tuple[Any, ...]:
    """One row."""
    name, moment = f"filled {number}", now()
    row = {
        "id": str(uuid.uuid4()),
        "owner_id": owner,
        "blake3": HASH,
        "name_digest": hashlib.sha256(name.encode()).hexdigest(),
        "name": name,
        "mime_type": None,
        "tags": '["input", "bench"]',
        "user_metadata": '{"n": 1}',
        "created_at": moment,
        "updated_at": moment,
        # Recent, and for longer than the measurement takes: a look at it is not a write.
        "last_access_time": moment + 3600 * 1_000_000,
    }
    return tuple(row[column] for column in _COLUMNS)


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
def server(folder: Path, database: str, count: int) -> Iterator[int]:
    """The port of a server that has this many references."""
    folder.mkdir()
    (folder / "a").write_bytes(CONTENT)
    serving: dict[str, Any] = {"content": [folder], "api_keys": [KEY], "database": database}
    with ServerProcess(**serving):
        pass  # makes the tables, and indexes the content
    fill(database, count)
    with ServerProcess(**serving) as process:
        yield int(process.url.rpartition(":")[2])


def measure(full: bool) -> list[rows.Row]:
    """Latencies of existing and of new references, held against those of the small server."""
    return [
        rows.shorter(
            f"growth: server from 1,000 to {one['references']:,}, {one['server']}", "itself", one["p50_large_ms"],
            one["p50_small_ms"], "ms", 1.5,
        )
        for one in table(full)
    ]  # fmt: skip


def table(full: bool) -> list[dict[str, Any]]:
    """A line for each kind of reference; without `full` the large one has 100,000 references."""
    counts = (SMALL, 1_000_000 if full else 100_000)
    lines = []
    with tempfile.TemporaryDirectory() as name, postgresql() as postgres:
        folder = Path(name)
        for kind, databases in (
            ("SQLite", [f"sqlite:///{folder}/{count}.db" for count in counts]),
            ("PostgreSQL", [new_database(postgres) for _ in counts]),
        ):
            with contextlib.ExitStack() as stack:
                ports = {
                    count: stack.enter_context(server(folder / f"{kind}-{count}", database, count))
                    for count, database in zip(counts, databases, strict=True)
                }
                took = in_turns(ports)
            lines += [row(f"{kind}, {what}", counts, took, what) for what in ("existing", "new")]
    return lines


def in_turns(ports: dict[int, int]) -> dict[tuple[int, str], list[float]]:
    """How long each request took, by the server's count of references and what was asked."""
    turns, each = 20, 40
    took: dict[tuple[int, str], list[float]] = {}
    chance = random.Random(1)
    known = {count: chance.sample(range(count), turns * each) for count in ports}
    for turn in range(turns):
        for count, port in ports.items():
            existing = [f"filled {known[count].pop()}" for _ in range(each)]
            new = [f"new {turn} {number}" for number in range(each)]
            for kind, names, status in (("existing", existing, 200), ("new", new, 201)):
                took.setdefault((count, kind), []).extend(asyncio.run(ask(port, names, status)))
    return took


def row(
    name: str, counts: tuple[int, int], took: dict[tuple[int, str], list[float]], what: str
) -> dict[str, Any]:
    """One line of the table: medians in milliseconds, and the ratio of the two."""
    small, large = (sorted(took[count, what])[len(took[count, what]) // 2] * 1000 for count in counts)
    return {
        "server": name,
        "references": counts[1],
        "p50_small_ms": round(small, 2),
        "p50_large_ms": round(large, 2),
        "times": round(large / small, 2),
    }


if __name__ == "__main__":
    show(table("--full" in sys.argv[1:]))
