"""Writes the pages of docs/reference that are made from the code: `python -m tools.docs [--check]`.

With `--check` nothing is written; ends with 1 where a page is not what the code says, and names it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tools.docs.commands import commands
from tools.docs.drift import drift
from tools.docs.licences import licences
from tools.docs.rules import client_rules, server_rules

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
PAGES = {
    "commands.md": commands,
    "server-rules.md": server_rules,
    "client-rules.md": client_rules,
    "drift.md": drift,
    "licences.md": licences,
}
NOTE = "<!-- Made from the code by `python -m tools.docs`; do not edit. -->\n"


def main() -> int:
    """Write, or compare."""
    parser = argparse.ArgumentParser(prog="python -m tools.docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only")
    only_check = parser.parse_args().check
    stale = []
    for name, make in PAGES.items():
        title, _, rest = make().partition("\n")
        text = f"{title}\n\n{NOTE}{rest}"
        path = REFERENCE / name
        if only_check:
            stale += [name] if not path.exists() or path.read_text(encoding="utf-8") != text else []
        else:
            path.write_text(text, encoding="utf-8")
    for name in stale:
        print(f"docs/reference/{name} is not what the code says: run `python -m tools.docs`")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
