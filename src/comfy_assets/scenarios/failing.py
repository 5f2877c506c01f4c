"""Answers that are no success: each documented error, other statuses, odd bodies; and successes that say nothing.

`failing(contract)` gives them. An error is one whatever its body looks like; a success without a body that
can be read tells no id, so that nobody can claim one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen

from comfy_assets.scenarios.wire import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from comfy_assets.specification import Contract

OPERATION = "createAssetFromHash"
#: What an answer is about: a status that the contract has, another one, an error whose body is none of the
#: contract's, a success that cannot be read.
DOCUMENTED, OTHER, ODD_BODY, UNREADABLE, NULL_ID = "documented", "other", "odd-body", "unreadable", "null-id"

#: Statuses that the field has, or that stand before any service.
OTHER_STATUSES: Final = (
    402,
    403,
    405,
    408,
    409,
    410,
    413,
    415,
    418,
    422,
    425,
    429,
    431,
    451,
    501,
    502,
    503,
    504,
    520,
    599,
)

_ID: Final = "00000000-0000-4000-8000-00000000dead"
#: A success, word for word: under an error's status it is none.
SUCCESS: Final[dict[str, Any]] = {
    "id": _ID, "name": "portrait.png", "size": 123, "created_at": "2023-11-07T05:31:56Z",
    "updated_at": "2023-11-07T05:31:56Z", "created_new": True,
}  # fmt: skip
_ERROR: Final = {"code": "SOME_CODE", "message": "some words"}

#: Bodies of errors, by name, with their media type.
BODIES: Final[dict[str, tuple[bytes, str | None]]] = {
    "empty": (b"", None),
    "html": (b"<!doctype html><html><body><h1>Bad Gateway</h1></body></html>", "text/html"),
    "text": (b"upstream connect error", "text/plain; charset=utf-8"),
    "truncated": (b'{"code": "SOME_CODE", "mess', "application/json"),
    "nested": (json.dumps({"error": {**_ERROR, "details": {}}}).encode(), "application/json"),
    "list": (b'[{"code": "SOME_CODE"}]', "application/json"),
    "null": (b"null", "application/json"),
    "numbers": (b'{"code": 17, "message": null}', "application/json"),
    "not-utf-8": (b'{"code": "\xff\xfe", "message": "\x80"}', "application/json"),
    "large": (json.dumps({**_ERROR, "trace": "x" * 2_000_000}).encode(), "application/json"),
    "a-success": (json.dumps(SUCCESS).encode(), "application/json"),
}

#: Bodies of successes that tell no id.
NO_SUCCESS: Final[dict[str, tuple[bytes, str | None]]] = {
    "empty": (b"", "application/json"),
    "html": BODIES["html"],
    "truncated": (b'{"id": "0000', "application/json"),
    "list": (b"[]", "application/json"),
    "null": (b"null", "application/json"),
    "text": (b'"done"', "application/json"),
    "error-body": (json.dumps(_ERROR).encode(), "application/json"),
    "nested-error": BODIES["nested"],
    "without-id": (
        json.dumps({name: one for name, one in SUCCESS.items() if name != "id"}).encode(),
        "application/json",
    ),
    "not-utf-8": (b'{"\xff": 1}', "application/json"),
}


@frozen
class Failing:
    """One answer that is no success."""

    name: str
    about: str
    answer: Answer


def error(contract: Contract, status: int) -> Answer:
    """An error of the contract, with the example that it gives for this status where it has one."""
    described = contract.operation(OPERATION).responses.get(str(status))
    example = next(iter(described.examples.values()), _ERROR) if described else _ERROR
    return Answer(status, json.dumps(example).encode())


def documented(contract: Contract) -> tuple[int, ...]:
    """The error statuses that the contract names."""
    named = contract.operation(OPERATION).responses
    return tuple(int(status) for status in named if status.isdecimal() and status >= "400")


def failing(contract: Contract) -> tuple[Failing, ...]:
    """All of them."""
    return tuple(_failing(contract))


def _failing(contract: Contract) -> Iterator[Failing]:
    for status in documented(contract):
        yield Failing(f"status-{status}", DOCUMENTED, error(contract, status))
    for status in OTHER_STATUSES:
        if str(status) not in contract.operation(OPERATION).responses:
            yield Failing(f"status-{status}", OTHER, error(contract, status))
    statuses = documented(contract) or (500,)
    for number, (name, body) in enumerate(BODIES.items()):
        # Each body under another of the documented statuses; a success in an error's place under all of them.
        for status in statuses if name == "a-success" else (statuses[number % len(statuses)],):
            yield Failing(f"status-{status}-{name}", ODD_BODY, _answer(status, *body))
    for number, (name, body) in enumerate(NO_SUCCESS.items()):
        yield Failing(f"success-{name}", UNREADABLE, _answer((200, 201)[number % 2], *body))
    null_id = json.dumps({**SUCCESS, "id": None}).encode()
    yield Failing("success-null-id", NULL_ID, _answer(201, null_id, "application/json"))
    yield Failing("status-204", UNREADABLE, Answer(204, headers=(), framing=""))


def _answer(status: int, body: bytes, media_type: str | None) -> Answer:
    return Answer(status, body, (("Content-Type", media_type),) if media_type else ())
