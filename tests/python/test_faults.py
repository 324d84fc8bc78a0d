"""One test for each row of the design's fault table: what bad input gets, from file to mart."""

import zipfile
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from churn.project import Project
from conftest import AS_OF, DAYS, Row, Tables, Workspace, assert_same, shuffled

Built = Callable[..., Workspace]


@pytest.fixture
def built(workspace: Workspace) -> Built:
    """Load and build tables; no row is lost, whatever is wrong with them."""

    def build(tables: Tables) -> Workspace:
        workspace.build_tables(tables)
        fates = {row.pop("table_name"): row for row in reconciliation(workspace)}
        for name, rows in tables.items():
            fate = fates[name]
            assert fate["rows_in"] == len(rows), name
            assert fate["rows_in"] == (
                fate["rows_staged"] + fate["rows_rejected"] + fate["exact_duplicates"]
            ), name
        rejected = Counter(workspace.column("select table_name from quality.rejected_rows"))
        assert rejected == Counter({name: fates[name]["rows_rejected"] for name in rejected})
        return workspace

    return build


def reconciliation(place: Workspace) -> list[dict[str, Any]]:
    return place.select("from quality.row_reconciliation")


def rejected(place: Workspace) -> list[tuple[Any, ...]]:
    rows = place.select(
        "select table_name, row_ref, column_name, raw_value, reason from quality.rejected_rows"
    )
    return [tuple(row.values()) for row in rows]


def issues(place: Workspace) -> dict[tuple[str, str | None, str], int]:
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


def usage_of(tables: Tables, subscription_id: str) -> list[Row]:
    return [row for row in tables["feature_usage"] if row["subscription_id"] == subscription_id]


# ------------------------------------------------------------------------------ no fault at all


def test_faultless_data_has_no_findings_and_scores_as_designed(
    built: Built, tables: Tables
) -> None:
    place = built(tables)
    assert issues(place) == {}
    assert rejected(place) == []
    scored = place.select("select customer_id, risk_score, risk_level from marts.customer_risk")
    levels = {row["customer_id"]: (row["risk_score"], row["risk_level"]) for row in scored}
    # usage 40, three tickets 10, satisfaction 12, escalation 10; usage 28, trial 8
    assert levels.pop("S01") == (72, "High")
    assert levels.pop("S02") == (36, "Medium")
    assert levels.pop("S12") == (50, "Medium")
    assert {level for _, level in levels.values()} == {"Low"}
    assert place.column("select usage_window_end from marts.executive_summary") == [AS_OF]
    assert place.churn("show").out.startswith("Accounts to call first")


# ------------------------------------------------------------------------------ refused


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


# ------------------------------------------------------------------------------ missing


def test_events_and_tickets_may_have_a_header_only(built: Built, tables: Tables) -> None:
    place = built(tables | {"churn_events": [], "support_tickets": []})
    (summary,) = place.select("from marts.executive_summary")
    assert summary["churn_rate"] == 0
    assert summary["support_last_date"] is None
    assert place.select("from marts.churn_reasons") == []
    assert set(place.column("select tickets_30d from marts.customer_risk")) == {0}
    assert customer(place, "S01")["satisfaction_score"] is None
    assert customer(place, "S01")["signal_coverage"] == "usage only"
    assert rejected(place) == []
    columns = place.select(
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
    shown = place.churn("show").out
    assert shown.startswith("Warning: Support data has no row up to 2026-03-31")


def test_missing_optional_columns_are_null_and_listed(built: Built, tables: Tables) -> None:
    specs = Project().tables
    place = built(
        {
            name: [{column: row[column] for column in specs[name].required} for row in rows]
            for name, rows in tables.items()
        }
    )
    assert {
        (table, column): count
        for (table, column, issue), count in issues(place).items()
        if issue == "missing_column"
    } == {(name, column): len(tables[name]) for name in tables for column in specs[name].optional}
    # 40 for usage and 10 for tickets are left; nothing is known of satisfaction and money
    scored = customer(place, "S01")
    assert (scored["risk_score"], scored["arr"], scored["account_name"]) == (50, None, None)
    assert place.column("select total_arr from marts.executive_summary") == [0]
    assert place.churn("show").code == 0


# ------------------------------------------------------------------------------ values


def test_rows_without_a_required_value_are_rejected_once_naming_the_first_column(
    built: Built, tables: Tables
) -> None:
    tables["accounts"][10]["account_id"] = " "
    tables["subscriptions"][2] |= {"account_id": "", "start_date": "soon"}
    tables["subscriptions"][3]["start_date"] = "2025-02-30"
    # the rows of S05 on ten days: what becomes of each
    rows = usage_of(tables, "S05")[-10:]
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
    tables["churn_events"][0]["churn_date"] = "yesterday"
    tables["support_tickets"][0] |= {"ticket_id": "", "submitted_at": "never"}
    number = {
        id(row): f"row {place}" for table in tables.values() for place, row in enumerate(table, 1)
    }

    place = built(tables)

    usage = [row["usage_id"] for row in rows]
    assert Counter(rejected(place)) == Counter(
        [
            ("accounts", "row 11", "account_id", None, "missing_value"),
            ("subscriptions", "S03", "account_id", None, "missing_value"),
            ("subscriptions", "S04", "start_date", "2025-02-30", "unreadable_value"),
            ("feature_usage", usage[0], "usage_count", "-1", "negative_value"),
            ("feature_usage", usage[1], "usage_count", "2.5", "fractional_value"),
            ("feature_usage", usage[3], "usage_count", "many", "unreadable_value"),
            ("feature_usage", usage[4], "usage_count", None, "missing_value"),
            ("feature_usage", usage[5], "usage_date", "31/03/2026", "unreadable_value"),
            ("feature_usage", usage[6], "subscription_id", None, "missing_value"),
            ("feature_usage", number[id(rows[7])], "usage_count", "-0.5", "negative_value"),
            ("churn_events", "C1", "churn_date", "yesterday", "unreadable_value"),
            ("support_tickets", "row 1", "ticket_id", None, "missing_value"),
        ]
    )
    scored = customer(place, "S05")
    assert scored["usage_30d"] == 21 * 30 + 3 + 30 + 4
    assert scored["usage_rows_60d"] == 61 - 7
    assert {"S03", "S04", "S11"}.isdisjoint(
        place.column("select customer_id from marts.customer_risk")
    )


def test_unreadable_optional_values_are_null_and_listed(built: Built, tables: Tables) -> None:
    tables["accounts"][0] |= {"seats": "-5", "signup_date": "1st of May", "is_trial": "maybe"}
    tables["subscriptions"][0] |= {"arr_amount": "a lot", "mrr_amount": "100.00"}
    tables["subscriptions"][1] |= {"end_date": "2026-13-01", "seats": "2.5", "is_trial": "YES"}
    usage = usage_of(tables, "S05")[-3:]
    for row, errors in zip(usage, ["-4", "some", "2.0"], strict=True):
        row["error_count"] = errors
    tickets = [row for row in tables["support_tickets"] if row["account_id"] == "A01"][-3:]
    for row, score in zip(tickets, ["2", "6", "0"], strict=True):
        row["satisfaction_score"] = score
    tickets[0]["first_response_time_minutes"] = "-3"
    tickets[1]["closed_at"] = "later"
    tables["churn_events"][0] |= {"refund_amount_usd": "none", "preceding_upgrade_flag": "?"}

    place = built(tables)

    assert rejected(place) == []
    assert issues(place) == {
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
    assert customer(place, "S05")["errors_30d"] == 2
    scored = customer(place, "S01")
    assert scored["satisfaction_score"] == 2
    assert scored["avg_csat"] == 2
    # without a readable ARR, twelve months of MRR
    assert scored["arr"] == 1200
    assert customer(place, "S02")["is_active"]
    assert customer(place, "S02")["is_trial"]
    (reason,) = place.select("from marts.churn_reasons")
    assert (reason["refund_amount_usd"], reason["after_upgrade"]) == (0, 0)


# ------------------------------------------------------------------------------ duplicates


def test_exact_duplicates_are_kept_once_and_counted(built: Built, tables: Tables) -> None:
    for name in tables:
        tables[name] += [dict(tables[name][0]), dict(tables[name][0])]
    # a column that nothing reads makes a difference too: an id collision
    tables["support_tickets"] = [
        row | {"channel": "phone" if place == 5 else "mail"}
        for place, row in enumerate([*tables["support_tickets"], tables["support_tickets"][5]])
    ]

    place = built(tables)

    assert issues(place) == {
        **{(name, None, "exact_duplicate"): 2 for name in tables},
        ("support_tickets", "ticket_id", "id_collision"): 2,
    }
    assert rejected(place) == []
    assert place.column("select customers from marts.executive_summary") == [12]
    assert place.column("select churn_events from marts.churn_reasons") == [1]


def test_events_without_an_id_are_duplicates_and_usage_without_an_id_is_not(
    built: Built, tables: Tables
) -> None:
    for row in tables["feature_usage"]:
        del row["usage_id"]
    for row in tables["churn_events"]:
        del row["churn_event_id"]
    twice = {
        name: [*rows, dict(rows[-1])] if name in ("feature_usage", "churn_events") else rows
        for name, rows in tables.items()
    }
    place = built(twice)
    assert customer(place, "S11")["usage_30d"] == 32 * 30
    assert issues(place) == {
        ("feature_usage", "usage_id", "missing_column"): len(twice["feature_usage"]),
        ("churn_events", "churn_event_id", "missing_column"): 2,
        ("churn_events", None, "exact_duplicate"): 1,
    }
    assert place.column("select churn_events from marts.churn_reasons") == [1]


def test_different_facts_with_one_id_all_count_and_are_listed(built: Built, tables: Tables) -> None:
    usage, events, tickets = (
        tables[name] for name in ("feature_usage", "churn_events", "support_tickets")
    )
    usage.append(usage_of(tables, "S05")[-1] | {"usage_count": "1000"})
    events.append(events[0] | {"reason_code": "budget"})
    tickets += [tickets[-1] | {"priority": priority} for priority in ("low", "high")]
    filed = sum(
        row["account_id"] == tickets[-1]["account_id"] and row["submitted_at"] > "2026-03-01"
        for row in tickets
    )

    place = built(tables)

    assert issues(place) == {
        ("feature_usage", "usage_id", "id_collision"): 2,
        ("churn_events", "churn_event_id", "id_collision"): 2,
        ("support_tickets", "ticket_id", "id_collision"): 3,
    }
    assert rejected(place) == []
    assert customer(place, "S05")["usage_30d"] == 31 * 30 + 1000
    assert customer(place, "S" + tickets[-1]["account_id"][1:])["tickets_30d"] == filed
    assert place.column("select sum(churn_events) from marts.churn_reasons") == [2]


def test_of_rows_with_one_key_the_same_wins_in_any_order(
    workspace: Workspace, built: Built, tables: Tables
) -> None:
    accounts, subscriptions = tables["accounts"], tables["subscriptions"]
    accounts += [
        accounts[0] | {"account_name": "Later", "signup_date": "2025-01-09"},
        accounts[0] | {"account_name": "Unknown", "signup_date": ""},
        accounts[1] | {"account_name": "Twin"},
    ]
    subscriptions += [
        subscriptions[0] | {"plan_tier": "Later", "start_date": "2025-02-01"},
        subscriptions[0] | {"plan_tier": "Earlier", "start_date": "2025-01-02"},
        subscriptions[1] | {"plan_tier": "Twin"},
        subscriptions[1] | {"plan_tier": "Triplet"},
        # broken: it cannot win
        subscriptions[2] | {"account_id": "", "start_date": "2026-01-01"},
    ]
    place = built(tables)
    assert sorted(row[:3] for row in rejected(place)) == [
        *[("accounts", "A01", "account_id")] * 2,
        ("accounts", "A02", "account_id"),
        *[("subscriptions", "S01", "subscription_id")] * 2,
        *[("subscriptions", "S02", "subscription_id")] * 2,
        ("subscriptions", "S03", "account_id"),
    ]
    assert Counter(row[4] for row in rejected(place)) == {"duplicate_key": 7, "missing_value": 1}
    # the latest signup wins, and the earliest start: what came later does not change the past
    assert customer(place, "S01")["account_name"] == "Later"
    assert customer(place, "S01")["plan_tier"] == "Earlier"
    assert place.column("select count(*) from marts.customer_risk") == [12]

    first = place.contents("marts")
    workspace.build_tables(shuffled(tables, seed=1))
    assert_same(place.contents("marts"), first)


# ------------------------------------------------------------------------------ orphans, dates


def test_orphans_stay_in_staging_are_listed_and_not_scored(built: Built, tables: Tables) -> None:
    tables["subscriptions"].append(
        tables["subscriptions"][0] | {"subscription_id": "S98", "account_id": "A98"}
    )
    # nobody knows this customer: the date does not become the as-of date
    tables["feature_usage"].append(
        tables["feature_usage"][-1]
        | {"usage_id": "U9999", "subscription_id": "S99", "usage_date": "2031-01-01"}
    )
    tables["churn_events"].append(
        tables["churn_events"][0] | {"churn_event_id": "C99", "account_id": "A99"}
    )
    tables["support_tickets"].append(
        tables["support_tickets"][-1] | {"ticket_id": "T999", "account_id": "A99"}
    )

    place = built(tables)

    assert issues(place) == {
        ("subscriptions", "account_id", "unknown_account"): 1,
        ("feature_usage", "subscription_id", "unknown_subscription"): 1,
        ("feature_usage", "usage_date", "after_as_of_date"): 1,
        ("churn_events", "account_id", "unknown_account"): 1,
        ("support_tickets", "account_id", "unknown_account"): 1,
    }
    for table, key, orphan in [
        ("subscriptions", "subscription_id", "S98"),
        ("feature_usage", "subscription_id", "S99"),
        ("churn_events", "account_id", "A99"),
        ("support_tickets", "account_id", "A99"),
    ]:
        assert place.column(
            f"select count(*) from staging.stg_saas__{table} where {key} = ?", orphan
        ) == [1]
    assert place.column("select customers from marts.executive_summary") == [12]
    assert place.column("select usage_window_end from marts.executive_summary") == [AS_OF]


def test_activity_outside_its_time_counts_and_is_listed(built: Built, tables: Tables) -> None:
    accounts, subscriptions = tables["accounts"], tables["subscriptions"]
    first, last = str(DAYS[0]), str(AS_OF)
    # S05 starts 3 days before A, S06 ended 3 days before A, A07 signs up 3 days before A
    subscriptions[4]["start_date"] = str(AS_OF - timedelta(days=3))
    subscriptions[5] |= {"end_date": str(AS_OF - timedelta(days=3)), "churn_flag": "true"}
    accounts[6]["signup_date"] = str(AS_OF - timedelta(days=3))
    tables["churn_events"].append(
        tables["churn_events"][0] | {"churn_event_id": "C2", "account_id": "A07"}
    )
    accounts[6]["churn_flag"] = "true"
    tickets = [row for row in tables["support_tickets"] if row["account_id"] == "A07"]
    assert all(first <= row["submitted_at"] < last for row in tickets)

    place = built(tables)

    days = len(DAYS) - 4
    assert issues(place) == {
        ("subscriptions", "start_date", "before_signup"): 1,
        ("feature_usage", "usage_date", "before_start"): days,
        ("feature_usage", "usage_date", "after_end"): 3,
        ("feature_usage", "usage_date", "before_signup"): days,
        ("churn_events", "churn_date", "before_signup"): 1,
        ("support_tickets", "submitted_at", "before_signup"): sum(
            row["submitted_at"][:10] < accounts[6]["signup_date"] for row in tickets
        ),
    }
    assert rejected(place) == []
    for customer_id in ("S05", "S06", "S07"):
        scored = customer(place, customer_id)
        assert (scored["usage_30d"], scored["usage_prev30d"]) == (31 * 30, 30 * 31)
    assert not customer(place, "S06")["is_active"]
    assert customer(place, "S07")["churned"]
    assert customer(place, "S07")["tickets_30d"] > 0


# ------------------------------------------------------------------------------ feeds


def late_tickets(tables: Tables) -> None:
    tables["support_tickets"] = tables["support_tickets"][:-10]


def thin_usage(tables: Tables) -> None:
    week = {str(day) for day in DAYS[-7:]}
    tables["feature_usage"] = [
        row
        for row in tables["feature_usage"]
        if row["usage_date"] not in week or row["subscription_id"] <= "S04"
    ]


@pytest.mark.parametrize(
    ("fault", "table", "issue", "said"),
    [
        (late_tickets, "support_tickets", "late_feed", "2026-03-21, 10 days before"),
        (thin_usage, "feature_usage", "low_volume_feed", "the last 7 days is thin: 28 rows"),
    ],
)
def test_a_late_or_thin_feed_is_listed_and_stands_on_top_of_what_a_person_sees(
    workspace: Workspace,
    tables: Tables,
    fault: Callable[[Tables], None],
    table: str,
    issue: str,
    said: str,
) -> None:
    fault(tables)
    workspace.build_tables(tables)
    assert (table, None, issue) in issues(workspace)
    (warning,) = workspace.column(
        "select warning from quality.feed_freshness where warning is not null"
    )
    assert said in warning
    shown = workspace.churn("show").out
    assert " ".join(shown.split()).startswith(f"Warning: {warning}")


# ------------------------------------------------------------------------------ all at once


def test_faults_of_every_kind_are_warnings_and_never_errors(
    workspace: Workspace, tables: Tables
) -> None:
    for row in tables["accounts"]:
        del row["industry"], row["csm_name"]
    accounts, subscriptions, usage = (
        tables[name] for name in ("accounts", "subscriptions", "feature_usage")
    )
    usage[0]["usage_count"] = "-1"
    usage[1] |= {"usage_date": "", "error_count": "x"}
    usage += [usage[2], usage[3] | {"usage_count": "7"}, usage[4] | {"subscription_id": "S99"}]
    usage[5]["subscription_id"] = ""
    subscriptions += [subscriptions[0] | {"plan_tier": ""}, subscriptions[1], subscriptions[2]]
    subscriptions[3] |= {"account_id": "A99", "seats": "-1"}
    subscriptions[4] |= {"end_date": "2024-12-31", "plan_tier": "", "arr_amount": "", "start": ""}
    accounts += [accounts[0] | {"account_name": "Twin"}, accounts[1], accounts[2] | {"seats": "?"}]
    accounts[5] |= {"account_name": "", "country": "", "signup_date": "2026-03-31"}
    tables["churn_events"] += [
        tables["churn_events"][0] | {"account_id": "A99", "reason_code": ""},
        tables["churn_events"][0] | {"churn_date": "2031-01-01"},
    ]
    tickets = tables["support_tickets"]
    tickets[0]["satisfaction_score"] = "9"
    tickets[1] |= {"account_id": "A99", "closed_at": "2020-01-01"}
    tickets += [tickets[2], tickets[3] | {"submitted_at": "2026-04-02 00:00:00"}]
    # the data tests run, and must pass
    workspace.build(tables)
    assert len(issues(workspace)) > 20
    assert len(rejected(workspace)) > 5


def test_messages_that_differ_only_in_the_answer_are_two(
    workspace: Workspace, tables: Tables
) -> None:
    said = {"account_id": "A01", "body": "please help"}
    tables["ticket_messages"] = [
        said | {"answer": "first"},
        said | {"answer": "second"},
        said | {"answer": "second"},
    ]
    workspace.build_tables(tables)
    reconciled = workspace.select(
        "from quality.row_reconciliation where table_name = 'ticket_messages'"
    )
    assert [
        (row["rows_in"], row["rows_staged"], row["exact_duplicates"]) for row in reconciled
    ] == [(3, 2, 1)]
    used = workspace.select("""
        select column_name, is_used from quality.source_columns
        where table_name = 'ticket_messages' order by column_name
    """)
    assert {row["column_name"]: row["is_used"] for row in used} == {
        "account_id": True,
        "answer": False,
        "body": True,
    }
