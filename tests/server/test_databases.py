"""Several server processes over one database, of each kind: they agree, and nothing acknowledged is lost."""

from __future__ import annotations

import contextlib
import http.client
import random
import signal
import socket
import sqlite3
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from comfy_assets.cli.main import main
from comfy_assets.server.database import StoreError
from comfy_assets.server.process import ServerProcess, ServerStartError
from comfy_assets.server.store import Store
from comfy_assets.server.tables import VERSION
from tests.postgres import new_database
from tests.server.asking import PATH, PORTRAIT, Asker, blake3_of, write_files

HASH = blake3_of(PORTRAIT)
CLIENTS = 64


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one file."""
    return write_files(tmp_path / "content", {"portrait.png": PORTRAIT})


def created(ask: Asker, name: str) -> tuple[int, str]:
    """Status and id of a reference that is asked for."""
    answered = ask.create({"hash": HASH, "tags": ["a"], "name": name})
    return answered.status, answered.json["id"]


@pytest.mark.parametrize("rounds", [3, pytest.param(200, marks=pytest.mark.nightly)])
def test_many_clients_at_many_workers(database: str, folder: Path, rounds: int) -> None:
    """The same new request of 64 clients at once, at four workers: one 201, one id, each time."""
    serving: dict[str, Any] = {"content": [folder], "api_keys": ["one"], "database": database}
    with ServerProcess(**serving, options=["--workers", "4"]) as server:
        for number in range(rounds):
            answers: list[tuple[int, str]] = []
            start = threading.Barrier(CLIENTS)

            def ask(name: str, start: threading.Barrier = start, answers: Any = answers) -> None:
                start.wait(30)
                answers.append(created(Asker(server.url, "one"), name))

            threads = [threading.Thread(target=ask, args=(f"round {number}",)) for _ in range(CLIENTS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert Counter(status for status, _ in answers) == {201: 1, 200: CLIENTS - 1}
            assert len({id_ for _, id_ in answers}) == 1


@pytest.mark.parametrize("kills", [2, pytest.param(30, marks=pytest.mark.nightly)])
def test_killed_under_load(database: str, folder: Path, kills: int) -> None:
    """After `kill -9` at a random moment under load, every acknowledged reference is there, and none twice."""
    chance = random.Random(kills)
    told: dict[str, str] = {}
    lock, numbers = threading.Lock(), iter(range(1_000_000))
    for _ in range(kills):
        with ServerProcess(content=[folder], api_keys=["one"], database=database) as server:

            def load(url: str = server.url) -> None:
                ask = Asker(url, "one")
                while True:
                    with lock:
                        name = f"reference {next(numbers)}"
                    try:
                        _, id_ = created(ask, name)
                    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
                        return
                    with lock:
                        told[name] = id_

            threads = [threading.Thread(target=load) for _ in range(4)]
            for thread in threads:
                thread.start()
            # At a random number of answers, not at a random time: a busy machine may give none in a second.
            wanted, end = len(told) + chance.randint(12, 200), time.monotonic() + 60
            while len(told) < wanted and time.monotonic() < end:
                time.sleep(0.001)
            server.stop(signal.SIGKILL)
            for thread in threads:
                thread.join(30)
    assert len(told) > 10 * kills
    engine = sa.create_engine(sa.make_url(database).set(drivername=_driver(database)))
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT name, id FROM reference")).all()
    engine.dispose()
    stored = Counter(name for name, _ in rows)
    assert set(stored.values()) == {1}
    assert {name: id_ for name, id_ in rows if name in told} == told


def _driver(database: str) -> str:
    return "sqlite" if database.startswith("sqlite") else "postgresql+psycopg"


def test_other_version_is_refused(database: str) -> None:
    """A database of another version is refused in one sentence that says what to do, and left alone."""
    with ServerProcess(database=database):
        pass
    engine = sa.create_engine(sa.make_url(database).set(drivername=_driver(database)))
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE meta SET value = '99' WHERE name = 'version'"))
    with pytest.raises(ServerStartError, match=f"of version 99, this server needs {VERSION}; name a new one"):
        ServerProcess(database=database).start()
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT value FROM meta WHERE name = 'version'")).scalar() == "99"
    engine.dispose()


def test_older_version_with_fewer_tables_is_told_as_a_version(database: str) -> None:
    """What another version lacks does not make it a database of something else."""
    engine = sa.create_engine(sa.make_url(database).set(drivername=_driver(database)))
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)"))
        connection.execute(sa.text("INSERT INTO meta VALUES ('version', '1')"))
    engine.dispose()
    with pytest.raises(StoreError, match=f"of version 1, this server needs {VERSION}; name a new one"):
        Store(database)


def test_password_is_not_shown(postgresql_server: sa.URL) -> None:
    """A database that cannot be reached is one sentence, without the password of its URL."""
    url = "postgresql://somebody:secret-word@127.0.0.1:1/nothing"
    with pytest.raises(ServerStartError) as caught:
        ServerProcess(database=url).start()
    assert "cannot be used as a database" in str(caught.value)
    assert "secret-word" not in str(caught.value)


def test_locked_database_is_waited_for_and_then_told(
    database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A database that another process holds locked: a bounded wait, one sentence, exit 2; for each command."""
    monkeypatch.setattr("comfy_assets.server.database.OPENING_MS", 300)
    with contextlib.closing(Store(database)):
        pass
    engine = sa.create_engine(sa.make_url(database).set(drivername=_driver(database)))
    with engine.connect() as connection:
        if database.startswith("sqlite"):
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(sa.text("LOCK TABLE meta"))
        for command in (
            ["serve", "--port", "0"],
            ["keys", "list"],
            ["scenario", "show"],
            ["content", "list"],
        ):
            assert main([*command, "--database", database]) == 2
            said = capsys.readouterr().err
            assert said.count("\n") == 1
            assert "cannot be used as a database: it is locked by another process" in said
    engine.dispose()


def test_database_server_that_says_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A port that takes connections and never answers is not waited for longer than for others."""
    monkeypatch.setattr("comfy_assets.server.database.CONNECT_SECONDS", 2)  # the least that libpq takes
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://somebody:secret-word@127.0.0.1:{silent.getsockname()[1]}/a"
        assert main(["serve", "--port", "0", "--database", url]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "cannot be used as a database" in said
    assert "secret-word" not in said


def test_lost_database_is_500_and_not_ready(postgresql_server: sa.URL, folder: Path) -> None:
    """While the database is away requests get the contract's 500 and `/readyz` 503; back again, so are they."""
    database = new_database(postgresql_server)
    with ServerProcess(content=[folder], api_keys=["one"], database=database) as server:
        ask = Asker(server.url, "one")
        assert created(ask, "before")[0] == 201
        engine = sa.create_engine(
            postgresql_server.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
        )
        name = str(sa.make_url(database).database)
        with engine.connect() as connection:
            connection.execute(sa.text(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'))
            connection.execute(
                sa.text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
            )
            assert ask.send(None, method="GET", path="/readyz").status == 503
            answered = ask.create({"hash": HASH, "tags": ["a"], "name": "meanwhile"})
            assert (answered.status, answered.json["code"]) == (500, "INTERNAL_ERROR")
            connection.execute(sa.text(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'))
        engine.dispose()
        assert ask.send(None, method="GET", path="/readyz").status == 200
        assert created(ask, "after")[0] == 201


def test_connections_that_the_database_closed(postgresql_server: sa.URL, folder: Path) -> None:
    """After a database server was restarted, nobody's request meets one of the connections that it closed."""
    database = new_database(postgresql_server)
    engine = sa.create_engine(
        postgresql_server.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )
    closed = sa.text(
        "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE datname = :name"
    )
    with ServerProcess(content=[folder], api_keys=["one"], database=database) as server:
        ask = Asker(server.url, "one")
        for attempt in range(3):
            assert created(ask, f"name {attempt}")[0] == 201
            with engine.connect() as connection:
                name = sa.make_url(database).database
                assert connection.execute(closed, {"name": name}).scalar_one() > 0
    engine.dispose()


def test_tables_of_something_else(tmp_path: Path) -> None:
    """A database that holds other tables is refused."""
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE other (id INTEGER)")
    connection.close()
    with pytest.raises(ServerStartError, match="something else; name a new one"):
        ServerProcess(database=f"sqlite:///{path}").start()


def test_path_is_the_contracts() -> None:
    """The tests of this folder ask where the contract says."""
    from comfy_assets import specification

    assert [operation.path for operation in specification.load().operations] == [PATH]
