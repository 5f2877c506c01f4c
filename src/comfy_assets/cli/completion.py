"""`comfy-assets completion SHELL`: the script that makes TAB complete commands, options and values."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from comfy_assets.cli import completing
from comfy_assets.cli.main import COMPLETE_VARIABLE
from comfy_assets.cli.output import Output, json_option

SHELLS = ("bash", "zsh", "fish")


@click.command("completion", epilog="Example: comfy-assets completion bash")
@click.argument("shell", type=click.Choice(SHELLS))
@json_option
@click.pass_context
def command(context: click.Context, shell: str, as_json: bool) -> None:
    """Print the script that lets SHELL complete what you type after comfy-assets.

    \b
    in ~/.bashrc:  eval "$(comfy-assets completion bash)"
    in ~/.zshrc:   eval "$(comfy-assets completion zsh)"
    in ~/.config/fish/config.fish:  comfy-assets completion fish | source

    Values of options are completed too: files, rules, scenarios.
    """  # noqa: D301 - click's mark for lines that stay as they are
    completing.prepare()
    kind = get_completion_class(shell)
    assert kind is not None
    root = context.find_root()
    script = kind(root.command, {}, "comfy-assets", COMPLETE_VARIABLE).source()
    output = Output("completion", as_json=as_json)
    output.data(script.rstrip())
    output.end({"shell": shell, "script": script})
