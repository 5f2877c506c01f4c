"""How a server is told to end: signals, and the process that started it."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

#: Seconds between two looks at whether the parent is there.
PARENT_SECONDS: Final = 0.5
_HEARD: Final = (signal.SIGTERM, signal.SIGINT)


class Stopped(BaseException):
    """A signal came. Not an `Exception`: nothing on the way may take it for a failure."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = number


@contextmanager
def stopping_by_signal() -> Iterator[None]:
    """Let SIGTERM and Ctrl-C unwind the stack, at any time: also while files are indexed.

    SIGINT is heard also where it was ignored, as in a script's background job: uvicorn hears it there too.
    """

    def stop(number: int, _frame: FrameType | None) -> None:
        # Where a connection was about to be closed, its library would log that as a failure.
        logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
        raise Stopped(number)

    before = {one: signal.signal(one, stop) for one in _HEARD}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


@contextmanager
def cleaning_in_peace() -> Iterator[None]:
    """Once this ends by an exception, no signal interrupts what is cleaned up; but see `hurried`."""
    try:
        yield
    except BaseException:
        for one in _HEARD:
            signal.signal(one, signal.SIG_IGN)
        raise


@contextmanager
def hurried(hurry: Callable[[], None]) -> Iterator[None]:
    """Call `hurry` where Ctrl-C comes again: for those who wait for requests under way."""
    before = signal.signal(signal.SIGINT, lambda *_: hurry())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def stop_without_parent() -> None:
    """Stop, as by SIGTERM, when the process that started this one is gone."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()
