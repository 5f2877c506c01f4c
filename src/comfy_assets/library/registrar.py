"""The third stage: a hash becomes a reference; the journal has the answer before anybody hears of it."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Final, TypeAlias

from attrs import Factory, define

from comfy_assets import errors
from comfy_assets.library import verdicts
from comfy_assets.library.events import FileDone, Outcome, Waiting
from comfy_assets.library.hashers import CHANGED, Hashed, ended
from comfy_assets.library.journal import Answered, Key, asked

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from comfy_assets.client import AsyncAssetsClient
    from comfy_assets.library.events import Event
    from comfy_assets.library.gate import Gate
    from comfy_assets.library.memory import Memory
    from comfy_assets.library.verdicts import Verdict

#: How often a request is sent again after a 503 that does not say when to come back, and the first wait.
_UNSAID: Final = 3
_UNSAID_SECONDS: Final = 0.5


#: What the journal has, by key.
Answers: TypeAlias = "Mapping[Key, Answered]"


class StopRunError(Exception):
    """Every further file would meet this error too."""

    def __init__(self, cause: errors.ComfyAssetsError) -> None:
        super().__init__(str(cause))
        self.cause = cause


class StaleError(Exception):
    """The hash of a file is not its own (any more): it has to be read again."""


@define
class Registrar:
    """Registers what is hashed, any number at once in one event loop."""

    client: AsyncAssetsClient
    memory: Memory
    gate: Gate
    tell: Callable[[Event], Awaitable[None]]
    #: So many calls in a row without any answer end the run.
    bearable: int
    began: float
    #: How many files are at most looked up before one, and answered after that.
    ahead: int
    recheck: bool = False
    requests: int = 0
    answers: int = 0
    silent: int = 0
    last_silence: errors.ComfyAssetsError | None = None
    _flying: dict[Key, asyncio.Event] = Factory(dict)
    #: The last that were answered.
    _recent: dict[Key, None] = Factory(dict)

    def known(self, hashed: Iterable[Hashed]) -> Answers:
        """What the journal has for files. For any thread."""
        return self.memory.journal.get([self._key(one) for one in hashed])

    def looked_up(self, hashed: Hashed, answers: Answers) -> FileDone | None:
        """The end of a file that was answered; None where the service has to be asked.

        Raises StaleError where the hash is not the file's own (any more). For any thread.
        """
        known = answers.get(self._key(hashed))
        if known is None or known.asked != asked(hashed.item) or self._is_old(known):
            return None
        if not hashed.is_current() or not _believed(hashed, known.size):
            raise StaleError
        verdict = verdicts.Verdict(Outcome.EXISTING, known.id, known.status_code, differs=known.differs)
        return _done(hashed, verdict, is_asked=False, size=known.size)

    async def register(self, hashed: Hashed) -> FileDone:
        """The end of a file that was looked up and is not known.

        Raises StaleError as `looked_up`, and StopRunError for what ends the run.
        """
        key = self._key(hashed)
        # Two files of one content, name and tags are one reference: one asks, the other hears of it.
        while key in self._flying:
            await self._flying[key].wait()
        # What was answered since this one was looked up.
        known = self.looked_up(hashed, self.known([hashed])) if key in self._recent else None
        if known is not None:
            return known
        self._flying[key] = asyncio.Event()
        try:
            return await self._register(key, hashed)
        finally:
            self._flying.pop(key).set()

    def _key(self, hashed: Hashed) -> Key:
        return Key.of(self.client.base_url, self.memory.owner, hashed.hash, hashed.item)

    async def _register(self, key: Key, hashed: Hashed) -> FileDone:
        verdict, size = await self._ask(hashed)
        if verdict.status_code is not None:
            row = Answered(
                asked(hashed.item), verdict.outcome, verdict.id, verdict.status_code, verdict.differs, size
            )
            await self.memory.journal.record(key, row, os.fsencode(hashed.item.path))
            self._remember(key)
        if verdict.id is not None and not _believed(hashed, size):
            raise StaleError
        return _done(hashed, verdict, is_asked=True, size=size)

    def _is_old(self, known: Answered) -> bool:
        return self.recheck and known.at < self.began

    def _remember(self, key: Key) -> None:
        self._recent[key] = None
        if len(self._recent) > self.ahead:
            del self._recent[next(iter(self._recent))]

    async def _ask(self, hashed: Hashed) -> tuple[Verdict, int | None]:
        """What the service says, and how many bytes it has; StaleError where the file changed meanwhile."""
        item, unsaid = hashed.item, 0
        while True:
            await self.gate.wait()
            if not hashed.is_current():
                raise StaleError
            self.requests += 1
            try:
                asset = await self.client.create_asset_from_hash(
                    hashed.hash,
                    item.tags,
                    name=item.name,
                    mime_type=item.mime_type,
                    user_metadata=item.metadata,
                )
            except errors.InputError as error:
                self.requests -= 1
                return verdicts.of_error(error), None
            except errors.ComfyAssetsError as error:
                if await self._may_repeat(error, unsaid):
                    unsaid += error.retry_after is None
                    continue
                return verdicts.of_error(error), None
            self._answered()
            size = asset.size if type(asset.size) is int else None
            return verdicts.of_asset(
                asset, item, hashed.hash, None if hashed.look is None else hashed.look.size
            ), size

    async def _may_repeat(self, error: errors.ComfyAssetsError, unsaid: int) -> bool:
        """Whether the request is sent again; raises StopRunError where no request has any use."""
        weight = verdicts.weigh(error)
        if weight == "run":
            raise StopRunError(error)
        if weight == "throttled":
            await self._wait(error, error.retry_after or 0.0)
            return True
        if isinstance(error, errors.APIConnectionError):
            self.silent, self.last_silence = self.silent + 1, error
            if self.silent >= self.bearable:
                raise StopRunError(error)
            return False
        if error.status_code == verdicts.UNAVAILABLE and unsaid < _UNSAID:
            await self._wait(error, _UNSAID_SECONDS * 2**unsaid)
            return True
        self._answered()
        return False

    async def _wait(self, error: errors.ComfyAssetsError, seconds: float) -> None:
        later = self.gate.close(seconds)
        if self.gate.is_hopeless:
            raise StopRunError(error)
        if later > 0:
            await self.tell(Waiting(seconds, error.status_code or 0))

    def _answered(self) -> None:
        self.answers, self.silent = self.answers + 1, 0
        self.gate.answered()


def _believed(hashed: Hashed, size: int | None) -> bool:
    """Whether a digest that a list gave may be the file's: while the service's content has its size."""
    return hashed.source != "list" or hashed.look is None or size in (None, hashed.look.size)


def _done(hashed: Hashed, verdict: Verdict, *, is_asked: bool, size: int | None) -> FileDone:
    return ended(
        hashed.item,
        verdict.outcome,
        verdict.reason,
        passing=verdict.passing,
        size=size if hashed.look is None else hashed.look.size,
        hash=hashed.hash,
        source=hashed.source,
        why=hashed.why,
        note=hashed.note,
        id=verdict.id,
        asked=is_asked,
        status_code=verdict.status_code,
        differs=verdict.differs,
    )


def changed(hashed: Hashed) -> FileDone:
    """The end of a file that changed each time after it was read."""
    return ended(hashed.item, Outcome.CHANGED, CHANGED, passing=True)
