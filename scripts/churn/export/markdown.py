"""Notes in Markdown, one per customer, and functions that escape unknown text for Markdown."""

import re
from decimal import Decimal
from typing import Any

from churn.terminal import plain
from churn.warehouse import Row

# markup at any position, also GitHub's: emphasis, code, links, HTML, tables, mentions
_MARKUP = re.compile(
    r"""
    [\\`*_\[\]<>&~|\#@$]   # anywhere
    | :(?=//|\w+:)           # addresses, and the names of emoji
    | (?<=www)\.
    | ^[-+=]|(?<=^\d)[.)]    # a list, or the line below a title
    """,
    re.VERBOSE | re.IGNORECASE,
)


def escaped(value: Any) -> str:
    """Return the text on one line, escaped so that Markdown shows it literally."""
    return _MARKUP.sub(r"\\\g<0>", plain(value))


def money(amount: Decimal | None) -> str:
    """Format an amount; a dash if it is unknown."""
    return "–" if amount is None else f"{amount:,.0f}"


def _block(text: str) -> str:
    """Escape a text of several lines so that it is shown literally."""
    lines = [plain(line) for line in text.split("\n")]
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", text))])
    return "\n".join([f"{fence}text", *lines, fence])


def note(customer: Row) -> str:
    """Return a note about a customer, to attach to its account in a CRM."""
    renewal = f"{customer['next_renewal_date']}"
    if customer["is_renewal_estimated"]:
        renewal += " (estimated)"
    change = customer["risk_score_change"]
    facts = [
        ("Risk", f"{customer['risk_level']}, score {customer['risk_score']}"),
        ("Change in a week", "–" if change is None else f"{change:+d}"),
        ("At risk since", f"{customer['first_at_risk_date'] or '–'}"),
        ("Plan", escaped(customer["plan_tier"] or "–")),
        ("ARR", money(customer["arr"])),
        ("Renewal", renewal),
        ("Last contact", _contact(customer)),
    ]
    reasons = [
        f"- {escaped(rule['reason'])}: {rule['points']} points"
        for rule in customer["rules"]
        if rule["fired"]
    ]
    plan = [
        f"{step['step_number']}. [{'x' if step['is_done'] else ' '}] {escaped(step['step'])} "
        f"— {escaped(step['owner'])}, by {step['due_date']} ({step['channel']})"
        + (f": {escaped(step['why'])}" if step["why"] else "")
        for step in customer["steps"]
    ]
    parts = [
        f"# {escaped(customer['account'])} ({escaped(customer['customer_id'])})",
        f"As of {customer['usage_window_end']}, rule set {escaped(customer['ruleset'])}. Internal.",
        "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in facts)]),
        "## Why",
        "\n".join(reasons) or "No rule fired.",
        "## Plan",
        "\n".join(plan),
        "## E-mail draft",
        f"Subject: {escaped(customer['email_subject'])}",
        _block(customer["email_body"]),
        "## Message to colleagues",
        _block(customer["slack_message"]),
    ]
    return "\n\n".join(parts) + "\n"


def _contact(customer: Row) -> str:
    if customer["last_contact_date"] is None:
        return "none logged"
    return f"{customer['last_contact_date']}, {escaped(customer['last_outcome'])}"
