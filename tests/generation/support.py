"""What the tests of the generation share: the checkout, copies of it, and runs of generate.sh."""

from __future__ import annotations

import functools
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
PACKAGE = "comfy_assets_api"
HEADER = "# Generated from openapi.yaml and overrides/. Do not edit: change those, then run ./generate.sh\n"

#: Parts of the checkout that a generation reads or writes.
_NEEDED = ("generate.sh", "openapi.yaml", ".gitattributes", ".gitignore")
_NEEDED_BELOW = ("tools/generate/", "overrides/", "generated/", "requirements/")


def tree(folder: Path) -> dict[str, bytes]:
    """The files below a folder, caches left out."""
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(files)}


def copy_checkout(to: Path) -> Path:
    """A copy of the checkout without its caches, but for the generator's environment, which is shared.

    The environment is a link: nothing is installed twice, and a test that removes the link or sees it
    removed leaves the checkout's own alone.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    for name in listed:
        if (name in _NEEDED or name.startswith(_NEEDED_BELOW)) and (ROOT / name).exists():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)
    cache = to / ".cache" / "generate"
    cache.mkdir(parents=True)
    for environment in (ROOT / ".cache" / "generate").glob("environment-*"):
        (cache / environment.name).symlink_to(environment)
    return to


@functools.cache
def python() -> str:
    """The Python that the generator's environment was made with.

    Found anew, it may be a shim of a version manager, which takes longer to start than a check lasts.
    """
    environment = next((ROOT / ".cache" / "generate").glob("environment-*/complete"), None)
    settings = (environment.parent / "pyvenv.cfg").read_text(encoding="utf-8") if environment else ""
    found = re.search(r"^executable = (.+)$", settings, re.MULTILINE)
    return found[1] if found else sys.executable


def surroundings() -> dict[str, str]:
    """Our environment, and which Python generate.sh is to take."""
    return {**os.environ, "PYTHON": python()}


def generate(
    checkout: Path, *arguments: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the checkout's generate.sh to its end. `env` is added to our own environment."""
    return subprocess.run(
        [str(checkout / "generate.sh"), *map(str, arguments)],
        cwd=cwd or checkout,
        env=surroundings() | dict(env or {}),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def generated(checkout: Path, contract: Path, output: Path) -> Path:
    """The package that a contract gives; fails with what generate.sh says."""
    done = generate(checkout, "--contract", contract, "--output", output)
    assert done.returncode == 0, done.stderr
    return output / PACKAGE


Answers = dict[str, tuple[int | str, str]]


def run_many(
    work: Path,
    contracts: Mapping[str, Path],
    *,
    output: Path | None = None,
    overrides: Mapping[str, Path] | None = None,
) -> Answers:
    """What generate.sh starts, but for the formatter, for many contracts in one process: status and words by name.

    With `output` each package is made in a folder of its name there. `overrides`: other ones than the checkout's.
    """
    environment = next((ROOT / ".cache" / "generate").glob("environment-*"))
    tasks = {
        name: {
            "contract": str(contract),
            "overrides": str((overrides or {}).get(name, ROOT / "overrides")),
            "output": str(output / name) if output else None,
        }
        for name, contract in contracts.items()
    }
    command = [environment / "bin" / "python", "-I", HERE / "runner.py", ROOT / "tools" / "generate", work]
    done = subprocess.run(
        [*map(str, command)],
        input=json.dumps(tasks),
        cwd=work,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    return {name: (status, said) for name, (status, said) in told.items()}


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """The one sentence of a run that could not be done."""
    assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("generate.sh: error: ")
    assert len(lines[0]) < 700
    return lines[0].removeprefix("generate.sh: error: ")


def leftovers(checkout: Path) -> list[str]:
    """What stands in the cache and is neither the lock, nor the environment, nor a stamp."""
    names = sorted(path.name for path in (checkout / ".cache" / "generate").iterdir())
    return [
        name
        for name in names
        if (not name.startswith(("environment-", "stamp-")) and name != "lock") or ".new" in name
    ]


@contextmanager
def imported(package: Path, alias: str, home: Path) -> Iterator[ModuleType]:
    """A generated package under a name of its own, so that several can be loaded side by side.

    The package refers to itself by relative imports only, so a link to it in the folder `home` will do.
    """
    (home / alias).symlink_to(package)
    sys.path.insert(0, str(home))
    try:
        yield importlib.import_module(alias)
    finally:
        sys.path.remove(str(home))


def submodule(package: ModuleType, name: str) -> ModuleType:
    """A module of a generated package, such as `api.orders.list_lines`."""
    return importlib.import_module(f"{package.__name__}.{name}")
