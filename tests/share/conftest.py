"""What is shared, made once for all tests, as `make share` makes it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tools.npm.run import MissingProgramError, install
from tools.share import __main__ as program


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder; without node it lacks the page, and in continuous integration that fails."""
    folder = tmp_path_factory.mktemp("share") / "contract"
    assert program.main([str(folder)]) == 0
    return folder


@pytest.fixture(scope="session")
def vectors(shared: Path) -> Any:
    return json.loads((shared / "vectors.json").read_text(encoding="utf-8"))


@pytest.fixture
def npm_programs() -> None:
    """Skips, by name, where there is no node; fails in continuous integration."""
    try:
        install()
    except MissingProgramError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))
