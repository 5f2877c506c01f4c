"""Finds a key in what a program printed or sent, however it is written, and takes it out."""

from __future__ import annotations

import hashlib
from base64 import b64encode, urlsafe_b64encode
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from comfy_assets.contract.keys import KEY

if TYPE_CHECKING:
    from collections.abc import Callable


def forms(key: str) -> dict[str, list[bytes]]:
    """The spellings of a key: by name, the bytes that tell it."""
    raw = key.encode()
    coded = [bytes_ for encode in (b64encode, urlsafe_b64encode) for bytes_ in _aligned(raw, encode)]
    return {
        "as it is": [raw],
        "in Base64": coded,
        "in hex": [raw.hex().encode(), raw.hex().upper().encode()],
        "backwards": [raw[::-1]],
        "in UTF-16": [key.encode("utf-16-le")],
        "escaped": ["".join(f"\\u{ord(one):04x}" for one in key).encode(), "".join(f"\\x{ord(one):02x}" for one in key).encode()],
        "in percent signs": ["".join(f"%{ord(one):02x}" for one in key).encode(), "".join(f"%{ord(one):02X}" for one in key).encode()],
        "with spaces": [b" ".join(raw[place : place + 1] for place in range(len(raw)))],
        "as SHA-256": [hashlib.sha256(raw).hexdigest().encode()],
    }  # fmt: skip


def _aligned(raw: bytes, encode: Callable[[bytes], bytes]) -> list[bytes]:
    """Base64 of something that holds the key: what is the same at each of three places."""
    found: list[bytes] = []
    for before in range(3):
        coded = encode(b"\0" * before + raw + b"\0\0")
        found.append(coded[(before * 8 + 5) // 6 : (before + len(raw)) * 8 // 6])
    return found


#: Told only to those who know the key: no leak, but not to be kept.
_HARMLESS = {"as SHA-256"}


class Leaks:
    """Looks for one key."""

    def __init__(self, key: str) -> None:
        self._forms = forms(key)
        self._lower = key.lower().encode()

    def form(self, content: bytes) -> str | None:
        """How the key stands in it; None where it does not."""
        for name, spellings in self._forms.items():
            if name not in _HARMLESS and any(one in content for one in spellings):
                return name
        if self._lower in content.lower():
            return "in another case"
        if b"%" in content and self._lower in unquote_to_bytes(content).lower():
            return "in percent signs"
        return None

    def hide(self, content: bytes) -> bytes:
        """The same with a placeholder for the key."""
        for name, spellings in self._forms.items():
            placeholder = KEY.encode() if name == "as it is" else f"{{{{api-key, {name}}}}}".encode()
            for one in spellings:
                content = content.replace(one, placeholder)
        place = content.lower().find(self._lower)
        while place >= 0:
            content = content[:place] + b"{{api-key, in another case}}" + content[place + len(self._lower) :]
            place = content.lower().find(self._lower)
        return content

    def hide_text(self, text: str) -> str:
        """The same for text of headers and targets."""
        return self.hide(text.encode("latin-1")).decode("latin-1")
