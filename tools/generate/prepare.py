"""From openapi.yaml to what the generator is given: a checked, annotated copy and a file of facts.

Runs inside the generator's own environment. Usage: prepare.py CONTRACT CONFIG OUTPUT_FOLDER

The generator drops what a careful client needs: limits never reach its properties, security schemes
and servers never reach its templates. So each schema of an object gets `x-member-limits` (in the
copy only), and OUTPUT_FOLDER/templates/contract.jinja carries the rest into the templates.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from openapi_python_client.config import ConfigFile
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

sys.path.insert(0, str(Path(__file__).parent))
from patterns import PatternError, to_python

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

#: Keywords of a schema, and the arguments of the rules that they become.
LIMITS = {
    "minLength": "min_length",
    "maxLength": "max_length",
    "minItems": "min_items",
    "maxItems": "max_items",
    "uniqueItems": "unique_items",
    "minProperties": "min_properties",
    "maxProperties": "max_properties",
    "minimum": "minimum",
    "maximum": "maximum",
    "exclusiveMinimum": "exclusive_minimum",
    "exclusiveMaximum": "exclusive_maximum",
    "multipleOf": "multiple_of",
    "format": "format",
}

#: The range of each integer format (OpenAPI 3.0.3, "Data Types").
INTEGERS = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}

#: Keywords whose own members are named by the contract's author.
MAPS = ("properties", "schemas", "responses", "parameters", "requestBodies", "headers", "content", "paths")
#: Keywords that hold values, not schemas.
NO_SCHEMAS = ("example", "examples", "default", "enum", "x-provenance")


class ContractError(Exception):
    """The contract cannot be used; the text is one sentence for whoever wrote it."""


def load(path: Path) -> dict[str, Any]:
    """The contract as JSON types."""
    try:
        text = path.read_text(encoding="utf-8")
        document = YAML(typ="safe", pure=True).load(text)
    except OSError as error:
        raise ContractError(f"{path.name} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ContractError(f"{path.name} is not UTF-8 at byte {error.start}") from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ContractError(f"{path.name}{where}: not YAML: {error.problem or error.context}") from None
    except (YAMLError, ValueError) as error:
        raise ContractError(f"{path.name}: not YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(document, dict) or "openapi" not in document:
        raise ContractError(f"{path.name} is no OpenAPI document: it has no member `openapi` at the top")
    try:
        # Times and other YAML types have no place in JSON; write and read once to be sure.
        return json.loads(json.dumps(document))  # type: ignore[no-any-return]
    except (TypeError, ValueError) as error:
        raise ContractError(f"{path.name} holds a value that is not JSON: {error} (put it in quotes)") from None


class Contract:
    """A loaded contract: follows references, and reads limits from schemas."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self._check_references(document, "#")

    def _check_references(self, node: Any, place: str) -> None:
        if isinstance(node, list):
            for position, item in enumerate(node):
                self._check_references(item, f"{place}/{position}")
        elif isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                self.at(node["$ref"], place)
            for name, member in node.items():
                if name not in NO_SCHEMAS:
                    self._check_references(member, f"{place}/{name}")

    def at(self, reference: str, place: str) -> Any:
        """What a reference points to."""
        if not reference.startswith("#/"):
            raise ContractError(f"{place}: the reference {reference!r} points outside the document")
        node: Any = self.document
        for step in reference[2:].split("/"):
            name = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(node, dict) or name not in node:
                raise ContractError(f"{place}: the reference {reference!r} points to nothing")
            node = node[name]
        return node

    def resolved(self, node: dict[str, Any]) -> dict[str, Any]:
        """The node, references followed."""
        seen = []
        while "$ref" in node:
            if node["$ref"] in seen:
                raise ContractError(f"the reference {node['$ref']!r} leads back to itself")
            seen.append(node["$ref"])
            node = self.at(node["$ref"], "the contract")
        return node

    def limits(self, schema: dict[str, Any], above: tuple[int, ...] = ()) -> dict[str, Any]:
        """The limits of a schema as a tree: its own, those of its items, those of its variants.

        Ends at objects with members, which have rules of their own.
        """
        schema = self.resolved(schema)
        if id(schema) in above:
            raise ContractError("an array that holds itself cannot be generated")
        above = (*above, id(schema))
        found: dict[str, Any] = {}
        for part in schema.get("allOf", []):
            found |= self.limits(part, above)
        found |= {ours: schema[theirs] for theirs, ours in LIMITS.items() if theirs in schema}
        self._make_exclusive(found)
        if schema.get("format") in INTEGERS and schema.get("type") == "integer":
            low, high = INTEGERS[schema["format"]]
            found["minimum"] = max(found.get("minimum", low), low)
            found["maximum"] = min(found.get("maximum", high), high)
        if "pattern" in schema:
            found |= {"pattern": schema["pattern"], "regex": self._pattern(schema["pattern"])}
        if "items" in schema:
            found["items"] = self.limits(schema["items"], above)
        variants = schema.get("anyOf") or schema.get("oneOf")
        if variants:
            found["variants"] = [self.limits(variant, above) for variant in variants]
        return found

    @staticmethod
    def _make_exclusive(found: dict[str, Any]) -> None:
        """OpenAPI 3.0 says `exclusiveMinimum: true` beside `minimum`; 3.1 gives the number itself."""
        for bound in ("minimum", "maximum"):
            exclusive = found.get(f"exclusive_{bound}")
            if exclusive is True and bound in found:
                found[f"exclusive_{bound}"] = found.pop(bound)
            elif isinstance(exclusive, bool):
                del found[f"exclusive_{bound}"]

    @staticmethod
    def _pattern(pattern: str) -> str:
        try:
            return to_python(pattern)
        except PatternError as error:
            raise ContractError(f"the pattern {pattern!r} cannot be generated: {error}") from None

    def members(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The schemas of an object's members, also of those that `allOf` brings in."""
        schema = self.resolved(schema)
        found: dict[str, Any] = {}
        for part in schema.get("allOf", []):
            found |= self.members(part)
        found |= schema.get("properties", {})
        if isinstance(schema.get("additionalProperties"), dict):
            found[""] = schema["additionalProperties"]
        return found

    def annotate(self, node: Any, *, is_map: bool = False) -> None:
        """Give each schema of an object the limits of its members.

        `is_map`: the node's own names are the author's, not keywords (the members of an object, the
        schemas of the components), so that a member called `properties` is not taken for one.
        """
        if isinstance(node, list):
            for item in node:
                self.annotate(item)
        elif isinstance(node, dict):
            for name, member in list(node.items()):
                if is_map or name not in NO_SCHEMAS:
                    self.annotate(member, is_map=not is_map and name in MAPS)
            if not is_map and any(keyword in node for keyword in ("properties", "allOf", "additionalProperties")):
                members = self.members(node)
                if members:
                    node["x-member-limits"] = {name: self.limits(schema) for name, schema in members.items()}


def operations(contract: Contract) -> dict[str, Any]:
    """Of each operation what the generator does not pass on: limits and media types."""
    found = {}
    for path, item in contract.document.get("paths", {}).items():
        for method in METHODS:
            if method in item:
                found[f"{method} {path}"] = _operation(contract, item, item[method], f"{method.upper()} {path}")
    return found


def _operation(contract: Contract, item: dict[str, Any], operation: dict[str, Any], place: str) -> dict[str, Any]:
    parameters = {}
    for parameter in [*item.get("parameters", []), *operation.get("parameters", [])]:
        parameter = contract.resolved(parameter)
        parameters[f"{parameter['in']} {parameter['name']}"] = contract.limits(parameter.get("schema", {}))
    facts: dict[str, Any] = {"parameters": parameters, "body": {}, "answers": {}}
    if "requestBody" in operation:
        media_type, schema = _content(contract.resolved(operation["requestBody"]), place)
        if media_type is None:
            raise ContractError(f"{place}: the request body has no content")
        facts["body"] = contract.limits(schema)
    for status, answer in operation.get("responses", {}).items():
        media_type, schema = _content(contract.resolved(answer), f"{place}, {status}")
        facts["answers"][status] = {"media_type": media_type, "limits": contract.limits(schema)}
    return facts


def _content(node: dict[str, Any], place: str) -> tuple[str | None, dict[str, Any]]:
    """Media type and schema of a body. Only JSON can be generated, one media type for each body."""
    content = node.get("content") or {}
    if not content:
        return None, {}
    [media_type, *others] = content
    essence = media_type.split(";")[0].strip().lower()
    if others or not (essence == "application/json" or essence.endswith("+json")):
        raise ContractError(f"{place}: only bodies of one JSON media type can be generated, not {', '.join(content)}")
    return essence, content[media_type].get("schema", {})


def key(contract: Contract) -> tuple[str, str]:
    """The header that carries the key, and what stands before the key."""
    schemes = contract.document.get("components", {}).get("securitySchemes", {})
    found = set()
    for name, scheme in schemes.items():
        scheme = contract.resolved(scheme)
        if scheme.get("type") == "apiKey" and scheme.get("in") == "header":
            found.add((scheme["name"], ""))
        elif scheme.get("type") == "http" and scheme.get("scheme", "").lower() == "bearer":
            found.add(("Authorization", "Bearer "))
        else:
            raise ContractError(f"the security scheme {name!r} cannot be generated: only keys in a header can")
    if len(found) > 1:
        raise ContractError(f"{len(found)} security schemes cannot be generated: only one can")
    return found.pop() if found else ("Authorization", "Bearer ")


def facts(contract: Contract, digest: str) -> dict[str, Any]:
    """Everything that the templates import from contract.jinja."""
    servers = contract.document.get("servers") or [{}]
    key_header, key_prefix = key(contract)
    return {
        "digest": digest,
        "version": str(contract.document.get("info", {}).get("version", "")),
        "base_url": servers[0].get("url"),
        "key_header": key_header,
        "key_prefix": key_prefix,
        "operations": operations(contract),
    }


def as_jinja(value: Any) -> str:
    """A JSON value as Jinja text. JSON's strings are Jinja's, but for what stands outside ASCII."""
    if value is None:
        return "none"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{as_jinja(name)}: {as_jinja(member)}" for name, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_jinja, value)) + "]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False)


def check_config(path: Path) -> None:
    """Refuse settings that the generator would ignore."""
    settings = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    unknown = sorted(set(settings) - set(ConfigFile.model_fields))
    if unknown:
        raise ContractError(f"{path.name}: the generator knows no setting {', '.join(unknown)}")


def main(contract_path: Path, config_path: Path, output: Path) -> None:
    """Write OUTPUT/contract.json and OUTPUT/templates/contract.jinja."""
    check_config(config_path)
    contract = Contract(load(contract_path))
    digest = hashlib.sha256(contract_path.read_bytes()).hexdigest()
    lines = [f"{{% set {name} = {as_jinja(value)} %}}\n" for name, value in facts(contract, digest).items()]
    (output / "templates" / "contract.jinja").write_text("".join(lines), encoding="utf-8")
    contract.annotate(contract.document)
    (output / "contract.json").write_text(json.dumps(contract.document, indent=1), encoding="utf-8")


if __name__ == "__main__":
    try:
        main(*map(Path, sys.argv[1:]))
    except ContractError as problem:
        print(problem, file=sys.stderr)
        sys.exit(2)
