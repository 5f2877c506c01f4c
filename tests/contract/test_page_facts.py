"""The contract says what the page says: nothing is missing, nothing is invented, all is marked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from . import document, page_facts

SCHEMAS = ("components", "schemas")


def at(contract: Any, *place: str | int) -> Any:
    """What stands at a place of the contract."""
    for key in place:
        contract = contract[key]
    return contract


def request_example(contract: dict[str, Any]) -> dict[str, Any]:
    """The examples of the request."""
    found: dict[str, Any] = at(
        document.operation(contract), "requestBody", "content", document.JSON, "examples"
    )
    return found


def answer_examples(contract: dict[str, Any], status: str) -> dict[str, Any]:
    """The examples of a status."""
    media = at(document.operation(contract), "responses", status, "content", document.JSON)
    found: dict[str, Any] = media.get("examples", {})
    return found


# --- The contract against the table ------------------------------------------------------------


def test_contract_has_the_facts_of_the_page_and_no_others() -> None:
    """The contract and the table, written apart, have the same leaves, values and provenance."""
    assert page_facts.differences(document.load()) == []


def test_table_is_not_empty() -> None:
    """The comparison compares: the table has every member of every body, by name."""
    rows = {body.name: len(body.members) for body in page_facts.BODIES}
    assert rows == {"CreateAssetFromHashRequest": 5, "AssetCreated": 15, "ErrorResponse": 2}


def test_prose_is_there() -> None:
    """Every schema, member, status and security scheme has a description, and the operation both texts."""
    contract = document.load()
    operation = document.operation(contract)
    described = [
        *at(contract, *SCHEMAS).values(),
        *(p for schema in at(contract, *SCHEMAS).values() for p in schema["properties"].values()),
        *operation["responses"].values(),
        *contract["components"]["securitySchemes"].values(),
        operation,
    ]
    assert [node for node in described if not node.get("description")] == []
    assert operation["summary"]


# --- Mutants: each change is reported ----------------------------------------------------------


def setter(*place: str | int, to: Any) -> Callable[[dict[str, Any]], None]:
    """A change that puts a value at a place."""

    def change(contract: dict[str, Any]) -> None:
        at(contract, *place[:-1])[place[-1]] = to

    return change


def dropper(*place: str | int) -> Callable[[dict[str, Any]], None]:
    """A change that removes what stands at a place."""

    def change(contract: dict[str, Any]) -> None:
        del at(contract, *place[:-1])[place[-1]]

    return change


def renamer(*place: str | int, to: str) -> Callable[[dict[str, Any]], None]:
    """A change that gives what stands at a place another name."""

    def change(contract: dict[str, Any]) -> None:
        parent = at(contract, *place[:-1])
        parent[to] = parent.pop(place[-1])

    return change


REQUEST = (*SCHEMAS, document.REQUEST)
SUCCESS = (*SCHEMAS, document.SUCCESS)
ERROR = (*SCHEMAS, document.ERROR)
OPERATION = ("paths", document.PATH, "post")
STATUS = (*OPERATION, "responses")
A_HEADER = {"name": "X-Trace", "in": "header", "schema": {"type": "string"}}

MUTANTS: dict[str, Callable[[dict[str, Any]], None]] = {
    "another OpenAPI version": setter("openapi", to="3.1.0"),
    "another server": setter("servers", 0, "url", to="https://api.comfy.org"),
    "a second server": setter("servers", to=[{"url": page_facts.SERVER}, {"url": "https://api.comfy.org"}]),
    "a server with variables": setter("servers", 0, "variables", to={"host": {"default": "cloud"}}),
    "server dropped": dropper("servers"),
    "path renamed": renamer("paths", document.PATH, to="/api/assets/from_hash"),
    "method changed": renamer(*OPERATION, to="put"),
    "another operation": setter("paths", document.PATH, "get", to={"responses": {"200": {}}}),
    "operationId renamed": setter(*OPERATION, "operationId", to="createAsset"),
    "header parameter added": setter(*OPERATION, "parameters", to=[A_HEADER]),
    "path parameter added": setter("paths", document.PATH, "parameters", to=[A_HEADER]),
    "operation deprecated": setter(*OPERATION, "deprecated", to=True),
    "security dropped from the operation": dropper(*OPERATION, "security"),
    "security dropped globally": dropper("security"),
    "security made optional": setter(*OPERATION, "security", to=[{"ApiKeyAuth": []}, {}]),
    "key in the query": setter("components", "securitySchemes", "ApiKeyAuth", "in", to="query"),
    "key in another header": setter(
        "components", "securitySchemes", "ApiKeyAuth", "name", to="Authorization"
    ),
    "body made optional": setter(*OPERATION, "requestBody", "required", to=False),
    "body's media type changed": renamer(*OPERATION, "requestBody", "content", document.JSON, to="text/json"),
    "status added": setter(*STATUS, "409", to={"description": "Conflict."}),
    "default status added": setter(*STATUS, "default", to={"description": "Any."}),
    "status dropped": dropper(*STATUS, "404"),
    "status without a body": dropper(*STATUS, "400", "content"),
    "status with another body": setter(
        *STATUS, "404", "content", document.JSON, "schema", "$ref", to="#/components/schemas/AssetCreated"
    ),
    "answer header added": setter(*STATUS, "201", "headers", to={"Location": {"schema": {"type": "string"}}}),
    "request member dropped": dropper(*REQUEST, "properties", "mime_type"),
    "request member added": setter(*REQUEST, "properties", "owner", to={"type": "string"}),
    "request member renamed": renamer(*REQUEST, "properties", "user_metadata", to="metadata"),
    "request member named like prose": setter(*REQUEST, "properties", "summary", to={"type": "string"}),
    "answer member dropped": dropper(*SUCCESS, "properties", "prompt_id"),
    "error member added": setter(*ERROR, "properties", "details", to={"type": "object"}),
    "type changed": setter(*SUCCESS, "properties", "size", "type", to="number"),
    "format dropped": dropper(*SUCCESS, "properties", "id", "format"),
    "format changed": setter(*SUCCESS, "properties", "created_at", "format", to="date"),
    "pattern changed": setter(*REQUEST, "properties", "hash", "pattern", to="^blake3:[a-f0-9]{64}$"),
    "pattern dropped": dropper(*SUCCESS, "properties", "asset_hash", "pattern"),
    "minItems changed": setter(*REQUEST, "properties", "tags", "minItems", to=0),
    "minItems as truth": setter(*REQUEST, "properties", "tags", "minItems", to=True),
    "maxLength added": setter(*REQUEST, "properties", "name", "maxLength", to=255),
    "enum added": setter(*REQUEST, "properties", "tags", "items", "enum", to=["models", "input"]),
    "default added": setter(*REQUEST, "properties", "mime_type", "default", to="image/png"),
    "minimum added": setter(*SUCCESS, "properties", "size", "minimum", to=0),
    "nullable dropped": dropper(*SUCCESS, "properties", "preview_id", "nullable"),
    "nullable added": setter(*SUCCESS, "properties", "preview_url", "nullable", to=True),
    "required dropped": setter(*REQUEST, "required", to=["hash"]),
    "required added": setter(
        *SUCCESS, "required", to=[*document.schema(document.SUCCESS)["required"], "tags"]
    ),
    "further members forbidden": setter(*REQUEST, "additionalProperties", to=False),
    "metadata closed": setter(*REQUEST, "properties", "user_metadata", "additionalProperties", to=False),
    "schema added": setter(*SCHEMAS, "Asset", to={"type": "object"}),
    "provenance of a status dropped": dropper(*STATUS, "201", "x-provenance"),
    "provenance of a pattern dropped": dropper(*REQUEST, "properties", "hash", "x-provenance"),
    "provenance of a schema dropped": dropper(*ERROR, "x-provenance"),
    "provenance of the operation dropped": dropper(*OPERATION, "x-provenance"),
    "provenance of the page's own": setter(*SUCCESS, "properties", "size", "x-provenance", to="published"),
    "provenance of the wrong source": setter(*STATUS, "500", "x-provenance", to="inferred"),
    "provenance that is no source": setter(*OPERATION, "x-provenance", "tags", to="field"),
    "provenance of prose that is no source": setter("info", "x-provenance", "description", to="blog"),
    "provenance of what is not there": setter(*OPERATION, "x-provenance", "parameters", to="published"),
    "transcription date dropped": dropper("info", "x-transcribed"),
    "license dropped": dropper("info", "license"),
}


@pytest.mark.parametrize("change", MUTANTS.values(), ids=MUTANTS)
def test_change_of_the_contract_is_reported(change: Callable[[dict[str, Any]], None]) -> None:
    """No single change of what the contract states goes unnoticed."""
    contract = document.load()
    change(contract)
    # As text: True equals 1 in Python.
    assert repr(contract) != repr(document.load()), "the mutant changes nothing"
    assert page_facts.differences(contract) != []


# --- Examples ----------------------------------------------------------------------------------


def examples() -> list[tuple[str, str, Any]]:
    """Every example: where it stands, the schema it must satisfy, its value."""
    contract = document.load()
    found = [(f"request {n}", document.REQUEST, e["value"]) for n, e in request_example(contract).items()]
    for status in document.statuses():
        answers = answer_examples(contract, status).items()
        found += [(f"{status} {name}", document.schema_of(status), e["value"]) for name, e in answers]
    return found


@pytest.mark.parametrize(
    ("schema", "value"), [row[1:] for row in examples()], ids=[row[0] for row in examples()]
)
def test_example_satisfies_its_schema(schema: str, value: Any) -> None:
    """An example is valid, formats and patterns included, and has only members that its schema names."""
    errors = [str(error) for error in document.validator(schema).iter_errors(value)]
    assert errors == []
    assert set(value) <= set(document.schema(schema)["properties"])


def test_request_and_every_status_have_an_example() -> None:
    """There is an example for the request and for each documented status."""
    contract = document.load()
    assert request_example(contract)
    assert [status for status in document.statuses() if not answer_examples(contract, status)] == []


@pytest.mark.parametrize(("status", "created_new"), [("200", False), ("201", True)])
def test_success_example_says_what_its_status_means(status: str, created_new: bool) -> None:
    """`created_new` is false in every example for 200, and true for 201."""
    said = {e["value"]["created_new"] for e in answer_examples(document.load(), status).values()}
    assert said == {created_new}


def test_examples_together_show_every_member() -> None:
    """Each member of each schema is shown by at least one example."""
    shown: dict[str, set[str]] = {}
    for _, schema, value in examples():
        shown.setdefault(schema, set()).update(value)
    assert shown == {body.name: {m.name for m in body.members} for body in page_facts.BODIES}


@pytest.mark.parametrize("status", [status for status, *_ in page_facts.STATUSES])
def test_examples_are_marked_as_ours(status: str) -> None:
    """No example poses as the page's: each carries `x-provenance: inferred`."""
    marks = {e.get("x-provenance") for e in answer_examples(document.load(), status).values()}
    marks |= {e.get("x-provenance") for e in request_example(document.load()).values()}
    assert marks == {"inferred"}
