# Generated from openapi.yaml and overrides/. Do not edit: change those, then run ./generate.sh
from __future__ import annotations

from typing import Any

from attrs import define, field

from .. import types
from ..types import UNSET, Unset


@define
class CreateAssetFromHashRequest(types.Model):
    """Which stored content to refer to, and how the new reference describes it.

    Attributes:
        hash: Hash of the stored content: BLAKE3, written `blake3:` and the digest, or SHA-256, written
            `sha256:` and the digest.
        tags: Free-form tags of the reference, in any order. Usual ones are `models`, `input`, `output`
            and `temp`.
        name: Name under which the reference is shown.
        mime_type: MIME type of the content, for example `image/png` or `video/mp4`.
        user_metadata: Metadata of your own for the reference; any members.
    """

    hash: str = field(
        validator=types.Member(
            "hash",
            types.Text(pattern="^(blake3|sha256):[a-f0-9]{64}$", regex="^(blake3|sha256):[a-f0-9]{64}\\Z"),
            required=True,
        )
    )
    tags: list[str] = field(
        validator=types.Member("tags", types.Array(types.Text(), min_items=1), required=True)
    )
    name: str | Unset = field(default=UNSET, validator=types.Member("name", types.Text(), required=False))
    mime_type: str | Unset = field(
        default=UNSET, validator=types.Member("mime_type", types.Text(), required=False)
    )
    user_metadata: dict[str, Any] | Unset = field(
        default=UNSET, validator=types.Member("user_metadata", types.FreeForm(), required=False)
    )
    #: Members that the contract does not name, as they came.
    additional_properties: dict[str, Any] = field(factory=dict, kw_only=True, validator=types.check_further)
