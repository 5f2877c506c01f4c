"""What `comfy-assets check-client` does with its options."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from comfy_assets import specification
from comfy_assets.cli.check_progress import progress_for
from comfy_assets.cli.checking import Checking, ending_in_order, require_writable, write
from comfy_assets.cli.output import Failure, printable
from comfy_assets.contract.clients import RULES, ClientOptions, ClientOutcome, NotRunnableError, check_client
from comfy_assets.contract.clients.asks import KEY_VARIABLE, URL_VARIABLE, VARIABLES
from comfy_assets.contract.clients.rules import GROUPS
from comfy_assets.contract.clients.run import rejudge
from comfy_assets.contract.reported import INTERRUPTED

if TYPE_CHECKING:
    from comfy_assets.cli.output import Output

#: Characters of a command that progress shows.
_SHOWN = 40
#: Variables that are the scenario's to set.
_OURS = frozenset({URL_VARIABLE, KEY_VARIABLE, *VARIABLES.values()})
CHECKING = Checking("check-client", RULES, GROUPS, rejudge)


def run(words: tuple[str, ...], given: dict[str, Any], output: Output) -> int:
    """Do what the options ask for; the exit status."""
    CHECKING.require_rules(given)
    if given["list_rules"]:
        return CHECKING.list_rules(output)
    if given["explain"]:
        return CHECKING.explain(given["explain"], output)
    if given["rejudge"]:
        outcome = CHECKING.read(given["rejudge"], given)
    elif words:
        outcome = _checked(_options(words, given), given, output)
    else:
        raise click.UsageError("which program? Give its command after --")
    write([outcome], given)
    return CHECKING.told(outcome, output)


def _options(words: tuple[str, ...], given: dict[str, Any]) -> ClientOptions:
    return ClientOptions(
        words, given["timeout"], tuple(map(_variable, given["environment"])), given["keep_home"],
        strict=given["strict"], seed=given["seed"], rules=given["rules"],
        allow_not_checked=given["allow_not_checked"], baseline=CHECKING.baseline(given["baseline"]),
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


def _checked(options: ClientOptions, given: dict[str, Any], output: Output) -> ClientOutcome:
    require_writable(given)
    try:
        with ending_in_order() as interrupted, progress_for(_name(options.command), output) as step:
            outcome = check_client(options, progress=step)
    except NotRunnableError as error:
        raise Failure(
            str(error), code="not_runnable", hint="the command stands after --, as in a shell"
        ) from None
    except specification.ContractFileError as error:
        raise Failure(str(error), code="contract") from None
    if interrupted.is_set():
        outcome.record.ended = INTERRUPTED
    return outcome
