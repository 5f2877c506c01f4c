"""The HTML page, in a real browser: it fits every screen, and runs side by side are told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from comfy_assets.contract.reports import html
from comfy_assets.contract.selftest import checked
from comfy_assets.scenarios.catalogue import CONFORMING
from comfy_assets.scenarios.comfyui import COMFYUI

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from comfy_assets.contract.run import Outcome


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    """Two runs of a broken server, with unbroken lines in what it says, and one of a good one."""
    return [checked(COMFYUI, run_id="one"), checked(COMFYUI, run_id="two"), checked(CONFORMING[0])]


@pytest.mark.parametrize("width", [360, 1280])
def test_page_is_as_wide_as_the_screen(chromium_page: Page, outcomes: list[Outcome], width: int) -> None:
    """Nobody has to scroll sideways, whatever servers say."""
    chromium_page.set_viewport_size({"width": width, "height": 800})
    for shown in (outcomes[:1], outcomes):
        chromium_page.set_content(html.page(shown))
        assert chromium_page.evaluate("document.documentElement.scrollWidth") == width


def test_every_link_leads_to_one_place(chromium_page: Page, outcomes: list[Outcome]) -> None:
    """Two runs find the same: each link leads to the finding of its own run."""
    chromium_page.set_content(html.page(outcomes))
    places = chromium_page.eval_on_selector_all("[id]", "found => found.map(one => one.id)")
    links = chromium_page.eval_on_selector_all(
        "a", "found => found.map(one => one.getAttribute('href').slice(1))"
    )
    assert len(places) == len(set(places)) == sum(len(one.judgement.findings) for one in outcomes)
    assert set(links) == set(places)
    heads = chromium_page.eval_on_selector_all("thead th", "found => found.map(one => one.textContent)")
    assert len(set(heads)) == len(heads) == 2 + len(outcomes)
