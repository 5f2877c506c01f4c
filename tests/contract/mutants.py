"""Servers that are broken in one way each, and some that are only unusual: a proxy and two tables.

The proxy stands before a server that obeys. A fault edits the request before the obedient server sees it (it then accepts what it must not), or
the answer before the caller does. Real sockets on both sides.
"""

from __future__ import annotations

import http.client
import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from . import document
from .runs import Server

#: Belong to one connection, or are set anew by whoever sends.
HOP_BY_HOP = {"connection", "content-length", "date", "host", "server", "transfer-encoding"}


@dataclass(frozen=True)
class Request:
    """A request on its way to the obedient server; header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def members(self) -> dict[str, Any]:
        """The body's members; none where it is not a JSON object."""
        return _members(self.body)

    def with_member(self, name: str, value: Any) -> Request:
        """The same request with one member set."""
        return replace(self, body=json.dumps({**self.members, name: value}).encode())

    def without_member(self, name: str) -> Request:
        """The same request with one member left out."""
        return replace(self, body=json.dumps({k: v for k, v in self.members.items() if k != name}).encode())


@dataclass(frozen=True)
class Answer:
    """An answer on its way to the caller; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def members(self) -> dict[str, Any]:
        """The body's members; none where it is not a JSON object."""
        return _members(self.body)

    def saying(self, members: dict[str, Any], status: int | None = None) -> Answer:
        """The same answer with another body, and another status where one is given."""
        return replace(self, status=status or self.status, body=json.dumps(members).encode())


Before = Callable[[Request, Server], Request]
After = Callable[[Request, Answer], Answer]


def _same_request(request: Request, _server: Server) -> Request:
    return request


def _same_answer(_request: Request, answer: Answer) -> Answer:
    return answer


@dataclass(frozen=True)
class Mutant:
    """One fault, and the check or rule that has to find it."""

    fault: str
    found_by: str
    before: Before = _same_request
    after: After = _same_answer


@contextmanager
def serve(mutant: Mutant, server: Server) -> Iterator[Server]:
    """The broken server, for as long as the context lasts."""
    handler = type("Handler", (_Handler,), {"mutant": mutant, "upstream": server})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as listener:
        listener.daemon_threads = True
        # The default of half a second would be most of a run's time at its end.
        thread = Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield replace(server, url=f"http://127.0.0.1:{listener.server_address[1]}")
        finally:
            listener.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    mutant: Mutant
    upstream: Server
    protocol_version = "HTTP/1.1"
    # One write per answer, and no waiting for the caller's acknowledgement of the first.
    wbufsize = -1
    disable_nagle_algorithm = True

    def setup(self) -> None:
        """Keep one connection to the obedient server for each of the caller's."""
        super().setup()
        parts = urlsplit(self.upstream.url)
        self.connection_to_upstream = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)

    def finish(self) -> None:
        """End it with the caller's."""
        self.connection_to_upstream.close()
        super().finish()

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""

    def _forward(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, self.rfile.read(length))
        sent = self.mutant.before(request, self.upstream)
        self._send(self.mutant.after(request, _ask(self.connection_to_upstream, sent)))

    def __getattr__(self, name: str) -> Any:
        # The base class looks for `do_GET` and so on: every method goes the same way.
        if name.startswith("do_"):
            return self._forward
        raise AttributeError(name)

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("content-length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)


def _ask(connection: http.client.HTTPConnection, request: Request) -> Answer:
    headers = {name: value for name, value in request.headers.items() if name not in HOP_BY_HOP}
    connection.request(request.method, request.target, request.body or None, headers)
    response = connection.getresponse()
    received = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, received, response.read())


def _members(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


# --- Faults ------------------------------------------------------------------------------------


def success(edit: Callable[[dict[str, Any]], dict[str, Any]], *statuses: int) -> After:
    """A fault in the body of a success, of both kinds or of the given one."""

    def after(_request: Request, answer: Answer) -> Answer:
        is_meant = answer.status in (statuses or (200, 201))
        return answer.saying(edit(answer.members)) if is_meant else answer

    return after


def setting(name: str, value: Any) -> After:
    """A success whose member has another value."""
    return success(lambda members: {**members, name: value})


def leaving_out(name: str, *statuses: int) -> After:
    """A success without the member."""
    return success(lambda members: {k: v for k, v in members.items() if k != name}, *statuses)


def error(edit: Callable[[dict[str, Any]], dict[str, Any]]) -> After:
    """A fault in the body of every error of the operation."""

    def after(request: Request, answer: Answer) -> Answer:
        is_meant = answer.status >= 400 and request.method == "POST"
        return answer.saying(edit(answer.members)) if is_meant else answer

    return after


def answering(was: int, becomes: int) -> After:
    """Another status with the same body."""

    def after(request: Request, answer: Answer) -> Answer:
        is_meant = answer.status == was and request.method == "POST"
        return replace(answer, status=becomes) if is_meant else answer

    return after


def with_media_type(media_type: str) -> After:
    """A success that calls its body something else."""

    def after(_request: Request, answer: Answer) -> Answer:
        is_meant = answer.status in {200, 201}
        return replace(answer, headers={**answer.headers, "content-type": media_type}) if is_meant else answer

    return after


def accepting(name: str, wrong: Callable[[Any], bool], repaired: Any) -> Before:
    """Takes a wrong value of a member for a right one."""

    def before(request: Request, _server: Server) -> Request:
        members = request.members
        return request.with_member(name, repaired) if name in members and wrong(members[name]) else request

    return before


def ignoring_null(request: Request, _server: Server) -> Request:
    """Takes null for an optional member as its absence."""
    for name in ("name", "mime_type", "user_metadata"):
        if name in request.members and request.members[name] is None:
            request = request.without_member(name)
    return request


def with_default_tags(request: Request, _server: Server) -> Request:
    """Makes up the tags that a request leaves out."""
    return (
        request
        if "tags" in request.members or not request.members
        else request.with_member("tags", ["input"])
    )


def with_key(wrong: Callable[[str | None], bool]) -> Before:
    """Lets a request in whose key is missing or wrong."""

    def before(request: Request, server: Server) -> Request:
        if not wrong(request.headers.get("x-api-key")):
            return request
        return replace(request, headers={**request.headers, "x-api-key": str(server.api_key)})

    return before


def as_post(request: Request, server: Server) -> Request:
    """Answers GET as if it were POST."""
    if request.method != "GET":
        return request
    body = json.dumps({"hash": server.known_hashes[0], "tags": ["input"]}).encode()
    return replace(
        request, method="POST", headers={**request.headers, "content-type": document.JSON}, body=body
    )


def failing_on(is_hit: Callable[[dict[str, Any]], bool], status: int = 500) -> After:
    """Fails on some requests that the server accepts."""

    def after(request: Request, answer: Answer) -> Answer:
        if answer.status in {200, 201} and is_hit(request.members):
            return answer.saying({"code": "INTERNAL_ERROR", "message": "it broke"}, status)
        return answer

    return after


def telling_the_key(request: Request, answer: Answer) -> Answer:
    """Says in its error which key it was."""
    if answer.status != 400:
        return answer
    return answer.saying(
        {"code": "INVALID_REQUEST", "message": f"bad request by {request.headers['x-api-key']}"}
    )


def without_allow(_request: Request, answer: Answer) -> Answer:
    """405 that does not say what is allowed."""
    return replace(answer, headers={k: v for k, v in answer.headers.items() if k != "allow"})


def cut_short(_request: Request, answer: Answer) -> Answer:
    """A success whose body ends too early."""
    return replace(answer, body=answer.body[:-1]) if answer.status in {200, 201} else answer


def _has_unicode(members: dict[str, Any]) -> bool:
    return not all(str(tag).isascii() for tag in members.get("tags", ()))


def by_method(edit: After) -> After:
    """Something in the answers to other methods than the operation's."""
    return lambda request, answer: answer if request.method == "POST" else edit(request, answer)


def throttling(is_throttled: Callable[[int], bool], retry_after: str) -> After:
    """429 for the requests whose numbers are meant, counted from 1."""
    numbers = itertools.count(1)

    def after(_request: Request, answer: Answer) -> Answer:
        if not is_throttled(next(numbers)):
            return answer
        headers = {**answer.headers, "retry-after": retry_after}
        return replace(answer.saying({"detail": "slow down"}, 429), headers=headers)

    return after


_SCHEMA = "response_schema_conformance"
_REJECTS = "negative_data_rejection"

MUTANTS: tuple[Mutant, ...] = (
    Mutant("size as text", _SCHEMA, after=setting("size", "123")),
    Mutant("201 without id", _SCHEMA, after=leaving_out("id", 201)),
    Mutant("200 without size", _SCHEMA, after=leaving_out("size", 200)),
    Mutant("id that is no uuid", _SCHEMA, after=setting("id", "42")),
    Mutant("time without offset", _SCHEMA, after=setting("updated_at", "2023-11-07T05:31:56")),
    Mutant("content hash without prefix", _SCHEMA, after=setting("asset_hash", "0" * 64)),
    Mutant("preview_url that is relative", _SCHEMA, after=setting("preview_url", "/view?x=a b")),
    Mutant("null for an optional member", _SCHEMA, after=setting("tags", None)),
    Mutant("body cut short", _SCHEMA, after=cut_short),
    Mutant("success called text/plain", "content_type_conformance", after=with_media_type("text/plain")),
    Mutant("nested error body", _SCHEMA, after=error(lambda members: {"error": members})),
    Mutant("422 for 400", "status_code_conformance", after=answering(400, 422)),
    Mutant("403 for 401", "status_code_conformance", after=answering(401, 403)),
    Mutant("404 for 400", _REJECTS, after=answering(400, 404)),
    Mutant("200 for 201", "created_new_agrees_with_status", after=answering(201, 200)),
    Mutant("500 on Unicode", "not_a_server_error", after=failing_on(_has_unicode)),
    Mutant(
        "404 with metadata", "known_content_is_found", after=failing_on(lambda m: "user_metadata" in m, 404)
    ),
    Mutant(
        "400 with a MIME type", "positive_data_acceptance", after=failing_on(lambda m: "mime_type" in m, 400)
    ),
    Mutant("accepts empty tags", _REJECTS, accepting("tags", lambda tags: tags == [], ["input"])),
    Mutant("accepts missing tags", _REJECTS, with_default_tags),
    Mutant(
        "accepts tags as text", _REJECTS, accepting("tags", lambda tags: isinstance(tags, str), ["input"])
    ),
    Mutant("accepts a number as name", _REJECTS, accepting("name", lambda name: isinstance(name, int), "1")),
    Mutant("accepts null", _REJECTS, ignoring_null),
    Mutant("accepts a missing key", "ignored_auth", with_key(lambda key: key is None)),
    Mutant("accepts any key", "ignored_auth", with_key(lambda key: key is not None)),
    Mutant("tells the key", "key_is_not_told", after=telling_the_key),
    Mutant("answers GET", "unsupported_method", as_post),
    Mutant("405 without Allow", "unsupported_method", after=without_allow),
)


# --- Servers that keep the contract in their own way -------------------------------------------

_REQUIRED = set(document.schema(document.SUCCESS)["required"])


def _with_offset(members: dict[str, Any]) -> dict[str, Any]:
    return {**members, "created_at": members["created_at"].replace("Z", "+00:00")}


#: `found_by` is what must *not* happen: any of these would be blamed by a judge that is too narrow.
CONFORMING: tuple[Mutant, ...] = (
    # Shows that what the proxy itself does is never the finding.
    Mutant("no fault at all", "nothing"),
    Mutant(
        "required members only", "nothing", after=success(lambda m: {k: m[k] for k in m.keys() & _REQUIRED})
    ),
    Mutant(
        "further members", "nothing", after=success(lambda m: {**m, "display_name": None, "hash": m["id"]})
    ),
    Mutant("upper-case uuids", "nothing", after=success(lambda m: {**m, "id": m["id"].upper()})),
    Mutant("times with an offset", "nothing", after=success(_with_offset)),
    Mutant("media type with a charset", "nothing", after=with_media_type("application/json; charset=utf-8")),
    Mutant(
        "501 for other methods", "nothing", after=by_method(lambda _r, a: replace(a, status=501, headers={}))
    ),
    Mutant("throttles now and then", "nothing", after=throttling(lambda number: number % 7 == 0, "0")),
)

#: Never answers anything else: nothing can be judged, and nothing is a failure either.
ALWAYS_THROTTLED = Mutant("always throttled", "nothing", after=throttling(lambda _number: True, ""))
