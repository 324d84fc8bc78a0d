"""Reads CSV and similar files as tables of text, separated by comma, semicolon, tab or bar.

The standard library's parser runs in strict mode: a broken quote is an error with a line number,
and does not swallow the rest of the file. Cells stay exactly as they are; an empty cell is null. A
row with too few cells is filled with nulls, with a warning. A row with too many is refused, because
its values may belong to other columns. An empty line is not a row.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from churn.load.limits import (
    BYTES_A_ROW,
    CHARACTERS_A_CELL,
    CHARACTERS_OF_HEADER,
    check_columns,
)
from churn.load.table_file import ROWS_A_BATCH, Origin
from churn.load.text_lines import LineCount, TextLines, TooLongError
from churn.terminal.errors import InputError

if TYPE_CHECKING:
    import _csv

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
ROWS_A_CHUNK = 1_000
CHARACTERS_A_CHUNK = 8_000_000
CHARACTERS_A_BATCH = 8_000_000
# empty cells have no characters but still take memory
CELLS_A_CHUNK = 1_000_000
CELLS_A_BATCH = 20_000_000


class Delimited:
    """A CSV file whose header has been read. See `TableFile`."""

    file_format = "csv"

    def __init__(self, origin: Origin, names_known: Callable[[Sequence[str]], int]) -> None:
        """Read the header.

        Args:
            origin: the file.
            names_known: counts how many names of a header the table knows. The delimiter with the
                highest count wins.

        Raises:
            InputError: the file is empty, has no header or is not text.
        """
        self.origin = origin
        self.size = origin.path.stat().st_size
        if self.size == 0:
            raise InputError(
                f"{origin}: the file is empty (zero bytes). "
                "Export it again; it needs at least a row of column names."
            )
        self.encoding = "utf-8"
        self.warnings: list[str] = []
        self.delimiter, self.header = self._read_header(names_known)
        self.textual = [True] * len(self.header)

    def batches(self, positions: Sequence[int]) -> Iterator[tuple[list[pa.Array], int]]:
        """Yield the rows in order as arrays of strings, with the bytes read. See `TableFile`."""
        with TextLines(self.origin) as lines:
            rows = _Rows(self.origin, lines, self.delimiter, len(self.header))
            while chunks := list(self._chunks(rows, positions)):
                columns = zip(*chunks, strict=True)
                yield [pa.concat_arrays(column) for column in columns], lines.position
            self.encoding = _encoding(lines)
            self.warnings = rows.warnings

    def _chunks(self, rows: "_Rows", positions: Sequence[int]) -> Iterator[list[pa.Array]]:
        """Yield the rows of one batch in pieces, so that Python objects are freed early."""
        length, most = 0, min(ROWS_A_BATCH, CELLS_A_BATCH // len(self.header))
        enough = rows.characters + CHARACTERS_A_BATCH
        while length < most and rows.characters < enough:
            chunk = rows.next_chunk()
            if not chunk:
                return
            length += len(chunk)
            columns = list(zip(*chunk, strict=True))
            yield [_text_array(columns[position]) for position in positions]

    def _read_header(self, names_known: Callable[[Sequence[str]], int]) -> tuple[str, list[str]]:
        sample = []
        with TextLines(self.origin) as lines:
            if lines.binary:
                raise self._not_text()
            try:
                for line in lines:
                    sample.append(line)
                    if lines.characters > CHARACTERS_OF_HEADER:
                        break
            except TooLongError as error:
                raise InputError(too_long(self.origin, len(sample) + 1)) from error
        headers = {}
        for delimiter in DELIMITERS:
            try:
                headers[delimiter] = next(filter(None, _parser(sample, delimiter)))
            except (csv.Error, StopIteration):
                continue
        if not headers and "".join(sample).strip():
            raise InputError(
                f"{self.origin}: the row of column names cannot be read: its quotes are broken. "
                'Close every quote; inside a quoted name write a quote twice ("").'
            )
        delimiter, header = max(
            headers.items(),
            key=lambda found: (names_known(found[1]), len(found[1])),
            default=(",", []),
        )
        text = "".join(header)
        if len(text) > CHARACTERS_OF_HEADER:
            raise InputError(
                f"{self.origin}: the row of column names has over {CHARACTERS_OF_HEADER:,} "
                "characters. Its first row must hold the column names, each on the same line; "
                "close every quote."
            )
        check_columns(str(self.origin), len(header))
        if any(character < " " and character not in "\t\r\n" for character in text):
            raise self._not_text()
        if not text.strip():
            raise InputError(
                f"{self.origin}: the file has no header. Its first row must hold the column names."
            )
        return delimiter, header

    def _not_text(self) -> InputError:
        return InputError(
            f"{self.origin}: this is not a CSV file: it starts with binary data. "
            "Export the table as CSV (UTF-8) or Parquet; renaming a workbook is not enough."
        )


class _Rows:
    """The data rows of an open file, each as wide as its header."""

    def __init__(self, origin: Origin, lines: TextLines, delimiter: str, width: int) -> None:
        self._origin = origin
        self._lines = lines
        self._delimiter = delimiter
        self._width = width
        self._rows_a_chunk = min(ROWS_A_CHUNK, CELLS_A_CHUNK // width)
        self._short = LineCount()
        self._extra_empty = LineCount()
        self._blank = LineCount()
        self._rows = self._read()
        next(self._rows)  # the header

    @property
    def warnings(self) -> list[str]:
        """The repairs in the rows read so far."""
        mended = [
            (self._lines.not_utf_8, "not UTF-8, read as Latin-1 (Windows-1252): check accents"),
            (self._lines.null_bytes, "null bytes removed"),
            (self._short, "fewer cells than the header, the missing ones are null"),
            (self._extra_empty, "empty cells beyond the header left out"),
            (self._blank, "blank, not a row"),
        ]
        return [
            f"{lines}: {what}" + (f" (first: line {lines.first})" if lines.count > 1 else "")
            for lines, what in mended
            if lines.count
        ]

    @property
    def characters(self) -> int:
        """The number of characters read so far."""
        return self._lines.characters

    def next_chunk(self) -> list[list[str]]:
        """Return the next rows, limited in number and length; [] at the end."""
        self._lines.go_on()
        enough = self.characters + CHARACTERS_A_CHUNK
        chunk = []
        for row in islice(self._rows, self._rows_a_chunk):
            chunk.append(row)
            if self._lines.characters > enough:
                break
        return chunk

    def _read(self) -> Iterator[list[str]]:
        parser = _parser(self._lines, self._delimiter)
        width = self._width
        while True:
            line = parser.line_num + 1
            try:
                row = next(parser)
            except StopIteration:
                return
            except csv.Error as error:
                raise InputError(self._broken(line, error)) from error
            except TooLongError as error:
                raise InputError(too_long(self._origin, line)) from error
            if len(row) == width:
                yield row
            elif row:
                yield self._fitted(row, line)
            else:
                self._blank.note(line)

    def _fitted(self, row: list[str], line: int) -> list[str]:
        width = self._width
        if len(row) < width:
            self._short.note(line)
        elif not any(row[width:]):
            self._extra_empty.note(line)
        else:
            raise InputError(
                f"{self._origin}: line {line} has {len(row)} cells but the header names {width} "
                f"columns. Put quotes around cells that contain a "
                f"{DELIMITERS[self._delimiter]}, or remove the extra cells."
            )
        return row[:width] + [""] * (width - len(row))

    def _broken(self, line: int, error: csv.Error) -> str:
        if "unexpected end" in str(error):
            what = "opens a quote that is never closed"
        elif "field larger" in str(error):
            what = f"has a cell of over {CHARACTERS_A_CELL:,} characters, as after an open quote"
        else:
            what = f"has broken quotes ({error})"
        return (
            f"{self._origin}: the row that starts on line {line} {what}. "
            'Close every quote; inside a quoted cell write a quote twice ("").'
        )


def too_long(what: object, line: int) -> str:
    """Return the message for a row that starts on this line and does not end."""
    return (
        f"{what}: the row that starts on line {line} has over {BYTES_A_ROW:,} bytes. "
        "Export the table again, with a line end after each row and every quote closed."
    )


def _parser(lines: Iterable[str], delimiter: str) -> "_csv._reader":
    csv.field_size_limit(CHARACTERS_A_CELL)
    return csv.reader(lines, delimiter=delimiter, strict=True)


def _encoding(lines: TextLines) -> str:
    if lines.utf_16:
        return "utf-16"
    return "cp1252" if lines.not_utf_8.count else "utf-8"


def _text_array(cells: Sequence[str]) -> pa.Array:
    """Keep strings as they are; the empty string becomes null."""
    texts = pa.array(cells, pa.string())
    return pc.if_else(pc.not_equal(texts, ""), texts, None)
