"""Writes docs/reference/coverage.md: what the last run of all tests reached, and why not the rest."""

from __future__ import annotations

from typing import Any

from tools.coverage import gaps

PAGE = gaps.ROOT / "docs" / "reference" / "coverage.md"
#: What coverage calls the columns.
NUMBERS = ("num_statements", "missing_lines", "num_branches", "missing_branches")
BEGIN = """# What the tests reach

<!-- Made by `make coverage` from its last whole run, and from tools/coverage/gaps.txt; do not edit. -->

Lines and branches of the hand-written code, counted while all tests run: in pytest's own processes, and in those that
tests start: servers and their workers, the command line, the drawing of cases, the generator; {processes} processes in
all. What is killed without warning, as some tests kill servers, cannot say what it did.
"""


def write(report: dict[str, Any], processes: int) -> None:
    """The table of modules that are not reached entirely, and the reasons."""
    begin = BEGIN.format(processes=processes)
    PAGE.write_text("\n".join([begin, *_table(report), "", reasons(gaps.read())]), encoding="utf-8")


def _table(report: dict[str, Any]) -> list[str]:
    lines = [
        "| module | lines | not reached | branches | not taken |",
        "|---|---:|---:|---:|---:|",
    ]
    modules = {path: file["summary"] for path, file in report["files"].items() if file["executed_lines"]}
    whole = 0
    for path, counts in modules.items():
        if counts["missing_lines"] or counts["missing_branches"]:
            lines.append(_row(f"`{path}`", counts))
        else:
            whole += 1
    total = {name: sum(counts[name] for counts in modules.values()) for name in NUMBERS}
    return [
        *lines,
        _row(f"**all {len(modules)} modules**, {whole} of them reached entirely", total),
    ]


def _row(name: str, counts: dict[str, Any]) -> str:
    return f"| {name} | {' | '.join(str(counts[number]) for number in NUMBERS)} |"


def reasons(known: dict[gaps.Gap, gaps.Known]) -> str:
    """What stays so, by its reason."""
    lines = ["## What stays so, and why", ""]
    by_reason: dict[str, list[gaps.Gap]] = {}
    for gap, why in known.items():
        by_reason.setdefault(why.reason, []).append(gap)
    for reason, those in by_reason.items():
        places = dict.fromkeys(f"`{gap.path}`" if not gap.function else f"`{_name(gap)}`" for gap in those)
        lines.append(f"- {reason}: {', '.join(places)}.")
    return "\n".join([*lines, ""])


def _name(gap: gaps.Gap) -> str:
    module = gap.path.removeprefix("src/comfy_assets/").removesuffix(".py").replace("/", ".")
    return f"{module}.{gap.function}" if gap.function != "(module)" else module
