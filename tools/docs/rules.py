"""The pages about the rules of `check` and `check-client`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from comfy_assets.contract import rules as of_servers
from comfy_assets.contract.clients import rules as of_clients

if TYPE_CHECKING:
    from collections.abc import Mapping

LEVELS = (
    "`must`: the vendor's page, or what is published beside it, says so. `should`: it follows from their words, or "
    "from an RFC. `observed`: left open; it is told what was seen, and nothing is blamed. An id never changes its "
    "meaning."
)


def server_rules() -> str:
    """The rules of `comfy-assets check`."""
    head = "# Rules for servers\n\nWhat `comfy-assets check` asks of a server."
    return f"{head} {LEVELS}\n\n{_rules(of_servers.GROUPS, of_servers.RULES)}"


def client_rules() -> str:
    """The rules of `comfy-assets check-client`."""
    head = "# Rules for clients\n\nWhat `comfy-assets check-client` asks of a client program."
    return f"{head} {LEVELS}\n\n{_rules(of_clients.GROUPS, of_clients.RULES)}"


def _rules(groups: Mapping[str, str], rules: Mapping[str, Any]) -> str:
    parts = []
    for group, about in groups.items():
        parts.append(f"## {about}")
        for rule in rules.values():
            if rule.group == group:
                parts.append(f"### {rule.id}\n\n**{rule.level}.** {_sentence(rule.title)}")
                told = {"Source": rule.source, "Why": rule.why, "Cannot see": rule.blind}
                parts.append(
                    "\n".join(f"- {name}: {_sentence(words)}" for name, words in told.items() if words)
                )
    return "\n\n".join(parts) + "\n"


def escaped(words: str) -> str:
    """As prose of Markdown: what it would take for HTML, emphasis or a table is escaped; code stays code."""
    parts = words.split("`")
    for place, part in enumerate(parts):
        is_code = place % 2 and len(parts) % 2
        parts[place] = re.sub(r"\|" if is_code else r"[\\<>*_|]", r"\\\g<0>", part)
    return "`".join(parts)


def _sentence(words: str) -> str:
    words = escaped(words[:1].upper() + words[1:])
    return words if words.endswith((".", "?", "!")) else words + "."
