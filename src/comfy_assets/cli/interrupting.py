"""The second Ctrl-C, for whom the first one takes too long."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from typing import TYPE_CHECKING

from comfy_assets.cli.output import Exit

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def ends_at_once() -> Iterator[None]:
    """While something has Ctrl-C for itself, the one that it does not take ends the process.

    Python would wait for every thread, and one that reads from a disk that is gone never ends. For work
    that can be killed at any time.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _end(*_: object) -> None:
    # Not by print(): what was interrupted may be in the midst of one.
    os.write(2, b"stopped at once\n")
    os._exit(Exit.INTERRUPTED)
