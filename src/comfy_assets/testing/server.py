"""A reference server for the tests of programs, whose next answers can fail, drift or vanish.

    def test_busy_service(comfy_assets_server):
        hash = comfy_assets_server.add(b"content of a file")
        comfy_assets_server.fail(503, retry_after=1)
        with comfy_assets_server.client() as client:
            assert client.create_asset_from_hash(hash, ["input"]).created_new

Needs the extra `server`.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from comfy_assets import specification
from comfy_assets.client import AssetsClient, AsyncAssetsClient
from comfy_assets.errors import InputError
from comfy_assets.hashing import hash_file
from comfy_assets.scenarios.drift import DRIFTS, Drift
from comfy_assets.server import content
from comfy_assets.server.app import create_app
from comfy_assets.server.keys import Keys
from comfy_assets.server.serving import server_for
from comfy_assets.server.starting import bind
from comfy_assets.server.store import Store
from comfy_assets.testing.front import Deed, Front, Said, Seen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

#: Seconds that a server in a thread may take to start.
_START_SECONDS = 30.0


class AssetsServer:
    """A reference server of one test, in threads of this process.

    `fail`, `drift` and `vanish` each say what becomes of the next `times` requests; said one after the
    other, they queue up. Requests beyond them get the server's own answers.

    Attributes:
        api_key, other_api_key: keys that it knows, each of an owner of its own.
    """

    def __init__(self) -> None:
        self.api_key, self.other_api_key = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
        self._cleanup = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="comfy-assets-test-")))
            self._folder = folder / "content"
            self._folder.mkdir()
            self._store = stack.enter_context(
                contextlib.closing(Store(f"sqlite:///{folder / 'references.db'}"))
            )
            port = stack.enter_context(_serving(self._store, [self.api_key, self.other_api_key]))
            self._front = stack.enter_context(contextlib.closing(Front("127.0.0.1", port)))
            self._cleanup = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._cleanup.close()

    @property
    def url(self) -> str:
        """Its base URL."""
        return self._front.url

    @property
    def requests(self) -> list[Seen]:
        """The requests that reached it, oldest first, without their keys."""
        return self._front.seen

    def client(self, **options: Any) -> AssetsClient:
        """A client of this server; `options` as those of `AssetsClient`."""
        return AssetsClient(self.api_key, self.url, **options)

    def async_client(self, **options: Any) -> AsyncAssetsClient:
        """As `client`, for asyncio."""
        return AsyncAssetsClient(self.api_key, self.url, **options)

    def add(self, file: bytes | str | Path) -> str:
        """Store content, given as bytes or as a file to copy; returns its hash."""
        data = file if isinstance(file, bytes) else Path(file).read_bytes()
        ending = "" if isinstance(file, bytes) else Path(file).suffix
        path = self._folder / f"{secrets.token_hex(8)}{ending}"
        path.write_bytes(data)
        self._index()
        return hash_file(path)

    def remove(self, hash: str) -> None:  # noqa: A002 - the contract's name
        """Let content vanish: new references to it get 404, those that there are remain.

        Raises InputError where it is not there.
        """
        found = [
            path for path in self._folder.iterdir() if hash in (hash_file(path), hash_file(path, "sha256"))
        ]
        if not found:
            raise InputError(f"{hash!r} is not stored here")
        for path in found:
            path.unlink()
        self._index()

    def fail(
        self,
        status_code: int = 500,
        *,
        code: str = "TEST",
        message: str = "a test asked for this answer",
        retry_after: float | str | None = None,
        body: bytes | None = None,
        times: int = 1,
    ) -> None:
        """Answer the next requests with an error, without acting.

        `body` is sent instead of the contract's error body; `retry_after` in seconds, or a date as text.
        """
        headers = {"Content-Type": "application/json" if body is None else "text/html"}
        if retry_after is not None:
            headers["Retry-After"] = (
                f"{retry_after:g}" if isinstance(retry_after, (int, float)) else retry_after
            )
        said = Said(
            status_code,
            headers,
            json.dumps({"code": code, "message": message}).encode() if body is None else body,
        )
        self._front.waiting.extend([lambda _: said] * times)

    def drift(
        self, change: str | Callable[[dict[str, Any]], dict[str, Any]], *, times: int = 1
    ) -> Drift | None:
        """Change the next successes: by the name of a deviation that was seen in the field, or by a function.

        Returns what is known of the deviation, for one that was named. Raises InputError for an unknown name.
        """
        if isinstance(change, str):
            if change not in DRIFTS:
                raise InputError(f"{change!r} is no deviation: expected one of {', '.join(DRIFTS)}")
            known = DRIFTS[change]
            self._front.waiting.extend([_drifting(known.change)] * times)
            return known
        self._front.waiting.extend([_drifting(lambda status, body: (status, change(body)))] * times)
        return None

    def vanish(self, *, when: Literal["before", "after"] = "after", times: int = 1) -> None:
        """Reset the connection of the next requests: before the server acts, or after it did."""
        if when not in ("before", "after"):
            raise InputError(f"when is {when!r}: expected 'before' or 'after'")
        self._front.waiting.extend([_lost if when == "after" else _never_carried] * times)

    def _index(self) -> None:
        content.index(self._store, [self._folder], _say_nothing)


def _say_nothing(_: str) -> None:
    pass


def _never_carried(_carry: Callable[[], Said]) -> None:
    return None


def _lost(carry: Callable[[], Said]) -> None:
    carry()


def _drifting(change: Callable[[int, dict[str, Any]], tuple[int, Mapping[str, Any]]]) -> Deed:
    def deed(carry: Callable[[], Said]) -> Said:
        said = carry()
        if said.status_code >= 300:  # noqa: PLR2004 - an error stays as it is
            return said
        status, body = change(said.status_code, json.loads(said.content))
        return Said(status, said.headers, json.dumps(body).encode())

    return deed


@contextlib.contextmanager
def _serving(store: Store, api_keys: list[str]) -> Any:
    """The port of a server in a thread."""
    contract = specification.load()
    app = create_app(contract, store, Keys(store, api_keys))
    server = server_for(app, contract, lambda: None)
    with bind("127.0.0.1", 0) as listener:
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        end = time.monotonic() + _START_SECONDS
        while not server.started and thread.is_alive() and time.monotonic() < end:
            time.sleep(0.005)
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()
