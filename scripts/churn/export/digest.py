"""The weekly digest on one page, in Markdown and as text to paste into Slack."""

from collections.abc import Callable, Sequence
from functools import partial

from churn.export.markdown import escaped, money
from churn.export.rows import Export
from churn.terminal import plain
from churn.warehouse import Row

_CALLS_SHOWN = 10
_REASONS_SHOWN = 2


def digest(export: Export) -> str:
    """Return the digest in Markdown."""
    account_line = partial(_account_line, escape=escaped, bold="**")
    changes = [
        f"| {change['list_status']} | {change['accounts']:,} | {money(change['arr_at_risk'])} |"
        for change in export.changes
    ]
    parts = [
        f"# Customers at risk, as of {export.as_of}",
        *(f"> **Warning:** {escaped(warning)}" for warning in export.warnings),
        "\n".join(f"- {escaped(line)}" for line in _headlines(export)),
        "## What changed in a week",
        "\n".join(["| | Accounts | ARR at risk |", "|---|---:|---:|", *changes]),
        "## Who to call first",
        _numbered(export.accounts, account_line) or "Nobody: no account is at risk.",
        "## Overdue",
        _numbered(_overdue(export), account_line) or "Nothing is overdue.",
        "## Do the warnings come true?",
        escaped(_verdict(export)),
    ]
    return "\n\n".join(parts) + "\n"


def slack_digest(export: Export) -> str:
    """Return the digest for Slack: without tables, and an `@` in a name notifies nobody."""
    account_line = partial(_account_line, escape=plain, bold="*")
    changes = [
        f"• {change['list_status']}: {change['accounts']:,} accounts, "
        f"{money(change['arr_at_risk'])} ARR at risk"
        for change in export.changes
    ]
    parts = [
        f"*Customers at risk, as of {export.as_of}*",
        *(f":warning: {plain(warning)}" for warning in export.warnings),
        "\n".join(f"• {plain(line)}" for line in _headlines(export)),
        "\n".join(["*What changed in a week*", *changes]),
        "*Who to call first*\n"
        + (_numbered(export.accounts, account_line) or "Nobody: no account is at risk."),
        f"*Overdue*\n{_numbered(_overdue(export), account_line) or 'Nothing is overdue.'}",
        f"*Do the warnings come true?* {_verdict(export)}",
    ]
    return "\n\n".join(parts).replace("@", "@\u200b") + "\n"


def _headlines(export: Export) -> list[str]:
    summary = export.summary
    risk = (
        f"{summary['listed_customers']:,} active customers at risk in "
        f"{summary['listed_accounts']:,} accounts, {summary['listed_high']:,} of them High"
    )
    arr = f"ARR at risk: {money(summary['arr_at_risk'])}"
    if summary["arr_at_risk_change"] is not None:
        arr += f" ({summary['arr_at_risk_change']:+,.0f} since {summary['previous_date']})"
    unseen = (
        f"{summary['customers_without_signals']:,} customers have neither usage nor tickets in the "
        "windows: not healthy, unseen"
    )
    data = f"Data: {export.data_set}; rule set {summary['ruleset']}"
    return [data, risk, arr, f"Overdue: {len(_overdue(export)):,} accounts", unseen]


def _verdict(export: Export) -> str:
    verdict: str | None = export.summary["verdict"]
    return verdict or "There is not enough history to say."


def _overdue(export: Export) -> list[Row]:
    return [account for account in export.accounts if account["list_status"] == "overdue"]


def _numbered(accounts: Sequence[Row], line: Callable[[Row], str]) -> str:
    """The first accounts, one per line."""
    shown = [
        f"{number}. {line(account)}" for number, account in enumerate(accounts[:_CALLS_SHOWN], 1)
    ]
    unseen = len(accounts) - len(shown)
    return "\n".join(shown) + (f"\n\n… and {unseen:,} more" if unseen > 0 else "")


def _account_line(account: Row, *, escape: Callable[[str], str], bold: str) -> str:
    change = account["risk_score_change"]
    reasons = "; ".join(account["reasons"][:_REASONS_SHOWN])
    step = "the plan is done"
    if account["next_step"] is not None:
        step = (
            f"{account['next_step']} ({account['next_step_owner']}, by {account['next_step_due']})"
        )
    return (
        f"{bold}{escape(account['account'])}{bold} ({escape(account['worst_customer_id'])}), "
        f"{account['risk_level']}, score {account['risk_score']}"
        + ("" if change is None else f" ({change:+d})")
        + f", {money(account['arr_at_risk'])} ARR at risk"
        + (f": {escape(reasons)}" if reasons else "")
        + f". Next: {escape(step)}"
    )
