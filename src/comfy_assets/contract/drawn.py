"""Cases that schemathesis derives from the contract's schema, with known content in them.

Drawn before anything is sent: schemathesis talks to the model of the service, in this process, and what
it says there is written down. It judges nothing; its requests are judged by their bytes like all others.

Known hashes stand in the request's example and in its dictionary: with the dictionary alone, bad requests
would carry unknown hashes, and a 404 would hide that they were accepted.
"""

from __future__ import annotations

import copy
import logging
import warnings
from typing import TYPE_CHECKING, Any

from comfy_assets.contract import oracle
from comfy_assets.contract.facts import HASH, NAME, TAGS
from comfy_assets.contract.keys import KEY
from comfy_assets.contract.messages import Request
from comfy_assets.contract.record import Case
from comfy_assets.contract.samples import UNKNOWN_HASHES
from comfy_assets.scenarios.model import Asked, Said, Service, Stored
from comfy_assets.scenarios.serving import serving

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from comfy_assets.contract.facts import Facts

#: Examples that schemathesis draws in its fuzzing phase, and cases of all phases that are sent.
EXAMPLES = 15
MOST_CASES = 120
#: Of them, requests that keep the contract: each could make a reference.
MOST_GOOD = 5
#: Of the drawn hashes, how many are known.
KNOWN_SHARE = 0.8


def drawn_cases(facts: Facts) -> list[Case]:
    """The cases; the same for the same contract, seed and known content."""
    if not facts.contents:
        return []
    said = _overheard(facts)
    return list(_cases(facts, said))


def _cases(facts: Facts, said: Iterable[tuple[str, dict[str, str], bytes]]) -> Iterator[Case]:
    seen: set[Any] = set()
    good = 0
    for method, headers, body in said:
        key = (method, tuple(headers.items()), body)
        if key in seen or method != facts.operation.method or len(seen) >= MOST_CASES:
            continue
        seen.add(key)
        base = facts.base_headers(None)
        request = Request(method, facts.path, (*base, *headers.items()), body)
        kind = oracle.expect(facts, request).kind
        if kind in {oracle.ACCEPT, oracle.OPEN}:
            good += 1
            if good > MOST_GOOD:
                continue
        yield Case(f"drawn/{len(seen)}", request, control="control")


def _overheard(facts: Facts) -> list[tuple[str, dict[str, str], bytes]]:
    """What schemathesis says to the model: method, headers that matter, body."""
    # Imported here: it takes most of a second, and not every run draws.
    import schemathesis
    from schemathesis.engine import events, from_schema

    said: list[tuple[str, dict[str, str], bytes]] = []
    service = _service(facts)

    def answer(asked: Asked) -> Said:
        said.append((asked.method, _headers(facts, asked), asked.body))
        return service.answer(asked)

    logging.getLogger("schemathesis").setLevel(logging.ERROR)
    with warnings.catch_warnings(), serving(answer) as url:
        warnings.simplefilter("ignore")  # about cases that nobody judges here
        config = schemathesis.Config.from_dict({**_configuration(facts), "base-url": url})
        schema = schemathesis.openapi.from_dict(_document(facts), config=config)
        failed = [event for event in from_schema(schema).execute() if isinstance(event, events.NonFatalError)]
    if failed:
        raise DrawingError(f"schemathesis could not draw: {failed[0].value}")
    return said


class DrawingError(RuntimeError):
    """The cases could not be drawn: a mistake of this check, not of the server."""


def _headers(facts: Facts, asked: Asked) -> dict[str, str]:
    """The headers that the contract says something about; others would differ from run to run."""
    kept = {name.lower(): name for name in ("Content-Type", "Authorization", "Cookie", facts.key_header)}
    return {name: asked.headers[lower][0] for lower, name in kept.items() if asked.headers.get(lower)}


def _service(facts: Facts) -> Service:
    """The model, storing what is known."""
    stored = [
        Stored(
            next((one for one in content.hashes if one.startswith("blake3")), UNKNOWN_HASHES[0]),
            next((one for one in content.hashes if one.startswith("sha256")), UNKNOWN_HASHES[1]),
            content.size or 0,
        )
        for content in facts.contents
    ]
    return Service(stored, [KEY], contract=facts.contract)


def _document(facts: Facts) -> dict[str, Any]:
    """The contract with known content in its examples."""
    document = copy.deepcopy(facts.contract.document)
    operation = facts.operation
    body = document["paths"][operation.path][operation.method.lower()]["requestBody"]
    known = facts.contents[0].hashes[0]
    media = body["content"][facts.media_type]
    examples = {
        name: {"value": {**value, HASH: known}} for name, value in operation.request_examples.items()
    } or {"one": {"value": {HASH: known, TAGS: ["input"]}}}
    for example in examples.values():
        if NAME in example["value"]:
            example["value"][NAME] = f"{facts.mark}-drawn.png"
    media["examples"] = examples
    media.pop("example", None)
    return document


def _configuration(facts: Facts) -> dict[str, Any]:
    # What answers teach would change what is said next.
    no_learning = {"extra-data-sources": {"responses": False}}
    known = [hash_ for content in facts.contents for hash_ in content.hashes]
    return {
        "seed": facts.seed,
        "headers": {facts.key_header: KEY},
        "continue-on-failure": True,
        "cache": {"enabled": False},
        "dictionaries": {"known": {"values": known}},
        "parameters": {f"body.{HASH}": {"dictionary": "known", "probability": KNOWN_SHARE}},
        "generation": {
            "max-examples": EXAMPLES,
            "allow-x00": False,
            "database": "none",
            "unique-inputs": True,
            "no-shrink": True,
        },
        "phases": {
            "examples": no_learning,
            "coverage": no_learning,
            "fuzzing": {**no_learning, "error-feedback": {"enabled": False}},
            "stateful": {"enabled": False},
        },
    }  # fmt: skip
