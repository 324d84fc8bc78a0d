"""Report sites for the tests, and a browser that watches what their pages do."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request, Response

from churn.reports.browser import chromium, settle
from churn.reports.server import serving
from conftest import ROOT

AXE = ROOT / "reports/node_modules/axe-core/axe.min.js"


def skip_without_tools() -> None:
    """Skip the test, with a reason, without Node to build pages or a browser to open them."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node is not installed: the reports cannot be built here")
    if chromium() is None:
        pytest.skip("Chromium is not installed: the pages cannot be opened here")


class WatchedPage:
    """A page that fails its test if a script fails or the page contacts another host."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.problems: list[str] = []
        page.on("console", lambda said: said.type == "error" and self._note(said.text))
        page.on("pageerror", lambda error: self._note(str(error)))
        page.on("dialog", lambda dialog: (self._note(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("websocket", lambda socket: self._note(f"opened {socket.url}"))
        # service workers send requests, too
        page.context.on("request", self._on_request)
        page.context.on("response", self._on_response)

    def open(self, path: str) -> "WatchedPage":
        self.page.goto(self.address + path)
        settle(self.page)
        return self

    def main(self) -> str:
        """Return the visible text of the page."""
        return self.page.locator("main").inner_text()

    def rows(self, query: str) -> list[list[str]]:
        """Return the cells on the visible page of a table."""
        rows = self.page.locator(f"[data-testid='DataTable-{query}'] tr:has(td)").all()
        return [[cell.strip() for cell in row.locator("td").all_inner_texts()] for row in rows]

    def errors_shown(self) -> list[str]:
        """Return the texts of Evidence's error boxes."""
        boxes = self.page.locator("main [class*='border-negative'], main [class*='bg-negative']")
        return boxes.all_inner_texts()

    def violations(self) -> list[str]:
        """Return the violations that axe rates serious or critical."""
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found: dict[str, Any] = self.page.evaluate("axe.run({resultTypes: ['violations']})")
        return [
            f"{violation['id']}: {violation['nodes'][0]['html'][:300]}"
            for violation in found["violations"]
            if violation["impact"] in ("serious", "critical")
        ]

    def _note(self, problem: str) -> None:
        self.problems.append(problem)

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith((self.address, "data:", f"blob:{self.address}")):
            self._note(f"asked {request.url}")

    def _on_response(self, response: Response) -> None:
        if response.status >= 400:
            self._note(f"{response.status} for {response.url}")


@contextmanager
def watched(
    browser: Browser, site: Path, base_path: str = "", **options: Any
) -> Iterator[WatchedPage]:
    """Open a page of a served site, with the `options` of a browser context.

    When the block ends, the test fails if the page had problems.
    """
    options = {"viewport": {"width": 1280, "height": 900}, **options}
    with serving(site, base_path) as address:
        context = browser.new_context(**options)
        page = WatchedPage(context.new_page(), address)
        try:
            yield page
        finally:
            context.close()
    if page.problems:
        pytest.fail("\n".join(page.problems))
