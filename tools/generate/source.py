"""The contract's text: from YAML to JSON types, and from a place in it to its line."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, SequenceNode

#: More values than any contract that people write; aliases of aliases can stand for billions.
MOST_VALUES = 200_000
#: Deeper than any contract that people write, and shallow enough for every recursion here.
DEEPEST = 60


class ContractError(Exception):
    """The contract cannot be used; the text is for whoever wrote it, the place is a JSON pointer."""

    def __init__(self, place: str, text: str) -> None:
        super().__init__(place, text)
        self.place = place
        self.text = text


def load(path: Path) -> dict[str, Any]:
    """The contract as JSON types."""
    document = as_json(_parsed(_text(path)), "#")
    if not isinstance(document, dict):
        raise ContractError("", "it is no OpenAPI document: at the top there must be a mapping")
    version = document.get("openapi")
    if not isinstance(version, str) or not re.fullmatch(r"3\.[01]\.[0-9]+", version):
        said = repr(version) if "openapi" in document else "missing"
        raise ContractError(
            "#/openapi", f"`openapi` must be a version 3.0.x or 3.1.x in quotes, it is {said}"
        )
    _check_kinds(document, "#", dict, ("info", "paths", "components"))
    _check_kinds(document, "#", list, ("servers", "security"))
    components = document.get("components", {})
    _check_kinds(components, "#/components", dict, [name for name in components if not name.startswith("x-")])
    return document


def _check_kinds(node: dict[str, Any], place: str, kind: type, names: Iterable[str]) -> None:
    """What is there must be a mapping or a list, as OpenAPI has it."""
    for name in names:
        if name in node and not isinstance(node[name], kind):
            raise ContractError(
                below(place, name), f"`{name}` must be a {'mapping' if kind is dict else 'list'}"
            )


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ContractError("", f"it cannot be read: {error.strerror}") from None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ContractError("", f"line {line}: byte {error.start} is not UTF-8") from None


def _parsed(text: str) -> Any:
    try:
        return YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        # The first line of a problem says it all; for a key that stands twice, others advise against it.
        raise ContractError(
            "", f"{where}not YAML: {(error.problem or error.context).strip().splitlines()[0]}"
        ) from None
    except (
        YAMLError,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        RecursionError,
        AssertionError,
    ) as error:
        said = str(error).strip() or type(error).__name__
        raise ContractError("", f"not YAML: {said.splitlines()[0]}") from None


def as_json(node: Any, place: str, budget: list[int] | None = None) -> Any:
    """A YAML value as JSON types; ContractError for what JSON or Unicode does not have."""
    budget = [MOST_VALUES] if budget is None else budget
    budget[0] -= 1
    if budget[0] < 0 or place.count("/") > DEEPEST:
        raise ContractError(
            place[:200], "too large or too deep: an alias that holds itself, or aliases of aliases"
        )
    if isinstance(node, dict):
        found: dict[str, Any] = {}
        for key, member in node.items():
            name = _name(key, place)
            if name in found:
                raise ContractError(place, f"the key {name!r} stands here twice")
            found[name] = as_json(member, below(place, name), budget)
        return found
    if isinstance(node, list):
        return [as_json(item, f"{place}/{position}", budget) for position, item in enumerate(node)]
    if isinstance(node, date):
        raise ContractError(
            place, f"{node} is read as a date by YAML, which JSON does not have: put it in quotes"
        )
    if isinstance(node, str):
        return _scalar_text(node, place)
    if (
        node is None
        or isinstance(node, (bool, int))
        or (isinstance(node, float) and abs(node) < float("inf"))
    ):
        return node
    raise ContractError(place, f"{node!r:.60} is a value that JSON does not have: put it in quotes")


def _name(key: Any, place: str) -> str:
    """A key as text: YAML reads `200:` as a number."""
    if isinstance(key, str):
        return _scalar_text(key, place)
    if isinstance(key, int) and not isinstance(key, bool):
        return str(key)
    raise ContractError(place, f"the key {key!r:.60} is not text: put it in quotes")


def _scalar_text(text: str, place: str) -> str:
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ContractError(place, "half a surrogate pair is no text")
    return text


def below(place: str, *names: str) -> str:
    """The JSON pointer to a member."""
    return "/".join([place, *(name.replace("~", "~0").replace("/", "~1") for name in names)])


def steps(pointer: str) -> list[str]:
    """The names in a JSON pointer such as `#/components/schemas/A`."""
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def line_of(path: Path, place: str) -> int | None:
    """The line on which the value at a place begins; None where it cannot be told."""
    try:
        node = YAML(typ="safe", pure=True).compose(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, YAMLError):
        return None
    line = None
    for step in steps(place):
        found = None
        if isinstance(node, MappingNode):
            found = next((pair for pair in node.value if str(pair[0].value) == step), None)
        elif isinstance(node, SequenceNode) and step.isdigit() and int(step) < len(node.value):
            found = (node.value[int(step)], node.value[int(step)])
        if found is None:
            break
        line, node = found[0].start_mark.line + 1, found[1]
    return line
