"""Which requests a run sends, in which order, each with its control.

Pure: facts in, cases out; the same seed and run id give the same bytes. Every name that is meant to be
new carries the run id. All requests that must be refused use one identity, that of the control.

The order matters on a server that keeps one reference per content: what the first request for a
content says is all that such a server will ever remember, so the first ones say much.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field

from comfy_assets.contract import plan_protocol, samples
from comfy_assets.contract.departures import departures
from comfy_assets.contract.facts import HASH, METADATA, MIME_TYPE, NAME, TAGS
from comfy_assets.contract.keys import KEY, OTHER_KEY
from comfy_assets.contract.messages import Request, json_request
from comfy_assets.contract.record import Case

if TYPE_CHECKING:
    from collections.abc import Iterator

    from comfy_assets.contract.facts import Content, Facts

#: Identical requests sent at once.
BURST = 6

CONTROL = "control"


@define
class Planner:
    """Makes cases out of bodies; holds what all of them share."""

    facts: Facts
    #: The body of the control, and of everything that must be refused.
    base: dict[str, Any] = field(init=False)

    @base.default  # pyright: ignore[reportAttributeAccessIssue] # attrs' decorator: a field until the class is made
    def _base(self) -> dict[str, Any]:
        contents = self.facts.contents
        return self.body(contents[0].hashes[0] if contents else samples.UNKNOWN_HASHES[0], CONTROL)

    def name(self, label: str) -> str:
        """A name that no earlier run has used."""
        return f"{self.facts.mark}-{label}.png"

    def body(self, hash_: str, label: str) -> dict[str, Any]:
        """An ordinary body with every member."""
        return {
            HASH: hash_,
            TAGS: ["input", "check"],
            NAME: self.name(label),
            MIME_TYPE: "image/png",
            METADATA: {"made by": "comfy-assets check", "run": self.facts.mark},
        }

    def rich(self, hash_: str, label: str) -> dict[str, Any]:
        """A body that holds much of what has to come out again."""
        return {
            **self.body(hash_, label),
            # The é is two characters, as some systems write it: nothing may make one of them.
            NAME: self.name(f"Grüße cafe\u0301 世界 {label}"),
            TAGS: ["input", "model_type:checkpoints", "ünïcode", "two words", "Upper Case"],
            METADATA: {**samples.METADATA, "run": self.facts.mark},
        }

    def request(self, body: Any, key: str | None = KEY) -> Request:
        """The operation with this body."""
        facts = self.facts
        return json_request(
            facts.path, facts.base_headers(key), facts.media_type, body, facts.operation.method
        )

    def case(self, id_: str, body: Any, *rules: str, key: str = KEY, **members: Any) -> Case:
        """A case with this body."""
        return Case(id_, self.request(body, key), rules, **members)


def plan(facts: Facts) -> list[Case]:
    """The cases of a run, in their order; empty where no content is known."""
    if not facts.contents:
        return list(_without_content(facts))
    planner = Planner(facts)
    beginning = [_first(planner), _by_other_hash(planner), _at_once(planner)]
    if _asks_at_once_early(facts):
        beginning.insert(0 if len(facts.contents) == 1 else 1, beginning.pop())
    parts = (
        *beginning,
        _controls(planner),
        _identity(planner),
        _other_owner(planner),
        _unknown(planner),
        _refusals(planner),
        plan_protocol.cases(planner),
        _accepted(planner),
    )
    return [case for part in parts for case in part]


def last_cases(facts: Facts) -> list[Case]:
    """What is asked at the very end: the first requests again."""
    if not facts.contents:
        return []
    planner = Planner(facts)
    again = planner.case("control/at the end", planner.base, "repeat-same", control=CONTROL)
    return [again]


def _without_content(facts: Facts) -> Iterator[Case]:
    """What can be seen without known content; the rest is not checked, and says so."""
    yield from _unknown(Planner(facts), control=None)


def _first(planner: Planner) -> Iterator[Case]:
    content = planner.facts.contents[0]
    rich = planner.rich(content.hashes[0], "first")
    kept = ("name-kept", "tags-kept", "metadata-kept", "mime-type-kept", "hash-kept", "size-true")
    yield planner.case("first", rich, "accept-known", *kept, scenario="first")
    yield planner.case("first/again", rich, "repeat-same", "repeat-stable", scenario="first")
    for hash_ in content.hashes[1:]:
        yield planner.case("first/other hash", {**rich, HASH: hash_}, "other-hash", scenario="first")


def _by_other_hash(planner: Planner) -> Iterator[Case]:
    """Content that is asked for by its second hash first."""
    content = next((one for one in planner.facts.contents[1:] if len(one.hashes) > 1), None)
    if content is None:
        content = next((one for one in planner.facts.contents if len(one.hashes) > 1), None)
    if content is None:
        return
    rich = planner.rich(content.hashes[1], "second")
    rich[NAME] = f" folder/{rich[NAME]} "
    scenario = "by other hash"
    yield planner.case("other hash", rich, "accept-known", "hash-kept", scenario=scenario)
    yield planner.case("other hash/again", rich, "repeat-same", scenario=scenario)
    first = {**rich, HASH: content.hashes[0]}
    yield planner.case("other hash/first hash", first, "other-hash", scenario=scenario)


def _at_once(planner: Planner) -> Iterator[Case]:
    # Content that nothing else has asked for until now: new on every server.
    # Nothing unusual: a server that refuses that would not be seen to race.
    body = planner.body(planner.facts.contents[-1].hashes[0], "at-once")
    key = KEY if _asks_at_once_early(planner.facts) or len(planner.facts.contents) > _OTHERS else OTHER_KEY
    race = {"key": key, "scenario": "at once"}
    yield planner.case("at once", body, "race-one", makes=BURST, at_once=BURST, **race)
    yield planner.case("at once/again", body, "race-one", **race)


#: Contents that are asked for before the one that is asked for by many at once.
_OTHERS = 2


def _asks_at_once_early(facts: Facts) -> bool:
    """Whether there is so little content that nothing is new to this owner after the first requests."""
    return len(facts.contents) <= _OTHERS and OTHER_KEY not in facts.keys


def _controls(planner: Planner) -> Iterator[Case]:
    yield planner.case(CONTROL, planner.base, "accept-known", "created-status", scenario="control")
    yield planner.case("control/again", planner.base, "repeat-same", "repeat-stable", scenario="control")
    shuffled = dict(reversed(planner.base.items()))
    yield planner.case("control/members in another order", shuffled, "repeat-same", scenario="control")


def _identity(planner: Planner) -> Iterator[Case]:
    """One member of the control another one: is that another reference?"""
    changes = {
        NAME: planner.name("another-name"),
        TAGS: [*planner.base[TAGS], "another"],
        METADATA: {**planner.base[METADATA], "another": 1},
        MIME_TYPE: "image/webp",
    }
    for member, value in changes.items():
        body = {**planner.base, member: value}
        yield planner.case(f"identity/{member}", body, "identity", control=CONTROL, scenario="identity")
    # The one before, once more: a server that overwrites what it has would now answer with the new.
    yield planner.case("identity/control", planner.base, "repeat-same", control=CONTROL, scenario="identity")


def _other_owner(planner: Planner) -> Iterator[Case]:
    if OTHER_KEY not in planner.facts.keys:
        return
    scenario = "other owner"
    body = planner.body(planner.facts.contents[0].hashes[0], "owners")
    yield planner.case("owners/one", body, "owners-apart", scenario=scenario)
    for id_ in ("owners/other", "owners/other again"):
        yield planner.case(id_, body, "owners-apart", key=OTHER_KEY, control="owners/one", scenario=scenario)
    yield planner.case("owners/one again", body, "owners-apart", scenario=scenario)


def _unknown(planner: Planner, control: str | None = CONTROL) -> Iterator[Case]:
    bodies = [(hash_, label) for hash_, label in samples.unknown_hashes(planner.facts)]
    for hash_, label in bodies:
        body = {**planner.base, HASH: hash_}
        yield planner.case(f"unknown/{label}", body, "unknown-content", control=control, scenario="unknown")
    # Asked again: a server that remembers what it was asked for would now have it.
    again = {**planner.base, HASH: bodies[0][0]}
    yield planner.case("unknown/again", again, "unknown-content", control=control, scenario="unknown")


def _refusals(planner: Planner) -> Iterator[Case]:
    facts = planner.facts
    validator = facts.request_validator
    for number, one in enumerate(departures(facts.contract, facts.request_schema, planner.base)):
        if validator.is_valid(one.body):  # a schema that says less than its keywords: nothing to refuse
            continue
        id_ = f"refuse/{one.place or 'body'}/{number} {one.label}"
        yield planner.case(id_, one.body, control=CONTROL)


def _accepted(planner: Planner) -> Iterator[Case]:
    for change in samples.accepted(planner):
        whole = _changed(planner, change.label, change.members, change.own_name)
        yield whole
        for label, members in change.parts:
            own_name = change.own_name and f"{change.own_name}-{len(label)}"
            yield evolve(_changed(planner, label, members, own_name), unless=whole.id)
    for content in planner.facts.contents[1:]:
        yield from _contents(planner, content)


def _changed(planner: Planner, label: str, members: dict[str, Any], own_name: str) -> Case:
    body = {**planner.base, **({NAME: planner.name(own_name)} if own_name else {}), **members}
    body = {name: value for name, value in body.items() if value is not samples.ABSENT}
    return planner.case(f"accept/{label}", body, control=CONTROL)


def _contents(planner: Planner, content: Content) -> Iterator[Case]:
    """Every known hash is known; all of one content share a name."""
    for number, hash_ in enumerate(content.hashes):
        body = {**planner.base, HASH: hash_}
        yield planner.case(
            f"content/{content.label} {number}", body, "accept-known", "size-true", "hash-kept"
        )


def under_fresh_names(case: Case, mark: str, number: int) -> Case:
    """The case as it is replayed: with names that no request has used yet, and that are as long."""
    end = f"r{number}"
    fresh = mark[: -len(end)] + end
    body = case.request.body.replace(mark.encode(), fresh.encode())
    return evolve(case, request=evolve(case.request, body=body))
