"""The commands that generate sample data."""

from datetime import datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from churn.cli.arguments import expanded_path
from churn.project.options import (
    DEFAULT_ACCOUNTS,
    DEFAULT_SEED,
    DEFAULT_UNTIL,
    FEWEST_USAGE_ROWS,
    FileFormat,
    Signal,
)
from churn.terminal import output_console, progress_bar
from churn.terminal.errors import InputError

if TYPE_CHECKING:
    from churn.generate import Summary

LAST_DAY = datetime.combine(DEFAULT_UNTIL, time.min)


def generate(
    out: Annotated[
        Path,
        typer.Option(
            callback=expanded_path, help="Folder to write to; the truth goes to its `truth/`."
        ),
    ],
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
    faults: Annotated[
        bool,
        typer.Option(
            help="Plant about two dozen faulty rows; with --usage-rows one in 10,000 of each kind."
        ),
    ] = True,
    usage_rows: Annotated[
        int | None,
        typer.Option(
            min=FEWEST_USAGE_ROWS,
            help="Instead of --accounts: a company of any size, 50 usage rows per customer, in "
            "order of arrival; without truth and messages. For measurements.",
        ),
    ] = None,
    more_days: Annotated[
        int,
        typer.Option(
            min=0,
            help="With --usage-rows: the same company this many days after --until; new rows "
            "follow below the same rows.",
        ),
    ] = 0,
) -> None:
    """Generate sample data with known causes of churn, to try, test and judge scores."""
    console = output_console()
    if usage_rows is not None:
        from churn.generate.volume import VolumeRequest, generate_volume

        if (accounts, signal) != (DEFAULT_ACCOUNTS, "strong"):
            raise InputError("--accounts and --signal do not go with --usage-rows.")
        request = VolumeRequest(
            usage_rows,
            more_days=more_days,
            seed=seed,
            file_format=file_format,
            faults=faults,
            until=until.date(),
        )
        with progress_bar(console, "Generating") as progress:
            summary = generate_volume(out, request, progress=progress)
        _print_generated(summary, console)
        return
    if more_days:
        raise InputError("--more-days needs --usage-rows.")
    from churn.generate import generate as generate_data

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


def sample() -> None:
    """Regenerate the bundled sample in `seeds/saas`: `generate` with its defaults."""
    from churn.generate import write_seeds

    console = output_console()
    _print_generated(write_seeds(Path("seeds/saas")), console)


def _print_generated(summary: "Summary", console: Console) -> None:
    rows = ", ".join(f"{count:,} {table}" for table, count in summary.rows.items())
    console.print(f"Wrote to {summary.folder}: {rows}", markup=False, highlight=False)
    if summary.truth:
        console.print(f"The truth is in {summary.truth}", markup=False, highlight=False)
    if summary.oracle_auc is not None:
        console.print(f"AUC of an oracle that knows it: {summary.oracle_auc:.3f}", highlight=False)
