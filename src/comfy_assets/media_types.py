"""The MIME type of a file, guessed from its name."""

from __future__ import annotations

import mimetypes
import os
from functools import cache, lru_cache

#: What the standard library's own list lacks and ComfyUI's users have.
_MORE = {".webp": "image/webp", ".avif": "image/avif", ".glb": "model/gltf-binary", ".flac": "audio/flac"}


@cache
def _known() -> mimetypes.MimeTypes:
    # A list of our own: the machine's (/etc/mime.types, the Windows registry) would make the same
    # file another reference on another machine.
    known = mimetypes.MimeTypes()
    for ending, type_ in _MORE.items():
        known.add_type(type_, ending)
    return known


def guess(path: str | os.PathLike[str]) -> str | None:
    """The MIME type by the name's ending, the same on every machine; None where it is not known."""
    return _of_ending(os.path.splitext(os.fspath(path))[1])


@lru_cache(1024)
def _of_ending(ending: str) -> str | None:
    type_, encoding = _known().guess_type("file" + ending, strict=False)
    return None if encoding else type_
