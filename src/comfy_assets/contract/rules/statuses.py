"""Which rule a status breaks: one table of decisions for every request, planned or drawn.

`blame` compares what the oracle expects with what came. A request can have several suspects (a drawn
body may be wrong in two ways, or unusual in three): what is proven to be accepted elsewhere is none, and
what already explains another finding is preferred.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from comfy_assets.contract import oracle
from comfy_assets.contract.rules.model import Deviation, Judged
from comfy_assets.contract.wire import TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from comfy_assets.contract.history import History, Seen

ORDINARY = "an ordinary request"
REFUSE_STATUS, AUTH_STATUS = "refuse-status", "auth-status"
#: Statuses that say more about the account than about the server.
_ACCOUNT = frozenset({401, 403})
_UNJUDGED = frozenset({402, 429, 503})
_REFUSED = range(400, 500)
_SERVER_ERROR = range(500, 600)
#: Says something of the method, and nothing of a failure.
_NOT_IMPLEMENTED = 501


@frozen
class Suspect:
    """What may be the reason: the rule about it, its short name, and words."""

    rule: str
    cause: str
    words: str


@frozen
class Blame:
    """A status that must not be: the rule of each suspect, and what to say."""

    seen: Seen
    suspects: tuple[Suspect, ...]
    expected: str
    got: str


def statuses(history: History) -> dict[str, list[Judged]]:
    """What every rule about statuses says of this history; computed once."""
    cached: dict[str, list[Judged]] | None = getattr(history, "judged_statuses", None)
    if cached is None:
        cached = _judge(history)
        history.judged_statuses = cached  # type: ignore[attr-defined] # a cache that belongs to the history
    return cached


def rule(id_: str) -> Callable[[History], Iterable[Judged]]:
    """The check of a rule about statuses."""
    return lambda history: statuses(history).get(id_, [])


def _judge(history: History) -> dict[str, list[Judged]]:
    judged: dict[str, list[Judged]] = {}
    blames: list[Blame] = []
    look = _Look(history)
    for seen in history.seen:
        if not look.is_judged(seen):
            continue
        blame = look.blame(seen)
        if blame is None:
            for id_ in look.exercised(seen):
                judged.setdefault(id_, []).append(Judged((seen.index,)))
        else:
            blames.append(blame)
    for blame, suspect in _merged(list(_attributed(blames))):
        index = blame.seen.index
        deviation = Deviation(suspect.cause, blame.expected, blame.got)
        judged.setdefault(suspect.rule, []).append(Judged((index,), deviation))
        if suspect.rule in {REFUSE_STATUS, AUTH_STATUS}:
            # It was refused all the same: one cause is one finding, and the rest was checked.
            note = f"refused, with {blame.seen.status}"
            for departure in blame.seen.expectation.departures:
                judged.setdefault(departure.rule, []).append(Judged((index,), note=note))
    return judged


def _attributed(blames: list[Blame]) -> Iterator[tuple[Blame, Suspect]]:
    """Each blame with one suspect: one that stands alone elsewhere, if there is any."""
    chosen: dict[tuple[str, str], Suspect] = {}
    for blame in sorted(blames, key=lambda blame: (len(blame.suspects), blame.seen.index)):
        known = next((one for one in blame.suspects if (one.rule, one.cause) in chosen), blame.suspects[0])
        chosen.setdefault((known.rule, known.cause), known)
        yield blame, known


def _merged(blames: list[tuple[Blame, Suspect]]) -> list[tuple[Blame, Suspect]]:
    """One cause for what fails in several places alike: text in any member, types of any member."""
    causes: dict[tuple[str, str], set[str]] = {}
    for _, suspect in blames:
        causes.setdefault((suspect.rule, _family(suspect)), set()).add(suspect.cause)
    merged = []
    for blame, suspect in blames:
        family = _family(suspect)
        # Two kinds of bad bodies may well fail for two reasons; three of them have no handler at all.
        is_one = len(causes[suspect.rule, family]) < (_SEVERAL if family in _KINDS.values() else 2)
        merged.append((blame, suspect if is_one else Suspect(suspect.rule, family, family)))
    return merged


_SEVERAL = 3
#: Kinds of departures that one missing error handler lets through together.
_KINDS = {
    "refuse": "values that break the schema",
    "json": "bodies that are not JSON",
    "auth": "keys that are not valid",
}


def _family(suspect: Suspect) -> str:
    """What a cause is a case of."""
    if suspect.rule in {"never-5xx", "never-silent"}:
        kind = _KINDS.get(suspect.cause.partition("-")[0])
        if kind and ": " in suspect.cause:
            return kind
    if suspect.cause.startswith(("characters", "control characters")):
        return suspect.cause.partition(" in ")[0]
    if suspect.cause.startswith("the media type: "):
        return "the media type"
    return suspect.cause


class _Look:
    """What is known of the whole history when one exchange is judged."""

    def __init__(self, history: History) -> None:
        self.history = history
        accepted = [one for one in history.seen if one.is_success and one.expectation.kind == oracle.ACCEPT]
        self.proven = {feature for one in accepted for feature in one.expectation.features}
        self.owners = {one.expectation.owner for one in accepted}
        self.found = {(one.expectation.owner, self._content(one)) for one in accepted}
        wrong = [
            one
            for one in history.seen
            if one.expectation.kind == oracle.REFUSE and one.status == 404 and not one.is_success
        ]
        #: Statuses with which invalid requests are refused, other than the right one.
        self.wrong_refusals = {
            one.status
            for one in history.seen
            if one.expectation.kind == oracle.REFUSE
            and one.status in _REFUSED
            and one.status not in (one.expectation.allowed or ())
        }
        #: A 404 for every hash that is almost right, and for nothing else: the form is not looked at.
        self.form_ignored = bool(wrong) and all(
            departure.rule == "refuse-pattern" for one in wrong for departure in one.expectation.departures
        )

    def _content(self, seen: Seen) -> str | None:
        content = seen.expectation.content
        return content.hashes[0] if content else None

    def is_judged(self, seen: Seen) -> bool:
        """Whether the answer says anything about the contract."""
        if seen.status in _UNJUDGED or seen.exchange.failure == TIMEOUT:
            return False
        if seen.exchange.burst is not None and not seen.is_success:
            return False  # another rule's matter
        expectation = seen.expectation
        if expectation.kind == oracle.ACCEPT and not seen.is_success:
            # A key that never worked, or content that was never there: the user's mistake, perhaps.
            if seen.status in _ACCOUNT and expectation.owner not in self.owners:
                return False
            if seen.status == 404 and (expectation.owner, self._content(seen)) not in self.found:
                return False
        control = seen.case.control if seen.case else None
        is_wrong = seen.is_success or (seen.status or 500) in _SERVER_ERROR
        return is_wrong or self.history.accepted(control)

    def exercised(self, seen: Seen) -> Iterator[str]:
        """The rules that an answer without blame speaks for."""
        yield "never-5xx"
        yield "never-silent"
        expectation = seen.expectation
        yield from {departure.rule for departure in expectation.departures}
        match expectation.kind:
            case oracle.ACCEPT:
                yield "accept-known"
                yield from {rule for rule, _ in expectation.features} - {"accept-known"}
            case oracle.UNKNOWN:
                yield "unknown-content"
            case oracle.REFUSE:
                yield REFUSE_STATUS
            case oracle.AUTH:
                yield AUTH_STATUS
            case oracle.OPEN:
                yield "open-requests"

    def blame(self, seen: Seen) -> Blame | None:
        """What is wrong with the status, if anything is."""
        expectation, status = seen.expectation, seen.status
        if status is None or (seen.response is not None and not seen.response.complete):
            return None if expectation.open else self._silence(seen)
        if expectation.allowed is not None and status in expectation.allowed:
            return None
        if status == _NOT_IMPLEMENTED and expectation.kind in {oracle.METHOD, oracle.ELSEWHERE}:
            return self._wrong_status(seen, status) if expectation.allowed is not None else None
        if status in _SERVER_ERROR:
            return self._blame(seen, "never-5xx", "an answer without a server error")
        if expectation.allowed is None:
            return None
        return self._wrong_status(seen, status)

    def _silence(self, seen: Seen) -> Blame:
        return self._blame(seen, "never-silent", "a whole answer")

    def _blame(self, seen: Seen, rule: str, expected: str) -> Blame:
        """The same rule for every suspect: what differs is the cause."""
        suspects = tuple(Suspect(rule, one.words, one.words) for one in self.suspects(seen))
        return Blame(seen, suspects or (Suspect(rule, ORDINARY, ORDINARY),), expected, got(seen))

    def suspects(self, seen: Seen) -> list[Suspect]:
        """What is special about a request, and not proven to be harmless."""
        expectation = seen.expectation
        found = [Suspect(one.rule, one.cause, _where(one)) for one in expectation.departures]
        found += [Suspect("open-requests", words, words) for words in expectation.open]
        # Where nothing at all is accepted, what is special about a request is not the reason.
        unproven = sorted(expectation.features - self.proven, key=_size) if self.proven else []
        return found + [Suspect(rule, words, words) for rule, words in unproven]

    def _wrong_status(self, seen: Seen, status: int) -> Blame:  # noqa: C901 - a table of decisions
        expectation = seen.expectation
        suspects = self.suspects(seen)
        match expectation.kind:
            case oracle.ACCEPT | oracle.UNKNOWN if suspects and not seen.is_success:
                pass
            case oracle.ACCEPT:
                suspects = [Suspect("accept-known", str(status), ORDINARY)]
            case oracle.UNKNOWN:
                cause = "success" if seen.is_success else str(status)
                suspects = [Suspect("unknown-content", cause, "unknown content")]
            case oracle.AUTH if not seen.is_success:
                suspects = [Suspect(AUTH_STATUS, str(status), "a request without a valid key")]
            case oracle.METHOD if not seen.is_success:
                suspects = [Suspect("other-methods", str(status), "another method")]
            case oracle.METHOD:
                suspects = [Suspect("other-methods", "success", "another method")]
            case oracle.OPEN:
                suspects = [
                    Suspect("open-requests", f"{words}: {status}", words) for words in expectation.open
                ]
                if status in self.wrong_refusals:
                    suspects = [Suspect(REFUSE_STATUS, str(status), "a refusal")]
            case oracle.REFUSE if status == 404 and self.form_ignored:
                suspects = [Suspect("refuse-pattern", "404", "a hash that breaks the pattern")]
            case oracle.REFUSE | oracle.MEDIA if not seen.is_success:
                suspects = [Suspect(REFUSE_STATUS, str(status), "a refusal")]
        return Blame(seen, tuple(suspects), expectation.words, got(seen))


def _size(feature: tuple[str, str]) -> tuple[str, str, int]:
    """Sorts features by their words, and sizes by their number: the smallest is the likeliest reason."""
    digits = "".join(letter for letter in feature[1] if letter.isdecimal())
    return feature[0], "".join(letter for letter in feature[1] if not letter.isdecimal()), int(digits or 0)


def _where(departure: oracle.Departure) -> str:
    """A departure as the cause of a server error: the kind, whatever its variants."""
    return f"{departure.rule}: {departure.cause.partition(':')[0]}"


def got(seen: Seen) -> str:
    """What came back, in a line."""
    if seen.response is None:
        return seen.exchange.detail or "no answer"
    if not seen.response.complete:
        return f"{seen.status}, and the connection ended before the body did"
    return f"{seen.status}{_shown(seen)}"


_SHOWN = 160


def _shown(seen: Seen) -> str:
    assert seen.response is not None
    text = seen.response.body.decode("utf-8", "replace").strip()
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return f" {line[:_SHOWN]}{'…' if len(line) > _SHOWN else ''}" if line else " with an empty body"
