"""Converts one source file to one canonical Parquet file, in batches of rows."""

import datetime
import hashlib
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from churn.load.columns import HASHED, ROW_NUMBER, ColumnPlan, no_text
from churn.load.parquet import WRITTEN_BY_US
from churn.load.summary import TableSummary
from churn.load.table_file import ROWS_A_BATCH, TableFile
from churn.project import TableSpec
from churn.terminal.errors import InputError

ISO_DATE = r"^\d{4}-\d{2}-\d{2}$"


def convert(
    file: TableFile,
    plan: ColumnPlan,
    spec: TableSpec,
    target: Path,
    advance: Callable[[int], None],
) -> TableSummary:
    """Write a canonical Parquet file with the planned columns and `_row_number`.

    `_row_number` (int64) is the 1-based position of the row among the file's data rows. If the
    plan leaves the text column open, the candidate with the longest average value over the first
    100,000 rows becomes `text`. Columns that are never read are written as the md5 of their values.

    Args:
        file: the opened source.
        plan: which of its columns to load.
        spec: the table as configured.
        target: the file to write.
        advance: called after each batch with the bytes of the file that are done.

    Raises:
        InputError: the file is damaged, or lacks rows or texts that it must have.
    """
    batches = _hashed(file.batches(list(plan.names)), plan)
    first = next(batches, None)
    if first is None and not spec.may_be_empty:
        raise InputError(
            f"{file.origin}: the file has a header but no rows. Columns found: "
            f"{', '.join(file.header)}. Export the table again, with its rows."
        )
    arrays = first[0] if first else [pa.array([], pa.string()) for _ in plan.names]
    names = dict(plan.names)
    text_column = None
    if plan.text_candidates:
        position = _wordiest(dict(zip(names, arrays, strict=True)), plan.text_candidates)
        if position is None:
            raise no_text(spec, file.header, file.origin.name)
        text_column = file.header[position]
        names[position] = "text"

    loaded = tuple(names.values())
    types = [array.type for array in arrays]
    schema = pa.schema(
        [*zip(loaded, types, strict=True), (ROW_NUMBER, pa.int64())],
        metadata={WRITTEN_BY_US: spec.name},
    )
    dates = _DateRange()
    rows = 0
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for arrays, read in chain([first] if first else [], batches):
            numbers = pa.array(np.arange(rows + 1, rows + 1 + len(arrays[0]), dtype=np.int64))
            rows += len(numbers)
            writer.write_table(pa.table([*arrays, numbers], schema=schema), ROWS_A_BATCH)
            if spec.dated_by in loaded:
                dates.note(arrays[loaded.index(spec.dated_by)])
            advance(read)

    notes = list(plan.notes)
    if text_column:
        notes.append(f"the column {text_column} is read as the customers' words (as text)")
    return TableSummary(
        table=spec.name,
        file=file.origin.name,
        file_format=file.file_format,
        encoding=file.encoding,
        delimiter=file.delimiter,
        rows=rows,
        file_columns=tuple(file.header),
        used=tuple(name for name in loaded if name in spec.columns),
        ignored=tuple(
            name for name in loaded if name not in spec.columns and not name.startswith(HASHED)
        ),
        never_read=plan.never_read,
        missing_optional=plan.missing_optional,
        text_column=text_column,
        first_date=dates.first,
        last_date=dates.last,
        warnings=(*notes, *file.warnings),
    )


def _hashed(
    batches: Iterator[tuple[list[pa.Array], int]], plan: ColumnPlan
) -> Iterator[tuple[list[pa.Array], int]]:
    """Replace the values of columns that are never read by their md5."""
    for arrays, read in batches:
        yield (
            [
                pa.array([_md5(value) for value in array.to_pylist()], pa.string())
                if position in plan.hashed
                else array
                for position, array in zip(plan.names, arrays, strict=True)
            ],
            read,
        )


def _md5(value: object) -> str | None:
    if value is None:
        return None
    return hashlib.md5(
        str(value).encode("utf-8", "surrogatepass"), usedforsecurity=False
    ).hexdigest()


def _wordiest(arrays: dict[int, pa.Array], candidates: Sequence[int]) -> int | None:
    """The candidate with the longest values on average; None if all hold values but no letter."""

    def mean_length(position: int) -> float:
        return pc.mean(pc.utf8_length(arrays[position])).as_py() or 0.0

    def may_be_text(position: int) -> bool:
        letters = pc.any(pc.match_substring_regex(arrays[position], r"\p{L}")).as_py()
        return letters is not False

    return max(filter(may_be_text, candidates), key=mean_length, default=None)


class _DateRange:
    """The first and last date among dates, timestamps (in UTC) and ISO texts."""

    def __init__(self) -> None:
        self.first: datetime.date | None = None
        self.last: datetime.date | None = None

    def note(self, array: pa.Array) -> None:
        """Widen the range by the values of a column, ignoring values that are not dates."""
        if pa.types.is_string(array.type):
            texts = pc.utf8_slice_codeunits(pc.utf8_trim_whitespace(array), 0, 10)
            texts = texts.filter(pc.match_substring_regex(texts, ISO_DATE))
            values = [_iso_date(text) for text in pc.unique(texts).to_pylist()]
        elif pa.types.is_date(array.type) or pa.types.is_timestamp(array.type):
            ends = pc.min_max(array.cast(pa.date32(), safe=False))
            values = [_python_date(ends["min"]), _python_date(ends["max"])]
        else:
            return
        known = [value for value in (self.first, self.last, *values) if value is not None]
        self.first, self.last = min(known, default=None), max(known, default=None)


def _python_date(scalar: pa.Scalar) -> datetime.date | None:
    """The date, or None if it is null or after the year 9999."""
    try:
        value: datetime.date | None = scalar.as_py()
    except OverflowError:
        return None
    return value


def _iso_date(text: str) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        return None
