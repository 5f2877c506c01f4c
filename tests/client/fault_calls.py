"""Calls of both clients against the faults: each case with a key of its own, and all that is said meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import os
import re
import resource
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from comfy_assets import AssetsClient, AsyncAssetsClient
from tests.client import fault_messages, fault_server, faults
from tests.client.conftest import ONCE
from tests.client.faults import Fault
from tests.support import HASH

FAULTS: dict[str, Fault] = faults.FAULTS | fault_messages.FAULTS

#: Met once more by clients with their usual retries: the time limit is for all attempts together.
REPEATED = (
    "refused", "accept queue full", "reset after the whole request", "silent after the whole request",
    "closed within the body", "dripping body", "half a body", "status 408", "status 500", "status 503",
    "429 for a while", "503 for nobody knows how long", "302 without a target", "HTML as 201",
)  # fmt: skip

TIMEOUT = 1.5
#: Seconds between two calls that run side by side.
START = 0.05
#: Bytes of address space that a fault may take.
MEMORY = 512 << 20

OPTIONS: dict[str, Any] = {"timeout": TIMEOUT}

#: Of every key, where it is found in a text: plain, or as JSON may escape it.
_MARK = "x4f1c9"
_ANY_KEY = re.compile(_MARK + "|" + "".join(rf"\\u{ord(one):04x}" for one in _MARK[:3]), re.IGNORECASE)


@frozen
class Case:
    """A fault that a client meets, with or without retries."""

    client: str
    name: str
    repeats: bool = False

    def __str__(self) -> str:
        return f"{self.client}{', with retries' * self.repeats}, {self.name}"

    @property
    def fault(self) -> Fault:
        """What the server does."""
        return FAULTS[self.name]

    @property
    def load(self) -> faults.Load:
        """How the case can be run: retries wait for the clock."""
        return "waits" if self.repeats else self.fault.load

    @property
    def key(self) -> str:
        """A key of its own, so that one found in a log tells where it comes from.

        The quotation mark and the backslash at its end look different in JSON and in `repr`.
        """
        return f'k{list(CASES).index(str(self)):04}{_MARK}a7e"\\'


@frozen
class Outcome:
    """What a call gave, how long it took, and which lines with its key were said meanwhile."""

    result: Any = None
    error: BaseException | None = None
    seconds: float = 0.0
    connections: int = 0
    elsewhere: int = 0
    said: str = ""


def _timed(start: float, **found: Any) -> Outcome:
    return Outcome(seconds=time.monotonic() - start, **found)


def ask_sync(key: str, url: str, options: dict[str, Any]) -> Outcome:
    """One call of the sync client."""
    with AssetsClient(key, url, **options) as client:
        start = time.monotonic()
        try:
            return _timed(start, result=client.create_asset_from_hash(HASH, ["input"]))
        except BaseException as error:  # noqa: BLE001 - judged later
            return _timed(start, error=error)


def ask_async(key: str, url: str, options: dict[str, Any]) -> Outcome:
    """One call of the async client, in an event loop of its own."""

    async def run() -> Outcome:
        async with AsyncAssetsClient(key, url, **options) as client:
            start = time.monotonic()
            try:
                return _timed(start, result=await client.create_asset_from_hash(HASH, ["input"]))
            except BaseException as error:  # noqa: BLE001 - judged later
                return _timed(start, error=error)

    return asyncio.run(run())


CLIENTS = {"sync": ask_sync, "async": ask_async}

CASES: dict[str, Case] = {
    str(case): case
    for case in (
        *(Case(client, name) for client in CLIENTS for name in FAULTS),
        *(Case(client, name, repeats=True) for client in CLIENTS for name in REPEATED),
    )
}


def meet(case: Case, certificates: Path) -> Outcome:
    """One call of one client against one fault."""
    options = OPTIONS if case.repeats else OPTIONS | ONCE
    with fault_server.staged(case.fault.place, case.fault.steps, certificates) as stage:
        outcome = CLIENTS[case.client](case.key, stage.url, options)
        return evolve(outcome, connections=stage.connections(), elsewhere=stage.elsewhere())


def meet_all(cases: Iterable[Case], certificates: Path) -> dict[Case, Outcome]:
    """The outcomes of all cases; those that wait for the clock side by side."""
    outcomes: dict[Case, Outcome] = {}
    of_load: dict[str, list[Case]] = {"waits": [], "quick": [], "large": []}
    for case in cases:
        of_load[case.load].append(case)
    with overheard() as said:
        for ask in CLIENTS.values():  # what is imported at the first call
            ask("warm-up", "http://127.0.0.1:1", OPTIONS | ONCE)
        for load, workers in (("waits", 12), ("quick", 2)):
            with ThreadPoolExecutor(workers) as pool:
                running = {}
                for case in of_load[load]:
                    running[case] = pool.submit(meet, case, certificates)
                    # One after the other: what a client needs to begin with is not the faults' time.
                    time.sleep(START)
            outcomes |= {case: future.result() for case, future in running.items()}
        for case in of_load["large"]:
            with limited_memory():
                outcomes[case] = meet(case, certificates)
    telling = [line for line in said().splitlines() if _ANY_KEY.search(line)]
    return {case: evolve(outcome, said=_with(telling, case.key)) for case, outcome in outcomes.items()}


def _with(lines: list[str], key: str) -> str:
    return "\n".join(line for line in lines if any(needle in line for needle in needles(key)))


def needles(key: str) -> list[str]:
    """What must stand nowhere: the key's beginning, which remains of a key that was cut, plain or escaped."""
    start = key[:8]
    escaped = "".join(f"\\u{ord(one):04x}" for one in start)
    return [start, escaped, escaped.upper().replace("\\U", "\\u")]


@contextlib.contextmanager
def limited_memory() -> Iterator[None]:
    """Ends what takes too much memory with a MemoryError, instead of ending the machine."""
    if sys.platform != "linux":  # where the limit is known to hold
        yield
        return
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@contextlib.contextmanager
def overheard() -> Iterator[Callable[[], str]]:
    """Gives, at its end, everything that was logged, warned, or written to stdout and stderr, by any thread."""
    log, streams = io.StringIO(), tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 - closed below
    handler = logging.StreamHandler(log)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s %(args)r"))
    root, level = logging.getLogger(), logging.getLogger().level
    kept = {number: os.dup(number) for number in (1, 2)}
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    said: list[str] = []
    with (
        streams,
        warnings.catch_warnings(record=True) as warned,
        contextlib.redirect_stdout(streams),
        contextlib.redirect_stderr(streams),
    ):
        warnings.simplefilter("always")
        for number in kept:
            os.dup2(streams.fileno(), number)
        try:
            yield lambda: "\n".join(said)
        finally:
            for number, saved in kept.items():
                os.dup2(saved, number)
                os.close(saved)
            root.removeHandler(handler)
            root.setLevel(level)
            streams.flush()
            streams.seek(0)
            said += [log.getvalue(), streams.read(), *(str(one.message) for one in warned)]
