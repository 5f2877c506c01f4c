"""The tree of errors."""

from __future__ import annotations

import copy
import inspect
import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
from comfy_assets_api.errors import Problem

import comfy_assets
from comfy_assets import errors
from comfy_assets.exchanges import RawResponse
from comfy_assets.retrying import Attempt

RESPONSE = RawResponse(404, {"content-type": "application/json"}, b'{"code": "NOT_FOUND"}')
ATTEMPTS = (
    Attempt(1, "unknown", None, "ReadError: reset", 0.25, None, 0.5),
    Attempt(2, "refused", 404, None, 0.1, stopped_by="error"),
)
EXAMPLES = [
    errors.NotFoundError(
        "gone",
        code="NOT_FOUND",
        body={"code": "NOT_FOUND"},
        request_id="r-1",
        response=RESPONSE,
        attempts=ATTEMPTS,
    ),
    errors.APIConnectionError("no answer", cause="ConnectError: refused", attempts=ATTEMPTS),
    errors.APITimeoutError("too late", cause="ReadTimeout"),
    errors.ContractError(
        "unreadable", problems=[Problem(("id",), "required", "a value", "none")], response=RESPONSE
    ),
    errors.InputError("bad", problems=[Problem(("tags", 0), "type", "a string", "5")]),
]


def all_errors() -> list[type[Exception]]:
    """Every class of the module that is an exception."""
    return [one for one in vars(errors).values() if inspect.isclass(one) and issubclass(one, Exception)]


def drawn(root: type[Exception], prefix: str = "") -> list[str]:
    """The tree of classes as the module draws it."""
    children = [one for one in all_errors() if one.__base__ is root]
    lines = []
    for child in children:
        last = child is children[-1]
        lines.append(f"{prefix}{'└── ' if last else '├── '}{child.__name__}")
        lines.extend(drawn(child, prefix + ("    " if last else "│   ")))
    return lines


def test_tree_is_drawn_as_it_is() -> None:
    """The drawing at the top of the module is the tree that the classes make."""
    tree = "\n".join(["ComfyAssetsError", *drawn(errors.ComfyAssetsError)])
    assert f"\n\n{tree}\n\n" in (errors.__doc__ or "")


def test_all_are_public() -> None:
    """Every error can be imported from the package itself."""
    for one in all_errors():
        assert getattr(comfy_assets, one.__name__) is one
        assert one.__name__ in comfy_assets.__all__


def echoed(error: Exception) -> Exception:
    """Runs in another process."""
    return error


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_survive_copies_and_processes(error: Exception) -> None:
    """An error comes through pickle, deepcopy and a process pool with its class, text and attributes."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        sent = pool.submit(echoed, error).result(60)
    for other in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error), sent):
        assert type(other) is type(error)
        assert str(other) == str(error)
        assert vars(other) == vars(error)


def test_words() -> None:
    """The text of an error has the status, the code where there is one, and how often it was tried if not once."""
    once, twice = ATTEMPTS[1:], ATTEMPTS
    made = {
        "404: gone": errors.NotFoundError("gone", response=RESPONSE),
        "404 NOT_FOUND: gone": errors.NotFoundError(
            "gone", code="NOT_FOUND", response=RESPONSE, attempts=once
        ),
        "404: gone (after 2 attempts)": errors.NotFoundError("gone", response=RESPONSE, attempts=twice),
        "no answer": errors.APIConnectionError("no answer", cause="a", attempts=once),
        "no answer (after 2 attempts)": errors.APIConnectionError("no answer", cause="a", attempts=twice),
    }
    assert {str(error) for error in made.values()} == set(made)


def test_attributes() -> None:
    """Each error has what it was made with, and nothing where that does not apply."""
    asked = Attempt(1, "refused", 429, None, 0.1, retry_after=7.0)
    limited = errors.RateLimitError("slow down", body=[1], response=RESPONSE, attempts=[asked])
    assert (limited.body, limited.retry_after, limited.attempts) == ([1], 7.0, (asked,))
    assert errors.RateLimitError("slow down", response=RESPONSE).retry_after is None
    broken = errors.APIConnectionError("half", cause="ReadError: a", response=RESPONSE)
    assert (broken.cause, broken.response, broken.status_code) == ("ReadError: a", RESPONSE, 404)
    unread = errors.ContractError(
        "what", problems=[], response=RESPONSE, body={}, request_id="r", attempts=ATTEMPTS
    )
    assert (unread.body, unread.request_id, unread.attempts) == ({}, "r", ATTEMPTS)
    bad = errors.InputError("bad")
    assert (bad.status_code, bad.response, bad.attempts, bad.problems) == (None, None, (), ())


def test_every_documented_status_has_a_class_of_its_own() -> None:
    """No status that the contract documents as an error falls to the general class."""
    from comfy_assets import specification

    statuses = [
        int(status)
        for operation in specification.load().operations
        for status in operation.responses
        if int(status) >= 400
    ]
    assert statuses
    classes = [errors.status_error_class(status) for status in statuses]
    assert errors.APIStatusError not in classes
    assert len(set(classes)) == len(classes)
