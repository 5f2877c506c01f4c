"""Wheel and sdist hold what they need and nothing else, and say of themselves what is so."""

from __future__ import annotations

import email
import re
import subprocess
import tarfile
import zipfile
from email.message import Message
from pathlib import Path

import pytest
from readme_renderer import markdown

import comfy_assets
from tests.packaging.conftest import ROOT, Built, build

#: The packages in the wheel, by where they lie in the source tree.
PACKAGES = {"src/": "comfy_assets", "generated/": "comfy_assets_api"}
DATA = {"comfy_assets/openapi.yaml": "openapi.yaml"}
INFO = f"comfy_assets-{comfy_assets.__version__}.dist-info"
#: What stands in a wheel beside what is installed for use.
ABOUT = {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"}
#: What an sdist holds beside the packages: what builds the wheel, and what a reader looks for.
BESIDE = {"pyproject.toml", "openapi.yaml", "LICENSE", "README.md", "CHANGELOG.md", ".gitignore", "PKG-INFO"}


def sources() -> dict[str, Path]:
    """Each file that the wheel must hold, by its name in it: the packages' files that git does not ignore."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *(top + name for top, name in PACKAGES.items())],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split("\0")  # fmt: skip
    named = {name.partition("/")[2]: ROOT / name for name in filter(None, listed) if (ROOT / name).exists()}
    return named | {name: ROOT / source for name, source in DATA.items()}


@pytest.fixture(scope="module")
def metadata(built: Built) -> Message:
    """What the wheel says of itself."""
    with zipfile.ZipFile(built.wheel) as wheel:
        return email.message_from_bytes(wheel.read(f"{INFO}/METADATA"))


def test_wheel_is_the_packages_and_the_contract(built: Built) -> None:
    """Every file of the two packages and the contract, byte by byte, and nothing else."""
    wanted = sources()
    assert {"comfy_assets/py.typed", "comfy_assets_api/py.typed", "comfy_assets/library/comfyui.yaml"} <= set(
        wanted
    )
    with zipfile.ZipFile(built.wheel) as wheel:
        assert set(wheel.namelist()) == set(wanted) | {f"{INFO}/{name}" for name in ABOUT}
        assert {name: wheel.read(name) for name in wanted} == {
            name: path.read_bytes() for name, path in wanted.items()
        }


def test_sdist_is_what_builds_the_wheel(built: Built) -> None:
    """The packages in their folders, the contract, and what a reader looks for; no tests, tools, or caches."""
    wanted = {str(path.relative_to(ROOT)) for path in sources().values()} | BESIDE
    with tarfile.open(built.sdist) as sdist:
        names = {member.name.partition("/")[2] for member in sdist if member.isfile()}
    assert names == wanted


def test_sdist_builds_the_same_wheel(built: Built, tmp_path: Path) -> None:
    """Unpacked elsewhere, without git, the sdist gives the wheel byte by byte."""
    with tarfile.open(built.sdist) as sdist:
        sdist.extractall(tmp_path, filter="data")
    [source] = tmp_path.iterdir()
    [again] = build(source, tmp_path / "dist", "wheel").iterdir()
    assert again.name == built.wheel.name
    assert again.read_bytes() == built.wheel.read_bytes()


def test_version_stands_in_one_place(metadata: Message) -> None:
    """The metadata's version is that of the module."""
    assert metadata["Version"] == comfy_assets.__version__
    assert 'dynamic = ["version", ' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_metadata_says_what_it_is(metadata: Message) -> None:
    """Name, licence, Python and extras, for whoever searches the index."""
    assert (metadata["Name"], metadata["License-Expression"]) == ("comfy-assets", "MIT")
    assert metadata["Requires-Python"] == ">=3.11"
    assert set(metadata.get_all("Provides-Extra", [])) == {"check", "cluster", "postgresql", "server"}
    assert "Typing :: Typed" in metadata.get_all("Classifier", [])


def _words(page: str) -> list[str]:
    return re.sub(r"<[^>]*>", "", page).split()


def test_readme_shows_on_the_index(metadata: Message) -> None:
    """The index renders the README as GitHub's Markdown; its words are there, and no link leads nowhere."""
    assert metadata["Description-Content-Type"] == "text/markdown"
    payload = metadata.get_payload(decode=True)
    assert isinstance(payload, bytes)
    text = payload.decode()
    page, whole = (
        markdown.render(one, variant="GFM") or "" for one in (text, (ROOT / "README.md").read_text("utf-8"))
    )
    assert _words(page) == _words(whole)
    assert [
        link for link in re.findall(r'(?:href|src)="([^"]*)"', page) if "://" not in link and link[0] != "#"
    ] == []
    assert 'href="docs/' in whole
    for tag in ("<h1", "<h2", "<table>", "<pre"):
        assert tag in page
