"""Reads CSV files and workbooks that people filled in, as rows of text."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

from openpyxl.utils.escape import unescape
from openpyxl.worksheet.formula import ArrayFormula

from churn.files.formulas import unguarded
from churn.load.columns import normalised
from churn.load.delimited import DELIMITERS, too_long
from churn.load.limits import CHARACTERS_A_CELL, bounded_memory, check_columns
from churn.load.table_file import Origin
from churn.load.text_lines import TextLines, TooLongError
from churn.outcomes.log import one_line
from churn.outcomes.workbook import opened
from churn.terminal import plain
from churn.terminal.errors import InputError
from churn.warehouse.customer_ids import staged_id

REQUIRED = ("customer_id", "outcome")
# the columns that people fill in
FILLED_IN = ("outcome", "note", "by", "at")
COLUMNS = (*dict.fromkeys((*REQUIRED, *FILLED_IN)), "row_key")
# the sheet to read if a workbook has several
SHEET = "Action list"

_COLUMNS_SHOWN = 40
_SHOWN = 100
_WORKBOOK_START = b"PK\x03\x04"
# limits for a whole file
_MOST_ROWS = 200_000
_MOST_CHARACTERS = 200_000_000


class FileRow(NamedTuple):
    """A row of a file: its number as in a spreadsheet, and its cells by column name."""

    number: int
    cells: Mapping[str, str]

    @property
    def is_filled_in(self) -> bool:
        """Whether somebody filled in the row; a name alone does not count."""
        return any(one_line(self.cells[name]) for name in FILLED_IN if name != "by")


class Problem(NamedTuple):
    """The number of a row that cannot be stored, and the reason."""

    number: int
    what: str


@dataclass
class FileRows:
    """The content of a file, independent of its format."""

    rows: list[FileRow] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    characters: int = 0

    def add(self, row: FileRow | Problem, what: str) -> None:
        """Add a row or a problem. Raises InputError if the file `what` exceeds the limits."""
        if isinstance(row, Problem):
            self.problems.append(row)
        else:
            self.rows.append(row)
            self.characters += sum(map(len, row.cells.values()))
        rows = len(self.rows) + len(self.problems)
        if rows > _MOST_ROWS or self.characters > _MOST_CHARACTERS:
            raise InputError(
                f"{what} has over {_MOST_ROWS:,} rows or {_MOST_CHARACTERS:,} characters. Delete "
                "the rows that nobody filled in, or import it in parts."
            )

    def customer_ids(self) -> list[str]:
        """The distinct customer ids in the file."""
        return list(dict.fromkeys(staged_id(row.cells["customer_id"]) for row in self.rows))


def read_file(path: Path) -> FileRows:
    """Read the rows of a CSV file or of a workbook (.xlsx).

    Letter case and blanks of column names do not matter, and other columns are ignored. The
    apostrophe that guards a text against formulas is removed.

    Raises:
        InputError: the file cannot be read, is neither CSV nor .xlsx, or lacks a required column.
    """
    if not path.is_file():
        raise InputError(f"{path} is not a file.")
    try:
        with path.open("rb") as file:
            is_workbook = file.read(4) == _WORKBOOK_START
        with bounded_memory(str(path)):
            return _read_workbook(path) if is_workbook else _read_csv(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error


def _read_workbook(path: Path) -> FileRows:
    found = FileRows()
    with opened(path) as book:
        sheets = sorted(book.sheets, key=lambda sheet: sheet != SHEET)
        headers = {sheet: _sheet_header(book.rows(sheet, last=1)) for sheet in sheets}
        named = [sheet for sheet in sheets if set(REQUIRED) <= set(headers[sheet])]
        sheet = next(iter(named or sheets), "")
        columns = _columns(path, headers.get(sheet, []))
        what = f"{path}: the sheet {plain(sheet, _SHOWN)}"
        for number, values in book.rows(sheet):
            if number > 1:
                texts = {name: _text(values.get(at + 1)) for name, at in columns.items()}
                found.add(_row(number, texts), what)
    return found


def _sheet_header(rows: Iterator[tuple[int, Mapping[int, Any]]]) -> list[str]:
    """The names in the first row of a sheet; [] if it is empty."""
    _, values = next(rows, (1, {}))
    columns = range(1, max(values, default=0) + 1)
    return _header(_text(values.get(column)) for column in columns)


def _text(cell: Any) -> str:
    """The text of a workbook cell, as a CSV file would hold it."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime) and cell == datetime(cell.year, cell.month, cell.day):
        return str(cell.date())
    if isinstance(cell, date):
        return cell.isoformat()
    return unescape(str(cell.text if isinstance(cell, ArrayFormula) else cell))


def _read_csv(path: Path) -> FileRows:
    headers = {delimiter: _first_row(path, delimiter) for delimiter in DELIMITERS}
    delimiter = max(headers, key=lambda one: len(set(headers[one]) & set(COLUMNS)))
    header = headers[delimiter]
    columns = _columns(path, header)
    found = FileRows()
    numbered = _numbered(path, delimiter, found.problems)
    next(numbered)
    for number, cells in numbered:
        if any(cells[len(header) :]):
            what = (
                f"has {len(cells)} cells, but the header names {len(header)} columns. Put quotes "
                f"around cells that contain a {DELIMITERS[delimiter]}."
            )
            found.add(Problem(number, what), str(path))
        else:
            texts = {name: cells[at] for name, at in columns.items() if at < len(cells)}
            found.add(_row(number, texts), str(path))
    return found


def _columns(path: Path, header: Sequence[str]) -> dict[str, int]:
    """Column name -> 0-based position. Raises InputError if a required column is missing."""
    missing = [name for name in REQUIRED if name not in header]
    twice = [name for name in COLUMNS if header.count(name) > 1]
    if missing or twice:
        what = f"has no column {' and no '.join(missing)}" if missing else f"has {twice[0]} twice"
        raise InputError(
            f"{path} {what}. It needs {' and '.join(REQUIRED)}, and may have "
            f"{', '.join(name for name in COLUMNS if name not in REQUIRED)}. "
            f"Columns found: {_listed(header)}."
        )
    return {name: header.index(name) for name in COLUMNS if name in header}


def _listed(header: Sequence[str]) -> str:
    return ", ".join(plain(name, _SHOWN) for name in header[:_COLUMNS_SHOWN]) or "none"


def _row(number: int, texts: Mapping[str, str]) -> FileRow:
    return FileRow(number, {name: unguarded(texts.get(name, "")) for name in COLUMNS})


def _header(cells: Iterable[Any]) -> list[str]:
    return [normalised(one_line(str(name))) for name in cells]


def _first_row(path: Path, delimiter: str) -> list[str]:
    for _, cells in _numbered(path, delimiter, []):
        check_columns(str(path), len(cells))
        return _header(cells)
    return []


def _numbered(
    path: Path, delimiter: str, problems: list[Problem]
) -> Iterator[tuple[int, list[str]]]:
    """Yield the non-empty rows with their numbers; stop at a broken quote."""
    csv.field_size_limit(CHARACTERS_A_CELL)
    with TextLines(Origin("outcomes", path.name, path)) as lines:
        if lines.binary:
            raise InputError(
                f"{path} is neither a CSV file nor a workbook. Save it as one of these."
            )
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        number, line = 0, 1
        try:
            for number, cells in enumerate(reader, 1):
                if any(cells):
                    yield number, cells
                line = reader.line_num + 1
                lines.go_on()
        except TooLongError as error:
            raise InputError(too_long(path, line)) from error
        except csv.Error as error:
            what = f"and all after it cannot be read: a quote in it is broken ({error})."
            problems.append(Problem(number + 1, what))
