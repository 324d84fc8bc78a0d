"""From the list to work done: what is logged is shown, and scores nothing."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from churn.generate import generate
from conftest import AS_OF, ROOT, Tables, Workspace
from test_cli import held_by_another_process, plain

BEFORE = AS_OF - timedelta(days=7)


def run(place: Workspace, tables: Tables, day: date = AS_OF) -> None:
    settings = f"{{as_of_date: {day}}}"
    found = place.churn("run", "--data", place.write(tables), "--vars", settings, "--record")
    assert found.code == 0, found


def log(place: Workspace, *arguments: object) -> None:
    found = place.churn("outcome", *arguments)
    assert (found.code, found.err) == (0, "")


def listed(place: Workspace, *arguments: object) -> str:
    found = place.churn("list", *arguments)
    assert (found.code, found.err) == (0, "")
    return plain(found.out)


def customer(place: Workspace, customer_id: str) -> dict[str, Any]:
    [row] = place.select("select * from marts.at_risk_customers where customer_id = ?", customer_id)
    return row


# ------------------------------------------------------------------------------ plans and drafts


@pytest.fixture
def generated(workspace: Workspace, tmp_path: Path) -> Workspace:
    """A company of its own, with faults."""
    generate(tmp_path / "data", accounts=300, seed=11, signal="weak", faults=True)
    return workspace.build(tmp_path / "data")


@pytest.mark.parametrize("company", ["sample", "ravenstack", "generated"])
def test_every_active_customer_at_risk_has_a_plan_and_drafts(
    company: str, request: pytest.FixtureRequest
) -> None:
    place: Workspace = request.getfixturevalue(company)
    customers = place.select("select * from marts.at_risk_customers where is_active")
    plans = place.select("select * from marts.next_best_actions order by customer_id, step_number")
    drafts = {
        row["customer_id"]: row for row in place.select("select * from marts.outreach_drafts")
    }
    assert len(customers) > 20
    assert drafts.keys() == {row["customer_id"] for row in customers}
    rules = place.select("select * from marts.risk_rule_firings")
    for row in customers:
        plan = [step for step in plans if step["customer_id"] == row["customer_id"]]
        fired = {rule["rule_id"] for rule in rules if rule["customer_id"] == row["customer_id"]}
        _assert_complete(row, plan, fired)
        _assert_can_be_sent(row, drafts[row["customer_id"]])


def _assert_complete(row: dict[str, Any], plan: list[dict[str, Any]], fired: set[str]) -> None:
    assert 3 <= len(plan) <= 7
    assert [step["step_number"] for step in plan] == list(range(1, len(plan) + 1))
    first, last = plan[0], plan[-1]
    assert last["step"] == "Follow up in 7 days"
    if "usage_drop" in fired:
        assert first["step"].startswith("Confirm success criteria")
    assert {step["rule_id"] for step in plan} - {None} <= fired
    for step in plan:
        assert step["step"]
        assert step["channel"]
        assert step["owner"] == row["csm_name"] or (
            row["csm_name"] is None
            and step["owner"] in {"CSM", "support lead", "onboarding", "account executive"}
        )
    days = (first["due_date"] - first["known_since"]).days
    assert days <= (2 if row["risk_level"] == "High" else 5)


def _assert_can_be_sent(row: dict[str, Any], draft: dict[str, Any]) -> None:
    name = row["account_name"] or row["account_id"]
    email = f"{draft['email_subject']}\n{draft['email_body']}".replace(name, "")
    assert 0 < len(draft["email_subject"]) <= 78
    assert name in draft["email_body"]
    assert not re.search(r"[{}]|churn|\brisk|score|\bARR\b|None|null", email, re.IGNORECASE)
    for reason in row["top_reasons"].split("; "):
        assert reason not in email
        assert reason in draft["slack_message"]
    if row["arr"]:
        assert f"{row['arr']:,.0f}" not in email
        assert f"ARR {row['arr']:,.0f}" in draft["slack_message"]
    assert f"{row['risk_level']} risk, score {row['risk_score']}" in draft["slack_message"]


def test_due_dates_stand_still_from_build_to_build(workspace: Workspace, tables: Tables) -> None:
    def plans() -> list[dict[str, Any]]:
        return workspace.select(
            "select customer_id, step, due_date, known_since from marts.next_best_actions "
            "where customer_id = 'S01' order by step_number"
        )

    run(workspace, tables, BEFORE)
    first = plans()
    assert {step["known_since"] for step in first} == {BEFORE}
    run(workspace, tables)
    then = {step["step"]: step["due_date"] for step in first}
    again = plans()
    assert {step["known_since"] for step in again} == {BEFORE}
    assert {step["step"]: step["due_date"] for step in again if step["step"] in then} == then
    # a week without a contact
    assert customer(workspace, "S01")["is_overdue"]
    assert "overdue" in listed(workspace)


# ------------------------------------------------------------------------------ what is logged


def test_what_is_logged_is_on_the_list_and_scores_nothing(
    workspace: Workspace, tables: Tables
) -> None:
    run(workspace, tables, BEFORE)
    run(workspace, tables)
    scores = workspace.contents("marts", "intermediate")["marts.customer_risk"]
    log(workspace, "add", "S01", "contacted", "--at", AS_OF - timedelta(days=3), "--note", "<b>")
    log(workspace, "not-a-risk", "S02", "moved to the parent account")

    out = listed(workspace)
    row = customer(workspace, "S01")
    assert (row["last_outcome"], row["last_contact_date"]) == ("contacted", AS_OF - timedelta(3))
    assert row["days_since_contact"] == 3
    assert row["next_step_due"] > row["last_contact_date"]
    assert re.search(rf"\bcontacted\b.*\b{AS_OF - timedelta(days=3)}\b", out, re.DOTALL)
    [logged] = workspace.select("select * from marts.customer_outcomes where kind = 'outcome'")
    assert (logged["customer_id"], logged["account_id"], logged["note"]) == ("S01", "A01", "<b>")
    assert workspace.contents("marts", "intermediate")["marts.customer_risk"] == scores

    alarms = workspace.select("select * from marts.false_alarms where false_alarms > 0")
    fired = workspace.select("select * from marts.risk_rule_firings where customer_id = 'S02'")
    assert {alarm["rule_id"] for alarm in alarms} == {rule["rule_id"] for rule in fired}
    # steps that were due by the contact are done, the others are not
    steps = workspace.select("select * from marts.next_best_actions where customer_id = 'S01'")
    for step in steps:
        assert step["is_done"] == (step["due_date"] <= AS_OF - timedelta(days=3))


def test_who_is_at_risk_has_a_next_step_whatever_was_done(
    workspace: Workspace, tables: Tables
) -> None:
    run(workspace, tables)
    log(workspace, "add", "S01", "no_response")
    listed(workspace)
    # nobody was reached: the plan stands, and is not late
    assert workspace.column("select bool_or(is_done) from marts.next_best_actions") == [False]
    assert not customer(workspace, "S01")["is_overdue"]
    log(workspace, "add", "S01", "contacted")
    listed(workspace)
    row = customer(workspace, "S01")
    assert row["next_step"] == "Follow up in 7 days"
    assert row["next_step_due"] == row["last_contact_date"] + timedelta(days=7)
    steps = workspace.column(
        "select is_done from marts.next_best_actions where customer_id = 'S01' order by step_number"
    )
    assert steps == [True] * (len(steps) - 1) + [False]


def test_an_outcome_after_the_as_of_date_is_shown_as_today(
    workspace: Workspace, tables: Tables
) -> None:
    run(workspace, tables)
    log(workspace, "add", "S01", "renewed")
    listed(workspace)
    row = customer(workspace, "S01")
    assert (row["last_outcome"], row["days_since_contact"]) == ("renewed", 0)
    assert not row["is_overdue"]


def test_a_snoozed_customer_comes_last_until_its_day(workspace: Workspace, tables: Tables) -> None:
    run(workspace, tables)
    assert customer(workspace, "S01")["contact_priority"] == 1
    log(workspace, "snooze", "S01", AS_OF + timedelta(days=1))
    assert f"until {AS_OF + timedelta(days=1)}" in listed(workspace)
    row = customer(workspace, "S01")
    last = workspace.column("select max(contact_priority) from marts.at_risk_customers")
    assert [row["contact_priority"]] == last
    assert last[0] > 1
    assert row["list_status"] == "snoozed"
    # retracting the snooze wakes it
    [snooze] = workspace.select("select * from marts.customer_outcomes")
    log(workspace, "retract", snooze["outcome_id"])
    listed(workspace)
    assert customer(workspace, "S01")["contact_priority"] == 1


def test_outcomes_of_customers_that_nobody_knows_are_listed(
    workspace: Workspace, tables: Tables
) -> None:
    # a customer that has not begun by the as-of date has no score, but may have outcomes
    later = {"subscription_id": "S-later", "start_date": str(AS_OF + timedelta(days=1))}
    tables["subscriptions"].append({**tables["subscriptions"][0], **later})
    run(workspace, tables)
    with held_by_another_process(workspace.warehouse):
        found = workspace.churn("outcome", "add", "S-typo", "contacted")
        workspace.churn("outcome", "add", "S-later", "contacted")
    assert found.code == 0
    assert "The next build lists ids that no customer has" in plain(found.out)
    listed(workspace)
    assert workspace.select(
        "select column_name, issue, row_count, example from quality.data_quality_issues "
        "where table_name = 'outcomes'"
    ) == [
        {
            "column_name": "customer_id",
            "issue": "unknown_subscription",
            "row_count": 1,
            "example": "S-typo",
        }
    ]
    assert workspace.column("select customer_id from marts.customer_outcomes") == ["S-later"]


# ------------------------------------------------------------------------------ the week's calls


@pytest.fixture
def calls(sample: Workspace, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """The customers whose calls are printed, in order."""
    monkeypatch.chdir(ROOT)

    def shown(*arguments: object) -> list[str]:
        out = listed(sample, *arguments)
        return re.findall(r"\bS\d{4}-\d\b", out)

    return shown


def _expected(place: Workspace, where: str = "true") -> list[str]:
    return place.column(
        f"""
        select accounts.worst_customer_id
        from marts.at_risk_accounts as accounts
        where accounts.account_id in (
            select any_one.account_id
            from marts.at_risk_customers as any_one
            where any_one.is_active and {where}
        )
        order by accounts.contact_priority
        """
    )


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        ((), "true"),
        (("--level", "medium"), "any_one.risk_level = 'Medium'"),
        (("--plan", "enterprise"), "any_one.plan_tier = 'Enterprise'"),
        (("--min-arr", "50000"), "accounts.arr_at_risk >= 50000"),
        (("--churned",), "any_one.churned"),
        (("--owner", "kenji morimoto"), "accounts.next_step_owner = 'Kenji Morimoto'"),
        (
            ("--level", "High", "--plan", "Pro"),
            "any_one.risk_level = 'High' and any_one.plan_tier = 'Pro'",
        ),
    ],
)
def test_the_calls_are_the_accounts_that_fit(
    sample: Workspace, calls: Callable[..., list[str]], arguments: tuple[str, ...], where: str
) -> None:
    expected = _expected(sample, where)
    assert len(expected) > 1
    assert calls("--capacity", "1000", *arguments) == expected
    assert calls("--capacity", "1", *arguments) == expected[:1]


def test_the_list_is_headed_by_what_changed(
    sample: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    out = listed(sample)
    changes = sample.select("select * from marts.list_changes order by status_order")
    assert [change["list_status"] for change in changes] == [
        *("new", "worse", "better", "overdue", "unchanged", "snoozed")
    ]
    assert " ".join(str(change["accounts"]) for change in changes) in " ".join(out.split())
    accounts = sample.column("select count(*) from marts.at_risk_accounts")
    assert sum(change["accounts"] for change in changes) == accounts[0]
    assert "The next 20 calls" in out
    assert f"and {accounts[0] - 20} more" in out


def test_nobody_fits(sample: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert "No account with an active customer at risk fits." in listed(sample, "--owner", "nobody")
