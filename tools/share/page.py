"""The reference page: redoc, the contract and the licences in one file that asks nobody for anything."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any, Final

from tools.npm import run as npm

#: The one picture that redoc fetches, beside its own name.
_LOGO: Final = "https://cdn.redoc.ly/redoc/logo-mini.svg"
_NO_PICTURE: Final = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E"
_OPTIONS: Final[dict[str, Any]] = {
    "disableSearch": True,  # one operation; the search would start a worker
    "showExtensions": ["x-provenance"],
    "expandResponses": "200,201",
    "theme": {
        "typography": {
            "fontFamily": "system-ui, sans-serif",
            "headings": {"fontFamily": "system-ui, sans-serif"},
            "code": {"fontFamily": "ui-monospace, monospace"},
        }
    },
}
#: A second lock: a browser that reads this asks nobody, whatever the script does.
_POLICY: Final = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)
_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<link rel="icon" href="data:,">
<title>{title} {version}</title>
<style>body {{ margin: 0 }} noscript {{ font-family: sans-serif; padding: 2em }}</style>
</head>
<body>
<div id="reference"></div>
<noscript>This page needs JavaScript; the same is in openapi-3.0.yaml beside it.</noscript>
<script type="text/plain" id="licences">
{licences}
</script>
<script>{redoc}</script>
<script>Redoc.init({document}, {options}, document.getElementById("reference"));</script>
</body>
</html>
"""


def page(document: dict[str, Any]) -> str:
    """The page; MissingProgramError where redoc cannot be installed."""
    npm.install()
    folder = npm.FOLDER / "node_modules" / "redoc"
    script = folder / "bundles" / "redoc.standalone.js"
    text = script.read_text(encoding="utf-8")
    if _LOGO not in text:
        raise ValueError(f"{script.name} does not name {_LOGO} any more: see what it fetches instead")
    licences = [_text(folder / "LICENSE"), _text(script.with_name(script.name + ".LICENSE.txt"))]
    return _PAGE.format(
        policy=html.escape(_POLICY),
        title=html.escape(document["info"]["title"]),
        version=html.escape(document["info"]["version"]),
        licences="\n".join(licences).replace("<", "&lt;"),
        redoc=_inline(text.replace(_LOGO, _NO_PICTURE)),
        document=_inline(json.dumps(document)),
        options=_inline(json.dumps(_OPTIONS)),
    )


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip()


def _inline(script: str) -> str:
    """A script that may stand in HTML: what would end it, or begin a comment, is written as an escape."""
    return re.sub(r"<(?=/script|!--)", r"\\x3c", script, flags=re.IGNORECASE).replace(
        "//# sourceMappingURL=", "// "
    )
