"""The commands that show, explain and export the results of the last build."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from churn.cli.arguments import chosen_formats, expanded_path
from churn.project import Project
from churn.project.options import (
    DEFAULT_CAPACITY,
    DEFAULT_KNOWN_ACCOUNTS,
    DEFAULT_SEED,
    EXPORT_FORMATS,
    Level,
    Signal,
)
from churn.terminal import output_console
from churn.terminal.errors import InputError


def show(
    svg: Annotated[
        Path | None, typer.Option(callback=expanded_path, help="Save the page as a picture, too.")
    ] = None,
) -> None:
    """Print the at-risk list of the last build again."""
    from churn.lists.show import show as show_list

    show_list(Project(), output_console(record=svg is not None), svg)


def list_(
    capacity: Annotated[
        int, typer.Option(min=1, help="How many calls there is time for.")
    ] = DEFAULT_CAPACITY,
    plan: Annotated[
        str | None, typer.Option(help="Only accounts with a customer at risk of this plan.")
    ] = None,
    level: Annotated[
        Level | None,
        typer.Option(case_sensitive=False, help="Only accounts with a customer at this level."),
    ] = None,
    min_arr: Annotated[
        float | None, typer.Option(min=0, help="Only accounts with at least this much ARR at risk.")
    ] = None,
    churned: Annotated[
        bool, typer.Option("--churned", help="Only accounts that had a churn event.")
    ] = False,
    owner: Annotated[
        str | None, typer.Option(help="Only accounts whose next step is this person's or role's.")
    ] = None,
) -> None:
    """Print the week's changes and calls, one row per company.

    Reads the last build, after building outcomes logged since.
    """
    from churn.build.dbt import build_what_was_logged
    from churn.lists.call_list import Filters, show_calls

    project, console = Project(), output_console()
    build_what_was_logged(project, console)
    least = None if min_arr is None else Decimal(str(min_arr))
    filters = Filters(plan, level, least, churned, owner)
    show_calls(project, console, capacity, filters)


def export(
    customer: Annotated[
        str | None, typer.Option(help="Only this customer; its files get a folder of their own.")
    ] = None,
    formats: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="NAMES",
            help=f"Only these, with commas between them: {', '.join(EXPORT_FORMATS)}.",
        ),
    ] = "",
) -> None:
    """Write the list, its plans and drafts to files for other tools.

    The files go to `exports/<as-of date>/` (or `CHURN_EXPORT_DIR`): CSV, a workbook to work in,
    tasks for HubSpot and Salesforce, notes, a page per customer, and a digest of the week. Outcomes
    logged since the last build are built first.
    """
    from churn.build.dbt import build_what_was_logged
    from churn.export.commands import export_files

    project, console = Project(), output_console()
    chosen = chosen_formats(formats)
    build_what_was_logged(project, console)
    export_files(project, console, customer=customer, formats=chosen)


def explain(
    customer: Annotated[str, typer.Argument(help="The customer: the id of a subscription.")],
    at: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="As of another date, from the rows known by then. By default the last build's.",
        ),
    ] = None,
) -> None:
    """Print how a customer's score arises: every rule, its distance to firing, and the rows.

    This works for any customer, at risk or not, active or ended. It reads the last build. It builds
    another date in a temporary folder, and does not change the warehouse.
    """
    from churn.explain import explain as explain_score

    explain_score(Project(), output_console(), customer=customer, at=at.date() if at else None)


def backtest(
    oracle: Annotated[
        bool,
        typer.Option(
            "--oracle",
            help="Judge the rule sets on generated data instead, beside an oracle that knows the "
            "true probability that each customer leaves. This does not touch your data.",
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
    """Print whether past warnings came true.

    For every rule set, compares the scores of past Sundays with the customers who left within 90
    days (`backtest_horizon_days`). Each score uses only the rows known by its date. Reads the last
    build, or builds first.
    """
    from churn.backtest.known_truth import compare
    from churn.backtest.show import show_backtest, show_comparison
    from churn.build.commands import build_once

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
    build_once(project, console)
    show_backtest(project, console)
