"""The history: it knows only what was known then, scores as today does, and has known results."""

import os
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiled_models import CompiledProject, Models
from conftest import Row, Tables, Workspace, built_once
from generated_facts import raw_tables, scenario
from reference_scoring import RULESETS, Facts, history_dates

Rows = dict[tuple[Any, ...], dict[str, Any]]

# ------------------------------------------------------------------------------ no leakage


def known_by(day: date, facts: Facts) -> Facts:
    """Return the facts as they were on that day, without later events."""
    subscriptions = [
        row if row.end_date is None or row.end_date <= day else replace(row, end_date=None)
        for row in facts.subscriptions
        if row.start_date is None or row.start_date <= day
    ]
    customers = {row.account_id for row in subscriptions}
    return Facts(
        [account_id for account_id in facts.account_ids if account_id in customers],
        subscriptions,
        [row for row in facts.usage if row.usage_date is None or row.usage_date <= day],
        [
            ticket
            if ticket.closed_at is None or ticket.closed_at.date() <= day
            else replace(
                ticket, closed_at=None, satisfaction_score=None, resolution_time_hours=None
            )
            for ticket in facts.tickets
            if ticket.submitted_at is None or ticket.submitted_at.date() <= day
        ],
        [e for e in facts.churn_events if e.churn_date is None or e.churn_date <= day],
        [intent for intent in facts.intents if intent.intent_date <= day],
    )


def leaks(
    project: CompiledProject,
    seed: int,
    accounts: int,
    ruleset: str,
    weeks_ago: int,
    models: Models | None = None,
) -> list[str]:
    """Describe how rows dated after a history date change that date or earlier ones."""
    models = models or project.by_choice[ruleset, True]
    case = scenario(seed, accounts, ruleset, is_configured=True)
    day = history_dates(case.as_of, project.history_weeks[True])[weeks_ago]

    def past(facts: Facts) -> dict[str, Rows]:
        found = project.pipeline.run(models, raw_tables(facts, seed))
        # include the dates of the backtest
        signals = models["int_customer_signals"].relation
        found["signals"] = project.pipeline.rows(signals, ("as_of_date", "customer_id"))
        return {
            name: {key: row for key, row in found[name].items() if key[0] <= day}
            for name in ("customer_risk_history", "risk_trend", "signals")
        }

    now, then = past(case.facts), past(known_by(day, case.facts))
    # usage before a late customer's start can make earlier dates eligible
    judged = {key[0] for key in then["signals"]}
    now["signals"] = {key: row for key, row in now["signals"].items() if key[0] in judged}
    return [
        f"{name} {key}: {then[name].get(key)} became {now[name].get(key)}"
        for name in now
        for key in now[name].keys() | then[name].keys()
        if now[name].get(key) != then[name].get(key)
    ]


# the same examples every time, unless more are requested
MORE_EXAMPLES = os.environ.get("HYPOTHESIS_EXAMPLES")


@settings(
    max_examples=int(MORE_EXAMPLES or 10),
    derandomize=not MORE_EXAMPLES,
    database=None,
    deadline=None,
)
@given(
    seed=st.integers(0, 2**32 - 1),
    accounts=st.integers(1, 60),
    ruleset=st.sampled_from(list(RULESETS)),
    weeks_ago=st.integers(0, 8),
)
def test_rows_dated_after_a_day_change_nothing_at_that_day_and_before(
    compiled_project: CompiledProject, seed: int, accounts: int, ruleset: str, weeks_ago: int
) -> None:
    found = leaks(compiled_project, seed, accounts, ruleset, weeks_ago)
    assert not found, "\n".join(found[:10])


@pytest.mark.parametrize(
    ("model", "right", "wrong"),
    [
        ("int_customer_usage", "- 60 and as_of_dates.as_of_date", "- 60 and '2099-01-01'"),
        ("int_account_support", "- 30 and as_of_dates.as_of_date", "- 30 and '2099-01-01'"),
        ("int_account_support", "support_tickets.closed_at is null", "true"),
        ("int_customer_signals", "- 30 and as_of_dates.as_of_date", "- 30 and '2099-01-01'"),
        (
            "int_customer_signals",
            "churn_date <= as_of_dates.as_of_date",
            "churn_date > '1999-12-31'",
        ),
        ("int_customer_signals", "customers.end_date > as_of_dates.as_of_date", "false"),
        ("int_customer_signals", "customers.start_date <= as_of_dates.as_of_date", "true"),
    ],
)
def test_a_leak_is_found(
    compiled_project: CompiledProject, model: str, right: str, wrong: str
) -> None:
    models = compiled_project.by_choice["standard", True]
    sql = models[model].sql
    assert right in sql
    models = {**models, model: replace(models[model], sql=sql.replace(right, wrong))}
    assert any(leaks(compiled_project, seed, 60, "standard", 3, models) for seed in range(3))


# ------------------------------------------------------------------------------ a single definition


def history_of(place: Workspace, day: date) -> list[dict[str, Any]]:
    """Return the rows of a history date."""
    rows = place.select("from marts.customer_risk_history where as_of_date = ?", day)
    assert rows
    return rows


def as_scored_today(place: Workspace, columns: Iterable[str]) -> list[dict[str, Any]]:
    """Return the rows of `customer_risk` in the form of the history."""
    wanted = ("usage_window_end as as_of_date" if c == "as_of_date" else c for c in columns)
    return place.select(f"select {', '.join(wanted)} from marts.customer_risk")


def last_date(place: Workspace) -> date:
    (day,) = place.column("select usage_window_end from marts.executive_summary")
    return day


@pytest.mark.parametrize("company", ["sample", "ravenstack"])
def test_the_history_ends_with_the_rows_of_customer_risk(
    request: pytest.FixtureRequest, company: str
) -> None:
    place = request.getfixturevalue(company)
    rows = history_of(place, last_date(place))
    assert rows == as_scored_today(place, rows[0])


@pytest.mark.parametrize("company", ["sample", "ravenstack"])
def test_the_history_has_26_dates_the_last_one_and_the_sundays_before(
    request: pytest.FixtureRequest, company: str
) -> None:
    place = request.getfixturevalue(company)
    dates = history_dates(last_date(place), 26)
    for mart in ("customer_risk_history", "risk_trend"):
        found = place.column(f"select distinct as_of_date from marts.{mart} order by 1 desc")
        assert found == dates, mart


def test_a_build_for_an_earlier_date_gives_the_rows_of_the_history(
    workspace: Workspace, sample: Workspace
) -> None:
    today = last_date(sample)
    earlier = history_dates(today, 26)[7]
    workspace.build_tables(as_of_date=str(earlier), history_weeks=26)
    rows = history_of(sample, earlier)
    assert as_scored_today(workspace, rows[0]) == rows
    # its own history agrees, too
    dates = [day for day in history_dates(earlier, 26) if day in history_dates(today, 26)]
    assert len(dates) == 19
    for day in dates:
        assert history_of(workspace, day) == history_of(sample, day)
    trend = "from marts.risk_trend where as_of_date = ?"
    assert workspace.select(trend, earlier) == sample.select(trend, earlier)


# ------------------------------------------------------------------------------ a worked example

WEDNESDAY = date(2026, 1, 7)
DATES = [
    date(2025, 12, 7),
    date(2025, 12, 14),
    date(2025, 12, 21),
    date(2025, 12, 28),
    date(2026, 1, 4),
    WEDNESDAY,
]


def company() -> Tables:
    """Trials score 8; an escalated ticket with score 1 makes it 30, Medium, for 31 days."""
    subscriptions = {
        # customer: (start, end)
        "always": ("2025-01-01", ""),
        "dropped": ("2025-01-01", ""),
        "ends": ("2025-01-01", "2026-01-07"),
        "ended": ("2025-01-01", "2025-12-28"),
        "future": ("2026-01-08", ""),
        "late": ("2025-01-01", ""),
        "new": ("2026-01-07", ""),
        "over": ("2025-01-01", ""),
        "twice": ("2025-01-01", ""),
    }
    tickets = [
        # submitted, closed
        ("always", "2025-12-01", "2025-12-01"),
        ("always", "2025-12-20", "2025-12-20"),
        ("future", "2026-01-07", "2026-01-07"),
        # the satisfaction score is unknown until Dec 30
        ("late", "2025-12-10", "2025-12-30"),
        ("new", "2026-01-06", "2026-01-06"),
        # counts until Jan 4
        ("over", "2025-12-05", "2025-12-05"),
        # the first counts until Dec 7, then comes the second
        ("twice", "2025-11-07", "2025-11-07"),
        ("twice", "2025-12-21", "2025-12-21"),
    ]
    return {
        "accounts": [{"account_id": f"A-{name}"} for name in subscriptions],
        "subscriptions": [
            {
                "subscription_id": name,
                "account_id": f"A-{name}",
                "start_date": start,
                "end_date": end,
                "is_trial": "true",
                "arr_amount": "1200",
            }
            for name, (start, end) in subscriptions.items()
        ],
        "feature_usage": [
            usage("dropped", "2025-11-08", 100),
            # the build refuses a last date far beyond the date before it
            usage("dropped", "2025-12-20", 0),
            usage("dropped", "2026-01-07", 29),
        ],
        "churn_events": [],
        "support_tickets": [
            {
                "ticket_id": f"T{number}",
                "account_id": f"A-{name}",
                "submitted_at": f"{submitted} 12:00:00",
                "closed_at": f"{closed} 23:59:59",
                "satisfaction_score": "1",
                "escalation_flag": "true",
            }
            for number, (name, submitted, closed) in enumerate(tickets)
        ],
    }


def usage(customer: str, day: str, count: int) -> Row:
    return {"subscription_id": customer, "usage_date": day, "usage_count": str(count)}


@pytest.fixture
def history(tmp_path_factory: pytest.TempPathFactory, target: Path) -> Workspace:
    """The company with its history, built once. Only read it."""

    def build(place: Workspace) -> None:
        place.light = True
        place.build_tables(company(), history_weeks=8)

    return built_once(tmp_path_factory, target, "history", build)


@pytest.mark.builds
def test_a_hand_made_past_comes_out_as_worked_out(history: Workspace) -> None:
    found = history.select("from marts.customer_risk_history where as_of_date >= ?", DATES[0])
    scores: dict[str, list[int]] = {}
    ended = []
    for row in found:
        scores.setdefault(row["customer_id"], []).append(row["risk_score"])
        if not row["is_active"]:
            ended.append((row["customer_id"], row["as_of_date"]))
    assert scores == {
        "always": [30, 30, 30, 30, 30, 30],
        # usage of Nov 8 is in the current window until Dec 8; on Jan 7 the window holds 29
        "dropped": [8, 48, 48, 48, 48, 48],
        "ends": [8, 8, 8, 8, 8, 8],
        "ended": [8, 8, 8, 8, 8, 8],
        "late": [8, 18, 18, 18, 30, 30],
        "new": [30],
        "over": [30, 30, 30, 30, 30, 8],
        "twice": [30, 8, 30, 30, 30, 30],
    }
    # a customer is active until the day before its end date
    assert ended == [("ended", day) for day in DATES[3:]] + [("ends", WEDNESDAY)]
    assert {row["as_of_date"] for row in found if row["customer_id"] == "new"} == {WEDNESDAY}

    movements = history.select(
        "select customer_id, risk_score_prev_week, risk_score_change, weeks_at_risk, "
        "first_at_risk_date from marts.customer_risk"
    )
    # Dec 28 is the latest history date at least a week before Jan 7
    assert {row.pop("customer_id"): tuple(row.values()) for row in movements} == {
        "always": (30, 0, 6, DATES[0]),
        "dropped": (48, 0, 5, DATES[1]),
        "ends": (8, 0, 0, None),
        "ended": (8, 0, 0, None),
        "late": (18, 12, 2, DATES[4]),
        "new": (None, None, 1, WEDNESDAY),
        "over": (30, -22, 0, None),
        "twice": (30, 0, 4, DATES[2]),
    }
    listed = history.select(
        "select worst_customer_id, risk_score_prev_week, weeks_at_risk from marts.at_risk_accounts"
    )
    assert {tuple(row.values()) for row in listed} == {
        ("always", 30, 6),
        ("dropped", 48, 5),
        ("late", 18, 2),
        ("new", None, 1),
        ("twice", 30, 4),
    }
    assert history.column(
        "select top_reasons from marts.customer_risk where customer_id = 'dropped'"
    ) == ["Usage dropped 71% (30d vs prior); Trial customer (activation risk)"]


@pytest.mark.builds
def test_what_moved_and_where_it_goes_is_said(history: Workspace) -> None:
    moved = history.select(
        "select customer_id, from_level, to_level, direction, "
        "newly_fired, worsened, eased, cleared from marts.risk_movements"
    )
    spans = history.select("select distinct from_date, to_date, arr from marts.risk_movements")
    assert spans == [{"from_date": DATES[3], "to_date": WEDNESDAY, "arr": 1200}]
    assert [tuple(row.values()) for row in moved] == [
        ("late", "Low", "Medium", "up", "Low satisfaction", None, None, None),
        ("over", "Medium", "Low", "down", None, None, None, "Low satisfaction; Ticket escalation"),
    ]
    trend = history.select(
        "select as_of_date, previous_date, customers, medium, low, arr_at_risk, tickets_30d, "
        "medium_change from marts.risk_trend where as_of_date >= ?",
        DATES[0],
    )
    assert [tuple(row.values()) for row in trend] == [
        (DATES[0], DATES[0] - timedelta(days=7), 7, 3, 4, 3600, 3, 2),
        (DATES[1], DATES[0], 7, 3, 4, 3600, 3, 0),
        (DATES[2], DATES[1], 7, 4, 3, 4800, 5, 1),
        (DATES[3], DATES[2], 7, 4, 3, 4800, 5, 0),
        (DATES[4], DATES[3], 7, 5, 2, 6000, 4, 1),
        # the last Sunday is only three days back, so the comparison uses the Sunday before it
        (DATES[5], DATES[3], 8, 5, 3, 6000, 4, 1),
    ]


@pytest.mark.builds
def test_a_history_of_one_week_is_the_as_of_date(workspace: Workspace) -> None:
    shown = ("risk_trend", "risk_movements", "customer_risk")
    workspace.load(company())
    result = workspace.dbt(
        *("build", "--exclude-resource-type", "test", "unit_test"),
        *("--select", *(f"+{mart}" for mart in shown), "--vars", "{history_weeks: 1}"),
        data_dir=workspace.load_dir,
    )
    assert result.success, result.exception
    assert workspace.column("select as_of_date from marts.risk_trend") == [WEDNESDAY]
    assert workspace.select("from marts.risk_movements") == []
    assert workspace.select(
        "select distinct risk_score_prev_week, weeks_at_risk, first_at_risk_date "
        "from marts.customer_risk order by weeks_at_risk"
    ) == [
        {"risk_score_prev_week": None, "weeks_at_risk": 0, "first_at_risk_date": None},
        {"risk_score_prev_week": None, "weeks_at_risk": 1, "first_at_risk_date": WEDNESDAY},
    ]
