"""From an answer to what the caller gets: a pure decision, shared by the sync and the async client."""

from __future__ import annotations

import json
import warnings
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Literal

from attrs import define, field, frozen
from comfy_assets_api import models, types
from comfy_assets_api.errors import Problem

from comfy_assets import errors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OnDrift = Literal["warn", "raise", "ignore"]
ON_DRIFT: Final[tuple[OnDrift, ...]] = ("warn", "raise", "ignore")

#: Statuses by their class (RFC 9110, section 15).
_SUCCESS: Final = range(200, 300)
_REDIRECT: Final = range(300, 400)

#: Characters of a body that are shown where it is not the contract's.
_SHORT: Final = 120

#: Headers in which services number their requests.
_REQUEST_IDS: Final = ("x-request-id", "request-id", "x-correlation-id")


@frozen
class RawResponse:
    """An answer as it came: status, headers (names in lower case) and bytes."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)


@frozen
class Call:
    """How a success came about.

    Attributes:
        drift: each deviation of the answer from the contract, with place, limit and value.
        response: the answer as it came.
        created_by_this_call: whether this call made the reference; None where the answer
            contradicts itself (201 with `created_new` false, or 200 with true).
    """

    drift: tuple[Problem, ...]
    response: RawResponse
    created_by_this_call: bool | None


@define
class AssetCreated(models.AssetCreated):
    """A reference to stored content: the contract's success body, and `call`, how it came about."""

    call: Call = field(kw_only=True, eq=False, repr=False)


class DriftWarning(UserWarning):
    """A service deviates from the contract in a way that leaves its answer readable."""


def asset_created(answer: types.Response[Any], on_drift: OnDrift = "warn") -> AssetCreated:
    """The reference that an answer tells of.

    Raises APIStatusError for a status that is no success, ContractError for a success that cannot be
    read or, with `on_drift="raise"`, deviates.
    """
    response = RawResponse(answer.status_code, dict(answer.headers), answer.content)
    if answer.status_code not in _SUCCESS:
        raise status_error(response)
    read, problems = answer.parsed, list(answer.problems)
    if not isinstance(read, models.AssetCreated):
        # A success of another status than the documented ones: read it as one of those.
        problems = []
        read = models.AssetCreated.read(_json(response.content), problems)
        problems.insert(0, Problem((), "status", "200 or 201", str(response.status_code)))
    if read is None:
        raise errors.ContractError(
            f"the service answered {response.status_code}, a success, but it cannot be read: "
            f"{_joined(problems)}",
            problems=problems,
            response=response,
        )
    created = read.created_new if read.created_new is (response.status_code == HTTPStatus.CREATED) else None
    if created is None:
        expected = "true with 201, false with 200"
        problems.append(
            Problem(("created_new",), "status", expected, f"{read.created_new} with {response.status_code}")
        )
    _tell(problems, on_drift, response)
    return _with_call(read, Call(tuple(problems), response, created))


def _with_call(read: models.AssetCreated, call: Call) -> AssetCreated:
    asset = AssetCreated.__new__(AssetCreated)
    for name in (*(name for name, _ in types.members(models.AssetCreated)), "additional_properties"):
        # Past the validators: a deviating value was told, and is kept.
        object.__setattr__(asset, name, getattr(read, name))
    object.__setattr__(asset, "call", call)
    return asset


def _tell(problems: Sequence[Problem], on_drift: OnDrift, response: RawResponse) -> None:
    if not problems or on_drift == "ignore":
        return
    if on_drift == "raise":
        raise errors.ContractError(
            f"the answer {response.status_code} deviates from the contract: {_joined(problems)}",
            problems=problems,
            response=response,
        )
    for problem in problems:
        warnings.warn(f"the service deviates from the contract: {problem}", DriftWarning, stacklevel=5)


def _joined(problems: Sequence[Problem]) -> str:
    return "; ".join(map(str, problems))


def status_error(response: RawResponse) -> errors.APIStatusError:
    """The error of a status that is no success, filled as far as its body can be read."""
    body = _json(response.content)
    code, message = _code_and_message(body)
    location = response.headers.get("location")
    if response.status_code in _REDIRECT and location is not None:
        message = (
            f"the service redirects to {location[:200]}; redirects are not followed, "
            "they would take the key along"
        )
    request_id = next((response.headers[name] for name in _REQUEST_IDS if name in response.headers), None)
    if message is None:
        message = _start_of(response.content)
    error = errors.status_error_class(response.status_code)
    return error(message, code=code, body=body, request_id=request_id, response=response)


def _code_and_message(body: Any) -> tuple[str | None, str | None]:
    """From the contract's error body, or from one nested in a member `error`."""
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        body = body["error"]
    if not isinstance(body, dict):
        return None, None
    code, message = body.get("code"), body.get("message")
    return code if isinstance(code, str) else None, message if isinstance(message, str) else None


def _start_of(content: bytes) -> str:
    """Words for a body that is not the contract's: its first line, short."""
    text = " ".join(content[:400].decode("utf-8", "replace").split())
    return text[:_SHORT] + "..." * (len(text) > _SHORT) if text else "the answer has no body"


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None
