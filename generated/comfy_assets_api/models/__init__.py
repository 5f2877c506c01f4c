# Generated from openapi.yaml and overrides/. Do not edit: change those, then run ./generate.sh
"""The models of the contract."""

from .asset_created import AssetCreated
from .create_asset_from_hash_request import CreateAssetFromHashRequest
from .error_response import ErrorResponse

__all__ = (
    "AssetCreated",
    "CreateAssetFromHashRequest",
    "ErrorResponse",
)
