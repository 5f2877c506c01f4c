"""Several processes that serve one socket: started, watched, and stopped by the one that the user started.

A worker is told what to serve by a line on its stdin, where no other process can read the keys, and ends
when stdin does: whatever becomes of its parent, none is left behind.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

from comfy_assets import specification
from comfy_assets.server.serving import GRACE_SECONDS, Served, server_for
from comfy_assets.server.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

#: Seconds until a worker must answer requests. One that fails ends and is noticed at once; this is for
#: one that hangs, and longer than many workers need on a machine that is busy with other things.
START_SECONDS = 300.0
#: A worker that ends sooner than this after its start would do so again.
TOO_SOON = 2.0


class WorkerError(Exception):
    """Workers cannot run; the text is one sentence."""


def run(
    served: Served,
    listener: socket.socket,
    count: int,
    say: Callable[[str], None],
    answering: Callable[[], None],
) -> NoReturn:
    """Serve with `count` processes until a signal unwinds this one; one that ends is replaced.

    `answering` is called when all of them answer. Raises WorkerError where they cannot run.
    """
    if os.name != "posix":
        raise WorkerError("--workers needs a system on which processes can share a socket; use 1 here")
    listener.listen(socket.SOMAXCONN)
    with contextlib.ExitStack() as stack:
        workers = [_Worker(served, listener) for _ in range(count)]
        stack.callback(_stop, workers)
        for worker in workers:
            worker.wait_until_ready()
        answering()
        while True:
            for position, worker in enumerate(workers):
                status = worker.process.poll()
                if status is None:
                    continue
                if time.monotonic() - worker.started < TOO_SOON:
                    raise WorkerError(f"a worker ended at once, with status {status}")
                say(f"worker {worker.process.pid} ended with status {status}; starting another")
                workers[position] = _Worker(served, listener)
            time.sleep(0.2)


class _Worker:
    def __init__(self, served: Served, listener: socket.socket) -> None:
        self.started = time.monotonic()
        self.process = subprocess.Popen(  # noqa: S603 - this Python, and this module
            [sys.executable, "-m", "comfy_assets.server.workers", str(listener.fileno())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[listener.fileno()],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(dataclasses.asdict(served)).encode() + b"\n")
            self.process.stdin.flush()

    def wait_until_ready(self) -> None:
        """Until it says that it answers."""
        said: list[bytes] = []
        assert self.process.stdout is not None
        reader = threading.Thread(target=lambda: said.append(self.process.stdout.readline()), daemon=True)  # type: ignore[union-attr] # as asserted
        reader.start()
        reader.join(START_SECONDS)
        if not said or not said[0]:
            raise WorkerError("a worker did not start")


def _stop(workers: list[_Worker]) -> None:
    for worker in workers:
        worker.process.terminate()
    end = time.monotonic() + GRACE_SECONDS + 2
    for worker in workers:
        try:
            worker.process.wait(max(0.1, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            worker.process.kill()
            worker.process.wait()
        for pipe in (worker.process.stdin, worker.process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()  # type: ignore[union-attr] # both are pipes


def main() -> None:
    """A worker's life."""
    told = json.loads(sys.stdin.buffer.readline())
    served = Served(**{**told, "keys": tuple(told["keys"])})
    contract = specification.load(Path(served.contract))
    with (
        contextlib.closing(Store(served.database, looks=False)) as store,
        socket.socket(fileno=int(sys.argv[1])) as listener,
    ):
        app = served.application(contract, store, lambda line: _write(sys.stderr, line))
        server = server_for(app, contract, lambda: _write(sys.stdout, "ready"), served.limits)

        def watch() -> None:
            sys.stdin.buffer.read()
            server.should_exit = True

        threading.Thread(target=watch, daemon=True).start()
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listener])


def _write(stream: TextIO, line: str) -> None:
    stream.write(f"{line}\n")
    stream.flush()


if __name__ == "__main__":
    main()
