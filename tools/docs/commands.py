"""The page about the commands: their own help, word for word."""

from __future__ import annotations

import click

from comfy_assets.cli.main import COMMANDS, cli

WIDTH = 96


def commands() -> str:
    """The page."""
    parts = [
        "# Commands",
        (
            "Each command prints data on stdout and talk on stderr, and with `--json` JSON lines on stdout, the last of "
            "them an envelope with `ok`, `data` and `error`. Exit status: 0 done; 1 the answer is no; 2 it could not "
            "run, or not to its end; 130 interrupted."
        ),
    ]
    for name, line in COMMANDS.items():
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        parts += [f"## comfy-assets {name}", line, _help(command, f"comfy-assets {name}")]
        if isinstance(command, click.Group):
            for below, one in command.commands.items():
                parts += [f"### comfy-assets {name} {below}", _help(one, f"comfy-assets {name} {below}")]
    return "\n\n".join(parts) + "\n"


def _help(command: click.Command, name: str) -> str:
    context = click.Context(
        command,
        info_name=name,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
        help_option_names=["-h", "--help"],
    )
    return f"```text\n{command.get_help(context).rstrip()}\n```"
