"""All faults together, and the services that keep the contract in their own way."""

from __future__ import annotations

import json
from typing import Any

from attrs import evolve

from comfy_assets.scenarios.faults import Fault, changed, members, success
from comfy_assets.scenarios.faults_answers import ANSWERS
from comfy_assets.scenarios.faults_requests import REQUESTS
from comfy_assets.scenarios.model import RefusedError, Said, Service

FAULTS: tuple[Fault, ...] = (*ANSWERS, *REQUESTS)


def _late_key(self: Service, asked: Any) -> Said:
    """Looks at the body before the key."""
    self.check_media_type(asked)
    self.check(self.read(asked))
    return Service.create(self, asked)


def _overwriting(self: Service, owner: Any, stored: Any, value: Any) -> Any:
    reference, created = Service.refer(self, owner, stored, value)
    if not created and "tags" in value:
        reference.sent = {
            **reference.sent,
            "tags": value["tags"],
            "user_metadata": value.get("user_metadata", {}),
        }
        reference.updated = self.now()
    return reference, created


def _limited(self: Service, value: Any) -> None:
    """Refuses what no server must accept."""
    Service.check(self, value)
    text = json.dumps(value, ensure_ascii=False)
    if len(value.get("name", "")) > 255 or len(value["tags"]) > 32 or "\\u0000" in text:
        raise RefusedError(400, "too much")


def _own_content(self: Service, hash_: str, owner: Any) -> Any:
    return Service.find(self, hash_, owner) if owner == self.keys[0] else None


def _throttling(self: Service, asked: Any) -> Said:
    if self.count % 40 == 0:
        return self.error(429, "slow down").with_header("Retry-After", "0")
    return Service.route(self, asked)


def _required(self: Service, reference: Any, *, created: bool) -> dict[str, Any]:
    right = Service.members(self, reference, created=created)
    schema = self.contract.resolve("#/components/schemas/AssetCreated")
    return {name: right[name] for name in schema["required"]}


#: Conforming servers; `rule` is empty, since none may blame them.
CONFORMING: tuple[Fault, ...] = (
    Fault("the model itself", "", {}),
    Fault("one reference for each content", "", {}, {"identity": ()}),
    Fault("name and tags make references", "", {}, {"identity": ("name", "tags")}),
    Fault("every member makes a reference", "", {}, {"identity": ("name", "tags", "user_metadata", "mime_type")}),
    Fault("required members only", "", {"members": _required}),
    Fault("required members only, one for each content", "", {"members": _required}, {"identity": ()}),
    Fault("further members", "", members(lambda right: {**right, "display_name": None, "hash": right["id"], "job": {"a": 1}})),
    Fault("times with an offset", "", {"now": lambda self: Service.now(self).replace("Z", "+00:00")}),
    Fault("times in whole seconds", "", {"now": lambda self: Service.now(self)[:19] + "Z"}),
    Fault("media type with a charset", "", success(lambda said: said.with_header("Content-Type", "application/json; charset=utf-8"))),
    Fault("upper-case uuids", "", changed("id", str.upper)),
    Fault("key after the body", "", {"create": _late_key}),
    Fault("400 for a media type", "", {"check_media_type": lambda self, asked: (
        None if (asked.header("content-type") or "").partition(";")[0].strip().lower() == "application/json"
        else (_ for _ in ()).throw(RefusedError(400, "no")))}),
    Fault("closes after each answer", "", {"after": lambda self, asked, said: evolve(said, closes=True)}),
    Fault("answers in chunks", "", {"after": lambda self, asked, said: (
        said.with_header("Transfer-Encoding", "chunked") if asked.method != "HEAD" else said)}),
    Fault("501 for unknown methods", "", {"other_method": lambda self, asked: (
        self.error(501, "no") if asked.method == "FROBNICATE" else Service.other_method(self, asked))}),
    Fault("501 for methods that it does not have", "", {"other_method": lambda self, asked: (
        Service.other_method(self, asked) if asked.method in {"GET", "HEAD"} else self.error(501, "no"))}),
    Fault("OPTIONS is answered", "", {"other_method": lambda self, asked: (
        Said(204, headers={"Allow": "POST, OPTIONS"}) if asked.method == "OPTIONS" else Service.other_method(self, asked))}),
    Fault("tags sorted, each once", "", changed("tags", lambda tags: sorted(set(tags)))),
    Fault("metadata in another order", "", changed("user_metadata", lambda value: dict(sorted(value.items(), reverse=True)))),
    Fault("refuses what is beyond the promise", "", {"check": _limited}),
    Fault("content of one owner only", "", {"find": _own_content}),
    Fault("throttles now and then", "", {"route": _throttling}),
    Fault("slow answers", "", {"after": lambda self, asked, said: evolve(said, seconds=0.005)}),
    Fault("415 and 411 where there is no body", "", {"create": lambda self, asked: (
        self.error(411 if self.count % 2 else 415, "where is the body?")
        if asked.method == "POST" and "content-length" not in asked.headers and "transfer-encoding" not in asked.headers
        and asked.header("x-api-key") in self.keys else Service.create(self, asked))}),
    Fault("411 for chunks", "", {"create": lambda self, asked: (
        self.error(411, "a length is needed") if "transfer-encoding" in asked.headers else Service.create(self, asked))}),
    Fault("overwrites tags and metadata", "", {"refer": _overwriting}, {"identity": ()}),
    Fault("null where it may be", "", members(lambda right: {**right, "preview_id": None, "prompt_id": None})),
    Fault("times with nanoseconds", "", {"now": lambda self: Service.now(self).replace("Z", "123Z")}),
    Fault("JSON with spaces", "", success(lambda said: evolve(said, body=json.dumps(said.members, indent=2).encode()))),
)  # fmt: skip
