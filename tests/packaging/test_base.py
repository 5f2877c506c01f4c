"""A base install is small, does its work, and says which extra the rest needs."""

from __future__ import annotations

import importlib.metadata
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from comfy_assets.cli.extras import BRINGS
from comfy_assets.cli.main import COMMANDS
from comfy_assets.server.process import ServerProcess
from tests.packaging.conftest import ROOT, Environment

KEY = "base-install-key"
#: A third more than it is: who makes it larger says why, here.
MOST_PACKAGES, MOST_BYTES = 30, 32 * 2**20

#: What each way to use the package may load besides the standard library, by the names of packages.
#: With rich and click there, httpx loads its own command line, and rich what colours code.
HTTP = {
    "aiohappyeyeballs", "aiohttp", "aiosignal", "anyio", "attr", "attrs", "certifi", "click", "frozenlist", "h11",
    "httpcore", "httpx", "idna", "multidict", "propcache", "pygments", "rich", "typing_extensions",
    "yarl",
}  # fmt: skip
LOADS = {
    "import comfy_assets": set(),
    "from comfy_assets import hash_file": set(),
    "from comfy_assets import *": HTTP,
    "import comfy_assets.cli.main": {"click"},
}


@pytest.mark.parametrize("program", LOADS)
def test_imports_are_small(program: str, base: Environment) -> None:
    """Each way to use the package loads what it needs, by name, and nothing more."""
    said = base.run("python", "-I", "-c", f"{program}; import sys; print(*sys.modules)").stdout
    tops = {name.partition(".")[0] for name in said.split()} - {
        "comfy_assets",
        "comfy_assets_api",
        "__main__",
    }
    loaded = {name for name in tops if name not in sys.stdlib_module_names and not name.startswith("__")}
    assert loaded <= LOADS[program]
    assert bool(loaded) == bool(LOADS[program])


def test_base_install_is_small(base: Environment) -> None:
    """What the wheel brings is what is pinned for it, few and light."""
    program = (
        "import importlib.metadata as m; print(*(d.metadata['Name'].lower() for d in m.distributions()))"
    )
    names = {name.replace("_", "-") for name in base.run("python", "-I", "-c", program).stdout.split()}
    pinned = set(re.findall(r"^([\w.-]+)==", (ROOT / "requirements" / "base.txt").read_text(), re.MULTILINE))
    assert "comfy-assets" in names
    assert names - {"comfy-assets"} <= pinned
    assert len(names) <= MOST_PACKAGES
    files = [path for path in (base.folder / "lib").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= MOST_BYTES


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one file that the service has."""
    folder = tmp_path_factory.mktemp("stored")
    (folder / "portrait.png").write_bytes(b"a portrait")
    return folder


@pytest.fixture(scope="module")
def service(stored: Path) -> Iterator[dict[str, str]]:
    """A service that has it, as the environment names it; it runs elsewhere, with the extra."""
    with ServerProcess(content=[stored], api_keys=[KEY]) as server:
        yield {"COMFY_CLOUD_API_KEY": KEY, "COMFY_CLOUD_BASE_URL": server.url}


def test_base_install_registers(base: Environment, stored: Path, service: dict[str, str]) -> None:
    """Hashing, registering a file and a hash, and the clients, sync and async, need no extra."""
    path = stored / "portrait.png"
    hashed = base.run("comfy-assets", "hash", path)
    hash_ = hashed.stdout.split()[0]
    assert (hashed.stdout, hashed.stderr) == (f"{hash_}  {path}\n", "")
    registered = base.run("comfy-assets", "register", stored, "--tag", "input", "--json", **service)
    assert json.loads(registered.stdout.splitlines()[-1])["ok"], registered.stderr
    again = base.run("comfy-assets", "from-hash", hash_, "--tag", "input", "--name", path.name, **service)
    assert again.returncode == 0, again.stderr
    program = (
        "import asyncio, sys; from comfy_assets import *\n"
        "with AssetsClient() as client: print(client.register(sys.argv[1], ['input']).created_new)\n"
        "async def main():\n"
        "    async with AsyncAssetsClient() as client: print((await client.register(sys.argv[1], ['a'])).created_new)\n"
        "asyncio.run(main())"
    )
    said = base.run("python", "-W", "error", "-c", program, path, **service)
    assert (said.stdout.split(), said.stderr) == (["False", "False"], "")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_needs_no_extra(command: str, base: Environment) -> None:
    """Whoever looks what there is gets an answer from every command."""
    said = base.run("comfy-assets", command, "--help")
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.startswith(f"Usage: comfy-assets {command}")


@pytest.mark.parametrize(
    ("words", "extra"),
    [
        ("serve", "server"),
        ("keys list --database sqlite:///x.db", "server"),
        ("content list --database sqlite:///x.db", "server"),
        ("scenario list", "server"),
        ("check http://127.0.0.1:1", "check"),
        ("check --list-rules", "check"),
        ("check-client -- true", "check"),
        ("register . --tag t --cluster tcp://127.0.0.1:1", "cluster"),
        ("register s3://bucket/models --tag t", "cluster"),
    ],
)
def test_missing_extra_is_one_sentence(words: str, extra: str, base: Environment) -> None:
    """What needs an extra ends with 2 and one sentence that says what to type."""
    said = base.run("comfy-assets", *words.split(), COMFY_CLOUD_API_KEY=KEY)
    assert (said.returncode, said.stdout) == (2, "")
    assert re.fullmatch(
        rf"error: .* needs the \"{extra}\" extra: pip install 'comfy-assets\[{extra}\]'\n", said.stderr
    )


def test_missing_extra_of_the_library(base: Environment) -> None:
    """A program that calls the check is told the same, in the exception."""
    program = "from comfy_assets.contract import Options, check; check(Options('http://127.0.0.1:1'))"
    said = base.run("python", "-c", program).stderr.splitlines()[-1]
    assert said.startswith("ImportError: ")
    assert said.endswith("extra: pip install 'comfy-assets[check]'")


def test_known_extras_are_the_projects() -> None:
    """The modules that commands look for are what pyproject.toml says that the extra brings."""
    required = list(map(Requirement, importlib.metadata.requires("comfy-assets") or []))
    for extra, modules in BRINGS.items():
        asked = [one for one in required if one.marker and one.marker.evaluate({"extra": extra})]
        assert {one.name.replace("-", "_") for one in asked} == set(modules)


def test_lowest_versions_are_tried() -> None:
    """Each lower bound in pyproject.toml is the version that `make test-wheel VERSIONS=oldest` installs."""
    pinned = dict(
        re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "requirements" / "oldest.txt").read_text(), re.MULTILINE)
    )
    for one in map(Requirement, importlib.metadata.requires("comfy-assets") or []):
        lowest = [spec.version for spec in one.specifier if spec.operator == ">="]
        tried = pinned[one.name.lower()]
        assert len(lowest) == 1, one
        assert one.specifier.contains(tried)
        assert (tried + ".0").startswith(lowest[0] + "."), f"{one}: {tried} is the oldest that is tried"


def test_each_python_is_tried() -> None:
    """The Pythons that pyproject.toml names are those of `make test-wheels`, and of the workflow, with all versions."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = re.findall(r"Python :: (3\.\d+)$", "\n".join(project["classifiers"]), re.MULTILINE)
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text())
    matrix = workflow["jobs"]["wheel"]["strategy"]["matrix"]
    [listed] = re.findall(r"^PYTHONS \?= (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    [versions] = re.findall(r"for versions in (.+?);", (ROOT / "Makefile").read_text())
    assert project["requires-python"] == f">={named[0]}"
    assert [f"python{one}" for one in named] == listed.split()
    assert matrix == {"python": named, "versions": versions.split()}


def test_source_tree_is_not_taken_for_the_wheel(pytestconfig: pytest.Config) -> None:
    """`--installed` refuses to test the source tree, from which these tests run."""
    path = str(ROOT / "tests" / "conftest.py")
    plugins = pytestconfig.pluginmanager.get_plugins()
    [conftest] = [one for one in plugins if getattr(one, "__file__", None) == path]
    with pytest.raises(
        pytest.UsageError, match=r"--installed: comfy_assets is imported from .*/src/comfy_assets"
    ):
        conftest._require_installed()
