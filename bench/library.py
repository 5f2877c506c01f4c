"""Registering a library of small files: against a plain loop, against what the machine allows, and again."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from bench import peers
from bench.rows import Row, faster, shorter
from tests.client.stock import stock_package

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZE = 16 << 10
LATENCY = 0.020
#: Thirty times a loop is more than 16 at a time can be, which is the default.
CONCURRENCY = 64

#: What one would write without us: hash a file, ask, and so on. Argv: folder, URL.
LOOP = """
import sys, os
from blake3 import blake3
from comfy_assets_api import AuthenticatedClient
from comfy_assets_api.api.asset import create_asset_from_hash
from comfy_assets_api.models import CreateAssetFromHashRequest
client = AuthenticatedClient(base_url=sys.argv[2], token="k", prefix="", auth_header_name="X-API-Key")
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        with open(os.path.join(folder, name), "rb") as file:
            digest = blake3(file.read()).hexdigest()
        body = CreateAssetFromHashRequest(hash_=f"blake3:{digest}", tags=["t"], name=name)
        assert create_asset_from_hash.sync(client=client, body=body) is not None
"""


@frozen
class Took:
    """What one process needed: seconds, of them on a processor, and its memory in MiB at most."""

    seconds: float
    cpu: float
    memory: float


def measure(full: bool) -> list[Row]:
    """Six rows; the loop does a part, for it is as slow on each file."""
    count, few = (10_000, 200) if full else (2_000, 50)
    with tempfile.TemporaryDirectory() as scratch:
        library, small = filled(Path(scratch) / "library", count), filled(Path(scratch) / "small", few)
        with peers.service(LATENCY, SIZE) as url:
            state = Path(scratch) / "state"
            first, again = registered(library, url, state), registered(library, url, state)
            loop = took([sys.executable, "-c", LOOP, str(small), url], {"PYTHONPATH": _stock()})
    # Requests that wait for each other, or a processor that works all the time, whichever is longer.
    bound = max(count * LATENCY / CONCURRENCY, first.cpu)
    what = f"register {count:,} files of 16 KiB, latency 20 ms"
    return [
        faster(what, "a plain loop with the stock client", count / first.seconds, few / loop.seconds, "files/s", 30),
        faster(what, "the bound of latency, concurrency and CPU", count / first.seconds, count / bound,
               "files/s", 0.8, note=f"{first.cpu:.1f} s of CPU, {count * LATENCY / CONCURRENCY:.1f} s of latency"),
        shorter("register them again", "the first run", again.seconds, first.seconds, "s", 0.1),
        *growth(full),
    ]  # fmt: skip


def growth(full: bool) -> list[Row]:
    """Time and memory per file, of a library and one of many times its size; the service answers at once."""
    few, many = (1_000, 100_000) if full else (1_000, 10_000)
    found = []
    for count in (few, many):
        with tempfile.TemporaryDirectory() as scratch, peers.service(0.0, 8) as url:
            library = filled(Path(scratch) / "library", count, 8)
            found.append(registered(library, url, Path(scratch) / "state"))
    small, large = found
    what = f"from {few:,} to {many:,} files"
    start = _start()
    return [
        shorter(f"growth: time per file {what}", "itself", (large.seconds - start) / many * 1e6,
                (small.seconds - start) / few * 1e6, "us", 1.1, note=f"without {start:.2f} s of starting"),
        shorter(f"growth: memory {what}", "itself", large.memory, small.memory, "MiB", 1.3),
    ]  # fmt: skip


def _start() -> float:
    """Seconds of a run that finds no file."""
    with tempfile.TemporaryDirectory() as scratch, peers.service() as url:
        (Path(scratch) / "empty").mkdir()
        return min(
            registered(Path(scratch) / "empty", url, Path(scratch) / "state").seconds for _ in range(3)
        )


def filled(folder: Path, count: int, size: int = SIZE) -> Path:
    """So many different files, a hundred in each folder, and on the disk: nobody is to wait for their writing."""
    for number in range(count):
        below = folder / str(number // 100)
        below.mkdir(parents=True, exist_ok=True)
        (below / f"{number}.bin").write_bytes(number.to_bytes(8, "big") * (size // 8))
    os.sync()
    return folder


def registered(library: Path, url: str, state: Path) -> Took:
    """The command, as a process of its own."""
    path = os.pathsep.join(filter(None, sys.path))
    environment = {
        "PYTHONPATH": path, "XDG_STATE_HOME": str(state), "COMFY_CLOUD_BASE_URL": url, "COMFY_CLOUD_API_KEY": "k",
    }  # fmt: skip
    command = [sys.executable, "-m", "comfy_assets", "register", str(library), "--tag", "t", "--quiet"]
    return took([*command, "--concurrency", str(CONCURRENCY)], environment)


def took(command: list[str], environment: dict[str, str]) -> Took:
    """Run it, and say what it needed. Raises RuntimeError where it fails."""
    with _waited(command, environment) as (process, began):
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
    if status:
        raise RuntimeError(f"{command[:4]} ended with {os.waitstatus_to_exitcode(status)}")
    return Took(seconds, used.ru_utime + used.ru_stime, _mebibytes(used))


@contextlib.contextmanager
def _waited(
    command: list[str], environment: dict[str, str]
) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    began = time.perf_counter()
    process = subprocess.Popen(
        command, env={"PATH": os.environ["PATH"], **environment}, stdout=subprocess.DEVNULL
    )
    try:
        yield process, began
    except BaseException:
        process.kill()
        raise
    finally:
        # It was waited for by its number, for what it used.
        process.returncode = process.returncode or 0


def _mebibytes(used: resource.struct_rusage) -> float:
    """Linux counts in KiB, macOS in bytes."""
    return used.ru_maxrss / (1 << 10 if sys.platform == "linux" else 1 << 20)


def _stock() -> str:
    return os.pathsep.join([str(stock_package().parent), *filter(None, sys.path)])
