"""Implements `churn spark` and `churn parity`."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from churn.build import dbt
from churn.build.commands import load_data, say_what_is_built
from churn.files.temporary import temporary_place
from churn.load import recover
from churn.project import Project
from churn.spark.build import build_on_spark, spark_dir
from churn.spark.parity import compare_engines, print_comparisons
from churn.terminal.errors import ChurnError


def build_tables(
    project: Project,
    console: Console,
    *,
    data: Path | None,
    partial: bool,
    variables: Mapping[str, Any],
    on_cluster: bool,
    tested: bool,
) -> None:
    """Load `data` if given, then build everything with Spark."""
    if data is not None:
        data_dir: str | None = str(load_data(project, console, data, partial))
    else:
        data_dir = _loaded_before(project, console, "spark")
    with build_on_spark(
        project,
        console,
        on_cluster=on_cluster,
        data_dir=data_dir,
        variables=variables,
        tested=tested,
    ):
        pass
    console.print(
        f"Built with Spark: the tables are in {spark_dir() / 'warehouse'}. "
        "To compare them with DuckDB's: make parity",
        markup=False,
        highlight=False,
    )


def compare_builds(
    project: Project,
    console: Console,
    *,
    data: Path | None,
    variables: Mapping[str, Any],
    on_cluster: bool,
) -> None:
    """Build with both engines in a temporary folder, compare the tables and print the result.

    Raises ChurnError if any row differs.
    """
    data_dir = None if data is not None else _loaded_before(project, console, "parity")
    with temporary_place("churn-parity-") as place:
        if data is not None:
            os.environ["CHURN_DATA_DIR"] = str(place / "saas")
            data_dir = str(load_data(project, console, data, partial=False))
        dbt.build(
            project,
            console,
            data_dir=Path(data_dir) if data_dir else None,
            variables=variables,
            tested=False,
        )
        os.environ["CHURN_SPARK_DIR"] = str(place / "spark")
        with build_on_spark(
            project,
            console,
            on_cluster=on_cluster,
            data_dir=data_dir,
            variables=variables,
            tested=False,
        ) as session:
            comparisons = compare_engines(project, session, place / "views")
    print_comparisons(comparisons, console)
    if any(comparison.first for comparison in comparisons):
        raise ChurnError("DuckDB and Spark do not give the same rows.")


def _loaded_before(project: Project, console: Console, target: str) -> str | None:
    """The data loaded earlier: a folder or an address, or None for the bundled sample."""
    address = os.environ.get("CHURN_DATA_DIR")
    # the loader can only recover folders
    if not address or "://" not in address:
        recover(project.load_dir)
        say_what_is_built(project, console, project.data_dir, target)
    return address or None
