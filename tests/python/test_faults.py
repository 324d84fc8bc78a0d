"""One test for each row of the design's fault table: what happens to bad input.

Each kind of fault has its own company with its own ids, and one build covers all of them.
"""

import zipfile
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from churn.project import Project
from conftest import (
    AS_OF,
    DAYS,
    Row,
    Tables,
    Workspace,
    assert_same,
    built_once,
    shuffled,
    small_company,
)

pytestmark = pytest.mark.builds

KEYS = {
    "accounts": "account_id",
    "subscriptions": "subscription_id",
    "feature_usage": "usage_id",
    "churn_events": "churn_event_id",
    "support_tickets": "ticket_id",
}
Issues = dict[tuple[str, str | None, str], int]


class Faults:
    """A small company with faults, and the findings expected for them.

    `name` is a prefix of all ids and reasons of the company. `rejections` hold the table, the row,
    the column, the value and the reason.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.tables = small_company()
        self.issues: Issues = {}
        self.rejections: list[tuple[str, Row, str, str | None, str]] = []
        # rows that lose against another row with the same key
        self.beaten: list[tuple[str, Row]] = []

    def __getitem__(self, table: str) -> list[Row]:
        return self.tables[table]

    def usage_of(self, subscription_id: str) -> list[Row]:
        return [row for row in self["feature_usage"] if row["subscription_id"] == subscription_id]

    def rejects(self, table: str, row: Row, column: str, value: str | None, reason: str) -> None:
        self.rejections.append((table, row, column, value, reason))

    def named(self) -> Tables:
        """Return the tables with the name as a prefix of each id and reason."""
        named = {*KEYS.values(), "reason_code"}
        for rows in self.tables.values():
            for row in rows:
                for column in named & row.keys():
                    row[column] = self.name + row[column] if row[column].strip() else row[column]
        return self.tables


def reconciliation(place: Workspace) -> list[dict[str, Any]]:
    return place.select("from quality.row_reconciliation")


def rejected(place: Workspace) -> list[tuple[Any, ...]]:
    rows = place.select(
        "select table_name, row_ref, column_name, raw_value, reason from quality.rejected_rows"
    )
    return [tuple(row.values()) for row in rows]


def issues(place: Workspace) -> Issues:
    """(table, column, issue) -> rows."""
    rows = place.select(
        "select table_name, column_name, issue, row_count from quality.data_quality_issues"
    )
    return {(r["table_name"], r["column_name"], r["issue"]): r["row_count"] for r in rows}


def customer(place: Workspace, customer_id: str) -> dict[str, Any]:
    (row,) = place.select("from marts.customer_risk where customer_id = ?", customer_id)
    return row


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def assert_no_row_is_lost(place: Workspace, tables: Tables) -> None:
    """Assert that every row is staged, rejected or an exact duplicate."""
    fates = {row.pop("table_name"): row for row in reconciliation(place)}
    for name, rows in tables.items():
        fate = fates[name]
        assert fate["rows_in"] == len(rows), name
        assert fate["rows_in"] == (
            fate["rows_staged"] + fate["rows_rejected"] + fate["exact_duplicates"]
        ), name
    rejected = Counter(place.column("select table_name from quality.rejected_rows"))
    assert rejected == Counter({name: fates[name]["rows_rejected"] for name in rejected})


# ------------------------------------------------------------------------------ no faults


def test_faultless_data_has_no_findings_and_scores_as_designed(small: Workspace) -> None:
    assert issues(small) == {}
    assert rejected(small) == []
    assert_no_row_is_lost(small, small_company())
    scored = small.select("select customer_id, risk_score, risk_level from marts.customer_risk")
    levels = {row["customer_id"]: (row["risk_score"], row["risk_level"]) for row in scored}
    # usage 40, three tickets 10, satisfaction 12, escalation 10; usage 28, trial 8
    assert levels.pop("S01") == (72, "High")
    assert levels.pop("S02") == (36, "Medium")
    assert levels.pop("S12") == (50, "Medium")
    assert {level for _, level in levels.values()} == {"Low"}
    assert small.column("select usage_window_end from marts.executive_summary") == [AS_OF]
    assert small.churn("show").out.startswith("Accounts to call first")


# ------------------------------------------------------------------------------ refusals


def without_a_table(source: Path) -> Path:
    (source / "subscriptions.csv").rename(source / "contracts.csv")
    return source


def without_a_required_column(source: Path) -> Path:
    (source / "feature_usage.csv").write_text("subscription_id,usage_date,hits\nS01,2026-03-31,3\n")
    return source


def with_zero_bytes(source: Path) -> Path:
    (source / "accounts.csv").write_bytes(b"")
    return source


def with_a_header_only(source: Path) -> Path:
    (source / "feature_usage.csv").write_text("subscription_id,usage_date,usage_count\n")
    return source


def as_an_unsafe_zip(source: Path) -> Path:
    archive = source.parent / "export.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for table in source.iterdir():
            file.write(table, table.name)
        file.writestr("../accounts.csv", "account_id\nA01\n")
    return archive


REFUSED: dict[Callable[[Path], Path], list[str]] = {
    without_a_table: ["subscriptions", "contracts.csv"],
    without_a_required_column: ["feature_usage", "usage_count", "Columns found", "hits"],
    with_zero_bytes: ["accounts (accounts.csv)", "zero bytes"],
    with_a_header_only: ["feature_usage (feature_usage.csv)", "no rows", "usage_date"],
    as_an_unsafe_zip: ["export.zip", "../accounts.csv"],
}


@pytest.mark.parametrize("fault", REFUSED, ids=lambda fault: fault.__name__)
def test_unusable_input_is_refused_with_one_message_and_nothing_changes(
    workspace: Workspace, tables: Tables, fault: Callable[[Path], Path]
) -> None:
    workspace.load(tables)
    before = files(workspace.load_dir)
    data = fault(workspace.source)
    for command in (["load", data], ["run", "--data", data]):
        code, out, err = workspace.churn(*command)
        assert code == 2
        assert err.count("Error: ") == 1
        message = " ".join(err.split())
        for said in REFUSED[fault]:
            assert said in message
        assert "Traceback" not in out + err
        assert files(workspace.load_dir) == before
        assert not workspace.warehouse.exists()


# ------------------------------------------------------------------------------ missing data


def with_few_rows() -> Tables:
    """Return tables with headers only for events and tickets, and little usage in the last week."""
    week = {str(day) for day in DAYS[-7:]}
    tables = small_company() | {"churn_events": [], "support_tickets": []}
    tables["feature_usage"] = [
        row
        for row in tables["feature_usage"]
        if row["usage_date"] not in week or row["subscription_id"] <= "S04"
    ]
    return tables


@pytest.fixture(scope="module")
def few_rows(tmp_path_factory: pytest.TempPathFactory, target: Path) -> Workspace:
    def make(place: Workspace) -> None:
        place.build_tables(with_few_rows())

    return built_once(tmp_path_factory, target, "few_rows", make, light=True)


def test_events_and_tickets_may_have_a_header_only(few_rows: Workspace) -> None:
    (summary,) = few_rows.select("from marts.executive_summary")
    assert summary["churn_rate"] == 0
    assert summary["support_last_date"] is None
    assert few_rows.select("from marts.churn_reasons") == []
    assert set(few_rows.column("select tickets_30d from marts.customer_risk")) == {0}
    assert customer(few_rows, "S01")["satisfaction_score"] is None
    assert customer(few_rows, "S01")["signal_coverage"] == "usage only"
    assert rejected(few_rows) == []
    assert_no_row_is_lost(few_rows, with_few_rows())
    columns = few_rows.select(
        "select table_name, null_share, count(*) as columns from quality.source_columns "
        "where table_name in ('churn_events', 'support_tickets') group by all order by all"
    )
    specs = Project().tables
    assert columns == [
        {
            "table_name": name,
            "null_share": None,
            "columns": len(specs[name].required) + len(specs[name].optional),
        }
        for name in ("churn_events", "support_tickets")
    ]


def test_empty_and_thin_feeds_stand_on_top_of_what_a_person_sees(few_rows: Workspace) -> None:
    assert ("feature_usage", None, "low_volume_feed") in issues(few_rows)
    usage, support = few_rows.column(
        "select warning from quality.feed_freshness where warning is not null order by table_name"
    )
    assert "the last 7 days is thin: 28 rows" in usage
    assert support.startswith("Support data has no row up to 2026-03-31")
    shown = " ".join(few_rows.churn("show").out.split())
    assert shown.startswith(f"Warning: {usage} Warning: {support}")


def with_few_columns() -> Tables:
    """Return tables with required columns only, and no ticket in the last ten days."""
    specs, tables = Project().tables, small_company()
    for row in tables["support_tickets"]:
        row["submitted_at"] = min(row["submitted_at"], "2026-03-21 09:00:00")
    for name in ("feature_usage", "churn_events"):
        tables[name].append(dict(tables[name][-1]))
    return {
        name: [{column: row[column] for column in specs[name].required} for row in rows]
        for name, rows in tables.items()
    }


@pytest.fixture(scope="module")
def few_columns(tmp_path_factory: pytest.TempPathFactory, target: Path) -> Workspace:
    def make(place: Workspace) -> None:
        place.build_tested(with_few_columns())

    return built_once(tmp_path_factory, target, "few_columns", make, light=True)


def test_missing_optional_columns_are_null_and_listed(few_columns: Workspace) -> None:
    specs, tables = Project().tables, with_few_columns()
    assert issues(few_columns) == {
        **{
            (name, column, "missing_column"): len(tables[name])
            for name in tables
            for column in specs[name].optional
        },
        ("churn_events", None, "exact_duplicate"): 1,
        ("support_tickets", None, "late_feed"): 0,
    }
    assert rejected(few_columns) == []
    assert_no_row_is_lost(few_columns, tables)
    # usage gives 40 points and tickets 10; satisfaction and money are unknown
    scored = customer(few_columns, "S01")
    assert (scored["risk_score"], scored["arr"], scored["account_name"]) == (50, None, None)
    assert few_columns.column("select total_arr from marts.executive_summary") == [0]


def test_events_without_an_id_are_duplicates_and_usage_without_an_id_is_not(
    few_columns: Workspace,
) -> None:
    assert customer(few_columns, "S11")["usage_30d"] == 32 * 30
    assert few_columns.column("select churn_events from marts.churn_reasons") == [1]


def test_a_late_feed_stands_on_top_of_what_a_person_sees(few_columns: Workspace) -> None:
    (warning,) = few_columns.column(
        "select warning from quality.feed_freshness where warning is not null"
    )
    assert "2026-03-21, 10 days before" in warning
    shown = few_columns.churn("show")
    assert shown.code == 0
    assert " ".join(shown.out.split()).startswith(f"Warning: {warning}")


# ------------------------------------------------------------------------------ values


def missing() -> Faults:
    """Rows without a required value are rejected, and the finding names their first bad column."""
    faults = Faults("missing ")
    accounts, subscriptions = faults["accounts"], faults["subscriptions"]
    accounts[10]["account_id"] = " "
    subscriptions[2] |= {"account_id": "", "start_date": "soon"}
    subscriptions[3]["start_date"] = "2025-02-30"
    # ten days of S05, each with faults or an unusual spelling
    rows = faults.usage_of("S05")[-10:]
    rows[0]["usage_count"] = "-1"
    rows[1]["usage_count"] = "2.5"
    rows[2]["usage_count"] = "3.0"
    rows[3]["usage_count"] = "many"
    rows[4]["usage_count"] = ""
    rows[5] |= {"usage_date": "31/03/2026", "usage_count": "-7"}
    rows[6] |= {"subscription_id": "", "usage_date": "", "usage_count": ""}
    rows[7] |= {"usage_id": "", "usage_count": "-0.5"}
    rows[8]["usage_date"] = "2026-03-30T23:59:59Z"
    rows[9]["usage_count"] = "+4"
    event, ticket = faults["churn_events"][0], faults["support_tickets"][0]
    event["churn_date"] = "yesterday"
    ticket |= {"ticket_id": "", "submitted_at": "never"}

    faults.rejects("accounts", accounts[10], "account_id", None, "missing_value")
    faults.rejects("subscriptions", subscriptions[2], "account_id", None, "missing_value")
    faults.rejects(
        "subscriptions", subscriptions[3], "start_date", "2025-02-30", "unreadable_value"
    )
    for place, column, value, reason in [
        (0, "usage_count", "-1", "negative_value"),
        (1, "usage_count", "2.5", "fractional_value"),
        (3, "usage_count", "many", "unreadable_value"),
        (4, "usage_count", None, "missing_value"),
        (5, "usage_date", "31/03/2026", "unreadable_value"),
        (6, "subscription_id", None, "missing_value"),
        (7, "usage_count", "-0.5", "negative_value"),
    ]:
        faults.rejects("feature_usage", rows[place], column, value, reason)
    faults.rejects("churn_events", event, "churn_date", "yesterday", "unreadable_value")
    faults.rejects("support_tickets", ticket, "ticket_id", None, "missing_value")
    faults.issues = {
        # these follow from rejected rows, whose content is unknown
        ("accounts", "churn_flag", "churn_flag_disagrees"): 1,
        ("subscriptions", "account_id", "unknown_account"): 1,
        ("feature_usage", "subscription_id", "unknown_subscription"): 2 * len(DAYS),
        ("support_tickets", "account_id", "unknown_account"): sum(
            row["account_id"] == "A11" for row in faults["support_tickets"]
        ),
    }
    return faults


def test_rows_without_a_required_value_are_left_out(dirty: Workspace) -> None:
    scored = customer(dirty, "missing S05")
    assert scored["usage_30d"] == 21 * 30 + 3 + 30 + 4
    assert scored["usage_rows_60d"] == 61 - 7
    assert {"missing S03", "missing S04", "missing S11"}.isdisjoint(
        dirty.column("select customer_id from marts.customer_risk")
    )


def unreadable() -> Faults:
    """Optional values that cannot be read."""
    faults = Faults("unreadable ")
    accounts, subscriptions = faults["accounts"], faults["subscriptions"]
    accounts[0] |= {"seats": "-5", "signup_date": "1st of May", "is_trial": "maybe"}
    subscriptions[0] |= {"arr_amount": "a lot", "mrr_amount": "100.00"}
    subscriptions[1] |= {"end_date": "2026-13-01", "seats": "2.5", "is_trial": "YES"}
    usage = faults.usage_of("S05")[-3:]
    for row, errors in zip(usage, ["-4", "some", "2.0"], strict=True):
        row["error_count"] = errors
    tickets = [row for row in faults["support_tickets"] if row["account_id"] == "A01"][-3:]
    for row, score in zip(tickets, ["2", "6", "0"], strict=True):
        row["satisfaction_score"] = score
    tickets[0]["first_response_time_minutes"] = "-3"
    tickets[1]["closed_at"] = "later"
    faults["churn_events"][0] |= {"refund_amount_usd": "none", "preceding_upgrade_flag": "?"}
    faults.issues = {
        ("accounts", "is_trial", "unreadable_value"): 1,
        ("accounts", "seats", "negative_value"): 1,
        ("accounts", "signup_date", "unreadable_value"): 1,
        ("churn_events", "preceding_upgrade_flag", "unreadable_value"): 1,
        ("churn_events", "refund_amount_usd", "unreadable_value"): 1,
        ("feature_usage", "error_count", "negative_value"): 1,
        ("feature_usage", "error_count", "unreadable_value"): 1,
        ("subscriptions", "arr_amount", "unreadable_value"): 1,
        ("subscriptions", "end_date", "unreadable_value"): 1,
        ("subscriptions", "seats", "fractional_value"): 1,
        ("support_tickets", "closed_at", "unreadable_value"): 1,
        ("support_tickets", "first_response_time_minutes", "negative_value"): 1,
        ("support_tickets", "satisfaction_score", "out_of_range_value"): 2,
    }
    return faults


def test_unreadable_optional_values_are_null(dirty: Workspace) -> None:
    assert customer(dirty, "unreadable S05")["errors_30d"] == 2
    scored = customer(dirty, "unreadable S01")
    assert scored["satisfaction_score"] == 2
    assert scored["avg_csat"] == 2
    # without a readable ARR, it is twelve times the MRR
    assert scored["arr"] == 1200
    assert customer(dirty, "unreadable S02")["is_active"]
    assert customer(dirty, "unreadable S02")["is_trial"]
    (reason,) = reasons(dirty, "unreadable ")
    assert (reason["refund_amount_usd"], reason["after_upgrade"]) == (0, 0)


def reasons(place: Workspace, name: str) -> list[dict[str, Any]]:
    """Return one company's reasons for churn."""
    return place.select("from marts.churn_reasons where starts_with(reason_code, ?)", name)


# ------------------------------------------------------------------------------ duplicates


def copied() -> Faults:
    """Each file contains its first row three times."""
    faults = Faults("copied ")
    for rows in faults.tables.values():
        rows += [dict(rows[0]), dict(rows[0])]
    # rows that differ only in an unused column are an id collision, too
    tickets = faults["support_tickets"]
    for row in tickets:
        row["channel"] = "mail"
    tickets.append(tickets[5] | {"channel": "phone"})
    faults.issues = {
        **{(name, None, "exact_duplicate"): 2 for name in faults.tables},
        ("support_tickets", "ticket_id", "id_collision"): 2,
    }
    return faults


def test_exact_duplicates_are_kept_once(dirty: Workspace) -> None:
    assert customers(dirty, "copied ") == 12
    assert [row["churn_events"] for row in reasons(dirty, "copied ")] == [1]


def customers(place: Workspace, name: str) -> int:
    """Return the number of one company's scored customers."""
    [found] = place.column(
        "select count(*) from marts.customer_risk where starts_with(customer_id, ?)", name
    )
    return int(found)


def colliding() -> Faults:
    """Different facts share an id."""
    faults = Faults("colliding ")
    usage, events, tickets = (
        faults[name] for name in ("feature_usage", "churn_events", "support_tickets")
    )
    usage.append(faults.usage_of("S05")[-1] | {"usage_count": "1000"})
    events.append(events[0] | {"reason_code": "budget"})
    tickets += [tickets[-1] | {"priority": priority} for priority in ("low", "high")]
    faults.issues = {
        ("feature_usage", "usage_id", "id_collision"): 2,
        ("churn_events", "churn_event_id", "id_collision"): 2,
        ("support_tickets", "ticket_id", "id_collision"): 3,
    }
    return faults


def test_different_facts_with_one_id_all_count(dirty: Workspace) -> None:
    tickets = colliding()["support_tickets"]
    account = tickets[-1]["account_id"]
    filed = sum(
        row["account_id"] == account and row["submitted_at"] > "2026-03-01" for row in tickets
    )
    assert customer(dirty, "colliding S05")["usage_30d"] == 31 * 30 + 1000
    assert customer(dirty, f"colliding S{account[1:]}")["tickets_30d"] == filed
    assert [row["churn_events"] for row in reasons(dirty, "colliding ")] == [1, 1]


def twins() -> Faults:
    """Several accounts or subscriptions share a key."""
    faults = Faults("twins ")
    accounts, subscriptions = faults["accounts"], faults["subscriptions"]
    # The latest signup and the earliest start win: later rows do not change the past.
    accounts += [
        accounts[0] | {"account_name": "Unknown", "signup_date": ""},
        accounts[1] | {"account_name": "Twin"},
    ]
    subscriptions += [
        subscriptions[0] | {"plan_tier": "Later", "start_date": "2025-02-01"},
        subscriptions[1] | {"plan_tier": "Twin"},
        subscriptions[1] | {"plan_tier": "Triplet"},
    ]
    faults.beaten = [
        *(("accounts", row) for row in (accounts[0], *accounts[12:])),
        *(("subscriptions", row) for row in (subscriptions[0], *subscriptions[12:])),
    ]
    accounts.append(accounts[0] | {"account_name": "Later", "signup_date": "2025-01-09"})
    subscriptions.append(subscriptions[0] | {"plan_tier": "Earlier", "start_date": "2025-01-02"})
    # a row without a required value cannot win
    subscriptions.append(subscriptions[2] | {"account_id": "", "start_date": "2026-01-01"})
    faults.rejects("subscriptions", subscriptions[-1], "account_id", None, "missing_value")
    faults.issues = {("subscriptions", "start_date", "before_signup"): 1}
    return faults


def test_of_rows_with_one_key_the_last_account_and_the_first_subscription_win(
    dirty: Workspace,
) -> None:
    assert customer(dirty, "twins S01")["account_name"] == "Later"
    assert customer(dirty, "twins S01")["plan_tier"] == "Earlier"
    assert customers(dirty, "twins ") == 12


# ------------------------------------------------------------------------------ orphans, dates


def orphaned() -> Faults:
    """Rows whose account or customer is in no other file."""
    faults = Faults("orphaned ")
    for table, change in ORPHANS:
        faults[table].append(faults[table][-1] | change)
    faults.issues = {
        ("subscriptions", "account_id", "unknown_account"): 1,
        ("feature_usage", "subscription_id", "unknown_subscription"): 1,
        ("feature_usage", "usage_date", "after_as_of_date"): 1,
        ("churn_events", "account_id", "unknown_account"): 1,
        ("support_tickets", "account_id", "unknown_account"): 1,
    }
    return faults


ORPHANS = [
    ("subscriptions", {"subscription_id": "S98", "account_id": "A98"}),
    # the customer is unknown, so this date does not become the as-of date
    (
        "feature_usage",
        {"usage_id": "U9999", "subscription_id": "S99", "usage_date": "2031-01-01"},
    ),
    ("churn_events", {"churn_event_id": "C99", "account_id": "A99"}),
    ("support_tickets", {"ticket_id": "T999", "account_id": "A99"}),
]


def test_orphans_stay_in_staging_and_are_not_scored(dirty: Workspace) -> None:
    for table, change in ORPHANS:
        key = KEYS[table]
        assert dirty.column(
            f"select count(*) from staging.stg_saas__{table} where {key} = ?",
            f"orphaned {change[key]}",
        ) == [1]
    assert customers(dirty, "orphaned ") == 12
    assert dirty.column("select usage_window_end from marts.executive_summary") == [AS_OF]


def out_of_time() -> Faults:
    """Activity before its customer's start or signup, or after its end."""
    faults = Faults("out of time ")
    accounts, subscriptions = faults["accounts"], faults["subscriptions"]
    # S05 starts, S06 ends and A07 signs up three days before the as-of date
    subscriptions[4]["start_date"] = str(AS_OF - timedelta(days=3))
    subscriptions[5] |= {"end_date": str(AS_OF - timedelta(days=3)), "churn_flag": "true"}
    accounts[6]["signup_date"] = str(AS_OF - timedelta(days=3))
    faults["churn_events"].append(
        faults["churn_events"][0] | {"churn_event_id": "C2", "account_id": "A07"}
    )
    accounts[6]["churn_flag"] = "true"
    days = len(DAYS) - 4
    faults.issues = {
        ("subscriptions", "start_date", "before_signup"): 1,
        ("feature_usage", "usage_date", "before_start"): days,
        ("feature_usage", "usage_date", "after_end"): 3,
        ("feature_usage", "usage_date", "before_signup"): days,
        ("churn_events", "churn_date", "before_signup"): 1,
        ("support_tickets", "submitted_at", "before_signup"): sum(
            row["submitted_at"][:10] < accounts[6]["signup_date"]
            for row in faults["support_tickets"]
            if row["account_id"] == "A07"
        ),
    }
    return faults


def test_activity_outside_its_time_counts(dirty: Workspace) -> None:
    for customer_id in ("S05", "S06", "S07"):
        scored = customer(dirty, f"out of time {customer_id}")
        assert (scored["usage_30d"], scored["usage_prev30d"]) == (31 * 30, 30 * 31)
    assert not customer(dirty, "out of time S06")["is_active"]
    assert customer(dirty, "out of time S07")["churned"]
    assert customer(dirty, "out of time S07")["tickets_30d"] > 0


# ------------------------------------------------------------------------------ all at once


def mixed() -> Faults:
    """Several faults in one row, and contradictory dates."""
    faults = Faults("mixed ")
    accounts, subscriptions, usage, events, tickets = faults.tables.values()
    usage[0] |= {"usage_date": "", "error_count": "x"}
    faults.rejects("feature_usage", usage[0], "usage_date", None, "missing_value")
    subscriptions[3] |= {"account_id": "A99", "seats": "-1"}
    subscriptions[4] |= {"end_date": "2024-12-31", "plan_tier": "", "arr_amount": ""}
    accounts.append(accounts[2] | {"seats": "?"})
    # either this row or its copy loses
    faults.beaten.append(("accounts", accounts[2]))
    accounts[5] |= {"account_name": "", "country": "", "industry": "", "csm_name": ""}
    events += [
        events[0] | {"churn_event_id": "C2", "account_id": "A99", "reason_code": ""},
        events[0] | {"churn_event_id": "C3", "churn_date": "2031-01-01"},
    ]
    tickets[0]["satisfaction_score"] = "9"
    tickets[1] |= {"account_id": "A99", "closed_at": "2020-01-01"}
    tickets.append(tickets[3] | {"ticket_id": "T99", "submitted_at": "2026-04-02 00:00:00"})
    faults.issues = {
        ("accounts", "seats", "unreadable_value"): 1,
        ("subscriptions", "account_id", "unknown_account"): 1,
        ("subscriptions", "seats", "negative_value"): 1,
        ("subscriptions", "end_date", "ends_before_start"): 1,
        ("subscriptions", "churn_flag", "churn_flag_disagrees"): 1,
        ("feature_usage", "usage_date", "after_end"): len(DAYS),
        ("churn_events", "account_id", "unknown_account"): 1,
        ("churn_events", "churn_date", "after_as_of_date"): 1,
        ("support_tickets", "account_id", "unknown_account"): 1,
        ("support_tickets", "satisfaction_score", "out_of_range_value"): 1,
        ("support_tickets", "closed_at", "closed_before_submitted"): 2,
        ("support_tickets", "submitted_at", "after_as_of_date"): 1,
    }
    return faults


def with_every_fault() -> tuple[Tables, Issues, list[tuple[Any, ...]]]:
    """Return the tables of all companies with faults, their issues, and the rejected rows."""
    every = [
        make()
        for make in (
            *(missing, unreadable, copied, colliding, twins, orphaned, out_of_time, mixed),
        )
    ]
    tables: Tables = {name: [] for name in KEYS}
    for faults in every:
        for name, rows in faults.named().items():
            tables[name] += rows
    number = {
        id(row): f"row {place}" for rows in tables.values() for place, row in enumerate(rows, 1)
    }
    rejections = [
        (table, row[KEYS[table]].strip() or number[id(row)], column, value, reason)
        for faults in every
        for table, row, column, value, reason in faults.rejections
    ]
    for faults in every:
        for table, row in faults.beaten:
            key = row[KEYS[table]]
            rejections.append((table, key, KEYS[table], key, "duplicate_key"))
    said = {"account_id": "mixed A01", "body": "please help"}
    tables["ticket_messages"] = [
        said | {"answer": "first"},
        said | {"answer": "second"},
        said | {"answer": "second"},
    ]
    counts = sum((Counter(faults.issues) for faults in every), Counter())
    counts["ticket_messages", None, "exact_duplicate"] = 1
    messages = Project().tables["ticket_messages"]
    for column in {*messages.optional} - {*messages.text_columns, "account_id"}:
        counts["ticket_messages", column, "missing_column"] = 3
    return tables, dict(counts), rejections


@pytest.fixture(scope="module")
def dirty(tmp_path_factory: pytest.TempPathFactory, target: Path) -> Workspace:
    """Faults of every kind cause warnings, never errors."""

    def make(place: Workspace) -> None:
        place.build_tested(with_every_fault()[0])

    return built_once(tmp_path_factory, target, "dirty", make, light=True)


def test_every_fault_is_listed_and_counted_and_no_other(dirty: Workspace) -> None:
    tables, expected, rejections = with_every_fault()
    assert issues(dirty) == expected
    assert Counter(rejected(dirty)) == Counter(rejections)
    assert_no_row_is_lost(dirty, tables)


def test_faulty_rows_in_any_order_give_the_same_marts(
    dirty: Workspace, workspace: Workspace
) -> None:
    workspace.build_tables(shuffled(with_every_fault()[0], seed=1))
    assert_same(workspace.contents("marts"), dirty.contents("marts"))


def test_messages_that_differ_only_in_the_answer_are_two(dirty: Workspace) -> None:
    reconciled = dirty.select(
        "from quality.row_reconciliation where table_name = 'ticket_messages'"
    )
    assert [
        (row["rows_in"], row["rows_staged"], row["exact_duplicates"]) for row in reconciled
    ] == [(3, 2, 1)]
    used = dirty.select("""
        select column_name, is_used from quality.source_columns
        where table_name = 'ticket_messages' order by column_name
    """)
    assert {row["column_name"]: row["is_used"] for row in used} == {
        "account_id": True,
        "answer": False,
        "body": True,
    }
