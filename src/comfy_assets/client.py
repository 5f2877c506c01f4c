"""The clients: thin shells that send what the contract allows and read what comes.

`AssetsClient` and `AsyncAssetsClient` differ only in how they wait. What a request is, what an
answer means, which error it becomes, and whether it is asked again is decided once, in `requests`,
`answers` and `calls`.
"""

from __future__ import annotations

import asyncio
import copy
import os
from typing import TYPE_CHECKING, Any, Self, Unpack

from attrs import evolve, field, frozen

from comfy_assets import answers, defaults, errors, exchanges, options, requests, settings
from comfy_assets.calls import Conversation, Limits
from comfy_assets.hashing import hash_file
from comfy_assets.options import Changes, Options
from comfy_assets.retrying import Budget
from comfy_assets.transports import Transport
from comfy_assets.transports_async import AsyncTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import httpx
    from comfy_assets_api.client import KeyInHeader
    from comfy_assets_api.errors import Problem

    from comfy_assets.answers import AssetCreated, OnDrift
    from comfy_assets.clock import Clock
    from comfy_assets.retrying import Attempt, RetryPolicy


@frozen
class _Shared:
    """What a client and the copies that `with_options` makes of it have in common."""

    service: settings.Service
    transport: Any
    #: By process and size: a child has its own, whose lock no thread of the parent can hold.
    budgets: dict[tuple[int, int], Budget] = field(factory=dict)
    kinds_of_drift: set[tuple[str, ...]] = field(factory=set)
    closed: list[bool] = field(factory=lambda: [False])

    def budget(self, options: Options) -> Budget:
        """The repeats that all calls of this process may draw."""
        size = 0 if options.retry is None else options.retry.budget
        which = (os.getpid(), size)
        return self.budgets.get(which) or self.budgets.setdefault(which, Budget(size, options.clock))


class _Client:
    """What both clients are made of."""

    _shared: _Shared
    _options: Options
    _is_copy = False

    def __repr__(self) -> str:
        # Also of one whose making failed: tracebacks are logged with their local variables.
        shared = getattr(self, "_shared", None)
        return f"{type(self).__name__}(base_url={shared and shared.service.base_url!r})"

    @property
    def base_url(self) -> str:
        """The service's address."""
        return self._shared.service.base_url

    @property
    def timeout(self) -> float:
        """Seconds for a whole call."""
        return self._options.timeout

    def with_options(self, **changes: Unpack[Changes]) -> Self:
        """A copy with other options: `timeout`, `retry`, `on_drift`, `attempt_hook`, `drift_hook`.

        This one stays as it is. Both use the same connections and the same budget of repeats; only
        closing the first one closes the connections.

        Raises InputError for an option that is none, or cannot be used.
        """
        unknown = sorted(set(changes) - set(Changes.__annotations__))
        if unknown:
            raise errors.InputError(
                f"with_options cannot change {', '.join(unknown)}: expected some of "
                f"{', '.join(Changes.__annotations__)}; for anything else make another client"
            )
        made = copy.copy(self)
        vars(made).update(_options=evolve(self._options, **changes), _is_copy=True)
        return made

    def _set_up(
        self, key: KeyInHeader | None, base_url: str | None, transport: Any, options: Options
    ) -> None:
        self._options = options
        self._shared = _Shared(settings.service(key, base_url), transport)

    def _conversation(self) -> Conversation:
        if self._shared.closed[0]:
            raise errors.InputError("the client is closed")
        options = self._options
        limits = Limits(options.timeout, options.retry)
        return Conversation(limits, options.clock, self._shared.budget(options), options.attempt_hook)

    def _conclude(self, exchange: exchanges.Exchange, talk: Conversation) -> AssetCreated:
        options, shared = self._options, self._shared
        policy = answers.DriftPolicy(options.on_drift, options.drift_hook, shared.kinds_of_drift)
        return answers.conclude(exchange, talk.attempts, shared.service.base_url, policy)


class AssetsClient(_Client):
    """Registers content that the service already stores.

    One client, and its connections, can be used by many threads at once.

    Args:
        api_key: the key; by default the environment's `COMFY_CLOUD_API_KEY`.
        base_url: the service; by default the environment's `COMFY_CLOUD_BASE_URL`, else the
            contract's own server. The environment's key is not sent to another one.
        timeout: seconds for a whole call, from its begin to its end: connecting, waiting, repeats. What
            it cannot cut short: the look-up of the host's name, and waits of a transport of your own.
        retry: when a call is attempted again; None for never.
        on_drift: what to do where an answer can be read but deviates from the contract: `"warn"`
            (a `DriftWarning`, once for each kind of deviation), `"raise"` (`ContractError`) or
            `"ignore"`. The deviations are in `result.call.drift` in each case.
        transport: how connections are made: a `Transport`, for a proxy or for certificates of your own,
            or any other httpx transport. The client closes it.
        attempt_hook: called with the `Attempt` after each one, for metrics and tracing. It holds no key.
        drift_hook: called with each deviation of each answer.
        clock: time and chance, for tests.

    A client can be used after a fork: the child makes connections of its own.

    Raises:
        InputError: there is no key, or an argument cannot be used.
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        timeout: float = defaults.TIMEOUT,
        retry: RetryPolicy | None = options.RETRY,
        on_drift: OnDrift = "warn",
        transport: httpx.BaseTransport | None = None,
        attempt_hook: Callable[[Attempt], object] | None = None,
        drift_hook: Callable[[Problem], object] | None = None,
        clock: Clock = options.CLOCK,
    ) -> None:
        key = settings.hidden(api_key)
        # What is raised from here on must not have it as a local variable.
        del api_key
        chosen = Options(
            timeout=timeout,
            retry=retry,
            on_drift=on_drift,
            attempt_hook=attempt_hook,
            drift_hook=drift_hook,
            clock=clock,
        )
        self._set_up(key, base_url, exchanges.usable(transport, Transport, "handle_request"), chosen)

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
        arguments = requests.create_asset_from_hash(self.base_url, hash, tags, name, mime_type, user_metadata)
        return self._conclude(*self._called(arguments))

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

    def _called(self, arguments: Mapping[str, Any]) -> tuple[exchanges.Exchange, Conversation]:
        """The attempts of one call of any operation, up to the last one."""
        shared, talk = self._shared, self._conversation()
        while True:
            exchange = exchanges.exchange(shared.transport, arguments, shared.service.key, talk.seconds())
            wait = talk.after(exchange)
            if wait is None:
                return exchange, talk
            self._options.clock.sleep(wait)

    def close(self) -> None:
        """Close the connections; a copy leaves them open."""
        if not self._is_copy:
            self._shared.closed[0] = True
            self._shared.transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class AsyncAssetsClient(_Client):
    """`AssetsClient` for asyncio: the same arguments, results and errors.

    It can be used in one event loop after the other, and in several: each has connections of its own.
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        timeout: float = defaults.TIMEOUT,
        retry: RetryPolicy | None = options.RETRY,
        on_drift: OnDrift = "warn",
        transport: httpx.AsyncBaseTransport | None = None,
        attempt_hook: Callable[[Attempt], object] | None = None,
        drift_hook: Callable[[Problem], object] | None = None,
        clock: Clock = options.CLOCK,
    ) -> None:
        key = settings.hidden(api_key)
        # What is raised from here on must not have it as a local variable.
        del api_key
        chosen = Options(
            timeout=timeout,
            retry=retry,
            on_drift=on_drift,
            attempt_hook=attempt_hook,
            drift_hook=drift_hook,
            clock=clock,
        )
        self._set_up(
            key, base_url, exchanges.usable(transport, AsyncTransport, "handle_async_request"), chosen
        )

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
        arguments = requests.create_asset_from_hash(self.base_url, hash, tags, name, mime_type, user_metadata)
        return self._conclude(*await self._called(arguments))

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

    async def _called(self, arguments: Mapping[str, Any]) -> tuple[exchanges.Exchange, Conversation]:
        """As `AssetsClient._called`."""
        shared, talk = self._shared, self._conversation()
        while True:
            exchange = await exchanges.exchange_async(
                shared.transport, arguments, shared.service.key, talk.seconds()
            )
            wait = talk.after(exchange)
            if wait is None:
                return exchange, talk
            await self._options.clock.sleep_async(wait)

    async def close(self) -> None:
        """Close the connections; a copy leaves them open."""
        if not self._is_copy:
            self._shared.closed[0] = True
            await self._shared.transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()
