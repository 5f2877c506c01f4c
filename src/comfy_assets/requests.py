"""From what a caller gives to what is sent, and from what goes wrong on the way to our errors."""

from __future__ import annotations

import os
import platform
import traceback
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, TypedDict

import httpx
from comfy_assets_api.api.asset import create_asset_from_hash as operation
from comfy_assets_api.errors import InvalidValue
from comfy_assets_api.models import CreateAssetFromHashRequest
from comfy_assets_api.types import UNSET

from comfy_assets import errors, media_types
from comfy_assets._version import __version__


@cache
def user_agent() -> str:
    """Who we are, for the service's logs."""
    return f"comfy-assets/{__version__} python/{platform.python_version()}"


def create_asset_from_hash(
    hash_: str,
    tags: Iterable[str],
    name: str | None,
    mime_type: str | None,
    user_metadata: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The request, as arguments for `httpx.Client.request`; InputError where it breaks the contract."""
    try:
        body = CreateAssetFromHashRequest(
            hash=hash_,
            tags=_listed(tags),
            name=UNSET if name is None else name,
            mime_type=UNSET if mime_type is None else mime_type,
            user_metadata=UNSET if user_metadata is None else _plain(user_metadata),
        )
        return operation.request_arguments(body=body)
    except InvalidValue as error:
        raise input_error(error) from None


def _listed(tags: Any) -> Any:
    """A list of any iterable of tags; the model refuses the rest, and text, which is no list of letters."""
    is_list = hasattr(tags, "__iter__") and not isinstance(tags, (str, bytes, Mapping))
    return list(tags) if is_list else tags


def _plain(mapping: Any) -> Any:
    """A dict where a mapping of another kind was given; the model refuses the rest."""
    return dict(mapping) if hasattr(mapping, "keys") else mapping


def input_error(error: InvalidValue) -> errors.InputError:
    """Our error for a value that breaks the contract, with a hint where the hash is at fault."""
    message = str(error)
    if any(problem.place[:1] == ("hash",) for problem in error.problems):
        message += " (compute it with comfy_assets.hash_file(path) or `comfy-assets hash PATH`)"
    return errors.InputError(message, problems=error.problems)


class Description(TypedDict):
    """What a file says of itself."""

    name: str
    mime_type: str | None


def describe_file(path: str | os.PathLike[str], name: str | None, mime_type: str | None) -> Description:
    """Name and MIME type of a file, where the caller gives none."""
    return {
        "name": os.path.basename(os.path.abspath(path)) if name is None else name,
        "mime_type": media_types.guess(path) if mime_type is None else mime_type,
    }


def connection_error(error: Exception, base_url: str) -> Exception:
    """Our error for one of the HTTP library's or the transport's; any other error as it is.

    Only the type and the text of theirs are kept: theirs hold the request, and so the key.
    """
    if not _is_of_the_transport(error):
        return error
    cause = (
        f"{type(error).__name__}: {' '.join(traceback.format_exception_only(error)[-1].split()[1:])}".rstrip(
            ": "
        )
    )
    if _is_timeout(error):
        return errors.APITimeoutError(f"{base_url} did not answer in time", cause=cause)
    return errors.APIConnectionError(f"no answer from {base_url} ({_reason(error)})", cause=cause)


def _is_of_the_transport(error: Exception) -> bool:
    library = type(error).__module__.partition(".")[0]
    return isinstance(error, (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError)) or library in (
        "aiohttp",
        "httpcore",
    )


def _is_timeout(error: Exception) -> bool:
    # The aiohttp transport also reports a connection that the server closed as ConnectTimeout; what
    # was a timeout has one as its cause.
    cause = error.__cause__
    if type(cause).__module__.startswith("aiohttp"):
        return isinstance(cause, TimeoutError)
    return isinstance(error, (httpx.TimeoutException, TimeoutError))


def _reason(error: Exception) -> str:
    """What happened, in words that do not depend on the library."""
    text = str(error).strip() or type(error).__name__
    return text[:200]
