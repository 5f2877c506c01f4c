"""What each operation of the contract does, found by its operationId."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Protocol

from comfy_assets.server.answers import Outcome, asset_created
from comfy_assets.server.batching import Batches
from comfy_assets.server.references import ACCESS_LAG, Reference, References, Wanted
from comfy_assets.server.requests import RefusedError
from comfy_assets.server.tables import now

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from comfy_assets.server.store import Store

#: Threads that read at once. Python runs one at a time; a second one made smaller batches, a fifth dearer.
READERS = 1
#: References that a process remembers, with their answers, and characters of the largest: usually some 20 MB.
KNOWN = 10_000
LARGEST_KNOWN = 2048


class Handler(Protocol):
    """One operation: takes the owner and the judged request, gives what came of it."""

    def samples(self) -> Mapping[int, dict[str, Any]]:  # pyright: ignore[reportReturnType] # a protocol
        """What it would say with each status, to hold against the contract before anybody asks."""

    async def __call__(self, owner: int, request: Any, **parameters: Any) -> Outcome:  # pyright: ignore[reportReturnType] # a protocol
        """Carry out a request, its parameters by name; `RefusedError` where it cannot be."""


class CreateAssetFromHash:
    """The same owner, content and name is the same reference, however often it is asked for."""

    def __init__(self, store: Store) -> None:
        references = References(store)
        self._finding = Batches(references.find, READERS)
        self._making = Batches(references.refer, references.writers)
        # References as they were last read, oldest first. They are permanent and do not change but in
        # when they were last asked for, which is read again once it lags.
        self._known: dict[tuple[int, str, str | None], tuple[int, Outcome]] = {}

    def samples(self) -> Mapping[int, dict[str, Any]]:
        """A reference told again, and one just made."""
        sample = Reference(
            id=str(uuid.UUID(int=0)),
            name="a",
            blake3="blake3:" + 64 * "0",
            mime_type="text/plain",
            tags="[]",
            user_metadata="{}",
            created_at=0,
            updated_at=0,
            last_access_time=0,
            size=0,
        )
        return {200: asset_created(sample, created_new=False), 201: asset_created(sample, created_new=True)}

    async def __call__(self, owner: int, request: Any, **_parameters: Any) -> Outcome:
        """Look first, write only where that did not settle it."""
        wanted = Wanted(
            hash=request["hash"],
            tags=request["tags"],
            name=request.get("name"),
            mime_type=request.get("mime_type"),
            user_metadata=request.get("user_metadata"),
        )
        asked = (owner, wanted.hash, wanted.name)
        known = self._known.get(asked)
        if known and now() - known[0] < ACCESS_LAG:
            return known[1]
        found = await self._finding.ask((owner, wanted))
        if found.settled:
            result = found.reference and (found.reference, False)
        else:
            result = await self._making.ask((owner, wanted))
        if not result:
            raise RefusedError(404, "no stored content has this hash")
        reference, created = result
        outcome = Outcome(201 if created else 200, asset_created(reference, created_new=created))
        if found.settled:
            self._remember(asked, reference, outcome)
        return outcome

    def _remember(self, asked: tuple[int, str, str | None], reference: Reference, outcome: Outcome) -> None:
        size = len(reference.name) + len(reference.tags) + len(reference.user_metadata)
        if size > LARGEST_KNOWN:
            return
        if len(self._known) >= KNOWN:
            del self._known[next(iter(self._known))]
        self._known[asked] = reference.last_access_time, outcome


#: Operations by operationId. One that the contract has and this table has not answers 501.
HANDLERS: dict[str, Callable[[Store], Handler]] = {"createAssetFromHash": CreateAssetFromHash}
