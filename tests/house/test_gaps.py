"""What no test reaches is named with its reason, and the names lead to the code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tools.coverage import __main__ as program
from tools.coverage import gaps, page


def test_list_is_of_this_code() -> None:
    """Each gap that stays has a reason, and stands in the code: what is gone must go from the list."""
    known = gaps.read()
    assert known
    assert all(len(why.reason) > 15 for why in known.values())
    assert [str(gap) for gap in known if gaps.gone(gap)] == []


def test_page_has_the_reasons() -> None:
    """The page says what the list says; `make coverage` writes it."""
    assert page.PAGE.read_text(encoding="utf-8").endswith(page.reasons(gaps.read()))


CODE = """import a
class C:
    def f(self):
        if a.x:
            a.y()
            a.z()
        for b in a:
            a.w()
def g():
    pass
"""
RAN = {"executed_lines": [1, 2, 3, 4, 7, 8, 9], "missing_lines": [5, 6, 10], "functions": {
    "": {"executed_lines": [1, 2, 3, 9], "missing_lines": [], "missing_branches": []},
    "C.f": {"executed_lines": [4, 7, 8], "missing_lines": [5, 6], "missing_branches": [[4, 5], [7, -3]]},
    "g": {"executed_lines": [], "missing_lines": [10], "missing_branches": []},
}}  # fmt: skip
NEVER_RAN: dict[str, Any] = {"executed_lines": [], "missing_lines": [1, 2], "functions": {}}


def test_gaps_of_a_run(tmp_path: Path) -> None:
    """Lines that follow each other are one gap; a way counts where its end was reached; a module may never run."""
    for name in ("m.py", "never.py", "empty.py"):
        (tmp_path / name).write_text(CODE)
    empty: dict[str, Any] = {"executed_lines": [], "missing_lines": [], "functions": {}}
    found = gaps.found({"files": {"m.py": RAN, "never.py": NEVER_RAN, "empty.py": empty}}, tmp_path)
    assert found == {
        gaps.Gap("m.py", "C.f", "a.y()"),
        gaps.Gap("m.py", "C.f", "for b in a: -> the end"),
        gaps.Gap("m.py", "g", "pass"),
        gaps.Gap("never.py"),
    }
    assert not any(gaps.gone(gap, tmp_path) for gap in found)
    for gap in ("m.py h\n a.y()", "m.py C.f\n a.v()", "m.py C.f\n for b in a: -> a.v()", "n.py"):
        [one] = gaps.read(f"# why\n{gap}\n")
        assert gaps.gone(one, tmp_path)


LIST = """# Reason one,
# which goes on.
m.py C.f
    a.y()
    ? for b in a: -> the end
# Another.
never.py
"""


def test_what_a_run_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A gap without a reason and a reason without a gap fail, but for what some runs reach."""
    known = gaps.read(LIST)
    line, way, module = known
    assert [why.reason for why in known.values()] == ["Reason one, which goes on."] * 2 + ["Another."]
    assert program._told({line, way, module}, known) == 0
    assert program._told({line, module}, known) == 0
    assert capsys.readouterr().out.strip() == ""
    assert program._told({line}, known) == 1
    assert "1 reasons without a gap" in (said := capsys.readouterr().out)
    assert "never.py" in said
    assert program._told({line, module, gaps.Gap("m.py", "g", "pass")}, known) == 1
    assert "m.py g\n    pass" in capsys.readouterr().out


def test_page_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row for each module that was reached and not entirely, and all of them together."""
    monkeypatch.setattr(page, "PAGE", tmp_path / "page.md")
    counts = {"num_statements": 10, "missing_lines": 3, "num_branches": 4, "missing_branches": 2}
    whole = counts | {"missing_lines": 0, "missing_branches": 0}
    files = {
        "a.py": {**RAN, "summary": counts}, "b.py": {**RAN, "summary": whole}, "c.py": {**NEVER_RAN, "summary": counts},
    }  # fmt: skip
    page.write({"files": files}, 17)
    text = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert "17 processes" in " ".join(text.split())
    assert [line for line in text.splitlines() if line.startswith("|")][2:] == [
        "| `a.py` | 10 | 3 | 4 | 2 |",
        "| **all 2 modules**, 1 of them reached entirely | 20 | 3 | 8 | 2 |",
    ]
