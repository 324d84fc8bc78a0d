"""The action list and its tasks as tables, for spreadsheets and other tools."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from churn.export.rows import Customers
from churn.files.formulas import guarded
from churn.outcomes.files import FILLED_IN, SHEET
from churn.outcomes.log import NOTE_LENGTH, outcomes
from churn.warehouse import Row

# the columns of the action list by group, named as in the mart: who, what to do, result, the rest
_WHO = ("contact_priority", "account_name", "customer_id", "risk_level", "risk_score", "arr")
_WHAT = ("top_reasons", "next_step", "next_step_owner", "next_step_due")
_REST = (
    "list_status",
    "is_overdue",
    "snoozed_until",
    "last_outcome",
    "last_contact_date",
    "days_since_contact",
    "next_renewal_date",
    "is_renewal_estimated",
    "risk_score_change",
    "weeks_at_risk",
    "first_at_risk_date",
    "account_id",
    "plan_tier",
    "csm_name",
    "is_trial",
    "churned",
    "usage_30d",
    "usage_prev30d",
    "usage_drop_pct",
    "usage_evidence",
    "errors_30d",
    "tickets_30d",
    "escalations_30d",
    "satisfaction_score",
    "churn_intent_30d",
    "recommended_actions",
    "email_subject",
    "email_body",
    "slack_message",
    "ruleset",
    "usage_window_end",
    "row_key",
)
ACTION_LIST = (*_WHO, *_WHAT, *FILLED_IN, *_REST)
TASKS = (
    "task_id",
    "due_date",
    "owner",
    "channel",
    "step_number",
    "step",
    "why",
    "rule_id",
    "is_done",
    "known_since",
    "contact_priority",
    "customer_id",
    "account_id",
    "account_name",
    "plan_tier",
    "arr",
    "risk_level",
    "risk_score",
)

# columns that people copy from the workbook into a message
_COPIED = ("email_subject", "email_body", "slack_message")
# Excel's maximum length of a cell
_CELL_LENGTH = 32_767
# Excel's dates begin here; earlier dates are written as text
_FIRST_YEAR = 1900
_WIDTHS = {
    "contact_priority": 8,
    "account_name": 30,
    "top_reasons": 45,
    "next_step": 40,
    "next_step_owner": 18,
    "outcome": 18,
    "note": 40,
    "by": 14,
    "recommended_actions": 45,
    "email_subject": 40,
    "email_body": 40,
    "slack_message": 40,
}
_WIDTH = 13


def action_list(customers: Customers) -> Iterator[Sequence[Any]]:
    """Yield one row per customer with the columns of `ACTION_LIST`; those to fill in are empty."""
    for customer in customers:
        yield [customer.get(name) for name in ACTION_LIST]


def tasks(customers: Customers) -> Iterator[Sequence[Any]]:
    """Yield one row per step of a plan, with the columns of `TASKS`."""
    for customer, step in steps(customers):
        row = {**customer, **step}
        yield [row[name] for name in TASKS]


def steps(customers: Customers) -> Iterator[tuple[Row, Row]]:
    """Yield every step of every plan, with its customer."""
    for customer in customers:
        for step in customer["steps"]:
            yield customer, step


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a CSV file by RFC 4180, in UTF-8; no cell is a formula.

    Every text is quoted, for programs that also split cells at a semicolon, tab or bar.
    """
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC)
        writer.writerow(columns)
        writer.writerows([_csv_cell(value) for value in row] for row in rows)


def _csv_cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return guarded(value) if isinstance(value, str) else value


def write_workbook(path: Path, rows: Iterable[Sequence[Any]]) -> None:
    """Write the action list as a workbook with one sheet.

    People fill in the yellow columns; `churn outcome import` reads them back.
    """
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_numbers": False,
        "strings_to_urls": False,
        "default_date_format": "yyyy-mm-dd",
    }
    with xlsxwriter.Workbook(str(path), options) as book:
        book.set_properties({"title": "Action list"})
        sheet = book.add_worksheet(SHEET)
        text = book.add_format({"valign": "top"})
        wrapped = book.add_format({"valign": "top", "text_wrap": True})
        money = book.add_format({"valign": "top", "num_format": "#,##0"})
        share = book.add_format({"valign": "top", "num_format": "0%"})
        day = book.add_format({"valign": "top", "num_format": "yyyy-mm-dd"})
        to_fill = {"valign": "top", "text_wrap": True, "bg_color": "#FFF7D6", "border": 1}
        to_fill["border_color"] = "#D9D9D9"
        formats = dict.fromkeys(ACTION_LIST, text)
        formats |= dict.fromkeys((*_WHAT[:2], "account_name"), wrapped)
        formats |= dict.fromkeys(FILLED_IN, book.add_format(to_fill))
        formats |= {
            "arr": money,
            "usage_drop_pct": share,
            "at": book.add_format({**to_fill, "num_format": "yyyy-mm-dd"}),
        }
        for column, name in enumerate(ACTION_LIST):
            hidden = {"hidden": name == "row_key"}
            sheet.set_column(column, column, _WIDTHS.get(name, _WIDTH), formats[name], hidden)
        header = book.add_format(
            {"bold": True, "text_wrap": True, "bottom": 1, "bg_color": "#EDEDED"}
        )
        sheet.freeze_panes(1, ACTION_LIST.index("customer_id") + 1)
        sheet.write_row(0, 0, ACTION_LIST, header)
        last = 0
        for last, row in enumerate(rows, 1):
            for column, (name, value) in enumerate(zip(ACTION_LIST, row, strict=True)):
                if isinstance(value, str):
                    value = _cell_text(value, is_copied=name in _COPIED)
                _write_cell(sheet, last, column, value, formats[name], day)
        if last:
            _help_to_fill_in(sheet, last)
            sheet.autofilter(0, 0, last, len(ACTION_LIST) - 1)


def _write_cell(
    sheet: Worksheet, row: int, column: int, value: Any, cell_format: Any, day: Any
) -> None:
    if value is None:
        sheet.write_blank(row, column, None, cell_format)
    elif isinstance(value, bool):
        sheet.write_boolean(row, column, value, cell_format)
    elif isinstance(value, int | float | Decimal):
        sheet.write_number(row, column, value, cell_format)
    elif isinstance(value, date) and value.year >= _FIRST_YEAR:
        sheet.write_datetime(row, column, value, day)
    else:
        sheet.write_string(row, column, str(value), cell_format)


def _cell_text(text: str, *, is_copied: bool) -> str:
    safe = guarded(text, only_start=is_copied)
    return safe if len(safe) <= _CELL_LENGTH else safe[: _CELL_LENGTH - 1] + "…"


def _help_to_fill_in(sheet: Worksheet, last: int) -> None:
    """Add a drop-down of the outcomes, and checks on typed values."""

    def validate(name: str, rule: Mapping[str, Any]) -> None:
        column = ACTION_LIST.index(name)
        sheet.data_validation(1, column, last, column, dict(rule))

    validate(
        "outcome",
        {
            "validate": "list",
            "source": list(outcomes()),
            "error_title": "Not an outcome",
            "error_message": "Choose one of the list.",
        },
    )
    validate(
        "note",
        {
            "validate": "length",
            "criteria": "<=",
            "value": NOTE_LENGTH,
            "error_title": "Too long",
            "error_message": f"At most {NOTE_LENGTH:,} characters.",
        },
    )
    validate(
        "at",
        {
            "validate": "date",
            "criteria": ">=",
            "value": date(2000, 1, 1),
            "error_title": "Not a date",
            "error_message": "The day on which it happened, such as 2026-03-31. Empty is today.",
        },
    )
