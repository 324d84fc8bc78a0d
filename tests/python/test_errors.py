"""Errors of the system, terminals, settings and damaged files: one message, the right exit code."""

import errno
import html
import io
import os
import socket
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from datetime import date, datetime
from pathlib import Path, PurePosixPath
from typing import Any
from unittest.mock import patch

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dbt.cli.main import dbtRunnerResult
from dbt_common.exceptions import CompilationError, DbtDatabaseError
from rich.console import Console

from churn import cli
from churn.build import dbt
from churn.enrich.evaluate import QUALITY
from churn.enrich.messages import read_messages
from churn.enrich.results import MARKER, MESSAGES, RESULT, RUN, Results
from churn.enrich.sources import open_source
from churn.export.tables import ACTION_LIST, write_workbook
from churn.files.disk import refusal
from churn.files.store import read
from churn.load.find import list_files
from churn.outcomes.log import OUTCOME, OutcomeLog
from churn.project import Project
from churn.project.paths import PATH_SETTINGS, expand_settings
from churn.reports.server import check_port, port_refused
from churn.terminal import plain_lines, print_warnings
from churn.terminal.errors import ChurnError, InputError
from conftest import Outcome, Workspace, small_company
from test_cli import plain

BUILDS, SLOW = pytest.mark.builds, pytest.mark.slow

# ------------------------------------------------------------------------------ places


@pytest.fixture
def no_place(tmp_path: Path) -> dict[str, Path]:
    """Folders in which nobody, not even root, can write."""
    file = tmp_path / "file"
    file.touch()
    places = {"below a file": file / "below", "a file": file}
    if Path("/proc/self").exists():
        places["read-only"] = Path("/proc/nothing")
    return places


@pytest.mark.parametrize(
    ("setting", "kind", "code", "says"),
    [
        ("CHURN_WAREHOUSE", "a file", 2, "cannot be used"),
        ("CHURN_WAREHOUSE", "below a file", 2, "cannot be used"),
        ("CHURN_WAREHOUSE", "read-only", 1, "cannot be written"),
        pytest.param("DBT_LOG_PATH", "a file", 2, "cannot be used", marks=BUILDS),
        pytest.param("DBT_LOG_PATH", "read-only", 1, "cannot be written", marks=BUILDS),
        pytest.param("DBT_TARGET_PATH", "read-only", 1, "cannot be written", marks=SLOW),
    ],
)
def test_a_place_that_cannot_be_written_is_named_with_its_setting(
    workspace: Workspace, no_place: dict[str, Path], setting: str, kind: str, code: int, says: str
) -> None:
    if kind not in no_place:
        pytest.skip("this system has no /proc")
    place = no_place[kind]
    workspace.environment[setting] = str(
        place / "churn.duckdb" if setting == "CHURN_WAREHOUSE" else place
    )
    found = workspace.churn("run")
    assert (found.code, "Traceback" in found.err) == (code, False), found
    assert str(place) in found.err
    assert f"{setting}=…" in found.err
    assert says in found.err


KINDS = ("a file", "below a file", "read-only")
COMMANDS = (
    ("CHURN_DATA_DIR", "load", "The load stopped: "),
    ("CHURN_REPORTS_DIR", "reports", "The build of the reports stopped: "),
    ("CHURN_PUBLISHED_WAREHOUSE", "publish", "The publication stopped: "),
    ("CHURN_EXPORT_DIR", "export --format csv", "The export stopped: "),
    ("CHURN_STORE_DIR", "run", ""),
    ("CHURN_STORE_DIR", "outcome add S1001-1 contacted", ""),
)


@pytest.mark.parametrize(
    ("setting", "command", "stopped", "kind"),
    # a build only reads the store, and an empty store is no error
    [(*of, kind) for of in COMMANDS for kind in KINDS if (of[1], kind) != ("run", "read-only")],
)
def test_every_place_is_named_with_its_setting(
    workspace: Workspace,
    sample: Workspace,
    no_place: dict[str, Path],
    setting: str,
    command: str,
    stopped: str,
    kind: str,
) -> None:
    if kind not in no_place:
        pytest.skip("this system has no /proc")
    place = no_place[kind] / "here"
    if command not in ("run", "load"):
        workspace.environment["CHURN_WAREHOUSE"] = str(sample.warehouse)
    workspace.environment[setting] = str(place)
    arguments = command.split()
    if command == "load":
        arguments.append(str(workspace.write(small_company())))
    with patch("churn.reports.evidence.check_node"):
        found = workspace.churn(*arguments)
    assert (found.code, "Traceback" in found.err) == (1 if kind == "read-only" else 2, False), found
    assert f"{setting}=…" in found.err
    assert str(no_place["a file" if kind == "below a file" else kind]) in found.err
    assert stopped in found.err


def test_the_place_of_what_is_read_is_not_the_one_to_name(tmp_path: Path) -> None:
    refused = PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "in/accounts.csv"))
    said = refusal(refused, tmp_path / "data/saas", "CHURN_DATA_DIR", work="load")
    assert "CHURN_DATA_DIR" not in str(said)
    assert str(tmp_path / "in/accounts.csv") in str(said)
    beside = PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "data/.saas.lock"))
    said = refusal(beside, tmp_path / "data/saas", "CHURN_DATA_DIR", work="load")
    assert "CHURN_DATA_DIR=…" in str(said)


@pytest.mark.parametrize("command", ["load", "outcome import", "run --data", "show --svg"])
def test_a_name_that_no_file_can_have_is_one_message(workspace: Workspace, command: str) -> None:
    found = workspace.churn(*command.split(), "n" * 5_000)
    assert (found.code, found.err.count("\n"), "Traceback" in found.err) == (2, 1, False), found
    assert "is too long for a file or folder" in found.err


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "logs/dbt.log"), ChurnError, "no space"),
        (PermissionError(errno.EACCES, "Permission denied", "target"), ChurnError, "permissions"),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "logs"), InputError, "another place"),
        (DbtDatabaseError("IO Error: Cannot open file: Permission denied"), ChurnError, "IO Error"),
        (CompilationError("history_weeks must be …"), InputError, "history_weeks"),
        (RuntimeError("dictionary changed size"), ChurnError, "dictionary changed size"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_only_what_was_given_wrong_says_do_not_try_again(
    workspace: Workspace, error: Exception, kind: type[ChurnError], says: str
) -> None:
    with workspace.active():
        failure = dbt._failure(dbtRunnerResult(False, error), Project(), is_full=False)
    assert type(failure) is kind
    assert says in str(failure)


def test_a_picture_that_cannot_be_written_is_said(sample: Workspace, tmp_path: Path) -> None:
    found = sample.churn("show", "--svg", tmp_path / "missing" / "page.svg")
    assert (found.code, "page.svg.new cannot be written" in found.err) == (1, True)


def test_a_picture_replaces_only_its_own_file(sample: Workspace, tmp_path: Path) -> None:
    page = tmp_path / "page.svg"
    for _ in range(2):
        assert sample.churn("show", "--svg", page).code == 0
    assert "Accounts to call first" in html.unescape(page.read_text()).replace("\xa0", " ")
    page.write_text("mine")
    found = sample.churn("show", "--svg", page)
    assert (found.code, "page.svg is not as the last picture left it" in found.err) == (2, True)
    assert page.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".page.svg.churn.json", "page.svg"]


# ------------------------------------------------------------------------------ failed data tests


def test_a_failed_assertion_says_which_command_makes_it_good(
    workspace: Workspace, sample: Workspace
) -> None:
    """A table was rebuilt by hand, but the models built from it were not."""
    workspace.warehouse.write_bytes(sample.warehouse.read_bytes())
    with duckdb.connect(str(workspace.warehouse)) as connection:
        connection.execute("delete from intermediate.int_action_steps")
    result = workspace.dbt("test", "-s", "assert_every_active_customer_at_risk_has_a_plan")
    with workspace.active():
        partial = dbt._failure(result, Project(), is_full=False)
        full = dbt._failure(result, Project(), is_full=True)
    assert (type(partial), type(full)) == (ChurnError, ChurnError)
    assert "make run FULL_REFRESH=1" in str(partial)
    assert "FULL_REFRESH" not in str(full)
    assert "dbt_project.yml" in str(full)


# ------------------------------------------------------------------------------ terminals


COMMANDS = [
    ["show"],
    ["list"],
    ["explain", "{customer}"],
    ["backtest"],
    ["outcome", "list"],
    ["--help"],
    ["run", "--help"],
    ["outcome", "add", "株", "contacted"],
    ["export", "--format", "Ünknown"],
]


def on_terminal(place: Workspace, encoding: str, *arguments: str) -> Outcome:
    """Run a command whose streams have this encoding, as Python opens them."""
    out, err = io.BytesIO(), io.BytesIO()
    code: Any = 0
    with (
        place.active(),
        patch.object(sys, "argv", ["churn", *arguments]),
        redirect_stdout(io.TextIOWrapper(out, encoding=encoding)) as stdout,
        redirect_stderr(io.TextIOWrapper(err, encoding=encoding)) as stderr,
    ):
        try:
            cli.main()
        except SystemExit as end:
            code = end.code or 0
        stdout.flush()
        stderr.flush()
        return Outcome(code, out.getvalue().decode(encoding), err.getvalue().decode(encoding))


def test_a_terminal_of_any_encoding_shows_everything(sample: Workspace) -> None:
    [customer] = sample.column("select customer_id from marts.at_risk_customers limit 1")
    assert sample.column("select 1 from marts.at_risk_accounts where not account_name ^@ 'x'")
    for command in COMMANDS:
        arguments = [part.format(customer=customer) for part in command]
        whole = on_terminal(sample, "utf-8", *arguments)
        for encoding in ("ascii", "latin-1"):
            found = on_terminal(sample, encoding, *arguments)
            assert found.code == whole.code, (command, found)
            assert "Traceback" not in found.out + found.err
            # lines may break at other places
            shown, expected = (plain(one.out + one.err) for one in (found, whole))
            assert len(shown) > 0.8 * len(expected), command


def test_the_locale_c_shows_everything_too(sample: Workspace) -> None:
    found = subprocess.run(
        [sys.executable, "-c", "from churn.cli import main; main()", "show"],
        env=os.environ
        | sample.environment
        | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        capture_output=True,
        check=False,
    )
    assert (found.returncode, found.stderr) == (0, b"")
    assert b"Do warnings come true?" in found.stdout


def test_a_long_name_does_not_fill_the_screen(workspace: Workspace, sample: Workspace) -> None:
    long = "N" * 10_000
    workspace.warehouse.write_bytes(sample.warehouse.read_bytes())
    with duckdb.connect(str(workspace.warehouse)) as connection:
        for table, columns in {
            "at_risk_accounts": ("account_name", "csm_name", "next_step_owner", "next_step"),
            "at_risk_customers": ("account_name", "csm_name", "plan_tier"),
            "customer_risk": ("account_name", "csm_name", "plan_tier"),
        }.items():
            for column in columns:
                connection.execute(f"update marts.{table} set {column} = repeat('N', 10000)")
        found = connection.execute("select customer_id from marts.customer_risk").fetchone()
    assert found is not None
    for command in (["list"], ["show"], ["explain", found[0]]):
        lines = workspace.churn(*command).out.splitlines()
        assert any("NNNNN" in line for line in lines)
        assert len(lines) < 200, command
    out = io.StringIO()
    print_warnings([long], Console(file=out, width=120))
    assert len(out.getvalue()) < 1_000
    assert len(plain_lines(f"{long}\n{long}")) < 5_000


# ------------------------------------------------------------------------------ the last resort


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EIO, "Input/output error"),
        UnicodeEncodeError("ascii", "ü", 0, 1, "ordinal not in range(128)"),
        duckdb.InternalException("INTERNAL Error: something"),
        pa.ArrowInvalid("Something of Arrow"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_nobody_expects_says_where_its_details_are(
    workspace: Workspace, error: Exception
) -> None:
    with patch("churn.lists.show.show", side_effect=error):
        found = workspace.churn("show")
    [log] = Path(workspace.environment["DBT_LOG_PATH"]).glob("churn.log")
    assert (found.code, str(log) in found.err) == (1, True)
    assert type(error).__name__ in found.err
    assert "Traceback" not in found.err
    assert "Traceback" in log.read_text()


def test_a_fault_of_the_program_is_not_hidden(workspace: Workspace) -> None:
    with (
        patch("churn.lists.show.show", side_effect=ZeroDivisionError),
        pytest.raises(ZeroDivisionError),
    ):
        workspace.churn("show")


# ------------------------------------------------------------------------------ hosts and ports


HOSTS = [
    *("http://😀", "😀.com", "a b", "http://host:99999", "http://1.2.3.4:x", "::::", "http://[::1"),
    *("http://a..b", f"http://{'a' * 300}", "-", "ftp://host"),
]


@pytest.mark.parametrize("is_first", [True, False], ids=["a new process", "the same process"])
def test_a_host_that_is_none_is_named(workspace: Workspace, is_first: bool) -> None:
    calls = [(host, ["analyze", "hello"]) for host in HOSTS]
    calls += [(HOSTS[0], [command]) for command in ("enrich", "evaluate-enrichment")]
    for host, command in calls:
        workspace.environment["OLLAMA_HOST"] = host
        # the package reads the variable when it is imported
        modules = [name for name in sys.modules if name.partition(".")[0] == "ollama"]
        gone = dict.fromkeys([*modules, "churn.enrich.ollama"]) if is_first else {}
        with patch.dict(sys.modules):
            for name in gone:
                sys.modules.pop(name, None)
            found = workspace.churn(*command)
        assert found.code == 2, (host, found)
        assert host[:90] in found.err
        assert "no address" in found.err


def test_why_a_port_cannot_be_had_is_said() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(InputError, match=f"Port {port} is in use.*make reports-dev PORT="):
            check_port(port, "reports-dev")
    check_port(port, "reports-dev")
    refused = str(port_refused(PermissionError(errno.EACCES, "Permission denied"), 80, "reports"))
    assert "no permission to use port 80" in refused
    assert "in use" not in refused
    assert "PORT=3000" in refused
    other_reason = port_refused(OSError(errno.EADDRNOTAVAIL, "Cannot assign"), 81, "reports")
    assert "Port 81 cannot be used: Cannot assign" in str(other_reason)
    last = port_refused(OSError(errno.EADDRINUSE, "Address in use"), 65_535, "reports")
    assert "65536" not in str(last)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a process of another user")
def test_port_80_without_permission_is_not_in_use() -> None:
    first = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    if not first.exists() or int(first.read_text()) <= 80:
        pytest.skip("every user may use port 80 here")
    reading_end, writing_end = os.pipe()
    child = os.fork()
    if child == 0:
        said = ""
        try:
            if os.getuid() == 0:
                os.setuid(65_534)
            check_port(80, "reports-serve")
        except BaseException as error:
            said = str(error)
        os.write(writing_end, said.encode())
        os._exit(0)
    os.close(writing_end)
    os.waitpid(child, 0)
    with os.fdopen(reading_end) as pipe:
        assert "no permission to use port 80" in pipe.read()


# ------------------------------------------------------------------------------ paths


def test_a_tilde_is_the_home_folder_in_every_argument_and_setting(
    workspace: Workspace, tmp_path: Path
) -> None:
    workspace.environment["HOME"] = str(tmp_path)
    said = {
        "load ~/exports": f"{tmp_path}/exports does not exist",
        "run --data ~/exports": f"{tmp_path}/exports does not exist",
        "spark --data ~/exports": f"{tmp_path}/exports does not exist",
        "parity --data ~/exports": f"{tmp_path}/exports does not exist",
        "watch --data ~/exports": f"{tmp_path}/exports does not exist",
        "outcome import ~/calls.csv": f"{tmp_path}/calls.csv",
        "enrich --tickets ~/tickets.csv": f"{tmp_path}/tickets.csv",
        "evaluate-enrichment --labels ~/labels.csv": f"{tmp_path}/labels.csv",
        "analyze ~/ticket.txt": f"{tmp_path}/ticket.txt",
    }
    for command, text in said.items():
        found = workspace.churn(*command.split())
        assert (found.code, text in found.err) == (2, True), (command, found)
    for name in PATH_SETTINGS:
        with patch.dict(os.environ, {name: "~/place", "HOME": str(tmp_path)}):
            expand_settings()
            assert os.environ[name] == f"{tmp_path}/place"
    workspace.environment["CHURN_WAREHOUSE"] = "~/churn.duckdb"
    assert f"no warehouse at {tmp_path}/churn.duckdb" in workspace.churn("show").err


def test_a_tilde_is_the_home_folder_in_the_name_of_the_browser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("playwright")
    from churn.reports.browser import chromium

    program = tmp_path / "chromium"
    program.touch()
    program.chmod(0o755)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CHURN_CHROMIUM", "~/chromium")
    assert chromium() == program


def test_make_passes_a_tilde_on_and_the_command_expands_it(tmp_path: Path) -> None:
    command = subprocess.run(
        ["make", "-n", "--no-print-directory", "spark", "DATA=~/exports"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert '${DATA:+--data "$DATA"}' in command.stdout


def test_linked_folders_are_read_once_and_without_end(tmp_path: Path) -> None:
    data, elsewhere, loads = tmp_path / "data", tmp_path / "elsewhere", tmp_path / "loads"
    for folder in (data / "in", elsewhere / "deep", loads):
        folder.mkdir(parents=True)
    for file in (
        data / "in" / "accounts.csv",
        elsewhere / "deep" / "subscriptions.csv",
        loads / "feature_usage.csv",
    ):
        file.touch()
    (data / "linked").symlink_to(elsewhere)
    (data / "again").symlink_to(elsewhere / "deep")
    (data / "to itself").symlink_to(data)
    (data / "in" / "up").symlink_to(tmp_path)
    (data / "beside").symlink_to(data / "in")
    (elsewhere / "deep" / "round").symlink_to(elsewhere)
    (data / "old loads").symlink_to(loads)
    found = list_files(data, without=loads.resolve())
    assert [file.name for file in found] == ["subscriptions.csv", "accounts.csv"]
    assert PurePosixPath("in/accounts.csv") in found


# ------------------------------------------------------------------------------ dates


def test_dates_that_a_workbook_cannot_count_are_text(tmp_path: Path) -> None:
    row = {"next_renewal_date": date(9999, 12, 31), "last_contact_date": date(1, 1, 1)}
    file = tmp_path / "list.xlsx"
    write_workbook(file, [[row.get(name) for name in ACTION_LIST]])
    sheet = openpyxl.load_workbook(file).active
    values = {
        name: sheet.cell(2, number).value for number, name in enumerate(ACTION_LIST, 1) if name
    }
    assert values["next_renewal_date"] == datetime(9999, 12, 31)
    assert values["last_contact_date"] == "0001-01-01"


# ------------------------------------------------------------------------------ the store


# folder -> its schema, and a column that is not text
TABLES: dict[str, tuple[pa.Schema, str]] = {
    "outcomes": (OUTCOME, "occurred_on"),
    "published": (
        pa.schema(
            [
                ("publication_id", pa.string()),
                ("published_at", pa.timestamp("us")),
                ("as_of_date", pa.date32()),
                ("ruleset", pa.string()),
                ("configuration", pa.string()),
                ("customer_id", pa.string()),
                ("account_id", pa.string()),
                ("start_date", pa.date32()),
                ("is_active", pa.bool_()),
                ("risk_score", pa.int32()),
                ("risk_level", pa.string()),
            ]
        ),
        "risk_score",
    ),
    "enrichment/results": (RESULT, "created_at"),
    "enrichment/runs": (RUN, "started_at"),
    "enrichment/markers": (MARKER, "cleared_at"),
    "enrichment/messages": (MESSAGES, "message_id"),
    "enrichment/quality": (QUALITY, "evaluated_at"),
}
VALUES = {
    pa.string(): "text",
    pa.bool_(): True,
    pa.date32(): date(2026, 3, 31),
    pa.timestamp("us"): datetime(2026, 3, 31),
}
MODELS = {
    "published": "published_scores",
    "enrichment/quality": "enrichment_evaluations",
}


def row_of(schema: pa.Schema, **changes: Any) -> pa.Table:
    """Return one row of a table of the store, with these columns replaced or added."""
    values = {field.name: pa.array([VALUES.get(field.type, 1)], field.type) for field in schema}
    return pa.table(values | {name: pa.array([value]) for name, value in changes.items()})


def write(folder: Path, table: pa.Table) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, folder / "one.parquet")
    return folder / "one.parquet"


@pytest.mark.builds
def test_every_build_names_the_file_and_the_column_of_a_damaged_store(workspace: Workspace) -> None:
    for folder, (schema, _) in TABLES.items():
        write(workspace.store / folder, row_of(schema))
    result = workspace.dbt("run", "--select", "stg_store__*")
    assert result.success
    for folder, (schema, column) in TABLES.items():
        name = MODELS.get(folder, folder.replace("/", "_"))
        query = f"select count({column}) from staging.stg_store__{name}"
        assert workspace.column(query) == [1], folder
        wrong = [(None, "is empty in a row")]
        if schema.field(column).type != pa.string():
            wrong.append(("31.03.2026", "holds '31.03.2026', which is no "))
        if pa.types.is_temporal(schema.field(column).type):
            wrong.append(("20000-01-01", "holds '20000-01-01', which is no "))
        for value, says in wrong:
            file = write(workspace.store / folder, row_of(schema, **{column: value}))
            with pytest.raises(duckdb.InvalidInputException) as stopped:
                workspace.column(query)
            for text in (str(file), f"the column {column} {says}", "Restore the file from a copy"):
                assert text in str(stopped.value), folder


@pytest.mark.parametrize("damage", ["null", "type", "year", "cut", "text", "empty"])
def test_every_reader_names_the_file_and_the_column_of_a_damaged_store(
    tmp_path: Path, damage: str
) -> None:
    readers: dict[str, tuple[str, Any]] = {
        "outcomes": ("occurred_on", lambda: OutcomeLog(tmp_path / "outcomes").read()),
        "enrichment/results": (
            "created_at",
            lambda: results.known("text", "text", is_from_data=True),
        ),
        "enrichment/markers": ("cleared_at", lambda: results._cleared_at()),
        "enrichment/messages": (
            "message_id",
            lambda: results.has_messages("one", pa.table({"message_id": ["a"]})),
        ),
    }
    results = Results(tmp_path / "enrichment")
    for folder, (column, reader) in readers.items():
        schema = TABLES[folder][0]
        is_moment = pa.types.is_temporal(schema.field(column).type)
        if damage in ("type", "year") and not is_moment:
            continue
        changes: dict[str, Any] = {
            "null": {column: None},
            "type": {column: "31.03.2026"},
            "year": {column: 10**9},
        }.get(damage, {})
        table = row_of(schema, **changes)
        if damage == "year":
            kind = pa.date32() if column == "occurred_on" else pa.timestamp("s")
            number = table[column].cast(pa.int32()).cast(kind) if kind == pa.date32() else None
            moments = table[column].cast(pa.timestamp("s")) if number is None else number
            place = table.schema.get_field_index(column)
            scaled = pa.chunked_array([pa.array([10**12], pa.int64()).cast(pa.timestamp("s"))])
            table = table.set_column(place, column, moments if kind == pa.date32() else scaled)
        file = write(tmp_path / folder, table)
        content = file.read_bytes()
        if damage == "cut":
            file.write_bytes(content[: len(content) // 2])
        elif damage == "text":
            file.write_bytes(b"This is no Parquet file. " * 100)
        elif damage == "empty":
            file.write_bytes(b"")
        with pytest.raises(InputError) as refused:
            reader()
        assert str(file) in str(refused.value)
        assert "Restore the file from a copy, or move it elsewhere." in str(refused.value)
        if damage in ("null", "type", "year"):
            assert f"column {column} " in str(refused.value)


def test_a_store_file_that_may_not_be_read_is_not_damaged(tmp_path: Path) -> None:
    file = tmp_path / "one.parquet"
    file.symlink_to(file)
    with pytest.raises(ChurnError) as refused:
        read(file, OUTCOME, ())
    assert type(refused.value) is ChurnError
    assert f"{file} cannot be read" in str(refused.value)


@pytest.mark.parametrize("damage", ["text", "cut", "other", "page"])
def test_damaged_tickets_are_named(workspace: Workspace, damage: str) -> None:
    folder = workspace.store / "tickets"
    words = [f"I want to cancel, for the {number}th time" for number in range(20_000)]
    table = pa.table({"_row_number": range(len(words)), "body": words})
    file = write(folder, table.drop_columns("_row_number") if damage == "other" else table)
    content = file.read_bytes()
    if damage == "text":
        file.write_bytes(b"This is no Parquet file. " * 100)
    elif damage == "cut":
        file.write_bytes(content[: len(content) // 2])
    elif damage == "page":
        place = pq.read_metadata(file).row_group(0).column(0).data_page_offset
        file.write_bytes(content[:place] + b"\xff" * 5_000 + content[place + 5_000 :])
    with (
        workspace.active(),
        pytest.raises(InputError) as refused,
        open_source(Project(), None, "one") as source,
    ):
        list(read_messages(source.file, source.text_columns))
    assert str(file) in str(refused.value)
    assert "again." in str(refused.value)
