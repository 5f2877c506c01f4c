"""What commands that talk to a service share: its options, and exit statuses for its errors."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from comfy_assets import errors
from comfy_assets.cli.completing import files
from comfy_assets.cli.output import Exit, Failure
from comfy_assets.defaults import API_KEY_VARIABLE, BASE_URL_VARIABLE, TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Callable

    from comfy_assets.client import AssetsClient, AsyncAssetsClient

#: What the options below give a command.
NAMES = ("base_url", "api_key", "api_key_file", "timeout")

_OPTIONS = (
    click.option(
        "--base-url", metavar="URL", help=f"The service. Default: {BASE_URL_VARIABLE}, else Comfy Cloud."
    ),
    click.option(
        "--api-key", metavar="KEY", help=f"The API key. Default: {API_KEY_VARIABLE}. Others can see it here."
    ),
    click.option(
        "--api-key-file", metavar="FILE", shell_complete=files, help="A file that holds the API key."
    ),
    click.option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True),
        default=TIMEOUT,
        show_default=True,
        metavar="S",
        help="Seconds for one call, its repeats included.",
    ),
)


def service_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that name a service and a key."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def client(
    base_url: str | None, api_key: str | None, api_key_file: str | None, timeout: float
) -> AssetsClient:
    """A client for what the options name."""
    from comfy_assets.client import AssetsClient

    made: AssetsClient = _client(AssetsClient, base_url, _key(api_key, api_key_file), timeout)
    return made


def async_client(
    base_url: str | None, api_key: str | None, api_key_file: str | None, timeout: float
) -> AsyncAssetsClient:
    """As `client`, for an event loop."""
    from comfy_assets.client import AsyncAssetsClient

    made: AsyncAssetsClient = _client(AsyncAssetsClient, base_url, _key(api_key, api_key_file), timeout)
    return made


def _key(api_key: str | None, api_key_file: str | None) -> str | None:
    if api_key is not None and api_key_file is not None:
        raise click.UsageError("--api-key and --api-key-file exclude each other")
    return api_key if api_key_file is None else key_in(api_key_file)


def _client(kind: Callable[..., Any], base_url: str | None, api_key: str | None, timeout: float) -> Any:
    try:
        return kind(api_key, base_url, timeout=timeout)
    except errors.InputError as error:
        ended = failure(error)
        if api_key is None and not os.environ.get(API_KEY_VARIABLE):
            ended.hint = (
                f"export {API_KEY_VARIABLE}=..., or give --api-key-file FILE; a key for Comfy Cloud is made "
                "in your account settings on comfy.org"
            )
        raise ended from None


def key_in(path: str) -> str:
    """The key that a file holds: its only line."""
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise Failure(
            f"the key file {path!r} cannot be read: {error.strerror}", code="unreadable_file"
        ) from None
    except ValueError:
        raise Failure(f"the key file {path!r} is not text", code="unreadable_file") from None


#: What to do next, by the class of the error; the first that fits.
_HINTS: tuple[tuple[type[errors.ComfyAssetsError], str], ...] = (
    (errors.AuthenticationError, f"check the key (--api-key-file, or {API_KEY_VARIABLE})"),
    (errors.PaymentRequiredError, "the account needs credits; nothing is wrong with the request"),
    (errors.NotFoundError, "the service does not have this content, or it is not yours: upload it first"),
    (errors.APITimeoutError, "try again, or wait longer with --timeout"),
    (
        errors.APIConnectionError,
        f"is the service running, and is its address right (--base-url, or {BASE_URL_VARIABLE})?",
    ),
    (errors.ContractError, "the reference probably exists; tell whoever runs the service"),
)

#: Errors that are an answer, and the answer is no. After all others the command could not do its work.
_ANSWERS = (
    errors.BadRequestError,
    errors.NotFoundError,
    errors.ConflictError,
    errors.UnprocessableEntityError,
)


def failure(error: errors.ComfyAssetsError, data: Any = None, *, is_run: bool = False) -> Failure:
    """How a command ends after an error of the library; `is_run`: one that ended a run of many calls."""
    hint = next((words for kind, words in _HINTS if isinstance(error, kind)), None)
    is_answer = isinstance(error, (*_ANSWERS, errors.ContractError))
    return Failure(
        str(error),
        code=_code(error),
        hint=hint,
        exit_code=Exit.ANSWER_IS_NO if is_answer and not is_run else Exit.COULD_NOT_RUN,
        data=data,
    )


def _code(error: errors.ComfyAssetsError) -> str:
    """`AuthenticationError` is `authentication`."""
    name = type(error).__name__.removesuffix("Error").removeprefix("API")
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
