"""The page about the licences of what an install brings, read from the metadata of what is installed here."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from typing import Any

from packaging.licenses import canonicalize_license_expression
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = "comfy-assets"
#: What the wheel is asked for; the first is the install without extras.
EXTRAS = ("", "server", "postgresql", "check", "cluster")

#: Where something is needed somewhere else only: systems and Pythons that pins are made for.
ELSEWHERE: tuple[dict[str, str], ...] = tuple(
    {"sys_platform": system, "platform_system": name, "os_name": os, "python_version": python, "python_full_version": f"{python}.0"}
    for system, name, os in (("linux", "Linux", "posix"), ("darwin", "Darwin", "posix"), ("win32", "Windows", "nt"))
    for python in ("3.11", "3.12", "3.13")
)  # fmt: skip

#: Of what only other systems or Pythons install, as its own metadata says; held against it where it is installed.
NOT_HERE = {
    "colorama": "BSD-3-Clause",
    "importlib-metadata": "Apache-2.0",
    "lazy-importer": "Apache-2.0",
    "tzdata": "Apache-2.0",
    "zipp": "MIT",
}

#: Licences that older metadata names in words. "BSD" alone leaves open which; the package's own files say it.
IN_WORDS = {
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD": "BSD",
    "BSD License": "BSD",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}

#: What may be among the dependencies of an MIT project without a second thought; a new one is looked at first.
ACCEPTED = {
    "0BSD", "Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "LGPL-3.0-only", "MIT", "MPL-2.0",
    "PSF-2.0", "Unlicense",
}  # fmt: skip

HEAD = """# Licences

This project is under the MIT licence. What `pip install` brings along, by what asks for it; everything is used as it
comes from the index, nothing is copied into this project. Two kinds ask something of whoever passes them on changed:
MPL-2.0 for its own files, and LGPL-3.0 for psycopg, which only the extra `postgresql` brings. Compiled wheels may hold
further libraries, under licences that lie in the wheel; `flask-swagger-ui` holds Swagger UI (Apache-2.0).

| package | licence | asked for by |
|---|---|---|
"""


def licences() -> str:
    """The page. Raises SystemExit where a licence is unknown, or one that nobody has looked at."""
    asked_by: dict[str, list[str]] = {}
    for extra in EXTRAS:
        for name in brought(extra):
            asked_by.setdefault(name, []).append(extra)
    rows = []
    for name, extras in sorted(asked_by.items()):
        by = "the base install" if "" in extras else ", ".join(f"`{extra}`" for extra in extras)
        rows.append(f"| {name} | {accepted(name)} | {by} |\n")
    return HEAD + "".join(rows)


def brought(extra: str) -> set[str]:
    """Everything that an install with this extra may bring, on any system and Python."""
    found: set[str] = set()
    waiting = [(PROJECT, extra)]
    seen = set(waiting)
    while waiting:
        name, wanted = waiting.pop()
        for one in required(name, wanted):
            found.add(canonicalize_name(one.name))
            new = {(canonicalize_name(one.name), each) for each in ("", *one.extras)} - seen
            waiting += new
            seen |= new
    return found


def required(name: str, extra: str) -> Iterator[Requirement]:
    """What a distribution asks for, with or without one of its extras; nothing where it is not installed."""
    try:
        lines = importlib.metadata.requires(name) or []
    except importlib.metadata.PackageNotFoundError:
        return
    for requirement in map(Requirement, lines):
        marker = requirement.marker
        if marker is None or any(marker.evaluate({**place, "extra": extra}) for place in ELSEWHERE):
            yield requirement


def accepted(name: str) -> str:
    """The licence of a package, if it is one that has been looked at."""
    licence = licence_of(name)
    ids = set(licence.replace("(", " ").replace(")", " ").split()) - {"AND", "OR", "WITH"}
    if not licence or ids - ACCEPTED:
        raise SystemExit(
            f"the licence of {name} is {licence or 'unknown'}: may it be a dependency? See tools/docs/licences.py"
        )
    return licence


def licence_of(name: str) -> str:
    """The licence as an SPDX expression, or `BSD`; empty where the metadata does not tell."""
    try:
        metadata: Any = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        return NOT_HERE.get(name, "")
    classified = [
        one.rpartition(" :: ")[2] for one in metadata.get_all("Classifier", []) if one.startswith("License")
    ]
    for said in (metadata["License-Expression"], metadata["License"], *classified):
        if said in IN_WORDS:
            return IN_WORDS[said]
        if said and "\n" not in said:
            try:
                return canonicalize_license_expression(said)
            except ValueError:
                continue
    return ""
