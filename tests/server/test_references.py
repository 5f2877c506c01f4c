"""What a reference is: the same owner, content and name is the same one, told as it was made."""

from __future__ import annotations

import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from comfy_assets import specification
from comfy_assets.server.process import ServerProcess
from tests.server.asking import FILES, PORTRAIT, Asker, blake3_of, sha256_of

HASH = blake3_of(PORTRAIT)


def test_first_is_created_and_the_next_is_the_same(ask: Asker, name: str) -> None:
    """201 and `created_new` make it; an identical request is 200 and the same reference."""
    request = {"hash": HASH, "tags": ["input"], "name": name}
    first, second = ask.create(request), ask.create(request)
    assert (first.status, first.json["created_new"]) == (201, True)
    assert (second.status, second.json["created_new"]) == (200, False)
    told = {member: value for member, value in first.json.items() if member != "created_new"}
    assert told == {member: value for member, value in second.json.items() if member != "created_new"}


def test_answer_satisfies_the_contract_and_says_what_is_known(ask: Asker, name: str) -> None:
    """The whole answer, member by member."""
    before = datetime.now(UTC)
    answer = ask.create({"hash": HASH, "tags": ["a", "b"], "name": name, "user_metadata": {"a": {"b": [1]}}})
    contract = specification.load()
    response = contract.operation("createAssetFromHash").response(201)
    assert response is not None
    assert response.schema is not None
    assert contract.validator(response.schema).is_valid(answer.json)
    assert answer.headers["content-type"] == "application/json"
    said = answer.json
    created_at = datetime.fromisoformat(said["created_at"])
    assert said["created_at"].endswith("Z")
    assert before - timedelta(seconds=1) < created_at < datetime.now(UTC) + timedelta(seconds=1)
    assert uuid.UUID(said["id"]).version == 4
    assert said == {
        "id": said["id"],
        "name": name,
        "size": len(PORTRAIT),
        "created_at": said["created_at"],
        "updated_at": said["created_at"],
        "created_new": True,
        "asset_hash": HASH,
        "mime_type": "image/png",
        "tags": ["a", "b"],
        "user_metadata": {"a": {"b": [1]}},
        "preview_id": None,
        "prompt_id": None,
        "last_access_time": said["created_at"],
        "is_immutable": False,
    }


def test_stored_reference_is_not_changed_by_a_repeat(ask: Asker, name: str) -> None:
    """Other tags, metadata and type under the same name do not alter what is there."""
    first = ask.create({"hash": HASH, "tags": ["b", "a", "b"], "name": name, "user_metadata": {"v": 1}})
    again = {"hash": HASH, "tags": ["x"], "name": name, "user_metadata": {"v": 2}, "mime_type": "a/b"}
    second = ask.create(again)
    assert second.status == 200
    for member in ("id", "tags", "user_metadata", "mime_type", "created_at", "updated_at"):
        assert second.json[member] == first.json[member]
    assert first.json["tags"] == ["b", "a", "b"]


def test_both_hashes_are_one_content(ask: Asker, name: str) -> None:
    """Asked for by SHA-256 it is the same reference, and the answer has the BLAKE3 hash."""
    by_sha256 = ask.create({"hash": sha256_of(PORTRAIT), "tags": ["a"], "name": name})
    by_blake3 = ask.create({"hash": HASH, "tags": ["a"], "name": name})
    assert by_sha256.json["asset_hash"] == by_blake3.json["asset_hash"] == HASH
    assert (by_blake3.status, by_blake3.json["id"]) == (200, by_sha256.json["id"])


def test_other_name_or_content_is_another_reference(ask: Asker, name: str) -> None:
    """Name and content belong to the identity."""
    answers = [
        ask.create({"hash": HASH, "tags": ["a"], "name": name}),
        ask.create({"hash": HASH, "tags": ["a"], "name": name + "2"}),
        ask.create({"hash": blake3_of(b""), "tags": ["a"], "name": name}),
    ]
    assert [answer.status for answer in answers] == [201, 201, 201]
    assert len({answer.json["id"] for answer in answers}) == 3


def test_owners_do_not_meet(server: ServerProcess, name: str) -> None:
    """Another key makes a reference of its own from the same request."""
    request = {"hash": HASH, "tags": ["a"], "name": name}
    first, second = (Asker(server.url, key).create(request) for key in server.api_keys)
    assert (first.status, second.status) == (201, 201)
    assert first.json["id"] != second.json["id"]


def test_name_defaults_to_the_hash_of_the_content(ask: Asker) -> None:
    """Left out, asked for by its other hash, or given as that very hash: one reference."""
    content = FILES["models/checkpoints/small.safetensors"]
    answers = [
        ask.create({"hash": blake3_of(content), "tags": ["a"]}),
        ask.create({"hash": sha256_of(content), "tags": ["a"]}),
        ask.create({"hash": blake3_of(content), "tags": ["a"], "name": blake3_of(content)}),
    ]
    assert [answer.status for answer in answers] == [201, 200, 200]
    assert {answer.json["name"] for answer in answers} == {blake3_of(content)}
    assert len({answer.json["id"] for answer in answers}) == 1
    assert "mime_type" not in answers[0].json  # nothing is known of .safetensors
    assert answers[0].json["user_metadata"] == {}


def test_empty_file_is_content_too(ask: Asker, name: str) -> None:
    """Its size is 0."""
    assert ask.create({"hash": sha256_of(b""), "tags": ["a"], "name": name}).json["size"] == 0


def test_given_mime_type_counts_before_the_guessed_one(ask: Asker, name: str) -> None:
    """What the request says is kept as it is."""
    answer = ask.create({"hash": HASH, "tags": ["a"], "name": name, "mime_type": "video/mp4"})
    assert answer.json["mime_type"] == "video/mp4"


def test_unknown_content_is_404(ask: Asker) -> None:
    """In the error body, for both kinds of hash."""
    for hash_ in (blake3_of(b"never stored"), sha256_of(b"never stored")):
        answer = ask.create({"hash": hash_, "tags": ["a"]})
        assert (answer.status, answer.json["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    "metadata",
    [
        {"big": 10**400, "negative": -(2**80), "exact": 2**53 + 1},
        {"float": 0.1, "small": 5e-324, "large": 1.7976931348623157e308, "whole": 1.0, "zero": -0.0},
        {"": {"": [[], {}, None, True, False, ""]}},
        {"\u2028": '\x7f\x1b\\"/\ud7ff\ue000\uffff\U0010ffff', "e\u0301": "\u00e9", "__proto__": {}},
    ],
)
def test_metadata_comes_back_exactly(ask: Asker, name: str, metadata: dict[str, Any]) -> None:
    """Numbers of any size, any character, any nesting; also when read from the database."""
    for _ in range(2):
        answer = ask.create({"hash": HASH, "tags": ["a"], "name": name, "user_metadata": metadata})
        assert json.dumps(answer.json["user_metadata"]) == json.dumps(metadata)


def nested(levels: int) -> Any:
    value: Any = 1
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


@pytest.mark.parametrize(
    "members",
    [
        {"name": ""},
        {"name": "n" * 255},
        {"name": "\U0001f600" * 5000},
        {"name": "../etc/passwd"},
        {"name": " \t\r\n\x01\x7f"},
        {"name": "'; DROP TABLE reference; --"},
        {"tags": [f"tag {number}" for number in range(32)]},
        {"tags": [""]},
        {"tags": ["a"] * 2000},
        {"mime_type": ""},
        {"user_metadata": {"deep": nested(97)}},
        {"user_metadata": {"long": "x" * 16384}},
        {"unknown": {"member": 1}, "id": 3},
    ],
    ids=lambda members: next(iter(members)),
)
def test_what_must_be_accepted_is_and_comes_back(ask: Asker, name: str, members: dict[str, Any]) -> None:
    """The limits are above what the contract's users are promised; unknown members are passed over."""
    request = {"hash": HASH, "tags": ["a"], "name": name + str(members)[:50], **members}
    answer = ask.create(request)
    assert answer.status == 201, answer.body
    for member in ("name", "tags", "mime_type", "user_metadata"):
        if member in request:
            assert answer.json[member] == request[member]


def test_content_type_may_have_parameters(ask: Asker, name: str) -> None:
    """The charset that JSON has, and others that mean nothing here."""
    body = json.dumps({"hash": HASH, "tags": ["a"], "name": name}).encode()
    for value in ("application/json; charset=utf-8", 'APPLICATION/JSON;charset="UTF-8"; x=1'):
        assert ask.send(body, headers={"Content-Type": value}).status in {200, 201}


def test_of_many_identical_requests_at_once_one_creates(server: ServerProcess, name: str) -> None:
    """64 threads, five rounds: exactly one 201 each, one id, and nothing else than 200."""
    threads = 64
    start = threading.Barrier(threads)
    ask = Asker(server.url, server.api_keys[0])

    def one(round_: int) -> tuple[int, str]:
        start.wait(10)
        answer = ask.create({"hash": HASH, "tags": ["a"], "name": f"{name} {round_}"})
        return answer.status, answer.json["id"]

    with ThreadPoolExecutor(threads) as pool:
        for round_ in range(5):
            answers = list(pool.map(one, [round_] * threads))
            assert sorted(status for status, _ in answers) == [200] * (threads - 1) + [201]
            assert len({id_ for _, id_ in answers}) == 1
