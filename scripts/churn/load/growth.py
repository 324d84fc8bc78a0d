"""Whether a file is an earlier one with rows added: then it is the same data set, grown."""

from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb

from churn.load.columns import ROW_NUMBER
from churn.sql_text import file_pattern, identifier


def data_set_id(earlier: Path, earlier_id: str | None, loaded: Path) -> str:
    """The id of the data set that a canonical Parquet file belongs to.

    As long as it stays the same, a build may keep what it has made of the rows before.

    Args:
        earlier: the file of the previous load, which need not exist.
        earlier_id: the id of its data set; None where it has none.
        loaded: the file of this load.

    Returns:
        `earlier_id` where the rows of `earlier` are the first ones of `loaded`, else a new id.
    """
    if earlier_id and earlier.is_file() and _begins_with(loaded, earlier):
        return earlier_id
    return uuid4().hex


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
