"""Plans, drafts and the outcome log: logged work shows on the list and changes no score."""

import copy
import re
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from churn.generate import generate
from churn.project import Project
from churn.warehouse.recorded_scores import publish
from conftest import AS_OF, ROOT, Tables, Workspace, built_once, small_company
from test_cli import held_by_another_process, plain
from test_outcomes import TODAY, Clock

pytestmark = pytest.mark.builds

BEFORE = AS_OF - timedelta(days=7)


def log(place: Workspace, *arguments: object) -> str:
    found = place.churn("outcome", *arguments)
    assert (found.code, found.err) == (0, "")
    return found.out


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
    """A generated company with faults."""
    generate(tmp_path / "data", accounts=300, seed=11, signal="weak", faults=True)
    return workspace.build(tmp_path / "data")


@pytest.mark.parametrize(
    "company", ["sample", "ravenstack", pytest.param("generated", marks=pytest.mark.slow)]
)
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


# ------------------------------------------------------------------------------ the log


def at_risk_since(tables: Tables, account: str, day: date) -> None:
    """Add enough bad tickets on that day to put the account at risk from then on."""
    model = next(row for row in tables["support_tickets"] if row["account_id"] == "A01")
    tables["support_tickets"] += [
        model
        | {"ticket_id": f"{account}-{number}", "account_id": account}
        | {"submitted_at": f"{day} 10:00:00", "closed_at": f"{day} 11:00:00"}
        for number in range(6)
    ]


@pytest.fixture(scope="module")
def worked_on(tmp_path_factory: pytest.TempPathFactory, target: Path) -> Workspace:
    """Build a week ago and today, then log work and print the list.

    S01 and S02 were at risk a week ago, S03 to S08 are new. The warehouse and the list of each
    point in time are kept.
    """
    return built_once(tmp_path_factory, target, "worked_on", _work_on, light=True)


def _work_on(place: Workspace) -> None:
    tables = small_company()
    # a customer that starts after the as-of date has no score, but may have outcomes
    later = {"subscription_id": "S-later", "start_date": str(AS_OF + timedelta(days=1))}
    tables["subscriptions"].append({**tables["subscriptions"][8], **later})
    for number in range(3, 9):
        at_risk_since(tables, f"A{number:02}", AS_OF - timedelta(days=3))
    place.build(tables, as_of_date=str(BEFORE))
    _keep(place, "a week ago")
    with place.active():
        publish(Project())
    place.build(tables, as_of_date=str(AS_OF))
    _keep(place, "today")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("churn.outcomes.log.datetime", Clock)
        log(place, "add", "S01", "contacted", "--at", AS_OF - timedelta(days=3), "--note", "<b>")
        log(place, "not-a-risk", "S02", "moved to the parent account")
        log(place, "add", "S03", "no_response")
        log(place, "add", "S04", "no_response")
        log(place, "add", "S04", "contacted")
        log(place, "add", "S05", "renewed")
        log(place, "snooze", "S06", AS_OF + timedelta(days=1))
        snooze = log(place, "snooze", "S07", AS_OF + timedelta(days=1))
        log(place, "retract", re.search("Logged as ([0-9a-f]+)", snooze)[1])
        with held_by_another_process(place.warehouse):
            said = log(place, "add", "S-typo", "contacted")
            assert "The next build lists ids that no customer has" in plain(said)
            log(place, "add", "S-later", "contacted")
        _keep(place, "worked on")


def _keep(place: Workspace, when: str) -> None:
    """Keep the list at this point in time, and the warehouse behind it."""
    out = listed(place)
    kept = at(place, when)
    kept.warehouse.parent.mkdir()
    shutil.copy(place.warehouse, kept.warehouse)
    kept.warehouse.with_name("list.txt").write_text(out, encoding="utf-8")


def at(place: Workspace, when: str) -> Workspace:
    """Return the workspace as it was at a point in time; only read it."""
    then = copy.copy(place)
    then.warehouse = place.warehouse.parent / when / place.warehouse.name
    return then


def list_of(place: Workspace) -> str:
    return place.warehouse.with_name("list.txt").read_text(encoding="utf-8")


def plan(place: Workspace, customer_id: str) -> list[dict[str, Any]]:
    return place.select(
        "select * from marts.next_best_actions where customer_id = ? order by step_number",
        customer_id,
    )


def test_due_dates_stand_still_from_build_to_build(worked_on: Workspace) -> None:
    first, again = (plan(at(worked_on, when), "S01") for when in ("a week ago", "today"))
    assert {step["known_since"] for step in first} == {BEFORE}
    then = {step["step"]: step["due_date"] for step in first}
    assert {step["known_since"] for step in again} == {BEFORE}
    assert {step["step"]: step["due_date"] for step in again if step["step"] in then} == then
    # a week has passed without a contact
    today = at(worked_on, "today")
    assert customer(today, "S01")["is_overdue"]
    assert "overdue" in list_of(today)
    # a customer that is at risk for the first time is not overdue
    assert {step["known_since"] for step in plan(today, "S03")} == {AS_OF}
    assert not customer(today, "S03")["is_overdue"]


def test_what_is_logged_is_on_the_list_and_scores_nothing(worked_on: Workspace) -> None:
    today, now = at(worked_on, "today"), at(worked_on, "worked on")
    row, day = customer(now, "S01"), AS_OF - timedelta(days=3)
    assert (row["last_outcome"], row["last_contact_date"]) == ("contacted", day)
    assert row["days_since_contact"] == 3
    assert row["next_step_due"] > row["last_contact_date"]
    assert re.search(rf"\bcontacted\b.*\b{day}\b", list_of(now), re.DOTALL)
    [logged] = now.select("select * from marts.customer_outcomes where customer_id = 'S01'")
    assert (logged["kind"], logged["account_id"], logged["note"]) == ("outcome", "A01", "<b>")
    scores = "marts.customer_risk"
    assert now.contents("marts")[scores] == today.contents("marts")[scores]
    # steps due by the day of the contact are done, the others are not
    steps = plan(now, "S01")
    assert {step["is_done"] for step in steps} == {True, False}
    for step in steps:
        assert step["is_done"] == (step["due_date"] <= day)


def test_a_false_alarm_counts_against_the_rules_that_fired(worked_on: Workspace) -> None:
    now = at(worked_on, "worked on")
    alarms = now.column("select rule_id from marts.false_alarms where false_alarms > 0")
    fired = now.column("select rule_id from marts.risk_rule_firings where customer_id = 'S02'")
    assert sorted(alarms) == sorted(fired)
    assert fired


def test_who_is_at_risk_has_a_next_step_whatever_was_done(worked_on: Workspace) -> None:
    now = at(worked_on, "worked on")
    # nobody was reached: the plan still holds, and is not overdue
    assert {step["is_done"] for step in plan(now, "S03")} == {False}
    assert customer(now, "S03")["last_outcome"] == "no_response"
    assert not customer(now, "S03")["is_overdue"]
    row = customer(now, "S04")
    assert row["next_step"] == "Follow up in 7 days"
    assert row["next_step_due"] == row["last_contact_date"] + timedelta(days=7)
    steps = [step["is_done"] for step in plan(now, "S04")]
    assert steps == [True] * (len(steps) - 1) + [False]


def test_an_outcome_after_the_as_of_date_is_shown_as_today(worked_on: Workspace) -> None:
    row = customer(at(worked_on, "worked on"), "S05")
    assert TODAY > AS_OF
    assert (row["last_outcome"], row["days_since_contact"]) == ("renewed", 0)
    assert not row["is_overdue"]


def test_a_snoozed_customer_comes_last_until_its_day(worked_on: Workspace) -> None:
    today, now = at(worked_on, "today"), at(worked_on, "worked on")
    in_order = """
        select customer_id from marts.at_risk_customers where is_active order by contact_priority
    """
    assert today.column(in_order)[-1] != "S06"
    assert now.column(in_order)[-1] == "S06"
    assert customer(now, "S06")["list_status"] == "snoozed"
    assert f"until {AS_OF + timedelta(days=1)}" in list_of(now)
    # Retracting the snooze restores the customer's place among those with no logged work.
    assert customer(now, "S07")["list_status"] == customer(today, "S07")["list_status"] == "new"
    untouched = ("S07", "S08")
    before, after = (
        [name for name in place.column(in_order) if name in untouched] for place in (today, now)
    )
    assert before == after


def test_outcomes_of_customers_that_nobody_knows_are_listed(worked_on: Workspace) -> None:
    now = at(worked_on, "worked on")
    assert now.select(
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
    shown = now.column("select customer_id from marts.customer_outcomes")
    assert "S-later" in shown
    assert "S-typo" not in shown


# ------------------------------------------------------------------------------ the week's calls


@pytest.fixture
def calls(sample: Workspace, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Return the customers whose calls are printed, in order."""
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
