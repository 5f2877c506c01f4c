"""Lints a contract with redocly and spectral, by the rule sets beside this file; a warning is a failure.

    python -m tools.lint_contract [FILE]

FILE is openapi.yaml where it is left out. Exit status: 0 nothing found, 1 something found, 2 it could not
be linted. Without node it says so and ends well on a developer's machine; with CI=true that is status 2.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from attrs import frozen

from tools.npm import run as npm

HERE = Path(__file__).parent


class NotLintedError(Exception):
    """A linter gave no verdict; the text is one sentence."""


@frozen
class Finding:
    """What a linter objects to: which one, its rule, the line where it tells one, the place, the message."""

    linter: str
    rule: str
    line: int | None
    place: str
    message: str


def lint(path: Path) -> list[Finding]:
    """What both object to.

    Raises NotLintedError, and MissingProgramError where there is no node.
    """
    if not path.is_file():
        raise NotLintedError(f"{path} is not a file")
    npm.install()
    with ThreadPoolExecutor() as pool:
        both = [pool.submit(linter, path.resolve()) for linter in (redocly, spectral)]
        return [finding for one in both for finding in one.result()]


def redocly(path: Path) -> list[Finding]:
    """What redocly objects to, warnings included."""
    told = _told("redocly", "lint", str(path), "--config", str(HERE / "redocly.yaml"),
                 "--format", "json", "--max-problems", "1000")  # fmt: skip
    findings = []
    for problem in told["problems"]:
        location = problem["location"][0] if problem.get("location") else {}
        line = (location.get("start") or {}).get("line")
        place = str(location.get("pointer", "")).replace("~1", "/")
        findings.append(Finding("redocly", problem["ruleId"], line, place, problem["message"]))
    return findings


def spectral(path: Path) -> list[Finding]:
    """What spectral objects to, hints included."""
    told = _told("spectral", "lint", str(path), "--ruleset", str(HERE / "spectral.yaml"),
                 "--format", "json", "--quiet")  # fmt: skip
    return [
        Finding("spectral", one["code"], one["range"]["start"]["line"] + 1,
                "#/" + "/".join(map(str, one["path"])), one["message"])
        for one in told
    ]  # fmt: skip


def _told(program: str, *words: str) -> Any:
    done = npm.run(program, *words)
    text = done.stdout.strip()
    try:
        # A JSON value, and a decoder that does not mind words after it.
        return json.JSONDecoder().raw_decode(text)[0]
    except ValueError:
        lines = [
            line
            for line in (done.stderr + text).splitlines()
            if line.strip() and line.strip()[0] not in "║╔╚"
        ]
        raise NotLintedError(f"{program} gave no verdict: " + " ".join(lines)[-300:]) from None


def main(words: list[str]) -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(
        prog="lint-contract", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", metavar="FILE", nargs="?", type=Path, default=npm.ROOT / "openapi.yaml")
    path: Path = parser.parse_args(words).file
    try:
        found = lint(path)
    except npm.MissingProgramError as error:
        strict = os.environ.get("CI") == "true"
        print(f"lint-contract: {'error' if strict else 'skipped'}: {error}", file=sys.stderr)
        return 2 if strict else 0
    except NotLintedError as error:
        print(f"lint-contract: error: {error}", file=sys.stderr)
        return 2
    for one in found:
        where = f"{path.name}:{one.line}" if one.line else f"{path.name} {one.place}"
        print(f"{where}: {one.message} [{one.linter} {one.rule}]")
    print(
        f"lint-contract: {len(found)} found" if found else "lint-contract: redocly and spectral find nothing"
    )
    return 1 if found else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
