"""The SQL scores equal an independent reference, on data at every boundary of the rules.

So do the history and the movements. `HYPOTHESIS_EXAMPLES` runs more examples.
"""

import os
from dataclasses import replace
from datetime import timedelta

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiled_models import CONFIGURED_DATE, CompiledProject, Models, fingerprint
from generated_facts import Scenario, published, raw_tables, scenario
from reference_scoring import RULESETS, Facts, Subscription, Usage, history, scores


# ------------------------------------------------------------------------------ the property
def differences(
    project: CompiledProject, case: Scenario, models: Models | None = None
) -> list[str]:
    """Describe where the SQL and the reference disagree."""
    is_configured = case.configured is not None
    models = models or project.by_choice[case.ruleset, is_configured]
    raw = raw_tables(case.facts, case.seed)
    raw["stg_store__published_scores"] = published(case, fingerprint(models))
    found = project.pipeline.run(models, raw)
    weeks = project.history_weeks[is_configured]
    differences = []
    for marts in (
        scores(case.facts, case.ruleset, case.configured, weeks),
        history(case.facts, case.ruleset, case.configured, weeks),
    ):
        for mart, rows in marts.items():
            actual = found[mart]
            differences += [f"{mart} {key}: is missing" for key in rows.keys() - actual.keys()]
            differences += [f"{mart} {key}: should not be" for key in actual.keys() - rows.keys()]
            differences += [
                f"{mart} {key}: {column} is {actual[key][column]!r}, not {value!r}"
                for key in rows.keys() & actual.keys()
                for column, value in rows[key].items()
                if actual[key][column] != value
            ]
    return differences


# the same examples every time, unless more are requested
MORE_EXAMPLES = os.environ.get("HYPOTHESIS_EXAMPLES")


@settings(
    max_examples=int(MORE_EXAMPLES or 40),
    derandomize=not MORE_EXAMPLES,
    database=None,
    deadline=None,
)
@given(
    seed=st.integers(0, 2**32 - 1),
    accounts=st.integers(1, 80),
    ruleset=st.sampled_from(list(RULESETS)),
    is_configured=st.booleans(),
)
def test_sql_scores_equal_the_reference(
    compiled_project: CompiledProject, seed: int, accounts: int, ruleset: str, is_configured: bool
) -> None:
    found = differences(compiled_project, scenario(seed, accounts, ruleset, is_configured))
    assert not found, "\n".join(found[:10])


@pytest.mark.parametrize("gap_days", [30, 31])
def test_a_date_more_than_30_days_beyond_the_rest_stops_the_build(
    compiled_project: CompiledProject, gap_days: int
) -> None:
    case = Scenario("standard", None, Facts([], [], [], [], [], []), seed=0)
    case.facts.account_ids.append("A")
    case.facts.subscriptions.append(Subscription("S", "A", CONFIGURED_DATE))
    last = CONFIGURED_DATE + timedelta(gap_days)
    case.facts.usage.extend(Usage("S", day, 1) for day in (CONFIGURED_DATE, last))
    # usage in between, but of an unknown customer
    case.facts.usage.append(Usage("nobody", last - timedelta(1), 1))
    if gap_days == 30:
        assert differences(compiled_project, case) == []
    else:
        with pytest.raises(duckdb.Error, match=f"{last}, lies 31 days"):
            differences(compiled_project, case)


def test_without_usage_of_a_known_customer_the_build_stops(
    compiled_project: CompiledProject,
) -> None:
    case = Scenario("standard", None, Facts([], [], [], [], [], []), seed=0)
    case.facts.account_ids.append("A")
    case.facts.subscriptions.append(Subscription("S", "A", CONFIGURED_DATE))
    case.facts.usage.append(Usage("nobody", CONFIGURED_DATE, 1))
    said = "No usage row belongs to a known subscription, .* set the variable as_of_date"
    with pytest.raises(duckdb.Error, match=said):
        differences(compiled_project, case)


# ------------------------------------------------------------------------------ the test can fail
@pytest.mark.parametrize(
    ("model", "right", "wrong"),
    [
        ("int_customer_scores", "usage_drop_pct >= 0.4 ", "usage_drop_pct > 0.4 "),
        ("int_customer_scores", "tickets_30d >= 6 ", "tickets_30d > 6 "),
        ("int_customer_scores", "tenure_days < 60", "tenure_days <= 60"),
        ("int_customer_scores", "floor(", "round("),
        ("int_customer_usage", "as_of_date - 30 and", "as_of_date - 29 and"),
        ("int_customer_usage", "as_of_date - 60 and", "as_of_date - 61 and"),
        ("int_account_support", "ticket_id desc", "ticket_id asc"),
        ("int_account_support", "closed_at as date) <=", "closed_at as date) <"),
        ("int_account_support", "submitted_at desc", "submitted_at asc"),
        ("int_customer_signals", "end_date > as_of_dates", "end_date >= as_of_dates"),
        ("int_customer_signals", "not churn_intents.is_account_level", "true"),
        ("int_customer_signals", "start_date <= as_of_dates", "start_date < as_of_dates"),
        ("int_customer_signals", "churn_date <= as_of_dates", "churn_date < as_of_dates"),
        ("int_as_of_dates", "inner join subscriptions", "left join subscriptions"),
        ("checked_saas__feature_usage", "end is not null\n", "end is not null or true\n"),
        ("checked_saas__subscriptions", "'yes'", "'oui'"),
        ("at_risk_customers", "arr desc nulls last", "arr desc nulls first"),
        ("at_risk_accounts", "where is_active", "where true"),
        # Mondays, a Sunday as-of date listed twice, a shorter or a longer week
        ("int_as_of_dates", "1899-12-31", "1900-01-01"),
        ("int_as_of_dates", "as_of_date - 1", "as_of_date - 0"),
        ("int_as_of_dates", "dates.as_of_date - 7", "dates.as_of_date - 6"),
        ("int_as_of_dates", "<= dates.as_of_date - 7", "< dates.as_of_date - 7"),
        ("int_as_of_dates", "left join history_dates", "left join dates"),
        # a spell that continues after a gap, a spell of High only, a day too many
        ("int_customer_movements", "max(as_of_date)", "min(as_of_date)"),
        ("int_customer_movements", "= 'Low'", "!= 'High'"),
        ("int_customer_movements", "> last_calm_dates", ">= last_calm_dates"),
        ("int_customer_movements", "where is_history", "where true"),
        ("customer_risk_history", "where is_history", "where true"),
        ("risk_movements", "= 'High' or", "= 'High' and"),
        ("risk_movements", "is not null and then_scores", "is not null or then_scores"),
        ("risk_movements", "risk_level != then_scores.risk_level", "is_active"),
        ("risk_trend", "max(tickets_30d)", "sum(tickets_30d)"),
        ("risk_trend", "previous_date = earlier", "as_of_date = earlier"),
    ],
)
def test_a_wrong_rule_is_found(
    compiled_project: CompiledProject, model: str, right: str, wrong: str
) -> None:
    models = compiled_project.by_choice["standard", False]
    assert right in models[model].sql
    mutated = replace(models[model], sql=models[model].sql.replace(right, wrong))
    cases = (scenario(seed, 60, "standard", False) for seed in range(5))
    assert any(differences(compiled_project, case, {**models, model: mutated}) for case in cases)
