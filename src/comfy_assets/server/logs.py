"""What a server says while it runs: lines on stderr or, for programs, events as JSON lines on stdout.

Lines are written by a thread of their own. Whoever reads them slowly, or not at all, costs lines, which are
counted, and never holds a request up.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import threading
import time
from collections import deque
from datetime import UTC, datetime
from typing import Any, Final, TextIO

#: Lines that wait to be written; further ones are lost.
WAITING: Final = 10_000
#: Seconds between two writes, so that the lines of many requests go out together.
PAUSE: Final = 0.05
#: Seconds that the end of the process waits for somebody to take the last lines.
LAST: Final = 1.0
#: Bytes of one write: what a pipe takes as a whole, so that workers do not write into each other's lines.
WHOLE: Final = 4096
#: Characters of a traceback; its end says what happened.
TRACEBACK: Final = 3000

#: What our modules log to.
LOGGER: Final = logging.getLogger("comfy_assets.server")


class Log:
    """The log of one process. With `requests`, it has a line for each request."""

    def __init__(self, *, as_json: bool = False, requests: bool = False) -> None:
        self.as_json = as_json
        self.requests = requests
        self._lines: deque[str] = deque()
        self._lost = 0
        self._wake, self._hurry = threading.Event(), threading.Event()
        self._written = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def say(self, text: str) -> None:
        """Tell what is going on."""
        self._put(text, "log", level="info", message=text)

    def event(self, type_: str, text: str, **members: Any) -> None:
        """Tell what happened: as text for people, as members for programs."""
        self._put(text, type_, **members)

    def request(self, method: str, path: str, status: int, milliseconds: float) -> None:
        """A line for a request, where they are asked for."""
        if not self.requests:
            return
        now = datetime.now(UTC)
        if self.as_json:
            took = round(milliseconds, 3)
            self._put("", "request", method=method, path=path, status=status, milliseconds=took)
        else:
            self._add(f"{now:%Y-%m-%dT%H:%M:%SZ} {method} {path} {status} {milliseconds:.1f} ms")

    def flush(self) -> None:
        """Wait until what was said is written, but not for ever."""
        end = time.monotonic() + LAST
        self._hurry.set()
        while self._lines and time.monotonic() < end and self._thread.is_alive():
            self._wake.set()
            self._written.wait(0.01)
        self._hurry.clear()

    def close(self) -> None:
        """Write what waits, and no more."""
        self._ended = True
        self._hurry.set()
        self._wake.set()
        self._thread.join(LAST)

    def _put(self, text: str, type_: str, **members: Any) -> None:
        if self.as_json:
            moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            text = json.dumps({"schema": "event/1", "type": type_, "time": moment, **members})
        self._add(text)

    def _add(self, line: str) -> None:
        if len(self._lines) >= WAITING:
            self._lost += 1
            return
        self._lines.append(line)
        self._wake.set()

    def _run(self) -> None:
        # A stream that nobody reads any more, or that was closed, ends the log and not the server.
        with contextlib.suppress(OSError, ValueError):
            while True:
                self._wake.wait()
                self._wake.clear()
                self._write()
                self._written.set()
                if self._ended:
                    return
                self._hurry.wait(PAUSE)
                self._written.clear()

    def _write(self) -> None:
        stream = sys.stdout if self.as_json else sys.stderr
        while self._lines:
            part = self._lines[0] + "\n"
            while len(self._lines) > 1 and len(part) + len(self._lines[1]) < WHOLE:
                self._lines.popleft()
                part += self._lines[0] + "\n"
            _give(stream, part)
            self._lines.popleft()
        if self._lost:
            count, self._lost = self._lost, 0
            self._put(f"{count} lines of this log were lost: nobody took them in time", "lost", count=count)
            self._wake.set()


def _give(stream: TextIO, text: str) -> None:
    """Write it past the stream's own buffer.

    Whoever waits in there for a reader holds its lock, which Python takes once more when it ends.
    """
    try:
        descriptor = stream.fileno()
    except (AttributeError, OSError, ValueError):
        # No stream of the system: somebody collects what is said.
        stream.write(text)
        stream.flush()
        return
    rest = text.encode(stream.encoding or "utf-8", "backslashreplace")
    while rest:
        rest = rest[os.write(descriptor, rest) :]


class Handler(logging.Handler):
    """Brings what our modules log into a `Log`."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log
        self._formatter = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        """One record; a traceback stands below it."""
        message = record.getMessage()
        trace = self._formatter.formatException(record.exc_info)[-TRACEBACK:] if record.exc_info else None
        text = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {message}" + (f"\n{trace}" if trace else "")
        level = record.levelname.lower()
        self._log.event("log", text, level=level, message=message, traceback=trace)


@contextlib.contextmanager
def logging_to(log: Log) -> Any:
    """Let our modules' records go to `log`, and nowhere else."""
    handler = Handler(log)
    propagates, LOGGER.propagate = LOGGER.propagate, False
    LOGGER.addHandler(handler)
    try:
        yield log
    finally:
        LOGGER.removeHandler(handler)
        LOGGER.propagate = propagates
        log.close()
