"""The test vectors fit their schema, and our own code passes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from comfy_assets_api.errors import InvalidValue
from comfy_assets_api.models import CreateAssetFromHashRequest

from comfy_assets import AssetsClient, hash_file, specification
from comfy_assets.errors import ComfyAssetsError
from tests.support import ScriptedServer, scripted
from tools.share.vectors import content_of, pattern

CONTRACT = specification.load()


def test_vectors_fit_their_schema(shared: Path, vectors: Any) -> None:
    """They do, names are unique, and a vector without what it needs would be seen."""
    schema = json.loads((shared / "vectors.schema.json").read_text(encoding="utf-8"))
    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True, offline=True)
    validator.validate(vectors)
    for kind in ("requests", "answers"):
        names = [one["name"] for one in vectors[kind]]
        assert len(set(names)) == len(names) > 40
    for kind, member in (("requests", "body"), ("answers", "outcome"), ("hashes", "blake3")):
        without = [{name: one for name, one in each.items() if name != member} for each in vectors[kind]]
        assert not validator.is_valid({**vectors, kind: without})
    assert {one["outcome"] for one in vectors["answers"]} == {"success", "failure", "either"}


def test_requests_are_judged_alike(vectors: Any) -> None:
    """Our models take each valid request and refuse each invalid one, as the contract's schema does."""
    schema = CONTRACT.operation(vectors["operation"]["id"]).request_schema
    assert schema is not None
    for one in vectors["requests"]:
        if one.get("reason", {}).get("rule") == "key":
            continue
        try:
            value = json.loads(content_of(one["body"]).decode("utf-8"), parse_constant=_refuse)
        except ValueError:
            assert one["reason"]["rule"] == "json", one["name"]
            continue
        assert CONTRACT.validator(schema).is_valid(value) is one["valid"], one["name"]
        try:
            CreateAssetFromHashRequest.from_dict(value)
        except InvalidValue:
            taken = False
        else:
            taken = True
        assert taken is one["valid"], one["name"]


def _refuse(word: str) -> None:
    raise ValueError(word)


def test_client_passes_the_answers(vectors: Any) -> None:
    """Our client reaches the outcome of each answer, from a server that speaks nothing but the vectors."""
    asked = json.loads(content_of(vectors["asked"]))
    current: dict[str, Any] = {}
    with (
        scripted(lambda _: _wire(current)) as server,
        AssetsClient("key", server.url, retry=None, on_drift="ignore") as client,
    ):
        for one in vectors["answers"]:
            current.clear()
            current.update(one)
            outcome, id_ = _claimed(client, asked)
            if one["outcome"] == "either":
                assert outcome == "failure" or id_ == one["id"].lower(), one["name"]
            else:
                assert outcome == one["outcome"], one["name"]
                assert id_ == (one["id"].lower() if "id" in one else None), one["name"]
        _looks_right(server, vectors)


def _claimed(client: AssetsClient, asked: dict[str, Any]) -> tuple[str, str | None]:
    try:
        made = client.create_asset_from_hash(**asked)
    except ComfyAssetsError:
        return "failure", None
    return "success", str(made.id)


def _wire(one: dict[str, Any]) -> bytes:
    content = content_of(one["body"])
    lines = [f"HTTP/1.1 {one['status']} X", *(f"{name}: {value}" for name, value in one["headers"])]
    if one["status"] != 204:
        lines.append(f"Content-Length: {len(content)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + content


def _looks_right(server: ScriptedServer, vectors: Any) -> None:
    operation = vectors["operation"]
    for request in server.requests:
        assert request.line.split()[:2] == [operation["method"], operation["path"]]
        assert request.headers[operation["key_header"].lower()] == "key"
        assert request.json == json.loads(content_of(vectors["asked"]))


#: Of BLAKE3's own test vectors (test_vectors.json of its repository), and of FIPS 180-4's empty message.
KNOWN = {
    0: "blake3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
    1: "blake3:2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213",
    1024: "blake3:42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7",
}


def test_hashes(vectors: Any, tmp_path: Path) -> None:
    """`hash_file` passes them for real files; they hold the empty content and one above a mebibyte."""
    found = {one["size"]: one for one in vectors["hashes"]}
    assert max(found) > 1 << 20
    for size, hash_ in KNOWN.items():
        assert found[size]["blake3"] == hash_
    assert found[0]["sha256"] == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    path = tmp_path / "a"
    for size, one in found.items():
        content = bytes(place % one["modulo"] for place in range(size)) if size < 3000 else pattern(size)
        assert len(content) == size
        path.write_bytes(content)
        for algorithm in ("blake3", "sha256"):
            assert hash_file(path, algorithm) == one[algorithm]


@pytest.mark.parametrize("outcome", ["success", "failure"])
def test_wrong_outcome_would_be_seen(outcome: str, vectors: Any) -> None:
    """An answer whose outcome is exchanged fails the client: the test above can fail."""
    one = next(one for one in vectors["answers"] if one["outcome"] == outcome)
    wrong = (
        {**one, "outcome": "failure"} if outcome == "success" else {**one, "outcome": "success", "id": "a"}
    )
    with pytest.raises(AssertionError):
        test_client_passes_the_answers({**vectors, "answers": [wrong]})
