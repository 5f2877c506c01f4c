"""One run of schemathesis against one server: `run_contract_tests`, used on good and on broken servers.

Schemathesis derives the cases from the contract and judges what it can see in one answer. What the
design says beyond that about a single answer stands here as three rules, and where schemathesis is
stricter than the design, as four allowances. Both are tables.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from schemathesis.core import NotSet
from schemathesis.engine import StopReason, events, from_schema

from . import document

#: Of the drawn hashes, how many are known: the rest is answered 404, which has to be judged too.
KNOWN_SHARE = 0.8

#: Well-formed, and the hash of nothing that anyone stores.
UNKNOWN_HASH = "blake3:" + "0" * 64

# What every server must accept (design.md, "Must be accepted"); beyond it a refusal is open.
LONGEST_NAME = 255
MOST_TAGS = 32
LARGEST_BODY = 16 * 1024
DEEPEST_BODY = 32

#: Asked again later, these answers may be others; they say nothing about the contract.
THROTTLED = {429, 503}

#: Seconds for one answer. A local server needs milliseconds; a real one is far away.
REQUEST_TIMEOUT = 20


class ApiKey(str):
    """A key that does not show itself in tracebacks and in the output of failed assertions."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'<api key>'"


@dataclass(frozen=True)
class Server:
    """A server to judge: where it is, a valid key, and hashes of content that it stores."""

    url: str
    api_key: ApiKey
    known_hashes: tuple[str, ...]


@dataclass(frozen=True)
class Failure:
    """One way in which the server broke the contract, with the first request that showed it."""

    check: str
    message: str
    status: int | None = None
    reproduce: str = ""

    def __str__(self) -> str:
        lines = [f"{self.check}: {self.message}", self.reproduce]
        return "\n    ".join("\n".join(filter(None, lines)).splitlines())


def report(failures: Iterable[Failure]) -> str:
    """The failures as text, each with the request that shows it; empty where there are none."""
    return "\n\n".join(map(str, failures))


@dataclass
class Run:
    """What a run saw: failures, answers by status, and how many of each were judged by their schema."""

    failures: list[Failure] = field(default_factory=list)
    seen: Counter[int] = field(default_factory=Counter)
    judged: Counter[int] = field(default_factory=Counter)
    created: set[str] = field(default_factory=set)
    throttled: int = 0


def run_contract_tests(server: Server, *, seed: int, examples: int, run_id: str | None = None) -> Run:
    """Send the cases of every phase to the server and judge each answer.

    The same seed and run id send the same requests. The run id stands in one name, so that a second
    run makes a new reference and sees 201 again.
    """
    schema = load_schema(server, seed=seed, examples=examples, run_id=run_id or uuid.uuid4().hex)
    schema.hook("filter_failure")(_is_failure)
    run = Run()
    for event in from_schema(schema).execute():
        _COLLECT.get(type(event), _ignore)(event, run, server)
    run.failures = _without_key(_first_of_each(run.failures), server.api_key)
    return run


def load_schema(server: Server, *, seed: int, examples: int, run_id: str) -> Any:
    """The contract as schemathesis takes it, with known content in the examples and in the dictionary.

    In the dictionary alone, bad requests would carry unknown hashes, and the 404 would hide that the
    server accepted them: the negative cases are made from the request example.
    """
    contract = document.load()
    bodies = document.operation(contract)["requestBody"]["content"][document.JSON]["examples"]
    for example in bodies.values():
        example["value"]["hash"] = server.known_hashes[0]
    bodies["complete"]["value"]["name"] = f"contract-test-{run_id}.png"
    # Kinds of requests that a run must not leave to chance.
    bodies["unicode"] = {"value": {**bodies["minimal"]["value"], "tags": ["Grüße"], "name": f"世界 {run_id}"}}
    bodies["unknown"] = {"value": {"hash": UNKNOWN_HASH, "tags": ["input"]}}
    config = schemathesis.Config.from_dict(_configuration(server, seed, examples))
    # Not in the dictionary above: what validates it takes plain strings only, which show themselves.
    config.projects.default.headers = {"X-API-Key": server.api_key}
    return schemathesis.openapi.from_dict(contract, config=config)


def _configuration(server: Server, seed: int, examples: int) -> dict[str, Any]:
    # What answers teach would change what is sent next, and the same seed would send other requests.
    no_learning = {"extra-data-sources": {"responses": False}}
    return {
        "seed": seed,
        "base-url": server.url,
        "request-timeout": REQUEST_TIMEOUT,
        # The design: redirects are never followed.
        "max-redirects": 0,
        # Waits and asks again where a 429 says when.
        "rate-limit": "auto",
        # Without it a phase ends at its first failure and hides the others.
        "continue-on-failure": True,
        "cache": {"enabled": False},
        "dictionaries": {"known": {"values": list(server.known_hashes)}},
        "parameters": {"body.hash": {"dictionary": "known", "probability": KNOWN_SHARE}},
        # NUL is the one Unicode scalar value that a server need not accept. No shrinking: with
        # `continue-on-failure` every answer is recorded as it came.
        "generation": {
            "max-examples": examples,
            "allow-x00": False,
            "database": "none",
            "unique-inputs": True,
            "no-shrink": True,
        },
        "phases": {
            "examples": no_learning,
            "coverage": no_learning,
            "fuzzing": {**no_learning, "error-feedback": {"enabled": False}},
            # The contract has no links: one operation, nothing to follow.
            "stateful": {"enabled": False},
        },
        # All checks are on. Narrower than by default: a bad request is refused with 400 and nothing
        # else (401 where its fault is the key), a good one is accepted, or its content is unknown.
        "checks": {
            "negative_data_rejection": {"expected-statuses": ["400", "401", "413", "415"]},
            "positive_data_acceptance": {"expected-statuses": ["200", "201", "404"]},
        },
    }


# --- Allowances: where schemathesis is stricter than the design --------------------------------


def _is_throttled(_failure: Any, _case: Any, response: Any) -> bool:
    return response.status_code in THROTTLED


def _is_other_media_type(_failure: Any, _case: Any, response: Any) -> bool:
    media_type = (response.request.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
    return response.status_code == 415 and media_type != document.JSON


def _is_beyond_promise(failure: Any, case: Any, response: Any) -> bool:
    if response.status_code == 413:
        return not is_promised(case.body, response.request.body)
    is_refused_good_request = failure.__class__.__name__ == "RejectedPositiveData"
    return response.status_code == 400 and is_refused_good_request and not is_promised(case.body)


def _is_unknown_method(_failure: Any, case: Any, response: Any) -> bool:
    return bool(response.status_code == 501 and case.method != case.operation.method.upper())


#: Reason (design.md, "What keeps the contract, where the page is silent") → does it apply?
ALLOWANCES: dict[str, Callable[[Any, Any, Any], bool]] = {
    "429 and 503 are throttling, counted apart in `Run.throttled`": _is_throttled,
    "415 for a media type that is not JSON": _is_other_media_type,
    "413, or 400, for what is larger than every server must accept": _is_beyond_promise,
    "501 for a method that the server does not know at all": _is_unknown_method,
}


def _is_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
    return not any(applies(failure, case, response) for applies in ALLOWANCES.values())


def is_promised(body: Any, content: str | bytes | None = None) -> bool:
    """Whether every server must accept a good request of this size; `content` as sent, where known."""
    if content is None:
        content = json.dumps(body) if not isinstance(body, NotSet | bytes) else b""
    size = len(content.encode() if isinstance(content, str) else content)
    members = body if isinstance(body, dict) else {}
    name, tags = members.get("name"), members.get("tags")
    return (
        size <= LARGEST_BODY
        and _depth(body) <= DEEPEST_BODY
        and not (isinstance(name, str) and len(name) > LONGEST_NAME)
        and not (isinstance(tags, list) and len(tags) > MOST_TAGS)
    )


def _depth(value: Any) -> int:
    match value:
        case dict():
            return 1 + max(map(_depth, value.values()), default=0)
        case list():
            return 1 + max(map(_depth, value), default=0)
        case _:
            return 0


# --- Rules: what the design says about one answer, and schemathesis does not look at -----------


def known_content_is_found(server: Server, case: Any, response: Any) -> str | None:
    """A good request for content that the server stores is not answered 404."""
    is_good = case.meta is not None and case.meta.generation.mode.is_positive
    asks_for_known = isinstance(case.body, dict) and case.body.get("hash") in server.known_hashes
    if response.status_code == 404 and is_good and asks_for_known:
        return "404 for content that the server stores, asked for by a request that keeps the contract"
    return None


def created_new_agrees_with_status(_server: Server, _case: Any, response: Any) -> str | None:
    """201 says `created_new` true, 200 says false."""
    if response.status_code not in {200, 201}:
        return None
    said = _json_object(response.content).get("created_new")
    if isinstance(said, bool) and said != (response.status_code == 201):
        return f"status {response.status_code} with created_new {json.dumps(said)}"
    return None


def key_is_not_told(server: Server, _case: Any, response: Any) -> str | None:
    """No answer contains the key that was sent."""
    told = [*response.headers, *(value for values in response.headers.values() for value in values)]
    if server.api_key.encode() in response.content or any(server.api_key in text for text in told):
        return "the answer contains the API key"
    return None


RULES: tuple[Callable[[Server, Any, Any], str | None], ...] = (
    known_content_is_found,
    created_new_agrees_with_status,
    key_is_not_told,
)


def _json_object(content: bytes) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


# --- From schemathesis's events to a run -------------------------------------------------------


def _collect_scenario(event: Any, run: Run, server: Server) -> None:
    recorder = event.recorder
    for case_id, interaction in recorder.interactions.items():
        if interaction.response is None:
            continue
        checks = recorder.checks.get(case_id, [])
        case, response = recorder.cases[case_id].value, interaction.response
        # Schemathesis's own probes, with other methods and keys, are not held to the schemas.
        _count(run, response, is_judged=any(node.name == "response_schema_conformance" for node in checks))
        run.failures += [_checked(node, response.status_code) for node in checks if node.failure_info]
        run.failures += _broken_rules(server, case, response)


def _count(run: Run, response: Any, *, is_judged: bool) -> None:
    status = response.status_code
    run.seen[status] += 1
    run.judged[status] += is_judged
    run.throttled += status in THROTTLED
    if status == 201:
        run.created.add(str(_json_object(response.content).get("id")))


def _checked(node: Any, status: int) -> Failure:
    info = node.failure_info
    return Failure(node.name, str(info.failure), status, info.code_sample)


def _broken_rules(server: Server, case: Any, response: Any) -> Iterable[Failure]:
    for rule in RULES:
        message = rule(server, case, response)
        if message is not None:
            # `as_curl_command` leaves the key out.
            yield Failure(rule.__name__, message, response.status_code, case.as_curl_command())


def _collect_error(event: Any, run: Run, _server: Server) -> None:
    error = event.value if isinstance(event, events.NonFatalError) else event.exception
    run.failures.append(Failure("could not be judged", f"{type(error).__name__}: {error}"))


def _collect_end(event: Any, run: Run, _server: Server) -> None:
    run.failures += [Failure("whole run", str(failure)) for failure in event.failures]
    if event.stop_reason is not StopReason.COMPLETED:
        run.failures.append(Failure("could not be judged", f"the run ended early: {event.stop_reason}"))


def _ignore(_event: Any, _run: Run, _server: Server) -> None:
    """Progress, which a test has no use for."""


_COLLECT: dict[type, Callable[[Any, Run, Server], None]] = {
    events.ScenarioFinished: _collect_scenario,
    events.NonFatalError: _collect_error,
    events.FatalError: _collect_error,
    events.EngineFinished: _collect_end,
}


def _first_of_each(failures: Sequence[Failure]) -> list[Failure]:
    """One failure per check, status and first line: a broken server fails hundreds of cases alike."""
    first: dict[tuple[str, int | None, str], Failure] = {}
    for failure in failures:
        first.setdefault((failure.check, failure.status, failure.message.partition("\n")[0]), failure)
    return list(first.values())


def _without_key(failures: Iterable[Failure], api_key: ApiKey) -> list[Failure]:
    """The failures, also where a server tells the key in its answer, without it."""
    return [
        Failure(
            failure.check,
            failure.message.replace(api_key, "<api key>"),
            failure.status,
            failure.reproduce.replace(api_key, "<api key>"),
        )
        for failure in failures
    ]
