"""What the server says: bodies of answers, in the shape that the contract's schemas give them.

Pure. A body has exactly those of our members that the schema names, so that a member taken out of
the contract leaves the answers too. A member that the contract requires and we do not have is
found when the server starts, not when somebody asks.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from comfy_assets.specification import ContractFileError

if TYPE_CHECKING:
    from comfy_assets.server.references import Reference
    from comfy_assets.specification import Contract, Operation

#: Short names of errors, for programs; a status that is not listed goes by its name in HTTP.
CODES = {
    400: "INVALID_REQUEST",
    401: "UNAUTHORIZED",
    404: "NOT_FOUND",
    408: "TIMEOUT",
    413: "TOO_LARGE",
    500: "INTERNAL_ERROR",
}

JSON = "application/json"


@dataclass(frozen=True)
class Answer:
    """A status, a body in bytes, and headers."""

    status: int
    body: bytes
    media_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Outcome:
    """What an operation did: a status, and every member that the server can say about it.

    `written` is the answer made of it, kept for one that is told again and again.
    """

    status: int
    members: dict[str, Any]
    written: Answer | None = None


def asset_created(reference: Reference, *, created_new: bool) -> dict[str, Any]:
    """Every member that this server can give an answer about a reference."""
    members = {
        "id": reference.id,
        "name": reference.name,
        "size": reference.size,
        "created_at": _time(reference.created_at),
        "updated_at": _time(reference.updated_at),
        "created_new": created_new,
        "asset_hash": reference.blake3,
        "mime_type": reference.mime_type,
        "tags": json.loads(reference.tags),
        "user_metadata": json.loads(reference.user_metadata),
        "preview_id": None,
        "prompt_id": None,
        "last_access_time": _time(reference.last_access_time),
        "is_immutable": False,
    }
    if reference.mime_type is None:
        del members["mime_type"]
    return members


def error_members(status: int, message: str) -> dict[str, Any]:
    """Every member that this server can give an error."""
    return {"code": CODES.get(status, HTTPStatus(status).name), "message": message}


class Writer:
    """Writes the answers of one contract."""

    def __init__(self, contract: Contract, *, validates: bool = False) -> None:
        self._contract = contract
        #: Whether every answer of an operation is held against its schema before it is sent.
        self._validates = validates
        described = (answer for operation in contract.operations for answer in operation.responses.values())
        #: For statuses that the contract does not describe (405, 413) and for paths that it does not have.
        self._usual_error = next((answer for answer in described if answer.status[0] in "45"), None)

    def check(self, operation: Operation, status: int, members: dict[str, Any]) -> None:
        """Raise `ContractFileError` where the contract asks an answer for what this server has not.

        `members` is a sample of what the server would say with this status.
        """
        response = operation.response(status)
        where = f"{self._contract.path}: {operation.operation_id}"
        if response is None:
            raise ContractFileError(f"{where}: status {status}, which this server answers, is not described")
        if response.schema is None:
            return
        sample = self._shaped(response.schema, members)
        for error in self._contract.validator(response.schema).iter_errors(sample):
            raise ContractFileError(
                f"{where}: status {status}: this server cannot answer so: {error.message}"
            )

    def success(self, operation: Operation, outcome: Outcome) -> Answer:
        """An answer of an operation, as the contract describes that status."""
        if outcome.written is None:
            response = operation.response(outcome.status)
            if response is None or response.schema is None:
                outcome.written = Answer(outcome.status, b"")
            else:
                shaped = self._shaped(response.schema, outcome.members)
                body = self._judged(outcome.status, response.schema, shaped)
                outcome.written = Answer(outcome.status, body, response.media_type or JSON)
        return outcome.written

    def error(
        self, operation: Operation | None, status: int, message: str, headers: dict[str, str] | None = None
    ) -> Answer:
        """An error, as the operation describes that status, else as the contract describes errors.

        Raises ContractFileError where a described one is to be validated and breaks the contract; never for
        500, which is said of such an answer.
        """
        described = operation.response(status) if operation else None
        response = described or self._usual_error
        if response is None or response.schema is None:
            return Answer(status, _json(error_members(status, message)), headers=headers or {})
        shaped = self._shaped(response.schema, error_members(status, message))
        is_judged = described is not None and status != HTTPStatus.INTERNAL_SERVER_ERROR
        body = self._judged(status, response.schema, shaped) if is_judged else _json(shaped)
        return Answer(status, body, response.media_type or JSON, headers or {})

    def _judged(self, status: int, schema: dict[str, Any], members: dict[str, Any]) -> bytes:
        """The body; raises ContractFileError where it is to be validated and breaks the contract."""
        body = _json(members)
        if self._validates:
            for error in self._contract.validator(schema).iter_errors(json.loads(body)):
                raise ContractFileError(f"the answer {status} would break the contract: {error.message}")
        return body

    def _shaped(self, schema: dict[str, Any], members: dict[str, Any]) -> dict[str, Any]:
        target = self._contract.resolve(schema["$ref"]) if "$ref" in schema else schema
        named = target.get("properties")
        return members if named is None else {name: members[name] for name in named if name in members}


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8")


def _time(microseconds: int) -> str:
    """Microseconds since 1970 as RFC 3339 in UTC: `2026-01-02T03:04:05.678901Z`."""
    seconds, rest = divmod(microseconds, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:06d}Z"
