"""Rules about what comes out: the same as went in, and the truth about the content."""

from __future__ import annotations

import json
import unicodedata
from typing import TYPE_CHECKING, Any

from comfy_assets.contract import jsontext
from comfy_assets.contract.facts import CONTENT_HASH, HASH, LARGEST_EXACT, METADATA, SIZE, TAGS
from comfy_assets.contract.rules.model import Deviation, Judged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from comfy_assets.contract.history import History, Seen

_SHOWN = 120


def kept(name: str) -> Callable[[History], Iterable[Judged]]:
    """Whether a member comes out as it went in, on 201 and on repeats of what made the reference."""

    def check(history: History) -> Iterator[Judged]:
        for one in history.successes:
            # What is open to refuse is open to change; what was never sent cannot be kept.
            if name not in one.sent or name not in one.members or one.expectation.open:
                continue
            if not history.made_by(one):
                continue
            sent, got = one.sent[name], one.members[name]
            if not keeps_schema(history, name, got):
                continue  # another rule's matter
            cause = _difference(name, sent, got)
            deviation = None
            if cause is not None:
                deviation = Deviation(cause, f"{name}: {_text(sent)}", f"{name}: {_text(got)}", member=name)
            yield Judged((one.index,), deviation)

    return check


def keeps_schema(history: History, name: str, value: Any) -> bool:
    """Whether a member of an answer is what the contract's schema says of it."""
    schema = history.facts.success_schema.get("properties", {}).get(name, {})
    return history.facts.contract.validator(schema).is_valid(jsontext.judgeable(value))


def _difference(name: str, sent: Any, got: Any) -> str | None:  # noqa: PLR0911 - a list of decisions
    """What is different, in a word or two; None where the meaning is the same."""
    if name == TAGS and isinstance(got, list) and all(isinstance(tag, str) for tag in got):
        lost, more = set(sent) - set(got), set(got) - set(sent)
        if not lost and not more:
            return None
        if {tag.strip().lower() for tag in sent} == {tag.strip().lower() for tag in got}:
            return "case or spaces"
        return "lost" if not more else "added" if not lost else "changed"
    if name == METADATA and isinstance(got, dict) and isinstance(sent, dict):
        return _metadata_difference(sent, got)
    if jsontext.same(sent, got):
        return None
    if isinstance(sent, str) and isinstance(got, str):
        return _text_difference(sent, got)
    return "type" if type(sent) is not type(got) else "changed"


#: What may have been done to a text; the first that fits is the cause.
_CHANGES: tuple[tuple[str, Callable[[str, str], bool]], ...] = (
    ("trimmed", lambda sent, got: got.strip() == sent.strip()),
    (
        "Unicode normalised",
        lambda sent, got: unicodedata.normalize("NFC", sent) == unicodedata.normalize("NFC", got),
    ),
    ("case", lambda sent, got: got.lower() == sent.lower()),
    ("cut", lambda sent, got: bool(got) and sent.startswith(got)),
    ("empty replaced", lambda sent, _: not sent),
    (
        "path removed",
        lambda sent, got: bool(got) and got == sent.replace("\\", "/").rpartition("/")[2].strip(),
    ),
    ("beyond ASCII", lambda sent, got: not sent.isascii() and _ascii(got).replace("?", "") == _ascii(sent)),
)


def _text_difference(sent: str, got: str) -> str:
    return next((words for words, fits in _CHANGES if fits(sent, got)), "changed")


def _ascii(text: str) -> str:
    return "".join(letter for letter in text if letter.isascii())


def _metadata_difference(sent: dict[str, Any], got: dict[str, Any]) -> str | None:
    lost = [name for name in sent if name not in got]
    more = [name for name in got if name not in sent]
    wrong = [name for name in sent if name in got and not _same_or_open(sent[name], got[name])]
    if not (lost or more or wrong):
        return None
    if wrong:
        kinds = {_kind_of_loss(sent[name], got[name]) for name in wrong}
        return min(kinds)
    if lost and all(sent[name] is None for name in lost):
        return "null lost"
    return "members lost" if lost else "members added"


def _same_or_open(sent: Any, got: Any) -> bool:
    """Integers that a double cannot hold are observed, not judged."""
    if any(isinstance(number, int) and abs(number) > LARGEST_EXACT for number in jsontext.numbers(sent)):
        return True
    return jsontext.same(sent, got)


def _kind_of_loss(sent: Any, got: Any) -> str:
    if isinstance(sent, bool) or sent is None:
        return f"{type(sent).__name__.replace('NoneType', 'null')} changed"
    if isinstance(sent, int | float):
        return "numbers as text" if isinstance(got, str) else "numbers changed"
    if isinstance(sent, str):
        return "text changed"
    return next((_kind_of_loss(*pair) for pair in _pairs(sent, got)), "nesting changed")


def _pairs(sent: Any, got: Any) -> Iterator[tuple[Any, Any]]:
    """What stands at the same place of two values of the same form and differs; nothing for other forms."""
    if isinstance(sent, dict) and isinstance(got, dict) and sent.keys() == got.keys():
        pairs = [(sent[name], got[name]) for name in sent]
    elif isinstance(sent, list) and isinstance(got, list) and len(sent) == len(got):
        pairs = list(zip(sent, got, strict=True))
    else:
        return
    yield from (pair for pair in pairs if not _same_or_open(*pair))


def content_hash(history: History) -> Iterator[Judged]:
    """The content's hash is that of the content that was asked for."""
    for one in history.successes:
        said, content = one.members.get(CONTENT_HASH), one.expectation.content
        if not isinstance(said, str) or content is None or not keeps_schema(history, CONTENT_HASH, said):
            continue
        algorithm = said.partition(":")[0]
        same = [hash_ for hash_ in content.hashes if hash_.partition(":")[0] == algorithm]
        asked = str(one.sent.get(HASH))
        if not same:
            # Only the other hash is known: all that can be said is that it is always the same one.
            yield from _always_the_same(history, one, said, asked)
            continue
        deviation = Deviation(
            "wrong", f"{CONTENT_HASH}: {same[0]}", f"{CONTENT_HASH}: {said}", member=CONTENT_HASH
        )
        yield Judged((one.index,), deviation if said not in same else None)


def _always_the_same(history: History, one: Seen, said: str, asked: str) -> Iterator[Judged]:
    before = next((other for other in history.successes if other.sent.get(HASH) == asked), one)
    expected = before.members.get(CONTENT_HASH)
    if before is not one and isinstance(expected, str):
        deviation = Deviation("changes", f"{CONTENT_HASH}: {expected}", f"{CONTENT_HASH}: {said}")
        yield Judged((before.index, one.index), deviation if said != expected else None)


def size(history: History) -> Iterator[Judged]:
    """The size is that of the file, and the same in every answer about one content."""
    first: dict[str, Seen] = {}
    for one in history.successes:
        content = history.content(one)
        if content is None or SIZE not in one.members:
            continue
        said = one.members[SIZE]
        if not keeps_schema(history, SIZE, said):
            continue
        if said < 0 or jsontext.DUPLICATE in one.text.open:
            continue  # another rule's matter
        known = one.expectation.content.size if one.expectation.content else None
        before = first.setdefault(content, one)
        deviation = None
        if known is not None and said != known:
            deviation = Deviation("wrong", f"{SIZE}: {known}, the file's", f"{SIZE}: {said}", member=SIZE)
        elif before.members.get(SIZE) != said:
            deviation = Deviation(
                "changes", f"{SIZE}: {before.members.get(SIZE)}, as before", f"{SIZE}: {said}", member=SIZE
            )
        if known is not None or before is not one:
            yield Judged((one.index,), deviation)


def large_integers(history: History) -> Iterator[Judged]:
    """What becomes of integers that a double cannot hold."""
    for one in history.successes:
        metadata = one.sent.get(METADATA)
        large = [
            number
            for number in jsontext.numbers(metadata)
            if isinstance(number, int) and abs(number) > LARGEST_EXACT
        ]
        if large and METADATA in one.members and history.made_by(one):
            exact = all(
                any(
                    type(other) is int and other == number
                    for other in jsontext.numbers(one.members[METADATA])
                )
                for number in large
            )
            yield Judged(
                (one.index,), note=f"integers beyond 2^53 {'come back exactly' if exact else 'lose digits'}"
            )


def _text(value: Any) -> str:
    text: str = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
