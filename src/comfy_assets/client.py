"""The clients: thin shells that send what the contract allows and read what comes.

`AssetsClient` and `AsyncAssetsClient` differ only in how they wait. What a request is, what an
answer means, and which error it becomes is decided once, in `requests` and `answers`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self

import httpx
from comfy_assets_api import AuthenticatedClient, types
from comfy_assets_api.api.asset import create_asset_from_hash as operation

from comfy_assets import answers, defaults, errors, requests
from comfy_assets.hashing import hash_file
from comfy_assets.settings import service

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping

    import httpx

    from comfy_assets.answers import AssetCreated, OnDrift


class _Shared:
    """What both clients are made of."""

    def __init__(
        self,
        api_key: str | None,
        base_url: str | None,
        timeout: float,
        on_drift: OnDrift,
        httpx_args: dict[str, Any],
    ) -> None:
        if on_drift not in answers.ON_DRIFT:
            raise errors.InputError(
                f"on_drift is {on_drift!r}: expected one of {', '.join(answers.ON_DRIFT)}"
            )
        if type(timeout) not in (int, float) or not 0 < timeout < float("inf"):
            raise errors.InputError(f"timeout is {timeout!r}: expected a number of seconds above 0")
        found = service(api_key, base_url)
        self.base_url = found.base_url
        self.timeout = timeout
        self.on_drift = on_drift
        self._api = AuthenticatedClient(
            found.base_url,
            token=found.api_key,
            timeout=timeout,
            headers={"User-Agent": requests.user_agent()},
            httpx_args=httpx_args,
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self.base_url!r})"

    def _read(self, response: httpx.Response) -> AssetCreated:
        return answers.asset_created(types.read_response(response, operation.ANSWERS), self.on_drift)


class AssetsClient(_Shared):
    """Registers content that the service already stores.

    One client, and its connections, can be used by many threads at once.

    Args:
        api_key: the key; by default the environment's `COMFY_CLOUD_API_KEY`.
        base_url: the service; by default the environment's `COMFY_CLOUD_BASE_URL`, else the
            contract's own server. The environment's key is not sent to another one.
        timeout: seconds to wait for a connection, and for each next piece of the answer.
        on_drift: what to do where an answer can be read but deviates from the contract: `"warn"`
            (a `DriftWarning` for each deviation), `"raise"` (`ContractError`) or `"ignore"`.
            The deviations are in `result.call.drift` in each case.
        transport: an httpx transport to send through, for proxies, certificates and tests.

    Raises:
        InputError: there is no key, or an argument cannot be used.
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        timeout: float = defaults.TIMEOUT,
        on_drift: OnDrift = "warn",
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        super().__init__(api_key, base_url, timeout, on_drift, {"transport": transport} if transport else {})

    def create_asset_from_hash(
        self,
        hash: str,  # noqa: A002 - the contract's name
        tags: Iterable[str],
        *,
        name: str | None = None,
        mime_type: str | None = None,
        user_metadata: Mapping[str, Any] | None = None,
    ) -> AssetCreated:
        """Make a reference to content that the service already stores, or get the one that exists.

        Args:
            hash: `"blake3:<64 hex digits>"` or `"sha256:..."`, as `hash_file` gives it.
            tags: at least one, for example `"input"`.
            name: under which the reference is shown.
            mime_type: of the content, for example `"image/png"`.
            user_metadata: any JSON members.

        Returns:
            The reference, with `created_new` and `call`.

        Raises:
            InputError: an argument breaks the contract; nothing was sent.
            NotFoundError: the service does not have this content, or it is not yours: upload it.
            APIStatusError: another status that is no success.
            APIConnectionError: no answer came.
            ContractError: a success that cannot be read.
        """
        arguments = requests.create_asset_from_hash(hash, tags, name, mime_type, user_metadata)
        try:
            response = self._api.get_httpx_client().request(**arguments)
        except Exception as error:  # noqa: BLE001 - sorted out in connection_error
            raise requests.connection_error(error, self.base_url) from None
        return self._read(response)

    def register(
        self,
        path: str | os.PathLike[str],
        tags: Iterable[str],
        *,
        name: str | None = None,
        mime_type: str | None = None,
        user_metadata: Mapping[str, Any] | None = None,
        algorithm: str = defaults.ALGORITHM,
    ) -> AssetCreated:
        """Hash a file and make a reference to its content; nothing is uploaded.

        `name` is by default the file's own, `mime_type` guessed from its ending. Otherwise as
        `create_asset_from_hash`; also raises OSError where the file cannot be read.
        """
        described = requests.describe_file(path, name, mime_type)
        return self.create_asset_from_hash(
            hash_file(path, algorithm), tags, user_metadata=user_metadata, **described
        )

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class AsyncAssetsClient(_Shared):
    """`AssetsClient` for asyncio: the same arguments, results and errors.

    A client belongs to the event loop in which it is first used.
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        timeout: float = defaults.TIMEOUT,
        on_drift: OnDrift = "warn",
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        if transport is None:
            from httpx_aiohttp import AiohttpTransport

            transport = AiohttpTransport()
        super().__init__(api_key, base_url, timeout, on_drift, {"transport": transport})

    async def create_asset_from_hash(
        self,
        hash: str,  # noqa: A002 - the contract's name
        tags: Iterable[str],
        *,
        name: str | None = None,
        mime_type: str | None = None,
        user_metadata: Mapping[str, Any] | None = None,
    ) -> AssetCreated:
        """As `AssetsClient.create_asset_from_hash`."""
        arguments = requests.create_asset_from_hash(hash, tags, name, mime_type, user_metadata)
        try:
            response = await self._api.get_async_httpx_client().request(**arguments)
        except Exception as error:  # noqa: BLE001 - sorted out in connection_error
            raise requests.connection_error(error, self.base_url) from None
        return self._read(response)

    async def register(
        self,
        path: str | os.PathLike[str],
        tags: Iterable[str],
        *,
        name: str | None = None,
        mime_type: str | None = None,
        user_metadata: Mapping[str, Any] | None = None,
        algorithm: str = defaults.ALGORITHM,
    ) -> AssetCreated:
        """As `AssetsClient.register`; the file is read in a thread."""
        described = requests.describe_file(path, name, mime_type)
        hash_ = await asyncio.to_thread(hash_file, path, algorithm)
        return await self.create_asset_from_hash(hash_, tags, user_metadata=user_metadata, **described)

    async def close(self) -> None:
        """Close the connections."""
        await self._api.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()
