"""Opens the warehouse for reading, runs queries, and says why it cannot be read."""

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
        connection: what the queries run on.
        doubts: why it may be of two builds, if it may.
        data_dir: the folder of loaded data that it was built from, where that is on record.
    """

    connection: duckdb.DuckDBPyConnection
    doubts: tuple[str, ...] = ()
    data_dir: str | None = None

    def select(self, sql: str, **values: Any) -> list[Row]:
        """The rows of a query, by column name; `$name` in it stands for the value of that name."""
        cursor = self.connection.execute(sql, values)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def one(self, sql: str, **values: Any) -> Row:
        """The row of a query that has one in every warehouse that is of one build.

        Raises InputError where it has none.
        """
        rows = self.select(sql, **values)
        if not rows:
            raise InputError(
                "The warehouse is only partly of the last build, which did not end. "
                "Run `make run` again."
            )
        return rows[0]

    def table(self, sql: str, **values: Any) -> pa.Table:
        """The same as an Arrow table, for many rows."""
        return self.connection.execute(sql, values).to_arrow_table()

    def warnings(self, besides: str = "") -> list[str]:
        """What people must know first, in words: it stands on top of everything they see."""
        rows = self.select(_WARNINGS, besides=besides)
        return [*self.doubts, *(row["warning"] for row in rows)]

    def data_set(self) -> str:
        """Whose data it is, in words."""
        file = self._accounts_file()
        if file == _SAMPLE:
            return "the bundled sample: an invented company, whose churn follows from its signals"
        return f"{file} and the files loaded with it"

    def read_from(self) -> str:
        """Where the last build read its data, for messages."""
        file = self._accounts_file()
        if file == _SAMPLE:
            return "the bundled sample"
        return plain(self.data_dir or f"{file} and the files loaded with it")

    def _accounts_file(self) -> str:
        return str(self.select(_ACCOUNTS_FILE)[0]["file_name"])


class WarehouseInUse(ChurnError):  # noqa: N818
    """Another process has the warehouse open: one that writes, or one that keeps from writing."""


@contextmanager
def reading(project: Project) -> Iterator[Warehouse]:
    """The warehouse of the last build; closed when the block ends.

    Raises InputError when there is no built warehouse, WarehouseInUse while it is being built,
    ChurnError when it cannot be read for another reason.
    """
    with (
        saying_why_unreadable(project),
        duckdb.connect(str(project.warehouse), read_only=True) as connection,
    ):
        # without a record, as where only dbt ran by hand, there is nothing to go by
        last = last_build(project)
        is_doubtful = last is not None and not is_complete(project)
        data_dir = last.get("data_dir") if last and not is_doubtful else None
        yield Warehouse(connection, (_DOUBT,) if is_doubtful else (), data_dir)


@contextmanager
def saying_why_unreadable(project: Project) -> Iterator[None]:
    """Turn what DuckDB says of the warehouse into the errors of `reading`."""
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
