# Generated from openapi.yaml and overrides/. Do not edit: change those, then run ./generate.sh
from __future__ import annotations

import datetime
from typing import Any
from uuid import UUID

from attrs import define, field

from .. import types
from ..types import UNSET, Unset


@define
class AssetCreated(types.Model):
    """A reference to stored content, and whether this call made it.

    Attributes:
        id: Identifies the reference.
        name: File name of the asset.
        size: Size of the content in bytes.
        created_at: When the asset was created.
        updated_at: When the asset was last changed.
        created_new: True where this call made the reference, false where it existed and is returned.
        asset_hash: BLAKE3 hash of the content.
        mime_type: MIME type of the content.
        tags: Tags of the reference.
        user_metadata: The reference's own metadata; any members.
        preview_url: Where a preview or thumbnail can be fetched.
        preview_id: The asset that serves as preview, if there is one.
        prompt_id: The job (prompt) that made the asset, if it is known.
        last_access_time: When the asset was last accessed.
        is_immutable: True where the asset can be neither changed nor deleted.
    """

    id: UUID = field(validator=types.Member("id", types.Uuid(), required=True))
    name: str = field(validator=types.Member("name", types.Text(), required=True))
    size: int = field(
        validator=types.Member(
            "size", types.Integer(minimum=-9223372036854775808, maximum=9223372036854775807), required=True
        )
    )
    created_at: datetime.datetime | str = field(
        validator=types.Member("created_at", types.DateTime(), required=True)
    )
    updated_at: datetime.datetime | str = field(
        validator=types.Member("updated_at", types.DateTime(), required=True)
    )
    created_new: bool = field(validator=types.Member("created_new", types.Boolean(), required=True))
    asset_hash: str | Unset = field(
        default=UNSET,
        validator=types.Member(
            "asset_hash",
            types.Text(pattern="^blake3:[a-f0-9]{64}$", regex="^blake3:[a-f0-9]{64}\\Z"),
            required=False,
        ),
    )
    mime_type: str | Unset = field(
        default=UNSET, validator=types.Member("mime_type", types.Text(), required=False)
    )
    tags: list[str] | Unset = field(
        default=UNSET, validator=types.Member("tags", types.Array(types.Text()), required=False)
    )
    user_metadata: dict[str, Any] | Unset = field(
        default=UNSET, validator=types.Member("user_metadata", types.FreeForm(), required=False)
    )
    preview_url: str | Unset = field(
        default=UNSET, validator=types.Member("preview_url", types.Text(format="uri"), required=False)
    )
    preview_id: UUID | None | Unset = field(
        default=UNSET,
        validator=types.Member("preview_id", types.OneOf(types.Uuid(), types.Null()), required=False),
    )
    prompt_id: UUID | None | Unset = field(
        default=UNSET,
        validator=types.Member("prompt_id", types.OneOf(types.Uuid(), types.Null()), required=False),
    )
    last_access_time: datetime.datetime | str | Unset = field(
        default=UNSET, validator=types.Member("last_access_time", types.DateTime(), required=False)
    )
    is_immutable: bool | Unset = field(
        default=UNSET, validator=types.Member("is_immutable", types.Boolean(), required=False)
    )
    #: Members that the contract does not name, as they came.
    additional_properties: dict[str, Any] = field(factory=dict, kw_only=True, validator=types.check_further)
