"""Contracts by people who mean harm: what is generated is harmless text, or nothing is generated."""

from __future__ import annotations

import ast
import copy
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.generation import support
from tests.generation.support import generate

#: A contract with text of its author in every place that takes some. `{CANARY}` is a file's name.
BENIGN: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "title", "description": "description", "version": "version"},
    "servers": [{"url": "https://shop.example", "description": "server"}],
    "tags": [{"name": "tag", "description": "description"}],
    "security": [{"Key": []}],
    "paths": {
        "/things/{id}": {
            "post": {
                "operationId": "makeThing",
                "summary": "summary",
                "description": "description",
                "tags": ["tag"],
                "parameters": [
                    {"name": "id", "in": "path", "required": True, "description": "description", "schema": {"type": "string"}},
                    {"name": "query", "in": "query", "description": "description", "schema": {"type": "string", "default": "default"}},
                    {"name": "X-Header", "in": "header", "description": "description", "schema": {"type": "string"}},
                    {"name": "cookie", "in": "cookie", "schema": {"type": "string", "enum": ["value"]}},
                ],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}, "example": "example"}}},
                "responses": {"200": {"description": "description", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}},
            }
        }
    },
    "components": {
        "securitySchemes": {"Key": {"type": "apiKey", "in": "header", "name": "X-Key", "description": "description"}},
        "schemas": {
            "Thing": {
                "type": "object",
                "title": "title",
                "description": "description",
                "required": ["required"],
                "properties": {
                    "required": {"type": "string", "title": "title", "description": "description", "example": "example"},
                    "member": {"type": "string", "default": "default"},
                    "matched": {"type": "string", "pattern": "pattern"},
                    "choice": {"type": "string", "enum": ["one", "two"], "default": "one", "title": "title", "description": "description"},
                    "constant": {"enum": ["one", True]},
                    "list": {"type": "array", "items": {"type": "string"}, "default": ["default"], "description": "description"},
                    "map": {"type": "object", "additionalProperties": {"type": "string"}, "default": {"key": "default"}},
                    "anything": {"default": {"key": ["default", 1.5, None]}, "description": "description"},
                    "variant": {"oneOf": [{"type": "string", "title": "title"}, {"type": "object", "title": "variant", "properties": {"inner": {}}}]},
                },
            },
            "Choice": {"type": "string", "title": "title", "description": "description", "enum": ["value"]},
        },
    },
}  # fmt: skip

_CALL = "__import__('os').system('touch {CANARY}')"

#: What stands in for the author's text, all over the contract.
ATTACKS: dict[str, str] = {
    "a closing docstring": '"""\n' + _CALL + '\n"""',
    "a backslash before the quotes": '\\"""\n' + _CALL + '\n"""\\',
    "many quotes": '""""""' + "''''''" + '"' * 7,
    "single quotes": "')\n" + _CALL + "\n('",
    "double quotes": '")\n' + _CALL + '\n("',
    "a new line of code": "x\n\n" + _CALL + "\n#",
    "an indented line of code": "x\n    " + _CALL,
    "other line ends": "x\r" + _CALL + "\r\n" + _CALL + "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029" + _CALL,
    "an expression of Jinja": "{{ " + _CALL + " }}{{ 7 * 7 }}",
    "a statement of Jinja": "{% import 'os' as os %}{% endmacro %}{% endif %}{# ",
    "the end of a Jinja string": '" %}{{ 7 * 7 }}{% set x = "',
    "an f-string": "{" + _CALL + "}{0}%s%(x)s%r",
    "backslashes": "\\",
    "escapes": "\\N{DASH} \\x41 \\u0041 \\U0001F600 \\U zzz \\x \\",
    "control characters": "a\x01\x08\x1b[31m\x7f\x9b",
    "a very long word": "\\" * 301 + "a" * 5000 + '"' * 100 + "\\",
    "a very long line": "word " * 3000,
    "direction marks": "\u202e\u2066 # \u2069\u200f" + _CALL + "\u202c\ufeff",
    "a comment": "# type: ignore # noqa # fmt: off",
    "the text of a template": "{{ literal(value) }}{% raw %}",
    "names of ours": "types",
    "a keyword": "class",
    "nothing": "",
    "only spaces": " \t ",
    "a dunder": "__class__",
    "an address": "http://evil.example/%2e%2e/../",
    "wide letters": "ｃｌａｓｓ ｔｙｐｅｓ",
    "letters that are two": "ﬁeld ĳ",
    "digits of other scripts": "٣٤",
    "names of the package": "../../../evil",
    "code as a list": "[].__class__.__base__.__subclasses__()",
}

Path_ = tuple[str | int, ...]


def _texts(node: Any, path: Path_ = ()) -> Iterator[Path_]:
    """The places in the contract that hold text of its author, member names among them."""
    if isinstance(node, dict):
        for name, member in node.items():
            if path and path[-1] in (
                "properties",
                "paths",
                "schemas",
                "securitySchemes",
                "content",
                "default",
            ):
                yield (*path, name, "<name>")
            yield from _texts(member, (*path, name))
    elif isinstance(node, list):
        for position, item in enumerate(node):
            yield from _texts(item, (*path, position))
    elif isinstance(node, str) and path[-1] not in ("openapi", "type", "in", "$ref"):
        yield path


def _with(document: dict[str, Any], path: Path_, text: str) -> dict[str, Any]:
    found = copy.deepcopy(document)
    is_name = path[-1] == "<name>"
    *steps, last = path[:-1] if is_name else path
    node: Any = found
    for step in steps:
        node = node[step]
    if is_name:
        node[text] = node.pop(last)
    else:
        node[last] = text
    return found


def _takes_any_text(path: Path_) -> bool:
    """Whether any text is allowed in a place, so that one contract can hold the attack in all of these."""
    return path[-1] in ("description", "summary", "title", "example", "version") or _is_value(path)


def _is_value(path: Path_) -> bool:
    is_choice = "choice" in path and path[-1] == "default"
    return path[-2:] in (("enum", 0), ("enum", 1), ("default", 0)) or (
        path[-1] == "default" and not is_choice
    )


#: Attacks for the other places, each of which is attacked alone: names, patterns, paths, addresses, headers.
_FOR_NAMES = (
    "a closing docstring",
    "other line ends",
    "the end of a Jinja string",
    "a keyword",
    "names of ours",
    "a dunder",
    "wide letters",
)  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout, whose generator is asked again and again."""
    return support.copy_checkout(tmp_path_factory.mktemp("hostile") / "checkout")


def _written(folder: Path, contracts: dict[str, dict[str, Any]]) -> dict[str, Path]:
    paths = {name: folder / f"{position}.json" for position, name in enumerate(contracts)}
    for name, contract in contracts.items():
        paths[name].write_text(json.dumps(contract))
    return paths


def _vocabulary(package: Path, twin: Path | None = None) -> set[str]:
    """The kinds of code and the names that a package's own code uses, but for what it defines or assigns.

    Names that follow from the contract (classes, attributes, arguments, modules) are defined somewhere
    in the package. A call, an import or a statement that the benign twin does not have stays. Files that
    are the same in the twin are passed over.
    """
    found: set[str] = set()
    for path in package.rglob("*.py"):
        other = twin / path.relative_to(package) if twin else path
        if twin and other.exists() and other.read_bytes() == path.read_bytes():
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
            if isinstance(node, ast.Call):
                found.add(f"call of {_shape(node.func)}")
            elif isinstance(node, (ast.stmt, ast.expr)) and not isinstance(node, (ast.Name, ast.Attribute)):
                found.add(type(node).__name__)
            if isinstance(node, ast.Import):
                found.update(f"import {name.name}" for name in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.update(f"from {node.module} import {name.name}" for name in node.names)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                found.add(node.id)
    return found


def _shape(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_shape(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else type(node).__name__


def _defined(package: Path) -> set[str]:
    """Names that the package defines: they may stand in its code."""
    found: set[str] = set()
    for path in package.rglob("*.py"):
        found.add(path.stem)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                found.add(node.name)
            elif isinstance(node, ast.arg):
                found.add(node.arg)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                found.add(node.target.id)
    return found


def _assert_harmless(package: Path, benign: Path, canary: Path, text: str) -> None:
    strange = _vocabulary(package) - _vocabulary(benign) - _defined(package)
    assert strange == set(), text
    # Import every module in a process of its own, where nothing may be written.
    code = (
        "import importlib, pathlib, sys\n"
        f"sys.path.insert(0, {str(package.parent)!r})\n"
        f"for path in sorted(pathlib.Path({str(package)!r}).rglob('*.py')):\n"
        f"    name = '.'.join(path.relative_to({str(package.parent)!r}).with_suffix('').parts)\n"
        "    importlib.import_module(name.removesuffix('.__init__'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, (text, done.stderr)
    assert not canary.exists()


def _filled(text: str, canary: Path) -> str:
    return text.replace("{CANARY}", str(canary))


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that every attack tries to make."""
    return tmp_path_factory.mktemp("canary") / "canary"


@pytest.fixture(scope="module")
def alone(canary: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path_, Any, str]]:
    """Each attack for names in each place that takes no text as it is, alone: what prepare.py says of it."""
    places = [path for path in _texts(BENIGN) if not _takes_any_text(path)]
    attacks = {
        f"{name}:{position}": (path, _with(BENIGN, path, _filled(ATTACKS[name], canary)))
        for name in _FOR_NAMES
        for position, path in enumerate(places)
    }
    folder = tmp_path_factory.mktemp("alone")
    answers = support.run_many(
        folder, _written(folder, {name: contract for name, (_, contract) in attacks.items()})
    )
    return {name: (attacks[name][0], *answer) for name, answer in answers.items()}


@pytest.fixture(scope="module")
def together(
    canary: Path, alone: dict[str, tuple[Path_, Any, str]], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, support.Answers]:
    """Each attack in all prose and values at once, and in all other places that took it, generated."""
    contracts = {"benign": BENIGN}
    texts = [_filled(attack, canary) for attack in ATTACKS.values()]
    places = [path for path in _texts(BENIGN) if _takes_any_text(path)]
    # Ten contracts, in which each place gets three attacks of its own and, once, all in one.
    for number in range(10):
        found = BENIGN
        for position, path in enumerate(places):
            mine = texts[(position * 7 + number * 3) % len(texts) :][:3] or texts[:1]
            found = _with(found, path, mine[0] if number < 7 else "\n".join(texts if number == 9 else mine))
        # A default that is no value of its enum is refused.
        choice = found["components"]["schemas"]["Thing"]["properties"]["choice"]
        choice["enum"] = [f"{number}{text}" for number, text in enumerate(choice["enum"])]
        choice["default"] = choice["enum"][0]
        contracts[f"text-{number}"] = found
    for attack in _FOR_NAMES:
        taken = [
            path for name, (path, status, _) in alone.items() if status == 0 and name.startswith(f"{attack}:")
        ]
        found = BENIGN
        # The deepest first: a name that changes takes the way to what is below it along.
        taken.sort(key=lambda path: (-len([step for step in path if step != "<name>"]), "<name>" in path))
        for position, path in enumerate(taken):
            # A number behind it, so that no two names become one; but not behind what must stay as it is.
            suffix = str(position) if "<name>" in path or path[-1] == "name" else ""
            found = _with(found, path, _filled(ATTACKS[attack], canary) + suffix)
        contracts[f"name-{_FOR_NAMES.index(attack)}"] = found
    work, folder = tmp_path_factory.mktemp("work"), tmp_path_factory.mktemp("together")
    return folder, support.run_many(work, _written(work, contracts), output=folder)


def test_every_place_is_attacked() -> None:
    """The benign contract has text in descriptions, names, patterns, enums, defaults, paths, media types, servers, headers."""
    places = list(_texts(BENIGN))
    assert len(places) > 60
    for word in (
        "pattern",
        "enum",
        "default",
        "url",
        "name",
        "operationId",
        "tags",
        "<name>",
        "title",
        "example",
        "summary",
    ):
        assert any(word in path for path in places), word


@pytest.mark.parametrize("attack", _FOR_NAMES)
def test_a_name_is_taken_or_refused_in_one_sentence(
    alone: dict[str, tuple[Path_, Any, str]], attack: str
) -> None:
    """A name, path, address, pattern or header that cannot be kept is refused in one printable line, without a traceback."""
    mine = [answer for name, answer in alone.items() if name.startswith(f"{attack}:")]
    assert len(mine) > 20
    for path, status, said in mine:
        assert status in (0, 2), (path, status, said)
        assert len(said.splitlines()) == (1 if status else 0), said
        assert said.rstrip("\n").isprintable(), said
        assert len(said) < 900


def test_whatever_is_generated_is_harmless(together: tuple[Path, support.Answers], canary: Path) -> None:
    """The code is that of the benign twin but for literals, docstrings and names; nothing is written elsewhere."""
    folder, answers = together
    benign = folder / "benign"
    vocabulary = _vocabulary(benign)
    assert [
        name for name, (status, _) in answers.items() if status != 0 and not name.startswith("name-")
    ] == []
    done = [name for name, (status, _) in answers.items() if status == 0]
    assert len(done) > 11 + len(_FOR_NAMES) / 2, answers
    for name in done:
        package = folder / name
        strange = _vocabulary(package, benign) - vocabulary - _defined(package)
        assert strange == set(), name
        for path in package.rglob("*.py"):
            assert path.resolve().is_relative_to(package.resolve())
            assert path.name.isascii()
    assert not canary.exists()
    assert {path.name for path in folder.iterdir()} <= {*answers}


def test_whatever_is_generated_can_be_imported(together: tuple[Path, support.Answers], canary: Path) -> None:
    """Every package that came of an attack is imported: no warning, no output, no canary, and models that read."""
    folder, answers = together
    names = [name for name, (status, _) in answers.items() if status == 0]
    code = _IMPORT_ALL.format(folder=str(folder), names=names)
    done = subprocess.run(
        [sys.executable, "-B", "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert not canary.exists()


_IMPORT_ALL = """
import importlib, importlib.util, pathlib, sys
for name in {names!r}:
    package = pathlib.Path({folder!r}) / name
    name = name.replace("-", "_")
    specification = importlib.util.spec_from_file_location(name, package / "__init__.py", submodule_search_locations=[str(package)])
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    specification.loader.exec_module(module)
    for path in sorted(package.rglob("*.py")):
        importlib.import_module(".".join([name, *path.relative_to(package).with_suffix("").parts]).removesuffix(".__init__"))
    models = importlib.import_module(name + ".models")
    for model in models.__all__:
        one = getattr(models, model)
        if hasattr(one, "read"):
            one.read({{}}, [])
    # The packages are many and alike.
    for loaded in [loaded for loaded in sys.modules if loaded.split(".")[0] == name]:
        del sys.modules[loaded]
"""


@pytest.mark.parametrize("attack", ["other line ends"])
def test_the_whole_run(place: Path, tmp_path: Path, attack: str) -> None:
    """generate.sh, formatter included, with an attack in all prose, in enums, patterns and defaults: harmless."""
    canary = tmp_path / "canary"
    text = _filled(ATTACKS[attack], canary)
    contract = BENIGN
    for path in _texts(BENIGN):
        if _takes_any_text(path) and path[-2:] != ("enum", 0):
            contract = _with(contract, path, text)
    packages = []
    for name, document in (("benign", BENIGN), ("hostile", contract)):
        (tmp_path / f"{name}.yaml").write_text(json.dumps(document))
        packages.append(support.generated(place, tmp_path / f"{name}.yaml", tmp_path / name))
    _assert_harmless(packages[1], packages[0], canary, text)


def test_the_check_itself_finds_code(place: Path, tmp_path: Path) -> None:
    """The control: with a template that does not escape, the same attack is found, and it runs."""
    broken = support.copy_checkout(tmp_path / "broken")
    template = broken / "overrides" / "templates" / "python.jinja"
    text = template.read_text()
    unescaped = text.replace("{{ text | safe_for_docstring | wordwrap(width) }}", "{{ text }}")
    assert unescaped != text
    template.write_text(unescaped)
    canary = tmp_path / "canary"
    hostile = _with(
        BENIGN,
        ("components", "schemas", "Thing", "description"),
        _filled(ATTACKS["a closing docstring"], canary),
    )
    hostile["components"]["schemas"]["Thing"]["title"] = ""
    for name, document in (("benign", BENIGN), ("hostile", hostile)):
        (tmp_path / f"{name}.yaml").write_text(json.dumps(document))
    benign = support.generated(place, tmp_path / "benign.yaml", tmp_path / "benign")
    done = generate(broken, "--contract", tmp_path / "hostile.yaml", "--output", tmp_path / "hostile")
    assert done.returncode == 0, done.stderr
    with pytest.raises(AssertionError):
        _assert_harmless(tmp_path / "hostile" / support.PACKAGE, benign, canary, "")
