"""The application: a route for each path of the contract, and an answer in its form for every error.

A request is judged in this order, and the first that fails is the answer: path (404), method (405),
key (401), parameters (400), headers of the body (400), its size and pace (413, 408), JSON, schema (400).
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from comfy_assets.server import docs
from comfy_assets.server.answers import Answer, Writer
from comfy_assets.server.assets import HANDLERS, Handler
from comfy_assets.server.parameters import Parameters
from comfy_assets.server.requests import RefusedError, check_headers, check_schema, read_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from comfy_assets.server.keys import Keys
    from comfy_assets.server.store import Store
    from comfy_assets.specification import Contract, Operation

_LOGGER = logging.getLogger("comfy_assets.server")

#: Bytes of a body. The contract's users get 16 KiB; metadata is not a place for files.
BODY_BYTES = 1024 * 1024
#: A larger body is read and thrown away up to here, so that its sender sees the 413: one whose
#: connection is closed while it sends sees a reset instead.
DRAIN_BYTES = 16 * BODY_BYTES
#: Seconds in which a body must have arrived.
BODY_SECONDS = 30.0

_CLOSE = {"Connection": "close"}
#: Seconds in which the database must answer for this server to be ready.
READY_SECONDS = 5.0
#: Methods that the access log names; any other could be anything, a key included.
_METHODS = frozenset(
    ("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE")
)
_NOT_ROUTED = {404: "there is nothing at this path", 405: "this method is not allowed here"}


def create_app(
    contract: Contract,
    store: Store,
    keys: Keys,
    *,
    body_seconds: float = BODY_SECONDS,
    access_log: Callable[[str, str, int, float], None] | None = None,
    validates: bool = False,
    indexed: Callable[[], bool] = lambda: True,
) -> ASGIApp:
    """The ASGI application that obeys `contract`, keeps references in `store` and knows `keys`.

    `access_log` is told method, path, status and milliseconds of each request: neither keys nor anything
    else that a client made up. With `validates`, every answer is held against its schema before it is sent.
    `/readyz` waits for `indexed`. Raises `ContractFileError` where the contract asks for answers that this
    server has not.
    """
    writer = Writer(contract, validates=validates)
    paths: dict[str, dict[str, _Endpoint]] = {}
    for operation in contract.operations:
        make = HANDLERS.get(operation.operation_id)
        handler = make(store) if make else None
        for status, members in handler.samples().items() if handler else ():
            writer.check(operation, status, members)
        judge = _Judge(contract, operation, keys, body_seconds)
        anonymous = None if operation.security_header else store.owner("anonymous")
        endpoint = _Endpoint(operation, writer, judge, handler, anonymous)
        paths.setdefault(operation.path, {})[operation.method] = endpoint
    routes: list[BaseRoute] = [Route(path, _Path(path, methods, writer)) for path, methods in paths.items()]
    routes += _own_routes(contract, store, indexed)
    routes += docs.routes(contract)

    async def not_routed(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # what Starlette's own routes raise
        message = _NOT_ROUTED.get(error.status_code, error.detail)
        return _response(writer.error(None, error.status_code, message, dict(error.headers or {})))

    app = Starlette(routes=routes, exception_handlers={HTTPException: not_routed})
    app.router.redirect_slashes = False
    return _Front(app, {route.path for route in routes if isinstance(route, Route)}, access_log)


def _own_routes(contract: Contract, store: Store, indexed: Callable[[], bool]) -> list[BaseRoute]:
    """What the server says of itself: whether it lives and can answer, and the contract that it obeys."""
    text = contract.path.read_bytes()

    async def healthy(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(_request: Request) -> Response:
        if not indexed():
            return JSONResponse({"status": "content is being indexed"}, 503)
        try:
            async with asyncio.timeout(READY_SECONDS):
                await run_sync(store.ping, abandon_on_cancel=True)
        except Exception as error:  # noqa: BLE001 - whatever a database may say
            _LOGGER.warning("not ready: %s", " ".join(str(error).split())[:200])
            return JSONResponse({"status": "the database does not answer"}, 503)
        return JSONResponse({"status": "ok"})

    async def as_yaml(_request: Request) -> Response:
        return Response(text, media_type="application/yaml")

    async def as_json(_request: Request) -> Response:
        return JSONResponse(contract.document)

    table = {"/healthz": healthy, "/readyz": ready, "/openapi.yaml": as_yaml, "/openapi.json": as_json}
    taken = {operation.path for operation in contract.operations}
    return [Route(path, endpoint) for path, endpoint in table.items() if path not in taken]


class _Path:
    """The operations at one path; any other method is answered 405, with those that there are."""

    def __init__(self, path: str, methods: Mapping[str, _Endpoint], writer: Writer) -> None:
        self._path = path
        self._methods = methods
        self._writer = writer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # For the access log: what stands in place of a parameter is the client's.
        scope["path_of_contract"] = self._path
        endpoint = self._methods.get(scope["method"])
        if endpoint is None:
            headers = {"Allow": ", ".join(sorted(self._methods))}
            answer = self._writer.error(None, 405, _NOT_ROUTED[405], headers)
        else:
            answer = await endpoint(Request(scope, receive))
        await _response(answer)(scope, receive, send)


class _Endpoint:
    """One operation: judge the request, carry it out, write the answer; whatever fails, answer."""

    def __init__(
        self,
        operation: Operation,
        writer: Writer,
        judge: _Judge,
        handler: Handler | None,
        anonymous: int | None,
    ) -> None:
        self._operation = operation
        self._writer = writer
        self._judge = judge
        self._handler = handler
        self._anonymous = anonymous

    async def __call__(self, request: Request) -> Answer:
        try:
            try:
                return await self._answer(request)
            except RefusedError as refused:
                return self._writer.error(self._operation, refused.status, refused.message, refused.headers)
        except ClientDisconnect:
            return Answer(400, b"")  # nobody is there to read it
        except Exception:
            # The cause is for the one who runs the server, not for who asked.
            _LOGGER.exception("%s failed", self._operation.operation_id)
            return self._writer.error(self._operation, 500, "the service could not answer this request")

    async def _answer(self, request: Request) -> Answer:
        owner = await self._judge.owner(request) if self._anonymous is None else self._anonymous
        parameters = self._judge.parameters(request)
        if self._handler is None:
            raise RefusedError(501, "this server does not have this operation")
        value = await self._judge.value(request)
        return self._writer.success(self._operation, await self._handler(owner, value, **parameters))


class _Judge:
    """Whether a request keeps the contract of one operation."""

    def __init__(self, contract: Contract, operation: Operation, keys: Keys, body_seconds: float) -> None:
        self._operation = operation
        self._header = (operation.security_header or "").lower().encode("latin-1")
        self._keys = keys
        self._body_seconds = body_seconds
        schema = operation.request_schema
        self._validator = None if schema is None else contract.validator(schema)
        self._parameters = Parameters(contract, operation) if operation.parameters else None

    async def owner(self, request: Request) -> int:
        """Whose key this is; the body is not looked at before."""
        if self._keys.is_stale:
            await run_sync(self._keys.refresh)
        sent = [value for name, value in request.scope["headers"] if name == self._header]
        owner = self._keys.owner(sent[0]) if len(sent) == 1 else None
        if owner is None:
            raise RefusedError(401, "the API key is missing or not valid", {"WWW-Authenticate": "ApiKey"})
        return owner

    def parameters(self, request: Request) -> dict[str, Any]:
        """What path, query and headers say, by names that Python can have."""
        if self._parameters is None:
            return {}
        query = request.query_params.multi_items()
        found = self._parameters.read(request.path_params, query, _headers(request))
        return {re.sub(r"\W", "_", name): value for name, value in found.items()}

    async def value(self, request: Request) -> Any:
        """The body as JSON value, valid by the contract's schema; None where there is none to have."""
        expected = self._operation.request_media_type
        if self._validator is None or expected is None:
            return None
        headers = _headers(request)
        length = headers.get("content-length", ["0"])[0]
        if length == "0" and "transfer-encoding" not in headers and not self._operation.body_required:
            return None
        check_headers(headers.get("content-type", []), headers.get("content-encoding", []), expected)
        most = BODY_BYTES if "expect" in headers else DRAIN_BYTES
        if length.isdecimal() and int(length) > most:
            raise _too_large()
        value = read_json(await _body(request, self._body_seconds))
        check_schema(self._validator, value)
        return value


def _headers(request: Request) -> dict[str, list[str]]:
    """The values of each header. Starlette's own look at all of them for each that is asked for."""
    headers: dict[str, list[str]] = {}
    for name, value in request.scope["headers"]:
        headers.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
    return headers


def _too_large() -> RefusedError:
    return RefusedError(413, f"the body is larger than {BODY_BYTES} bytes", _CLOSE)


async def _body(request: Request, seconds: float) -> bytes:
    """The whole body; 413 for one that is too large, 408 for one that takes too long."""
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds):
            async for part in request.stream():
                size += len(part)
                if size <= BODY_BYTES:
                    parts.append(part)
                elif size > DRAIN_BYTES:
                    break
    except TimeoutError:
        raise RefusedError(408, f"the body did not arrive within {seconds:g} seconds", _CLOSE) from None
    if size > BODY_BYTES:
        raise _too_large()
    return b"".join(parts)


def _response(answer: Answer) -> Response:
    media_type = answer.media_type if answer.body else None
    return Response(answer.body, answer.status, answer.headers, media_type)


class _Front:
    """In front of all routes: the absolute form of a target, and the access log."""

    def __init__(
        self, app: ASGIApp, paths: set[str], access_log: Callable[[str, str, int, float], None] | None
    ) -> None:
        self._app = app
        self._paths = paths
        self._log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(("http://", "https://")):
            # A server must take `POST http://host/path` like `POST /path` (RFC 9112, section 3.2.2).
            scope = {**scope, "path": urlsplit(scope["path"]).path or "/"}
        if self._log is None or scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0

        async def noting(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            path = (
                scope["path"]
                if scope["path"] in self._paths
                else scope.get("path_of_contract", "(unknown path)")
            )
            method = scope["method"] if scope["method"] in _METHODS else "(unknown method)"
            self._log(method, path, status, (time.perf_counter() - started) * 1000)
