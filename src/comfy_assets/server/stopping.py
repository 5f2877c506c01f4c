"""How a server is told to end: signals, and the process that started it."""

from __future__ import annotations

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


class Stopped(BaseException):
    """A signal came. Not an `Exception`: nothing on the way may take it for a failure."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = number


@contextmanager
def stopping_by_signal() -> Iterator[None]:
    """Let SIGTERM and Ctrl-C unwind the stack, at any time: also while files are indexed.

    Once is enough: while what was begun is cleaned up, further ones are heard only by those who wait for
    requests under way (uvicorn, and `hurried`), and cut the waiting short.
    """

    def stop(number: int, _frame: FrameType | None) -> None:
        for one in before:
            signal.signal(one, signal.SIG_IGN)
        raise Stopped(number)

    # Where SIGINT is ignored, as in a script's background job, it stays so.
    heard = [one for one in (signal.SIGTERM, signal.SIGINT) if signal.getsignal(one) is not signal.SIG_IGN]
    before = {one: signal.signal(one, stop) for one in heard}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


@contextmanager
def hurried(hurry: Callable[[], None]) -> Iterator[None]:
    """Call `hurry` where Ctrl-C comes again."""
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
