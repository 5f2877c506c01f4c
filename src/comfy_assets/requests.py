"""From what a caller gives to what is sent."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, TypedDict

from comfy_assets_api.api.asset import create_asset_from_hash as operation
from comfy_assets_api.errors import InvalidValue
from comfy_assets_api.models import CreateAssetFromHashRequest
from comfy_assets_api.types import UNSET

from comfy_assets import errors, media_types
from comfy_assets._version import __version__


@cache
def _headers() -> dict[str, str]:
    """What every request says of us, and of the answers that we can read."""
    known = dict.fromkeys(answer.media_type for answer in operation.ANSWERS if answer.media_type)
    return {
        "User-Agent": f"comfy-assets/{__version__} python/{platform.python_version()}",
        "Accept": ", ".join(known),
        # Answers are small; what would be saved is not worth the decompressing.
        "Accept-Encoding": "identity",
    }


def create_asset_from_hash(
    base_url: str,
    hash_: str,
    tags: Iterable[str],
    name: str | None,
    mime_type: str | None,
    user_metadata: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The request, as arguments for `httpx.Request`; InputError where it breaks the contract."""
    given = {"name": name, "mime_type": mime_type, "user_metadata": _plain(user_metadata)}
    values = {member: UNSET if value is None else value for member, value in given.items()}
    try:
        # Unchecked: the operation judges what it sends, and tells every problem at once.
        body = CreateAssetFromHashRequest.unchecked({"hash": hash_, "tags": _listed(tags), **values})
        arguments = operation.request_arguments(body=body)
    except InvalidValue as error:
        raise input_error(error) from None
    return _sent(base_url, arguments)


def _sent(base_url: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What the generated client sends, to this service and with what every request says of us."""
    url, headers = base_url + arguments["url"], {**_headers(), **arguments["headers"]}
    return {**arguments, "url": url, "headers": headers}


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
    if any(problem.place == ("hash",) for problem in error.problems):
        message += " (compute it with comfy_assets.hash_file(path) or `comfy-assets hash PATH`)"
    return errors.InputError(message, problems=error.problems)


class Description(TypedDict):
    """What a file says of itself."""

    name: str
    mime_type: str | None


def describe_file(path: str | os.PathLike[str], name: str | None, mime_type: str | None) -> Description:
    """Name and MIME type of a file, where the caller gives none."""
    return {
        "name": os.path.basename(path) if name is None else name,
        "mime_type": media_types.guess(path) if mime_type is None else mime_type,
    }
