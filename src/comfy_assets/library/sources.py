"""From what a caller names to the items of a run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from comfy_assets.library import remote
from comfy_assets.library.items import Item, LeftOut, Problem
from comfy_assets.library.walking import Found, Patterns, walk
from comfy_assets.requests import describe_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from comfy_assets.library.options import Options

#: What a source gives, one after the other.
Given = Item | Problem | LeftOut

#: Gives the same from its begin each time it is called: once to register, once to count.
Source = Callable[[], Iterator[Given]]


def of_paths(paths: Iterable[str | os.PathLike[str]], tags: Sequence[str], options: Options) -> Source:
    """Files and URLs, and what lies below folders."""
    named = [os.fspath(path) for path in paths]
    # Before anything begins: a package that is missing is told at once.
    roots = {path: remote.Root.of(path) for path in named if remote.is_remote(path)}
    patterns = Patterns.of(options.include, options.exclude)

    def give() -> Iterator[Given]:
        for path in named:
            if path in roots:
                yield from remote.give(roots[path], tuple(tags), options, patterns)
                continue
            for found in walk([path], patterns):
                yield item(found, tuple(tags), options) if isinstance(found, Found) else found

    return give


def item(found: Found, tags: tuple[str, ...], options: Options) -> Item:
    """A file that was found, as it is asked for."""
    name = found.relative if options.name_from == "path" else None
    described = describe_file(found.path, name, options.mime_type)
    return Item(path=found.path, tags=tags, metadata=options.metadata, look=found.look, **described)


def chained(sources: Sequence[Source]) -> Source:
    """One source after the other."""

    def give() -> Iterator[Given]:
        for source in sources:
            yield from source()

    return give
