"""A whole `check --complete` against schemathesis alone, tuned with known content, on one reference server.

Schemathesis is run as a user would who has read its manual: known hashes in the example and in a dictionary,
each phase to its end. The check runs it too, for the cases that a schema gives, so its time is part of ours.
"""

from __future__ import annotations

import copy
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from blake3 import blake3

from bench.rows import Row, median, shorter
from comfy_assets.server.process import ServerProcess

if TYPE_CHECKING:
    from collections.abc import Sequence

CONTRACT = Path(__file__).parents[1] / "openapi.yaml"
PATH, SCHEMA = "/api/assets/from-hash", "CreateAssetFromHashRequest"
KEYS = ("key-of-the-measurement", "key-of-another-owner")
CONTENTS = {"one.bin": b"content of the measurement", "two.bin": b"\0\1" * 500}
PROGRAMS = Path(sys.executable).parent

#: A user's settings, as its manual describes them.
SETTINGS = """
seed = 1
continue-on-failure = true
[dictionaries]
known = {{ values = {known} }}
[parameters]
"body.hash" = {{ dictionary = "known", probability = 0.8 }}
"""


def measure(full: bool) -> list[Row]:
    """Two rows: seconds, and processor time with that of all processes that were started."""
    rounds = 5 if full else 1
    ours: list[tuple[float, float]] = []
    theirs: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / "content" / name for name in CONTENTS]
        files[0].parent.mkdir()
        for file in files:
            file.write_bytes(CONTENTS[file.name])
        with ServerProcess(content=[files[0].parent], api_keys=KEYS) as server:
            for _ in range(rounds):
                ours.append(_took(_check(server.url, files), {0}))
                theirs.append(_took(_schemathesis(server.url, Path(folder)), {0, 1}))
    return [
        shorter(what, "schemathesis, tuned", median([one[place] for one in ours]),
                median([one[place] for one in theirs]), "s", 1.0)
        for place, what in enumerate(("check --complete", "check --complete, processor time"))
    ]  # fmt: skip


def _check(url: str, files: Sequence[Path]) -> list[object]:
    known = [word for file in files for word in ("--known-file", file)]
    return [PROGRAMS / "comfy-assets", "check", url, "--complete", "--quiet", "--api-key", KEYS[0],
            "--other-api-key", KEYS[1], *known]  # fmt: skip


def _schemathesis(url: str, folder: Path) -> list[object]:
    known = [f"blake3:{blake3(content).hexdigest()}" for content in CONTENTS.values()]
    document = copy.deepcopy(yaml.safe_load(CONTRACT.read_text(encoding="utf-8")))
    [media] = document["paths"][PATH]["post"]["requestBody"]["content"].values()
    media.pop("examples", None)
    media["example"] = {"hash": known[0], "tags": ["input"]}
    (folder / "openapi.json").write_text(json.dumps(document), encoding="utf-8")
    (folder / "settings.toml").write_text(SETTINGS.format(known=json.dumps(known)), encoding="utf-8")
    return [PROGRAMS / "schemathesis", "--config-file", folder / "settings.toml", "run", folder / "openapi.json",
            "--url", url, "--header", f"X-API-Key: {KEYS[0]}"]  # fmt: skip


def _took(command: Sequence[object], allowed: set[int]) -> tuple[float, float]:
    """Seconds, and processor time, of a command that ends with one of these statuses."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [str(word) for word in command], capture_output=True, text=True, check=False, cwd=folder
        )
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in allowed:
        raise RuntimeError(
            f"{command[0]} ended with {done.returncode}: {done.stdout[-500:]}{done.stderr[-500:]}"
        )
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    from bench.__main__ import line

    for row in measure("--full" in sys.argv[1:]):
        print(line(row))
