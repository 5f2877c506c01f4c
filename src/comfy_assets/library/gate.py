"""All requests wait together: the service's `Retry-After` is meant for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define

if TYPE_CHECKING:
    from comfy_assets.clock import Clock


@define
class Gate:
    """Closed until a moment. `patience`: seconds that the service may put off all requests on end."""

    clock: Clock
    patience: float
    _opens: float = 0.0
    #: Since when there was nothing but refusals; None after an answer.
    _since: float | None = None

    async def wait(self) -> None:
        """Return when it is open."""
        # It may be closed again meanwhile.
        while (left := self._opens - self.clock.now()) > 0:
            await self.clock.sleep_async(left)

    def close(self, seconds: float) -> float:
        """The service asks to wait; returns by how much later the gate opens, which is 0 where it knew."""
        now = self.clock.now()
        self._since = now if self._since is None else self._since
        later = now + seconds - max(self._opens, now)
        self._opens = max(self._opens, now + seconds)
        return max(0.0, later)

    def answered(self) -> None:
        """The service acts again."""
        self._since = None

    @property
    def is_hopeless(self) -> bool:
        """Whether the service would have put off everything for longer than `patience`."""
        return self._since is not None and self._opens - self._since > self.patience
