"""What `check` and `check-client` do alike: rules listed, a baseline read, reports written, the end told."""

from __future__ import annotations

import difflib
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from attrs import frozen
from rich.console import Console

from comfy_assets.cli.output import Exit, Failure, envelope, print_json
from comfy_assets.contract import baseline
from comfy_assets.contract.reports import html, json_report, junit, rule_texts, terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from comfy_assets.cli.output import Output
    from comfy_assets.contract.reported import Reported
    from comfy_assets.contract.rules import Rule

_OUTPUTS = ("report_html", "report_junit", "report_json", "write_baseline", "ledger")
_CODES = {1: "violated", 2: "not_complete", 130: "interrupted"}


@frozen
class Checking:
    """One of the two commands: its rules, and how it reads its records."""

    command: str
    rules: Mapping[str, Rule]
    groups: Mapping[str, str]
    rejudge: Callable[..., Reported]

    # --- Rules --------------------------------------------------------------------------------------

    def require_rules(self, given: dict[str, Any]) -> None:
        """`Failure` where an option names a rule that there is not."""
        for id_ in (*given["rules"], *given["allow_not_checked"], *filter(None, [given["explain"]])):
            if id_ not in self.rules:
                near = difflib.get_close_matches(id_, self.rules, n=1)
                hint = f"did you mean {near[0]}? " if near else ""
                raise Failure(
                    f"there is no rule {id_!r}", code="unknown_rule", hint=f"{hint}--list-rules lists all"
                )

    def list_rules(self, output: Output) -> int:
        """All rules."""
        for rule in self.rules.values():
            output.event("rule", **rule_texts.as_json(rule, self.groups))
        if not output.as_json:
            Console(highlight=False).print(rule_texts.table(self.rules, self.groups))
        output.end({"rules": len(self.rules)})
        return Exit.DONE

    def explain(self, id_: str, output: Output) -> int:
        """One rule."""
        if not output.as_json:
            Console(highlight=False).print(rule_texts.explained(self.rules[id_], self.groups))
        output.end(rule_texts.as_json(self.rules[id_], self.groups))
        return Exit.DONE

    # --- Files --------------------------------------------------------------------------------------

    def baseline(self, path: Path | None) -> baseline.Baseline:
        """What is known and accepted."""
        if path is None:
            return baseline.Baseline()
        try:
            return baseline.read(path, frozenset(self.rules))
        except baseline.BaselineError as error:
            raise Failure(str(error), code="baseline") from None

    def read(self, path: Path, given: dict[str, Any]) -> Reported:
        """A recorded check, judged again."""
        known = self.baseline(given["baseline"])
        try:
            return self.rejudge(path, strict=given["strict"], allow=given["allow_not_checked"], known=known)
        except OSError as error:
            raise Failure(f"{str(path)!r} cannot be read: {error.strerror}", code="unreadable_file") from None
        except ValueError as error:
            raise Failure(f"{str(path)!r}: {error}", code="not_a_record") from None

    # --- The end ------------------------------------------------------------------------------------

    def told(self, outcome: Reported, output: Output, *, record: Path | None = None) -> int:
        """Say how a check ended; the exit status."""
        status = outcome.exit_status
        if not output.as_json:
            if not (output.quiet and status == 0):
                terminal.show(outcome, Console(highlight=False, soft_wrap=False), str(record or "") or None)
            return status
        for finding in outcome.judgement.findings:
            output.event("finding", **json_report.finding(outcome, finding))
        for verdict in outcome.judgement.verdicts.values():
            output.event("verdict", **json_report.verdict(verdict))
        data = json_report.summary(outcome)
        error = {"code": _CODES.get(status), "message": data["summary"], "hint": data["hint"] or None}
        print_json(envelope(self.command, data=data, error=error if status else None))
        return status


def require_writable(given: dict[str, Any]) -> None:
    """Find out before the check that a report cannot be written after it."""
    for path in filter(None, map(given.get, _OUTPUTS)):
        try:
            with path.open("a", encoding="utf-8"):
                pass
        except OSError as error:
            raise Failure(
                f"{str(path)!r} cannot be written: {error.strerror}", code="unwritable_file"
            ) from None


def write(outcomes: Sequence[Reported], given: dict[str, Any]) -> None:
    """Write the reports that were asked for."""
    first = outcomes[0]
    record = str(given["report_json"]) if given["report_json"] else None
    texts: dict[str, Callable[[], str]] = {
        "report_html": lambda: html.page(outcomes, record),
        "report_junit": lambda: junit.document(outcomes),
        "report_json": lambda: json_report.document(first),
        "write_baseline": lambda: baseline.written(
            list(first.judgement.all_findings()), "known when it was written"
        ),
    }
    for name, text in texts.items():
        if given[name] is not None:
            given[name].write_text(text(), encoding="utf-8", errors="backslashreplace")


@contextmanager
def ending_in_order() -> Iterator[threading.Event]:
    """Whoever ends the check, by Ctrl-C or SIGTERM, is told of what was done.

    The event says that somebody did: Python drops an exception where none can be raised, as in `__del__`.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def interrupt(_number: int, _frame: object) -> None:
        asked.set()
        raise KeyboardInterrupt

    # A shell lets what it starts in the background ignore Ctrl-C: that is left as it is.
    heard = [one for one in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(one) is not signal.SIG_IGN]
    before = {one: signal.signal(one, interrupt) for one in heard}
    try:
        yield asked
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
