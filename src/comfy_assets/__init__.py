"""Register files with Comfy Cloud by their hash, without uploading them.

    from comfy_assets import AssetsClient

    with AssetsClient() as client:
        asset = client.register("portrait.png", ["input"])

Names are imported when they are first used: the command line starts without the HTTP library.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from comfy_assets._version import __version__

if TYPE_CHECKING:
    from comfy_assets_api.types import UNSET

    from comfy_assets.answers import AssetCreated, Call, DriftWarning
    from comfy_assets.client import AssetsClient, AsyncAssetsClient
    from comfy_assets.clock import Clock
    from comfy_assets.errors import (
        APIConnectionError,
        APIStatusError,
        APITimeoutError,
        AuthenticationError,
        BadRequestError,
        ComfyAssetsError,
        ConflictError,
        ContractError,
        InputError,
        InternalServerError,
        NotFoundError,
        PaymentRequiredError,
        PermissionDeniedError,
        RateLimitError,
        UnprocessableEntityError,
    )
    from comfy_assets.exchanges import RawResponse
    from comfy_assets.hashing import hash_file
    from comfy_assets.retrying import Attempt, RetryPolicy
    from comfy_assets.settings import InsecureConnectionWarning
    from comfy_assets.transports import Transport
    from comfy_assets.transports_async import AsyncTransport

_HOMES = {
    "comfy_assets.answers": ("AssetCreated", "Call", "DriftWarning"),
    "comfy_assets.client": ("AssetsClient", "AsyncAssetsClient"),
    "comfy_assets.errors": (
        "APIConnectionError",
        "APIStatusError",
        "APITimeoutError",
        "AuthenticationError",
        "BadRequestError",
        "ComfyAssetsError",
        "ConflictError",
        "ContractError",
        "InputError",
        "InternalServerError",
        "NotFoundError",
        "PaymentRequiredError",
        "PermissionDeniedError",
        "RateLimitError",
        "UnprocessableEntityError",
    ),
    "comfy_assets.clock": ("Clock",),
    "comfy_assets.exchanges": ("RawResponse",),
    "comfy_assets.hashing": ("hash_file",),
    "comfy_assets.retrying": ("Attempt", "RetryPolicy"),
    "comfy_assets.settings": ("InsecureConnectionWarning",),
    "comfy_assets.transports": ("Transport",),
    "comfy_assets.transports_async": ("AsyncTransport",),
    "comfy_assets_api.types": ("UNSET",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "UNSET",
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "AssetCreated",
    "AssetsClient",
    "AsyncAssetsClient",
    "AsyncTransport",
    "Attempt",
    "AuthenticationError",
    "BadRequestError",
    "Call",
    "Clock",
    "ComfyAssetsError",
    "ConflictError",
    "ContractError",
    "DriftWarning",
    "InputError",
    "InsecureConnectionWarning",
    "InternalServerError",
    "NotFoundError",
    "PaymentRequiredError",
    "PermissionDeniedError",
    "RateLimitError",
    "RawResponse",
    "RetryPolicy",
    "Transport",
    "UnprocessableEntityError",
    "__version__",
    "hash_file",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
