"""What other ASGI servers would make of the reference server: throughput, and which of its limits they keep.

uvicorn with h11 and our limits, as the reference server runs; uvicorn with httptools and uvloop; Granian.
Each serves bare Starlette and the reference application (SQLite), one process each, asked in turns. Those
that are not installed are left out; `pip install granian uvloop httptools` brings them.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.server import CONTENT, EXISTING, KEY, PATH, Row, ask, numbered, repeated, show

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What each server is started with; `{port}` is a free one, for Granian does not tell which it took.
SERVERS = {
    "uvicorn, h11, limits": "-m bench.asgi_servers serve {port}",
    "uvicorn, h11": "-m uvicorn bench.asgi_servers:app --port {port} --http h11 --loop asyncio",
    "uvicorn, httptools, uvloop": "-m uvicorn bench.asgi_servers:app --port {port} --http httptools --loop uvloop",
    "Granian": "-m granian --interface asginl bench.asgi_servers:app --port {port} --no-ws",
}
NEEDS = {"uvicorn, httptools, uvloop": ("httptools", "uvloop"), "Granian": ("granian",)}
QUIET = ["--no-access-log", "--log-level", "critical"]
#: Seconds that a server gets to refuse what it does not want.
PATIENCE = 45


def application() -> Any:
    """The application that the environment names."""
    from comfy_assets import specification
    from comfy_assets.server.app import create_app
    from comfy_assets.server.keys import Keys
    from comfy_assets.server.store import Store

    database = os.environ["BENCH_DATABASE"]
    if database:
        store = Store(database)
        return create_app(specification.load(), store, Keys(store, [KEY]), body_seconds=5)
    from starlette.applications import Starlette
    from starlette.responses import Response
    from starlette.routing import Route

    async def answer(request: Any) -> Response:
        await request.body()
        return Response(b"x" * 560, 200, media_type="application/json")

    return Starlette(routes=[Route(PATH, answer, methods=["POST"]), Route("/healthz", answer)])


if "BENCH_DATABASE" in os.environ:
    app = application()


def serve(port: int) -> None:
    """As the reference server serves."""
    from comfy_assets import specification
    from comfy_assets.server.protocol import Limits
    from comfy_assets.server.serving import server_for
    from comfy_assets.server.starting import bind

    server = server_for(app, specification.load(), lambda: None, Limits(head_seconds=5))
    server.run(sockets=[bind("127.0.0.1", port)])


@contextlib.contextmanager
def served(name: str, database: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """URL and process of a server."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = SERVERS[name].format(port=port).split()
    quiet = [] if "bench.asgi_servers" in words else QUIET if "uvicorn" in words else QUIET[1:]
    environment = {**os.environ, "BENCH_DATABASE": database, "PYTHONPATH": os.pathsep.join(["", *sys.path])}
    with subprocess.Popen([sys.executable, *words, *quiet], env=environment) as process:
        try:
            end = time.monotonic() + 60
            while time.monotonic() < end:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}", process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def filled(folder: Path, name: str) -> str:
    """A database with the content of the measurement."""
    from comfy_assets.server import content
    from comfy_assets.server.store import Store

    (folder / "content").mkdir(exist_ok=True)
    (folder / "content/a").write_bytes(CONTENT)
    url = f"sqlite:///{folder}/{''.join(filter(str.isalnum, name))}.db"
    with contextlib.closing(Store(url)) as store:
        content.index(store, [folder / "content"], print)
    return url


def throughput(names: list[str], full: bool) -> list[dict[str, Any]]:
    """Rows of the table; ratios are to bare Starlette on the first server."""
    turns, seconds = (15, 2.0) if full else (4, 1.0)
    rows = []
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for name in names:
            url, process = stack.enter_context(served(name, ""))
            rows.append(Row(f"{name}: bare", url, serving_pid(process), numbered("a"), 200))
            url, process = stack.enter_context(served(name, filled(folder, name)))
            asyncio.run(ask(url, iter([f"existing {n}" for n in range(EXISTING)]), 60, {201}))
            pid = serving_pid(process)
            rows.append(Row(f"{name}: new", url, pid, numbered("new"), 201))
            rows.append(Row(f"{name}: existing", url, pid, repeated(), 200))
        for _ in range(turns):
            for row in rows:
                row.turn(seconds)
    table = [row.cells() for row in rows]
    for one in table:
        one["ratio"] = round(one["per_second"] / table[0]["per_second"], 2)
    return table


def serving_pid(process: subprocess.Popen[bytes]) -> int:
    """The process that answers: Granian's is a child."""
    import psutil

    children = psutil.Process(process.pid).children()
    return children[0].pid if children else process.pid


def limits(name: str) -> dict[str, Any]:
    """What becomes of those who are slow or too large, in seconds and statuses, and of a graceful stop."""
    with tempfile.TemporaryDirectory() as folder, served(name, filled(Path(folder), name)) as (url, process):
        port = int(url.rpartition(":")[2])
        told: dict[str, Any] = {
            "server": name,
            "slow head": refused(port, b"POST / HTTP/1.1\r\nX: "),
            "slow body": refused(
                port,
                f"POST {PATH} HTTP/1.1\r\nHost: a\r\nX-API-Key: {KEY}\r\nContent-Type: application/json\r\n"
                "Content-Length: 100\r\n\r\n".encode(),
            ),
            "silent": refused(port, b""),
            "head of 1 MiB": refused(
                port, b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 2**20 + b"\r\n\r\n"
            ),
            "not HTTP": refused(port, b"nonsense\r\n\r\n"),
        }
        started = time.monotonic()
        with socket.create_connection(("127.0.0.1", port)):
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
        told["stop s"] = round(time.monotonic() - started, 1)
    return told


def refused(port: int, data: bytes) -> str:
    """The status, whether its body is JSON, and after how many seconds the connection was closed."""
    started, came = time.monotonic(), b""
    end = "open"
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        try:
            connection.sendall(data)
            while part := connection.recv(65536):
                came += part
            end = "closed"
        except TimeoutError:
            pass
        except OSError:
            end = "reset"
    status = came[9:12].decode() or "nothing"
    form = " JSON" if came.rstrip().endswith(b"}") else ""
    return f"{status}{form}, {end} {time.monotonic() - started:.0f} s"


def main() -> None:
    """Both tables."""
    names = [name for name in SERVERS if all(map(importlib.util.find_spec, NEEDS.get(name, ())))]
    show(throughput(names, "--full" in sys.argv[1:]))
    for name in names:
        print(limits(name))


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(int(sys.argv[2]))
    else:
        main()
