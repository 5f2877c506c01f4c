"""The list of the changes that no test kills, each with the reason."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, TypeAlias

from attrs import frozen

LIST = Path(__file__).with_name("survivors.txt")

#: mutmut's record of one file, which has no types where the project is checked.
Verdicts: TypeAlias = Any


@frozen
class Mutant:
    """A change, by what no shift of lines and no number changes: its function, and what became of which lines."""

    function: str
    changed: tuple[str, ...]

    @property
    def module(self) -> str:
        """The module, without the package."""
        return self.function.partition(".")[0]

    def __str__(self) -> str:
        return "\n    ".join([self.function, *self.changed])


def mutant(name: str) -> Mutant:
    """The one that mutmut calls `name`."""
    from mutmut.mutation.diff_apply import get_diff_for_mutant

    module = name.split(".")[1]
    shown = get_diff_for_mutant(name, path=f"src/comfy_assets/{module}.py").splitlines()
    changed = [f"{line[0]} {line[1:].strip()}" for line in shown if re.match(r"[-+](?![-+]{2})", line)]
    function = re.sub(r"__mutmut_\d+$", "", name.rpartition(".")[2])
    return Mutant(f"{module}.{function.removeprefix('x_').strip('xǁ').replace('ǁ', '.')}", tuple(changed))


def read() -> dict[Mutant, str]:
    """The known ones: lines with `#` give the reason for all that follow, up to the next such lines."""
    known: dict[Mutant, str] = {}
    reason, function, is_reason = "", "", False
    changed: list[str] = []
    for line in [*LIST.read_text(encoding="utf-8").splitlines(), ""]:
        if changed and not line.startswith(" "):
            known[Mutant(function, tuple(changed))] = reason
            changed = []
        if line.startswith("#"):
            reason = f"{reason} {line.lstrip('# ')}" if is_reason else line.lstrip("# ")
        elif line.startswith(" "):
            changed.append(line.strip())
        elif line:
            function = line
        is_reason = line.startswith("#")
    return known
