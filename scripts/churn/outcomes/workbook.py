"""Reads untrusted workbooks (.xlsx) in bounded memory, with openpyxl's parser.

This module does not trust a workbook's claims, such as the dimensions of a sheet or the numbers of
shared strings. Every part passes through `_Part`, which enforces the limits below. Rows are read
one at a time, and only their non-empty cells.
"""

import io
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple
from xml.etree.ElementTree import ParseError, iterparse

from openpyxl.packaging.relationship import Relationship
from openpyxl.reader.excel import ExcelReader
from openpyxl.reader.strings import read_string_table
from openpyxl.styles.stylesheet import apply_stylesheet
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet._reader import DATA_TAG, ROW_TAG, WorkSheetParser
from openpyxl.xml.constants import SHARED_STRINGS

from churn.load.archive import BOUNDED
from churn.terminal import plain
from churn.terminal.errors import InputError

# openpyxl and the standard library raise these for damaged or forged parts
_DAMAGED = (
    InvalidFileException,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    ParseError,
    LookupError,
    TypeError,
    AttributeError,
    ValueError,
    ArithmeticError,
    RuntimeError,
    EOFError,
)
# Excel's own maximum
_ROWS = 1_048_576
_PIECE = 1 << 16
_SHOWN = 100
_AGAIN = "Open it in a spreadsheet program, copy the list into a new workbook, and import that."


class _Limits(NamedTuple):
    """Limits on a part's bytes and tags, and on those between two rows, if it has rows."""

    size: int
    tags: int
    row_size: int
    row_tags: int


_SETTINGS = _Limits(20_000_000, 500_000, 20_000_000, 500_000)
_TEXTS = _Limits(200_000_000, 2_000_000, 200_000_000, 2_000_000)
_SHEET = _Limits(500_000_000, 100_000_000, 4_000_000, 200_000)
# Excel shows 32,767 characters; parsers take quadratic time for an unterminated text
_CELL_SIZE = 1_000_000


class _Part(io.BufferedIOBase):
    """A part of a workbook that is being read; implements only what XML parsers need of a file."""

    def __init__(self, part: IO[bytes], what: str, limits: _Limits) -> None:
        self._part = part
        self._what = what
        self._limits = limits
        self._size = self._tags = self._row_size = self._row_tags = self._cell_size = 0
        self._end = b""

    def read(self, size: int | None = -1) -> bytes:
        """Read the next bytes, by default all. Raises InputError beyond the limits."""
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(_PIECE), b""))
        data = self._part.read(size)
        self._check(data)
        return data

    def next_row(self) -> None:
        """Reset the counts at the start of another row."""
        self._row_size = self._row_tags = 0

    def _check(self, data: bytes) -> None:
        # in encodings such as UTF-16 the checks below would not find tags
        if self._size == 0 and (b"\0" in data[:4] or data[:1] in (b"\xfe", b"\xff")):
            raise InputError(f"{self._what} is not stored as UTF-8. {_AGAIN}")
        if b"<!DOCTYPE" in self._end + data:
            raise InputError(f"{self._what} defines a document type, which may hide more. {_AGAIN}")
        self._end = data[-10:]
        tags, ended = data.count(b"<"), data.rfind(b">") + 1
        self._cell_size = len(data) - ended + (0 if ended else self._cell_size)
        self._size += len(data)
        self._tags += tags
        self._row_size += len(data)
        self._row_tags += tags
        for found, most, unit in (
            (self._size, self._limits.size, "bytes when it is unpacked"),
            (self._tags, self._limits.tags, "cells or settings"),
            (self._cell_size, _CELL_SIZE, "bytes in one cell or setting"),
            (self._row_size, self._limits.row_size, "bytes in one row"),
            (self._row_tags, self._limits.row_tags, "cells in one row"),
        ):
            if found > most:
                raise InputError(f"{self._what} has over {most:,} {unit}. {_AGAIN}")

    def close(self) -> None:
        """Close the part."""
        self._part.close()
        super().close()


class _Archive(zipfile.ZipFile):
    """The zip of a workbook, with limits on every part."""

    def open(  # type: ignore[override]
        self, name: str, mode: str = "r", pwd: bytes | None = None, **options: Any
    ) -> _Part:
        return self.part(name, f"{self.filename}: its part {plain(name, _SHOWN)}", _SETTINGS)

    def part(self, name: str, what: str, limits: _Limits) -> _Part:
        """Open a part by name; zipfile never unpacks more than its declared size."""
        info = self.getinfo(name)
        if info.compress_type not in BOUNDED:
            raise InputError(f"{what} is not packed with deflate. {_AGAIN}")
        if info.file_size > limits.size:
            raise InputError(
                f"{what} has {info.file_size:,} bytes when it is unpacked; at most "
                f"{limits.size:,} are read. {_AGAIN}"
            )
        return _Part(super().open(info), what, limits)


class Workbook:
    """An open workbook; see `opened`."""

    def __init__(self, path: Path, archive: _Archive) -> None:
        """Read everything except the sheets."""
        self._path = path
        self._archive = archive
        reader = ExcelReader(path, read_only=True, keep_links=False)
        reader.archive.close()
        reader.archive = archive
        reader.read_manifest()
        self._texts = self._read_texts(reader)
        reader.read_workbook()
        apply_stylesheet(archive, reader.wb)
        self._book: Any = reader.wb
        self._targets: dict[str, Relationship] = {
            sheet.name: relation.target
            for sheet, relation in reader.parser.find_sheets()
            if relation.target in reader.valid_files and "chartsheet" not in relation.Type
        }

    @property
    def sheets(self) -> list[str]:
        """Return the names of the sheets that hold cells, in order."""
        return list(self._targets)

    def rows(
        self, sheet: str, *, last: int | None = None
    ) -> Iterator[tuple[int, Mapping[int, Any]]]:
        """Yield the non-empty rows of a sheet.

        Args:
            sheet: the name of the sheet.
            last: the number of the last row to read; by default all rows are read.

        Yields:
            The row's number (from 1), and its values by column number (from 1). Formulas are
            returned as typed.

        Raises:
            InputError: the sheet is damaged, or exceeds a limit.
        """
        what = f"{self._path}: the sheet {plain(sheet, _SHOWN)}"
        with self._archive.part(str(self._targets[sheet]), what, _SHEET) as part:
            parser = WorkSheetParser(
                part,
                self._texts,
                epoch=self._book.epoch,
                date_formats=self._book._date_formats,
                timedelta_formats=self._book._timedelta_formats,
            )
            found = _parsed(parser, part)
            for count in range(_ROWS + 1):
                with _damage_refused(lambda: f"{what}, near row {max(parser.row_counter, 1)},"):
                    cells = next(found, None)
                if cells is None:
                    return
                if count == _ROWS:
                    raise InputError(f"{what} has over {_ROWS:,} rows. {_AGAIN}")
                if last is not None and parser.row_counter > last:
                    return
                if values := {cell["column"]: cell["value"] for cell in cells if _says(cell)}:
                    yield parser.row_counter, values

    def _read_texts(self, reader: ExcelReader) -> Mapping[int, str]:
        """The shared strings by number; a list would accept negative numbers."""
        found = reader.package.find(SHARED_STRINGS)  # type: ignore[no-untyped-call]
        if found is None:
            return {}
        what = f"{self._path}: its table of texts (shared strings)"
        with self._archive.part(found.PartName[1:], what, _TEXTS) as part:
            return dict(enumerate(read_string_table(part)))


@contextmanager
def opened(path: Path) -> Iterator[Workbook]:
    """Open a workbook, and close it when the block ends.

    Raises:
        InputError: the file is not a workbook, is damaged, or exceeds a limit.
        OSError: the file cannot be read.
    """
    # openpyxl warns of features it skips; we read none of them
    with warnings.catch_warnings(action="ignore"):
        with _damage_refused(lambda: str(path)):
            archive = _Archive(path)
        with archive:
            with _damage_refused(lambda: str(path)):
                book = Workbook(path, archive)
            yield book


@contextmanager
def _damage_refused(what: Callable[[], str]) -> Iterator[None]:
    try:
        yield
    except _DAMAGED as error:
        # an integer key is the number of a shared string; other keys are names of parts
        key = error.args[0] if isinstance(error, KeyError) else None
        why = f"a cell refers to text number {key}, which is missing" if type(key) is int else error
        raise InputError(
            f"{what()} cannot be read as a workbook (.xlsx): {plain(why, _SHOWN)}. {_AGAIN}"
        ) from error


def _parsed(parser: WorkSheetParser, part: _Part) -> Iterator[list[dict[str, Any]]]:
    """Yield the cells of every row element; read nothing after the last row."""
    for _, element in iterparse(part):
        if element.tag == ROW_TAG:
            _, cells = parser.parse_row(element)  # type: ignore[arg-type]
            element.clear()
            part.next_row()
            yield cells
        elif element.tag == DATA_TAG:
            return


def _says(cell: Mapping[str, Any]) -> bool:
    return cell["value"] not in (None, "")
