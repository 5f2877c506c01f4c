"""What a change of the contract means: for callers, servers, the Python API, the check, and the version.

    tools/contract-diff BASE [NEW]

BASE and NEW are git revisions or files; NEW is openapi.yaml of the working tree where it is left out.
The last line is `demands: major`, `minor`, `patch` or `none`. Exit status: 0 `info.version` follows,
1 it does not, 2 it could not be judged: nothing is demanded where a contract cannot be read, and what the
documents alone demand where no Python client can be generated of it.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from comfy_assets.specification import Contract
from tools.contract_diff import documents, meaning, python_api, redocly, rules
from tools.contract_diff.changes import Change, NotJudgedError, heaviest
from tools.npm.run import MissingProgramError


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override] # it does not return either
        raise NotJudgedError(f"{message}; usage: tools/contract-diff BASE [NEW]")


def main(words: list[str]) -> int:
    """The exit status; everything but errors goes to stdout."""
    parser = _Parser(
        prog="contract-diff", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("base", metavar="BASE")
    parser.add_argument("new", metavar="NEW", nargs="?", default=str(documents.ROOT / documents.NAME))
    given = parser.parse_args(words)
    if not given.base or not given.new:
        raise NotJudgedError("BASE is empty; name a git revision or a contract's file")
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor() as pool:
        (Path(folder) / "base").mkdir()
        (Path(folder) / "new").mkdir()
        old_path = documents.find(given.base, Path(folder) / "base")
        new_path = documents.find(given.new, Path(folder) / "new")
        old = documents.read(old_path, given.base)
        new = documents.read(new_path, os.path.relpath(given.new) if Path(given.new).is_file() else given.new)
        print(f"contract {old.version} ({given.base}) -> {new.version} ({os.path.relpath(given.new)})")
        return _judge(given.base, old, new, pool)


def _judge(base: str, old: Contract, new: Contract, pool: ThreadPoolExecutor) -> int:
    callers = pool.submit(redocly.opinion, old, new)
    servers = pool.submit(redocly.opinion, new, old)
    checked = pool.submit(rules.changes, base if documents.is_revision(base) else None, old.path, new.path)
    found = meaning.changes(old, new)
    _section("callers", (f"{one.level:<8} {one.place}: {one.message} [{one.rule}]" for one in found))
    _say_opinion(callers)
    _section(
        "servers",
        (f"{'breaking':<8} {one.place}: {one.message} [{one.rule}]" for one in found if one.breaks_servers),
    )
    _say_opinion(servers)
    api, refused = _python(old, new)
    _section(
        "Python API",
        [refused] if refused else (f"{one.level:<8} {one.place} {one.message} [{one.rule}]" for one in api),
    )
    _section("check", checked.result())

    demanded = heaviest([one.level for one in (*found, *api)])
    follows = documents.follows(old.version, new.version, demanded)
    print("\nversion")
    if follows:
        print(f"  {old.version} -> {new.version} follows")
    else:
        print(
            f"  {old.version} -> {new.version} does not follow: set info.version to {documents.least(old.version, demanded)} or higher"
        )
    # A version that follows what is known may fall behind what is not; one that does not follow never will.
    is_open = bool(refused) and follows and demanded != "major"
    if is_open:
        _fail(f"the Python API is not judged and may demand more: {refused}")
    print(f"demands: {demanded}", flush=True)
    return 2 if is_open else 0 if follows else 1


def _python(old: Contract, new: Contract) -> tuple[list[Change], str]:
    """The changes of the generated package, or why it cannot be generated."""
    try:
        return python_api.changes(python_api.generated(old.path), python_api.generated(new.path)), ""
    except NotJudgedError as error:
        return [], f"cannot be generated: {error}".replace(str(new.path), documents.NAME)


def _section(title: str, lines: Iterable[str]) -> None:
    print(f"\n{title}")
    for line in list(lines) or ["no change"]:
        print(f"  {line}")


def _say_opinion(asked: Future[redocly.Opinion]) -> None:
    """What redocly says beside it. It does not decide: see `meaning`."""
    try:
        told = asked.result()
    except MissingProgramError as error:
        if os.environ.get("CI") == "true":
            raise NotJudgedError(str(error)) from None
        print(f"  redocly diff was not asked: {error}")
        return
    print(f"  redocly diff: {told.bump}")
    for rule, place, message in told.objections:
        print(f"    {rule} at {place}: {message}")


def _fail(sentence: str) -> None:
    """Say it after all that was printed so far, also where both outputs go to one place."""
    sys.stdout.flush()
    print(f"contract-diff: error: {sentence}", file=sys.stderr, flush=True)


def run() -> int:
    """Run, and say in one sentence what stood in the way."""
    try:
        return main(sys.argv[1:])
    except NotJudgedError as error:
        _fail(str(error))
        return 2
    except KeyboardInterrupt:
        print("contract-diff: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(run())
