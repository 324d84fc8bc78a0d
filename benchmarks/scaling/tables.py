"""Formats the printed tables and those of the page `docs/benchmarks.md`."""

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
    "runs",
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
NOT_MEASURED = "not measured"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"

# A required limit: description, scale, measurement, bar. None if it was not measured.
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
# A full build must succeed at this scale with this memory limit.
LIMIT_BAR = (1000, "1GB")


def rows_of(result: Result) -> list[tuple[str, ...]]:
    """One row of text per contender that ran, in the columns of `HEADER`."""
    rows = []
    for name, label in LABELS.items():
        if name not in result.runs:
            continue
        seconds = result.middle(name) or 0.0
        fastest, slowest = result.spread(name)
        rows.append(
            (
                label,
                str(len(result.runs[name])),
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
    """For example: Scale 100: 2,500,000 usage rows, 50,007 customers, 132,094 tickets."""
    rows = result.data["rows"]
    limit = "" if result.is_usual else f" with a memory limit of {result.memory_limit}"
    return (
        f"Scale {result.scale:g}{limit}: {result.usage_rows:,} usage rows, "
        f"{rows['subscriptions']:,} customers, {rows['support_tickets']:,} tickets"
    )


def notes(result: Result) -> list[str]:
    """The notes below the table of a scale."""
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
    if earlier := [name for name in LABELS if name in result.earlier]:
        named = "; ".join(f"{LABELS[name]}, {_moment(result.earlier[name])}" for name in earlier)
        lines.append(f"Measured in an earlier run: {named}.")
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
    """All required limits: description, measurement, bar, and whether it holds (yes or no)."""
    usual = {result.scale: result for result in results if result.is_usual}
    # the largest scale may need another memory limit than the usual one
    largest = {result.scale: result for result in results if result.scale >= 4000}
    at = largest | usual
    found = [
        (f"{what}, scale {scale:g}", measure(at[scale]) if scale in at else None, bar)
        for what, scale, measure, bar in BARS
    ]
    small, large, bar = GROWTH_BAR
    one, two = (usual[scale].middle("full") if scale in usual else None for scale in (small, large))
    found.append((f"growth from {small} to {large}", two / one if one and two else None, bar))
    return [
        (what, f"{value:.2f}", f"{bar:g}", "yes" if value <= bar else "**no**")
        if value is not None
        else (what, NOT_MEASURED, f"{bar:g}", "")
        for what, value, bar in found
    ] + [_limit_bar(results)]


def _limit_bar(results: Sequence[Result]) -> tuple[str, str, str, str]:
    scale, limit = LIMIT_BAR
    what = f"full build with a memory limit of {limit}, scale {scale}"
    for result in results:
        if (result.scale, result.memory_limit) == LIMIT_BAR and "full" in result.runs:
            spilled = (result.middle("full", "spilled_bytes") or 0) / 1e6
            return what, f"ends, having spilled {spilled:,.0f} MB", "ends", "yes"
    return what, NOT_MEASURED, "ends", ""


def show_bars(results: Sequence[Result], console: Console) -> None:
    """Print the growth and the required limits."""
    for name in ("full", "day"):
        for line in growth(results, name):
            console.print(f"Growth of {LABELS[name]}, {line}", highlight=False, markup=False)
    table = Table("must hold", box=box.SIMPLE_HEAD)
    for column in ("measured", "at most", "holds"):
        table.add_column(column, justify="right")
    for row in bars(results):
        if NOT_MEASURED not in row:
            table.add_row(*(cell.replace("*", "") for cell in row))
    if table.row_count:
        console.print(table)


def write_page(page: Path, results: Sequence[Result]) -> None:
    """Write the results between the marks of the page; the text around them is hand-written.

    Raises ValueError if the page has no marks.
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
    parts = [
        _machine(results[-1]),
        _markdown(("must hold", "measured", "at most", "holds"), bars(results)),
    ]
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
    what = "everything, the history included" if result.settings["everything"] else "the core"
    return (
        f"{_moment(result.finished)}; {what}; memory limit of DuckDB {result.memory_limit}; "
        f"load of the machine when it began: {result.machine['load']:.1f}."
    )


def _moment(finished: str) -> str:
    return f"{finished[:16].replace('T', ' ')} UTC"


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---", *("---:" for _ in header[1:])], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
