# Generated from openapi.yaml and overrides/. Do not edit: change those, then run ./generate.sh
"""What can be wrong with a value or an answer, told by place, limit and value."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import field, frozen


@frozen
class Problem:
    """One deviation from the contract.

    `place` is the way to the value: member names and positions, outermost first. `rule` names the
    keyword of the contract that is broken (`pattern`, `minItems`, `required`, ...). `expected` and
    `got` are words for people; `got` is cut to a readable length.
    """

    place: tuple[str | int, ...]
    rule: str
    expected: str
    got: str = field(eq=False)

    def __str__(self) -> str:
        where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.place).lstrip(
            "."
        )
        return f"{where or 'the value'}: expected {self.expected}, got {self.got}"


class InvalidValue(ValueError):
    """A value breaks the contract; `problems` lists each way in which it does."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "; ".join(str(problem) for problem in self.problems)


class UnexpectedAnswer(Exception):
    """An answer that the contract does not document, or whose body cannot be read.

    `status_code` and `content` are as they came; `problems` says why the body could not be read.
    """

    def __init__(self, status_code: int, content: bytes, problems: Sequence[Problem] = ()) -> None:
        self.status_code = status_code
        self.content = content
        self.problems = tuple(problems)
        super().__init__(status_code, content, self.problems)

    def __str__(self) -> str:
        reason = "; ".join(str(problem) for problem in self.problems) or "the contract does not document it"
        return f"status {self.status_code}: {reason}"


__all__ = ["InvalidValue", "Problem", "UnexpectedAnswer"]
