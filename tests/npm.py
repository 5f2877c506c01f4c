"""The pinned programs from npm, for the tests that run them."""

from __future__ import annotations

import pytest

from tests.support import missing
from tools.npm.run import MissingProgramError, install


@pytest.fixture(scope="session")
def npm_programs() -> None:
    """Installs them, where that was not done; without node there are none."""
    try:
        install()
    except MissingProgramError as error:
        missing(str(error))
