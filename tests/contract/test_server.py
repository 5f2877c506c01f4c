"""Whether a server keeps the contract: the embedded one, or the one that `--server` names.

References stay on a real service for ever. Two of the direct tests make one each; the run makes two of
its own and up to a handful with drawn names; the end of the tests says how many it were.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

import httpx
import pytest

from . import document
from .runs import REQUEST_TIMEOUT, UNKNOWN_HASH, Run, Server, report

#: What a run must have seen before its silence means anything.
STATUSES_TO_SEE = (200, 201, 400, 401, 404)

METADATA = {
    "text": "Grüße, 世界 \U0001f600",
    "largest exact integer": 2**53,
    "fraction": 0.1,
    "nested": {"list": [1, "two", None, {"three": True}], "empty": {}},
    "": "an empty name",
}


# --- The run: cases derived from the contract --------------------------------------------------


def test_server_keeps_the_contract(run: Run) -> None:
    """No answer to any case that schemathesis derives from the contract breaks it."""
    if run.failures:
        pytest.fail(f"{len(run.failures)} kinds of failure\n\n{report(run.failures)}", pytrace=False)


@pytest.mark.parametrize("status", STATUSES_TO_SEE)
def test_run_judged_answers_of_status(run: Run, status: int) -> None:
    """The run did judge bodies of this status, so that its silence about them means something."""
    hint = (
        "; if this key already has a reference to every known hash, and the server keeps one per content, "
        "give a hash that is new to the key"
        if status == 201
        else ""
    )
    assert run.judged[status], f"no {status} was judged{hint}; seen: {dict(run.seen)}"


def test_run_was_not_throttled(run: Run) -> None:
    """No case is left unjudged because the server was asked too fast."""
    assert not run.throttled, (
        f"{run.throttled} cases were answered 429 or 503 to the last and were not judged"
    )


# --- What takes two answers, or the request beside the answer ----------------------------------


@pytest.fixture(scope="module")
def ask(used_server: Server, references: set[str]) -> Any:
    """Sends one body with the valid key; gives the status and the JSON of the answer."""
    with httpx.Client(base_url=used_server.url, timeout=REQUEST_TIMEOUT) as client:

        def send(**body: Any) -> tuple[int, dict[str, Any]]:
            headers = {"X-API-Key": used_server.api_key}
            answer = client.post(document.PATH, json=body, headers=headers)
            members = answer.json()
            if answer.status_code == 201:
                references.add(members["id"])
            return answer.status_code, members

        yield send


@pytest.fixture
def fresh_name() -> str:
    """A name that no earlier run has used."""
    return f"contract-test-{uuid.uuid4().hex}.png"


def test_repeat_returns_the_same_reference(ask: Any, used_server: Server, fresh_name: str) -> None:
    """An identical second request is 200, `created_new` false, with the id of the first."""
    body = {"hash": used_server.known_hashes[0], "tags": ["input"], "name": fresh_name}
    first_status, first = ask(**body)
    status, second = ask(**body)
    # Whether another name makes another reference is open, so the first may be an old one.
    assert (first_status, first["created_new"]) in {(201, True), (200, False)}
    assert (status, second["created_new"], second["id"]) == (200, False, first["id"])


@pytest.mark.embedded
def test_first_request_creates(reference_server: Server, fresh_name: str) -> None:
    """On the embedded server a name that is new to its owner makes a reference: 201, `created_new` true."""
    body = {"hash": reference_server.known_hashes[0], "tags": ["input"], "name": fresh_name}
    headers = {"X-API-Key": reference_server.api_key}
    answer = httpx.post(reference_server.url + document.PATH, json=body, headers=headers)
    assert (answer.status_code, answer.json()["created_new"]) == (201, True)


def test_unknown_content_is_not_found(ask: Any, fresh_name: str) -> None:
    """A well-formed hash of content that nobody stored is 404 with the error body."""
    status, error = ask(hash=UNKNOWN_HASH, tags=["input"], name=fresh_name)
    assert status == 404
    assert document.validator(document.ERROR).is_valid(error)


def test_what_went_in_comes_out(ask: Any, used_server: Server, fresh_name: str) -> None:
    """A new reference has the name, the tags as a set, the metadata and the MIME type that it was given."""
    name = f"Grüße 世界 {fresh_name}"
    given = {"name": name, "tags": ["b", "a", "ü", "b"], "user_metadata": METADATA, "mime_type": "image/png"}
    status, got = ask(hash=used_server.known_hashes[-1], **given)
    if status == 200:
        pytest.skip(
            "this server keeps one reference per content, and had one: give a hash that is new to the key"
        )
    assert got["name"] == name
    # The last three are optional in an answer: where the server sends them, they are what was given.
    assert set(got.get("tags", given["tags"])) == set(given["tags"])
    assert canonical(got.get("user_metadata", METADATA)) == canonical(METADATA)
    assert got.get("mime_type", "image/png") == "image/png"


def canonical(value: Any) -> str:
    """JSON text that is equal for equal values: 1 is not true, and the order of members does not count."""
    return json.dumps(value, sort_keys=True)
