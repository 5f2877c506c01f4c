"""Scenarios for the keys of a running server, from Python: what `comfy-assets scenario` does.

    with Scenarios("sqlite:///references.db") as scenarios:
        key = scenarios.bind("outcome-unknown")
        ...  # run the client with this key
        print(scenarios.show(key))

Needs the extra `server`, and a server with `--scenarios` on the same database.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Self

from comfy_assets import specification
from comfy_assets.errors import InputError
from comfy_assets.scenarios import steps
from comfy_assets.server import keys
from comfy_assets.server.bindings import Bindings, describe
from comfy_assets.server.store import Store

if TYPE_CHECKING:
    from types import TracebackType


class Scenarios:
    """The scenarios in one database; a context manager. Raises `StoreError` where it cannot be used."""

    def __init__(self, database: str) -> None:
        self._contract = specification.load()
        self._store = Store(database)
        self._bindings = Bindings(self._store, self._contract)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._store.close()

    def bind(
        self, scenario: str | list[Any] | dict[str, Any], api_key: str | None = None, *, seed: int = 0
    ) -> str:
        """Bind a scenario, by its name or as what a file would hold, to a key; returns the key.

        Without one a key is made, which takes a second: until then the server may not know it.
        Raises InputError for a scenario that is none and a key that no server on this database knows.
        """
        try:
            read = (
                steps.scenario(self._contract, scenario)
                if isinstance(scenario, str)
                else steps.from_value(self._contract, scenario, "scenario")
            )
        except steps.ScenarioError as error:
            raise InputError(str(error)) from None
        if api_key is not None:
            self._bindings.bind(self._owner(api_key), read, seed)
            return api_key
        made = keys.make_key()
        self._bindings.bind(keys.add_key(self._store, made, f"scenario {read.name}").id, read, seed)
        time.sleep(keys.REFRESH)
        return made

    def show(self, api_key: str) -> dict[str, Any]:
        """Steps with `used`, the number of `requests`, and the references `committed` since it was bound.

        Raises InputError where nothing is bound.
        """
        found = self._bindings.find(self._owner(api_key))
        if found is None:
            raise InputError("no scenario is bound to this key")
        return describe(found) | {"committed": self._bindings.committed(found)}

    def unbind(self, api_key: str) -> bool:
        """Let the server answer by itself again; whether there was something to take away."""
        return self._bindings.unbind(self._owner(api_key))

    def _owner(self, api_key: str) -> int:
        owner = keys.known_owner(self._store, api_key)
        if owner is None:
            raise InputError("no server on this database was started with this key, and it was not added")
        return owner
