"""Writes dist/contract/: the contract for programs and people that never see this repository.

    python -m tools.share [FOLDER]

The same contract gives the same bytes. Exit status: 0 written, 2 not; without Node.js the page is left out
and named on a developer's machine, and with CI=true that is status 2.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from comfy_assets import specification
from comfy_assets.specification import Contract, ContractFileError
from tools.npm.run import ROOT, MissingProgramError
from tools.share.page import page
from tools.share.twin import twin
from tools.share.vectors import vectors

HERE = Path(__file__).parent
FOLDER = ROOT / "dist" / "contract"
SUMS = "SHA256SUMS"


def files(contract: Contract, *, with_page: bool = True) -> dict[str, bytes]:
    """All files by name, their checksums last; MissingProgramError where redoc cannot be installed."""
    newer = twin(contract.document)
    made = {
        "README.md": (HERE / "README.md").read_text("utf-8").replace("VERSION", contract.version).encode(),
        "openapi-3.0.yaml": contract.path.read_bytes(),
        "openapi-3.0.json": _json(contract.document),
        "openapi-3.1.yaml": _yaml(newer, contract),
        "openapi-3.1.json": _json(newer),
        "vectors.json": _json(vectors(contract)),
        "vectors.schema.json": (HERE / "vectors.schema.json").read_bytes(),
    }
    if with_page:
        made["reference.html"] = page(contract.document).encode("utf-8")
    lines = [f"{hashlib.sha256(made[name]).hexdigest()}  {name}\n" for name in sorted(made)]
    return {**made, SUMS: "".join(lines).encode()}


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode("utf-8")


def _yaml(document: dict[str, Any], contract: Contract) -> bytes:
    head = f"# Derived from openapi-3.0.yaml, version {contract.version}; both mean the same.\n"
    text = yaml.dump(document, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=110)
    return (head + text).encode("utf-8")


class _Plain(yaml.SafeDumper):
    """Without anchors: a reader of the contract has no use for them."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the name is the base's
        return True


def write(made: dict[str, bytes], folder: Path) -> None:
    """Write all files, or none: the folder is made beside and swapped in."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".contract-") as beside:
        new = Path(beside) / "new"
        new.mkdir()
        for name, content in made.items():
            (new / name).write_bytes(content)
        if folder.exists():
            folder.rename(Path(beside) / "old")
        new.rename(folder)


def main(words: list[str]) -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(
        prog="share", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", metavar="FOLDER", nargs="?", type=Path, default=FOLDER)
    folder: Path = parser.parse_args(words).folder
    try:
        if folder.exists() and not _is_ours(folder):
            print(
                f"share: error: {folder} holds other files; name a folder that is new or was written by this",
                file=sys.stderr,
            )
            return 2
        contract = specification.load()
        try:
            made = files(contract)
        except MissingProgramError as error:
            if os.environ.get("CI") == "true":
                raise
            print(f"share: reference.html is left out: {error}", file=sys.stderr)
            made = files(contract, with_page=False)
        write(made, folder)
    except (ContractFileError, MissingProgramError, OSError, ValueError) as error:
        print(f"share: error: {error}", file=sys.stderr)
        return 2
    print(f"contract {contract.version} in {os.path.relpath(folder)}:")
    for name, content in made.items():
        print(f"  {name:<20} {len(content):>9,} bytes")
    return 0


def _is_ours(folder: Path) -> bool:
    return folder.is_dir() and ((folder / SUMS).is_file() or not any(folder.iterdir()))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
