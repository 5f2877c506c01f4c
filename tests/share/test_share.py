"""What `make share` writes is whole, the same each time, and shows itself without a network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from playwright.sync_api import Page

from comfy_assets import specification
from comfy_assets.contract.departures import departures
from comfy_assets.scenarios import allowed, failing
from tools.lint_contract.__main__ import lint
from tools.share import __main__ as program
from tools.share.twin import schema, twin
from tools.share.vectors import content_of

ROOT = Path(__file__).parents[2]
CONTRACT = specification.load()


def test_checksums_are_accepted(shared: Path) -> None:
    """`sha256sum -c` accepts every file, and sees a changed byte."""
    command = ["sha256sum", "--strict", "-c", "SHA256SUMS"]
    said = subprocess.run(command, cwd=shared, capture_output=True, text=True, check=True).stdout
    names = {path.name for path in shared.iterdir()} - {"SHA256SUMS"}
    assert {line.removesuffix(": OK") for line in said.splitlines()} == names


def test_same_bytes_each_time(shared: Path, tmp_path: Path) -> None:
    """Another process, with other hash seeds, language and time zone, writes the same bytes over an old folder."""
    folder = tmp_path / "contract"
    folder.mkdir()
    (folder / "SHA256SUMS").touch()
    (folder / "old").touch()
    env = {**os.environ, "PYTHONHASHSEED": "7", "LC_ALL": "C", "TZ": "Asia/Kathmandu", "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "tools.share", str(folder)]
    subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True)
    one, other = (
        {path.name: path.read_bytes() for path in folder_.iterdir()} for folder_ in (shared, folder)
    )
    assert one == other
    assert [path.name for path in tmp_path.iterdir()] == ["contract"]


def test_foreign_folder_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder with somebody's files is not replaced."""
    (tmp_path / "mine").touch()
    assert program.main([str(tmp_path)]) == 2
    assert "holds other files" in capsys.readouterr().err
    assert (tmp_path / "mine").exists()


def test_documents_hold_the_same(shared: Path) -> None:
    """YAML and JSON of each version are one document, and it has the contract's version."""
    for version in ("3.0", "3.1"):
        from_json = json.loads((shared / f"openapi-{version}.json").read_text(encoding="utf-8"))
        from_yaml = yaml.safe_load((shared / f"openapi-{version}.yaml").read_text(encoding="utf-8"))
        assert from_json == from_yaml
        assert from_json["openapi"].startswith(version)
        assert from_json["info"]["version"] == CONTRACT.version
    assert (shared / "openapi-3.0.yaml").read_bytes() == CONTRACT.path.read_bytes()


# --- The twin -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("npm_programs")
def test_twin_is_clean(shared: Path) -> None:
    """The linters of the contract find nothing in the twin."""
    assert lint(shared / "openapi-3.1.yaml") == []


def test_twin_differs_in_words_only() -> None:
    """Apart from the version and `nullable`, the twin of this contract is the contract."""

    def undone(value: Any) -> Any:
        if isinstance(value, list):
            return [undone(one) for one in value]
        if not isinstance(value, dict):
            return value
        made = {name: undone(one) for name, one in value.items()}
        if isinstance(made.get("type"), list):
            made |= {"type": made["type"][0], "nullable": True}
        return made

    assert {**undone(twin(CONTRACT.document)), "openapi": "3.0.3"} == CONTRACT.document


def values() -> list[Any]:
    """Values of every kind, right and wrong in every place of every schema."""
    status, members = allowed.whole(CONTRACT, allowed._OTHER_ID, {"tags": ["a"]})
    asked = CONTRACT.operation(failing.OPERATION).request_examples["complete"]
    right = {"AssetCreated": members, "CreateAssetFromHashRequest": asked, "ErrorResponse": failing._ERROR}
    found: list[Any] = [members, asked, failing._ERROR, None, 1, "a", [], {}]
    for name, body in right.items():
        found += [
            one.body for one in departures(CONTRACT, CONTRACT.document["components"]["schemas"][name], body)
        ]
    for shape in allowed.allowed(CONTRACT):
        found.append(json.loads(shape.of(status, members).body))
    return found


def test_twin_means_the_same() -> None:
    """A validator of JSON Schema that reads the twin takes and refuses what the contract's takes and refuses."""
    newer = twin(CONTRACT.document)
    tried = values()
    for name, old in CONTRACT.document["components"]["schemas"].items():
        ours = CONTRACT.validator(old)
        root = {**newer["components"]["schemas"][name], "components": newer["components"]}
        theirs = jsonschema_rs.Draft202012Validator(root, validate_formats=True, offline=True)
        verdicts = [ours.is_valid(value) for value in tried]
        assert verdicts == [theirs.is_valid(value) for value in tried], name
        assert {True, False} == set(verdicts)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
        ({"type": "string", "nullable": False}, {"type": "string"}),
        ({"nullable": True}, {}),
        ({"minimum": 1, "exclusiveMinimum": True}, {"exclusiveMinimum": 1}),
        ({"exclusiveMaximum": False, "maximum": 1}, {"maximum": 1}),
        ({"exclusiveMaximum": True}, {}),
        ({"example": {"nullable": True}}, {"examples": [{"nullable": True}]}),
        ({"$ref": "#/a", "nullable": True}, {"$ref": "#/a"}),
        ({"format": "byte"}, {"contentEncoding": "base64"}),
        ({"enum": ["a", None], "type": "string", "nullable": True}, {"enum": ["a", None], "type": ["string", "null"]}),
        ({"default": {"nullable": True}}, {"default": {"nullable": True}}),
        ({"x-provenance": {"nullable": "inferred"}}, {"x-provenance": {"type": "inferred"}}),
        (
            {"properties": {"nullable": {"type": "array", "items": {"type": "integer", "nullable": True}}}},
            {"properties": {"nullable": {"type": "array", "items": {"type": ["integer", "null"]}}}},
        ),
        ({"allOf": [{"type": "object", "nullable": True}], "additionalProperties": False},
         {"allOf": [{"type": ["object", "null"]}], "additionalProperties": False}),
    ],
)  # fmt: skip
def test_keywords(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Each keyword that changed is written in the newer version's way, at any depth; values are left alone."""
    assert schema(old) == new


# --- The page -------------------------------------------------------------------------------------


def test_page_asks_nobody(shared: Path, chromium_page: Page) -> None:
    """The page shows the operation in a real browser, from a file, and sends no request at all."""
    path = shared / "reference.html"
    if not path.exists():
        pytest.skip("there is no node, so there is no reference.html")
    asked: list[str] = []
    wrong: list[str] = []
    chromium_page.on("request", lambda request: asked.append(request.url))
    chromium_page.on(
        "console", lambda one: wrong.append(one.text) if one.type in {"error", "warning"} else None
    )
    chromium_page.on("pageerror", lambda error: wrong.append(str(error)))
    chromium_page.goto(path.as_uri())
    operation = CONTRACT.operation(failing.OPERATION)
    chromium_page.get_by_role("heading", name=operation.summary).first.wait_for()
    text = chromium_page.inner_text("body")
    for word in (operation.path, CONTRACT.version, "user_metadata", "last_access_time", "ApiKeyAuth"):
        assert word in text, word
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert wrong == []


def test_bodies_are_read_back() -> None:
    """A body that is text, bytes or a recipe comes back as it was."""
    from tools.share.vectors import body

    for content in (b"", "Ü\u2028".encode(), b"\xff", b'{"a": "' + b"x" * 20_000 + b'"}'):
        assert content_of(body(content)) == content
