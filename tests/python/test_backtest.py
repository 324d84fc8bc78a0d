"""The backtest: its figures, the coverage of its intervals, and its verdicts.

The figures must equal those of `reference_backtest`, on simulated scores. dbt compiles the models
once, and they run in an in-memory DuckDB. Each set of scores acts as a separate rule set, so that
one run judges all of them.
"""

import json
import random
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import t as student
from sklearn.metrics import roc_auc_score

import reference_backtest as reference
from churn.generate import generate
from churn.generate.settings import Signal
from compiled_models import Models, compiled_models
from conftest import Tables, Workspace, built_once, made_once
from project_macros import macros
from reference_backtest import LABELS, Judged, Scored

Key = tuple[Any, ...]
Rows = dict[Key, dict[str, Any]]

SIGNALS = ("all rules", "dated signals only")
SUNDAY = date(2025, 12, 7)
HORIZON = 90

# ------------------------------------------------------------------------------ the compiled SQL
STATISTICS = ("risk_backtest", "backtest_verdicts", "risk_calibration", "risk_backtest_by_rule")
WANTED = (*STATISTICS, "int_as_of_dates")
# the tests supply these tables
GIVEN = (
    "int_backtest_scores",
    "int_backtest_outcomes",
    "int_customer_signals",
    "stg_saas__subscriptions",
    "stg_saas__feature_usage",
    "int_published_scores",
)
NAMES = {
    "risk_backtest": ("label", "ruleset", "signals", "as_of_date"),
    "backtest_verdicts": ("label", "ruleset", "signals"),
    "risk_calibration": ("label", "ruleset", "signals", "score_from"),
    "risk_backtest_by_rule": ("label", "rule_id"),
    "int_as_of_dates": ("as_of_date",),
}

SETS = [f"set_{number}" for number in range(250)]
BACKTEST_WEEKS = 12
RULES = {"errors": ("errors_30d", 1), "tickets": ("tickets_30d", 3), "never": ("usage_30d", 10**9)}


def rule(rule_id: str, signal: str, at_least: int) -> dict[str, Any]:
    band = {"at_least": at_least, "points": 10, "reason": "so it is"}
    return {"id": rule_id, "label": rule_id, "signal": signal, "dated": True, "bands": [band]}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    levels = {"high": 60, "medium": 30}
    rules = [rule(name, *test) for name, test in RULES.items()]
    switched_off = rule("switched_off", "tenure_days", 0)
    variables = {
        "risk_ruleset": "active",
        "risk_rulesets": {
            "active": {"levels": levels, "rules": [*rules, switched_off]},
            "other": {"levels": levels, "rules": rules},
        },
        "disabled_risk_rules": ["switched_off"],
        "history_weeks": 2,
        "backtest_weeks": BACKTEST_WEEKS,
        "backtest_horizon_days": HORIZON,
    }

    def make() -> Models:
        return compiled_models(tmp_path_factory.mktemp("backtest"), WANTED, GIVEN, variables)

    found: Models = made_once(tmp_path_factory, "backtest", make)
    return found


@pytest.fixture(scope="module")
def any_set(models: Models) -> Models:
    """The models, changed to judge every set of scores and not only the configured rule sets."""
    verdicts = models["backtest_verdicts"]
    found = f"select distinct label, ruleset, signals from {models['int_backtest_counts'].relation}"
    sql, replaced = re.subn(
        r"(\bcandidates as \().*?(\n\),\n)", rf"\1{found}\2", verdicts.sql, count=1, flags=re.DOTALL
    )
    assert replaced == 1
    return {**models, "backtest_verdicts": replace(verdicts, sql=sql)}


def run(models: Models, given: Mapping[str, pa.Table], *wanted: str) -> dict[str, Rows]:
    """Run the wanted models over the given tables, and return their rows by key."""
    needed, open_names = set(), list(wanted)
    while open_names:
        name = open_names.pop()
        needed.add(name)
        open_names += [] if name in given else models[name].reads
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute("attach ':memory:' as churn")
        for schema in sorted({models[name].relation.rsplit(".", 1)[0] for name in needed}):
            connection.execute(f"create schema {schema}")
        for name, model in models.items():
            if name in given:
                connection.register("rows", given[name])
                connection.execute(f"create table {model.relation} as from rows")
            elif name in needed:
                connection.execute(f"create table {model.relation} as {model.sql}")
        return {name: rows_of(connection, models, name) for name in wanted}


def rows_of(connection: duckdb.DuckDBPyConnection, models: Models, name: str) -> Rows:
    found = connection.execute(f"from {models[name].relation}")
    names = [column[0] for column in found.description]
    rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    by_key = {tuple(row[column] for column in NAMES[name]): row for row in rows}
    assert len(by_key) == len(rows), f"{name} has two rows with the same key"
    return by_key


# ------------------------------------------------------------------------------ simulated scores
Sets = dict[tuple[str, str], list[Scored]]

# scores with many ties
SCORES = ((0, 100), (30,), (0, 12, 60), (0, 10, 28, 28, 40, 69, 70, 89, 90, 99, 100), range(101))
LEVELS = ((60, 30), (50, 10), (100, 1), (101, 101))
ACCOUNT_IDS = ("A-{}", "{}", "b {}|7", "é{}", "😀{}", "A-{}'s")


def level_of(score: int, thresholds: tuple[int, int]) -> str:
    high, medium = thresholds
    return "High" if score >= high else "Medium" if score >= medium else "Low"


class Company:
    """Accounts with some customers each, scored on some Sundays until they leave."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.scores = self.random.choice(SCORES)
        self.levels = self.random.choice(LEVELS)
        self.leaving = self.random.choice((0, 0.05, 0.2, 0.5, 0.8, 1))
        weeks = self.random.sample(range(20), self.random.randint(1, 8))
        self.days = sorted(SUNDAY + timedelta(7 * week) for week in weeks)

    def rows(self) -> list[Scored]:
        return [row for place in range(self.random.randint(1, 40)) for row in self.account(place)]

    def some_day(self) -> date | None:
        """Return the day a customer leaves, if it does: before, between, on or after the dates."""
        if self.random.random() >= self.leaving:
            return None
        if self.leaving == 1:
            return self.days[0] + timedelta(HORIZON)
        return self.days[0] + timedelta(self.random.randint(-30, 250))

    def account(self, place: int) -> Iterable[Scored]:
        account_id = self.random.choice(ACCOUNT_IDS).format(place)
        churns = [day for _ in range(self.random.randint(0, 3)) if (day := self.some_day())]
        for customer in range(self.random.randint(1, 3)):
            end, usual = self.some_day(), self.random.choice(self.scores)
            for day in self.days:
                if (end is None or end > day) and self.random.random() < 0.9:
                    horizon = [day + timedelta(days) for days in range(1, HORIZON + 1)]
                    score = self.random.choice([usual, self.random.choice(self.scores)])
                    yield Scored(
                        day,
                        f"{account_id}.{customer}",
                        account_id,
                        end if end in horizon else None,
                        min((churn for churn in churns if churn in horizon), default=None),
                        score,
                        level_of(score, self.levels),
                    )


def split(score: int, left: int, stayed: int, day: date = SUNDAY) -> list[Scored]:
    """Return customers with the same score, each with its own account."""
    end = day + timedelta(30)
    return [
        Scored(day, name, name, end if place < left else None, None, score, "Low")
        for place in range(left + stayed)
        for name in [f"{score}-{place}"]
    ]


# sets of scores with a known verdict, named after what they show
KNOWN: dict[str, tuple[str, list[Scored]]] = {
    "30 churners, all found": ("predictive", split(90, 30, 0) + split(0, 0, 300)),
    "29 churners, all found": ("not enough churners", split(90, 29, 0) + split(0, 0, 300)),
    "30 churners, the safest": ("inverse", split(90, 0, 300) + split(0, 30, 0)),
    "an AUC of .55": ("predictive", split(50, 200, 640) + split(0, 200, 960)),
    "just below .55": ("no evidence", split(50, 200, 641) + split(0, 200, 959)),
    "an AUC of .45": ("inverse", split(50, 200, 960) + split(0, 200, 640)),
    "just above .45": ("no evidence", split(50, 200, 959) + split(0, 200, 641)),
    "above .55, by chance": ("no evidence", split(50, 20, 160) + split(0, 20, 240)),
    "below .45, by chance": ("no evidence", split(50, 20, 240) + split(0, 20, 160)),
    # 999,999.5 of a million pairs: rounded, the AUC is 1
    "one tie in a million pairs": (
        "predictive",
        split(90, 999, 0) + split(50, 1, 1) + split(0, 0, 999),
    ),
    "nobody left": ("not enough churners", split(50, 0, 20)),
    "everybody left": ("no evidence", split(50, 30, 0) + split(0, 30, 0)),
    # All scores of a day are equal. Over both days, the churners have the higher scores.
    "a base rate that drifts": (
        "no evidence",
        split(90, 100, 100) + split(0, 10, 190, SUNDAY + timedelta(7)),
    ),
    # the same 20 churners count on three dates, but are still only 20
    "20 churners, three times": (
        "not enough churners",
        [
            row
            for week in range(3)
            for row in split(90, 20, 0, SUNDAY + timedelta(7 * week))
            + split(0, 0, 100, SUNDAY + timedelta(7 * week))
        ],
    ),
}


def known_key(what: str) -> tuple[str, str]:
    return SETS[list(KNOWN).index(what)], SIGNALS[0]


def given_scores(sets: Sets) -> dict[str, pa.Table]:
    """Return the sets as tables for the compiled models."""
    rows = [
        {"ruleset": ruleset, "signals": signals, **asdict(row)}
        for (ruleset, signals), scored in sets.items()
        for row in scored
    ]
    scores = pa.Table.from_pylist(rows)
    place = scores.schema.get_field_index("risk_score")
    scores = scores.set_column(place, "risk_score", scores["risk_score"].cast(pa.int32()))
    return {"int_backtest_scores": scores, "int_backtest_outcomes": accounts_of(scores)}


def accounts_of(scores: pa.Table) -> pa.Table:
    return pa.table({"account_id": scores["account_id"].unique()})


@pytest.fixture(scope="module", params=[30, pytest.param(80, marks=pytest.mark.slow)])
def sets(request: pytest.FixtureRequest) -> Sets:
    """Simulated companies, and the sets with a known verdict."""
    # the company of seed 72 has a date with one customer
    seeds = {*range(request.param), 72}
    found = {(SETS[len(KNOWN) + n // 2], SIGNALS[n % 2]): Company(n).rows() for n in seeds}
    found |= {known_key(what): rows for what, (_, rows) in KNOWN.items()}
    return {key: rows for key, rows in found.items() if rows}


@pytest.fixture(scope="module")
def judged(any_set: Models, sets: Sets) -> dict[str, Rows]:
    return run(
        any_set,
        given_scores(sets),
        *("risk_backtest", "backtest_verdicts", "risk_calibration"),
    )


def assert_figures(found: Mapping[str, Any], expected: Mapping[str, Any], where: object) -> None:
    """Assert equal figures; numbers must agree to the 6 published digits."""
    for name, value in expected.items():
        actual = found[name]
        if value is None or isinstance(value, str | date):
            assert actual == value, (where, name)
        else:
            assert actual is not None, (where, name)
            # SQL rounds the count in the top decile before it divides by a tenth
            digits = 6e-6 if "top_decile" in name else 1e-6
            assert abs(float(actual) - float(value)) <= digits, (where, name, actual, value)


# ------------------------------------------------------------------------------ the figures
def assert_dates(judged: Mapping[str, Rows], sets: Sets) -> Rows:
    expected = {
        (label, *key, day): figures
        for key, rows in sets.items()
        for label in LABELS
        for day, figures in reference.backtest(rows, label).items()
    }
    assert judged["risk_backtest"].keys() == expected.keys()
    for key, figures in expected.items():
        assert_figures(judged["risk_backtest"][key], figures, key)
    return expected


def assert_pooled(judged: Mapping[str, Rows], sets: Sets) -> None:
    assert judged["backtest_verdicts"].keys() == {(label, *key) for key in sets for label in LABELS}
    for (label, *key), found in judged["backtest_verdicts"].items():
        assert_figures(found, reference.pooled(sets[tuple(key)], label), (label, key))


def assert_calibration(judged: Mapping[str, Rows], sets: Sets) -> None:
    expected = {
        (label, *key, start): figures
        for key, rows in sets.items()
        for label in LABELS
        for start, figures in reference.calibration(rows, label).items()
    }
    assert judged["risk_calibration"].keys() == expected.keys()
    for key, figures in expected.items():
        assert_figures(judged["risk_calibration"][key], figures, key)


def test_the_figures_of_every_date_equal_the_reference(judged: dict[str, Rows], sets: Sets) -> None:
    expected = assert_dates(judged, sets)
    # the simulation covers the difficult cases: no AUC, no flag, one customer, all scores equal
    assert len(expected) > 200
    assert any(figures["auc"] is None for figures in expected.values())
    assert any(figures["median_lead_days"] is None for figures in expected.values())
    assert any(figures["customers"] == 1 for figures in expected.values())
    assert any(figures["auc"] == 0.5 for figures in expected.values())


def test_the_pooled_figures_equal_the_reference(judged: dict[str, Rows], sets: Sets) -> None:
    assert_pooled(judged, sets)


def test_the_pooled_auc_is_not_that_of_pooled_scores(judged: dict[str, Rows], sets: Sets) -> None:
    key = known_key("a base rate that drifts")
    assert judged["backtest_verdicts"]["subscription_ended", *key]["auc"] == Decimal("0.5")
    assert reference.auc(sets[key], "subscription_ended") > 0.75


def test_calibration_equals_the_reference(judged: dict[str, Rows], sets: Sets) -> None:
    assert_calibration(judged, sets)


@pytest.mark.parametrize(
    ("mart", "model", "right", "wrong"),
    [
        (
            "risk_backtest",
            "int_backtest_placements",
            "(2 * stayers_up_to - stayers)",
            "(2 * stayers_up_to)",
        ),
        (
            "risk_backtest",
            "int_backtest_placements",
            "- churners_up_to) + churners",
            "- churners_up_to)",
        ),
        ("risk_backtest", "int_backtest_counts", "order by risk_score desc", "order by risk_score"),
        ("risk_backtest", "int_backtest_counts", "- 10 * customers_above", "- 9 * customers_above"),
        ("risk_backtest", "int_backtest_warnings", "customer_id, churned_on\n", "customer_id\n"),
        ("risk_backtest", "int_backtest_warnings", "order by as_of_date\n", "\n"),
        ("risk_backtest", "int_backtest_aucs", "2.372271", "2.372"),
        ("risk_backtest", "int_backtest_aucs", "* count(*) /", "* (count(*) + 1) /"),
        ("risk_backtest", "int_backtest_influences", "is not null then", "is null then"),
        ("backtest_verdicts", "backtest_verdicts", "count(distinct customer_id)", "count(*)"),
        ("backtest_verdicts", "backtest_verdicts", "/ means.auc_dates", "/ 1"),
        (
            "backtest_verdicts",
            "int_backtest_influences",
            "ended_on is not null",
            "ended_on is null",
        ),
        (
            "risk_calibration",
            "risk_calibration",
            "sums.customers)) / sums.customers",
            "sums.customers))",
        ),
        ("risk_calibration", "risk_calibration", "else 10 * band + 9", "else 10 * band + 10"),
    ],
)
def test_a_wrong_figure_is_found(
    any_set: Models, mart: str, model: str, right: str, wrong: str
) -> None:
    assert right in any_set[model].sql
    mutated = replace(any_set[model], sql=any_set[model].sql.replace(right, wrong))
    few = {(SETS[len(KNOWN) + n // 2], SIGNALS[n % 2]): Company(n).rows() for n in range(12)}
    few |= {known_key(what): rows for what, (_, rows) in list(KNOWN.items())[6:]}
    found = run({**any_set, model: mutated}, given_scores(few), mart)
    check = {
        "risk_backtest": assert_dates,
        "backtest_verdicts": assert_pooled,
        "risk_calibration": assert_calibration,
    }[mart]
    with pytest.raises(AssertionError):
        check(found, few)


@pytest.mark.parametrize("seed", range(5))
def test_the_figures_of_every_rule_equal_the_reference(models: Models, seed: int) -> None:
    scored = Company(1000 + seed).rows()
    choice = random.Random(seed)
    values = {name: [choice.choice((0, 1, 2, 3, 4)) for _ in scored] for name in "et"}
    rows = [
        Judged(
            row.account_id,
            frozenset(
                [*(["errors"] if errors >= 1 else []), *(["tickets"] if tickets >= 3 else [])]
            ),
            row.ended_on,
            row.account_churned_on,
        )
        for row, errors, tickets in zip(scored, values["e"], values["t"], strict=True)
    ]
    outcomes = pa.Table.from_pylist([asdict(row) for row in scored])
    signals = outcomes.select(["as_of_date", "customer_id", "account_id"])
    signals = signals.append_column("errors_30d", pa.array(values["e"]))
    signals = signals.append_column("tickets_30d", pa.array(values["t"]))
    signals = signals.append_column("usage_30d", pa.array([0] * len(scored)))
    given = {"int_customer_signals": signals, "int_backtest_outcomes": outcomes}
    found = run(models, given, "risk_backtest_by_rule")["risk_backtest_by_rule"]

    expected = {
        (label, name): reference.rule_figures(rows, name, label)
        for label in LABELS
        for name in RULES
    }
    # a disabled rule adds no points and is not judged
    assert found.keys() == expected.keys()
    for key, figures in expected.items():
        assert_figures(found[key], figures, key)


# ------------------------------------------------------------------------------ the intervals
def test_influences_are_the_derivatives_of_the_auc() -> None:
    """Check the reference itself: compare with scikit-learn's AUC after small weight changes."""
    rows = split(50, 20, 160) + split(10, 5, 9) + split(0, 20, 240)
    left = [row.ended_on is not None for row in rows]
    score = [row.risk_score for row in rows]
    influences = reference.auc_influences(rows, "subscription_ended")
    assert abs(influences.sum()) < 1e-12
    for place in (0, 25, 180, 186, 195, 300):
        weight, step = np.ones(len(rows)), 1e-5
        weight[place] += step
        more = roc_auc_score(left, score, sample_weight=weight)
        weight[place] -= 2 * step
        less = roc_auc_score(left, score, sample_weight=weight)
        assert influences[place] == pytest.approx((more - less) / (2 * step), abs=1e-8)


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 5, 10, 89, 1000])
def test_the_quantile_is_that_of_student(degrees: int) -> None:
    with duckdb.connect() as connection:
        [(found,)] = connection.execute(f"select {macros({}).t_quantile(degrees)}").fetchall()
    assert float(found) == pytest.approx(float(student.ppf(0.975, degrees)), rel=0.003)


# A 95% interval covers between 92% and 98% of 250 companies, except one time in 50.
COVERAGE = [(60, 0.85, 1), pytest.param(250, 0.92, 0.98, marks=pytest.mark.slow)]


@pytest.mark.parametrize(("count", "least", "most"), COVERAGE)
def test_intervals_of_auc_and_precision_cover_the_truth_as_often_as_they_say(
    any_set: Models, count: int, least: float, most: float
) -> None:
    """Draw companies from a world with known figures, and count how often intervals cover them.

    Intervals that ignore the clustering by account cover the truth too rarely.
    """
    truth, companies = simulated_companies(count, seed=1)
    by_account = companies.append_column("signals", pa.array([SIGNALS[0]] * len(companies)))
    row_number = pa.array([f"{n % 3000}" for n in range(len(companies))])
    place = companies.schema.get_field_index("account_id")
    by_row = companies.set_column(place, "account_id", row_number)
    by_row = by_row.append_column("signals", pa.array([SIGNALS[1]] * len(companies)))
    scores = pa.concat_tables([by_account, by_row])
    given = {"int_backtest_scores": scores, "int_backtest_outcomes": accounts_of(scores)}
    judged = run(any_set, given, "backtest_verdicts", "risk_calibration")

    def coverage(mart: str, figure: str, truth: float, *key: Any) -> float:
        found = [judged[mart]["subscription_ended", name, *key] for name in SETS[:count]]
        return float(
            np.mean([row[f"{figure}_low"] <= truth <= row[f"{figure}_high"] for row in found])
        )

    covered = {
        "auc": coverage("backtest_verdicts", "auc", truth.auc, "all rules"),
        **{
            f"precision from {score}": coverage(
                "risk_calibration", "churn_rate", rate, "all rules", score // 10 * 10
            )
            for score, rate in truth.leaving.items()
        },
    }
    assert all(least <= share <= most for share in covered.values()), covered
    assert coverage("backtest_verdicts", "auc", truth.auc, "dated signals only") < 0.7
    # the AUC itself is unbiased
    aucs = [
        judged["backtest_verdicts"]["subscription_ended", name, "all rules"]
        for name in SETS[:count]
    ]
    assert abs(np.mean([float(row["auc"]) for row in aucs]) - truth.auc) < 0.2 / count**0.5


@pytest.mark.parametrize(("count", "least", "most"), COVERAGE)
def test_intervals_of_lift_cover_the_truth_as_often_as_they_say(
    models: Models, count: int, least: float, most: float
) -> None:
    """One rule per score fires at that score; each company has its own set of these rules."""
    truth, companies = simulated_companies(count, seed=2)
    with duckdb.connect() as connection:
        connection.register("companies", companies)
        counts = connection.execute("""
            select
                'subscription_ended' as label,
                ruleset || ' ' || fires_at as rule_id,
                account_id,
                count(*) as customers,
                count(ended_on) as churners,
                count(*) filter (where risk_score = fires_at) as customers_fired,
                count(ended_on) filter (where risk_score = fires_at) as churners_fired
            from companies
            cross join (select distinct risk_score as fires_at from companies)
            group by all
        """).to_arrow_table()
        connection.register("counts", counts)
        rules = connection.execute("""
            select distinct
                'active' as ruleset, rule_id, 1 as rule_order, rule_id as driver_label,
                true as is_dated, 10 as points, true as is_enabled
            from counts
        """).to_arrow_table()
    given = {"int_backtest_rule_counts": counts, "risk_rules": rules}
    found = run(models, given, "risk_backtest_by_rule")["risk_backtest_by_rule"]
    covered = {}
    for score, rate in truth.leaving.items():
        rows = [found["subscription_ended", f"{name} {score}"] for name in SETS[:count]]
        lift = rate / truth.base_rate
        covered[score] = np.mean([row["lift_low"] <= lift <= row["lift_high"] for row in rows])
    assert all(least <= share <= most for share in covered.values()), covered


@dataclass(frozen=True)
class World:
    """The true figures of simulated companies."""

    auc: float
    base_rate: float
    # score -> share of its customers that leave
    leaving: dict[int, float]


def simulated_companies(count: int, seed: int) -> tuple[World, pa.Table]:
    """Return the true figures of a world, and companies of 90 accounts drawn from it.

    The kind of an account sets its chances of each score and of leaving. Most of its customers
    share the account's score and fate on every date; the others draw their own with the same
    chances.
    """
    rng = np.random.default_rng(seed)
    scores = np.array([0, 12, 30, 45, 70])
    kinds = np.array([0.4, 0.35, 0.25])
    scoring = np.array(
        [[0.5, 0.2, 0.15, 0.1, 0.05], [0.3, 0.2, 0.2, 0.2, 0.1], [0.1, 0.15, 0.2, 0.25, 0.3]]
    )
    leaving = np.array([0.1, 0.25, 0.6])

    left, stayed = (kinds * leaving) @ scoring, (kinds * (1 - leaving)) @ scoring
    base_rate, rates = left.sum(), left / (left + stayed)
    left, stayed = left / left.sum(), stayed / stayed.sum()
    truth = World(
        auc=float(sum(left * (np.cumsum(stayed) - stayed / 2))),
        base_rate=float(base_rate),
        leaving=dict(zip(scores.tolist(), rates.tolist(), strict=True)),
    )

    accounts = count * 90
    kind = rng.choice(3, size=accounts, p=kinds)
    cumulated = scoring.cumsum(axis=1)

    def scores_of(kind: np.ndarray) -> np.ndarray:
        return (rng.random(len(kind))[:, None] > cumulated[kind]).sum(axis=1).clip(max=4)

    account_score, account_leaves = scores_of(kind), rng.random(accounts) < leaving[kind]
    account = np.repeat(np.arange(accounts), rng.integers(1, 5, accounts))
    customer = np.repeat(np.arange(len(account)), 3)
    account = np.repeat(account, 3)
    alone = rng.random((2, len(account))) < 0.1
    score = np.where(alone[0], scores_of(kind[account]), account_score[account])
    leaves = np.where(
        alone[1], rng.random(len(account)) < leaving[kind[account]], account_leaves[account]
    )
    days = np.array([SUNDAY + timedelta(7 * week) for week in range(3)], dtype="datetime64[D]")
    end = np.datetime64(SUNDAY + timedelta(60), "D")
    return truth, pa.table(
        {
            "ruleset": pa.array(SETS).take(pa.array(account // 90)),
            "as_of_date": pa.array(np.tile(days, len(account) // 3)),
            "customer_id": pa.array(customer).cast(pa.string()),
            "account_id": pa.array(account).cast(pa.string()),
            "ended_on": pa.array(np.where(leaves, end, np.datetime64("NaT"))),
            "account_churned_on": pa.nulls(len(account), pa.date32()),
            "risk_score": pa.array(scores[score].astype(np.int32)),
            "risk_level": pa.array(["Low", "Medium"]).take(pa.array((scores[score] >= 30) * 1)),
        }
    )


# ------------------------------------------------------------------------------ the verdict
@pytest.mark.parametrize("what", KNOWN)
def test_a_known_set_gets_its_verdict(judged: dict[str, Rows], what: str) -> None:
    found = judged["backtest_verdicts"]["subscription_ended", *known_key(what)]
    assert found["verdict"] == KNOWN[what][0], found


def test_verdicts_follow_from_the_figures(judged: dict[str, Rows], sets: Sets) -> None:
    """As the definition says, first of all that few churners say nothing."""
    rows = judged["backtest_verdicts"]
    for key, row in rows.items():
        if row["churned_customers"] < 30 or row["churned_accounts"] < 10:
            expected = "not enough churners"
        elif row["auc"] is None:
            expected = "no evidence"
        elif row["auc_low"] > Decimal("0.5") and row["auc"] >= Decimal("0.55"):
            expected = "predictive"
        elif row["auc_high"] < Decimal("0.5") and row["auc"] <= Decimal("0.45"):
            expected = "inverse"
        else:
            expected = "no evidence"
        assert row["verdict"] == expected, key


def test_what_was_never_scored_has_a_verdict_too(models: Models) -> None:
    given = given_scores({("other", "all rules"): KNOWN["30 churners, all found"][1]})
    rows = run(models, given, "backtest_verdicts")["backtest_verdicts"]
    assert rows.keys() == {
        (label, ruleset, signals)
        for label in LABELS
        for ruleset in ("active", "other")
        for signals in SIGNALS
    }
    assert rows.pop(("subscription_ended", "other", "all rules"))["verdict"] == "predictive"
    unseen = rows.pop(("account_churned", "other", "all rules"))
    assert (unseen["verdict"], unseen["dates"]) == ("not enough churners", 1)
    for row in rows.values():
        assert (row["verdict"], row["dates"]) == ("not enough churners", 0)
        assert row["auc"] is None
    (headline,) = [key for key, row in rows.items() if row["is_headline"]]
    assert headline == ("subscription_ended", "active", "dated signals only")


# ------------------------------------------------------------------------------ eligible dates
@pytest.mark.parametrize("seed", range(40))
def test_a_date_is_judged_where_its_windows_hold_usage_and_its_outcome_is_known(
    models: Models, seed: int
) -> None:
    choice = random.Random(seed)
    first = date(2024, 1, 1) + timedelta(choice.randrange(400))
    as_of = first + timedelta(choice.choice([149, 150, 156, 157, choice.randrange(31, 500)]))
    usage = [first, as_of - timedelta(choice.randint(1, 30)), as_of]
    known, unknown = [("S", day) for day in usage], [("nobody", first - timedelta(90))]
    given = {
        "stg_saas__subscriptions": pa.table({"subscription_id": ["S"]}),
        "stg_saas__feature_usage": pa.Table.from_pylist(
            [
                {"subscription_id": who, "usage_date": day, "usage_count": 1, "error_count": 0}
                for who, day in known + unknown
            ]
        ),
        "int_published_scores": pa.table(
            {"as_of_date": pa.array([], pa.date32()), "configuration": pa.array([], pa.string())}
        ),
    }
    rows = run(models, given, "int_as_of_dates")["int_as_of_dates"]

    days = [first + timedelta(n) for n in range((as_of - first).days + 1)]
    judged = [
        day
        for day in days
        if day.isoweekday() == 7
        and day + timedelta(HORIZON) <= as_of
        and day - timedelta(60) >= first
    ]
    assert {day for (day,), row in rows.items() if row["is_backtest"]} == set(
        judged[-BACKTEST_WEEKS:]
    )


# ------------------------------------------------------------------------------ whole companies
# 90 days before this date is a Sunday, the date that the oracle predicts from
UNTIL = date(2026, 9, 26)
BUILT = ("risk_backtest", "backtest_verdicts", "risk_backtest_by_rule", "int_customer_scores")


def build(place: Workspace, data: Path | Tables, **variables: Any) -> None:
    """Load, and build what the backtest needs."""
    place.load(data)
    result = place.dbt(
        *("build", "--exclude-resource-type", "test", "unit_test", "--vars", json.dumps(variables)),
        *("--select", *(f"+{name}" for name in BUILT)),
        data_dir=place.load_dir,
    )
    assert result.success, result.exception or [r.message for r in result.result if r.message]


def invented(place: Workspace, signal: Signal, accounts: int) -> None:
    """Build a company whose churn has a known cause."""
    generate(
        place.source,
        accounts=accounts,
        seed=11,
        signal=signal,
        file_format="parquet",
        faults=False,
        until=UNTIL,
    )
    build(place, place.source)


Factory = pytest.TempPathFactory


@pytest.fixture(scope="session")
def strong(tmp_path_factory: Factory, target: Path) -> Workspace:
    """A company of 2,000 accounts whose churn has visible causes. Only read it."""
    return built_once(tmp_path_factory, target, "strong", lambda p: invented(p, "strong", 2000))


@pytest.fixture(scope="session")
def null(tmp_path_factory: Factory, target: Path) -> Workspace:
    """A company of 2,000 accounts whose churn is random. Only read it."""
    return built_once(tmp_path_factory, target, "null", lambda p: invented(p, "null", 2000))


def verdicts(place: Workspace) -> Rows:
    rows = place.select("from marts.backtest_verdicts")
    return {(row["label"], row["ruleset"], row["signals"]): row for row in rows}


def headline(place: Workspace) -> dict[str, Any]:
    (row,) = [row for row in verdicts(place).values() if row["is_headline"]]
    return row


def test_warnings_of_the_sample_are_predictive(sample: Workspace) -> None:
    assert_predictive(sample)


@pytest.mark.slow
def test_warnings_of_a_strong_signal_are_predictive(strong: Workspace) -> None:
    assert_predictive(strong)


def assert_predictive(place: Workspace) -> None:
    row = headline(place)
    assert (row["ruleset"], row["verdict"]) == ("standard", "predictive")
    assert row["dates"] == 52
    assert row["auc"] > 0.7
    assert row["lift_high"] > row["lift_medium_or_above"] > 1


@pytest.mark.slow
def test_warnings_know_less_than_the_oracle(strong: Workspace) -> None:
    truth = json.loads((strong.source / "truth" / "model.json").read_text(encoding="utf-8"))
    oracle = truth["oracle_auc"]
    (row,) = strong.select(
        """
        from marts.risk_backtest
        where label = 'subscription_ended' and ruleset = 'standard'
            and signals = 'dated signals only' and as_of_date = ?
        """,
        truth["oracle_as_of_date"],
    )
    assert row["as_of_date"] == UNTIL - timedelta(HORIZON)
    # both judge the same customers with the same churners
    assert row["churners"] == oracle["positives"]
    assert row["customers"] == oracle["positives"] + oracle["negatives"]
    assert 0.55 < row["auc"] < oracle["value"]


@pytest.mark.slow
def test_a_score_without_cause_is_no_evidence(null: Workspace) -> None:
    found = verdicts(null)
    assert len(found) == 8
    assert {key: row["verdict"] for key, row in found.items()} == dict.fromkeys(
        found, "no evidence"
    )
    assert all(row["churned_customers"] > 400 for row in found.values())


def test_the_rules_find_nothing_in_ravenstack(ravenstack: Workspace) -> None:
    found = verdicts(ravenstack)
    for signals in SIGNALS:
        row = found["subscription_ended", "standard", signals]
        assert row["verdict"] == "no evidence", row
        assert row["churned_customers"] >= 30
        assert row["verdict_text"].startswith("No evidence that the warnings mean anything")


def test_past_scores_are_those_of_the_history(sample: Workspace) -> None:
    """Scores agree on shared dates; without undated rules only those rules' points are missing."""
    shared = """
        from intermediate.int_backtest_scores as judged
        inner join intermediate.int_customer_scores as scored using (as_of_date, customer_id)
        where judged.ruleset = 'standard'
    """
    (counts,) = sample.select(f"""
        select
            count(*) as customers,
            count(distinct as_of_date) as dates,
            count(*) filter (where downgrade_flag or is_trial) as undated,
            count(*) filter (
                where signals = 'all rules' and (judged.risk_score, judged.risk_level)
                    is distinct from (scored.risk_score, scored.risk_level)
            ) as different,
            count(*) filter (
                where signals = 'dated signals only' and scored.risk_score < 100
                    and judged.risk_score is distinct from scored.risk_score
                        - if(downgrade_flag, 12, 0) - if(is_trial, 8, 0)
            ) as different_dated
        {shared}
    """)
    # half of the 26 Sundays of the history lie at least 90 days back
    assert counts["dates"] == 13
    assert counts["customers"] > 5000
    assert counts["undated"] > 300
    assert (counts["different"], counts["different_dated"]) == (0, 0)


@pytest.mark.slow
def test_few_churners_are_said_to_be_few_whichever_rules_are_active(workspace: Workspace) -> None:
    # judge every Sunday of a year
    workspace.light = False
    invented(workspace, "strong", 60)
    standard = verdicts(workspace)
    assert all(row["dates"] == 52 for row in standard.values())
    assert all(0 < row["churned_customers"] < 30 for row in standard.values())
    assert {row["verdict"] for row in standard.values()} == {"not enough churners"}
    dates = workspace.select("from marts.risk_backtest order by all")

    build(workspace, workspace.source, risk_ruleset="basic")
    basic = verdicts(workspace)
    assert headline(workspace)["ruleset"] == "basic"
    for rows in (standard, basic):
        for row in rows.values():
            del row["is_headline"]
    assert basic == standard
    assert workspace.select("from marts.risk_backtest order by all") == dates
