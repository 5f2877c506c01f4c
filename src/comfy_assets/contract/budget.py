"""How many references a run may leave behind, and the ledger that says which they are.

One is reserved before each request that could make a reference, and given back when the answer shows
that none was made. A time limit or a lost connection keeps it: nobody knows what the service did.
"""

from __future__ import annotations

import json
import threading
from typing import IO, TYPE_CHECKING, Any

from attrs import define, field

if TYPE_CHECKING:
    from comfy_assets.contract.messages import Response

#: References that a run may make unless told otherwise.
DEFAULT = 50


@define
class Budget:
    """Counts references; `ledger` is a text file of JSON lines, written before the bytes are sent."""

    limit: int
    ledger: IO[str] | None = None
    #: What may exist and is not known by an id: answers that never came, successes without an id.
    unknown: int = 0
    reserved: int = 0
    #: Ids made by this run, with the case that made each.
    made: dict[str, str] = field(factory=dict)
    #: Ids that existed before this run.
    existing: set[str] = field(factory=set)
    #: References that the cases left out could have made.
    lacking: int = 0
    _lock: threading.Lock = field(factory=threading.Lock)

    @property
    def spent(self) -> int:
        """How many references exist, or may exist, because of this run."""
        return len(self.made) + self.unknown + self.reserved

    def reserve(self, count: int, case: str) -> bool:
        """Take `count` references for a case; false where the bound would be passed."""
        with self._lock:
            if self.spent + count > self.limit:
                self.lacking += count
                return False
            self.reserved += count
        if count:
            self._write({"reserved": count, "case": case})
        return True

    def settle(self, case: str, response: Response | None) -> None:
        """Give a reservation back, or turn it into a reference, as the answer of one request says."""
        with self._lock:
            self.reserved -= 1
            entry = self._settled(case, response)
        self._write(entry)

    def release(self, case: str) -> None:
        """Give a reservation back: the request was never sent."""
        with self._lock:
            self.reserved -= 1
        self._write({"released": case})

    def _settled(self, case: str, response: Response | None) -> dict[str, Any]:
        if response is not None and 300 <= response.status < 500:
            return {"released": case}
        id_ = _id(response)
        if id_ is None:
            self.unknown += 1
            return {"unknown": case}
        # A server that says "existed" of a reference that nobody saw before is believed only where
        # its status agrees: 201 made one, whatever the body says.
        existed = response is not None and response.status == 200 and not _says_new(response)
        if id_ in self.made or existed:
            self.existing.add(id_)
            return {"released": case, "id": id_}
        # Of requests at once, the answer "existed" may be here before the answer "made" is.
        self.existing.discard(id_)
        self.made[id_] = case
        return {"made": id_, "case": case}

    def _write(self, entry: dict[str, Any]) -> None:
        if self.ledger is not None:
            self.ledger.write(json.dumps(entry) + "\n")
            self.ledger.flush()


def _members(response: Response | None) -> dict[str, Any]:
    if response is None or not 200 <= response.status < 300:
        return {}
    try:
        value = json.loads(response.body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _id(response: Response | None) -> str | None:
    id_ = _members(response).get("id")
    return id_.lower() if isinstance(id_, str) else None


def _says_new(response: Response) -> bool:
    return _members(response).get("created_new") is True
