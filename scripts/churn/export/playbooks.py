"""A PDF page for each customer at risk: the facts, the reasons, the steps and the drafts.

`playbook.typ` beside this module lays out the page; this module supplies its text.
"""

import json
import re
import unicodedata
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from importlib.resources import files
from math import ceil, floor
from pathlib import Path
from typing import Any

import typst

from churn.export.names import file_name
from churn.export.rows import Export
from churn.terminal import plain, plain_lines
from churn.terminal.errors import ChurnError
from churn.warehouse import Row

_TEMPLATE = Path(__file__).with_name("playbook.typ")
# we use only the font files of these packages: every script with a Noto font, and emoji
_FONTS = ("manimgx_fonts", "manimgx_fonts_cjk")

# upper limits for a page; the template cuts further to what fits
_REASONS = 8
_STEPS = 7
_WARNINGS = 3
_LONGEST_LINE = 400
_LONGEST_DRAFT = 4_000
_WEEKS = 26

_LONG_WORD = re.compile(r"\S{25,}")
_PIECES = re.compile(r"\S{1,6}")
_ISOLATE, _END_OF_ISOLATE = "\N{LEFT-TO-RIGHT ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"
_MAY_BREAK = "\N{ZERO WIDTH SPACE}"
_UNKNOWN = "–"
_EVIDENCE = {"strong": "strong evidence", "thin": "thin evidence"}

_WHOLE = (
    "“…” stands for what has no room here. It is in marts.at_risk_customers, "
    "marts.risk_rule_evaluations, marts.next_best_actions and marts.outreach_drafts."
)
_CUT_DRAFT = "… (cut: the whole text is in marts.outreach_drafts)"


class Printer:
    """Renders pages and reuses the loaded fonts; the same data gives the same bytes."""

    def __init__(self) -> None:
        """Load fonts from this project's packages, never from the machine."""
        folders = [str(files(package)) for package in _FONTS]
        fonts = typst.Fonts(include_system_fonts=False, font_paths=folders)
        self._compiler = typst.Compiler(_TEMPLATE, font_paths=fonts)

    def pdf(self, customer: Row, export: Export) -> bytes:
        """Render one A4 page. Raises ChurnError if typesetting fails."""
        made = self._compile(customer, export, format="pdf")
        assert isinstance(made, bytes)
        return made

    def _compile(self, customer: Row, export: Export, **options: Any) -> object:
        page = json.dumps(_page(customer, export))
        midnight = datetime.combine(export.as_of, time(), UTC)
        try:
            return self._compiler.compile(
                sys_inputs={"customer": page}, timestamp=midnight, **options
            )
        except typst.TypstError as error:
            name = plain(customer["customer_id"])
            raise ChurnError(f"The playbook of {name} cannot be set: {error.message}") from error


def write_playbooks(export: Export, folder: Path) -> None:
    """Write `<folder>/<file name>.pdf` for each customer."""
    printer = Printer()
    for customer in export.customers:
        path = folder / f"{file_name(customer['customer_id'])}.pdf"
        path.write_bytes(printer.pdf(customer, export))


def _page(customer: Row, export: Export) -> dict[str, Any]:
    """The content of a customer's page, with every figure formatted as text."""
    fired = [rule for rule in customer["rules"] if rule["fired"]]
    steps = customer["steps"]
    return {
        "title": f"Customer playbook {plain(customer['customer_id'], 100)}, {export.as_of}",
        "made": f"As of {export.as_of}, rule set {plain(export.summary['ruleset'], 40)}",
        "whole": _WHOLE,
        "warnings": _warnings(export.warnings),
        "account": _line(customer["account"]),
        "line": " · ".join(
            _isolated(_line(customer[column]))
            for column in ("customer_id", "plan_tier", "industry", "country")
            if customer[column] is not None
        ),
        "level": customer["risk_level"],
        "score": str(customer["risk_score"]),
        "change": _change(customer, export.summary["previous_date"]),
        "facts": _facts(customer),
        "reasons": _reasons(fired),
        "others": _others(customer),
        "chart": _chart(customer, export),
        "steps": [
            {
                "number": str(step["step_number"]),
                "done": step["is_done"],
                "due": _text(step["due_date"]),
                "step": _line(step["step"]),
                "why": _line(step["why"], missing=""),
                "owner": _line(step["owner"]),
                "channel": _line(step["channel"]),
            }
            for step in steps[:_STEPS]
        ],
        "more-steps": (
            f"… and {len(steps) - _STEPS} more in marts.next_best_actions"
            if len(steps) > _STEPS
            else ""
        ),
        "subject": _line(customer["email_subject"]),
        "email": _draft(customer["email_body"]),
        "slack": _draft(customer["slack_message"]),
        "cut-draft": _CUT_DRAFT,
    }


def _warnings(warnings: list[str]) -> list[str]:
    shown = [_line(f"Warning: {warning}") for warning in warnings[:_WARNINGS]]
    if len(warnings) > _WARNINGS:
        shown.append(f"… and {len(warnings) - _WARNINGS} more in quality.data_warnings")
    return shown


def _change(customer: Row, since: date | None) -> str:
    change = customer["risk_score_change"]
    if change is None or since is None:
        return "no earlier score"
    return f"{f'{change:+d}' if change else 'unchanged'} since {since}"


def _facts(customer: Row) -> list[tuple[str, str]]:
    """Labels and values of the customer's facts, in the order of the page."""
    weeks, since = customer["weeks_at_risk"], customer["first_at_risk_date"]
    renewal = customer["next_renewal_date"]
    status = _line(customer["list_status"])
    if customer["snoozed_until"] is not None:
        status = f"snoozed until {customer['snoozed_until']}"
    return [
        ("ARR", _UNKNOWN if customer["arr"] is None else f"{customer['arr']:,.0f}"),
        ("Plan", _line(customer["plan_tier"])),
        ("Renewal", _text(renewal) + (" (estimated)" if customer["is_renewal_estimated"] else "")),
        ("Owner", _line(customer["csm_name"])),
        ("At risk since", f"{_text(since)}, {weeks} week{'s' * (weeks != 1)}"),
        ("Status on the list", status),
        _last_contact(customer),
        ("Signals seen", _line(customer["signal_coverage"])),
    ]


def _last_contact(customer: Row) -> tuple[str, str]:
    if customer["last_contact_date"] is None:
        return "Last contact", "none logged"
    outcome = _line(customer["last_outcome"]).replace("_", " ")
    return f"Last contact, {customer['last_contact_date']}", outcome


def _reasons(fired: list[Row]) -> list[Row]:
    """The rules that fired, heaviest first."""
    rows = [
        {
            "reason": _line(rule["reason"]),
            "value": _measured(rule["unit"], rule["signal_value"]),
            "threshold": _measured(rule["unit"], rule["threshold"]),
            "points": f"{rule['points']:+d}",
        }
        for rule in fired[:_REASONS]
    ]
    left_out = fired[_REASONS:]
    if left_out:
        points = sum(rule["points"] for rule in left_out)
        reason = f"… and {len(left_out)} more rules"
        rows.append({"reason": reason, "value": "", "threshold": "", "points": f"{points:+d}"})
    return rows


def _others(customer: Row) -> str:
    """The rules that did not fire, with their values, and how reliable the usage data is."""
    silent = [
        f"{_line(rule['label'])} ({_measured(rule['unit'], rule['signal_value'])})"
        for rule in customer["rules"]
        if not rule["fired"]
    ]
    sentences = []
    if silent:
        sentences.append(f"No points: {', '.join(silent)}.")
    if customer["usage_evidence"] is not None:
        now, before = customer["usage_30d"], customer["usage_prev30d"]
        evidence = _EVIDENCE.get(customer["usage_evidence"], customer["usage_evidence"])
        sentences.append(f"Usage: {now:,} in 30 days, {before:,} in the 30 before; {evidence}.")
    return " ".join(sentences)


def _measured(unit: str, value: Decimal | None) -> str:
    """Format a signal: a share as percent, a flag as yes or no."""
    if value is None:
        return _UNKNOWN
    if unit == "drop":
        # round down, like the percentages of reasons, so that 59.99% does not read as 60%
        return f"{_number(floor(value * 1000) / Decimal(10))}%"
    if unit == "yes or no":
        return "yes" if value else "no"
    return _number(value)


def _chart(customer: Row, export: Export) -> Row:
    """The chart's weeks as days since its first date; a missing week interrupts the line."""
    weeks = customer["weeks"]
    first = export.as_of - timedelta(weeks=_WEEKS - 1)
    # earlier dates are Sundays, but the as-of date may be any day
    begins_later = not weeks or weeks[0]["as_of_date"] >= first + timedelta(weeks=1)
    if not begins_later:
        first = weeks[0]["as_of_date"]
    lines: list[list[dict[str, int]]] = []
    last_day = None
    for week in weeks:
        day = (week["as_of_date"] - first).days
        if last_day is None or day - last_day > 7:
            lines.append([])
        lines[-1].append({"day": day, "score": week["score"]})
        last_day = day
    days = (export.as_of - first).days
    return {
        "title": f"Score over {ceil(days / 7) + 1} weeks",
        "words": _history(weeks),
        "note": _extremes(weeks, begins_later),
        "days": days,
        "first": str(first),
        "last": str(export.as_of),
        "lines": lines,
        "levels": _levels(export.summary),
    }


def _history(weeks: list[Row]) -> str:
    """A description of the chart for readers who cannot see it."""
    if not weeks:
        return "No score is known."
    first, last = weeks[0], weeks[-1]
    return (
        f"Score {first['score']} on {first['as_of_date']}, {last['score']} on {last['as_of_date']}."
    )


def _extremes(weeks: list[Row], begins_later: bool) -> str:
    """The highest and lowest score of the chart, and where its line begins if it begins later."""
    if not weeks:
        return "No score is known."
    scores = [week["score"] for week in weeks]
    text = f"Lowest {min(scores)}, highest {max(scores)}."
    return f"{text} History begins on {weeks[0]['as_of_date']}." if begins_later else text


def _levels(summary: Row) -> list[Row]:
    """The score range of each level."""
    high, medium = summary["high_from"], summary["medium_from"]
    return [
        {"name": "Low", "from": 0, "to": medium},
        {"name": "Medium", "from": medium, "to": high},
        {"name": "High", "from": high, "to": 100},
    ]


def _number(value: Decimal) -> str:
    """Format with thousands separators, and with decimals if there are any."""
    return f"{value:,.2f}".removesuffix("0").removesuffix(".0")


def _text(value: date | None) -> str:
    return _UNKNOWN if value is None else str(value)


def _line(value: object, missing: str = _UNKNOWN) -> str:
    """One line of unknown text, with break points in long words."""
    if value is None:
        return missing
    return _breakable(plain(value, _LONGEST_LINE))


def _isolated(text: str) -> str:
    """Isolate right-to-left text, so that it does not affect its surroundings."""
    if not any(unicodedata.bidirectional(character) in ("R", "AL") for character in text):
        return text
    return f"{_ISOLATE}{text}{_END_OF_ISOLATE}"


def _draft(value: object) -> str:
    """Prepare a text of several lines."""
    text = plain_lines(value)
    if len(text) > _LONGEST_DRAFT:
        text = text[:_LONGEST_DRAFT] + _CUT_DRAFT
    return _breakable(text)


def _breakable(text: str) -> str:
    """Add break points to words that are too long for a line."""
    return _LONG_WORD.sub(lambda word: _MAY_BREAK.join(_PIECES.findall(word[0])), text)
