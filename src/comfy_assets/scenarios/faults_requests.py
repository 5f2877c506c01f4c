"""Faults in what is accepted, refused, or answered at all."""

from __future__ import annotations

import json
from typing import Any

from attrs import evolve

from comfy_assets.scenarios.faults import (
    Fault,
    allowing,
    failing,
    key_from,
    mending,
    mending_member,
    reading,
    stored_by,
)
from comfy_assets.scenarios.model import JSON, RefusedError, Said, Service, Stored


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _beyond_ascii(value: dict[str, Any]) -> bool:
    return not _text(value).isascii()


def _emoji(value: dict[str, Any]) -> bool:
    return any(letter > "\uffff" for letter in _text(value))


def _deep(value: Any, levels: int) -> bool:
    if levels == 0:
        return isinstance(value, dict | list)
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(_deep(one, levels - 1) for one in inner)


def _name(value: dict[str, Any]) -> str:
    return str(value.get("name", ""))


ACCEPTING = (
    Fault("SHA-256 is refused", "accept-known", failing(lambda value: value["hash"].startswith("sha256"), 400)),
    Fault("SHA-256 is never found", "accept-known", failing(lambda value: value["hash"].startswith("sha256"), 404)),
    Fault("name is required", "accept-minimal", failing(lambda value: "name" not in value, 400)),
    Fault("metadata is required", "accept-minimal", failing(lambda value: "user_metadata" not in value, 400)),
    Fault("400 beyond ASCII", "accept-unicode", failing(_beyond_ascii, 400)),
    Fault("400 for emoji", "accept-unicode", failing(_emoji, 400)),
    Fault("400 for control characters", "accept-unicode", failing(lambda value: "\\u0001" in _text(value), 400)),
    Fault("names of at most 64", "accept-names", failing(lambda value: len(_name(value)) > 64, 400)),
    Fault("names of at most 255 bytes", "accept-names", failing(lambda value: len(_name(value).encode()) > 255, 400)),
    Fault("an empty name is refused", "accept-names", failing(lambda value: value.get("name") == "", 400)),
    Fault("slashes in names are refused", "accept-names", failing(lambda value: "/" in _name(value), 400)),
    Fault("at most ten tags", "accept-tags", failing(lambda value: len(value["tags"]) > 10, 400)),
    Fault("repeated tags are refused", "accept-tags", failing(lambda value: len(set(value["tags"])) < len(value["tags"]), 400)),
    Fault("an empty tag is refused", "accept-tags", failing(lambda value: "" in value["tags"], 400)),
    Fault("nested metadata is refused", "accept-metadata",
          failing(lambda value: any(isinstance(one, dict) for one in value.get("user_metadata", {}).values()), 400)),
    Fault("names with underscores in metadata are refused", "accept-metadata",
          failing(lambda value: "__proto__" in value.get("user_metadata", {}), 400)),
    Fault("null in metadata is refused", "accept-metadata",
          failing(lambda value: None in value.get("user_metadata", {}).values(), 400)),
    Fault("deep metadata is refused", "accept-metadata", failing(lambda value: _deep(value, 12), 400)),
    Fault("empty metadata is refused", "accept-metadata", failing(lambda value: value.get("user_metadata") == {}, 400)),
    Fault("413 from 8 KiB", "accept-size", failing(lambda value: len(_text(value)) > 8192, 413)),
    Fault("unknown members are refused", "accept-unknown-members", failing(lambda value: "x-unknown" in value, 400)),
)  # fmt: skip


def _invented(service: Service, hash_: str) -> Stored:
    return Stored(hash_ if hash_.startswith("blake3") else "blake3:" + "2" * 64, hash_, 0)


def _remembering(self: Service, hash_: str, owner: Any) -> Any:
    found = Service.find(self, hash_, owner)
    asked = self.__dict__.setdefault("asked_before", set())
    if found is None and hash_ in asked:
        return _invented(self, hash_)
    asked.add(hash_)
    return found


UNKNOWN = (
    Fault("unknown content is made up", "unknown-content", stored_by(_invented)),
    Fault("found the second time", "unknown-content", {"find": _remembering}),
    Fault("the algorithm is not looked at", "unknown-content", stored_by(
        lambda service, hash_: next((one for one in service.stored if hash_[7:] in (one.blake3[7:], one.sha256[7:])), None))),
    Fault("only half of the digest is compared", "unknown-content", stored_by(
        lambda service, hash_: next((one for one in service.stored if one.blake3.startswith(hash_[:40])), None))),
)  # fmt: skip


def _digest(hash_: Any) -> Any:
    return hash_ if not isinstance(hash_, str) or ":" in hash_ or len(hash_) != 64 else "blake3:" + hash_


def _unpatterned(self: Service, value: Any) -> None:
    for error in self.validator.iter_errors(value):
        if error.kind.name == "pattern":
            raise RefusedError(404, "no stored content has this hash")
        self.refuse(list(error.instance_path), error.kind.name, error.instance)


def _read_array(self: Service, asked: Any) -> Any:
    value = Service.read(self, asked)
    return {"hash": self.stored[0].blake3, "tags": ["input"]} if isinstance(value, list) else value


REFUSING = (
    Fault("tags may be missing", "refuse-missing", mending(lambda value: {"tags": ["none"], **value})),
    Fault("names of members in any case are taken", "refuse-missing", mending(lambda value: {k.lower(): v for k, v in value.items()})),
    Fault("null for name is taken", "refuse-null", mending(lambda value: {k: v for k, v in value.items() if (k, v) != ("name", None)})),
    Fault("null for tags is taken", "refuse-null", mending_member("tags", lambda tags: ["none"] if tags is None else tags)),
    Fault("null for metadata is taken", "refuse-null", mending_member("user_metadata", lambda value: {} if value is None else value)),
    Fault("tags as text are taken", "refuse-type", mending_member("tags", lambda tags: tags.split(",") if isinstance(tags, str) else tags)),
    Fault("numbers among tags are taken", "refuse-type", mending_member(
        "tags", lambda tags: [str(t) if isinstance(t, int | float) else t for t in tags] if isinstance(tags, list) else tags)),
    Fault("a number as name is taken", "refuse-type", mending_member(
        "name", lambda name: str(name) if isinstance(name, int | float) else name)),
    Fault("any name is taken", "refuse-type", allowing("type", "name")),
    Fault("any mime_type is taken", "refuse-type", allowing("type", "mime_type")),
    Fault("a list as metadata is taken", "refuse-type", mending_member(
        "user_metadata", lambda value: {"list": value} if isinstance(value, list) else value)),
    Fault("metadata as text is taken", "refuse-type", mending_member(
        "user_metadata", lambda value: {"text": value} if isinstance(value, str) else value)),
    Fault("upper-case hashes are taken", "refuse-pattern", mending_member(
        "hash", lambda hash_: hash_.lower() if isinstance(hash_, str) else hash_)),
    Fault("padded hashes are taken", "refuse-pattern", mending_member(
        "hash", lambda hash_: hash_.strip(" ") if isinstance(hash_, str) else hash_)),
    Fault("a line break after a hash is taken", "refuse-pattern", mending_member(
        "hash", lambda hash_: hash_.removesuffix("\n") if isinstance(hash_, str) else hash_)),
    Fault("bare digests are taken", "refuse-pattern", mending_member("hash", _digest)),
    Fault("file endings are cut off", "refuse-pattern", mending_member(
        "hash", lambda hash_: hash_.removesuffix(".png") if isinstance(hash_, str) else hash_)),
    Fault("the form of hashes is not looked at", "refuse-pattern", {"check": _unpatterned}),
    Fault("an empty list of tags is taken", "refuse-empty", allowing("minItems")),
    Fault("a body in an array is taken", "refuse-body", {"read": _read_array}),
)  # fmt: skip

# --- Keys -----------------------------------------------------------------------------------------


def _bearer(asked: Any, key: str | None) -> str | None:
    return key or (asked.header("authorization") or "").removeprefix("Bearer ") or None


def _in_query(asked: Any, key: str | None) -> str | None:
    return key or asked.target.partition("=")[2] or None


def _anybody(wrong: Any) -> dict[str, Any]:
    def method(self: Service, asked: Any) -> Any:
        key = self.key(asked)
        return self.keys[0] if key not in self.keys and wrong(key) else Service.owner(self, asked)

    return {"owner": method}


def _near(self: Service, asked: Any) -> Any:
    key = self.key(asked) or ""
    return next((one for one in self.keys if len(key) > 4 and one.startswith(key)), None) or Service.owner(
        self, asked
    )


KEYS = (
    Fault("no authentication", "auth-missing", _anybody(lambda _: True)),
    Fault("a missing key is let in", "auth-missing", _anybody(lambda key: key is None)),
    Fault("an empty key is let in", "auth-empty", _anybody(lambda key: key == "")),
    Fault("any key is let in", "auth-wrong", _anybody(bool)),
    Fault("keys without regard to case", "auth-almost", key_from(lambda asked, key: key.swapcase() if key and key.startswith("LOCAL") else key)),
    Fault("the start of a key is enough", "auth-almost", {"owner": _near}),
    Fault("a key in Authorization", "auth-place", key_from(_bearer)),
    Fault("a key in the query", "auth-place", key_from(_in_query)),
    Fault("a key in a cookie", "auth-place", key_from(lambda asked, key: key or (asked.header("cookie") or "").partition("=")[2] or None)),
    Fault("the key's header in one case only", "header-case", {"key": lambda self, asked: (
        Service.key(self, asked) if "X-API-Key" in asked.names else None)}),
)  # fmt: skip

# --- HTTP and JSON --------------------------------------------------------------------------------


def _as_post(*methods: str) -> dict[str, Any]:
    def method(self: Service, asked: Any) -> Said:
        if asked.method not in methods:
            return Service.other_method(self, asked)
        body = {"hash": self.stored[0].blake3, "tags": ["input"], "name": f"by {asked.method}"}
        return self.create(
            evolve(
                asked,
                method="POST",
                headers={**asked.headers, "content-type": [JSON]},
                body=_text(body).encode(),
            )
        )

    return {"other_method": method}


def _others(status: int, allow: str | None = "POST") -> dict[str, Any]:
    return {"other_method": lambda self, asked: self.error(status, "no").with_header("Allow", allow)}


def _any_media(*kinds: str) -> dict[str, Any]:
    def method(self: Service, asked: Any) -> None:
        if (asked.header("content-type") or "") not in kinds:
            Service.check_media_type(self, asked)

    return {"check_media_type": method}


def _exact_media(self: Service, asked: Any) -> None:
    if asked.header("content-type") != JSON:
        raise RefusedError(415, "the media type must be application/json, letter by letter")


def _strict(text: str) -> Any:
    """The first JSON value of a text, and where it ends; None where there is none."""

    def refuse(name: str) -> Any:
        raise ValueError(name)

    try:
        return json.JSONDecoder(parse_constant=refuse).raw_decode(text.lstrip())
    except (ValueError, RecursionError):
        return None


def _first_value(_self: Service, body: bytes) -> Any:
    return (_strict(body.decode("utf-8", "replace")) or [None])[0]


def _json5(_self: Service, body: bytes) -> Any:
    found = _strict(body.decode("utf-8", "replace").replace(",}", "}"))
    return found[0] if found and found[1] >= len(body) - 1 else None


def _non_finite(_self: Service, body: bytes) -> Any:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if any(word in body for word in (b"NaN", b"Infinity")) else None


def _guessed(_self: Service, body: bytes) -> Any:
    if body.isascii():
        return None
    for encoding in ("utf-16", "latin-1"):
        try:
            text = body.decode(encoding)
        except ValueError:
            continue
        found = _strict(text)
        if found and found[1] == len(text):
            return found[0]
    return None


def _defaults(self: Service, body: bytes) -> Any:
    return {"hash": self.stored[0].blake3, "tags": ["input"]} if not body.strip() else None


def _surrogates(self: Service, asked: Any) -> Any:
    if rb"\ud800" in asked.body:
        raise RefusedError(404, "no stored content has this hash")
    return Service.read(self, asked)


PROTOCOL = (
    Fault("GET creates", "other-methods", _as_post("GET", "HEAD")),
    Fault("PUT creates", "other-methods", _as_post("PUT")),
    Fault("404 for other methods", "other-methods", _others(404)),
    Fault("501 for GET", "other-methods", {"other_method": lambda self, asked: (
        self.error(501, "no") if asked.method == "GET" else Service.other_method(self, asked))}),
    Fault("200 for any method", "other-methods", {"other_method": lambda self, asked: Said(200, {"status": "ok"})}),
    Fault("405 without Allow", "allow-header", _others(405, None)),
    Fault("Allow without POST", "allow-header", _others(405, "GET, HEAD")),
    Fault("HEAD with a body", "head-body", {"after": lambda self, asked, said: (
        Said(405, raw=b"HTTP/1.1 405 X\r\nAllow: POST\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody") if asked.method == "HEAD" else said)}),
    Fault("text/plain is taken", "other-media-types", _any_media("text/plain")),
    Fault("any media type is taken", "other-media-types", {"check_media_type": lambda self, asked: None}),
    Fault("a charset is refused", "media-type-spelling", {"check_media_type": _exact_media}),
    Fault("an empty body has defaults", "json-empty", reading(_defaults)),
    Fault("trailing commas are taken", "json-malformed", reading(_json5)),
    Fault("trailing bytes are taken", "json-trailing", reading(_first_value)),
    Fault("NaN is taken", "json-non-finite", reading(_non_finite)),
    Fault("the encoding is guessed", "json-encoding", reading(_guessed)),
    Fault("404 for a lone surrogate", "open-requests", {"read": _surrogates}),
)  # fmt: skip


def _crashing(when: Any) -> dict[str, Any]:
    """Answers 500 where the body, as bytes, has something in it."""

    def method(self: Service, asked: Any) -> Any:
        if when(asked.body):
            raise RefusedError(500, "the service failed")
        return Service.read(self, asked)

    return {"read": method}


def _silent(when: Any) -> dict[str, Any]:
    return {"after": lambda self, asked, said: Said(0, raw=b"") if when(asked, said) else said}


def _small_and_deep(body: bytes) -> bool:
    """What a limit of size lets through, and a reader that calls itself does not survive."""
    return len(body) < 16 * 1024 and b"[" * 1000 in body


def _unreadable(body: bytes) -> bool:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return True
    return False


NEVER = (
    Fault("500 for emoji", "never-5xx", failing(_emoji)),
    Fault("500 for NUL", "never-5xx", _crashing(lambda body: b"\\u0000" in body)),
    Fault("500 for lone surrogates", "never-5xx", _crashing(lambda body: rb"\ud" in body)),
    Fault("500 for what is not JSON", "never-5xx", _crashing(_unreadable)),
    Fault("500 for deep nesting", "never-5xx", _crashing(lambda body: b"[" * 1000 in body)),
    Fault("500 for deep nesting within a limit of size", "never-5xx", _crashing(_small_and_deep)),
    Fault("500 for deep metadata within a limit of size", "never-5xx", _crashing(
        lambda body: len(body) < 16 * 1024 and body.startswith(b"{") and body.count(b"[") > 1000)),
    Fault("500 for long names", "never-5xx", failing(lambda value: len(_name(value)) > 200)),
    Fault("500 for wrong types", "never-5xx", {"refuse": lambda self, path, keyword, value: (
        (_ for _ in ()).throw(RefusedError(500 if keyword == "type" else 400, "the service failed")))}),
    Fault("500 for wrong keys", "never-5xx", {"owner": lambda self, asked: (
        Service.owner(self, asked) if self.key(asked) in self.keys else (_ for _ in ()).throw(RefusedError(500, "failed")))}),
    Fault("500 now and then", "never-5xx", {"route": lambda self, asked: (
        self.error(500, "failed") if self.count % 23 == 0 else Service.route(self, asked))}),
    Fault("closes without an answer for NaN", "never-silent", _silent(lambda asked, said: b"NaN" in asked.body)),
    Fault("closes without an answer for wrong keys", "never-silent", _silent(lambda asked, said: said.status == 401)),
    Fault("answers end too early", "never-silent", {"after": lambda self, asked, said: (
        Said(0, raw=b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n{") if said.status == 200 else said)}),
    Fault("429 for ever beyond ASCII", "never-throttled", {**failing(_beyond_ascii, 429),
        "error": lambda self, status, message: Service.error(self, status, message).with_header("Retry-After", "0")}),
)  # fmt: skip

REQUESTS = (*ACCEPTING, *UNKNOWN, *REFUSING, *KEYS, *PROTOCOL, *NEVER)
