"""A record of runs, read: what rules look at. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define

from comfy_assets.contract.clients.record import ENDED, ClientRecord, Run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from comfy_assets.contract.facts import Facts

_SHOWN = 200


@define
class ClientHistory:
    """The runs of the plan, or those of one replay."""

    record: ClientRecord
    runs: list[Run]

    @property
    def facts(self) -> Facts:
        """The contract's."""
        return self.record.facts

    @property
    def ended(self) -> list[Run]:
        """Runs that ended by themselves."""
        return [run for run in self.runs if run.ended == ENDED]

    def of(self, rule: str) -> Iterator[Run]:
        """Runs of a rule's own scenarios that count: their request was seen."""
        return (run for run in self.runs if run.rule == rule and run.asks)

    def end(self, run: Run) -> str:
        """How a run ended, in words."""
        how = f"exit status {run.status}" if run.status is not None else f"no end within {run.seconds:.0f} s"
        return f"{how}; {self.why(run)}"

    def why(self, run: Run) -> str:
        """What it said about it."""
        lines = [line.strip() for line in run.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
        return f"stderr ends: {lines[-1][:_SHOWN]}" if lines else "nothing on stderr"

    def ask_of(self, run: Run) -> str:
        """What was asked, in a few words."""
        hash_ = str(run.asked.get("hash", "")).partition(":")[0]
        return f"{hash_}, {' '.join(name for name in run.asked if name != 'hash')}"
