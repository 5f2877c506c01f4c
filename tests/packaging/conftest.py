"""Wheel and sdist, built as for a release, and an environment that has the wheel and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from attrs import frozen

ROOT = Path(__file__).parents[2]


@frozen
class Built:
    """The two files that a release consists of."""

    wheel: Path
    sdist: Path


def build(source: Path, folder: Path, *targets: str) -> Path:
    """Build from a source tree into a folder, with what is installed here and no network."""
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    command += [word for target in targets for word in ("-t", target)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Wheel and sdist of this checkout."""
    folder = build(ROOT, tmp_path_factory.mktemp("dist"), "sdist", "wheel")
    [wheel], [sdist] = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return Built(wheel, sdist)


@frozen
class Environment:
    """A virtual environment."""

    folder: Path

    def run(self, *words: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
        """Run one of its programs, with nothing of the surroundings but a home of its own."""
        home = self.folder / "home"
        return subprocess.run(
            [self.folder / "bin" / words[0], *words[1:]],
            cwd=self.folder, env={"HOME": str(home), "COLUMNS": "200", **more},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip


@pytest.fixture(scope="module")
def base(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """What `pip install` makes of the wheel without extras, from the pinned packages alone."""
    subprocess.run(["make", "--no-print-directory", ".cache/base/complete"], cwd=ROOT, check=True)
    environment = Environment(tmp_path_factory.mktemp("base"))
    # Without pip in it, whose copying takes longer than all the rest.
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment.folder], check=True)
    (environment.folder / "home").mkdir()
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    pip += ["--python", str(environment.folder / "bin" / "python")]
    install = ["install", "--no-compile", "--no-index", "--find-links", str(ROOT / ".cache" / "base")]
    subprocess.run([*pip, *install, str(built.wheel)], check=True)
    subprocess.run([*pip, "check"], check=True)
    return environment
