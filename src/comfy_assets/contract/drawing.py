"""Draws cases in a process of its own, while the planned ones are sent.

Importing hypothesis and schemathesis takes longer than sending everything: on a second core it costs
nothing. What is drawn depends on the facts alone, never on an answer.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from comfy_assets import specification
from comfy_assets.contract.record import Case, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from comfy_assets.contract.facts import Facts

#: Seconds; it takes about three.
LONGEST = 120.0


#: What the other process gets of this one's environment. Hypothesis draws otherwise where CI or pytest have
#: set variables, and the same seed has to give the same cases everywhere.
_KEPT = frozenset({
    "PATH", "HOME", "USERPROFILE", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "LANG", "LD_LIBRARY_PATH",
    "VIRTUAL_ENV", "XDG_CACHE_HOME", "LOCALAPPDATA",
})  # fmt: skip


class DrawingError(RuntimeError):
    """The cases could not be drawn: a mistake of the check or its installation, not of the server."""


def draw(facts: Facts) -> list[Case]:
    """The drawn cases, in this process."""
    from comfy_assets.contract.drawn import drawn_cases
    from comfy_assets.contract.sequences import sequence_cases

    return [*sequence_cases(facts), *drawn_cases(facts)]


@contextmanager
def drawing(facts: Facts, *, wanted: bool) -> Iterator[Callable[[], list[Case]]]:
    """A function that waits for the drawn cases; ends the other process whatever happens."""
    if not wanted or not facts.contents:
        yield list
        return
    child = subprocess.Popen(
        # -P: no module of the folder that somebody happens to be in.
        [sys.executable, "-P", "-m", "comfy_assets.contract.drawing"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(),
    )
    try:
        _tell(child, json.dumps([str(facts.contract.path), Record(facts).to_json()]).encode())
        yield lambda: _received(child)
    finally:
        child.kill()
        child.communicate()


def _tell(child: subprocess.Popen[bytes], said: bytes) -> None:
    stdin, child.stdin = child.stdin, None
    assert stdin is not None
    # Where it has ended already, its exit status says more.
    with suppress(BrokenPipeError), stdin:
        stdin.write(said)


def _environment() -> dict[str, str]:
    """That of this process, with its modules, and a place where they are kept compiled.

    Compiling schemathesis anew takes longer than all the rest of a check.
    """
    environment = {name: value for name, value in os.environ.items() if name in _KEPT}
    environment["PYTHONHASHSEED"] = "0"
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    cache = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    folder = os.path.join(
        cache or os.path.join(os.path.expanduser("~"), ".cache"), "comfy-assets", "bytecode"
    )
    return {"PYTHONPYCACHEPREFIX": folder, **environment}


def _received(child: subprocess.Popen[bytes]) -> list[Case]:
    try:
        said, complaint = child.communicate(timeout=LONGEST)
    except subprocess.TimeoutExpired:
        raise DrawingError(f"no cases were drawn within {LONGEST:g} s") from None
    if child.returncode:
        lines = complaint.decode("utf-8", "replace").strip().splitlines() or ["no reason given"]
        raise DrawingError(f"cases could not be drawn: {lines[-1]}")
    return [Case.from_json(one) for one in json.loads(said)]


def _without_constants_of_modules() -> None:
    """Keep hypothesis from drawing constants that it found in our source code.

    It looks for them in modules outside of `site-packages`: a checkout would send other requests than the
    installed package, and every change of the code would change them. There is no setting for it.
    """
    from hypothesis.internal.conjecture import providers

    providers._get_local_constants = lambda: providers._local_constants  # noqa: SLF001 - as said above


def main() -> None:
    """The other process: facts on stdin, cases on stdout."""
    from pathlib import Path

    _without_constants_of_modules()
    path, record = json.loads(sys.stdin.buffer.read())
    cases = draw(Record.from_json(record, specification.load(Path(path))).facts)
    sys.stdout.write(json.dumps([case.to_json() for case in cases]))


if __name__ == "__main__":
    main()
