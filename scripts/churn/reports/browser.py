"""A headless browser, for PDFs and pictures of the pages."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from churn.project.paths import expanded
from churn.terminal.errors import InputError

__all__ = ["Browser", "Page", "PdfMargins", "chromium", "open_browser", "settle"]

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
_NO_CHROMIUM = (
    "This needs Chromium or Chrome, which is not installed. Install it (Debian: apt install "
    "chromium; macOS: brew install --cask google-chrome), or name it in CHURN_CHROMIUM."
)
try:
    from playwright.sync_api import Browser, Page, PdfMargins, sync_playwright
except ImportError as error:  # an optional extra
    raise InputError(
        "This needs the package playwright: pip install playwright, or `make test` once."
    ) from error


def chromium() -> Path | None:
    """Find this machine's Chromium, or the one that CHURN_CHROMIUM names."""
    named = os.environ.get("CHURN_CHROMIUM")
    names = (str(expanded(Path(named))),) if named else (*_NAMES, _MAC)
    found = next((path for name in names if (path := shutil.which(name))), None)
    return Path(found) if found else None


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Open the browser, and close it when the block ends. Raises InputError if there is none."""
    executable = chromium()
    if executable is None:
        raise InputError(_NO_CHROMIUM)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox"] if os.geteuid() == 0 else []
        )
        try:
            yield browser
        finally:
            browser.close()


def settle(page: Page) -> None:
    """Wait until a page has drawn its tables and charts."""
    page.wait_for_load_state("networkidle")
    page.wait_for_function("() => !document.querySelector('.animate-pulse')")
    page.evaluate("() => document.fonts.ready")
    # the animation of charts takes this long
    page.wait_for_timeout(1200)
