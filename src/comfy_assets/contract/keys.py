"""Keys and their placeholders: the only place where a key is more than a name.

Requests and records hold placeholders such as `{{api-key}}`. `Keys.fill` puts keys in just before
bytes are sent, `Keys.hide` takes them out of what came back, before anything else sees it.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from typing import TYPE_CHECKING
from urllib.parse import quote

from attrs import evolve

from comfy_assets.contract.messages import read_response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from comfy_assets.contract.messages import Request

KEY, OTHER_KEY = "{{api-key}}", "{{other-api-key}}"
PLACEHOLDER = re.compile(r"\{\{[a-z][a-zA-Z0-9 ,:_-]*\}\}")

#: A key that is shorter, and all letters, could be a word of an honest answer: nobody could tell.
TELLING_CHARACTERS = 5

#: Keys that are almost right, by what was done to the right one.
ALMOST: Mapping[str, Callable[[str], str]] = {
    "{{api-key, last character cut}}": lambda key: key[:-1],
    "{{api-key, first character cut}}": lambda key: key[1:],
    "{{api-key, a character more}}": lambda key: key + "x",
    "{{api-key, letters swapped in case}}": str.swapcase,
    "{{api-key, last character changed}}": lambda key: key[:-1] + ("b" if key[-1:] == "a" else "a"),
}


class Keys:
    """The keys of a run by their placeholders; never shows one."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        self._values = dict(keys)
        if KEY in keys:
            right = keys[KEY]
            made = {name: change(right) for name, change in ALMOST.items()}
            taken = set(self._values.values())
            self._values |= {name: value for name, value in made.items() if value and value not in taken}
        self._hidden = sorted(
            (
                (form, name)
                for name, value in self._values.items()
                if _is_telling(value)
                for form in _forms(value)
            ),
            key=lambda pair: -len(pair[0]),
        )

    def __repr__(self) -> str:
        return f"Keys({', '.join(self._values)})"

    def __contains__(self, placeholder: str) -> bool:
        return placeholder in self._values

    @property
    def telling(self) -> bool:
        """Whether the right key would be recognised in an answer."""
        return KEY in self._values and _is_telling(self._values[KEY])

    def fill(self, request: Request) -> Request:
        """The request as it is sent, with keys for placeholders."""

        def put(text: str) -> str:
            return PLACEHOLDER.sub(lambda found: self._values.get(found[0], found[0]), text)

        headers = tuple((name, put(value)) for name, value in request.headers)
        target = PLACEHOLDER.sub(lambda found: quote(self._values.get(found[0], found[0])), request.target)
        return evolve(request, headers=headers, target=target)

    def hide(self, content: bytes) -> bytes:
        """What came back, with placeholders for keys in any usual spelling."""
        for form, name in self._hidden:
            if form in content:
                content = content.replace(form, name.encode("ascii"))
        return content

    def hide_answer(self, raw: bytes, method: str) -> bytes:
        """A whole answer without keys; its length is told anew where that changed."""
        hidden = self.hide(raw)
        response = read_response(raw, method) if hidden != raw else None
        if response is None:
            return hidden
        body = self.hide(response.body)
        length = len(body) if response.complete else len(body) + 1
        head = [hidden.split(b"\r\n", 1)[0]]
        head += [
            f"{name}: {value}".encode("latin-1", "replace")
            for name, value in response.headers
            if name not in {"content-length", "transfer-encoding"}
        ]
        return self.hide(b"\r\n".join([*head, b"content-length: %d" % length, b"", b""])) + body

    def hide_text(self, text: str) -> str:
        """The same for text."""
        return self.hide(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")


def _is_telling(key: str) -> bool:
    return len(key) >= TELLING_CHARACTERS and (not key.isalpha() or len(key) >= 2 * TELLING_CHARACTERS)


def _forms(key: str) -> set[bytes]:
    raw = key.encode("utf-8")
    return {
        raw,
        json.dumps(key)[1:-1].encode("ascii"),
        quote(key, safe="").encode("ascii"),
        b64encode(raw),
    }
