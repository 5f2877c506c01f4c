"""Calls per second of our clients and of others, on a service that costs little."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench import peers
from bench.rows import Row, faster, median

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Client and peers, goal of each.
SYNC = (("openapi_sync", "openapi-generator (urllib3, pydantic)", 1.0),)
ASYNC = (
    ("openapi_async", "openapi-generator (aiohttp, pydantic)", 1.5),
    ("stock_async", "stock openapi-python-client", 7.0),
    ("aiohttp_alone", "aiohttp alone", 0.4),
)


def measure(full: bool) -> list[Row]:
    """Sync and async; the clients take turns, so that all of them have the same moments of the machine."""
    rounds, count = (9, 3000) if full else (5, 600)
    with peers.service() as url:
        return [
            *_rows("sync call", "ours_sync", SYNC, url, rounds, count),
            *_rows("async calls, 20 in flight", "ours_async", ASYNC, url, rounds, count),
        ]


def _rows(
    what: str, ours: str, others: Sequence[tuple[str, str, float]], url: str, rounds: int, count: int
) -> list[Row]:
    names = [ours, *(name for name, _, _ in others)]
    rates: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            rates[name].append(count / peers.client(name, url, count)["seconds"])
    mine = median(rates[ours])
    return [faster(what, title, mine, median(rates[name]), "calls/s", goal) for name, title, goal in others]
