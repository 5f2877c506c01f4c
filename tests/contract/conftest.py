"""The server that is judged, and what is told at the end about what was left on it.

Schemathesis takes seconds to import: its users are imported where they are needed, so that an option
that cannot work is told at once.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import blake3
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from comfy_assets.contract import Options, Outcome

    from .runs import Server

#: Each run makes references, and on a real service they are permanent: say how many.
REFERENCES = pytest.StashKey[set[str]]()

#: Another owner of the embedded server.
OTHER_KEY = "contract-tests-other-key"

#: Real files of several kinds: name → content. The empty one and the larger one are edges of `size`.
SAMPLES = {
    "pixel.png": bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d4944415478da63fcffff3f030005fe02fe"
        "a7d3d9b30000000049454e44ae426082"
    ),
    "note.txt": "Grüße, 世界\n".encode(),
    "empty.bin": b"",
    "large.safetensors": bytes(range(256)) * 4096,
}


def pytest_configure(config: pytest.Config) -> None:
    """A place for the references that the session makes."""
    config.stash[REFERENCES] = set()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, and say so, what a named server has no part in."""
    if config.option.server:
        left_out = [item for item in items if item.get_closest_marker("embedded")]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how many references the tests left on a server that is not ours."""
    made = config.stash[REFERENCES]
    if config.option.server and made:
        terminalreporter.write_line(f"{len(made)} references were made on {config.option.server}")


@pytest.fixture(scope="session")
def seed(pytestconfig: pytest.Config) -> int:
    """The seed that `--seed` gives."""
    return int(pytestconfig.option.seed)


@pytest.fixture(scope="session")
def reference_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The embedded server, as a process of its own, on a folder of real files."""
    from comfy_assets.server.process import ServerProcess

    from .runs import ApiKey, Server

    folder = tmp_path_factory.mktemp("content")
    for name, content in SAMPLES.items():
        (folder / name).write_bytes(content)
    key = ApiKey("contract-tests-key")
    hashes = tuple(f"blake3:{blake3.blake3(content).hexdigest()}" for content in SAMPLES.values())
    with ServerProcess(content=[folder], api_keys=[str(key), OTHER_KEY]) as process:
        yield Server(process.url, key, hashes)


@pytest.fixture(scope="session")
def server(pytestconfig: pytest.Config, request: pytest.FixtureRequest) -> Server:
    """The server that is judged: the one that `--server` names, else the embedded one."""
    from .runs import ApiKey, Server

    options = pytestconfig.option
    if options.server:
        return Server(options.server.rstrip("/"), ApiKey(options.api_key), tuple(options.known_hash))
    embedded: Server = request.getfixturevalue("reference_server")
    return embedded


@pytest.fixture(scope="session")
def contract_options(
    server: Server, pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Options:
    """The judged server, with everything that is known of it."""
    from comfy_assets.contract import Content, Options
    from comfy_assets.contract.pytest_plugin import contents

    given = pytestconfig.option
    if given.server:
        known = contents(given.known_file, [*server.known_hashes])
        return Options(
            server.url, api_key=server.api_key, other_api_key=given.other_api_key or None, contents=known,
            seed=given.seed,
        )  # fmt: skip
    embedded = tuple(
        Content((hash_, f"sha256:{hashlib.sha256(content).hexdigest()}"), len(content), name)
        for hash_, (name, content) in zip(server.known_hashes, SAMPLES.items(), strict=True)
    )
    return Options(
        server.url,
        api_key=server.api_key,
        other_api_key=OTHER_KEY,
        contents=embedded,
        seed=given.seed,
        complete=True,
    )


@pytest.fixture(scope="session")
def references(contract_outcome: Outcome, pytestconfig: pytest.Config) -> set[str]:
    """The ids of the references that this session made."""
    made = pytestconfig.stash[REFERENCES]
    made |= set(contract_outcome.record.made)
    return made


@pytest.fixture(scope="session")
def used_server(server: Server, references: set[str]) -> Server:
    """The judged server after the check.

    Where a server keeps one reference per content, only the first request for it is answered 201: the
    check has to see it, so whatever else talks to the server comes later.
    """
    return server
