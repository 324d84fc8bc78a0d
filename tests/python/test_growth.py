"""Incremental builds of growing data give the rows of a full refresh.

`HYPOTHESIS_EXAMPLES` sets a higher number of random sequences of days.
"""

import json
import os
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from conftest import (
    AS_OF,
    ROOT,
    Stages,
    Tables,
    Workspace,
    assert_same,
    built_once,
    small_company,
)

# these models and everything upstream
BUILT = ("+customer_risk_history", "+source_columns", "+data_quality_issues", "+row_reconciliation")
INCREMENTAL = (
    "intermediate.int_daily_usage",
    "staging.checked_saas__feature_usage",
    "staging.checked_saas__support_tickets",
)
# with their unit tests
CHECKED = (
    *("--select", "+checked_saas__feature_usage", "+checked_saas__support_tickets"),
    *("--resource-type", "model", "seed", "unit_test"),
)
NOT_TESTED = ("--exclude-resource-type", "test", "unit_test")
FIRST_DAY = AS_OF - timedelta(days=10)


# ------------------------------------------------------------------------------ a growing company
class Company:
    """The small company on a given day; later rows are appended to its files."""

    def __init__(self) -> None:
        self.tables: Tables = small_company()
        usage = self.tables["feature_usage"]
        self.to_come = [row for row in usage if row["usage_date"] > FIRST_DAY.isoformat()]
        self.tables["feature_usage"] = [row for row in usage if row not in self.to_come]
        self.today = FIRST_DAY
        self.numbers = iter(range(1_000_000))

    def add(self, day: date, **values: str) -> None:
        """Append a row of usage."""
        row = dict(self.tables["feature_usage"][0])
        row |= {"usage_id": f"late {next(self.numbers)}", "usage_date": day.isoformat(), **values}
        self.tables["feature_usage"].append(row)

    def a_day_passes(self) -> None:
        self.today += timedelta(days=1)
        day = self.today.isoformat()
        self.tables["feature_usage"] += [row for row in self.to_come if row["usage_date"] == day]

    def rows_come_late(self) -> None:
        """Append rows inside the lateness window, also for a customer without usage then."""
        for days in (0, 3, 7):
            self.add(self.today - timedelta(days=days))
            self.add(self.today - timedelta(days=days), subscription_id="S12", usage_count="40")
        self.add(self.today - timedelta(days=2), subscription_id="nobody")

    def faults_come(self) -> None:
        """Append copies and collisions of old and new rows, and unreadable rows."""
        usage = self.tables["feature_usage"]
        usage.append(dict(usage[-1]))
        usage.append({**usage[-1], "usage_count": "77"})
        self.add(self.today, usage_id=usage[0]["usage_id"])
        self.add(self.today, usage_id="")
        self.add(self.today, usage_id="")
        self.add(self.today, usage_date="soon", usage_id="unread")
        self.add(self.today, usage_date="soon", usage_id="unread")
        self.add(self.today, usage_count="-1")
        self.add(self.today, error_count="many")
        self.add(date(2099, 1, 1), subscription_id="nobody")

    def tickets_come(self) -> None:
        """Append late and faulty tickets, and change a file that every load reads as a whole."""
        tickets = self.tables["support_tickets"]
        row = dict(tickets[-1])
        tickets.append({**row, "ticket_id": f"T{len(tickets)}", "submitted_at": str(self.today)})
        tickets.append({**row, "ticket_id": f"T{len(tickets)}"})
        tickets.append({**row, "ticket_id": tickets[0]["ticket_id"]})
        tickets += [dict(tickets[1]), {**row, "ticket_id": ""}]
        self.tables["subscriptions"][3]["end_date"] = self.today.isoformat()

    def customers_change(self) -> None:
        """Change customers' past too; add a long-standing customer, and remove an account."""
        subscriptions, number = self.tables["subscriptions"], next(self.numbers)
        other = {"false": "true", "true": "false", "A06": "A01", "A01": "A06"}
        for row, column in ((0, "downgrade_flag"), (1, "is_trial"), (5, "account_id")):
            subscriptions[row][column] = other[subscriptions[row][column]]
        subscriptions[2]["end_date"] = str(self.today - timedelta(days=8 + number % 9))
        subscriptions[4]["start_date"] = str(self.today - timedelta(days=5 + 11 * (number % 3)))
        late = {"subscription_id": f"N{number}", "start_date": "2025-03-01"}
        subscriptions.append({**subscriptions[7], **late})
        self.add(self.today, subscription_id=f"N{number}")
        churn = dict(self.tables["churn_events"][0])
        churn |= {"churn_event_id": f"C{number}", "account_id": "A03"}
        self.tables["churn_events"].append({**churn, "churn_date": str(self.today)})
        self.tables["accounts"] = [
            row for row in self.tables["accounts"] if row["account_id"] != "A09"
        ]

    def nothing_happens(self) -> None:
        """Load the same data again."""

    def rows_are_edited(self) -> None:
        """Edit a row, which makes it another data set."""
        self.tables["feature_usage"][5]["usage_count"] = str(500 + next(self.numbers))


STEPS = (
    Company.a_day_passes,
    Company.rows_come_late,
    Company.faults_come,
    Company.tickets_come,
    Company.customers_change,
    Company.nothing_happens,
    Company.rows_are_edited,
)


# None builds to the end; otherwise the build is killed after this selection
KILLED = (
    None,
    "checked_saas__feature_usage",
    "+int_daily_usage",
    "+int_customer_signals",
)


# variables that may change from one day to the next without a full refresh
CHOICES: tuple[dict[str, object], ...] = (
    {},
    {"risk_ruleset": "basic"},
    {"disabled_risk_rules": ["trial", "support_load"]},
    {"min_usage_rows": 40},
    {"history_weeks": 2, "backtest_weeks": 3, "backtest_horizon_days": 7},
    {"history_weeks": 6},
    {"as_of_date": "2026-03-20"},
)


# ------------------------------------------------------------------------------ workspaces
class Places:
    """A workspace that grows with the company, and one that is fully refreshed from its files."""

    def __init__(self, folder: Path, target: Path) -> None:
        self.growing = Workspace(folder / "growing", target)
        self.anew = Workspace(folder / "anew", target)
        self.growing.store.mkdir(parents=True)
        self.anew.store.mkdir(parents=True)

    def build(
        self,
        place: Workspace,
        *arguments: str,
        data_dir: Path | Literal["loaded"] | None = "loaded",
        **variables: object,
    ) -> None:
        result = place.dbt(
            "build",
            *("--vars", json.dumps({"history_weeks": 4, "backtest_weeks": 0, **variables})),
            *(arguments or ("--select", *BUILT)),
            *(() if "--resource-type" in arguments else NOT_TESTED),
            data_dir=self.growing.load_dir if data_dir == "loaded" else data_dir,
        )
        assert result.success, [r.message for r in result.result if r.message]

    def assert_same_anew(self, **variables: object) -> None:
        self.build(self.anew, "--full-refresh", "--select", *BUILT, **variables)
        found, expected = (place.contents() for place in (self.growing, self.anew))
        assert_same(found, expected, in_order=False)

    def rows(self, sql: str) -> list[dict[str, object]]:
        return self.growing.select(sql)


@pytest.fixture
def places(tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    monkeypatch.chdir(ROOT)
    return Places(tmp_path, target)


@pytest.fixture(scope="module")
def any_place(tmp_path_factory: pytest.TempPathFactory, target: Path) -> Iterator[Places]:
    """Shared by all sequences of days: each starts from the state that the one before left."""
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(ROOT)
        yield Places(tmp_path_factory.mktemp("growth"), target)


# ------------------------------------------------------------------------------ the property
MORE_EXAMPLES = os.environ.get("HYPOTHESIS_EXAMPLES")


@pytest.mark.slow
@settings(
    max_examples=int(MORE_EXAMPLES or 1),
    derandomize=not MORE_EXAMPLES,
    database=None,
    deadline=None,
    # do not shrink: a shorter sequence is not worth its builds
    phases=[Phase.explicit, Phase.generate],
)
@given(
    days=st.lists(
        st.tuples(
            st.lists(st.sampled_from(STEPS), min_size=1, max_size=3),
            st.sampled_from(KILLED),
            st.sampled_from(CHOICES),
        ),
        min_size=2,
        max_size=2 if not MORE_EXAMPLES else 3,
    )
)
def test_what_grew_is_what_a_build_of_everything_would_be(
    any_place: Places,
    days: list[tuple[list[Callable[[Company], None]], str | None, dict[str, object]]],
) -> None:
    company = Company()
    any_place.growing.load(company.tables)
    any_place.build(any_place.growing, "--full-refresh", "--select", *BUILT)
    for steps, killed, variables in days:
        for step in steps:
            step(company)
        any_place.growing.load(company.tables)
        # changed rows need a full refresh, since they are not appended
        again = ("--full-refresh",) if Company.rows_are_edited in steps else ()
        if killed:
            any_place.build(any_place.growing, *again, "--select", killed, **variables)
        any_place.build(any_place.growing, *again, "--select", *BUILT, **variables)
    any_place.assert_same_anew(**variables)


# ------------------------------------------------------------------------------ day by day
def mark(place: Workspace) -> None:
    """Comment the columns: a later full refresh loses the comments."""
    with duckdb.connect(str(place.warehouse)) as connection:
        for table in INCREMENTAL:
            column = "usage_rows" if "daily" in table else "row_fate"
            connection.execute(f"comment on column {table}.{column} is 'grown'")


def marked(place: Workspace) -> list[str]:
    return place.column(
        "select schema_name || '.' || table_name from duckdb_columns() "
        "where comment = 'grown' order by 1"
    )


def grow(folder: Path, target: Path) -> None:
    """Build the warehouse of a growing company, and keep these stages.

    - `first`: a full build
    - `day`: a day later, with late rows
    - `ticket`, and `ticket anew`: another day, two changed customers and a late ticket
    - `waiting`: a day later, with a row that came too late
    - `again`: the same rows
    - `compared`: more rows with the id of the waiting row
    - `refreshed`, and `refreshed anew`: after an interrupted full refresh
    - `failed`: the build failed
    """
    stages, places, company = Stages(folder, target), Places(folder, target), Company()

    def build(stage: str, company: Company) -> None:
        places.growing.load(company.tables)
        places.build(places.growing)
        stages.keep(stage, places.growing)

    def build_anew(stage: str) -> None:
        places.build(places.anew, "--full-refresh", "--select", *BUILT)
        stages.keep(f"{stage} anew", places.anew)

    places.growing.load(company.tables)
    places.build(places.growing, *CHECKED)
    build("first", company)
    mark(places.growing)

    company.a_day_passes()
    company.rows_come_late()
    build("day", company)

    company.a_day_passes()
    company.tables["subscriptions"][0]["downgrade_flag"] = "true"
    company.tables["subscriptions"][2]["end_date"] = "2026-03-10"
    late = {"ticket_id": "late", "account_id": "A04", "submitted_at": "2026-03-12"}
    company.tables["support_tickets"].append({**company.tables["support_tickets"][-1], **late})
    build("ticket", company)
    build_anew("ticket")

    company.add(company.today - timedelta(days=8), usage_id="too late")
    waiting = company.tables["feature_usage"][-1]
    company.add(company.today - timedelta(days=7), usage_id="just in time")
    company.a_day_passes()
    build("waiting", company)
    places.build(places.growing, *CHECKED)
    stages.keep("again", places.growing)

    company.tables["feature_usage"].append(dict(waiting))
    company.add(company.today, usage_id="too late", usage_count="5")
    build("compared", company)

    mark(places.anew)
    places.build(places.growing, "--full-refresh", "--select", "checked_saas__feature_usage")
    build("refreshed", company)
    build_anew("refreshed")

    company.add(date(2099, 1, 1))
    places.growing.load(company.tables)
    result = places.growing.dbt(
        "build", "--select", *BUILT, *NOT_TESTED, data_dir=places.growing.load_dir
    )
    assert not result.success
    stages.keep("failed", places.growing)


@pytest.fixture
def stages(tmp_path_factory: pytest.TempPathFactory, target: Path) -> Stages:
    """The stages, built once for all tests; only read them."""
    place = built_once(
        tmp_path_factory, target, "growth", lambda place: grow(place.store.parent, target)
    )
    return Stages(place.store.parent, target)


def test_a_day_more_leaves_what_was_built_as_it_is(stages: Stages) -> None:
    assert marked(stages["day"]) == list(INCREMENTAL)
    # a full refresh replaces all tables
    assert marked(stages["refreshed anew"]) == []


@pytest.mark.parametrize("stage", ["ticket", "refreshed"])
def test_a_stage_is_what_a_build_of_everything_would_be(stages: Stages, stage: str) -> None:
    found, expected = (stages[name].contents() for name in (stage, f"{stage} anew"))
    assert_same(found, expected, in_order=False)


def fates(place: Workspace, *usage_ids: str) -> list[str]:
    return place.column(
        "select row_fate from staging.checked_saas__feature_usage "
        f"where usage_id in {usage_ids} order by _row_number"
    )


def test_rows_that_come_too_late_wait_for_a_full_refresh(stages: Stages) -> None:
    for stage in ("waiting", "again"):
        assert fates(stages[stage], "too late", "just in time") == ["pending", "staged"]
    pending = "select row_count, example from quality.data_quality_issues where issue like 'pend%'"
    for stage in ("waiting", "compared"):
        assert stages[stage].select(pending) == [{"row_count": 1, "example": "too late"}]
        [usage] = stages[stage].select(
            "select * from quality.row_reconciliation where table_name = 'feature_usage'"
        )
        assert usage["rows_pending"] == 1
    [usage] = stages["waiting"].select(
        "select * from quality.row_reconciliation where table_name = 'feature_usage'"
    )
    assert usage["rows_in"] == usage["rows_staged"] + usage["rows_pending"]
    # a waiting row still counts when rows are compared for duplicates
    assert fates(stages["compared"], "too late", "") == ["pending", "duplicate", "staged"]
    assert stages["refreshed"].select(pending) == []


def test_a_model_that_fails_leaves_what_was_there(stages: Stages) -> None:
    dates = "from intermediate.int_as_of_dates order by as_of_date"
    assert stages["failed"].select(dates) == stages["refreshed"].select(dates) != []


@pytest.mark.slow
@pytest.mark.parametrize("days", [0, 30])
def test_how_late_is_too_late_is_configured(places: Places, days: int) -> None:
    company = Company()
    places.growing.load(company.tables)
    places.build(places.growing, *CHECKED, late_arrival_days=days)
    company.add(FIRST_DAY - timedelta(days=days), usage_id="in time")
    company.add(FIRST_DAY - timedelta(days=days + 1), usage_id="too late")
    places.growing.load(company.tables)
    places.build(places.growing, *CHECKED, late_arrival_days=days)
    assert fates(places.growing, "in time", "too late") == ["staged", "pending"]


# ------------------------------------------------------------------------------ data sets
def test_a_file_without_rows_may_grow(places: Places) -> None:
    company = Company()
    tickets, company.tables["support_tickets"] = company.tables["support_tickets"], []
    checked = ("--select", "+checked_saas__support_tickets")
    for rows in ([], [], tickets):
        company.tables["support_tickets"] = rows
        places.growing.load(company.tables)
        places.build(places.growing, *checked)
    found = places.rows("from staging.checked_saas__support_tickets where row_fate = 'staged'")
    assert len(found) == len(tickets) > 0


@pytest.mark.slow
def test_a_plain_build_of_other_data_fails_until_a_full_refresh(places: Places) -> None:
    places.build(places.growing, *CHECKED, data_dir=None)
    places.growing.load(Company().tables)
    tested = ("--select", "+checked_saas__feature_usage", "+checked_saas__support_tickets")
    result = places.growing.dbt("build", *tested, data_dir=places.growing.load_dir)
    assert {r.node.name for r in result.result if r.status == "fail"} >= {
        "feature_usage_was_replaced_run_dbt_build_full_refresh",
        "support_tickets_was_replaced_run_dbt_build_full_refresh",
    }
    arguments = ("build", *tested, "--full-refresh")
    assert places.growing.dbt(*arguments, data_dir=places.growing.load_dir).success


# ------------------------------------------------------------------------------ loads
def loads(workspace: Workspace) -> dict[str, list[str]]:
    """Return the ids of the loads that each table consists of."""
    rows = pq.read_table(workspace.load_dir / "source_files.parquet").to_pylist()
    return {row["table_name"]: row["load_ids"].split() for row in rows}


def test_a_damaged_load_begins_anew(workspace: Workspace) -> None:
    company = Company()
    workspace.load(company.tables)
    before = loads(workspace)
    assert {name for name, found in before.items() if found} == {"feature_usage", "support_tickets"}
    usage = workspace.load_dir / "feature_usage.parquet"
    whole = usage.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:-40] + bytes(36) + whole[-4:], b""):
        usage.write_bytes(damaged)
        workspace.load(company.tables)
        after = loads(workspace)
        assert len(after["feature_usage"]) == 1
        assert after["feature_usage"] != before["feature_usage"]
        assert after["support_tickets"] == before["support_tickets"]
        before = after


@pytest.mark.parametrize(
    ("change", "kept", "added"),
    [
        (Company.nothing_happens, 1, 0),
        (Company.a_day_passes, 1, 1),
        (Company.faults_come, 1, 1),
        (Company.rows_are_edited, 0, 1),
        (lambda company: company.tables["feature_usage"].pop(), 0, 1),
        (lambda company: company.tables["feature_usage"].reverse(), 0, 1),
        (lambda company: company.tables["feature_usage"].insert(3, company.to_come[0]), 0, 1),
        (lambda company: [row.update(more="1") for row in company.tables["feature_usage"]], 0, 1),
    ],
)
def test_a_load_follows_another_while_rows_are_only_added(
    workspace: Workspace, change: Callable[[Company], object], kept: int, added: int
) -> None:
    company = Company()
    workspace.load(company.tables)
    before = loads(workspace)["feature_usage"]
    change(company)
    workspace.load(company.tables)
    after = loads(workspace)["feature_usage"]
    assert after[:kept] == before[:kept]
    assert len(set(after) - set(before)) == added == len(after) - kept
