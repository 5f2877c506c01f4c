"""The process that serves: socket, database, index, ready file; in this order, and back."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from sqlalchemy import exc

from comfy_assets import specification
from comfy_assets._version import __version__
from comfy_assets.server import fronting, workers
from comfy_assets.server.app import BODY_SECONDS
from comfy_assets.server.database import StoreError, sentence
from comfy_assets.server.indexing import Indexing
from comfy_assets.server.keys import KeyFormatError
from comfy_assets.server.logs import Log, logging_to
from comfy_assets.server.protocol import CONNECTIONS, HEAD_SECONDS
from comfy_assets.server.serving import GRACE_SECONDS, Served, serve
from comfy_assets.server.starting import (
    StartError,
    bind,
    cannot_listen,
    check_folders,
    check_ready_file,
    open_store,
    url_of,
    write_whole,
)
from comfy_assets.server.stopping import Stopped, cleaning_in_peace, stop_without_parent, stopping_by_signal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from comfy_assets.server.store import Store
    from comfy_assets.specification import Contract

__all__ = ["Options", "StartError", "run"]


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
    #: That requests under way get at the end.
    grace_seconds: float = GRACE_SECONDS
    #: Of each worker.
    connections: int = CONNECTIONS
    access_log: bool = True
    #: Whether the log is JSON lines on stdout.
    as_json: bool = False
    validates: bool = False
    workers: int = 1
    exit_with_parent: bool = False
    #: Whether scenarios that are bound to keys act.
    scenarios: bool = False
    #: Where every exchange is recorded.
    record: Path | None = None


def run(
    options: Options,
    announce: Callable[[dict[str, Any]], None],
    answering_early: Callable[[], None] = lambda: None,
) -> int:
    """Serve until SIGTERM or SIGINT comes; return that signal's number.

    `announce` is called once, when content is indexed and requests are answered, with the members that
    the ready file holds too; `answering_early` before it, where requests are answered long before. Raises
    `StartError` where it cannot start.
    """
    with logging_to(Log(as_json=options.as_json, requests=options.access_log)) as log:
        try:
            with stopping_by_signal(), contextlib.ExitStack() as stack, cleaning_in_peace():
                if options.exit_with_parent:
                    stop_without_parent()
                _serve(options, log, announce, answering_early, stack)
        except Stopped as stopped:
            return stopped.signal
        except specification.ContractFileError as error:
            raise StartError(str(error), "contract") from error
        except KeyFormatError as error:
            raise StartError(str(error), "usage") from error
        except StoreError as error:
            raise StartError(str(error), "database") from error
        except exc.DBAPIError as error:
            raise StartError(sentence(error), "database") from error
        except workers.WorkerError as error:
            raise StartError(str(error), "worker") from error
        except BrokenPipeError:  # who read our output went away: the command line knows what to do
            raise
        except OSError as error:
            raise StartError(f"the server cannot run: {error}", "system") from error


def _serve(
    options: Options,
    log: Log,
    announce: Callable[[dict[str, Any]], None],
    answering_early: Callable[[], None],
    stack: contextlib.ExitStack,
) -> NoReturn:
    check_folders(options.content)
    if options.ready_file:
        check_ready_file(options.ready_file)
    contract = specification.load(options.contract)
    listener = stack.enter_context(contextlib.closing(bind(options.host, options.port)))
    store = stack.enter_context(contextlib.closing(open_store(options.database, stack)))
    served = _served(options, contract, store)
    # Made here also where workers do the work: what is wrong with contract or keys is told at once.
    indexing = Indexing(store, options.content, log)
    app = served.application(contract, store, log, indexing.done)
    url = url_of(listener)
    if options.scenarios or options.record:
        listener = fronting.put_before(listener, contract, store, options, stack, log.say)
    stack.callback(indexing.close)
    indexing.start()

    def answering() -> None:
        indexed = indexing.result()
        ready = {
            "url": url,
            "pid": os.getpid(),
            "database": store.url,
            "contract": contract.digest,
            "version": __version__,
            "content": {"files": indexed.files, "bytes": indexed.bytes},
            **({"scenarios": options.scenarios} if options.scenarios or options.record else {}),
        }
        log.flush()
        if options.ready_file:
            stack.callback(options.ready_file.unlink, missing_ok=True)
            write_whole(options.ready_file, json.dumps(ready) + "\n")
        announce(ready)

    def waiting() -> None:
        log.say(f"answering at {url}; content is still being indexed")
        answering_early()

    try:
        if options.workers > 1:
            workers.run(served, listener, options.workers, log, indexing.done, waiting, answering)
        serve(app, contract, served, listener, answering, indexing.done, waiting)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:  # taken between bind and listen
            raise
        raise cannot_listen(options.host, options.port, error) from error
    raise AssertionError("uvicorn raises the signal again that stopped it, which unwinds to `run`")


def _served(options: Options, contract: Contract, store: Store) -> Served:
    keys = tuple(options.keys)
    if options.scenarios:
        keys = (*keys, fronting.stand_in(store))
    return Served(
        contract=str(contract.path),
        database=store.engine.url.render_as_string(hide_password=False),
        keys=keys,
        body_seconds=options.body_seconds,
        head_seconds=options.head_seconds,
        grace_seconds=options.grace_seconds,
        connections=options.connections,
        access_log=options.access_log,
        as_json=options.as_json,
        validates=options.validates,
    )
