"""The report on a terminal, or as plain text where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from comfy_assets.contract import verdicts, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from comfy_assets.contract.reported import Reported
    from comfy_assets.contract.verdicts import Finding, Verdict

#: Colour of each verdict, on terminals that have colours.
STYLES = {
    verdicts.PASSED: "green",
    verdicts.VIOLATED: "bold red",
    verdicts.INTERMITTENT: "bold magenta",
    verdicts.OBSERVED_ONLY: "cyan",
    verdicts.NOT_APPLICABLE: "dim",
    verdicts.NOT_CHECKED: "bold yellow",
    verdicts.ACCEPTED: "dim yellow",
    verdicts.CHECKER_ERROR: "bold red reverse",
}
#: Rules of one group that are listed under a verdict other than passed.
_SHOWN_IDS = 12


def show(outcome: Reported, console: Console, record: str | None = None) -> None:
    """Print findings, what was not checked, what was observed, and the summary."""
    for part in report(outcome, record):
        # A command is for copying: it is never broken into lines.
        console.print(part, soft_wrap=isinstance(part, Text) and part.no_wrap is True)


def report(outcome: Reported, record: str | None = None) -> Iterator[RenderableType]:
    """The parts of the report."""
    for finding in outcome.judgement.findings:
        yield _finding(outcome, finding)
        yield Text(f"  {printable(outcome.reproduction(finding, record))}", style="dim", no_wrap=True)
        yield Text()
    yield _groups(outcome)
    yield from _lists(outcome)
    yield Text()
    if outcome.left_behind:
        words_of_it, ids = outcome.left_behind
        yield Text(words_of_it, style="dim")
        yield Padding(Text("  ".join(ids), style="dim"), (0, 0, 0, 2))
    style = {0: "bold green", 1: "bold red"}.get(outcome.exit_status, "bold yellow")
    yield Text(words.summary(outcome), style=style)


def _finding(outcome: Reported, finding: Finding) -> RenderableType:
    rule = outcome.rules[finding.rule]
    head = Text.assemble(
        (finding.verdict, STYLES[finding.verdict]), "  ", (finding.rule, "bold"), "  ", (finding.level, "dim"),
        "  ", (finding.fingerprint, "dim"),
    )  # fmt: skip
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    rows = [
        ("rule", rule.title),
        ("source", rule.source),
        (outcome.case_word, words.shown_by(outcome, finding)),
        ("expected", finding.expected),
        ("got", finding.got),
        ("evidence", finding.evidence),
    ]
    if finding.reason:
        rows.append(("accepted", finding.reason))
    rows += [("follows", f"{rule}: {got}") for rule, got in words.following(finding)]
    for name, text in rows:
        table.add_row(name, Text(printable(text)))
    return Group(head, Padding(table, (0, 0, 0, 2)))


def _groups(outcome: Reported) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column()
    for group, title in outcome.groups.items():
        members = [one for one in outcome.judgement.verdicts.values() if one.rule.group == group]
        if not members or group == "observed":
            continue
        counted: dict[str, int] = {}
        for one in members:
            counted[one.verdict] = counted.get(one.verdict, 0) + 1
        line = Text(", ").join(
            Text(f"{count} {verdict}", STYLES[verdict]) for verdict, count in counted.items()
        )
        table.add_row(title, line)
    return table


def _lists(outcome: Reported) -> Iterator[RenderableType]:
    for verdict in (verdicts.NOT_CHECKED, verdicts.NOT_APPLICABLE, verdicts.OBSERVED_ONLY):
        by_text: dict[str, list[str]] = {}
        for id_, one in outcome.judgement.verdicts.items():
            if one.verdict == verdict and _is_worth_a_line(one):
                by_text.setdefault(one.text, []).append(id_)
        for text, ids in by_text.items():
            listed = ", ".join(ids[:_SHOWN_IDS]) + (
                f" and {len(ids) - _SHOWN_IDS} more" if len(ids) > _SHOWN_IDS else ""
            )
            yield Text.assemble((verdict, STYLES[verdict]), f"  {listed}: ", (printable(text), "dim"))
    for fingerprint in outcome.stale:
        yield Text.assemble(("stale", "yellow"), f"  {fingerprint}: in the baseline, and not found any more")
    for error in outcome.errors:
        yield Text.assemble((verdicts.CHECKER_ERROR, STYLES[verdicts.CHECKER_ERROR]), f"  {error}")


def _is_worth_a_line(verdict: Verdict) -> bool:
    return not (verdict.verdict == verdicts.OBSERVED_ONLY and verdict.text == "nothing to tell")


def printable(text: str) -> str:
    """Text without characters that would move a terminal's cursor or colours."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
