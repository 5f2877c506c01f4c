"""`comfy-assets hash` against b3sum: one large file, and many small ones."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench import peers
from bench.library import filled
from bench.rows import Row, faster, median

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Hashes as the package does, without the half of a second in which a command starts.
OURS = """
import sys, time
from comfy_assets import hash_file
began = time.perf_counter()
for line in sys.stdin:
    hash_file(line.rstrip("\\n"))
print(time.perf_counter() - began)
"""


def measure(full: bool) -> list[Row]:
    """Three rows, or two where the system does not forget what it read when it is asked to."""
    size, count, rounds = (2 << 30, 10_000, 5) if full else (256 << 20, 2_000, 3)
    program = peers.b3sum()
    with tempfile.TemporaryDirectory(dir=_on_disk()) as scratch:
        large = Path(scratch) / "large"
        with large.open("wb") as file:
            for _ in range(size >> 20):
                file.write(os.urandom(1 << 20))
        os.sync()
        rows = [_row(f"hash {size >> 20} MiB, cached", [large], program, rounds, size, 0.95)]
        if _forget(large):
            rows.append(
                _row(f"hash {size >> 20} MiB, cold", [large], program, rounds, size, 0.95, before=_forget)
            )
        small = sorted(filled(Path(scratch) / "small", count).rglob("*.bin"))
        rows.append(_row(f"hash {count:,} files of 16 KiB", small, program, rounds, count << 14, 0.5))
    return rows


def _row(
    what: str, files: Sequence[Path], program: Path, rounds: int, size: int, goal: float,
    before: Callable[[Path], object] = lambda _: None,
) -> Row:  # fmt: skip
    """Both take turns; the first round only fills the system's cache."""
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(rounds + 1):
        for took, into in ((_ours, ours), (lambda files: _theirs(files, program), theirs)):
            before(files[0])
            into.append(took(files))
    unit, many = "MiB/s", size / (1 << 20)
    return faster(
        what, "b3sum, one thread too", many / median(ours[1:]), many / median(theirs[1:]), unit, goal
    )


def _ours(files: Sequence[Path]) -> float:
    done = subprocess.run(
        [sys.executable, "-c", OURS], input="".join(f"{one}\n" for one in files), capture_output=True,
        text=True, check=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip
    return float(done.stdout)


def _theirs(files: Sequence[Path], program: Path) -> float:
    """By its own clock too: a process that does nothing is subtracted."""
    began = time.perf_counter()
    subprocess.run([program, "--version"], capture_output=True, check=True)
    start = time.perf_counter() - began
    began = time.perf_counter()
    command = ["xargs", "--no-run-if-empty", program, "--no-names", "--num-threads", "1"]
    listed = "".join(f"{one}\n" for one in files)
    subprocess.run([str(one) for one in command], input=listed, capture_output=True, text=True, check=True)
    return time.perf_counter() - began - start


def _forget(path: Path) -> bool:
    """Whether the system dropped a file from its cache."""
    with contextlib.suppress(AttributeError, OSError):
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return True
    return False


def _on_disk() -> str | None:
    """Where files are on a disk: the folder for temporary ones may be in memory."""
    folder = peers.FOLDER / "files"
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder)
