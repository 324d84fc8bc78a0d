"""Shared by the tests of the whole pipeline: a small clean company, and workspaces to build in."""

import csv
import fcntl
import io
import json
import os
import pickle
import random
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import duckdb
import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner, dbtRunnerResult
from rich.console import Console

import prepared_dbt
from churn import cli
from churn.build import dbt
from churn.load import LoadSummary, load
from churn.project import Project
from compiled_models import Choices, CompiledProject, compiled_choices
from costs import (  # noqa: F401
    pytest_configure,
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_unconfigure,
)

ROOT = Path(__file__).parents[2]
RAVENSTACK = ROOT.parent / "shared" / "data" / "ravenstack"

Row = dict[str, str]
Tables = dict[str, list[Row]]


class Outcome(NamedTuple):
    """The result of a command: its exit code and its two output streams."""

    code: int
    out: str
    err: str


class Contents(NamedTuple):
    """A whole table: its column names, and its rows in stored order."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


class Workspace:
    """A separate warehouse and store; models, macros and seeds are the project's own.

    A `light` workspace builds in a third of the time (`prepared_dbt.light`): few weeks, no
    contracts, no descriptions in the warehouse, no data tests.
    """

    def __init__(self, folder: Path, target: Path, *, light: bool = True) -> None:
        self.light = light
        self.source = folder / "source"
        self.warehouse = folder / "churn.duckdb"
        self.store = folder / "store"
        self.reports = folder / "reports"
        # dbt's results of building the session's sample
        self.results = folder / "run_results.json"
        self.load_dir = self.store / "saas"
        self.environment = {
            "CHURN_WAREHOUSE": str(self.warehouse),
            "CHURN_STORE_DIR": str(self.store),
            "CHURN_TEMP_DIR": str(folder / "spill"),
            "CHURN_REPORTS_DIR": str(self.reports),
            "DBT_TARGET_PATH": str(target),
            "DBT_LOG_PATH": str(folder / "logs"),
            "COLUMNS": "120",
        }

    @contextmanager
    def active(self) -> Iterator[None]:
        """Set this workspace's environment variables, and restore the old values afterwards."""
        with patch.dict(os.environ):
            os.environ.pop("CHURN_DATA_DIR", None)
            os.environ |= self.environment
            with prepared_dbt.light() if self.light else nullcontext():
                yield

    def write(self, tables: Mapping[str, Iterable[Row]]) -> Path:
        """Write the tables as CSV files whose columns keep the order of the rows."""
        self.source.mkdir(parents=True, exist_ok=True)
        for name, rows in tables.items():
            rows = list(rows)
            columns = dict.fromkeys(column for row in rows for column in row) or COLUMNS[name]
            with (self.source / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, columns)
                writer.writeheader()
                writer.writerows(rows)
        return self.source

    def load(self, source: Path | Mapping[str, Iterable[Row]]) -> LoadSummary:
        folder = source if isinstance(source, Path) else self.write(source)
        with self.active():
            return load(folder, Project())

    def build(self, source: Path | Tables | None = None, **variables: Any) -> "Workspace":
        """Load and build as `churn run` does; None builds the bundled sample."""
        if source is not None:
            self.load(source)
        with self.active():
            data_dir = None if source is None else self.load_dir
            console = Console(file=io.StringIO())
            dbt.build(Project(), console, data_dir=data_dir, variables=variables)
        return self

    def build_tables(
        self, source: Path | Tables | None = None, *, threads: int = 4, **variables: Any
    ) -> "Workspace":
        """Load and build without the data tests, which takes half as long.

        dbt and DuckDB each use this many `threads`.
        """
        if source is not None:
            self.load(source)
        connect = duckdb.connect

        def connect_with_threads(*arguments: Any, **settings: Any) -> duckdb.DuckDBPyConnection:
            config = {**settings.pop("config", {}), "threads": threads}
            return connect(*arguments, config=config, **settings)

        with patch.object(duckdb, "connect", connect_with_threads):
            result = self.dbt(
                # the place may hold other data
                *("build", "--full-refresh", "--exclude-resource-type", "test", "unit_test"),
                *("--threads", str(threads), "--vars", json.dumps(variables)),
                data_dir=None if source is None else self.load_dir,
            )
        assert result.success, result.exception or [r.message for r in result.result if r.message]
        return self

    def copy_of(self, other: "Workspace") -> "Workspace":
        """Copy the warehouse of another workspace, with its build record."""
        for file in other.warehouse.parent.glob(f"{other.warehouse.name}*"):
            shutil.copy2(file, self.warehouse.parent)
        return self

    def build_tested(self, tables: Tables, **variables: Any) -> "Workspace":
        """Load and build with the data tests, which must pass, even in a light workspace."""
        self.load(tables)
        result = self.dbt(
            *("build", "--exclude-resource-type", "unit_test", "--vars", json.dumps(variables)),
            data_dir=self.load_dir,
        )
        assert result.success, result.exception or [r.message for r in result.result if r.message]
        assert Counter(node.status for node in result.result)["pass"] > 100
        return self

    def dbt(self, *arguments: str, data_dir: Path | None = None) -> dbtRunnerResult:
        """Run dbt in this process."""
        with self.active():
            if data_dir is not None:
                os.environ["CHURN_DATA_DIR"] = str(data_dir)
            try:
                return dbtRunner().invoke(["--log-level", "none", *arguments])
            finally:
                DuckDBConnectionManager.close_all_connections()

    def churn(self, *arguments: object) -> Outcome:
        """Run the `churn` command in this process; an unexpected error reaches the test."""
        out, err = io.StringIO(), io.StringIO()
        command = ["churn", *map(str, arguments)]
        code: Any = 0
        with (
            self.active(),
            patch.object(sys, "argv", command),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            try:
                cli.main()
            except SystemExit as end:
                code = end.code or 0
        return Outcome(code, out.getvalue(), err.getvalue())

    def select(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """Return the rows of a query as dictionaries."""
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            cursor = connection.execute(sql, values)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def column(self, sql: str, *values: Any) -> list[Any]:
        """Return the first column of a query."""
        return [next(iter(row.values())) for row in self.select(sql, *values)]

    def contents(self, *schemas: str, without: Iterable[str] = ()) -> dict[str, Contents]:
        """Return the tables and views of these schemas (default: all), rows in stored order."""
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            connection.execute("set timezone = 'UTC'")
            relations = connection.execute(
                "select table_schema, table_name from information_schema.tables order by all"
            ).fetchall()
            found = {}
            for schema, table in relations:
                if schemas and schema not in schemas:
                    continue
                left_out = ", ".join(f"'{column}'" for column in without)
                cursor = connection.execute(
                    f"select columns(c -> c not in [{left_out}]) from {schema}.{table}"
                )
                columns = tuple(column[0] for column in cursor.description)
                found[f"{schema}.{table}"] = Contents(columns, cursor.fetchall())
        return found


class Stages:
    """Copies of a warehouse after each of several builds, to read once all builds are done."""

    def __init__(self, folder: Path, target: Path) -> None:
        self.folder, self.target = folder, target

    def keep(self, stage: str, place: Workspace, said: str = "") -> None:
        """Copy the warehouse, and keep the output of the build."""
        folder = self.folder / stage
        folder.mkdir()
        # keep the file name, because views refer to it
        shutil.copy(place.warehouse, folder)
        (folder / "said.txt").write_text(said, encoding="utf-8")

    def said(self, stage: str) -> str:
        """Return the output of the build, without line breaks."""
        return " ".join((self.folder / stage / "said.txt").read_text(encoding="utf-8").split())

    def __getitem__(self, stage: str) -> Workspace:
        """Return the warehouse of this stage. Only read it."""
        return Workspace(self.folder / stage, self.target)


def assert_same(
    found: Mapping[str, Contents], expected: Mapping[str, Contents], *, in_order: bool = True
) -> None:
    """Assert equal tables and rows; a failure names the table and the first difference."""
    assert list(found) == list(expected)
    for table, (columns, rows) in expected.items():
        assert found[table].columns == columns, table
        mine, theirs = found[table].rows, rows
        if not in_order:
            mine, theirs = sorted(mine, key=repr), sorted(theirs, key=repr)
        assert len(mine) == len(theirs), table
        for number, (one, other) in enumerate(zip(mine, theirs, strict=True)):
            assert dict(zip(columns, one, strict=True)) == dict(zip(columns, other, strict=True)), (
                f"{table}, row {number}"
            )


# a test that uses one of these fixtures waits for a build or for a language model
_BUILT = {
    *("sample", "ravenstack", "small", "company", "stages", "compiled_project", "models"),
    "real_model",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests that need a build, so that `make test-fast` skips them."""
    for item in items:
        if _BUILT & {*getattr(item, "fixturenames", ())}:
            item.add_marker("builds")


# ------------------------------------------------------------------------------ places to build


@pytest.fixture(scope="session", autouse=True)
def ctrl_c_ends_what_tests_start() -> None:
    """Restore Ctrl-C for the tests' processes: background jobs of a shell ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def parsed_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Parse the project once for all tests."""
    with prepared_dbt.parsed_once(shared_folder(tmp_path_factory)):
        yield


def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that all processes of this test run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """dbt's target folder; each test process has its own."""
    return tmp_path_factory.mktemp("target")


@pytest.fixture
def workspace(target: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """An empty workspace; the working directory is the project's.

    All tests of a process use the same folder. In a new folder dbt would parse the project again,
    which takes longer than building a small company.
    """
    monkeypatch.chdir(ROOT)
    folder = target.parent / "workspace"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return Workspace(folder, target)


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory, target: Path) -> Workspace:
    """The bundled sample, built as `churn run` does. Only read it."""

    def make(place: Workspace) -> None:
        place.build()
        shutil.copy(target / "run_results.json", place.results)

    return built_once(tmp_path_factory, target, "sample", make)


@pytest.fixture(scope="session")
def ravenstack(tmp_path_factory: pytest.TempPathFactory, target: Path) -> Workspace:
    """The RavenStack export, built as `churn run` does. Only read it."""
    if not RAVENSTACK.is_dir():
        pytest.skip(f"the RavenStack data is not in {RAVENSTACK}")
    return built_once(tmp_path_factory, target, "ravenstack", lambda place: place.build(RAVENSTACK))


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory, target: Path) -> Workspace:
    """The small company, built light. Only read it."""

    def make(place: Workspace) -> None:
        place.build_tables(small_company())

    return built_once(tmp_path_factory, target, "small", make, light=True)


@pytest.fixture(scope="session")
def compiled_project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CompiledProject]:
    """The compiled scoring models, to run in memory."""

    def make() -> Choices:
        return compiled_choices(tmp_path_factory.mktemp("compiled"))

    project = CompiledProject(made_once(tmp_path_factory, "compiled", make))
    yield project
    project.pipeline.connection.close()


def built_once(
    tmp_path_factory: pytest.TempPathFactory,
    target: Path,
    name: str,
    make: Callable[[Workspace], object],
    *,
    light: bool = False,
) -> Workspace:
    """Build a workspace in the first parallel test process that needs it; the others read it."""
    folder = shared_folder(tmp_path_factory) / name
    folder.mkdir(exist_ok=True)
    place = Workspace(folder, target, light=light)
    with (folder / "lock").open("w") as lock, pytest.MonkeyPatch.context() as patched:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "built").exists():
            # do not repeat a failed build: it would fail again, just as slowly
            assert not (folder / "built.failed").exists(), (
                f"{name} was not built: see the first test that needed it"
            )
            (folder / "built.failed").touch()
            patched.chdir(ROOT)
            make(place)
            (folder / "built.failed").rename(folder / "built")
    return place


def made_once(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[], Any]) -> Any:
    """Make a value in the first parallel test process that needs it; the others read it."""
    file = shared_folder(tmp_path_factory) / f"{name}.pickle"
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            file.write_bytes(pickle.dumps(make()))
    return pickle.loads(file.read_bytes())


# shells, SQL and glob patterns treat these characters specially
ODD = 'it\'s "a" clone $x; --'


def copy_of_project(folder: Path) -> Path:
    """Copy the project as a clone would have it, without builds or stores; return the folder."""
    at_the_top = {"build", "logs", "target", "data", "exports", "warehouse"}
    at_the_top |= {"tests", "docs", "reports"}

    def left_out(place: str, names: list[str]) -> set[str]:
        # the package has folders with some of these names, too
        found = at_the_top.intersection(names) if Path(place) == ROOT else set()
        return found | {name for name in names if name.startswith(".") or name == "node_modules"}

    shutil.copytree(ROOT, folder, ignore=left_out)
    (folder / "tests").symlink_to(ROOT / "tests")
    (folder / "docs").symlink_to(ROOT / "docs")
    return folder


# ------------------------------------------------------------------------------ a small company

# account names that tools often mishandle
HOSTILE = [
    "Quotes \"and\" 'single'",
    "Two\nlines, and a\ttab",
    "<script>alert(1)</script> & Söhne",
    '=HYPERLINK("http://example.com";"x")',
    "+1-800; @SUM(A1:A9)",
    "-2+3|cmd",
    "@here",
    "＝1＋1",
    "'=already guarded",
    "שלום עולם בע״מ",
    "\u202eright to left\u202c",
    "𠮷野家 😀 👩‍👩‍👧",
    "[x](javascript:alert(1)) **bold** `code` | cell",
    "# not a title www.example.com https://example.com",
    "{account_name} {offers} %s $x$",
    "_x0041_ \\N \\u0041",
    "N" * 300,
]

AS_OF = date(2026, 3, 31)
DAYS = [AS_OF - timedelta(days=ago) for ago in reversed(range(70))]
ENDED = date(2026, 2, 28)

COLUMNS = {
    "churn_events": [
        "churn_event_id",
        "account_id",
        "churn_date",
        "reason_code",
        "refund_amount_usd",
        "preceding_upgrade_flag",
        "preceding_downgrade_flag",
        "is_reactivation",
        "feedback_text",
    ],
    "support_tickets": [
        "ticket_id",
        "account_id",
        "submitted_at",
        "closed_at",
        "resolution_time_hours",
        "priority",
        "first_response_time_minutes",
        "satisfaction_score",
        "escalation_flag",
    ],
}


def small_company() -> Tables:
    """Twelve accounts with one customer each and no faults, as of 2026-03-31.

    S01 is at High risk: its usage fell by 75%, and A01's tickets are escalated and scored 1. S02 is
    at Medium risk: a trial whose usage fell by 50%. S12 has ended, with a churn event of A12. The
    usage of the others is constant, and every account files a ticket every twelve days.
    """
    accounts = [f"A{number:02}" for number in range(1, 13)]
    return {
        "accounts": [_account(account) for account in accounts],
        "subscriptions": [_subscription(account) for account in accounts],
        "feature_usage": list(_usage(accounts)),
        "churn_events": [_churn_event("C1", "A12", ENDED)],
        "support_tickets": [
            _ticket(f"T{number:03}", accounts[(number + 3) % 12], day)
            for number, day in enumerate(DAYS)
        ],
    }


@pytest.fixture
def tables() -> Tables:
    """The small company, for a test to change."""
    return small_company()


def company_of(names: Iterable[str], customers: Iterable[str] = ()) -> Tables:
    """Return the small company with extra accounts of these names, all of them at High risk.

    Their customers have the given ids; customers without one get C00, C01, …
    """
    company, model = small_company(), small_company()
    ids = iter(customers)
    for number, name in enumerate(names):
        account, customer = f"H{number:02}", next(ids, f"C{number:02}")
        _copy(model, "accounts", "A01", account_id=account, account_name=name)
        _copy(model, "subscriptions", "A01", account_id=account, subscription_id=customer)
        for row in company["feature_usage"]:
            if row["subscription_id"] == "S01":
                usage = {"subscription_id": customer, "usage_id": f"{row['usage_id']}-{number}"}
                model["feature_usage"].append({**row, **usage})
    return model


def _copy(model: Tables, table: str, account: str, **changes: str) -> None:
    [row] = [row for row in model[table] if row["account_id"] == account]
    model[table].append({**row, **changes})


def _account(account: str) -> Row:
    number = int(account[1:])
    return {
        "account_id": account,
        "account_name": f"Company {number:02}",
        "industry": ["Retail", "Health"][number % 2],
        "country": ["Austria", "Peru", "Kenya"][number % 3],
        "signup_date": "2025-01-01",
        "referral_source": ["organic", "partner"][number % 2],
        "plan_tier": "Pro",
        "seats": "10",
        "is_trial": "false",
        "churn_flag": str(account == "A12").lower(),
        "csm_name": "Ada Quint",
        "csm_email": "ada@example.com",
    }


def _subscription(account: str) -> Row:
    number = int(account[1:])
    return {
        "subscription_id": f"S{number:02}",
        "account_id": account,
        "start_date": "2025-01-15",
        "end_date": str(ENDED) if account == "A12" else "",
        "plan_tier": ["Basic", "Pro", "Enterprise"][number % 3],
        "seats": "10",
        "mrr_amount": str(100 * number),
        "arr_amount": str(1200 * number),
        "is_trial": str(number == 2).lower(),
        "upgrade_flag": "false",
        "downgrade_flag": "false",
        "churn_flag": str(account == "A12").lower(),
        "billing_frequency": "monthly",
        "auto_renew_flag": "true",
        "renewal_date": "2027-01-15",
    }


def _usage(accounts: list[str]) -> Iterator[Row]:
    current = AS_OF - timedelta(days=30)
    number = 0
    for day in DAYS:
        for account in accounts:
            if account == "A12" and day > ENDED:
                continue
            # the current window has 31 days and the prior one 30, so these counts mean no change
            before = {"A01": 4 * 31, "A02": 2 * 31}.get(account, 31)
            number += 1
            yield {
                "usage_id": f"U{number:04}",
                "subscription_id": f"S{account[1:]}",
                "usage_date": str(day),
                "feature_name": "reports",
                "usage_count": str(30 if day >= current else before),
                "usage_duration_secs": "600",
                "error_count": "0",
                "is_beta_feature": "false",
            }


def _churn_event(event: str, account: str, day: date) -> Row:
    return dict(
        zip(
            COLUMNS["churn_events"],
            [event, account, str(day), "pricing", "10.50", "true", "false", "false", "Too dear."],
            strict=True,
        )
    )


def _ticket(ticket: str, account: str, day: date) -> Row:
    bad = account == "A01"
    return dict(
        zip(
            COLUMNS["support_tickets"],
            [
                *(ticket, account, f"{day} 09:00:00", f"{day} 15:00:00", "6.0", "medium", "30"),
                *(("1", "true") if bad else ("5", "false")),
            ],
            strict=True,
        )
    )


def shuffled(tables: Tables, seed: int) -> Tables:
    """Return the same rows in another order."""
    order = random.Random(seed)
    return {name: order.sample(rows, len(rows)) for name, rows in tables.items()}
