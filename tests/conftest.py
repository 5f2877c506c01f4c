"""What all test folders share: the options of the contract tests, and the profiles of property tests.

The options stand here and not in `contract/conftest.py`: pytest reads options only from the conftest
files that it finds before it parses the command line, and for a plain `pytest` those are not the nested ones.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import sysconfig
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, Phase, settings

#: The rules of the check as tests; its options stand aside for those below.
pytest_plugins = ["comfy_assets.contract.pytest_plugin", "tests.browser", "tests.leftovers", "tests.npm"]

# One seed for everyone, so that a failure in one place is the same failure in another.
DEFAULT_SEED = 20261123

# Examples per property. `dev` answers while one waits, `ci` keeps the contract tests well below
# 90 seconds on two cores, `nightly` searches.
PROFILES = {"dev": 20, "ci": 25, "nightly": 1000}

# Seconds for the one connection that finds out whether `--server` is there at all.
CONNECT_TIMEOUT = 5.0

#: Folders about what is made from the checkout and never installed; `--installed` leaves them out.
OF_THE_CHECKOUT = {
    "contract_compare", "contract_diff", "generation", "house", "languages", "lint_contract", "packaging", "share",
}  # fmt: skip

#: Folders about what a stranger gets; in the checkout `make types` looks at the same.
OF_THE_WHEEL = {"typing"}

for _name, _examples in PROFILES.items():
    settings.register_profile(
        _name,
        max_examples=_examples,
        # A slow machine is not a defect, and shrinking to explain (`Phase.explain`) doubles a failure's time.
        deadline=None,
        phases=tuple(phase for phase in Phase if phase is not Phase.explain),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
        # No memory between runs: what passes here passes there.
        database=None,
    )
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, and say so, what only the long run has time for."""
    if settings().max_examples < PROFILES["nightly"]:
        left_out = [item for item in items if item.get_closest_marker("nightly")]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With `--installed`, only what is about the package."""
    left_out = OF_THE_CHECKOUT if config.option.installed else OF_THE_WHEEL
    here = collection_path.parent == Path(__file__).parent
    return True if here and collection_path.name in left_out else None


def pytest_addoption(parser: pytest.Parser) -> None:
    """The server that `tests/contract` judges; without one it starts its own."""
    parser.addoption(
        "--installed",
        action="store_true",
        help="test the installed package, and refuse to test a source tree",
    )
    group = parser.getgroup("contract", "tests/contract: the server to judge")
    group.addoption("--server", metavar="URL", help="judge this server instead of the embedded one")
    group.addoption("--api-key", metavar="KEY", default="", help="a valid key of that server")
    group.addoption(
        "--known-hash",
        metavar="HASH",
        action="append",
        default=[],
        help="a hash of content that the server stores; repeatable, at least one with --server",
    )
    group.addoption(
        "--known-file",
        metavar="FILE",
        action="append",
        default=[],
        help="a file that the server stores; repeatable",
    )
    group.addoption(
        "--other-api-key", metavar="KEY", default="", help="a key of another owner of that server"
    )
    group.addoption(
        "--seed",
        metavar="N",
        type=int,
        default=DEFAULT_SEED,
        help="the seed of every property test (default %(default)s)",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Give hypothesis our seed, and refuse what could not be judged before anything is collected."""
    if config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = str(config.option.seed)
    if config.option.installed:
        _require_installed()
    _reach_loopback_directly()
    _hear_interruptions()
    config.addinivalue_line(
        "markers", "nightly: takes long; only in the profile of that name (make test-full)"
    )
    config.addinivalue_line("markers", "embedded: tests of the tests and of ours; left out with --server")
    if config.option.server:
        _require_known_content(config)
        _require_reachable(config.option.server)


def _hear_interruptions() -> None:
    """Let what tests start be interrupted, though a shell in the background has this process ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _reach_loopback_directly() -> None:
    """A proxy that the environment names leads elsewhere, and every server of ours is on this machine."""
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), "127.0.0.1", "localhost"]))


def _require_installed() -> None:
    """What is tested must lie where packages are installed: everything, in this process and in those it starts."""
    for name in ("comfy_assets", "comfy_assets_api"):
        found = importlib.util.find_spec(name)
        place = found.origin if found else None
        if place is None or not Path(place).is_relative_to(sysconfig.get_path("purelib")):
            raise pytest.UsageError(
                f"--installed: {name} is imported from {place}, not from an installed wheel; see `make test-wheel`"
            )


def _require_known_content(config: pytest.Config) -> None:
    if not config.option.known_hash and not config.option.known_file:
        raise pytest.UsageError(
            "--server needs --known-hash or --known-file: a server answers 404 for unknown content, "
            "so without a hash that it stores no success answer can be judged"
        )
    if not config.option.api_key:
        raise pytest.UsageError("--server needs --api-key: without a valid one every answer is 401")


def _require_reachable(url: str) -> None:
    """One sentence for a server that is down, instead of one failure per test."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise pytest.UsageError(f"--server {url!r} is not an http or https URL")
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    try:
        socket.create_connection((parts.hostname, port), timeout=CONNECT_TIMEOUT).close()
    except OSError as error:
        raise pytest.UsageError(f"--server {url}: no connection ({error}); start the server first") from None
