"""Builds the program of each language, checks each by check-client, and lets each register a file for real.

    python -m tools.languages [--write] [LANGUAGE...]

All are built first, then checked. Exit status: 0 all passed, 1 a program failed, 2 one could not be built or
checked. A language whose toolchain is missing is named and left out; with CI=true that is status 2.
`--write` writes down what the clients keep and lose of the contract, and the page about it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

from comfy_assets import hash_file
from comfy_assets.contract.baseline import Baseline
from comfy_assets.contract.clients.run import rejudge
from comfy_assets.server.process import ServerProcess
from tools.languages import page, probes
from tools.languages.table import LANGUAGES, ROOT, Language

KEY = "languages-key"


def main() -> int:
    """The worst that became of a language, as the exit status."""
    parser = argparse.ArgumentParser(
        prog="make languages", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("languages", nargs="*", metavar="LANGUAGE", help=f"of {', '.join(LANGUAGES)}")
    parser.add_argument(
        "--write", action="store_true", help="write down what was seen, and docs/reference/languages.md"
    )
    given = parser.parse_args()
    asked = given.languages or list(LANGUAGES)
    if unknown := [name for name in asked if name not in LANGUAGES]:
        parser.error(f"there is no language {unknown[0]!r}; there are {', '.join(LANGUAGES)}")
    statuses = {name: missing(LANGUAGES[name]) for name in asked}
    absent = [name for name, status in statuses.items() if status is not None]
    for name in (name for name, status in statuses.items() if status is None):
        statuses[name] = built(LANGUAGES[name])
    for language in [LANGUAGES[name] for name, status in statuses.items() if status is None]:
        statuses[language.name] = (
            registered(language) or checked(language) or compared(language, write=given.write)
        )
    if given.write:
        page.PAGE.write_text(page.text(), encoding="utf-8")
    words = {0: "passed", 1: "failed", 2: "could not be built or checked"}
    ends = [
        f"{name} {'left out' if name in absent else words.get(status or 0, 'failed')}"
        for name, status in statuses.items()
    ]
    say(", ".join(ends))
    return max(status or 0 for status in statuses.values())


def say(words: str) -> None:
    """Talk, in its place among what the programs say."""
    print(f"languages: {words}", flush=True)


def missing(language: Language) -> int | None:
    """None where the toolchain is there; else the status, and what is missing is said."""
    absent = [program for program in language.needs if shutil.which(program) is None]
    if not absent:
        return None
    is_error = os.environ.get("CI") == "true"
    word = "error" if is_error else "left out"
    say(
        f"{language.name}: {word}: there is no {' and no '.join(absent)} on the PATH; {language.toolchain} is needed"
    )
    return 2 if is_error else 0


def built(language: Language) -> int | None:
    """None where the program was built; 2 where it was not."""
    started = time.monotonic()
    say(f"{language.name}: building")
    script = language.source / "build.sh"
    environment = {**os.environ, "PYTHON": sys.executable}
    if subprocess.run([script, language.folder], cwd=ROOT, env=environment, check=False).returncode:
        say(f"{language.name}: error: {script.relative_to(ROOT)} failed, see above")
        return 2
    say(f"{language.name}: built in {time.monotonic() - started:.0f} s")
    return None


def registered(language: Language) -> int:
    """Let the program register a file twice with the reference server; 0 where it told the same id twice."""
    with tempfile.TemporaryDirectory(prefix="comfy-assets-languages-") as scratch:
        stored = Path(scratch) / "stored"
        stored.mkdir()
        (stored / "greeting.txt").write_text("Known in every language.\n", encoding="utf-8")
        with ServerProcess(content=[stored], api_keys=[KEY]) as server:
            asked = {
                "COMFY_CLOUD_BASE_URL": server.url,
                "COMFY_CLOUD_API_KEY": KEY,
                "COMFY_ASSET_HASH": hash_file(stored / "greeting.txt"),
                "COMFY_ASSET_TAGS": '["input", "språk"]',
                "COMFY_ASSET_NAME": "greeting.txt",
                "COMFY_ASSET_MIME_TYPE": "text/plain",
                "COMFY_ASSET_METADATA": f'{{"language": "{language.name}"}}',
            }
            told = [run_once(language, asked) for _ in range(2)]
    if told[0] and told[0] == told[1]:
        say(f"{language.name}: registered a file with the reference server: {told[0]}")
        return 0
    say(f"{language.name}: error: could not register with the reference server: {told}")
    return 1


def run_once(language: Language, asked: dict[str, str]) -> str:
    """The id that the program printed; empty where it failed or printed none."""
    try:
        done = subprocess.run(
            [language.program], env={**os.environ, **asked}, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return ""
    sys.stderr.write(done.stderr)
    try:
        return str(uuid.UUID(done.stdout.splitlines()[-1].strip())) if done.returncode == 0 else ""
    except (ValueError, IndexError):
        return ""


def checked(language: Language) -> int:
    """The status of check-client for the program; what its generator is known to get wrong is accepted."""
    say(f"{language.name}: checking")
    command = [sys.executable, "-m", "comfy_assets", "check-client", "--timeout", str(language.timeout)]
    command += ["--report-json", str(language.folder / "check.json")]
    command += ["--baseline", str(language.source / "baseline.json")]
    # Generated clients keep no state at home, so each run has the empty one that check-client gives it.
    return subprocess.run([*command, "--", language.program], cwd=ROOT, check=False).returncode


def compared(language: Language, *, write: bool) -> int:
    """0 where the client keeps of the contract what is written down; `write` writes it down."""
    report = rejudge(language.folder / "check.json", strict=False, allow=(), known=Baseline())
    seen = probes.kept(report.record)
    file = language.source / "kept.json"
    if write:
        file.write_text(json.dumps(seen, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        return 0
    known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    changed = [
        f"{row}: {words}; known: {known.get(about, {}).get(row)}"
        for about, rows in seen.items()
        for row, words in rows.items()
        if known.get(about, {}).get(row) != words
    ]
    for line in changed:
        say(f"{language.name}: error: of {line}")
    if changed:
        say(f"to write it down: make languages LANGUAGE={language.name} ARGS=--write")
    return 1 if changed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\nlanguages: interrupted; what was built is kept", flush=True)
        sys.exit(130)
