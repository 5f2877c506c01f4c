"""From an answer to what the caller gets: a pure decision, shared by the sync and the async client."""

from __future__ import annotations

import codecs
import json
import warnings
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Literal

from attrs import define, field, frozen
from comfy_assets_api import models, types
from comfy_assets_api.api.asset import create_asset_from_hash as operation
from comfy_assets_api.errors import Problem

from comfy_assets import errors
from comfy_assets.calls import told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from comfy_assets.exchanges import Exchange, Failure, RawResponse
    from comfy_assets.retrying import Attempt

OnDrift = Literal["warn", "raise", "ignore"]
ON_DRIFT: Final[tuple[OnDrift, ...]] = ("warn", "raise", "ignore")

#: Statuses by their class (RFC 9110, section 15).
_SUCCESS: Final = range(200, 300)
_REDIRECT: Final = range(300, 400)

#: Characters of a body that are shown where it is not the contract's.
_SHORT: Final = 120

#: Bytes of an error body that is read; the contract's has two short texts.
_LARGEST_BODY: Final = 1 << 18
#: How deep an error body may nest; the contract's has one level.
_DEEPEST: Final = 100

#: Headers in which services number their requests.
_REQUEST_IDS: Final = ("x-request-id", "request-id", "x-correlation-id")

#: Kinds of deviation that one client warns of at most: a service must not be able to fill the memory.
_MOST_KINDS: Final = 256


@frozen
class Call:
    """How a success came about.

    Attributes:
        attempts: what each attempt did; the last one succeeded.
        drift: each deviation of the answer from the contract, with rule, place, expected and got.
        response: the answer as it came.
        created_by_this_call: whether this call made the reference. None where that is unknown: an earlier
            attempt may have made it, or the answer contradicts itself (201 with `created_new` false, or
            200 with true).
    """

    attempts: tuple[Attempt, ...]
    drift: tuple[Problem, ...]
    response: RawResponse
    created_by_this_call: bool | None


@define
class AssetCreated(models.AssetCreated):
    """A reference to stored content: the contract's success body, and `call`, how it came about."""

    call: Call = field(kw_only=True, eq=False, repr=False)


class DriftWarning(UserWarning):
    """A service deviates from the contract in a way that leaves its answer readable."""


@frozen
class DriftPolicy:
    """What to do about an answer that deviates and can be read.

    `hook` is called with each deviation. Warnings come once for each kind of deviation, which is its
    rule and its place, positions aside; `seen` holds the kinds.
    """

    on_drift: OnDrift = "warn"
    hook: Callable[[Problem], object] | None = None
    seen: set[tuple[str, ...]] = field(factory=set)

    def tell(self, problems: Sequence[Problem]) -> None:
        """Count and warn; raising is the caller's."""
        for problem in problems:
            told(self.hook, problem)
            kind = (problem.rule, *(step for step in problem.place if isinstance(step, str)))
            if self.on_drift == "warn" and kind not in self.seen and len(self.seen) < _MOST_KINDS:
                self.seen.add(kind)
                words = f"the service deviates from the contract: {problem}"
                # The caller's line: past this, conclude, _conclude and the operation.
                warnings.warn(words, DriftWarning, stacklevel=5)


def conclude(
    exchange: Exchange, attempts: Sequence[Attempt], base_url: str, policy: DriftPolicy
) -> AssetCreated:
    """What a call gives its caller, from the last exchange.

    Raises APIConnectionError where no whole answer came, APIStatusError for a status that is no
    success, ContractError for a success that cannot be read or, with `on_drift="raise"`, deviates.
    """
    response, failure = exchange.response, exchange.failure
    if response is not None and response.status_code not in _SUCCESS:
        # The status survives, however much of the body came.
        raise _status_error(response, attempts)
    if response is None or (failure is not None and failure.kind != "too_large"):
        raise _connection_error(response, failure, attempts, base_url)
    problems: list[Problem] = []
    if failure is not None:
        problems.append(Problem((), "content", "an answer of bearable size", failure.cause))
    read = None if failure is not None else _read(response, problems)
    if read is None:
        raise _contract_error("a success, but it cannot be read", problems, response, attempts)
    created = _created(read, response, attempts, problems)
    policy.tell(problems)
    if problems and policy.on_drift == "raise":
        raise _contract_error("which deviates from the contract", problems, response, attempts)
    return _with_call(read, Call(tuple(attempts), tuple(problems), response, created))


def _read(response: RawResponse, problems: list[Problem]) -> models.AssetCreated | None:
    """The success body; None where it cannot be read."""
    content_type, content = response.headers.get("content-type", ""), response.content
    parsed, found = types.read_answer(response.status_code, content_type, content, operation.ANSWERS)
    if parsed is None and not found:
        # A success of another status than the documented ones: read it as one of those.
        documented = [one for one in operation.ANSWERS if one.first in _SUCCESS]
        expected = " or ".join(str(one.first) for one in documented)
        problems.append(Problem((), "status", expected, str(response.status_code)))
        parsed, found = types.read_answer(documented[0].first, content_type, content, documented)
    problems.extend(found)
    return parsed if isinstance(parsed, models.AssetCreated) else None


def _created(
    read: models.AssetCreated, response: RawResponse, attempts: Sequence[Attempt], problems: list[Problem]
) -> bool | None:
    """Whether this call made the reference."""
    status = response.status_code
    # The contract's words: 201 exactly with `created_new` true.
    if read.created_new is not (status == HTTPStatus.CREATED):
        got = f"{str(read.created_new).lower()} with {status}"
        problems.append(Problem(("created_new",), "status", "true with 201, false with 200", got))
        return None
    if not read.created_new and any(attempt.outcome == "unknown" for attempt in attempts):
        return None
    return read.created_new


#: The attributes of a success.
_ATTRIBUTES: Final = (*(name for name, _ in types.members(models.AssetCreated)), "additional_properties")


def _with_call(read: models.AssetCreated, call: Call) -> AssetCreated:
    # Unchecked: a deviating value was told, and is kept.
    values = {name: getattr(read, name) for name in _ATTRIBUTES}
    return AssetCreated.unchecked({**values, "call": call})


def _contract_error(
    words: str, problems: Sequence[Problem], response: RawResponse, attempts: Sequence[Attempt]
) -> errors.ContractError:
    return errors.ContractError(
        f"the service answered {response.status_code}, {words}: {_joined(problems)}",
        problems=problems,
        response=response,
        body=_json(response.content),
        request_id=_request_id(response),
        attempts=attempts,
    )


def _connection_error(
    response: RawResponse | None, failure: Failure | None, attempts: Sequence[Attempt], base_url: str
) -> errors.APIConnectionError:
    assert failure is not None  # an exchange has an answer or a failure
    if response is None:
        too_late = f"{base_url} did not answer in time"
        broken = f"no answer from {base_url} ({failure.cause})"
    else:
        begun = f"the answer of {base_url}, which began with {response.status_code},"
        too_late, broken = f"{begun} did not end in time", f"{begun} broke off ({failure.cause})"
    if failure.kind == "timeout":
        return errors.APITimeoutError(too_late, cause=failure.cause, response=response, attempts=attempts)
    return errors.APIConnectionError(broken, cause=failure.cause, response=response, attempts=attempts)


def _joined(problems: Sequence[Problem]) -> str:
    return "; ".join(map(str, problems))


def _status_error(response: RawResponse, attempts: Sequence[Attempt]) -> errors.APIStatusError:
    """The error of a status that is no success, filled as far as its body can be read."""
    body = _json(response.content)
    code, message = _code_and_message(body)
    location = response.headers.get("location")
    if response.status_code in _REDIRECT and location is not None:
        message = (
            f"the service redirects to {location[:200]}; redirects are not followed, "
            "they would take the key along"
        )
    if not message:
        message = _start_of(response.content)
    error = errors.status_error_class(response.status_code)
    return error(
        message,
        code=code,
        body=body,
        request_id=_request_id(response),
        response=response,
        attempts=attempts,
    )


def _request_id(response: RawResponse) -> str | None:
    return next((response.headers[name] for name in _REQUEST_IDS if name in response.headers), None)


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
    text = " ".join(content[:400].decode(errors="replace").split())
    return text[:_SHORT] + "..." * (len(text) > _SHORT) if text else "the answer has no body"


def _json(content: bytes) -> Any:
    """A body; None where it is no JSON, or too large or deep for an error to carry it about."""
    if len(content) > _LARGEST_BODY:
        return None
    try:
        body = json.loads(content.removeprefix(codecs.BOM_UTF8).decode(), parse_int=_integer)
    except (ValueError, RecursionError):
        return None
    layer = [body]
    for _ in range(_DEEPEST):
        layer = [inner for value in layer for inner in _inside(value)]
        if not layer:
            return body
    return None


def _integer(digits: str) -> float:
    """An integer, also of more digits than Python reads: it must not cost the code and the message."""
    try:
        return int(digits)
    except ValueError:
        return float(digits)


def _inside(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
