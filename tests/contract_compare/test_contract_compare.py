"""Each change of another description is told by its place, with whose word it touches."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from comfy_assets import specification
from tools.contract_compare import __main__ as program
from tools.contract_compare import facts
from tools.share.twin import twin

ROOT = Path(__file__).parents[2]
CONTRACT = specification.load()
TEXT = CONTRACT.path.read_text(encoding="utf-8")


def lines(text: str) -> list[str]:
    """The differences, as they are printed."""
    return [str(one) for one in program.compare(text, "other")]


def page() -> str:
    """A text in the shape of the page, from the contract."""
    schemas = CONTRACT.document["components"]["schemas"]
    parts = ["Skip to main content\nPOST\n/\napi\n/\nassets\n/\nfrom-hash\nMake one",
             "curl --request POST \\\n  --url https://cloud.comfy.org/api/assets/from-hash \\\n", "",
             "Authorizations\n\nX-API-Key\nstring\nheader\nrequired\n\nA key.\n", "Body\n\napplication/json"]  # fmt: skip
    for name in ("CreateAssetFromHashRequest", "AssetCreated"):
        schema = schemas[name]
        for member, one in schema["properties"].items():
            type_ = one["items"]["type"] + "[]" if one["type"] == "array" else one["type"]
            type_ += f"<{one['format']}>" if "format" in one else ""
            type_ += " | null" if one.get("nullable") else ""
            required = "\nrequired" if member in schema["required"] else ""
            limit = f"\n\nMinimum array length: {one['minItems']}" if "minItems" in one else "\n"
            parts.append(f"{member}\n{type_}{required}\n\nSome prose about string things.{limit}")
        parts.append("\nResponse\n\nIt exists already\n" if name != "AssetCreated" else "")
    return "\n".join(parts)


def test_itself_does_not_differ() -> None:
    """The contract, its twin in 3.1 as JSON, and the page's text say the same as the contract."""
    assert lines(TEXT) == []
    assert lines(json.dumps(twin(CONTRACT.document))) == []
    assert lines(page()) == []


@pytest.mark.parametrize(
    ("old", "new", "places"),
    [
        ("tags\nstring[]\nrequired", "tags\nstring[]", ["request tags: the contract says required, the other optional [page]"]),
        ("Minimum array length: 1", "Minimum array length: 2", ["request tags minItems: the contract says 1, the other 2 [page]"]),
        ("Minimum array length: 1", "", ["request tags minItems: the contract says 1, the other nothing [page]"]),
        ("size\ninteger<int64>", "size\nnumber", ["answer 200 size type", "answer 200 size format"]),
        ("preview_id\nstring<uuid> | null", "preview_id\nstring<uuid>", ["answer 200 preview_id type"]),
        ("is_immutable\nboolean\n", "is_frozen\nboolean\n", ["answer 200 is_immutable", "answer 200 is_immutable type", "answer 200 is_frozen", "answer 200 is_frozen type"]),
        ("X-API-Key\n", "X-Key\n", ["authentication"]),
        ("assets\n/\nfrom-hash\nMake", "assets\n/\nby-hash\nMake", ["operation"]),
        ("POST\n/", "PUT\n/", ["operation"]),
        ("--url https://cloud.comfy.org/", "--url https://api.comfy.org/", ["servers"]),
        ("application/json", "application/cbor", ["request content application/cbor"]),
    ],
)  # fmt: skip
def test_page_that_changed(old: str, new: str, places: list[str]) -> None:
    """Each change of the page's text is found where it is, and nothing else."""
    assert old in page()
    found = lines(page().replace(old, new, 1))
    assert len(found) == len(places), found
    for place in places:
        assert any(one.startswith(place) for one in found), (place, found)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('pattern: "^blake3:', 'pattern: "^b3:', ["answer 200 asset_hash pattern: [published]", "answer 201 asset_hash pattern: [published]"]),
        ('        "404":', '        "410":', ["answer 404: [published]", "answer 410: [page]"]),
        ("operationId: createAssetFromHash", "operationId: make", ["operation operationId: [published]"]),
        ("          minItems: 1\n", "", ["request tags minItems: [page]"]),
        ("      name: X-API-Key", "      name: X-Key", ["authentication: [page]"]),
        ("          additionalProperties: true\n          description: Metadata of", "          additionalProperties: false\n          description: Metadata of", ["request user_metadata additionalProperties: [page]"]),
        ("          nullable: true\n          description: The job", "          description: The job", ["answer 200 prompt_id type: [page]"]),
        ("Size of the content in bytes.", "Other words.", []),
        ("CreateAssetFromHashRequest", "Renamed", []),
        ("url: https://cloud.comfy.org\n", "url: https://cloud.comfy.org/\n", []),
    ],
)  # fmt: skip
def test_document_that_changed(old: str, new: str, expected: list[str]) -> None:
    """Each change of a document is found with its provenance; prose and names of schemas are none."""
    assert old in TEXT
    found = lines(TEXT.replace(old, new))
    for one in expected:
        place, mark = one.rsplit(" ", 1)
        assert any(line.startswith(place) and line.endswith(mark) for line in found), (one, found)
    assert bool(found) is bool(expected), found


def test_one_operation_of_many() -> None:
    """In a whole API the operation is found by its path, or under another path by its id."""
    document: dict[str, Any] = json.loads(json.dumps(twin(CONTRACT.document)))
    path, item = next(iter(document["paths"].items()))
    document["paths"] = {
        "/a": {"get": {"operationId": "a", "responses": {}}},
        path: item,
        "/b": {"post": {"responses": {}}},
    }
    assert lines(json.dumps(document)) == []
    document["paths"]["/v2/from-hash"] = document["paths"].pop(path)
    assert [one.split(":")[0] for one in lines(json.dumps(document))] == ["operation"]


def test_whole_api() -> None:
    """In a vendor's whole API, through shared parts of every kind, each difference is told once and none is missed."""
    folder = Path(__file__).parent
    document = (folder / "whole_api.yaml").read_text(encoding="utf-8")
    told = [
        f"{one.place}: {facts.said(one.ours)} -> {facts.said(one.theirs)}"
        for one in program.compare(document, "other")
    ]
    assert told == (folder / "whole_api.txt").read_text(encoding="utf-8").splitlines()


def test_what_refers_to_itself_ends() -> None:
    """A schema within itself, in several places, is read once on each way to it."""
    document: dict[str, Any] = json.loads(json.dumps(twin(CONTRACT.document)))
    schemas = document["components"]["schemas"]
    node = {"$ref": "#/components/schemas/Node"}
    schemas["Node"] = {"allOf": [node], "properties": {f"child{number}": node for number in range(20)}}
    schemas["CreateAssetFromHashRequest"]["properties"]["parent"] = node
    found = lines(json.dumps(document))
    assert found[0].startswith("request parent: the contract says nothing, the other optional")
    assert len(found) == 21


@pytest.mark.parametrize(
    "content",
    ["", "some words", "POST\n/a\n", "openapi: [", "openapi: 2.0\n", "openapi: 3.0.3\n", "openapi: 3.0.3\npaths: 1\n",
     TEXT.replace("/api/assets/from-hash", "/a").replace("createAssetFromHash", "b"),
     TEXT.replace("schemas/AssetCreated", "schemas/Nothing"), TEXT.replace('"#/components/schemas/Asset', '"other.yaml#/Asset')],
)  # fmt: skip
def test_what_cannot_be_compared(content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Anything else is one sentence that names the file, and exit status 2."""
    path = tmp_path / "other"
    path.write_text(content, encoding="utf-8")
    assert program.main([str(path)]) == 2
    said = capsys.readouterr().err
    assert "other" in said
    assert said.count("\n") == 1


def test_command(tmp_path: Path) -> None:
    """The command itself: exit status 0, 1 and 2, and differences as JSON."""
    tool = str(ROOT / "tools" / "contract-compare")

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([tool, *words], capture_output=True, text=True, check=False)

    path = tmp_path / "a.yaml"
    path.write_text(TEXT.replace("          minItems: 1\n", ""), encoding="utf-8")
    assert run(str(CONTRACT.path)).returncode == 0
    done = run(str(path), "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout) == [
        {"place": "request tags minItems", "ours": 1, "theirs": None, "provenance": "page"}
    ]
    assert run(str(tmp_path / "none")).returncode == 2
