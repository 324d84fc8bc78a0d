"""Plants seventeen kinds of faults of real exports in the first block.

The faults are in the middle of the history, so that the last date and the volume of each feed stay
the same. Input and output tables are text. `truth/planted_faults` lists every fault.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta

import pyarrow as pa

Row = dict[str, str | None]

# Numbers below the generator's first one, so that they belong to nobody.
UNKNOWN_ACCOUNT = "A0999"
UNKNOWN_SUBSCRIPTION = "S0999-1"


@dataclass
class _Plot:
    """The rows of the tables, and the faults planted so far."""

    rows: dict[str, list[Row]]
    until: date
    planted: list[Row] = field(default_factory=list)

    def pick(self, table: str, share: float, fits: Callable[[Row], bool]) -> int | None:
        """Return the first fitting row from the fraction `share` of the table on, if any."""
        rows = self.rows[table]
        for position in range(int(share * len(rows)), len(rows)):
            if fits(rows[position]):
                return position
        return None

    def change(
        self,
        table: str,
        share: float,
        column: str,
        change: Callable[[str], str | None],
        fault: str,
    ) -> None:
        """Change the first value in a column from the fraction `share` of the table on, if any."""
        position = self.pick(table, share, lambda row: row[column] is not None)
        if position is not None:
            row = self.rows[table][position]
            row[column] = change(row[column] or "")
            self.report(table, _row_id(row), column, row[column], fault)

    def add(self, table: str, after: int, row: Row, column: str, fault: str) -> None:
        """Add a row below another one."""
        self.rows[table].insert(after + 1, row)
        self.report(table, _row_id(row), column, row[column], fault)

    def report(
        self, table: str, reference: str | None, column: str, value: str | None, fault: str
    ) -> None:
        """Record a planted fault and its place."""
        self.planted.append(
            {
                "source_table": table,
                "row_id": reference,
                "column_name": column,
                "value": value,
                "fault": fault,
            }
        )


def _row_id(row: Row) -> str | None:
    """The id of a row is its first column."""
    return next(iter(row.values()))


def plant_faults(tables: dict[str, pa.Table], until: date) -> tuple[dict[str, pa.Table], pa.Table]:
    """Return the tables with faults, and the list of faults. All columns must be text."""
    plot = _Plot({name: table.to_pylist() for name, table in tables.items()}, until)
    _spoil_values(plot)
    _repeat_rows(plot)
    _lose_parents(plot)
    _break_time(plot)
    schemas = {name: table.schema for name, table in tables.items()}
    columns = ("source_table", "row_id", "column_name", "value", "fault")
    return (
        {name: pa.Table.from_pylist(rows, schemas[name]) for name, rows in plot.rows.items()},
        pa.Table.from_pylist(plot.planted, pa.schema([(name, pa.string()) for name in columns])),
    )


def _spoil_values(plot: _Plot) -> None:
    usage, tickets, subscriptions = "feature_usage", "support_tickets", "subscriptions"
    plot.change(usage, 0.42, "usage_date", lambda _: "2025-13-45", "unreadable date")
    plot.change(usage, 0.46, "usage_count", lambda _: "-4", "negative count")
    plot.change(usage, 0.50, "usage_count", lambda _: "n/a", "count is no number")
    plot.change(usage, 0.54, "subscription_id", lambda _: None, "required id missing")
    plot.change(usage, 0.58, "error_count", lambda _: "-1", "negative count, optional column")
    for share in (0.31, 0.37, 0.62):
        plot.change(usage, share, "usage_count", lambda text: f"{text}.0", "count with decimals")
    plot.change(usage, 0.66, "subscription_id", lambda text: f" {text} ", "blanks around the id")
    plot.change(tickets, 0.47, "account_id", lambda text: f"{text} ", "blanks around the id")
    plot.change(tickets, 0.53, "satisfaction_score", lambda _: "9", "rating outside 1 to 5")
    for share, column in (
        (0.30, "auto_renew_flag"),
        (0.45, "is_trial"),
        (0.60, "auto_renew_flag"),
    ):
        plot.change(
            subscriptions,
            share,
            column,
            lambda text: "Yes" if text == "true" else "No",
            "boolean in words",
        )


def _repeat_rows(plot: _Plot) -> None:
    accounts = plot.rows["accounts"]
    twice = plot.pick("accounts", 0.35, lambda row: row["csm_name"] is not None)
    if twice is not None:
        older = dict(accounts[twice])
        signup = date.fromisoformat(older["signup_date"] or "")
        older["signup_date"] = (signup - timedelta(days=1)).isoformat()
        older["account_name"] = (older["account_name"] or "").upper()
        older["csm_name"] = older["csm_email"] = None
        plot.add("accounts", len(accounts) - 1, older, "account_id", "second row of an account")

    ticket = plot.pick("support_tickets", 0.40, lambda row: row["closed_at"] is not None)
    if ticket is not None:
        row = dict(plot.rows["support_tickets"][ticket])
        plot.add("support_tickets", ticket, row, "ticket_id", "same row twice")

    usage = plot.rows["feature_usage"]
    middle = int(0.7 * len(usage))
    if 0 < middle < len(usage):
        usage[middle]["usage_id"] = same = usage[middle - 1]["usage_id"]
        plot.report("feature_usage", same, "usage_id", same, "one id on two different rows")


def _lose_parents(plot: _Plot) -> None:
    usage = plot.pick("feature_usage", 0.48, lambda row: row["usage_date"] is not None)
    if usage is not None:
        row = dict(plot.rows["feature_usage"][usage])
        row.update(usage_id="U99001", subscription_id=UNKNOWN_SUBSCRIPTION)
        plot.add("feature_usage", usage, row, "subscription_id", "unknown subscription")

    ticket = plot.pick("support_tickets", 0.56, lambda row: row["closed_at"] is not None)
    if ticket is not None:
        row = dict(plot.rows["support_tickets"][ticket])
        row.update(ticket_id="T19901", account_id=UNKNOWN_ACCOUNT)
        plot.add("support_tickets", ticket, row, "account_id", "unknown account")


def _break_time(plot: _Plot) -> None:
    latest = (plot.until - timedelta(days=120)).isoformat()
    earliest = (plot.until - timedelta(days=500)).isoformat()

    def ended_in_time(row: Row) -> bool:
        return row["end_date"] is not None and earliest < row["end_date"] < latest

    ended = plot.pick("subscriptions", 0.2, ended_in_time)
    if ended is not None:
        subscription = plot.rows["subscriptions"][ended]
        late = date.fromisoformat(subscription["end_date"] or "") + timedelta(days=9)
        _add_late_usage(plot, subscription["subscription_id"], late)

    joined = plot.pick("accounts", 0.4, lambda row: earliest < (row["signup_date"] or "") < latest)
    if joined is not None:
        account = plot.rows["accounts"][joined]
        _add_early_ticket(plot, account["account_id"], account["signup_date"] or "")

    turned = plot.pick("subscriptions", 0.5, ended_in_time)
    if turned is not None:
        row = plot.rows["subscriptions"][turned]
        start = date.fromisoformat(row["start_date"] or "")
        row["end_date"] = end = (start - timedelta(days=3)).isoformat()
        plot.report("subscriptions", row["subscription_id"], "end_date", end, "end before start")


def _add_late_usage(plot: _Plot, subscription: str | None, day: date) -> None:
    """Add a usage row after a subscription's end; copy the other values from a row of that day."""
    position = plot.pick("feature_usage", 0, lambda row: row["usage_date"] == day.isoformat())
    if position is not None:
        row = dict(plot.rows["feature_usage"][position])
        row.update(usage_id="U99002", subscription_id=subscription)
        plot.add("feature_usage", position, row, "usage_date", "usage after the end")


def _add_early_ticket(plot: _Plot, account: str | None, signup: str) -> None:
    """Add a ticket from the weeks before an account's signup; copy its other values."""
    from_day = (date.fromisoformat(signup) - timedelta(days=40)).isoformat()
    until_day = (date.fromisoformat(signup) - timedelta(days=10)).isoformat()
    position = plot.pick(
        "support_tickets", 0, lambda row: from_day <= (row["submitted_at"] or "") < until_day
    )
    if position is not None:
        row = dict(plot.rows["support_tickets"][position])
        row.update(ticket_id="T19902", account_id=account)
        plot.add("support_tickets", position, row, "submitted_at", "ticket before signup")
