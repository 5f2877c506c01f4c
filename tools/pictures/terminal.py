"""A terminal that commands are typed into, and the picture of what stands on it at the end."""

from __future__ import annotations

import io
import os
import re
import secrets
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PROMPT = "$ "
#: Seconds that a command may take.
PATIENCE = 300.0
THEME = TerminalTheme(
    (13, 17, 23),
    (201, 209, 217),
    [(72, 79, 88), (255, 123, 114), (86, 211, 100), (227, 179, 65), (121, 192, 255), (210, 168, 255), (86, 212, 221), (201, 209, 217)],
    [(110, 118, 129), (255, 161, 152), (126, 231, 135), (240, 200, 95), (165, 214, 255), (226, 197, 255), (179, 240, 255), (255, 255, 255)],
)  # fmt: skip
#: rich's own picture fetches its font from a content network; the reader's own will do.
FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"


class Terminal:
    """A shell in tmux, on a server of tmux's own; `with` ends it."""

    def __init__(self, folder: Path, environment: Mapping[str, str], *, columns: int, lines: int) -> None:
        if shutil.which("tmux") is None:
            raise SystemExit(
                "pictures: there is no tmux, which is the terminal (Debian: apt-get install tmux)"
            )
        self._socket = str(folder / f"tmux-{secrets.token_hex(4)}")
        self._folder = folder
        self._environment = {**environment, "HOME": str(folder)}
        self._columns = columns
        self._lines = lines

    def __enter__(self) -> Self:
        size = ["-x", str(self._columns), "-y", str(self._lines)]
        self._tmux(
            "-f", os.devnull, "new-session", "-d", *size, f"env PS1='{PROMPT}' bash --noprofile --norc"
        )
        self._settled()
        return self

    def __exit__(self, *_: object) -> None:
        self._tmux("kill-server")

    def run(self, command: str) -> None:
        """Type a command, and wait for its end."""
        self._tmux("send-keys", "-l", command)
        self._tmux("send-keys", "Enter")
        time.sleep(1)
        self._settled()

    def svg(self, title: str) -> str:
        """What stands on the screen, as a picture."""
        shown = self._tmux("capture-pane", "-p", "-e").rstrip("\n ").removesuffix(PROMPT.rstrip())
        console = Console(
            record=True,
            width=self._columns,
            file=io.StringIO(),
            force_terminal=True,
            color_system="truecolor",
        )
        # The terminal has broken the lines already.
        console.print(Text.from_ansi(shown.rstrip()), no_wrap=True, overflow="ignore", crop=False)
        svg = console.export_svg(title=title, theme=THEME, unique_id=title.replace(" ", "-"))
        svg = re.sub(r"\s*@font-face \{.*?\}\n", "\n", svg, flags=re.DOTALL)
        svg = re.sub(r"font-family: [^;]*;", f"font-family: {FONTS};", svg)
        return "\n".join(line.rstrip() for line in svg.splitlines() if line.strip()) + "\n"

    def _settled(self) -> None:
        """Wait until the prompt stands at the end."""
        end, lines = time.monotonic() + PATIENCE, list[str]()
        while time.monotonic() < end:
            lines = self._tmux("capture-pane", "-p").rstrip("\n ").splitlines()
            if lines and lines[-1] == PROMPT.rstrip():
                return
            time.sleep(0.2)
        raise SystemExit("pictures: a command did not end; the terminal shows:\n" + "\n".join(lines))

    def _tmux(self, *words: str) -> str:
        done = subprocess.run(
            ["tmux", "-S", self._socket, *words],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"pictures: tmux: {done.stderr.strip()}")
        return done.stdout
