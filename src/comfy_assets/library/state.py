"""What a run remembers, on the user's local disk: where it lies, and databases that may be lost.

Never beside the data: SQLite's locks fail on network file systems, and folders of models are often there.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import sqlite3
import time
from typing import TYPE_CHECKING, Any, Final

import filelock
import httpx
import platformdirs

from comfy_assets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from comfy_assets.client import AsyncAssetsClient

#: Seconds that one process waits for another's write.
_BUSY: Final = 30.0


def folder() -> str:
    """Where this system keeps a program's state; it need not exist."""
    return platformdirs.user_state_dir("comfy-assets", appauthor=False)


def open_database(path: str, schema: str, version: int) -> tuple[sqlite3.Connection, str | None]:
    """A database, made where there is none; and words, where what was there could not be used.

    One that is damaged, or of another version, is set aside: all that is in it can be found out again.
    Raises OSError where there can be none.
    """
    os.makedirs(os.path.dirname(path) or ".", mode=0o700, exist_ok=True)
    try:
        return _opened(path, schema, version), None
    except sqlite3.OperationalError as error:
        raise OSError(f"{path}: {error}") from None
    except sqlite3.DatabaseError as error:
        aside = f"{path}.damaged-{time.time_ns()}"
        os.replace(path, aside)
        for end in ("-wal", "-shm"):
            with contextlib.suppress(OSError):
                os.unlink(path + end)
        try:
            return _opened(path, schema, version), f"{path} could not be used ({error}); it is now {aside}"
        except sqlite3.Error as again:
            raise OSError(f"{path}: {again}") from None


def _opened(path: str, schema: str, version: int) -> sqlite3.Connection:
    # Statements of one thread at a time; each database has a lock of its own.
    connection = sqlite3.connect(path, timeout=_BUSY, check_same_thread=False, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        # The default of most builds: what was shown survives a loss of power.
        connection.execute("PRAGMA synchronous = FULL")
        [found] = connection.execute("PRAGMA user_version").fetchone()
        _judge(connection, found, version)
        connection.executescript(schema)
        connection.execute(f"PRAGMA user_version = {version}")
    except BaseException:
        connection.close()
        raise
    return connection


def reader(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Another connection to the same database; the same one where it has no file."""
    [(_, _, path), *_] = connection.execute("PRAGMA database_list").fetchall()
    if not path:
        return connection
    return sqlite3.connect(path, timeout=_BUSY, check_same_thread=False, isolation_level=None)


def _judge(connection: sqlite3.Connection, found: int, version: int) -> None:
    if found not in (0, version):
        raise sqlite3.DatabaseError(f"it is of version {found}, not {version}")
    if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
        raise sqlite3.DatabaseError("it is damaged")


def owner(client: AsyncAssetsClient, journal: str) -> str:
    """Who a key belongs to, as the journal says it: a digest that nobody can make without its secret."""
    key = client._shared.service.key  # noqa: SLF001 - the key stands nowhere else, on purpose
    [request] = list(key.auth_flow(httpx.Request("POST", client.base_url)))
    sent = sorted((name, value) for name, value in request.headers.items() if name != "host")
    return hmac.new(_secret(journal + ".secret"), repr(sent).encode(), hashlib.sha256).hexdigest()[:32]


def _secret(path: str) -> bytes:
    """Random bytes that only this user can read, made once."""
    with contextlib.suppress(FileExistsError):
        temporary = f"{path}.{os.getpid()}"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32))
        try:
            # A link is made whole or not at all, and never over one that is there.
            os.link(temporary, path)
        except (OSError, AttributeError):
            if not os.path.exists(path):
                os.replace(temporary, path)
        with contextlib.suppress(OSError):
            os.unlink(temporary)
    with open(path, "rb") as file:
        return file.read()


@contextlib.contextmanager
def only_run(journal: str, who: str) -> Iterator[None]:
    """Keeps a second run for the same service and owner away; the system lets go when a process ends.

    Raises InputError where there is one.
    """
    path = f"{journal}.{who[:12]}.lock"
    lock: Any = filelock.FileLock(path, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise InputError(
            f"another run registers for the same service and key ({_pid(path)}); "
            "wait for it, or give this one a --journal of its own"
        ) from None
    try:
        with open(path + ".pid", "w", encoding="ascii") as file:
            file.write(str(os.getpid()))
        yield
    finally:
        lock.release()


def _pid(path: str) -> str:
    try:
        with open(path + ".pid", encoding="ascii") as file:
            return f"process {int(file.read())}"
    except (OSError, ValueError):
        return "its process is not known"
