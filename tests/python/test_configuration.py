"""The scoring configuration: the build stops and names mistakes; valid changes work throughout."""

import copy
import csv
import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import duckdb
import pytest
import yaml
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.context.providers import RuntimeVar, UnitTestVar
from dbt.contracts.graph.manifest import Manifest
from dbt_common.exceptions import CompilationError

from churn.build.dbt import _failure
from churn.project import Project
from churn.terminal.errors import InputError
from conftest import (
    ROOT,
    Row,
    Tables,
    Workspace,
    company_of,
    copy_of_project,
    small_company,
)
from project_macros import configuration, macros

DEFAULTS = configuration()


def changed(*path: str | int, to: Any) -> dict[str, Any]:
    """Return the rule sets with one setting of `standard` changed; `...` removes it."""
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


# a user's change that once broke a build
BAND = {"at_least": 0.65, "points": 45, "reason": "Usage dropped {percent} (30d vs prior)"}

# name -> variables, parts of the message
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
    "unknown evidence": (
        changed("rules", 0, "evidence", to="gut feeling"),
        ["usage_drop", "evidence", "usage", "'gut feeling'"],
    ),
    "evidence without its signal": (
        changed("rules", 1, "evidence", to="usage"),
        ["support_load", "usage_drop_pct", "'tickets_30d'"],
    ),
    "unknown placeholder": (
        band(1, "reason", "Down {percentage}"),
        ["usage_drop", "band 2", "{percentage}", "{value}, {percent}"],
    ),
    "braces where nothing is filled in": (
        changed("rules", 0, "customer_phrase", to="you use {value} less"),
        ["usage_drop", "customer_phrase", "{value}", "nothing is filled in"],
    ),
    "unknown variable": ({"risk_rulset": "basic"}, ["--vars", "'risk_rulset'", "risk_ruleset"]),
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
    # dbt computes with these while it parses the project
    "no week of history": ({"history_weeks": 0}, ["history_weeks", "whole number from 1", "0"]),
    "steps as text": ({"playbook_most_steps": "x"}, ["playbook_most_steps", "from 3", "'x'"]),
    "no action groups": ({"risk_action_groups": None}, ["risk_action_groups", "list", "empty"]),
}


@pytest.mark.parametrize("mistake", BAD)
def test_a_mistake_is_named(mistake: str) -> None:
    variables, named = BAD[mistake]
    with pytest.raises(CompilationError) as stopped:
        macros(variables).check_configuration()
    assert_named(str(stopped.value), named)


def assert_named(message: str, named: list[str]) -> None:
    for text in named:
        assert text in message
    assert "Traceback" not in message
    assert len(message) < 700


def test_every_variable_is_known_and_right_as_shipped() -> None:
    project = macros({})
    project.check_configuration()
    assert set(project.known_variables()) == set(DEFAULTS)


# variable -> wrong values, each with parts of the message
WRONG_VALUES: dict[str, list[tuple[Any, str]]] = {
    "min_usage_rows": [(-1, "from 0, not -1"), ("5", "not '5'"), (None, "not empty")],
    "late_arrival_days": [(-1, "from 0 to 1000, not -1"), (1001, "not 1001"), ("", "not ''")],
    "history_weeks": [(0, "from 1 to 1000, not 0"), (26.5, "not 26.5"), ([26], "not [26]")],
    "backtest_horizon_days": [(True, "not True"), (-90, "from 1 to 1000, not -90")],
    "backtest_weeks": [("52", "whole number from 0 to 1000, not '52'"), (-1, "not -1")],
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


def test_a_mistake_stops_the_build_in_one_message(workspace: Workspace) -> None:
    variables, named = BAD["bands out of order"]
    with pytest.raises(InputError) as stopped:
        workspace.build(**variables)
    assert_named(str(stopped.value), named)


def test_dbt_itself_stops_with_exit_code_2(workspace: Workspace) -> None:
    variables, named = BAD["unknown variable"]
    stopped = subprocess.run(
        [Path(sys.executable).with_name("dbt"), "build", "--vars", json.dumps(variables)],
        env=os.environ | workspace.environment | {"COLUMNS": "500"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert stopped.returncode == 2
    assert_named(stopped.stdout.partition("Configuration: ")[2].partition("\n")[0], named)
    assert "Traceback" not in stopped.stdout + stopped.stderr
    assert not workspace.warehouse.exists()


# ------------------------------------------------------------------------------ seeds

EDITABLE = ("recommended_actions", "playbook_steps", "outreach_templates")
SEEDS = Path("seeds") / "playbooks"


def rows_of_seed(name: str) -> list[Row]:
    with (ROOT / SEEDS / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_seed(project: Path, name: str, rows: list[Row]) -> None:
    with (project / SEEDS / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_a_mistake_in_a_seed_stops_the_build_and_is_named(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    project = copy_of_project(tmp_path / "project")
    monkeypatch.chdir(project)
    actions, steps, templates = map(rows_of_seed, EDITABLE)
    actions[2]["action"] += " {owner}"
    steps[3]["customer_offer"] = "a call with {sender}"
    templates[1]["subject"] = "Hello {name}, {account_name}"
    write_seeds(project, actions, steps, templates)
    assert failures_of_seeds(workspace) == {
        "recommended_actions": "seeds/playbooks/recommended_actions.csv, action_group support, "
        "action_order 1: the action has an unknown placeholder {owner}; "
        "nothing is filled in there",
        "playbook_steps": "seeds/playbooks/playbook_steps.csv, playbook usage, step_order 1: "
        "the customer_offer has an unknown placeholder {sender}; nothing is filled in there",
        "outreach_templates": "seeds/playbooks/outreach_templates.csv, template support: the "
        "subject has an unknown placeholder {name}; there are: {account_name}",
    }

    actions, steps, templates = map(rows_of_seed, EDITABLE)
    write_seeds(
        project,
        [row for row in actions if row["action_group"] != "intent"],
        steps,
        [row for row in templates if row["template"] != "general"],
    )
    mistyped = changed("rules", 2, "playbook", to="product_erors")
    assert failures_of_seeds(workspace, **mistyped) == {
        "recommended_actions": "seeds/playbooks/recommended_actions.csv has no row with the "
        "action_group intent, which is needed",
        "playbook_steps": "rule set 'standard', rule 'product_errors' names an unknown playbook "
        "'product_erors'; in seeds/playbooks/playbook_steps.csv there are: follow_up, general, "
        "intent, onboarding, preparation, preparation_usage, product_errors, renewal, "
        "satisfaction, support, usage, value",
        "outreach_templates": "seeds/playbooks/outreach_templates.csv has no row with the "
        "template general, which is needed",
    }


def write_seeds(project: Path, *seeds: list[Row]) -> None:
    for name, rows in zip(EDITABLE, seeds, strict=True):
        write_seed(project, name, rows)


def failures_of_seeds(workspace: Workspace, **variables: Any) -> dict[str, str]:
    """Return the messages of a failed build of these seeds, by seed; all are user errors."""
    given = json.dumps(variables)
    result = workspace.dbt("build", "--select", *EDITABLE, "--vars", given)
    with workspace.active():
        failure = _failure(result, Project(), is_full=False)
    assert isinstance(failure, InputError)
    said = re.findall(r"^(\w+): Configuration: (.*)$", str(failure), re.MULTILINE)
    return dict(said)


# ------------------------------------------------------------------------------ as shipped

EXAMPLES = ROOT / "models" / "intermediate" / "scoring" / "_scoring__unit_tests.yml"


def test_the_worked_examples_hold_for_the_shipped_configuration() -> None:
    """Score with dbt_project.yml itself; the unit tests use a copy of the rules."""
    tests = yaml.safe_load(EXAMPLES.read_text(encoding="utf-8"))
    shipped, actions = tests["anchors"]
    tuned = [
        f"{name}, {what}"
        for name, ruleset in shipped["risk_rulesets"].items()
        for what in differences(ruleset, DEFAULTS["risk_rulesets"].get(name))
    ]
    if [{key: str(value) for key, value in row.items()} for row in actions] != rows_of_seed(
        "recommended_actions"
    ):
        tuned.append("seeds/playbooks/recommended_actions.csv")
    if tuned:
        pytest.skip(
            f"This project is tuned ({'; '.join(tuned)}), which is fine: the worked examples "
            f"describe the rules as shipped. To make them describe yours, change {EXAMPLES.name}."
        )
    scored = 0
    for test in tests["unit_tests"]:
        variables = test.get("overrides", {}).get("vars", {})
        expected = [row for row in test["expect"]["rows"] if "risk_score" in row]
        if test["model"] != "int_customer_scores" or variables["disabled_risk_rules"]:
            continue
        (signals,) = [
            given["rows"]
            for given in test["given"]
            if given["input"] == "ref('int_customer_signals')"
        ]
        found = scores(variables["risk_ruleset"], signals)
        for row in expected:
            key = (str(row.get("as_of_date", signals[0]["as_of_date"])), str(row["customer_id"]))
            assert found[key][0] == row["risk_score"], (test["name"], key)
            assert found[key][1] == row.get("risk_level", found[key][1]), (test["name"], key)
            scored += 1
    assert scored > 80


def differences(shipped: Any, configured: Any) -> list[str]:
    """Return the places where a rule set differs from the shipped one."""
    if configured is None:
        return ["which is gone"]
    rules = {rule["id"]: rule for rule in configured["rules"]}
    found = [] if configured["levels"] == shipped["levels"] else ["levels"]
    if list(rules) != [rule["id"] for rule in shipped["rules"]]:
        found.append("which rules there are")
    for rule in shipped["rules"]:
        mine = rules.get(rule["id"], rule)
        if {key: mine.get(key) for key in rule} != rule:
            found.append(f"rule {rule['id']}")
    return found


def scores(ruleset: str, signals: list[dict[str, Any]]) -> dict[tuple[str, str], tuple[Any, ...]]:
    """(date, customer) -> score and level, computed by the SQL of the configured rules."""
    project = macros({"risk_ruleset": ruleset})
    types = {"ratio": "decimal(38, 12)", "count": "bigint", "flag": "boolean"}
    columns = {name: types[signal["kind"]] for name, signal in project.risk_signals().items()}
    points = " + ".join(
        f"coalesce({project.rule_points(rule)}, 0)" for rule in project.active_rules()
    )
    with duckdb.connect() as connection:
        typed = ", ".join(f"{name} {type_}" for name, type_ in columns.items())
        connection.execute(
            f"create table signals (as_of_date varchar, customer_id varchar, {typed})"
        )
        names = ["as_of_date", "customer_id", *columns]
        connection.executemany(
            f"insert into signals values ({', '.join('?' * len(names))})",
            [
                [None if row.get(name) is None else str(row[name]) for name in names]
                for row in signals
            ],
        )
        found = connection.execute(
            f"""
            select as_of_date, customer_id, score, {project.risk_level("score")}
            from (select *, least({points}, 100) as score from signals)
            """
        ).fetchall()
    return {(date, customer): (score, level) for date, customer, score, level in found}


def test_customers_read_no_internals_as_shipped(sample: Workspace) -> None:
    """The build warns if users write other texts."""
    test = ROOT / "tests" / "marts" / "actions" / "assert_customers_read_no_internals.sql"
    tables = sample.select("select table_name, table_schema from information_schema.tables")
    schemas = {row["table_name"]: row["table_schema"] for row in tables}
    sql = re.sub(r"\{\{ config.*\}\}", "", test.read_text(encoding="utf-8"))
    sql = re.sub(r"\{\{ ref\('(\w+)'\) \}\}", lambda ref: f"{schemas[ref[1]]}.{ref[1]}", sql)
    assert sample.column(sql) == []


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
            "bands": [{"between": [2, 3], "points": 7, "reason": '"{value}" (tickets) -- %s'}],
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
        "S01": (100, "High", 'It\'s down 75%; call; "3" (tickets) -- %s; Pays [really]'),
        "S02": (12, "Low", 'Down 50% (0.50); "2" (tickets) -- %s'),
        "S03": (8, "Low", '"2" (tickets) -- %s; Pays [really]'),
    }
    assert scored["S03"]["recommended_actions"].startswith("Run a value-gap call")
    firings = workspace.select(
        "select rule_id, points, threshold, gap_to_next_band, reason "
        "from marts.risk_rule_firings where customer_id = 'S01' order by rule_order"
    )
    assert [tuple(row.values()) for row in firings] == [
        ("usage_drop", 45, Decimal("0.75"), None, "It's down 75%; call"),
        ("tickets_in_band", 7, 3, None, '"3" (tickets) -- %s'),
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


# ------------------------------------------------------------------------------ rule names


def renamed(ruleset: dict[str, Any]) -> dict[str, Any]:
    """Return the same rule set with other rule ids."""
    rules = [rule | {"id": f"our_{rule['id']}"} for rule in ruleset["rules"]]
    return ruleset | {"rules": rules}


def test_a_rule_means_what_its_settings_say_whatever_its_name(workspace: Workspace) -> None:
    """Thin evidence puts a customer last in its level, whatever the name of the rule."""
    tables = company_of(["Much", "Little"], ["S-much", "S-little"])
    usage = tables["feature_usage"]
    tables["feature_usage"] = [
        row | {"usage_count": "900"} if row["subscription_id"] == "S-little" else row
        for row in usage
        if row["subscription_id"] != "S-little" or row["usage_date"] in ("2026-02-01", "2026-02-02")
    ]
    small = {"history_weeks": 1, "backtest_weeks": 0}
    workspace.build_tables(tables, **small)
    shipped = what_people_see(workspace)
    assert "thin evidence" in " ".join(shipped["show"].split())
    assert re.search(r"evidence: thin, 2 usage rows", shipped["explain"])

    ours = renamed(DEFAULTS["risk_rulesets"]["standard"])
    sets = DEFAULTS["risk_rulesets"] | {"standard": ours}
    workspace.build_tables(tables, risk_rulesets=sets, **small)
    assert workspace.column("select rule_id from marts.risk_rules limit 1") == ["our_usage_drop"]
    assert what_people_see(workspace) == shipped

    # an incremental build notices that the setting has changed
    del ours["rules"][0]["evidence"]
    workspace.build_tables(tables, risk_rulesets=sets, **small)
    assert workspace.column("select distinct usage_evidence from marts.customer_risk") == [None]


def what_people_see(place: Workspace) -> dict[str, Any]:
    """Return who is called first, why, and on what evidence."""
    return {
        "list": place.select(
            "select customer_id, contact_priority, risk_score, top_reasons, usage_evidence "
            "from marts.at_risk_customers order by contact_priority"
        ),
        "show": place.churn("show").out,
        "explain": place.churn("explain", "S-little").out,
    }


# ------------------------------------------------------------------------------ a tuned project


class Reads(NamedTuple):
    """The variables that each unit test reads: all of them, and those that it does not set."""

    every: dict[str, set[str]]
    unstated: dict[str, set[str]]


class Tuned(NamedTuple):
    """A project with everything tuned, as one complete `dbt build` left it."""

    project: Path
    place: Workspace
    manifest: bytes
    result: dbtRunnerResult
    reads: Reads


# every variable except the rule sets and the tables, which `tune` changes in place
TUNED = {
    "as_of_date": "2026-03-30",
    "risk_ruleset": "ours",
    "disabled_risk_rules": ["our_trial"],
    "min_usage_rows": 50,
    "late_arrival_days": 10,
    "history_weeks": 3,
    "backtest_horizon_days": 20,
    "backtest_weeks": 4,
    "renewal_notice_days": 400,
    "contact_pause_days": 0,
    "playbook_start_days": {"high": 0, "medium": 3, "renewal": 0},
    "playbook_most_steps": 5,
    "report_customer_pages": 1,
    "risk_action_groups": [*DEFAULTS["risk_action_groups"], "training"],
}


def tune(project: Path) -> None:
    """Change every variable and every editable seed, as far as a build allows."""
    file = project / "dbt_project.yml"
    settings = yaml.safe_load(file.read_text(encoding="utf-8"))
    variables = settings["vars"]
    variables |= TUNED
    # there is only one engine
    unchanged = {"enrichment_engine"}
    for ruleset in variables["risk_rulesets"].values():
        ruleset["levels"] = {"high": 55, "medium": 25}
        drop = ruleset["rules"][0]["bands"][0]
        drop |= {"at_least": 0.65, "points": 45, "reason": "Down by {percent}"}
    ours = renamed(variables["risk_rulesets"]["standard"])
    ours["rules"][-2]["action_group"] = "training"
    # a label with quotes and percent signs, and rules with ranges
    ours["rules"][0]["label"] = CUSTOM["rules"][0]["label"]
    ours["rules"] += CUSTOM["rules"][1:]
    band = {"at_least": 2, "points": 1, "reason": "{value} seats"}
    ours["rules"].append(
        {"id": "seats", "label": "Seats", "signal": "seats", "dated": False, "bands": [band]}
    )
    variables["risk_rulesets"]["ours"] = ours
    accounts = variables["saas_tables"]["accounts"]
    accounts["required"]["plan_tier"] = accounts["optional"].pop("plan_tier")
    assert {name for name in DEFAULTS if variables[name] == DEFAULTS[name]} == unchanged
    file.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")

    actions, steps, templates = map(rows_of_seed, EDITABLE)
    for row in actions:
        row["action"] = f"Our answer to {row['action_group']}, {row['action_order']}"
    actions = [row for row in actions if row["action_order"] == "1"]
    actions.append(
        {"action_group": "training", "group_order": "9", "action_order": "1", "action": "Train"}
    )
    for row in steps:
        row["step"] = f"Our step {row['playbook']} {row['step_order']}"
    steps = [row for row in steps if row["playbook"] not in ("preparation", "follow_up")]
    steps.append(steps[0] | {"step_order": "2", "step": "Look twice"})
    templates = [
        {
            "template": name,
            "subject": "A long subject without any name in it, " * 3,
            "email_body": "Hello,\n{customer_phrase}\nAt no risk: {offers}\n{sender}",
        }
        for name in ("general", "support")
    ]
    write_seeds(project, actions, steps, templates)


def add_signal(project: Path) -> None:
    """Add one column to one model, and one row to the registry."""
    for file, before, after in (
        (
            "models/intermediate/signals/int_customer_signals.sql",
            "        customers.is_trial,\n",
            "        customers.is_trial,\n        customers.seats,\n",
        ),
        (
            "macros/signals.sql",
            "        'is_trial': {",
            "        'seats': {\n            'kind': 'count', 'unit': 'seats', 'label': 'Seats',\n"
            "            'source': 'subscriptions', 'dated': false,\n        },\n"
            "        'is_trial': {",
        ),
    ):
        path = project / file
        text = path.read_text(encoding="utf-8")
        assert text.count(before) == 1
        path.write_text(text.replace(before, after), encoding="utf-8")


@contextmanager
def recorded() -> Iterator[Reads]:
    """Record which variables the unit tests read, and which of them they do not set."""
    reads = Reads(defaultdict(set), defaultdict(set))
    look_up = RuntimeVar.__call__

    def look_up_recorded(self: UnitTestVar, name: str, *default: Any) -> Any:
        node = self._node
        stated = (node.overrides.vars if node.overrides else None) or {}
        reads.every[node.name].add(name)
        if name not in stated:
            reads.unstated[node.name].add(name)
        return look_up(self, name, *default)

    with patch.object(UnitTestVar, "__call__", look_up_recorded):
        yield reads


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    folder = tmp_path_factory.mktemp("tuned")
    project = copy_of_project(folder / "project")
    tune(project)
    add_signal(project)
    place = Workspace(folder, folder / "target", light=False)
    with pytest.MonkeyPatch.context() as patched, recorded() as reads:
        patched.chdir(project)
        place.load(small_company())
        result = place.dbt("build", data_dir=place.load_dir)
    manifest = (folder / "target" / "partial_parse.msgpack").read_bytes()
    return Tuned(project, place, manifest, result, reads)


def test_whatever_is_tuned_the_whole_build_is_green(tuned: Tuned) -> None:
    """The build includes unit tests and data tests."""
    assert tuned.result.exception is None
    results = tuned.result.result.results
    wrong = {node.node.name: node.message for node in results if node.status in WRONG}
    assert wrong == {}
    unit_tests = {node.node.name for node in results if node.node.resource_type == "unit_test"}
    assert len(unit_tests) > 90
    warned = {node.node.name for node in results if node.status == "warn"}
    assert "assert_customers_read_no_internals" in warned

    place = tuned.place
    shown = place.select("from marts.customer_risk where customer_id = 'S01'")[0]
    assert shown["ruleset"] == "ours"
    assert shown["top_reasons"].startswith("Down by 7")
    assert shown["usage_evidence"] == "strong"
    assert "Our step" in place.column("select step from marts.next_best_actions")[-1]
    assert place.column("select distinct email_subject like 'A long%' from marts.outreach_drafts")


def test_a_new_signal_is_one_column_and_one_row_of_the_registry(tuned: Tuned) -> None:
    place = tuned.place
    assert place.select("from marts.risk_signals where signal_name = 'seats'") == [
        {
            "signal_name": "seats",
            "signal_number": 15,
            "signal_label": "Seats",
            "signal_kind": "count",
            "signal_unit": "seats",
            "source_table": "subscriptions",
            "is_dated": False,
        }
    ]
    fired = place.select("""
        select evaluations.points, evaluations.reason, customers.seats
        from marts.risk_rule_evaluations as evaluations
        inner join marts.customer_risk as customers using (customer_id)
        where rule_id = 'seats' and fired
    """)
    assert fired
    assert all(row["points"] == 1 for row in fired)
    assert all(row["reason"] == f"{row['seats']} seats" for row in fired)


def test_every_signal_of_the_registry_is_a_described_column(sample: Workspace) -> None:
    kinds = {"ratio": "DECIMAL(38,12) DECIMAL(18,6)", "count": "BIGINT INTEGER", "flag": "BOOLEAN"}
    columns = {
        row["column_name"]: row["data_type"]
        for row in sample.select("""
            select column_name, data_type from duckdb_columns()
            where table_name = 'int_customer_signals'
        """)
    }
    described = (ROOT / "docs" / "columns.md").read_text(encoding="utf-8")
    for name, signal in macros({}).risk_signals().items():
        assert columns[name] in kinds[signal["kind"]], name
        assert f"{{% docs {name} %}}" in described
    counted = sample.column("select distinct signal_name from marts.signal_sources")
    assert set(counted) <= set(macros({}).risk_signals())


# failing statuses; a skipped node means that another node failed
WRONG = ("error", "fail", "runtime error", "skipped", "partial success")


def test_a_unit_test_states_each_variable_that_it_reads(tuned: Tuned) -> None:
    """A unit test that sets them cannot fail because someone tuned dbt_project.yml."""
    assert len(tuned.reads.every) > 30
    assert dict(tuned.reads.unstated) == {}


def test_unit_tests_take_no_rows_from_seeds_that_people_edit() -> None:
    """If a test gives a seed no rows, dbt uses the rows of the file."""
    for file in ROOT.glob("models/**/*__unit_tests.yml"):
        for test in yaml.safe_load(file.read_text(encoding="utf-8"))["unit_tests"]:
            for given in test["given"]:
                assert "rows" in given, (file.name, test["name"], given["input"])


RULES = [rule["id"] for rule in DEFAULTS["risk_rulesets"]["standard"]["rules"]]
AS_SHIPPED = {name: value for name, value in DEFAULTS.items() if name in (*TUNED, "risk_rulesets")}
CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "standard": {},
    "basic": {"risk_ruleset": "basic"},
    "basic without new_customer": {
        "risk_ruleset": "basic",
        "disabled_risk_rules": ["new_customer"],
    },
    **{f"without {rule}": {"disabled_risk_rules": [rule]} for rule in RULES},
    "without any rule": {"disabled_risk_rules": RULES},
    "levels": changed("levels", to={"high": 90, "medium": 5}),
    "copied and renamed": {
        "risk_rulesets": {"ours": renamed(DEFAULTS["risk_rulesets"]["standard"])},
        "risk_ruleset": "ours",
    },
    "one week": {"history_weeks": 1},
    "no backtest": {"backtest_weeks": 0},
    "a band": changed("rules", 0, "bands", 0, to=BAND),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_unit_tests_hold_under_every_configuration(
    tuned: Tuned, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run the tests that read the changed variables, in a warehouse built with other rules."""
    variables = AS_SHIPPED | CONFIGURATIONS[name]
    of_rules = {"risk_rulesets", "risk_ruleset", "disabled_risk_rules"}
    read = set(CONFIGURATIONS[name]) or of_rules
    tests = [test for test, names in tuned.reads.every.items() if names & read]
    manifest = Manifest.from_msgpack(tuned.manifest)
    manifest.build_flat_graph()
    monkeypatch.chdir(tuned.project)
    with tuned.place.active(), patch.dict(os.environ, CHURN_DATA_DIR=str(tuned.place.load_dir)):
        try:
            result = dbtRunner(manifest=manifest).invoke(
                ["--log-level", "none", "test", "--select", *tests, "--vars", json.dumps(variables)]
            )
        finally:
            DuckDBConnectionManager.close_all_connections()
    assert result.exception is None
    # hooks have results, too
    results = [node for node in result.result.results if node.node.resource_type == "unit_test"]
    assert {node.node.name: node.message for node in results if node.status != "pass"} == {}
    assert len(results) == len(tests) > 0


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
        # the limit of 64 bits, and beyond
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
