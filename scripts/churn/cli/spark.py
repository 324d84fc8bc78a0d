"""The commands that build on Apache Spark and compare the result with DuckDB's."""

from typing import Annotated

import typer

from churn.cli.arguments import Data, Partial, Variables, parsed_variables
from churn.project import Project
from churn.terminal import output_console
from churn.terminal.errors import InputError

OnCluster = Annotated[
    bool, typer.Option("--cluster", help="On the cluster whose address is `SPARK_MASTER`.")
]


def spark(
    data: Data = None,
    partial: Partial = False,
    variables: Variables = "{}",
    cluster: OnCluster = False,
    untested: Annotated[
        bool, typer.Option("--untested", help="Leave out the tests of the data.")
    ] = False,
) -> None:
    """Build everything on Apache Spark: the same tables, with the same rows.

    Use it for data that does not fit on one machine. The tables are Parquet files in
    `target/spark/warehouse` (or `CHURN_SPARK_DIR`). `CHURN_DATA_DIR` may be any address that Spark
    can read, such as `s3a://bucket/saas`.
    """
    from churn.spark.commands import build_tables

    project, console = Project(), output_console()
    settings = parsed_variables(project, variables)
    if partial and data is None:
        raise InputError("--partial says which tables to replace; it needs --data.")
    build_tables(
        project,
        console,
        data=data,
        partial=partial,
        variables=settings,
        on_cluster=cluster,
        tested=not untested,
    )


def parity(
    data: Data = None,
    variables: Variables = "{}",
    cluster: OnCluster = False,
) -> None:
    """Build on DuckDB and on Spark, and compare every table: row by row and type by type.

    Exit code 1 if any row differs. Loads and builds in a temporary folder, which is removed
    afterwards.
    """
    from churn.spark.commands import compare_builds

    project, console = Project(), output_console()
    settings = parsed_variables(project, variables)
    compare_builds(project, console, data=data, variables=settings, on_cluster=cluster)
