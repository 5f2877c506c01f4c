"""A real browser for the tests of HTML pages: Debian's chromium, which may speak to this machine only.

Where there is none, the tests that need it are skipped and pytest's summary names them; in continuous
integration (`CI=true`) they fail.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, Route, sync_playwright

from tests.support import missing

#: Nothing that the browser does by itself may reach the network.
ARGUMENTS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: Milliseconds that a page may take for anything; long, for busy machines.
PATIENCE = 30_000


# For a module and no longer: while Playwright is at work its event loop counts as running in this thread,
# and no other test could start one.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for the tests of a module, without a window, with a new profile."""
    path = shutil.which("chromium")
    if path is None:
        missing("there is no chromium (Debian: apt-get install chromium)")
    sandbox = ["--no-sandbox"] if os.name == "posix" and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*ARGUMENTS, *sandbox])
        try:
            yield browser
        finally:
            browser.close()


@pytest.fixture
def chromium_page(chromium: Browser) -> Iterator[Page]:
    """A page of its own; a request to any other host than 127.0.0.1 is stopped and fails the test."""
    strangers: list[str] = []

    def look(route: Route, request: Request) -> None:
        if is_here(request.url):
            route.continue_()
        else:
            strangers.append(request.url)
            route.abort()

    context = chromium.new_context()
    context.set_default_timeout(PATIENCE)
    context.route("**/*", look)
    try:
        yield context.new_page()
    finally:
        context.close()
    assert not strangers, "the page asked another host"


def is_here(url: str) -> bool:
    """Whether a URL stays on this machine, or in the page itself."""
    parts = urlsplit(url)
    return parts.scheme in {"data", "blob", "about", "file"} or parts.hostname == "127.0.0.1"
