"""A real server process, shared by the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from comfy_assets.server.process import ServerProcess
from tests.server.asking import FILES, Asker, write_files


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One server with `FILES` and two owners; tests keep apart by names of their own."""
    folder = write_files(tmp_path_factory.mktemp("content"), FILES)
    with ServerProcess(content=[folder], api_keys=["first-owner-key", "second-owner-key"]) as process:
        yield process


@pytest.fixture
def ask(server: ServerProcess) -> Asker:
    """Asks the shared server as its first owner."""
    return Asker(server.url, server.api_keys[0])


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A name for a reference that no other test uses."""
    return str(request.node.nodeid)
