"""Whether a file is an earlier one with rows added: then it is the same data set, grown."""

from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import pyarrow.parquet as pq

from churn.load.columns import ROW_NUMBER
from churn.warehouse.sql_text import file_pattern, identifier


def load_ids(earlier: Path, earlier_ids: list[str], loaded: Path) -> list[str]:
    """The loads that the rows of a canonical Parquet file have come by, oldest first.

    What a build has made of the rows of one of them, it may keep.

    Args:
        earlier: the file of the previous load, which need not exist.
        earlier_ids: the loads of its rows; none where it is of an earlier release.
        loaded: the file of this load.

    Returns:
        `earlier_ids` where the rows are the same, with a new id behind them where rows were added
        to them; else a new id alone.
    """
    if not earlier_ids or not earlier.is_file() or not _begins_with(loaded, earlier):
        return [uuid4().hex]
    is_grown = pq.read_metadata(loaded).num_rows > pq.read_metadata(earlier).num_rows
    return [*earlier_ids, uuid4().hex] if is_grown else earlier_ids


def _begins_with(loaded: Path, earlier: Path) -> bool:
    """Whether the file has the columns of the earlier one, and first of all the same rows.

    What cannot be read proves nothing.
    """
    with suppress(duckdb.Error), duckdb.connect(config={"memory_limit": "512MB"}) as connection:

        def ask(query: str, **values: Any) -> list[tuple[Any, ...]]:
            return connection.execute(query, values).fetchall()

        columns = ask("describe from read_parquet($file)", file=file_pattern(earlier))
        if columns != ask("describe from read_parquet($file)", file=file_pattern(loaded)):
            return False
        names = ", ".join(identifier(name) for name, *_ in columns)
        # the row number is among the columns: the sum knows the order
        digest = f"select count(*), sum(hash({names})) from read_parquet($file)"
        [(rows, before)] = ask(digest, file=file_pattern(earlier))
        first_rows = f"{digest} where {ROW_NUMBER} <= $rows"
        return ask(first_rows, file=file_pattern(loaded), rows=rows) == [(rows, before)]
    return False
