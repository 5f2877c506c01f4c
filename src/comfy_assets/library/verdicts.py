"""What an answer, or its absence, means for a file and for the run. Pure decisions."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal

from attrs import frozen
from comfy_assets_api.types import UNSET

from comfy_assets import errors
from comfy_assets.library.events import Outcome

if TYPE_CHECKING:
    from comfy_assets.answers import AssetCreated
    from comfy_assets.library.items import Item

#: - `throttled`: all requests wait, then this one is sent again;
#: - `run`: every further file would meet it too, so the run ends;
#: - `file`: it is this file's outcome;
#: - `passing`: it is this file's outcome, and another run may fare better.
Weight = Literal["throttled", "run", "file", "passing"]

#: Errors that every further file would meet too; a 429 without `Retry-After` is the vendor's word for a
#: subscription that is not active.
FATAL = (
    errors.AuthenticationError,
    errors.PaymentRequiredError,
    errors.PermissionDeniedError,
    errors.RateLimitError,
)

#: Without `Retry-After` it may pass at once.
UNAVAILABLE = HTTPStatus.SERVICE_UNAVAILABLE

THROTTLING = (HTTPStatus.TOO_MANY_REQUESTS, UNAVAILABLE)

#: Statuses after which the same request may succeed later.
_PASSING = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY)


def weigh(error: errors.ComfyAssetsError) -> Weight:
    """How far an error reaches."""
    if error.status_code in THROTTLING and error.retry_after is not None:
        return "throttled"
    if isinstance(error, FATAL):
        return "run"
    is_passing = isinstance(error, (errors.APIConnectionError, errors.InternalServerError))
    return "passing" if is_passing or error.status_code in _PASSING else "file"


@frozen
class Verdict:
    """What an answer makes of a file."""

    outcome: Outcome
    id: str | None = None
    status_code: int | None = None
    reason: str | None = None
    passing: bool = False
    differs: tuple[str, ...] = ()


def of_error(error: errors.ComfyAssetsError) -> Verdict:
    """Of an error that is the file's own."""
    if isinstance(error, errors.NotFoundError):
        return Verdict(Outcome.MISSING, None, error.status_code, error.message)
    return Verdict(Outcome.FAILED, None, error.status_code, str(error), passing=weigh(error) == "passing")


def of_asset(asset: AssetCreated, item: Item, hash_: str, size: int | None) -> Verdict:
    """Of a reference: it has to be to what was read, and may be otherwise than asked."""
    status = asset.call.response.status_code
    wrong = _other_content(asset, hash_, size)
    if wrong is not None:
        return Verdict(Outcome.FAILED, str(asset.id), status, wrong)
    outcome = Outcome.CREATED if asset.created_new else Outcome.EXISTING
    return Verdict(outcome, str(asset.id), status, differs=differences(asset, item))


def _other_content(asset: AssetCreated, hash_: str, size: int | None) -> str | None:
    """Words where the answer is about other content than was asked for; members left out say nothing."""
    answered: Any = asset.size
    if size is not None and type(answered) is int and answered != size:
        return f"the service has {answered} bytes under this hash, the file has {size}"
    algorithm, _, digest = hash_.partition(":")
    stored: Any = asset.asset_hash
    # A service may write its hash without the prefix, or with an ending.
    if algorithm == "blake3" and isinstance(stored, str) and digest not in stored.lower():
        return f"the service answers with other content, {stored[:80]}"
    return None


def differences(asset: AssetCreated, item: Item) -> tuple[str, ...]:
    """The members that the service answered otherwise than they were asked for."""
    found = []
    for member, wanted in _asked(item).items():
        got: Any = getattr(asset, member, UNSET)
        if got is UNSET or got is None or wanted is None:
            continue
        if member == "tags":
            got = sorted(set(map(str, got)))
        # In Python 1, 1.0 and True are equal; in JSON they are not. Texts are what they are, and quicker.
        is_text = member != "user_metadata"
        if got != wanted if is_text else _written(_plain(got)) != _written(wanted):
            found.append(member)
    return tuple(found)


def _asked(item: Item) -> dict[str, Any]:
    return {
        "name": item.name,
        "tags": sorted(set(item.tags)),
        "mime_type": item.mime_type,
        "user_metadata": item.metadata,
    }


def _plain(value: Any) -> Any:
    return dict(value) if hasattr(value, "keys") else value


def _written(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
