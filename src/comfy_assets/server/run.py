"""The process that serves: socket, database, index, signals, ready file; in this order, and back."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from comfy_assets import specification
from comfy_assets._version import __version__
from comfy_assets.server import content, fronting, workers
from comfy_assets.server.app import BODY_SECONDS
from comfy_assets.server.database import StoreError
from comfy_assets.server.keys import KeyFormatError
from comfy_assets.server.protocol import CONNECTIONS, HEAD_SECONDS
from comfy_assets.server.serving import Served, server_for
from comfy_assets.server.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType

#: Seconds between two looks at whether the parent is there.
PARENT_SECONDS = 0.5


class StartError(Exception):
    """The server cannot start: the text is one sentence, `code` a short name for programs."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Options:
    """What to serve, where. `database` None is a temporary one, `contract` None the packaged one."""

    host: str
    port: int
    keys: Sequence[str]
    content: Sequence[Path] = ()
    database: str | None = None
    contract: Path | None = None
    ready_file: Path | None = None
    body_seconds: float = BODY_SECONDS
    head_seconds: float = HEAD_SECONDS
    #: Of each worker.
    connections: int = CONNECTIONS
    access_log: bool = False
    validates: bool = False
    workers: int = 1
    exit_with_parent: bool = False
    #: Whether scenarios that are bound to keys act.
    scenarios: bool = False
    #: Where every exchange is recorded.
    record: Path | None = None


def run(options: Options, say: Callable[[str], None], announce: Callable[[dict[str, Any]], None]) -> int:
    """Serve until SIGTERM or SIGINT comes; return that signal's number.

    `say` takes lines about what is going on; `announce` is called once, when requests are answered,
    with the members that the ready file holds too. Raises `StartError` where it cannot start.
    """
    _log_to_stderr()
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(_stopping_on_sigterm())
            if options.exit_with_parent:
                _watch_parent()
            return _serve(options, say, announce, stack)
        except _Stopped as stopped:
            return stopped.signal
        except KeyboardInterrupt:
            return signal.SIGINT
        except specification.ContractFileError as error:
            raise StartError(str(error), "contract") from error
        except KeyFormatError as error:
            raise StartError(str(error), "usage") from error
        except (StoreError, sa.exc.DBAPIError) as error:
            cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
            raise StartError(str(cause), "database") from error
        except BrokenPipeError:  # who read our output went away: the command line knows what to do
            raise
        except OSError as error:
            raise StartError(f"the server cannot run: {error}", "system") from error


def _serve(
    options: Options,
    say: Callable[[str], None],
    announce: Callable[[dict[str, Any]], None],
    stack: contextlib.ExitStack,
) -> int:
    _check_paths(options)
    contract = specification.load(options.contract)
    listener = stack.enter_context(contextlib.closing(_bind(options.host, options.port)))
    store = stack.enter_context(contextlib.closing(_open_store(options, stack)))
    keys = tuple(options.keys)
    if options.scenarios:
        keys = (*keys, fronting.stand_in(store))
    served = Served(
        contract=str(contract.path),
        database=store.engine.url.render_as_string(hide_password=False),
        keys=keys,
        body_seconds=options.body_seconds,
        head_seconds=options.head_seconds,
        connections=options.connections,
        access_log=options.access_log,
        validates=options.validates,
    )
    # Made here also where workers do the work: what is wrong with contract or keys is told at once.
    app = served.application(contract, store, say)
    indexed = content.index(store, options.content, say)
    say(f"indexed {indexed.files} files, {_size(indexed.bytes)}")
    ready = {
        "url": _url(listener),
        "pid": os.getpid(),
        "database": store.url,
        "contract": contract.digest,
        "version": __version__,
        "content": {"files": indexed.files, "bytes": indexed.bytes},
    }

    if options.scenarios or options.record:
        ready["scenarios"] = options.scenarios
        listener = fronting.put_before(listener, contract, store, options, stack, say)

    def answering() -> None:
        if options.ready_file:
            stack.callback(options.ready_file.unlink, missing_ok=True)
            _write_whole(options.ready_file, json.dumps(ready) + "\n")
        announce(ready)

    try:
        if options.workers > 1:
            workers.run(served, listener, options.workers, say, answering)
        server_for(app, contract, answering, served.limits).run(sockets=[listener])
    except OSError as error:
        if error.errno != errno.EADDRINUSE:  # taken between bind and listen
            raise
        raise _cannot_listen(options.host, options.port, error) from error
    except workers.WorkerError as error:
        raise StartError(str(error), "worker") from error
    # uvicorn raises the signal that stopped it again, which unwinds to `run`. Only where SIGINT is
    # ignored, as in a script's background job, does it come back here.
    return signal.SIGINT


# --- Signals ------------------------------------------------------------------------------------


class _Stopped(BaseException):
    """SIGTERM came. Not an `Exception`: nothing on the way may take it for a failure."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = number


@contextlib.contextmanager
def _stopping_on_sigterm() -> Iterator[None]:
    """Let SIGTERM unwind the stack, as Ctrl-C does, at any time: also while files are indexed."""

    def stop(number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough; cleaning up is under way
        raise _Stopped(number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _watch_parent() -> None:
    """Stop, as by SIGTERM, when the process that started this one is gone."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


# --- Parts --------------------------------------------------------------------------------------


def _check_paths(options: Options) -> None:
    for folder in options.content:
        if not folder.is_dir():
            raise StartError(f"--content {folder}: no such folder", "usage")
    if options.ready_file:
        if not options.ready_file.absolute().parent.is_dir():
            raise StartError(f"--ready-file {options.ready_file}: its folder does not exist", "usage")
        # One left by a server that was killed would tell a waiting program a lie.
        options.ready_file.unlink(missing_ok=True)


def _open_store(options: Options, stack: contextlib.ExitStack) -> Store:
    if options.database:
        return Store(options.database)
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="comfy-assets-"))
    return Store(f"sqlite:///{Path(folder) / 'references.db'}")


def _bind(host: str, port: int) -> socket.socket:
    """A bound socket of our own, so that the port is known, or known to be taken, before the work."""
    try:
        family, kind, number, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, number)
    except (OSError, UnicodeError) as error:
        raise _cannot_listen(host, port, error) from error
    try:
        if os.name == "posix":  # elsewhere this would let two servers share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise _cannot_listen(host, port, error) from error
    return listener


def _cannot_listen(host: str, port: int, error: Exception) -> StartError:
    in_use = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
    cause = "the port is in use" if in_use else getattr(error, "strerror", None) or str(error)
    return StartError(f"cannot listen on {host} port {port}: {cause}", "listen")


def _url(listener: socket.socket) -> str:
    """Where a client on this machine reaches the socket."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104, it is replaced
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _write_whole(path: Path, text: str) -> None:
    """Write a file that is there whole or not at all."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)


def _size(count: float) -> str:
    """A number of bytes for people: `12 bytes`, `3.4 MiB`."""
    step = 1024
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < step:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= step
    return f"{count:.1f} TiB"


def _log_to_stderr() -> None:
    logger = logging.getLogger("comfy_assets.server")
    if not logger.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        logger.addHandler(handler)
        logger.propagate = False
