"""Implements `churn run`, `churn load` and the build steps of other commands."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from churn.build import dbt
from churn.load import load as load_files
from churn.load import print_summary, recover
from churn.project import Project
from churn.terminal import progress_bar
from churn.warehouse.recorded_scores import PUBLISHED_MODELS, later_date, publish

_LOOK = "A run with --vars is a look"
_OLDER = "The scores of {}, a later date, are on record"
_NOT_RECORDED = (
    "{}: its own scores were not recorded. To record them, add --record (make: RECORD=1)."
)


def build_everything(
    project: Project,
    console: Console,
    *,
    data: Path | None,
    partial: bool,
    variables: Mapping[str, Any],
    full_refresh: bool,
    record: bool,
) -> str:
    """Load `data` if given, build everything, and record the scores of the as-of date.

    Without `record`, a run with variables or of an older date records nothing. Returns why the
    scores were not recorded, or an empty text if they were.
    """
    if data is not None:
        data_dir: Path | None = load_data(project, console, data, partial)
    else:
        recover(project.load_dir)
        data_dir = project.data_dir
    say_what_is_built(project, console, data_dir)
    dbt.build(project, console, data_dir=data_dir, variables=variables, full_refresh=full_refresh)
    look = ""
    if variables and not record:
        look = _LOOK
    elif not record and (later := later_date(project)):
        look = _OLDER.format(later)
    if not look and publish(project):
        dbt.build(project, console, data_dir=data_dir, variables=variables, models=PUBLISHED_MODELS)
    return _NOT_RECORDED.format(look) if look else ""


def load_data(project: Project, console: Console, data: Path, partial: bool) -> Path:
    """Load the user's files, print a summary, and return the folder of the loaded tables."""
    with progress_bar(console, "Loading") as progress:
        summary = load_files(data, project, partial=partial, progress=progress)
    print_summary(summary, console)
    return project.load_dir


def build_once(project: Project, console: Console) -> None:
    """Build if there is no warehouse yet."""
    if not project.warehouse.is_file():
        say_what_is_built(project, console, project.data_dir)
        dbt.build(project, console, data_dir=project.data_dir)


def make_command(data_dir: Path, target: str = "run") -> str:
    """Return the command line that runs a Makefile target on this loaded data."""
    return f"CHURN_DATA_DIR={shlex.quote(str(data_dir))} make {target}"


def say_what_is_built(
    project: Project, console: Console, data_dir: Path | None, target: str = "run"
) -> None:
    """Print which data the build reads, and how to build from loaded data that it does not use."""
    if data_dir is not None:
        console.print(f"Building from the data in {data_dir}.", markup=False, highlight=False)
        return
    console.print("Building the bundled sample: an invented company.")
    if project.load_dir.is_dir():
        console.print(
            f"Your own data in {project.load_dir} is left alone; "
            f"to build from it: {make_command(project.load_dir, target)}",
            markup=False,
            highlight=False,
        )
