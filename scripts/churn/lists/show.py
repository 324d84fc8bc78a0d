"""Implements `churn show`: prints whom to call first, and how reliable the list is.

It only selects from the marts and computes nothing.
"""

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from rich import box
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.table import Table
from rich.text import Text

from churn.files.disk import saying_what_is_refused
from churn.files.made import replace_file
from churn.project import Project
from churn.terminal import plain, plain_text, print_warnings
from churn.warehouse import Row, reading
from churn.warehouse.customer_ids import shown_id

_ACCOUNTS_SHOWN = 15
_TRIALS_SHOWN = 5
_REASONS_SHOWN = 3
_ISSUES_SHOWN = 6

_ACCOUNTS = """
    select
        accounts.contact_priority,
        coalesce(accounts.account_name, accounts.account_id) as account,
        accounts.worst_customer_id,
        worst.plan_tier,
        accounts.arr_at_risk,
        accounts.customers_at_risk,
        accounts.active_customers,
        accounts.risk_score,
        accounts.risk_level,
        accounts.risk_score_change,
        accounts.first_at_risk_date,
        (
            select list(
                {reason: firings.reason, evidence: rules.evidence}
                order by firings.points desc, firings.rule_order
            )
            from marts.risk_rule_firings as firings
            inner join (select distinct rule_id, evidence from marts.risk_rules) as rules
                on firings.rule_id = rules.rule_id
            where firings.customer_id = accounts.worst_customer_id
        ) as reasons,
        worst.usage_evidence,
        accounts.recommended_actions
    from marts.at_risk_accounts as accounts
    inner join marts.at_risk_customers as worst
        on accounts.worst_customer_id = worst.customer_id
    where (accounts.arr_at_risk > 0) = $paying
    order by accounts.contact_priority
    limit $rows
"""

_SUMMARY = """
    select
        summary.*,
        (select count(*) from marts.at_risk_accounts where arr_at_risk > 0) as paying_accounts,
        (select count(*) from marts.at_risk_accounts where arr_at_risk <= 0) as free_accounts,
        (
            select count(*) from marts.customer_risk
            where is_active and signal_coverage = 'none'
        ) as active_without_signals,
        (select coalesce(sum(rows_rejected), 0) from quality.row_reconciliation) as rows_rejected,
        (
            select coalesce(sum(exact_duplicates), 0) from quality.row_reconciliation
        ) as exact_duplicates,
        (select count(*) from quality.data_quality_issues) as issues,
        (
            select rows_staged from quality.row_reconciliation where table_name = 'ticket_messages'
        ) as messages,
        (
            select count(*) from marts.ticket_insights
            where error is null and is_from_data and is_scored
        ) as messages_read,
        (
            select string_agg(distinct model, ', ' order by model) from marts.ticket_insights
            where error is null and is_from_data and is_scored
        ) as models,
        (select verdict_text from marts.backtest_verdicts where is_headline) as verdict,
        trend.previous_date,
        trend.high_change,
        trend.medium_change,
        trend.arr_at_risk_change
    from marts.executive_summary as summary
    inner join marts.risk_trend as trend on summary.usage_window_end = trend.as_of_date
"""

_ISSUES = """
    select
        issues.table_name || coalesce('.' || issues.column_name, '') as place,
        issues.row_count,
        issues.example,
        kinds.meaning
    from quality.data_quality_issues as issues
    inner join config.issue_kinds as kinds on issues.issue = kinds.issue
    where issues.issue not in ('late_feed', 'low_volume_feed')
    order by issues.issue = 'missing_column', issues.row_count desc, place
    limit $rows
"""

_EVIDENCE = {
    "strong": "strong evidence",
    "thin": "thin evidence",
    "incomplete window": "incomplete window",
}
_LEVEL_STYLES = {"High": "bold red", "Medium": "yellow"}


class _Rows(NamedTuple):
    warnings: list[str]
    data_set: str
    accounts: list[Row]
    free_accounts: list[Row]
    summary: Row
    issues: list[Row]


def show(project: Project, console: Console, picture: Path | None = None) -> None:
    """Print the at-risk list with its caveats, and save it as an SVG `picture` if given.

    Raises InputError if there is no built warehouse, and ChurnError if it cannot be read.
    """
    rows = _read(project)
    print_warnings(rows.warnings, console)
    _print_accounts(rows, console)
    _print_totals(rows, console)
    _print_quality(rows, console)
    _print_next(console)
    if picture is not None:
        # drop the theme's web font, which every viewer of the picture would download
        svg_format = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
        page = console.export_svg(title="churn show", code_format=svg_format)
        unfinished = picture.with_name(f".{picture.name}.new")
        with saying_what_is_refused(picture, "--svg"):
            unfinished.write_text(page, encoding="utf-8")
            replace_file(unfinished, picture, "picture")


def _read(project: Project) -> _Rows:
    with reading(project) as warehouse:
        return _Rows(
            warnings=warehouse.warnings(),
            data_set=warehouse.data_set(),
            accounts=warehouse.select(_ACCOUNTS, paying=True, rows=_ACCOUNTS_SHOWN),
            free_accounts=warehouse.select(_ACCOUNTS, paying=False, rows=_TRIALS_SHOWN),
            summary=warehouse.one(_SUMMARY),
            issues=warehouse.select(_ISSUES, rows=_ISSUES_SHOWN),
        )


def _print_accounts(rows: _Rows, console: Console) -> None:
    as_of: date = rows.summary["usage_window_end"]
    title = (
        f"Accounts to call first, each with the customer to start with, as of {as_of} "
        f"(rule set {rows.summary['ruleset']})"
    )
    if rows.summary["previous_date"]:
        title += f"; the score's change is since {rows.summary['previous_date']}"
    if not rows.accounts and not rows.free_accounts:
        console.print(Text(title, style="bold"))
        console.print("No active customer is at High or Medium risk.\n")
        return
    if rows.accounts:
        console.print(Text(title, style="bold"))
        console.print(_account_table(rows.accounts))
    unseen = rows.summary["paying_accounts"] - len(rows.accounts)
    if unseen:
        console.print(f"… and {unseen:,} more in marts.at_risk_accounts")
    if rows.free_accounts:
        console.print(Text("\nTrials and others without revenue at stake", style="bold"))
        console.print(_account_table(rows.free_accounts))
        unseen = rows.summary["free_accounts"] - len(rows.free_accounts)
        if unseen:
            console.print(f"… and {unseen:,} more in marts.at_risk_accounts (arr_at_risk <= 0)")
    console.print()


def _account_table(accounts: Sequence[Row]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), expand=True)
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column("Account", ratio=19, overflow="fold")
    table.add_column("Customer,\nplan", overflow="fold", max_width=12)
    table.add_column("ARR\nat risk", justify="right", no_wrap=True)
    table.add_column("Customers\nat risk", justify="right", no_wrap=True)
    table.add_column("Score,\nsince", justify="right", no_wrap=True)
    table.add_column("Why, and the first action", ratio=49)
    for account in accounts:
        table.add_row(
            str(account["contact_priority"]),
            plain_text(account["account"], limit=60),
            Text("\n").join(
                [plain_text(shown_id(account["worst_customer_id"]), limit=40), _plan(account)]
            ),
            _money(account["arr_at_risk"]),
            f"{account['customers_at_risk']} of {account['active_customers']}",
            _score(account),
            _why(account),
        )
    return table


def _score(account: Row) -> Text:
    """The score with its change, the level, and the date since when it is at risk."""
    level, change, since = (
        account["risk_level"],
        account["risk_score_change"],
        account["first_at_risk_date"],
    )
    return Text.assemble(
        f"{account['risk_score']}" + ("" if change is None else f" {change:+d}") + "\n",
        (level, _LEVEL_STYLES.get(level, "")),
        (f"\n{since:%m-%d}", "dim"),
    )


def _plan(account: Row) -> Text:
    return plain_text(account["plan_tier"] or "–", limit=40)


def _why(account: Row) -> Text:
    """The heaviest reasons with their evidence, one per line, then the action."""
    reasons = []
    for fired in account["reasons"][:_REASONS_SHOWN]:
        evidence = account["usage_evidence"] if fired["evidence"] == "usage" else None
        reasons.append(fired["reason"] + (f", {_EVIDENCE[evidence]}" if evidence else ""))
    action = (account["recommended_actions"] or "").split("; ")[0]
    return Text("\n").join(
        [*map(plain_text, reasons), Text("→ ") + plain_text(action, style="cyan")]
    )


def _print_totals(rows: _Rows, console: Console) -> None:
    summary = rows.summary
    churned = summary["churn_rate"]
    console.print(Text("Totals", style="bold"))
    grid = Table.grid(padding=(0, 2))
    grid.add_row("Data", plain_text(rows.data_set))
    grid.add_row(
        "Customers",
        f"{summary['customers']:,} scored in {summary['accounts']:,} accounts, "
        f"{summary['active_customers']:,} active",
    )
    grid.add_row(
        "At risk",
        f"{summary['high_risk_customers']:,} High, {summary['medium_risk_customers']:,} Medium "
        "(ended ones too)",
    )
    grid.add_row(
        "ARR at risk",
        f"{_money(summary['arr_at_risk'])}, active customers only; the ARR of all customers, ended "
        f"ones too, is {_money(summary['total_arr'])}",
    )
    grid.add_row(
        "Account ever had a churn event",
        "–" if churned is None else f"{churned:.1%} of customers",
    )
    grid.add_row(
        "Without signals",
        f"{summary['customers_without_signals']:,} customers have neither usage nor tickets in the "
        f"windows ({summary['active_without_signals']:,} active): not healthy, unseen",
    )
    if summary["messages_read"]:
        grid.add_row(
            "Tickets read",
            plain_text(
                f"{summary['messages_read']:,} of {summary['messages']:,} messages, by "
                f"{summary['models']}; a message that was not read is no sign of anything"
            ),
        )
    if summary["high_change"] is not None:
        grid.add_row(
            f"Since {summary['previous_date']}",
            f"High {summary['high_change']:+,}, Medium {summary['medium_change']:+,}, ARR at risk "
            f"{summary['arr_at_risk_change']:+,.0f}; who moved and why is in marts.risk_movements",
        )
    grid.add_row("Do warnings come true?", summary["verdict"])
    console.print(grid)
    console.print()


def _print_quality(rows: _Rows, console: Console) -> None:
    summary = rows.summary
    console.print(Text("Data quality", style="bold"))
    console.print(
        f"Rows rejected: {summary['rows_rejected']:,}. Exact duplicates removed: "
        f"{summary['exact_duplicates']:,}. Kinds of issue: {summary['issues']:,}."
    )
    grid = Table.grid(padding=(0, 2))
    for issue in rows.issues:
        example = issue["example"]
        grid.add_row(
            Text(f"{issue['row_count']:,}", justify="right"),
            plain_text(issue["place"]),
            Text.assemble(
                issue["meaning"], (f" (such as {plain(example, 30)})" if example else "", "dim")
            ),
        )
    console.print(grid)
    unseen = summary["issues"] - len(rows.issues)
    if unseen > 0:
        console.print(f"… and {unseen:,} more in quality.data_quality_issues")
    console.print()


def _print_next(console: Console) -> None:
    console.print(Text("Next", style="bold"))
    grid = Table.grid(padding=(0, 2))
    grid.add_row("make run DATA=<folder or .zip>", "your own accounts, subscriptions, usage, …")
    grid.add_row("make list", "this week's calls, one row a company, with the next step of each")
    grid.add_row("make explain CUSTOMER=<id>", "where a score comes from")
    grid.add_row("make export", "the list, plans and drafts as files for other tools")
    grid.add_row("make show", "this page again")
    grid.add_row("make backtest", "whether the warnings of the past came true, in figures")
    grid.add_row("make enrich", "have a local model read what customers wrote")
    grid.add_row("make docs", "every table and column, as one page")
    grid.add_row("make help", "all commands")
    console.print(grid)


def _money(amount: Decimal | None) -> str:
    return "–" if amount is None else f"{amount:,.0f}"
