"""The two contracts that are compared: a file, or the contract of a git revision."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from comfy_assets import specification
from comfy_assets.specification import Contract, ContractFileError
from tools.contract_diff.changes import LEVELS, NotJudgedError

ROOT = Path(__file__).parents[2]
NAME = "openapi.yaml"
_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")


def git(*words: str) -> subprocess.CompletedProcess[bytes]:
    """Run git in this repository."""
    return subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, check=False)


def is_revision(base: str) -> bool:
    """Whether this names a commit of the repository; a file of that name goes first."""
    known = (
        not base.startswith("-")
        and git("rev-parse", "--verify", "--quiet", f"{base}^{{commit}}").returncode == 0
    )
    return known and not Path(base).is_file()


def find(base: str, folder: Path) -> Path:
    """The contract's file; that of a revision is written into `folder`."""
    if Path(base).is_file():
        return Path(base)
    if Path(base).is_dir():
        raise NotJudgedError(f"{base} is a folder; name a git revision or a contract's file")
    if not is_revision(base):
        raise NotJudgedError(f"{base!r} is neither a file nor a git revision of this repository")
    shown = git("show", f"{base}:{NAME}")
    if shown.returncode:
        raise NotJudgedError(f"{base} has no {NAME}")
    path = folder / "base.yaml"
    path.write_bytes(shown.stdout)
    return path


def read(path: Path, name: str) -> Contract:
    """A contract, read; NotJudgedError, with the name that the user gave, where it is broken."""
    try:
        contract = specification.load(path)
        for operation in contract.operations:
            schemas = [operation.request_schema, *(one.schema for one in operation.responses.values())]
            for schema in schemas:
                if schema is not None:
                    contract.validator(schema)
    except ContractFileError as error:
        raise NotJudgedError(str(error).replace(str(path), name)) from None
    except (RecursionError, AttributeError, TypeError, KeyError) as error:
        raise NotJudgedError(f"{name}: not the structure of an OpenAPI document: {error}") from None
    if not _VERSION.fullmatch(contract.version):
        raise NotJudgedError(f"{name}: info.version {contract.version!r} is not MAJOR.MINOR.PATCH")
    return contract


def follows(old: str, new: str, demanded: str) -> bool:
    """Whether the new version is raised as far as is demanded, and never lowered."""
    before, after = (tuple(map(int, re.split(r"[-+]", one)[0].split("."))) for one in (old, new))
    if demanded == LEVELS[0]:
        return after >= before
    return after >= tuple(map(int, least(old, demanded).split(".")))


def least(old: str, demanded: str) -> str:
    """The least version that follows."""
    major, minor, patch = map(int, re.split(r"[-+]", old)[0].split("."))
    return {
        "major": f"{major + 1}.0.0",
        "minor": f"{major}.{minor + 1}.0",
        "patch": f"{major}.{minor}.{patch + 1}",
        "none": old,
    }[demanded]
