"""The same bytes, whatever surrounds a run."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.generation import support
from tests.generation.support import generate

#: Surroundings that must not matter.
SURROUNDINGS: dict[str, dict[str, str]] = {
    "C locale, hash seed, time zone": {
        "PYTHONHASHSEED": "1",
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
        "TZ": "Pacific/Kiritimati",
        "RUFF_LINE_LENGTH": "40",
        "RUFF_CONFIG": "/nowhere",
    },
    "Latin-1 locale, another hash seed, narrow terminal": {
        "PYTHONHASHSEED": "4242",
        "LC_ALL": "en_US.ISO-8859-1",
        "PYTHONIOENCODING": "latin-1",
        "TZ": "America/Lima",
        "COLUMNS": "20",
        "FORCE_COLOR": "1",
        "PYTHONPATH": "/nowhere",
        "PYTHONOPTIMIZE": "2",
    },
    "POSIX locale, random hash seed": {"PYTHONHASHSEED": "random", "LC_ALL": "POSIX", "PYTHONUTF8": "0"},
}


@pytest.fixture(scope="module")
def expected(shop_package: Path) -> dict[str, bytes]:
    """What shop.yaml gives."""
    return support.tree(shop_package)


@pytest.mark.parametrize("surroundings", SURROUNDINGS)
def test_surroundings_do_not_matter(
    shared_checkout: Path, tmp_path: Path, expected: dict[str, bytes], surroundings: str
) -> None:
    """Environment variables of Python, ruff, pip and the locale change no byte."""
    output = tmp_path / "out"
    contract = support.HERE / "shop.yaml"
    done = generate(
        shared_checkout, "--contract", contract, "--output", output, env=SURROUNDINGS[surroundings]
    )
    assert done.returncode == 0, done.stderr
    assert support.tree(output / support.PACKAGE) == expected


def test_the_place_does_not_matter(tmp_path: Path, expected: dict[str, bytes]) -> None:
    """Settings and ignore files nearby, a foreign ruff on the PATH, odd folder names and a strict umask change nothing."""
    # `build` and `dist` are names that formatters leave out.
    around = tmp_path / "build" / 'it\'s a "folder" & more'
    checkout = support.copy_checkout(around / "dist")
    for folder in (around, checkout):
        (folder / "ruff.toml").write_text('line-length = 40\nindent-width = 2\nexclude = ["*"]\n')
        (folder / "pyproject.toml").write_text("[tool.ruff]\nline-length = 50\n")
    (around / ".gitignore").write_text("*.py\nmodels/\n")
    subprocess.run(["git", "init", "--quiet", str(around)], check=True)
    foreign = tmp_path / "bin"
    foreign.mkdir()
    (foreign / "ruff").write_text('#!/bin/sh\ntouch "$0.was-run"\nexit 1\n')
    (foreign / "ruff").chmod(0o755)
    work = tmp_path / "elsewhere"
    work.mkdir()
    before = os.umask(0o077)
    try:
        contract, output = support.HERE / "shop.yaml", around / "out"
        done = generate(
            checkout,
            "--contract",
            contract,
            "--output",
            output,
            cwd=work,
            env={"PATH": f"{foreign}:{os.environ['PATH']}"},
        )
    finally:
        os.umask(before)
    assert done.returncode == 0, done.stderr
    assert support.tree(output / support.PACKAGE) == expected
    assert not (foreign / "ruff.was-run").exists()
    assert list(work.iterdir()) == []


def test_twice_in_a_row(checkout: Path) -> None:
    """A second generation, forced by a removed stamp, changes no file and says nothing."""
    before = support.tree(checkout / "generated")
    for _ in range(2):
        for stamp in (checkout / ".cache" / "generate").glob("stamp-*"):
            stamp.unlink()
        done = generate(checkout)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert support.tree(checkout / "generated") == before
