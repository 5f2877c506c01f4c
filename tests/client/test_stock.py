"""What the stock generator's client does wrong, and ours does not: the reason for each template, as a table.

A row is a probe: a function of a generated package that tells whether the weakness shows. It has to show in the
stock package, or the row proves nothing, and must not in ours.
"""

from __future__ import annotations

import copy
import datetime
import json
import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Any

import attrs
import comfy_assets_api
import pytest
from attrs import frozen
from comfy_assets_api.errors import UnexpectedAnswer

from tests.client.stock import stock_package
from tests.contract import document
from tests.generation.support import imported, submodule
from tests.support import BODY, CREATED, HASH, answer, scripted

KEY = "key-4f1c9a"
REQUEST = {"hash": HASH, "tags": ["input"]}
ERROR = {"code": "SOME_CODE", "message": "some words"}


@frozen
class Package:
    """A generated package behind the words that both understand."""

    root: ModuleType
    #: What sends the key in the contract's header, and what follows redirects, as far as the package can.
    keyed: dict[str, Any]
    following: dict[str, Any]

    @contextmanager
    def client(self, url: str = "http://127.0.0.1:1", **options: Any) -> Iterator[Any]:
        """A client with a key, for the time of a `with`."""
        client = self.root.AuthenticatedClient(base_url=url, token=KEY, **options)
        try:
            yield client
        finally:
            client.get_httpx_client().close()

    def models(self) -> ModuleType:
        """The models."""
        return submodule(self.root, "models")

    def types(self) -> ModuleType:
        """The types."""
        return submodule(self.root, "types")

    def send(self, client: Any, request: dict[str, Any] | None = None) -> Any:
        """One call of the operation: status, content and what was read."""
        operation = submodule(self.root, "api.asset.create_asset_from_hash")
        body = self.models().CreateAssetFromHashRequest.from_dict(request or REQUEST)
        return operation.sync_detailed(client=client, body=body)

    def ask(self, said: bytes, request: dict[str, Any] | None = None) -> Any:
        """One call, answered with these bytes."""
        with scripted(said) as server, self.client(server.url) as client:
            return self.send(client, request)

    def read(self, **members: Any) -> Any:
        """One call, answered with a success with these members; a member that is `...` is left out."""
        body = {name: value for name, value in (BODY | members).items() if value is not ...}
        return self.ask(answer(201, body))


Probe = Callable[[Package], bool]


def raises(error: type[Exception], act: Callable[[], object]) -> bool:
    """Whether something ends in this error; any other one is passed on."""
    try:
        act()
    except error as raised:
        # Classes of its own, which say what is wrong and where, are no weakness.
        return type(raised).__module__.partition(".")[0] in ("builtins", "json")
    return False


def sent(package: Package, request: dict[str, Any]) -> bool:
    """Whether a request that breaks the contract reaches the server."""
    with scripted(answer(400, ERROR)) as server, package.client(server.url) as client:
        with suppress(ValueError):
            package.send(client, request)
        return bool(server.requests)


def _received(package: Package, **options: Any) -> dict[str, str]:
    """The headers of one call."""
    with scripted(CREATED) as server, package.client(server.url, **options) as client:
        package.send(client)
    return server.requests[0].headers


def ignores_security_schemes(package: Package) -> bool:
    headers = _received(package)
    return "authorization" in headers or headers.get("x-api-key") != KEY


def ignores_servers(package: Package) -> bool:
    [server] = document.load()["servers"]
    try:
        return bool(package.root.AuthenticatedClient(token=KEY).base_url != server["url"])
    except TypeError:  # the address is a required argument
        return True


def has_no_timeout(package: Package) -> bool:
    with package.client() as client:
        timeout = client.get_httpx_client().timeout
    return None in (timeout.connect, timeout.read, timeout.write, timeout.pool)


def shows_the_key(package: Package) -> bool:
    with package.client() as client:
        client.get_httpx_client()
        return KEY in repr(client)


def changes_the_callers_headers(package: Package) -> bool:
    headers = {"X-Own": "1"}
    _received(package, headers=headers)
    return headers != {"X-Own": "1"}


def takes_the_key_to_another_host(package: Package) -> bool:
    with scripted(CREATED) as other:
        elsewhere = other.url.replace("127.0.0.1", "localhost")
        with scripted(answer(307, headers=f"Location: {elsewhere}/\r\n")) as server:
            for options in (package.keyed, package.keyed | package.following):
                # Ours refuses the option.
                with suppress(ValueError), package.client(server.url, **options) as client:
                    package.send(client)
            assert KEY in (server.requests[0].headers["x-api-key"])
        return any(KEY in request.headers.values() for request in other.requests)


def gives_none_for_an_undocumented_status(package: Package) -> bool:
    operation = submodule(package.root, "api.asset.create_asset_from_hash")
    body = package.models().CreateAssetFromHashRequest.from_dict(REQUEST)
    with scripted(answer(402, ERROR)) as server, package.client(server.url) as client:
        try:
            return operation.sync(client=client, body=body) is None
        except UnexpectedAnswer as error:
            return error.status_code != 402


def loses_a_status(said: bytes, error: type[Exception], status: int) -> Probe:
    """A probe: the answer ends in an error of Python's that says nothing of the status."""

    def probe(package: Package) -> bool:
        if raises(error, lambda: package.ask(said)):
            return True
        return bool(package.ask(said).status_code != status)

    return probe


def stumbles_over(error: type[Exception], **members: Any) -> Probe:
    """A probe: a success body ends in an error of Python's, instead of being told with its status."""

    def probe(package: Package) -> bool:
        if raises(error, lambda: package.read(**members)):
            return True
        found = package.read(**members)
        return bool(found.status_code != 201 or not found.problems)

    return probe


def keeps(name: str, value: Any) -> Probe:
    """A probe: a value that the contract forbids is kept, and nothing is said of it."""

    def probe(package: Package) -> bool:
        found = package.read(**{name: value})
        told = [problem.place for problem in getattr(found, "problems", ())]
        return (name,) not in told and bool(getattr(found.parsed, name) == value)

    return probe


def lets_naive_times_pass(package: Package) -> bool:
    found = package.read(created_at="2023-11-07T05:31:56")
    return found.parsed.created_at.tzinfo is None and not getattr(found, "problems", ())


def fails_at_a_lower_case_z(package: Package) -> bool:
    time = "2023-11-07T05:31:56z"
    if raises(ValueError, lambda: package.read(created_at=time)):
        return True
    expected = datetime.datetime(2023, 11, 7, 5, 31, 56, tzinfo=datetime.UTC)
    return bool(package.read(created_at=time).parsed.created_at != expected)


def renames_hash(package: Package) -> bool:
    return "hash" not in attrs.fields_dict(package.models().CreateAssetFromHashRequest)


def wraps_free_form_objects(package: Package) -> bool:
    return type(package.read(user_metadata={"a": 1}).parsed.user_metadata) is not dict


def builds_many_clients(package: Package) -> bool:
    ready, made = threading.Barrier(8), list[Any]()

    def make(client: Any) -> None:
        ready.wait()
        made.append(client.get_httpx_client())

    with package.client() as client:
        threads = [threading.Thread(target=make, args=(client,)) for _ in range(8)]
        _run_at_once(threads)
    assert len(made) == 8
    for one in made:
        one.close()
    return len(set(map(id, made))) > 1


def _run_at_once(threads: list[threading.Thread]) -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # all of them get to the same line
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)


def loses_unset(change: Callable[[Any], Any]) -> Probe:
    """A probe: a member that is absent is something else after a copy, and the model cannot be written."""

    def probe(package: Package) -> bool:
        unset = package.types().UNSET
        model = package.models().AssetCreated.from_dict(BODY)
        written = change(model).to_dict()
        return change(unset) is not unset or written.keys() != BODY.keys()

    return probe


def pickled(value: Any) -> Any:
    """A value after a pickle."""
    return pickle.loads(pickle.dumps(value))


def with_headers_changes_the_original(package: Package) -> bool:
    with scripted(CREATED) as server, package.client(server.url) as client:
        package.send(client)
        client.with_headers({"X-Other": "1"})
        package.send(client)
    return "x-other" in server.requests[1].headers


def sends(**members: Any) -> Probe:
    """A probe: a request with these members, which break the contract, is sent."""
    return lambda package: sent(package, REQUEST | members)


HTML = answer(200, b"<html>Bad Gateway</html>", "text/html")
PROBES: dict[str, Probe] = {
    "security schemes are ignored": ignores_security_schemes,
    "servers are ignored": ignores_servers,
    "there is no time limit": has_no_timeout,
    "the key is in repr": shows_the_key,
    "the caller's headers are changed": changes_the_callers_headers,
    "redirects take the key to another host": takes_the_key_to_another_host,
    "an undocumented status gives None": gives_none_for_an_undocumented_status,
    "a status that HTTPStatus does not know": loses_a_status(answer(520, b"x"), ValueError, 520),
    "HTML as a success": loses_a_status(HTML, json.JSONDecodeError, 200),
    "HTML as an error": loses_a_status(answer(500, b"<html>", "text/html"), json.JSONDecodeError, 500),
    "an empty error body": loses_a_status(answer(401), json.JSONDecodeError, 401),
    "an error body without its members": loses_a_status(answer(404, {"error": {}}), KeyError, 404),
    "a missing member": stumbles_over(KeyError, id=...),
    "a null uuid": stumbles_over(TypeError, id=None),
    "a null time": stumbles_over(TypeError, created_at=None),
    "a null object": stumbles_over(TypeError, user_metadata=None),
    "an integer that is text": keeps("size", "123"),
    "an integer that is a boolean": keeps("size", True),
    "an integer beyond 64 bits": keeps("size", 1 << 63),
    "a text that is an array": keeps("name", ["portrait.png"]),
    "a boolean that is text": keeps("created_new", "false"),
    "an array that is text": keeps("tags", "a,b"),
    "an array with numbers": keeps("tags", [1, 2]),
    "a bad optional uuid": keeps("preview_id", "asset-17"),
    "a hash without its pattern": keeps("asset_hash", "ab.png"),
    "a relative URI": keeps("preview_url", "/view?a"),
    "naive times pass": lets_naive_times_pass,
    "a lower-case z": fails_at_a_lower_case_z,
    "hash is renamed": renames_hash,
    "free-form objects become classes": wraps_free_form_objects,
    "eight threads build several clients": builds_many_clients,
    "UNSET does not survive deepcopy": loses_unset(copy.deepcopy),
    "UNSET does not survive pickle": loses_unset(pickled),
    "with_headers changes the original": with_headers_changes_the_original,
    "pattern is lost": sends(hash="portrait.png"),
    "pattern lets a newline pass": sends(hash=HASH + "\n"),
    "minItems is lost": sends(tags=[]),
    "types of a request are lost": sends(tags="input"),
    "types within arrays are lost": sends(tags=["a", 5]),
    "null for an optional member": sends(name=None),
}


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Package, Package]]:
    """The stock package and ours."""
    with imported(stock_package(), "stock_api", tmp_path_factory.mktemp("home")) as package:
        stock = Package(package, {"prefix": "", "auth_header_name": "X-API-Key"}, {"follow_redirects": True})
        yield stock, Package(comfy_assets_api, {}, {"httpx_args": {"follow_redirects": True}})


@pytest.mark.parametrize("probe", PROBES.values(), ids=PROBES)
def test_stock_against_ours(packages: tuple[Package, Package], probe: Probe) -> None:
    """The stock client has the weakness; ours has not."""
    stock, ours = packages
    assert probe(stock), "the stock client does not show it: the row proves nothing"
    assert not probe(ours)
