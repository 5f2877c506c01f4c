"""`comfy-assets check URL`: does this server keep the contract?"""

from __future__ import annotations

from typing import Any

import click

from comfy_assets.cli.check_options import check_options
from comfy_assets.cli.extras import need_extra
from comfy_assets.cli.output import Output, json_option


@click.command("check", epilog="Example: comfy-assets check http://127.0.0.1:8765 --known-file portrait.png")
@click.argument("url", metavar="URL", required=False)
@check_options
@json_option
def command(url: str | None, as_json: bool, **given: Any) -> int:
    """Check the server at URL against the contract.

    Exit status: 0 no deviation found and everything checked; 1 the server violates the contract;
    2 the check could not run or is not complete.
    """
    need_extra("check", "check")
    from comfy_assets.cli import check_modes

    output = Output("check", as_json=as_json, quiet=given.pop("quiet"))
    return check_modes.run(url, given, output)
