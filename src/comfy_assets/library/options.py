"""How a run goes about it: every choice with its default and its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen, validators

from comfy_assets import defaults
from comfy_assets.errors import InputError
from comfy_assets.hashing import ALGORITHMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from comfy_assets.library.disks import Disk


def _one_of(*values: str) -> Any:
    def check(_instance: object, attribute: Any, value: object) -> None:
        if value not in values:
            raise InputError(f"{attribute.name} is {value!r}: expected one of {', '.join(values)}")

    return check


def _at_least(least: float) -> Any:
    def check(_instance: object, attribute: Any, value: Any) -> None:
        if type(value) not in (int, float) or not least <= value < float("inf"):
            raise InputError(f"{attribute.name} is {value!r}: expected a number of at least {least:g}")

    return check


# As functions with types: of a class, mypy takes no text for what it makes.
def _texts(given: Iterable[str]) -> tuple[str, ...]:
    return tuple(given)


def _words(given: Iterable[str]) -> frozenset[str]:
    return frozenset(given)


@frozen(kw_only=True)
class Options:
    """Choices of a run.

    Attributes:
        name_from: what a reference is named after: `"basename"`, or `"path"` relative to the PATH given.
        metadata: members of each reference's metadata.
        mime_type: of each file; None guesses by the name's ending.
        include, exclude: patterns as in .gitignore, relative to each PATH.
        algorithm: of the hashes.
        concurrency: requests in flight.
        hash_threads: files that are read at once.
        disk: `"spinning"` reads one file at a time, `"solid"` never waits for that, `"auto"` asks the system.
        max_read_rate: bytes per second, for all readers together.
        journal: the journal's file; None takes the one in the user's state folder.
        recheck: ask the service for files, too, that the journal has a reference of.
        read_again: read every file, whatever the cache knows.
        ignore: what the cache does not look at: `"ctime"` (backups that restore it), `"inode"` (file systems
            that number anew).
        patience: seconds that the service may put off all requests on end, before the run stops.
        cluster: address of a Dask scheduler whose workers hash; None hashes here. Its workers decide how many
            files are read at once, and `disk` and `max_read_rate` do not reach them.
        progress: seconds between `Progress` events; None for none, and then nothing is counted ahead.
    """

    name_from: str = field(default="basename", validator=_one_of("basename", "path"))
    metadata: Mapping[str, Any] | None = None
    mime_type: str | None = None
    include: tuple[str, ...] = field(default=(), converter=_texts)
    exclude: tuple[str, ...] = field(default=(), converter=_texts)
    algorithm: str = field(default=defaults.ALGORITHM, validator=_one_of(*ALGORITHMS))
    concurrency: int = field(default=defaults.CONCURRENCY, validator=_at_least(1))
    hash_threads: int = field(default=defaults.HASH_THREADS, validator=_at_least(1))
    disk: Disk = field(default="auto", validator=_one_of("auto", "spinning", "solid"))
    max_read_rate: float | None = field(default=None, validator=validators.optional(_at_least(1)))
    journal: str | None = None
    recheck: bool = False
    read_again: bool = False
    ignore: frozenset[str] = field(default=frozenset(), converter=_words)
    patience: float = field(default=defaults.PATIENCE, validator=_at_least(0))
    cluster: str | None = None
    progress: float | None = field(default=None, validator=validators.optional(_at_least(0.01)))
