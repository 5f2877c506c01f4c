"""The documentation page in a real browser: it needs no internet, and what it sends reaches this server."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import Page, expect

from comfy_assets.server.process import ServerProcess
from tests.browser import is_here
from tests.server.asking import PORTRAIT, Asker, blake3_of, write_files


def test_page_sends_a_request(chromium_page: Page, tmp_path: Path) -> None:
    """Key and hash filled in, executed: a 201 is shown, and the reference is there afterwards."""
    folder = write_files(tmp_path / "content", {"portrait.png": PORTRAIT})
    body = {"hash": blake3_of(PORTRAIT), "tags": ["input"], "name": "from the page"}
    with ServerProcess(content=[folder], api_keys=["key-of-the-page"]) as server:
        page = chromium_page
        page.goto(f"{server.url}/docs")
        page.locator("button.authorize").first.click()
        page.locator(".auth-container input").fill("key-of-the-page")
        page.locator(".auth-container button.authorize").click()
        page.locator(".auth-container button.btn-done").click()
        page.locator("textarea.body-param__text").fill(json.dumps(body))
        page.locator("button.execute").click()
        expect(page.locator(".live-responses-table .response-col_status").last).to_contain_text("201")
        assert server.url in page.locator(".request-url").inner_text()
        again = Asker(server.url, "key-of-the-page").create(body)
    assert (again.status, again.json["name"]) == (200, "from the page")


def test_another_host_would_be_seen() -> None:
    """The guard of the browser tests lets this machine pass and nothing else."""
    assert is_here("http://127.0.0.1:1/docs")
    assert is_here("data:,")
    assert not is_here("https://fonts.example/a.css")
    assert not is_here("http://127.0.0.1.example/")
