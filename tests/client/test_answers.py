"""What a success becomes: as the contract has it, deviating, unreadable."""

from __future__ import annotations

import copy
import json
import pickle
import warnings
from typing import Any

import pytest
from comfy_assets_api.errors import Problem

from comfy_assets import UNSET, DriftWarning, errors
from tests.client.conftest import Call
from tests.support import BODY, CREATED, HASH, answer, scripted


def test_created_and_existing(call: Call) -> None:
    """201 with `created_new` is created by this call, 200 without is not; absent members are UNSET."""
    for status, created in ((201, True), (200, False)):
        with scripted(answer(status, {**BODY, "created_new": created})) as server:
            asset = call(server.url)
        assert asset.created_new is created
        assert asset.call.created_by_this_call is created
        assert asset.call.drift == ()
        assert asset.call.response.status_code == status
        assert json.loads(asset.call.response.content) == asset.to_dict()
        assert asset.preview_id is UNSET


def test_result_survives_copies(call: Call) -> None:
    """A result comes through pickle and deepcopy as it was, `call` included."""
    with scripted(answer(201, {**BODY, "further": {"member": 1}})) as server:
        asset = call(server.url)
    for other in (pickle.loads(pickle.dumps(asset)), copy.deepcopy(asset), copy.copy(asset)):
        assert other == asset
        assert other.call == asset.call
        assert other.to_dict() == {**BODY, "further": {"member": 1}}
        assert other.tags is UNSET


UNREADABLE = {
    "no JSON": b"<html>",
    "empty": b"",
    "a list": b"[]",
    "no id": {name: value for name, value in BODY.items() if name != "id"},
    "id is no uuid": {**BODY, "id": "asset-17"},
    "size is text": {**BODY, "size": "123"},
    "size is a boolean": {**BODY, "size": True},
    "created_new is null": {**BODY, "created_new": None},
    "created_at is a number": {**BODY, "created_at": 1699335116},
    "created_at is no time": {**BODY, "created_at": "yesterday"},
    "created_at has no offset that is one": {**BODY, "created_at": "2023-11-07T05:31:56+05:30:00"},
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_unreadable_success(call: Call, body: Any) -> None:
    """A success whose required members cannot be read keeps its status, its body and what is wrong with it."""
    said = answer(201, body, headers="X-Request-Id: r-17\r\n")
    with scripted(said) as server, pytest.raises(errors.ContractError) as caught:
        call(server.url)
    assert caught.value.status_code == 201
    assert caught.value.request_id == "r-17"
    assert caught.value.body == (body if isinstance(body, dict) else [] if body == b"[]" else None)
    assert [attempt.outcome for attempt in caught.value.attempts] == ["answered"]
    assert caught.value.problems
    assert "a success" in str(caught.value)
    assert caught.value.response.content == (body if isinstance(body, bytes) else json.dumps(body).encode())


#: A deviation, and what is kept: changed members → place, and attribute with value.
DRIFT: dict[str, tuple[dict[str, Any], tuple[str, ...], str, Any]] = {
    "null for an optional member": ({"mime_type": None}, ("mime_type",), "mime_type", UNSET),
    "optional member of another type": ({"tags": "a,b"}, ("tags",), "tags", UNSET),
    "relative preview": ({"preview_url": "/view?a"}, ("preview_url",), "preview_url", "/view?a"),
    "hash without prefix": ({"asset_hash": "ab.png"}, ("asset_hash",), "asset_hash", "ab.png"),
    "trailing newline": ({"asset_hash": HASH + "\n"}, ("asset_hash",), "asset_hash", HASH + "\n"),
    "size with a fraction": ({"size": 123.0}, ("size",), "size", 123),
    "size beyond 64 bits": ({"size": 1 << 63}, ("size",), "size", 1 << 63),
}


@pytest.mark.parametrize(("change", "place", "attribute", "kept"), DRIFT.values(), ids=DRIFT)
def test_drift_is_told_and_survived(
    call: Call, change: dict[str, Any], place: tuple[str, ...], attribute: str, kept: Any
) -> None:
    """An answer that deviates but can be read is kept; the deviation is told once, raised, or only kept as data."""
    with scripted(answer(201, {**BODY, **change})) as server:
        with pytest.warns(DriftWarning) as told:
            asset = call(server.url)
        with warnings.catch_warnings(action="error"):
            ignored = call(server.url, options={"on_drift": "ignore"})
        with pytest.raises(errors.ContractError, match=place[0]):
            call(server.url, options={"on_drift": "raise"})
    assert [problem.place for problem in asset.call.drift] == [place]
    assert len(told) == 1
    assert getattr(asset, attribute) == kept
    assert ignored.call.drift == asset.call.drift


def test_drift_that_is_raised(call: Call) -> None:
    """The error says that it is a success that deviates, and how."""
    with (
        scripted(answer(201, {**BODY, "mime_type": None})) as server,
        pytest.raises(errors.ContractError) as told,
    ):
        call(server.url, options={"on_drift": "raise"})
    words = (
        "the service answered 201, which deviates from the contract: mime_type: expected a string, got null"
    )
    assert str(told.value) == words


def test_number_of_too_many_digits(call: Call) -> None:
    """An integer that Python does not read costs that number, not the registration."""
    body = json.dumps({**BODY, "user_metadata": {"a": 1, "b": 0}}).replace('"b": 0', f'"b": {"9" * 5000}')
    with scripted(answer(201, body.encode())) as server, pytest.warns(DriftWarning, match="user_metadata.b"):
        asset = call(server.url)
    assert asset.user_metadata == {"a": 1, "b": float("inf")}


def test_numbers_that_are_none(call: Call) -> None:
    """`NaN` in the metadata is told and costs no registration; in a required member it cannot be read."""
    body = json.dumps({**BODY, "user_metadata": {"a": 1, "b": float("nan")}, "extra": float("-inf")}).encode()
    with scripted(answer(201, body)) as server, pytest.warns(DriftWarning) as told:
        asset = call(server.url)
    assert len(told) == 2
    assert asset.to_dict()["user_metadata"]["a"] == 1
    assert {problem.place for problem in asset.call.drift} == {("user_metadata", "b"), ("extra",)}
    with (
        scripted(answer(201, {**BODY, "size": float("nan")})) as server,
        pytest.raises(errors.ContractError, match="size: expected an integer, got nan"),
    ):
        call(server.url)


def test_warnings_do_not_fill_the_memory(call: Call) -> None:
    """Of kinds of deviation without end, the first 256 are warned of; the result has them all."""
    body = {**BODY, "user_metadata": {str(number): float("nan") for number in range(257)}}
    with scripted(answer(201, json.dumps(body).encode())) as server, pytest.warns(DriftWarning) as told:
        asset = call(server.url)
    assert (len(told), len(asset.call.drift)) == (256, 257)


def test_every_deviation_is_told_in_one_line(call: Call) -> None:
    """An error about several deviations names them one after the other."""
    with (
        scripted(answer(201, {**BODY, "size": "a", "created_new": None})) as server,
        pytest.raises(errors.ContractError, match=r"got 'a'; created_new: "),
    ):
        call(server.url)


def test_naive_times_read_as_utc(call: Call) -> None:
    """A time without an offset is UTC, and told."""
    with (
        scripted(answer(201, {**BODY, "created_at": "2023-11-07T05:31:56"})) as server,
        pytest.warns(DriftWarning),
    ):
        asset = call(server.url)
    assert asset.created_at == asset.updated_at


@pytest.mark.parametrize(
    "text", ["2023-11-07T05:31:56+0000", "2023-11-07T05:31:56-00", "2023-11-07 05:31:56.000000+00"]
)
def test_offsets_of_other_standards(call: Call, text: str) -> None:
    """A time whose offset is written as ISO 8601 or a database has it is read, and told."""
    with (
        scripted(answer(201, {**BODY, "created_at": text})) as server,
        pytest.warns(DriftWarning, match="created_at"),
    ):
        asset = call(server.url)
    assert asset.created_at == asset.updated_at


@pytest.mark.parametrize(("status", "created"), [(201, False), (200, True)])
def test_contradicting_status_and_created_new(call: Call, status: int, created: bool) -> None:
    """201 with `created_new` false leaves open who created, says so, and keeps what the service sent."""
    with (
        scripted(answer(status, {**BODY, "created_new": created})) as server,
        pytest.warns(DriftWarning, match="created_new"),
    ):
        asset = call(server.url)
    assert asset.created_new is created
    assert asset.call.created_by_this_call is None
    got = f"{str(created).lower()} with {status}"
    assert str(asset.call.drift[0]) == f"created_new: expected true with 201, false with 200, got {got}"
    assert asset.call.drift == (Problem(("created_new",), "status", "true with 201, false with 200", got),)


def test_undocumented_success(call: Call) -> None:
    """A success of another status is read as the contract's, and told."""
    with (
        scripted(answer(202, {**BODY, "created_new": False})) as server,
        pytest.warns(
            DriftWarning,
            match="^the service deviates from the contract: the value: expected 200 or 201, got 202$",
        ),
    ):
        asset = call(server.url)
    assert str(asset.id) == BODY["id"]
    assert asset.call.drift == (Problem((), "status", "200 or 201", "202"),)


def test_success_without_a_media_type(call: Call) -> None:
    """A success that does not say what it is is read as the contract's, and told."""
    with (
        scripted(answer(201, BODY, content_type=None)) as server,
        pytest.warns(DriftWarning),
    ):
        asset = call(server.url)
    assert [str(problem) for problem in asset.call.drift] == [
        "Content-Type: expected application/json, got ''"
    ]


def test_texts_of_headers(call: Call) -> None:
    """UTF-8 where it is that, else a character for each byte; of several with one name, all."""
    said = b"X-A: \xc3\xa9\r\nX-A: \xe9\r\nX-B: b\r\n"
    head, _, body = CREATED.partition(b"\r\n\r\n")
    with scripted(head + b"\r\n" + said + b"\r\n" + body) as server:
        headers = call(server.url).call.response.headers
    assert (headers["x-a"], headers["x-b"]) == ("é, é", "b")
