"""The reports as commands and files: what they read, where they go, and what can fail."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import httpx
import pytest
import yaml

from churn.files.swap import exclusive
from churn.project import Project
from churn.reports.commands import built_site
from churn.reports.server import POLICY, serving
from conftest import ROOT, Workspace

PAGES = sorted((ROOT / "reports/pages").rglob("*.md"))
SOURCES = sorted((ROOT / "reports/sources/churn").glob("*.sql"))
EXPOSURES = yaml.safe_load((ROOT / "models/marts/_exposures.yml").read_text(encoding="utf-8"))[
    "exposures"
]


def tables_of(page: Path) -> set[str]:
    """Return the models that a page reads through its sources."""
    sources = set(re.findall(r"\bchurn\.([a-z_]+)", page.read_text(encoding="utf-8")))
    return {table for source in sources for table in tables_of_source(source)}


def tables_of_source(name: str) -> set[str]:
    sql = (ROOT / f"reports/sources/churn/{name}.sql").read_text(encoding="utf-8")
    return set(re.findall(r"\b(?:marts|quality|enrichment|config)\.([a-z_]+)", sql))


def url_of(page: Path) -> str:
    path = str(page.relative_to(ROOT / "reports/pages").with_suffix(""))
    return "/" + path.removesuffix("index").strip("/").replace("[page_name]", "<id>")


# ------------------------------------------------------------------------------ inputs of the pages


def test_every_page_has_an_exposure_and_every_exposure_a_page() -> None:
    assert sorted(url_of(page) for page in PAGES) == sorted(one["url"] for one in EXPOSURES)


@pytest.mark.parametrize("page", PAGES, ids=url_of)
def test_a_page_reads_what_its_exposure_names(page: Path) -> None:
    [exposure] = [one for one in EXPOSURES if one["url"] == url_of(page)]
    named = {re.fullmatch(r"ref\('(\w+)'\)", ref)[1] for ref in exposure["depends_on"]}  # type: ignore[index]
    assert tables_of(page) == named
    assert exposure["owner"]["name"]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_source_gives_the_rows_of_its_mart_or_one_of_nulls(
    source: Path, sample: Workspace
) -> None:
    """Evidence cannot read a table without rows."""
    sql = source.read_text(encoding="utf-8")
    [relation] = re.findall(r"left join ((?:marts|quality|enrichment|config)\.\w+)", sql)[:1] or [
        None
    ]
    with duckdb.connect(str(sample.warehouse), read_only=True) as connection:
        found = connection.sql(sql).fetchall()
        known = [row for row in found if any(value is not None for value in row)]
        if relation and "where" not in sql:
            assert connection.sql(f"select count(*) from {relation}").fetchall() == [(len(known),)]
        # without rows, the source must give one row of nulls
        if relation:
            nothing = sql.replace(relation, f"(select * from {relation} where false)")
            [row] = connection.sql(nothing).fetchall()
            assert set(row) == {None}
    used = [page for page in PAGES if f"churn.{source.stem}" in page.read_text(encoding="utf-8")]
    assert used, "no page reads it"


@pytest.mark.parametrize("page", PAGES, ids=url_of)
def test_pages_hold_no_rule_and_no_html_of_the_data(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert "contentType=html" not in text
    assert "@html" not in text
    # a threshold of a level or a rule in a page would be a second definition
    queries = "".join(re.findall(r"```sql\n(.*?)```", text, flags=re.DOTALL))
    assert not re.search(r"risk_score\s*(>=|<=|>|<)|[<>]=?\s*0\.\d", queries)


# ------------------------------------------------------------------------------ the commands


def without_node(place: Workspace, tmp_path: Path) -> None:
    place.environment["PATH"] = str(tmp_path)


def test_without_node_one_line_says_what_to_install(workspace: Workspace, tmp_path: Path) -> None:
    without_node(workspace, tmp_path)
    code, _, err = workspace.churn("reports")
    assert code == 2
    assert "need Node" in err
    assert "nodejs.org" in err
    assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize("command", [("serve",), ("pdf",)], ids=lambda command: command[0])
def test_what_was_not_built_cannot_be_read(command: tuple[str], workspace: Workspace) -> None:
    code, _, err = workspace.churn("reports", *command)
    assert code == 2
    assert "Run `make reports` first" in err


@pytest.mark.parametrize("path", ["churn", "/churn/", "//x", "/a b", '/"', "/a#b"])
def test_a_base_path_that_is_none_is_refused(path: str, workspace: Workspace) -> None:
    code, _, err = workspace.churn("reports", "--base-path", path)
    assert code == 2
    assert "A base path is such as /churn" in err


# ------------------------------------------------------------------------------ the server


@pytest.fixture
def small_site(tmp_path: Path) -> Path:
    site = tmp_path / "site"
    (site / "page").mkdir(parents=True)
    (site / "index.html").write_text("<p>first</p>")
    (site / "page/index.html").write_text("<p>page</p>")
    (site / "data.parquet").write_bytes(bytes(range(100)))
    (tmp_path / "secret").write_text("no")
    return site


def test_the_server_gives_pages_and_ranges(small_site: Path) -> None:
    with serving(small_site) as address:
        assert httpx.get(address).text == "<p>first</p>"
        assert httpx.get(f"{address}page/").text == "<p>page</p>"
        part = httpx.get(f"{address}data.parquet", headers={"range": "bytes=10-19"})
        assert (part.status_code, part.content) == (206, bytes(range(10, 20)))
        assert httpx.get(f"{address}missing").status_code == 404


def test_the_server_lets_pages_load_nothing_of_other_hosts(small_site: Path) -> None:
    with serving(small_site) as address:
        policy = httpx.get(address).headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert not re.search(r"https?:|\*", policy)


def test_the_server_answers_this_machine_alone(small_site: Path) -> None:
    with serving(small_site) as address:
        assert address.startswith("http://127.0.0.1:")
        other = httpx.get(address, headers={"host": "evil.example"})
        assert other.status_code == 400
        outside = httpx.get(f"{address}..%2fsecret")
        assert outside.status_code == 404


def test_the_server_serves_below_a_base_path(small_site: Path) -> None:
    with serving(small_site, "/churn") as address:
        assert address.endswith("/churn/")
        assert httpx.get(f"{address}page/").text == "<p>page</p>"
        root = httpx.get(address.removesuffix("churn/"), follow_redirects=True)
        assert root.text == "<p>first</p>"


def test_a_port_in_use_is_said(small_site: Path, workspace: Workspace) -> None:
    (small_site / "base_path.txt").write_text("")
    workspace.environment["CHURN_REPORTS_DIR"] = str(small_site)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, _, err = workspace.churn("reports", "serve", "--port", taken.getsockname()[1])
    assert code == 2
    assert "is in use" in err


@pytest.mark.builds
def test_ctrl_c_ends_the_server(small_site: Path, workspace: Workspace) -> None:
    (small_site / "base_path.txt").write_text("")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serve = "from churn.cli import main; main()"
    command = [sys.executable, "-c", serve, "reports", "serve", "--port", str(port)]
    environment = {**os.environ, "CHURN_REPORTS_DIR": str(small_site)}
    with subprocess.Popen(command, cwd=ROOT, env=environment) as process:
        assert _answer(f"http://127.0.0.1:{port}/") == "<p>first</p>"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) in (0, 130, -signal.SIGINT)


def _answer(address: str) -> str:
    """Return a server's answer, once it is up."""
    for _ in range(300):
        try:
            return httpx.get(address).text
        except httpx.TransportError:
            time.sleep(0.1)
    pytest.fail(f"nothing answers at {address}")


def test_the_policy_of_the_documentation_is_the_one_that_is_sent() -> None:
    text = (ROOT / "docs/publishing.md").read_text(encoding="utf-8")
    assert f'Content-Security-Policy "{POLICY}"' in text


def test_a_site_can_be_read_while_the_next_one_is_built(
    small_site: Path, workspace: Workspace
) -> None:
    (small_site / "base_path.txt").write_text("/churn")
    (small_site.parent / ".site.loading-1").mkdir()
    with workspace.active(), exclusive(small_site, "build of the reports"):
        os.environ["CHURN_REPORTS_DIR"] = str(small_site)
        (small_site.parent / ".site.loading-2").mkdir()
        assert built_site(Project()) == (small_site.resolve(), "/churn")
