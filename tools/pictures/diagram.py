"""The way of the data, as a picture: the contract, and all that follows from it."""

from __future__ import annotations

from html import escape

#: What is drawn from the contract to the right: how it gets there, the part, what the part holds, and what that
#: part is for, in a box of its own: how, name, words.
LANES = (
    ("generate.sh, overrides/", "generated/", "models with every limit, calls",
     ("used by", "src/comfy_assets", "client, hashing, register")),
    ("read when it starts", "server/", "the reference server, scenarios",
     ("answers", "any client", "in any language")),
    ("read when it starts", "contract/", "rules for servers and for clients",
     ("check, check-client", "any server, any client", "by its URL, by its command")),
    ("make share", "dist/contract/", "OpenAPI 3.0 and 3.1, page, vectors",
     ("taken by", "other projects", "generators, tests")),
    ("make languages", "languages/", "Go, Java, Rust, TypeScript",
     ("judged by", "check-client", "what each keeps and loses")),
    ("make diff", "tools/contract_diff/", "this contract against another one",
     ("demands", "info.version", "major, minor, patch or none")),
)  # fmt: skip

LEFT, MIDDLE, RIGHT = 20, 410, 810
SOURCE_WIDTH, WIDTH, HEIGHT, STEP, TOP = 180, 250, 56, 84, 24

TIP = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path d="M0 0 8 4 0 8z"/></marker></defs>'
)
STYLE = """
text { font: 14px system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif; fill: #1f2328 }
.name { font-weight: 600 }
.words { font-size: 12.5px; fill: #57606a }
.how { font-size: 12.5px; font-style: italic; fill: #0550ae; text-anchor: middle }
rect { fill: #f6f8fa; stroke: #8c959f }
.source { fill: #ddf4ff; stroke: #0969da }
path { fill: none; stroke: #57606a; stroke-width: 1.5 }
marker path { fill: #57606a; stroke: none }
"""


def svg() -> str:
    """The picture."""
    total = 2 * TOP + (len(LANES) - 1) * STEP + HEIGHT
    width = RIGHT + WIDTH + LEFT
    middle = total / 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {total}" role="img">',
        "<title>openapi.yaml, and what follows from it</title>",
        f"<style>{STYLE}</style>",
        TIP,
        f'<rect width="{width}" height="{total}" rx="8" style="fill: #ffffff; stroke: #d0d7de"/>',
        *_box(LEFT, middle - 44, SOURCE_WIDTH, 88, "openapi.yaml", "the contract: the only", "source")[:2],
        _text(LEFT + SOURCE_WIDTH / 2, middle + 31, "words", "description by hand"),
    ]
    for number, (how, name, words, after) in enumerate(LANES):
        top = TOP + number * STEP
        y = top + HEIGHT / 2
        parts += [
            _arrow(LEFT + SOURCE_WIDTH, middle + (number - (len(LANES) - 1) / 2) * 12, MIDDLE, y),
            _text(MIDDLE - 90, y - 8, "how", how),
            *_box(MIDDLE, top, WIDTH, HEIGHT, name, words),
            _arrow(MIDDLE + WIDTH, y, RIGHT, y),
            _text((MIDDLE + WIDTH + RIGHT) / 2, y - 8, "how", after[0]),
            *_box(RIGHT, top, WIDTH, HEIGHT, *after[1:]),
        ]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _box(
    x: float, y: float, width: float, height: float, name: str, words: str, kind: str = ""
) -> tuple[str, ...]:
    middle = y + height / 2
    return (
        f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6"/>',
        _text(x + width / 2, middle - 5, "name", name) + _text(x + width / 2, middle + 14, "words", words),
    )


def _text(x: float, y: float, kind: str, words: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" class="{kind}" text-anchor="middle">{escape(words)}</text>'


def _arrow(x: float, y: float, to_x: float, to_y: float) -> str:
    """A line that leaves to the right, bends, and comes in from the left, straight below its label."""
    if y == to_y:
        return f'<path d="M{x:g} {y:g}H{to_x:g}" marker-end="url(#tip)"/>'
    bend = to_x - 180
    way = f"M{x:g} {y:g}C{(x + bend) / 2:g} {y:g} {(x + bend) / 2 - 20:g} {to_y:g} {bend:g} {to_y:g}H{to_x:g}"
    return f'<path d="{way}" marker-end="url(#tip)"/>'
