"""The interface that the CSV and Parquet readers share."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa

ROWS_A_BATCH = 100_000


@dataclass(frozen=True)
class Origin:
    """The source file of a table.

    Attributes:
        table: the table's name.
        name: the file as the user knows it: relative to the source, or `archive.zip/inner.csv`.
        path: the file to read, which may be an unpacked copy.
    """

    table: str
    name: str
    path: Path

    def __str__(self) -> str:
        """Name the file in messages: `accounts (exports/accounts.csv)`."""
        return f"{self.table} ({self.name})"


class TableFile(Protocol):
    """An open source file of one table."""

    @property
    def origin(self) -> Origin:
        """The source file."""

    @property
    def file_format(self) -> str:
        """`csv` or `parquet`."""

    @property
    def encoding(self) -> str | None:
        """The encoding of the text: `utf-8`, `utf-16` or `cp1252`; known after the last row."""

    @property
    def delimiter(self) -> str | None:
        """The character between two cells, or None."""

    @property
    def header(self) -> Sequence[str]:
        """The column names as in the file."""

    @property
    def textual(self) -> Sequence[bool]:
        """Whether each column can hold text."""

    @property
    def size(self) -> int:
        """The size of the file in bytes."""

    def batches(self, positions: Sequence[int]) -> Iterator[tuple[list[pa.Array], int]]:
        """Yield the rows in order, at most `ROWS_A_BATCH` at a time.

        Args:
            positions: the columns to read, 0-based.

        Yields:
            One array per position, and the bytes of the file that are done. The arrays of a batch
            have the same length; types stay the same over all batches.

        Raises:
            InputError: the file is damaged.
        """

    @property
    def warnings(self) -> Sequence[str]:
        """Warnings about the content read so far."""
