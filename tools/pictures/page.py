"""A picture of an HTML page, by Debian's chromium."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from pathlib import Path


def screenshot(page: Path, picture: Path, *, width: int = 1100, height: int = 820) -> None:
    """Write what a window of this size shows of a page."""
    path = shutil.which("chromium")
    if path is None:
        raise SystemExit("pictures: there is no chromium (make system)")
    sandbox = ["--no-sandbox"] if os.name == "posix" and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--disable-gpu", *sandbox])
        try:
            shown = browser.new_page(viewport={"width": width, "height": height})
            shown.goto(page.as_uri())
            shown.screenshot(path=picture)
        finally:
            browser.close()
