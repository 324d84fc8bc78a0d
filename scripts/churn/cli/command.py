"""The `churn` command: registers its subcommands, and turns an error into one message."""

import sys
from typing import NoReturn

import typer
from rich.console import Console

from churn.cli import build, enrich, generate, lists, outcome, reports, spark
from churn.project.paths import expand_settings
from churn.terminal import plain_lines, replace_unknown_characters
from churn.terminal.crash import details_of, was_refused
from churn.terminal.errors import ChurnError

app = typer.Typer(
    help="Five SaaS tables in, who to call first out. Run it in the project's folder.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)

# `churn --help` lists the commands in this order
app.command()(build.run)
app.command("publish")(build.publish_warehouse)
app.command()(lists.show)
app.command("list")(lists.list_)
app.command()(lists.export)
app.command()(lists.explain)
app.command()(lists.backtest)
app.command()(enrich.enrich)
app.command("tickets")(enrich.tickets_)
app.command()(enrich.clear_enrichment)
app.command()(enrich.analyze)
app.command()(enrich.evaluate_enrichment)
app.command()(build.load)
app.command()(build.watch)
app.command()(spark.spark)
app.command()(spark.parity)
app.command()(generate.generate)
app.command()(generate.sample)
app.command()(build.docs)
app.add_typer(reports.reports, name="reports")
app.add_typer(outcome.outcome, name="outcome")


def main() -> None:
    """Run the command; print an error as one message on standard error, and exit with 1 or 2."""
    replace_unknown_characters()
    expand_settings()
    try:
        app(prog_name="churn")
    except ChurnError as error:
        _fail(error)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        # a bug in this program shows its stack trace
        if not was_refused(error):
            raise
        _fail(ChurnError(details_of(error)))


def _fail(error: ChurnError) -> NoReturn:
    Console(stderr=True).print(
        f"Error: {plain_lines(error)}",
        markup=False,
        highlight=False,
        style="red",
        # do not break text that people copy
        soft_wrap=True,
    )
    sys.exit(error.exit_code)
