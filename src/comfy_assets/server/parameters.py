"""Parameters of a request, from path, query and headers, as the contract's schemas have them. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from comfy_assets.server.requests import check_schema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from comfy_assets.specification import Contract, Operation, Parameter


class Parameters:
    """The parameters of one operation."""

    def __init__(self, contract: Contract, operation: Operation) -> None:
        self._contract = contract
        self._known = operation.parameters
        schema = {
            "type": "object",
            "properties": {one.name: one.schema for one in self._known},
            "required": [one.name for one in self._known if one.required],
        }
        self._validator = contract.validator(schema) if self._known else None

    def read(
        self, path: Mapping[str, str], query: Sequence[tuple[str, str]], headers: Mapping[str, Sequence[str]]
    ) -> dict[str, Any]:
        """Their values by name; `RefusedError` where they break the contract. `headers` are in lower case."""
        if self._validator is None:
            return {}
        found: dict[str, Any] = {}
        for one in self._known:
            if one.place == "path":
                texts = [path[one.name]] if one.name in path else []
            elif one.place == "query":
                texts = [value for name, value in query if name == one.name]
            else:
                texts = list(headers.get(one.name.lower(), []))
            if texts:
                found[one.name] = self._value(one, texts)
        check_schema(self._validator, found)
        return found

    def _value(self, parameter: Parameter, texts: list[str]) -> Any:
        """As OpenAPI's usual styles write it: an array by commas, in a query by repeating its name."""
        schema = self._followed(parameter.schema)
        if schema.get("type") == "array":
            items = texts if parameter.place == "query" else texts[0].split(",")
            return [_scalar(self._followed(schema.get("items", {})), item) for item in items]
        return _scalar(schema, texts[0])

    def _followed(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        followed: Mapping[str, Any] = self._contract.resolve(schema["$ref"]) if "$ref" in schema else schema
        return followed


def _scalar(schema: Mapping[str, Any], text: str) -> Any:
    """A number or a truth value where the schema asks for one and the text is one; else the text itself."""
    if schema.get("type") in ("integer", "number", "boolean"):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return text
        return text if isinstance(value, (str, list, dict)) else value
    return text
