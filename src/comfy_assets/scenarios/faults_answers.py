"""Faults in answers: their bodies, references, what comes out, errors and leaks."""

from __future__ import annotations

import struct
import threading
import time
import uuid
from typing import Any

from attrs import evolve

from comfy_assets.scenarios.faults import (
    Fault,
    changed,
    errors,
    member,
    members,
    success,
    without,
)
from comfy_assets.scenarios.model import Service

_JAVA = "java.lang.NullPointerException\n\tat org.example.Assets.create(Assets.java:42)\n\tat java.base/java.lang.Thread.run"
_GO = (
    "runtime error: index out of range [3]\n\ngoroutine 34 [running]:\nmain.create(...)\n\tmain.go:57 +0x1d4"
)
_NODE = "TypeError: tags.map is not a function<br> &nbsp; &nbsp;at create (./server.js:31:12)<br> at Layer.&lt;anonymous&gt;"
_CALL = {"file": "Assets.php", "line": 88, "function": "create", "class": "Assets"}
_TRACE = 'Traceback (most recent call last):\n  File "/srv/app/main.py", line 7, in create\nKeyError: tags'


def _typed(media_type: str | None) -> Any:
    return lambda said: said.with_header("Content-Type", media_type)


def _bytes(change: Any) -> Any:
    return lambda said: evolve(said, body=change(said.content))


def _error(edit: Any) -> Any:
    return lambda said: evolve(said, members=edit(said.members or {}))


def _message(text: str) -> Any:
    return _error(lambda right: {**right, "message": text})


def _as_text(name: str) -> dict[str, Any]:
    return changed(name, str)


BODY = (
    Fault("size as text", "body-types", _as_text("size")),
    Fault("created_new as text", "body-types", changed("created_new", lambda value: str(value).lower())),
    Fault("tags as one text", "body-types", changed("tags", ",".join)),
    Fault("time as a number", "body-types", member("created_at", 1700000000)),
    Fault("a tag that is a number", "body-types", changed("tags", lambda tags: [*tags, 1])),
    Fault("null for tags", "body-null", member("tags", None)),
    Fault("null for mime_type", "body-null", member("mime_type", None)),
    Fault("null for preview_url", "body-null", member("preview_url", None)),
    Fault("201 without id", "body-required", without("id", created=True)),
    Fault("200 without size", "body-required", without("size", created=False)),
    Fault("no updated_at", "body-required", without("updated_at")),
    Fault("no created_new", "body-required", without("created_new")),
    Fault("id that is no uuid", "body-formats", member("id", "42")),
    Fault("time without offset", "body-formats", changed("updated_at", lambda time_: time_.rstrip("Z"))),
    Fault("time that is a date", "body-formats", changed("created_at", lambda time_: time_[:10])),
    Fault("size beyond int64", "body-formats", member("size", 2**63)),
    Fault("relative preview_url", "body-formats", member("preview_url", "/view?x=a b")),
    Fault(
        "preview_url with half a character", "body-formats", member("preview_url", "https://a.example/\ud83d")
    ),
    Fault("prompt_id that is no uuid", "body-formats", member("prompt_id", "none")),
    Fault("content hash without prefix", "body-patterns", changed("asset_hash", lambda hash_: hash_[7:])),
    Fault(
        "content hash in upper case",
        "body-patterns",
        changed("asset_hash", lambda hash_: hash_[:7] + hash_[7:].upper()),
    ),
    Fault("success called text/plain", "body-media-type", success(_typed("text/plain"))),
    Fault("200 called text/html", "body-media-type", success(_typed("text/html; charset=utf-8"), 200)),
    Fault("success without a media type", "body-media-type", success(_typed(None))),
    Fault("body cut short", "body-json", success(_bytes(lambda body: body[:-1]))),
    Fault("body in an array", "body-json", success(lambda said: evolve(said, members=[said.members]))),
    Fault("empty body on 200", "body-json", success(_bytes(lambda _: b""), 200)),
    Fault("NaN in the body", "body-json", success(_bytes(lambda body: body[:-1] + b', "score": NaN}'))),
    Fault("a member twice", "body-members-once", success(_bytes(lambda body: body[:-1] + b', "size": 5}'))),
    Fault("size as 1.0", "integers-written", changed("size", float)),
    Fault("negative size", "size-not-negative", changed("size", lambda size: -size - 1)),
)

# --- References -----------------------------------------------------------------------------------


def _always(status: int) -> dict[str, Any]:
    return {"status": lambda self, *, created: status}


def _refer_anew(self: Service, owner: Any, stored: Any, value: Any) -> Any:
    return self.make(owner, stored, value), True


def _refer_slowly(self: Service, owner: Any, stored: Any, value: Any) -> Any:
    """Looks first and writes later, as a database without a unique key would."""
    key = self.identity_of(owner, stored, value)
    if key in self.references:
        return self.references[key], False
    time.sleep(0.02)
    reference = self.references[key] = self.make(owner, stored, value)
    return reference, True


def _refer_twice(self: Service, owner: Any, stored: Any, value: Any) -> Any:
    """Two of those who come at once make a reference each; everybody after them finds the second."""
    key = self.identity_of(owner, stored, value)
    with self.lock:
        making = self.__dict__.setdefault("making", {})
        if key not in self.references and making.get(key, 0) < 2:
            making[key] = making.get(key, 0) + 1
        else:
            return Service.refer(self, owner, stored, value)
    time.sleep(0.02)
    with self.lock:
        reference = self.references[key] = self.make(owner, stored, value)
    return reference, True


def _refer_boastfully(self: Service, owner: Any, stored: Any, value: Any) -> Any:
    """One reference, and everybody who came in time is told to have made it."""
    is_new = self.identity_of(owner, stored, value) not in self.references
    if is_new:
        time.sleep(0.02)
    reference, created = Service.refer(self, owner, stored, value)
    return reference, created or is_new


_BUSY = threading.Semaphore(1)


def _create_alone(self: Service, asked: Any) -> Any:
    """Fails where another is at work."""
    if not _BUSY.acquire(blocking=False):
        return self.error(409, "try again")
    try:
        time.sleep(0.01)
        return Service.create(self, asked)
    finally:
        _BUSY.release()


def _last_name_only(self: Service, owner: Any, stored: Any, value: Any) -> Any:
    """Remembers one reference of each content, the last."""
    name = value.get("name")
    known = self.references.get((owner, stored.blake3))
    if known is not None and known.sent.get("name") == name:
        return known, False
    reference = self.references[owner, stored.blake3] = self.make(owner, stored, value)
    return reference, True


def _id_by_content(self: Service, owner: Any, stored: Any, value: Any) -> Any:
    return evolve(
        Service.make(self, owner, stored, value), id=str(uuid.uuid5(uuid.NAMESPACE_URL, stored.blake3))
    )


def _one_tag_apart(self: Service, owner: Any, stored: Any, value: Any) -> Any:
    return Service.identity_of(self, owner, stored, value), len(value["tags"]) == 1


def _counting(self: Service, reference: Any, *, created: bool) -> dict[str, Any]:
    right = Service.members(self, reference, created=created)
    return {**right, "updated_at": f"20{99 - self.count % 50}-01-01T00:00:00Z"}


IDENTITY = (
    Fault("200 for a new one", "created-status", _always(200)),
    Fault("201 for an existing one", "created-status", _always(201)),
    Fault("created_new always true", "created-status", member("created_new", True)),
    Fault("created_new always false", "created-status", member("created_new", False)),
    Fault("nobody is told", "created-told", {**_always(200), **member("created_new", False)}),
    Fault("a new reference each time", "repeat-same", {"refer": _refer_anew}),
    Fault("another id on 200", "repeat-same", changed("id", lambda _: str(uuid.uuid4()), created=False)),
    Fault("only the last name is known", "repeat-same", {"refer": _last_name_only}),
    Fault(
        "tags in their order make references", "repeat-same",
        {"identity_of": lambda self, owner, stored, value: (owner, stored.blake3, str(value))},
    ),
    Fault("creation time moves", "repeat-stable", {"members": lambda self, reference, *, created: {
        **Service.members(self, reference, created=created), "created_at": self.now(), "updated_at": self.now()}}),
    Fault("size changes", "repeat-stable", changed("size", lambda size: size + 1, created=False)),
    Fault("name changes", "repeat-stable", changed("name", lambda name: name + " (1)", created=False)),
    Fault(
        "SHA-256 makes another reference", "other-hash",
        {"identity_of": lambda self, owner, stored, value: (
            Service.identity_of(self, owner, stored, value), value["hash"][:6])},
    ),
    Fault("looks first, writes later", "race-one", {"refer": _refer_slowly}),
    Fault("all of a race are told that they made it", "race-one", {"refer": _refer_boastfully}),
    Fault("a race makes two", "race-one", {"refer": _refer_twice}),
    Fault("fails in a race", "race-one", {"create": _create_alone}),
    Fault("id made of the content", "ids-unique", {"make": _id_by_content}),
    Fault("a single tag makes a reference", "one-identity", {"identity_of": _one_tag_apart}),
    Fault("updated before it was created", "times-ordered", member("updated_at", "2001-01-01T00:00:00Z")),
    Fault("accessed before it was created", "times-ordered", member("last_access_time", "2001-01-01T00:00:00Z")),
    Fault("updated_at goes back", "times-ordered", {"members": _counting}),
    Fault(
        "owners share references", "owners-apart",
        {"identity_of": lambda self, owner, stored, value: Service.identity_of(self, "all", stored, value)},
    ),
)  # fmt: skip

# --- What comes out -------------------------------------------------------------------------------


def _metadata(change: Any) -> dict[str, Any]:
    return changed("user_metadata", lambda value: {name: change(inner) for name, inner in value.items()})


def _number_as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _single(value: Any) -> Any:
    """An integer that was a float of 32 bits for a while, and is written as an integer again."""
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > 2**53:
        return value
    return int(struct.unpack("f", struct.pack("f", value))[0])


def _floats(value: Any) -> Any:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _hash_of_request(self: Service, reference: Any, *, created: bool) -> dict[str, Any]:
    right = Service.members(self, reference, created=created)
    return {**right, "asset_hash": "blake3:" + reference.sent["hash"].partition(":")[2]}


KEPT = (
    Fault("name trimmed", "name-kept", changed("name", str.strip)),
    Fault("name without its path", "name-kept", changed("name", lambda name: name.replace("\\", "/").rpartition("/")[2])),
    Fault("name in lower case", "name-kept", changed("name", str.lower)),
    Fault("name cut", "name-kept", changed("name", lambda name: name[:100])),
    Fault("name in ASCII", "name-kept", changed("name", lambda name: name.encode("ascii", "replace").decode())),
    Fault("empty name replaced", "name-kept", changed("name", lambda name: name or "untitled")),
    Fault("an empty name counts as none", "name-kept", {"read": lambda self, asked: (
        {name: value for name, value in read.items() if (name, value) != ("name", "")}
        if isinstance(read := Service.read(self, asked), dict) else read)}),
    Fault("name HTML-escaped", "name-kept", changed("name", lambda name: name.replace("<", "&lt;").replace('"', "&quot;"))),
    Fault("tags in lower case", "tags-kept", changed("tags", lambda tags: [tag.lower() for tag in tags])),
    Fault("only the first tag", "tags-kept", changed("tags", lambda tags: tags[:1])),
    Fault("a tag more", "tags-kept", changed("tags", lambda tags: [*tags, "asset"])),
    Fault("tags split at commas", "tags-kept", changed("tags", lambda tags: ",".join(tags).split(","))),
    Fault("only ten tags are kept", "tags-kept", changed("tags", lambda tags: tags[:10])),
    Fault("tags on 201 only of the known kinds", "tags-kept",
          changed("tags", lambda tags: [tag for tag in tags if tag in {"input", "models"}], created=True)),
    Fault("numbers as text", "metadata-kept", _metadata(_number_as_text)),
    Fault("integers through 32-bit floats", "metadata-kept", _metadata(_single)),
    Fault("integers as doubles", "metadata-kept", _metadata(_floats)),
    Fault("nested metadata as text", "metadata-kept", _metadata(lambda value: str(value) if isinstance(value, dict | list) else value)),
    Fault("null left out", "metadata-kept",
          changed("user_metadata", lambda value: {name: inner for name, inner in value.items() if inner is not None})),
    Fault("metadata in ASCII", "metadata-kept",
          _metadata(lambda value: value.encode("ascii", "ignore").decode() if isinstance(value, str) else value)),
    Fault("a member more in metadata", "metadata-kept", changed("user_metadata", lambda value: {**value, "source": "api"})),
    Fault("metadata lost", "metadata-kept", changed("user_metadata", lambda _: {})),
    Fault("true as 1", "metadata-kept", _metadata(lambda value: int(value) if isinstance(value, bool) else value)),
    Fault("MIME type guessed", "mime-type-kept", changed("mime_type", lambda _: "application/octet-stream")),
    Fault("MIME type without parameters", "mime-type-kept", changed("mime_type", lambda value: value.partition(";")[0])),
    Fault("content hash of something else", "hash-kept", member("asset_hash", "blake3:" + "1" * 64)),
    Fault("content hash made of the SHA-256", "hash-kept", {"members": _hash_of_request}),
    Fault("always size 123", "size-true", member("size", 123)),
    Fault("size one too many", "size-true", changed("size", lambda size: size + 1)),
)  # fmt: skip

# --- Errors and leaks -----------------------------------------------------------------------------

ERRORS = (
    Fault("nested error body", "error-body", errors(_error(lambda right: {"error": right}))),
    Fault("errors in plain text", "error-body", errors(lambda said: evolve(said.with_header("Content-Type", "text/plain"), body=b"no"))),
    Fault("errors in HTML", "error-body",
          errors(lambda said: evolve(said.with_header("Content-Type", "text/html"), body=b"<h1>Error</h1>"), 404)),
    Fault("error without code", "error-body", errors(_error(lambda right: {"message": right.get("message", "")}))),
    Fault("code that is a number", "error-body", errors(_error(lambda right: {**right, "code": 7}), 400)),
    Fault("401 without a body", "error-body", errors(lambda said: evolve(said, body=b""), 401)),
    Fault("JSON errors called text/html", "error-body", errors(_typed("text/html"))),
    Fault("422 for 400", "refuse-status", errors(lambda said: evolve(said, status=422), 400)),
    Fault("404 for 400", "refuse-status", errors(lambda said: evolve(said, status=404), 400)),
    Fault("403 for 400", "refuse-status", errors(lambda said: evolve(said, status=403), 400)),
    Fault("403 for 401", "auth-status", errors(lambda said: evolve(said, status=403), 401)),
    Fault("404 for 401", "auth-status", errors(lambda said: evolve(said, status=404), 401)),
    Fault("400 for 401", "auth-status", errors(lambda said: evolve(said, status=400), 401)),
    Fault("401 without a challenge", "auth-challenge", errors(lambda said: said.with_header("WWW-Authenticate", None), 401)),
    Fault("400 for 404", "unknown-content", errors(lambda said: evolve(said, status=400), 404)),
    Fault("204 for 404", "unknown-content", errors(lambda said: evolve(said, status=204, body=b""), 404)),
    Fault("tells the key in a 400", "never-key", {"after": lambda self, asked, said: (
        evolve(said, members={**said.members, "message": f"bad request by {asked.header('x-api-key')}"}) if said.status == 400 else said)}),
    Fault("tells a wrong key", "never-key", {"after": lambda self, asked, said: (
        evolve(said, members={**said.members, "message": f"unknown key {asked.header('x-api-key')}"}) if said.status == 401 else said)}),
    Fault("tells the key in a header", "never-key", {"after": lambda self, asked, said: (
        said.with_header("X-User", self.key(asked)) if said.status == 201 else said)}),
    Fault("a stack trace in a 400", "never-trace", errors(_message(_TRACE.replace("/srv/app/", "")), 400)),
    Fault("a Java trace in a 404", "never-trace", errors(_message(_JAVA), 404)),
    Fault("a Go trace in a 404", "never-trace", errors(_message(_GO), 404)),
    Fault("a Node trace in HTML", "never-trace",
          errors(lambda said: evolve(said.with_header("Content-Type", "text/html"), body=_NODE.encode()), 404)),
    Fault("a trace as data", "never-trace", errors(_error(lambda right: {**right, "trace": [_CALL]}), 404)),
    Fault("a path in a 404", "never-path", errors(_message("no file /srv/content/af/13"), 404)),
    Fault("a path in a success", "never-path", members(lambda right: {**right, "file": "/var/lib/assets/a1"})),
    Fault("SQL in a 404", "never-sql", errors(_message("SELECT id FROM assets WHERE hash = ?"), 404)),
    Fault("a database error in a 400", "never-sql", errors(_message("UNIQUE constraint failed: assets.hash"), 400)),
)  # fmt: skip

ANSWERS = (*BODY, *IDENTITY, *KEPT, *ERRORS)
