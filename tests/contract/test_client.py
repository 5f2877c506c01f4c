"""Whether the client keeps the contract: what it sends, and what it makes of what a server may say."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from random import Random
from typing import Any

import httpx
import pytest
from comfy_assets_api import AuthenticatedClient, models
from comfy_assets_api.api.asset import create_asset_from_hash as operation
from comfy_assets_api.errors import InvalidValue
from hypothesis import Phase, example, find, given, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import ignored_auth

import comfy_assets

from . import document, strategies
from .runs import REQUEST_TIMEOUT, Server, load_schema

KEY = "test-key"
NOWHERE = "https://service.invalid"
GOOD_HASH = f"blake3:{strategies.DIGEST}"
ASSET = document.operation(document.load())["responses"]["201"]["content"][document.JSON]["examples"]
ASSET_BODY: dict[str, Any] = next(iter(ASSET.values()))["value"]
SUCCESSES = ("200", "201")
ERRORS = tuple(status for status in document.statuses() if status not in SUCCESSES)
#: The members of a request that `create_asset_from_hash` takes as arguments.
NAMED = tuple(document.schema(document.REQUEST)["properties"])

Transport = Callable[[httpx.Request], httpx.Response]


def as_json(value: Any) -> str:
    """A JSON value as text that is equal for equal values; 1, 1.0 and true differ."""
    return json.dumps(value, sort_keys=True, allow_nan=False)


def model_of(status: str) -> Any:
    """The generated model of a status's body."""
    return getattr(models, document.schema_of(status))


# --- Three ways to make a call -----------------------------------------------------------------


def through_generated(transport: Any, url: str, key: str, body: dict[str, Any]) -> Any:
    """The generated call; gives what it read."""
    request = models.CreateAssetFromHashRequest.from_dict(body)
    with AuthenticatedClient(
        url, token=key, timeout=REQUEST_TIMEOUT, httpx_args={"transport": transport}
    ) as client:
        answer = operation.sync_detailed(client=client, body=request)
    assert answer.problems == ()
    return answer.parsed


def through_sync(transport: Any, url: str, key: str, body: dict[str, Any]) -> Any:
    """The hand-written client; gives what it read, or the body of its error."""
    with comfy_assets.AssetsClient(key, url, on_drift="raise", transport=transport, **NO_RETRY) as client:
        try:
            return client.create_asset_from_hash(**body)
        except comfy_assets.APIStatusError as error:
            return error


def through_async(transport: Any, url: str, key: str, body: dict[str, Any]) -> Any:
    """The hand-written client for asyncio."""

    async def call() -> Any:
        client = comfy_assets.AsyncAssetsClient(key, url, on_drift="raise", transport=transport, **NO_RETRY)
        async with client:
            try:
                return await client.create_asset_from_hash(**body)
            except comfy_assets.APIStatusError as error:
                return error

    return asyncio.run(call())


#: One request for each call: an error answer is what is looked at, not what to try again after.
NO_RETRY: dict[str, Any] = {"retry": None}
WAYS = {"generated": through_generated, "AssetsClient": through_sync, "AsyncAssetsClient": through_async}


def body_read(read: Any) -> Any:
    """The JSON of what a call gave, an error's as well."""
    return read.body if isinstance(read, comfy_assets.APIStatusError) else read.to_dict()


class Recorder(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Sends over real sockets, sync and async, and keeps the last answer with its request."""

    answer: httpx.Response

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send and keep."""
        with httpx.HTTPTransport() as transport:
            received = transport.handle_request(request)
            return self._keep(request, received.status_code, received.headers, received.read())

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send and keep."""
        async with httpx.AsyncHTTPTransport() as transport:
            received = await transport.handle_async_request(request)
            return self._keep(request, received.status_code, received.headers, await received.aread())

    def _keep(
        self, request: httpx.Request, status: int, headers: httpx.Headers, content: bytes
    ) -> httpx.Response:
        self.answer = httpx.Response(status, headers=headers, content=content, request=request)
        # Schemathesis asks for it, and httpx sets it only in its own client.
        self.answer.elapsed = dt.timedelta()
        return httpx.Response(status, headers=headers, content=content, request=request)


# --- A request drawn by schemathesis, sent by the client, judged by schemathesis ---------------


@pytest.fixture(scope="module")
def drawn(used_server: Server, seed: int) -> Any:
    """The operation as schemathesis draws requests for the judged server."""
    schema = load_schema(used_server, seed=seed, examples=settings().max_examples, run_id="client")
    return schema[document.PATH]["POST"]


#: Would send requests of their own for each answer; the server's run has them.
PROBING_CHECKS = [ignored_auth]


def examples_for_each_way(pytestconfig: pytest.Config) -> int:
    """The profile's examples, divided among the ways; each may make a reference that stays.

    So a real service gets few: seven requests for each way.
    """
    return 7 if pytestconfig.option.server else max(7, settings().max_examples // len(WAYS))


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_drawn_request_sent_by_the_client(
    way: Any, used_server: Server, drawn: Any, references: set[str], pytestconfig: pytest.Config
) -> None:
    """Schemathesis draws a request, the client sends it, the answer passes, and is read as its JSON says."""
    seen: set[int] = set()

    @settings(max_examples=examples_for_each_way(pytestconfig))
    @given(case=drawn.as_strategy())
    def sends_and_reads(case: Any) -> None:
        if way is not through_generated:
            # The hand-written client names its arguments: other members cannot be given.
            case.body = {name: value for name, value in case.body.items() if name in NAMED}
        recorder = Recorder()
        read = way(recorder, used_server.url, used_server.api_key, case.body)
        answer = recorder.answer
        case.validate_response(answer, excluded_checks=PROBING_CHECKS)
        assert as_json(json.loads(answer.request.content)) == as_json(case.body)
        schema = document.schema(document.schema_of(str(answer.status_code)))
        assert strategies.meaning(schema, body_read(read)) == strategies.meaning(schema, answer.json())
        seen.add(answer.status_code)
        if answer.status_code == 201:
            references.add(answer.json()["id"])

    sends_and_reads()
    assert seen & {200, 201}, f"no success among {seen}: nothing was read"


# --- Whatever the contract allows a server to say ----------------------------------------------


@st.composite
def answers(draw: st.DrawFn, statuses: tuple[str, ...]) -> tuple[str, dict[str, Any]]:
    """A documented status and a body that its schema allows."""
    status = draw(st.sampled_from(statuses))
    return status, draw(strategies.values_of(document.schema_of(status)))


@given(answer=answers(SUCCESSES + ERRORS))
@example(("200", {**ASSET_BODY, "created_at": "1990-12-31T23:59:60Z", "updated_at": "0000-01-01T00:00:00z"}))
@example(("200", {**ASSET_BODY, "created_at": "2023-11-07t05:31:56.123456789+05:45", "preview_id": None}))
@example(("201", {**ASSET_BODY, "id": ASSET_BODY["id"].upper(), "size": 2**63 - 1, "call": 1, "hash": None}))
def test_model_reads_what_the_contract_allows(answer: tuple[str, dict[str, Any]]) -> None:
    """A body that the schema of its status allows is read without raising, and written as the same value."""
    status, body = answer
    schema = document.schema(document.schema_of(status))
    # From text, as it comes: the same dict read and written would prove little.
    written = model_of(status).from_dict(json.loads(json.dumps(body))).to_dict()
    assert strategies.meaning(schema, written) == strategies.meaning(schema, body)
    assert document.validator(document.schema_of(status)).is_valid(written)


@given(time=strategies.FORMATS["date-time"].filter(lambda text: isinstance(strategies.instant(text), str)))
@example("1990-12-31T15:59:60-08:00")
@example("0000-02-29T00:00:00z")
def test_time_that_datetime_cannot_hold_is_the_same_text(time: str) -> None:
    """A leap second and the year 0 come back letter by letter."""
    body = {**ASSET_BODY, "created_at": time, "last_access_time": time}
    if document.validator(document.SUCCESS).is_valid(body):
        written = models.AssetCreated.from_dict(body).to_dict()
        assert (written["created_at"], written["last_access_time"]) == (time, time)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@given(answer=answers(SUCCESSES))
def test_client_reads_every_allowed_success(way: Any, answer: tuple[str, dict[str, Any]]) -> None:
    """Whatever success the contract allows, a call gives it, without drift, as its JSON says."""
    status, body = answer
    # The one thing that the statuses say and the schema cannot.
    body["created_new"] = status == "201"
    read = way(answering(int(status), body), NOWHERE, KEY, {"hash": GOOD_HASH, "tags": ["input"]})
    schema = document.schema(document.SUCCESS)
    assert strategies.meaning(schema, read.to_dict()) == strategies.meaning(schema, body)


@pytest.mark.parametrize("way", [through_sync, through_async])
@given(answer=answers(ERRORS))
def test_client_raises_every_allowed_error(way: Any, answer: tuple[str, dict[str, Any]]) -> None:
    """Whatever error the contract allows, a call raises the class of its status with code and message."""
    status, body = answer
    error = way(answering(int(status), body), NOWHERE, KEY, {"hash": GOOD_HASH, "tags": ["input"]})
    assert type(error) is ERROR_CLASSES[status]
    assert (error.status_code, error.code) == (int(status), body["code"])
    # An empty message says nothing to anyone: there the client may use words of its own.
    assert error.message == (body["message"] or error.message)


ERROR_CLASSES = {
    "400": comfy_assets.BadRequestError,
    "401": comfy_assets.AuthenticationError,
    "404": comfy_assets.NotFoundError,
    "500": comfy_assets.InternalServerError,
}


def test_every_documented_error_has_a_class() -> None:
    """The table of error classes above has each documented error, so none is left undrawn."""
    assert tuple(ERROR_CLASSES) == ERRORS


def answering(status: int, body: Any) -> httpx.MockTransport:
    """A service that gives one answer to everything."""
    content = json.dumps(body).encode()
    headers = {"Content-Type": document.JSON}
    return httpx.MockTransport(lambda _request: httpx.Response(status, content=content, headers=headers))


# --- Whatever the client sends -----------------------------------------------------------------


class NotJsonError(Exception):
    """A Python value that no JSON document says."""


def to_json(value: Any) -> Any:
    """A Python value as JSON would carry it, decided apart from the client."""
    match value:
        case None | bool() | int():
            return value
        case float() if value == value and abs(value) != float("inf"):  # noqa: PLR0124 - NaN differs from itself
            return value
        case str() if not any("\ud800" <= character <= "\udfff" for character in value):
            return value
        case list():
            return [to_json(item) for item in value]
        case dict() if all(isinstance(name, str) for name in value):
            return {to_json(name): to_json(member) for name, member in value.items()}
        case _:
            raise NotJsonError


def is_allowed(arguments: dict[str, Any]) -> bool:
    """Whether the contract allows a request with these members."""
    try:
        return document.validator(document.REQUEST).is_valid(to_json(arguments))
    except NotJsonError:
        return False


class Sent(httpx.MockTransport):
    """A service that keeps what it gets."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        super().__init__(self._keep)

    def _keep(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(201, json=ASSET_BODY)

    @property
    def bodies(self) -> list[Any]:
        """The bodies as strict JSON."""
        return [json.loads(request.content, parse_constant=_no_constant) for request in self.requests]


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


def build_and_send(transport: Any, arguments: dict[str, Any]) -> None:
    """A model made by its constructor, sent by the generated call."""
    with AuthenticatedClient(NOWHERE, token=KEY, httpx_args={"transport": transport}) as client:
        operation.sync_detailed(client=client, body=models.CreateAssetFromHashRequest(**arguments))


def call_sync(transport: Any, arguments: dict[str, Any]) -> None:
    """The hand-written client."""
    through_sync(transport, NOWHERE, KEY, arguments)


def call_async(transport: Any, arguments: dict[str, Any]) -> None:
    """The hand-written client for asyncio."""
    through_async(transport, NOWHERE, KEY, arguments)


#: Way → the error by which it refuses.
SENDERS: dict[str, tuple[Callable[[Any, dict[str, Any]], None], type[Exception]]] = {
    "generated": (build_and_send, InvalidValue),
    "AssetsClient": (call_sync, comfy_assets.InputError),
    "AsyncAssetsClient": (call_async, comfy_assets.InputError),
}


def as_named_arguments(arguments: dict[str, Any]) -> dict[str, Any]:
    """The members that arguments of the hand-written client mean.

    None leaves an optional member out, and tags may be any iterable but text and mappings.
    """
    tags = arguments["tags"]
    is_iterable = hasattr(tags, "__iter__") and not isinstance(tags, str | bytes | Mapping)
    given = {
        name: value for name, value in arguments.items() if value is not None or name in {"hash", "tags"}
    }
    return {**given, "tags": list(tags)} if is_iterable else given


@pytest.mark.parametrize(("send", "refusal"), SENDERS.values(), ids=SENDERS)
@given(arguments=strategies.arguments())
@example(arguments={"hash": f"{GOOD_HASH}\n", "tags": ["input"]})
@example(arguments={"hash": GOOD_HASH, "tags": []})
@example(arguments={"hash": GOOD_HASH, "tags": "input"})
@example(arguments={"hash": GOOD_HASH, "tags": ["input"], "user_metadata": {"a": float("nan")}})
@example(arguments={"hash": GOOD_HASH, "tags": ["input"], "name": "\ud800"})
def test_client_sends_exactly_what_the_contract_allows(
    send: Any, refusal: type[Exception], arguments: dict[str, Any]
) -> None:
    """Arguments that the contract allows are sent as they are; all others are refused, and nothing is sent."""
    service = Sent()
    meant = arguments if send is build_and_send else as_named_arguments(arguments)
    if is_allowed(meant):
        send(service, arguments)
        assert [as_json(body) for body in service.bodies] == [as_json(to_json(meant))]
    else:
        with pytest.raises(refusal):
            send(service, arguments)
        assert service.requests == []


@given(body=strategies.values_of(document.REQUEST))
def test_every_allowed_request_can_be_sent(body: dict[str, Any]) -> None:
    """A request that the schema allows, members that it does not name included, is sent as the same JSON."""
    service = Sent()
    through_generated(service, NOWHERE, KEY, body)
    assert [as_json(sent) for sent in service.bodies] == [as_json(body)]


@given(body=strategies.values_of(document.REQUEST))
def test_request_carries_key_and_media_type(body: dict[str, Any]) -> None:
    """Every request is one POST to the contract's path, with the key in its header and JSON as media type."""
    service = Sent()
    through_generated(service, NOWHERE, KEY, body)
    (request,) = service.requests
    assert (request.method, request.url.path) == ("POST", document.PATH)
    assert (request.headers["X-API-Key"], request.headers["Content-Type"]) == (KEY, document.JSON)


# --- The tests themselves: would they notice? --------------------------------------------------


TIMES = strategies.FORMATS["date-time"]
UUIDS = strategies.FORMATS["uuid"]
SIZES = strategies.values_of_member(document.SUCCESS, "size")
BODIES = strategies.values_of(document.SUCCESS)
MEMBERS = document.schema(document.SUCCESS)["properties"].keys()
REQUIRED = set(document.schema(document.SUCCESS)["required"])


def _has_fraction(digits: int, text: str) -> bool:
    found = re.search(r"\.(\d+)", text)
    return (len(found[1]) if found else 0) == digits


#: What a drawn value can be → where it is drawn, and how it is told.
KINDS: dict[str, tuple[st.SearchStrategy[Any], Callable[[Any], bool]]] = {
    "leap second": (TIMES, lambda text: ":60" in text),
    "year 0": (TIMES, lambda text: text.startswith("0000")),
    "lower-case z": (TIMES, lambda text: text.endswith("z")),
    "lower-case t": (TIMES, lambda text: "t" in text),
    "offset": (TIMES, lambda text: text[-6] in "+-"),
    **{f"fraction of {digits} digits": (TIMES, partial(_has_fraction, digits)) for digits in range(10)},
    "upper-case uuid": (UUIDS, lambda text: text == text.upper() != text.lower()),
    "smallest integer": (SIZES, lambda size: size == -(2**63)),
    "largest integer": (SIZES, lambda size: size == 2**63 - 1),
    "null": (BODIES, lambda body: body.get("preview_id", "") is None),
    "required members only": (BODIES, lambda body: not body.keys() & (MEMBERS - REQUIRED)),
    "further members": (BODIES, lambda body: not body.keys() <= MEMBERS),
}


@pytest.mark.parametrize(("values", "is_one"), KINDS.values(), ids=KINDS)
def test_strategies_draw_every_kind(values: Any, is_one: Callable[[Any], bool], seed: int) -> None:
    """Values of this kind are drawn; without them the properties above would say little."""
    enough = settings(max_examples=2000, phases=[Phase.generate])
    found = find(values, is_one, settings=enough, random=Random(seed))
    assert is_one(found)


def test_arguments_are_drawn_right_and_wrong(seed: int) -> None:
    """Both halves of the property about what is sent are exercised, each often."""
    drawn: list[bool] = []

    @settings(max_examples=100)
    @given(arguments=strategies.arguments())
    def look(arguments: dict[str, Any]) -> None:
        drawn.append(is_allowed(arguments))

    look()
    assert drawn.count(True) > 10, f"seed {seed}"
    assert drawn.count(False) > 10, f"seed {seed}"
