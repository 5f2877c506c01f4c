"""Files that change while a run is at work, and services that do not answer it."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from comfy_assets import AsyncAssetsClient, errors, hash_file
from comfy_assets.library.engine import aregister_files
from comfy_assets.library.events import FileDone, Outcome, Summary, Waiting
from comfy_assets.library.options import Options
from tests.register.test_registering import files, outcomes, run, sized
from tests.support import Request, answer, scripted


@pytest.fixture
def restless(tmp_path: Path) -> Iterator[Path]:
    """A file that is written to all the time."""
    path, over = tmp_path / "live", threading.Event()
    path.write_bytes(b"x" * 300_000)

    def touch() -> None:
        while not over.wait(0.001):
            os.utime(path)

    thread = threading.Thread(target=touch)
    thread.start()
    yield path
    over.set()
    thread.join(30)


def test_file_that_never_rests(tmp_path: Path, restless: Path) -> None:
    """A file that changes each time it is read is told as that, asked for by nobody, and harms no other."""
    files(tmp_path, 1)
    with scripted(sized) as server:
        # Slow enough for it to change while it is read.
        events = run(server, tmp_path, max_read_rate=3_000_000)
        assert len(server.requests) == 1
    assert outcomes(events) == [(Outcome.CREATED, 201), (Outcome.CHANGED, None)]
    [done] = [one for one in events if isinstance(one, FileDone) and one.path == str(restless)]
    assert done.passing


def test_file_that_changes_before_it_is_asked_for(tmp_path: Path) -> None:
    """The service is asked for what the file holds then, not for what it held when it was hashed."""
    files(tmp_path, 2)
    other: list[Path] = []

    def script(request: Request) -> bytes:
        if not other:
            other.append(tmp_path / ("1" if request.json["name"] == "0" else "0"))
            time.sleep(0.3)  # by now both are hashed
            other[0].write_bytes(b"z")
        return sized(request)

    with scripted(script) as server:
        assert outcomes(run(server, tmp_path, concurrency=1)) == [(Outcome.CREATED, 201)] * 2
    assert [request.json["hash"] for request in server.requests[1:]] == [hash_file(other[0])]


def test_same_content_is_asked_for_once(tmp_path: Path) -> None:
    """Two files of one content, name and tags are one reference: the second hears of the answer to the first."""
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "same").write_bytes(b"x")

    def slowly(request: Request) -> bytes:
        time.sleep(0.2)
        return sized(request)

    with scripted(slowly) as server:
        events = run(server, tmp_path)
        assert len(server.requests) == 1
    assert sorted(outcome for outcome, _ in outcomes(events)) == [Outcome.CREATED, Outcome.EXISTING]


@pytest.mark.parametrize("count", [2, 60])
def test_service_that_is_gone(tmp_path: Path, count: int) -> None:
    """Where nobody answers, the run ends with the reason, soon also for a library of many files."""
    files(tmp_path, count)
    with scripted(lambda _: None) as server:
        server.closes = True
        with pytest.raises(errors.APIConnectionError):
            run(server, tmp_path, concurrency=1)
        # As many files as requests are in flight.
        assert len({request.json["name"] for request in server.requests}) == 1


def test_service_that_puts_off_for_too_long(tmp_path: Path) -> None:
    """Whoever has no patience ends at the first `Retry-After`; without one, a 503 is waited for a little."""
    files(tmp_path, 1)
    later = answer(429, {"code": "X", "message": "later"}, headers="Retry-After: 100\r\n")
    with scripted(later) as server, pytest.raises(errors.RateLimitError):
        run(server, tmp_path, patience=0)
    said = [answer(503, {"code": "X", "message": "soon"})]
    with scripted(lambda request: said.pop() if said else sized(request)) as server:
        events = run(server, tmp_path)
    assert outcomes(events) == [(Outcome.CREATED, 201)]
    assert [one.status_code for one in events if isinstance(one, Waiting)] == [503]


def test_in_an_event_loop(tmp_path: Path) -> None:
    """`aregister_files` gives the same events where an event loop runs already."""
    files(tmp_path, 3)

    async def collected(url: str) -> list[object]:
        async with AsyncAssetsClient("key-of-a-test", url, on_drift="ignore") as client:
            return [event async for event in aregister_files([tmp_path], ["t"], client=client)]

    with scripted(sized) as server:
        events = asyncio.run(collected(server.url))
    assert outcomes(events) == [(Outcome.CREATED, 201)] * 3
    assert isinstance(events[-1], Summary)


def test_options_that_cannot_work() -> None:
    """Each names itself, what was given, and what there is."""
    with pytest.raises(errors.InputError, match=r"^name_from is 'name': expected one of basename, path$"):
        Options(name_from="name")
    for wrong in (0, float("nan"), "5", True):
        with pytest.raises(errors.InputError, match=r"^concurrency is .*: expected a number of at least 1$"):
            Options(concurrency=wrong)  # type: ignore[arg-type] # the mistake
