"""Writes tables to files block by block, with at most one block in memory."""

import csv
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from churn.project.options import FileFormat

WritePart = Callable[[pa.Table], None]


class TableFiles:
    """One file per table, opened at its first part; `rows` counts the written rows.

    All parts of a table have the same columns. CSV is UTF-8 with a header, LF line ends, quotes
    where needed, and an empty field for null. Parquet keeps the types.
    """

    def __init__(self, folder: Path, file_format: FileFormat, prefix: str, stack: ExitStack):
        """Write files `<prefix><table>.<file_format>` in `folder`; `stack` closes them."""
        self.rows: dict[str, int] = {}
        self._parts: dict[str, WritePart] = {}
        self._folder = folder
        self._format = file_format
        self._prefix = prefix
        self._stack = stack

    def write(self, tables: Mapping[str, pa.Table]) -> None:
        """Append one part to each table."""
        for name, table in tables.items():
            if name not in self._parts:
                path = self._folder / f"{self._prefix}{name}.{self._format}"
                opened = _csv_file if self._format == "csv" else _parquet_file
                self._parts[name] = self._stack.enter_context(opened(path, table.schema))
            self._parts[name](table)
            self.rows[name] = self.rows.get(name, 0) + table.num_rows


def as_text(table: pa.Table) -> pa.Table:
    """Convert every column to text, in the form of a CSV file."""
    return pa.table({name: pc.cast(table[name], pa.string()) for name in table.column_names})


@contextmanager
def _csv_file(path: Path, schema: pa.Schema) -> Iterator[WritePart]:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(schema.names)
        yield lambda part: writer.writerows(
            zip(*(column.to_pylist() for column in as_text(part).columns), strict=True)
        )


@contextmanager
def _parquet_file(path: Path, schema: pa.Schema) -> Iterator[WritePart]:
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        yield writer.write_table
