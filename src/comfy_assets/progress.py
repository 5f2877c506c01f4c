"""What a running exchange and its transport tell each other, past the libraries between them."""

from __future__ import annotations

import logging
from contextvars import ContextVar
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from attrs import define, frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from comfy_assets_api.client import KeyInHeader

#: How the pieces of a body come, and what closing gives; the sync and the async client differ in these.
Pieces_co = TypeVar("Pieces_co", covariant=True)
Closed_co = TypeVar("Closed_co", covariant=True)


@define
class Progress:
    """What the running exchange tells its transport, and hears from it."""

    #: Kept out of what the libraries log, also where the service repeats it.
    key: KeyInHeader
    #: Whether the request is on its way: from then on nobody knows what it did.
    sent: bool = False


@frozen
class Incoming(Generic[Pieces_co, Closed_co]):
    """An answer whose body is still to come: status, headers and pieces as they stand on the wire."""

    status: int
    headers: Iterable[tuple[bytes, bytes]]
    pieces: Pieces_co
    close: Callable[[], Closed_co]
    #: What httpx calls extensions.
    more: Mapping[str, Any] = MappingProxyType({})


progress: Final[ContextVar[Progress | None]] = ContextVar("progress", default=None)


def note_sent() -> None:
    """The running exchange's request is on its way."""
    running = progress.get()
    if running is not None:
        running.sent = True


def _without_key(record: logging.LogRecord) -> bool:
    """A logging filter that cuts the key of the running exchange out of a record."""
    running = progress.get()
    if running is not None:
        record.msg, record.args = running.key.removed_from(record.getMessage()), None
    return True


# At debug level they log the headers of answers, which a service could put the key into.
for _name in ("httpcore.connection", "httpcore.http11", "httpcore.proxy", "httpcore.socks", "aiohttp.client"):
    logging.getLogger(_name).addFilter(_without_key)
