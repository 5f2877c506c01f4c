"""shop.yaml's schemas as JSON Schema 2020-12, written for the tests alone and independent of the generator."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import yaml

from tests.generation import support

_BITS = {"int32": 31, "int64": 63}


def _schema(node: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in node:
        return {"$ref": node["$ref"].replace("#/components/schemas/", "#/$defs/")}
    found: dict[str, Any] = {}
    for keyword, value in node.items():
        if keyword in ("allOf", "anyOf", "oneOf"):
            found[keyword] = [_schema(part) for part in value]
        elif keyword == "items" or (keyword == "additionalProperties" and isinstance(value, dict)):
            found[keyword] = _schema(value)
        elif keyword == "properties":
            found[keyword] = {name: _schema(member) for name, member in value.items()}
        elif keyword not in ("nullable", "default", "exclusiveMinimum", "exclusiveMaximum"):
            found[keyword] = value
    for bound in ("Minimum", "Maximum"):
        if node.get(f"exclusive{bound}"):
            found[f"exclusive{bound}"] = found.pop(bound.lower())
    if node.get("format") in _BITS:
        size = 2 ** _BITS[node["format"]]
        return {"allOf": [found, {"minimum": -size, "maximum": size - 1}]}
    # What OpenAPI 3.0 means by it, and what people mean by it beside an allOf.
    return (
        {"anyOf": [{"type": "null"}, found]}
        if node.get("nullable") and None not in node.get("enum", [])
        else found
    )


def validators() -> dict[str, jsonschema_rs.Draft202012Validator]:
    """A validator for each schema of shop.yaml by its name, and for two that have none, by their classes."""
    document = yaml.safe_load((support.HERE / "shop.yaml").read_text(encoding="utf-8"))
    schemas = document["components"]["schemas"]
    order = schemas["Order"]["properties"]
    schemas |= {
        "OrderPointsItem": order["points"]["items"],
        "OrderPaymentType0": order["payment"]["oneOf"][0],
        "LineGift": schemas["Line"]["properties"]["gift"],
    }
    definitions = {name: _schema(schema) for name, schema in schemas.items()}
    # `nullable` beside a type in an enum that has null.
    definitions["Customer"]["allOf"][1]["properties"]["rating"]["type"] = ["string", "null"]
    return {
        name: jsonschema_rs.Draft202012Validator(
            {"$ref": f"#/$defs/{name}", "$defs": definitions}, validate_formats=True
        )
        for name in definitions
    }
