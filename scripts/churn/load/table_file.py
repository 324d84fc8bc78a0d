"""What the readers of CSV and Parquet have in common."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa

ROWS_A_BATCH = 100_000


@dataclass(frozen=True)
class Origin:
    """Where a table comes from.

    Attributes:
        table: the table's name.
        name: the file as a person knows it: relative to the source, or `archive.zip/inner.csv`.
        path: where its bytes are now.
    """

    table: str
    name: str
    path: Path

    def __str__(self) -> str:
        """How messages name it: `accounts (exports/accounts.csv)`."""
        return f"{self.table} ({self.name})"


class TableFile(Protocol):
    """An open source file of one table."""

    @property
    def origin(self) -> Origin:
        """Where it comes from."""

    @property
    def file_format(self) -> str:
        """`csv` or `parquet`."""

    @property
    def encoding(self) -> str | None:
        """How the text is stored: `utf-8`, `utf-16` or `cp1252`; known when all is read."""

    @property
    def delimiter(self) -> str | None:
        """What stands between two cells, or None."""

    @property
    def header(self) -> Sequence[str]:
        """The column names as they stand in the file."""

    @property
    def textual(self) -> Sequence[bool]:
        """Whether each column can hold text."""

    @property
    def size(self) -> int:
        """Bytes of the file."""

    def batches(self, positions: Sequence[int]) -> Iterator[tuple[list[pa.Array], int]]:
        """The rows in order, at most `ROWS_A_BATCH` at a time.

        Args:
            positions: the columns to read, 0-based.

        Yields:
            One array a position, all of the same length and, over all batches, of the same types;
            and how many bytes of the file are done.

        Raises:
            InputError: the file is damaged.
        """

    @property
    def warnings(self) -> Sequence[str]:
        """What was unusual in what has been read so far."""
