"""`comfy-assets serve`: run the reference server."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import click

from comfy_assets.cli.completing import folders
from comfy_assets.cli.extras import need_extra
from comfy_assets.cli.output import Exit, Failure, Output, json_option


@click.command("serve", epilog="Example: comfy-assets serve --content ComfyUI/input --api-key local-key")
@click.option(
    "--content",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="DIR",
    shell_complete=folders,
    help="Serve the files under this folder as stored content. Repeatable.",
)
@click.option(
    "--api-key",
    "api_keys",
    multiple=True,
    metavar="KEY",
    help="Accept this API key; each is an owner of its own. Repeatable. "
    "Without it one is made and printed once, on stderr.",
)
@click.option(
    "--database",
    metavar="URL",
    help="Keep references here, such as sqlite:///references.db or postgresql://user@host/name. "
    "Default: a temporary database, removed at the end.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8765,
    show_default=True,
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--ready-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write this JSON file once content is indexed and requests are answered; it is removed at the end.",
)
@click.option(
    "--contract",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Obey this contract instead of the packaged openapi.yaml.",
)
@click.option(
    "--body-timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long a request's body may take to arrive.",
)
@click.option(
    "--head-timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long a request's head may take to arrive.",
)
@click.option(
    "--max-connections",
    type=click.IntRange(1),
    default=512,
    show_default=True,
    metavar="COUNT",
    help="Connections of each worker; those beyond are told 503.",
)
@click.option(
    "--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes that serve."
)
@click.option("--exit-with-parent", is_flag=True, help="End when the process that started this one does.")
@click.option(
    "--stop-timeout",
    type=click.FloatRange(min=0),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="How long requests under way may take when the server ends; a second Ctrl-C ends it at once.",
)
@click.option(
    "--access-log/--no-access-log", default=True, show_default=True, help="Say a line for each request."
)
@click.option(
    "--development",
    "--validate",
    "validates",
    is_flag=True,
    help="Hold every answer against the contract before it is sent; one that breaks it is a 500.",
)
@click.option(
    "--scenarios", is_flag=True, help="Let scenarios act that `comfy-assets scenario bind` binds to keys."
)
@click.option(
    "--record",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write every exchange to this file as a JSON line, without keys.",
)
@json_option
def command(
    content: tuple[Path, ...],
    api_keys: tuple[str, ...],
    database: str | None,
    host: str,
    port: int,
    ready_file: Path | None,
    contract: Path | None,
    body_timeout: float,
    head_timeout: float,
    max_connections: int,
    workers: int,
    exit_with_parent: bool,
    stop_timeout: float,
    access_log: bool,
    validates: bool,
    scenarios: bool,
    record: Path | None,
    as_json: bool,
) -> None:
    """Run the reference server: it obeys the contract and answers for the files under --content.

    Prints its URL on stdout once the content is indexed and requests are answered. What it says goes to
    stderr, with --json as events to stdout. Ctrl-C or SIGTERM ends it.
    """
    need_extra("serve", "server")
    from comfy_assets.server import keys, run

    output = Output("serve", as_json=as_json)
    made_key = None if api_keys else keys.make_key()

    def tell_key() -> None:
        nonlocal made_key
        if made_key:
            # Said in every form of output: nobody could use the server without it.
            click.echo(f"API key, made for this run and shown once: {made_key}", err=True)
        made_key = None

    def announce(ready: dict[str, Any]) -> None:
        tell_key()
        output.data(ready["url"])
        output.event("ready", **ready)

    options = run.Options(
        host=host,
        port=port,
        keys=[made_key] if made_key else api_keys,
        content=content,
        database=database,
        contract=contract,
        ready_file=ready_file,
        body_seconds=body_timeout,
        head_seconds=head_timeout,
        grace_seconds=stop_timeout,
        connections=max_connections,
        as_json=as_json,
        access_log=access_log,
        validates=validates,
        workers=workers,
        exit_with_parent=exit_with_parent,
        scenarios=scenarios,
        record=record,
    )
    try:
        stopped_by = run.run(options, announce, tell_key)
    except run.StartError as error:
        raise Failure(str(error), code=error.code) from error
    if stopped_by == signal.SIGINT:
        raise Failure("interrupted", code="interrupted", exit_code=Exit.INTERRUPTED)
    output.end({"stopped_by": signal.Signals(stopped_by).name})
