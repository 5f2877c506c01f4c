"""Test vectors for programs in any language: requests, answers and hashes, derived from the contract.

Bodies are texts and not JSON values, so that no reader of this file can change them (large integers,
members that stand in some order, spaces). `vectors.schema.json` says what each member means.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import uuid
from collections.abc import Iterator
from typing import Any, Final

from attrs import evolve
from blake3 import blake3

from comfy_assets.contract import samples
from comfy_assets.contract.clients.run import facts_of
from comfy_assets.contract.departures import departures
from comfy_assets.contract.plan import Planner
from comfy_assets.scenarios import allowed, drift, failing
from comfy_assets.scenarios.wire import LENGTH, Answer
from comfy_assets.specification import Contract

SUCCESS, FAILURE, EITHER = "success", "failure", "either"
_NAMESPACE: Final = uuid.UUID("6ba7b812-9dad-11d1-80b4-00c04fd430c8")
#: A run of one letter that is longer is written as a recipe.
_LONG_RUN: Final = re.compile(r"(.)\1{9999,}", re.DOTALL)
#: Bytes of the hashed contents: around the sizes where BLAKE3's chunks and SHA-256's blocks end, and large.
SIZES: Final = (
    0, 1, 55, 56, 63, 64, 65, 1023, 1024, 1025, 2048, 2049, 65_537, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5_000_000,
)  # fmt: skip
#: The content of a size is made of these bytes, over and over: 0, 1, 2, ... 250.
_PATTERN: Final = bytes(range(251))


def vectors(contract: Contract) -> dict[str, Any]:
    """All of them, as JSON types."""
    operation = contract.operation(failing.OPERATION)
    asked = operation.request_examples["complete"]
    return {
        "$schema": "vectors.schema.json",
        "contract": {"version": contract.version, "sha256": contract.digest},
        "operation": {
            "id": operation.operation_id,
            "method": operation.method,
            "path": operation.path,
            "key_header": operation.security_header,
            "media_type": operation.request_media_type,
        },
        "requests": list(_requests(contract)),
        "asked": body(_json(asked)),
        "answers": list(_answers(contract, asked)),
        "hashes": list(_hashes()),
    }


def body(content: bytes) -> dict[str, Any]:
    """Bytes, as text where they are UTF-8 and with a recipe for a long run of one letter."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(content).decode()}
    run = _LONG_RUN.search(text)
    if run is None:
        return {"text": text}
    recipe = {
        "before": text[: run.start()],
        "repeat": run[1],
        "times": len(run[0]),
        "after": text[run.end() :],
    }
    return {"recipe": recipe}


def content_of(written: dict[str, Any]) -> bytes:
    """The bytes that `body` wrote: a reader's reference."""
    if "base64" in written:
        return base64.b64decode(written["base64"])
    if "text" in written:
        return str(written["text"]).encode("utf-8")
    one = written["recipe"]
    return str(one["before"] + one["repeat"] * one["times"] + one["after"]).encode("utf-8")


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8")


# --- Requests -------------------------------------------------------------------------------------


def _requests(contract: Contract) -> Iterator[dict[str, Any]]:
    facts = evolve(facts_of(contract), run_id=contract.version)
    planner = Planner(facts)
    successes = sorted(int(one) for one in facts.operation.responses if one.startswith("2"))

    def valid(name: str, value: Any) -> dict[str, Any]:
        return {"name": name, "valid": True, "statuses": successes, "key": True, "body": body(_json(value))}

    def invalid(
        name: str, rule: str, place: str, content: bytes, status: int = 400, *, key: bool = True
    ) -> dict[str, Any]:
        reason = {"rule": rule, "place": place, "text": name}
        return {"name": f"{place or 'body'}: {name}", "valid": False, "reason": reason, "statuses": [status],
                "key": key, "body": body(content)}  # fmt: skip

    for name, value in facts.operation.request_examples.items():
        yield valid(f"example {name}", value)
    for change in samples.accepted(planner):
        members = {**planner.base, **change.members}
        yield valid(change.label, {key: one for key, one in members.items() if one is not samples.ABSENT})
    for one in departures(contract, facts.request_schema, planner.base):
        yield invalid(one.label, one.keyword, one.place, _json(one.body))
    right = _json(planner.base)
    for name, content in (
        ("nothing", b""),
        ("text that breaks off", right[:-1]),
        ("two values", right + right),
        ("no JSON", b"hash=a&tags=input"),
        ("not UTF-8", right.replace(b"image/png", b"image/\xff")),
        ("NaN", right.replace(b'"image/png"', b"NaN")),
        ("single quotes", right.replace(b'"', b"'")),
    ):
        yield invalid(name, "json", "", content)
    yield invalid("no key was sent", "key", "", right, 401, key=False)


# --- Answers --------------------------------------------------------------------------------------


def _answers(contract: Contract, asked: Any) -> Iterator[dict[str, Any]]:
    def whole(name: str, *, created: bool = True) -> tuple[int, dict[str, Any]]:
        return allowed.whole(contract, str(uuid.uuid5(_NAMESPACE, name)), asked, created=created)

    for number, shape in enumerate(allowed.allowed(contract)):
        answer = shape.of(*whole(f"allowed-{shape.name}", created=number % 3 > 0))
        if _is_plain(answer):
            yield _answer(
                f"allowed-{shape.name}", shape.about, answer, SUCCESS, json.loads(answer.body)["id"]
            )
    for one in failing.failing(contract):
        yield _answer(f"failing-{one.name}", one.about, one.answer, FAILURE)
    for name, one_drift in drift.DRIFTS.items():
        # A drift that draws an id of its own keeps ours: the vectors are the same each time.
        made, members = whole(f"drift-{name}", created="repeat" not in name)
        status, drifted = one_drift.change(made, members)
        drifted = {**drifted, "id": members["id"]}
        outcome = EITHER if one_drift.told else SUCCESS
        yield _answer(f"drift-{name}", "drift", allowed.plain(status, drifted), outcome, members["id"])


def _is_plain(answer: Answer) -> bool:
    """Whether status, headers and body say all of it; framing and the like are for `check-client`."""
    return answer == Answer(answer.status, answer.body, answer.headers) and answer.framing == LENGTH


def _answer(name: str, about: str, answer: Answer, outcome: str, id_: str | None = None) -> dict[str, Any]:
    return {
        "name": name,
        "about": about,
        "status": answer.status,
        "headers": [list(header) for header in answer.headers],
        "body": body(answer.body),
        "outcome": outcome,
        **({} if id_ is None else {"id": id_}),
    }


# --- Hashes ---------------------------------------------------------------------------------------


def pattern(size: int) -> bytes:
    """The content of a size: the byte at place i is i modulo 251."""
    return (_PATTERN * (size // len(_PATTERN) + 1))[:size]


def _hashes() -> Iterator[dict[str, Any]]:
    for size in SIZES:
        content = pattern(size)
        yield {
            "size": size,
            "modulo": len(_PATTERN),
            "blake3": "blake3:" + blake3(content).hexdigest(),
            "sha256": "sha256:" + hashlib.sha256(content).hexdigest(),
        }
