"""Several processes that serve one socket: started, watched, and stopped by the one that the user started.

A worker is told what to serve by a line on its stdin, where no other process can read the keys, and ends
when stdin does: whatever becomes of its parent, none is left behind.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from comfy_assets import specification
from comfy_assets.server.logs import Log, logging_to
from comfy_assets.server.serving import WAITING_SECONDS, Served, serve
from comfy_assets.server.stopping import Stopped, cleaning_in_peace, hurried, stopping_by_signal
from comfy_assets.server.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from io import FileIO

#: Seconds until a worker must answer requests. One that fails ends and is noticed at once; this is for
#: one that hangs, and longer than many workers need on a machine that is busy with other things.
START_SECONDS = 300.0
#: A worker that ends sooner than this after its start would do so again.
TOO_SOON = 2.0


class WorkerError(Exception):
    """Workers cannot run; the text is one sentence."""


#: Seconds between two looks at the workers.
LOOK = 0.2
#: What a worker and the one that started it tell each other, a line each.
READY, INDEXED = b"ready\n", b"indexed\n"


def run(
    served: Served,
    listener: socket.socket,
    count: int,
    log: Log,
    indexed: threading.Event,
    waiting: Callable[[], None],
    answering: Callable[[], None],
) -> NoReturn:
    """Serve with `count` processes until a signal unwinds this one; one that ends is replaced.

    `answering` is called when all of them answer and `indexed` is set; `waiting` where that takes long.
    Raises WorkerError where they cannot run, and what `answering` raises.
    """
    if os.name != "posix":
        raise WorkerError("--workers needs a system on which processes can share a socket; use 1 here")
    listener.listen(socket.SOMAXCONN)
    with contextlib.ExitStack() as stack, cleaning_in_peace():
        workers = [_Worker(served, listener) for _ in range(count)]
        stack.callback(_stop, workers, listener, served.grace_seconds)
        for worker in workers:
            if not worker.hears(READY):
                raise WorkerError("a worker did not start")
        if not indexed.wait(WAITING_SECONDS):
            waiting()
        while not indexed.wait(LOOK):
            _watch(workers, served, listener, log)
        served = dataclasses.replace(served, indexed=True)
        for worker in workers:
            worker.tell(INDEXED)
        answering()
        while True:
            _watch(workers, served, listener, log)
            time.sleep(LOOK)


def _watch(workers: list[_Worker], served: Served, listener: socket.socket, log: Log) -> None:
    """Replace those that ended."""
    for position, worker in enumerate(workers):
        status = worker.process.poll()
        if status is None:
            continue
        if time.monotonic() - worker.started < TOO_SOON:
            raise WorkerError(f"a worker ended at once, with status {status}")
        log.say(f"worker {worker.process.pid} ended with status {status}; starting another")
        worker.close()
        workers[position] = _Worker(served, listener)


class _Worker:
    def __init__(self, served: Served, listener: socket.socket) -> None:
        self.started = time.monotonic()
        # Not its stdout, where its log may go.
        self._said, says = os.pipe()
        self._reader = open(self._said, "rb")  # noqa: SIM115 - `close` does
        try:
            self.process = subprocess.Popen(  # noqa: S603 - this Python, and this module
                [sys.executable, "-m", "comfy_assets.server.workers", str(listener.fileno()), str(says)],
                stdin=subprocess.PIPE,
                pass_fds=[listener.fileno(), says],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
        finally:
            os.close(says)
        self._send(json.dumps(dataclasses.asdict(served)).encode() + b"\n")

    def tell(self, line: bytes) -> None:
        """Say a line to it, and wait until it repeats it; one that has ended is noticed elsewhere."""
        self._send(line)
        self.hears(line)

    def hears(self, line: bytes) -> bool:
        """Whether it says this line, before it ends."""
        heard = threading.Event()

        def read() -> None:
            if any(said == line for said in self._reader):
                heard.set()

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        reader.join(START_SECONDS)
        return heard.is_set()

    def close(self) -> None:
        """Let go of the pipes of one that has ended."""
        for pipe in (self.process.stdin, self._reader):
            with contextlib.suppress(OSError):
                pipe.close()  # type: ignore[union-attr] # both are there

    def _send(self, line: bytes) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(line)
            self.process.stdin.flush()


def _stop(workers: list[_Worker], listener: socket.socket, grace_seconds: float) -> None:
    def kill() -> None:
        for worker in workers:
            worker.process.kill()

    for worker in workers:
        worker.process.terminate()
    listener.close()  # nobody would answer who connects now
    end = time.monotonic() + grace_seconds + 2
    with hurried(kill):
        for worker in workers:
            try:
                worker.process.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()
            worker.close()


def main() -> None:
    """A worker's life."""
    told = json.loads(_line(0))
    told["keys"] = tuple(told["keys"])
    served = Served(**told)
    contract = specification.load(Path(served.contract))
    indexed = threading.Event()
    if served.indexed:
        indexed.set()
    with (
        contextlib.suppress(Stopped),
        stopping_by_signal(),
        logging_to(Log(as_json=served.as_json, requests=served.access_log)) as log,
        contextlib.closing(Store(served.database, looks=False)) as store,
        socket.socket(fileno=int(sys.argv[1])) as listener,
        open(int(sys.argv[2]), "wb", buffering=0) as says,
    ):

        def listen() -> None:
            # Not through sys.stdin, whose lock a thread may not hold when the interpreter ends.
            while told := _line(0):
                if told == INDEXED:
                    indexed.set()
                    _say(says, INDEXED)
            os.kill(os.getpid(), signal.SIGTERM)

        threading.Thread(target=listen, daemon=True).start()
        app = served.application(contract, store, log, indexed)
        serve(app, contract, served, listener, lambda: _say(says, READY))


def _line(descriptor: int) -> bytes:
    """A line of a descriptor, and nothing of what comes after it."""
    line = b""
    while not line.endswith(b"\n") and (byte := os.read(descriptor, 1)):
        line += byte
    return line


def _say(pipe: FileIO, line: bytes) -> None:
    pipe.write(line)


if __name__ == "__main__":
    main()
