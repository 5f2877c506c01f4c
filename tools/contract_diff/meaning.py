"""What a change of the document means to callers and to servers, by the direction of each schema.

In requests a loosened schema asks nothing new of callers, and servers have to accept more; in answers it
is the other way round. `redocly diff` is asked as well; this is needed because it sees callers only, takes
every changed pattern for breaking, and rates what is narrowed in answers as if it were prose.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from comfy_assets.specification import METHODS, Contract
from tools.contract_diff import schemas
from tools.contract_diff.changes import Change
from tools.contract_diff.schemas import ADDED, CHANGED, LOOSENED, REMOVED, TIGHTENED, TOLD, said

#: (effect, is it a request's) → what it demands, and whether a server may break the contract now.
WEIGHT: dict[tuple[str, bool], tuple[str, bool]] = {
    (LOOSENED, True): ("minor", True),
    (TIGHTENED, True): ("major", False),
    (LOOSENED, False): ("major", False),
    (TIGHTENED, False): ("minor", True),
    (CHANGED, True): ("major", True),
    (CHANGED, False): ("major", True),
    (ADDED, True): ("minor", True),
    (ADDED, False): ("minor", False),
    (REMOVED, True): ("major", False),
    (REMOVED, False): ("major", False),
    ("deprecated", True): ("minor", False),
    ("deprecated", False): ("minor", False),
    (TOLD, True): ("patch", False),
    (TOLD, False): ("patch", False),
}


def changes(old: Contract, new: Contract) -> list[Change]:
    """Every change between two contracts, the heaviest first; empty where they say the same."""
    found = list(dict.fromkeys(_Comparison(old, new).all()))
    if not found and _without_version(old) != _without_version(new):
        found = [Change("patch", "document", "written-otherwise", "the same is written in another way")]
    return sorted(found, key=lambda one: ("major", "minor", "patch").index(one.level))


def _without_version(contract: Contract) -> dict[str, Any]:
    info = {key: value for key, value in contract.document["info"].items() if key != "version"}
    return {**contract.document, "info": info}


class _Comparison:
    def __init__(self, old: Contract, new: Contract) -> None:
        self.old, self.new = old.document, new.document
        self._resolve = (self._resolver(old), self._resolver(new))

    @staticmethod
    def _resolver(contract: Contract) -> schemas.Resolve:
        def resolve(node: Any) -> Any:
            is_reference = isinstance(node, dict) and isinstance(node.get("$ref"), str)
            return contract.resolve(node["$ref"]) if is_reference else node

        return resolve

    def all(self) -> Iterator[Change]:
        yield from self._names("server", *self._servers(), added="minor", servers=False)
        before, after = self._operations(self.old, 0), self._operations(self.new, 1)
        yield from self._names("operation", set(before), set(after), added="minor", servers=True)
        for name in sorted(before.keys() & after.keys()):
            yield from self._operation(name, before[name], after[name])
        yield from self._prose()

    def _servers(self) -> tuple[set[str], set[str]]:
        first, second = (
            {one.get("url", "/") for one in each.get("servers", [{}])} for each in (self.old, self.new)
        )
        return first, second

    @staticmethod
    def _names(
        kind: str, old: set[str], new: set[str], *, added: str, servers: bool, place: str = ""
    ) -> Iterator[Change]:
        """What is gone, and what is new, of things that have names."""
        for name in sorted(old - new):
            yield Change("major", place or name, f"{kind}-removed", f"{kind} {name} is gone")
        for name in sorted(new - old):
            yield Change(
                added, place or name, f"{kind}-added", f"{kind} {name} is new", breaks_servers=servers
            )

    def _operations(self, document: dict[str, Any], which: int) -> dict[str, dict[str, Any]]:
        found = {}
        for path, item in document["paths"].items():
            whole = self._resolve[which](item)
            for method in METHODS:
                if method in whole:
                    shared = {key: whole[key] for key in ("parameters", "servers") if key in whole}
                    found[f"{method.upper()} {path}"] = {**shared, **whole[method]}
        return found

    def _operation(self, name: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
        if old.get("operationId") != new.get("operationId"):
            message = f"operationId {old.get('operationId')} is {new.get('operationId')} now: generated names change"
            yield Change("major", name, "operation-id-changed", message)
        if old.get("tags") != new.get("tags"):
            yield Change(
                "patch", name, "tags-changed", f"tags {said(old.get('tags'))} are {said(new.get('tags'))} now"
            )
        if bool(old.get("deprecated")) != bool(new.get("deprecated")):
            level = "minor" if new.get("deprecated") else "patch"
            yield Change(
                level,
                name,
                "deprecated",
                "is deprecated" if level == "minor" else "is not deprecated any more",
            )
        yield from self._security(name, old, new)
        yield from self._parameters(name, old, new)
        yield from self._body(f"{name} request", old.get("requestBody"), new.get("requestBody"))
        before, after = old["responses"], new["responses"]
        yield from self._names("status", set(before), set(after), added="minor", servers=False, place=name)
        for status in sorted(before.keys() & after.keys()):
            yield from self._answer(name, status, before[status], after[status])

    def _security(self, name: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
        before, after = (
            {
                self._alternative(document, one)
                for one in operation.get("security", document.get("security", []))
            }
            or {"no key"}
            for document, operation in ((self.old, old), (self.new, new))
        )
        yield from self._names("authentication", before, after, added="minor", servers=True, place=name)

    @staticmethod
    def _alternative(document: dict[str, Any], requirement: dict[str, Any]) -> str:
        """One way to be let in, as it goes over the wire: the name of a scheme is nothing that callers send."""
        schemes = document.get("components", {}).get("securitySchemes", {})
        parts = []
        for scheme, scopes in sorted(requirement.items()):
            facts = {
                k: v
                for k, v in schemes.get(scheme, {}).items()
                if k != "description" and not k.startswith("x-")
            }
            if "name" in facts and facts.get("in") == "header":
                facts["name"] = str(facts["name"]).lower()
            parts.append(
                " ".join(str(facts[key]) for key in sorted(facts)) + "".join(f" {one}" for one in scopes)
            )
        return " and ".join(parts) or "no key"

    def _parameters(self, name: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
        before, after = (
            {f"{one['in']} {one['name']}": one for one in map(self._resolve[i], each.get("parameters", ()))}
            for i, each in enumerate((old, new))
        )
        for key in sorted(before.keys() - after.keys()):
            yield Change("major", f"{name} {key}", "parameter-removed", "parameter is gone")
        for key in sorted(after.keys() - before.keys()):
            level = "major" if after[key].get("required") else "minor"
            yield Change(level, f"{name} {key}", "parameter-added", "parameter is new", breaks_servers=True)
        for key in sorted(before.keys() & after.keys()):
            yield from self._required(f"{name} {key}", before[key], after[key])
            yield from self._schemas(
                f"{name} {key}", before[key].get("schema"), after[key].get("schema"), is_request=True
            )

    @staticmethod
    def _required(place: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
        before, after = bool(old.get("required")), bool(new.get("required"))
        if before != after:
            level, breaks = WEIGHT[TIGHTENED if after else LOOSENED, True]
            yield Change(level, place, "required", f"is {'required' if after else 'optional'} now", breaks)

    def _body(self, place: str, old: Any, new: Any) -> Iterator[Change]:
        if not old or not new:
            if old:
                yield Change("major", place, "body-removed", "body is gone")
            elif new:
                level = "major" if self._resolve[1](new).get("required") else "minor"
                yield Change(level, place, "body-added", "body is new", breaks_servers=True)
            return
        old, new = self._resolve[0](old), self._resolve[1](new)
        yield from self._required(place, old, new)
        yield from self._content(place, old, new, is_request=True)

    def _answer(self, name: str, status: str, old: Any, new: Any) -> Iterator[Change]:
        old, new = self._resolve[0](old), self._resolve[1](new)
        place = f"{name} answer {status}"
        headers = ({one.lower() for one in each.get("headers", {})} for each in (old, new))
        yield from self._names("header", *headers, added="minor", servers=True, place=place)
        yield from self._content(place, old, new, is_request=False)

    def _content(
        self, place: str, old: dict[str, Any], new: dict[str, Any], *, is_request: bool
    ) -> Iterator[Change]:
        before, after = old.get("content", {}), new.get("content", {})
        yield from self._names(
            "media type", set(before), set(after), added="minor", servers=is_request, place=place
        )
        for media in sorted(before.keys() & after.keys()):
            yield from self._schemas(
                place, before[media].get("schema"), after[media].get("schema"), is_request=is_request
            )

    def _schemas(self, place: str, old: Any, new: Any, *, is_request: bool) -> Iterator[Change]:
        for one in schemas.differences(old or {}, new or {}, self._resolve):
            level, breaks = WEIGHT[one.effect, is_request]
            if one.keyword == "required-member":
                level, breaks = ("major", False) if is_request else ("minor", True)
            if one.keyword == "default" and not is_request:
                level, breaks = "patch", False
            verb = f"{one.effect}: " if one.effect not in (TOLD, ADDED, REMOVED) else ""
            message = f"{verb}{said(one.old)} is {said(one.new)} now"
            if one.keyword in ("member", "required-member"):
                message = (
                    "member is gone"
                    if one.effect == REMOVED
                    else f"{'required' if one.keyword != 'member' else 'optional'} member is new"
                )
            yield Change(level, f"{place} {one.place}".strip(), one.keyword, message, breaks)

    def _prose(self) -> Iterator[Change]:
        """Words for people: texts, examples, contact, marks; by the part of the document that they stand in."""
        # What is new or gone as a whole is told as that, not word by word.
        before, after = set(self._operations(self.old, 0)), set(self._operations(self.new, 1))
        whole = {f"paths {path} {method.lower()} " for method, path in map(str.split, before ^ after)}
        places = set(_prose(self.old)) ^ set(_prose(self.new))
        for place in sorted({place for place, _ in places if not place.startswith(tuple(whole))}):
            yield Change("patch", place, "prose", "is worded otherwise")


def _prose(node: Any, place: tuple[str, ...] = (), *, is_prose: bool = False) -> Iterator[tuple[str, str]]:
    is_names = place[-1:] in {("properties",), ("schemas",), ("responses",), ("paths",), ("content",)}
    if is_prose or not isinstance(node, dict | list):
        if is_prose:
            yield " ".join(place), json.dumps(node, sort_keys=True)
        return
    for key, value in node.items() if isinstance(node, dict) else enumerate(node):
        name = str(key)
        prose = not is_names and (
            name in {*schemas.PROSE, "summary", "termsOfService", "contact", "license"}
            or name.startswith("x-")
        )
        if (*place, name) == ("info", "version"):
            continue
        # Below `components` places are those of definitions: what stands in two answers is told once.
        yield from _prose(value, (*place, name), is_prose=prose)
