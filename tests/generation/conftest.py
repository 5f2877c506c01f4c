"""Fixtures: a checkout to work in, and the packages that the second contract gives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.generation import support


@pytest.fixture(scope="session", autouse=True)
def environment() -> None:
    """The generator's environment, made once where there is none: every test links to it."""
    done = support.generate(support.ROOT, "--check")
    support.python.cache_clear()
    assert done.returncode in (0, 1), done.stderr


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the checkout that may be changed, generated and up to date."""
    return support.copy_checkout(tmp_path / "checkout")


@pytest.fixture(scope="session")
def shared_checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout for tests that only give it other contracts."""
    return support.copy_checkout(tmp_path_factory.mktemp("shared") / "checkout")


@pytest.fixture(scope="session")
def shop_package(shared_checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the package that shop.yaml gives."""
    return support.generated(
        shared_checkout, support.HERE / "shop.yaml", tmp_path_factory.mktemp("shop") / "out"
    )


@pytest.fixture(scope="session")
def shop(shop_package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The package that shop.yaml gives, imported as `shop_api`."""
    with support.imported(shop_package, "shop_api", tmp_path_factory.mktemp("home")) as package:
        yield package


@pytest.fixture(scope="session")
def assets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The package in generated/, imported as `assets_api`."""
    ours = support.ROOT / "generated" / support.PACKAGE
    with support.imported(ours, "assets_api", tmp_path_factory.mktemp("home")) as package:
        yield package
