"""The list of mutations that no test kills."""

from __future__ import annotations

from pathlib import Path

from tools.mutation import survivors

SOURCES = Path(__file__).parents[2] / "src" / "comfy_assets"


def test_known_survivors_are_of_this_code() -> None:
    """Each has a reason, and the lines that it changes stand in its module: what is gone must go from the list."""
    known = survivors.read()
    assert known
    for mutant, reason in known.items():
        assert len(reason) > 20
        lines = {line.strip() for line in (SOURCES / f"{mutant.module}.py").read_text().splitlines()}
        assert mutant.changed
        for change in mutant.changed:
            sign, _, line = change.partition(" ")
            assert sign in "+-"
            assert sign == "+" or line in lines, f"{mutant.function}: no such line: {line}"
