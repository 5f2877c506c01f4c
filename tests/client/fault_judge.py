"""Whether the outcome of a fault is right: the error, the time, the status, and no key anywhere."""

from __future__ import annotations

import copy
import os
import pickle
import traceback
from collections.abc import Iterator

import comfy_assets_api

import comfy_assets
from comfy_assets import ComfyAssetsError
from tests.client.fault_calls import TIMEOUT, Case, Outcome, needles
from tests.client.faults import LATE

#: Seconds that an answer may come later than the time limit: the machine may be slow and busy.
LATENESS = 0.75

#: Folders of our own code, of whose frames the local variables are looked at.
OURS = tuple(os.path.dirname(str(package.__file__)) for package in (comfy_assets, comfy_assets_api))


def judged(case: Case, outcome: Outcome) -> list[str]:
    """Everything that is wrong with an outcome; nothing where all is well."""
    return [*_wrong_result(case, outcome), *_wrong_manners(case, outcome), *_leaks(case, outcome)]


def _wrong_result(case: Case, outcome: Outcome) -> Iterator[str]:
    """The class of the result or the error, and the status."""
    kind = type(outcome.result if outcome.error is None else outcome.error).__name__
    # The last of several attempts may be the one that the time limit ends.
    expected = case.fault.expected + (LATE if case.repeats else ())
    if kind not in expected:
        yield f"it gave {kind} ({str(outcome.error)[:150]}), expected {' or '.join(expected)}"
    if outcome.error is not None and not isinstance(outcome.error, ComfyAssetsError):
        yield "the error is none of ours"
    status = status_of(outcome)
    if case.fault.status is not None and status not in (None, case.fault.status):
        yield f"the status is {status}, the server's was {case.fault.status}"


def _wrong_manners(case: Case, outcome: Outcome) -> Iterator[str]:
    """Time and connections."""
    if outcome.seconds > TIMEOUT + LATENESS:
        yield f"it took {outcome.seconds:.1f} s with a time limit of {TIMEOUT} s"
    if outcome.connections > 1 and not case.repeats:
        yield f"it connected {outcome.connections} times, with retries switched off"
    if outcome.elsewhere:
        yield "it connected to another server"


def _leaks(case: Case, outcome: Outcome) -> Iterator[str]:
    """Where the key can be read, among everything that a program may print, store or send."""
    texts = {"a log record, a warning or a stream": outcome.said}
    if outcome.error is not None:
        texts |= texts_of(outcome.error)
    if isinstance(outcome.error, ComfyAssetsError):
        texts["pickle"], unlike = pickled(outcome.error)
        yield from unlike
    for place, text in texts.items():
        for needle in needles(case.key):
            if needle in text:
                yield f"the key is in {place}: {text[max(0, text.index(needle) - 30) :][:80]!r}"


def status_of(outcome: Outcome) -> int | None:
    """The status that the caller gets to see."""
    if outcome.error is None:
        return int(outcome.result.call.response.status_code)
    return getattr(outcome.error, "status_code", None)


def texts_of(error: BaseException) -> dict[str, str]:
    """An error in all ways in which it can be written down."""
    return {
        "str": str(error),
        "repr": repr(error),
        "vars": shown(vars(error)),
        "args": shown(error.args),
        "the traceback with local variables": "\n".join(traced(error)),
    }


def pickled(error: ComfyAssetsError) -> tuple[str, list[str]]:
    """An error as a pickle, and what is wrong where it, or a copy, is another one than the error."""
    try:
        pickle_ = pickle.dumps(error)
        others = {"pickle": pickle.loads(pickle_), "deepcopy": copy.deepcopy(error)}
    except Exception as failure:  # noqa: BLE001 - whatever it is, it must not happen
        return "", [f"it can be pickled or copied no more: {failure!r}"[:150]]
    wrong = [
        f"a {way} changes it"
        for way, other in others.items()
        if (type(other), str(other)) != (type(error), str(error))
    ]
    return pickle_.decode("latin-1"), wrong


def traced(error: BaseException | None) -> Iterator[str]:
    """What a traceback with local variables shows: of all errors in the chain the text, of frames of ours the variables.

    As `TracebackException(capture_locals=True)`, which fails where a library's half-made object has no repr.
    """
    if error is None:
        return
    yield from traceback.format_exception_only(error)
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if frame.f_code.co_filename.startswith(OURS):
            yield from (f"{name} = {shown(value)}" for name, value in frame.f_locals.items())
    grouped = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    for other in (error.__cause__, error.__context__, *grouped):
        yield from traced(other)


def shown(value: object) -> str:
    """The repr of a value, if it has one."""
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001 - of a library's making
        return f"no repr: {error!r}"
