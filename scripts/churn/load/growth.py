"""Detects whether a file is an earlier one with rows added, which allows incremental builds."""

from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import pyarrow.parquet as pq

from churn.load.columns import ROW_NUMBER
from churn.warehouse.sql_text import file_pattern, identifier


def load_ids(earlier: Path, earlier_ids: list[str], loaded: Path) -> list[str]:
    """Return the loads that the rows of a canonical Parquet file came from, oldest first.

    A build may keep its results for the rows of a load that is listed again.

    Args:
        earlier: the file of the previous load, which need not exist.
        earlier_ids: the loads of its rows; empty if an earlier release wrote it.
        loaded: the file of this load.

    Returns:
        `earlier_ids` if the rows are the same, followed by a new id if rows were added. Otherwise
        only a new id.
    """
    if not earlier_ids or not earlier.is_file() or not _begins_with(loaded, earlier):
        return [uuid4().hex]
    is_grown = pq.read_metadata(loaded).num_rows > pq.read_metadata(earlier).num_rows
    return [*earlier_ids, uuid4().hex] if is_grown else earlier_ids


def _begins_with(loaded: Path, earlier: Path) -> bool:
    """Whether the file has the columns of the earlier one, and begins with the same rows.

    A file that cannot be read counts as different.
    """
    with suppress(duckdb.Error), duckdb.connect(config={"memory_limit": "512MB"}) as connection:

        def ask(query: str, **values: Any) -> list[tuple[Any, ...]]:
            return connection.execute(query, values).fetchall()

        columns = ask("describe from read_parquet($file)", file=file_pattern(earlier))
        if columns != ask("describe from read_parquet($file)", file=file_pattern(loaded)):
            return False
        names = ", ".join(identifier(name) for name, *_ in columns)
        # the row number is one of the columns, so the sum depends on the order
        digest = f"select count(*), sum(hash({names})) from read_parquet($file)"
        [(rows, before)] = ask(digest, file=file_pattern(earlier))
        first_rows = f"{digest} where {ROW_NUMBER} <= $rows"
        return ask(first_rows, file=file_pattern(loaded), rows=rows) == [(rows, before)]
    return False
