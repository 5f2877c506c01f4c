"""Rules about references: what makes one, what finds one again, and what may not change about it."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import TYPE_CHECKING, Any

from comfy_assets.contract.facts import (
    ACCESSED_AT,
    CONTENT_HASH,
    CREATED,
    CREATED_AT,
    CREATED_NEW,
    EXISTING,
    HASH,
    KEPT,
    NAME,
    SIZE,
    UPDATED_AT,
)
from comfy_assets.contract.keys import KEY, OTHER_KEY
from comfy_assets.contract.rules.model import Deviation, Judged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from comfy_assets.contract.history import History, Seen


def in_order(history: History) -> list[Seen]:
    """Successes whose order means something."""
    return [one for one in history.successes if one.exchange.burst is None]


def created_status(history: History) -> Iterator[Judged]:
    """201 exactly with `created_new` true."""
    for one in history.successes:
        said = one.members.get(CREATED_NEW)
        if not isinstance(said, bool):
            continue
        agrees = said == (one.status == CREATED)
        words = f"{CREATED} with {CREATED_NEW} true, or {EXISTING} with false"
        got = f"{one.status} with {CREATED_NEW} {str(said).lower()}"
        yield Judged((one.index,), None if agrees else Deviation(got, words, got))


def created_told(history: History) -> Iterator[Judged]:
    """Whoever made a reference is told so."""
    dates = _server_start(history)
    for one in in_order(history):
        if one.id is None or not history.is_fresh(one):
            continue
        if one.says_new:
            yield Judged((one.index,))
        elif _first_for_content(history, one) and _is_new(one, dates):
            said = one.members.get(CREATED_NEW)
            got = f"{one.status} with {CREATED_NEW} {said}, for a name that nobody used before"
            yield Judged((one.index,), Deviation("not told", f"{CREATED} with {CREATED_NEW} true", got))


def _first_for_content(history: History, seen: Seen) -> bool:
    """Whether no other request of this owner named the id before: nothing was overwritten."""
    return history.first_by_id.get(seen.id) is seen


def _server_start(history: History) -> dt.datetime | None:
    for one in history.seen:
        value = one.response.header("date") if one.response else None
        if value:
            try:
                return dt.datetime.strptime(value, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=dt.UTC)
            except ValueError:
                return None
    return None


def _is_new(seen: Seen, since: dt.datetime | None) -> bool:
    """Whether the reference was made during this run, by the server's own clock."""
    made = instant(seen.members.get(CREATED_AT))
    return since is None or made is None or made >= since - dt.timedelta(seconds=2)


def repeat_same(history: History) -> Iterator[Judged]:
    """An identical request is answered with the same reference."""
    for one in in_order(history):
        first = history.first_by_key[one.key]
        if first is one or first.id is None or one.id is None or _has_several_ids(history, first):
            continue
        expected = f"{EXISTING}, {CREATED_NEW} false and the id of the first answer, {first.id}"
        deviation = None
        if one.id != first.id:
            deviation = Deviation("another id", expected, f"{one.status} with id {one.id}")
        elif one.status == CREATED and one.members.get(CREATED_NEW, True) is True:
            deviation = Deviation("201 again", expected, f"{CREATED} for the reference that existed")
        yield Judged((first.index, one.index), deviation)


def _has_several_ids(history: History, first: Seen) -> bool:
    """Whether a race made several references: which of them a repeat finds is that rule's matter."""
    burst = first.exchange.burst
    ids = {one.id for one in history.successes if one.exchange.burst == burst}
    return burst is not None and len(ids) > 1


def repeat_stable(history: History) -> Iterator[Judged]:
    """What cannot change about a reference does not."""
    for one in in_order(history):
        first = history.first_by_key[one.key]
        if first is one or first.id != one.id:
            continue
        problems = []
        for name in (SIZE, CREATED_AT, CONTENT_HASH, NAME):
            if name in first.members and name in one.members:
                before, after = first.members[name], one.members[name]
                is_time = name == CREATED_AT
                if (instant(before) if is_time else before) != (instant(after) if is_time else after):
                    problems.append(
                        Deviation(name, f"{name} as before: {before!r}", f"{name}: {after!r}", member=name)
                    )
        if problems:
            yield from (Judged((first.index, one.index), problem) for problem in problems)
        else:
            yield Judged((first.index, one.index))


def other_hash(history: History) -> Iterator[Judged]:
    """The same request by the content's other hash finds the same reference."""
    first: dict[Any, Seen] = {}
    for one in in_order(history):
        content = history.content(one)
        if content is None or one.id is None:
            continue
        rest = {name: value for name, value in one.sent.items() if name != HASH}
        key = (one.expectation.owner, content, _text(rest))
        before = first.setdefault(key, one)
        if before is one or before.sent[HASH] == one.sent[HASH]:
            continue
        wrong = one.id != before.id
        expected = f"{EXISTING} with the id {before.id}, which the same content has"
        deviation = Deviation("another reference", expected, f"{one.status} with id {one.id}")
        yield Judged((before.index, one.index), deviation if wrong else None)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def race(history: History) -> Iterator[Judged]:
    """Identical requests at once make one reference."""
    bursts: dict[int, list[Seen]] = {}
    for one in history.seen:
        if one.exchange.burst is not None:
            bursts.setdefault(one.exchange.burst, []).append(one)
    for burst in bursts.values():
        answered = [one for one in burst if one.is_success]
        indexes = tuple(one.index for one in burst)
        expected = f"one id, and {CREATED} exactly once"
        ids = {one.id for one in answered if one.id is not None}
        new = [one for one in answered if one.says_new]
        others = sorted(
            {str(one.status or "no answer") for one in burst if not one.is_success and not one.is_throttled}
        )
        if not answered:
            continue
        if len(ids) > 1:
            got = f"{len(ids)} ids for {len(answered)} identical requests at once"
            yield Judged(indexes, Deviation("several ids", expected, got, proven=True))
        elif len(new) > 1:
            got = f"{len(new)} of {len(answered)} say that they made the reference"
            yield Judged(indexes, Deviation("several creators", expected, got, proven=True))
        elif others:
            got = f"statuses {', '.join(others)} for some of {len(burst)} identical requests at once"
            yield Judged(indexes, Deviation("an error", expected, got, proven=True))
        elif not new and history.is_fresh(answered[0]):
            got = f"none of {len(answered)} says that it made the reference"
            yield Judged(indexes, Deviation("no creator", expected, got, proven=True))
        elif new or history.is_fresh(answered[0]):
            yield Judged(indexes)
        # Otherwise the reference is older than this run: nothing was at stake.


def ids_unique(history: History) -> Iterator[Judged]:
    """Two references never have one id."""
    makers: dict[Any, Seen] = {}
    for one in in_order(history):
        if one.id is None or not one.says_new:
            continue
        before = makers.setdefault(one.id, one)
        if before is one:
            yield Judged((one.index,))
            continue
        if before.key == one.key:
            continue  # an identical request that claims to be new: another rule
        differ = [
            name for name in (CONTENT_HASH, NAME, SIZE) if before.members.get(name) != one.members.get(name)
        ]
        if differ or before.expectation.owner != one.expectation.owner:
            got = f"the id {one.id} again, for {'another owner' if not differ else 'another ' + differ[0]}"
            yield Judged(
                (before.index, one.index), Deviation("id twice", "an id of its own for each reference", got)
            )


def one_identity(history: History) -> Iterator[Judged]:
    """What makes a reference another one is the same throughout the run."""
    found = identity(history)
    if found is None:
        return
    first: dict[tuple[Any, ...], Seen] = {}
    keys: dict[Any, tuple[tuple[Any, ...], Seen]] = {}
    for one in in_order(history):
        content = history.content(one)
        if content is None or one.id is None or one.expectation.kind != "accept":
            continue
        # What a server makes of a request without a name, or of odd ones, is its own affair.
        key = (one.expectation.owner, content, *(_meaning(name, one.sent) for name in found))
        before = first.setdefault(key, one)
        other = keys.setdefault(one.id, (key, one))
        if (
            other[0] != key
            and one.expectation.owner == other[0][0]
            and all(name in one.sent for name in found)
        ):
            expected = f"another reference than {other[1].id}: {' or '.join(found) or 'content'} is another"
            got = f"{one.status} with the id {one.id}"
            yield Judged((other[1].index, one.index), Deviation("an id of another", expected, got))
            continue
        if before is one or before.key == one.key or before.sent[HASH] != one.sent[HASH]:
            continue
        wrong = before.id != one.id
        expected = (
            f"the reference {before.id}: owner, content{''.join(', ' + name for name in found)} are the same"
        )
        deviation = Deviation("another id", expected, f"{one.status} with id {one.id}")
        yield Judged((before.index, one.index), deviation if wrong else None)


def _meaning(name: str, sent: dict[str, Any]) -> str:
    if name not in sent:
        return "(absent)"
    value = sent[name]
    return _text(
        sorted(set(value))
        if isinstance(value, list) and all(isinstance(tag, str) for tag in value)
        else value
    )


def identity(history: History) -> tuple[str, ...] | None:
    """The members that make a reference another one, beside owner and content; None where unknown."""
    control = next((one for one in history.by_case.get("control", ()) if one.is_success), None)
    if control is None:
        return None
    again = [one for one in history.by_case.get("control/again", ()) if one.is_success]
    if not again or again[0].id != control.id:
        return None  # nothing is found again: there is no identity to find
    found = []
    for name in KEPT:
        for one in history.by_case.get(f"identity/{name}", ()):
            if one.is_success and one.id != control.id:
                found.append(name)  # noqa: PERF401 - three loops in one expression would not be read
    return tuple(found)


def identity_told(history: History) -> Iterator[Judged]:
    """Which members make a reference another one."""
    found = identity(history)
    indexes = tuple(one.index for name in KEPT for one in history.by_case.get(f"identity/{name}", ()))
    if found is not None and indexes:
        words = " and ".join(["owner", "content", *found]) if found else "owner and content alone"
        yield Judged(indexes, note=f"a reference is found again by {words}")


def owners(history: History) -> Iterator[Judged]:
    """One owner's reference is not another's, whoever of them is seen with it first."""
    first: dict[Any, Seen] = {}
    for one in in_order(history):
        owner = one.expectation.owner
        if one.id is None or owner not in (KEY, OTHER_KEY):
            continue
        before = first.setdefault(one.id, one)
        if before.expectation.owner != owner:
            got = f"{one.status} with id {one.id}, which the other key's owner has"
            deviation = Deviation("shared", "a reference of the owner's own", got)
            yield Judged((before.index, one.index), deviation)
        elif owner == OTHER_KEY:
            yield Judged((one.index,))


# --- Times ----------------------------------------------------------------------------------------

_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)?", re.ASCII)


def instant(text: Any) -> Any:
    """The moment that a text names; text that is none, and leap seconds, stay as they are."""
    found = _TIME.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return text
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    zone = found[8] or "Z"
    offset = dt.timedelta()
    if zone not in "Zz":
        offset = dt.timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6])) * (-1 if zone[0] == "-" else 1)
    try:
        moment = dt.datetime(year, month, day, hour, minute, second, tzinfo=dt.UTC) - offset
    except (ValueError, OverflowError):
        return text
    return moment + dt.timedelta(microseconds=int((found[7] or ".0")[1:7].ljust(6, "0")))


def times(history: History) -> Iterator[Judged]:
    """Nothing is updated or accessed before it was created, and time does not go back."""
    last: dict[Any, Seen] = {}
    for one in history.successes:
        created, updated, accessed = (
            instant(one.members.get(name)) for name in (CREATED_AT, UPDATED_AT, ACCESSED_AT)
        )
        problems = []
        if _before(updated, created):
            problems.append(
                Deviation(
                    f"{UPDATED_AT} first",
                    f"{UPDATED_AT} not before {CREATED_AT}",
                    f"{UPDATED_AT} {updated}, {CREATED_AT} {created}",
                )
            )
        if _before(accessed, created):
            problems.append(
                Deviation(
                    f"{ACCESSED_AT} first",
                    f"{ACCESSED_AT} not before {CREATED_AT}",
                    f"{ACCESSED_AT} {accessed}, {CREATED_AT} {created}",
                )
            )
        earlier = last.get(one.id)
        if earlier is not None and one.exchange.burst is None:
            was = instant(earlier.members.get(UPDATED_AT))
            if _before(updated, was):
                problems.append(
                    Deviation(
                        "back in time", f"{UPDATED_AT} not before {was}, as it was", f"{UPDATED_AT} {updated}"
                    )
                )
        if one.exchange.burst is None:
            last[one.id] = one
        if problems:
            yield from (Judged((one.index,), problem) for problem in problems)
        elif isinstance(created, dt.datetime) and isinstance(updated, dt.datetime):
            yield Judged((one.index,))


def _before(one: Any, other: Any) -> bool:
    return isinstance(one, dt.datetime) and isinstance(other, dt.datetime) and one < other


def other_operations(history: History) -> Iterator[Judged]:
    """Operations that the contract has beside the one that is checked."""
    facts = history.facts
    others = [one for one in facts.contract.operations if one is not facts.operation]
    if others:
        named = ", ".join(f"{one.method} {one.path}" for one in others)
        yield Judged((), note=f"nothing was asked of {named}: there are no rules for it")
