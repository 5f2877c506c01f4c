"""What changes in the signatures of the generated package: names, arguments, types.

Two packages are compared as syntax trees; nothing is imported. Models that go out are weighed as requests,
those that come back as answers. Whether members are listed in another order is told and does not weigh:
models are made with their members named.
"""

from __future__ import annotations

import ast
import hashlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from attrs import define, field

from tools.contract_diff.changes import Change, NotJudgedError

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache" / "contract-diff"
PACKAGE = "comfy_assets_api"


def generated(contract: Path) -> Path:
    """The package that the contract gives, made once for each contract and generator; NotJudgedError if refused."""
    made_from = hashlib.sha256(contract.read_bytes())
    for decides in ("overrides", "tools/generate"):
        for path in sorted((ROOT / decides).rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                made_from.update(path.read_bytes())
    folder = CACHE / made_from.hexdigest()[:24]
    if not (folder / PACKAGE / "py.typed").exists():
        command = [str(ROOT / "generate.sh"), "--contract", str(contract), "--output", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
        if done.returncode:
            said = done.stderr.strip().splitlines() or [f"generate.sh: exit status {done.returncode}"]
            raise NotJudgedError(said[-1].removeprefix("generate.sh: error: "))
    return folder / PACKAGE


@define
class _Class:
    attributes: dict[str, tuple[str, bool]] = field(factory=dict)


@define
class _Package:
    """The public names of a package: functions and classes by module, and which models go which way."""

    functions: dict[str, ast.FunctionDef | ast.AsyncFunctionDef] = field(factory=dict)
    classes: dict[str, _Class] = field(factory=dict)
    modules: set[str] = field(factory=set)
    sent: set[str] = field(factory=set)
    received: set[str] = field(factory=set)


def _read(folder: Path) -> _Package:
    package = _Package()
    for path in sorted(folder.rglob("*.py")):
        module = ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")
        if module in ("types", "errors", "client", "__init__"):
            continue  # the same for every contract
        package.modules.add(module)
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
                package.functions[f"{module}.{node.name}"] = node
            elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                package.classes[f"models.{node.name}"] = _class(node)
    _directions(package)
    return package


def _class(node: ast.ClassDef) -> _Class:
    found = _Class()
    for one in node.body:
        if (
            isinstance(one, ast.AnnAssign)
            and isinstance(one.target, ast.Name)
            and "ClassVar" not in ast.unparse(one.annotation)
        ):
            has_default = isinstance(one.value, ast.Call) and any(
                k.arg in ("default", "factory") for k in one.value.keywords
            )
            found.attributes[one.target.id] = (
                ast.unparse(one.annotation),
                has_default or not isinstance(one.value, ast.Call | None),
            )
        elif isinstance(one, ast.Assign):
            found.attributes |= {
                t.id: ("value", True) for t in one.targets if isinstance(t, ast.Name) and t.id.isupper()
            }
    return found


def _directions(package: _Package) -> None:
    """Which models go out, and which come back, with the models in them."""
    for function in package.functions.values():
        for argument in (*function.args.args, *function.args.kwonlyargs):
            _reach(package, ast.unparse(argument.annotation) if argument.annotation else "", package.sent)
        _reach(package, ast.unparse(function.returns) if function.returns else "", package.received)


def _reach(package: _Package, annotation: str, reached: set[str]) -> None:
    for name in package.classes:
        if name not in reached and name.removeprefix("models.") in _words(annotation):
            reached.add(name)
            for inner, _ in package.classes[name].attributes.values():
                _reach(package, inner, reached)


def _words(annotation: str) -> set[str]:
    return {
        node.id if isinstance(node, ast.Name) else node.attr
        for node in ast.walk(ast.parse(annotation or "None"))
        if isinstance(node, ast.Name | ast.Attribute)
    }


def changes(old: Path, new: Path) -> list[Change]:
    """What changes for Python programs that use the generated package."""
    before, after = _read(old), _read(new)
    return [*_names(before, after), *_classes(before, after), *_functions(before, after)]


def _names(old: _Package, new: _Package) -> Iterator[Change]:
    for kind, one, other in (
        ("class", set(old.classes), set(new.classes)),
        ("function", set(old.functions), set(new.functions)),
    ):
        for name in sorted(one - other):
            yield Change("major", name, f"{kind}-removed", "is gone")
        for name in sorted(other - one):
            yield Change("minor", name, f"{kind}-added", "is new")


def _classes(old: _Package, new: _Package) -> Iterator[Change]:
    for name in sorted(old.classes.keys() & new.classes.keys()):
        is_sent = name in old.sent | new.sent
        is_received = name in old.received | new.received
        before, after = old.classes[name].attributes, new.classes[name].attributes
        for member in sorted(before.keys() - after.keys()):
            yield Change("major", f"{name}.{member}", "member-removed", "is gone")
        for member in sorted(after.keys() - before.keys()):
            level = "minor" if after[member][1] or not is_sent else "major"
            yield Change(level, f"{name}.{member}", "member-added", f"is new: {after[member][0]}")
        for member in sorted(before.keys() & after.keys()):
            if before[member] != after[member]:
                level = _weight(before[member][0], after[member][0], is_sent=is_sent, is_received=is_received)
                if is_sent and before[member][1] and not after[member][1]:
                    level = "major"
                yield Change(
                    level,
                    f"{name}.{member}",
                    "type-changed",
                    f"{before[member][0]} is {after[member][0]} now",
                )
        moved = [one for one in before if one in after] != [one for one in after if one in before]
        if moved and is_sent:
            yield Change(
                "patch", name, "order", "members stand in another order; name them when you make one"
            )


def _functions(old: _Package, new: _Package) -> Iterator[Change]:
    for name in sorted(old.functions.keys() & new.functions.keys()):
        one, other = old.functions[name], new.functions[name]
        before, after = _arguments(one), _arguments(other)
        for argument in sorted(before.keys() - after.keys()):
            yield Change("major", f"{name}({argument})", "argument-removed", "is gone")
        for argument in sorted(after.keys() - before.keys()):
            level = "minor" if after[argument][1] else "major"
            yield Change(level, f"{name}({argument})", "argument-added", f"is new: {after[argument][0]}")
        for argument in sorted(before.keys() & after.keys()):
            if before[argument] != after[argument]:
                level = _weight(before[argument][0], after[argument][0], is_sent=True, is_received=False)
                level = "major" if before[argument][1] and not after[argument][1] else level
                yield Change(
                    level,
                    f"{name}({argument})",
                    "type-changed",
                    f"{before[argument][0]} is {after[argument][0]} now",
                )
        returns = [ast.unparse(each.returns) if each.returns else "" for each in (one, other)]
        if returns[0] != returns[1]:
            # A status that is new brings its body along: added, as the status is.
            grown = _parts(returns[0]) <= _parts(returns[1]) or _parts(returns[1]) <= _parts(returns[0])
            yield Change(
                "minor" if grown else "major", name, "result-changed", f"{returns[0]} is {returns[1]} now"
            )


def _arguments(function: ast.FunctionDef | ast.AsyncFunctionDef) -> dict[str, tuple[str, bool]]:
    arguments = function.args
    padded = [None] * (len(arguments.args) - len(arguments.defaults)) + list(arguments.defaults)
    pairs = [
        *zip(arguments.args, padded, strict=True),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]
    return {
        one.arg: (ast.unparse(one.annotation) if one.annotation else "", default is not None)
        for one, default in pairs
    }


def _parts(annotation: str) -> set[str]:
    """The alternatives of a union; those of `Response[A | B]` are A and B."""
    node = ast.parse(annotation or "None", mode="eval").body
    if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "Response":
        node = node.slice
    found, waiting = set(), [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, ast.BinOp):
            waiting += [one.left, one.right]
        else:
            found.add(ast.unparse(one))
    return found


def _weight(old: str, new: str, *, is_sent: bool, is_received: bool) -> str:
    before, after = _parts(old), _parts(new)
    if before == after:
        return "minor"  # the type is the same, a default came or went
    is_wider, is_narrower = before < after, after < before
    is_safe = (is_wider or not is_sent) and (is_narrower or not is_received) and (is_wider or is_narrower)
    return "minor" if is_safe else "major"
