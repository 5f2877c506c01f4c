"""Compares openapi.yaml with another description of its operation.

    tools/contract-compare FILE [--json]

FILE is an OpenAPI document, 3.0 or 3.1, YAML or JSON, with any number of operations; or the reference page,
copied as text. Each difference is a line: the place, what each says, and in brackets whose word it touches
(page, published, inferred). Prose and examples are not compared. Of what the page never shows (other statuses,
patterns, operationId and the like) its silence is no difference. Exit status: 0 they agree, 1 they differ,
2 they could not be compared.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import yaml

from comfy_assets import specification
from comfy_assets.specification import METHODS, ContractFileError, Operation
from tools.contract_compare import page
from tools.contract_compare.facts import Difference, Facts, Reader, differences
from tools.share.twin import twin


class NotComparedError(Exception):
    """There is nothing to compare; the text is one sentence."""


def compare(text: str, name: str) -> list[Difference]:
    """What a description differs in; NotComparedError with its name where it is none of this operation."""
    contract = specification.load()
    (operation,) = contract.operations
    ours = _reader(twin(contract.document))
    ours.operation(operation.path, operation.method.lower())
    ours.facts["operation"] = f"{operation.method} {operation.path}"
    document = _document(text)
    try:
        theirs = page.read(text) if document is None else _facts(document, operation)
    except page.NotAPageError as error:
        raise NotComparedError(
            f"{name} is neither an OpenAPI document nor the reference page as text: {error}"
        ) from None
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise NotComparedError(f"{name} has not the structure of an OpenAPI document: {error}") from None
    silent = _silent_about(theirs) if document is None else _never
    return list(differences(ours.facts, theirs, ours.provenance, silent))


def _document(text: str) -> dict[str, Any] | None:
    """An OpenAPI document; None where it is none."""
    try:
        read = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - a safe loader
    except (yaml.YAMLError, ValueError, RecursionError):
        if re.search(r"^\s*[\"']?openapi[\"']?\s*:", text, re.MULTILINE):
            raise NotComparedError("it begins as an OpenAPI document and is neither YAML nor JSON") from None
        return None
    return read if isinstance(read, dict) and ("openapi" in read or "swagger" in read) else None


def _facts(document: dict[str, Any], operation: Operation) -> Facts:
    version = str(document.get("openapi", document.get("swagger")))
    if not version.startswith(("3.0", "3.1")):
        raise NotComparedError(f"OpenAPI {version} is not read here; 3.0 and 3.1 are")
    path, method = _found(document, operation)
    reader = _reader(twin(document) if version.startswith("3.0") else document)
    reader.operation(path, method)
    return {**reader.facts, "operation": f"{method.upper()} {path}"}


def _reader(document: dict[str, Any]) -> Reader:
    def resolve(reference: str) -> Any:
        node: Any = document
        if not reference.startswith("#/"):
            raise NotComparedError(f"it refers to another document, {reference}: bundle it first")
        for part in reference[2:].split("/"):
            node = node[part.replace("~1", "/").replace("~0", "~")]
        return node

    return Reader(document, resolve)


def _found(document: Mapping[str, Any], operation: Operation) -> tuple[str, str]:
    """The operation by its path and method, else by its id, else alone at its path."""
    paths: Mapping[str, Any] = document.get("paths", {})
    method = operation.method.lower()
    if method in paths.get(operation.path, {}):
        return operation.path, method
    every = [(path, one) for path, item in paths.items() for one in METHODS if one in item]
    named = [
        (path, one) for path, one in every if paths[path][one].get("operationId") == operation.operation_id
    ]
    at_path = [(path, one) for path, one in every if path == operation.path]
    for found in (named, at_path):
        if len(found) == 1:
            return found[0]
    raise NotComparedError(
        f"it has neither {operation.method} {operation.path} nor an operation {operation.operation_id}"
    )


def _never(_place: str) -> bool:
    return False


def _page_is_silent(place: str) -> bool:
    """What the page never shows, wherever it stands."""
    words = place.split(" ")
    return (
        place.startswith(("operation operationId", "operation tags"))
        or place == "request required"
        or words[-1] in {"pattern", "additionalProperties"}
    )


def _silent_about(theirs: Facts) -> Callable[[str], bool]:
    """The page shows one answer; of the others, and of what it never shows, its silence says nothing."""
    shown = {place for place in theirs if re.fullmatch(r"answer \d+", place)}

    def silent(place: str) -> bool:
        if place in theirs:
            return False
        words = place.split(" ")
        other_answer = words[0] == "answer" and " ".join(words[:2]) not in shown
        return other_answer or _page_is_silent(place) or " content " in place or (place == "servers")

    return silent


def main(words: list[str]) -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(
        prog="contract-compare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", metavar="FILE", type=Path)
    parser.add_argument("--json", action="store_true", help="print the differences as a JSON list")
    given = parser.parse_args(words)
    try:
        found = compare(given.file.read_text(encoding="utf-8-sig"), str(given.file))
    except UnicodeDecodeError:
        return _failed(f"{given.file} is not UTF-8")
    except OSError as error:
        return _failed(f"{given.file} cannot be read: {error.strerror}")
    except (NotComparedError, ContractFileError) as error:
        return _failed(f"{given.file}: {error}" if str(given.file) not in str(error) else str(error))
    if given.json:
        print(json.dumps([attrs.asdict(one) for one in found], indent=2, ensure_ascii=False, default=str))
        return 1 if found else 0
    for one in found:
        print(one)
    print(f"{len(found)} differences" if found else "no difference")
    return 1 if found else 0


def _failed(words: str) -> int:
    print(f"contract-compare: error: {words}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
