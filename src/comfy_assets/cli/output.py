"""What commands print: data on stdout, talk on stderr, JSON lines where asked for.

The JSON form is the one that the vendor's own client prints: any number of events, one line
each, and a last line, the envelope, that says how it ended.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from enum import IntEnum
from typing import IO, TYPE_CHECKING, Any

import click

from comfy_assets._version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Exit(IntEnum):
    """What a command's exit status means."""

    DONE = 0
    ANSWER_IS_NO = 1
    COULD_NOT_RUN = 2
    INTERRUPTED = 130


class Failure(click.ClickException):
    """A command cannot go on: what happened, where, and what to do next.

    `code` is a short name for programs, `hint` a next step, `exit_code` the status to end with.
    `data` goes into the JSON envelope: what was done before the failure.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        hint: str | None = None,
        exit_code: Exit = Exit.COULD_NOT_RUN,
        data: Any = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint
        vars(self)["exit_code"] = exit_code  # click declares it for the class
        self.data = data

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the sentence, and the hint in a line of its own, on stderr."""
        click.echo(f"error: {self.message}", file=file, err=file is None)
        if self.hint:
            click.echo(f"hint: {self.hint}", file=file, err=file is None)


class ReaderGoneError(Exception):
    """Whoever read stdout went away (`| head`): nothing more can be said.

    Not an OSError, for which click has an end of its own.
    """


@contextmanager
def _reader() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise ReaderGoneError from None


class Output:
    """Where one command prints; `as_json` decides between lines for people and JSON lines."""

    def __init__(self, command: str, *, as_json: bool = False, quiet: bool = False) -> None:
        self.command = command
        self.as_json = as_json
        self.quiet = quiet
        # Asked now: what a progress bar puts in stdout's place says no in older versions of rich.
        self._on_terminal = sys.stdout.isatty()
        #: Lines that wait to go out together; None where each goes out by itself.
        self._held: list[str] | None = None

    @contextmanager
    def together(self) -> Iterator[None]:
        """Lines on stdout go out together at the end: each write costs more than the making of a line."""
        self._held = []
        try:
            yield
        finally:
            held, self._held = self._held, None
            self._write("".join(held))

    def data(self, line: str, colour: str | None = None) -> None:
        """A line of the command's own result: on stdout, and only in the form for people.

        A path that is not UTF-8 is printed as the bytes that it is; on a terminal as escapes, with the first
        word in `colour`, one that click knows.
        """
        if self.as_json:
            return
        self._say(_coloured(printable(line), colour) if self._on_terminal else line)

    def _say(self, line: str) -> None:
        if self._held is None:
            self._write(line + "\n")
        else:
            self._held.append(line + "\n")

    def _write(self, lines: str) -> None:
        with _reader():
            if self._on_terminal:
                # Not by click, which goes past the progress bar: that one catches the line, and prints
                # it above itself.
                sys.stdout.write(lines)
            else:
                sys.stdout.buffer.write(lines.encode("utf-8", "surrogateescape"))
                # Whoever reads the lines, reads them as they come.
                sys.stdout.buffer.flush()

    def talk(self, line: str) -> None:
        """A line about what is going on: on stderr, and not when quiet."""
        if not self.as_json and not self.quiet:
            if self._held:
                # In the order in which it was said.
                held, self._held = self._held, []
                self._write("".join(held))
            click.echo(line, err=True)

    def event(self, type_: str, **members: Any) -> None:
        """A JSON line about one thing that happened; nothing in the form for people."""
        if self.as_json:
            self._say(_json_line({"schema": "event/1", "type": type_, **members}))

    def end(self, data: Any = None) -> None:
        """The envelope of a command that did what it was asked; one that did not raises `Failure`."""
        if self.as_json:
            print_json(envelope(self.command, data=data))


def _coloured(line: str, colour: str | None) -> str:
    """The first word in a colour, where the user has not switched colours off and the terminal has them."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or os.name == "nt"
    first, space, rest = line.partition(" ")
    return line if plain or not colour else click.style(first, fg=colour) + space + rest


def envelope(command: str, *, data: Any = None, error: dict[str, Any] | None = None) -> dict[str, Any]:
    """The last line of `--json`."""
    return {
        "schema": "envelope/1",
        "type": "envelope",
        "ok": error is None,
        "command": command,
        "version": __version__,
        "where": None,
        "data": data,
        "error": error,
    }


def print_json(value: dict[str, Any]) -> None:
    """One JSON line on stdout, in ASCII: a path that is not UTF-8 cannot break it."""
    with _reader():
        sys.stdout.write(_json_line(value) + "\n")
        sys.stdout.flush()


def _json_line(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(", ", ": "))


def printable(path: str) -> str:
    """A path for a message in one line: control characters and bytes that are no UTF-8 are escaped."""
    if path.isprintable():
        return path
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in path)


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The `--json` option, the same on every command."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON lines instead of text.")(command)
