"""How one process serves: the application, and uvicorn around it; the same with and without workers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import uvicorn

from comfy_assets.server.answers import Writer
from comfy_assets.server.app import create_app
from comfy_assets.server.keys import Keys
from comfy_assets.server.protocol import Limits, Refusals, protocol

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from comfy_assets.server.store import Store
    from comfy_assets.specification import Contract

#: Seconds an idle connection is kept. Longer than clients keep theirs, so that the one who closes
#: is not the server, just when the next request is on its way.
KEEP_ALIVE_SECONDS = 75
#: Seconds that requests under way get when the server stops.
GRACE_SECONDS = 2


@dataclass(frozen=True)
class Served:
    """What is served, in plain values that a worker can be told. `keys` never show."""

    contract: str
    database: str
    keys: tuple[str, ...]
    body_seconds: float
    head_seconds: float
    connections: int
    access_log: bool
    validates: bool

    @property
    def limits(self) -> Limits:
        """What is bounded below the application."""
        return Limits(self.head_seconds, self.connections)

    def __repr__(self) -> str:
        return f"Served(contract={self.contract!r})"

    def application(self, contract: Contract, store: Store, say: Callable[[str], None]) -> Any:
        """The application that serves this."""
        return create_app(
            contract,
            store,
            Keys(store, self.keys),
            body_seconds=self.body_seconds,
            access_log=say if self.access_log else None,
            validates=self.validates,
        )


def server_for(
    app: Any, contract: Contract, answering: Callable[[], None], limits: Limits | None = None
) -> uvicorn.Server:
    """A server of the application; `answering` is called when it answers requests."""
    return _Server(_configuration(app, contract, limits or Limits()), answering)


def _configuration(app: Any, contract: Contract, limits: Limits) -> uvicorn.Config:
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
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


class _Server(uvicorn.Server):
    """uvicorn, with a call when it answers."""

    def __init__(self, config: uvicorn.Config, answering: Callable[[], None]) -> None:
        super().__init__(config)
        self._answering = answering

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._answering()
