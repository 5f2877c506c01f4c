"""What a rule is, and what it says about the exchanges that it looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from comfy_assets.contract.history import History

#: From the page or the published description; follows from their words or an RFC; left open.
MUST, SHOULD, OBSERVED = "must", "should", "observed"

# What the user has to give before a rule can be checked.
OTHER_KEY, TWO_HASHES, FILE, TELLING_KEY, ANY_KEY = "other-key", "two-hashes", "file", "telling-key", "key"


@frozen
class Deviation:
    """Where an answer is not what the rule asks for."""

    #: The same for everything that has one reason; with the rule's id it is the finding's fingerprint.
    cause: str
    expected: str
    got: str
    #: Proven by what was recorded: sending it again would add nothing, or would not be the same.
    proven: bool = False
    #: The rule, where it is another one than the one that looked.
    rule: str | None = None
    #: The member of the answer that it is about.
    member: str | None = None


@frozen
class Judged:
    """One look of a rule: the exchanges, and the deviation if there is one."""

    exchanges: tuple[int, ...]
    deviation: Deviation | None = None
    #: What a rule of level `observed` saw.
    note: str = ""


@frozen
class Rule:
    """One thing that the contract asks of a server. The id never changes its meaning."""

    id: str
    group: str
    title: str
    level: str
    #: Where it comes from: the document and the place in it.
    source: str
    why: str
    #: What a server could do wrong without this rule seeing it.
    blind: str
    check: Callable[[History], Iterable[Judged]] = field(repr=False, eq=False)
    needs: tuple[str, ...] = ()
    #: Answers that must have been seen before silence means anything.
    statuses: tuple[int, ...] = ()
    #: Where one of these is violated, this one's findings follow from it.
    follows: tuple[str, ...] = ()


#: Groups in the order of reports, with what they are about.
GROUPS = {
    "accept": "What keeps the contract is accepted",
    "body": "The success body",
    "identity": "Created or existing",
    "kept": "What went in comes out",
    "unknown": "Unknown content",
    "refuse": "What breaks the contract is refused",
    "auth": "Keys and owners",
    "protocol": "HTTP and JSON",
    "never": "What must never happen",
    "observed": "Left open by the contract",
}
