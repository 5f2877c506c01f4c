"""HTTP below the application: what is not HTTP, what comes too slowly, and connections beyond the bound.

uvicorn bounds none of these. Its `limit_concurrency` would refuse also those that are connected already,
so the bound is kept here, by the connection: one beyond it is told 503, one far beyond it is closed.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from comfy_assets.server.answers import Answer

#: Seconds from the first byte of a request until its head must have arrived.
HEAD_SECONDS = 30.0
#: Connections of one process. With those beyond it and those to a database it stays below the 1,024
#: open files that systems give a process.
CONNECTIONS = 512
#: Connections beyond these that are told so.
TOLD = 128
#: Seconds for which the rest of a refused request is read, so that its sender sees the answer.
DRAIN_SECONDS = 1.0
_ENDED = (h11.MUST_CLOSE, h11.CLOSED, h11.ERROR)


@dataclass(frozen=True)
class Refusals:
    """What is said below the application: to what is not HTTP, to a slow head, to one connection too many."""

    malformed: Answer
    slow: Answer
    busy: Answer


@dataclass(frozen=True)
class Limits:
    """How long the head of a request may take, and how many connections there may be in this process."""

    head_seconds: float = HEAD_SECONDS
    connections: int = CONNECTIONS


class _Gathering:
    """A transport that sends what is written in one go together: head and body of an answer in one packet.

    uvicorn writes them one after the other, each a system call, which cost as much as all that h11 does.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send soon."""
        if not data:
            return
        if not self._parts:
            self._loop.call_soon(self.flush)
        self._parts.append(data)

    def close(self) -> None:
        """Send, and close."""
        self.flush()
        self._transport.close()

    def flush(self) -> None:
        """Send now."""
        parts, self._parts = self._parts, []
        if parts and not self._transport.is_closing():
            self._transport.write(b"".join(parts))


def protocol(said: Refusals, bounds: Limits) -> type[H11Protocol]:
    """HTTP/1.1 by uvicorn, with these limits; uvicorn makes one for each connection."""

    class Protocol(_Protocol):
        refusals = said
        limits = bounds

    return Protocol


class _Protocol(H11Protocol):
    """uvicorn's HTTP/1.1 on one connection, with the limits."""

    refusals: Refusals
    limits: Limits
    _slow: asyncio.TimerHandle | None = None
    _half_closed = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        super().connection_made(_Gathering(transport, self.loop))  # type: ignore[arg-type] # as far as it is used
        count = len(self.connections)
        if count > self.limits.connections + TOLD:
            transport.abort()
        elif count > self.limits.connections:
            self.app = self._busy
            self._slow = self.loop.call_later(self.limits.head_seconds, self._too_slow)
        else:
            # One that never asks is as idle as one that asks no more.
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self._forget_slow()

    def data_received(self, data: bytes) -> None:
        if self.conn.their_state in _ENDED:
            return  # whoever said that a request was the last one is not listened to further
        super().data_received(data)
        self._time_what_is_unfinished()

    def eof_received(self) -> bool | None:  # type: ignore[override] # asyncio asks for it
        """One that has sent all and listens on gets the answers that are still due."""
        self.transport.flush()  # type: ignore[attr-defined] # asyncio would close without what was gathered
        self._half_closed = self._is_answering and self.conn.their_state is not h11.SEND_BODY
        return self._half_closed

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._time_what_is_unfinished()
        if self._half_closed and not self._is_answering:
            self.transport.close()

    @property
    def _is_answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete  # pyright: ignore[reportUnnecessaryComparison] # uvicorn begins with None

    def _time_what_is_unfinished(self) -> None:
        """While no request is being answered: a head that is not whole, or a body that nobody wants."""
        state = self.conn.their_state
        begun = state is h11.SEND_BODY or (state is h11.IDLE and bool(self.conn.trailing_data[0]))
        if self._is_answering or not begun:
            self._forget_slow()
        elif self._slow is None:
            self._slow = self.loop.call_later(self.limits.head_seconds, self._too_slow)

    def _forget_slow(self) -> None:
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None

    def _too_slow(self) -> None:
        self._slow = None
        # Where nothing was sent, an answer could be taken for that to a request on its way.
        if self.conn.trailing_data[0]:
            self._refuse(self.refusals.slow)
        else:
            self.transport.close()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the name is uvicorn's
        self._refuse(self.refusals.malformed)

    def _refuse(self, answer: Answer) -> None:
        headers = [*_headers(answer), (b"connection", b"close")]
        # An answer may have been given before the rest of the request turned out bad.
        with contextlib.suppress(h11.LocalProtocolError):
            for event in (
                h11.Response(
                    status_code=answer.status,
                    headers=headers,
                    reason=HTTPStatus(answer.status).phrase.encode(),
                ),
                h11.Data(data=answer.body),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    async def _busy(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """The application of a connection beyond the bound."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                while (await receive()).get("more_body"):
                    pass
        answer = self.refusals.busy
        headers = [*_headers(answer), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})


def _headers(answer: Answer) -> list[tuple[bytes, bytes]]:
    every: dict[str, Any] = {
        "content-type": answer.media_type,
        "content-length": len(answer.body),
        **answer.headers,
    }
    return [(name.lower().encode("ascii"), str(value).encode("ascii")) for name, value in every.items()]
