"""What a run knows before it starts: the contract's operation, the server, known content, keys.

Names of members, statuses and limits come from the contract. The few that carry a meaning that no
schema can tell (which member is the hash, which status says "created") stand here and nowhere else.
"""

from __future__ import annotations

from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from comfy_assets import specification
from comfy_assets._version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import jsonschema_rs

    from comfy_assets.contract.wire import Target
    from comfy_assets.specification import Contract, Operation

OPERATION = "createAssetFromHash"

# Members by their meaning; each is held against the contract's schemas by a test.
HASH, TAGS, NAME, MIME_TYPE, METADATA = "hash", "tags", "name", "mime_type", "user_metadata"
ID, SIZE, CREATED_NEW, CONTENT_HASH = "id", "size", "created_new", "asset_hash"
CREATED_AT, UPDATED_AT, ACCESSED_AT = "created_at", "updated_at", "last_access_time"
#: Members of the request that come back in the answer.
KEPT = (NAME, TAGS, METADATA, MIME_TYPE)

CREATED, EXISTING = HTTPStatus.CREATED.value, HTTPStatus.OK.value
SUCCESSES = frozenset({CREATED, EXISTING})

# What every server must accept; beyond it a refusal is open.
LONGEST_NAME = 255
MOST_TAGS = 32
LARGEST_BODY = 16 * 1024
DEEPEST_BODY = 32
#: Integers up to this size come back exactly (RFC 8259, section 6).
LARGEST_EXACT = 2**53


@frozen
class Content:
    """Content that the server is known to store: its hashes, and its size where the file is at hand."""

    hashes: tuple[str, ...]
    size: int | None = None
    #: How a report calls it.
    label: str = ""


@define(slots=False)
class Facts:
    """Everything but the answers; a record holds it, so that a verdict can be reached again."""

    contract: Contract
    url: str
    #: Path of the operation at this server, and the `Host` header.
    path: str
    authority: str
    contents: tuple[Content, ...] = ()
    #: Placeholders of the keys that were given.
    keys: tuple[str, ...] = ()
    run_id: str = ""
    seed: int = 0
    complete: bool = False
    #: Further headers of every request; values may be placeholders.
    headers: tuple[tuple[str, str], ...] = ()
    #: Whether a leaked key would be recognised.
    telling_key: bool = True
    #: What the oracle said of requests, by their identity: a judge asks again and again.
    expectations: dict[int, tuple[Any, Any]] = field(factory=dict, repr=False, eq=False)

    @cached_property
    def operation(self) -> Operation:
        """The operation of the contract."""
        return self.contract.operation(OPERATION)

    @cached_property
    def key_header(self) -> str:
        """The header of the API key."""
        return self.operation.security_header or ""

    @cached_property
    def media_type(self) -> str:
        """The media type of the request's body."""
        return self.operation.request_media_type or "application/json"

    @cached_property
    def request_schema(self) -> Mapping[str, Any]:
        """The schema of the request's body, its reference followed."""
        return self._followed(self.operation.request_schema or {})

    @cached_property
    def success_schema(self) -> Mapping[str, Any]:
        """The schema of the success body, its reference followed."""
        response = self.operation.response(CREATED) or self.operation.response(EXISTING)
        return self._followed((response.schema if response else None) or {})

    @cached_property
    def request_validator(self) -> jsonschema_rs.Draft202012Validator:
        """Judges a request's body."""
        return self.contract.validator(self.operation.request_schema or {})

    def validator(self, status: int) -> jsonschema_rs.Draft202012Validator | None:
        """Judges the body of a status; None where the contract describes none."""
        response = self.operation.response(status)
        return self.contract.validator(response.schema) if response and response.schema is not None else None

    @property
    def mark(self) -> str:
        """What stands in every name that this run makes; no word, however short the run id is."""
        return f"check-{self.run_id:_<6}"

    def content_of(self, hash_: Any) -> Content | None:
        """The known content that has this hash."""
        return next((content for content in self.contents if hash_ in content.hashes), None)

    def base_headers(self, key: str | None) -> tuple[tuple[str, str], ...]:
        """The headers of an ordinary request."""
        with_key = ((self.key_header, key),) if key is not None and self.key_header else ()
        return (
            ("Host", self.authority),
            ("User-Agent", f"comfy-assets-check/{__version__}"),
            ("Accept", "application/json"),
            *self.headers,
            *with_key,
        )

    def _followed(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        followed: Mapping[str, Any] = self.contract.resolve(schema["$ref"]) if "$ref" in schema else schema
        return followed


def facts_for(
    target: Target,
    contents: Sequence[Content],
    keys: Sequence[str],
    *,
    run_id: str,
    seed: int,
    complete: bool = False,
    headers: Sequence[tuple[str, str]] = (),
    telling_key: bool = True,
    contract: Contract | None = None,
) -> Facts:
    """The facts of a run; raises `ContractFileError`, and `KeyError` for a contract without the operation."""
    contract = contract or specification.load()
    return Facts(
        contract=contract,
        url=target.url,
        path=target.prefix + contract.operation(OPERATION).path,
        authority=target.authority,
        contents=tuple(contents),
        keys=tuple(keys),
        run_id=run_id,
        seed=seed,
        complete=complete,
        headers=tuple(headers),
        telling_key=telling_key,
    )
