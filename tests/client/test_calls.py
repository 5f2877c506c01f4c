"""Whole calls on real sockets: repeats, the deadline, what is told of each attempt. Each with both clients."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from comfy_assets import AssetsClient, Attempt, RetryPolicy, errors
from comfy_assets.testing import FakeClock
from tests.client.conftest import Call
from tests.support import BODY, HASH, Request, answer, scripted

# The server closes after each answer; without its saying so, a client could send into a closed connection.
CLOSE = "Connection: close\r\n"
EXISTING = answer(200, {**BODY, "created_new": False}, headers=CLOSE)
CREATED = answer(201, BODY, headers=CLOSE)
FAILED = answer(500, {"code": "INTERNAL", "message": "failed"}, headers=CLOSE)
BUSY = answer(503, {"code": "BUSY", "message": "later"}, headers=f"Retry-After: 7\r\n{CLOSE}")
THROTTLED = answer(429, {"code": "SLOW_DOWN", "message": "later"}, headers=f"Retry-After: 7\r\n{CLOSE}")
INACTIVE = answer(429, {"code": "INACTIVE", "message": "no subscription"}, headers=CLOSE)
HALF = answer(201, BODY, length=10_000)


def answers(*said: bytes | None) -> Callable[[Request], bytes | None]:
    """Each once, in this order; the last one for ever. None closes the connection without a word."""
    waiting = list(said)
    return lambda _: waiting.pop(0) if len(waiting) > 1 else waiting[0]


def options(clock: FakeClock, **further: Any) -> dict[str, Any]:
    """Repeats that take no time."""
    return {"retry": RetryPolicy(), "clock": clock, **further}


#: What the service says -> outcomes of the attempts, and whether this call created the reference.
STORIES: dict[str, tuple[list[bytes | None], list[str], bool | None]] = {
    "at once": ([CREATED], ["answered"], True),
    "existed": ([EXISTING], ["answered"], False),
    "busy, then created": ([BUSY, CREATED], ["refused", "answered"], True),
    "throttled twice": ([THROTTLED, THROTTLED, EXISTING], ["refused", "refused", "answered"], False),
    "failed, then existed: the first may have made it": ([FAILED, EXISTING], ["unknown", "answered"], None),
    "failed, then created": ([FAILED, CREATED], ["unknown", "answered"], True),
    "closed without a word": ([None, EXISTING], ["unknown", "answered"], None),
    "broke off": ([HALF, EXISTING], ["unknown", "answered"], None),
}


@pytest.mark.parametrize(("said", "outcomes", "created"), STORIES.values(), ids=STORIES)
def test_repeats(call: Call, said: list[bytes | None], outcomes: list[str], created: bool | None) -> None:
    """What may pass is asked again, and the result says what each attempt did and who made the reference."""
    clock, told = FakeClock(), list[Attempt]()
    with scripted(answers(*said)) as server:
        server.closes = True
        asset = call(server.url, options=options(clock, attempt_hook=told.append))
    assert [attempt.outcome for attempt in asset.call.attempts] == outcomes
    assert list(asset.call.attempts) == told
    assert asset.call.created_by_this_call is created
    assert len(server.requests) == len(outcomes)
    assert [request.body for request in server.requests] == [server.requests[0].body] * len(outcomes)
    assert clock.sleeps == [attempt.delay for attempt in told[:-1]]


def test_waits_double_and_obey_the_service(call: Call) -> None:
    """Waits fall below a bound that doubles; one that the service asks for is never cut short."""
    clock = FakeClock(draw=1)
    with scripted(answers(FAILED, FAILED, BUSY, CREATED)) as server:
        call(server.url, options=options(clock))
    assert clock.sleeps == [0.5, 1.0, 7.0]


GIVES_UP: dict[str, tuple[bytes | None, dict[str, Any], type[errors.ComfyAssetsError], int, str]] = {
    "too many attempts": (FAILED, {}, errors.InternalServerError, 4, "attempts"),
    "longer than the deadline": (BUSY, {"timeout": 6}, errors.InternalServerError, 1, "deadline"),
    "429 that says no time": (INACTIVE, {}, errors.RateLimitError, 1, "error"),
    "repeats switched off": (FAILED, {"retry": None}, errors.InternalServerError, 1, "error"),
    "unknown is not repeated": (
        FAILED, {"retry": RetryPolicy(repeat_unknown=False)}, errors.InternalServerError, 1, "unknown",
    ),
    "closed, and unknown is not repeated": (
        None, {"retry": RetryPolicy(repeat_unknown=False)}, errors.APIConnectionError, 1, "unknown",
    ),
    "budget": (FAILED, {"retry": RetryPolicy(budget=2)}, errors.InternalServerError, 3, "budget"),
}  # fmt: skip


@pytest.mark.parametrize(("said", "further", "kind", "count", "why"), GIVES_UP.values(), ids=GIVES_UP)
def test_gives_up(
    call: Call,
    said: bytes | None,
    further: dict[str, Any],
    kind: type[errors.ComfyAssetsError],
    count: int,
    why: str,
) -> None:
    """The error carries every attempt, and the last one says why it was the last."""
    clock = FakeClock()
    with scripted(answers(said)) as server, pytest.raises(kind) as caught:
        call(server.url, options=options(clock, **further))
    assert len(caught.value.attempts) == count == len(server.requests)
    assert caught.value.attempts[-1].stopped_by == why
    assert ("attempts)" in str(caught.value)) is (count > 1)
    if said in (BUSY, THROTTLED):
        assert caught.value.retry_after == 7


def test_a_copy_with_another_budget_has_its_own() -> None:
    """Copies share a budget of one size; another size is another budget."""
    policy = RetryPolicy(attempts=9, budget=1)
    with scripted(answers(FAILED)) as server:
        server.closes = True
        with AssetsClient("key-4f1c9a", server.url, retry=policy, clock=FakeClock(draw=0)) as client:
            larger = client.with_options(retry=RetryPolicy(attempts=9, budget=3))
            for one, count in ((client, 2), (client.with_options(timeout=5), 1), (larger, 4), (larger, 1)):
                with pytest.raises(errors.InternalServerError) as caught:
                    one.create_asset_from_hash(HASH, ["a"])
                assert len(caught.value.attempts) == count


def test_nothing_sent_is_known(call: Call) -> None:
    """Where nobody listens, nothing was sent, and each attempt says so."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(errors.APIConnectionError) as caught:
        call(url, options=options(FakeClock()))
    assert [attempt.outcome for attempt in caught.value.attempts] == ["not_sent"] * 4


def test_silence_is_repeated(call: Call) -> None:
    """A service that is silent once costs one attempt, not the call."""
    asked = threading.Event()

    def script(_: Request) -> bytes:
        if not asked.is_set():
            asked.set()
            time.sleep(1)
        return EXISTING

    policy = RetryPolicy(attempt_timeout=0.3, first_delay=0)
    with scripted(script) as server:
        asset = call(server.url, options={"retry": policy, "timeout": 20})
    assert [attempt.outcome for attempt in asset.call.attempts] == ["unknown", "answered"]
    assert asset.call.created_by_this_call is None


def drip(connection: socket.socket, head: bytes, drop: bytes) -> None:
    """Send `head`, then one more piece every 20 ms until nobody listens."""
    try:
        connection.sendall(head)
        while True:
            connection.sendall(drop)
            time.sleep(0.02)
    except OSError:
        connection.close()


DRIPS = {
    "status line": (b"HTTP/1.1 2", b"0"),
    "headers": (b"HTTP/1.1 201 Created\r\n", b"X-A: b\r\n"),
    "one header": (b"HTTP/1.1 201 Created\r\nX-A: ", b"b"),
    "body": (b"HTTP/1.1 201 Created\r\nContent-Length: 100000\r\n\r\n", b"{"),
    "chunks": (b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n{\r\n"),
    "100s": (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@pytest.mark.parametrize(("head", "drop"), DRIPS.values(), ids=DRIPS)
def test_one_deadline_over_everything(call: Call, head: bytes, drop: bytes) -> None:
    """A service that never stops sending a little cannot hold a call past its deadline."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            drip(connection, head, drop)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        began = time.monotonic()
        with pytest.raises(errors.APIConnectionError) as caught:
            call(f"http://127.0.0.1:{listener.getsockname()[1]}", options={"timeout": 0.5})
        took = time.monotonic() - began
        thread.join(10)
    # Generous: the limit is 0.5 s, the machine may be busy, and an unbounded client never returns.
    assert took < 3
    assert caught.value.status_code == (201 if head.endswith(b"\r\n\r\n") and b" 201 " in head else None)


def test_status_survives_a_body_that_drips(call: Call) -> None:
    """An error whose body never ends is the error of its status, not a timeout."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            drip(connection, b"HTTP/1.1 404 Not Found\r\nContent-Length: 100000\r\n\r\n", b"x")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with pytest.raises(errors.NotFoundError, match="xxx"):
            call(f"http://127.0.0.1:{listener.getsockname()[1]}", options={"timeout": 0.5})
        thread.join(10)


def test_hook_that_fails_costs_nothing(call: Call, caplog: pytest.LogCaptureFixture) -> None:
    """A mistake in a hook is logged, and the call goes on."""

    def hook(_: object) -> None:
        raise ZeroDivisionError

    with scripted(answer(201, {**BODY, "mime_type": None})) as server:
        asset = call(server.url, options={"attempt_hook": hook, "drift_hook": hook, "on_drift": "ignore"})
    assert asset.created_new
    assert caplog.messages == [
        f"a hook failed on {what!r}" for what in (*asset.call.attempts, *asset.call.drift)
    ]
    assert all("ZeroDivisionError" in str(record.exc_info) for record in caplog.records)


def test_drift_hook_counts_each(call: Call) -> None:
    """The hook gets every deviation of every answer, whatever `on_drift` says."""
    found: list[Any] = []
    with scripted(answer(201, {**BODY, "mime_type": None, "preview_url": "/a"})) as server:
        call(server.url, options={"drift_hook": found.append, "on_drift": "ignore"})
        with pytest.raises(errors.ContractError):
            call(server.url, options={"drift_hook": found.append, "on_drift": "raise"})
    assert [problem.place for problem in found] == [("mime_type",), ("preview_url",)] * 2


WRONG = [
    {"retry": 3}, {"retry": False}, {"attempt_hook": 5}, {"drift_hook": "count"}, {"timeout": float("nan")},
]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_options_that_cannot_work(call: Call, wrong: dict[str, Any]) -> None:
    """An option that cannot work is refused by name when the client is made."""
    with pytest.raises(errors.InputError, match=next(iter(wrong))):
        call("http://127.0.0.1:1", HASH, ["a"], options=wrong)
