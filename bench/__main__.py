"""All measurements, one after the other: `python -m bench [--full] [NAME...]`.

Prints a table, and writes `bench/results.json` and `bench/results.svg`. Ends with 0 whatever the numbers are: a
goal that is not reached is told, and is nobody's mistake. 2 where it could not measure at all.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
import traceback
from importlib import metadata
from pathlib import Path
from typing import Any

from attrs import asdict

from bench import peers
from bench.rows import Row

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
PAGE = HERE.parent / "docs" / "explanation" / "speed.md"
BEGIN, END = "<!-- table: made by `FULL=1 make bench`; do not edit -->\n", "<!-- end of table -->"
MEASUREMENTS = ("starting", "models", "calls", "hashing", "library", "check", "server", "growth_server")
VERSIONS = ("attrs", "httpx", "aiohttp", "blake3", "starlette", "uvicorn", "schemathesis")
PEERS = ("openapi-generator-cli", "pydantic", "urllib3", "aiohttp", "httpx")


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(
        prog="bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(MEASUREMENTS)}")
    parser.add_argument("--full", action="store_true", help="longer, for numbers that one can quote")
    chosen = parser.parse_args()
    if unknown := [name for name in chosen.names if name not in MEASUREMENTS]:
        parser.error(f"no measurement {unknown[0]!r}: expected some of {', '.join(MEASUREMENTS)}")
    found: dict[str, Any] = {"machine": machine(), "full": chosen.full, "rows": [], "left_out": []}
    print(", ".join(f"{name} {value}" for name, value in found["machine"].items()), flush=True)
    for name in chosen.names or MEASUREMENTS:
        try:
            rows = importlib.import_module(f"bench.{name}").measure(chosen.full)
        except peers.MissingError as missing:
            found["left_out"].append({"name": name, "reason": str(missing)})
            print(f"{name}: left out: {missing}", flush=True)
            continue
        except Exception:  # noqa: BLE001 - the others are measured all the same
            traceback.print_exc()
            found["left_out"].append({"name": name, "reason": "it failed"})
            continue
        for row in rows:
            print(line(row), flush=True)
            found["rows"].append({**asdict(row), "reached": row.is_reached})
    if not found["rows"]:
        return 2
    if not chosen.names:
        write(found)
    return 0


def line(row: Row) -> str:
    """A row for people."""
    sign = ">=" if row.at_least else "<="
    mark = "reached" if row.is_reached else "NOT REACHED"
    return (
        f"{row.what:<48.48}  {row.against:<42.42}  {number(row.ours):>9} {number(row.theirs):>9} {row.unit:<9}"
        f"  {row.ratio:8.2f}  {sign} {row.goal:<4g} {mark}{f'  ({row.note})' if row.note else ''}"
    )


def number(value: float) -> str:
    """Three digits of it."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def machine() -> dict[str, str]:
    """What the numbers depend on, without what tells whose machine it is."""
    versions = {name: metadata.version(name) for name in VERSIONS}
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "load": f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown",
        "python": platform.python_version(),
        **versions,
        **{f"peer {name}": version for name, version in _peers().items()},
    }


def _peers() -> dict[str, str]:
    code = "import json, sys; from importlib import metadata; print(json.dumps({n: metadata.version(n) for n in sys.argv[1:]}))"
    done = subprocess.run([peers.PYTHON, "-c", code, *PEERS], capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


def write(found: dict[str, Any]) -> None:
    """The file, the plot of it and, of a full run, the table in the documentation."""
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    subprocess.run([peers.PYTHON, HERE / "plot.py", RESULTS], check=True)
    if found["full"]:
        before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
        _, after = rest.split(END)
        PAGE.write_text(f"{before}{BEGIN}\n{table(found)}{END}{after}", encoding="utf-8")


def table(found: dict[str, Any]) -> str:
    """The rows as Markdown, and what they were measured on."""
    lines = [
        "| what | measured against | ours | theirs | | ratio | goal | |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in found["rows"]:
        sign = "at least" if row["at_least"] else "at most"
        lines.append(
            f"| {row['what']} | {row['against']} | {number(row['ours'])} | {number(row['theirs'])} | {row['unit']} "
            f"| {row['ratio']:.2f} | {sign} {row['goal']:g} | {'reached' if row['reached'] else '**not reached**'} |"
        )
    lines += ["", f"On {', '.join(f'{name} {value}' for name, value in found['machine'].items())}."]
    lines += [f"Left out: {one['name']}, {one['reason']}." for one in found["left_out"]]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
