"""Writes the executive page as a PDF, and takes pictures of the pages for the documentation."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from churn.files.made import replace_file
from churn.reports.browser import PdfMargins, open_browser, settle

_MARGIN: PdfMargins = {"top": "14mm", "bottom": "14mm", "left": "12mm", "right": "12mm"}


class Picture(NamedTuple):
    """A picture of a page: which page, its width and height, and its colours."""

    page: str
    width: int = 1280
    height: int = 900
    color_scheme: str = "light"


PICTURES: Mapping[str, Picture] = {
    "reports-executive": Picture(""),
    "reports-at-risk": Picture("at-risk/", height=1250),
    "reports-customer": Picture("customers/{customer}/", height=1100),
    "reports-backtest": Picture("backtest/", color_scheme="dark"),
    "reports-phone": Picture("", width=390, height=844),
}


def write_pdf(address: str, pdf: Path) -> None:
    """Print a page to an A4 PDF in light colours; the file appears complete or not at all."""
    unfinished = pdf.with_name(f".{pdf.name}.new")
    with open_browser() as browser:
        page = browser.new_page(color_scheme="light")
        page.goto(address)
        settle(page)
        page.pdf(path=unfinished, format="A4", print_background=True, margin=_MARGIN)
    replace_file(unfinished, pdf, "PDF")


def take_pictures(address: str, customer: str, folder: Path) -> list[Path]:
    """Take every picture into a folder; customer pages show this customer."""
    folder.mkdir(parents=True, exist_ok=True)
    taken = []
    with open_browser() as browser:
        for name, picture in PICTURES.items():
            options: dict[str, Any] = {"color_scheme": picture.color_scheme}
            page = browser.new_page(
                viewport={"width": picture.width, "height": picture.height}, **options
            )
            page.goto(address + picture.page.format(customer=customer))
            settle(page)
            taken.append(folder / f"{name}.png")
            page.screenshot(path=taken[-1])
            page.close()
    return taken
