"""Which scenario is bound to which key, and how many requests came with it: kept in the database.

The table is made when it is first needed: a database of a server without scenarios has none. A number is
given by one statement, so that any number of processes agree on it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from attrs import frozen

from comfy_assets.scenarios import steps
from comfy_assets.server.tables import REFERENCE, now

if TYPE_CHECKING:
    from collections.abc import Iterable

    from comfy_assets.scenarios.steps import Scenario, Step
    from comfy_assets.server.store import Store
    from comfy_assets.specification import Contract

#: Stands for requests without a valid key, beside the owners.
WITHOUT_KEY: Final = 0
#: References that are told at once.
_SHOWN: Final = 1000
#: Steps that are told of a long scenario.
_STEPS_SHOWN: Final = 20

_METADATA = sa.MetaData()
_SCENARIO = sa.Table(
    "scenario",
    _METADATA,
    sa.Column("owner_id", sa.Integer, primary_key=True, autoincrement=False),
    # What it was when it was bound, whole: a file may change later, and is not there for the server.
    sa.Column("definition", sa.Text, nullable=False),
    sa.Column("seed", sa.BigInteger, nullable=False),
    sa.Column("requests", sa.BigInteger, nullable=False),
    # Microseconds since 1970.
    sa.Column("bound_at", sa.BigInteger, nullable=False),
)


@frozen
class Bound:
    """A scenario that is bound to a key's owner, and how many requests have come since."""

    owner: int
    scenario: Scenario
    seed: int
    requests: int
    bound_at: int

    def step(self, number: int) -> Step:
        """The step of a request."""
        return self.scenario.step(self.seed, number)


class Bindings:
    """The bindings in one database."""

    def __init__(self, store: Store, contract: Contract) -> None:
        self._store = store
        self._contract = contract
        self._read: dict[str, Scenario] = {}
        with store.writing() as connection:
            store.database.prepare(connection)
            _METADATA.create_all(connection)

    def bind(self, owner: int, scenario: Scenario, seed: int) -> Bound:
        """Bind a scenario to an owner, from its first step on; one that was bound before is replaced."""
        row = {
            "owner_id": owner,
            "definition": json.dumps(steps.to_value(scenario)),
            "seed": seed,
            "requests": 0,
            "bound_at": now(),
        }
        with self._store.writing() as connection:
            insert = self._store.insert(_SCENARIO).values(row)
            connection.execute(insert.on_conflict_do_update(index_elements=["owner_id"], set_=row))
        return Bound(owner, scenario, seed, 0, int(row["bound_at"]))  # type: ignore[call-overload] # it is a number

    def unbind(self, owner: int) -> bool:
        """Whether there was one to take away."""
        with self._store.writing() as connection:
            return bool(
                connection.execute(sa.delete(_SCENARIO).where(_SCENARIO.c.owner_id == owner)).rowcount
            )

    def find(self, owner: int) -> Bound | None:
        """What is bound to an owner."""
        with self._store.engine.connect() as connection:
            row = connection.execute(sa.select(_SCENARIO).where(_SCENARIO.c.owner_id == owner)).first()
        return None if row is None else self._bound(row)

    def all(self) -> list[Bound]:
        """Everything that is bound."""
        with self._store.engine.connect() as connection:
            rows = connection.execute(sa.select(_SCENARIO).order_by(_SCENARIO.c.owner_id)).all()
        return [self._bound(row) for row in rows]

    def next_step(self, owner: int) -> tuple[int, Step, Bound] | None:
        """Give the next request of an owner its number, and its step; None where nothing is bound."""
        if self.find(owner) is None:  # reading is cheap, and most keys have none
            return None
        count = (
            sa.update(_SCENARIO)
            .where(_SCENARIO.c.owner_id == owner)
            .values(requests=_SCENARIO.c.requests + 1)
            .returning(*_SCENARIO.c)
        )
        with self._store.writing() as connection:
            row = connection.execute(count).first()
        if row is None:
            return None
        bound = self._bound(row)
        return bound.requests, bound.step(bound.requests), bound

    def committed(self, bound: Bound) -> list[dict[str, Any]]:
        """The references that were made for the owner since it was bound, oldest first."""
        query = (
            sa.select(REFERENCE.c.id, REFERENCE.c.name, REFERENCE.c.blake3, REFERENCE.c.tags)
            .where(REFERENCE.c.owner_id == bound.owner, REFERENCE.c.created_at >= bound.bound_at)
            .order_by(REFERENCE.c.created_at)
            .limit(_SHOWN)
        )
        with self._store.engine.connect() as connection:
            rows: Iterable[Any] = connection.execute(query).all()
        return [
            {"id": row.id, "name": row.name, "asset_hash": row.blake3, "tags": json.loads(row.tags)}
            for row in rows
        ]

    def _bound(self, row: Any) -> Bound:
        scenario = self._read.get(row.definition)
        if scenario is None:
            value = json.loads(row.definition)
            scenario = steps.from_value(self._contract, value, value["name"])
            self._read = {**self._read, row.definition: scenario} if len(self._read) < _SHOWN else {}
        return Bound(row.owner_id, scenario, row.seed, row.requests, row.bound_at)


def describe(bound: Bound) -> dict[str, Any]:
    """What is bound, in plain values: the steps that were used last, and those that come."""
    first = max(1, bound.requests - _STEPS_SHOWN + 1)
    last = max(bound.requests + 1, min(len(bound.scenario.steps), first + _STEPS_SHOWN))
    return {
        "scenario": bound.scenario.name,
        "owner": bound.owner,
        "seed": bound.seed,
        "requests": bound.requests,
        "then": bound.scenario.then,
        "steps": [
            {"number": number, "step": str(bound.step(number)), "used": number <= bound.requests}
            for number in range(first, last + 1)
        ],
    }
