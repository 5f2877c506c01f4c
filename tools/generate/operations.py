"""From the contract's paths to what the templates write calls of."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from names import TAKEN_BY_OPERATIONS, module_name, python_names
from openapi_python_client.parser.openapi import generate_operation_id
from openapi_python_client.schema.untrusted_string import UntrustedString
from openapi_python_client.strings import pascal_case
from schemas import Schemas, Tree, prose
from source import ContractError, below

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

_STATUS = re.compile(r"[1-5][0-9]{2}|[1-5]XX|default")
#: A field name of HTTP (RFC 9110, section 5.6.2).
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_JSON = re.compile(r"application/json|[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+\+json")
#: Characters of a path (RFC 3986), and the braces of its parameters.
_PATH = re.compile(r"/(?:[A-Za-z0-9._~!$&'()*+,;=:@/{}-]|%[0-9A-Fa-f]{2})*")

#: How a list is written in each place, by OpenAPI's defaults: the only ways that can be generated.
_STYLES = {"path": "simple", "query": "form", "header": "simple", "cookie": "form"}


class Operations:
    """The operations of a contract: `facts` for the templates by name, `skeleton` for the generator."""

    def __init__(self, document: dict[str, Any], schemas: Schemas) -> None:
        self._document = document
        self._schemas = schemas
        self._places: dict[str, str] = {}
        self.facts: dict[str, dict[str, Any]] = {}
        self.skeleton: dict[str, dict[str, Any]] = {}
        for path, item in _mapping(document, "paths", "#").items():
            place = below("#/paths", path)
            if not _PATH.fullmatch(path):
                raise ContractError(
                    place, f"{path!r:.200} is no path: it begins with / and holds only what a URL may"
                )
            item = schemas.resolved(item, place)
            for method in METHODS:
                if method in item:
                    self._add(path, method, item, below(place, method))

    def _add(self, path: str, method: str, item: dict[str, Any], place: str) -> None:
        operation = item[method]
        if not isinstance(operation, dict):
            raise ContractError(place, "there must be a mapping here")
        name, tag = self._names(operation, path, method, place)
        parameters = self._parameters(item, operation, name, place)
        _check_path(path, parameters, place)
        body = self._body(operation, name, place)
        security = operation.get("security", self._document.get("security", []))
        self.facts[name] = {
            "method": method.upper(),
            "path": path,
            "summary": prose(str(operation.get("summary", ""))),
            "description": prose(str(operation.get("description", ""))),
            "parameters": parameters,
            "body": body,
            "answers": self._answers(operation, name, place),
            # An empty requirement among them says that the key may be left out.
            "key": "none" if not security else "optional" if {} in security else "required",
        }
        # The generator names parameters itself and wants each in the path; neither is of use here.
        self.skeleton.setdefault(f"/{name}", {})[method] = {
            "operationId": name,
            "tags": [tag],
            "responses": {"default": {"description": ""}},
        }

    def _names(self, operation: dict[str, Any], path: str, method: str, place: str) -> tuple[str, str]:
        """The module of the operation, unique among all, and that of its first tag."""
        given = operation.get("operationId")
        if given is not None and not isinstance(given, str):
            raise ContractError(below(place, "operationId"), "`operationId` must be text")
        made = generate_operation_id(path=UntrustedString(path), method=method, prefix="field_")
        name = module_name(given or made, below(place, "operationId"))
        first = self._places.setdefault(name, place)
        if first != place:
            raise ContractError(place, f"this operation and {first} would both be {name} in Python")
        tags = operation.get("tags") or ["default"]
        if not isinstance(tags, list) or not isinstance(tags[0], str):
            raise ContractError(below(place, "tags"), "`tags` must be a list of names")
        return name, module_name(tags[0], below(place, "tags"))

    def _parameters(
        self, item: dict[str, Any], operation: dict[str, Any], name: str, place: str
    ) -> list[dict[str, Any]]:
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for owner in (item, operation):
            listed = owner.get("parameters", [])
            if not isinstance(listed, list):
                raise ContractError(below(place, "parameters"), "`parameters` must be a list")
            for position, one in enumerate(listed):
                where = f"{self._schemas.place(owner, place)}/parameters/{position}"
                parameter = self._schemas.resolved(one, where)
                fact = self._parameter(parameter, name, self._schemas.place(parameter, where))
                # An operation's own parameter replaces its path's.
                found[fact["in"], fact["name"]] = fact
        names = python_names((f"{key[1]}" for key in found), TAKEN_BY_OPERATIONS, place)
        if len(names) < len(found):
            raise ContractError(place, "two parameters of one name in different places cannot be generated")
        for fact in found.values():
            fact["argument"] = names[fact["name"]]
        # By place, the path's first: they are positional arguments.
        return sorted(
            found.values(), key=lambda fact: (list(_STYLES).index(fact["in"]), not fact["required"])
        )

    def _parameter(self, parameter: dict[str, Any], operation: str, place: str) -> dict[str, Any]:
        name, where = parameter.get("name"), parameter.get("in")
        if not isinstance(name, str) or where not in _STYLES:
            raise ContractError(place, f"a parameter needs a `name`, and an `in` of {', '.join(_STYLES)}")
        if not isinstance(parameter.get("schema"), dict):
            raise ContractError(
                place, f"the parameter {name!r:.60} needs a `schema`; others cannot be generated"
            )
        if parameter.get("style", _STYLES[where]) != _STYLES[where]:
            raise ContractError(
                below(place, "style"), f"only the style {_STYLES[where]} can be generated in a {where}"
            )
        if where in ("header", "cookie") and not _TOKEN.fullmatch(name):
            raise ContractError(place, f"{name!r:.60} is no name for a {where}")
        if where == "header" and name.lower() in ("accept", "content-type", "authorization"):
            raise ContractError(place, f"OpenAPI ignores a header parameter called {name}: leave it out")
        if where == "path" and parameter.get("required") is not True:
            raise ContractError(place, f"the path parameter {name!r:.60} needs `required: true`")
        called = pascal_case(f"{operation}_{name}")
        member = self._schemas.member(parameter["schema"], below(place, "schema"), called)
        if not _is_flat(member["tree"]):
            raise ContractError(
                below(place, "schema"), "only plain values and lists of them can be sent as a parameter"
            )
        return {
            **member,
            "name": name,
            "in": where,
            "description": prose(str(parameter.get("description") or member["description"])),
            "required": parameter.get("required") is True,
            "explode": where == "query"
            and _has_list(member["tree"])
            and parameter.get("explode", True) is True,
        }

    def _body(self, operation: dict[str, Any], name: str, place: str) -> dict[str, Any] | None:
        if "requestBody" not in operation:
            return None
        place = below(place, "requestBody")
        body = self._schemas.resolved(operation["requestBody"], place)
        media_type, schema = _content(body, place)
        if media_type is None:
            raise ContractError(place, "a request body needs `content`")
        tree = self._schemas.tree(schema, below(place, "content"), pascal_case(f"{name}_body"))
        return {"media_type": media_type, "tree": tree, "required": body.get("required") is True}

    def _answers(self, operation: dict[str, Any], name: str, place: str) -> list[dict[str, Any]]:
        """What is documented, in the order in which it applies: statuses, ranges, the default."""
        place = below(place, "responses")
        found = []
        for status, one in _mapping(operation, "responses", place).items():
            where = below(place, status)
            if not _STATUS.fullmatch(status):
                raise ContractError(where, f"{status!r:.60} is no status: neither 200 nor 2XX nor default")
            media_type, schema = _content(self._schemas.resolved(one, where), where)
            tree: Tree | None = None
            if media_type is not None:
                tree = self._schemas.tree(
                    schema, below(where, "content"), pascal_case(f"{name}_response_{status}")
                )
            first, last = (
                (0, 999)
                if status == "default"
                else (int(status.replace("X", "0")), int(status.replace("X", "9")))
            )
            found.append({"first": first, "last": last, "media_type": media_type, "tree": tree})
        return sorted(found, key=lambda answer: (answer["last"] - answer["first"], answer["first"]))


def _mapping(owner: dict[str, Any], name: str, place: str) -> dict[str, Any]:
    found = owner.get(name)
    if not isinstance(found, dict):
        raise ContractError(place, f"`{name}` must be there, and a mapping")
    return found


def _check_path(path: str, parameters: list[dict[str, Any]], place: str) -> None:
    named = re.findall(r"\{([^{}]*)\}", path)
    declared = {parameter["name"] for parameter in parameters if parameter["in"] == "path"}
    for name in named:
        if name not in declared:
            raise ContractError(place, f"the path's parameter {name!r} is not declared")
    for name in declared - set(named):
        raise ContractError(place, f"the path parameter {name!r:.60} is not in the path")
    if (
        len(named) != len(set(named))
        or "{" in re.sub(r"\{[^{}]*\}", "", path)
        or "}" in re.sub(r"\{[^{}]*\}", "", path)
    ):
        raise ContractError(place, f"the braces in {path!r} do not name each parameter once")


def _content(node: dict[str, Any], place: str) -> tuple[str | None, dict[str, Any]]:
    """Media type and schema of a body. Only JSON can be generated, one media type for each body."""
    content = node.get("content") or {}
    if not content:
        return None, {}
    place = below(place, "content")
    if not isinstance(content, dict):
        raise ContractError(place, "`content` must be a mapping")
    [media_type, *others] = content
    essence = media_type.split(";")[0].strip().lower()
    if others or not _JSON.fullmatch(essence):
        raise ContractError(
            place, f"only bodies of one JSON media type can be generated, not {', '.join(content):.200}"
        )
    media = content[media_type]
    schema = media.get("schema", {}) if isinstance(media, dict) else None
    if not isinstance(schema, dict):
        raise ContractError(below(place, media_type), "there must be a mapping with a `schema` here")
    return essence, schema


def _is_flat(tree: Tree, *, in_list: bool = False) -> bool:
    """Whether a value can be written as text: no object, no list in a list, nothing that may be either."""
    if tree["kind"] == "one_of":
        return all(_is_flat(variant, in_list=in_list) for variant in tree["variants"])
    if tree["kind"] == "array":
        return not in_list and _is_flat(tree["each"], in_list=True)
    return tree["kind"] not in ("object", "free_form", "anything", "nothing")


def _has_list(tree: Tree) -> bool:
    return tree["kind"] == "array" or any(_has_list(variant) for variant in tree.get("variants", []))


def base_url(document: dict[str, Any]) -> str | None:
    """The first server's address, variables filled in; None where it is none for HTTP."""
    servers = document.get("servers") or [{}]
    first = servers[0] if isinstance(servers, list) and isinstance(servers[0], dict) else {}
    url = str(first.get("url", ""))
    for name, variable in (first.get("variables") or {}).items():
        url = url.replace(
            f"{{{name}}}", str(variable.get("default", "")) if isinstance(variable, dict) else ""
        )
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and url.isascii() and url.isprintable()
    except ValueError:
        usable = False
    if not usable and "://" in url:
        raise ContractError("#/servers/0", f"{url!r:.200} is no address for HTTP")
    return url if usable else None


def key(schemas: Schemas, document: dict[str, Any]) -> tuple[str, str]:
    """The header that carries the key, and what stands before the key."""
    schemes = document.get("components", {}).get("securitySchemes", {})
    place = "#/components/securitySchemes"
    if len(schemes) > 1:
        raise ContractError(place, f"{len(schemes)} security schemes cannot be generated, only one")
    for name, one in schemes.items():
        place = below(place, name)
        scheme = schemas.resolved(one, place)
        if scheme.get("type") == "apiKey" and scheme.get("in") == "header":
            if not isinstance(scheme.get("name"), str) or not _TOKEN.fullmatch(scheme["name"]):
                raise ContractError(place, f"{scheme.get('name')!r:.60} is no name for a header")
            return scheme["name"], ""
        if scheme.get("type") == "http" and str(scheme.get("scheme")).lower() == "bearer":
            return "Authorization", "Bearer "
        raise ContractError(
            place, f"the security scheme {name!r:.60} cannot be generated, only a key in a header"
        )
    return "Authorization", "Bearer "
