"""Checks that DuckDB and Spark give the same rows and types in every table.

DuckDB reads the Parquet files that Spark wrote, and subtracts each table from the other.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
from rich.console import Console
from rich.table import Table

from churn.project import Project
from churn.project.profile import duckdb_limits
from churn.spark.build import spark_dir
from churn.terminal import plain_text
from churn.terminal.errors import ChurnError
from churn.warehouse.sql_text import file_pattern

_LONGEST_VALUE = 60


class Comparison(NamedTuple):
    """One table on both engines.

    `differing` counts the rows that only one engine has. `first` describes the first difference; it
    is empty if there is none.
    """

    table: str
    rows: int
    differing: int
    first: str


class _Relation(NamedTuple):
    schema: str
    name: str
    is_view: bool

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


def compare_engines(project: Project, session: Any, scratch: Path) -> list[Comparison]:
    """Compare every table and view of the project, as both engines have built them.

    `session` is the Spark session of the build; `scratch` is a folder for the rows of its views.

    Raises ChurnError if an engine cannot read its own build.
    """
    from pyspark.errors import PySparkException

    comparisons = []
    # limit DuckDB's memory, because Spark still holds its own
    with duckdb.connect(
        str(project.warehouse), read_only=True, config=duckdb_limits()
    ) as connection:
        for relation in _relations(spark_dir() / "dbt" / "manifest.json"):
            try:
                folder = _files(relation, session, scratch)
                comparisons.append(_compare(connection, relation, folder))
            except (PySparkException, duckdb.Error) as error:
                raise ChurnError(f"{relation} cannot be compared: {_first_line(error)}") from error
    return comparisons


def print_comparisons(comparisons: Sequence[Comparison], console: Console) -> None:
    """Print one row per table, and a summary line."""
    table = Table(box=None, pad_edge=False)
    table.add_column("Table")
    table.add_column("Rows", justify="right")
    table.add_column("Differing", justify="right")
    table.add_column("First difference")
    for comparison in comparisons:
        table.add_row(
            comparison.table,
            f"{comparison.rows:,}",
            f"{comparison.differing:,}",
            plain_text(comparison.first, limit=1_000),
            style="red" if comparison.first else "",
        )
    console.print(table)
    different = sum(bool(comparison.first) for comparison in comparisons)
    rows = sum(comparison.rows for comparison in comparisons)
    console.print(
        f"\n{len(comparisons)} tables, {rows:,} rows on DuckDB; {different} differ on Spark.",
        style="red" if different else "green",
        highlight=False,
    )


def _relations(manifest: Path) -> Iterator[_Relation]:
    nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"].values()
    built = [node for node in nodes if node["resource_type"] in ("seed", "model")]
    for node in sorted(built, key=lambda node: (node["schema"], node["alias"])):
        is_view = node["config"]["materialized"] == "view"
        yield _Relation(node["schema"], node["alias"], is_view)


def _files(relation: _Relation, session: Any, scratch: Path) -> Path:
    """The folder of the table's Parquet files; a view's rows are written there first."""
    if not relation.is_view:
        return spark_dir() / "warehouse" / f"{relation.schema}.db" / relation.name
    folder = scratch / relation.schema / relation.name
    session.table(str(relation)).write.mode("overwrite").parquet(str(folder.absolute()))
    return folder


def _compare(
    connection: duckdb.DuckDBPyConnection, relation: _Relation, folder: Path
) -> Comparison:
    ours = connection.sql(f"select * from {relation}")
    rows = ours.count("*").fetchall()[0][0]
    if not any(folder.glob("*.parquet")):
        return Comparison(str(relation), rows, rows, "Spark has no such table")
    theirs = connection.read_parquet(f"{file_pattern(folder)}/*.parquet")
    # compare types separately: rows with different types cannot be compared
    our_types = list(zip(ours.columns, map(str, ours.types), strict=True))
    their_types = list(zip(theirs.columns, map(str, theirs.types), strict=True))
    if our_types != their_types:
        return Comparison(str(relation), rows, rows, _first_type(our_types, their_types))
    only_ours = _kept(connection, "only_ours", ours.except_(theirs))
    only_theirs = _kept(connection, "only_theirs", theirs.except_(ours))
    differing = sum(only.count("*").fetchall()[0][0] for only in (only_ours, only_theirs))
    return Comparison(str(relation), rows, differing, _first_row(only_ours, only_theirs))


def _kept(
    connection: duckdb.DuckDBPyConnection, name: str, rows: duckdb.DuckDBPyRelation
) -> duckdb.DuckDBPyRelation:
    """Store the rows as a temporary table, because a relation is recomputed on each use."""
    connection.execute(f"create or replace temporary table {name} as {rows.sql_query()}")
    return connection.table(name)


def _first_type(ours: Sequence[tuple[str, str]], theirs: Sequence[tuple[str, str]]) -> str:
    pairs = zip(ours, theirs, strict=False)
    for our, their in pairs:
        if our != their:
            return f"column {' '.join(our)} is {' '.join(their)} on Spark"
    return f"{len(ours)} columns, {len(theirs)} on Spark"


def _first_row(only_ours: duckdb.DuckDBPyRelation, only_theirs: duckdb.DuckDBPyRelation) -> str:
    """The first column in which the first differing rows differ, with both values."""
    ours, theirs = (only.order("all").fetchone() for only in (only_ours, only_theirs))
    if ours is None and theirs is None:
        return ""
    if ours is None or theirs is None:
        row = ours or theirs or ()
        shown = ", ".join(_short(value) for value in row[:4])
        return f"only on {'DuckDB' if theirs is None else 'Spark'}: {shown}"
    for name, our, their in zip(only_ours.columns, ours, theirs, strict=True):
        if our != their:
            return f"{_short(ours[0])}: {name} is {_short(our)}, {_short(their)} on Spark"
    return "rows that are equal in Python"


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]


def _short(value: object) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"
