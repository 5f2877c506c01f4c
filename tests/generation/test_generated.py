"""The client in generated/: secrets, time limits, threads, copies, and answers of every kind."""

from __future__ import annotations

import asyncio
import copy
import pickle
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

import httpx
import pytest

from tests.generation import support

KEY = "a-key-that-is-written-nowhere"
OPERATION = "api.asset.create_asset_from_hash"
CREATED = {
    "id": "3c90c3cc-0d44-4b50-8888-8dd25736052a",
    "name": "a.png",
    "size": 1,
    "created_at": "2023-11-07T05:31:56Z",
    "updated_at": "2023-11-07T05:31:56Z",
    "created_new": True,
}


def _client(assets: ModuleType, answer: Callable[[], httpx.Response] | None = None, **arguments: Any) -> Any:
    transport = httpx.MockTransport(lambda request: answer() if answer else httpx.Response(201, json=CREATED))
    given = {"httpx_args": {"transport": transport}, **arguments}
    return support.submodule(assets, "client").AuthenticatedClient(**{"token": KEY, **given})


def _body(assets: ModuleType) -> Any:
    models = support.submodule(assets, "models")
    return models.CreateAssetFromHashRequest(hash="blake3:" + "a" * 64, tags=["input"])


def test_unset_is_one_object(assets: ModuleType) -> None:
    """UNSET survives copy, deepcopy and pickle as the same object, is false, and shows its name."""
    unset = support.submodule(assets, "types").UNSET
    for again in (
        copy.copy(unset),
        copy.deepcopy(unset),
        pickle.loads(pickle.dumps(unset)),
        copy.deepcopy([unset])[0],
    ):
        assert again is unset
    assert not unset
    assert repr(unset) == "UNSET"


def test_models_and_answers_copy_and_pickle(assets: ModuleType) -> None:
    """Models, answers and errors are equal to their copies and pickles, with UNSET, unknown members and exact times."""
    models, types = support.submodule(assets, "models"), support.submodule(assets, "types")
    errors = support.submodule(assets, "errors")
    model = models.AssetCreated.from_dict(
        {
            **CREATED,
            "more": [1],
            "updated_at": "2023-11-07T05:31:56.123456789Z",
            "last_access_time": "2016-12-31T23:59:60Z",
        }
    )
    answer = support.submodule(assets, OPERATION).sync_detailed(client=_client(assets), body=_body(assets))
    problem = errors.Problem(("a", 0), "pattern", "one", "another")
    for one in (model, errors.InvalidValue([problem]), errors.UnexpectedAnswer(500, b"x", [problem])):
        for again in (copy.deepcopy(one), copy.copy(one), pickle.loads(pickle.dumps(one))):
            assert str(again) == str(one)
            assert vars(again) == vars(one) if isinstance(one, Exception) else again == one
    assert pickle.loads(pickle.dumps(model)).to_dict() == model.to_dict()
    assert model.to_dict()["updated_at"] == "2023-11-07T05:31:56.123456789Z"
    assert pickle.loads(pickle.dumps(answer)) == answer == copy.deepcopy(answer)
    assert model.preview_id is types.UNSET


def test_the_key_shows_nowhere(assets: ModuleType) -> None:
    """The key is in no repr, no dict of attributes, no pickle of an answer, and goes out in its header alone."""
    sent: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(201, json=CREATED)

    client = _client(assets, httpx_args={"transport": httpx.MockTransport(handle)})
    answer = support.submodule(assets, OPERATION).sync_detailed(client=client, body=_body(assets))
    header = support.submodule(assets, "client").KEY_HEADER
    assert [(name, value) for name, value in sent[0].headers.items() if KEY in value] == [
        (header.lower(), KEY)
    ]
    auth = support.submodule(assets, "client").KeyInHeader(KEY)
    underneath = client.get_httpx_client()
    for shown in (
        client,
        answer,
        auth,
        underneath,
        vars(auth),
        vars(underneath),
        underneath.headers,
        client.headers,
    ):
        assert KEY not in repr(shown)
        assert KEY not in str(shown)
    assert KEY.encode() not in pickle.dumps(answer)
    assert not hasattr(client, "__dict__")


@pytest.mark.parametrize(
    "key", ["", " ", "a b", "a\nb", "a\r\nX: y", "schlüssel", "a\x00b", "a\x7f", "\u200b", "a\t"]
)
def test_a_key_that_no_header_can_carry(assets: ModuleType, key: str) -> None:
    """A key with spaces, line ends or anything but visible ASCII is refused without being shown."""
    with pytest.raises(ValueError, match="visible ASCII") as error:
        _client(assets, token=key)
    if key.strip():
        assert key not in str(error.value)


def test_the_key_cannot_be_read_or_exchanged(assets: ModuleType) -> None:
    """A client does not hand its key out, and keeps the one that it was made with."""
    client = _client(assets)
    with pytest.raises(AttributeError):
        _ = client.token
    with pytest.raises(AttributeError):
        client.token = "another"


def test_the_callers_headers_stay_theirs(assets: ModuleType) -> None:
    """Neither calls nor copies change the caller's dict of headers or the client that a copy is made of."""
    sent: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(201, json=CREATED)

    header = support.submodule(assets, "client").KEY_HEADER
    headers, arguments = {"X-A": "1"}, {"transport": httpx.MockTransport(handle)}
    client = _client(assets, headers=headers, httpx_args=arguments)
    more = client.with_headers({"X-B": "2"})
    slow = client.with_timeout(99)
    for one in (client, more, slow):
        support.submodule(assets, OPERATION).sync(client=one, body=_body(assets))
    assert headers == {"X-A": "1"}
    assert list(arguments) == ["transport"]
    assert client.headers == {"X-A": "1"}
    assert more.headers == {"X-A": "1", "X-B": "2"}
    assert (client.timeout, slow.timeout) == (30.0, 99)
    assert [request.headers[header] for request in sent] == [KEY] * 3
    assert len({id(one.get_httpx_client()) for one in (client, more, slow)}) == 3


@pytest.mark.parametrize(
    "timeout",
    [
        None,
        0,
        -1,
        True,
        float("inf"),
        float("nan"),
        "5",
        httpx.Timeout(None),
        httpx.Timeout(5, read=None),
        httpx.Timeout(5, pool=0),
    ],
)
def test_there_is_always_a_time_limit(assets: ModuleType, timeout: Any) -> None:
    """No timeout, or none for one phase, cannot be given: not at first, not later, and not by httpx_args."""
    client = _client(assets)
    for attempt in (
        lambda: _client(assets, timeout=timeout),
        lambda: setattr(client, "timeout", timeout),
        lambda: client.with_timeout(timeout),
        lambda: _client(assets, httpx_args={"timeout": timeout}),
    ):
        with pytest.raises(ValueError, match="timeout"):
            attempt()
    assert client.get_httpx_client().timeout == httpx.Timeout(30.0)
    assert _client(assets, timeout=httpx.Timeout(5, read=9)).get_async_httpx_client().timeout.read == 9


def test_redirects_cannot_be_switched_on(assets: ModuleType) -> None:
    """A redirect is an answer: the key goes to no other host, and httpx_args cannot change that."""
    for name, value in (
        ("follow_redirects", True),
        ("auth", ("a", "b")),
        ("base_url", "x"),
        ("headers", {}),
        ("verify", False),
    ):
        with pytest.raises(ValueError, match=name):
            _client(assets, httpx_args={name: value})
    hosts: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        hosts.append(request.url.host)
        return httpx.Response(307, headers={"Location": "https://evil.example/"})

    client = _client(assets, httpx_args={"transport": httpx.MockTransport(handle)})
    operation = support.submodule(assets, OPERATION)
    assert operation.sync_detailed(client=client, body=_body(assets)).status_code == 307
    with pytest.raises(support.submodule(assets, "errors").UnexpectedAnswer, match="307"):
        operation.sync(client=client, body=_body(assets))
    assert hosts == ["cloud.comfy.org"] * 2


def test_threads_share_one_client(assets: ModuleType) -> None:
    """Eight threads that call at once build one client underneath; closing it and calling again builds another."""
    client = _client(assets)
    barrier, found = threading.Barrier(8), []

    def call() -> None:
        barrier.wait()
        found.append(client.get_httpx_client())
        support.submodule(assets, OPERATION).sync(client=client, body=_body(assets))

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(found) == 8
    assert len({id(one) for one in found}) == 1
    with client:
        pass
    assert found[0].is_closed
    assert client.get_httpx_client() is not found[0]


_HTML = b"<html><h1>502 Bad Gateway</h1></html>"


@pytest.mark.parametrize("status", [99, 100, 200, 201, 204, 301, 400, 401, 404, 418, 500, 520, 599, 600, 999])
@pytest.mark.parametrize(
    "content",
    [
        b"", _HTML, b'{"id": ', b"\xff\xfe\x00", b"null", b"[]", b"5", b'"text"', b"NaN", b"{}", b"[" * 100_000,
        b'{"a":' * 50_000, b'{"id": null, "name": 5}', b'{"size": 1e999}', b"9" * 5000, b"\xef\xbb\xbf{}",
    ],
    ids=range(16),
)  # fmt: skip
def test_any_answer_is_read_without_raising(assets: ModuleType, status: int, content: bytes) -> None:
    """Whatever the status and the body: the detailed calls give both, the plain ones raise UnexpectedAnswer with the status."""
    headers = {"Content-Type": "application/json"}
    client = _client(assets, lambda: httpx.Response(status, content=content, headers=headers))
    operation, errors = support.submodule(assets, OPERATION), support.submodule(assets, "errors")
    answer = operation.sync_detailed(client=client, body=_body(assets))
    assert (answer.status_code, answer.content, answer.parsed) == (status, content, None)

    async def asynchronously() -> Any:
        async with client:
            return await operation.asyncio_detailed(client=client, body=_body(assets))

    assert asyncio.run(asynchronously()).problems == answer.problems
    with pytest.raises(errors.UnexpectedAnswer) as error:
        operation.sync(client=client, body=_body(assets))
    assert error.value.status_code == status
    assert error.value.content == content
    assert str(status) in str(error.value)
    assert len(str(error.value)) < 2000
    # A documented status with a body that cannot be read says why.
    assert bool(answer.problems) is any(one.first <= status <= one.last for one in operation.ANSWERS)


def test_a_media_type_that_is_not_the_contracts(assets: ModuleType) -> None:
    """A body of another media type is read if it can be, and the deviation is told."""
    operation = support.submodule(assets, OPERATION)
    client = _client(assets, lambda: httpx.Response(201, json=CREATED, headers={"Content-Type": "text/html"}))
    read = operation.sync_detailed(client=client, body=_body(assets))
    assert read.parsed.name == "a.png"
    assert [(problem.place, problem.rule) for problem in read.problems] == [(("Content-Type",), "content")]


def test_a_request_is_checked_again(assets: ModuleType) -> None:
    """Models are mutable and so unhashable: what was changed in place past a validator is refused before sending."""
    operation, errors = support.submodule(assets, OPERATION), support.submodule(assets, "errors")
    body = _body(assets)
    with pytest.raises(TypeError):
        hash(body)
    body.tags.append(5)
    body.tags.append("\ud800")
    with pytest.raises(errors.InvalidValue) as error:
        operation.request_arguments(body=body)
    assert [problem.place for problem in error.value.problems] == [("tags", 1), ("tags", 2)]
    body.tags.clear()
    with pytest.raises(errors.InvalidValue, match="at least 1 item"):
        operation.request_arguments(body=body)
    body.tags.append("ok")
    body.user_metadata = {}
    body.user_metadata["self"] = body.user_metadata
    with pytest.raises(errors.InvalidValue, match="nested"):
        operation.request_arguments(body=body)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("blake3:" + "a" * 63, ["hash", "blake3"]),
        ("blake3:" + "a" * 64 + "\n", ["hash"]),
        ("picture.png", ["hash", "picture.png"]),
        (None, ["hash", "string", "null"]),
        (5, ["hash", "string", "5"]),
        ("x" * 10**6, ["hash", "..."]),
    ],
)
def test_an_error_names_field_value_and_limit(assets: ModuleType, value: Any, words: list[str]) -> None:
    """The message of a refused value names the member, what was expected and what came, and is short."""
    models, errors = support.submodule(assets, "models"), support.submodule(assets, "errors")
    with pytest.raises(errors.InvalidValue) as error:
        models.CreateAssetFromHashRequest(hash=value, tags=["a"])
    assert [word for word in words if word not in str(error.value)] == []
    assert len(str(error.value)) < 300
