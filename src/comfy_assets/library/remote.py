"""Files that fsspec reaches, such as `s3://bucket/models`: listed, looked at and streamed, never copied.

Nothing of a URL's credentials is ever shown, journaled or cached: an item's path is the URL without them.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from attrs import evolve, field, frozen

from comfy_assets import defaults
from comfy_assets.errors import InputError
from comfy_assets.hashing import ALGORITHMS
from comfy_assets.library.items import Item, LeftOut, Look, Problem, in_units, words
from comfy_assets.library.reading import ChangedError, Pace, Reading, StoppedError
from comfy_assets.library.walking import UNFINISHED, Patterns
from comfy_assets.requests import describe_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from comfy_assets.library.options import Options

#: Two letters at least: `C://` is a disk of Windows.
_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+(?:://|::)")

#: Name and password before a host, and what signs a URL; the rest of a query may tell objects apart.
_USER: Final = re.compile(r"(?<=://)[^/@\s?#]*(?:@[^/@\s?#]*)*@")
_SIGNED: Final = re.compile(
    r"(?i)([?&][^=&\s]*(?:sig|signature|token|key|credential|secret|password|auth)[^=&\s]*=)[^&\s'\"]*"
)

#: What file systems call that which changes with every write, the surest first. A version or an etag alone
#: will do; times and checksums stand for one where there is none.
_VERSIONS: Final = ("VersionId", "version_id", "generation", "ETag", "etag", "e_tag", "md5Hash", "checksum")
_TIMES: Final = ("LastModified", "last_modified", "mtime", "modified", "updated", "created")

#: Statuses of web servers: it is not there; this user may not see it.
_ABSENT: Final = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
_DENIED: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)

#: Bytes that are asked for at once: an object store answers each request after tens of milliseconds.
_BLOCK: Final = 8 << 20


def is_remote(path: str) -> bool:
    """Whether a path is a URL and not a file of this system."""
    return _URL.match(path) is not None


def shown(text: str) -> str:
    """A URL, or an error's words about one, without credentials."""
    return _SIGNED.sub(r"\1***", _USER.sub("", text))


@frozen
class RemoteFile:
    """An object and the file system that reaches it; can be sent to another process."""

    system: Any = field(repr=False)
    path: str = field(repr=False)
    shown: str

    def look(self) -> Look | None:
        """How it looks now; None where the store says nothing by which a change would show."""
        with _told():
            # What was listed before may be of an older state.
            self.system.invalidate_cache()
            return look(self.system.info(self.path))

    def read(self, algorithm: str, pace: Pace, on_read: Callable[[int], object]) -> Reading:
        """Read it once, in pieces.

        Raises ChangedError where it was not the same before and after, OSError where it cannot be read,
        StoppedError where the run ends.
        """
        began = time.time_ns()
        before = self.look()
        digest, size = ALGORITHMS[algorithm](), 0
        with _told(), self.system.open(self.path, "rb", block_size=_BLOCK) as file:
            while piece := file.read(defaults.READ_SIZE):
                digest.update(memoryview(piece))
                size += len(piece)
                on_read(len(piece))
                pace.took(len(piece))
                if before is not None and 0 <= before.size < size:
                    raise ChangedError
        if before != self.look() or (before is not None and before.size not in (-1, size)):
            raise ChangedError
        return Reading(f"{algorithm}:{digest.hexdigest()}", before or Look(size, 0, 0, 0, 0), began)


@frozen(kw_only=True)
class RemoteItem(Item):
    """An object to register; `path` is its URL without credentials."""

    file: RemoteFile


def look(info: Mapping[str, Any]) -> Look | None:
    """What a store says of an object: its version stands for the inode; a size of -1 is unknown."""
    size = info.get("size")
    size = size if isinstance(size, int) else -1
    version = _first(info, _VERSIONS)
    # A weak etag may stay the same where the bytes do not.
    if version is not None and not str(version).startswith("W/"):
        return Look(size, 0, 0, _number(version), 0)
    time_ = _first(info, _TIMES)
    if time_ is None or size < 0:
        return None
    seconds = time_.timestamp() if hasattr(time_, "timestamp") else time_
    written = int(seconds * 1e9) if isinstance(seconds, (int, float)) else 0
    return Look(size, written, 0, 0 if written else _number(time_), 0)


def _first(info: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((info[name] for name in names if info.get(name)), None)


def _number(version: object) -> int:
    return int.from_bytes(hashlib.sha256(str(version).encode()).digest()[:8]) or 1


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Whatever a store's library raises is an OSError of one sentence, without credentials."""
    try:
        yield
    except (ChangedError, StoppedError):
        raise
    except Exception as error:  # noqa: BLE001 - each store's library has errors of its own
        # s3fs asks for the etag with which it began, and says so.
        if type(error).__name__ == "FileExpired":
            raise ChangedError from None
        kind, cause = _kind(error)
        said: dict[type[OSError], str] = {
            FileNotFoundError: "there is no such object",
            PermissionError: "permission denied",
        }
        text = shown(words(cause)) or type(cause).__name__
        raise kind(said.get(kind) or " ".join(text.split())) from None


def _kind(error: Exception) -> tuple[type[OSError], Exception]:
    """What was raised, told apart, and what says why: fsspec calls all trouble of the web "not found"."""
    cause = error.__cause__
    status = getattr(cause, "status", None)
    if isinstance(error, PermissionError) or status in _DENIED:
        return PermissionError, error
    if not isinstance(error, FileNotFoundError):
        return OSError, error
    if isinstance(cause, Exception) and status not in (None, *_ABSENT):
        return OSError, Exception(f"the server answered {status}")
    if isinstance(cause, OSError) and not isinstance(cause, FileNotFoundError):
        return OSError, cause
    return FileNotFoundError, error


@frozen
class Root:
    """A URL that was named."""

    system: Any = field(repr=False)
    path: str = field(repr=False)
    shown: str
    #: What stands around a path to make it a URL again.
    prefix: str = ""

    @classmethod
    def of(cls, url: str) -> Root:
        """Connect nothing yet. Raises InputError for what no package that is installed can reach."""
        try:
            from fsspec.core import url_to_fs
        except ImportError:
            needs = "a URL needs the \"cluster\" extra: pip install 'comfy-assets[cluster]'"
            raise InputError(f"{shown(url)}: {needs}") from None
        try:
            system, path = url_to_fs(url)
        except ImportError as error:
            raise InputError(f"{shown(url)}: {shown(str(error))}") from None
        except Exception as error:  # noqa: BLE001 - the same
            raise InputError(f"{shown(url)} cannot be used: {shown(str(error))}") from None
        bare = shown(url)
        end = path.rstrip("/")
        prefix = bare[: len(bare.rstrip("/")) - len(end)] if end and bare.rstrip("/").endswith(end) else ""
        return cls(system, path, bare, prefix)

    def exists(self) -> bool:
        """Whether something is there, as far as this user may know."""
        try:
            with _told():
                self.system.invalidate_cache()
                self.system.info(self.path)
        except FileNotFoundError:
            return False
        except OSError:
            pass
        return True

    def files(
        self, patterns: Patterns
    ) -> Iterator[tuple[RemoteFile, str, Look | None, int] | Problem | LeftOut]:
        """The object, or those below: path below the root, look, and size (-1: unknown)."""
        try:
            with _told():
                self.system.invalidate_cache()
                info = self.system.info(self.path)
            if info.get("type") != "directory":
                base = os.path.basename(self.path.split("?")[0].rstrip("/")) or self.shown
                yield self._found(self.shown, self.path, base, info)
                return
            yield from self._below(patterns)
        except OSError as error:
            yield Problem(self.shown, words(error))

    def _below(self, patterns: Patterns) -> Iterator[Any]:
        root = self.path.rstrip("/")
        with _told():
            for folder, folders, files in self.system.walk(self.path, detail=True, on_error="raise"):
                below = folder.rstrip("/")[len(root) :].strip("/")
                for name in sorted(folders):
                    if not patterns.want(f"{below}/{name}".lstrip("/"), folder=True):
                        del folders[name]
                for name, info in sorted(files.items()):
                    relative = f"{below}/{name}".lstrip("/")
                    url = f"{self.shown.rstrip('/')}/{relative}"
                    if not name or not patterns.want(relative, folder=False):
                        yield LeftOut(url, "excluded", told=False)
                    elif name.lower().endswith(UNFINISHED):
                        yield LeftOut(url, "an unfinished download")
                    else:
                        yield self._found(url, info["name"], relative, info)

    def _found(
        self, url: str, path: str, relative: str, info: Mapping[str, Any]
    ) -> tuple[RemoteFile, str, Look | None, int]:
        seen = look(info)
        size = info.get("size")
        return RemoteFile(self.system, path, url), relative, seen, size if isinstance(size, int) else -1


def give(
    root: Root, tags: tuple[str, ...], options: Options, patterns: Patterns
) -> Iterator[Item | Problem | LeftOut]:
    """A URL's items; first, before anything is downloaded, how many bytes that will be at most."""
    objects = size = unknown = 0
    for found in root.files(patterns):
        if isinstance(found, tuple):
            objects, size, unknown = objects + 1, size + max(found[3], 0), unknown + (found[3] < 0)
    if objects:
        yield LeftOut(root.shown, _announced(objects - unknown, size, unknown))
    for found in root.files(patterns):
        if not isinstance(found, tuple):
            yield found
            continue
        file, relative, seen, _ = found
        name = relative if options.name_from == "path" else os.path.basename(relative)
        described = describe_file(relative, name, options.mime_type)
        known = None if seen is None or seen.size < 0 else evolve(seen)
        yield RemoteItem(
            path=file.shown, tags=tags, metadata=options.metadata, look=known, file=file, **described
        )


def _announced(objects: int, size: int, unknown: int) -> str:
    """What will be downloaded at most, where nothing of it is in the cache."""
    sized = f"{_counted(objects)}, at most {in_units(size)}" if objects else ""
    unsized = f"{_counted(unknown)} of unknown size" if unknown else ""
    return f"{' and '.join(filter(None, (sized, unsized)))} to download"


def _counted(objects: int) -> str:
    return f"{objects} object{'' if objects == 1 else 's'}"
