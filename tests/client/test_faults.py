"""Whatever a server does, both clients end in time, with a result or an error of ours that holds no key."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from attrs import evolve

from comfy_assets import RawResponse, errors
from tests.client import fault_calls, fault_server
from tests.client.fault_calls import CASES, Case, Outcome
from tests.client.fault_judge import LATENESS, OURS, judged

OPENSSL = shutil.which("openssl")
WITH_CERTIFICATE = (fault_server.tls, fault_server.tls_for_http)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate that nobody vouches for, and its key."""
    folder = tmp_path_factory.mktemp("certificates")
    if OPENSSL:
        request = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1"
        files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
        extension = ["-addext", "subjectAltName=IP:127.0.0.1"]
        subprocess.run([OPENSSL, *request.split(), *extension, *files], check=True, capture_output=True)
    return folder


def can_run(case: Case) -> bool:
    """Whether this machine has what the fault needs."""
    return bool(OPENSSL) or case.fault.place not in WITH_CERTIFICATE


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, certificates: Path) -> dict[Case, Outcome]:
    """The outcome of every fault that a selected test asks for."""
    wanted = [
        CASES[str(item.callspec.params["case"])]
        for item in request.session.items
        if isinstance(item, pytest.Function)
        and item.originalname == test_fault.__name__
        and item.module is sys.modules[__name__]
    ]
    return fault_calls.meet_all(filter(can_run, wanted), certificates)


@pytest.mark.parametrize("case", CASES)
def test_fault(outcomes: dict[Case, Outcome], case: str) -> None:
    """A fault ends in time, in a result or an error of ours of the right class, with the status and without the key."""
    if not can_run(CASES[case]):
        pytest.skip("needs openssl, to make a certificate")
    wrong = judged(CASES[case], outcomes[CASES[case]])
    assert not wrong, "\n".join([f"{case}:", *wrong])


# --- Would the judge notice? --------------------------------------------------------------------

CASE = CASES["sync, status 404"]
KEY = CASE.key
GOOD = errors.NotFoundError(
    "some words", code="A", body={}, request_id=None, response=RawResponse(404, {}, b"")
)


def _with(**attributes: Any) -> errors.NotFoundError:
    error = errors.NotFoundError("some words", code="A", body={}, request_id=None, response=GOOD.response)
    vars(error).update(attributes)
    return error


class _Unpicklable(errors.NotFoundError):
    """Named as the real one, but of another place."""

    def __reduce__(self) -> Any:
        raise TypeError


_Unpicklable.__name__ = "NotFoundError"


def _raised_in(file: str, error: Exception) -> Exception:
    """An error that comes through a function of that file, which has the key in a variable."""
    names: dict[str, Any] = {}
    exec(compile("def call(key, error):\n    raise error", file, "exec"), names)
    try:
        names["call"](KEY, error)
    except type(error) as raised:
        return raised
    raise AssertionError


def _caused_by(cause: Exception) -> Exception:
    """An error with another one behind it."""
    error = _with()
    error.__cause__ = cause
    return error


NO_ERROR = SimpleNamespace(call=SimpleNamespace(response=RawResponse(200, {}, b"")))

#: What is put into a good outcome, and a word of what the judge says of it.
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no error": ({"error": None, "result": NO_ERROR}, "it gave SimpleNamespace"),
    "another error of ours": ({"error": errors.APITimeoutError("late", cause="")}, "it gave APITimeoutError"),
    "an error of a library": ({"error": ValueError("x")}, "none of ours"),
    "too late": ({"seconds": fault_calls.TIMEOUT + LATENESS + 0.01}, "it took"),
    "another status": ({"error": _with(status_code=400)}, "the status is 400"),
    "a second connection": ({"connections": 2}, "2 times"),
    "another server": ({"elsewhere": 1}, "another server"),
    "key in the text": ({"error": _with(message=f"a{KEY}b")}, "the key is in str"),
    "key, cut, in the text": ({"error": _with(message=f"a{KEY[:8]}...")}, "the key is in str"),
    "key in an attribute": ({"error": _with(body=[KEY])}, "the key is in vars"),
    "key in the bytes": ({"error": _with(response=RawResponse(404, {}, KEY.encode()))}, "the key is in pickle"),
    "key in a log": ({"said": f"DEBUG {KEY}"}, "the key is in a log"),
    "key in escapes": ({"said": "".join(f"\\u{ord(one):04X}" for one in KEY)}, "the key is in a log"),
    "key in a variable": ({"error": _raised_in(f"{OURS[0]}/x.py", _with())}, "the key is in the traceback"),
    "key in a cause": ({"error": _caused_by(ValueError(KEY))}, "the key is in the traceback"),
    "no pickle": ({"error": _Unpicklable("x", code="", body="", request_id="", response=GOOD.response)}, "pickled"),
}  # fmt: skip


def test_good_outcome_passes() -> None:
    """The control: an outcome without a fault is found right."""
    assert judged(CASE, Outcome(error=GOOD, seconds=0.1, connections=1)) == []


def test_variables_of_others_are_theirs() -> None:
    """A variable of a library's frame, which cannot be helped, is not held against us."""
    assert judged(CASE, Outcome(error=_raised_in("/library/x.py", _with()), connections=1)) == []


@pytest.mark.parametrize(("change", "said"), WRONG.values(), ids=WRONG)
def test_judge_notices(change: dict[str, Any], said: str) -> None:
    """Each thing that an outcome may get wrong is found, by name."""
    good = Outcome(error=GOOD, seconds=0.1, connections=1)
    assert any(said in one for one in judged(CASE, evolve(good, **change)))


def test_everything_is_overheard() -> None:
    """What any logger, `warnings`, Python or the system writes comes to the judge's ears."""
    with fault_calls.overheard() as said:
        logging.getLogger("some.library").debug("%s", "first")
        warnings.warn("second", stacklevel=1)
        print("third")
        os.write(2, b"fourth")
    for word in ("first", "second", "third", "fourth"):
        assert word in said()


def test_memory_is_limited() -> None:
    """A fault that makes a client take too much memory ends in a MemoryError."""
    with fault_calls.limited_memory(), pytest.raises(MemoryError):
        bytearray(2 * fault_calls.MEMORY)
