"""Files that people filled in: CSV files and workbooks, as rows of text."""

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree.ElementTree import ParseError

import openpyxl
from openpyxl.utils.escape import unescape
from openpyxl.utils.exceptions import InvalidFileException

from churn.customer_ids import staged_id
from churn.errors import InputError
from churn.formulas import unguarded
from churn.load.columns import normalised
from churn.load.delimited import CHARACTERS_A_CELL, DELIMITERS
from churn.load.table_file import Origin
from churn.load.text_lines import TextLines
from churn.outcomes.log import one_line
from churn.terminal import plain

REQUIRED = ("customer_id", "outcome")
# what people write into a row
FILLED_IN = ("outcome", "note", "by", "at")
COLUMNS = (*dict.fromkeys((*REQUIRED, *FILLED_IN)), "row_key")
# the sheet to work in, where a workbook has several
SHEET = "Action list"

_COLUMNS_SHOWN = 40
_SHOWN = 100
_WORKBOOK_START = b"PK\x03\x04"
# unpacked, it is many times the size of the file
_MOST_BYTES = 500_000_000


class FileRow(NamedTuple):
    """A row of a file: its number, as a spreadsheet shows it, and its cells by column name."""

    number: int
    cells: Mapping[str, str]

    @property
    def is_filled_in(self) -> bool:
        """Whether somebody wrote something into it; a name filled down a column says nothing."""
        return any(one_line(self.cells[name]) for name in FILLED_IN if name != "by")


class Problem(NamedTuple):
    """Why a row cannot be stored."""

    number: int
    what: str


@dataclass
class FileRows:
    """What a file holds, whatever its format."""

    rows: list[FileRow] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def customer_ids(self) -> list[str]:
        """The customers that are named, each once."""
        return list(dict.fromkeys(staged_id(row.cells["customer_id"]) for row in self.rows))


def read_file(path: Path) -> FileRows:
    """The rows of a CSV file or of a workbook (.xlsx).

    Letter case and blanks of the column names do not matter; other columns are ignored. The
    apostrophe that keeps a text from being a formula is taken off.

    Raises:
        InputError: it cannot be read, is neither, or a required column is missing.
    """
    if not path.is_file():
        raise InputError(f"{path} is no file.")
    try:
        with path.open("rb") as file:
            is_workbook = file.read(4) == _WORKBOOK_START
        return _read_workbook(path) if is_workbook else _read_csv(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error


def _read_workbook(path: Path) -> FileRows:
    _check_size(path)
    try:
        # formulas as they were typed: what they give is not known to every program
        with closing(openpyxl.load_workbook(path, read_only=True)) as book:
            sheets = {
                sheet.title: [[_text(cell) for cell in row] for row in sheet.values]
                for sheet in book.worksheets
            }
    except (InvalidFileException, zipfile.BadZipFile, ParseError, KeyError, ValueError) as error:
        raise InputError(f"{path} cannot be read as a workbook (.xlsx): {error}.") from error
    ordered = sorted(sheets.items(), key=lambda sheet: sheet[0] != SHEET)
    headers = [_header(rows[0]) if rows else [] for _, rows in ordered]
    named = [at for at, header in enumerate(headers) if set(REQUIRED) <= set(header)]
    found = named[0] if named else 0
    header = headers[found] if headers else []
    _check_columns(path, header)
    numbered = ((number, row) for number, row in enumerate(ordered[found][1][1:], 2) if any(row))
    return FileRows([_row(number, header, cells) for number, cells in numbered])


def _check_size(path: Path) -> None:
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        size = sum(part.file_size for part in archive.infolist())
    if size > _MOST_BYTES:
        raise InputError(
            f"{path} holds {size:,} bytes when it is unpacked; at most {_MOST_BYTES:,} are read."
        )


def _text(cell: Any) -> str:
    """What a cell of a workbook says, as a CSV file would."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime) and cell == datetime(cell.year, cell.month, cell.day):
        return str(cell.date())
    return cell.isoformat() if isinstance(cell, date) else unescape(str(cell))


def _read_csv(path: Path) -> FileRows:
    text = _decoded(path)
    delimiter, header = max(
        ((delimiter, _first_row(text, delimiter)) for delimiter in DELIMITERS),
        key=lambda found: len(set(found[1]) & set(COLUMNS)),
    )
    _check_columns(path, header)
    found = FileRows()
    numbered = _numbered(text, delimiter, found.problems)
    next(numbered)
    for number, cells in numbered:
        if any(cells[len(header) :]):
            what = (
                f"has {len(cells)} cells, but the header names {len(header)} columns. Put quotes "
                f"around cells that contain a {DELIMITERS[delimiter]}."
            )
            found.problems.append(Problem(number, what))
        else:
            found.rows.append(_row(number, header, cells))
    return found


def _check_columns(path: Path, header: Sequence[str]) -> None:
    missing = [name for name in REQUIRED if name not in header]
    twice = [name for name in COLUMNS if header.count(name) > 1]
    if missing or twice:
        what = f"has no column {' and no '.join(missing)}" if missing else f"has {twice[0]} twice"
        raise InputError(
            f"{path} {what}. It needs {' and '.join(REQUIRED)}, and may have "
            f"{', '.join(name for name in COLUMNS if name not in REQUIRED)}. "
            f"Columns found: {_listed(header)}."
        )


def _listed(header: Sequence[str]) -> str:
    return ", ".join(plain(name, _SHOWN) for name in header[:_COLUMNS_SHOWN]) or "none"


def _row(number: int, header: Sequence[str], cells: Sequence[str]) -> FileRow:
    by_name = dict(zip(header, [*cells, *[""] * len(header)], strict=False))
    return FileRow(number, {name: unguarded(by_name.get(name, "")) for name in COLUMNS})


def _header(cells: Iterable[Any]) -> list[str]:
    return [normalised(one_line(str(name))) for name in cells]


def _decoded(path: Path) -> str:
    with TextLines(Origin("outcomes", path.name, path)) as lines:
        text = "" if lines.binary else "".join(lines)
        is_binary = lines.binary
    if is_binary:
        raise InputError(f"{path} is neither a CSV file nor a workbook. Save it as one of these.")
    return text


def _first_row(text: str, delimiter: str) -> list[str]:
    for _, cells in _numbered(text, delimiter, []):
        return _header(cells)
    return []


def _numbered(
    text: str, delimiter: str, problems: list[Problem]
) -> Iterator[tuple[int, list[str]]]:
    """The rows that hold anything, each with its number; a quote that is broken ends them."""
    csv.field_size_limit(max(len(text), CHARACTERS_A_CELL))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 0
    try:
        for number, cells in enumerate(reader, 1):
            if any(cells):
                yield number, cells
    except csv.Error as error:
        what = f"and all after it cannot be read: a quote in it is broken ({error})."
        problems.append(Problem(number + 1, what))
