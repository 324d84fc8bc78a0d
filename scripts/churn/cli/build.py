"""The commands that load data, build the warehouse and publish it."""

from pathlib import Path
from typing import Annotated

import typer

from churn.cli.arguments import Data, Partial, Variables, expanded_path, parsed_variables
from churn.project import Project
from churn.terminal import output_console
from churn.terminal.errors import InputError


def run(
    data: Data = None,
    partial: Partial = False,
    variables: Variables = "{}",
    full_refresh: Annotated[
        bool,
        typer.Option(
            "--full-refresh",
            help="Read every row again, including rows that arrived too late to be added.",
        ),
    ] = False,
    record: Annotated[
        bool,
        typer.Option(
            "--record",
            help="Also record the scores of a look: a run with --vars or of an older export.",
        ),
    ] = False,
) -> None:
    """Build everything and print whom to call first.

    Reads the bundled sample, or your own data with `--data`. The result is in the DuckDB file
    `warehouse/churn.duckdb` (or `CHURN_WAREHOUSE`). The first scores of each as-of date are
    recorded permanently in `data/published/` (or `CHURN_STORE_DIR`). A run with `--vars`, or of an
    as-of date before the last recorded one, is a look: it records nothing without `--record`.
    """
    from churn.build.commands import build_everything
    from churn.lists.show import show as show_list

    project, console = Project(), output_console()
    settings = parsed_variables(project, variables)
    if partial and data is None:
        raise InputError("--partial says which tables to replace; it needs --data.")
    not_recorded = build_everything(
        project,
        console,
        data=data,
        partial=partial,
        variables=settings,
        full_refresh=full_refresh,
        record=record,
    )
    show_list(project, console)
    if not_recorded:
        console.print(not_recorded, markup=False, highlight=False, soft_wrap=True)


def publish_warehouse(
    replace: Annotated[
        bool, typer.Option("--replace", help="Let the bundled sample replace your data, too.")
    ] = False,
) -> None:
    """Copy the last build to a read-only file, which people can query during the next build.

    The copy is `build/published/churn.duckdb` (or `CHURN_PUBLISHED_WAREHOUSE`). It holds the
    schemas marts, quality, enrichment and config. It is replaced atomically: open connections keep
    reading the old copy.
    """
    from churn.warehouse.commands import publish_copy

    publish_copy(Project(), output_console(), replace=replace)


def load(
    data: Annotated[
        Path,
        typer.Argument(metavar="FOLDER|ZIP", callback=expanded_path, help="Where your files are."),
    ],
    partial: Partial = False,
) -> None:
    """Check your files and load them, without building.

    Finds accounts, subscriptions, feature_usage, churn_events, support_tickets and, optionally,
    ticket_messages as .csv or .parquet, at any depth and with any prefix. Writes one Parquet file
    per table to `data/saas/` (or `CHURN_DATA_DIR`). The previous load stays until the new one is
    complete.
    """
    from churn.build.commands import load_data, make_command

    project, console = Project(), output_console()
    load_dir = load_data(project, console, data, partial)
    console.print(f"Next: {make_command(load_dir)}", markup=False, highlight=False)


def watch(data: Data = None, variables: Variables = "{}") -> None:
    """Rebuild whenever the files change, until Ctrl-C.

    With `--data` it watches your files, and loads and builds them. Without it, it watches the
    loaded data.
    """
    from churn.build.commands import load_data
    from churn.build.dbt import build
    from churn.build.watch import watch as watch_files
    from churn.lists.show import show as show_list

    project, console = Project(), output_console()
    settings = parsed_variables(project, variables)

    def reload() -> None:
        if data is not None:
            load_data(project, console, data, partial=False)

    def rebuild() -> None:
        build(project, console, data_dir=project.load_dir, variables=settings)
        show_list(project, console)

    watch_files(project, source=data, reload=reload, rebuild=rebuild)


def docs() -> None:
    """Write the data dictionary with every table and column, as one page that needs no network."""
    from churn.build.commands import build_once
    from churn.build.dbt import write_docs

    project, console = Project(), output_console()
    build_once(project, console)
    page = write_docs(project)
    console.print(f"The data dictionary is {page}", markup=False, highlight=False)
