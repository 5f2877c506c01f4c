"""The steps of a generation that has something to do: environment, generator, formatter, swap."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent


class BuildError(Exception):
    """Something that people can mend; the text is one sentence."""

    is_expected = True


def counted(number: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def write_atomically(path: str, text: str) -> None:
    """Write a file that is there whole or not at all."""
    temporary = f"{path}.{os.getpid()}"
    Path(temporary).write_text(text, encoding="utf-8")
    os.replace(temporary, path)


@contextlib.contextmanager
def lock(cache: str) -> Iterator[None]:
    """Two runs at once wait for each other."""
    os.makedirs(cache, exist_ok=True)
    with open(os.path.join(cache, "lock"), "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def environment(cache: str, pins: str) -> Path:
    """The generator's environment, made from the pins where there is none for them yet."""
    wanted = hashlib.sha256(Path(pins).read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder = Path(cache) / f"environment-{wanted}"
    done = folder / "complete"
    if done.exists():
        return folder
    for stale in Path(cache).glob("environment-*"):
        shutil.rmtree(stale)
    print("generate.sh: installing the pinned generator (once)", file=sys.stderr)
    run([sys.executable, "-m", "venv", str(folder)], "cannot make a virtual environment")
    run(
        [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        + ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--requirement", pins],
        "cannot install the pinned generator",
        isolate=False,
    )
    done.touch()
    return folder


def run(command: list[str], failure: str, *, isolate: bool = True, cwd: Path | None = None) -> str:
    """Run a program, whatever hash seed, locale and settings the caller has; its output."""
    surroundings = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0", "PYTHONUTF8": "1"}
    if not isolate:
        surroundings = {**os.environ, **surroundings, "PATH": os.environ.get("PATH", "/usr/bin:/bin")}
    done = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", errors="replace", env=surroundings, cwd=cwd
    )
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise BuildError(f"{failure}: " + (said[-1] if said else f"exit status {done.returncode}"))
    return done.stdout


@contextlib.contextmanager
def generated(environment: Path, root: str, contract: str, package: str, cache: str) -> Iterator[str]:
    """A temporary folder with what generated/ should hold; removed at the end."""
    remove_leftovers(cache)
    folder = Path(tempfile.mkdtemp(prefix="new-", dir=cache))
    try:
        yield str(_generate(folder, environment, Path(root), contract, package))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers(cache: str) -> None:
    """What an interrupted run left behind. The lock is held, so that no other run uses it."""
    for pattern in ("new-*", "old-*"):
        for leftover in Path(cache).glob(pattern):
            shutil.rmtree(leftover, ignore_errors=True)


def _generate(folder: Path, environment: Path, root: Path, contract: str, package: str) -> Path:
    python = str(environment / "bin" / "python")
    overrides = folder / "overrides"
    shutil.copytree(root / "overrides", overrides)
    prepared = [python, "-I", "-B", str(HERE / "prepare.py"), contract, str(overrides / "config.yaml"), str(overrides)]
    _say_what_is_wrong(prepared)
    output = folder / "generated"
    output.mkdir()
    generator = [python, "-I", "-B", "-m", "openapi_python_client", "generate", "--meta", "none", "--fail-on-warning"]
    generator += ["--path", str(overrides / "contract.json"), "--config", str(overrides / "config.yaml")]
    generator += ["--custom-template-path", str(overrides / "templates"), "--output-path", str(output / package)]
    done = subprocess.run(
        generator,
        capture_output=True,
        text=True,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0", "COLUMNS": "1000"},
    )
    warned = "arning" in done.stdout + done.stderr
    if done.returncode or warned or not (output / package / "client.py").exists():
        raise BuildError(f"the generator refuses {Path(contract).name}: {_first_complaint(done.stdout + done.stderr)}")
    _tidy(output / package, root)
    _format(environment, output)
    return output


def _say_what_is_wrong(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"})
    if done.returncode == 2:
        raise BuildError(done.stderr.strip())
    if done.returncode:
        raise BuildError("the contract could not be prepared; this is a defect of ours:\n" + done.stderr)


def _first_complaint(said: str) -> str:
    """The generator's own words, shortened: the first lines that say what and where."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith(("Generating ", "Error(s) encountered", "Warning(s) enc"))]
    return " ".join(lines[:3])[:400] or "it gave no reason"


def _tidy(package: Path, root: Path) -> None:
    """Free-form objects have no class, and so their modules are empty: remove them. Mark as typed."""
    for module in package.rglob("*.py"):
        if not module.read_text(encoding="utf-8").strip():
            module.unlink()
    header = (root / "overrides" / "templates" / "header.jinja").read_text(encoding="utf-8")
    (package / "py.typed").write_text(header, encoding="utf-8")


def _format(environment: Path, output: Path) -> None:
    ruff = str(environment / "bin" / "ruff")
    common = ["--isolated", "--no-cache", "--quiet", "--target-version", "py311", "--line-length", "110", "."]
    run([ruff, "check", "--fix-only", "--select", "F401,F811,TC005,I,PIE790", *common], "ruff", cwd=output)
    run([ruff, "format", *common], "ruff", cwd=output)


def differing(ours: dict[str, bytes], theirs: dict[str, bytes]) -> list[str]:
    """The files that are not the same in both, by name."""
    return sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))


def swap(fresh: str, output: str) -> None:
    """Put the new folder in the old one's place.

    Two renames: between them, for an instant, there is no folder, which --check and every import
    notice, and the next run mends. There is never one with half of each.
    """
    old = os.path.join(os.path.dirname(os.path.dirname(fresh)), f"old-{os.getpid()}-{time.monotonic_ns()}")
    os.makedirs(os.path.dirname(output), exist_ok=True)
    if os.path.lexists(output):
        os.rename(output, old)
    os.rename(fresh, output)
    shutil.rmtree(old, ignore_errors=True)
