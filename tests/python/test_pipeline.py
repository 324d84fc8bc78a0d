"""The whole pipeline: the same correct results every time, from real and hostile data."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import reference_scoring
from churn.project import Project
from churn.terminal.errors import ChurnError
from compiled_models import CompiledProject
from conftest import (
    AS_OF,
    RAVENSTACK,
    ROOT,
    Row,
    Tables,
    Workspace,
    assert_same,
    shared_folder,
    shuffled,
)
from prepared_dbt import FEW

pytestmark = pytest.mark.builds

EARLIER = date(2024, 10, 15)
RAVENSTACK_TABLES = (
    "accounts",
    "subscriptions",
    "feature_usage",
    "churn_events",
    "support_tickets",
)
LOOKING_BACK = (
    "customer_risk_history",
    "risk_movements",
    "risk_trend",
    "risk_backtest",
    "backtest_verdicts",
    "risk_backtest_by_rule",
    "risk_calibration",
)
KEYS = {
    "customer_risk_history": ("as_of_date", "customer_id"),
    "risk_trend": ("as_of_date",),
    "risk_rule_evaluations": ("customer_id", "rule_id"),
    "risk_rule_firings": ("customer_id", "rule_id"),
    "at_risk_accounts": ("account_id",),
}


# ------------------------------------------------------------------------------ the sample


def test_the_sample_builds_with_customers_of_every_level_and_findings(sample: Workspace) -> None:
    (summary,) = sample.select("from marts.executive_summary")
    assert 0 < summary["high_risk_customers"] < summary["medium_risk_customers"]
    assert summary["high_risk_customers"] + summary["medium_risk_customers"] < (
        summary["customers"] / 2
    )
    assert 0 < summary["arr_at_risk"] < summary["total_arr"]
    assert summary["usage_last_date"] == summary["usage_window_end"]
    contents = sample.contents("marts", "quality")
    assert [table for table, (_, rows) in contents.items() if not rows] == [
        # nothing has been logged, read or published, and no feed is late
        "marts.customer_outcomes",
        "marts.enrichment_quality",
        "marts.published_scores",
        "marts.ticket_insight_summary",
        "marts.ticket_insights",
        "quality.data_warnings",
        "quality.restated_scores",
    ]
    assert sample.column("select warning from quality.feed_freshness") == [None] * 3
    assert (
        sample.select(
            "from quality.row_reconciliation "
            "where rows_in != rows_staged + rows_rejected + exact_duplicates "
            "or (rows_in = 0 and table_name != 'account_keys')"
        )
        == []
    )


# ------------------------------------------------------------------------------ RavenStack


@cache
def ravenstack_rows(table: str) -> list[Row]:
    """Return the rows of a file, without exact duplicates."""
    path = RAVENSTACK / f"ravenstack_{table}.csv"
    with path.open(newline="", encoding="utf-8") as file:
        rows = [tuple(row.items()) for row in csv.DictReader(file)]
    return [dict(row) for row in dict.fromkeys(rows)]


def day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def flag(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text.lower())


@cache
def ravenstack_facts() -> reference_scoring.Facts:
    return reference_scoring.Facts(
        account_ids=[row["account_id"] for row in ravenstack_rows("accounts")],
        subscriptions=[
            reference_scoring.Subscription(
                row["subscription_id"],
                row["account_id"],
                day(row["start_date"]),
                day(row["end_date"]),
                flag(row["is_trial"]),
                flag(row["downgrade_flag"]),
                Decimal(row["arr_amount"]),
                Decimal(row["mrr_amount"]),
                row["billing_frequency"],
                flag(row["auto_renew_flag"]),
            )
            for row in ravenstack_rows("subscriptions")
        ],
        usage=[
            reference_scoring.Usage(
                row["subscription_id"],
                day(row["usage_date"]),
                int(row["usage_count"]),
                int(row["error_count"]),
                row["usage_id"],
            )
            for row in ravenstack_rows("feature_usage")
        ],
        tickets=[
            reference_scoring.Ticket(
                row["ticket_id"],
                row["account_id"],
                moment(row["submitted_at"]),
                moment(row["closed_at"]),
                int(float(row["satisfaction_score"])) if row["satisfaction_score"] else None,
                flag(row["escalation_flag"]),
                Decimal(row["resolution_time_hours"]) if row["resolution_time_hours"] else None,
                Decimal(row["first_response_time_minutes"]),
            )
            for row in ravenstack_rows("support_tickets")
        ],
        churn_events=[
            reference_scoring.ChurnEvent(row["account_id"], day(row["churn_date"]))
            for row in ravenstack_rows("churn_events")
        ],
        intents=[],
    )


@cache
def ravenstack_scores(ruleset: str) -> dict[str, Any]:
    """Return the expected rows of the score marts, from the independent reference."""
    return reference_scoring.scores(ravenstack_facts(), ruleset, None)


def assert_scores(place: Workspace, expected: dict[str, Any]) -> None:
    for mart in expected:
        key = KEYS.get(mart, ("customer_id",))
        found = {tuple(row[k] for k in key): row for row in place.select(f"from marts.{mart}")}
        assert found.keys() == expected[mart].keys(), mart
        for name, row in expected[mart].items():
            assert {column: found[name][column] for column in row} == row, (mart, name)


def published(ratio: Fraction) -> Decimal:
    exact = Decimal(ratio.numerator) / Decimal(ratio.denominator)
    return exact.quantize(Decimal("0.000001"), ROUND_HALF_UP)


def test_ravenstack_scores_follow_from_the_files_and_the_rules(ravenstack: Workspace) -> None:
    expected = ravenstack_scores("standard")
    assert len(expected["customer_risk"]) == 5000
    assert_scores(ravenstack, expected)


def test_ravenstack_history_follows_from_the_files_and_the_rules(ravenstack: Workspace) -> None:
    assert_scores(ravenstack, reference_scoring.history(ravenstack_facts(), "standard", None))


def test_ravenstack_summary_follows_from_the_files(ravenstack: Workspace) -> None:
    customers = list(ravenstack_scores("standard")["customer_risk"].values())
    subscriptions = ravenstack_rows("subscriptions")
    as_of = date(2024, 12, 31)
    year_ago = date(2023, 12, 31)
    # active twelve months ago, or started since then
    last_year = [
        row
        for row in subscriptions
        if day(row["start_date"]) > year_ago
        or not row["end_date"]
        or day(row["end_date"]) > year_ago
    ]
    ended = [
        row for row in last_year if row["end_date"] and year_ago < day(row["end_date"]) <= as_of
    ]
    levels = Counter(customer["risk_level"] for customer in customers)
    arr = sum(customer["arr"] for customer in customers)
    assert ravenstack.select("from marts.executive_summary") == [
        {
            "customers": 5000,
            "active_customers": sum(
                not row["end_date"] or day(row["end_date"]) > as_of for row in subscriptions
            ),
            "accounts": len({row["account_id"] for row in subscriptions}),
            "churn_rate": published(Fraction(sum(c["churned"] for c in customers), 5000)),
            "subscriptions_ended_12m_pct": published(Fraction(len(ended), len(last_year))),
            "high_risk_customers": levels["High"],
            "high_risk_pct": published(Fraction(levels["High"], 5000)),
            "medium_risk_customers": levels["Medium"],
            "avg_arr": published(Fraction(arr) / 5000),
            "total_arr": arr,
            "arr_at_risk": sum(
                c["arr"] for c in customers if c["is_active"] and c["risk_level"] != "Low"
            ),
            "customers_without_signals": sum(c["signal_coverage"] == "none" for c in customers),
            "usage_window_end": as_of,
            "support_window_end": as_of,
            "usage_last_date": max(
                day(row["usage_date"]) for row in ravenstack_rows("feature_usage")
            ),
            "support_last_date": max(
                moment(row["submitted_at"]).date() for row in ravenstack_rows("support_tickets")
            ),
            "ruleset": "standard",
        }
    ]


def test_ravenstack_groups_follow_from_the_files(ravenstack: Workspace) -> None:
    customers = list(ravenstack_scores("standard")["customer_risk"].values())
    tier = {row["subscription_id"]: row["plan_tier"] for row in ravenstack_rows("subscriptions")}
    accounts = {row["account_id"]: row for row in ravenstack_rows("accounts")}

    def profile(group: Iterable[dict[str, Any]]) -> dict[str, Any]:
        members = list(group)
        levels = Counter(member["risk_level"] for member in members)
        at_risk = [m["arr"] for m in members if m["is_active"] and m["risk_level"] != "Low"]
        return {
            "customers": len(members),
            "avg_risk_score": published(
                Fraction(sum(member["risk_score"] for member in members), len(members))
            ),
            "high": levels["High"],
            "medium": levels["Medium"],
            "low": levels["Low"],
            "total_arr": sum(member["arr"] for member in members),
            "arr_at_risk": sum(at_risk, Decimal(0)),
        }

    groups = defaultdict(list)
    for customer in customers:
        groups["plan_tier", tier[customer["customer_id"]]].append(customer)
        for segment_type in ("industry", "country", "referral_source"):
            segment = accounts[customer["account_id"]][segment_type]
            groups[segment_type, segment].append(customer)
    expected = {name: profile(members) for name, members in groups.items()}
    rows = ravenstack.select("from marts.risk_by_segment") + [
        {"segment_type": "plan_tier", "segment": row.pop("plan_tier"), **row}
        for row in ravenstack.select("from marts.risk_by_plan_tier")
    ]
    assert {(row.pop("segment_type"), row.pop("segment")): row for row in rows} == expected


def test_ravenstack_churn_reasons_follow_from_the_files(ravenstack: Workspace) -> None:
    events = [r for r in ravenstack_rows("churn_events") if r["churn_date"] <= "2024-12-31"]

    def profile(group: list[Row]) -> dict[str, Any]:
        return {
            "churn_events": len(group),
            "accounts": len({event["account_id"] for event in group}),
            "refund_amount_usd": sum(Decimal(event["refund_amount_usd"]) for event in group),
            "after_upgrade": sum(flag(event["preceding_upgrade_flag"]) for event in group),
            "after_downgrade": sum(flag(event["preceding_downgrade_flag"]) for event in group),
        }

    reasons, months = defaultdict(list), defaultdict(list)
    for event in events:
        reasons[event["reason_code"]].append(event)
        months[day(event["churn_date"]).replace(day=1), event["reason_code"]].append(event)
    found = ravenstack.select("from marts.churn_reasons")
    assert {row.pop("reason_code"): row for row in found} == {
        reason: profile(group) for reason, group in reasons.items()
    }
    found = ravenstack.select("from marts.churn_reasons_by_month")
    assert {(row.pop("month"), row.pop("reason_code")): row for row in found} == {
        month: profile(group) for month, group in months.items()
    }


def test_the_basic_rule_set_scores_by_its_own_rules(compiled_project: CompiledProject) -> None:
    if not RAVENSTACK.is_dir():
        pytest.skip(f"the RavenStack data is not in {RAVENSTACK}")
    specs = Project().tables
    raw = {
        f"base_saas__{table}": [
            {
                "_row_number": number,
                "_row_hash": str(number),
                **{column: row.get(column) for column in specs[table].columns},
            }
            for number, row in enumerate(ravenstack_rows(table), 1)
        ]
        for table in RAVENSTACK_TABLES
    }
    found = compiled_project.pipeline.run(compiled_project.by_choice["basic", False], raw)
    for mart, rows in ravenstack_scores("basic").items():
        assert found[mart].keys() == rows.keys(), mart
        for name, row in rows.items():
            assert {column: found[mart][name][column] for column in row} == row, (mart, name)
    assert {rule for _, rule in found["risk_rule_evaluations"]} == {
        *("churn_intent", "new_customer", "support_load", "usage_drop")
    }


# ------------------------------------------------------------------------------ the as-of date


def as_it_was(table: str, on: date) -> list[Row]:
    """Return the export as it would have looked on an earlier day."""
    dated_by = {
        "subscriptions": "start_date",
        "feature_usage": "usage_date",
        "churn_events": "churn_date",
        "support_tickets": "submitted_at",
    }.get(table)
    rows = []
    for row in ravenstack_rows(table):
        if dated_by and row[dated_by][:10] > str(on):
            continue
        if row.get("end_date", "") > str(on):
            row = row | {"end_date": ""}
        if row.get("closed_at", "")[:10] > str(on):
            unknown = ("closed_at", "resolution_time_hours", "satisfaction_score")
            row = row | dict.fromkeys(unknown, "")
        rows.append(row)
    return rows


@pytest.mark.usefixtures("ravenstack")
def test_an_earlier_as_of_date_sees_what_was_known_that_day(workspace: Workspace) -> None:
    then = {table: as_it_was(table, EARLIER) for table in RAVENSTACK_TABLES}
    # without a configured as-of date, the data's last day counts
    workspace.build_tables(then)
    assert workspace.column("select usage_window_end from marts.executive_summary") == [EARLIER]
    expected = {"without": ["end_date"]}
    marts = workspace.contents("marts", **expected)
    feeds = workspace.select("from quality.feed_freshness")

    # a mistyped date would stop a build without a configured as-of date
    now = {table: ravenstack_rows(table) for table in RAVENSTACK_TABLES}
    wild = now["feature_usage"][-1] | {"usage_id": "U-wild", "usage_date": "2099-06-01"}
    now["feature_usage"] = [*now["feature_usage"], wild]
    workspace.build_tables(now, as_of_date=str(EARLIER))
    assert_same(workspace.contents("marts", **expected), marts)
    assert workspace.select("from quality.feed_freshness") == feeds
    assert workspace.column(
        "select row_count from quality.data_quality_issues "
        "where issue = 'after_as_of_date' and column_name = 'usage_date'"
    ) == [sum(row["usage_date"] > str(EARLIER) for row in now["feature_usage"])]
    assert 0 < workspace.column("select customers from marts.executive_summary")[0] < 5000


def test_before_all_data_the_marts_are_empty_and_the_summary_has_its_row(
    workspace: Workspace, tables: Tables
) -> None:
    workspace.build_tested(tables, as_of_date="2019-12-31")
    contents = workspace.contents("marts")
    rows = {table: len(found.rows) for table, found in contents.items() if found.rows}
    # the rules, drivers with zero customers, dates without customers, and nothing to judge
    assert rows == {
        "marts.backtest_verdicts": 2 * 2 * 2,
        "marts.churn_drivers": 8,
        "marts.executive_summary": 1,
        "marts.list_changes": 6,
        "marts.risk_levels": 3,
        "marts.risk_signals": 15,
        "marts.risk_backtest_by_rule": 2 * 8,
        "marts.risk_trend": FEW["history_weeks"],
        "marts.risk_rules": len(contents["marts.risk_rules"].rows),
        "marts.weekly_summary": 1,
    }
    verdicts = workspace.select("select distinct verdict, auc, dates from marts.backtest_verdicts")
    assert verdicts == [{"verdict": "not enough churners", "auc": None, "dates": 0}]
    (summary,) = workspace.select("from marts.executive_summary")
    assert summary.pop("ruleset") == "standard"
    assert {summary.pop("usage_window_end"), summary.pop("support_window_end")} == {
        date(2019, 12, 31)
    }
    assert {name for name, value in summary.items() if value is None} == {
        "churn_rate",
        "subscriptions_ended_12m_pct",
        "high_risk_pct",
        "avg_arr",
        "usage_last_date",
        "support_last_date",
    }
    assert {value for value in summary.values() if value is not None} == {0}
    shown = workspace.churn("show")
    assert (shown.code, shown.err) == (0, "")
    assert "No active customer is at High or Medium risk." in shown.out


def test_a_wild_date_stops_the_build(workspace: Workspace, tables: Tables) -> None:
    wild = tables["feature_usage"][-1] | {"usage_id": "U9999", "usage_date": "2099-06-01"}
    tables["feature_usage"].append(wild)
    with pytest.raises(ChurnError) as stopped:
        workspace.build(tables)
    for said in ("2099-06-01", "as_of_date", str(AS_OF)):
        assert said in str(stopped.value)
    assert "Traceback" not in str(stopped.value)


# ------------------------------------------------------------------------------ repeatability


def test_rows_in_another_order_and_typed_give_the_same_marts(
    workspace: Workspace, ravenstack: Workspace
) -> None:
    tables = {table: ravenstack_rows(table) for table in RAVENSTACK_TABLES}
    expected = ravenstack.contents("marts")
    for mart in LOOKING_BACK:
        assert expected[f"marts.{mart}"].rows, mart
    write_typed(workspace, shuffled(tables, seed=3))
    # contracts fix the order of columns
    workspace.light = False
    workspace.build_tables(workspace.source, threads=1)
    assert_same(workspace.contents("marts"), expected)
    findings = "from quality.data_quality_issues"
    assert workspace.select(findings) == ravenstack.select(findings)


def write_typed(place: Workspace, tables: Tables) -> None:
    """Write the tables as Parquet files with typed columns."""
    place.write(tables)
    types = {
        "boolean": pa.bool_(),
        "count": pa.int32(),
        "date": pa.date32(),
        "duration": pa.float64(),
        "id": pa.string(),
        "money": pa.decimal128(12, 2),
        "rating": pa.float32(),
        "text": pa.large_string(),
        "timestamp": pa.timestamp("us", tz="Europe/Vienna"),
    }
    columns = {name: spec.columns for name, spec in Project().tables.items()}
    for name, rows in tables.items():
        file = place.source / f"{name}.csv"
        texts = ", ".join(f"'{column}': 'varchar'" for column in rows[0])
        table = duckdb.sql(f"from read_csv('{file}', columns = {{{texts}}})").to_arrow_table()
        for position, column in enumerate(table.column_names):
            kind = types[columns[name][column]]
            if pa.types.is_timestamp(kind):
                values = table[column].cast(pa.timestamp("us")).cast(pa.timestamp("us", "UTC"))
                values = values.cast(kind)
            elif pa.types.is_decimal(kind):
                values = table[column].cast(pa.float64()).cast(kind)
            else:
                values = table[column].cast(kind)
            table = table.set_column(position, column, values)
        pq.write_table(table, place.source / f"{name}.parquet")
        file.unlink()


@pytest.mark.slow
def test_other_data_leaves_no_trace_in_the_warehouse(
    workspace: Workspace, sample: Workspace, ravenstack: Workspace
) -> None:
    workspace.light = False
    shutil.copy(sample.warehouse, workspace.warehouse)
    for source, fresh in [(RAVENSTACK, ravenstack), (None, sample)]:
        workspace.build_tables(source)
        assert_traceless(workspace, fresh)


def assert_traceless(place: Workspace, fresh: Workspace) -> None:
    """Assert that both workspaces hold the same, whatever the first one held before."""
    # incremental tables treat a data set that is loaded again as another one
    found, expected = (each.contents() for each in (place, fresh))
    # the record of made relations still lists the tables of the previous data
    recorded = found.pop("config.made_relations").rows
    assert set(expected.pop("config.made_relations").rows) <= set(recorded)
    assert_same(found, expected, in_order=False)
    assert_same(place.contents("marts", "quality"), fresh.contents("marts", "quality"))


RUN = """
    from pathlib import Path
    from churn.cli import main
    from prepared_dbt import parsed_once
    with parsed_once(Path({parsed!r})):
        main()
"""


@pytest.mark.parametrize(
    "model",
    [
        "customer_risk",
        pytest.param("int_daily_usage", marks=pytest.mark.slow),
        pytest.param("executive_summary", marks=pytest.mark.slow),
    ],
)
def test_a_run_that_was_killed_on_other_data_leaves_no_trace(
    workspace: Workspace,
    sample: Workspace,
    small: Workspace,
    tables: Tables,
    tmp_path_factory: pytest.TempPathFactory,
    model: str,
) -> None:
    """Kill the run when it starts a model; the next run must repair the warehouse."""
    shutil.copy(sample.warehouse, workspace.warehouse)
    # as if the project had gained a model since the last build
    with duckdb.connect(str(workspace.warehouse)) as connection:
        connection.execute("drop view marts.risk_levels")
        connection.execute("delete from config.made_relations where relation_name = 'risk_levels'")
    code = RUN.format(parsed=str(shared_folder(tmp_path_factory)))
    arguments = ["run", "--data", workspace.write(tables), "--vars", json.dumps(FEW)]
    run = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        cwd=ROOT,
        env=os.environ | workspace.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    log = Path(workspace.environment["DBT_LOG_PATH"]) / "dbt.log"
    begun = f"Began running node model.churn.{model}\n"
    while not (log.exists() and begun in log.read_text(encoding="utf-8")):
        assert run.poll() is None
        time.sleep(0.01)
    os.kill(run.pid, signal.SIGKILL)
    assert run.wait() == -signal.SIGKILL

    workspace.build_tables(workspace.source, threads=1)
    assert_traceless(workspace, small)


# ------------------------------------------------------------------------------ hostile, typed

HOSTILE = {
    "A01": 'O\'Brien "Quoted", Sons; drop table marts.customer_risk; --',
    "A02": "two\nlines\tand a tab",
    "A03": "<script>alert('x')</script>&amp;",
    "A04": "=cmd|' /C calc'!A0",
    "A05": "[red]markup[/red] [/] [link=https://example.com]click[/link] :smile:",
    "A06": "\x1b[31mred\x1b[0m\x1b]0;title\x07\x9b2J",
    "A07": "long " + "x" * 9_995,
    "A08": "🦆 emoji 👩‍👩‍👧 ünïcödé 株式会社",
    "A09": "\u202eright to left\u202c مرحبا שלום",
    "A10": "{{ 1 / 0 }} {% raise %} ${HOME} %s %(x)s \\",
    "A11": "NULL",
    "A12": "\ufeff\u200bzero\u00adwidth",
}
EXTRA_COLUMNS = [
    '"; drop table x; --',
    'a"b',
    "a'b",
    "{{ 1 / 0 }}",
    "[red]c[/red]",
    "select",
    "_row_hash",
    "rowid",
]


def test_hostile_text_arrives_unchanged_and_does_nothing(
    workspace: Workspace, tables: Tables
) -> None:
    def hostile(key: str) -> str:
        return key[0] + HOSTILE["A" + key[1:]][:300]

    # put every customer on the list
    for row in tables["feature_usage"]:
        if row["usage_date"] > "2026-03-01":
            row["usage_count"] = "1"
    for rows in tables.values():
        for row in rows:
            account = row.get("account_id", "")
            if "account_name" in row:
                name = HOSTILE[account]
                row |= {"account_name": name, "industry": name, "country": name, "csm_name": name}
            if "reason_code" in row:
                row["reason_code"] = row["feedback_text"] = HOSTILE["A01"]
            if "start_date" in row:
                row["plan_tier"] = HOSTILE[account]
            for key in ("account_id", "subscription_id"):
                if key in row:
                    row[key] = hostile(row[key])
            row |= dict.fromkeys(EXTRA_COLUMNS, HOSTILE["A01"])
    tables["accounts"][1]["seats"] = tables["accounts"][5]["is_trial"] = HOSTILE["A06"]
    tables["subscriptions"].append(tables["subscriptions"][5] | {"seats": "11"})
    # staging removes spaces around ids
    ids = {account: f"A{text[:300]}".strip() for account, text in HOSTILE.items()}

    # run with variables, which records nothing and so saves a build
    look = ("--vars", "{min_usage_rows: 5}")
    run = workspace.churn("run", "--data", workspace.write(tables), *look)

    assert (run.code, run.err) == (0, "")
    rows = workspace.select("from marts.customer_risk")
    assert len(rows) == 12
    found = {row["account_id"]: row for row in rows}
    for account, name in HOSTILE.items():
        row = found[ids[account]]
        assert row["account_name"] == row["industry"] == row["csm_name"] == name
        assert row["plan_tier"] == name
        assert row["customer_id"] == "S" + row["account_id"][1:]
    assert workspace.column("select reason_code from marts.churn_reasons") == [HOSTILE["A01"]]
    extra = workspace.select(
        "from quality.source_columns where table_name = 'accounts' and not is_used"
    )
    assert len(extra) == len(EXTRA_COLUMNS)
    assert {row["null_share"] for row in extra} == {0}
    for shown in (run.out, workspace.churn("show").out):
        assert controls(shown) == set()
        assert "[red]markup" in shown


def controls(text: str) -> set[str]:
    """Return the characters that control a terminal instead of being shown."""
    return {c for c in text if unicodedata.category(c)[0] == "C"} - {"\n"}


@pytest.mark.parametrize("refused", [False, True])
def test_names_of_files_and_columns_do_nothing_to_the_terminal(
    workspace: Workspace, tables: Tables, refused: bool
) -> None:
    source = workspace.write(tables)
    hostile = "\x1b[31mred\x9b2J\u202e"
    (source / f"notes{hostile}.txt").touch()
    accounts = [row | {hostile: "x"} for row in tables["accounts"]]
    if refused:
        accounts = [{"account": row.pop("account_id"), **row} for row in accounts]
    pq.write_table(pa.Table.from_pylist(accounts), source / f"{hostile}_accounts.parquet")
    (source / "accounts.csv").unlink()
    code, out, err = workspace.churn("load", source)
    assert code == (2 if refused else 0)
    assert controls(out + err) == set()
