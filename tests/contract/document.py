"""The contract as the tests read it: the file itself, and its schemas as JSON Schema.

Written apart from `comfy_assets.specification`, which the reference server judges by: a mistake in one
of the two shows as a disagreement.
"""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

CONTRACT_FILE = Path(__file__).parents[2] / "openapi.yaml"
PATH = "/api/assets/from-hash"
REQUEST = "CreateAssetFromHashRequest"
SUCCESS = "AssetCreated"
ERROR = "ErrorResponse"
JSON = "application/json"

#: int64 is a range; JSON Schema has no such format.
INT64 = {"minimum": -(2**63), "maximum": 2**63 - 1}


@cache
def _read() -> dict[str, Any]:
    contract: dict[str, Any] = yaml.safe_load(CONTRACT_FILE.read_text(encoding="utf-8"))
    return contract


def load() -> dict[str, Any]:
    """A copy of the contract, free to be changed."""
    return copy.deepcopy(_read())


def operation(document: dict[str, Any]) -> dict[str, Any]:
    """The one operation."""
    found: dict[str, Any] = document["paths"][PATH]["post"]
    return found


def schema(name: str) -> dict[str, Any]:
    """A schema of the contract, as it stands there."""
    found: dict[str, Any] = _read()["components"]["schemas"][name]
    return found


def schema_of(status: str) -> str:
    """The name of the schema of a status's body."""
    reference = operation(_read())["responses"][status]["content"][JSON]["schema"]["$ref"]
    return str(reference).rpartition("/")[2]


def statuses() -> list[str]:
    """The documented statuses."""
    return list(operation(_read())["responses"])


def to_json_schema(node: Any) -> Any:
    """OpenAPI 3.0 to JSON Schema 2020-12: `nullable` becomes a type, int64 a range."""
    if isinstance(node, list):
        return [to_json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    result = {key: to_json_schema(value) for key, value in node.items()}
    if result.pop("nullable", False):
        result["type"] = [result["type"], "null"]
    if result.get("format") == "int64":
        result.update(INT64)
    if "$ref" in result:
        return to_json_schema(schema(result["$ref"].rpartition("/")[2]))
    return result


@cache
def validator(name: str) -> jsonschema_rs.Draft202012Validator:
    """A validator for a schema of the contract, formats asserted."""
    return validator_for(schema(name))


def validator_for(definition: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
    """A validator for any schema written as in the contract."""
    return jsonschema_rs.Draft202012Validator(to_json_schema(definition), validate_formats=True)
