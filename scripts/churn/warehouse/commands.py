"""Implements `churn publish`."""

import yaml
from rich.console import Console

from churn.project import Project
from churn.terminal import plain, progress_bar
from churn.warehouse.published_copy import publish_warehouse


def publish_copy(project: Project, console: Console, *, replace: bool) -> None:
    """Copy the last build to the published warehouse, and print a summary.

    The bundled sample replaces a copy of other data only with `replace`.
    """
    with progress_bar(console, "Publishing") as progress:
        copy = publish_warehouse(project, progress, replace=replace)
    before = f" It takes the place of {copy.replaced.name}." if copy.replaced else ""
    look = yaml.safe_dump(dict(copy.variables), default_flow_style=True, width=10_000).strip()
    built_with = f" It was built with --vars {plain(look)}." if copy.variables else ""
    console.print(
        f"{copy.tables} tables of {copy.content.name} are in {project.published_warehouse}, "
        f"{copy.size / 1e6:,.1f} MB, read-only.{built_with}{before}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
