"""The contract, `openapi.yaml`, read once and turned into what the server and the checks work with.

Nothing here knows this particular API: operations, statuses, schemas, examples and the header of
the key are all derived from the document. Reading needs PyYAML, judging needs jsonschema-rs; both
are imported when they are first used, so that a client without the extras can import this module.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from comfy_assets.documents import ContractFileError, is_literal, parse, resolve

if TYPE_CHECKING:
    import jsonschema_rs

__all__ = [
    "METHODS",
    "Contract",
    "ContractFileError",
    "Operation",
    "Parameter",
    "Response",
    "default_path",
    "load",
]

#: The methods that a path item of OpenAPI 3.0 can define.
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


@dataclass(frozen=True, eq=False)
class Response:
    """One documented answer of an operation; `schema` and `media_type` are None where it has no body."""

    status: str
    description: str
    media_type: str | None
    schema: dict[str, Any] | None
    examples: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Parameter:
    """One parameter of an operation; `place` is "path", "query", "header" or "cookie"."""

    name: str
    place: str
    required: bool
    schema: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Operation:
    """One operation of the contract.

    `method` is in upper case. `request_schema` is the OpenAPI schema as it stands in the document
    (`Contract.validator` takes it); it and `request_media_type` are None for an operation without
    a body. `responses` goes from the status as the document writes it ("200", "4XX", "default") to
    the answer. `security_header` is the header that carries the API key; None where the operation
    may be called without one.
    """

    method: str
    path: str
    operation_id: str
    summary: str
    body_required: bool
    request_media_type: str | None
    request_schema: dict[str, Any] | None
    request_examples: Mapping[str, Any]
    responses: Mapping[str, Response]
    security_header: str | None
    parameters: tuple[Parameter, ...] = ()

    def response(self, status: int) -> Response | None:
        """The documented answer for a status: by number, else by range ("4XX"), else the default one."""
        for name in (str(status), f"{status // 100}XX", "default"):
            if name in self.responses:
                return self.responses[name]
        return None


@dataclass(frozen=True, eq=False)
class Contract:
    """A contract file, read.

    `document` holds JSON types only and must not be changed. `digest` is the SHA-256 of the file's
    bytes, in hex. `version` is the document's `info.version`, `server_url` its first server.
    """

    path: Path
    digest: str
    document: dict[str, Any]
    version: str
    server_url: str
    operations: tuple[Operation, ...]
    _validators: dict[str, Any] = field(default_factory=dict, repr=False)

    def operation(self, operation_id: str) -> Operation:
        """The operation of this id; `KeyError` where there is none."""
        for operation in self.operations:
            if operation.operation_id == operation_id:
                return operation
        raise KeyError(operation_id)

    def resolve(self, reference: str) -> Any:
        """What a `$ref` of this document, such as `#/components/schemas/A`, points to.

        Follows chains of references. Raises `ContractFileError` where it points to nothing, to
        another document, or back to itself.
        """
        return resolve(self.document, reference, str(self.path))

    def json_schema(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """A schema of this contract, translated to one self-contained JSON Schema 2020-12."""
        return _Translation(self).whole(schema)

    def validator(self, schema: Mapping[str, Any]) -> jsonschema_rs.Draft202012Validator:
        """A compiled validator for a schema of this contract, formats asserted; the same one each time.

        Raises `ContractFileError` where the schema itself is wrong, for example its pattern.
        """
        try:
            import jsonschema_rs
        except ImportError as error:
            needs = 'needs the "check" or "server" extra: pip install \'comfy-assets[check]\''
            raise ImportError(f"to judge by the contract {needs}", name=error.name) from None

        key = json.dumps(schema, sort_keys=True)
        if key not in self._validators:
            try:
                self._validators[key] = jsonschema_rs.Draft202012Validator(
                    self.json_schema(schema), validate_formats=True, offline=True
                )
            except ValueError as error:
                cause = str(error).splitlines()[0]
                raise ContractFileError(f"{self.path}: a schema cannot be compiled: {cause}") from error
        validator: jsonschema_rs.Draft202012Validator = self._validators[key]
        return validator


def default_path() -> Path:
    """Where the contract lies: inside the installed package, else at the top of the checkout."""
    package = Path(__file__).resolve().parent
    packaged = package / "openapi.yaml"
    return packaged if packaged.exists() else package.parents[1] / "openapi.yaml"


def load(path: Path | None = None) -> Contract:
    """Read a contract file, by default the one that belongs to this package.

    Raises `ContractFileError`, one sentence each, for: a file that is missing or unreadable, text
    that is not UTF-8 or not YAML, a key that stands twice in a mapping, a value that JSON does not
    have, another version than OpenAPI 3.0, a `$ref` that points to nothing, and a structure that
    OpenAPI does not have.
    """
    path = default_path() if path is None else Path(path)
    try:
        content = path.read_bytes()
        text = content.decode("utf-8")
    except OSError as error:
        raise ContractFileError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ContractFileError(f"{path}: not UTF-8 at byte {error.start}") from error
    document, references = parse(text, str(path))
    if not str(document.get("openapi", "")).startswith("3.0."):
        raise ContractFileError(f"{path}: the member openapi must say 3.0.x, the version that is read here")
    for place, reference, line in references:
        if not is_literal(place):
            resolve(document, reference, f"{path}, line {line}")
    try:
        operations = tuple(_operations(document, str(path)))
        version = str(document["info"]["version"])
        server_url = str(document.get("servers", [{}])[0].get("url", "/"))
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        cause = f"the member {error} is missing" if isinstance(error, KeyError) else str(error)
        raise ContractFileError(f"{path}: not the structure of an OpenAPI document: {cause}") from error
    return Contract(
        path=path,
        digest=hashlib.sha256(content).hexdigest(),
        document=document,
        version=version,
        server_url=server_url,
        operations=operations,
    )


# --- Operations -------------------------------------------------------------------------------


def _operations(document: dict[str, Any], where: str) -> Iterator[Operation]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                shared = item.get("parameters", [])
                definition = {**item[method], "parameters": [*shared, *item[method].get("parameters", [])]}
                yield _operation(document, path, method, definition, where)


def _operation(
    document: dict[str, Any], path: str, method: str, definition: dict[str, Any], where: str
) -> Operation:
    def follow(node: Any) -> Any:
        is_reference = isinstance(node, dict) and "$ref" in node
        return resolve(document, node["$ref"], where) if is_reference else node

    body = follow(definition.get("requestBody", {}))
    media_type, schema, examples = _media(body.get("content", {}), follow)
    responses: dict[str, Response] = {}
    for status, named in definition["responses"].items():
        response = follow(named)
        content = _media(response.get("content", {}), follow)
        responses[status] = Response(status, response["description"], *content)
    return Operation(
        method=method.upper(),
        path=path,
        operation_id=definition.get("operationId", f"{method.upper()} {path}"),
        summary=definition.get("summary", ""),
        body_required=body.get("required", False),
        request_media_type=media_type,
        request_schema=schema,
        request_examples=examples,
        responses=MappingProxyType(responses),
        security_header=_security_header(document, definition, where),
        parameters=_parameters(definition["parameters"], follow),
    )


def _parameters(listed: list[Any], follow: Any) -> tuple[Parameter, ...]:
    """Those of the path and of the operation, whose own replace the path's."""
    found = {}
    for one in map(follow, listed):
        required, schema = one.get("required", False), one.get("schema", {})
        found[one["in"], one["name"]] = Parameter(one["name"], one["in"], required, schema)
    return tuple(found.values())


def _media(
    content: dict[str, Any], follow: Any
) -> tuple[str | None, dict[str, Any] | None, Mapping[str, Any]]:
    """The first media type of a body, its schema and its examples by name."""
    for media_type, media in content.items():
        examples = {name: follow(example).get("value") for name, example in media.get("examples", {}).items()}
        if "example" in media:
            examples.setdefault("example", media["example"])
        return media_type, media.get("schema", {}), MappingProxyType(examples)
    return None, None, MappingProxyType({})


def _security_header(document: dict[str, Any], definition: dict[str, Any], where: str) -> str | None:
    requirements = definition.get("security", document.get("security", []))
    if not all(requirements):  # none at all, or an empty one among them: a key may be left out
        return None
    schemes = document.get("components", {}).get("securitySchemes", {})
    for name in (name for requirement in requirements for name in requirement):
        if name not in schemes:
            raise ContractFileError(f"{where}: the security scheme {name} is not defined")
        if schemes[name].get("type") == "apiKey" and schemes[name].get("in") == "header":
            return str(schemes[name]["name"])
    if requirements:
        raise ContractFileError(f"{where}: no security scheme is an API key in a header")
    return None


# --- OpenAPI 3.0 schemas to JSON Schema 2020-12 -------------------------------------------------

#: Keywords that mean the same in both; every other one is translated below or has no meaning for
#: validation (description, example, discriminator, `x-...`).
_SAME = (
    "enum", "required", "pattern", "minLength", "maxLength", "minItems", "maxItems", "uniqueItems",
    "multipleOf", "minProperties", "maxProperties", "minimum", "maximum", "type", "format",
)  # fmt: skip
_ONE_SCHEMA = ("items", "additionalProperties", "not")
_MANY_SCHEMAS = ("allOf", "anyOf", "oneOf")
#: Number formats are ranges. JSON Schema has no such formats, so validators pass over them.
_INTEGER_BITS = {"int32": 31, "int64": 63}


class _Translation:
    """One schema and all that it refers to, as one JSON Schema."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._definitions: dict[str, Any] = {}

    def whole(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """The schema with `$defs` for everything it refers to."""
        translated = self._schema(schema)
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            **translated,
            "$defs": self._definitions,
        }

    def _schema(self, schema: Any) -> Any:
        if isinstance(schema, bool):
            return schema
        if not isinstance(schema, Mapping):
            raise ContractFileError(f"{self._contract.path}: a schema must be a mapping, not {schema!r}")
        if isinstance(schema.get("$ref"), str):  # its siblings are ignored in OpenAPI 3.0
            return {"$ref": self._definition(schema["$ref"])}
        result: dict[str, Any] = {keyword: schema[keyword] for keyword in _SAME if keyword in schema}
        for keyword in _ONE_SCHEMA:
            if keyword in schema:
                result[keyword] = self._schema(schema[keyword])
        for keyword in _MANY_SCHEMAS:
            if keyword in schema:
                result[keyword] = [self._schema(part) for part in schema[keyword]]
        if "properties" in schema:
            result["properties"] = {name: self._schema(part) for name, part in schema["properties"].items()}
        _translate_bounds(schema, result)
        if schema.get("nullable") is True and isinstance(schema.get("type"), str):
            result["type"] = [schema["type"], "null"]
        return result

    def _definition(self, reference: str) -> str:
        name = reference.removeprefix("#/")
        if name not in self._definitions:
            self._definitions[name] = True  # a placeholder ends the recursion of schemas that hold themselves
            self._definitions[name] = self._schema(self._contract.resolve(reference))
        return "#/$defs/" + name.replace("~", "~0").replace("/", "~1")


def _translate_bounds(schema: Mapping[str, Any], result: dict[str, Any]) -> None:
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if schema.get(exclusive) is True and bound in result:
            result[exclusive] = result.pop(bound)
    bits = _INTEGER_BITS.get(str(schema.get("format")))
    if bits is not None and schema.get("type") in {"integer", "number"}:
        del result["format"]
        result["minimum"] = max(result.get("minimum", -(2**bits)), -(2**bits))
        result["maximum"] = min(result.get("maximum", 2**bits - 1), 2**bits - 1)
