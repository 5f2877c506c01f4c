"""Runs a program once: a clean environment, a process group of its own, bounded output, an end in any case."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from attrs import define, field, frozen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

#: Bytes of each of its outputs that are kept; the rest is read and counted.
KEPT: Final = 256 * 1024
#: What a program needs of the environment to run at all. Proxies, keys and tools' settings are no part of it.
_PASSED: Final = (
    "PATH",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TMPDIR",
    "TEMP",
    "TMP",
    "SYSTEMROOT",
    "COMSPEC",
    "PATHEXT",
)
_HOME: Final = (
    "HOME",
    "USERPROFILE",
    "XDG_CONFIG_HOME",
    "XDG_CACHE_HOME",
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
    "APPDATA",
)
#: Where toolchains keep what they run, and the folder at home that each means without its variable (if it has one):
#: HOME is another one, so that they are told. Without them `cargo run` finds no compiler.
_TOOLCHAINS: Final = {
    "RUSTUP_HOME": ".rustup", "CARGO_HOME": ".cargo", "GOPATH": "go", "GOCACHE": ".cache/go-build", "GOMODCACHE": "go/pkg/mod",
    "GOROOT": "", "JAVA_HOME": "", "SDKMAN_DIR": ".sdkman", "DOTNET_ROOT": ".dotnet", "NVM_DIR": ".nvm", "VOLTA_HOME": ".volta",
    "ASDF_DATA_DIR": ".asdf", "PYENV_ROOT": ".pyenv", "RBENV_ROOT": ".rbenv", "GEM_HOME": "", "VIRTUAL_ENV": "",
}  # fmt: skip
#: Seconds: for what a program left behind to say its last word, and between asking it to end and ending it.
LATE, GRACE = 0.7, 1.0


class NotRunnableError(Exception):
    """The command cannot be started; the text is one sentence."""


@frozen
class Ended:
    """How a program ended: `status` is None where its time was over, negative for a signal."""

    status: int | None
    stdout: bytes
    stderr: bytes
    seconds: float
    left: int
    cut: int


@define(eq=False)
class Programs:
    """Starts a command again and again, and can end all of them at once."""

    command: tuple[str, ...]
    more: Mapping[str, str] = field(factory=dict)
    keep_home: bool = False
    _live: set[Process] = field(factory=set)
    _lock: threading.Lock = field(factory=threading.Lock)
    _stopped: bool = False

    def check(self) -> None:
        """Raises `NotRunnableError` where the command is none."""
        name = self.command[0]
        path = self.more.get("PATH", os.environ.get("PATH"))
        if shutil.which(name, path=path) is None:
            there = Path(name).exists() and os.sep in name
            why = "is not executable" if there else "is not found"
            raise NotRunnableError(f"the command {name!r} {why}")

    def environment(self, home: Path) -> dict[str, str]:
        """A clean environment."""
        names = [*_PASSED, *(name for name in os.environ if name.startswith("LC_"))]
        names += _HOME if self.keep_home else ()
        passed = {name: os.environ[name] for name in names if name in os.environ}
        if not {"LANG", "LC_ALL", "LC_CTYPE"} & passed.keys():
            passed["LANG"] = "C.UTF-8"  # names are Unicode
        passed |= _toolchains()
        if not self.keep_home:
            passed |= {"HOME": str(home), "USERPROFILE": str(home)}
        return passed | dict(self.more)

    def run(self, environment: dict[str, str], mark: str, timeout: float) -> Ended:
        """Run it once; `mark` is a value that only its environment has."""
        try:
            process = Process(self.command, environment, mark)
        except OSError as error:
            raise NotRunnableError(
                f"the command {self.command[0]!r} cannot be run: {error.strerror}"
            ) from None
        with self._lock:
            self._live.add(process)
            stopped = self._stopped
        try:
            if stopped:
                process.end()
            return process.finish(timeout)
        finally:
            with self._lock:
                self._live.discard(process)

    def stop(self) -> None:
        """End whatever runs."""
        with self._lock:
            self._stopped = True
            live = list(self._live)
        for process in live:
            process.end(grace=0)


def _toolchains() -> dict[str, str]:
    """Where those are that this user has."""
    own = os.path.expanduser("~")
    found = {}
    for name, folder in _TOOLCHAINS.items():
        place = os.environ.get(name) or (os.path.join(own, folder) if folder else "")
        if place and os.path.isdir(place):
            found[name] = place
    return found


@define(eq=False)
class Process:
    """One process, with all that it starts."""

    _command: Sequence[str]
    _environment: Mapping[str, str]
    _mark: str
    _process: subprocess.Popen[bytes] = field(init=False)
    _outputs: list[_Output] = field(init=False)
    _began: float = field(factory=time.monotonic)

    def __attrs_post_init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - the user's own command
            list(self._command), env=dict(self._environment), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._outputs = [_Output(self._process.stdout), _Output(self._process.stderr)]

    def finish(self, timeout: float) -> Ended:
        """Wait for its end, or end it when its time is over; afterwards nothing of it is left."""
        over = threading.Event()

        def late() -> None:
            over.set()
            self.end()

        timer = threading.Timer(timeout, late)
        timer.daemon = True
        timer.start()
        try:
            status = self._process.wait()
        except BaseException:  # interrupted: it has a group of its own, and does not hear of it
            self.end(grace=0)
            raise
        finally:
            timer.cancel()
        seconds = time.monotonic() - self._began
        left = 0 if over.is_set() else self._left_behind()
        if left or over.is_set():
            self.end(grace=0)
        for output in self._outputs:
            output.thread.join(1)
        out, err = self._outputs
        return Ended(
            None if over.is_set() else status,
            bytes(out.kept),
            bytes(err.kept),
            seconds,
            left,
            out.cut + err.cut,
        )

    def _left_behind(self) -> int:
        """Processes that outlive it; those have a moment for their last word."""
        end = time.monotonic() + LATE
        while (left := len(list(self._members()))) and time.monotonic() < end:
            time.sleep(0.05)
        return left

    def end(self, grace: float = GRACE) -> None:
        """End the whole group, and what left it."""
        if grace:
            self._signal(signal.SIGTERM)
            end = time.monotonic() + grace
            while time.monotonic() < end and any(True for _ in self._members()):
                time.sleep(0.02)
        self._signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)

    def _signal(self, number: int) -> None:
        if hasattr(os, "killpg"):
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, number)
        elif self._process.returncode is None:
            self._process.kill()
        for pid in self._marked():
            with contextlib.suppress(OSError):
                os.kill(pid, number)

    def _members(self) -> Iterator[int]:
        """Who still runs."""
        if hasattr(os, "killpg"):
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, 0)
                yield self._process.pid
        yield from self._marked()

    def _marked(self) -> Iterator[int]:
        """Processes that have this run's environment: also those that left the group. Where /proc tells."""
        mark = self._mark.encode()
        try:
            pids = [int(name) for name in os.listdir("/proc") if name.isdecimal()]
        except OSError:
            return
        for pid in pids:
            with contextlib.suppress(OSError):
                if pid != os.getpid() and mark in Path(f"/proc/{pid}/environ").read_bytes():
                    yield pid


class _Output:
    """Reads one output to its end, and keeps its beginning and its end."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.kept = bytearray()
        self.cut = 0
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError), self._stream:
            while data := self._stream.read1(1 << 16):  # type: ignore[attr-defined] # a buffered reader
                self.kept += data
                beyond = len(self.kept) - 2 * KEPT
                if beyond > 0:  # the last line tells the id
                    del self.kept[KEPT : KEPT + beyond]
                    self.cut += beyond
