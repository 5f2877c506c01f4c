"""The page about languages, made of what their last checks showed: `kept.json` and `baseline.json` of each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from tools.languages.table import LANGUAGES, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.languages.table import Language

PAGE: Final = ROOT / "docs" / "reference" / "languages.md"

_HEAD = """\
# The contract in other languages

<!-- Made by `make languages ARGS=--write` from what the programs did; do not edit. -->

`make languages` generates a client in each language from `openapi.yaml`, compiles a program of some 50 lines
over it, lets the program register a file twice with the reference server, and judges it by
`comfy-assets check-client`. `make languages LANGUAGE=go` does one. All are built first, into
`.cache/languages/`; nothing generated is committed. A language whose toolchain is missing is named and left
out; with `CI=true` that is exit status 2. A program of your own: [how to](../how-to/use-another-language.md).
"""
_KEPT = """
## What each keeps and loses

Each program prints what its client holds of an answer. The step compares that with what was sent, and fails
where it is not what stands here.
"""
_FOUND = """
## What check-client finds

These findings are the generator's or its run time's, and stand with their reasons in
`languages/NAME/baseline.json`. The step fails on any other.
"""
_MENDS = """
## What mends it

What the programs set or look at because the generated client does not. Limits that a generator drops are told by
the service, with 400.
"""


def text() -> str:
    """The whole page."""
    languages = list(LANGUAGES.values())
    rows = [
        [one.title, one.made_by, one.toolchain, ", ".join(f"`{name}`" for name in one.pins)]
        for one in languages
    ]
    parts = [_HEAD, *_table(["language", "generator", "needed", "pins"], rows), _KEPT]
    held = {one.name: _read(one, "kept.json") for one in languages}
    for about in ("requests", "answers"):
        rows = [
            [row, *(held[one.name][about][row] for one in languages)]
            for row in held[languages[0].name][about]
        ]
        parts += _table([f"of {about}", *(one.title for one in languages)], rows)
    parts.append(_FOUND)
    parts += _list(
        languages, lambda one: list(dict.fromkeys(found["reason"] for found in _read(one, "baseline.json")))
    )
    parts.append(_MENDS)
    parts += _list(languages, lambda one: one.mends)
    return "\n".join(line.rstrip("\n") for line in parts) + "\n"


def _read(language: Language, name: str) -> Any:
    return json.loads((language.source / name).read_text(encoding="utf-8"))


def _table(head: list[str], rows: list[list[str]]) -> Iterator[str]:
    yield ""
    for row in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(row)} |"


def _list(languages: list[Language], lines: Any) -> Iterator[str]:
    for language in languages:
        yield ""
        yield f"{language.title}:"
        yield ""
        yield from (f"- {line}" for line in lines(language))
