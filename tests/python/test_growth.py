"""What grew day by day is what a build of everything at once would be.

`HYPOTHESIS_EXAMPLES` tries more sequences of days.
"""

import json
import os
import shutil
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
    RAVENSTACK,
    ROOT,
    WRITTEN_BY,
    Stages,
    Tables,
    Workspace,
    assert_same,
    built_once,
    small_company,
)

# everything behind these and in them
BUILT = ("+customer_risk_history", "+source_columns", "+data_quality_issues", "+row_reconciliation")
GROWN = (
    "staging.checked_saas__support_tickets",
    "staging.checked_saas__feature_usage",
    "intermediate.int_daily_usage",
    "intermediate.int_subscription_usage",
    "intermediate.int_customer_usage",
    "intermediate.int_account_support",
    "intermediate.int_customer_signals",
    "intermediate.int_customer_scores",
    "intermediate.int_feature_usage_columns",
    "intermediate.int_support_tickets_columns",
)
# with the unit tests, for which dbt has no graph
CHECKED = (
    *("--select", "+checked_saas__feature_usage", "+checked_saas__support_tickets"),
    *("--resource-type", "model", "seed", "unit_test"),
)
NOT_TESTED = ("--exclude-resource-type", "test", "unit_test")
FIRST_DAY = AS_OF - timedelta(days=10)


# ------------------------------------------------------------------------------ a growing company
class Company:
    """The small company as it stood on a day, with what came since at the end of its files."""

    def __init__(self) -> None:
        self.tables: Tables = small_company()
        usage = self.tables["feature_usage"]
        self.to_come = [row for row in usage if row["usage_date"] > FIRST_DAY.isoformat()]
        self.tables["feature_usage"] = [row for row in usage if row not in self.to_come]
        self.today = FIRST_DAY
        self.numbers = iter(range(1_000_000))

    def add(self, day: date, **values: str) -> None:
        """One row of usage at the end of the file."""
        row = dict(self.tables["feature_usage"][0])
        row |= {"usage_id": f"late {next(self.numbers)}", "usage_date": day.isoformat(), **values}
        self.tables["feature_usage"].append(row)

    def a_day_passes(self) -> None:
        self.today += timedelta(days=1)
        day = self.today.isoformat()
        self.tables["feature_usage"] += [row for row in self.to_come if row["usage_date"] == day]

    def rows_come_late(self) -> None:
        """On the first and the last day that may still be added, of one who had no such day too."""
        for days in (0, 3, 7):
            self.add(self.today - timedelta(days=days))
            self.add(self.today - timedelta(days=days), subscription_id="S12", usage_count="40")
        self.add(self.today - timedelta(days=2), subscription_id="nobody")

    def faults_come(self) -> None:
        """Copies and collisions with rows of before and of now, and what cannot be read."""
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
        """However late, and with faults; and a file that is read anew each time has changed."""
        tickets = self.tables["support_tickets"]
        row = dict(tickets[-1])
        tickets.append({**row, "ticket_id": f"T{len(tickets)}", "submitted_at": str(self.today)})
        tickets.append({**row, "ticket_id": f"T{len(tickets)}"})
        tickets.append({**row, "ticket_id": tickets[0]["ticket_id"]})
        tickets += [dict(tickets[1]), {**row, "ticket_id": ""}]
        self.tables["subscriptions"][3]["end_date"] = self.today.isoformat()

    def customers_change(self) -> None:
        """What is true on past dates, too; one comes that had long started, one goes."""
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
        """The same once more."""

    def rows_are_edited(self) -> None:
        """That is another data set."""
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


# how far a build comes before it is killed: to the end, or to one of these
KILLED = (
    None,
    "checked_saas__feature_usage",
    "+int_daily_usage",
    "+int_customer_usage",
    "+int_customer_signals",
)


# what may be configured otherwise from one day to the next
CHOICES: tuple[dict[str, object], ...] = (
    {},
    {"risk_ruleset": "basic"},
    {"disabled_risk_rules": ["trial", "support_load"]},
    {"min_usage_rows": 40},
    {"history_weeks": 2, "backtest_weeks": 3, "backtest_horizon_days": 7},
    {"history_weeks": 6},
    {"as_of_date": "2026-03-20"},
)


# ------------------------------------------------------------------------------ where it is built
class Places:
    """One place in which the company grows, and one that is built anew from the same files."""

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
        # what a row came by is all that may differ
        found, expected = (
            place.contents(without=WRITTEN_BY) for place in (self.growing, self.anew)
        )
        assert_same(found, expected, in_order=False)

    def rows(self, sql: str) -> list[dict[str, object]]:
        return self.growing.select(sql)


@pytest.fixture
def places(tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    monkeypatch.chdir(ROOT)
    return Places(tmp_path, target)


@pytest.fixture(scope="module")
def any_place(tmp_path_factory: pytest.TempPathFactory, target: Path) -> Iterator[Places]:
    """What the sequences of days share: each begins in what the one before has left."""
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
    # a shorter sequence is not worth its builds
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
    any_place.build(any_place.growing)
    for steps, killed, variables in days:
        for step in steps:
            step(company)
        any_place.growing.load(company.tables)
        if killed:
            any_place.build(any_place.growing, "--select", killed, **variables)
        any_place.build(any_place.growing, **variables)
    any_place.assert_same_anew(**variables)


# ------------------------------------------------------------------------------ day by day
Keys = set[tuple[date, str]]


class Growth(Stages):
    """The warehouse of a company that grows, as it was after each of these builds.

    - `first`: a build of everything
    - `day`: a day later, with rows that came late
    - `customers`: one more day, and two customers are not what they were
    - `ticket`, and `ticket anew`: a ticket of 2026-03-12 came
    - `restored`, and `restored anew`: a backup of the first load came back, and grew another way
    - `waiting`: a day later, with a row that came too late
    - `again`: the same rows
    - `compared`: rows of the id of the one that waits
    - `refreshed`, and `refreshed anew`: after a full refresh that was killed
    - `failed`: the build failed
    """

    def kept(self, table: str, before: str, after: str) -> Keys:
        """The dates and customers whose rows a build left as they were."""

        def written(stage: str) -> dict[tuple[date, str], tuple[object, ...]]:
            rows = self[stage].select(
                f"select as_of_date, customer_id, columns('fingerprint') from intermediate.{table}"
            )
            return {(day, customer): (*by,) for day, customer, *by in (r.values() for r in rows)}

        then = written(before)
        return {key for key, by in written(after).items() if by == then.get(key)}


CUSTOMERS = [f"S{number:02}" for number in range(1, 13)]
SUNDAYS = [date(2026, 3, 8), date(2026, 3, 15), date(2026, 3, 22)]


def mark(place: Workspace) -> None:
    """What stands in the tables tells later whether they were built anew."""
    with duckdb.connect(str(place.warehouse)) as connection:
        for table in GROWN:
            column = "error_count" if "daily" in table else "fingerprint"
            connection.execute(f"comment on column {table}.{column} is 'grown'")


def marked(place: Workspace) -> list[str]:
    return place.column(
        "select schema_name || '.' || table_name from duckdb_columns() "
        "where comment = 'grown' order by 1"
    )


def grow(folder: Path, target: Path) -> None:
    """Build all stages."""
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
    backup = folder / "backup"
    shutil.copytree(places.growing.load_dir, backup)

    company.a_day_passes()
    company.rows_come_late()
    build("day", company)

    company.a_day_passes()
    company.tables["subscriptions"][0]["downgrade_flag"] = "true"
    company.tables["subscriptions"][2]["end_date"] = "2026-03-10"
    build("customers", company)

    late = {"ticket_id": "late", "account_id": "A04", "submitted_at": "2026-03-12"}
    company.tables["support_tickets"].append({**company.tables["support_tickets"][-1], **late})
    build("ticket", company)
    build_anew("ticket")

    shutil.rmtree(places.growing.load_dir)
    shutil.copytree(backup, places.growing.load_dir)
    company = Company()
    company.a_day_passes()
    company.tables["feature_usage"][-1]["usage_count"] = "777"
    company.rows_come_late()
    build("restored", company)
    build_anew("restored")

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
def stages(tmp_path_factory: pytest.TempPathFactory, target: Path) -> Growth:
    """Built once for all tests; only read them."""
    place = built_once(
        tmp_path_factory, target, "growth", lambda place: grow(place.store.parent, target)
    )
    return Growth(place.store.parent, target)


def test_a_day_more_leaves_what_was_built_as_it_is(stages: Growth) -> None:
    assert marked(stages["day"]) == sorted(GROWN)
    # all tables are built anew where that is asked for
    assert marked(stages["refreshed anew"]) == []


@pytest.mark.parametrize("stage", ["ticket", "restored", "refreshed"])
def test_a_stage_is_what_a_build_of_everything_would_be(stages: Growth, stage: str) -> None:
    # what a row came by is all that may differ
    found, expected = (
        stages[name].contents(without=WRITTEN_BY) for name in (stage, f"{stage} anew")
    )
    assert_same(found, expected, in_order=False)


def test_dates_that_no_late_row_touches_are_not_computed_again(stages: Growth) -> None:
    """The as-of date of the day before is no Sunday and gone, the Sunday before it was touched."""
    kept = stages.kept("int_customer_usage", "first", "day")
    assert {day for day, _ in kept} == {date(2026, 3, 1), date(2026, 3, 8)}


def test_past_dates_stay_as_they_were_but_for_customers_that_changed(stages: Growth) -> None:
    others = {(day, one) for day in SUNDAYS for one in CUSTOMERS if one not in ("S01", "S03")}
    assert stages.kept("int_customer_signals", "day", "customers") == others
    # on the Sunday before its end S03 has the signals that it had
    scores = stages.kept("int_customer_scores", "day", "customers")
    assert scores == others | {(SUNDAYS[0], "S03")}


def test_a_ticket_that_comes_late_opens_the_dates_whose_window_it_is_in(
    stages: Growth,
) -> None:
    before = {(SUNDAYS[0], one) for one in CUSTOMERS}
    assert stages.kept("int_customer_signals", "customers", "ticket") == before
    # of the others nothing has changed
    opened = (*SUNDAYS[1:], date(2026, 3, 23))
    scores = stages.kept("int_customer_scores", "customers", "ticket")
    assert scores == before | {(day, one) for day in opened for one in CUSTOMERS if one != "S04"}


def fates(place: Workspace, *usage_ids: str) -> list[str]:
    return place.column(
        "select row_fate from staging.checked_saas__feature_usage "
        f"where usage_id in {usage_ids} order by _row_number"
    )


def test_rows_that_come_too_late_wait_for_a_full_refresh(stages: Growth) -> None:
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
    # one that waits is still one to compare with
    assert fates(stages["compared"], "too late", "") == ["pending", "duplicate", "staged"]
    assert stages["refreshed"].select(pending) == []


def test_a_model_that_fails_leaves_what_was_there(stages: Growth) -> None:
    dates = "from intermediate.int_as_of_dates order by as_of_date"
    assert stages["failed"].select(dates) == stages["refreshed"].select(dates) != []


# ------------------------------------------------------------------------------ out of turn
@pytest.mark.slow
def test_what_is_built_out_of_turn_is_put_right_by_the_next_build(places: Places) -> None:
    company = Company()
    places.growing.load(company.tables)
    places.build(places.growing)
    company.a_day_passes()
    company.rows_come_late()
    company.tickets_come()
    places.growing.load(company.tables)
    # signals know what they were made of, and are built alone before what they read
    places.build(places.growing, "--select", "+int_as_of_windows")
    places.build(places.growing, "--select", "int_customer_signals", "int_customer_scores")
    places.build(places.growing)
    places.assert_same_anew()

    # so is a full refresh that is killed
    places.build(places.growing, "--full-refresh", "--select", "+int_daily_usage")
    places.build(places.growing)
    found, expected = (
        place.contents(without=WRITTEN_BY) for place in (places.growing, places.anew)
    )
    assert_same(found, expected, in_order=False)


@pytest.mark.slow
@pytest.mark.parametrize("days", [0, 30])
def test_how_late_is_too_late_is_configured(places: Places, days: int) -> None:
    """One setting for both builds: another one makes the second build read every row again."""
    company = Company()
    places.growing.load(company.tables)
    places.build(places.growing, *CHECKED, late_arrival_days=days)
    company.add(FIRST_DAY - timedelta(days=days), usage_id="in time")
    company.add(FIRST_DAY - timedelta(days=days + 1), usage_id="too late")
    places.growing.load(company.tables)
    places.build(places.growing, *CHECKED, late_arrival_days=days)
    assert fates(places.growing, "in time", "too late") == ["staged", "pending"]


# ------------------------------------------------------------------------------ data sets
@pytest.mark.slow
def test_from_the_sample_to_other_data_and_back(places: Places) -> None:
    if not RAVENSTACK.is_dir():
        pytest.skip(f"the RavenStack data is not in {RAVENSTACK}")
    places.growing.load(RAVENSTACK)
    built = []
    for data_dir in (None, places.growing.load_dir, None):
        places.build(places.growing, data_dir=data_dir)
        # a load has its own fingerprint
        built.append(places.growing.contents("intermediate", "quality", without=WRITTEN_BY))
    assert_same(built[2], built[0], in_order=False)
    assert built[1] != built[0]


@pytest.mark.slow
def test_what_grows_is_told_from_all_the_code_behind_it(places: Places) -> None:
    behind = "{{ tojson(code_behind('model.churn.int_customer_scores')) }}"
    result = places.growing.dbt("compile", "--quiet", "--inline", behind, data_dir=None)
    code = json.loads(result.result[0].node.compiled_code)
    assert {
        "model.churn.stg_saas__feature_usage",
        "model.churn.int_as_of_dates",
        "macro.churn.checked_rows",
        "macro.churn.default__trimmed",
        "macro.churn.prior_window_start",
        "model.churn.int_customer_signals",
        "macro.churn.has_churned",
        "macro.churn.rule_points",
        "seed.churn.recommended_actions",
    } <= set(code)
    assert "- 60" in code["macro.churn.prior_window_start"]


@pytest.mark.slow
def test_data_that_nobody_vouches_for_is_built_as_a_whole(places: Places) -> None:
    company = Company()
    places.growing.load(company.tables)
    record = places.growing.load_dir / "source_files.parquet"
    rows = pq.read_table(record).drop_columns(["load_ids"])
    pq.write_table(rows, record)
    places.build(places.growing)
    usage = places.growing.load_dir / "feature_usage.parquet"
    edited = pq.read_table(usage).slice(0, 100)
    pq.write_table(edited, usage)
    places.build(places.growing)
    places.assert_same_anew()


# ------------------------------------------------------------------------------ loads
def loads(workspace: Workspace) -> dict[str, list[str]]:
    """The loads by which each table has grown."""
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
