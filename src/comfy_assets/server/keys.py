"""API keys: each is an owner. Only digests are kept, and compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from comfy_assets.server.store import Store


class KeyFormatError(ValueError):
    """A key that no request could carry in a header; the text is one sentence, without the key."""


def make_key() -> str:
    """A new key, too long to guess."""
    # The word in front keeps it from starting with a dash, which commands would take for an option.
    return "local-" + secrets.token_urlsafe(32)


class Keys:
    """The keys that this server accepts, as digests, each with its owner."""

    def __init__(self, store: Store, keys: Sequence[str]) -> None:
        """Make each of `keys` an owner in the store; the same key is the same owner at every start."""
        self._salt = store.salt
        self._owners = {}
        for key in keys:
            _check(key)
            digest = self._digest(key.encode("utf-8"))
            self._owners[digest] = store.owner(digest)

    def owner(self, presented: bytes) -> int | None:
        """The owner whose key this is, None for an unknown one."""
        digest = self._digest(presented)
        owner = None
        # All are compared, always: the time tells nothing of which one is near.
        for known, its_owner in self._owners.items():
            if hmac.compare_digest(known, digest):
                owner = its_owner
        return owner

    def _digest(self, key: bytes) -> str:
        # Salted per database, so that digests of one cannot be looked up for another. A slow hash
        # is for passwords that people choose, and would cost each request its time.
        return hashlib.blake2b(key, key=self._salt, digest_size=32).hexdigest()


def _check(key: str) -> None:
    if not key or key != key.strip() or not key.isprintable():
        raise KeyFormatError(
            "an API key must not be empty, start or end with a space, or hold control characters"
        )
