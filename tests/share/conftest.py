"""What is shared, made once for all tests, as `make share` makes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

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
