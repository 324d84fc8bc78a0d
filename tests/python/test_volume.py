"""The volume generator: the same rows in the same order, and one more day adds rows."""

from datetime import date
from pathlib import Path

import duckdb
import pytest

from churn.generate import volume
from churn.generate.volume import VolumeRequest, generate_volume
from churn.terminal.errors import ChurnError, InputError
from conftest import ROOT, Workspace

USAGE_ROWS = 25_000
FACTS = ("feature_usage", "support_tickets", "churn_events")
TABLES = (*FACTS, "accounts", "subscriptions")


def rows(folder: Path, table: str, where: str = "true") -> list[tuple]:
    """Return the rows of a table, in the order of the file."""
    file = folder / f"{table}.parquet"
    return duckdb.sql(f"select * from read_parquet('{file}') where {where}").fetchall()


def value(folder: Path, sql: str) -> object:
    """Return one value, computed over the tables of a folder."""
    with duckdb.connect() as connection:
        for table in TABLES:
            file = folder / f"{table}.parquet"
            connection.execute(f"create view {table} as from read_parquet('{file}')")
        return connection.execute(sql).fetchall()[0][0]


def generate(out: Path, **arguments: object) -> Path:
    generate_volume(out, VolumeRequest(USAGE_ROWS, **arguments))
    return out


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate(tmp_path_factory.mktemp("volume") / "company")


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate(tmp_path_factory.mktemp("volume") / "clean", faults=False)


def test_there_are_as_many_usage_rows_as_asked_for_and_50_a_customer(clean: Path) -> None:
    assert value(clean, "select count(*) from feature_usage") == USAGE_ROWS
    assert value(clean, "select count(*) from subscriptions") == USAGE_ROWS / 50
    assert value(clean, "select count(*) > 0 and count(*) < 2500 from support_tickets")


@pytest.mark.parametrize("usage_rows", [1_000, 1_049, 7_777, 60_000])
def test_the_number_of_usage_rows_is_exact_at_any_size(usage_rows: int, tmp_path: Path) -> None:
    for seed in (1, 2):
        summary = generate_volume(tmp_path / "out", VolumeRequest(usage_rows, seed=seed))
        assert summary.rows["feature_usage"] == usage_rows


def test_same_arguments_give_the_same_rows_whatever_the_threads_and_stretches(
    company: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = duckdb.connect

    def with_one_thread(path: str, config: dict) -> duckdb.DuckDBPyConnection:
        return connect(path, config={**config, "threads": 1})

    monkeypatch.setattr(volume.duckdb, "connect", with_one_thread)
    # generate one slot and one period per statement
    monkeypatch.setattr(volume, "PAIRS", 1)
    again = generate(tmp_path / "again")
    monkeypatch.undo()
    for table in TABLES:
        assert rows(again, table) == rows(company, table), table


def test_another_seed_gives_other_rows(company: Path, tmp_path: Path) -> None:
    other = generate(tmp_path / "other", seed=8)
    for table in TABLES:
        assert rows(other, table) != rows(company, table), table


@pytest.mark.parametrize("more_days", [1, 3])
def test_more_days_keep_the_rows_before_them(more_days: int, clean: Path, tmp_path: Path) -> None:
    later = generate(tmp_path / "later", more_days=more_days, faults=False)
    for table in FACTS:
        before, after = rows(clean, table), rows(later, table)
        assert after[: len(before)] == before, table
    # snapshots keep the order of their rows, but customers may have ended
    for table in ("accounts", "subscriptions"):
        before, after = rows(clean, table), rows(later, table)
        assert [row[0] for row in after[: len(before)]] == [row[0] for row in before], table
    new = rows(later, "feature_usage")[USAGE_ROWS:]
    days = sorted(row[2] for row in new)
    assert days[-1] == f"2026-09-{27 + more_days}"
    assert days[0] >= "2026-09-22"
    assert 20 * more_days < len(new) < 100 * more_days


def test_late_rows_are_at_most_six_days_late(clean: Path) -> None:
    late = value(
        clean,
        """
        select max(latest - cast(usage_date as date)) from (
            select
                usage_date,
                max(cast(usage_date as date)) over (rows unbounded preceding) as latest
            from feature_usage
        )
        """,
    )
    assert isinstance(late, int)
    assert 1 <= late <= 6


def test_usage_lies_within_its_subscription(clean: Path) -> None:
    outside = """
        select count(*) from feature_usage left join subscriptions using (subscription_id)
        where not coalesce(
            usage_date >= start_date and usage_date < coalesce(end_date, '9999'), false
        )
    """
    assert value(clean, outside) == 0


def test_customers_use_less_before_they_leave(clean: Path) -> None:
    weeks_before = """
        select avg(cast(usage_count as int)) from feature_usage
        inner join subscriptions using (subscription_id)
        where cast(end_date as date) - cast(usage_date as date)
    """
    last = value(clean, f"{weeks_before} between 0 and 20")
    earlier = value(clean, f"{weeks_before} between 150 and 200")
    assert isinstance(last, float)
    assert isinstance(earlier, float)
    assert last < 0.7 * earlier


def test_a_build_finds_the_faults_and_loses_no_row(tmp_path: Path) -> None:
    company = tmp_path / "company"
    generate_volume(company, VolumeRequest(100_000))
    workspace = Workspace(tmp_path / "place", tmp_path / "place" / "target")
    summary = workspace.load(company)
    assert {table.table for table in summary.tables} == set(TABLES)
    found = {
        "copies": "select count(*) - count(distinct feature_usage) from feature_usage",
        "collisions": "select count(distinct feature_usage) - count(distinct usage_id) "
        "from feature_usage",
        "unreadable": "select count(*) from feature_usage where usage_count = 'n/a'",
        "unknown": "select count(*) from feature_usage where subscription_id = 'S0999-1'",
        "missing": "select count(*) from feature_usage where subscription_id is null",
    }
    for fault, sql in found.items():
        share = value(company, sql)
        assert isinstance(share, int)
        assert 1 <= share <= 40, fault


def test_without_faults_every_id_is_unique_and_every_value_is_readable(clean: Path) -> None:
    assert value(clean, "select count(*) = count(distinct usage_id) from feature_usage")
    assert value(clean, "select count(*) = count(distinct ticket_id) from support_tickets")
    assert value(clean, "select count(*) = count(try_cast(usage_date as date)) from feature_usage")
    assert value(clean, "select count(*) = count(try_cast(usage_count as int)) from feature_usage")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"usage_rows": 999}, "1,000 or more"),
        ({"usage_rows": 1_000, "more_days": -1}, "from 0 to 32,000"),
        ({"usage_rows": 1_000, "more_days": 40_000}, "from 0 to 32,000, not 40,000"),
        ({"usage_rows": 1_000, "until": date(9999, 12, 1)}, "between 1980 and 2199"),
        ({"usage_rows": 1_000, "seed": -1}, "The seed must be"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict, said: str) -> None:
    with pytest.raises(InputError, match=said):
        VolumeRequest(**arguments)


def test_the_longest_history_ends_on_its_last_day(tmp_path: Path) -> None:
    longest = VolumeRequest(1_000, more_days=volume.MOST_MORE_DAYS, until=date(2199, 12, 31))
    generate_volume(tmp_path / "out", longest)
    last = "select max(try_cast(usage_date as date)) from feature_usage"
    assert value(tmp_path / "out", last) == date(2287, 8, 12)


def test_what_the_database_cannot_do_is_said_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(volume.TABLES, "accounts", "select cast(40000 as smallint)")
    with pytest.raises(ChurnError, match="Could not generate: Conversion Error"):
        generate(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_the_command_writes_a_company_of_a_size(workspace: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "company"
    made = workspace.churn("generate", "--out", out, "--usage-rows", 2_000)
    assert (made.code, made.err) == (0, "")
    assert "2,000 feature_usage" in " ".join(made.out.split())
    text = (out / "feature_usage.csv").read_text(encoding="utf-8").splitlines()
    assert len(text) == 2_001
    for arguments in (("--usage-rows", 2_000, "--accounts", 5), ("--more-days", 1)):
        refused = workspace.churn("generate", "--out", out, *arguments)
        assert refused.code == 2
        assert "--usage-rows" in refused.err


# ------------------------------------------------------------------------------ a build of the data
@pytest.mark.slow
def test_a_build_ends_in_much_less_memory_than_its_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Data that does not fit is spilled to the temporary folder."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("CHURN_MEMORY_LIMIT", "150MB")
    place = Workspace(tmp_path, tmp_path / "target")
    # DuckDB itself creates only one missing folder, not three
    place.environment["CHURN_TEMP_DIR"] = str(tmp_path / "not" / "yet" / "there")
    generate_volume(place.source, VolumeRequest(2_500_000))
    place.load(place.source)
    result = place.dbt(
        *("build", "--selector", "core", "--exclude-resource-type", "test", "unit_test"),
        *("--vars", "{history_weeks: 1, backtest_weeks: 0}"),
        data_dir=place.load_dir,
    )
    assert result.success, [r.message for r in result.result if r.message]
    with duckdb.connect(str(place.warehouse), read_only=True) as connection:
        usage = connection.execute("from staging.checked_saas__feature_usage").to_arrow_table()
    assert usage.num_rows == 2_500_000
    assert usage.nbytes > 2 * 150e6
    [reconciled] = place.select(
        "select * from quality.row_reconciliation where table_name = 'feature_usage'"
    )
    assert reconciled["rows_in"] == 2_500_000
    customers = place.column("select count(*) from marts.customer_risk")
    # 50 usage rows per customer; some have not started, or belong to no account
    assert 45_000 < customers[0] <= 50_100
