"""Scoring configuration: mistakes stop the build and are named, good changes work to the end."""

import copy
import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from churn.dbt import _failure
from churn.errors import InputError
from churn.project import Project
from conftest import ROOT, Tables, Workspace

DEFAULTS = yaml.safe_load((ROOT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]


def changed(*path: str | int, to: Any) -> dict[str, Any]:
    """The configured rule sets with one setting of `standard` changed; `...` removes it."""
    rulesets = copy.deepcopy(DEFAULTS["risk_rulesets"])
    *way, last = path
    place = rulesets["standard"]
    for step in way:
        place = place[step]
    if to is ...:
        del place[last]
    else:
        place[last] = to
    return {"risk_rulesets": rulesets}


def band(number: int, setting: str, to: Any, rule: int = 0) -> dict[str, Any]:
    return changed("rules", rule, "bands", number, setting, to=to)


# name -> variables, what the message must name
BAD: dict[str, tuple[dict[str, Any], list[str]]] = {
    "unknown rule set": ({"risk_ruleset": "strict"}, ["'strict'", "standard", "basic"]),
    "unknown rule id": ({"disabled_risk_rules": ["trail"]}, ["'trail'", "trial"]),
    "rule ids not a list": ({"disabled_risk_rules": "trial"}, ["disabled_risk_rules", "list"]),
    "bands out of order": (band(1, "at_least", 0.7), ["usage_drop", "band 2", "0.7", "0.6"]),
    "points out of order": (band(1, "points", 41), ["usage_drop", "band 2", "more points"]),
    "negative points": (band(0, "points", -1), ["usage_drop", "band 1", "-1"]),
    "fractional points": (band(0, "points", 39.5), ["usage_drop", "band 1", "39.5"]),
    "limit that is text": (band(0, "at_least", "much"), ["usage_drop", "band 1", "much"]),
    "two conditions": (band(0, "at_most", 0.9), ["usage_drop", "band 1", "exactly one"]),
    "no reason": (band(0, "reason", ...), ["usage_drop", "band 1", "no reason"]),
    "number for a flag": (band(0, "equals", 1, rule=6), ["downgrade", "true or false"]),
    "unknown signal": (changed("rules", 1, "signal", to="mood"), ["support_load", "'mood'"]),
    "unknown setting": (changed("rules", 1, "colour", to="red"), ["support_load", "'colour'"]),
    "two rules with one id": (changed("rules", 1, "id", to="trial"), ["two rules", "'trial'"]),
    "unknown action group": (
        changed("rules", 7, "action_group", to="coffee"),
        ["trial", "'coffee'"],
    ),
    "name of a rule set that SQL cannot hold": (
        {"risk_rulesets": {"o'hara": DEFAULTS["risk_rulesets"]["basic"]}, "risk_ruleset": "o'hara"},
        ["o'hara", "snake_case"],
    ),
    "levels the wrong way": (
        changed("levels", to={"high": 30, "medium": 60}),
        ["standard", "medium < high"],
    ),
    "level beyond the cap": (changed("levels", "high", to=101), ["standard", "<= 100"]),
    "points beyond belief": (band(0, "points", 1001), ["usage_drop", "band 1", "to 1000", "1001"]),
    "label that is empty": (
        changed("rules", 0, "label", to=None),
        ["usage_drop", "label", "empty"],
    ),
    "limit without an end": (band(0, "at_least", float("inf")), ["usage_drop", "band 1", "inf"]),
    # what dbt computes with while it reads the project
    "no week of history": ({"history_weeks": 0}, ["history_weeks", "whole number from 1", "0"]),
    "steps as text": ({"playbook_most_steps": "x"}, ["playbook_most_steps", "from 3", "'x'"]),
    "no action groups": ({"risk_action_groups": None}, ["risk_action_groups", "list", "empty"]),
}


@pytest.mark.parametrize("mistake", BAD)
def test_a_mistake_stops_the_build_and_is_named(workspace: Workspace, mistake: str) -> None:
    variables, named = BAD[mistake]
    with pytest.raises(InputError) as stopped:
        workspace.build(**variables)
    message = str(stopped.value)
    for text in named:
        assert text in message
    assert "Traceback" not in message
    assert len(message) < 600


# variable -> wrong values, each with what the message must say of it
WRONG_VALUES: dict[str, list[tuple[Any, str]]] = {
    "min_usage_rows": [(-1, "from 0, not -1"), ("5", "not '5'"), (None, "not empty")],
    "late_arrival_days": [(-1, "from 0 to 1000, not -1"), (1001, "not 1001"), ("", "not ''")],
    "history_weeks": [(0, "from 1 to 1000, not 0"), (26.5, "not 26.5"), ([26], "not [26]")],
    "backtest_horizon_days": [(True, "not True"), (-90, "from 1 to 1000, not -90")],
    "backtest_weeks": [("52", "whole number from 0 to 1000, not '52'"), (-1, "not -1")],
    "backtest_replicates": [(0, "from 1 to 1000, not 0")],
    "renewal_notice_days": [("x", "from 0 to 1000, not 'x'"), (False, "not False")],
    "contact_pause_days": [(10**9, "from 0 to 1000, not 1000000000")],
    "playbook_most_steps": [(2, "from 3 to 100, not 2"), ("7", "not '7'")],
    "report_customer_pages": [("all", "from 0, not 'all'"), (-1, "not -1")],
    "playbook_start_days": [
        ({"high": 2, "medium": 5}, "for high, medium and renewal, not {'high': 2, 'medium': 5}"),
        ({"high": 2, "medium": 5, "renewal": "1"}, "whole numbers from 0 to 1000"),
        ({"high": 2, "medium": 5, "renewal": 1, "low": 9}, "for high, medium and renewal"),
        (3, "not 3"),
        (None, "not empty"),
    ],
    "as_of_date": [
        ("31.03.2026", "a date such as 2026-01-31, not '31.03.2026'"),
        ("2026-02-30", "a date that exists, not '2026-02-30'"),
        ("0001-01-01", "between the years 1900 and 2900, not '0001-01-01'"),
        ("9999-12-31", "between the years 1900 and 2900, not '9999-12-31'"),
        (True, "not True"),
        (20260131, "not 20260131"),
    ],
    "enrichment_engine": [("olama", "one of: ollama, not 'olama'"), (["ollama"], "not ['ollama']")],
    "risk_action_groups": [("usage", "a list of names, not 'usage'"), ([1], "not [1]")],
    "saas_tables": [
        (None, "not empty"),
        ({"accounts": {"required": {}}}, "'accounts' too, has the mappings required and optional"),
        (
            {"accounts": {"required": {"account_id": "number"}, "optional": {}}},
            "the type of accounts.account_id is one of id, text",
        ),
        ("x" * 10_000, "x…'"),
    ],
}


def test_a_mistyped_playbook_stops_the_build_and_is_named(workspace: Workspace) -> None:
    mistake = json.dumps(changed("rules", 2, "playbook", to="product_erors"))
    result = workspace.dbt("build", "--select", "playbook_steps", "--vars", mistake)
    with workspace.active():
        failure = _failure(result, Project(), is_full=False)
    assert isinstance(failure, InputError)
    assert "rule 'product_errors' names an unknown playbook 'product_erors'" in str(failure)
    assert "product_errors, renewal" in str(failure)


def test_dbt_itself_stops_with_exit_code_2(workspace: Workspace) -> None:
    variables = json.dumps(band(1, "at_least", 0.7))
    stopped = subprocess.run(
        [Path(sys.executable).with_name("dbt"), "build", "--vars", variables],
        env=os.environ | workspace.environment | {"COLUMNS": "500"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert stopped.returncode == 2
    assert "rule 'usage_drop', band 2 is out of order: at_least 0.7" in stopped.stdout
    assert "Traceback" not in stopped.stdout + stopped.stderr
    assert not workspace.warehouse.exists()


CUSTOM = {
    "levels": {"high": 50, "medium": 20},
    "rules": [
        {
            "id": "usage_drop",
            "label": "Falling usage, O'Brien's",
            "signal": "usage_drop_pct",
            "dated": True,
            "action_group": "usage",
            "bands": [
                {"at_least": 0.75, "points": 45, "reason": "It's down {percent}; call"},
                {"at_least": 0.05, "points": 5, "reason": "Down {percent} ({value})"},
            ],
        },
        {
            "id": "tickets_in_band",
            "label": "Some tickets",
            "signal": "tickets_30d",
            "dated": True,
            "bands": [{"between": [2, 3], "points": 7, "reason": '"{value}" {tickets} -- %s'}],
        },
        {
            "id": "paying",
            "label": "No trial",
            "signal": "is_trial",
            "dated": False,
            "action_group": "value",
            "bands": [{"equals": False, "points": 1, "reason": "Pays [really]"}],
        },
        {
            "id": "content",
            "label": "Mean satisfaction",
            "signal": "avg_csat",
            "dated": True,
            "bands": [{"at_most": 4.5, "points": 60, "reason": "Mean score {value}"}],
        },
    ],
}


def test_a_rule_set_of_ones_own_scores_to_the_end(workspace: Workspace, tables: Tables) -> None:
    # the data tests run too: points add up, every rule answers for everybody once
    workspace.build(
        tables,
        risk_rulesets=DEFAULTS["risk_rulesets"] | {"ours": CUSTOM},
        risk_ruleset="ours",
    )
    scored = {row["customer_id"]: row for row in workspace.select("from marts.customer_risk")}
    assert {
        name: (scored[name]["risk_score"], scored[name]["risk_level"], scored[name]["top_reasons"])
        for name in ("S01", "S02", "S03")
    } == {
        "S01": (100, "High", 'It\'s down 75%; call; "3" {tickets} -- %s; Pays [really]'),
        "S02": (12, "Low", 'Down 50% (0.50); "2" {tickets} -- %s'),
        "S03": (8, "Low", '"2" {tickets} -- %s; Pays [really]'),
    }
    assert scored["S03"]["recommended_actions"].startswith("Run a value-gap call")
    firings = workspace.select(
        "select rule_id, points, threshold, gap_to_next_band, reason "
        "from marts.risk_rule_firings where customer_id = 'S01' order by rule_order"
    )
    assert [tuple(row.values()) for row in firings] == [
        ("usage_drop", 45, Decimal("0.75"), None, "It's down 75%; call"),
        ("tickets_in_band", 7, 3, None, '"3" {tickets} -- %s'),
        ("paying", 1, 0, None, "Pays [really]"),
        ("content", 60, Decimal("4.5"), None, "Mean score 1.00"),
    ]
    drivers = workspace.column("select driver_label from marts.churn_drivers")
    assert set(drivers) == {rule["label"] for rule in CUSTOM["rules"]}
    assert workspace.column("select ruleset from marts.executive_summary") == ["ours"]
    assert workspace.churn("show").code == 0


def test_rules_that_are_switched_off_neither_score_nor_answer(
    workspace: Workspace, tables: Tables
) -> None:
    rules = [rule["id"] for rule in DEFAULTS["risk_rulesets"]["standard"]["rules"]]
    off = ["usage_drop", "trial"]
    workspace.build_tables(tables, disabled_risk_rules=off)
    # support load 10, satisfaction 12, escalation 10
    assert workspace.column("select risk_score from marts.customer_risk limit 2") == [32, 0]
    answering = workspace.column("select distinct rule_id from marts.risk_rule_evaluations")
    assert set(answering) == set(rules) - set(off)
    assert workspace.column("select distinct usage_evidence from marts.customer_risk") == [None]

    workspace.build_tables(tables, disabled_risk_rules=rules)
    assert workspace.column("select distinct risk_score from marts.customer_risk") == [0]
    assert workspace.column("select count(*) from marts.risk_rule_evaluations") == [0]
    assert workspace.churn("show").code == 0


# ------------------------------------------------------------------------------ macros


def test_macros_hold_at_their_edges(workspace: Workspace) -> None:
    """Each case is a column of a query that dbt compiles: `[SQL around it |] macro` -> value."""
    huge = 10**17
    cases: dict[str, Any] = {
        # exact arithmetic: 29 of 100 is 29%, never 28
        "%s * 100 | exact_ratio(29, 100)": Decimal(29),
        "exact_ratio('0 - 7', 3)": Decimal("-2.333333333333"),
        "exact_ratio(2, 3)": Decimal("0.666666666666"),
        f"exact_ratio({huge}, 1)": None,
        # where 64 bits end, and beyond
        "exact_ratio(9000000, 7)": Decimal("1285714.285714285714"),
        "exact_ratio(9000001, 7)": Decimal("1285714.428571428571"),
        "exact_ratio('0 - 9000000', 7)": Decimal("-1285714.285714285714"),
        "exact_ratio('0 - 9000001', 7)": Decimal("-1285714.428571428571"),
        f"exact_ratio(7, {10**20})": Decimal(0),
        "exact_ratio(12500000, 3, digits=6)": Decimal("4.166666666666"),
        "exact_ratio(1, 0)": None,
        "exact_ratio(1, '-5')": None,
        "exact_ratio(1, 'null')": None,
        "share(2, 3)": Decimal("0.666667"),
        "share(0, 0)": None,
        "rounded_decimal('0.0000005')": Decimal("0.000001"),
        "rounded_decimal('-0.0000005')": Decimal("-0.000001"),
        "rounded_decimal('-0.000000499999')": Decimal(0),
        "rounded_decimal('999999.0000005')": Decimal("999999.000001"),
        "rounded_decimal('999999.9999995')": Decimal(1000000),
        "rounded_decimal('1000000000000.5')": None,
        "first_joined(['null', \"'a'\", 'null', \"'b'\", \"'c'\"], 2, '; ')": "a; b",
        "first_joined(['null', 'null'], 3, '; ')": None,
        "first_joined([], 3, '; ')": None,
        "trimmed(\"chr(9) || ' a b ' || chr(160) || chr(10)\")": "a b",
        "trimmed(\"'  '\")": None,
        "read_value(\"'3.0'\", 'count')": 3,
        "read_value(\"'3.'\", 'count')": 3,
        "read_value(\"'3.5'\", 'count')": None,
        "read_value(\"'-0'\", 'count')": None,
        "read_value(\"'1e3'\", 'count')": None,
        "read_value(\"'1,000'\", 'count')": None,
        "read_value(\"'9999999999999'\", 'count')": None,
        "read_value(\"'5.00'\", 'rating')": 5,
        "read_value(\"'6'\", 'rating')": None,
        "read_value(\"'YES'\", 'boolean')": True,
        "read_value(\"'0'\", 'boolean')": False,
        "read_value(\"'2'\", 'boolean')": None,
        "cast(%s as varchar) | read_value(\"'2024-02-29'\", 'date')": "2024-02-29",
        "cast(%s as varchar) | read_value(\"'2024-12-31T23:30:00-01:00'\", 'date')": "2025-01-01",
        "read_value(\"'2023-02-29'\", 'date')": None,
        "read_value(\"'20240229'\", 'date')": None,
        "read_value(\"'29/02/2024'\", 'date')": None,
        "read_value(\"'-12.345'\", 'money')": Decimal("-12.35"),
        "read_value(\"'$5'\", 'money')": None,
        "read_value(\"'1.5'\", 'duration')": Decimal("1.5"),
        "read_value(\"'-1.5'\", 'duration')": None,
        "value_fault(\"'-1'\", 'count')": "negative_value",
        "value_fault(\"'1.5'\", 'count')": "fractional_value",
        "value_fault(\"'0'\", 'rating')": "out_of_range_value",
        "value_fault(\"'x'\", 'date')": "unreadable_value",
        "value_fault('null', 'date')": "missing_value",
        'sql_text("it\'s {{ 1 }}")': "it's {{ 1 }}",
    }
    wrong = [(name, *case) for name, found in WRONG_VALUES.items() for case in found]
    faults = [f"sql_text(variable_fault({name!r}, {value!r}))" for name, value, _ in wrong]
    right = {f"sql_text(variable_fault({name!r}, {DEFAULTS[name]!r}))": "" for name in WRONG_VALUES}
    cases |= dict.fromkeys(faults) | right
    wrapped = [case.split(" | ") if " | " in case else ["%s", case] for case in cases]
    columns = ", ".join(
        outer % f"{{{{ {macro} }}}}" + f" as case_{number}"
        for number, (outer, macro) in enumerate(wrapped)
    )
    result = workspace.dbt("compile", "--inline", f"select {columns}")
    assert result.success, result.exception
    sql = result.result.results[0].node.compiled_code
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        found = connection.execute(sql).fetchone()
    values = dict(zip(cases, found, strict=True))
    for fault, (name, _, said) in zip(faults, wrong, strict=True):
        message = values.pop(fault)
        assert message.startswith(f"{name} must be ")
        assert said in message
        assert len(message) < 300
        del cases[fault]
    assert values == cases
