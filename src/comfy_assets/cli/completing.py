"""What TAB offers in a shell: values of options, and what two shells need beyond click.

click knows commands and options by itself. What is offered is imported when a shell
asks for it, and where it cannot be had, nothing is offered.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    add_completion_class,
    split_arg_string,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    import click

#: As click's, but the line goes over whole: bash splits words at `:` and `=`, which names of scenarios have.
_BASH: Final = """\
%(complete_func)s() {
    local IFS=$'\\n' type value
    COMPREPLY=()
    for value in $(COMP_LINE="${COMP_LINE:0:$COMP_POINT}" COMP_WORDBREAKS="$COMP_WORDBREAKS" \\
            %(complete_var)s=bash_complete "${1/#\\~/$HOME}" 2>/dev/null); do
        type=${value%%%%,*} value=${value#*,}
        case $type in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain) COMPREPLY+=("$value"); [[ $value == *[:+] ]] && compopt -o nospace ;;
        esac
    done
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""


class Bash(BashComplete):
    """Completion for bash."""

    source_template = _BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the cursor, and the one at it."""
        # The letter that is added and taken away again makes the last word one that has begun.
        words = split_arg_string(os.environ["COMP_LINE"] + "x")
        while words and re.match(r"\w+=", words[0]):  # variables before the command
            words.pop(0)
        return words[1:-1], words[-1][:-1] if len(words) > 1 else ""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        """What fits; without the part that bash takes for words before the one at the cursor."""
        found = super().get_completions(args, incomplete)
        typed = incomplete.partition("=")[2] if re.match(r"--[\w-]+=", incomplete) else incomplete
        ends = [typed.rfind(sign) for sign in ":=" if sign in os.environ.get("COMP_WORDBREAKS", "")]
        kept = typed[: max(ends, default=-1) + 1]
        for item in found:
            item.value = str(item.value).removeprefix(kept)
        return found


class Fish(FishComplete):
    """Completion for fish: a value may have commas, at which click's script cuts it."""

    source_template = FishComplete.source_template.replace('string split ","', 'string split -m 1 ","')


def prepare() -> None:
    """Let click complete as it is done here."""
    add_completion_class(Bash)
    add_completion_class(Fish)


# --- Values of options and arguments ----------------------------------------------------------


def files(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Files and folders, as the shell completes them."""
    return [CompletionItem(incomplete, type="file")]


def folders(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Folders, as the shell completes them."""
    return [CompletionItem(incomplete, type="dir")]


def server_rules(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Ids of the rules of `check`."""
    from comfy_assets.contract.rules import RULES

    return _beginning(incomplete, {rule.id: rule.title for rule in RULES.values()})


def client_rules(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Ids of the rules of `check-client`."""
    from comfy_assets.contract.clients.rules import RULES

    return _beginning(incomplete, {rule.id: rule.title for rule in RULES.values()})


def scenarios(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of scenarios, and of steps."""
    from comfy_assets.scenarios.steps import BUILT_IN

    return _beginning(
        incomplete, {name: words for name, (words, *_) in BUILT_IN.items()} | _steps(incomplete)
    )


def steps(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Steps joined by commas, their parts by plus signs: the last of them is completed."""
    before = incomplete[: max(incomplete.rfind(","), incomplete.rfind("+")) + 1]
    found = _beginning(incomplete[len(before) :], _steps(incomplete[len(before) :]))
    for item in found:
        item.value = before + item.value
    return found


def _steps(incomplete: str) -> dict[str, str]:
    """Kinds of steps, such as `drift:`; where one was typed, what it can name."""
    try:
        from comfy_assets import specification
        from comfy_assets.scenarios import steps

        kinds = steps.names(specification.load())
    except ImportError:  # the contract is read with the extra `server`
        return {}
    if ":" not in incomplete:
        return {f"{kind}:": f"one of {len(known)}" for kind, known in kinds.items()}
    return {f"{kind}:{name}": words for kind, known in kinds.items() for name, words in known.items()}


def _beginning(incomplete: str, known: Mapping[str, str]) -> list[CompletionItem]:
    return [CompletionItem(name, help=words) for name, words in known.items() if name.startswith(incomplete)]
