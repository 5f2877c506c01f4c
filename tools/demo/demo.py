"""What `make` shows: sample files registered with the reference server, and both sides checked.

Everything runs on this machine and ends with it: a server process, a temporary folder, the client, and
the contract tests against that server.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table
from samples import write_all

from comfy_assets import AsyncAssetsClient, hash_file
from comfy_assets.library.engine import register_files
from comfy_assets.library.events import FileDone, Outcome
from comfy_assets.library.options import Options
from comfy_assets.library.walking import Found, walk
from comfy_assets.server.process import ServerProcess

ROOT = Path(__file__).parents[2]
KEY = "demo-key"
TAGS = ["input", "demo"]

#: Wide enough for the table where there is no terminal that says how wide it is.
console = Console(width=None if sys.stdout.isatty() else 100)


def main() -> int:
    """Run the demonstration; 0 where everything went as it should."""
    with tempfile.TemporaryDirectory(prefix="comfy-assets-demo-") as folder:
        stored, unknown = Path(folder) / "stored", Path(folder) / "new" / "not-uploaded-yet.txt"
        write_all(stored)
        unknown.parent.mkdir()
        unknown.write_text("The service has never seen this text.\n", encoding="utf-8")
        with ServerProcess(content=[stored], api_keys=[KEY]) as server:
            console.print(
                f"\nThe reference server runs at {server.url} and stores the files of a sample folder.\n"
            )
            registered = register(server.url, [stored, unknown.parent])
            if not registered:
                return 1
            console.print("The contract tests, on this server and on the client:\n")
            tests = run_contract_tests(server.url, stored)
    console.print(f"\n{registered}")
    console.print(
        "contract tests: " + ("passed, on both sides" if tests == 0 else f"failed (status {tests})")
    )
    console.print("Nothing is left running. Next: `make test`, or README.md.")
    return tests


def register(url: str, paths: list[Path]) -> str:
    """Register the files twice and show what became of each; a summary, empty where it went wrong."""
    started = time.perf_counter()
    first, again = results(url, paths), results(url, paths)
    seconds = time.perf_counter() - started
    show(first, again)
    outcomes = Counter(result.outcome for result in first)
    expected = {Outcome.CREATED: len(first) - 1, Outcome.MISSING: 1}
    kept = all(one.id == other.id for one, other in zip(first, again, strict=True))
    if outcomes != expected or not kept:
        console.print(f"[red]This is not what should happen: {dict(outcomes)}, same ids again: {kept}[/red]")
        return ""
    return (
        f"registered: {len(first) - 1} files, and again with the same ids; "
        f"1 is not stored and was said to be missing; {seconds:.2f} s"
    )


def results(url: str, paths: list[Path]) -> list[FileDone]:
    """A run that asks for everything and leaves nothing behind; its files in the order of their paths."""
    with tempfile.TemporaryDirectory() as folder:
        options = Options(name_from="path", journal=f"{folder}/journal.sqlite", read_again=True)
        events = list(register_files(paths, TAGS, client=AsyncAssetsClient(KEY, url), options=options))
    return sorted((one for one in events if isinstance(one, FileDone)), key=lambda done: done.path)


def show(first: list[FileDone], again: list[FileDone]) -> None:
    """The table of files."""
    table = Table(title="What became of each file", title_justify="left")
    for heading in ("file", "bytes", "first run", "second run", "id"):
        table.add_column(heading, justify="right" if heading == "bytes" else "left")
    for one, other in zip(first, again, strict=True):
        outcomes = (f"{result.status_code} {result.outcome}" for result in (one, other))
        table.add_row(Path(one.path).name, f"{one.size:,}", *outcomes, (one.id or "-")[:8])
    console.print(table)
    console.print()


def run_contract_tests(url: str, stored: Path) -> int:
    """Pytest on tests/contract, against this server; its exit status."""
    known = [hash_file(file.path) for file in walk([stored]) if isinstance(file, Found)]
    options = [word for one in known for word in ("--known-hash", one)]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--no-header",
        "-rNfE",  # what failed; the check's own words about what it only observes are for its reports
        "tests/contract",
        "--server",
        url,
        "--api-key",
        KEY,
    ]
    environment = {"HYPOTHESIS_PROFILE": "dev", **os.environ}
    return subprocess.run([*command, *options], cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        console.print("\ninterrupted; the server is stopped")
        sys.exit(130)
