"""Nothing comes along under a licence that nobody has looked at; that the page is up to date, `tests/house` sees."""

from __future__ import annotations

import importlib.metadata
import re
from email.message import Message
from importlib.metadata import PackageNotFoundError

import pytest

from tests.packaging.conftest import ROOT
from tools.docs import licences


def test_every_package_of_an_install_is_listed() -> None:
    """What is pinned for a base install stands on the page as that; what tests need does not stand there."""
    page = licences.licences()
    listed = set(re.findall(r"^\| (\S+) \| .* \| the base install \|$", page, re.MULTILINE))
    pinned = re.findall(r"^([\w.-]+)==", (ROOT / "requirements" / "base.txt").read_text(), re.MULTILINE)
    assert listed == set(pinned)
    assert "| mypy |" not in page


@pytest.mark.parametrize("name", licences.NOT_HERE)
def test_what_is_written_by_hand_is_what_the_metadata_says(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a package of other systems or Pythons is installed, its own metadata agrees."""
    said = licences.NOT_HERE[name]
    monkeypatch.setattr(licences, "NOT_HERE", {name: said})
    assert licences.licence_of(name) == said


@pytest.mark.parametrize("said", ["AGPL-3.0-only", "MIT AND GPL-2.0-or-later", "see the file", None])
def test_unknown_licence_is_refused(said: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dependency under another licence stops the page, with its name and what it says."""
    message = Message()
    if said is not None:
        message["License"] = said
    monkeypatch.setattr(importlib.metadata, "metadata", lambda _: message)
    with pytest.raises(SystemExit, match=r"the licence of attrs is .*: may it be a dependency"):
        licences.accepted("attrs")


def test_unknown_package_is_refused() -> None:
    """One that is installed on other systems only, and not listed by hand, stops the page."""
    assert licences.licence_of("no-such-package-anywhere") == ""
    with pytest.raises(PackageNotFoundError):
        importlib.metadata.metadata("no-such-package-anywhere")
    with pytest.raises(SystemExit, match="is unknown"):
        licences.accepted("no-such-package-anywhere")
