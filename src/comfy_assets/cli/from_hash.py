"""`comfy-assets from-hash HASH --tag T`: the operation itself."""

from __future__ import annotations

from typing import Any

import click
from attrs import asdict

from comfy_assets import errors
from comfy_assets.cli import service
from comfy_assets.cli.metadata import metadata_option
from comfy_assets.cli.output import Output, json_option


@click.command(
    "from-hash", epilog="Example: comfy-assets from-hash blake3:af13...3262 --tag input --name a.png"
)
@click.argument("hash_", metavar="HASH")
@click.option("--tag", "tags", multiple=True, required=True, metavar="T", help="A tag; repeat for more.")
@click.option("--name", metavar="N", help="Name of the reference.")
@click.option("--mime-type", metavar="M", help="MIME type of the content, for example image/png.")
@metadata_option
@service.service_options
@json_option
def command(
    hash_: str,
    tags: tuple[str, ...],
    name: str | None,
    mime_type: str | None,
    metadata: dict[str, Any] | None,
    as_json: bool,
    **where: Any,
) -> None:
    """Register content that the service already stores, by its HASH.

    HASH is blake3:<64 hex digits> or sha256:<64 hex digits>, as `comfy-assets hash` prints it.

    Exit status: 0 registered; 1 the service says no, for example that it does not have the content;
    2 the service could not be asked.
    """
    output = Output("from-hash", as_json=as_json)
    with service.client(**where) as client:
        try:
            asset = client.create_asset_from_hash(
                hash_, tags, name=name, mime_type=mime_type, user_metadata=metadata
            )
        except errors.ComfyAssetsError as error:
            raise service.failure(error) from None
    outcome = "created" if asset.created_new else "existing"
    output.data(f"{outcome:<8}  {asset.id}  {asset.name}", "green" if asset.created_new else "cyan")
    call = asset.call
    output.end(
        {
            "outcome": outcome,
            "status_code": call.response.status_code,
            "created_by_this_call": call.created_by_this_call,
            "attempts": len(call.attempts),
            "drift": [asdict(problem) for problem in call.drift],
            "asset": asset.to_dict(),
        }
    )
