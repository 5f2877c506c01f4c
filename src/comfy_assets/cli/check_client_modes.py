"""What `comfy-assets check-client` does with its options, and what it prints."""

from __future__ import annotations

import difflib
import signal
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from comfy_assets import specification
from comfy_assets.cli.check_progress import progress_for
from comfy_assets.cli.output import Exit, Failure, envelope, print_json, printable
from comfy_assets.contract import baseline
from comfy_assets.contract.clients import (
    RULES,
    ClientOptions,
    ClientOutcome,
    NotRunnableError,
    check_client,
    json_report,
)
from comfy_assets.contract.clients.asks import KEY_VARIABLE, URL_VARIABLE, VARIABLES
from comfy_assets.contract.clients.rules import GROUPS
from comfy_assets.contract.reports import html, junit, rule_texts, terminal
from comfy_assets.contract.reports.json_report import verdict as verdict_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from comfy_assets.cli.output import Output

#: Characters of a command that progress shows.
_SHOWN = 40
#: Variables that are the scenario's to set.
_OURS = frozenset({URL_VARIABLE, KEY_VARIABLE, *VARIABLES.values()})


def run(words: tuple[str, ...], given: dict[str, Any], output: Output) -> int:
    """Do what the options ask for; the exit status."""
    for id_ in (*given["rules"], *given["allow_not_checked"], *filter(None, [given["explain"]])):
        if id_ not in RULES:
            near = difflib.get_close_matches(id_, RULES, n=1)
            hint = (
                f"did you mean {near[0]}? --list-rules lists all" if near else "--list-rules lists all rules"
            )
            raise Failure(f"there is no rule {id_!r}", code="unknown_rule", hint=hint)
    if given["list_rules"]:
        return _list_rules(output)
    if given["explain"]:
        return _explain(given["explain"], output)
    known = _baseline(given["baseline"])
    if given["rejudge"]:
        outcome = _read(given["rejudge"], given, known)
    elif words:
        outcome = _checked(_options(words, given, known), given, output)
    else:
        raise click.UsageError("which program? Give its command after --")
    _write(outcome, given)
    return _told(outcome, given, output)


def _options(words: tuple[str, ...], given: dict[str, Any], known: baseline.Baseline) -> ClientOptions:
    return ClientOptions(
        words, given["timeout"], tuple(map(_variable, given["environment"])), given["keep_home"],
        strict=given["strict"], seed=given["seed"], rules=given["rules"],
        allow_not_checked=given["allow_not_checked"], baseline=known,
    )  # fmt: skip


def _name(command: tuple[str, ...]) -> str:
    """A command in a few characters: the program, and what it runs."""
    names = [Path(word).name for word in command if not word.startswith("-")]
    return printable(" ".join(names[:2]))[:_SHOWN]


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name or "\0" in text:
        raise Failure(f"--env takes K=V, not {text[:40]!r}", code="input")
    if name in _OURS:
        raise Failure(f"--env {name}: this variable is set by each scenario", code="input")
    return name, value


def _baseline(path: Path | None) -> baseline.Baseline:
    if path is None:
        return baseline.Baseline()
    try:
        return baseline.read(path, frozenset(RULES))
    except baseline.BaselineError as error:
        raise Failure(str(error), code="baseline") from None


def _read(path: Path, given: dict[str, Any], known: baseline.Baseline) -> ClientOutcome:
    try:
        return json_report.read(path, strict=given["strict"], allow=given["allow_not_checked"], known=known)
    except OSError as error:
        raise Failure(f"{str(path)!r} cannot be read: {error.strerror}", code="unreadable_file") from None
    except ValueError as error:
        raise Failure(f"{str(path)!r}: {error}", code="not_a_record") from None


_REPORTS = ("report_html", "report_junit", "report_json", "write_baseline")


def _checked(options: ClientOptions, given: dict[str, Any], output: Output) -> ClientOutcome:
    for path in filter(None, (given[name] for name in _REPORTS)):
        try:
            with path.open("a", encoding="utf-8"):
                pass
        except OSError as error:
            raise Failure(
                f"{str(path)!r} cannot be written: {error.strerror}", code="unwritable_file"
            ) from None
    try:
        with _ending_in_order(), progress_for(_name(options.command), output) as step:
            return check_client(options, progress=step)
    except NotRunnableError as error:
        raise Failure(
            str(error), code="not_runnable", hint="the command stands after --, as in a shell"
        ) from None
    except specification.ContractFileError as error:
        raise Failure(str(error), code="contract") from None


@contextmanager
def _ending_in_order() -> Iterator[None]:
    """Whoever ends the check ends what it runs too: the programs have groups of their own."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _write(outcome: ClientOutcome, given: dict[str, Any]) -> None:
    record = str(given["report_json"]) if given["report_json"] else None
    texts: dict[str, Callable[[], str]] = {
        "report_html": lambda: html.page([outcome], record),
        "report_junit": lambda: junit.document([outcome]),
        "report_json": lambda: json_report.document(outcome),
        "write_baseline": lambda: baseline.written(
            list(outcome.judgement.all_findings()), "known when it was written"
        ),
    }
    for name, text in texts.items():
        if given[name] is not None:
            given[name].write_text(text(), encoding="utf-8", errors="backslashreplace")


def _told(outcome: ClientOutcome, given: dict[str, Any], output: Output) -> int:
    status = outcome.exit_status
    if not output.as_json:
        if not (output.quiet and status == 0):
            terminal.show(outcome, Console(highlight=False, soft_wrap=False))
        return status
    for finding in outcome.judgement.findings:
        output.event("finding", **json_report.finding(outcome, finding))
    for verdict in outcome.judgement.verdicts.values():
        output.event("verdict", **verdict_of(verdict))
    data = json_report.summary(outcome)
    codes = {1: "violated", 2: "not_complete", 130: "interrupted"}
    error = (
        {"code": codes[status], "message": data["summary"], "hint": data["hint"] or None} if status else None
    )
    print_json(envelope("check-client", data=data, error=error))
    return status


def _list_rules(output: Output) -> int:
    for rule in RULES.values():
        output.event("rule", **rule_texts.as_json(rule, GROUPS))
    if not output.as_json:
        Console(highlight=False).print(rule_texts.table(RULES, GROUPS))
    output.end({"rules": len(RULES)})
    return Exit.DONE


def _explain(id_: str, output: Output) -> int:
    if not output.as_json:
        Console(highlight=False).print(rule_texts.explained(RULES[id_], GROUPS))
    output.end(rule_texts.as_json(RULES[id_], GROUPS))
    return Exit.DONE
