"""Every error that this package raises on purpose.

ComfyAssetsError
├── APIStatusError
│   ├── BadRequestError
│   ├── AuthenticationError
│   ├── PaymentRequiredError
│   ├── PermissionDeniedError
│   ├── NotFoundError
│   ├── ConflictError
│   ├── UnprocessableEntityError
│   ├── RateLimitError
│   └── InternalServerError
├── APIConnectionError
│   └── APITimeoutError
├── ContractError
└── InputError

Files that cannot be read raise OSError, as `open` does. Errors carry plain data only: they can be
pickled and copied, and never hold a key, a request or an object of the HTTP library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from comfy_assets_api.errors import Problem

    from comfy_assets.exchanges import RawResponse
    from comfy_assets.retrying import Attempt


class ComfyAssetsError(Exception):
    """The root of the tree. Every error has these attributes, empty where they do not apply.

    Attributes:
        message: what happened; of a status, the error body's, as it came. `str(error)` is one line.
        status_code: of the answer, whatever else could be read of it; None where none came.
        code: the error body's `code`; None where there is none that can be read.
        body: the body as JSON; None where it is none.
        request_id: the service's own number for the request, from its headers.
        response: status, headers and bytes as they came.
        attempts: what each attempt of the call did; the last one is the one that is told of here.
        retry_after: seconds that the service asked to wait before the next call.
    """

    message: str
    status_code: int | None = None
    code: str | None = None
    body: Any = None
    request_id: str | None = None
    response: RawResponse | None = None
    attempts: tuple[Attempt, ...] = ()
    retry_after: float | None = None

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __reduce__(self) -> tuple[Any, ...]:
        # Errors with keyword arguments cannot be pickled by way of their constructors.
        return _restored, (type(self), self.args, self.__dict__)


def _restored(cls: type[ComfyAssetsError], args: tuple[Any, ...], state: dict[str, Any]) -> ComfyAssetsError:
    error = cls.__new__(cls)
    error.args = args
    error.__dict__.update(state)
    return error


#: Characters of a service's text that an error shows; `message` and `code` have all of it.
_SHOWN: Final = 500


def _in_one_line(text: str) -> str:
    """A service's text as it can be printed and logged anywhere: one line, no control codes, not endless."""
    line = " ".join(text[: 2 * _SHOWN].split())
    line = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in line)
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}..."


def shortened(value: object) -> str:
    """A wrong value as an error shows it."""
    try:
        shown = repr(value)
    except Exception:  # noqa: BLE001 - a caller's own `__repr__`, or an integer of too many digits
        shown = f"a Python {type(value).__name__}"
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."


def _attempted(attempts: Sequence[Attempt]) -> str:
    """How often it was tried, where that was more than once."""
    return f" (after {len(attempts)} attempts)" if len(attempts) > 1 else ""


class APIStatusError(ComfyAssetsError):
    """The service answered with a status that is no success."""

    status_code: int
    response: RawResponse
    attempts: tuple[Attempt, ...]
    retry_after: float | None

    def __init__(
        self,
        message: str,
        *,
        response: RawResponse,
        code: str | None = None,
        body: Any = None,
        request_id: str | None = None,
        attempts: Sequence[Attempt] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.body = body
        self.request_id = request_id
        self.response = response
        self.status_code = response.status_code
        self.attempts = tuple(attempts)
        self.retry_after = attempts[-1].retry_after if attempts else None

    def __str__(self) -> str:
        code = f" {_in_one_line(self.code)}" if self.code else ""
        return f"{self.status_code}{code}: {_in_one_line(self.message)}{_attempted(self.attempts)}"


class BadRequestError(APIStatusError):
    """400: the service finds the request invalid."""


class AuthenticationError(APIStatusError):
    """401: no key, or none that the service knows."""


class PaymentRequiredError(APIStatusError):
    """402: the account has no credits."""


class PermissionDeniedError(APIStatusError):
    """403: the key may not do this."""


class NotFoundError(APIStatusError):
    """404: the content is unknown, or not yours. Not for ever: it may be uploaded at any time."""


class ConflictError(APIStatusError):
    """409: the request contradicts what is stored."""


class UnprocessableEntityError(APIStatusError):
    """422: the service cannot use the request."""


class RateLimitError(APIStatusError):
    """429: too many requests, or a subscription that is not active."""


class InternalServerError(APIStatusError):
    """5xx: the service failed."""


class APIConnectionError(ComfyAssetsError):
    """No answer came, or it broke off; the last attempt's `outcome` says whether the service may have acted.

    `cause` is the type and the words of the HTTP library's own error. `status_code` and `response` are
    there where a success broke off.
    """

    cause: str
    status_code: int | None
    attempts: tuple[Attempt, ...]

    def __init__(
        self,
        message: str,
        *,
        cause: str,
        response: RawResponse | None = None,
        attempts: Sequence[Attempt] = (),
    ) -> None:
        super().__init__(message)
        self.cause = cause
        self.response = response
        self.status_code = None if response is None else response.status_code
        self.attempts = tuple(attempts)

    def __str__(self) -> str:
        return f"{self.message}{_attempted(self.attempts)}"


class APITimeoutError(APIConnectionError):
    """The time for the call, or for its last attempt, ended before the answer did."""


class ContractError(ComfyAssetsError):
    """The service says that it succeeded, but its answer breaks the contract and cannot be read.

    The reference probably exists. `status_code`, `response` and `problems` (each with place, limit
    and value) say what came.
    """

    status_code: int
    response: RawResponse
    problems: tuple[Problem, ...]
    attempts: tuple[Attempt, ...]

    def __init__(
        self,
        message: str,
        *,
        problems: Sequence[Problem],
        response: RawResponse,
        body: Any = None,
        request_id: str | None = None,
        attempts: Sequence[Attempt] = (),
    ) -> None:
        super().__init__(message)
        self.problems = tuple(problems)
        self.body = body
        self.request_id = request_id
        self.response = response
        self.status_code = response.status_code
        self.attempts = tuple(attempts)


class InputError(ComfyAssetsError):
    """What was given breaks the contract, or cannot be used; nothing was sent.

    `problems` lists each deviation with place, limit and value; it is empty where the contract has
    no say.
    """

    problems: tuple[Problem, ...]

    def __init__(self, message: str, *, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


#: The class of each status that has one of its own.
BY_STATUS: Final[dict[int, type[APIStatusError]]] = {
    400: BadRequestError,
    401: AuthenticationError,
    402: PaymentRequiredError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    422: UnprocessableEntityError,
    429: RateLimitError,
}


def status_error_class(status_code: int) -> type[APIStatusError]:
    """The class for a status that is no success."""
    if status_code in range(500, 600):
        return InternalServerError
    return BY_STATUS.get(status_code, APIStatusError)
