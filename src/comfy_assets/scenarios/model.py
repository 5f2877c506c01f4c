"""A minimal model of the service: everything that the contract asks for, in memory, and nothing else.

Pure but for its memory: a request goes in, an answer comes out. Each decision is a method of its own,
so that a server that is broken in one way is this class with one method replaced (`faults.py`).
"""

from __future__ import annotations

import hashlib
import json
import threading
import uuid
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field, frozen

from comfy_assets import specification

if TYPE_CHECKING:
    from collections.abc import Sequence

    from comfy_assets.specification import Contract

OPERATION = "createAssetFromHash"
JSON = "application/json"
#: Larger bodies, and deeper ones, are refused; the contract's users get 16 KiB and 32 levels.
BODY_BYTES = 256 * 1024
DEPTH = 64


@frozen
class Asked:
    """A request: header names in lower case, each with all its values."""

    method: str
    target: str
    headers: dict[str, list[str]]
    body: bytes
    #: Names of headers as they were written.
    names: tuple[str, ...] = ()

    def header(self, name: str) -> str | None:
        """The only value of a header; None where there is none, or more than one."""
        values = self.headers.get(name.lower(), [])
        return values[0] if len(values) == 1 else None


@frozen
class Said:
    """An answer. `raw` replaces all of it by these bytes; `closes` ends the connection after it."""

    status: int
    members: Any = None
    headers: dict[str, str] = field(factory=lambda: {"Content-Type": JSON})
    body: bytes | None = None
    raw: bytes | None = None
    closes: bool = False
    seconds: float = 0.0

    @property
    def content(self) -> bytes:
        """The body's bytes."""
        if self.body is not None:
            return self.body
        if self.members is None:
            return b""
        return json.dumps(self.members, ensure_ascii=False).encode("utf-8", "backslashreplace")

    def with_header(self, name: str, value: str | None) -> Said:
        """The answer with another header; None leaves it out."""
        headers = {key: text for key, text in self.headers.items() if key.lower() != name.lower()}
        return evolve(self, headers=headers if value is None else {**headers, name: value})


class RefusedError(Exception):
    """A request that is not carried out."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@frozen
class Stored:
    """Content that the service has."""

    blake3: str
    sha256: str
    size: int

    @classmethod
    def of(cls, content: bytes) -> Stored:
        """What is stored of these bytes."""
        from blake3 import blake3

        sha256 = hashlib.sha256(content).hexdigest()
        return cls(f"blake3:{blake3(content).hexdigest()}", f"sha256:{sha256}", len(content))


@define
class Reference:
    """What the service remembers of one."""

    id: str
    owner: Any
    stored: Stored
    sent: dict[str, Any]
    created: str
    updated: str


@define(slots=False)
class Service:
    """The model. `identity` names the members that make another reference, beside owner and content."""

    stored: Sequence[Stored]
    keys: Sequence[str]
    identity: tuple[str, ...] = ("name",)
    contract: Contract = field(factory=specification.load, repr=False)
    references: dict[Any, Reference] = field(factory=dict)
    #: Requests answered so far.
    count: int = 0
    lock: threading.RLock = field(factory=threading.RLock, repr=False)

    def __attrs_post_init__(self) -> None:
        self.operation = self.contract.operation(OPERATION)
        self.validator = self.contract.validator(self.operation.request_schema or {})
        self.key_header = (self.operation.security_header or "").lower()

    # --- The whole ----------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Said:
        """Answer a request."""
        with self.lock:
            self.count += 1
        try:
            return self.after(asked, self.route(asked))
        except RefusedError as refused:
            return self.after(asked, self.error(refused.status, refused.message))
        except Exception:  # noqa: BLE001 - what a broken method raises is a failure of the service, as in a real one
            return self.after(asked, self.error(500, "the service failed"))

    def route(self, asked: Asked) -> Said:
        """Which operation, if any."""
        path = self.path(asked)
        if path != self.operation.path:
            raise RefusedError(404, "there is nothing at this path")
        if asked.method != self.operation.method:
            return self.other_method(asked)
        return self.create(asked)

    def path(self, asked: Asked) -> str:
        """The path that is asked for."""
        return asked.target.partition("?")[0]

    def other_method(self, asked: Asked) -> Said:
        """An answer to a method that the contract does not have."""
        return self.error(405, "this method is not allowed here").with_header("Allow", self.operation.method)

    def create(self, asked: Asked) -> Said:
        """The operation."""
        owner = self.owner(asked)
        self.check_media_type(asked)
        value = self.read(asked)
        self.check(value)
        stored = self.find(value["hash"], owner)
        if stored is None:
            raise RefusedError(404, "no stored content has this hash")
        reference, created = self.refer(owner, stored, value)
        return Said(self.status(created=created), self.members(reference, created=created))

    # --- Its decisions ------------------------------------------------------------------------------

    def owner(self, asked: Asked) -> Any:
        """Whose key it is."""
        key = self.key(asked)
        if key not in self.keys:
            raise RefusedError(401, "the API key is missing or not valid")
        return key

    def key(self, asked: Asked) -> str | None:
        """The key that was sent."""
        return asked.header(self.key_header)

    def check_media_type(self, asked: Asked) -> None:
        """Refuse what is not announced as JSON."""
        media_type = (asked.header("content-type") or "").partition(";")[0].strip().lower()
        if media_type != JSON:
            raise RefusedError(415, f"the media type must be {JSON}")

    def read(self, asked: Asked) -> Any:
        """The body as JSON."""
        if len(asked.body) > BODY_BYTES:
            raise RefusedError(413, "the body is too large")
        try:
            text = asked.body.decode("utf-8")
            value = json.loads(text, parse_constant=_no_constant)
            # Before anything else looks at it: how deep the interpreter itself can go differs by its version.
            self.check_depth(value)
            json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")
        except RecursionError:
            raise RefusedError(400, "the body is nested too deeply") from None
        except ValueError:
            raise RefusedError(400, "the body is not JSON") from None
        return value

    def check_depth(self, value: Any) -> None:
        """Refuse what is nested deeper than it promises."""
        if depth(value) > DEPTH:
            raise RefusedError(400, "the body is nested too deeply")

    def check(self, value: Any) -> None:
        """Refuse what breaks the schema."""
        for error in self.validator.iter_errors(value):
            self.refuse(list(error.instance_path), error.kind.name, error.instance)

    def refuse(self, path: list[Any], keyword: str, value: Any) -> None:
        """Refuse one violation of the schema."""
        raise RefusedError(400, f"the request is invalid: {keyword}")

    def find(self, hash_: str, owner: Any) -> Stored | None:
        """The content with this hash."""
        return next((one for one in self.stored if hash_ in (one.blake3, one.sha256)), None)

    def refer(self, owner: Any, stored: Stored, value: dict[str, Any]) -> tuple[Reference, bool]:
        """The reference, and whether it is new."""
        key = self.identity_of(owner, stored, value)
        with self.lock:
            known = self.references.get(key)
            if known is not None:
                return known, False
            reference = self.make(owner, stored, value)
            self.references[key] = reference
            return reference, True

    def identity_of(self, owner: Any, stored: Stored, value: dict[str, Any]) -> Any:
        """What makes a reference the same."""
        return owner, stored.blake3, json.dumps([value.get(name) for name in self.identity], sort_keys=True)

    def make(self, owner: Any, stored: Stored, value: dict[str, Any]) -> Reference:
        """A new reference."""
        now = self.now()
        return Reference(str(uuid.uuid4()), owner, stored, value, now, now)

    def now(self) -> str:
        """The time."""
        import datetime as dt

        return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def status(self, *, created: bool) -> int:
        """The status of a success."""
        return 201 if created else 200

    def members(self, reference: Reference, *, created: bool) -> dict[str, Any]:
        """The success body."""
        sent = reference.sent
        members = {
            "id": reference.id,
            "name": sent.get("name", reference.stored.blake3),
            "size": reference.stored.size,
            "created_at": reference.created,
            "updated_at": reference.updated,
            "created_new": created,
            "asset_hash": reference.stored.blake3,
            "tags": sent["tags"],
            "user_metadata": sent.get("user_metadata", {}),
            "preview_id": None,
            "is_immutable": False,
        }
        return members | ({"mime_type": sent["mime_type"]} if "mime_type" in sent else {})

    def error(self, status: int, message: str) -> Said:
        """An error."""
        said = Said(status, {"code": f"ERROR_{status}", "message": message})
        return said.with_header("WWW-Authenticate", "ApiKey") if status == 401 else said

    def after(self, asked: Asked, said: Said) -> Said:
        """The last word on every answer."""
        return said


def depth(value: Any) -> int:
    """Levels of objects and arrays in a JSON value."""
    level, waiting = 0, [value]
    while waiting := [item for item in waiting if isinstance(item, dict | list)]:
        level += 1
        waiting = [inner for item in waiting for inner in (item.values() if isinstance(item, dict) else item)]
    return level


def _no_constant(name: str) -> Any:
    raise ValueError(name)
