"""Marks that silence a linter or a type checker."""

from __future__ import annotations

import io
import re
import subprocess
import tokenize
from pathlib import Path

ROOT = Path(__file__).parents[2]

#: What a checker must refuse: there each mark is the test.
WRONG_ON_PURPOSE = "tests/typing/wrong.py"

MARK = re.compile(r"#\s*(noqa|(type|pyright|mypy|ruff|pragma|flake8|nosec)\s*:)")

#: What is silenced, and why.
REASONED = re.compile(
    r"# noqa: [A-Z]+\d+(, [A-Z]+\d+)* - [`\w].*"
    r"|(# (type|pyright): ignore\[[\w-]+(, [\w-]+)*\] )+# (?!(type|pyright):)[`\w].*"
    r"|# pragma: no (cover|branch) - [`\w].*"
)


def without_reason(source: str) -> list[str]:
    """The comments of a module that silence a checker and do not say why."""
    comments = [
        token.string
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    ]
    return [text for text in comments if MARK.search(text) and not REASONED.fullmatch(text)]


def test_each_mark_has_its_reason() -> None:
    """What silences a checker names the rule, and says on its line why; `CONTRIBUTING.md` shows how."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "*.py", ":!generated", f":!{WRONG_ON_PURPOSE}"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    found = {
        name: bare
        for name in filter(None, listed.split("\0"))
        if (ROOT / name).is_file() and (bare := without_reason((ROOT / name).read_text(encoding="utf-8")))
    }
    assert not found


def test_mark_without_reason_would_be_seen() -> None:
    """However it is written; a text that looks like one is none."""
    for mark in (
        "# noqa", "# noqa: S101", "#noqa:S101", "# noqa: S101, the reason", "# noqa: S101 -", "# noqa: S101  the reason",
        "# type: ignore", "# type: ignore[misc]", "# type: ignore # the reason", "# type: ignore[misc] # pyright: ignore[reportX]",
        "# pyright: ignore[reportX]", "# pyright: basic", "# mypy: ignore-errors", "# ruff: noqa", "# pragma: no cover",
    ):  # fmt: skip
        assert without_reason(f"x = 1  {mark}\n") == [mark]
    for mark in (
        "# noqa: S101 - the reason", "# noqa: S101, S102 - the reason", "# type: ignore[misc, union-attr] # the reason",
        "# type: ignore[misc] # pyright: ignore[reportX] # the reason", "# pragma: no cover - the reason",
    ):  # fmt: skip
        assert without_reason(f"x = 1  {mark}\n") == []
    assert without_reason("x = '# noqa'\n") == []
