"""What one waits for before anything happens: imports, help, regenerating."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench import peers
from bench.rows import Row, median, shorter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOT = Path(__file__).parents[1]


def measure(full: bool) -> list[Row]:
    """Five rows, in seconds until the process has ended."""
    rounds = 15 if full else 5
    python = [sys.executable, "-c"]
    rows = [
        _compared("import comfy_assets", "import httpx", 1.2, rounds,
                  [*python, "import comfy_assets"], [*python, "import httpx"]),
        _compared("comfy-assets --help", "comfy --help of comfy-cli", 0.1, rounds,
                  [Path(sys.executable).with_name("comfy-assets"), "--help"], [peers.VENDOR, "--help"]),
    ]  # fmt: skip
    return rows + _generating(3 if full else 1, rounds)


def _compared(
    what: str, against: str, goal: float, rounds: int, ours: Sequence[object], theirs: Sequence[object]
) -> Row:
    return _row(what, against, goal, rounds, lambda: _took(ours), lambda: _took(theirs))


def _row(
    what: str,
    against: str,
    goal: float,
    rounds: int,
    ours: Callable[[], float],
    theirs: Callable[[], float],
) -> Row:
    """Both take turns, after one round that counts for nothing."""
    pairs = [(ours(), theirs()) for _ in range(rounds + 1)][1:]
    mine, others = median([one for one, _ in pairs]), median([one for _, one in pairs])
    return shorter(what, against, mine, others, "s", goal)


def _generating(changed: int, same: int) -> list[Row]:
    """`./generate.sh` in a copy: after a change of the contract, and after none."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "copy"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".git", ".cache", ".venv", "dist", "tests"))
        # The generator's own environment is not what is measured.
        (copy / ".cache").mkdir()
        (copy / ".cache" / "generate").symlink_to(ROOT / ".cache" / "generate")
        contract, count = copy / "openapi.yaml", iter(range(1000))

        def after_a_change() -> float:
            text = contract.read_text(encoding="utf-8")
            contract.write_text(f"{text}# {next(count)}\n", encoding="utf-8")
            return _took([copy / "generate.sh"], copy)

        return [
            _row("./generate.sh, contract changed", "the bare generator", 1.5, changed, after_a_change,
                 lambda: _bare(contract, Path(scratch))),
            _row("./generate.sh, nothing changed", "python -c pass", 6, same,
                 lambda: _took([copy / "generate.sh"], copy), lambda: _took([sys.executable, "-c", "pass"])),
        ]  # fmt: skip


def _bare(contract: Path, scratch: Path) -> float:
    """openapi-python-client alone, in the environment that generate.sh has."""
    [program] = (ROOT / ".cache" / "generate").glob("*/bin/openapi-python-client")
    command = [program, "generate", "--path", contract, "--overwrite", "--output-path", scratch / "bare"]
    return _took(command, scratch)


def _took(command: Sequence[object], folder: Path | None = None) -> float:
    # The same Python for all: what `python3` is may itself be a script that looks for one.
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "PYTHON": sys.executable}
    began = time.perf_counter()
    done = subprocess.run(
        [str(one) for one in command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    took = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stderr[-1000:]}")
    return took
