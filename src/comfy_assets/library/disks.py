"""Which disks turn: of one that does, files are read one after the other."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Literal

from attrs import Factory, define

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What a user says of the disks; `auto` asks the system.
Disk = Literal["auto", "spinning", "solid"]


@cache
def spins(device: int) -> bool:
    """Whether a device is a spinning disk. Only Linux says so; elsewhere it has to be told with `--disk`."""
    if not hasattr(os, "major"):
        return False
    folder = f"/sys/dev/block/{os.major(device)}:{os.minor(device)}"
    # A partition has no queue of its own, but lies in the folder of its disk.
    for place in (folder, f"{os.path.realpath(folder)}/.."):
        try:
            with open(f"{place}/queue/rotational", encoding="ascii") as file:
                return file.read().strip() == "1"
        except OSError:
            continue
    return False


@define
class Readers:
    """Lets one reader at a time at each spinning disk, and any number at others."""

    disk: Disk = "auto"
    _locks: dict[int, threading.Lock] = Factory(dict)

    @contextmanager
    def turn(self, device: int) -> Iterator[None]:
        """For the time of reading a file of a device."""
        if self.disk == "solid" or (self.disk == "auto" and not spins(device)):
            yield
            return
        with self._locks.setdefault(device, threading.Lock()):
            yield
