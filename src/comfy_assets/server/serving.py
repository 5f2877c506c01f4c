"""How one process serves: the application, and uvicorn around it; the same with and without workers."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from comfy_assets.server.answers import Writer
from comfy_assets.server.app import create_app
from comfy_assets.server.keys import Keys
from comfy_assets.server.protocol import Limits, Refusals, protocol

if TYPE_CHECKING:
    import socket
    import threading
    from collections.abc import Callable
    from types import FrameType

    from comfy_assets.server.logs import Log
    from comfy_assets.server.store import Store
    from comfy_assets.specification import Contract

#: Seconds an idle connection is kept. Longer than clients keep theirs, so that the one who closes
#: is not the server, just when the next request is on its way.
KEEP_ALIVE_SECONDS: Final = 75
#: Seconds that requests under way get when the server stops.
GRACE_SECONDS: Final = 2.0
#: Seconds of indexing after which it is told that requests are answered already.
WAITING_SECONDS: Final = 1.0


@dataclass(frozen=True)
class Served:
    """What is served, in plain values that a worker can be told. `keys` never show."""

    contract: str
    database: str
    keys: tuple[str, ...]
    body_seconds: float
    head_seconds: float
    grace_seconds: float
    connections: int
    access_log: bool
    as_json: bool
    validates: bool
    #: Whether content is indexed already.
    indexed: bool = False

    @property
    def limits(self) -> Limits:
        """What is bounded below the application."""
        return Limits(self.head_seconds, self.connections)

    def __repr__(self) -> str:
        return f"Served(contract={self.contract!r})"

    def application(self, contract: Contract, store: Store, log: Log, indexed: threading.Event) -> Any:
        """The application that serves this; it is ready when `indexed` is set."""
        return create_app(
            contract,
            store,
            Keys(store, self.keys),
            body_seconds=self.body_seconds,
            access_log=log.request if self.access_log else None,
            validates=self.validates,
            indexed=indexed.is_set,
        )


def serve(
    app: Any,
    contract: Contract,
    served: Served,
    listener: socket.socket,
    answering: Callable[[], None],
    indexed: threading.Event | None = None,
    waiting: Callable[[], None] = lambda: None,
) -> None:
    """Serve in this process until a signal comes, or until `answering` raises, which is raised again.

    `answering` is called when requests are answered and `indexed` is set; `waiting` where that takes long.
    """
    server = server_for(app, contract, answering, served.limits, served.grace_seconds)
    server.indexed, server.waiting = indexed, waiting
    server.run(sockets=[listener])
    if server.failure is not None:
        raise server.failure


def server_for(
    app: Any,
    contract: Contract,
    answering: Callable[[], None],
    limits: Limits | None = None,
    grace_seconds: float = GRACE_SECONDS,
) -> Server:
    """A server of the application; `answering` is called when it answers requests."""
    return Server(_configuration(app, contract, limits or Limits(), grace_seconds), answering)


def _configuration(app: Any, contract: Contract, limits: Limits, grace_seconds: float) -> uvicorn.Config:
    """How uvicorn serves the application."""
    error = Writer(contract).error
    seconds = f"{limits.head_seconds:g} seconds"
    refusals = Refusals(
        malformed=error(None, 400, "this is not HTTP/1.1"),
        slow=error(None, 408, f"the head of the request did not arrive within {seconds}"),
        busy=error(None, 503, "too many connections are open", {"Retry-After": "1"}),
    )
    return uvicorn.Config(
        app,
        http=protocol(refusals, limits),
        ws="none",
        lifespan="off",
        # Its lines are not ours, and an access line of it holds the query, which could hold a key.
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=grace_seconds,  # type: ignore[arg-type] # it is only waited for
    )


class Server(uvicorn.Server):
    """uvicorn, with a call when it answers and content is indexed. `failure` is what that call raised."""

    def __init__(self, config: uvicorn.Config, answering: Callable[[], None]) -> None:
        super().__init__(config)
        self.indexed: threading.Event | None = None
        self.waiting: Callable[[], None] = lambda: None
        self.failure: Exception | None = None
        self._answering = answering
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop; at the second interruption, without what is under way."""
        super().handle_exit(sig, frame)
        # From Python 3.12 on a closed listener is waited for until its last connection is gone.
        if self.force_exit and self._loop is not None:
            self._loop.call_soon_threadsafe(self._abort)

    def _abort(self) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and tell so."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        if self.started:
            self._task = asyncio.create_task(self._tell())

    async def _tell(self) -> None:
        started: float | None = time.monotonic()
        try:
            while self.indexed is not None and not self.indexed.is_set():
                if started is not None and time.monotonic() - started > WAITING_SECONDS:
                    self.waiting()
                    started = None
                await asyncio.sleep(0.02)
            self._answering()
        except Exception as error:  # noqa: BLE001 - raised again where the server was started
            self.failure = error
            self.should_exit = True
