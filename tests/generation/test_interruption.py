"""Runs that are killed, interrupted, or run twice at once."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import attrs
import pytest

from tests.generation import support
from tests.generation.support import generate

#: Moments to end a run at, in parts of the time that a whole one takes; drawn once, the same for everyone.
_random = random.Random(20261123)
MOMENTS = [
    (number, _random.uniform(0.03, 1.05))
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
    for _ in range(5)
]


@attrs.frozen
class Place:
    """A checkout that is interrupted again and again: two contracts, what each gives, and the seconds that takes."""

    root: Path
    first: str
    second: str
    old: dict[str, bytes]
    new: dict[str, bytes]
    seconds: float

    def reset(self) -> None:
        """As after a run with the first contract, with the second one written since."""
        (self.root / "openapi.yaml").write_text(self.second, encoding="utf-8")
        for name in ("generated", support.PACKAGE):
            shutil.rmtree(self.root / name, ignore_errors=True)
        for name, content in self.old.items():
            path = self.root / "generated" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def generated(self) -> dict[str, bytes]:
        """What generated/ holds."""
        return support.tree(self.root / "generated")

    def assert_mended(self) -> None:
        """The next run gives the new and tidies up, and nothing is left to do."""
        assert generate(self.root).returncode == 0
        assert self.generated() == self.new
        assert support.leftovers(self.root) == []
        assert generate(self.root, "--check").returncode == 0


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A copy of the checkout, and what it gives for two contracts."""
    root = support.copy_checkout(tmp_path_factory.mktemp("interrupted") / "checkout")
    contract = root / "openapi.yaml"
    first = contract.read_text(encoding="utf-8")
    second = first.replace("description: Name under which", "description: The name under which")
    old = support.tree(root / "generated")
    contract.write_text(second, encoding="utf-8")
    started = time.monotonic()
    assert generate(root).returncode == 0
    seconds = time.monotonic() - started
    new = support.tree(root / "generated")
    assert old != new
    return Place(root, first, second, old, new, seconds)


def _ended_after(place: Path, seconds: float, number: int) -> tuple[int, str]:
    running = subprocess.Popen(
        [str(place / "generate.sh")],
        cwd=place,
        env=support.surroundings(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(seconds)
    running.send_signal(number)
    _, said = running.communicate(timeout=60)
    return running.returncode, said


@pytest.mark.parametrize(
    ("number", "moment"),
    # One moment of each signal is for every run, the others for `make test-full`.
    [pytest.param(*one, marks=() if at % 5 == 0 else pytest.mark.nightly) for at, one in enumerate(MOMENTS)],
)
def test_ended_at_any_moment(place: Place, number: signal.Signals, moment: float) -> None:
    """Whenever a run ends, generated/ is the old, the new, or absent; the next run gives the new and tidies up."""
    place.reset()
    status, said = _ended_after(place.root, place.seconds * moment, number)
    if number == signal.SIGKILL:
        assert place.generated() in (place.old, place.new, {})
        place.assert_mended()
    else:
        # The negative one: it came before Python could take it up, and so before anything was done.
        assert status in (0, 128 + number, -number), (status, said)
        assert "Traceback" not in said
        assert len(said.splitlines()) == (1 if status > 0 else 0)
        assert place.generated() in (place.old, place.new), "the swap is not interrupted"
        assert support.leftovers(place.root) == []


#: Run instead of `python`: kills the run just before or after the renames that swap the folders.
_KILLED_AT = """
import os, runpy, signal, sys
real, calls = os.rename, []
def rename(source, target):
    calls.append(source)
    if len(calls) == {before}: os.kill(os.getpid(), signal.SIG{name})
    real(source, target)
    if len(calls) == {after}: os.kill(os.getpid(), signal.SIG{name})
os.rename = rename
sys.argv = ["generate"]
runpy.run_path({main!r}, run_name="__main__")
"""


@pytest.mark.parametrize(
    ("name", "before", "after", "is_gone"),
    [
        ("KILL", 1, 0, False),
        ("KILL", 0, 1, True),
        ("KILL", 0, 2, False),
        ("TERM", 0, 1, False),
        ("INT", 2, 0, False),
    ],
)
def test_ended_during_the_swap(place: Place, name: str, before: int, after: int, is_gone: bool) -> None:
    """Killed between the two renames, generated/ is absent and the next run mends it; other signals wait for the swap."""
    place.reset()
    main = str(place.root / "tools" / "generate" / "__main__.py")
    code = _KILLED_AT.format(before=before, after=after, name=name, main=main)
    done = subprocess.run(
        [support.python(), "-I", "-S", "-B", "-c", code],
        cwd=place.root,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    found = place.generated()
    if name == "KILL":
        assert done.returncode == -signal.SIGKILL
        assert found == ({} if is_gone else place.old if before == 1 else place.new)
        place.assert_mended()
    else:
        assert found == place.new
        assert done.returncode == 128 + getattr(signal, f"SIG{name}")
        assert "Traceback" not in done.stderr


def test_two_runs_at_once(place: Place) -> None:
    """Three runs at once all end with 0, and leave what one of them would have."""
    place.reset()
    running = [
        subprocess.Popen(
            [str(place.root / "generate.sh")],
            cwd=place.root,
            env=support.surroundings(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(3)
    ]
    said = [one.communicate(timeout=100)[1] for one in running]
    assert [(one.returncode, words) for one, words in zip(running, said, strict=True)] == [(0, b"")] * 3
    assert place.generated() == place.new
    assert support.leftovers(place.root) == []


def test_the_next_run_waits_for_what_a_killed_one_left_running(place: Place) -> None:
    """A run is killed while its generator works: that holds the lock, so the next run does not clean up under it."""
    place.reset()
    running = subprocess.Popen([str(place.root / "generate.sh")], cwd=place.root, env=support.surroundings())
    while running.poll() is None and not list((place.root / ".cache" / "generate").glob("new-*/generated")):
        time.sleep(0.001)
    running.kill()
    running.wait()
    assert generate(place.root).returncode == 0
    time.sleep(0.3)
    assert support.leftovers(place.root) == []
    assert place.generated() == place.new
