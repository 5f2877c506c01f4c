"""What a run of the tests did not reach, and the list of what stays so, each with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import frozen

ROOT = Path(__file__).parents[2]
LIST = Path(__file__).with_name("gaps.txt")

#: Where a way leads that leaves the function.
END = "the end"


@frozen(order=True)
class Gap:
    """Code that no test reaches, by what no shift of lines changes.

    `code` is the first of several such lines, `line -> line` for a way from one to the other that is not taken,
    and empty for a whole module.
    """

    path: str
    function: str = ""
    code: str = ""

    def __str__(self) -> str:
        return f"{self.path} {self.function}".rstrip() + (f"\n    {self.code}" if self.code else "")


@frozen
class Known:
    """A gap that stays, why, and whether some runs reach it: what depends on time, or on who is faster."""

    reason: str
    sometimes: bool = False


def read(text: str | None = None) -> dict[Gap, Known]:
    """The list: `#` begins the reason for all that follow, up to the next such lines; `? ` what some runs reach.

    A path alone is a whole module; lines of a module that stand in no function are under `(module)`.
    """
    known: dict[Gap, Known] = {}
    reason, path, function, was_reason = "", "", "", False
    for line in (LIST.read_text(encoding="utf-8") if text is None else text).splitlines():
        if line.startswith("#"):
            reason = f"{reason} {line.lstrip('# ')}" if was_reason else line.lstrip("# ")
        elif line.startswith(" "):
            code = line.strip()
            known[Gap(path, function, code.removeprefix("? "))] = Known(reason, code.startswith("? "))
        elif line:
            path, _, function = line.partition(" ")
            if not function:
                known[Gap(path)] = Known(reason)
        was_reason = line.startswith("#")
    return known


def found(report: dict[str, Any], root: Path = ROOT) -> set[Gap]:
    """The gaps of coverage's JSON report."""
    return {
        gap
        for path, file in report["files"].items()
        for gap in _in_file(path, file, (root / path).read_text(encoding="utf-8").splitlines())
    }


def _in_file(path: str, file: dict[str, Any], lines: list[str]) -> Iterator[Gap]:
    if not file["executed_lines"]:
        if file["missing_lines"]:
            yield Gap(path)
        return
    for name, function in file["functions"].items():
        executed, missing = set(function["executed_lines"]), set(function["missing_lines"])
        follows = False
        for number in sorted(executed | missing):
            if number in missing and not follows:
                yield Gap(path, name or "(module)", lines[number - 1].strip())
            follows = number in missing
        for start, end in function["missing_branches"]:
            if end not in missing and start not in missing:
                to = lines[end - 1].strip() if end > 0 else END
                yield Gap(path, name or "(module)", f"{lines[start - 1].strip()} -> {to}")


def gone(gap: Gap, root: Path = ROOT) -> bool:
    """Whether the code of a gap is no more: its module, its function's name, or its lines."""
    path = root / gap.path
    if not path.is_file():
        return True
    text = path.read_text(encoding="utf-8")
    lines = {line.strip() for line in text.splitlines()}
    start, _, end = gap.code.partition(" -> ")
    if gap.code in lines:
        start, end = gap.code, ""
    name = gap.function.rpartition(".")[2]
    return not (
        (not gap.code or start in lines)
        and (end in ("", END) or end in lines)
        and (name in ("", "(module)") or f"def {name}(" in text or f"class {name}" in text)
    )
