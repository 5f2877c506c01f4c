"""TAB in real shells: what is typed on a terminal, and the line that comes of it."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from comfy_assets.cli.completing import Bash
from comfy_assets.cli.completion import SHELLS
from comfy_assets.cli.main import COMMANDS, COMPLETE_VARIABLE, cli
from tests.support import counted, missing

#: How each shell is started without anybody's settings, and what makes it complete.
STARTED = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], 'eval "$(comfy-assets completion bash)"'),
    "zsh": (["zsh", "-f", "-i"], 'autoload -U compinit; compinit -u -d zcompdump; eval "$(comfy-assets completion zsh)"'),
    "fish": (["fish", "--no-config", "-i"], "comfy-assets completion fish | source"),
}  # fmt: skip
#: Gives a program the terminal that it stands at: fish asks for one.
AT_TERMINAL = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
PATIENCE = 60

#: What is typed → how the line goes on.
TYPED = {
    "comfy-assets reg": "comfy-assets register",
    "comfy-assets check-c": "comfy-assets check-client",
    "comfy-assets keys rev": "comfy-assets keys revoke",
    "comfy-assets register --dry": "comfy-assets register --dry-run",
    "comfy-assets register --name-from p": "comfy-assets register --name-from path",
    "comfy-assets check --explain created-s": "comfy-assets check --explain created-status",
    "comfy-assets check-client --rule key-else": "comfy-assets check-client --rule key-elsewhere",
    "comfy-assets scenario bind outcome-u": "comfy-assets scenario bind outcome-unknown",
    "comfy-assets scenario bind drift:naive": "comfy-assets scenario bind drift:naive-times",
    "comfy-assets scenario bind --steps carry,wire:no-a": "comfy-assets scenario bind --steps carry,wire:no-answer",
    "comfy-assets register --missing-to 'my mis": "comfy-assets register --missing-to my missing.txt",
    "comfy-assets register li": "comfy-assets register library",
    "comfy-assets register --comfyui Com": "comfy-assets register --comfyui ComfyUI",
}


class Shell:
    """An interactive shell on a terminal of its own."""

    def __init__(self, name: str, folder: Path, programs: Path) -> None:
        self.name = name
        command, prepare = STARTED[name]
        self.master, slave = pty.openpty()
        environment = {
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "TERM": "xterm",
            "LC_ALL": "C.UTF-8",
            "COLUMNS": "200",
            **counted(),
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", AT_TERMINAL, *command],
            cwd=folder,
            env=environment,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self.seen = ""
        self.line("echo started")
        self.line(f"{prepare}; echo ready")

    def send(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def line(self, typed: str) -> None:
        self.send(typed + "\n")

    def until(self, wanted: str) -> str:
        """All that the terminal got until it got this."""
        end = time.monotonic() + PATIENCE
        while wanted not in self.seen:
            ready, _, _ = select.select([self.master], [], [], max(0, end - time.monotonic()))
            assert ready, f"{wanted!r} did not come: {self.seen!r}"
            self.seen += os.read(self.master, 65536).decode("utf-8", "replace")
        before, _, self.seen = self.seen.partition(wanted)
        return before

    def completed(self, typed: str) -> str:
        """The line after TAB: told by `echo`, which is put before it."""
        self.send(f"{typed}\t\x01echo 'LINE''='\n")
        self.until("LINE=")
        return self.until("\n").strip()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.master)


@pytest.fixture(scope="module", params=SHELLS)
def shell(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A shell in a folder with some files; skipped where there is none, which fails with CI=true."""
    if shutil.which(request.param) is None:
        missing(f"there is no {request.param} (make system)")
    folder, programs = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("bin")
    (folder / "library").mkdir()
    (folder / "ComfyUI").mkdir()
    (folder / "ComfyUI.txt").touch()
    (folder / "my missing.txt").touch()
    program = programs / "comfy-assets"
    paths = os.pathsep.join(filter(None, sys.path))
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{paths}" exec "{sys.executable}" -m comfy_assets "$@"\n')
    program.chmod(0o755)
    made = Shell(request.param, folder, programs)
    try:
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("typed", TYPED)
def test_tab(shell: Shell, typed: str) -> None:
    """TAB ends what was begun: commands, options, choices, rules, scenarios, steps, files and folders."""
    # A shell may take the slash after a folder back when more is typed.
    assert shell.completed(typed).rstrip("/") == TYPED[typed]


#: The line up to the cursor → what bash is given, which takes `:` and `=` for ends of words.
LINES = {
    "COMFY_CLOUD_API_KEY=k comfy-assets compl": ["completion"],
    "comfy-assets check --explain=created-s": ["created-status"],
    "comfy-assets scenario bind drift:naive": ["naive-times"],
    "comfy-assets scenario bind --steps=carry,wire:no-a": ["no-answer"],
    "comfy-assets scenario bind dri": ["drift:"],
    "comfy-assets hash --algorithm=s": ["sha256"],
    "comfy-assets check --explain 'created-s": ["created-status"],
    "": [],
}


@pytest.mark.parametrize("line", LINES)
def test_bash_words(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    """The line is read as bash read it: variables before the command, quotes, options with `=`, names with `:`."""
    monkeypatch.setenv("COMP_LINE", line)
    monkeypatch.setenv("COMP_WORDBREAKS", " \t\n\"'><=;|&(:")
    shell = Bash(cli, {}, "comfy-assets", COMPLETE_VARIABLE)
    offered = [item.value for item in shell.get_completions(*shell.get_completion_args())]
    assert [one for one in offered if one not in COMMANDS or line] == LINES[line]


def test_commands_are_offered_without_importing_them() -> None:
    """Whoever types a command's name does not wait for the libraries behind it."""
    program = "import sys; from comfy_assets.cli.main import main\ntry: main([])\nexcept SystemExit: pass\nprint(*sys.modules)"
    environment = {
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        COMPLETE_VARIABLE: "bash_complete",
        "COMP_LINE": "comfy-assets re",
    }
    said = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert said.startswith("plain,register\n")
    assert not {"attrs", "httpx", "rich", "yaml", "comfy_assets.cli.register"} & set(said.split())
