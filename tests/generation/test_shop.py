"""The second contract, shop.yaml: what is generated of it, and that its models hold every limit."""

from __future__ import annotations

import copy
import functools
import os
import pickle
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generation import json_schema, support
from tests.generation.shop_values import LEAST, VALUES

GOLDEN = support.HERE / "golden"

#: Each value of the table: model, member, value, and whether it keeps to the contract.
CASES = [
    (model, member, value, is_good)
    for model, members in VALUES.items()
    for member, values in members.items()
    for is_good, group in zip((True, False), values, strict=True)
    for value in group
]


@pytest.fixture(scope="module")
def validators() -> dict[str, jsonschema_rs.Draft202012Validator]:
    """What judges beside us."""
    return json_schema.validators()


def test_golden(shop_package: Path) -> None:
    """What is generated of shop.yaml is what is committed; `UPDATE_GOLDEN=1 pytest tests/generation` writes it anew."""
    # client.py, errors.py and types.py are the same for each contract but for a few lines, and stand in generated/.
    found = {
        name: text
        for name, text in support.tree(shop_package).items()
        if name not in ("errors.py", "types.py")
    }
    if os.environ.get("UPDATE_GOLDEN"):
        shutil.rmtree(GOLDEN, ignore_errors=True)
        for name, content in found.items():
            # Not `.py`: linters and test collection are to leave them alone.
            path = GOLDEN / f"{name}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    golden = {name.removesuffix(".txt"): content for name, content in support.tree(GOLDEN).items()}
    assert sorted(found) == sorted(golden)
    for name, content in found.items():
        assert content.decode() == golden[name].decode(), name


def test_what_does_not_depend_on_the_contract(shop_package: Path) -> None:
    """errors.py and types.py are the same for every contract."""
    for name in ("errors.py", "types.py"):
        assert (shop_package / name).read_bytes() == (
            support.ROOT / "generated" / support.PACKAGE / name
        ).read_bytes()


def test_types(shop_package: Path, tmp_path: Path) -> None:
    """Mypy --strict finds nothing in the generated packages, ours and the shop's, checked as two packages at once."""
    for name, package in (("ours", support.ROOT / "generated" / support.PACKAGE), ("shop", shop_package)):
        shutil.copytree(package, tmp_path / name)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", os.devnull, "ours", "shop"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout


def test_every_member_is_in_the_table(shop: ModuleType) -> None:
    """No member of the two largest models is left out of the table of values."""
    types = support.submodule(shop, "types")
    for name in ("Order", "Line", "Customer"):
        named = {member.name for _, member in types.members(getattr(support.submodule(shop, "models"), name))}
        assert named == set(VALUES[name])


def _id(case: object) -> str:
    return repr(case)[:40]


@pytest.mark.parametrize(("model", "member", "value", "is_good"), CASES, ids=_id)
def test_a_value_through_from_dict(
    shop: ModuleType,
    validators: dict[str, jsonschema_rs.Draft202012Validator],
    model: str,
    member: str,
    value: Any,
    is_good: bool,
) -> None:
    """from_dict takes what keeps to the contract and names the place of what does not, and so does jsonschema-rs."""
    one = getattr(support.submodule(shop, "models"), model)
    source = {**LEAST[model], member: value}
    assert validators[model].is_valid(source) is is_good
    if is_good:
        read = one.from_dict(source)
        assert _canonical(read.to_dict()) == _canonical(source)
        assert pickle.loads(pickle.dumps(read)) == copy.deepcopy(read) == read
        return
    with pytest.raises(support.submodule(shop, "errors").InvalidValue) as error:
        one.from_dict(source)
    assert {problem.place[0] for problem in error.value.problems} == {member}
    assert all(len(str(problem)) < 500 for problem in error.value.problems)


@pytest.mark.parametrize(("model", "member", "value", "is_good"), CASES, ids=_id)
def test_a_value_through_the_constructor_and_setattr(
    shop: ModuleType, model: str, member: str, value: Any, is_good: bool
) -> None:
    """The constructor and an assignment take and refuse the same values as from_dict."""
    types, errors = support.submodule(shop, "types"), support.submodule(shop, "errors")
    one = getattr(support.submodule(shop, "models"), model)
    named = {member.name: (attribute, member) for attribute, member in types.members(one)}
    if member not in named:
        attribute, value = "additional_properties", {member: _python(one.further, value)}
    else:
        attribute, value = named[member][0], _python(named[member][1].rule, value)
    least = {
        named[name][0]: _python(named[name][1].rule, raw)
        for name, raw in LEAST[model].items()
        if name in named
    }
    object_ = one(**least)
    if is_good:
        assert getattr(one(**{**least, attribute: value}), attribute) == value
        setattr(object_, attribute, value)
        assert list(object_.check()) == []
        return
    with pytest.raises(errors.InvalidValue):
        one(**{**least, attribute: value})
    before = copy.deepcopy(object_)
    with pytest.raises(errors.InvalidValue):
        setattr(object_, attribute, value)
    assert object_ == before


def _python(rule: Any, raw: Any) -> Any:
    """What a caller would give for a JSON value, right or wrong."""
    problems: list[Any] = []
    value = rule.read(raw, (), problems)
    return raw if problems else value


def _canonical(value: Any) -> Any:
    """JSON, uuids and times by meaning."""
    if isinstance(value, dict):
        return {name: _canonical(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    if isinstance(value, str) and len(value) == 36:
        return value.lower()
    if isinstance(value, str) and _TIME.fullmatch(value):
        head, fraction, offset = _TIME.fullmatch(value).groups()  # type: ignore[union-attr] # it matched
        return head.upper(), (fraction or "").rstrip("0."), offset.upper().replace("Z", "+00:00")
    return value


_TIME = re.compile(r"(\d{4}-\d\d-\d\d[Tt][\d:]{8})(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-12, 12), st.integers(-(2**70), 2**70), st.text(max_size=6),
    st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not number.is_integer()),
    st.sampled_from(["red", "good", "AB-1234", "1815-12-10", "2026-11-23T18:00:00Z", "a", "z", "1234"]),
)  # fmt: skip
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)


@functools.cache
def _objects(model: str) -> st.SearchStrategy[dict[str, Any]]:
    """Objects of a model: mostly right, each member from the table or anything at all, some missing."""
    members = {}
    for name in {**LEAST[model], **VALUES.get(model, {})}:
        good, bad = VALUES.get(model, {}).get(name, ([LEAST[model].get(name)], []))
        kinds = [st.sampled_from(good)] * 12 + ([st.sampled_from(bad)] if bad else []) + [_JSON]
        members[name] = st.one_of(kinds)
    required = {name: members.pop(name) for name in LEAST[model] if name in members}
    drawn = st.fixed_dictionaries(required, optional=members)
    # Few optional members at a time, or hardly any object would be right.
    few = st.lists(st.sampled_from(sorted(members) or [""]), max_size=4, unique=True)
    return st.tuples(drawn, few, st.booleans(), _JSON).map(lambda told: _trimmed(model, *told))


def _trimmed(
    model: str, drawn: dict[str, Any], few: list[str], complete: bool, further: Any
) -> dict[str, Any]:
    kept = {name: value for name, value in drawn.items() if name in LEAST[model] or name in few}
    return kept if complete else {**kept, "more": further}


@settings(max_examples=20 * settings().max_examples)
@given(
    data=st.data(),
    model=st.sampled_from(["Order", "Order", "Line", "Customer", "Address", "Part", "Receipt"]),
)
def test_the_same_verdict_as_a_validator(
    shop: ModuleType,
    validators: dict[str, jsonschema_rs.Draft202012Validator],
    data: st.DataObject,
    model: str,
) -> None:
    """from_dict takes an object exactly where jsonschema-rs does; what it takes, it writes back the same."""
    source = data.draw(_objects(model))
    one = getattr(support.submodule(shop, "models"), model)
    problems: list[Any] = []
    before = copy.deepcopy(source)
    read = one.read(source, problems)
    assert validators[model].is_valid(source) is (problems == [] and read is not None), problems
    assert source == before
    if read is not None:
        # Deviating values too: reading never loses what could be read, and writing never raises.
        written = read.to_dict()
        if not problems:
            assert _canonical(written) == _canonical(source)
            assert one.from_dict(written) == read
            assert list(read.check()) == []


@settings(max_examples=4 * settings().max_examples)
@given(source=_JSON)
def test_reading_never_raises(shop: ModuleType, source: Any) -> None:
    """Whatever JSON is read as whatever model: problems, and no exception."""
    models = support.submodule(shop, "models")
    for name in models.__all__:
        one = getattr(models, name)
        if hasattr(one, "read"):
            problems: list[Any] = []
            read = one.read(source, problems)
            assert read is not None or problems


def test_defaults(shop: ModuleType) -> None:
    """A default of the contract is the attribute's; a missing member stays missing when it is read."""
    models, types = support.submodule(shop, "models"), support.submodule(shop, "types")
    read = models.Order.from_dict(LEAST["Order"])
    assert read.priority is read.tags is read.favourite is types.UNSET
    made = models.Order(lines=read.lines, customer=read.customer, placed=read.placed)
    assert (made.priority, made.ratio, made.express) == (5, 0.5, False)
    assert (made.favourite, str(made.opened), made.tags) == (models.Colour.DARK_RED, "2020-02-29", ["new"])
    assert made.tags is not models.Order(lines=read.lines, customer=read.customer, placed=read.placed).tags
    assert models.LineGift(to="x").wrap is models.LineGiftWrap.PAPER


def test_further_members(shop: ModuleType) -> None:
    """Members that the contract does not name survive, keep to its rule for them, and cannot hide a named one."""
    models, errors = support.submodule(shop, "models"), support.submodule(shop, "errors")
    person = models.Person.from_dict({"name": "Ada", "name_": 1, "to_dict": None})
    assert person.additional_properties == {"name_": 1, "to_dict": None}
    assert person.to_dict() == {"name": "Ada", "name_": 1, "to_dict": None}
    wrong: Any
    for wrong in ({"name": "Bob"}, {1: 2}, {"a": object()}, {"a": float("nan")}, {"a": "\ud800"}, [], None):
        with pytest.raises(errors.InvalidValue):
            models.Person(name="Ada", additional_properties=wrong)
        with pytest.raises(errors.InvalidValue):
            person.additional_properties = wrong
    with pytest.raises(errors.InvalidValue):
        models.Address(street="x", additional_properties={"zip": 1})


def test_a_value_that_holds_itself(shop: ModuleType) -> None:
    """A part that is its own part, and parts nested thousands deep, are refused and never a RecursionError."""
    models, errors, types = (support.submodule(shop, name) for name in ("models", "errors", "types"))
    part = models.Part(name="a", parts=[])
    part.parts.append(part)
    with pytest.raises(errors.InvalidValue, match="nests less deep"):
        models.Part(name="b", spare=part)
    operation = types.Body("application/json", types.Object(lambda: models.Part), required=True)
    with pytest.raises(errors.InvalidValue, match="nests less deep"):
        types.request_arguments("POST", "/", body=operation, content=part)
    deep: dict[str, Any] = {"name": "a"}
    for _ in range(5000):
        deep = {"name": "a", "spare": deep}
    with pytest.raises(errors.InvalidValue, match="nests less deep"):
        models.Part.from_dict(deep)
