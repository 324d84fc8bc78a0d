"""Reads the exported rows: active customers at risk, with their plans, drafts and history."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from churn.outcomes.customers import look_up_one
from churn.project import Project
from churn.terminal.errors import InputError
from churn.warehouse import Row, Warehouse, reading
from churn.warehouse.customer_ids import shown_id, staged_id

_CUSTOMERS = """
    with

    customers as (
        select * from marts.at_risk_customers
        where is_active and ($customer is null or customer_id = $customer)
    ),

    steps as (
        select plans.customer_id, list(plans order by step_number) as steps
        from marts.next_best_actions as plans
        inner join customers on plans.customer_id = customers.customer_id
        group by plans.customer_id
    ),

    labels as (
        select
            rule_id,
            min(driver_label) as label,
            min(signal_unit) as unit
        from marts.risk_rules
        group by rule_id
    ),

    rules as (
        select
            evaluations.customer_id,
            list(
                struct_insert(evaluations, label := labels.label, unit := labels.unit)
                order by points desc, rule_order
            ) as rules
        from marts.risk_rule_evaluations as evaluations
        inner join labels on evaluations.rule_id = labels.rule_id
        inner join customers on evaluations.customer_id = customers.customer_id
        group by evaluations.customer_id
    ),

    weeks as (
        select
            history.customer_id,
            list(
                {as_of_date: as_of_date, score: history.risk_score, level: history.risk_level}
                order by as_of_date
            ) as weeks
        from marts.customer_risk_history as history
        inner join customers on history.customer_id = customers.customer_id
        group by history.customer_id
    ),

    logged as (
        select customer_id, count(*) as outcomes_logged
        from marts.customer_outcomes
        group by customer_id
    )

    select
        customers.*,
        coalesce(customers.account_name, customers.account_id) as account,
        drafts.email_subject,
        drafts.email_body,
        drafts.slack_message,
        steps.steps,
        coalesce(rules.rules, []) as rules,
        coalesce(weeks.weeks, []) as weeks,
        -- a row of the list is another one once an outcome of its customer was logged
        md5(concat_ws(
            chr(31), customers.usage_window_end, customers.customer_id,
            coalesce(logged.outcomes_logged, 0)
        )) as row_key
    from customers
    inner join marts.outreach_drafts as drafts on customers.customer_id = drafts.customer_id
    inner join steps on customers.customer_id = steps.customer_id
    left join rules on customers.customer_id = rules.customer_id
    left join weeks on customers.customer_id = weeks.customer_id
    left join logged on customers.customer_id = logged.customer_id
    order by customers.contact_priority
"""
_SUMMARY = """
    select
        summary.*,
        listed.*,
        trend.previous_date,
        trend.arr_at_risk_change,
        verdicts.verdict_text as verdict,
        levels.high_from,
        levels.medium_from
    from marts.executive_summary as summary
    inner join marts.risk_trend as trend on summary.usage_window_end = trend.as_of_date
    left join marts.backtest_verdicts as verdicts on verdicts.is_headline
    cross join (
        select
            count(*) as listed_customers,
            count(case when risk_level = 'High' then 1 end) as listed_high,
            count(distinct account_id) as listed_accounts
        from marts.at_risk_customers
        where is_active
    ) as listed
    cross join (
        select
            max(case when risk_level = 'High' then level_from end) as high_from,
            max(case when risk_level = 'Medium' then level_from end) as medium_from
        from marts.risk_levels
    ) as levels
"""
_CHANGES = "select * from marts.list_changes order by status_order"
_ACCOUNTS = """
    select
        accounts.*,
        coalesce(accounts.account_name, accounts.account_id) as account,
        coalesce((
            select list(firings.reason order by firings.points desc, firings.rule_order)
            from marts.risk_rule_firings as firings
            where firings.customer_id = accounts.worst_customer_id
        ), []) as reasons
    from marts.at_risk_accounts as accounts
    order by accounts.contact_priority
"""
_STANDING = """
    select is_active, risk_level, risk_score from marts.customer_risk where customer_id = $customer
"""


_ROWS_AT_ONCE = 500


class Customers:
    """Yields customers as rows on demand, because ten thousand at once would fill the memory.

    Each is a row of `at_risk_customers` with `account` (its name, else its id), `email_subject`,
    `email_body`, `slack_message` and `row_key`. It also holds lists of rows: `steps`
    (`next_best_actions`), `rules` (`risk_rule_evaluations` with `label` and `unit`) and `weeks`
    (`as_of_date`, `score`, `level`).
    """

    def __init__(self, rows: pa.Table, on_row: Callable[[], None] | None = None) -> None:
        """Take rows in export order.

        `on_row` is called after each row has been processed.
        """
        self._rows = rows
        self._on_row = on_row

    def watched(self, on_row: Callable[[], None]) -> "Customers":
        """Return the same rows with a callback that is called after each one."""
        return Customers(self._rows, on_row)

    def __len__(self) -> int:
        """The number of customers."""
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        """Iterate over the rows by contact priority."""
        for batch in self._rows.to_batches(_ROWS_AT_ONCE):
            for row in batch.to_pylist():
                yield row
                if self._on_row is not None:
                    self._on_row()


@dataclass(frozen=True)
class Export:
    """The content of the exported files.

    Attributes:
        as_of: the as-of date.
        summary: one row: `executive_summary` with the week's changes, the verdict, and the
            lowest scores of High and Medium risk (`high_from`, `medium_from`).
        warnings: problems of the data, in words.
        changes: one row per status on the list of accounts.
        accounts: `at_risk_accounts` by contact priority, with `account` and `reasons`, heaviest
            first.
        data_set: a description of whose data it is.
        customers: the active customers at risk, by contact priority.
    """

    as_of: date
    summary: Row
    warnings: list[str]
    changes: list[Row]
    accounts: list[Row]
    data_set: str
    customers: Customers


def read(project: Project, customer: str | None = None) -> Export:
    """Read the list of the last build, or only one `customer` of it.

    Raises:
        InputError: nothing has been built, or the customer is not on the list.
        ChurnError: the warehouse cannot be read.
    """
    customer_id = None if customer is None else staged_id(customer)
    if customer_id is not None:
        look_up_one(project, customer_id)
    with reading(project) as warehouse:
        summary = warehouse.one(_SUMMARY)
        if customer_id is not None:
            _check_listed(warehouse, customer_id)
        return Export(
            as_of=summary["usage_window_end"],
            summary=summary,
            warnings=warehouse.warnings(),
            changes=warehouse.select(_CHANGES),
            accounts=warehouse.select(_ACCOUNTS),
            data_set=warehouse.data_set(),
            customers=Customers(warehouse.table(_CUSTOMERS, customer=customer_id)),
        )


def _check_listed(warehouse: Warehouse, customer_id: str) -> None:
    standing = warehouse.one(_STANDING, customer=customer_id)
    if standing["is_active"] and standing["risk_level"] != "Low":
        return
    why = (
        f"its risk is Low (score {standing['risk_score']})"
        if standing["is_active"]
        else "it has ended"
    )
    raise InputError(
        f"{shown_id(customer_id)} is not on the list: {why}. There is nothing to export for it; "
        f"`churn explain {shown_id(customer_id)}` says how it is scored."
    )
