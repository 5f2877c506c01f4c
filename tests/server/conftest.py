"""Real server processes, shared by the tests of this folder, on each kind of database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from comfy_assets.server.process import ServerProcess
from tests.postgres import new_database, postgresql
from tests.server.asking import FILES, Asker, write_files

KINDS = ["sqlite", "postgresql"]


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[sa.URL]:
    """One PostgreSQL for the tests of this process."""
    with postgresql() as url:
        yield url


@pytest.fixture(scope="session", params=KINDS)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    """One server with `FILES` and two owners; tests keep apart by names of their own."""
    folder = write_files(tmp_path_factory.mktemp("content"), FILES)
    database = None
    if request.param == "postgresql":
        database = new_database(request.getfixturevalue("postgresql_server"))
    keys = ["first-owner-key", "second-owner-key"]
    with ServerProcess(
        content=[folder], api_keys=keys, database=database, options=["--no-access-log"]
    ) as process:
        yield process


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new database of each kind."""
    if request.param == "postgresql":
        return new_database(request.getfixturevalue("postgresql_server"))
    return f"sqlite:///{tmp_path / 'references.db'}"


@pytest.fixture
def ask(server: ServerProcess) -> Asker:
    """Asks the shared server as its first owner."""
    return Asker(server.url, server.api_keys[0])


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A name for a reference that no other test uses."""
    return str(request.node.nodeid)
