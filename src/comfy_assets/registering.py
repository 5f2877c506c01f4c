"""Files and folders become references: walk, hash, register, one file after the other."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from attrs import frozen

from comfy_assets import defaults, errors
from comfy_assets.hashing import hash_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from comfy_assets.client import AssetsClient


class Outcome(StrEnum):
    """What became of a file."""

    CREATED = "created"
    EXISTING = "existing"
    MISSING = "missing"
    FAILED = "failed"


#: Outcomes after which the file has a reference.
DONE = (Outcome.CREATED, Outcome.EXISTING)

#: Errors that every further file would meet too.
FATAL = (
    errors.AuthenticationError,
    errors.PaymentRequiredError,
    errors.PermissionDeniedError,
    errors.RateLimitError,
    errors.APIConnectionError,
)


@frozen
class Found:
    """A file to register: its path, and its path relative to what was named, with `/`."""

    path: str
    relative: str
    size: int


@frozen
class Unreadable:
    """A file or folder that the walk could not look at, and why."""

    path: str
    reason: str


@frozen
class Registered:
    """What became of one file.

    `hash` and `id` are None as far as it did not get; `reason` says why a file failed or is missing.
    """

    path: str
    outcome: Outcome
    size: int | None = None
    hash: str | None = None
    id: str | None = None
    status_code: int | None = None
    reason: str | None = None


def walk(paths: Iterable[str | os.PathLike[str]]) -> Iterator[Found | Unreadable]:
    """The files that are named, or lie below a folder that is named, in the order of their names.

    Symbolic links are followed; a link to a folder in which it lies itself is not.
    """
    for path in [os.fspath(one) for one in paths]:
        if os.path.isdir(path):
            yield from _walk_folder(path, "", ())
        else:
            yield _look_at(path, os.path.basename(path))


def _walk_folder(
    folder: str, relative: str, above: tuple[tuple[int, int], ...]
) -> Iterator[Found | Unreadable]:
    try:
        status = os.stat(folder)
        names = sorted(os.listdir(folder))
    except OSError as error:
        yield Unreadable(folder, _words(error))
        return
    here = (status.st_dev, status.st_ino)
    if here in above:
        return
    for name in names:
        path, inner = os.path.join(folder, name), f"{relative}/{name}".lstrip("/")
        if os.path.isdir(path):
            yield from _walk_folder(path, inner, (*above, here))
        else:
            yield _look_at(path, inner)


def _look_at(path: str, relative: str) -> Found | Unreadable:
    try:
        return Found(path, relative, os.stat(path).st_size)
    except (OSError, ValueError) as error:
        return Unreadable(path, _words(error))


def _words(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)


def register_files(
    client: AssetsClient,
    files: Iterable[Found | Unreadable],
    tags: Sequence[str],
    *,
    name_from: str = "basename",
    user_metadata: dict[str, Any] | None = None,
    algorithm: str = defaults.ALGORITHM,
    on_read: Callable[[int], object] | None = None,
) -> Iterator[Registered]:
    """Register each file; yields what became of it as soon as it is known.

    Args:
        files: what `walk` found.
        name_from: `"basename"` or `"path"`: which part of a file's path is the reference's name.
        on_read: called with the number of bytes of each piece that was read, for progress.

    Raises an error of `FATAL` where every further file would meet it too.
    """
    for file in files:
        if isinstance(file, Unreadable):
            yield Registered(file.path, Outcome.FAILED, reason=file.reason)
            continue
        hash_ = None
        try:
            hash_ = hash_file(file.path, algorithm, on_read=on_read)
            asset = client.create_asset_from_hash(
                hash_, tags, user_metadata=user_metadata, **_described(file, name_from)
            )
        except FATAL:
            raise
        except errors.NotFoundError as error:
            yield Registered(
                file.path, Outcome.MISSING, file.size, hash_, None, error.status_code, error.message
            )
        except (errors.ComfyAssetsError, OSError) as error:
            status = getattr(error, "status_code", None)
            yield Registered(file.path, Outcome.FAILED, file.size, hash_, None, status, _words(error))
        else:
            outcome = Outcome.CREATED if asset.created_new else Outcome.EXISTING
            status = asset.call.response.status_code
            yield Registered(file.path, outcome, file.size, hash_, str(asset.id), status)


def _described(file: Found, name_from: str) -> dict[str, Any]:
    from comfy_assets.requests import describe_file

    return dict(describe_file(file.path, file.relative if name_from == "path" else None, None))
