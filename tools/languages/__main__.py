"""Builds the program of each language, checks each by check-client, and lets each register a file for real.

    python -m tools.languages [LANGUAGE...]

All are built first, then checked. Exit status: 0 all passed, 1 a program failed, 2 one could not be built or
checked. A language whose toolchain is missing is named and left out; with CI=true that is status 2.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

from comfy_assets import hash_file
from comfy_assets.server.process import ServerProcess
from tools.languages.table import LANGUAGES, TIMEOUT, Language

ROOT = Path(__file__).parents[2]
KEY = "languages-key"


def main() -> int:
    """The worst that became of a language, as the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("languages", nargs="*", metavar="LANGUAGE", help=f"of {', '.join(LANGUAGES)}")
    asked = parser.parse_args().languages or list(LANGUAGES)
    if unknown := [name for name in asked if name not in LANGUAGES]:
        parser.error(f"there is no language {unknown[0]!r}; there are {', '.join(LANGUAGES)}")
    statuses = {name: missing(LANGUAGES[name]) for name in asked}
    for name in (name for name, status in statuses.items() if status is None):
        statuses[name] = built(LANGUAGES[name])
    for name in (name for name, status in statuses.items() if status is None):
        statuses[name] = registered(LANGUAGES[name]) or checked(LANGUAGES[name])
    return max(status or 0 for status in statuses.values())


def missing(language: Language) -> int | None:
    """None where the toolchain is there; else the status, and what is missing is said."""
    absent = [program for program in language.needs if shutil.which(program) is None]
    if not absent:
        return None
    print(
        f"languages: {language.name}: left out, there is no {' and no '.join(absent)} on the PATH", flush=True
    )
    return 2 if os.environ.get("CI") == "true" else 0


def built(language: Language) -> int | None:
    """None where the program was built; 2 where it was not."""
    started = time.monotonic()
    print(f"languages: {language.name}: building", flush=True)
    script = ROOT / "languages" / language.name / "build.sh"
    environment = {**os.environ, "PYTHON": sys.executable}
    if subprocess.run([script, folder(language)], cwd=ROOT, env=environment, check=False).returncode:
        print(f"languages: {language.name}: error: {script.relative_to(ROOT)} failed, see above", flush=True)
        return 2
    print(f"languages: {language.name}: built in {time.monotonic() - started:.0f} s", flush=True)
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
        print(
            f"languages: {language.name}: registered a file with the reference server: {told[0]}", flush=True
        )
        return 0
    print(
        f"languages: {language.name}: error: could not register with the reference server: {told}", flush=True
    )
    return 1


def run_once(language: Language, asked: dict[str, str]) -> str:
    """The id that the program printed; empty where it failed or printed none."""
    try:
        done = subprocess.run(
            [program(language)], env={**os.environ, **asked}, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return ""
    sys.stderr.write(done.stderr)
    try:
        return str(uuid.UUID(done.stdout.strip())) if done.returncode == 0 else ""
    except ValueError:
        return ""


def checked(language: Language) -> int:
    """The status of check-client for the program; what its generator is known to get wrong is accepted."""
    print(f"languages: {language.name}: checking", flush=True)
    command = [sys.executable, "-m", "comfy_assets", "check-client", "--timeout", str(TIMEOUT)]
    command += ["--report-json", str(folder(language) / "check.json")]
    baseline = ROOT / "languages" / language.name / "baseline.json"
    if baseline.exists():
        command += ["--baseline", str(baseline)]
    for rule in language.not_checked:
        command += ["--allow-not-checked", rule]
    # Generated clients keep no state at home, so each run has the empty one that check-client gives it.
    return subprocess.run([*command, "--", program(language)], cwd=ROOT, check=False).returncode


def folder(language: Language) -> Path:
    """Where the client is generated and the program built; git ignores it."""
    return ROOT / ".cache" / "languages" / language.name


def program(language: Language) -> str:
    """What the build script leaves."""
    return str(folder(language) / "run")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\nlanguages: interrupted; what was built is kept", flush=True)
        sys.exit(130)
