"""The options of `comfy-assets check`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from comfy_assets.cli.completing import files, server_rules

if TYPE_CHECKING:
    from collections.abc import Callable

_FILE = click.Path(path_type=Path)
_POSITIVE = click.FloatRange(min=0, min_open=True)

_OPTIONS = (
    click.option("--api-key", metavar="K", help="The API key. Others on this machine can see it here."),
    click.option("--api-key-file", metavar="FILE", shell_complete=files, help="A file that holds the API key."),
    click.option("--other-api-key", metavar="K2", help="A key of another owner, to see that owners are kept apart."),
    click.option("--other-api-key-file", metavar="FILE", shell_complete=files, help="A file that holds the other owner's key."),
    click.option(
        "--known-hash", "known_hashes", multiple=True, metavar="H",
        help="A hash of content that the server stores. Repeatable.",
    ),
    click.option(
        "--known-file", "known_files", multiple=True, type=_FILE, metavar="F",
        help="A file that the server stores: gives both hashes and the size. Repeatable.",
    ),
    click.option("--strict", is_flag=True, help="Let violations of level `should` fail the run too."),
    click.option("--complete", is_flag=True, help="Rules that need what was not given count as not checked."),
    click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Seed of the drawn cases."),
    click.option(
        "--run-id", metavar="ID",
        help="Stands in every name that is made. The same seed and run id send the same bytes. Default: a new one.",
    ),
    click.option(
        "--timeout", type=_POSITIVE, default=30.0, show_default=True, metavar="S", help="Seconds for one request."
    ),
    click.option(
        "--deadline", type=_POSITIVE, default=600.0, show_default=True, metavar="S", help="Seconds for the run."
    ),
    click.option("--rate-limit", type=_POSITIVE, metavar="N", help="At most N requests a second."),
    click.option(
        "--max-references", type=click.IntRange(min=0), default=50, show_default=True, metavar="N",
        help="At most N new references: they are permanent on a real service.",
    ),
    click.option(
        "--rule", "rules", multiple=True, metavar="ID", shell_complete=server_rules,
        help="Check only this rule. Repeatable; see --list-rules."
    ),
    click.option(
        "--allow-not-checked", multiple=True, metavar="ID", shell_complete=server_rules,
        help="Let this rule be not checked without exit status 2. Repeatable.",
    ),
    click.option("--baseline", type=_FILE, metavar="F", help="Findings that are known: only new ones fail."),
    click.option("--write-baseline", type=_FILE, metavar="F", help="Write the findings of this run as a baseline."),
    click.option("--report-html", type=_FILE, metavar="F", help="Write a page with every rule and finding."),
    click.option("--report-junit", type=_FILE, metavar="F", help="Write JUnit XML."),
    click.option("--report-json", type=_FILE, metavar="F", help="Write the record: every exchange, every verdict."),
    click.option("--ledger", type=_FILE, metavar="F", help="Note each reference here, before it is asked for."),
    click.option("--ca-file", type=_FILE, metavar="F", help="Trust the certificates in this file instead of the system's."),
    click.option("--insecure", is_flag=True, help="Do not verify the server's certificate."),
    click.option("--proxy", metavar="URL", help="Go through this HTTP proxy."),
    click.option(
        "--header", "headers", multiple=True, metavar="H", help="A header for every request, 'Name: value'. Repeatable."
    ),
    click.option("--quiet", is_flag=True, help="Print findings only on failure, and no progress."),
    click.option("--list-rules", is_flag=True, help="List all rules, and end."),
    click.option("--explain", metavar="ID", shell_complete=server_rules, help="Say what a rule asks for, and why; and end."),
    click.option("--self-test", is_flag=True, help="Prove that each rule finds its broken server, and end."),
    click.option(
        "--rejudge", multiple=True, type=_FILE, metavar="F",
        help="Judge a record of --report-json again, without a network. Repeatable: shown side by side.",
    ),
    click.option("--replay", metavar="F#FINDING", shell_complete=files, help="Send the requests of a recorded finding again."),
)  # fmt: skip


def check_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """All options of the command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
