"""Files are hashed by the workers of a Dask cluster; everything else stays in this process.

A task is a path and an algorithm: it can be run again, by any worker, and gives the same. The key, the
journal and the cache are never part of one.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any, Final

from attrs import Factory, define

from comfy_assets._version import __version__
from comfy_assets.errors import ComfyAssetsError, InputError
from comfy_assets.library.items import Look
from comfy_assets.library.reading import ChangedError, Pace, Reading, StoppedError, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from comfy_assets.library.remote import RemoteFile

#: Seconds in which a scheduler has to answer, and for which a cluster may be without any worker.
CONNECT: Final = 10.0
ALONE: Final = 30.0

#: Seconds between two looks at whether the run ends.
_TICK: Final = 0.2

#: Tasks for each thread of the workers: one runs, one is there when it ends. And how many at most.
_AHEAD: Final = 2
_MOST: Final = 256


class ClusterError(ComfyAssetsError):
    """The cluster is lost: no further file can be hashed there."""


def version() -> str:
    """What a worker has of this package."""
    return __version__


def look_there(where: str | RemoteFile) -> Look | None:
    """On a worker: how a file looks."""
    return Look.of(os.stat(where)) if isinstance(where, str) else where.look()


def read_there(where: str | RemoteFile, algorithm: str) -> Reading | None:
    """On a worker: a file becomes a digest; None where it changed meanwhile."""
    pace = Pace(None, threading.Event())
    try:
        if isinstance(where, str):
            return read(where, algorithm, pace, lambda _: None)
        return where.read(algorithm, pace, lambda _: None)
    except ChangedError:
        # As a value: Dask would tell an exception in the worker's log.
        return None


@define
class Cluster:
    """A connection to a scheduler; its methods are called in threads and wait there."""

    client: Any
    address: str
    stop: threading.Event
    _alone_since: float | None = None
    _lock: threading.Lock = Factory(threading.Lock)

    def width(self) -> int:
        """How many tasks are to be in flight."""
        workers = self.client.scheduler_info(n_workers=-1)["workers"].values()
        threads = sum(int(one["nthreads"]) for one in workers)
        return max(1, min(_MOST, _AHEAD * threads))

    def look(self, where: str | RemoteFile) -> Look | None:
        """The look of a file on a worker; OSError as the worker has it."""
        found: Look | None = self._done(look_there, where)
        return found

    def read(self, where: str | RemoteFile, algorithm: str) -> Reading:
        """A file's digest. Raises as `reading.read` does, and ClusterError where the cluster is lost."""
        reading: Reading | None = self._done(read_there, where, algorithm)
        if reading is None:
            raise ChangedError
        return reading

    def _done(self, work: Callable[..., Any], *arguments: Any) -> Any:
        # A key of its own: the same path may hold something else the next time.
        future = self.client.submit(work, *arguments, key=f"comfy-assets-{uuid.uuid4().hex}", pure=False)
        over = threading.Event()
        future.add_done_callback(lambda _: over.set())
        try:
            while not over.wait(_TICK):
                if self.stop.is_set():
                    raise StoppedError
                self._judge()
            return self._result(future)
        finally:
            with contextlib.suppress(Exception):
                future.cancel()

    def _result(self, future: Any) -> Any:
        while future.status != "error":
            if future.status == "cancelled":
                raise ClusterError(f"the scheduler at {self.address} is lost")
            try:
                return future.result(timeout=CONNECT)
            except OSError:
                # The worker that held it ended before it was fetched: another one makes it anew.
                if self.stop.is_set():
                    raise StoppedError from None
                self._judge()
        raise self._told(future.exception(timeout=CONNECT))

    def _told(self, error: Any) -> Exception:
        """What a task raised, as one of ours."""
        if isinstance(error, FileNotFoundError):
            return OSError("the cluster's workers do not see it: there is no such file there")
        if isinstance(error, PermissionError):
            return OSError("the cluster's workers may not read it: permission denied")
        if isinstance(error, (OSError, InputError)):
            return error
        from comfy_assets.library.remote import shown

        kind = type(error).__name__
        if kind == "KilledWorker":
            return OSError("several of the cluster's workers ended while they read it")
        return ClusterError(f"the cluster at {self.address} cannot hash: {kind}: {shown(str(error))[:300]}")

    def _judge(self) -> None:
        """Raise ClusterError where nobody is left who would do the work."""
        if self.client.status not in ("running", "connecting"):
            raise ClusterError(f"the scheduler at {self.address} is lost")
        with self._lock:
            if self.client.scheduler_info(n_workers=1)["workers"]:
                self._alone_since = None
                return
            now = time.monotonic()
            self._alone_since = self._alone_since or now
            if now - self._alone_since > ALONE:
                raise ClusterError(f"the cluster at {self.address} has had no worker for {ALONE:g} s")


@contextlib.contextmanager
def connected(address: str, stop: threading.Event) -> Iterator[Cluster]:
    """A cluster whose workers have this package. Raises InputError where it cannot be used."""
    try:
        from distributed import Client
        from distributed.comm.addressing import parse_address
        from distributed.comm.registry import get_backend
    except ImportError:
        raise InputError(
            "--cluster needs the \"cluster\" extra: pip install 'comfy-assets[cluster]'"
        ) from None
    with _quiet():
        try:
            # A client that fails at this leaves a complaint behind.
            get_backend(parse_address(address)[0])
            client: Any = Client(address, timeout=CONNECT, set_as_default=False, name="comfy-assets")
        except (OSError, ValueError, TypeError) as error:
            said = str(error).split("\n")[0][:200]
            raise InputError(f"there is no Dask scheduler at {address}: {said}") from None
        try:
            _require_package(client, address)
            yield Cluster(client, address, stop)
        finally:
            with contextlib.suppress(Exception):
                client.close(timeout=CONNECT)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Of a scheduler that is lost several modules of Dask log stack traces; we say it in a sentence."""
    # These two have levels of their own; the other loggers of Dask take that of the first.
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client")]
    levels = [log.level for log in loggers]
    for log in loggers:
        log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for log, level in zip(loggers, levels, strict=True):
            log.setLevel(level)


def _require_package(client: Any, address: str) -> None:
    remedy = f"install comfy-assets[cluster] {__version__} on its scheduler and workers"
    try:
        found = client.run(version, on_error="return")
    except Exception as error:  # noqa: BLE001 - whatever a scheduler without our package raises
        raise InputError(
            f"the cluster at {address} cannot be used ({type(error).__name__}): {remedy}"
        ) from None
    if not found:
        raise InputError(f"the cluster at {address} has no workers: start some with `dask worker {address}`")
    for worker, said in found.items():
        if isinstance(said, Exception):
            raise InputError(f"the worker {worker} has no comfy-assets ({type(said).__name__}): {remedy}")
        if said != __version__:
            raise InputError(f"the worker {worker} has comfy-assets {said}: {remedy}")
