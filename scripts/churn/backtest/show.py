"""Prints the backtest: whether the warnings of the past came true.

It only selects from the marts and computes nothing.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from churn.backtest.known_truth import Comparison
from churn.generate import Auc
from churn.project import Project
from churn.terminal import plain, plain_text, print_warnings
from churn.warehouse import Row, reading

_DATES_SHOWN = 8
_GROUPS = {"high": "High", "medium_or_above": "Medium or above", "top_decile": "Top decile"}
_LABELS = {
    "subscription_ended": "the customer's subscription ended",
    "account_churned": "the account had a churn event",
}
_VERDICT_STYLES = {"predictive": "bold green", "inverse": "bold red"}
_NOTHING = "–"

_VERDICTS = """
    select * from marts.backtest_verdicts
    order by label desc, is_headline desc, ruleset desc, signals desc
"""

_DATES = """
    select dates.*
    from marts.risk_backtest as dates
    inner join marts.backtest_verdicts as verdicts
        on dates.label = verdicts.label
        and dates.ruleset = verdicts.ruleset
        and dates.signals = verdicts.signals
    where verdicts.is_headline
    order by dates.as_of_date desc
    limit $rows
"""

_RULES = """
    select * from marts.risk_backtest_by_rule
    where label = 'subscription_ended'
    order by lift desc nulls last, rule_id
"""

_BANDS = """
    select * from marts.risk_calibration where is_headline order by score_from
"""


class _Rows(NamedTuple):
    warnings: list[str]
    data_set: str
    verdicts: list[Row]
    dates: list[Row]
    rules: list[Row]
    bands: list[Row]

    @property
    def headline(self) -> Row:
        return next(row for row in self.verdicts if row["is_headline"])


def show_backtest(project: Project, console: Console) -> None:
    """Print whether the warnings came true, by rule set, date, rule and score.

    Raises InputError if there is no built warehouse, and ChurnError if it cannot be read.
    """
    with reading(project) as warehouse:
        rows = _Rows(
            # this page shows the verdict anyway
            warnings=warehouse.warnings(besides="backtest_verdicts"),
            data_set=warehouse.data_set(),
            verdicts=warehouse.select(_VERDICTS),
            dates=warehouse.select(_DATES, rows=_DATES_SHOWN),
            rules=warehouse.select(_RULES),
            bands=warehouse.select(_BANDS),
        )
    print_warnings(rows.warnings, console)
    _print_headline(rows, console)
    if rows.headline["dates"]:
        _print_verdicts(rows.verdicts, console)
        _print_dates(rows, console)
        _print_rules(rows, console)
        _print_bands(rows.bands, console)
    else:
        console.print(
            "A Sunday is judged when both usage windows before it hold usage and the whole horizon "
            "after it has passed.\n"
        )
    _print_next(console)


def show_comparison(comparison: Comparison, console: Console) -> None:
    """Print how the rule sets did on generated data, beside an oracle that knows the truth."""
    day, oracle = comparison.as_of_date, comparison.oracle
    of_day = {row["ruleset"]: row for row in comparison.of_day}
    verdicts = comparison.verdicts
    size = "1 account" if comparison.accounts == 1 else f"{comparison.accounts:,} accounts"
    title = f"Against a known truth: {size}, signal {comparison.signal}, seed {comparison.seed}"
    console.print(Text(title, style="bold"))
    if oracle is None:
        console.print(
            f"Of the customers active on {day} nobody, or everybody, left within "
            f"{comparison.horizon_days} days: there is nothing to compare. Try more accounts."
        )
    else:
        console.print(
            f"All judge the {oracle.positives + oracle.negatives:,} customers active on {day}, of "
            f"whom {oracle.positives:,} left within {comparison.horizon_days} days "
            "(subscription_ended). The oracle knows the true chance of each to leave; the rule "
            "sets see what is dated by then (dated signals only)."
        )
    table = _table(console)
    table.add_column("", overflow="fold", max_width=30)
    table.add_column(f"AUC on\n{day}", justify="right", no_wrap=True)
    table.add_column("95%\ninterval", justify="right", no_wrap=True)
    dates = max((row["dates"] for row in verdicts), default=0)
    table.add_column(f"AUC over\n{dates} dates", justify="right", no_wrap=True)
    table.add_column("95%\ninterval", justify="right", no_wrap=True)
    table.add_column("Verdict")
    table.add_row("oracle", *_of_oracle(oracle), _NOTHING, _NOTHING, _NOTHING)
    for verdict in verdicts:
        table.add_row(
            plain_text(verdict["ruleset"]),
            *_auc(of_day.get(verdict["ruleset"], {})),
            *_auc(verdict),
            _verdict(verdict),
        )
    console.print(table)
    console.print(
        "\nNobody who knows only the past does better than the oracle, save by luck: between a "
        "rule set and the oracle lies what better rules could gain. The oracle's interval follows "
        "from a formula, those of the rule sets from drawing accounts again and again.",
        style="dim",
    )


def _print_headline(rows: _Rows, console: Console) -> None:
    headline = rows.headline
    console.print(Text("Did the warnings come true?", style="bold"))
    style = _VERDICT_STYLES.get(headline["verdict"], "bold yellow")
    console.print(plain_text(headline["verdict_text"], limit=1_000, style=style))
    judged = "no date judged"
    if headline["dates"]:
        sundays = "1 Sunday" if headline["dates"] == 1 else f"{headline['dates']:,} Sundays"
        judged = f"{sundays} judged, {headline['first_date']} to {headline['last_date']}"
    console.print(
        plain_text(
            f"Rule set {headline['ruleset']}, {headline['signals']}, label {headline['label']}: "
            f"{judged}."
        )
    )
    console.print(plain_text(f"Data: {rows.data_set}."))
    console.print()


def _print_verdicts(verdicts: Sequence[Row], console: Console) -> None:
    for label, meaning in _LABELS.items():
        rows = [row for row in verdicts if row["label"] == label]
        console.print(Text(f"Verdicts where leaving is {label}: {meaning}", style="bold"))
        console.print(_verdict_table(rows, console))
        console.print()
    console.print(
        "AUC: of a customer that left and one that stayed, how often the score puts the one that "
        "left first, a tie counting half (0.5 is a coin, 1 always). Precision: the share of those "
        "named that left. Recall: the share of those that left that were named. Base rate: the "
        "share of all that left. Lift: precision over base rate; 1 is no better than chance. Lead: "
        "median days from the first flag to the end. A customer is judged on every date on which "
        "it is active, and churned counts it once.\n",
        style="dim",
    )


def _verdict_table(rows: Sequence[Row], console: Console) -> Table:
    table = _table(console)
    table.add_column("Rule set,\nsignals,\nverdict", overflow="fold", min_width=18)
    table.add_column("AUC,\ninterval,\nlead", justify="right", no_wrap=True)
    table.add_column("Judged,\nchurned,\nbase rate", justify="right", no_wrap=True)
    table.add_column("\n\nNamed", no_wrap=True)
    table.add_column("\n\nPrecision", justify="right", no_wrap=True)
    table.add_column("\n\nRecall", justify="right", no_wrap=True)
    table.add_column("\n\nLift", justify="right", no_wrap=True)
    for row in rows:
        lead = row["median_lead_days"]
        table.add_row(
            _lines([plain_text(row["ruleset"]), plain_text(row["signals"]), _verdict(row)]),
            _lines([*_auc(row), _NOTHING if lead is None else f"{lead:,.0f} days"]),
            _lines(
                [
                    f"{row['customers']:,}",
                    f"{row['churned_customers']:,}",
                    _percent(row["base_rate"]),
                ]
            ),
            _lines(list(_GROUPS.values())),
            _lines([_percent(row[f"precision_{group}"]) for group in _GROUPS]),
            _lines([_percent(row[f"recall_{group}"]) for group in _GROUPS]),
            _lines([_lift(row[f"lift_{group}"]) for group in _GROUPS]),
            end_section=True,
        )
    return table


def _print_dates(rows: _Rows, console: Console) -> None:
    console.print(Text("The headline by date, the latest first", style="bold"))
    table = _table(console)
    table.add_column("Date", no_wrap=True)
    table.add_column("Judged", justify="right", no_wrap=True)
    table.add_column("Left", justify="right", no_wrap=True)
    table.add_column("Base rate", justify="right", no_wrap=True)
    table.add_column("AUC", justify="right", no_wrap=True)
    table.add_column("95% interval", justify="right", no_wrap=True)
    table.add_column("Medium or\nabove", justify="right", no_wrap=True)
    table.add_column("Lift", justify="right", no_wrap=True)
    for row in rows.dates:
        table.add_row(
            str(row["as_of_date"]),
            f"{row['customers']:,}",
            f"{row['churners']:,}",
            _percent(row["base_rate"]),
            *_auc(row),
            f"{row['customers_medium_or_above']:,}",
            _lift(row["lift_medium_or_above"]),
        )
    console.print(table)
    unseen = rows.headline["dates"] - len(rows.dates)
    if unseen > 0:
        console.print(f"… and {unseen:,} more in marts.risk_backtest")
    console.print()


def _print_rules(rows: _Rows, console: Console) -> None:
    title = f"Which rules of {plain(rows.headline['ruleset'])} earn their points"
    console.print(Text(f"{title} (subscription_ended)", style="bold"))
    table = _table(console)
    table.add_column("\nRule", overflow="fold", max_width=40)
    table.add_column("Points,\nat most", justify="right", no_wrap=True)
    table.add_column("\nFired", justify="right", no_wrap=True)
    table.add_column("Left where\nit fired", justify="right", no_wrap=True)
    table.add_column("Left where\nit did not", justify="right", no_wrap=True)
    table.add_column("\nLift", justify="right", no_wrap=True)
    table.add_column("95%\ninterval", justify="right", no_wrap=True)
    for row in rows.rules:
        table.add_row(
            plain_text(row["driver_label"]).append("" if row["is_dated"] else " *"),
            str(row["most_points"]),
            f"{row['customers_fired']:,}",
            _percent(row["churn_rate_fired"]),
            _percent(row["churn_rate_not_fired"]),
            _lift(row["lift"]),
            _interval(_lift(row["lift_low"]), _lift(row["lift_high"])),
        )
    console.print(table)
    if not all(row["is_dated"] for row in rows.rules):
        console.print(
            "* says what is true today, not what was true then; the headline leaves it out"
        )
    console.print()


def _print_bands(bands: Sequence[Row], console: Console) -> None:
    console.print(Text("How many left, by score (the headline's)", style="bold"))
    table = _table(console)
    table.add_column("Score", justify="right", no_wrap=True)
    table.add_column("Judged", justify="right", no_wrap=True)
    table.add_column("Left", justify="right", no_wrap=True)
    table.add_column("95% interval", justify="right", no_wrap=True)
    for row in bands:
        low, high = row["churn_rate_low"], row["churn_rate_high"]
        table.add_row(
            row["score_band"],
            f"{row['customers']:,}",
            _percent(row["churn_rate"]),
            _interval(_percent(low), _percent(high)),
        )
    console.print(table)
    console.print()


def _print_next(console: Console) -> None:
    console.print(Text("Next", style="bold"))
    grid = Table.grid(padding=(0, 2))
    grid.add_row("marts.backtest_verdicts", "the verdicts, with all figures")
    grid.add_row("marts.risk_backtest", "the same, date by date")
    grid.add_row("marts.risk_backtest_by_rule", "rule by rule, for both labels")
    grid.add_row("marts.risk_calibration", "score by score, for every rule set")
    grid.add_row("make backtest ORACLE=1", "the rule sets on data whose truth is known")
    console.print(grid)


def _table(console: Console) -> Table:
    """A table with two blanks between columns, or one in a narrow console."""
    blanks = 1 if console.width >= 100 else 0
    return Table(box=box.SIMPLE_HEAD, padding=(0, blanks, 0, 0), pad_edge=False, show_edge=False)


def _lines(parts: Sequence[str | Text]) -> Text:
    return Text("\n").join(Text(part) if isinstance(part, str) else part for part in parts)


def _verdict(row: Row) -> Text:
    return plain_text(row["verdict"], style=_VERDICT_STYLES.get(row["verdict"], "yellow"))


def _auc(row: Row) -> tuple[str, str]:
    """The AUC and its interval; `row` may lack them."""
    low, high = row.get("auc_low"), row.get("auc_high")
    return _share(row.get("auc")), _interval(_share(low), _share(high))


def _of_oracle(auc: Auc | None) -> tuple[str, str]:
    if auc is None:
        return _NOTHING, _NOTHING
    return _share(auc.value), _interval(_share(max(auc.low, 0)), _share(min(auc.high, 1)))


def _interval(low: str, high: str) -> str:
    return _NOTHING if _NOTHING in (low, high) else f"{low}–{high}"


def _share(value: Decimal | float | None) -> str:
    return _NOTHING if value is None else f"{value:.3f}"


def _percent(value: Decimal | None) -> str:
    return _NOTHING if value is None else f"{value:.1%}"


def _lift(value: Decimal | None) -> str:
    return _NOTHING if value is None else f"{value:,.1f}"
