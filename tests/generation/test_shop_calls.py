"""The second contract's operations: what they send, and what they make of answers, sync and async."""

from __future__ import annotations

import asyncio
import datetime
import json
from collections.abc import Callable
from types import ModuleType
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.generation import support
from tests.generation.shop_values import LEAST, LINE, ORDER

ID = UUID("3c90c3cc-0d44-4b50-8888-8dd25736052a")
KEY = "a-key-that-is-written-nowhere"


class Shop:
    """The generated package with a client whose answers the test decides, and every request that was sent."""

    def __init__(self, package: ModuleType) -> None:
        self.models = support.submodule(package, "models")
        self.types = support.submodule(package, "types")
        self.errors = support.submodule(package, "errors")
        self.client_module = support.submodule(package, "client")
        self.list_lines = support.submodule(package, "api.orders.list_lines")
        self.place_order = support.submodule(package, "api.orders.place_order")
        self.note = support.submodule(package, "api.notes.note_something")
        self.health = support.submodule(package, "api.default.health")
        self.sent: list[httpx.Request] = []
        self.answer: Callable[[], httpx.Response] = lambda: httpx.Response(200, json=[])
        self.client = self.client_module.AuthenticatedClient(
            token=KEY, httpx_args={"transport": httpx.MockTransport(self._handle)}
        )

    def _handle(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.sent.append(request)
        return self.answer()

    def both(self, operation: ModuleType, *arguments: Any, **named: Any) -> Any:
        """Call an operation in its four forms; all must send and read the same."""
        detailed = operation.sync_detailed(*arguments, client=self.client, **named)
        again = asyncio.run(self._asynchronously(operation.asyncio_detailed, *arguments, **named))
        first, second = self.sent[-2:]
        assert (first.method, first.url, first.content) == (second.method, second.url, second.content)
        headers = [
            {name: value for name, value in one.headers.items() if name != "connection"}
            for one in (first, second)
        ]
        assert headers[0] == headers[1]
        assert (detailed.status_code, detailed.content, detailed.parsed) == (
            again.status_code,
            again.content,
            again.parsed,
        )
        assert detailed.problems == again.problems
        return detailed

    async def _asynchronously(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        async with self.client:
            return await function(*arguments, client=self.client, **named)


@pytest.fixture
def calls(shop: ModuleType) -> Shop:
    """A client of the second contract."""
    return Shop(shop)


def test_a_request_with_everything(calls: Shop) -> None:
    """Path, query, header and cookie parameters, lists of both kinds, and the key go where OpenAPI says."""
    fields = [calls.models.ListLinesFieldsItem.PRICE, calls.models.ListLinesFieldsItem.NAME]
    calls.both(
        calls.list_lines,
        "AB-1234",
        calls.models.Grade.VALUE_NEGATIVE_3,
        tag=["a b", "c&d", "é,"],
        fields=fields,
        from_=datetime.date(2020, 2, 29),
        limit=7,
        cancelled=True,
        x_request_id=ID,
        x_trace="abc",
        basket='a "b"; c',
    )
    request = calls.sent[-1]
    assert request.url.host == "riverside.shop.example"
    assert request.url.path == "/v2/orders/AB-1234/lines/-3"
    assert b"c%26d" in request.url.query
    assert request.url.params.multi_items()[3:] == [
        ("fields", "price,name"),
        ("from", "2020-02-29"),
        ("limit", "7"),
        ("cancelled", "true"),
    ]
    assert request.url.params.get_list("tag") == ["a b", "c&d", "é,"]
    assert request.headers["X-Request-Id"] == str(ID)
    assert request.headers["X-Trace"] == "abc"
    assert request.headers["Cookie"] == "basket=a%20%22b%22%3B%20c"
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert request.content == b""


def test_a_request_with_the_least(calls: Shop) -> None:
    """What is absent or None is not sent; a default of the contract is."""
    calls.both(calls.list_lines, "AB-1234", calls.models.Grade.VALUE_1, x_request_id=ID, cancelled=None)
    request = calls.sent[-1]
    assert request.url.query == b"limit=20"
    assert "Cookie" not in request.headers
    assert "X-Trace" not in request.headers


@pytest.mark.parametrize(
    ("wrong", "place", "rule"),
    [
        ({"order_id": "ab-1234"}, "orderId", "pattern"),
        ({"order_id": None}, "orderId", "required"),
        ({"class_": 1}, "class", "enum"),
        ({"tag": ["a", "a"]}, "tag", "uniqueItems"),
        ({"tag": ["a", "b", "c", "d"]}, "tag", "maxItems"),
        ({"tag": "a"}, "tag", "type"),
        ({"tag": [""]}, "tag", "minLength"),
        ({"limit": 0}, "limit", "minimum"),
        ({"limit": True}, "limit", "type"),
        ({"from_": "2021-02-29"}, "from", "format"),
        ({"x_request_id": "x"}, "X-Request-Id", "type"),
        ({"x_trace": "A"}, "X-Trace", "pattern"),
        ({"x_trace": "a" * 21}, "X-Trace", "maxLength"),
        ({"basket": 5}, "basket", "type"),
        ({"basket": "a\r\nSet-Cookie: b"}, "basket", "type"),
        ({"basket": "é"}, "basket", "type"),
    ],
)
def test_a_wrong_argument_is_not_sent(calls: Shop, wrong: dict[str, Any], place: str, rule: str) -> None:
    """An argument that breaks the contract, or that HTTP cannot carry, is named and nothing is sent."""
    right = {"order_id": "AB-1234", "class_": calls.models.Grade.VALUE_1, "x_request_id": ID}
    with pytest.raises(calls.errors.InvalidValue) as error:
        calls.list_lines.sync_detailed(client=calls.client, **{**right, **wrong})
    [problem] = error.value.problems
    assert (problem.place[0], problem.rule) == (place, rule)
    assert calls.sent == []


@given(value=st.text(max_size=12))
def test_a_path_parameter_stays_in_its_segment(shop: ModuleType, value: str) -> None:
    """Whatever text a path parameter is, it arrives as one segment with that text, or is refused."""
    calls = Shop(shop)
    types = calls.types
    parameter = types.Parameter("path", types.Member("name", types.Text(), required=True))
    try:
        arguments = types.request_arguments("GET", "/a/{name}/b", (parameter,), (value,))
    except calls.errors.InvalidValue:
        assert value in ("", ".", "..") or any("\ud800" <= character <= "\udfff" for character in value)
        return
    calls.client.get_httpx_client().request(**arguments)
    path = calls.sent[-1].url.raw_path.decode()
    assert path.startswith("/v2/a/")
    assert path.count("/") == 4
    assert "?" not in path
    assert calls.sent[-1].url.path == f"/v2/a/{value}/b"


def test_a_body(calls: Shop) -> None:
    """A body goes out as compact UTF-8 JSON with its media type; absent members are absent, null ones null."""
    order = calls.models.Order.from_dict({**ORDER, "note": None, "free": {"ä": [1.5, None]}})
    calls.answer = lambda: httpx.Response(202)
    calls.both(calls.place_order, body=order)
    request = calls.sent[-1]
    assert request.headers["Content-Type"] == "application/json"
    placed = "2026-11-23T18:00:00Z"
    assert json.loads(request.content) == {
        **ORDER,
        "placed": placed,
        "note": None,
        "free": {"ä": [1.5, None]},
    }
    assert "ä".encode() in request.content
    assert b": " not in request.content


def test_a_body_that_became_wrong_is_not_sent(calls: Shop) -> None:
    """Models can be changed in place, past their validators: a body is checked again before it is sent."""
    order = calls.models.Order.from_dict(ORDER)
    order.lines[0].additional_properties["ok"] = 1
    order.lines.append("a line")
    order.additional_properties["lines"] = []
    with pytest.raises(calls.errors.InvalidValue) as error:
        calls.place_order.sync(client=calls.client, body=order)
    assert sorted((problem.place, problem.rule) for problem in error.value.problems) == [
        (("lines",), "additionalProperties"),
        (("lines", 1), "type"),
    ]
    assert calls.sent == []
    with pytest.raises(TypeError):
        hash(order)


def test_an_optional_body(calls: Shop) -> None:
    """A body that may be left out sends no content and no media type; an answer without a body reads as None."""
    calls.answer = lambda: httpx.Response(204)
    assert calls.both(calls.note).parsed is None
    assert "Content-Type" not in calls.sent[-1].headers
    assert calls.note.sync(client=calls.client) is None
    body = calls.models.NoteSomethingBody(mood=calls.models.NoteSomethingBodyMood.GLAD)
    calls.both(calls.note, body=body)
    assert calls.sent[-1].content == b'{"mood":"glad"}'


def test_an_operation_without_security(calls: Shop) -> None:
    """`security: []` on an operation: the key is not sent, and a client without one will do."""
    calls.answer = lambda: httpx.Response(200, json=True)
    assert calls.both(calls.health).parsed is True
    assert [request.headers.get("Authorization") for request in calls.sent] == [None, None]
    plain = calls.client_module.Client(httpx_args={"transport": httpx.MockTransport(calls._handle)})
    with plain:
        assert calls.health.sync(client=plain) is True


@pytest.mark.parametrize(
    ("status", "media_type", "body", "kind"),
    [
        (200, "application/vnd.shop+json", LEAST["Receipt"], "Receipt"),
        (299, "application/vnd.shop+json; charset=utf-8", LEAST["Receipt"], "Receipt"),
        (202, "text/plain", "later", "NoneType"),
    ],
)
def test_ranges_and_exact_statuses(calls: Shop, status: int, media_type: str, body: Any, kind: str) -> None:
    """2XX covers what has no status of its own; a status of its own wins, also where it has no body."""
    calls.answer = lambda: httpx.Response(
        status, content=json.dumps(body), headers={"Content-Type": media_type}
    )
    answer = calls.both(calls.place_order, body=calls.models.Order.from_dict(ORDER))
    assert type(answer.parsed).__name__ == kind
    assert answer.problems == ()
    assert (
        calls.place_order.sync(client=calls.client, body=calls.models.Order.from_dict(ORDER)) == answer.parsed
    )


def _lines(calls: Shop, function: str = "sync_detailed") -> Any:
    return getattr(calls.list_lines, function)(
        "AB-1234", calls.models.Grade.VALUE_1, x_request_id=ID, client=calls.client
    )


def test_a_list_and_the_default_answer(calls: Shop) -> None:
    """A list of models is read item by item; `default` covers every other status."""
    calls.answer = lambda: httpx.Response(200, json=[LINE, LINE])
    assert _lines(calls).parsed == [calls.models.Line.from_dict(LINE)] * 2
    for status in (404, 418, 503, 200 + 399):
        calls.answer = lambda status=status: httpx.Response(  # type: ignore[misc] # bound now
            status, json={"code": "X"}, headers={"Content-Type": "application/problem+json"}
        )
        answer = _lines(calls)
        assert (answer.status_code, answer.parsed.code, answer.problems) == (status, "X", ())
        assert _lines(calls, "sync").code == "X"


def test_what_deviates_is_told_and_kept(calls: Shop) -> None:
    """A body with deviations is read as far as possible, and each is told by place and rule."""
    calls.answer = lambda: httpx.Response(
        200, json=[{**LINE, "count": 4, "grade": None}, 5, {"sku": "AB-1234"}]
    )
    answer = _lines(calls)
    assert [(line.count, line.grade) for line in answer.parsed] == [(4, calls.types.UNSET)]
    assert [(problem.place, problem.rule) for problem in answer.problems] == [
        ((0, "count"), "multipleOf"),
        ((0, "grade"), "enum"),
        ((1,), "type"),
        ((2, "count"), "required"),
        ((2, "price"), "required"),
    ]


def test_an_undocumented_status(calls: Shop) -> None:
    """A status that an operation does not document: no exception in the detailed form, UnexpectedAnswer in the other."""
    calls.answer = lambda: httpx.Response(500, content=b"<html>")
    body = calls.models.Order.from_dict(ORDER)
    answer = calls.both(calls.place_order, body=body)
    assert (answer.status_code, answer.parsed, answer.content) == (500, None, b"<html>")
    with pytest.raises(calls.errors.UnexpectedAnswer) as error:
        calls.place_order.sync(client=calls.client, body=body)
    assert (error.value.status_code, error.value.content) == (500, b"<html>")
