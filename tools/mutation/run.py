"""Mutation testing of the client's core: does a test fail for every change of its code?

mutmut makes the changes, `trials` tries them. What survives is compared with `survivors.txt`, where each
known survivor stands with the reason why no test kills it. Ends with 1 where there is another one, or one
is listed that a test kills; with 2 where it could not run, or did not come to its end.

    python -m tools.mutation.run [MODULE ...] [--minutes N] [--fresh]     all of MODULES by default

Every verdict is kept at once, so that a run that was stopped goes on where it was. A change is tried again
when its function has changed and, if it survived, when a test has. `--fresh` forgets all verdicts.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import io
import json
import math
import os
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any

from tools.mutation import survivors, trials

ROOT = Path(__file__).parents[2]
WORK = ROOT / ".cache" / "mutation" / "work"

#: The hand-written core, the pure part of it first.
MODULES = (
    "retrying", "calls", "answers", "requests", "settings", "errors", "options",
    "exchanges", "progress", "sockets", "ways", "transports", "transports_async", "client",
)  # fmt: skip

#: Tests of the core that are not asked: the faults take a minute, the others are of what is not changed here.
UNASKED = ("faults", "field_evidence", "hashing", "stock")

#: It looks at the caller's line in a warning, and mutmut puts calls of its own between.
WITHOUT = "tests/client/test_use.py::test_warnings_stand_at_the_callers_line"

_TESTED_BY = "mutants/tests/client/*.py"

#: What the tests need.
COPIED = ("src", "generated", "tests", "openapi.yaml", "pyproject.toml")

#: Names of mutmut's verdicts, in the order of the table.
WORDS = {trials.KILLED: "killed", trials.HUNG: "hung", trials.SURVIVED: "survived", None: "no verdict"}


def main() -> int:
    """Run what has no verdict yet, print a table, and compare."""
    options = _options()
    WORK.parent.mkdir(parents=True, exist_ok=True)
    with WORK.with_name("lock").open("w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("error: another run goes on in this checkout", file=sys.stderr)
            return 2
        return _all(options)


def _all(options: argparse.Namespace) -> int:
    if options.fresh:
        shutil.rmtree(WORK, ignore_errors=True)
    _prepare()
    os.chdir(WORK)
    # What is tested is the copy.
    copied = [str(WORK / "mutants" / name) for name in ("src", "generated")]
    sys.path[:] = [*copied, *sys.path[1:], str(ROOT)]
    os.environ["PYTHONPATH"] = os.pathsep.join(copied)
    try:
        _run(options.modules, until=time.monotonic() + 60 * (options.minutes or math.inf))
    except KeyboardInterrupt:
        print("\nstopped; the next run goes on from here", file=sys.stderr)
    return _report(options.modules)


def _options() -> argparse.Namespace:
    summary, _, more = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=more, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=f"of {', '.join(MODULES)}")
    parser.add_argument("--minutes", type=float, metavar="N", help="stop after N minutes")
    parser.add_argument("--fresh", action="store_true", help="forget all verdicts")
    options = parser.parse_args()
    if unknown := [name for name in options.modules if name not in MODULES]:
        parser.error(f"no module {', '.join(unknown)}: expected some of {', '.join(MODULES)}")
    options.modules = options.modules or list(MODULES)
    return options


def _prepare() -> None:
    """Bring the copy that is worked on up to date: the sources to be changed, and beside them all that is needed."""
    sources = [f"src/comfy_assets/{name}.py" for name in MODULES]
    WORK.joinpath("src", "comfy_assets").mkdir(parents=True, exist_ok=True)
    WORK.joinpath("mutants").mkdir(exist_ok=True)
    for name in sources:
        _bring(ROOT / name, WORK / name)
    # mutmut writes the changed sources there, with its verdicts.
    own = {WORK / "mutants" / (name + ending) for name in sources for ending in ("", ".meta", ".spans")}
    for name in COPIED:
        _bring(ROOT / name, WORK / "mutants" / name, own)
    (WORK / "pyproject.toml").write_text(f"[tool.mutmut]\nsource_paths = {sources!r}\n", encoding="utf-8")


def _bring(source: Path, target: Path, but: Collection[Path] = ()) -> None:
    """Copy what differs, so that the times of all else stay; remove what is gone."""
    if target in but:
        return
    if source.is_dir():
        target.mkdir(exist_ok=True)
        names = {path.name for path in source.iterdir() if path.name[0] != "." and path.name != "__pycache__"}
        for path in target.iterdir():
            if path.name not in names and path not in but:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        for name in names:
            _bring(source / name, target / name, but)
    elif not target.exists() or source.read_bytes() != target.read_bytes():
        shutil.copyfile(source, target)


def _keep_verdicts_whole() -> None:
    """Mutmut writes its verdicts over the old ones; whoever is killed while it does would lose them all."""
    from mutmut.mutation.data import SourceFileMutationData

    write = SourceFileMutationData.save

    def save(self: SourceFileMutationData) -> None:
        place = self.meta_path
        self.meta_path = place.with_suffix(".new")
        try:
            write(self)
            self.meta_path.replace(place)
        finally:
            self.meta_path = place

    SourceFileMutationData.save = save


def _run(modules: list[str], until: float) -> None:
    """Make the changes, and try those of some modules that have no verdict, up to a moment."""
    from mutmut import __main__ as mutmut

    _keep_verdicts_whole()
    with contextlib.redirect_stdout(io.StringIO()):
        mutmut.create_mutants(2)
    verdicts = _verdicts()
    _forget_survivors_where_tests_changed(verdicts)
    asked = [
        (name, verdicts[module])
        for module in modules
        for name, code in verdicts[module].exit_code_by_key.items()
        if code is None
    ]
    if asked:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        unasked = [f"--ignore=tests/client/test_{name}.py" for name in UNASKED]
        arguments = ["--rootdir=.", "tests/client", *unasked, "--deselect", WITHOUT]
        with contextlib.chdir("mutants"):
            trials.with_collected(arguments, lambda these: _try(these, asked, until))


def _forget_survivors_where_tests_changed(verdicts: dict[str, survivors.Verdicts]) -> None:
    stamp, digest = WORK / "tests.sha256", _digest(_TESTED_BY)
    if stamp.exists() and stamp.read_text() == digest:
        return
    for kept in verdicts.values():
        codes = kept.exit_code_by_key
        codes |= {name: None for name, code in codes.items() if code == trials.SURVIVED}
        kept.save()
    stamp.write_text(digest)


def _digest(*patterns: str) -> str:
    """Of what tests or is tested."""
    paths = [path for pattern in patterns for path in sorted(WORK.glob(pattern))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def _try(these: trials.Trials, asked: list[tuple[str, survivors.Verdicts]], until: float) -> None:
    """Try changes, and keep each verdict at once."""
    found = _who_calls_what(these)
    if found is None:
        print("error: a test fails where nothing is changed", file=sys.stderr)
        return
    tests, seconds = found
    kept, told = dict(asked), 0.0
    mutants = [(name, tests.get(name.partition("__mutmut_")[0], [])) for name in kept]
    end, pause = ("\r", 0.5) if sys.stdout.isatty() else ("\n", 60)
    for count, (name, code) in enumerate(these.verdicts(mutants, seconds, until), 1):
        kept[name].exit_code_by_key[name] = code
        kept[name].save()
        if time.monotonic() > told + pause or count == len(kept):
            told = time.monotonic()
            print(f"{count} of {len(kept)} changes tried", end=end, flush=True)


def _who_calls_what(these: trials.Trials) -> tuple[trials.Tests, trials.Seconds] | None:
    """As `Trials.who_calls_what`, which takes as long as many trials: again only where something has changed."""
    place, digest = WORK / "calls.json", _digest(_TESTED_BY, "src/comfy_assets/*.py")
    known: dict[str, Any] = json.loads(place.read_text(encoding="utf-8")) if place.exists() else {}
    if known.get("of") != digest:
        found = these.who_calls_what()
        if found is None:
            return None
        known = {"of": digest, "tests": found[0], "seconds": found[1]}
        place.write_text(json.dumps(known), encoding="utf-8")
    return known["tests"], known["seconds"]


def _verdicts() -> dict[str, survivors.Verdicts]:
    """By module, what mutmut knows."""
    from mutmut.mutation.data import SourceFileMutationData

    found = {}
    for module in MODULES:
        found[module] = SourceFileMutationData(path=f"src/comfy_assets/{module}.py")
        found[module].meta_path = WORK / found[module].meta_path
        found[module].load()
    return found


def _report(modules: list[str]) -> int:
    """The table, the new survivors in the form of the list, and what stands there for nothing."""
    known, seen, hung, counts = survivors.read(), set(), set(), {}
    for module in modules:
        codes = _verdicts()[module].exit_code_by_key
        counts[module] = Counter(WORDS[code] for code in codes.values())
        seen |= {survivors.mutant(name) for name, code in codes.items() if code == trials.SURVIVED}
        hung |= {survivors.mutant(name) for name, code in codes.items() if code == trials.HUNG}
    _print_table(counts)
    complete = [module for module in modules if counts[module] and not counts[module]["no verdict"]]
    new = seen - known.keys()
    # One that takes longer than the others may hang on a busy machine: that is no reason to unlist it.
    stale = {mutant for mutant in known.keys() - seen - hung if mutant.module in complete}
    for heading, mutants in (("new survivors", new), ("listed, but killed by now", stale)):
        if mutants:
            print(f"\n{heading} ({survivors.LIST.relative_to(ROOT)}):\n")
            print("\n".join(sorted(map(str, mutants))))
    if new or stale:
        return 1
    return 0 if len(complete) == len(modules) else 2


def _print_table(counts: dict[str, Counter[str]]) -> None:
    columns = WORDS.values()
    print(f"\n{'module':<12}" + "".join(f"{column:>12}" for column in columns))
    for module, count in {**counts, "all": sum(counts.values(), Counter())}.items():
        print(f"{module:<12}" + "".join(f"{count[column]:>12}" for column in columns))


if __name__ == "__main__":
    sys.exit(main())
