"""Cases about keys, media types, methods, encodings and bytes that are no JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from comfy_assets.contract.facts import METADATA, NAME, TAGS
from comfy_assets.contract.keys import ALMOST, KEY
from comfy_assets.contract.messages import CHUNKED, NO_BODY, Request, encode
from comfy_assets.contract.record import Case

if TYPE_CHECKING:
    from collections.abc import Iterator

    from comfy_assets.contract.plan import Planner

CONTROL = "control"
#: Never a key of anybody.
WRONG_KEY = "wrong-{}-no-key-of-anybody"
#: Levels that end a recursive reader, and bytes that no request of this operation needs.
VERY_DEEP = 50_000
#: The same for readers that end at a thousand levels, in a body that no limit of size keeps from them.
DEEP = 2_000
VERY_LARGE = 2 * 1024 * 1024
_DIGITS = 5000


def cases(planner: Planner) -> Iterator[Case]:
    """All of them; each differs from the control in one thing."""
    request = planner.request(planner.base)
    for id_, changed in _all(planner, request):
        yield Case(id_, changed, control=CONTROL)


def _all(planner: Planner, request: Request) -> Iterator[tuple[str, Request]]:
    if KEY in planner.facts.keys:
        yield from _keys(planner, request)
    yield from _media_types(planner, request)
    yield from _methods(request)
    yield from _bodies(request)
    yield from _open(planner)


def _keys(planner: Planner, request: Request) -> Iterator[tuple[str, Request]]:
    header = planner.facts.key_header
    without = request.setting(header)
    yield "auth/missing", without
    yield "auth/empty", request.setting(header, "")
    yield "auth/wrong", request.setting(header, WRONG_KEY.format(planner.facts.run_id))
    yield "auth/wrong, short", request.setting(header, "0")
    yield "auth/wrong, looks like SQL", request.setting(header, "' OR '1'='1")
    yield "auth/wrong, beyond ASCII", request.setting(header, "cl\xe9")
    yield "auth/wrong, long", request.setting(header, "k" * 4000)
    for placeholder in ALMOST:
        yield (
            f"auth/almost, {placeholder.strip('{}').partition(', ')[2]}",
            request.setting(header, placeholder),
        )
    yield "auth/with a scheme", request.setting(header, f"Bearer {WRONG_KEY.format(planner.facts.run_id)}")
    yield "auth/in Authorization", without.setting("Authorization", f"Bearer {KEY}")
    yield "auth/in a cookie", without.setting("Cookie", f"{header}={KEY}")
    yield "auth/in another header", without.setting("Api-Key", KEY)
    yield "auth/in the query", evolve(without, target=f"{request.target}?{header}={KEY}")
    yield "auth/in the query as api_key", evolve(without, target=f"{request.target}?api_key={KEY}")
    others = tuple(pair for pair in request.headers if pair[0] != header)
    yield "auth/header in lower case", evolve(request, headers=(*others, (header.lower(), KEY)))


def _media_types(planner: Planner, request: Request) -> Iterator[tuple[str, Request]]:
    def typed(*values: str) -> Request:
        return request.setting("Content-Type", *values)

    expected = planner.facts.media_type
    for wrong in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/xml",
        "application/octet-stream",
    ):
        yield f"media type/{wrong}", typed(wrong)
    yield "media type/none", typed()
    yield "media type/with a charset", typed(f"{expected}; charset=utf-8")
    yield "media type/in upper case", typed(expected.upper())
    yield "media type/form", evolve(typed("application/x-www-form-urlencoded"), body=b"hash=a&tags=b")
    yield "body/in chunks", evolve(request, framing=CHUNKED)


def _methods(request: Request) -> Iterator[tuple[str, Request]]:
    bare = evolve(request.setting("Content-Type"), body=b"", framing=NO_BODY)
    for method in ("GET", "HEAD", "DELETE", "OPTIONS"):
        yield f"method/{method}", evolve(bare, method=method)
    for method in ("PUT", "PATCH"):
        yield f"method/{method}", evolve(request, method=method)
    yield "method/unknown", evolve(bare, method="FROBNICATE")


def _bodies(request: Request) -> Iterator[tuple[str, Request]]:
    right = request.body

    def with_body(body: bytes) -> Request:
        return evolve(request, body=body)

    yield "json/empty", with_body(b"")
    yield "json/only spaces", with_body(b"  \r\n")
    yield "json/no body at all", evolve(request, body=b"", framing=NO_BODY)
    yield "json/cut short", with_body(right[:-1])
    yield "json/cut in the middle", with_body(right[: len(right) // 2])
    yield "json/trailing comma", with_body(right[:-1] + b",}")
    yield "json/single quotes", with_body(right.replace(b'"', b"'"))
    yield "json/a comment", with_body(b"/* check */" + right)
    yield "json/names without quotes", with_body(right.replace(b'"tags"', b"tags"))
    yield "json/a raw line break in text", with_body(right.replace(b'"check"', b'"che\nck"'))
    yield "json/not JSON at all", with_body(b"hash=blake3&tags=input")
    yield "json/trailing bytes", with_body(right + b"x")
    yield "json/trailing brace", with_body(right + b"}")
    yield "json/a second value", with_body(right + b"\n" + right)
    for name in (b"NaN", b"Infinity", b"-Infinity"):
        yield f"json/{name.decode()}", with_body(_with_metadata(right, b'{"a":%b}' % name))
    yield "json/not UTF-8", with_body(right.replace(b'"check"', b'"ch\xffeck"'))
    yield "json/an encoded surrogate", with_body(right.replace(b'"check"', b'"\xed\xa0\x80"'))
    yield "json/UTF-16", with_body(right.decode().encode("utf-16"))
    yield "json/escapes for letters", with_body(right.replace(b'"tags"', b'"t\\u0061gs"'))
    yield "json/spaces between", with_body(right.replace(b'":', b'" :\r\n\t '))


def _with_metadata(right: bytes, metadata: bytes) -> bytes:
    """The body with other metadata, which need not be JSON."""
    start = right.index(b'"%b":' % METADATA.encode()) + len(METADATA) + 3
    return right[:start] + metadata + right[right.index(b"}", start) + 1 :]


def _open(planner: Planner) -> Iterator[tuple[str, Request]]:
    """What may be accepted or refused, and must not break the server."""
    base = planner.base
    right = encode(base)

    def raw(body: bytes) -> Request:
        return planner.request(body)

    yield "open/a byte order mark", raw(b"\xef\xbb\xbf" + right)
    yield "open/a member twice", raw(right[:-1] + b',"%b":["other"]}' % TAGS.encode())
    yield "open/a lone surrogate in a tag", planner.request({**base, TAGS: ["\ud800"]})
    yield "open/a lone surrogate in name", planner.request({**base, NAME: base[NAME] + "\udfff"})
    yield "open/a lone surrogate in user_metadata", planner.request({**base, METADATA: {"a": "\ud800"}})
    yield "open/NUL in name", planner.request({**base, NAME: "a\0b"})
    yield "open/NUL in a tag", planner.request({**base, TAGS: ["a\0b"]})
    yield "open/NUL in user_metadata", planner.request({**base, METADATA: {"a\0": "b\0"}})
    yield "open/a number beyond doubles", raw(_with_metadata(right, b'{"a":1e999}'))
    yield "open/an integer of many digits", raw(_with_metadata(right, b'{"a":1%b}' % (b"0" * _DIGITS)))
    deep = b"[" * VERY_DEEP + b"]" * VERY_DEEP
    yield "open/very deep nesting", raw(_with_metadata(right, b'{"a":%b}' % deep))
    yield "open/only very deep nesting", raw(deep)
    yield "open/deep nesting", raw(_with_metadata(right, b'{"a":%b}' % (b"[" * DEEP + b"]" * DEEP)))
    yield "open/only deep nesting", raw(b"[" * DEEP + b"]" * DEEP)
    yield "open/a very long name", planner.request({**base, NAME: base[NAME] * 400})
    yield "open/very many tags", planner.request({**base, TAGS: [f"t{number}" for number in range(2000)]})
    yield "open/a very large body", planner.request({**base, METADATA: {"a": "x" * VERY_LARGE}})
    coded = planner.request(base).setting("Content-Encoding", "gzip")
    yield "open/a content coding that is not true", coded
    yield (
        "open/charset utf-16",
        planner.request(base).setting("Content-Type", f"{planner.facts.media_type}; charset=utf-16"),
    )
