"""What programs are asked to register: environments that cover several tags, Unicode, everything set and unset."""

from __future__ import annotations

import hashlib
import json
import random
from typing import Any, Final

from attrs import frozen

from comfy_assets.contract.facts import HASH, METADATA, MIME_TYPE, NAME, TAGS

#: The variables in which a program finds what to send.
VARIABLES: Final = {
    HASH: "COMFY_ASSET_HASH",
    TAGS: "COMFY_ASSET_TAGS",
    NAME: "COMFY_ASSET_NAME",
    MIME_TYPE: "COMFY_ASSET_MIME_TYPE",
    METADATA: "COMFY_ASSET_METADATA",
}
URL_VARIABLE, KEY_VARIABLE = "COMFY_CLOUD_BASE_URL", "COMFY_CLOUD_API_KEY"


def environment(asked: dict[str, Any]) -> dict[str, str]:
    """The variables for a request body; what it does not have is empty."""
    return {variable: _written(asked.get(name)) for name, variable in VARIABLES.items()}


def _written(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@frozen
class Ask:
    """A request body without its hash, which is another one in each run."""

    name: str
    members: dict[str, Any]
    algorithm: str = "blake3"

    def body(self, seed: str) -> dict[str, Any]:
        """The body that a program has to send."""
        return {HASH: f"{self.algorithm}:{hashlib.sha256(seed.encode()).hexdigest()}", **self.members}


#: The first is the plain one.
ASKS: Final = (
    Ask("everything", {
        TAGS: ["input", "portraits"], NAME: "portrait.png", MIME_TYPE: "image/png",
        METADATA: {"project": "spring", "take": 3},
    }),
    Ask("only what is required", {TAGS: ["models"]}, "sha256"),
    Ask("beyond ASCII", {
        TAGS: ["моделі", "\U0001f3a8 art", "e\u0301tude"], NAME: "Ünïcode 名前 e\u0301 \U0001f3a8.png",
        MIME_TYPE: "image/png", METADATA: {"künstler": "村上 \U0001f98a", "e\u0301": ["é", "e\u0301"]},
    }, "sha256"),
    Ask("a name alone", {TAGS: ["output", "temp", "output/2"], NAME: "  sub/two  spaces & 'quotes' \"$HOME\" `a` \\n.safetensors "}),
    Ask("metadata alone", {
        TAGS: ["a,b", "Upper Case", " padded "],
        METADATA: {"id": "1", "nested": {"list": [1, -2, 2.5, None, True, False, "", {"deep": []}]}, "big": 2**53 - 1, "empty": {}},
    }),
    Ask("a MIME type alone", {TAGS: ["input", "video"], MIME_TYPE: "video/mp4"}, "sha256"),
    Ask("many tags", {TAGS: [f"tag-{number}" for number in range(32)], NAME: "n" * 200 + ".bin"}),
)  # fmt: skip


def pick(number: int, seed: int) -> Ask:
    """The ask of a scenario: all of them in turn, in an order that the seed decides."""
    order = [*ASKS]
    random.Random(seed).shuffle(order)  # noqa: S311 - a plan, not a secret
    return order[number % len(order)]
