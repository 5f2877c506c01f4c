"""Runs the tests and tells what no test reaches: `python -m tools.coverage [TESTS...]`, or `make coverage`.

Counts lines and branches of `src/comfy_assets` and `tools`, in the processes that tests start too. Shows the rest
in dist/coverage/. A run of all tests is held against gaps.txt, where each gap that stays has its reason, and written
down in docs/reference/coverage.md. Ends with 1 where a test fails, a gap has no reason, or a reason has no gap.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import coverage

from tools.coverage import gaps, page

ROOT = gaps.ROOT
DATA = ROOT / ".cache" / "coverage"
SHOWN = ROOT / "dist" / "coverage"
#: What the generator's Python is lent, for as long as the tests run.
LENT = ROOT / ".cache" / "coverage-lent"
COUNT = "import sys; sys.path.append({lent!r}); import coverage; coverage.process_startup(slug='lent')\n"


def main(tests: list[str]) -> int:
    """The exit status."""
    for folder in (DATA, SHOWN):
        shutil.rmtree(folder, ignore_errors=True)
    DATA.mkdir(parents=True)
    with _generator_counts_too():
        command = ["run", "-m", "pytest", "--quiet", "-n", "auto", "--dist", "loadfile", *tests]
        failed = _coverage(*command)
    processes = len(list(DATA.iterdir()))
    _coverage("combine", "--quiet")
    _coverage("html", "--quiet", "-d", str(SHOWN))
    if tests:
        _coverage("report")
        return failed
    _coverage("json", "--quiet", "-o", str(DATA / "report.json"))
    report = json.loads((DATA / "report.json").read_text(encoding="utf-8"))
    page.write(report, processes)
    return _told(gaps.found(report), gaps.read()) or failed


def _coverage(*arguments: str) -> int:
    return subprocess.run([sys.executable, "-m", "coverage", *arguments], cwd=ROOT, check=False).returncode


@contextmanager
def _generator_counts_too() -> Iterator[None]:
    """It runs in an environment of its own, which has no coverage: ours is lent to it, and taken back."""
    LENT.mkdir(parents=True, exist_ok=True)
    ours = LENT / "coverage"
    ours.unlink(missing_ok=True)
    ours.symlink_to(Path(coverage.__file__).parent)
    hooks = [
        packages / "lent_coverage.pth"
        for packages in (ROOT / ".cache" / "generate").glob("environment-*/lib/python3*/site-packages")
    ]
    for hook in hooks:
        hook.write_text(COUNT.format(lent=os.fspath(LENT)), encoding="utf-8")
    try:
        yield
    finally:
        for hook in hooks:
            hook.unlink(missing_ok=True)


def _told(found: set[gaps.Gap], known: dict[gaps.Gap, gaps.Known]) -> int:
    """Says which gaps have no reason, and which reasons no gap; the exit status."""
    unknown = sorted(found - known.keys())
    stale = sorted(gap for gap, why in known.items() if gap not in found and not why.sometimes)
    if unknown:
        print(
            f"{len(unknown)} gaps without a reason: write a test, or the reason into tools/coverage/gaps.txt"
        )
    print(*unknown, sep="\n")
    if stale:
        print(f"{len(stale)} reasons without a gap: delete them from tools/coverage/gaps.txt")
    print(*stale, sep="\n")
    return 1 if unknown or stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
