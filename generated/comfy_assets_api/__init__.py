# Generated from openapi.yaml and overrides/. Do not edit: change those, then run ./generate.sh
"""The client that is generated from the contract: attrs models and httpx calls."""

from .client import AuthenticatedClient, Client

#: SHA-256 of the openapi.yaml that this package was generated from.
CONTRACT_DIGEST = "503b304760741fa830ee410cb4d00545195df96894eba8b45f7d6491ea37ad55"
#: `info.version` of the contract.
CONTRACT_VERSION = "1.0.0"

__all__ = (
    "CONTRACT_DIGEST",
    "CONTRACT_VERSION",
    "AuthenticatedClient",
    "Client",
)
