"""The loader: what it finds and refuses, and that a load is complete or leaves nothing."""

import csv
import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from churn.files.made import mark
from churn.files.swap import exclusive
from churn.load import load, print_summary, recover
from churn.project import Project
from churn.terminal.errors import ChurnError, InputError

ROOT = Path(__file__).parents[2]
RAVENSTACK = ROOT.parent / "shared" / "data" / "ravenstack"

TABLES = {
    "accounts": "account_id,signup_date\nA1,2024-01-01\nA2,2024-02-01\n",
    "subscriptions": "subscription_id,account_id,start_date\nS1,A1,2024-01-02\n",
    "feature_usage": "subscription_id,usage_date,usage_count\nS1,2024-03-01,5\n",
    "churn_events": "account_id,churn_date\nA1,2024-04-01\n",
    "support_tickets": "ticket_id,account_id,submitted_at\nT1,A1,2024-03-02 10:00:00\n",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    shutil.copy(ROOT / "dbt_project.yml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CHURN_DATA_DIR", raising=False)
    monkeypatch.delenv("CHURN_STORE_DIR", raising=False)
    return Project()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    for table, text in TABLES.items():
        (folder / f"{table}.csv").write_text(text)
    return folder


def loaded(project: Project, table: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(project.load_dir / f"{table}.parquet").to_pylist()
    return rows


def column(project: Project, table: str, name: str) -> list[Any]:
    return [row[name] for row in loaded(project, table)]


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files of a folder and of hidden folders beside it, except the lock."""
    beside = [p for p in folder.parent.iterdir() if p.name.startswith(".") and p.is_dir()]
    return {str(p): p.read_bytes() for f in (folder, *beside) for p in f.rglob("*") if p.is_file()}


def load_accounts(project: Project, source: Path, content: str | bytes) -> tuple[str, ...]:
    """Load with another accounts.csv; return the warnings."""
    data = content.encode() if isinstance(content, str) else content
    (source / "accounts.csv").write_bytes(data)
    return load(source, project).warnings


def zipped(source: Path, target: Path, prefix: str = "") -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(source.iterdir()):
            archive.write(file, prefix + file.name)
    return target


# ------------------------------------------------------------------------------ loaded data


def test_public_data_loads_with_every_row(project: Project) -> None:
    if not RAVENSTACK.is_dir():
        pytest.skip(f"the RavenStack data is not in {RAVENSTACK}")
    summary = load(RAVENSTACK, project)
    assert {table.table: table.rows for table in summary.tables} == {
        "accounts": 500,
        "subscriptions": 5000,
        "feature_usage": 25000,
        "churn_events": 600,
        "support_tickets": 2000,
    }
    assert summary.tables[2].last_date == date(2024, 12, 31)
    with (RAVENSTACK / "ravenstack_churn_events.csv").open(newline="", encoding="utf-8") as file:
        expected = [
            {**{name: cell or None for name, cell in row.items()}, "_row_number": number}
            for number, row in enumerate(csv.DictReader(file), 1)
        ]
    assert loaded(project, "churn_events") == expected


def test_cells_stay_as_they_are_and_rows_are_numbered(project: Project, source: Path) -> None:
    load_accounts(project, source, 'account_id,Owner Name,seats\n A1 ,"",007\nA1,x,\n')
    assert loaded(project, "accounts") == [
        {"account_id": " A1 ", "owner_name": None, "seats": "007", "_row_number": 1},
        {"account_id": "A1", "owner_name": "x", "seats": None, "_row_number": 2},
    ]


def test_source_files_names_the_file_of_each_table(project: Project, source: Path) -> None:
    load(source, project)
    first = loaded(project, "source_files")[0]
    assert first["table_name"] == "accounts"
    assert first["file_name"] == "accounts.csv"
    assert (first["file_format"], first["encoding"], first["delimiter"]) == ("csv", "utf-8", ",")
    assert first["row_count"] == 2
    assert json.loads(first["file_columns"]) == ["account_id", "signup_date"]


def test_header_names_match_in_any_spelling(project: Project, source: Path) -> None:
    (source / "feature_usage.csv").write_text(
        ' Subscription ID ,USAGE-DATE,"Usage_Count "\nS1,2024-03-01,5\n'
    )
    load(source, project)
    assert list(loaded(project, "feature_usage")[0]) == [
        "subscription_id",
        "usage_date",
        "usage_count",
        "_row_number",
    ]


def test_a_row_number_column_of_the_user_is_kept(project: Project, source: Path) -> None:
    warnings = load_accounts(project, source, "_row_number,account_id\n77,A1\n")
    assert loaded(project, "accounts") == [
        {"source_row_number": "77", "account_id": "A1", "_row_number": 1}
    ]
    assert "_row_number is kept as source_row_number" in warnings[0]


def test_a_load_can_be_loaded_again(project: Project, source: Path) -> None:
    load(source, project)
    before = loaded(project, "accounts")
    summary = load(project.load_dir, project)
    assert loaded(project, "accounts") == before
    assert summary.warnings == ()


def test_optional_columns_that_are_missing_are_named(project: Project, source: Path) -> None:
    accounts = load(source, project).tables[0]
    assert "industry" in accounts.missing_optional
    assert accounts.used == ("account_id", "signup_date")
    assert (accounts.first_date, accounts.last_date) == (date(2024, 1, 1), date(2024, 2, 1))


@pytest.mark.parametrize("table", ["churn_events", "support_tickets"])
def test_tables_that_may_be_empty_load_with_a_header_only(
    project: Project, source: Path, table: str
) -> None:
    (source / f"{table}.csv").write_text(TABLES[table].splitlines()[0])
    load(source, project)
    assert loaded(project, table) == []
    assert "account_id" in pq.read_schema(project.load_dir / f"{table}.parquet").names


def test_the_summary_can_be_read_at_120_columns(project: Project, source: Path) -> None:
    (source / "notes [draft].txt").touch()
    load_accounts(project, source, "account_id,[x],answer\nA\xe9,1,2\n".encode("latin-1"))
    console = Console(width=120, file=io.StringIO(), record=True)
    print_summary(load(source, project), console)
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= 120
    for shown in ("accounts.csv", "1 of 12 read", "[x]", "notes [draft].txt", "ticket_messages"):
        assert shown in text
    assert "Warning: accounts: line 2: not UTF-8, read as Latin-1" in text
    assert "2024-03-01 – 2024-03-01" in text


def test_what_was_added_since_the_last_load_is_said(project: Project, source: Path) -> None:
    assert load(source, project).added == {}
    with (source / "feature_usage.csv").open("a") as file:
        file.write("S1,2024-03-02,6\nS1,2024-03-03,7\n")
    (source / "support_tickets.csv").write_text(TABLES["support_tickets"].replace("T1", "T2"))

    summary = load(source, project)
    assert summary.added == {"feature_usage": 2, "support_tickets": None}
    console = Console(width=120, file=io.StringIO(), record=True)
    print_summary(summary, console)
    said = console.export_text()
    assert "Rows added since the last load: feature_usage 2\n" in said
    assert "Not the last load with rows added, and read anew: support_tickets\n" in said


def test_progress_grows_to_all_bytes(project: Project, source: Path) -> None:
    write_parquet(source, "churn_events", {"account_id": ["A1"], "churn_date": ["2024-04-01"]})
    seen: list[tuple[int, int]] = []
    load(source, project, progress=lambda done, total: seen.append((done, total)))
    size = sum(file.stat().st_size for file in source.iterdir())
    assert seen == sorted(seen)
    assert seen[-1] == (size, size)
    assert len(seen) > len(TABLES)


# ------------------------------------------------------------------------------ file names


@pytest.mark.parametrize(
    "name",
    [
        "ravenstack_accounts.csv",
        "Export-2026 Accounts.CSV",
        "deep/er/ACCOUNTS.csv",
        "crm.accounts.csv",
        "raw-accounts.tsv",
    ],
)
def test_files_are_found_by_name(project: Project, source: Path, name: str) -> None:
    target = source / name
    target.parent.mkdir(parents=True, exist_ok=True)
    (source / "accounts.csv").rename(target)
    assert load(source, project).tables[0].file == name


@pytest.mark.parametrize(
    "name",
    [
        "__MACOSX/accounts.csv",
        "._accounts.csv",
        ".hidden/accounts.csv",
        "truth/accounts.csv",
        "my_accounts.xlsx",
        "accounts_old.csv",
        "accounts.parquet/part-0.bin",
    ],
)
def test_other_files_do_not_match(project: Project, source: Path, name: str) -> None:
    target = source / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(TABLES["accounts"])
    assert load(source, project).tables[0].file == "accounts.csv"


def test_the_load_folder_inside_the_source_does_not_match(project: Project, source: Path) -> None:
    for _ in range(2):
        load(source.parent, project)
    assert loaded(project, "source_files")[0]["file_name"] == "source/accounts.csv"


def test_gzip_is_unpacked(project: Project, source: Path) -> None:
    (source / "accounts.csv.gz").write_bytes(gzip.compress(TABLES["accounts"].encode()))
    (source / "accounts.csv").unlink()
    load(source, project)
    assert column(project, "accounts", "account_id") == ["A1", "A2"]


def test_a_zip_is_read_without_unpacking_beside_it(
    project: Project, source: Path, tmp_path: Path
) -> None:
    archive = zipped(source, tmp_path / "Export.ZIP", prefix="Some Folder/crm_")
    with zipfile.ZipFile(archive, "a") as more:
        more.writestr("__MACOSX/Some Folder/._crm_accounts.csv", "x")
    shutil.rmtree(source)
    before = set(tmp_path.iterdir())
    summary = load(archive, project)
    assert summary.tables[0].file == "Export.ZIP/Some Folder/crm_accounts.csv"
    assert column(project, "accounts", "account_id") == ["A1", "A2"]
    assert set(tmp_path.iterdir()) - before == {tmp_path / "data"}
    assert {p.name for p in (tmp_path / "data").iterdir()} == {"saas"}


# ------------------------------------------------------------------------------ CSV dialects


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_dialects(
    project: Project, source: Path, delimiter: str, line_end: str, encoding: str
) -> None:
    rows = [["account_id", "a, b; c", "note"], ["A1", "é|\t,;", 'say "hi"\nthere']]
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=line_end, quoting=csv.QUOTE_ALL).writerows(
        rows
    )
    warnings = load_accounts(project, source, text.getvalue().encode(encoding))
    assert list(loaded(project, "accounts")[0].values()) == [*rows[1], 1]
    assert bool(warnings) == (encoding == "cp1252")
    recorded = loaded(project, "source_files")[0]
    assert recorded["delimiter"] == delimiter
    assert recorded["encoding"] == encoding.removesuffix("-sig")


def test_a_delimiter_in_a_quoted_name_or_in_cells_does_not_mislead(
    project: Project, source: Path
) -> None:
    load_accounts(project, source, '"a;b;c;d",account_id\n1;2;3;4;5,A1\n')
    assert column(project, "accounts", "account_id") == ["A1"]


def test_bytes_that_are_not_utf_8_do_not_spoil_the_others(project: Project, source: Path) -> None:
    warnings = load_accounts(project, source, b"account_id\n\xc3\xa9\n\xe9\n\x93x\x94\n\x81\n")
    assert column(project, "accounts", "account_id") == ["é", "é", "“x”", "\x81"]
    assert warnings == (
        "accounts: 3 lines: not UTF-8, read as Latin-1 (Windows-1252): check accents "
        "(first: line 3)",
    )


def test_null_bytes_are_removed_with_a_warning(project: Project, source: Path) -> None:
    warnings = load_accounts(project, source, b"account_id,signup_date\nA\x001,\x00\n")
    assert loaded(project, "accounts") == [
        {"account_id": "A1", "signup_date": None, "_row_number": 1}
    ]
    assert warnings == ("accounts: line 2: null bytes removed",)


def test_short_rows_are_filled_and_blank_lines_are_no_rows(project: Project, source: Path) -> None:
    warnings = load_accounts(project, source, "account_id,a,b\nA1\n\nA2,x\nA3,x,y,,\nA4,x,y\n\n")
    assert [tuple(row.values()) for row in loaded(project, "accounts")] == [
        ("A1", None, None, 1),
        ("A2", "x", None, 2),
        ("A3", "x", "y", 3),
        ("A4", "x", "y", 4),
    ]
    assert [warning.split(": ", 1)[1] for warning in warnings] == [
        "2 lines: fewer cells than the header, the missing ones are null (first: line 2)",
        "line 5: empty cells beyond the header left out",
        "2 lines: blank, not a row (first: line 3)",
    ]


def test_long_cells_are_kept(project: Project, source: Path) -> None:
    load_accounts(project, source, f'account_id,note\nA1,"{"x" * 5_000_000}"\n')
    assert len(column(project, "accounts", "note")[0]) == 5_000_000


def test_batches_join_without_a_seam(project: Project, source: Path) -> None:
    lines = "".join(f'A{n},"{n}\n"\n' for n in range(1, 100_102))
    load_accounts(project, source, f"account_id,note\n{lines}")
    rows = loaded(project, "accounts")
    assert rows[-1] == {"account_id": "A100101", "note": "100101\n", "_row_number": 100_101}
    assert [row["_row_number"] for row in rows] == list(range(1, 100_102))
    assert pq.ParquetFile(project.load_dir / "accounts.parquet").num_row_groups == 2


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=8),
    delimiter=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    style=st.sampled_from([("\r\n", csv.QUOTE_MINIMAL), ("\n", csv.QUOTE_ALL)]),
)
def test_any_text_survives(
    project: Project,
    source: Path,
    rows: list[tuple[str, str, str]],
    delimiter: str,
    encoding: str,
    style: tuple[str, int],
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=style[0], quoting=style[1])  # type: ignore[arg-type]
    writer.writerows([("account_id", "b", "c"), *rows])
    load_accounts(project, source, text.getvalue().encode(encoding))
    assert [tuple(row.values()) for row in loaded(project, "accounts")] == [
        (*(cell or None for cell in row), number) for number, row in enumerate(rows, 1)
    ]


# ------------------------------------------------------------------------------ Parquet


def write_parquet(source: Path, table: str, columns: dict[str, Any]) -> None:
    (source / f"{table}.csv").unlink(missing_ok=True)
    pq.write_table(pa.table(columns), source / f"{table}.parquet")


def test_parquet_columns_keep_their_types(project: Project, source: Path) -> None:
    at = datetime(2024, 3, 1, 12, tzinfo=UTC)
    columns = {
        "Account ID": pa.array([7], pa.int32()),
        "signup_date": pa.array([date(2024, 3, 1)]),
        "seen_at": pa.array([at], pa.timestamp("us", "UTC")),
        "local_at": pa.array([at.replace(tzinfo=None)], pa.timestamp("ns")),
        "arr": pa.array([Decimal("1.10")], pa.decimal128(18, 2)),
        "score": pa.array([1.5]),
        "is_trial": pa.array([True]),
        "photo": pa.array([b"\xff\x00"]),
    }
    write_parquet(source, "accounts", columns)
    accounts = load(source, project).tables[0]
    schema = pq.read_schema(project.load_dir / "accounts.parquet")
    assert schema.names == ["account_id", *list(columns)[1:], "_row_number"]
    types = {name: array.type for name, array in columns.items()} | {"local_at": pa.timestamp("us")}
    assert schema.types == [*types.values(), pa.int64()]
    assert (accounts.file_format, accounts.first_date) == ("parquet", date(2024, 3, 1))


def test_parquet_types_that_engines_read_differently_become_text(
    project: Project, source: Path
) -> None:
    columns = {
        "account_id": pa.array(["A1"]).dictionary_encode(),
        "account_name": pa.array([b"caf\xc3\xa9"], pa.large_binary()),
        "country": pa.array(["DE"], pa.large_string()),
        "tags": pa.array([["a", "ü"]]),
        "owner": pa.array([{"id": 1, "since": date(2024, 1, 1)}]),
        "key": pa.ExtensionArray.from_storage(pa.uuid(), pa.array([bytes(16)], pa.binary(16))),
        "nothing": pa.nulls(1),
        "\nanswer": pa.array(["kept: only messages have private answers"]),
    }
    write_parquet(source, "accounts", columns)
    load(source, project)
    row = loaded(project, "accounts")[0]
    assert row == {
        "account_id": "A1",
        "account_name": "café",
        "country": "DE",
        "tags": '["a", "ü"]',
        "owner": '{"id": 1, "since": "2024-01-01"}',
        "key": "00000000-0000-0000-0000-000000000000",
        "nothing": None,
        "answer": "kept: only messages have private answers",
        "_row_number": 1,
    }
    types = pq.read_schema(project.load_dir / "accounts.parquet").types
    assert types == [pa.string()] * 8 + [pa.int64()]


def test_dates_beyond_the_calendar_do_not_stop_a_load(project: Project, source: Path) -> None:
    far = pa.array([0, 2**40], pa.timestamp("s"))
    write_parquet(source, "accounts", {"account_id": pa.array(["A", "B"]), "signup_date": far})
    accounts = load(source, project).tables[0]
    assert accounts.rows == 2
    assert (accounts.first_date, accounts.last_date) == (date(1970, 1, 1), date(1970, 1, 1))


def test_parquet_is_numbered_across_row_groups(project: Project, source: Path) -> None:
    (source / "accounts.csv").unlink()
    table = pa.table({"account_id": [f"A{n}" for n in range(250_000)]})
    pq.write_table(table, source / "accounts.parquet", row_group_size=70_000)
    load(source, project)
    result = pq.read_table(project.load_dir / "accounts.parquet")
    assert result["account_id"].to_pylist() == table["account_id"].to_pylist()
    assert result["_row_number"].to_pylist() == list(range(1, 250_001))


# ------------------------------------------------------------------------------ ticket messages


def test_answers_are_never_written(project: Project, source: Path) -> None:
    (source / "ticket_messages.csv").write_text("Subject,BODY,Answer\nhelp,please,private\n")
    summary = load(source, project)
    hashed = hashlib.md5(b"private").hexdigest()
    assert loaded(project, "ticket_messages") == [
        {"subject": "help", "body": "please", "_hash_answer": hashed, "_row_number": 1}
    ]
    assert summary.tables[-1].never_read == ("answer",)
    assert b"private" not in (project.load_dir / "ticket_messages.parquet").read_bytes()


def test_the_wordiest_column_is_read_as_text(project: Project, source: Path) -> None:
    (source / "ticket_messages.csv").write_text(
        "ticket_id,agent,Comment,tags\nT1,Kim,I want to cancel,a very very long list of tags\n"
    )
    summary = load(source, project)
    assert loaded(project, "ticket_messages") == [
        {
            "ticket_id": "T1",
            "agent": "Kim",
            "text": "I want to cancel",
            "tags": "a very very long list of tags",
            "_row_number": 1,
        }
    ]
    assert summary.tables[-1].text_column == "Comment"
    assert "the column Comment is read as the customers' words" in summary.warnings[0]


def test_messages_may_be_empty(project: Project, source: Path) -> None:
    (source / "ticket_messages.csv").write_text("ticket_id,comment\n")
    load(source, project)
    names = pq.read_schema(project.load_dir / "ticket_messages.parquet").names
    assert names == ["ticket_id", "text", "_row_number"]


# ------------------------------------------------------------------------------ refusals


def replace(table: str, content: str | bytes, suffix: str = "csv") -> Callable[[Path], None]:
    def change(source: Path) -> None:
        (source / f"{table}.csv").unlink(missing_ok=True)
        data = content.encode() if isinstance(content, str) else content
        (source / f"{table}.{suffix}").write_bytes(data)

    return change


def parquet(table: str, columns: dict[str, pa.Array]) -> Callable[[Path], None]:
    return lambda source: write_parquet(source, table, columns)


def moments(seconds: int) -> dict[str, pa.Array]:
    at = pa.array([seconds], pa.timestamp("s"))
    return {"account_id": pa.array(["A1"]), "signed_at": at}


def damaged_parquet(source: Path) -> None:
    path = source / "accounts.parquet"
    write_parquet(source, "accounts", {"account_id": pa.array([f"A{n}" for n in range(9999)])})
    data = bytearray(path.read_bytes())
    data[100:3000] = bytes(2900)
    path.write_bytes(data)


def two_faults(source: Path) -> None:
    replace("accounts", "id\n1\n")(source)
    replace("churn_events", "x\n1\n")(source)


def no_subscriptions(source: Path) -> None:
    (source / "subscriptions.csv").rename(source / "contracts.csv")


def two_accounts(source: Path) -> None:
    (source / "old").mkdir()
    (source / "old" / "Old Accounts.CSV").write_text(TABLES["accounts"])


PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x01\x00"
XLSX = b"PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00!\x00[Content_Types].xml"

REFUSED: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "a required table is missing": (
        no_subscriptions,
        ["required table subscriptions", "contracts.csv", "Name the file subscriptions.csv"],
    ),
    "a required column is missing": (
        replace("feature_usage", "subscription_id,usage date,hits\nS1,2024-01-01,3\n"),
        ["feature_usage (feature_usage.csv)", "usage_count is missing", "subscription_id, usage d"],
    ),
    "all that is wrong is said at once": (
        two_faults,
        [
            "accounts (accounts.csv)",
            "churn_events (churn_events.csv)",
            "account_id, churn_date are",
        ],
    ),
    "zero bytes": (
        replace("accounts", b""),
        ["accounts (accounts.csv)", "empty (zero bytes)"],
    ),
    "zero bytes of Parquet": (
        replace("accounts", b"", "parquet"),
        ["accounts (accounts.parquet)", "empty (zero bytes)"],
    ),
    "blank lines only": (
        replace("accounts", "\ufeff\n \n\n"),
        ["accounts (accounts.csv)", "no header"],
    ),
    "the header looks like data": (
        replace("accounts", "A1,2024-01-01\nA2,2024-01-02\n"),
        [
            "account_id is missing",
            "Columns found: A1, 2024-01-01",
            "first row must hold the column",
        ],
    ),
    "a column without a name": (
        replace("accounts", "account_id, ,x\nA1,,\n"),
        ["accounts (accounts.csv)", "column 2 has no name"],
    ),
    "the same column twice": (
        replace("accounts", "account_id,Plan Tier,plan-tier\nA1,,\n"),
        ["two columns have the same name: Plan Tier and plan-tier"],
    ),
    "an image": (replace("accounts", PNG), ["accounts (accounts.csv)", "not a CSV file"]),
    "a workbook": (replace("accounts", XLSX), ["not a CSV file", "workbook"]),
    "UTF-16 without its mark": (
        replace("accounts", "account_id\nA1\n".encode("utf-16-le")),
        ["accounts (accounts.csv)", "not a CSV file"],
    ),
    "UTF-16 cut off": (
        replace("accounts", "account_id\nA1\n".encode("utf-16")[:-1]),
        ["accounts (accounts.csv)", "not valid utf-16"],
    ),
    "text named Parquet": (
        replace("accounts", TABLES["accounts"], "parquet"),
        ["accounts (accounts.parquet)", "not a Parquet file"],
    ),
    "damaged Parquet": (damaged_parquet, ["accounts (accounts.parquet)", "damaged"]),
    "text that is not text": (
        parquet("accounts", {"account_id": pa.array([b"\xff\xfe"])}),
        ["accounts (accounts.parquet)", "account_id", "not readable text"],
    ),
    "moments after the last one": (
        parquet("accounts", moments(9223372036854775)),
        ["accounts (accounts.parquet)", "signed_at", "9223372036854775", "Correct it"],
    ),
    "moments before the first one": (
        parquet("accounts", moments(-9223372036855)),
        ["accounts (accounts.parquet)", "signed_at", "-9223372036855", "Correct it"],
    ),
    "Parquet without a required column": (
        parquet("accounts", {"name": pa.array(["x"])}),
        ["accounts (accounts.parquet)", "account_id is missing", "Columns found: name"],
    ),
    "Parquet without rows": (
        parquet("accounts", {"account_id": pa.array([], pa.string())}),
        ["accounts (accounts.parquet)", "no rows"],
    ),
    **{
        f"{table} has a header only": (
            replace(table, TABLES[table].splitlines()[0] + "\n"),
            [f"{table} ({table}.csv)", "a header but no rows", TABLES[table].split(",")[0]],
        )
        for table in ("accounts", "subscriptions", "feature_usage")
    },
    "messages without words": (
        replace("ticket_messages", "ticket_id,language,answer\nT1,en,private\n"),
        ["ticket_messages (ticket_messages.csv)", "customers' words", "Columns found: ticket_id"],
    ),
    "messages with numbers only": (
        parquet("ticket_messages", {"ticket_id": pa.array(["T1"]), "length": pa.array([3])}),
        ["ticket_messages (ticket_messages.parquet)", "customers' words", "subject, body"],
    ),
    "messages that are only numbers": (
        replace("ticket_messages", "ticket_id,score\nT1,3\nT2,\n"),
        ["ticket_messages (ticket_messages.csv)", "customers' words", "found: ticket_id, score"],
    ),
    "two files for a table": (
        two_accounts,
        ["accounts: 2 files match", "accounts.csv and old/Old Accounts.CSV", "all but one"],
    ),
    "too many cells": (
        replace("accounts", 'account_id,name\nA1,"a\nb"\nA2,Acme, Inc.\n'),
        ["accounts (accounts.csv)", "line 4 has 3 cells", "names 2 columns", "comma"],
    ),
    "a quote that is never closed": (
        replace("accounts", 'account_id,name\nA1,x\nA2,"Acme\nA3,x\n'),
        ["accounts (accounts.csv)", "line 3 opens a quote that is never closed"],
    ),
    "a quote that is not doubled": (
        replace("accounts", 'account_id,name\nA1,"say "hi""\n'),
        ["accounts (accounts.csv)", "line 2 has broken quotes", 'write a quote twice ("")'],
    ),
    "a quote in the header": (
        replace("accounts", '"account_id,name\nA1,x\n'),
        ["accounts (accounts.csv)", "column names cannot be read"],
    ),
    "damaged gzip": (
        replace("accounts", gzip.compress(TABLES["accounts"].encode() * 99)[:-20], "csv.gz"),
        ["accounts (accounts.csv.gz)", "compressed file is damaged"],
    ),
    "not gzip": (
        replace("accounts", TABLES["accounts"], "csv.gz"),
        ["accounts (accounts.csv.gz)", "compressed file is damaged"],
    ),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_bad_input_is_refused_and_the_previous_load_stays(
    project: Project, source: Path, fault: str
) -> None:
    change, said = REFUSED[fault]
    load(source, project)
    before = contents(project.load_dir)
    change(source)
    with pytest.raises(InputError) as refused:
        load(source, project)
    assert refused.value.exit_code == 2
    for text in said:
        assert text in str(refused.value)
    assert contents(project.load_dir) == before


UNSAFE = ["/etc/accounts.csv", "../accounts.csv", "a/../../accounts.csv", "C:/accounts.csv"]


@pytest.mark.parametrize("member", [*UNSAFE, "a\\accounts.csv", "link", "secret", "cut", "text"])
def test_bad_zips_are_refused(project: Project, source: Path, tmp_path: Path, member: str) -> None:
    load(source, project)
    before = contents(project.load_dir)
    archive = zipped(source, tmp_path / "export.zip")
    said = member
    if member == "cut":
        archive.write_bytes(archive.read_bytes()[:-30])
        said = "not a zip archive, or damaged"
    elif member == "text":
        archive.write_text("hello")
        said = "not a zip archive, or damaged"
    else:
        info = zipfile.ZipInfo(member)
        if member == "link":
            info.external_attr = 0o120777 << 16
            said = "symbolic link"
        with zipfile.ZipFile(archive, "a") as more:
            more.writestr(info, "/etc/passwd")
        if member == "secret":
            archive.write_bytes(with_encrypted_flag(archive.read_bytes()))
            said = "encrypted"
    files = set(tmp_path.rglob("*"))
    with pytest.raises(InputError, match=r"export\.zip") as refused:
        load(archive, project)
    assert repr(said)[1:-1] in str(refused.value)
    assert contents(project.load_dir) == before
    assert set(tmp_path.rglob("*")) == files


def with_encrypted_flag(data: bytes) -> bytes:
    """Return the zip with its last member marked as encrypted."""
    changed = bytearray(data)
    changed[data.rindex(b"PK\x01\x02") + 8] |= 1
    return bytes(changed)


def test_a_damaged_member_is_refused(project: Project, source: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        for table, text in TABLES.items():
            archive.writestr(f"{table}.csv", text)
    data = (tmp_path / "export.zip").read_bytes()
    (tmp_path / "export.zip").write_bytes(data.replace(b"A2,2024-02-01", b"A2,2024-02-02", 1))
    with pytest.raises(InputError, match=r"accounts\.csv cannot be unpacked"):
        load(tmp_path / "export.zip", project)
    assert not project.load_dir.exists()


def test_a_zip_larger_than_the_disk_is_refused(
    project: Project, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = zipped(source, tmp_path / "export.zip")
    usage = shutil.disk_usage(tmp_path)._replace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(ChurnError, match="only 100 are free"):
        load(archive, project)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere", "does not exist"),
        ("source/accounts.csv", "single file. Give the folder"),
        ("dbt_project.yml", "neither a folder nor a .zip"),
        ("data", "no file for the required tables accounts, subscriptions"),
    ],
)
def test_other_sources_are_refused(
    project: Project, source: Path, tmp_path: Path, name: str, said: str
) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(InputError, match=said):
        load(tmp_path / name, project)


def test_files_of_others_in_the_load_folder_are_not_replaced(
    project: Project, source: Path
) -> None:
    project.load_dir.mkdir(parents=True)
    (project.load_dir / "accounts.parquet").write_text("mine")
    with pytest.raises(InputError, match=r"no load has put there: accounts\.parquet"):
        load(source, project)
    assert (project.load_dir / "accounts.parquet").read_text() == "mine"


def test_a_file_that_may_not_be_read_is_no_stack_trace(
    project: Project, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_file = Path.open

    def denied(path: Path, *args: Any, **kwargs: Any) -> Any:
        if path.name == "accounts.csv":
            raise PermissionError(13, "Permission denied", str(path))
        return open_file(path, *args, **kwargs)

    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(ChurnError, match=r"Permission denied .*accounts\.csv") as failed:
        load(source, project)
    assert failed.value.exit_code == 1


def test_a_full_disk_is_no_stack_trace(
    project: Project, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(source, project)
    before = contents(project.load_dir)

    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    with pytest.raises(ChurnError, match=r"No space left on device.* previous load is untouched"):
        load(source, project)
    assert contents(project.load_dir) == before


def test_a_damaged_record_is_to_be_moved_away(project: Project, source: Path) -> None:
    load(source, project)
    record = project.load_dir / "source_files.parquet"
    record.write_text("damaged")
    with pytest.raises(InputError, match=r"is damaged\. Move it away, then load again") as refused:
        load(source, project)
    assert "elete" not in str(refused.value)
    record.unlink()
    load(source, project)


def test_a_disk_that_fails_while_a_load_takes_its_place_says_so(
    project: Project, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(source, project)
    with monkeypatch.context() as patched:
        patched.setattr("churn.files.swap._finish", _failing_at_the_end)
        with pytest.raises(ChurnError) as failed:
            load(source, project)
    assert "untouched" not in str(failed.value)
    assert "The new load is complete" in str(failed.value)
    load(source, project)


def _failing_at_the_end(folder: Path, work: str) -> None:
    if folder.with_name(f".{folder.name}.next").exists():
        raise OSError(5, "Input/output error")


# ------------------------------------------------------------------------------ replacing a load


def test_a_load_replaces_all_of_the_previous_one(project: Project, source: Path) -> None:
    (source / "ticket_messages.csv").write_text("body\nhello\n")
    load(source, project)
    (source / "ticket_messages.csv").unlink()
    summary = load(source, project)
    assert not (project.load_dir / "ticket_messages.parquet").exists()
    assert "ticket_messages: was in the previous load" in summary.warnings[0]


def test_partial_replaces_only_what_is_given(
    project: Project, source: Path, tmp_path: Path
) -> None:
    load(source, project)
    before = contents(project.load_dir)
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    (fresh / "accounts.csv").write_text("account_id\nB1\n")
    (fresh / "ticket_messages.csv").write_text("body\nhello\n")
    summary = load(fresh, project, partial=True)
    assert column(project, "accounts", "account_id") == ["B1"]
    assert summary.kept == ("subscriptions", "feature_usage", "churn_events", "support_tickets")
    for table in summary.kept:
        path = project.load_dir / f"{table}.parquet"
        assert path.read_bytes() == before[str(path)]
    recorded = {row["table_name"]: row["row_count"] for row in loaded(project, "source_files")}
    assert recorded == {
        "accounts": 1,
        "ticket_messages": 1,
        "subscriptions": 1,
        "feature_usage": 1,
        "churn_events": 1,
        "support_tickets": 1,
    }


def test_partial_needs_every_required_table_in_the_end(
    project: Project, source: Path, tmp_path: Path
) -> None:
    (source / "feature_usage.csv").unlink()
    with pytest.raises(InputError, match="no file for the required table feature_usage"):
        load(source, project, partial=True)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no file for any table \(accounts, "):
        load(tmp_path / "empty", project, partial=True)


def test_two_loads_at_a_time_are_refused(project: Project, source: Path) -> None:
    with (
        exclusive(project.load_dir.resolve()),
        pytest.raises(ChurnError, match=r"Another load into .* is running") as refused,
    ):
        load(source, project)
    assert refused.value.exit_code == 1
    load(source, project)


def test_recover_leaves_no_trace_where_there_is_nothing(project: Project) -> None:
    recover(project.load_dir)
    assert not project.load_dir.parent.exists()


@pytest.mark.parametrize(
    ("standing", "stays"),
    [
        ({"saas": "old", ".saas.loading-1": "half"}, "old"),
        ({"saas": "old", ".saas.next": "new", ".saas.loading-1": "half"}, "new"),
        ({"saas": "old", ".saas.next": "new", ".saas.previous": "older"}, "new"),
        ({".saas.next": "new", ".saas.previous": "old"}, "new"),
        ({"saas": "new", ".saas.previous": "old"}, "new"),
        ({".saas.previous": "old"}, "old"),
    ],
)
def test_recover_finishes_or_rolls_back(
    project: Project, standing: dict[str, str], stays: str
) -> None:
    for folder, text in standing.items():
        (project.load_dir.parent / folder).mkdir(parents=True)
        (project.load_dir.parent / folder / "file").write_text(text)
        mark(project.load_dir.parent / folder, "load")
    recover(project.load_dir)
    assert (project.load_dir / "file").read_text() == stays
    assert {p.name for p in project.load_dir.parent.iterdir()} == {"saas"}


KILLED = """
    import itertools, os, signal, sys
    from pathlib import Path
    from churn.load import load, recover
    from churn.project import Project
    import pyarrow.parquet as pq

    source, project = Path("source"), Project()
    events = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree"}

    def in_child(work):
        child = os.fork()
        if child == 0:
            try:
                work()
            except BaseException as error:
                print(repr(error), file=sys.stderr)
                os._exit(1)
            os._exit(0)
        return os.waitpid(child, 0)[1]

    def load_until(step):
        steps = itertools.count()
        def hook(event, arguments):
            ours = any(name in str(arguments) for name in ("source", "saas", "parquet"))
            if event in events and ours and next(steps) == step:
                os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(hook)
        load(source, project)

    def accounts():
        return pq.read_table(project.load_dir / "accounts.parquet", use_threads=False).num_rows

    def check(rows):
        recover(project.load_dir)
        assert accounts() in rows, accounts()
        # the tables, the list of source files, the marker
        assert len(list(project.load_dir.iterdir())) == 7
        load(source, project)
        assert accounts() == rows[-1]
        assert {p.name for p in project.load_dir.parent.iterdir()} == {"saas"}

    assert in_child(lambda: load(source, project)) == 0
    rows = 2
    for step in itertools.count(step=int(sys.argv[1])):
        rows += 1
        with (source / "accounts.csv").open("a") as file:
            file.write("A9,2024-01-01\\n")
        status = in_child(lambda: load_until(step))
        assert in_child(lambda: check([rows - 1, rows])) == 0, step
        if status == 0:
            break
        assert os.WTERMSIG(status) == signal.SIGKILL, (step, status)
    print(step)
"""


def run_python(script: str, *arguments: object) -> str:
    """Run a script in the working directory with this project importable; return its output."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "scripts")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.builds
@pytest.mark.parametrize("stride", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_a_load_killed_at_any_step_is_recovered(
    project: Project, source: Path, stride: int
) -> None:
    assert int(run_python(KILLED, stride)) > 25


# ------------------------------------------------------------------------------ size

MEASURED = r"""
    import re, resource, sys
    from pathlib import Path
    from churn.load import load
    from churn.project import Project
    load(Path(sys.argv[1]), Project())
    # Linux counts what the parent held before the program began into ru_maxrss
    status = Path("/proc/self/status")
    if status.exists():
        print(int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1]) / 1024)
    else:
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def usage_lines(rows: int) -> Iterator[str]:
    yield "usage_id,subscription_id,usage_date,feature_name,usage_count,usage_duration_secs\n"
    block = "".join(
        f"U-{n:06x},S-{n % 997:06x},2024-03-{n % 28 + 1:02},feature_{n % 40},{n % 97},{n}\n"
        for n in range(10_000)
    )
    for _ in range(rows // 10_000):
        yield block


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(project: Project, source: Path) -> None:
    peaks = []
    for rows in (100_000, 1_000_000):
        with (source / "feature_usage.csv").open("w") as file:
            file.writelines(usage_lines(rows))
        peaks.append(float(run_python(MEASURED, source)))
        assert pq.read_metadata(project.load_dir / "feature_usage.parquet").num_rows == rows
    small, large = peaks
    assert large < 1.3 * small, peaks
    assert large < 500, peaks


def test_ids_that_pandas_made_floats_are_whole_again(project: Project, source: Path) -> None:
    (source / "accounts.csv").unlink()
    ids = pa.table({"account_id": pa.array([1.0, float("nan"), 12.0])})
    pq.write_table(ids, source / "accounts.parquet")
    load(source, project)
    assert [row["account_id"] for row in loaded(project, "accounts")] == ["1", None, "12"]
