# Generated from openapi.yaml and overrides/. Do not edit: change those, then run ./generate.sh
from __future__ import annotations

from typing import Any, Final

from ... import models, types
from ...client import AuthenticatedClient
from ...types import Response

BODY: Final = types.Body(
    "application/json", types.Object(lambda: models.CreateAssetFromHashRequest), required=True
)

#: What the contract documents, in the order in which it applies.
ANSWERS: Final[tuple[types.Answer, ...]] = (
    types.Answer(200, 200, "application/json", types.Object(lambda: models.AssetCreated)),
    types.Answer(201, 201, "application/json", types.Object(lambda: models.AssetCreated)),
    types.Answer(400, 400, "application/json", types.Object(lambda: models.ErrorResponse)),
    types.Answer(401, 401, "application/json", types.Object(lambda: models.ErrorResponse)),
    types.Answer(404, 404, "application/json", types.Object(lambda: models.ErrorResponse)),
    types.Answer(500, 500, "application/json", types.Object(lambda: models.ErrorResponse)),
)


def request_arguments(
    *,
    body: models.CreateAssetFromHashRequest,
) -> dict[str, Any]:
    """The request, as arguments for `httpx.Client.request`; errors.InvalidValue where it breaks the contract."""
    return types.request_arguments(
        "POST",
        "/api/assets/from-hash",
        body=BODY,
        content=body,
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: models.CreateAssetFromHashRequest,
) -> Response[models.AssetCreated | models.ErrorResponse]:
    """Create an asset reference from an existing hash

    Makes a reference to content that the service already stores, found by its hash, and gives it
    your name, tags and metadata. Where the reference exists already, it is returned.

    Raises:
        errors.InvalidValue: What is to be sent breaks the contract; nothing was sent.
        httpx.HTTPError: No answer came, or it broke off.
    """
    response = client.get_httpx_client().request(
        **request_arguments(
            body=body,
        )
    )
    return types.read_response(response, ANSWERS)


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: models.CreateAssetFromHashRequest,
) -> Response[models.AssetCreated | models.ErrorResponse]:
    """Create an asset reference from an existing hash

    Makes a reference to content that the service already stores, found by its hash, and gives it
    your name, tags and metadata. Where the reference exists already, it is returned.

    Raises:
        errors.InvalidValue: What is to be sent breaks the contract; nothing was sent.
        httpx.HTTPError: No answer came, or it broke off.
    """
    response = await client.get_async_httpx_client().request(
        **request_arguments(
            body=body,
        )
    )
    return types.read_response(response, ANSWERS)


def sync(
    *,
    client: AuthenticatedClient,
    body: models.CreateAssetFromHashRequest,
) -> models.AssetCreated | models.ErrorResponse:
    """Create an asset reference from an existing hash

    Makes a reference to content that the service already stores, found by its hash, and gives it
    your name, tags and metadata. Where the reference exists already, it is returned.

    Raises:
        errors.InvalidValue: What is to be sent breaks the contract; nothing was sent.
        httpx.HTTPError: No answer came, or it broke off.
        errors.UnexpectedAnswer: The contract does not document the answer, or it cannot be read.
    """
    return types.parsed(
        sync_detailed(
            client=client,
            body=body,
        ),
        ANSWERS,
    )


async def asyncio(
    *,
    client: AuthenticatedClient,
    body: models.CreateAssetFromHashRequest,
) -> models.AssetCreated | models.ErrorResponse:
    """Create an asset reference from an existing hash

    Makes a reference to content that the service already stores, found by its hash, and gives it
    your name, tags and metadata. Where the reference exists already, it is returned.

    Raises:
        errors.InvalidValue: What is to be sent breaks the contract; nothing was sent.
        httpx.HTTPError: No answer came, or it broke off.
        errors.UnexpectedAnswer: The contract does not document the answer, or it cannot be read.
    """
    return types.parsed(
        await asyncio_detailed(
            client=client,
            body=body,
        ),
        ANSWERS,
    )
