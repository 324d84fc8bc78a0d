"""Reads Parquet as tables of plain columns; converts only types on which SQL engines differ.

Dictionaries are decoded. Bytes in columns that the project reads become text. Lists, structs and
maps become JSON text, and UUIDs become text. Timestamps get microseconds, with or without zone.
All other types stay: numbers, decimals, dates.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from churn.load.columns import ROW_NUMBER, normalised
from churn.load.limits import CHARACTERS_A_CELL, check_columns
from churn.load.table_file import ROWS_A_BATCH, Origin
from churn.terminal.errors import InputError

WRITTEN_BY_US = b"churn_table"
BYTES_A_BATCH = 64_000_000
BYTES_A_READ = 1 << 20


class Parquet:
    """A Parquet file whose schema has been read. See `TableFile`."""

    file_format = "parquet"
    encoding = None
    delimiter = None

    def __init__(self, origin: Origin, read: Mapping[str, str]) -> None:
        """Read the schema.

        Args:
            origin: the file.
            read: the columns that the project reads, with their types.

        Raises:
            InputError: the file is empty or not Parquet.
        """
        self.origin = origin
        self.size = origin.path.stat().st_size
        if self.size == 0:
            raise InputError(f"{origin}: the file is empty (zero bytes). Export it again.")
        with origin.path.open("rb"):
            pass  # fails here if unreadable, so later failures concern the content
        try:
            with pq.ParquetFile(origin.path) as file:
                check_columns(str(origin), file.metadata.num_columns)
                schema, self._rows = file.schema_arrow, file.metadata.num_rows
                self._rows_a_batch = _rows_a_batch(file.metadata)
        except pa.ArrowMemoryError:
            raise
        except (pa.ArrowException, OSError) as error:
            raise InputError(
                f"{origin}: this is not a Parquet file, or it is damaged ({_first_line(error)}). "
                "Export it again."
            ) from error
        ours = WRITTEN_BY_US in (schema.metadata or {})
        self._fields = [field for field in schema if not (ours and field.name == ROW_NUMBER)]
        self._read = read
        self.header = [field.name for field in self._fields]
        self.textual = [_is_text(field.type) for field in self._fields]
        self.warnings: list[str] = []

    def batches(self, positions: Sequence[int]) -> Iterator[tuple[list[pa.Array], int]]:
        """Yield the rows in order, with their share of the bytes. See `TableFile`."""
        fields = [self._fields[position] for position in positions]
        plain = [self._plain(field) for field in fields]
        done = 0
        for batch in self._record_batches([field.name for field in fields]):
            done += batch.num_rows
            arrays = [
                self._converted(convert, batch.column(field.name), field.name)
                for field, convert in zip(fields, plain, strict=True)
            ]
            yield arrays, self.size * done // self._rows

    def _record_batches(self, names: list[str]) -> Iterator[pa.RecordBatch]:
        try:
            with pq.ParquetFile(self.origin.path, buffer_size=BYTES_A_READ) as file:
                yield from file.iter_batches(self._rows_a_batch, columns=names)
        except pa.ArrowMemoryError:
            raise
        except (pa.ArrowException, OSError) as error:
            raise InputError(
                f"{self.origin}: the Parquet file is damaged ({_first_line(error)}). "
                "Export it again."
            ) from error

    def _converted(
        self, convert: Callable[[pa.Array], pa.Array], array: pa.Array, name: str
    ) -> pa.Array:
        try:
            converted = convert(array)
            converted.validate(full=True)
        except pa.ArrowInvalid as error:
            if pa.types.is_temporal(getattr(array.type, "value_type", array.type)):
                what, advice = "has a moment out of reach", "Correct it, or leave it empty."
            else:
                what, advice = "is not readable text", "Store it as a UTF-8 string."
            raise InputError(
                f"{self.origin}: the column {name} {what} ({_first_line(error)}). {advice}"
            ) from error
        except RecursionError as error:
            raise InputError(
                f"{self.origin}: the column {name} holds lists or structs that are nested too "
                "deep. Leave it out."
            ) from error
        if _longest_text(converted) > CHARACTERS_A_CELL:
            raise InputError(
                f"{self.origin}: the column {name} has a cell of over {CHARACTERS_A_CELL:,} "
                "characters. Shorten it, or leave the column out."
            )
        return converted

    def _plain(self, field: pa.Field) -> Callable[[pa.Array], pa.Array]:
        """Return a function that converts a column to a type that every engine reads alike."""
        kind = field.type
        if isinstance(kind, pa.UuidType):
            return lambda array: _each_as_text(array, str)
        if pa.types.is_nested(kind):
            return lambda array: _each_as_text(array, _json_text)
        if isinstance(kind, pa.BaseExtensionType):
            kind = kind.storage_type
            return lambda array: array.storage.cast(self._plain_type(field.name, kind))
        if pa.types.is_floating(kind):
            is_id = self._read.get(normalised(field.name)) == "id"
            return _id_text if is_id else _without_nan
        target = self._plain_type(field.name, kind)
        # cut off nanoseconds; refuse a timestamp outside the range of microseconds
        how = pc.CastOptions(target, allow_time_truncate=True)
        return lambda array: array if array.type == target else array.cast(options=how)

    def _plain_type(self, name: str, kind: pa.DataType) -> pa.DataType:
        if pa.types.is_dictionary(kind):
            return self._plain_type(name, kind.value_type)
        if _is_text(kind) or pa.types.is_null(kind) or pa.types.is_decimal256(kind):
            return pa.string()
        if pa.types.is_timestamp(kind):
            return pa.timestamp("us", kind.tz)
        if _is_binary(kind):
            return pa.string() if normalised(name) in self._read else pa.binary()
        return kind


def _without_nan(array: pa.Array) -> pa.Array:
    """Replace NaN, which pandas writes for a missing number, by null."""
    if pa.types.is_float16(array.type):
        array = array.cast(pa.float32())
    return pc.if_else(pc.is_nan(array), pa.scalar(None, array.type), array)


def _id_text(array: pa.Array) -> pa.Array:
    """Return ids as text; undo pandas, which turns 1 into 1.0 if any row has no id."""
    return _each_as_text(_without_nan(array), lambda value: str(value).removesuffix(".0"))


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(test(kind) for test in tests)


def _is_binary(kind: pa.DataType) -> bool:
    tests = (
        pa.types.is_binary,
        pa.types.is_large_binary,
        pa.types.is_binary_view,
        pa.types.is_fixed_size_binary,
    )
    return any(test(kind) for test in tests)


def _each_as_text(array: pa.Array, text: Callable[[object], str]) -> pa.Array:
    # convert one value at a time: lists take many times their size as Python objects
    values = (scalar.as_py() for scalar in array)
    return pa.array([None if value is None else text(value) for value in values], pa.string())


def _longest_text(array: pa.Array) -> int:
    """The length of the longest text in characters; 0 for other types."""
    if not pa.types.is_string(array.type):
        return 0
    most: int = pc.max(pc.binary_length(array)).as_py() or 0
    if most > CHARACTERS_A_CELL:
        most = pc.max(pc.utf8_length(array)).as_py()
    return most


def _rows_a_batch(metadata: pq.FileMetaData) -> int:
    """The number of rows that hold about `BYTES_A_BATCH`, by the file's own metadata."""
    groups = (metadata.row_group(number) for number in range(metadata.num_row_groups))
    row_size = max((group.total_byte_size // max(group.num_rows, 1) for group in groups), default=0)
    return max(1, min(ROWS_A_BATCH, BYTES_A_BATCH // max(row_size, 1)))


def _json_text(value: object) -> str:
    return json.dumps(value, default=str, ensure_ascii=False)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
