"""The `churn` command: thin wrappers; `churn --help` is the manual."""

import re
import shlex
import sys
from datetime import datetime, time
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.console import Console

from churn.backtest import show_backtest, show_comparison
from churn.dbt import build, write_docs
from churn.enrich.commands import analyze as read_one
from churn.enrich.commands import clear, evaluate_engine, list_tickets, pasted
from churn.enrich.commands import enrich as enrich_tickets
from churn.enrich.engine import DEFAULT_MODEL, Engine
from churn.errors import ChurnError, InputError
from churn.generate import (
    DEFAULT_ACCOUNTS,
    DEFAULT_SEED,
    DEFAULT_UNTIL,
    FileFormat,
    Signal,
    Summary,
    write_seeds,
)
from churn.generate import generate as generate_data
from churn.known_truth import DEFAULT_ACCOUNTS as DEFAULT_KNOWN_ACCOUNTS
from churn.known_truth import compare
from churn.load import load as load_files
from churn.load import print_summary, recover
from churn.project import Project
from churn.publish import PUBLISHED_MODELS, publish
from churn.show import show as show_list
from churn.terminal import output_console, plain_lines, progress_bar
from churn.watch import watch as watch_files

app = typer.Typer(
    help="Five SaaS tables in, who to call first out. Run it in the project's folder.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)

LAST_DAY = datetime.combine(DEFAULT_UNTIL, time.min)

Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="FOLDER|ZIP",
        help="Load these files first and build from them. Without it: the data of "
        "`CHURN_DATA_DIR` where that is set, else the bundled sample.",
    ),
]
Partial = Annotated[
    bool,
    typer.Option("--partial", help="Replace only the tables that are given; keep the others."),
]
Variables = Annotated[
    str,
    typer.Option(
        "--vars",
        metavar="YAML",
        help="Variables of `dbt_project.yml`, such as "
        "`{as_of_date: 2026-06-30, risk_ruleset: basic}`.",
    ),
]


@app.command()
def run(data: Data = None, partial: Partial = False, variables: Variables = "{}") -> None:
    """Build everything and print who to call first.

    Reads the bundled sample, or your own data with `--data`. The result is in the DuckDB file
    `warehouse/churn.duckdb` (or `CHURN_WAREHOUSE`). The first scores of each as-of date are kept
    for good in `data/published/` (or `CHURN_STORE_DIR`).
    """
    project, console = Project(), output_console()
    settings = _parsed_variables(project, variables)
    if partial and data is None:
        raise InputError("--partial says which tables to replace; it needs --data.")
    if data is not None:
        data_dir: Path | None = _load(project, console, data, partial)
    else:
        recover(project.load_dir)
        data_dir = project.data_dir
    _say_what_is_built(project, console, data_dir)
    build(project, console, data_dir=data_dir, variables=settings)
    if publish(project):
        build(project, console, data_dir=data_dir, variables=settings, models=PUBLISHED_MODELS)
    show_list(project, console)


@app.command()
def show(
    svg: Annotated[Path | None, typer.Option(help="Save the page as a picture, too.")] = None,
) -> None:
    """Print the at-risk list of the last build again."""
    show_list(Project(), output_console(record=svg is not None), svg)


@app.command()
def backtest(
    oracle: Annotated[
        bool,
        typer.Option(
            "--oracle",
            help="Judge the rule sets on generated data instead, beside an oracle that knows the "
            "true chance of every customer to leave. Your data is left alone.",
        ),
    ] = False,
    accounts: Annotated[
        int | None,
        typer.Option(
            min=1, help=f"With --oracle: how many companies ({DEFAULT_KNOWN_ACCOUNTS:,})."
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help=f"With --oracle: another company ({DEFAULT_SEED}).")
    ] = None,
    signal: Annotated[
        Signal | None,
        typer.Option(help="With --oracle: how much of the churn the data explains (strong)."),
    ] = None,
) -> None:
    """Print whether the warnings of the past came true.

    The scores of past Sundays, from the rows known by then, against who left within 90 days
    (`backtest_horizon_days`), for every rule set. Reads the last build, or builds first.
    """
    project, console = Project(), output_console()
    if oracle:
        comparison = compare(
            console,
            accounts=DEFAULT_KNOWN_ACCOUNTS if accounts is None else accounts,
            seed=DEFAULT_SEED if seed is None else seed,
            signal=signal or "strong",
        )
        show_comparison(comparison, console)
        return
    if (accounts, seed, signal) != (None, None, None):
        raise InputError(
            "--accounts, --seed and --signal say what to generate; they need --oracle."
        )
    _build_once(project, console)
    show_backtest(project, console)


Model = Annotated[
    str,
    typer.Option(help="The model, as Ollama calls it; `llama3.1:8b` is slower and reads better."),
]
Timeout = Annotated[
    float, typer.Option(min=1, max=86_400, help="Seconds a ticket may take, all in all.")
]
Concurrency = Annotated[int, typer.Option(min=1, max=64, help="How many at a time.")]
AllowRemote = Annotated[
    bool, typer.Option("--allow-remote", help="Let the text of tickets leave this machine.")
]


@app.command()
def enrich(
    limit: Annotated[
        str, typer.Option(help="How many messages, the newest first; `all` for all.")
    ] = "50",
    timeout: Timeout = 60,
    model: Model = DEFAULT_MODEL,
    concurrency: Concurrency = 2,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only messages from that day on.")
    ] = None,
    tickets: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|NAME",
            help="Any other file of tickets; it is copied to `data/tickets` and known by its name "
            "from then on.",
        ),
    ] = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Read again what is known.")] = False,
    allow_remote: AllowRemote = False,
) -> None:
    """Have a local language model read what customers wrote.

    Asks an Ollama server on this machine (`OLLAMA_HOST`), keeps every answer in `data/enrichment/`
    and builds what depends on it. Stop it at any time: the same command goes on where it ended.
    """
    project, console = Project(), output_console()
    enrich_tickets(
        project,
        console,
        _ollama(model, allow_remote),
        tickets=tickets,
        limit=_limit(limit),
        timeout=timeout,
        concurrency=concurrency,
        since=since,
        refresh=refresh,
    )


@app.command("tickets")
def tickets_() -> None:
    """List the ticket files that `enrich --tickets` can read by name."""
    list_tickets(Project(), output_console())


@app.command()
def clear_enrichment() -> None:
    """Show and score nothing of what was read so far. Deletes nothing; `enrich` brings it back."""
    clear(Project(), output_console())


@app.command()
def analyze(
    ticket: Annotated[
        str | None, typer.Argument(help="The text, the name of a file, or `-` for standard input.")
    ] = None,
    timeout: Timeout = 60,
    model: Model = DEFAULT_MODEL,
    allow_remote: AllowRemote = False,
) -> None:
    """Have the model read one ticket, and print what it says as JSON. Nothing is kept."""
    engine = _ollama(model, allow_remote)
    reading = read_one(pasted(ticket), engine, timeout)
    if reading.answer is None:
        raise ChurnError(f"The ticket could not be read: {reading.error}.")
    output_console().print_json(reading.answer.model_dump_json())


@app.command()
def evaluate_enrichment(
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Messages with any of the columns churn_intent, category, sentiment. Without it: "
            "messages of a generated company, whose truth is known.",
        ),
    ] = None,
    limit: Annotated[str, typer.Option(help="How many messages; `all` for all.")] = "100",
    timeout: Timeout = 60,
    model: Model = DEFAULT_MODEL,
    concurrency: Concurrency = 2,
    allow_remote: AllowRemote = False,
) -> None:
    """Say how well the model reads, on messages whose meaning is known."""
    project, console = Project(), output_console()
    evaluate_engine(
        project,
        console,
        _ollama(model, allow_remote),
        labels=labels,
        limit=_limit(limit),
        timeout=timeout,
        concurrency=concurrency,
    )


@app.command()
def load(
    data: Annotated[Path, typer.Argument(metavar="FOLDER|ZIP", help="Where your files are.")],
    partial: Partial = False,
) -> None:
    """Check your files and load them, without building.

    Finds accounts, subscriptions, feature_usage, churn_events, support_tickets and, optionally,
    ticket_messages as .csv or .parquet, at any depth and with any prefix, and writes one Parquet
    file a table to `data/saas/` (or `CHURN_DATA_DIR`). The previous load stays until the new one is
    complete.
    """
    project, console = Project(), output_console()
    load_dir = _load(project, console, data, partial)
    console.print(f"Next: {_build_command(load_dir)}", markup=False, highlight=False)


@app.command()
def watch(data: Data = None, variables: Variables = "{}") -> None:
    """Rebuild whenever the files change; Ctrl-C ends it.

    With `--data` it watches your files, loads and builds; without it watches the loaded data.
    """
    project, console = Project(), output_console()
    settings = _parsed_variables(project, variables)

    def reload() -> None:
        if data is not None:
            _load(project, console, data, partial=False)

    def rebuild() -> None:
        build(project, console, data_dir=project.load_dir, variables=settings)
        show_list(project, console)

    watch_files(project, source=data, reload=reload, rebuild=rebuild)


@app.command()
def generate(
    out: Annotated[Path, typer.Option(help="Folder to write to; the truth goes to its `truth/`.")],
    accounts: Annotated[int, typer.Option(min=1, help="How many companies.")] = DEFAULT_ACCOUNTS,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same bytes.")] = DEFAULT_SEED,
    signal: Annotated[
        Signal,
        typer.Option(help="How much of the churn the data explains; null: nothing."),
    ] = "strong",
    file_format: Annotated[FileFormat, typer.Option("--format")] = "csv",
    until: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="Last day of the data.")
    ] = LAST_DAY,
    faults: Annotated[bool, typer.Option(help="Plant some two dozen faulty rows.")] = True,
) -> None:
    """Make sample data whose churn has a known cause, for trying, testing and judging scores."""
    console = output_console()
    with progress_bar(console, "Generating") as progress:
        summary = generate_data(
            out,
            accounts=accounts,
            seed=seed,
            signal=signal,
            file_format=file_format,
            faults=faults,
            until=until.date(),
            progress=progress,
        )
    _print_generated(summary, console)


@app.command()
def sample() -> None:
    """Make the bundled sample in `seeds/saas` again: `generate` with its defaults."""
    console = output_console()
    _print_generated(write_seeds(Path("seeds/saas")), console)


@app.command()
def docs() -> None:
    """Write the data dictionary, every table and column, as one page that needs no network."""
    project, console = Project(), output_console()
    _build_once(project, console)
    page = write_docs(project)
    console.print(f"The data dictionary is {page}", markup=False, highlight=False)


def main() -> None:
    """Run the command; an error is one message on standard error and an exit code (1 or 2)."""
    try:
        app(prog_name="churn")
    except ChurnError as error:
        Console(stderr=True).print(
            f"Error: {plain_lines(error)}",
            markup=False,
            highlight=False,
            style="red",
            # what is to be copied stays in one piece
            soft_wrap=True,
        )
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


def _ollama(model: str, allow_remote: bool) -> Engine:
    # the package reads OLLAMA_HOST when it is imported, and fails where that is no address
    try:
        from churn.enrich.ollama import OllamaEngine
    except ValueError as error:
        raise InputError(
            "OLLAMA_HOST is no address. Write it as http://127.0.0.1:11434."
        ) from error
    return OllamaEngine(model=model, allow_remote=allow_remote)


def _load(project: Project, console: Console, data: Path, partial: bool) -> Path:
    with progress_bar(console, "Loading") as progress:
        summary = load_files(data, project, partial=partial, progress=progress)
    print_summary(summary, console)
    return project.load_dir


def _build_once(project: Project, console: Console) -> None:
    """Build if there is no warehouse yet."""
    if not project.warehouse.is_file():
        _say_what_is_built(project, console, project.data_dir)
        build(project, console, data_dir=project.data_dir)


def _print_generated(summary: Summary, console: Console) -> None:
    rows = ", ".join(f"{count:,} {table}" for table, count in summary.rows.items())
    console.print(f"Wrote to {summary.folder}: {rows}", markup=False, highlight=False)
    if summary.truth:
        console.print(f"The truth is in {summary.truth}", markup=False, highlight=False)
    if summary.oracle_auc is not None:
        console.print(f"AUC of an oracle that knows it: {summary.oracle_auc:.3f}", highlight=False)


def _build_command(data_dir: Path) -> str:
    return f"CHURN_DATA_DIR={shlex.quote(str(data_dir))} make run"


def _say_what_is_built(project: Project, console: Console, data_dir: Path | None) -> None:
    if data_dir is not None:
        console.print(f"Building from the data in {data_dir}.", markup=False, highlight=False)
        return
    console.print("Building the bundled sample: an invented company.")
    if project.load_dir.is_dir():
        console.print(
            f"Your own data in {project.load_dir} is left alone; "
            f"to build from it: {_build_command(project.load_dir)}",
            markup=False,
            highlight=False,
        )


def _limit(text: str) -> int | None:
    if text.strip().lower() == "all":
        return None
    if not re.fullmatch(r"0*[1-9][0-9]{0,8}", text.strip(), re.ASCII):
        raise InputError(
            f"--limit must be a whole number from 1 to 999,999,999, or all, not {text}."
        )
    return int(text)


def _parsed_variables(project: Project, text: str) -> dict[str, Any]:
    try:
        variables = yaml.safe_load(text) or {}
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(f"--vars cannot be read: {error}") from error
    if not isinstance(variables, dict):
        raise InputError("--vars must name its values, such as {as_of_date: 2026-06-30}.")
    unknown = [str(name) for name in variables if name not in project.variables]
    if unknown:
        raise InputError(
            f"--vars names {', '.join(unknown)}; there are: {', '.join(project.variables)}."
        )
    return variables
