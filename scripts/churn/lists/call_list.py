"""Implements `churn list`: prints as many accounts as there is time to call, in list order.

It only selects from the marts and computes nothing.
"""

from dataclasses import dataclass
from decimal import Decimal

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from churn.project import Project
from churn.project.options import Level
from churn.terminal import plain, plain_text, print_warnings
from churn.warehouse import Row, reading
from churn.warehouse.customer_ids import shown_id

_CALLS = """
    select
        accounts.*,
        coalesce(accounts.account_name, accounts.account_id) as account,
        worst.plan_tier
    from marts.at_risk_accounts as accounts
    inner join marts.at_risk_customers as worst
        on accounts.worst_customer_id = worst.customer_id
    where
        exists (
            select 1
            from marts.at_risk_customers as customers
            where
                customers.account_id = accounts.account_id
                and customers.is_active
                and ($plan is null or lower(customers.plan_tier) = lower($plan))
                and ($level is null or customers.risk_level = $level)
                and (not $churned or customers.churned)
        )
        and (
            $owner is null
            or lower(coalesce(accounts.next_step_owner, accounts.csm_name)) = lower($owner)
        )
        and ($min_arr is null or accounts.arr_at_risk >= $min_arr)
    order by accounts.contact_priority
"""
_CHANGES = "select * from marts.list_changes order by status_order"
_AS_OF = """
    select summary.usage_window_end, summary.ruleset, trend.previous_date
    from marts.executive_summary as summary
    inner join marts.risk_trend as trend on summary.usage_window_end = trend.as_of_date
"""

_NAME_LENGTH, _STEP_LENGTH = 60, 120
_STYLES = {"overdue": "bold red", "new": "bold yellow", "worse": "yellow", "snoozed": "dim"}


@dataclass(frozen=True)
class Filters:
    """Filters for accounts; None and False do not filter.

    `plan`, `level` and `churned` match if any active customer at risk of the account matches.
    `owner` is the owner of the next step.
    """

    plan: str | None = None
    level: Level | None = None
    min_arr: Decimal | None = None
    churned: bool = False
    owner: str | None = None


def show_calls(project: Project, console: Console, capacity: int, filters: Filters) -> None:
    """Print the week's changes, then the first `capacity` accounts that pass the filters.

    Raises InputError if there is no built warehouse, and ChurnError if it cannot be read.
    """
    with reading(project) as warehouse:
        warnings = warehouse.warnings()
        as_of = warehouse.one(_AS_OF)
        changes = warehouse.select(_CHANGES)
        calls = warehouse.select(_CALLS, **vars(filters))
        data_set = warehouse.data_set()
    print_warnings(warnings, console)
    since = as_of["previous_date"] or "the week before"
    title = f"As of {as_of['usage_window_end']}, against {since} (rule set {as_of['ruleset']})"
    console.print(Text(title, style="bold"))
    console.print(plain_text(f"Data: {data_set}. All accounts at risk:"))
    console.print(_change_table(changes))
    next_calls = min(capacity, len(calls))
    noun = "call" if next_calls == 1 else "calls"
    console.print(Text(f"\nThe next {next_calls:,} {noun}", style="bold"))
    if not calls:
        console.print("No account with an active customer at risk fits.")
        return
    console.print(_call_table(calls[:capacity]))
    if len(calls) > capacity:
        console.print(f"… and {len(calls) - capacity:,} more; CAPACITY={len(calls)} shows all.")


def _change_table(changes: list[Row]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0))
    table.add_column("")
    for change in changes:
        style = _STYLES.get(change["list_status"], "")
        table.add_column(Text(change["list_status"], style=style), justify="right")
    table.add_row("Accounts", *(f"{change['accounts']:,}" for change in changes))
    table.add_row("ARR at risk", *(f"{change['arr_at_risk']:,.0f}" for change in changes))
    return table


def _call_table(calls: list[Row]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), expand=True)
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column("Account, customer, plan", ratio=24, overflow="fold")
    table.add_column("ARR\nat risk", justify="right", no_wrap=True)
    table.add_column("Score", justify="right", no_wrap=True)
    table.add_column("Status,\nlast contact", no_wrap=True)
    table.add_column("Renewal", no_wrap=True)
    table.add_column("Next step, who, by when", ratio=40, overflow="fold")
    for call in calls:
        table.add_row(
            str(call["contact_priority"]),
            Text("\n").join(
                [
                    plain_text(call["account"], limit=_NAME_LENGTH),
                    plain_text(
                        f"{shown_id(call['worst_customer_id'])}, {call['plan_tier'] or '–'}",
                        limit=_NAME_LENGTH,
                    ),
                ]
            ),
            f"{call['arr_at_risk']:,.0f}",
            f"{call['risk_score']}\n{call['risk_level']}",
            _status(call),
            _renewal(call),
            _next_step(call),
        )
    return table


def _status(call: Row) -> Text:
    status = Text(call["list_status"], style=_STYLES.get(call["list_status"], ""))
    if call["snoozed_until"]:
        status.append(f"\nuntil {call['snoozed_until']}")
    elif call["last_contact_date"]:
        status.append(f"\n{call['last_outcome']}\n{call['last_contact_date']}")
    return status


def _renewal(call: Row) -> str:
    return f"{call['next_renewal_date']}" + ("\nestimated" if call["is_renewal_estimated"] else "")


def _next_step(call: Row) -> Text:
    if call["next_step"] is None:
        return Text("the plan is done")
    owner = plain(call["next_step_owner"], _NAME_LENGTH)
    who = Text(f"{owner}, by {call['next_step_due']}", style="dim")
    return Text("\n").join([plain_text(call["next_step"], limit=_STEP_LENGTH), who])
