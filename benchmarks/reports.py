"""Measures the reports: building, publishing, opening, and filtering a list of 5,000 customers.

Run it on an otherwise idle machine: .venv/bin/python benchmarks/reports.py

It builds the sample and then a company with about `--customers` customers at risk (0 for none),
which takes long. It prints seconds, peak memory and the size of the site, with the part that is the
same for all data. Then it prints medians of five visits in a local browser: when the executive page
shows its figures, and how soon the at-risk list reacts to its filters.
"""

import os
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median

import duckdb
from playwright.sync_api import Browser, Page

from churn.reports.browser import open_browser, settle
from churn.reports.server import serving
from measure import measured

CUSTOMERS = 5_000
ACCOUNTS_A_CUSTOMER_AT_RISK = 4.8
VISITS = 5
CHURN = Path(sys.executable).with_name("churn")

LISTED = """
    select customer_id from marts.at_risk_customers where is_active order by contact_priority
"""
# wait until the figures have their values, then until nothing hides or covers them
WATCH_FIGURES = """
    const values = () => [...document.querySelectorAll('.figure .text-2xl')];
    const complete = () => values().length > 0 && values().every((value) => value.innerText.trim());
    const isSeen = (value) => {
        const { x, y, width, height } = value.getBoundingClientRect();
        const top = document.elementFromPoint(x + width / 2, y + height / 2);
        return value.contains(top) && value.checkVisibility({ opacityProperty: true });
    };
    const look = () => {
        if (complete() && values().every(isSeen)) window.seenAt = performance.now();
        else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
    new MutationObserver((_, observer) => {
        if (!complete()) return;
        window.presentAt = performance.now();
        observer.disconnect();
    }).observe(document, { childList: true, subtree: true, characterData: true });
"""
# the time from the last click or key until new rows are drawn that all contain the text
WATCH_ROWS = """(text) => {
    const rows = () => [...document.querySelectorAll("[data-testid='DataTable-customers'] tr")]
        .filter((row) => row.querySelector('td')).map((row) => row.textContent.trim())
        .filter((row) => row);
    const before = rows().join();
    let last;
    for (const kind of ['pointerup', 'keydown']) {
        addEventListener(kind, (event) => { last = event.timeStamp; }, { capture: true });
    }
    window.changing = new Promise((resolve) => {
        new MutationObserver((_, observer) => {
            const now = rows();
            if (!now.length || now.join() === before || !now.every((row) => row.includes(text)))
                return;
            observer.disconnect();
            const drawn = () => setTimeout(() => resolve((performance.now() - last) / 1000));
            requestAnimationFrame(drawn);
        }).observe(document, { childList: true, subtree: true, characterData: true });
    });
}"""


def main() -> None:
    """Measure and print."""
    parser = ArgumentParser()
    parser.add_argument("--customers", type=int, default=CUSTOMERS)
    customers = parser.parse_args().customers
    with tempfile.TemporaryDirectory() as name, open_browser() as browser:
        environment = places(Path(name) / "sample")
        measured([CHURN, "run"], environment)
        print("The sample")
        measure_build(environment)
        measure_figures(browser, environment)
        measure_list(browser, environment)
        if not customers:
            return
        environment = places(Path(name) / "large")
        data = Path(name) / "generated"
        accounts = round(customers * ACCOUNTS_A_CUSTOMER_AT_RISK)
        making = ("generate", "--out", data, "--accounts", accounts, "--format", "parquet")
        measured([CHURN, *making], environment)
        measured([CHURN, "run", "--data", data], environment)
        print(f"A company of {accounts:,} accounts")
        measure_build(environment)
        measure_list(browser, environment)


def places(folder: Path) -> dict[str, str]:
    """An environment in which all output goes to one folder."""
    return os.environ | {
        "CHURN_WAREHOUSE": str(folder / "churn.duckdb"),
        "CHURN_STORE_DIR": str(folder / "store"),
        "CHURN_TEMP_DIR": str(folder / "spill"),
        "CHURN_REPORTS_DIR": str(folder / "reports"),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
    }


def measure_build(environment: Mapping[str, str]) -> None:
    """Measure one build of the site, with packages installed, and the sizes of its parts."""
    seconds, peak = measured([CHURN, "reports"], environment)
    site = Path(environment["CHURN_REPORTS_DIR"])
    pages = sum(1 for _ in site.rglob("index.html"))
    print(f"  Build: {seconds:.0f} s, peak {peak:,.0f} MB, {pages:,} pages")
    sizes = dict.fromkeys(("the same for all data", "pages", "data"), 0.0)
    for file in site.rglob("*"):
        if file.is_file():
            sizes[kind(file.relative_to(site))] += file.stat().st_size / 1e6
    print(f"  Site: {', '.join(f'{what} {size:,.1f} MB' for what, size in sizes.items())}")


def kind(file: Path) -> str:
    """The kind of a file of the site."""
    if file.suffix == ".html":
        return "pages"
    return "data" if file.parts[0] in ("data", "api") else "the same for all data"


def measure_figures(browser: Browser, environment: Mapping[str, str]) -> None:
    """Measure when the main figures of the executive page are drawn and visible."""
    times = []
    for page in visits(browser, environment, "", WATCH_FIGURES):
        page.wait_for_function("() => window.seenAt")
        times.append(page.evaluate("[window.presentAt / 1000, window.seenAt / 1000]"))
    present, seen = (median(column) for column in zip(*times, strict=True))
    print(f"  Executive page: figures in the page after {present:.2f} s, seen after {seen:.2f} s")


def measure_list(browser: Browser, environment: Mapping[str, str]) -> None:
    """Measure how soon the at-risk list reacts to a ticked box and to a typed id."""
    with duckdb.connect(environment["CHURN_WAREHOUSE"], read_only=True) as warehouse:
        listed = [customer for (customer,) in warehouse.execute(LISTED).fetchall()]
    ticked, typed = [], []
    for page in visits(browser, environment, "at-risk/"):
        page.get_by_role("button", name="By customer").click()
        settle(page)
        box = page.get_by_text("Only accounts that had a churn event")
        page.evaluate(WATCH_ROWS, "")
        box.click()
        ticked.append(page.evaluate("window.changing"))
        box.click()
        settle(page)
        page.get_by_label("Search").focus()
        page.evaluate(WATCH_ROWS, listed[-1])
        page.keyboard.type(listed[-1])
        typed.append(page.evaluate("window.changing"))
    print(
        f"  List of {len(listed):,} customers: other rows {median(ticked):.2f} s after a box is "
        f"ticked, {median(typed):.2f} s after the last letter of a search"
    )


def visits(
    browser: Browser, environment: Mapping[str, str], path: str, script: str = ""
) -> Iterator[Page]:
    """Open the same page repeatedly, each time with an empty browser cache."""
    with serving(Path(environment["CHURN_REPORTS_DIR"])) as address:
        for _ in range(VISITS):
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            page = context.new_page()
            page.add_init_script(script)
            page.goto(address + path)
            yield page
            context.close()


if __name__ == "__main__":
    main()
