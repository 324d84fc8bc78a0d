"""The commands under `churn reports`, which build, serve and print the reports."""

from typing import Annotated

import typer

from churn.project import Project
from churn.project.options import DEFAULT_PORT
from churn.terminal import output_console

reports = typer.Typer(
    help="The published reports: pages of the marts for leadership and customer success.",
    invoke_without_command=True,
    rich_markup_mode="markdown",
)

Port = Annotated[int, typer.Option(min=1, max=65535, help="The port on this machine.")]


@reports.callback()
def reports_build(
    context: typer.Context,
    base_path: Annotated[
        str,
        typer.Option(
            metavar="/PATH",
            help="The path of the web server below which the site is to be published.",
        ),
    ] = "",
) -> None:
    """Build the report pages from the last build, for publication on any web server.

    The pages go to `build/reports/` (or `CHURN_REPORTS_DIR`) and need no other host. This needs
    Node and installs packages once. Outcomes logged since the last build are built first.
    """
    if context.invoked_subcommand is not None:
        return
    from churn.reports.commands import build_reports

    build_reports(Project(), output_console(), base_path)


@reports.command("serve")
def reports_serve(port: Port = DEFAULT_PORT) -> None:
    """Serve the built pages on this machine only, until Ctrl-C."""
    from churn.reports.commands import serve_reports

    serve_reports(Project(), output_console(), port)


@reports.command("dev")
def reports_dev(port: Port = DEFAULT_PORT) -> None:
    """Serve the pages while you edit them in `reports/pages`, until Ctrl-C."""
    from churn.reports.commands import develop_reports

    develop_reports(Project(), output_console(), port)


@reports.command("pdf")
def reports_pdf() -> None:
    """Print the executive page to `build/reports.pdf`. Needs Chromium."""
    from churn.reports.commands import print_reports

    print_reports(Project(), output_console())


@reports.command("screenshots")
def reports_screenshots() -> None:
    """Retake the documentation's pictures, from the bundled sample. Needs Chromium."""
    from churn.reports.commands import photograph_reports

    photograph_reports(output_console())
