"""What the clients send, and what they refuse to send. Each test runs with both."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from comfy_assets_api.models import CreateAssetFromHashRequest

import comfy_assets
from comfy_assets import AssetsClient, errors, hash_file
from tests.client.conftest import KEY, Call
from tests.support import CREATED, HASH, scripted


def test_request_is_what_the_contract_says(call: Call) -> None:
    """Method, path, media type, key header and body are the contract's; nothing else is sent."""
    with scripted(CREATED) as server:
        call(
            server.url, HASH, ["input", "ü"], name="n", mime_type="image/png", user_metadata={"a": [1, None]}
        )
    [request] = server.requests
    assert request.line == "POST /api/assets/from-hash HTTP/1.1"
    assert request.headers["x-api-key"] == KEY
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"].startswith(f"comfy-assets/{comfy_assets.__version__} ")
    assert not {"authorization", "cookie"} & set(request.headers)
    members = {"name": "n", "mime_type": "image/png", "user_metadata": {"a": [1, None]}}
    assert request.json == {"hash": HASH, "tags": ["input", "ü"], **members}


def test_optional_members_are_left_out(call: Call) -> None:
    """What the caller does not give is absent, not null."""
    with scripted(CREATED) as server:
        call(server.url)
    assert server.requests[0].json == {"hash": HASH, "tags": ["input"]}


def test_what_is_sent_beside_the_body(call: Call) -> None:
    """Each header once, and none that nobody asked for; the name of a host without its usual port."""
    with scripted(CREATED) as server:
        call(server.url)
    assert {name: value for name, value in server.requests[0].headers.items() if name != "user-agent"} == {
        "host": server.url.removeprefix("http://"),
        "accept": "application/json",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "content-length": str(len(server.requests[0].body)),
        "x-api-key": KEY,
    }


REFUSED: dict[str, tuple[tuple[Any, ...], dict[str, Any], str]] = {
    "a file name": (
        ("portrait.png", ["a"]),
        {},
        r"got 'portrait.png' \(compute it with .* or `comfy-assets hash PATH`\)$",
    ),
    "bare hex": (("a1" * 32, ["a"]), {}, "compute it with comfy_assets.hash_file"),
    "upper case": ((HASH.upper(), ["a"]), {}, "hash: expected a string that matches"),
    "trailing newline": ((HASH + "\n", ["a"]), {}, "hash: "),
    "bytes": ((HASH.encode(), ["a"]), {}, "hash: expected a string, got a Python bytes"),
    "none": ((None, ["a"]), {}, "hash: expected a string, got null"),
    "no tags": ((HASH, []), {}, "tags: expected at least 1 item, got 0 items"),
    "tags are text": ((HASH, "input"), {}, "tags: expected an array, got 'input'"),
    "tags are none": ((HASH, None), {}, "tags: expected an array, got null"),
    "a tag is a number": ((HASH, ["a", 5]), {}, r"tags\[1\]: expected a string, got 5"),
    "name is a path": ((HASH, ["a"]), {"name": Path("x")}, "name: expected a string"),
    "lone surrogate": ((HASH, ["a"]), {"name": "a\udc80"}, "name: expected a string that UTF-8 can carry"),
    "metadata is a list": (
        (HASH, ["a"]),
        {"user_metadata": [1]},
        "user_metadata: expected an object, got an array of 1",
    ),
    "metadata with NaN": (
        (HASH, ["a"]),
        {"user_metadata": {"x": float("nan")}},
        "user_metadata.x: expected a finite",
    ),
    "metadata with an integer that Python does not write": (
        (HASH, ["a"]),
        {"user_metadata": {"x": [10**5000]}},
        r"user_metadata.x\[0\]: expected an integer that can be written, got an integer of more digits",
    ),
    "metadata with a set": (
        (HASH, ["a"]),
        {"user_metadata": {"x": {1}}},
        "user_metadata.x: expected a JSON value",
    ),
    "metadata with number keys": (
        (HASH, ["a"]),
        {"user_metadata": {"x": {1: 2}}},
        "member names that are strings",
    ),
}


@pytest.mark.parametrize(("arguments", "named", "words"), REFUSED.values(), ids=REFUSED)
def test_bad_requests_are_not_sent(
    call: Call, arguments: tuple[Any, ...], named: dict[str, Any], words: str
) -> None:
    """What breaks the contract is refused with field, limit and value, in one line, before a connection is made."""
    with scripted(CREATED) as server, pytest.raises(errors.InputError, match=words) as caught:
        call(server.url, *arguments, **named)
    assert server.connections == 0
    assert "\n" not in str(caught.value)
    assert caught.value.problems


def test_metadata_of_any_mapping(call: Call) -> None:
    """Metadata may be any mapping, and tags any iterable."""
    with scripted(CREATED) as server:
        call(server.url, HASH, (tag for tag in ["a"]), user_metadata=MappingProxyType({"a": 1}))
    assert server.requests[0].json == {"hash": HASH, "tags": ["a"], "user_metadata": {"a": 1}}


def test_metadata_that_holds_itself(call: Call) -> None:
    """A value without end is refused, not followed for ever."""
    endless: dict[str, Any] = {}
    endless["self"] = endless
    with scripted(CREATED) as server, pytest.raises(errors.InputError, match="nested at most"):
        call(server.url, HASH, ["a"], user_metadata=endless)


def test_register_describes_the_file(call: Call, tmp_path: Path) -> None:
    """`register` sends the file's hash, its name and the MIME type of its ending; what is given comes first."""
    path = tmp_path / "Küste.png"
    path.write_bytes(b"content")
    with scripted(CREATED) as server:
        call(server.url, path, ["input"], method="register")
        call(
            server.url,
            path,
            ("input",),
            method="register",
            name="other",
            mime_type="a/b",
            algorithm="sha256",
            user_metadata={"a": 1},
        )
    first, second = (request.json for request in server.requests)
    assert first == {
        "hash": hash_file(path),
        "tags": ["input"],
        "name": "Küste.png",
        "mime_type": "image/png",
    }
    assert second == {
        "hash": hash_file(path, "sha256"),
        "tags": ["input"],
        "name": "other",
        "mime_type": "a/b",
        "user_metadata": {"a": 1},
    }


def test_register_a_missing_file(call: Call, tmp_path: Path) -> None:
    """A file that is not there is a FileNotFoundError, and nothing is sent."""
    with scripted(CREATED) as server, pytest.raises(FileNotFoundError):
        call(server.url, tmp_path / "missing", ["input"], method="register")
    assert server.connections == 0


def test_every_member_can_be_given() -> None:
    """A member that the contract's request has, or gets, is an argument of the operation; no other is."""
    given = set(inspect.signature(AssetsClient.create_asset_from_hash).parameters) - {"self"}
    assert given == set(inspect.signature(CreateAssetFromHashRequest).parameters) - {"additional_properties"}
