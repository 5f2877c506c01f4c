"""What a description says of an operation, as a table from place to value; and what two tables differ in.

A place reads as people say it: `request tags minItems`, `answer 200 size format`. Only what a caller or a
server can notice is in it: no prose, no examples, no names of schemas.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from attrs import frozen

Facts = dict[str, Any]
#: Of a schema; each is compared as it stands.
KEYWORDS: Final = (
    "format", "pattern", "enum", "const", "default", "deprecated", "readOnly", "writeOnly", "multipleOf", "minimum", "maximum",
    "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "minItems", "maxItems", "uniqueItems", "minProperties",
    "maxProperties", "not", "if", "then", "else", "patternProperties", "propertyNames", "dependentRequired",
    "dependentSchemas", "prefixItems", "contains", "minContains", "maxContains", "contentEncoding", "contentMediaType",
)  # fmt: skip
_DEEPEST: Final = 40
_NULL: Final = {"type": "null"}


@frozen
class Difference:
    """One difference: what the contract says, what the other says (None: nothing), and whose word it touches."""

    place: str
    ours: Any
    theirs: Any
    provenance: str

    def __str__(self) -> str:
        return f"{self.place}: the contract says {said(self.ours)}, the other {said(self.theirs)} [{self.provenance}]"


def said(value: Any) -> str:
    """A value for people."""
    return "nothing" if value is None else str(value) if isinstance(value, str) and value else repr(value)


def differences(
    ours: Facts, theirs: Facts, provenance: Mapping[str, str], silent: Callable[[str], bool]
) -> Iterator[Difference]:
    """Each place with different values; `silent` says of a place that the other's form cannot speak of it."""
    different = [
        place
        for place in dict.fromkeys((*ours, *theirs))
        if ours.get(place) != theirs.get(place) and not silent(place)
    ]
    for place in different:
        if not _wholes(place) & set(different):
            yield Difference(place, ours.get(place), theirs.get(place), touched(place, provenance))


def _wholes(place: str) -> set[str]:
    """The answer, and the body of a media type, that a place is part of: where one has none, that says it all."""
    words = place.split(" ")
    root = words[: 2 if words[0] == "answer" else 1]
    within = words[len(root) :]
    if not within:
        return set()
    whole = " ".join(root)
    if within[0] in {"content", "header", "required"}:
        return {whole}
    return {whole, f"{whole} content {within[0] if '/' in within[0] else 'application/json'}"}


def touched(place: str, provenance: Mapping[str, str]) -> str:
    """Whose word a place is: its own mark, else that of the nearest place around it; the page's without one."""
    words = place.split(" ")
    for end in range(len(words), 0, -1):
        mark = provenance.get(" ".join(words[:end]))
        if mark is not None:
            return mark
    return "page"


class Reader:
    """Reads the facts of one operation out of an OpenAPI document, in the words of 3.1, and the marks beside them."""

    def __init__(self, document: Mapping[str, Any], resolve: Callable[[str], Any]) -> None:
        self.document = document
        self.resolve = resolve
        self.facts: Facts = {}
        self.provenance: dict[str, str] = {}

    def operation(self, path: str, method: str) -> None:
        """Everything about an operation."""
        item = self._followed(self.document["paths"][path])
        operation = item[method]
        self._mark("operation", operation)
        self._say("operation operationId", operation.get("operationId"))
        self._say("operation tags", operation.get("tags"))
        self._say("operation deprecated", operation.get("deprecated") or None)
        servers = (
            operation.get("servers") or item.get("servers") or self.document.get("servers") or [{"url": "/"}]
        )
        self._say("servers", sorted(one["url"].rstrip("/") for one in servers))
        self._security(operation)
        for one in (*item.get("parameters", ()), *operation.get("parameters", ())):
            parameter = self._followed(one)
            place = f"parameter {parameter['in']} {parameter['name']}"
            self._say(place, "required" if parameter.get("required") else "optional")
            self._schema(place, parameter.get("schema", {}))
        self._body("request", self._followed(operation.get("requestBody", {})))
        for status, response in operation.get("responses", {}).items():
            answer = self._followed(response)
            self._mark(f"answer {status}", answer)
            self._say(f"answer {status}", "documented")
            for name in answer.get("headers", {}):
                self._say(f"answer {status} header {name.lower()}", "documented")
            self._body(f"answer {status}", answer)

    def _say(self, place: str, value: Any) -> None:
        if value is not None:
            self.facts[place] = value

    def _mark(self, place: str, node: Mapping[str, Any]) -> None:
        mark = node.get("x-provenance")
        if isinstance(mark, str):
            self.provenance[place] = mark
        elif isinstance(mark, Mapping):
            self.provenance.update({f"{place} {keyword}": word for keyword, word in mark.items()})

    def _followed(self, node: Any) -> Any:
        for _ in range(_DEEPEST):
            if not (isinstance(node, Mapping) and isinstance(node.get("$ref"), str)):
                return node
            node = self.resolve(node["$ref"])
        raise ValueError("a reference leads back to itself")

    def _security(self, operation: Mapping[str, Any]) -> None:
        schemes = self.document.get("components", {}).get("securitySchemes", {})
        ways = []
        for requirement in operation.get("security", self.document.get("security", [])):
            names = sorted(self._scheme(name, self._followed(schemes.get(name, {}))) for name in requirement)
            ways.append(" and ".join(names) or "nothing")
        self._say("authentication", sorted(ways) or ["nothing"])

    @staticmethod
    def _scheme(name: str, scheme: Mapping[str, Any]) -> str:
        if scheme.get("type") == "apiKey":
            return f"{scheme.get('in')} {str(scheme.get('name')).lower()}"
        return " ".join(str(one) for one in (scheme.get("type", name), scheme.get("scheme")) if one)

    def _body(self, place: str, node: Mapping[str, Any]) -> None:
        if place == "request":
            self._say(f"{place} required", True if node.get("required") else None)
        for media_type, media in node.get("content", {}).items():
            name = media_type.split(";")[0].strip().lower()
            self._say(f"{place} content {name}", "documented")
            # Members stand at the body itself where it is JSON, which is what the page's members are.
            self._schema(place if name == "application/json" else f"{place} {name}", media.get("schema", {}))

    def _schema(self, place: str, node: Any, within: tuple[Any, ...] = (), *, null: bool = False) -> None:
        """A schema at a place; `within` are the references that lead to it, `null` says that it may be null too."""
        if not isinstance(node, Mapping):
            return
        if "$ref" in node:  # what stands beside a reference holds too
            if node["$ref"] not in within and len(within) < _DEEPEST:
                self._schema(place, self.resolve(node["$ref"]), (*within, node["$ref"]), null=null)
            node = {name: value for name, value in node.items() if name != "$ref"}
        self._mark(place, node)
        self._keywords(place, node, null=null)
        self._members(place, node, within)
        null = null or _may_be_null(node)
        for keyword in ("allOf", "anyOf", "oneOf"):
            parts = [one for one in node.get(keyword, []) if one != _NULL]
            for number, part in enumerate(parts):
                # One part alone, or all that must hold, say the same as if they stood here.
                inner = place if keyword == "allOf" or len(parts) == 1 else f"{place} {keyword} {number}"
                self._schema(inner, part, (*within, keyword), null=null and inner == place)

    def _keywords(self, place: str, schema: Mapping[str, Any], *, null: bool) -> None:
        self._say(f"{place} type", _types(schema, null=null))
        for name in KEYWORDS:
            self._say(f"{place} {name}", _value(name, schema.get(name)))
        for name in ("additionalProperties", "unevaluatedProperties"):
            if schema.get(name, True) is False:
                self._say(f"{place} additionalProperties", "forbidden")

    def _members(self, place: str, schema: Mapping[str, Any], within: tuple[Any, ...]) -> None:
        required = schema.get("required", [])
        for name, member in schema.get("properties", {}).items():
            self._say(f"{place} {name}", "required" if name in required else "optional")
            self._schema(f"{place} {name}", member, (*within, name))
        for name in required:
            self._say(f"{place} {name}", "required")
        self._schema(f"{place} []", schema.get("items"), (*within, "items"))
        self._schema(f"{place} {{}}", schema.get("additionalProperties"), (*within, "additionalProperties"))


def _value(name: str, value: Any) -> Any:
    """A keyword's value; None where it says what its absence says."""
    if name in {"default", "const"}:
        return value
    if value is False or (value == 0 and name.startswith("min") and name != "minimum"):
        return None
    return sorted(value, key=repr) if isinstance(value, list) else value


def _may_be_null(schema: Mapping[str, Any]) -> bool:
    return _NULL in [*schema.get("anyOf", []), *schema.get("oneOf", [])]


def _types(schema: Mapping[str, Any], *, null: bool) -> str | None:
    types = schema.get("type")
    names = {types} if isinstance(types, str) else set(types or [])
    if names and (null or _may_be_null(schema)):
        names.add("null")
    return " | ".join(sorted(names, key=lambda name: (name == "null", name))) or None
