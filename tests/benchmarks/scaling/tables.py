"""What is printed, and what the page `docs/benchmarks.md` shows."""

from collections.abc import Callable, Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from scaling.results import Result, growth

LABELS = {
    "windows": "the two windows, bare",
    "floor": "(a) floor: SQL by hand",
    "pandas": "(b) pandas",
    "full": "(c) dbt build",
    "day": "(d) dbt build, a day later",
    "spark": "(e) Spark local",
}
HEADER = (
    "",
    "seconds",
    "fastest–slowest",
    "CPU s",
    "peak MB",
    "spilled MB",
    "1,000 rows/s",
    "× floor",
    "× pandas",
    "process s",
)
SLOWEST = 3
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"

# What must hold: what, at which scale, what was measured, the bar; None where it was not measured.
Measure = Callable[[Result], float | None]


def _share_of_pandas(what: str) -> Measure:
    return lambda result: result.ratio("full", "pandas", what)


BARS: tuple[tuple[str, float, Measure, float], ...] = (
    ("full build, × the floor", 1000, lambda result: result.ratio("full", "floor"), 2.5),
    ("full build, × pandas", 1000, _share_of_pandas("seconds"), 1.0),
    ("peak memory, × pandas", 1000, _share_of_pandas("peak_bytes"), 0.5),
    (
        "peak memory, GB",
        1000,
        lambda result: (result.middle("full", "peak_bytes") or 0) / 1e9 or None,
        2.0,
    ),
    ("a day later, × the full build", 1000, lambda result: result.ratio("day", "full"), 0.25),
    (
        "peak memory, GB",
        4000,
        lambda result: (result.middle("full", "peak_bytes") or 0) / 1e9 or None,
        4.0,
    ),
)
GROWTH_BAR = (100, 1000, 11.0)


def rows_of(result: Result) -> list[tuple[str, ...]]:
    """One row a contender that ran, as text, in the columns of `HEADER`."""
    rows = []
    for name, label in LABELS.items():
        if name not in result.runs:
            continue
        seconds = result.middle(name) or 0.0
        fastest, slowest = result.spread(name)
        rows.append(
            (
                label,
                _number(seconds),
                f"{_number(fastest)}–{_number(slowest)}",
                _number(result.middle(name, "cpu_seconds")),
                f"{(result.middle(name, 'peak_bytes') or 0) / 1e6:,.0f}",
                f"{(result.middle(name, 'spilled_bytes') or 0) / 1e6:,.0f}",
                f"{result.usage_rows / max(seconds, 0.001) / 1e3:,.0f}",
                _ratio(result.ratio(name, "floor")),
                _ratio(result.ratio(name, "pandas")),
                _number(result.middle(name, "process_seconds")),
            )
        )
    return rows


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def title(result: Result) -> str:
    """Such as: Scale 100: 2,500,000 usage rows, 50,007 customers, 132,094 tickets; 3 runs."""
    rows = result.data["rows"]
    runs = max(map(len, result.runs.values()), default=0)
    return (
        f"Scale {result.scale:g}: {result.usage_rows:,} usage rows, "
        f"{rows['subscriptions']:,} customers, {rows['support_tickets']:,} tickets; "
        f"{runs} run{'s' if runs != 1 else ''}"
    )


def notes(result: Result) -> list[str]:
    """What stands below the table of a scale."""
    lines = []
    if slowest := result.model_times()[:SLOWEST]:
        named = ", ".join(f"`{model}` {_number(seconds)} s" for model, seconds in slowest)
        lines.append(f"Slowest models of (c): {named}.")
    if slowest := result.model_times("day")[:SLOWEST]:
        named = ", ".join(f"`{model}` {_number(seconds)} s" for model, seconds in slowest)
        lines.append(f"Slowest models of (d): {named}.")
    if (share := result.ratio("day", "full")) is not None:
        lines.append(f"(d) takes {share:.0%} of the time of (c).")
    making, loading = result.data["generating"], result.data["loading"]
    lines.append(
        f"Generated at {result.usage_rows / making['seconds']:,.0f} usage rows a second, "
        f"peak {making['peak_bytes'] / 1e6:,.0f} MB; "
        f"loaded in {_number(loading['seconds'])} s, peak {loading['peak_bytes'] / 1e6:,.0f} MB."
    )
    lines += [f"{LABELS.get(name, name)} left out: {why}." for name, why in result.skipped.items()]
    return lines


def show(result: Result, console: Console) -> None:
    """Print one scale."""
    table = Table(*HEADER[:1], box=box.SIMPLE_HEAD, title=title(result), title_justify="left")
    for column in HEADER[1:]:
        table.add_column(column, justify="right")
    for row in rows_of(result):
        table.add_row(*row)
    console.print(table)
    for line in notes(result):
        console.print(line.replace("`", ""), highlight=False, markup=False)


def bars(results: Sequence[Result]) -> list[tuple[str, str, str, str]]:
    """What must hold, and whether it does: what, measured, bar, yes or no."""
    at = {result.scale: result for result in results}
    found = [
        (f"{what}, scale {scale:g}", measure(at[scale]) if scale in at else None, bar)
        for what, scale, measure, bar in BARS
    ]
    small, large, bar = GROWTH_BAR
    if small in at and large in at:
        one, two = at[small].middle("full"), at[large].middle("full")
        found.append((f"growth from {small} to {large}", two / one if one and two else None, bar))
    return [
        (what, f"{value:.2f}", f"{bar:g}", "yes" if value <= bar else "**no**")
        for what, value, bar in found
        if value is not None
    ]


def show_bars(results: Sequence[Result], console: Console) -> None:
    """Print growth and what must hold."""
    for name in ("full", "day"):
        for line in growth(results, name):
            console.print(f"Growth of {LABELS[name]}, {line}", highlight=False, markup=False)
    table = Table("must hold", box=box.SIMPLE_HEAD)
    for column in ("measured", "at most", "holds"):
        table.add_column(column, justify="right")
    for row in bars(results):
        table.add_row(*(cell.replace("*", "") for cell in row))
    if table.row_count:
        console.print(table)


def write_page(page: Path, results: Sequence[Result]) -> None:
    """Put the results between the marks of the page; what stands around them is written by hand.

    Raises ValueError where the page has no marks.
    """
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} has no marks {BEGIN} and {END}.")
    partial = page.with_name(f".{page.name}")
    partial.write_text(f"{before}{BEGIN}\n{_measured(results)}{END}{after}", encoding="utf-8")
    partial.replace(page)


def _measured(results: Sequence[Result]) -> str:
    parts = [_machine(results[-1])]
    if held := bars(results):
        parts.append(_markdown(("must hold", "measured", "at most", "holds"), held))
    for name in ("full", "day"):
        if lines := growth(results, name):
            parts.append(f"Growth of {LABELS[name]}: {'; '.join(lines)}.")
    for result in results:
        parts += [f"### {title(result)}", _settings(result), _markdown(HEADER, rows_of(result))]
        parts.append("\n".join(f"- {line}" for line in notes(result)))
    return "\n" + "\n\n".join(parts) + "\n\n"


def _machine(result: Result) -> str:
    found = result.machine
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    return (
        f"{found['cores']} cores, {found['memory_bytes'] / 2**30:,.0f} GiB of memory, "
        f"{found['system']}; {versions}."
    )


def _settings(result: Result) -> str:
    limit = result.settings["memory_limit"]
    what = "everything, the history included" if result.settings["everything"] else "the core"
    return (
        f"{result.finished[:16].replace('T', ' ')}; {what}; memory limit of DuckDB {limit}; "
        f"load of the machine when it began: {result.machine['load']:.1f}."
    )


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---", *("---:" for _ in header[1:])], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
