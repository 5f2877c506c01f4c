"""What servers, and what stands before them, do wrong: a table of faults, and what a client makes of each.

A row says what the server does, step by step, which results are right (names of classes: an error of ours, or
`AssetCreated` where the answer can be read), and which status came whole, in its status line and headers: that
one has to survive.
"""

from __future__ import annotations

import gzip
import json
import zlib
from functools import cache
from typing import Literal

from attrs import frozen

from tests.client import fault_server as server
from tests.client.fault_server import Step, Words, receive, say
from tests.support import BODY, answer

READ = ("AssetCreated",)
BROKEN = ("APIConnectionError",)
LATE = ("APITimeoutError",)
UNREADABLE = ("ContractError",)
#: Where the answer ends too soon, or cannot be decoded, after it said that it is a success.
BROKEN_SUCCESS = BROKEN + UNREADABLE
#: Where one client may be more lenient than another, and both are right.
READ_OR_NOT = READ + UNREADABLE
READ_OR_BROKEN = READ + BROKEN
#: Where an answer is as large as the time limit, or a limit of size, allows.
LARGE = READ + UNREADABLE + BROKEN + LATE

_CLASSES = {
    400: "BadRequestError",
    401: "AuthenticationError",
    402: "PaymentRequiredError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    409: "ConflictError",
    422: "UnprocessableEntityError",
    429: "RateLimitError",
}


def of_status(status: int) -> tuple[str, ...]:
    """The error of a status that is no success."""
    return (_CLASSES.get(status, "InternalServerError" if 500 <= status < 600 else "APIStatusError"),)


#: `waits`: ends by the clock, so that many can run side by side. `large`: needs time or memory of its own.
Load = Literal["quick", "waits", "large"]


@frozen
class Fault:
    """What a server does, and what is right then."""

    steps: tuple[Step, ...]
    expected: tuple[str, ...]
    status: int | None = None
    place: server.Place = server.plain
    load: Load = "quick"


def says(words: Words, expected: tuple[str, ...], status: int | None = None, load: Load = "quick") -> Fault:
    """A server that reads the request, says something and closes the connection."""
    return Fault((receive, say(words), server.close), expected, status, load=load)


JSON = json.dumps(BODY).encode()
ERROR = json.dumps({"code": "SOME_CODE", "message": "some words"}).encode()
LINE = b"HTTP/1.1 201 Created\r\n"
HEAD = answer(201, BODY).partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
MISSING = answer(404, ERROR)
CHUNKED = LINE + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


def headed(lines: bytes, body: bytes = JSON, status: bytes = b"201 Created") -> bytes:
    """An answer with header lines of its own, and no Content-Length but what they say."""
    return b"HTTP/1.1 " + status + b"\r\nContent-Type: application/json\r\n" + lines + b"\r\n" + body


def with_lines(lines: bytes) -> bytes:
    """A good answer with further header lines."""
    return headed(b"Content-Length: %d\r\n" % len(JSON) + lines)


# --- Connections --------------------------------------------------------------------------------

#: How far the server goes before it ends: steps, and the status if it came whole.
STAGES: dict[str, tuple[tuple[Step, ...], int | None]] = {
    "on accept": ((), None),
    "after the request's headers": ((server.receive_headers,), None),
    "after the whole request": ((receive,), None),
    "within the status line": ((receive, say(LINE[:11])), None),
    "after the status line": ((receive, say(LINE)), None),
    "within the headers": ((receive, say(HEAD[:40])), None),
    "after the headers": ((receive, say(HEAD)), 201),
    "within the body": ((receive, say(HEAD + JSON[:40])), 201),
    "within the body of a 404": ((receive, say(MISSING[:-10])), 404),
}
ENDINGS: dict[str, tuple[Step, tuple[str, ...], tuple[str, ...]]] = {
    "reset": (server.reset, BROKEN, BROKEN_SUCCESS),
    "closed": (server.close, BROKEN, BROKEN_SUCCESS),
    "silent": (server.silent, LATE, LATE),
}


def _ending(ending: str, stage: str) -> Fault:
    steps, status = STAGES[stage]
    last, without, success = ENDINGS[ending]
    expected = without if status is None else success if status == 201 else of_status(status)
    return Fault((*steps, last), expected, status, load="waits" if ending == "silent" else "quick")


CONNECTIONS = {f"{ending} {stage}": _ending(ending, stage) for ending in ENDINGS for stage in STAGES} | {
    "refused": Fault((), BROKEN, place=server.refused),
    "never accepted": Fault((), LATE, place=server.never_accepted, load="waits"),
    "accept queue full": Fault((), LATE, place=server.queue_full, load="waits"),
    "TLS of an unknown authority": Fault((receive, say(answer(201, BODY))), BROKEN, place=server.tls),
    "TLS spoken to without": Fault((receive, say(answer(201, BODY))), BROKEN, place=server.tls_for_http),
    "no TLS, spoken to with it": Fault((say(answer(400, ERROR)), server.close), BROKEN, place=server.plain_for_https),
    "silent in the TLS handshake": Fault((server.silent,), LATE, place=server.plain_for_https, load="waits"),
    "dripping TLS handshake": Fault(
        (server.drip(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc" + bytes(200)),), LATE, place=server.plain_for_https, load="waits"
    ),
}  # fmt: skip


# --- Slow and endless ---------------------------------------------------------------------------


def _slow(*steps: Step, expected: tuple[str, ...] = LATE, status: int | None = None) -> Fault:
    return Fault((receive, *steps), expected, status, load="waits")


def _filler(size: int) -> bytes:
    return b" " * size


def _endless(
    start: bytes, piece: bytes, expected: tuple[str, ...] = BROKEN + LATE, status: int | None = None
) -> Fault:
    """Without an end, but slow enough that many can run side by side."""
    return _slow(say(start), server.repeat(piece, 0.01), expected=expected, status=status)


def _flood(start: bytes, piece: bytes, expected: tuple[str, ...], status: int | None = None) -> Fault:
    """Without an end, and as fast as it can be read: there is never a moment in which a reader has to wait."""
    return Fault((receive, say(start), server.repeat(piece)), expected, status, load="large")


CHUNK = b"1000\r\n" + _filler(1 << 12) + b"\r\n"
MISSING_CHUNKED = CHUNKED.replace(b"201 Created", b"404 Not Found")

TIME: dict[str, Fault] = {
    "slow first byte": _slow(server.pause(0.7), say(answer(201, BODY)), expected=READ, status=201),
    "dripping, but in time": _slow(server.drip(answer(201, BODY), 0.001), expected=READ, status=201),
    "dripping status line": _slow(server.drip(b"HTTP/1.1 201 " + b"Created " * 100)),
    "dripping headers": _slow(say(LINE), server.repeat(b"X", 0.05)),
    "a header line each 50 ms": _slow(say(LINE), server.repeat(b"X-Filler: y\r\n", 0.05)),
    "dripping body": _slow(say(HEAD), server.drip(JSON), status=201),
    "dripping body of a 404": _slow(
        say(answer(404, length=1000)), server.repeat(b" ", 0.05), expected=of_status(404), status=404
    ),
    "dripping chunks": _slow(say(CHUNKED), server.repeat(b"1\r\n \r\n", 0.05), status=201),
    "dripping chunk size": _slow(say(CHUNKED), server.repeat(b"0", 0.05), expected=LATE + BROKEN_SUCCESS, status=201),
    "dripping trailers": _slow(say(CHUNKED + b"0\r\n"), server.repeat(b"X: y\r\n", 0.05), expected=LATE + BROKEN_SUCCESS, status=201),
    "100, then nothing": _slow(say(b"HTTP/1.1 100 Continue\r\n\r\n"), server.silent),
    "a 102 each 50 ms": _slow(server.repeat(b"HTTP/1.1 102 Processing\r\n\r\n", 0.05)),
    "silent after a 500's headers": _slow(say(answer(500, length=10)), server.silent, expected=of_status(500), status=500),
    "endless headers": _endless(LINE, b"X-Filler: y\r\n" * 100),
    "endless header line": _endless(LINE + b"X-Filler: ", b"y" * 1000),
    "endless status line": _endless(b"HTTP/1.1 201 ", b"Created " * 100),
    "endless empty lines": _endless(b"", b"\r\n" * 100),
    "endless 100": _endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 5),
    "endless 103": _endless(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 5),
    "endless body": _endless(LINE + b"\r\n", _filler(1 << 12), LATE + BROKEN_SUCCESS, 201),
    "endless chunks": _endless(CHUNKED, CHUNK, LATE + BROKEN_SUCCESS, 201),
    "endless chunks of a 404": _endless(MISSING_CHUNKED, CHUNK, of_status(404), 404),
    "endless chunk extension": _endless(CHUNKED + b"1;", b"x" * 1000, LATE + BROKEN_SUCCESS, 201),
    "endless trailers": _endless(CHUNKED + b"0\r\n", b"X-Filler: y\r\n" * 100, LATE + BROKEN_SUCCESS, 201),
    "flood of 100": _flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100, BROKEN + LATE),
    "flood of a body": _flood(LINE + b"\r\n", _filler(1 << 16), LATE + BROKEN_SUCCESS, 201),
    "flood of a 404's chunks": _flood(MISSING_CHUNKED, CHUNK * 16, of_status(404), 404),
    "50 MB, then a success": says(lambda _: answer(201, _filler(50_000_000) + JSON), LARGE, 201, "large"),
    "50 MB of a 404": says(lambda _: answer(404, _filler(50_000_000)), of_status(404), 404, "large"),
}  # fmt: skip


# --- Lengths and codings ------------------------------------------------------------------------

LENGTHS: dict[str, Fault] = {
    "half a body": says(answer(201, BODY, length=10_000), BROKEN_SUCCESS, 201),
    "half a body of a 404": says(answer(404, ERROR, length=10_000), of_status(404), 404),
    "length too short": says(answer(201, BODY, length=20), BROKEN_SUCCESS, 201),
    "length 0 and a body": says(answer(201, BODY, length=0), BROKEN_SUCCESS, 201),
    "length is negative": says(headed(b"Content-Length: -5\r\n"), BROKEN),
    "length is text": says(headed(b"Content-Length: many\r\n"), BROKEN),
    "length with a sign": says(headed(b"Content-Length: +%d\r\n" % len(JSON)), READ_OR_BROKEN),
    "length beyond 64 bits": says(headed(b"Content-Length: 99999999999999999999999\r\n"), BROKEN_SUCCESS),
    "two lengths": says(headed(b"Content-Length: 10\r\nContent-Length: 20\r\n"), BROKEN),
    "length and chunks": says(headed(b"Content-Length: 10\r\nTransfer-Encoding: chunked\r\n", b"%x\r\n%b\r\n0\r\n\r\n" % (len(JSON), JSON)), READ_OR_BROKEN),
    "no length, until it closes": says(headed(b""), READ, 201),
    "HTTP/1.0": says(headed(b"").replace(b"1.1", b"1.0", 1), READ, 201),
    "chunk size is text": says(CHUNKED + b"zz\r\n" + JSON + b"\r\n0\r\n\r\n", BROKEN_SUCCESS),
    "chunk size beyond 64 bits": says(CHUNKED + b"F" * 17 + b"\r\n" + JSON, BROKEN_SUCCESS),
    "chunk shorter than it says": says(CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (len(JSON) + 9, JSON), BROKEN_SUCCESS),
    "chunk longer than it says": says(CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (len(JSON) - 9, JSON), BROKEN_SUCCESS),
    "chunks without an end": says(CHUNKED + b"%x\r\n%b\r\n" % (len(JSON), JSON), BROKEN_SUCCESS, 201),
    "unknown transfer coding": says(headed(b"Transfer-Encoding: rot13\r\n"), READ + BROKEN_SUCCESS),
}  # fmt: skip

PACKED = gzip.compress(JSON)


def _coded(coding: str, body: bytes, status: int = 201) -> bytes:
    return answer(status, body, headers=f"Content-Encoding: {coding}\r\n")


def _raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


@cache
def bomb(layers: int) -> bytes:
    """4 GiB of blanks, packed by gzip once or more often: 4 MB, 20 kB

    The same block again and again, each time from a full flush on; the check sum at the end, which no careful
    reader gets to see, is left out.
    """
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    block = packer.compress(_filler(16 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    packed = b"\x1f\x8b\x08" + bytes(6) + b"\xff" + block * 256 + b"\x03\x00" + bytes(8)
    for _ in range(layers - 1):
        packed = gzip.compress(packed)
    return packed


def _bombing(layers: int, status: int) -> Words:
    return lambda _: _coded(", ".join(["gzip"] * layers), bomb(layers), status)


CODINGS: dict[str, Fault] = {
    "gzip": says(_coded("gzip", PACKED), READ_OR_NOT, 201),
    "gzip that is none": says(_coded("gzip", JSON), BROKEN_SUCCESS, 201),
    "gzip that is none, of a 404": says(_coded("gzip", ERROR, 404), of_status(404), 404),
    "truncated gzip": says(_coded("gzip", PACKED[:60]), BROKEN_SUCCESS, 201),
    "truncated gzip of a 404": says(_coded("gzip", PACKED[:60], 404), of_status(404), 404),
    "gzip with a wrong check sum": says(_coded("gzip", PACKED[:-8] + bytes(8)), READ + BROKEN_SUCCESS, 201),
    "gzip with more behind it": says(_coded("gzip", PACKED + b"more"), READ + BROKEN_SUCCESS, 201),
    "gzip of nothing": says(_coded("gzip", b""), BROKEN_SUCCESS, 201),
    "double gzip": says(_coded("gzip, gzip", gzip.compress(PACKED)), READ_OR_NOT, 201),
    "a thousand codings": says(_coded(", ".join(["gzip"] * 1000), PACKED), BROKEN_SUCCESS, 201),
    "deflate, as zlib": says(_coded("deflate", zlib.compress(JSON)), READ_OR_NOT, 201),
    "deflate, raw": says(_coded("deflate", _raw_deflate(JSON)), READ_OR_NOT, 201),
    "deflate that is none": says(_coded("deflate", JSON), BROKEN_SUCCESS, 201),
    "unknown coding": says(_coded("rot13", JSON), READ_OR_NOT, 201),
    "unknown coding of a 500": says(_coded("rot13", b"\x01\x02", 500), of_status(500), 500),
    "brotli that is none": says(_coded("br", b"\x00\xff" + JSON), BROKEN_SUCCESS, 201),
    "zstd that is none": says(_coded("zstd", b"\x00\xff" + JSON), BROKEN_SUCCESS, 201),
} | {
    f"gzip bomb, {layers} deep, {status}": says(
        _bombing(layers, status), LATE + BROKEN_SUCCESS if status == 201 else of_status(status), status, "large"
    )
    for layers, status in ((1, 201), (1, 404), (2, 201))
}  # fmt: skip

FAULTS = CONNECTIONS | TIME | LENGTHS | CODINGS
