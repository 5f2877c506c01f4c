"""Parameters of path, query and headers, read as the contract's schemas have them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from comfy_assets import specification
from comfy_assets.server.parameters import Parameters
from comfy_assets.server.requests import RefusedError

CONTRACT = """
openapi: 3.0.3
info: {title: t, version: 1.0.0}
components:
  schemas: {Count: {type: integer, minimum: 1}}
paths:
  /things/{thing}:
    parameters:
      - {name: thing, in: path, required: true, schema: {type: string, pattern: "^[a-z]+$"}}
      - {name: count, in: query, schema: {type: string}}
    get:
      operationId: getThing
      parameters:
        - {name: count, in: query, schema: {$ref: "#/components/schemas/Count"}}
        - {name: deep, in: query, schema: {type: boolean}}
        - {name: tag, in: query, schema: {type: array, items: {type: string}}}
        - {name: X-Sizes, in: header, schema: {type: array, items: {type: number}}}
      responses: {"200": {description: there}}
"""


@pytest.fixture(scope="module")
def parameters(tmp_path_factory: pytest.TempPathFactory) -> Parameters:
    """Those of the operation above: one of the path is replaced by its own."""
    path: Path = tmp_path_factory.mktemp("contract") / "openapi.yaml"
    path.write_text(CONTRACT, encoding="utf-8")
    contract = specification.load(path)
    return Parameters(contract, contract.operations[0])


#: Path, query, headers → what is read of them.
READ: list[tuple[dict[str, str], list[tuple[str, str]], dict[str, list[str]], dict[str, Any]]] = [
    ({"thing": "a"}, [], {}, {"thing": "a"}),
    ({"thing": "a"}, [("count", "3"), ("deep", "true")], {}, {"thing": "a", "count": 3, "deep": True}),
    ({"thing": "a"}, [("tag", "x"), ("tag", "7")], {}, {"thing": "a", "tag": ["x", "7"]}),
    ({"thing": "a"}, [("other", "x")], {"x-sizes": ["1,2.5"]}, {"thing": "a", "X-Sizes": [1, 2.5]}),
]


@pytest.mark.parametrize(("path", "query", "headers", "found"), READ)
def test_read(parameters: Parameters, path: Any, query: Any, headers: Any, found: Any) -> None:
    """Numbers, truth values and arrays come as what the schema asks for; what it does not name is passed over."""
    assert parameters.read(path, query, headers) == found


#: Path, query, headers → words of the refusal.
REFUSED: list[tuple[dict[str, str], list[tuple[str, str]], dict[str, list[str]], str]] = [
    ({"thing": "A"}, [], {}, "thing"),
    ({}, [], {}, "thing is required"),
    ({"thing": "a"}, [("count", "0")], {}, "count"),
    ({"thing": "a"}, [("count", "many")], {}, "count"),
    ({"thing": "a"}, [("count", "[1]")], {}, "count"),
    ({"thing": "a"}, [("deep", "yes")], {}, "deep"),
    ({"thing": "a"}, [("count", "[" * 100_000)], {}, "count"),
    ({"thing": "a"}, [], {"x-sizes": ["1,big"]}, "X-Sizes[1]"),
]


@pytest.mark.parametrize(("path", "query", "headers", "words"), REFUSED)
def test_refused(parameters: Parameters, path: Any, query: Any, headers: Any, words: str) -> None:
    """What breaks the contract is a 400 that names the parameter and not its value."""
    with pytest.raises(RefusedError, match="^" + words.replace("[", r"\[")) as refused:
        parameters.read(path, query, headers)
    assert refused.value.status == 400
    assert "many" not in refused.value.message
