"""What a change means for the check: rules, and the requests that must be refused, added, removed, changed."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path

from tools.contract_diff.documents import ROOT, git

#: Prints the rules of the package that is found first, and what it derives from a contract.
DUMP = """
import json, sys
from pathlib import Path
from comfy_assets import specification
from comfy_assets.contract.rules import RULES
told = {f"rule {one.id}": [one.level, one.title, one.source] for one in RULES.values()}
try:
    from comfy_assets.contract.departures import departures
    contract = specification.load(Path(sys.argv[1]))
    for operation in contract.operations:
        for name, body in operation.request_examples.items():
            if operation.request_schema is None or not isinstance(body, dict):
                continue
            schema = operation.request_schema
            schema = contract.resolve(schema["$ref"]) if "$ref" in schema else schema
            for one in departures(contract, schema, body):
                where = f" of {one.place}" if one.place else ""
                told[f"refused: {one.keyword}{where}"] = []
        for status in operation.responses:
            told[f"answer {status} of {operation.operation_id}"] = []
except Exception as error:
    told["requests that must be refused: not derived"] = [str(error)]
print(json.dumps(told))
"""


def changes(base: str | None, old: Path, new: Path) -> list[str]:
    """A line for each rule that differs; `base` is the revision whose rules count for the old contract."""
    with tempfile.TemporaryDirectory() as folder:
        source = _checkout(base, Path(folder)) if base else ROOT
        before = _dump(source or ROOT, old)
        after = _dump(ROOT, new)
    if before is None or after is None:
        return ["not compared: the rules of one side cannot be read"]
    lines = [f"added    {name}" for name in after if name not in before]
    lines += [f"removed  {name}" for name in before if name not in after]
    lines += [
        f"changed  {name}: {' · '.join(before[name])} -> {' · '.join(after[name])}"
        for name in after
        if name in before and before[name] != after[name]
    ]
    return lines


def _checkout(revision: str, folder: Path) -> Path | None:
    archive = git("archive", "--format=tar", revision, "src", "generated")
    if archive.returncode:
        return None
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as tar:
        tar.extractall(folder, filter="data")
    return folder


def _dump(source: Path, contract: Path) -> dict[str, list[str]] | None:
    start = f"import sys; sys.path[:0] = {[str(source / 'src'), str(source / 'generated')]!r}\n"
    command = [sys.executable, "-B", "-c", start + DUMP, str(contract)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=source)
    try:
        told: dict[str, list[str]] = json.loads(done.stdout)
    except ValueError:
        return None
    return told
