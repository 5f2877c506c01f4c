"""A reference server in a process of its own, for tests and demonstrations.

with ServerProcess(content=["models"]) as server:
    client = AssetsClient(server.api_keys[0], server.url)
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

#: Seconds until a server must be ready, and until one that was asked to stop is killed.
START_SECONDS = 180.0
STOP_SECONDS = 10.0


class ServerStartError(RuntimeError):
    """The server did not start; the text ends with what it said on stderr."""


class ServerProcess:
    """`comfy-assets serve` as a subprocess on a free port of 127.0.0.1; started and stopped by `with`.

    `api_keys` defaults to one made here; each is its own owner. `options` are further arguments of
    the command. `start_seconds` bounds the wait for it. `url`, `pid` and `ready` (what the ready
    file holds) are there once it started; it answers requests from then on.
    """

    def __init__(
        self,
        *,
        content: Sequence[str | Path] = (),
        api_keys: Sequence[str] | None = None,
        database: str | None = None,
        contract: str | Path | None = None,
        options: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        start_seconds: float = START_SECONDS,
    ) -> None:
        self.api_keys = tuple(api_keys) if api_keys is not None else (secrets.token_urlsafe(16),)
        self.ready: dict[str, Any] = {}
        #: Files that it should have removed when it ended, and did not.
        self.left_behind: list[str] = []
        self._arguments = ["--port", "0", *options]
        for option, values in (
            ("--content", content),
            ("--api-key", self.api_keys),
            ("--database", [database] if database else []),
            ("--contract", [contract] if contract else []),
        ):
            self._arguments += [f"{option}={os.fspath(value)}" for value in values]
        self._environment = {**os.environ, **(environment or {})}
        self._start_seconds = start_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._cleanup = contextlib.ExitStack()
        self._folder = Path()
        self._kept: dict[str, str] = {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The server's base URL."""
        return str(self.ready["url"])

    @property
    def pid(self) -> int:
        """The id of the server's process."""
        return int(self.ready["pid"])

    @property
    def stdout(self) -> str:
        """What it printed on stdout so far."""
        return self._said("stdout")

    @property
    def stderr(self) -> str:
        """What it said on stderr so far."""
        return self._said("stderr")

    def start(self) -> None:
        """Start it and wait until it answers; `ServerStartError` where it does not."""
        self._folder = Path(
            self._cleanup.enter_context(
                # What workers of a killed server still write is no reason for an error here.
                tempfile.TemporaryDirectory(prefix="comfy-assets-test-", ignore_cleanup_errors=True)
            )
        )
        try:
            self._launch()
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self, number: int = signal.SIGTERM) -> int | None:
        """Stop it by a signal, and by force where it does not obey; its exit status, None if it never ran."""
        if self._process is None:
            self._cleanup.close()
            return None
        if self._process.poll() is None:
            self._process.send_signal(number)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._keep()
        self._cleanup.close()
        return self._process.returncode

    def _launch(self) -> None:
        made_here = {
            # The same modules as this process has, also where the package is not installed.
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            # A server that is killed cannot remove its temporary files: they go with this folder.
            "TMPDIR": str(self._folder),
        }
        ready_file = ["--ready-file", str(self._folder / "ready.json")]
        with (self._folder / "stdout").open("wb") as stdout, (self._folder / "stderr").open("wb") as stderr:
            self._process = subprocess.Popen(  # noqa: S603 - the caller says what to run
                [sys.executable, "-m", "comfy_assets", "serve", *self._arguments, *ready_file],
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                env={**self._environment, **made_here},
            )

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        end = time.monotonic() + self._start_seconds
        while True:
            with contextlib.suppress(FileNotFoundError):
                self.ready = json.loads((self._folder / "ready.json").read_text(encoding="utf-8"))
                return
            status = self._process.poll()
            if status is not None:
                raise ServerStartError(f"the server ended with exit status {status}:\n{self.stderr}")
            if time.monotonic() > end:
                raise ServerStartError(
                    f"the server was not ready after {self._start_seconds:g} s:\n{self.stderr}"
                )
            time.sleep(0.02)

    def _said(self, name: str) -> str:
        if name in self._kept:
            return self._kept[name]
        return (self._folder / name).read_bytes().decode("utf-8", "replace")

    def _keep(self) -> None:
        if self._folder.is_dir():
            self._kept = {name: self._said(name) for name in ("stdout", "stderr")}
            names = {path.name for path in self._folder.iterdir()}
            self.left_behind = sorted(names - self._kept.keys())
