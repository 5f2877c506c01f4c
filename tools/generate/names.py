"""From the contract's names to Python's: unique, never one that the generated code uses itself.

The generator's own rules (snake case, Pascal case, reserved words) decide; what they leave open is
decided here: names that clash with an import, and two names that become one.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable
from keyword import iskeyword
from typing import Any

from openapi_python_client.strings import ClassName, PythonIdentifier, snake_case
from source import ContractError

#: Before a name that is no identifier, the generator's own default.
PREFIX = "field_"

#: A class and a module become files, whose names have limits.
LONGEST = 120

#: Builtins that the generated code does not use, so that a member may be called `hash` without the
#: underscore that the generator appends.
FREE = frozenset(
    [
        "abs",
        "all",
        "any",
        "dir",
        "filter",
        "format",
        "hash",
        "help",
        "input",
        "iter",
        "len",
        "license",
        "map",
        "max",
        "min",
        "next",
        "open",
        "range",
        "reversed",
        "round",
        "set",
        "slice",
        "sum",
        "vars",
        "zip",
    ]
)
#: What a model's class body and its base class use.
TAKEN_BY_MODELS = frozenset(
    [
        "additional_properties",
        "check",
        "check_further",
        "datetime",
        "define",
        "field",
        "from_dict",
        "further",
        "max_properties",
        "min_properties",
        "models",
        "read",
        "to_dict",
        "types",
    ]
)
#: What the module of an operation uses.
TAKEN_BY_OPERATIONS = frozenset(
    [
        "annotations",
        "asyncio",
        "asyncio_detailed",
        "body",
        "client",
        "errors",
        "models",
        "request_arguments",
        "sync",
        "sync_detailed",
        "types",
    ]
)
#: What the module of a model imports.
TAKEN_CLASSES = frozenset(
    ["Any", "ClassVar", "Final", "IntEnum", "Literal", "Model", "StrEnum", "UNSET", "UUID", "Unset"]
)


def python_names(names: Iterable[str], taken: frozenset[str], place: str) -> dict[str, str]:
    """The Python name of each name of the contract."""
    found = {name: _identifier(name, taken) for name in names}
    # Names that become one, such as `fooBar` and `foo_bar`, keep the contract's own spelling.
    found |= {name: _identifier(name, taken, literally=True) for name in _clashing(found)}
    if clashing := _clashing(found):
        listed = " and ".join(repr(name) for name in clashing)
        raise ContractError(place, f"{listed} would have the same name in Python")
    return found


def _clashing(names: dict[str, str]) -> list[str]:
    taken = Counter(names.values())
    return [name for name, python_name in names.items() if taken[python_name] > 1]


def _identifier(name: str, taken: frozenset[str], *, literally: bool = False) -> str:
    # Python compares identifiers in this normal form, so `class` in wide letters is a keyword to it.
    plain = unicodedata.normalize("NFKC", name)
    found = unicodedata.normalize("NFKC", PythonIdentifier(plain, PREFIX, skip_snake_case=literally))
    if name in FREE and found == name + "_":
        return name
    return found + "_" if found in taken or iskeyword(found) else found


def module_name(name: str, place: str) -> str:
    """The name of an operation's or a tag's module; the same again for that name."""
    found = PythonIdentifier(name, PREFIX)
    if found != name and found != PythonIdentifier(found, PREFIX):
        return module_name(PythonIdentifier(found, PREFIX), place)
    if not found.strip("_") or found == PREFIX or not found.isascii() or len(found) > LONGEST:
        raise ContractError(place, f"{name!r:.60} gives no name for a Python module: use some ASCII letters")
    return str(found)


def class_name(name: str, place: str) -> str:
    """The name of a model's or an enumeration's class; the same again for that name."""
    found = ClassName(name, PREFIX)
    if not found.isascii() or not found.isidentifier() or len(found) > LONGEST:
        raise ContractError(place, f"{name!r:.60} gives no name for a Python class: use some ASCII letters")
    if found in TAKEN_CLASSES:
        found = ClassName(f"{found}Model", PREFIX)
    return found if found == ClassName(found, PREFIX) else class_name(found, place)


def enum_keys(values: list[Any]) -> list[str]:
    """The names of an enumeration's members."""
    keys: list[str] = []
    for position, value in enumerate(values):
        if isinstance(value, int):
            key = f"VALUE_NEGATIVE_{-value}" if value < 0 else f"VALUE_{value}"
        else:
            key = unicodedata.normalize("NFKC", snake_case(value).upper()) if value[:1].isalpha() else ""
        if not (key.isascii() and key.isidentifier()):
            key = f"VALUE_{position}"
        while key in keys:
            key += "_"
        keys.append(key)
    return keys
