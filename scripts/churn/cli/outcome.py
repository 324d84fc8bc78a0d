"""The commands under `churn outcome`, which log what people did about a customer."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from churn.cli.arguments import expanded_path
from churn.project import Project
from churn.terminal import output_console

outcome = typer.Typer(
    help="Log what was done about customers at risk, and what came of it.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

Customer = Annotated[str, typer.Argument(help="The customer: the id of a subscription.")]
Note = Annotated[str | None, typer.Option(help="Anything worth knowing, 2,000 characters at most.")]
By = Annotated[str | None, typer.Option(help="Who says so. By default the user of this session.")]


@outcome.command("add")
def outcome_add(
    customer: Customer,
    what: Annotated[
        str,
        typer.Argument(
            metavar="OUTCOME",
            help="contacted, meeting_scheduled, issue_resolved, renewed, downgraded, cancelled or "
            "no_response.",
        ),
    ],
    note: Note = None,
    by: By = None,
    at: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The day on which it happened. By default today."),
    ] = None,
    corrects: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="The row that this one replaces, as `outcome list` names it."
        ),
    ] = None,
) -> None:
    """Log one outcome.

    Outcomes are records: they appear beside the customer and never change a score. They are stored
    in `data/outcomes/` (or `CHURN_STORE_DIR`), and the next build shows them.
    """
    from churn.outcomes import commands

    commands.add(
        Project(),
        output_console(),
        customer=customer,
        what=what,
        note=note,
        by=by,
        at=at.date() if at else None,
        corrects=corrects,
    )


@outcome.command("snooze")
def outcome_snooze(
    customer: Customer,
    until: Annotated[
        datetime,
        typer.Argument(formats=["%Y-%m-%d"], help="The last day of it."),
    ],
    note: Note = None,
    by: By = None,
) -> None:
    """Move a customer to the end of the list, until a day (inclusive). `retract` ends it early."""
    from churn.outcomes import commands

    commands.snooze(
        Project(), output_console(), customer=customer, until=until.date(), note=note, by=by
    )


@outcome.command("not-a-risk")
def outcome_not_a_risk(
    customer: Customer,
    reason: Annotated[str, typer.Argument(help="Why the rules are wrong about the customer.")],
    by: By = None,
) -> None:
    """Log a false alarm; `marts.false_alarms` counts them by rule. The score stays."""
    from churn.outcomes import commands

    commands.not_a_risk(Project(), output_console(), customer=customer, reason=reason, by=by)


@outcome.command("retract")
def outcome_retract(
    outcome_id: Annotated[
        str, typer.Argument(metavar="ID", help="The row, as `outcome list` names it.")
    ],
    note: Note = None,
    by: By = None,
) -> None:
    """Retract a row that was logged by mistake; it stays in the log but no longer counts."""
    from churn.outcomes import commands

    commands.retract(Project(), output_console(), outcome_id=outcome_id, note=note, by=by)


@outcome.command("list")
def outcome_list(
    customer: Annotated[
        str | None, typer.Argument(help="Only of this customer.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many rows.")] = 20,
) -> None:
    """Print the log, newest rows first; corrected rows name their correction."""
    from churn.outcomes import commands

    commands.list_outcomes(Project(), output_console(), customer=customer, limit=limit)


@outcome.command("import")
def outcome_import(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", callback=expanded_path, help="A CSV file or a workbook."),
    ],
    by: By = None,
) -> None:
    """Log many outcomes from a CSV file or a workbook, such as the one that `churn export` writes.

    Columns: customer_id, outcome, and optionally note, by, at (a date) and row_key; others are
    ignored. Valid rows are stored all at once, and invalid ones are listed. Importing a file again
    stores nothing new: a row is recognised by its row_key, or else by its content. So give rows a
    date: without one, the same words about the same customer are stored only once, ever.
    """
    from churn.outcomes import commands

    commands.import_file(Project(), output_console(), file, by=by)
