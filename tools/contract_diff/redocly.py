"""What `redocly diff` says, for callers and, with the documents swapped, for servers."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from attrs import frozen

from comfy_assets.specification import Contract
from tools.contract_diff.changes import NotJudgedError
from tools.npm import run as npm


@frozen
class Opinion:
    """The version step that it demands, and what it objects to: rule, place, message."""

    bump: str
    objections: tuple[tuple[str, str, str], ...]


def opinion(old: Contract, new: Contract) -> Opinion:
    """Its opinion on a change; NotJudgedError where it has none, MissingProgramError where it is not there."""
    npm.install()
    with tempfile.TemporaryDirectory() as folder:
        for name, contract in (("old.yaml", old), ("new.yaml", new)):
            shutil.copyfile(contract.path, Path(folder) / name)
        done = npm.run("redocly", "diff", "old.yaml", "new.yaml", "--format", "json", cwd=Path(folder))
    try:
        told: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        lines = [line for line in done.stderr.splitlines() if line.strip() and "║" not in line]
        raise NotJudgedError("redocly diff failed: " + " ".join(lines)[-300:]) from None
    objections = tuple(
        (verdict["ruleId"], change["path"].replace("~1", "/"), verdict["message"])
        for change in told["changes"]
        for verdict in change["verdicts"]
    )
    return Opinion(told.get("bump") or "none", objections)
