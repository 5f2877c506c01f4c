"""Answers that break off, are packed wrongly, grow beyond measure, or never come."""

from __future__ import annotations

import gzip
import json
import socket
import time
import tracemalloc
import zlib
from typing import Any

import pytest

from comfy_assets import AssetsClient, errors
from comfy_assets.defaults import LARGEST_ANSWER
from tests.client.conftest import KEY, Call
from tests.support import BODY, HASH, answer, scripted

NO_ANSWERS = {
    "closed at once": None,
    "half a status line": b"HTT",
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "half a header": b"HTTP/1.1 201 Created\r\nContent-Le",
    "half a body": answer(201, BODY, length=10_000),
    "broken gzip": answer(201, b"no gzip", headers="Content-Encoding: gzip\r\n"),
}


@pytest.mark.parametrize("said", NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_answers_that_break_off(call: Call, said: bytes | None) -> None:
    """Where no whole answer comes, the error is ours, says which service, and is not called a timeout."""
    with scripted(lambda _: said) as server:
        server.closes = True
        with pytest.raises(errors.APIConnectionError) as caught:
            call(server.url, options={"timeout": 5})
    assert type(caught.value) is errors.APIConnectionError
    assert server.url in str(caught.value)
    assert caught.value.cause == caught.value.attempts[0].error
    began = isinstance(said, bytes) and said.startswith(b"HTTP/1.1 201 X\r\n")
    assert (", which began with 201, broke off (" in str(caught.value)) is began
    assert (caught.value.response is not None) is began


def test_nobody_listens(call: Call) -> None:
    """A refused connection is an APIConnectionError in one line."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(errors.APIConnectionError, match=f"no answer from http://127.0.0.1:{port} ") as caught:
        call(f"http://127.0.0.1:{port}")
    assert "\n" not in str(caught.value)


def test_silence_is_a_timeout(call: Call) -> None:
    """A service that says nothing ends in an APITimeoutError after the time limit."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(errors.APITimeoutError, match=f"^{url} did not answer in time$"):
            call(url, options={"timeout": 0.3})


def test_request_that_is_not_taken() -> None:
    """A service that connects and reads nothing holds the sync client no longer than its deadline.

    The async client ends as well, but aiohttp leaves such a connection to the end of the process.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        began = time.monotonic()
        with AssetsClient(KEY, url, timeout=1) as client, pytest.raises(errors.APITimeoutError) as caught:
            client.create_asset_from_hash(HASH, ["a"], user_metadata={"a": "b" * 20_000_000})
    assert time.monotonic() - began < 6
    assert caught.value.attempts[0].outcome == "unknown"


def test_handshake_that_is_not_answered(call: Call) -> None:
    """A service that never says hello ends at the deadline, and nothing was sent."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        began = time.monotonic()
        with pytest.raises(errors.APITimeoutError) as caught:
            call(f"https://127.0.0.1:{listener.getsockname()[1]}", options={"timeout": 1})
    assert time.monotonic() - began < 6
    assert caught.value.attempts[0].outcome == "not_sent"


CODINGS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    # As some services send it: without the header that the coding should have.
    "Deflate": lambda data: zlib.compress(data, wbits=-zlib.MAX_WBITS),
    "identity": bytes,
}


@pytest.mark.parametrize(("coding", "compress"), CODINGS.items())
def test_compressed_answers(call: Call, coding: str, compress: Any) -> None:
    """What was not asked for is unpacked all the same, in any pieces in which it comes."""
    metadata = {"text": "".join(map(str, range(30_000)))}
    body = compress(json.dumps({**BODY, "user_metadata": metadata}).encode())
    with scripted(answer(201, body, headers=f"Content-Encoding: {coding}\r\n")) as server:
        assert call(server.url).user_metadata == metadata


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_compressed_answer_that_breaks_within(call: Call, coding: str) -> None:
    """A packed answer that goes wrong in its middle, or ends too soon, broke off."""
    packed = CODINGS[coding](json.dumps({**BODY, "user_metadata": {"a": list(range(20_000))}}).encode())
    for broken in (packed[:-9], packed[:20_000] + b"\xff" * 40 + packed[20_040:]):
        head = answer(201, broken, headers=f"Content-Encoding: {coding}\r\n")
        with (
            scripted(head) as server,
            pytest.raises(errors.APIConnectionError, match="DecodingError: ") as caught,
        ):
            call(server.url)
        assert caught.value.status_code == 201


def test_compression_that_breaks_off_says_so(call: Call) -> None:
    """An answer whose bytes are all there, and whose compression is not, is told from one that was cut."""
    half = gzip.compress(json.dumps(BODY).encode())[:60]
    said = answer(201, half, headers="Content-Encoding: gzip\r\n")
    with scripted(said) as server, pytest.raises(errors.APIConnectionError) as caught:
        call(server.url)
    assert caught.value.cause == "DecodingError: the compressed answer breaks off"


def test_compression_that_is_broken_says_so(call: Call) -> None:
    """What the unpacking library found wrong stands in the error."""
    said = answer(201, b"\x1f\x8bno gzip", headers="Content-Encoding: gzip\r\n")
    with scripted(said) as server, pytest.raises(errors.APIConnectionError, match="Error -3 while") as caught:
        call(server.url)
    assert caught.value.cause.startswith("DecodingError: ")


def test_answer_that_grows(call: Call) -> None:
    """A small packed answer that would fill the memory ends at the limit, and says so."""
    packed = gzip.compress(b" " * (8 * LARGEST_ANSWER))
    with (
        scripted(answer(201, packed, headers="Content-Encoding: gzip\r\n")) as server,
        pytest.raises(errors.ContractError, match=f"larger than {LARGEST_ANSWER} bytes") as caught,
    ):
        call(server.url)
    assert len(caught.value.response.content) == LARGEST_ANSWER
    assert str(caught.value) == (
        "the service answered 201, a success, but it cannot be read: the value: expected an answer of bearable size, "
        f"got the answer is larger than {LARGEST_ANSWER} bytes"
    )
    assert [problem.rule for problem in caught.value.problems] == ["content"]


def test_small_answers_do_not_grow(call: Call) -> None:
    """A compressed answer is never unpacked beyond what is kept of it."""
    bomb = gzip.compress(b" " * (64 << 20))
    with scripted(answer(201, bomb, headers="Content-Encoding: gzip\r\n")) as server:
        tracemalloc.start()
        try:
            with pytest.raises(errors.ContractError, match="larger than"):
                call(server.url)
            assert tracemalloc.get_traced_memory()[1] < 16 << 20
        finally:
            tracemalloc.stop()


def test_answer_that_does_not_end_soon(call: Call) -> None:
    """What comes in many pieces is read up to the limit, all of them together."""
    for said in (b" " * (LARGEST_ANSWER + 1), b" " * LARGEST_ANSWER):
        with scripted(answer(201, said)) as server, pytest.raises(errors.ContractError) as caught:
            call(server.url)
        assert len(caught.value.response.content) == LARGEST_ANSWER
        assert ("larger than" in str(caught.value)) is (len(said) > LARGEST_ANSWER)
