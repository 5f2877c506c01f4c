"""Rules about what a program sends: judged from the bytes, by the same oracle as requests of the check."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

from attrs import evolve

from comfy_assets.contract import jsontext, oracle
from comfy_assets.contract.facts import TAGS
from comfy_assets.contract.keys import KEY
from comfy_assets.contract.messages import LENGTH
from comfy_assets.contract.rules.model import Deviation, Judged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from comfy_assets.contract.clients.history import ClientHistory
    from comfy_assets.contract.clients.record import Run
    from comfy_assets.contract.messages import Request

_SHOWN = 160


def shown(value: Any) -> str:
    """A value in a few characters."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"


def _requests(history: ClientHistory) -> Iterator[tuple[Run, Request]]:
    for run in history.runs:
        for arrival in run.asks:
            if arrival.request is not None and not arrival.moved:
                yield run, arrival.request


def asks(history: ClientHistory) -> Iterator[Judged]:
    """Every run asks the service."""
    if not any(run.asks for run in history.runs):
        return  # it was never seen to ask: nothing can be said of it
    for run in history.ended:
        words = "the request that its environment asks for"
        deviation = Deviation(
            history.ask_of(run), words, f"no request; exit status {run.status}; {history.why(run)}"
        )
        yield Judged((run.index,), None if run.asks else deviation)


def http(history: ClientHistory) -> Iterator[Judged]:
    """What is sent is HTTP/1.1."""
    for run in history.runs:
        for arrival in run.asks:
            deviation = Deviation("http", "a whole HTTP/1.1 request", arrival.wrong or "")
            yield Judged((run.index,), deviation if arrival.wrong else None)


def target(history: ClientHistory) -> Iterator[Judged]:
    """Method and path are the contract's, and no query follows."""
    operation = history.facts.operation
    for run, request in _requests(history):
        path, mark, _ = request.target.partition("?")
        got = f"{request.method} {shown(request.target)}"
        expected = f"{operation.method} {history.facts.path}"
        cause = ""
        if request.method != operation.method:
            cause = f"method {request.method}"
        elif path != history.facts.path:
            cause = "path"
        elif mark:
            cause = "query"
        yield Judged((run.index,), Deviation(cause, expected, got) if cause else None)


def key(history: ClientHistory) -> Iterator[Judged]:
    """The key stands once in its header, as it is."""
    name = history.facts.key_header
    for run, request in _requests(history):
        values = request.header(name)
        cause = "missing" if not values else "twice" if len(values) > 1 else "changed"
        got = f"{name}: {shown(', '.join(values))}" if values else f"no {name}"
        deviation = None if values == [KEY] else Deviation(cause, f"{name} with the key, once", got)
        yield Judged((run.index,), deviation)


def media_type(history: ClientHistory) -> Iterator[Judged]:
    """The body is announced as what it is."""
    expected = history.facts.media_type
    for run, request in _requests(history):
        values = request.header("content-type")
        kind, _, parameters = (values[0] if len(values) == 1 else "").partition(";")
        charset = parameters.replace(" ", "").replace('"', "").lower()
        is_right = kind.strip().lower() == expected and charset in {"", "charset=utf-8", "charset=utf8"}
        coded = [one for one in request.header("content-encoding") if one.lower() != "identity"]
        cause = "" if is_right and not coded else "coding" if coded else "media type" if values else "none"
        got = f"Content-Type: {', '.join(values) or '(none)'}" + "".join(
            f", Content-Encoding: {one}" for one in coded
        )
        yield Judged((run.index,), Deviation(cause, f"Content-Type: {expected}", got) if cause else None)


def body(history: ClientHistory) -> Iterator[Judged]:
    """The body keeps the contract's schema."""
    facts = history.facts
    for run, request in _requests(history):
        alone = evolve(
            request, method=facts.operation.method, target=facts.path, framing=LENGTH,
            headers=((facts.key_header, KEY), ("Content-Type", facts.media_type)),
        )  # fmt: skip
        expectation = oracle.expect(facts, alone)
        departures = [(one.rule + ": " + one.cause, one.words) for one in expectation.departures]
        departures += [(word, f"the body has {word}") for word in expectation.open if word in _NEVER]
        for cause, words in departures or [("", "")]:
            deviation = Deviation(cause, "a body that keeps the contract", words)
            yield Judged((run.index,), deviation if cause else None)


_NEVER = {jsontext.BYTE_ORDER_MARK, jsontext.DUPLICATE, jsontext.SURROGATE, jsontext.NUL}


def _bodies(history: ClientHistory) -> Iterator[tuple[Run, dict[str, Any]]]:
    for run, request in _requests(history):
        value = jsontext.read(request.body).value
        if isinstance(value, dict):
            yield run, value


def member(name: str) -> Callable[[ClientHistory], Iterator[Judged]]:
    """The rule about one member: it is sent as the environment gives it."""

    def check(history: ClientHistory) -> Iterator[Judged]:
        for run, sent in _bodies(history):
            if name not in run.asked:
                continue
            asked = run.asked[name]
            same = _same_tags if name == TAGS else jsontext.same
            deviation = None
            if name not in sent:
                deviation = Deviation("dropped", f"{name}: {shown(asked)}", f"no {name}")
            elif not same(asked, sent[name]):
                deviation = Deviation(
                    _change(asked, sent[name]), f"{name}: {shown(asked)}", f"{name}: {shown(sent[name])}"
                )
            yield Judged((run.index,), deviation)

    return check


def _same_tags(asked: list[str], sent: Any) -> bool:
    return (
        isinstance(sent, list) and all(isinstance(tag, str) for tag in sent) and sorted(asked) == sorted(sent)
    )


def _change(asked: Any, sent: Any) -> str:
    """What was done to it, in a word: that is the cause."""
    if sent is None:
        return "null"
    if type(sent) is not type(asked):
        return f"sent as {oracle.jsontype(sent)}"
    texts = jsontext.texts(asked), jsontext.texts(sent)
    for words, change in _CHANGES:
        if sorted(map(change, texts[0])) == sorted(map(change, texts[1])):
            return words
    return "changed"


_CHANGES: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("values", str),
    ("normalised", lambda text: unicodedata.normalize("NFC", text)),
    ("trimmed", str.strip),
    ("another case", str.lower),
    ("not ASCII", lambda text: text.encode("ascii", "ignore").decode()),
)


def empty(history: ClientHistory) -> Iterator[Judged]:
    """Empty variables are not sent."""
    known = history.facts.request_schema.get("properties", {})
    for run, sent in _bodies(history):
        for name in known:
            if name not in run.asked:
                got = f"{name}: {shown(sent.get(name))}"
                yield Judged((run.index,), Deviation(name, f"no {name}", got) if name in sent else None)


def further(history: ClientHistory) -> Iterator[Judged]:
    """Nothing is sent that was not asked for."""
    known = history.facts.request_schema.get("properties", {})
    for run, sent in _bodies(history):
        names = sorted(set(sent) - set(known))
        got = f"also {', '.join(map(shown, names))}"
        yield Judged((run.index,), Deviation("members", "the members asked for", got) if names else None)
