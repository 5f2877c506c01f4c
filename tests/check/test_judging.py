"""The pure parts: what must happen to a request, what is recorded, what is hidden, which rule is blamed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from comfy_assets import specification
from comfy_assets.contract import RULES, facts, jsontext, oracle
from comfy_assets.contract.departures import departures
from comfy_assets.contract.facts import Content, facts_for
from comfy_assets.contract.judge import judge
from comfy_assets.contract.keys import KEY, OTHER_KEY, Keys
from comfy_assets.contract.messages import CHUNKED, Request, encode, read_response
from comfy_assets.contract.plan import Planner, plan, under_fresh_names
from comfy_assets.contract.record import Record
from comfy_assets.contract.selftest import CONTENTS, STORED, checked
from comfy_assets.contract.wire import Target
from comfy_assets.scenarios.catalogue import CONFORMING
from comfy_assets.scenarios.faults import Fault, errors

FACTS = facts_for(Target("http://127.0.0.1:1/base"), CONTENTS, [KEY, OTHER_KEY], run_id="test", seed=0)
PLANNER = Planner(FACTS)
BASE = PLANNER.base
UNKNOWN = "blake3:" + "5" * 64


def expected(body: Any, key: str | None = KEY, **changes: Any) -> tuple[str, set[int]]:
    """The kind of expectation and the statuses for a request with this body."""
    request = evolve(PLANNER.request(body, key), **changes)
    said = oracle.expect(FACTS, request)
    return said.kind, set(said.allowed or ())


@pytest.mark.parametrize(
    ("body", "kind", "statuses"),
    [
        (BASE, oracle.ACCEPT, {200, 201}),
        ({**BASE, "more": 1}, oracle.ACCEPT, {200, 201}),
        ({**BASE, "hash": UNKNOWN}, oracle.UNKNOWN, {404}),
        ({**BASE, "tags": []}, oracle.REFUSE, {400}),
        ({**BASE, "name": None}, oracle.REFUSE, {400}),
        ({**BASE, "hash": STORED[0].blake3.upper()}, oracle.REFUSE, {400}),
        ({**BASE, "hash": STORED[0].blake3 + "\n"}, oracle.REFUSE, {400}),
        ([], oracle.REFUSE, {400}),
        (b"", oracle.REFUSE, {400}),
        (b"{", oracle.REFUSE, {400}),
        (encode(BASE) + b"x", oracle.REFUSE, {400}),
        (encode(BASE)[:-1] + b',"a":NaN}', oracle.REFUSE, {400}),
        ({**BASE, "name": "n" * 255}, oracle.ACCEPT, {200, 201}),
        ({**BASE, "name": "n" * 256}, oracle.OPEN, {200, 201, 400, 413}),
        ({**BASE, "tags": ["t"] * 32}, oracle.ACCEPT, {200, 201}),
        ({**BASE, "tags": ["t"] * 33}, oracle.OPEN, {200, 201, 400, 413}),
        ({**BASE, "name": "\ud800"}, oracle.OPEN, {200, 201, 400, 413}),
        ({**BASE, "name": "\0"}, oracle.OPEN, {200, 201, 400, 413}),
        (encode(BASE)[:-1] + b',"name":"b"}', oracle.OPEN, {200, 201, 400, 413}),
        (b"[" * 99999 + b"]" * 99999, oracle.OPEN, {200, 201, 400, 404, 413}),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_oracle_reads_the_bytes(body: Any, kind: str, statuses: set[int]) -> None:
    """What must happen follows from the bytes alone."""
    assert expected(body) == (kind, statuses)


@pytest.mark.parametrize(
    ("key", "rule"),
    [
        (None, "auth-missing"),
        ("", "auth-empty"),
        ("other", "auth-wrong"),
        ("{{api-key, last character cut}}", "auth-almost"),
    ],
)
def test_oracle_reads_the_key(key: str | None, rule: str) -> None:
    """A key that is not right is 401, whatever else is right."""
    said = oracle.expect(FACTS, PLANNER.request(BASE, key))
    assert ([one.rule for one in said.departures], said.allowed) == ([rule], frozenset({401}))


def test_oracle_follows_a_changed_contract(tmp_path: Path) -> None:
    """A limit that the contract changes is expected, and tried, at its new place; no code is edited."""
    text = specification.default_path().read_text(encoding="utf-8")
    changed = tmp_path / "openapi.yaml"
    changed.write_text(
        text.replace("minItems: 1", "minItems: 3").replace(
            "        name:\n          type: string\n          description: Name under",
            "        name:\n          type: string\n          maxLength: 5\n          description: Name under",
        )
    )
    contract = specification.load(changed)
    other = facts_for(
        Target("http://127.0.0.1:1/base"), CONTENTS, [KEY], run_id="test", seed=0, contract=contract
    )
    two = {**BASE, "name": "abc", "tags": ["a", "b"]}
    assert oracle.expect(other, PLANNER.request(two)).kind == oracle.REFUSE
    assert oracle.expect(other, PLANNER.request({**two, "tags": ["a", "b", "c"]})).kind == oracle.ACCEPT
    three = {**two, "tags": ["a", "b", "c"]}
    assert oracle.expect(other, PLANNER.request({**three, "name": "\ud83d" * 6})).kind == oracle.REFUSE
    tried = {(one.keyword, one.place) for one in departures(contract, other.request_schema, three)}
    assert {("minItems", "tags"), ("maxLength", "name")} <= tried


def test_each_departure_is_one_departure() -> None:
    """Every planned departure breaks the contract in exactly one way, and with known content."""
    for one in departures(FACTS.contract, FACTS.request_schema, BASE):
        said = oracle.expect(FACTS, PLANNER.request(one.body))
        assert said.kind == oracle.REFUSE, one
        assert len(said.departures) == 1, one
        if isinstance(one.body, dict) and one.place != "hash":
            assert one.body["hash"] == BASE["hash"]


def test_meaning_of_members_is_in_the_contract() -> None:
    """The members that carry a meaning here are members of the contract's schemas."""
    request, success = FACTS.request_schema["properties"], FACTS.success_schema["properties"]
    assert {facts.HASH, *facts.KEPT} == set(request)
    answered = {
        facts.ID,
        facts.SIZE,
        facts.CREATED_NEW,
        facts.CONTENT_HASH,
        facts.CREATED_AT,
        facts.UPDATED_AT,
        facts.ACCESSED_AT,
    }
    assert answered | set(facts.KEPT) <= set(success)
    assert {str(status) for status in facts.SUCCESSES} <= set(FACTS.operation.responses)


def test_plan_has_a_control_for_each_departure() -> None:
    """Every case names a control that comes before it, and no id stands twice."""
    seen: set[str] = set()
    for case in plan(FACTS):
        assert case.id not in seen
        assert case.control is None or case.control in seen
        seen.add(case.id)


def test_verdict_does_not_depend_on_the_way_through_json() -> None:
    """A record that was written and read again gives the same verdicts and findings."""
    outcome = checked(CONFORMING[0])
    again = Record.from_json(json.loads(json.dumps(outcome.record.to_json())), FACTS.contract)
    assert judge(again).verdicts == outcome.judgement.verdicts


@pytest.mark.parametrize(
    "value", [{}, [], None, {"schema": "other/1"}, {"schema": "comfy-assets-check-record/1"}]
)
def test_what_is_no_record_is_refused(value: Any) -> None:
    """Anything else than a record is a ValueError with a sentence."""
    with pytest.raises(ValueError, match="not a"):
        Record.from_json(value, FACTS.contract)


class TestKeys:
    """Keys are taken out of whatever comes back, and nothing else is changed."""

    keys = Keys({KEY: "right-key-1", OTHER_KEY: "other-key-2"})

    @pytest.mark.parametrize(
        "told",
        ["right-key-1", "cmlnaHQta2V5LTE=", "Bearer right-key-1", "right-key-", "other-key-2", "RIGHT-KEY-1"],
    )
    def test_key_is_hidden_in_every_usual_form(self, told: str) -> None:
        body = json.dumps({"message": f"key {told}!"}).encode()
        raw = b"HTTP/1.1 400 X\r\nX-Key: %b\r\nContent-Length: %d\r\n\r\n%b" % (
            told.encode(),
            len(body),
            body,
        )
        hidden = self.keys.hide_answer(raw, "POST")
        assert told.removeprefix("Bearer ").encode() not in hidden
        response = read_response(hidden, "POST")
        assert response is not None
        assert response.complete
        assert "{{" in json.loads(response.body)["message"]

    def test_other_answers_are_kept_byte_by_byte(self) -> None:
        raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
        assert self.keys.hide_answer(raw, "POST") == raw

    def test_key_is_not_shown(self) -> None:
        assert "right-key" not in repr(self.keys)

    def test_words_are_no_keys(self) -> None:
        """A key that is a short word would be found in honest answers: it is not looked for."""
        assert Keys({KEY: "key"}).hide(b"the API key is missing") == b"the API key is missing"
        assert not Keys({KEY: "key"}).telling


def test_request_is_written_byte_by_byte() -> None:
    """The bytes on the wire are those of the request: its length, its chunks, or no body at all."""
    request = Request("POST", "/a", (("Host", "h"),), b"{}")
    assert request.wire() == b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}"
    chunked = evolve(request, framing=CHUNKED).wire()
    assert chunked == b"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    assert evolve(request, body=b"", framing="none").wire() == b"POST /a HTTP/1.1\r\nHost: h\r\n\r\n"
    assert Request.from_json(json.loads(json.dumps(request.to_json()))) == request


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(_JSON)
def test_value_is_the_same_as_itself_after_json(value: Any) -> None:
    """Whatever JSON can carry comes back the same, by the meaning that the rules use."""
    assert jsontext.same(value, json.loads(json.dumps(value)))


@pytest.mark.parametrize("levels", [255, 256, 2_000, 50_000])
def test_deep_texts_are_judged_alike_by_every_python(levels: int) -> None:
    """What the validator takes is judged; deeper text is too deep, wherever Python's own reader ends."""
    text = jsontext.read(b"[" * levels + b"]" * levels)
    assert text.wrong is None
    assert (jsontext.TOO_DEEP in text.open) == (levels > 255)
    assert not list(specification.load().validator({"properties": {}}).iter_errors(text.value))


@given(_JSON, _JSON)
def test_values_that_differ_are_not_the_same(one: Any, other: Any) -> None:
    """Values with different JSON are different, but for numbers of one value and key order."""
    if jsontext.same(one, other):
        assert float_free(one) == float_free(other)


def float_free(value: Any) -> Any:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return (type(value).__name__, value)
    if isinstance(value, int | float):
        return ("number", float(value))
    if isinstance(value, list):
        return [float_free(item) for item in value]
    return {name: float_free(inner) for name, inner in value.items()}


def test_rules_state_their_texts_once() -> None:
    """Ids are short names of words, and no title stands twice."""
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", id_) for id_ in RULES)
    titles = [rule.title for rule in RULES.values()]
    assert len(titles) == len(set(titles))
    assert all(one in RULES for rule in RULES.values() for one in rule.follows)


def test_judging_needs_no_network() -> None:
    """The judge and the rules import nothing that opens a connection."""
    program = (
        "import sys, comfy_assets.contract.rules, comfy_assets.contract.oracle\n"
        "sys.exit('schemathesis' in sys.modules or 'httpx' in sys.modules or 'requests' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_content_of_one_hash_is_enough() -> None:
    """With a single known hash and no file, a conforming server is not blamed."""
    known = (Content((STORED[0].blake3,), None, "one"),)
    outcome = checked(CONFORMING[0], contents=known, complete=False)
    assert not list(outcome.judgement.all_findings())
    assert outcome.exit_status == 0


@pytest.mark.parametrize(
    ("method", "statuses"),
    [("GET", {405}), ("HEAD", {405}), ("PUT", {405, 501}), ("FROBNICATE", {400, 405, 501})],
)
def test_501_is_for_methods_that_a_server_need_not_know(method: str, statuses: set[int]) -> None:
    """RFC 9110, section 9.1: every server knows GET and HEAD."""
    assert expected(BASE, method=method) == (oracle.METHOD, statuses)


@pytest.mark.parametrize("status", [404, 409, 422])
def test_wrong_status_of_refusals_is_one_finding(status: int) -> None:
    """A server that refuses with another status was checked all the same: nothing hides behind that."""
    outcome = checked(Fault("", "", errors(lambda said: evolve(said, status=status), 400)))
    assert [(one.rule, one.cause) for one in outcome.judgement.findings] == [("refuse-status", str(status))]
    assert not outcome.not_checked
    missing = outcome.judgement.verdicts["refuse-missing"]
    assert (missing.verdict, missing.text) == ("passed", f"refused, with {status}")


@pytest.mark.parametrize("run_id", ["a", "check", "0123456789abcdef"])
def test_names_of_replays_are_fresh_and_as_long(run_id: str) -> None:
    """A short run id stands in words too; a longer name could be more than must be accepted."""
    facts = evolve(FACTS, run_id=run_id, expectations={})
    case = next(one for one in plan(facts) if one.id == "accept/the longest name")
    again = under_fresh_names(case, facts.mark, 12).request.body
    before, after = json.loads(case.request.body), json.loads(again)
    assert len(after["name"]) == len(before["name"]) == 255
    assert after["name"] != before["name"]
    assert {**after, "name": "", "user_metadata": {}} == {**before, "name": "", "user_metadata": {}}
