"""The `churn` command: thin wrappers; `churn --help` is the manual."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, time
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.console import Console
from rich.progress import Progress

from churn.dbt import build, write_docs
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
from churn.load import load as load_files
from churn.load import print_summary, recover
from churn.project import Project
from churn.show import show as show_list
from churn.terminal import output_console, plain_lines
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
    `warehouse/churn.duckdb` (or `CHURN_WAREHOUSE`).
    """
    project, console = Project(), output_console()
    settings = _parsed_variables(variables)
    if partial and data is None:
        raise InputError("--partial says which tables to replace; it needs --data.")
    if data is not None:
        data_dir: Path | None = _load(project, console, data, partial)
    else:
        recover(project.load_dir)
        data_dir = project.data_dir
    _say_what_is_built(project, console, data_dir)
    build(project, console, data_dir=data_dir, variables=settings)
    show_list(project, console)


@app.command()
def show(
    svg: Annotated[Path | None, typer.Option(help="Save the page as a picture, too.")] = None,
) -> None:
    """Print the at-risk list of the last build again."""
    show_list(Project(), output_console(record=svg is not None), svg)


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
    settings = _parsed_variables(variables)

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
    with _progress(console, "Generating") as progress:
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
    if not project.warehouse.is_file():
        _say_what_is_built(project, console, project.data_dir)
        build(project, console, data_dir=project.data_dir)
    page = write_docs(project)
    console.print(f"The data dictionary is {page}", markup=False, highlight=False)


def main() -> None:
    """Run the command; an error is one message on standard error and an exit code (1 or 2)."""
    try:
        app()
    except ChurnError as error:
        Console(stderr=True).print(
            f"Error: {plain_lines(error)}", markup=False, highlight=False, style="red"
        )
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


@contextmanager
def _progress(console: Console, title: str) -> Iterator[Any]:
    """A progress bar, as a function of (done, total)."""
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _load(project: Project, console: Console, data: Path, partial: bool) -> Path:
    with _progress(console, "Loading") as progress:
        summary = load_files(data, project, partial=partial, progress=progress)
    print_summary(summary, console)
    return project.load_dir


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


def _parsed_variables(text: str) -> dict[str, Any]:
    try:
        variables = yaml.safe_load(text) or {}
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(f"--vars cannot be read: {error}") from error
    if not isinstance(variables, dict):
        raise InputError("--vars must name its values, such as {as_of_date: 2026-06-30}.")
    return variables
