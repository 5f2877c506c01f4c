"""A document of YAML 1.2 as JSON types, with the line of every reference."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import yaml


class ContractFileError(ValueError):
    """The contract cannot be read; the text is one sentence that names the file, the place and the cause."""


#: Plain scalars as YAML 1.2, which OpenAPI asks for, reads them. PyYAML alone follows YAML 1.1,
#: where `no` is false, an unquoted date is a date object and 12:30 is a number.
_WORDS = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")

#: Every reference met: the keys that lead to it, its text, its line.
References = list[tuple[tuple[str, ...], str, int]]


def parse(text: str, where: str) -> tuple[dict[str, Any], References]:
    """A document, and every reference in it. Raises `ContractFileError`."""
    import yaml

    try:
        node = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        cause = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be parsed"
        raise ContractFileError(f"{where}{line}: not YAML: {cause}") from error
    if not isinstance(node, yaml.MappingNode):
        raise ContractFileError(f"{where}: not a mapping, as an OpenAPI document is")
    reader = _NodeReader(where)
    document: dict[str, Any] = reader.value(node, ())
    return document, reader.references


class _NodeReader:
    """Turns YAML nodes into JSON types and notes every `$ref` with its line."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.references: References = []
        self._open: set[int] = set()

    def value(self, node: yaml.Node, place: tuple[str, ...]) -> Any:
        import yaml

        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if id(node) in self._open:
            raise self._error(node, "an alias contains itself")
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, place)
            return [self.value(item, (*place, str(index))) for index, item in enumerate(node.value)]
        finally:
            self._open.discard(id(node))

    def _mapping(self, node: yaml.MappingNode, place: tuple[str, ...]) -> dict[str, Any]:
        import yaml

        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            # A status may stand unquoted as a key: its text counts, as in JSON.
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._error(key_node, "a key must be text")
            key = str(key_node.value)
            if key in result:
                raise self._error(key_node, f"the key {key} stands twice in one mapping")
            value = result[key] = self.value(value_node, (*place, key))
            if key == "$ref" and isinstance(value, str):
                self.references.append((place, value, key_node.start_mark.line + 1))
        return result

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        text = str(node.value)
        if node.style:  # quoted or a block: always text (plain is None, or empty from the C parser)
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.fullmatch(text):
            return int(text)
        if _FLOAT.fullmatch(text):
            return float(text)
        if _NOT_FINITE.fullmatch(text):
            raise self._error(node, f"{text} is a number that JSON does not have")
        return text

    def _error(self, node: yaml.Node, cause: str) -> ContractFileError:
        return ContractFileError(f"{self.where}, line {node.start_mark.line + 1}: {cause}")


def is_literal(place: tuple[str, ...]) -> bool:
    """Whether what stands at this place is data, an example say, in which a `$ref` is only text."""
    before = ("", *place)
    return any(
        (key in {"example", "default", "enum", "value"} or key.startswith("x-"))
        and parent not in {"properties", "schemas"}
        for parent, key in zip(before, place, strict=False)
    )


def resolve(document: dict[str, Any], reference: str, where: str) -> Any:
    """What a reference points to, through others. Raises `ContractFileError`."""
    seen: set[str] = set()
    while True:
        if reference in seen:
            raise ContractFileError(f"{where}: the reference {reference} leads back to itself")
        seen.add(reference)
        target = _pointed_to(document, reference, where)
        if not (isinstance(target, dict) and isinstance(target.get("$ref"), str)):
            return target
        reference = target["$ref"]


def _pointed_to(document: dict[str, Any], reference: str, where: str) -> Any:
    if not reference.startswith("#/"):
        raise ContractFileError(f"{where}: the reference {reference} leads to another document")
    target: Any = document
    for part in reference[2:].split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(target, dict) and key in target:
            target = target[key]
        elif isinstance(target, list) and key.isdecimal() and int(key) < len(target):
            target = target[int(key)]
        else:
            raise ContractFileError(f"{where}: the reference {reference} points to nothing")
    return target
