"""Mutation testing of the client's core: does a test fail for every change of its code?

mutmut makes the changes and runs the tests. What survives is compared with `survivors.txt`, where each
known survivor stands with the reason why no test kills it. Ends with 1 where there is another one, with 2
where it could not run.

    python tools/mutation/run.py [MODULE ...]     e.g. retrying calls; all of MODULES by default
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
SURVIVORS = Path(__file__).with_name("survivors.txt")
WORK = ROOT / ".cache" / "mutation" / "work"

#: The hand-written core, the pure part of it first.
MODULES = (
    "retrying", "calls", "answers", "requests", "settings", "errors", "options",
    "exchanges", "progress", "sockets", "transports", "client",
)  # fmt: skip

#: The quick tests of the core; the faults, which take a minute, would kill some more.
TESTS = (
    "retrying", "calls", "client", "errors", "settings", "secrets", "use", "leftovers",
)  # fmt: skip

#: They look at the caller's line in a warning, and mutmut puts calls of its own between.
WITHOUT = (
    "tests/client/test_use.py::test_drift_warns_once_per_kind",
    "tests/client/test_use.py::test_unencrypted_key_warns",
)

#: Processes: more than cores, for the tests of most of them wait for sockets.
CHILDREN = 5

#: A change that hangs is given up after this many times what its tests take; mutmut's own 15 are minutes.
PATIENCE = 3


def main(arguments: list[str]) -> int:
    """Run, print a table, and compare."""
    modules = arguments or list(MODULES)
    unknown = [name for name in modules if name not in MODULES]
    if unknown:
        print(
            f"error: no module {', '.join(unknown)}: expected some of {', '.join(MODULES)}", file=sys.stderr
        )
        return 2
    _prepare(modules)
    ran = _mutmut("run", "--max-children", str(CHILDREN), capture=False)
    results = dict(re.findall(r"^\s+(\S+): (.+)$", _mutmut("results", "--all", "true").stdout, re.MULTILINE))
    if ran.returncode or not results:
        print("error: mutmut did not come to its end", file=sys.stderr)
        return 2
    known = _known()
    counts: dict[str, Counter[str]] = {name: Counter() for name in modules}
    new, seen = [], set()
    for mutant, status in results.items():
        module = mutant.split(".")[1]
        counts[module][
            "killed" if status in ("killed", "timeout") else "not run" if "checked" in status else status
        ] += 1
        if status == "survived":
            key = _key(mutant)
            seen.add(key)
            if key not in known:
                new.append(key)
    _print_table(counts)
    for key in new:
        print(f"\nnew survivor: {key}")
    for key in sorted(known.keys() - seen):
        if key.split(" ")[0].split(".")[0] in modules:
            print(f"\nkilled by now, take it out of {SURVIVORS.name}: {key}")
    return 1 if new else 0


def _prepare(modules: list[str]) -> None:
    """A copy of what is needed, with mutmut's settings."""
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    for name in ("src", "generated", "tests"):
        shutil.copytree(ROOT / name, WORK / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    for name in ("openapi.yaml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, WORK)
    sources = [f"src/comfy_assets/{name}.py" for name in modules]
    tests = [f"tests/client/test_{name}.py" for name in TESTS]
    settings = (
        f"\n[tool.mutmut]\nsource_paths = {sources!r}\npytest_add_cli_args_test_selection = {tests!r}\n"
        f"pytest_add_cli_args = {[word for test in WITHOUT for word in ('--deselect', test)]!r}\n"
        f"timeout_multiplier = {PATIENCE}\ntimeout_constant = 5\n"
        "also_copy = ['src', 'generated', 'tests', 'openapi.yaml', 'README.md', 'LICENSE']\n"
    )
    (WORK / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text(encoding="utf-8") + settings)


def _mutmut(*words: str, capture: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "mutmut", *words],
        cwd=WORK,
        env={**os.environ, "PYTHONPATH": str(WORK / "generated")},
        capture_output=capture,
        text=True,
        check=False,
    )


def _key(mutant: str) -> str:
    """A name for a change that no shift of lines changes: where it is, and what became of which lines."""
    shown = _mutmut("show", mutant).stdout.splitlines()
    changed = [f"{line[0]} {line[1:].strip()}" for line in shown if re.match(r"[-+](?![-+])", line)]
    function = re.sub(r"^comfy_assets\.|__mutmut_\d+$", "", mutant).replace("x_", "", 1)
    return f"{function.replace('xǁ', '').replace('ǁ', '.')} {' '.join(changed)}"


def _known() -> dict[str, str]:
    """Known survivors and their reasons: a line for each, and its reason in the comment above."""
    known, reason = {}, ""
    for line in SURVIVORS.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            reason = line.lstrip("# ")
        elif line:
            known[line] = reason
    return known


def _print_table(counts: dict[str, Counter[str]]) -> None:
    columns = ("killed", "survived", "not run")
    print(f"\n{'module':<12}" + "".join(f"{column:>10}" for column in columns))
    for module, count in counts.items():
        print(f"{module:<12}" + "".join(f"{count[column]:>10}" for column in columns))
    total = sum(counts.values(), Counter())
    print(f"{'all':<12}" + "".join(f"{total[column]:>10}" for column in columns))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
