"""`comfy-assets check-client -- COMMAND...`: does this client program keep the contract?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from comfy_assets.cli.completing import client_rules, files
from comfy_assets.cli.extras import need_extra
from comfy_assets.cli.output import Output, json_option

_FILE = click.Path(path_type=Path)
#: An answer after 3 s has to be waited for: a run needs more than that.
SHORTEST = 10.0


@click.command(
    "check-client",
    context_settings={"ignore_unknown_options": False},
    epilog="Example: comfy-assets check-client -- python my_client.py",
)
@click.argument("words", metavar="-- COMMAND...", nargs=-1, type=click.UNPROCESSED, shell_complete=files)
@click.option(
    "--timeout",
    type=float,
    default=30.0,
    show_default=True,
    metavar="S",
    help="Seconds for one run of the command, at least 10.",
)
@click.option(
    "--env", "environment", multiple=True, metavar="K=V", help="A variable for the command. Repeatable."
)
@click.option("--keep-home", is_flag=True, help="Let the command see your HOME instead of an empty folder.")
@click.option("--strict", is_flag=True, help="Let violations of level `should` fail the check too.")
@click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    metavar="N",
    help="Which request goes with which answer.",
)
@click.option(
    "--rule",
    "rules",
    multiple=True,
    metavar="ID",
    shell_complete=client_rules,
    help="Check only this rule. Repeatable; see --list-rules.",
)
@click.option(
    "--allow-not-checked",
    multiple=True,
    metavar="ID",
    shell_complete=client_rules,
    help="Let this rule be not checked without exit status 2. Repeatable.",
)
@click.option("--baseline", type=_FILE, metavar="F", help="Findings that are known: only new ones fail.")
@click.option(
    "--write-baseline", type=_FILE, metavar="F", help="Write the findings of this check as a baseline."
)
@click.option("--report-html", type=_FILE, metavar="F", help="Write a page with every rule and finding.")
@click.option("--report-junit", type=_FILE, metavar="F", help="Write JUnit XML.")
@click.option(
    "--report-json",
    type=_FILE,
    metavar="F",
    help="Write the record: every run, every request, every verdict.",
)
@click.option("--quiet", is_flag=True, help="Print findings only on failure, and no progress.")
@click.option("--list-rules", is_flag=True, help="List all rules, and end.")
@click.option(
    "--explain", metavar="ID", shell_complete=client_rules, help="Say what a rule asks for, and why; and end."
)
@click.option(
    "--rejudge",
    type=_FILE,
    metavar="F",
    help="Judge a record of --report-json again, without running anything.",
)
@json_option
def command(words: tuple[str, ...], as_json: bool, **given: Any) -> int:
    """Check a client program, in any language, against the contract.

    COMMAND is run once for each scenario. It finds COMFY_CLOUD_BASE_URL, COMFY_CLOUD_API_KEY,
    COMFY_ASSET_HASH, COMFY_ASSET_TAGS (a JSON array), COMFY_ASSET_NAME, COMFY_ASSET_MIME_TYPE and
    COMFY_ASSET_METADATA (a JSON object) in its environment; the last three may be empty and are then not
    sent. It registers once, prints the reference's id as the last line and exits 0; when it cannot, it exits
    otherwise and says why on stderr.

    Exit status: 0 no deviation found and everything checked; 1 the program violates the contract;
    2 the check could not run or is not complete.
    """
    need_extra("check-client", "check")
    from comfy_assets.cli import check_client_modes

    if given["timeout"] < SHORTEST or given["timeout"] != given["timeout"]:
        raise click.UsageError(
            f"--timeout is at least {SHORTEST:g}: an answer after 3 s has to be waited for"
        )
    output = Output("check-client", as_json=as_json, quiet=given.pop("quiet"))
    return check_client_modes.run(words, given, output)
