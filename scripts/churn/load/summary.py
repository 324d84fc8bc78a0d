"""The summary of a load, as data and as text for a terminal."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from churn.load.find import shortened
from churn.terminal import plain_text

NAMES_SHOWN = 6
_COLUMNS_LENGTH = 1_500


@dataclass(frozen=True)
class TableSummary:
    """One loaded table.

    Attributes:
        table: its name.
        file: the source file: relative to the source, or `archive.zip/inner.csv`.
        file_format: `csv` or `parquet`.
        encoding: of a CSV file: `utf-8`, `utf-16` or `cp1252`.
        delimiter: of a CSV file: the character between two cells.
        rows: the number of loaded rows.
        file_columns: the column names as in the file.
        used: loaded columns that the project reads.
        ignored: loaded columns that only tell duplicates apart.
        never_read: columns of the file that were not loaded at all.
        missing_optional: columns that the project would read but the file does not have.
        text_column: the file's column that is read as `text`, if none has a known name.
        first_date: the earliest date of the column that dates a row; None if there is none.
        last_date: the latest date of that column.
        warnings: what the user should check.
    """

    table: str
    file: str
    file_format: str
    encoding: str | None
    delimiter: str | None
    rows: int
    file_columns: tuple[str, ...]
    used: tuple[str, ...]
    ignored: tuple[str, ...]
    never_read: tuple[str, ...]
    missing_optional: tuple[str, ...]
    text_column: str | None
    first_date: datetime.date | None
    last_date: datetime.date | None
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class LoadSummary:
    """A finished load.

    Attributes:
        source: the folder or .zip that was loaded.
        load_dir: the folder of the canonical files.
        tables: the loaded tables, in configured order.
        kept: tables kept from the previous load (a partial load only).
        dropped: tables of the previous load that were removed, because the source lacks them.
        absent: optional tables that were not given.
        other_files: files of the source that hold no table.
        added: growing table -> rows added since the previous load. None if earlier rows changed,
            so that a build must read all of them.
    """

    source: Path
    load_dir: Path
    tables: tuple[TableSummary, ...]
    kept: tuple[str, ...]
    dropped: tuple[str, ...]
    absent: tuple[str, ...]
    other_files: tuple[str, ...]
    added: Mapping[str, int | None]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should check, each with its table."""
        found = [f"{table.table}: {text}" for table in self.tables for text in table.warnings]
        found += [
            f"{table}: was in the previous load, is not in {self.source.name}, and is gone now. "
            "A partial load (PARTIAL=1) keeps the tables that are not given."
            for table in self.dropped
        ]
        return tuple(found)


def print_summary(summary: LoadSummary, console: Console) -> None:
    """Print what was loaded: one row per table, then what the user should check."""
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    grid.add_column("table", no_wrap=True)
    grid.add_column("file", overflow="fold", max_width=32)
    grid.add_column("rows", justify="right", no_wrap=True)
    grid.add_column("dates", no_wrap=True)
    grid.add_column("columns", overflow="fold")
    for table in summary.tables:
        dates = f"{table.first_date} – {table.last_date}" if table.first_date else ""
        grid.add_row(
            table.table,
            plain_text(table.file),
            f"{table.rows:,}",
            dates,
            plain_text(_columns(table), limit=_COLUMNS_LENGTH),
        )
    loaded = f"Loaded {summary.source} into {summary.load_dir}"
    console.print(plain_text(loaded, limit=_COLUMNS_LENGTH))
    console.print(grid)
    for label, names in (
        ("Kept from the previous load", summary.kept),
        ("Optional tables not given", summary.absent),
        ("Files that hold no table", summary.other_files),
    ):
        if names:
            shown = shortened(names, limit=NAMES_SHOWN)
            console.print(plain_text(f"{label}: {shown}", limit=_COLUMNS_LENGTH))
    grown = [f"{name} {rows:,}" for name, rows in summary.added.items() if rows is not None]
    changed = [name for name, rows in summary.added.items() if rows is None]
    if grown:
        console.print(f"Rows added since the last load: {', '.join(grown)}")
    if changed:
        console.print(f"Not the last load with rows added, and read anew: {', '.join(changed)}")
    for warning in summary.warnings:
        shown = f"Warning: {warning}"
        console.print(plain_text(shown, limit=_COLUMNS_LENGTH, style="yellow"))


def _columns(table: TableSummary) -> str:
    """How many columns are read, and which are ignored, left out or missing."""
    known = len(table.used) + len(table.missing_optional)
    parts = [f"{len(table.used)} of {known} read"]
    for label, names in (
        ("missing", table.missing_optional),
        ("not used", table.ignored),
        ("left out on purpose", table.never_read),
    ):
        if names:
            parts.append(f"{label}: {shortened(names, limit=NAMES_SHOWN)}")
    return "; ".join(parts)
