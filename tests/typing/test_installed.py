"""Whoever installs the wheel gets the types: what is right is accepted, what is wrong refused, all is known."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import comfy_assets
from tools.npm.run import FOLDER, PROGRAMS

HERE = Path(__file__).parent


def test_mypy_of_a_stranger(tmp_path: Path) -> None:
    """Elsewhere, with nothing of ours but the installed package: each line is accepted or refused as it says."""
    for name in ("right.py", "wrong.py"):
        shutil.copy(HERE / name, tmp_path)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", os.devnull, "right.py", "wrong.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.usefixtures("npm_programs")
def test_public_names_have_known_types(tmp_path: Path) -> None:
    """Pyright finds the type of every name in `comfy_assets.__all__`, and of what belongs to it, written down."""
    # It takes the packages of the `python` that it finds.
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    program = FOLDER / "node_modules" / PROGRAMS["pyright"]
    done = subprocess.run(
        ["node", program, "--verifytypes", "comfy_assets", "--ignoreexternal", "--outputjson"],
        cwd=tmp_path, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    symbols = json.loads(done.stdout)["typeCompleteness"]["symbols"]
    homes = tuple(f"{module}." for module in comfy_assets._HOMES if module.startswith("comfy_assets."))
    public = [one for one in symbols if one["isExported"] and one["name"].startswith(homes)]
    unknown = [one["name"] for one in public if not one["isTypeKnown"] or one["isTypeAmbiguous"]]
    assert len(public) > 100
    assert not unknown
