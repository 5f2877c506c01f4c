"""`comfy-assets keys add|list|revoke`: the keys that a server accepts at every start."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from comfy_assets.cli.completing import files
from comfy_assets.cli.databases import database_option, opened
from comfy_assets.cli.output import Exit, Failure, Output, json_option, printable
from comfy_assets.cli.service import key_in


@click.group("keys")
def command() -> None:
    """Add, list and revoke the API keys that a server accepts.

    Each key is an owner of its own. Only its digest is kept: the key is printed once, when it is made.
    """


@command.command("add", epilog="Example: comfy-assets keys add --database sqlite:///references.db --label ci")
@database_option
@click.option("--label", default="", metavar="L", help="What it is for; shown by `keys list`.")
@click.option(
    "--key-file", metavar="FILE", shell_complete=files, help="Add the key in this file instead of making one."
)
@json_option
def add(database: str, label: str, key_file: str | None, as_json: bool) -> None:
    """Make a key, or add one, and print it if it was made. A running server accepts it after a second."""
    output = Output("keys add", as_json=as_json)
    with opened("keys", database) as store:
        from comfy_assets.server import keys

        key = keys.make_key() if key_file is None else key_in(key_file)
        try:
            known = keys.add_key(store, key, label)
        except keys.KeyFormatError as error:
            raise Failure(str(error), code="usage") from None
    if key_file is None:
        output.data(key)
        output.talk(f"key {known.id}, shown once")
    else:
        output.talk(f"key {known.id} added")
    output.end({"id": known.id, "label": label, **({"key": key} if key_file is None else {})})


@command.command(
    "list",
    short_help="List the keys that were added, by number; never the key itself.",
    epilog="Example: comfy-assets keys list --database sqlite:///references.db",
)
@database_option
@json_option
def list_(database: str, as_json: bool) -> None:
    """List the keys that were added: number, when, label; never the key itself."""
    output = Output("keys list", as_json=as_json)
    with opened("keys", database) as store:
        from comfy_assets.server import keys

        known = keys.kept_keys(store)
    for one in known:
        state = "revoked" if one.revoked_at else "valid"
        output.data(f"{one.id:>6}  {state:<7}  {_time(one.created_at)}  {printable(one.label)}".rstrip())
        output.event("key", id=one.id, state=state, created_at=_time(one.created_at), label=one.label)
    output.end({"keys": len(known)})


@command.command("revoke", epilog="Example: comfy-assets keys revoke 3 --database sqlite:///references.db")
@click.argument("number", type=int)
@database_option
@json_option
def revoke(number: int, database: str, as_json: bool) -> None:
    """Accept key NUMBER no more, as `keys list` shows it. Its references stay."""
    output = Output("keys revoke", as_json=as_json)
    with opened("keys", database) as store:
        from comfy_assets.server import keys

        done = keys.revoke_key(store, number)
    if not done:
        raise Failure(
            f"there is no valid key {number}",
            code="not_found",
            hint="`comfy-assets keys list` shows the numbers",
            exit_code=Exit.ANSWER_IS_NO,
        )
    output.talk(f"key {number} revoked; a running server refuses it after a second")
    output.end({"id": number})


def _time(microseconds: int) -> str:
    return f"{datetime.fromtimestamp(microseconds // 1_000_000, UTC):%Y-%m-%dT%H:%M:%SZ}"
