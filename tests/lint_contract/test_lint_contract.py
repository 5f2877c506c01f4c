"""The linters find nothing in the contract, and find what is wrong in contracts with a mistake."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tools.lint_contract import __main__ as program

pytestmark = pytest.mark.usefixtures("npm_programs")

ROOT = Path(__file__).parents[2]
CONTRACT = ROOT / "openapi.yaml"

#: Mistakes: what stands in the contract, what replaces it, and the rules that must see it.
MISTAKES = (
    ("hash: sha256:e3b0", "hash: e3b0", {"redocly no-invalid-media-type-examples", "spectral oas3-valid-media-example"}),
    ("          description: Size of the content in bytes.\n", "", {"spectral every-schema-described"}),
    ("        - created_new\n", "        - created_now\n", {"redocly no-required-schema-properties-undefined"}),
    ("          minItems: 1\n", "          minimumItems: 1\n", {"redocly struct", "spectral oas3-schema"}),
    ("      tags:\n        - asset\n", "      tags:\n        - other\n", {"redocly operation-tag-defined", "spectral operation-tag-defined"}),
    ("    x-provenance: inferred\n", "    x-provenance: guessed\n", {"spectral provenance-known"}),
    ('          content:\n            application/json:\n              schema:\n                $ref: "#/components/schemas/ErrorResponse"\n              examples:\n                invalid:',
     '          content:\n            application/json:\n              schema:\n                $ref: "#/components/schemas/Nothing"\n              examples:\n                invalid:', {"redocly no-unresolved-refs", "spectral invalid-ref"}),
    ("        is_immutable:\n", "        isImmutable:\n", {"spectral members-in-snake-case"}),
)  # fmt: skip


def test_contract_is_clean(capsys: pytest.CaptureFixture[str]) -> None:
    """No error, no warning, no hint."""
    assert program.main([str(CONTRACT)]) == 0, capsys.readouterr().out


def test_mistakes_are_seen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each of many mistakes in one document is a line with its place and rule; the exit status is 1."""
    text = CONTRACT.read_text(encoding="utf-8")
    for old, new, _ in MISTAKES:
        assert old in text, old
        text = text.replace(old, new)
    path = tmp_path / "a.yaml"
    path.write_text(text, encoding="utf-8")
    assert program.main([str(path)]) == 1
    said = capsys.readouterr().out
    assert "a.yaml:" in said
    for _, new, rules in MISTAKES:
        for rule in rules:
            assert f"[{rule}]" in said, (new, rule, said)


@pytest.mark.parametrize("content", [None, "a: ["])
def test_what_is_no_contract(content: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No file, or none that could be a contract, never passes and never ends in a trace."""
    path = tmp_path / "a.yaml"
    if content is not None:
        path.write_text(content)
    assert program.main([str(path)]) in {1, 2}
    assert "Traceback" not in capsys.readouterr().err


def test_without_node(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A missing node is named; it fails in continuous integration only."""
    monkeypatch.setattr(shutil, "which", lambda *_: None)
    monkeypatch.delenv("CI", raising=False)
    assert program.main([]) == 0
    monkeypatch.setenv("CI", "true")
    assert program.main([]) == 2
    assert "Node.js" in capsys.readouterr().err
