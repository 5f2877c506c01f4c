"""The contract is read exactly, judged exactly, and refused in one sentence where it is wrong."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from comfy_assets import specification
from comfy_assets.specification import Contract, ContractFileError

MINIMAL = """\
openapi: 3.0.3
info: {title: A, version: "1"}
paths:
  /a:
    get:
      responses:
        200: {description: fine}
components:
  schemas:
    A: {type: string}
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "contract.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def with_schema(tmp_path: Path, schema: dict[str, Any]) -> Contract:
    """A contract whose schema A is this one."""
    document = {
        "openapi": "3.0.3",
        "info": {"title": "A", "version": "1"},
        "paths": {},
        "components": {"schemas": {"A": schema, "B": {"type": "string"}}},
    }
    return specification.load(written(tmp_path, json.dumps(document)))


def test_digest_is_of_the_bytes_of_the_file() -> None:
    """Two who have the same file have the same digest, without knowing how it is read."""
    contract = specification.load()
    assert contract.digest == hashlib.sha256(contract.path.read_bytes()).hexdigest()


def test_every_example_satisfies_its_own_schema() -> None:
    """The translation accepts all that the contract itself shows, for requests and for answers."""
    contract = specification.load()
    for operation in contract.operations:
        shown = [(operation.request_schema, operation.request_examples)]
        shown += [(response.schema, response.examples) for response in operation.responses.values()]
        for schema, examples in shown:
            if schema is None:  # no body
                continue
            assert examples
            assert all(contract.validator(schema).is_valid(example) for example in examples.values())


def test_operation_is_derived_from_the_document() -> None:
    """Method, path, body, statuses and the key's header all come from the file."""
    contract = specification.load()
    operation = contract.operation("createAssetFromHash")
    assert (operation.method, operation.path) == ("POST", "/api/assets/from-hash")
    assert (operation.request_media_type, operation.body_required) == ("application/json", True)
    assert operation.security_header == "X-API-Key"
    assert contract.server_url == "https://cloud.comfy.org"
    described = {status for status in range(100, 600) if operation.response(status)}
    assert described == {200, 201, 400, 401, 404, 500}


def test_unquoted_dates_and_words_stay_text(tmp_path: Path) -> None:
    """A document holds JSON types only: no date objects, and `no` is not false (YAML 1.2)."""
    contract = specification.load(
        written(tmp_path, MINIMAL + "x-values: [2026-01-02, no, 12:30, 1.5, 3, true, ~, '4']\n")
    )
    assert contract.document["x-values"] == ["2026-01-02", "no", "12:30", 1.5, 3, True, None, "4"]
    json.dumps(contract.document)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: c: d\n", "line 2: not YAML"),
        ("- a\n", "not a mapping"),
        ("", "not a mapping"),
        ("openapi: 3.1.0\n", "3.0.x"),
        (MINIMAL + "info: {}\n", "line 11: the key info stands twice"),
        (MINIMAL + "x-a: .nan\n", "a number that JSON does not have"),
        (MINIMAL + "x-a: &a [*a]\n", "an alias contains itself"),
        (MINIMAL.replace("{type: string}", "{$ref: '#/components/schemas/B'}"), "line 10: the reference"),
        (MINIMAL.replace("{type: string}", "{$ref: '#/components/schemas/A'}"), "leads back to itself"),
        (MINIMAL.replace("{type: string}", "{$ref: 'other.yaml#/A'}"), "leads to another document"),
        (MINIMAL.replace("/a:", "a:").replace("      responses:", "      x-r:"), "not the structure"),
        (MINIMAL.replace("paths:\n  /a:", "paths: 3\nx-b:\n  /a:"), "not the structure"),
        (MINIMAL.replace('{title: A, version: "1"}', "3"), "not the structure"),
        (MINIMAL + "security: [{Key: []}]\n", "the security scheme Key is not defined"),
        (MINIMAL + "  securitySchemes: {B: {type: http, scheme: bearer}}\nsecurity: [{B: []}]\n", "no security scheme is an API key"),
        (MINIMAL + "x-a: {[a]: b}\n", "line 11: a key must be text"),
        (MINIMAL.replace("{type: string}", "{$ref: '#/x-a/1'}") + "x-a: [{}]\n", "points to nothing"),
    ],
)  # fmt: skip
def test_wrong_file_is_refused_in_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    """Whatever is wrong with the file, the error is one line that names the file and the cause."""
    path = written(tmp_path, text)
    with pytest.raises(ContractFileError) as caught:
        specification.load(path)
    message = str(caught.value)
    assert said in message
    assert message.startswith(str(path))
    assert "\n" not in message


def test_what_a_contract_may_do(tmp_path: Path) -> None:
    """Let a key be left out, show one example without a name, refer to an item of a list."""
    text = MINIMAL.replace("fine}", "fine, content: {a/b: {example: 1, schema: {$ref: '#/x-a/0'}}}}")
    contract = specification.load(
        written(tmp_path, text + "x-a: [{type: integer}]\nsecurity: [{}, {Key: []}]\n")
    )
    (operation,) = contract.operations
    response = operation.response(200)
    assert response is not None
    assert response.schema is not None
    assert operation.security_header is None
    assert (dict(response.examples), response.media_type) == ({"example": 1}, "a/b")
    assert contract.validator(response.schema).is_valid(1)
    assert not contract.validator(response.schema).is_valid("a")
    with pytest.raises(KeyError):
        contract.operation("other")


def test_missing_and_binary_files_are_refused(tmp_path: Path) -> None:
    """A file that is not there, a folder, and bytes that are no text are told apart."""
    with pytest.raises(ContractFileError, match="No such file"):
        specification.load(tmp_path / "none.yaml")
    with pytest.raises(ContractFileError, match="cannot be read"):
        specification.load(tmp_path)
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(ContractFileError, match="not UTF-8 at byte 0"):
        specification.load(tmp_path / "bytes")


def test_reference_inside_an_example_is_only_text(tmp_path: Path) -> None:
    """An example may show a `$ref` that leads nowhere; a property named `example` may not have one."""
    example = {"type": "object", "example": {"$ref": "#/nowhere"}}
    with_schema(tmp_path, example)
    with pytest.raises(ContractFileError, match="points to nothing"):
        with_schema(tmp_path, {"properties": {"example": {"$ref": "#/nowhere"}}})


#: A schema as OpenAPI 3.0 writes it, what it accepts, and what it refuses.
MEANINGS = [
    ({"type": "string", "nullable": True}, ["a", None], [1]),
    ({"nullable": True}, [None, 1], []),
    ({"type": "string", "enum": ["a"], "nullable": True}, ["a"], [None, "b"]),
    ({"type": "number", "minimum": 1, "exclusiveMinimum": True}, [1.5], [1]),
    ({"type": "number", "minimum": 1, "exclusiveMinimum": False}, [1], [0.5]),
    ({"type": "number", "maximum": 1, "exclusiveMaximum": True}, [0], [1]),
    ({"$ref": "#/components/schemas/B", "type": "integer", "nullable": True}, ["a"], [1, None]),
    ({"type": "integer", "format": "int64"}, [2**63 - 1, -(2**63), 1.0], [2**63, -(2**63) - 1, 1.5]),
    ({"type": "integer", "format": "int32", "minimum": 0}, [0, 2**31 - 1], [-1, 2**31]),
    ({"type": "string", "format": "uuid"}, ["3c90c3cc-0d44-4b50-8888-8dd25736052a"],
     ["3c90c3cc0d444b5088888dd25736052a", "a"]),
    ({"type": "string", "format": "date-time"}, ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.6+01:00"],
     ["2026-01-02T03:04:05", "2026-01-02"]),
    ({"type": "string", "format": "uri"}, ["https://a.example/b"], ["/b"]),
    ({"type": "string", "format": "unheard-of"}, ["a"], [1]),
    ({"type": "string", "pattern": "^a$"}, ["a"], ["a\n", "ba"]),
    ({"type": "string", "pattern": "b"}, ["abc"], ["a"]),
    ({"type": "object", "additionalProperties": False, "properties": {"a": {}}}, [{"a": 1}], [{"b": 1}]),
    ({"type": "object", "additionalProperties": {"type": "string"}}, [{"b": ""}], [{"b": 1}]),
    ({"type": "array", "items": {"type": "string"}, "minItems": 1}, [["a"]], [[], [1], "a"]),
    ({"oneOf": [{"type": "string"}, {"$ref": "#/components/schemas/B"}]}, [], ["a", 1]),
    ({"not": {"type": "string", "nullable": True}}, [1], ["a", None]),
    ({"type": "object", "properties": {"a": {"$ref": "#/components/schemas/A"}}}, [{"a": {"a": {}}}],
     [{"a": {"a": 1}}]),
    ({"type": "string", "example": 1, "x-minLength": 3, "description": "A", "deprecated": True}, [""], [1]),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "accepted", "refused"), MEANINGS)
def test_schema_means_what_openapi_says(
    tmp_path: Path, schema: dict[str, Any], accepted: list[Any], refused: list[Any]
) -> None:
    """Each keyword keeps the meaning of OpenAPI 3.0 in the translation."""
    contract = with_schema(tmp_path, schema)
    validator = contract.validator({"$ref": "#/components/schemas/A"})
    assert [value for value in accepted if not validator.is_valid(value)] == []
    assert [value for value in refused if validator.is_valid(value)] == []


def test_pattern_that_is_none_is_told(tmp_path: Path) -> None:
    """A pattern that cannot be compiled is a fault of the contract, told as such."""
    contract = with_schema(tmp_path, {"type": "string", "pattern": "("})
    with pytest.raises(ContractFileError, match="a schema cannot be compiled"):
        contract.validator({"$ref": "#/components/schemas/A"})
