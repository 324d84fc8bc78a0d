"""Prints an explanation in the terminal."""

from collections.abc import Sequence
from datetime import date

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from churn.explain.reading import Explanation
from churn.explain.words import condition, counted, distance, value
from churn.terminal import plain, plain_text, print_warnings
from churn.warehouse import Row
from churn.warehouse.customer_ids import shown_id

_STYLES = {"High": "bold red", "Medium": "yellow", "Low": "green"}
_NOTHING = "–"
_BARS = "▁▂▃▄▅▆▇█"
# the width of a week in the history: three columns and a blank
_WEEK = 4
_HIGHEST_SCORE = 100
_NAME_LENGTH = 60
_WIDE = 100
_UNDATED = "* what is true in the export, whatever was true on that day"


def print_explanation(explanation: Explanation, console: Console) -> None:
    """Print the customer, every rule, the actions, earlier weeks, and the source rows."""
    print_warnings(explanation.warnings, console)
    _print_head(explanation, console)
    _print_rules(explanation, console)
    _print_actions(explanation.customer, console)
    _print_history(explanation.history, console)
    _print_sources(explanation, console)
    _print_facts(explanation.customer, console)
    _print_next(explanation.customer, console)


def _print_head(explanation: Explanation, console: Console) -> None:
    customer = explanation.customer
    title = Text.assemble(
        plain_text(customer["account"], limit=60, style="bold"),
        (f": {customer['risk_score']} of {_HIGHEST_SCORE} points, ", "bold"),
        _level(customer["risk_level"]),
        (f", on {customer['usage_window_end']}", "bold"),
    )
    console.print(title)
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row("Customer", _customer(customer))
    grid.add_row("Account", _account(customer))
    grid.add_row("Score", _arithmetic(explanation))
    grid.add_row("Levels", _levels(explanation))
    grid.add_row("Before", _change(customer))
    grid.add_row("Published", _published(explanation))
    grid.add_row("Signals", _coverage(explanation))
    console.print(grid)
    console.print()


def _customer(customer: Row) -> Text:
    until = f" to {customer['end_date']}" if customer["end_date"] else ""
    standing = "active" if customer["is_active"] else "ended"
    arr = _NOTHING if customer["arr"] is None else f"{customer['arr']:,.0f}"
    customer_id = plain(shown_id(customer["customer_id"]), _NAME_LENGTH)
    plan = plain(customer["plan_tier"] or _NOTHING, _NAME_LENGTH)
    return plain_text(
        f"{customer_id}, plan {plan}, ARR {arr}, {standing}, from {customer['start_date']}{until}"
    )


def _account(customer: Row) -> Text:
    name = customer["csm_name"]
    owner = f", looked after by {plain(name, _NAME_LENGTH)}" if name else ""
    account_id = plain(customer["account_id"], _NAME_LENGTH)
    event = "had a churn event" if customer["churned"] else "never had a churn event"
    return plain_text(f"{account_id}{owner}; {event} by then (shown, never scored)")


def _arithmetic(explanation: Explanation) -> str:
    """The score as a sum of points."""
    points = [str(rule["points"]) for rule in explanation.rules if rule["fired"]]
    score = explanation.customer["risk_score"]
    if not points:
        return f"{score}: no rule fired"
    added = explanation.customer["uncapped_score"]
    capped = "" if added == score else f", of which {score} count (the cap)"
    return f"{' + '.join(points)} = {added}{capped}"


def _levels(explanation: Explanation) -> Text:
    """Where each level begins, and how far the score is from it."""
    score = explanation.customer["risk_score"]
    parts = []
    for level in explanation.levels:
        start = level["level_from"]
        if start:
            way = "reached" if score >= start else f"{start - score} to go"
            parts.append(f"{level['risk_level']} from {start} ({way})")
    return Text(f"{', '.join(parts)}; rule set {plain(explanation.customer['ruleset'])}")


def _change(customer: Row) -> str:
    before, weeks = customer["risk_score_prev_week"], customer["weeks_at_risk"]
    parts = []
    if before is not None:
        parts.append(
            f"{before} on {customer['previous_date']} ({customer['risk_score_change']:+d})"
        )
    if weeks:
        dates = "1 weekly date" if weeks == 1 else f"{weeks:,} weekly dates in a row"
        parts.append(f"at risk on {dates}, since {customer['first_at_risk_date']}")
    return "; ".join(parts) or "not scored a week before"


def _published(explanation: Explanation) -> Text:
    """The published score of this date, beside the score computed now."""
    published, customer = explanation.published, explanation.customer
    if published is None:
        return Text("no score of this date was published")
    when = f"{published['published_at']:%Y-%m-%d}"
    said = f"{published['risk_score']}, {published['risk_level']}, first shown on {when}"
    if not published["is_by_these_rules"]:
        return plain_text(f"{said}, by other rules than today's (rule set {published['ruleset']})")
    if published["difference"] is None:
        return plain_text(f"{said}: the same as computed now")
    reasons = f" Then: {published['top_reasons']}." if published["top_reasons"] else ""
    return plain_text(
        f"{said}; now {customer['risk_score']}, {customer['risk_level']}: "
        f"{published['difference']}.{reasons}",
        style="yellow",
    )


def _coverage(explanation: Explanation) -> str:
    coverage = explanation.customer["signal_coverage"]
    if coverage == "none":
        return "nothing: neither usage nor tickets in the windows. That is not health: unseen"
    return str(coverage)


def _print_rules(explanation: Explanation, console: Console) -> None:
    console.print(Text("Every rule", style="bold"))
    table = _table(console)
    table.add_column("Rule,\nsignal", overflow="fold", max_width=30)
    table.add_column("\nValue", max_width=20)
    table.add_column("\nThreshold", max_width=18)
    table.add_column("\nPoints", justify="right", no_wrap=True)
    table.add_column("Missed by,\nnext band")
    for rule in explanation.rules:
        fired = rule["fired"]
        label = plain_text(rule["driver_label"], style="bold" if fired else "")
        table.add_row(
            _lines([label, Text(rule["signal_name"], style="dim")]),
            _value(rule, explanation),
            _lines([Text("reached" if fired else "missed"), Text(condition(rule))]),
            Text(str(rule["points"]), style="bold" if fired else "dim"),
            _distance(rule),
        )
    added, score = explanation.customer["uncapped_score"], explanation.customer["risk_score"]
    table.add_section()
    capped = f"the cap: {score} count" if added and added > score else ""
    table.add_row("Sum", "", "", Text(str(added or 0), style="bold"), capped)
    console.print(table)
    if not all(rule["is_dated"] for rule in explanation.rules):
        console.print(Text(_UNDATED, style="dim"))
    if explanation.switched_off:
        off = ", ".join(map(plain, explanation.switched_off))
        console.print(Text(f"Switched off: {off}", style="dim"))
    console.print()


def _value(rule: Row, explanation: Explanation) -> Text:
    shown = Text(value(rule["signal_value"], rule["signal_unit"]))
    if not rule["is_dated"]:
        shown.append(" *")
    if rule["signal_name"] == "usage_drop_pct":
        uses = {source["signal_name"]: source["total"] for source in explanation.sources}
        shown.append(
            f"\n{uses['usage_prev30d']:,} to {counted(uses['usage_30d'], 'uses')}", style="dim"
        )
    if rule["signal_name"] == "churn_intent_30d" and not explanation.messages_were_read:
        shown.append("\nnone was read", style="dim")
    return shown


def _distance(rule: Row) -> Text:
    shown = Text(distance(rule))
    if rule["usage_evidence"]:
        rows = counted(rule["usage_rows_60d"], "usage rows")
        shown.append(f"\nevidence: {rule['usage_evidence']}, {rows}", style="dim")
    return shown


def _print_actions(customer: Row, console: Console) -> None:
    title = "What to do" if customer["is_active"] else "What to do, had it not ended"
    console.print(Text(title, style="bold"))
    for action in (customer["recommended_actions"] or "").split("; "):
        console.print(Text("→ ") + plain_text(action, style="cyan"))
    console.print()


def _print_history(history: Sequence[Row], console: Console) -> None:
    lowest = min(history, key=lambda week: week["risk_score"])
    highest = max(history, key=lambda week: week["risk_score"])
    console.print(Text(f"The score on its last {len(history):,} weekly dates", style="bold"))
    console.print(
        f"lowest {lowest['risk_score']} ({lowest['as_of_date']}), "
        f"highest {highest['risk_score']} ({highest['as_of_date']})",
        highlight=False,
    )
    fitting = max(1, (console.width - _WEEK * 2) // _WEEK)
    lines = -(-len(history) // fitting)
    weeks_a_line = -(-len(history) // lines)
    for start in range(0, len(history), weeks_a_line):
        _print_weeks(history[start : start + weeks_a_line], console)
    ended = "" if all(week["is_active"] for week in history) else "; small letters: it had ended"
    console.print(Text(f"H High, M Medium, L Low{ended}\n", style="dim"))


def _print_weeks(weeks: Sequence[Row], console: Console) -> None:
    bars = Text(" " * 7)
    levels = Text("Level  ")
    for week in weeks:
        style = _STYLES.get(week["risk_level"], "")
        bars.append(_bar(week["risk_score"]) * (_WEEK - 1) + " ", style=style)
        letter = week["risk_level"][0]
        levels.append(f"{letter if week['is_active'] else letter.lower():<{_WEEK}}", style=style)
    scores = "Score  " + "".join(f"{week['risk_score']:<{_WEEK}}" for week in weeks)
    dates = f"{weeks[0]['as_of_date']}"
    if len(weeks) > len(dates) // 2:
        last = f"{weeks[-1]['as_of_date']}"
        dates += last.rjust(_WEEK * len(weeks) - 1 - len(dates))
    for line in (bars, Text(scores), levels, Text(" " * 7 + dates, style="dim")):
        line.rstrip()
        console.print(line, no_wrap=True, overflow="crop")


def _bar(score: int) -> str:
    return _BARS[min(score * len(_BARS) // _HIGHEST_SCORE, len(_BARS) - 1)]


def _print_sources(explanation: Explanation, console: Console) -> None:
    console.print(Text("The rows that it came from", style="bold"))
    table = _table(console)
    table.add_column("Rows,\ntheir table", overflow="fold", max_width=30)
    table.add_column("\nWindow", no_wrap=True)
    table.add_column("\nRows", justify="right", no_wrap=True)
    table.add_column("\nFirst, last", no_wrap=True)
    table.add_column("\nSum", overflow="fold")
    for source in explanation.sources:
        table.add_row(
            _lines([Text(source["signal_label"]), Text(source["source_table"], style="dim")]),
            _span(source["window_start"], source["window_end"], console),
            f"{source['row_count']:,}",
            _span(source["first_date"], source["last_date"], console),
            _sum(source),
        )
    console.print(table)
    console.print()


def _sum(source: Row) -> Text:
    total, unit = source["total"], source["signal_unit"]
    if total is None:
        return Text(_NOTHING)
    shown = f"the latest: {total}" if unit == "of 5" else counted(total, unit)
    if source["tickets"]:
        shown += f"\n{source['tickets']}"
    return _lines([plain_text(line) for line in shown.split("\n")])


def _span(first: date | None, last: date | None, console: Console) -> str:
    if first is None:
        return _NOTHING
    return f"{first}{' – ' if console.width >= _WIDE else chr(10)}{last}"


def _print_facts(customer: Row, console: Console) -> None:
    console.print(Text("Facts of the contract (table subscriptions)", style="bold"))
    grid = Table.grid(padding=(0, 2))
    grid.add_row("start_date", f"{customer['start_date']}, {customer['tenure_days']:,} days before")
    grid.add_row("end_date", str(customer["end_date"] or "none"))
    grid.add_row("is_trial", f"{_flag(customer['is_trial'])} *")
    grid.add_row("downgrade_flag", f"{_flag(customer['downgrade_flag'])} *")
    console.print(grid)
    console.print(Text(f"{_UNDATED}\n", style="dim"))


def _flag(flag: bool | None) -> str:
    return "not known" if flag is None else "yes" if flag else "no"


def _print_next(customer: Row, console: Console) -> None:
    console.print(Text("Next", style="bold"))
    grid = Table.grid(padding=(0, 2))
    if customer["previous_date"]:
        grid.add_row(
            f"make explain CUSTOMER=… AT={customer['previous_date']}", "the same, a week before"
        )
    grid.add_row("marts.risk_rule_evaluations", "every rule of every customer")
    grid.add_row("marts.signal_sources", "the rows behind every signal")
    grid.add_row("marts.customer_risk_history", "every customer on every weekly date")
    console.print(grid)


def _table(console: Console) -> Table:
    """A table with two blanks between columns, or one in a narrow console."""
    blanks = 2 if console.width >= _WIDE else 1
    return Table(box=box.SIMPLE_HEAD, padding=(0, blanks, 0, 0), pad_edge=False, show_edge=False)


def _level(level: str) -> Text:
    return Text(level, style=_STYLES.get(level, ""))


def _lines(parts: Sequence[Text]) -> Text:
    return Text("\n").join(parts)
