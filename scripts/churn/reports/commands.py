"""Implements the `churn reports` commands, after their options are parsed."""

import os
import re
from pathlib import Path

from rich.console import Console

from churn.files.made import check_folder
from churn.files.swap import disk_errors, exclusive, recover, swap_in, working_folder
from churn.files.temporary import temporary_place
from churn.project import Project
from churn.project.options import DEFAULT_PORT
from churn.reports import evidence
from churn.terminal import plain, print_warnings
from churn.terminal.errors import InputError
from churn.warehouse import reading

_PICTURES = Path("docs/images")
_FIRST_PAGE = "select page_name from marts.customer_pages where page_order = 1"
_WORK = "build of the reports"
_SETTING = "CHURN_REPORTS_DIR"
_BASE_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")
# holds the site's base path; it is part of the site, so that both are replaced together
_BASE_PATH_FILE = "base_path.txt"


def build_reports(project: Project, console: Console, base_path: str = "") -> None:
    """Build the site from the warehouse, and replace the previous site.

    First builds outcomes that were logged since the last build.

    Args:
        project: gives the places of the warehouse and of the site.
        console: the console for progress.
        base_path: the path on the web server at which the site is published, such as `/churn`.

    Raises:
        InputError: there is no warehouse or no Node, or the base path is invalid.
        ChurnError: the warehouse is being built, another build of the reports is running, the
            packages cannot be installed, a page fails, or the disk is full.
    """
    from churn.build.dbt import build_what_was_logged

    if base_path and not _BASE_PATH.fullmatch(base_path):
        raise InputError(f"A base path is such as /churn or /teams/churn, not {plain(base_path)}.")
    site, log = project.reports_dir.resolve(), project.reports_log
    # check this before minutes of work
    check_folder(site, _WORK, _SETTING)
    evidence.check_node()
    build_what_was_logged(project, console)
    with (
        disk_errors(site, _WORK, _SETTING),
        exclusive(site, _WORK),
        working_folder(site, _WORK) as work,
    ):
        log.parent.mkdir(parents=True, exist_ok=True)
        log.unlink(missing_ok=True)
        with console.status("Installing the packages of the reports, once ..."):
            evidence.install(log)
        evidence.prepare(work, base_path)
        # the open connection keeps builds out of the warehouse
        with console.status("Reading the marts ..."), reading(project) as warehouse:
            print_warnings(warehouse.doubts, console)
            evidence.export_sources(project, work, log)
        with console.status("Building the pages, a minute or more ..."):
            built = evidence.build_pages(project, work, log)
        (built / _BASE_PATH_FILE).write_text(base_path, encoding="utf-8")
        pages = sum(1 for _ in built.rglob("index.html"))
        swap_in(built, site, work=_WORK, setting=_SETTING)
    _say(f"{pages:,} pages in {project.reports_dir}. To read them: make reports-serve", console)


def serve_reports(project: Project, console: Console, port: int = DEFAULT_PORT) -> None:
    """Serve the site on this machine until Ctrl-C.

    Raises InputError if the site was not built, or the port is taken.
    """
    from churn.reports.server import serve

    site, base_path = built_site(project)
    serve(site, base_path, port, lambda address: _say(f"{address}  (Ctrl-C ends it)", console))


def develop_reports(project: Project, console: Console, port: int = DEFAULT_PORT) -> None:
    """Serve the pages while they are edited, with the last build's data, until Ctrl-C.

    Raises InputError if nothing was built, or the port is not available.
    """
    from churn.reports.server import check_port

    evidence.check_node()
    check_port(port, "reports-dev")
    with console.status("Installing the packages of the reports, once ..."):
        evidence.install(project.reports_log)
    with reading(project) as warehouse:
        print_warnings(warehouse.doubts, console)
        evidence.export_sources(project, evidence.REPORTS, project.reports_log)
    evidence.develop(project, port)


def print_reports(project: Project, console: Console) -> None:
    """Print the executive page to a PDF.

    Raises InputError if the site was not built, or there is no browser.
    """
    from churn.reports.pictures import write_pdf
    from churn.reports.server import serving

    site, base_path = built_site(project)
    pdf = project.reports_dir.with_name(f"{project.reports_dir.name}.pdf")
    with serving(site, base_path) as address, console.status("Printing ..."):
        write_pdf(address, pdf)
    _say(f"The executive page is in {pdf}", console)


def photograph_reports(console: Console) -> None:
    """Build the bundled sample and its site in a temporary folder, and retake the pictures."""
    from churn.build.dbt import build
    from churn.reports.pictures import take_pictures
    from churn.reports.server import serving

    with temporary_place("churn-pictures-") as place:
        os.environ |= {
            "CHURN_STORE_DIR": str(place / "store"),
            "CHURN_REPORTS_DIR": str(place / "reports"),
        }
        project = Project()
        build(project, console, data_dir=None, tested=False)
        build_reports(project, console)
        with reading(project) as warehouse:
            [first] = warehouse.select(_FIRST_PAGE)
        site, base_path = built_site(project)
        with serving(site, base_path) as address, console.status("Taking pictures ..."):
            taken = take_pictures(address, first["page_name"], _PICTURES)
    for picture in taken:
        _say(f"{picture} ({picture.stat().st_size / 1000:.0f} kB)", console)


def built_site(project: Project) -> tuple[Path, str]:
    """Return the folder of the site and its base path. Raises InputError if it was not built."""
    site = project.reports_dir.resolve()
    # a complete site needs no recovery, even while another one is being built
    if not (site / "index.html").is_file():
        recover(site, _WORK, _SETTING)
    if not (site / "index.html").is_file():
        raise InputError(
            f"There are no reports in {project.reports_dir} yet. Run `make reports` first."
        )
    return site, (site / _BASE_PATH_FILE).read_text(encoding="utf-8")


def _say(text: str, console: Console) -> None:
    # do not break text that people copy
    console.print(plain(text), markup=False, highlight=False, soft_wrap=True)
