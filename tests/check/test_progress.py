"""What shows how far a check is: a bar on a terminal, events for programs, nothing where nobody looks."""

from __future__ import annotations

import io
import json
import sys
from types import SimpleNamespace

import pytest

from comfy_assets.cli.check_progress import progress_for
from comfy_assets.cli.output import Output


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("quiet", [False, True])
def test_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch, *, quiet: bool) -> None:
    """It tells the server, how many cases are done, and when findings are seen again; `--quiet` has none."""
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    monkeypatch.setenv("TERM", "xterm")
    with progress_for("http://server.example", Output("check", quiet=quiet)) as step:
        step(3, 40, None)
        step(4, 40, SimpleNamespace(replay=1))
    said = terminal.getvalue()
    assert ("seeing findings again" in said and "4/40" in said) is not quiet
    assert (said == "") is quiet


def test_events_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    """With `--json` an event for every 25 cases."""
    with progress_for("http://server.example", Output("check", as_json=True)) as step:
        for done in range(60):
            step(done + 1, 60, None)
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(event["type"], event["done"], event["total"]) for event in events] == [
        ("progress", 25, 60), ("progress", 50, 60),
    ]  # fmt: skip
