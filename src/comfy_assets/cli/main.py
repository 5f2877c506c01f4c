"""The command `comfy-assets`: finds the command that is called, and turns its end into an exit status."""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from typing import TYPE_CHECKING, TextIO

import click

from comfy_assets._version import __version__
from comfy_assets.cli.output import Exit, Failure, ReaderGoneError, envelope, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from click.shell_completion import CompletionItem

#: Each command, the module it lives in, and its line in `--help`. The line stands here so that
#: `--help` need not import the commands.
COMMANDS = {
    "register": "Hash and register files and folders.",
    "from-hash": "Register content that the service already stores, by its hash.",
    "hash": "Print the content hashes of files.",
    "serve": "Run the reference server.",
    "check": "Check a server against the contract.",
    "check-client": "Check a client program, in any language, against the contract.",
    "content": "Add, list and remove the content that a server stores.",
    "scenario": "Let a server fail, drift or vanish for one key.",
    "keys": "Add, list and revoke the keys that a server accepts.",
    "completion": "Let TAB complete in bash, zsh or fish.",
}

#: The variable by which a shell asks what can be completed; its name is click's choice.
COMPLETE_VARIABLE = "_COMFY_ASSETS_COMPLETE"


class Commands(click.Group):
    """A group that imports a command's module only when that command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of use, not of the alphabet."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported; None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module("comfy_assets.cli." + cmd_name.replace("-", "_"))
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's, and a name that is not quite one gets the one that was probably meant."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-") and not ctx.resilient_parsing:
            from difflib import get_close_matches

            meant = " or ".join(map(repr, get_close_matches(name, COMMANDS)))
            raise click.UsageError(
                f"No such command {name!r}." + f" Did you mean {meant}?" * bool(meant), ctx
            )
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """From the table above: whoever types a command's name waits for no import."""
        from click.shell_completion import CompletionItem

        found = [
            CompletionItem(name, help=line) for name, line in COMMANDS.items() if name.startswith(incomplete)
        ]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in `--help`, from the table above."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: comfy-assets register portrait.png --tag input --dry-run",
)
@click.version_option(__version__, prog_name="comfy-assets")
def cli() -> None:
    """Register files with Comfy Cloud by their hash, without uploading them.

    Also checks any server and any client against the contract of that operation.
    """


def run(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and end the process with its exit status."""
    _open_closed_streams()
    warnings.showwarning = _warned
    sys.exit(main(sys.argv[1:] if arguments is None else arguments))


def main(arguments: Sequence[str]) -> int:
    """Run the command line; return its exit status.

    0 done, 1 the answer is no, 2 could not run or not complete, 130 interrupted.
    """
    if COMPLETE_VARIABLE in os.environ:
        from comfy_assets.cli import completing

        completing.prepare()
    try:
        return (
            cli.main(
                args=list(arguments),
                prog_name="comfy-assets",
                complete_var=COMPLETE_VARIABLE,
                standalone_mode=False,
            )
            or Exit.DONE
        )
    except (KeyboardInterrupt, click.Abort):
        return _failed(arguments, Failure("interrupted", code="interrupted", exit_code=Exit.INTERRUPTED))
    except click.ClickException as error:
        return _failed(arguments, error)
    except ReaderGoneError:
        # Point stdout at nothing, so that the interpreter's own flush at exit does not complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.COULD_NOT_RUN


def _open_closed_streams() -> None:
    """Python has None for a stream that whoever started it closed: what is said there then goes nowhere."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # The lowest free descriptor, which is the closed one: no other file gets what is meant for it.
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - until the end


_show_warning = warnings.showwarning


def _warned(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print a warning of ours as what it is to the user of a command: a sentence, not a place in our code."""
    if category.__module__.partition(".")[0] == "comfy_assets":
        print(f"warning: {message}", file=sys.stderr)  # noqa: T201 - above the progress bar, where there is one
    else:
        _show_warning(message, category, filename, lineno, file, line)


def _failed(arguments: Sequence[str], error: click.ClickException) -> int:
    if "--json" in arguments:
        described = {
            "code": getattr(error, "code", "usage"),
            "message": error.format_message(),
            "hint": getattr(error, "hint", None),
        }
        command = next((word for word in arguments if word in COMMANDS), None)
        print_json(envelope(command or "comfy-assets", data=getattr(error, "data", None), error=described))
    else:
        error.show()
    return error.exit_code
