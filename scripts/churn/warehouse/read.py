"""Opens the warehouse for reading, runs queries, and explains why it cannot be read."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa

from churn.project import Project
from churn.terminal import plain
from churn.terminal.errors import ChurnError, InputError
from churn.warehouse.build_record import NOT_COMPLETE, is_complete, last_build

Row = dict[str, Any]

_WARNINGS = "select warning from quality.data_warnings where about != $besides order by about"
_DOUBT = f"{NOT_COMPLETE} What follows may be of two builds: build again, from the same data."
_ACCOUNTS_FILE = """
    select min(file_name) as file_name from quality.source_columns where table_name = 'accounts'
"""
_SAMPLE = "seeds/saas/raw_accounts.csv"


class Warehouse(NamedTuple):
    """The warehouse, open for reading.

    Attributes:
        connection: the DuckDB connection for queries.
        doubts: why it may mix two builds, if it may.
        data_dir: the folder of loaded data that it was built from, if recorded.
    """

    connection: duckdb.DuckDBPyConnection
    doubts: tuple[str, ...] = ()
    data_dir: str | None = None

    def select(self, sql: str, **values: Any) -> list[Row]:
        """Return the rows of a query as column -> value; `values` fill its `$name` parameters."""
        cursor = self.connection.execute(sql, values)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def one(self, sql: str, **values: Any) -> Row:
        """Return the single row of a query that has a row in every consistent warehouse.

        Raises InputError if there is no row.
        """
        rows = self.select(sql, **values)
        if not rows:
            raise InputError(
                "The warehouse is only partly of the last build, which did not end. "
                "Run `make run` again."
            )
        return rows[0]

    def table(self, sql: str, **values: Any) -> pa.Table:
        """Like `select`, but return an Arrow table, for many rows."""
        return self.connection.execute(sql, values).to_arrow_table()

    def warnings(self, besides: str = "") -> list[str]:
        """Return the warnings that every output shows first."""
        rows = self.select(_WARNINGS, besides=besides)
        return [*self.doubts, *(row["warning"] for row in rows)]

    def data_set(self) -> str:
        """Describe whose data it is."""
        file = self._accounts_file()
        if file == _SAMPLE:
            return "the bundled sample: an invented company, whose churn follows from its signals"
        return f"{file} and the files loaded with it"

    def read_from(self) -> str:
        """Describe where the last build read its data, for messages."""
        file = self._accounts_file()
        if file == _SAMPLE:
            return "the bundled sample"
        return plain(self.data_dir or f"{file} and the files loaded with it")

    def _accounts_file(self) -> str:
        return str(self.select(_ACCOUNTS_FILE)[0]["file_name"])


class WarehouseInUse(ChurnError):  # noqa: N818
    """Another process has the warehouse open, and writes to it or blocks writing."""


@contextmanager
def reading(project: Project) -> Iterator[Warehouse]:
    """Yield the warehouse of the last build; close it when the block ends.

    Raises InputError if there is no built warehouse, WarehouseInUse while it is being built, and
    ChurnError if it cannot be read for another reason.
    """
    with (
        saying_why_unreadable(project),
        duckdb.connect(str(project.warehouse), read_only=True) as connection,
    ):
        # without a record, such as after manual dbt runs only, changes cannot be detected
        last = last_build(project)
        is_doubtful = last is not None and not is_complete(project)
        data_dir = last.get("data_dir") if last and not is_doubtful else None
        yield Warehouse(connection, (_DOUBT,) if is_doubtful else (), data_dir)


@contextmanager
def saying_why_unreadable(project: Project) -> Iterator[None]:
    """Turn DuckDB's errors about the warehouse into the errors of `reading`."""
    if not project.warehouse.is_file():
        raise InputError(f"There is no warehouse at {project.warehouse} yet. Run `make run` first.")
    try:
        yield
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        raise InputError(
            f"{project.warehouse} is not fully built, or by another version. Run `make run` first."
        ) from error
    except duckdb.IOException as error:
        if "Could not set lock" in str(error):
            holder = re.search(r"PID (\d+)", str(error))
            by = f" by process {holder[1]}" if holder else ""
            raise WarehouseInUse(
                f"The warehouse {project.warehouse} is in use{by}, such as by a build. "
                "Try again when that is done."
            ) from error
        raise ChurnError(
            f"The warehouse {project.warehouse} cannot be read now: {str(error).splitlines()[0]}"
        ) from error
