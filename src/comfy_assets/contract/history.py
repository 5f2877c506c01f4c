"""A record, read: each exchange with what had to happen and what did, and indexes that rules need.

Pure. Rules look at this and never at the network.
"""

from __future__ import annotations

import uuid
from functools import cached_property
from typing import TYPE_CHECKING, Any

from attrs import define

from comfy_assets.contract import jsontext, oracle
from comfy_assets.contract.facts import (
    CONTENT_HASH,
    CREATED,
    CREATED_NEW,
    HASH,
    ID,
    NAME,
    SUCCESSES,
)
from comfy_assets.contract.messages import Response, encode, read_response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from comfy_assets.contract.facts import Facts
    from comfy_assets.contract.oracle import Expectation
    from comfy_assets.contract.record import Case, Exchange, Record

THROTTLING = frozenset({429, 503})


@define(eq=False, slots=False)
class Seen:
    """One exchange, understood."""

    exchange: Exchange
    expectation: Expectation
    response: Response | None
    case: Case | None

    @cached_property
    def status(self) -> int | None:
        """The status; None where no answer came."""
        return self.response.status if self.response else None

    @property
    def index(self) -> int:
        """Its number in the record."""
        return self.exchange.index

    @cached_property
    def is_success(self) -> bool:
        """Whether the answer says that the reference is there."""
        return self.status in SUCCESSES

    @property
    def is_throttled(self) -> bool:
        """Whether the answer only says: not now."""
        return self.status in THROTTLING

    @cached_property
    def text(self) -> jsontext.Text:
        """The answer's body as JSON."""
        return jsontext.read(self.response.body if self.response else b"")

    @cached_property
    def members(self) -> dict[str, Any]:
        """The members of the answer's body; none where it is no object."""
        value = self.text.value
        if value is None and self.text.wrong == jsontext.NON_FINITE:
            return {}
        return value if isinstance(value, dict) else {}

    @property
    def sent(self) -> dict[str, Any]:
        """The members of the request's body; none where it is no object."""
        return self.expectation.body if isinstance(self.expectation.body, dict) else {}

    @cached_property
    def id(self) -> Any:
        """The reference's id, by meaning."""
        value = self.members.get(ID)
        try:
            return uuid.UUID(value) if isinstance(value, str) else None
        except ValueError:
            return value

    @property
    def says_new(self) -> bool:
        """Whether the answer says, in any way, that this call made the reference."""
        return self.status == CREATED or self.members.get(CREATED_NEW) is True

    @cached_property
    def key(self) -> tuple[Any, ...]:
        """Equal for requests that are identical: owner, and the members by meaning."""
        return (self.expectation.owner, encode(_ordered(self.sent)))


class History:
    """All exchanges of a record, without replays."""

    def __init__(self, record: Record, *, replay: int | None = None) -> None:
        self.record = record
        self.facts: Facts = record.facts
        self.cases = {case.id: case for case in record.cases}
        chosen = [one for one in record.exchanges if (one.replay == (replay or 0))]
        #: Every answer, earlier attempts too.
        self.every: list[Seen] = [self._see(one) for one in chosen]
        last = {one.index for one in _last_attempts(chosen)}
        #: One for each request that was answered, or was not; earlier attempts are left out.
        self.seen: list[Seen] = [one for one in self.every if one.index in last]
        self.by_case: dict[str, list[Seen]] = {}
        for seen in self.seen:
            self.by_case.setdefault(seen.exchange.case, []).append(seen)

    def _see(self, exchange: Exchange) -> Seen:
        expectation = oracle.expect(self.facts, exchange.request)
        response = read_response(exchange.raw, exchange.request.method)
        return Seen(exchange, expectation, response, self.cases.get(exchange.case))

    @cached_property
    def successes(self) -> list[Seen]:
        """Successes of requests that keep the contract, in the order sent."""
        return [
            one
            for one in self.seen
            if one.is_success and one.expectation.kind in {oracle.ACCEPT, oracle.OPEN}
        ]

    @cached_property
    def first_by_key(self) -> dict[tuple[Any, ...], Seen]:
        """The first success of each identical request."""
        first: dict[tuple[Any, ...], Seen] = {}
        for one in self.successes:
            first.setdefault(one.key, one)
        return first

    @cached_property
    def first_by_id(self) -> dict[Any, Seen]:
        """The success in which an id was first seen."""
        first: dict[Any, Seen] = {}
        for one in self.successes:
            if one.id is not None:
                first.setdefault(one.id, one)
        return first

    def made_by(self, seen: Seen) -> bool:
        """Whether this answer is about a reference as this very request made it, now or before.

        So on 201, and on repeats of what made it.
        """
        first = self.first_by_id.get(seen.id, seen)
        return (first is seen or first.key == seen.key) and (first.says_new or self.is_fresh(first))

    def is_fresh(self, seen: Seen) -> bool:
        """Whether the answer shows a name that only this run knows, on an id that it had not seen."""
        name = seen.sent.get(NAME)
        return (
            isinstance(name, str)
            and bool(self.facts.run_id)
            and self.facts.mark in name
            and seen.members.get(NAME) == name
            and self.first_by_id.get(seen.id) is seen
            and self._first_by_name[seen.expectation.owner, self.content(seen), name] is seen
        )

    @cached_property
    def _first_by_name(self) -> dict[tuple[Any, ...], Seen]:
        """The first success for a name of an owner's content."""
        first: dict[tuple[Any, ...], Seen] = {}
        for one in self.successes:
            first.setdefault((one.expectation.owner, self.content(one), one.sent.get(NAME)), one)
        return first

    @cached_property
    def contents(self) -> dict[str, str]:
        """Each known hash to a name of its content: two are one where the user or an answer says so."""
        names = {hash_: content.hashes[0] for content in self.facts.contents for hash_ in content.hashes}
        for one in self.successes:
            said, asked = one.members.get(CONTENT_HASH), one.sent.get(HASH)
            if isinstance(said, str) and said in names and isinstance(asked, str) and asked in names:
                old, new = names[asked], names[said]
                if not _share_algorithm(asked, said):
                    names = {hash_: new if name == old else name for hash_, name in names.items()}
        return names

    def content(self, seen: Seen) -> str | None:
        """The name of the content that a request asks for."""
        return self.contents.get(str(seen.sent.get(HASH)))

    def accepted(self, case: str | None) -> bool:
        """Whether a control was accepted; a case without one needs none."""
        return case is None or any(one.is_success for one in self.by_case.get(case, ()))


def _last_attempts(exchanges: Sequence[Exchange]) -> list[Exchange]:
    last: dict[Any, Exchange] = {}
    for number, one in enumerate(exchanges):
        last[one.case if one.burst is None else number] = one
    return list(last.values())


def _share_algorithm(one: str, other: str) -> bool:
    return one.partition(":")[0] == other.partition(":")[0]


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _ordered(value[name]) for name in sorted(value)}
    return [_ordered(item) for item in value] if isinstance(value, list) else value
