"""The durable store: append-only Parquet files, one folder per table, that cannot be rebuilt.

dbt reads the files in place (`sources: store`), so writers never wait for the warehouse lock.
"""

import fcntl
import os
import stat
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from errno import ELOOP, ENAMETOOLONG, ENOTDIR
from functools import partial
from hashlib import md5
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from churn.files.disk import flush, refusal
from churn.terminal import plain
from churn.terminal.errors import ChurnError, InputError

RESTORE = "Restore the file from a copy, or move it elsewhere."
_LAST_YEAR = 9999
_ROWS_AT_ONCE = 10_000
# the folder of each table; `sources: store` describes the tables
_TABLES = (
    "published",
    "outcomes",
    "enrichment/results",
    "enrichment/runs",
    "enrichment/markers",
    "enrichment/messages",
    "enrichment/quality",
)


def names_in(folder: Path, setting: str = "CHURN_STORE_DIR") -> list[str]:
    """Return the sorted names in a folder; none if the folder does not exist.

    `setting` is the environment variable that sets the place, for messages.

    Raises ChurnError if the folder cannot be listed, and InputError if it is not a folder. Treating
    it as an empty folder would hide stored rows.
    """
    try:
        for place in (folder, *folder.parents):
            try:
                place.lstat()
            except (FileNotFoundError, NotADirectoryError):
                continue
            if place == folder:
                return sorted(map(_name, os.scandir(folder)))
            if not stat.S_ISDIR(place.stat().st_mode):
                raise NotADirectoryError(ENOTDIR, os.strerror(ENOTDIR), str(place))
            break
    except OSError as error:
        kind = InputError if error.errno in (ENOTDIR, ELOOP, ENAMETOOLONG) else ChurnError
        raise kind(
            f"{error.filename or folder} cannot be read: {error.strerror or error}. Correct its "
            "permissions, move away what stands in its place, or name another place: "
            f"{setting}=…"
        ) from error
    return []


def _name(entry: "os.DirEntry[str]") -> str:
    """The name of an entry; OSError if it links to a missing Parquet file."""
    if entry.name.endswith(".parquet") and entry.is_symlink():
        entry.stat()
    return entry.name


def parquet_files(folder: Path, setting: str = "CHURN_STORE_DIR") -> list[Path]:
    """Return the Parquet files of a folder, sorted by name; none if the folder does not exist.

    `setting` is the environment variable that sets the place, for messages.

    Raises ChurnError when the folder cannot be listed.
    """
    return [folder / name for name in names_in(folder, setting) if name.endswith(".parquet")]


def append(folder: Path, name: str, rows: pa.Table | pa.RecordBatchReader) -> Path:
    """Add rows to a table of the store as the new file `<name>.parquet`, and return its path.

    If `rows` is a reader, only one batch is in memory at a time.

    The file appears complete or not at all. A killed process leaves at most a hidden partial file,
    which the next writer removes. Raises ChurnError if the disk refuses the write.
    """
    with appending(folder) as write:
        return write(name, rows)


@contextmanager
def appending(folder: Path) -> Iterator[Callable[[str, pa.Table | pa.RecordBatchReader], Path]]:
    """Lock out other writers while the block decides what to add; yields a function like `append`.

    A read inside the block sees every row that was added before.
    """
    with _locked(folder):
        yield partial(_write, folder)


def read(file: Path, schema: pa.Schema, always_known: Collection[str]) -> pa.Table:
    """Return the rows of a store file, with the columns and types of the schema.

    A column that an earlier release did not write is filled with nulls.

    Args:
        file: a Parquet file.
        schema: the columns to read, and their types.
        always_known: the columns that may not be null.

    Raises:
        InputError: the file is damaged or holds an impossible value; the message names the column.
        ChurnError: the file cannot be read now.
        FileNotFoundError: the file no longer exists.
    """
    try:
        with pq.ParquetFile(file) as stored:
            known = [name for name in stored.schema_arrow.names if name in schema.names]
            rows = stored.read(columns=known)
    except FileNotFoundError:
        raise
    except (OSError, pa.ArrowException) as error:
        raise unreadable(file, error, RESTORE) from error
    columns = [
        _checked(file, rows, column, must_be_known=column.name in always_known) for column in schema
    ]
    return pa.table(columns, schema=schema)


def unreadable(file: Path, error: Exception, remedy: str) -> ChurnError:
    """Return an error that says why a Parquet file cannot be read: a system error, or damage."""
    # an Arrow error about damaged bytes has no errno
    if isinstance(error, OSError) and error.errno is not None:
        return ChurnError(f"{file} cannot be read: {error.strerror or error}.")
    reason = plain((str(error).splitlines() or [""])[0], 200).rstrip(".")
    return InputError(f"{file} is damaged: {reason}. {remedy}")


def _checked(file: Path, rows: pa.Table, column: pa.Field, *, must_be_known: bool) -> Any:
    if rows.column_names.count(column.name) != 1:
        if rows.column_names.count(column.name) or (must_be_known and len(rows)):
            raise InputError(f"{file} has no one column {column.name}. {RESTORE}")
        return pa.nulls(len(rows), column.type)
    found = rows[column.name]
    try:
        values = found.cast(column.type)
        if pa.types.is_temporal(column.type):
            years = pc.min_max(pc.year(values)).as_py()
            if years["min"] is not None and not 1 <= years["min"] <= years["max"] <= _LAST_YEAR:
                raise pa.ArrowInvalid("no year of the calendar")
    except pa.ArrowException as error:
        raise InputError(
            f"{file}: the column {column.name} holds {found.type} that cannot be read as "
            f"{column.type}. {RESTORE}"
        ) from error
    if must_be_known and values.null_count:
        row = pc.index(pc.is_null(values), True).as_py() + 1
        raise InputError(f"{file}: the column {column.name} is empty in row {row}. {RESTORE}")
    return values


def compact(folder: Path, most_files: int) -> None:
    """Merge the files of a table into one if there are more than `most_files`.

    The new file appears before the old ones are removed. For a moment a reader finds rows twice,
    so readers deduplicate by id. A reader that listed the folder but has not opened the old files
    must list it again. If the process is killed, no row is lost: at worst, rows stay twice.

    Raises ChurnError if the disk refuses the write, or if a file is not Parquet or belongs to
    another table.
    """
    with _locked(folder):
        files = parquet_files(folder)
        if len(files) <= most_files:
            return
        try:
            _write(folder, uuid4().hex, _rows(files))
        except pa.ArrowException as error:
            raise ChurnError(
                f"The files of {folder} cannot be made one: {error} "
                "Move what does not belong there elsewhere."
            ) from error
        for file in files:
            file.unlink()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Allow one writer at a time, and remove partial files of killed writers."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for name in names_in(folder):
                if name.startswith(".") and name.endswith(".partial"):
                    (folder / name).unlink()
            yield
    except OSError as error:
        raise refusal(error, folder, "CHURN_STORE_DIR") from error


def _write(folder: Path, name: str, rows: pa.Table | pa.RecordBatchReader) -> Path:
    path = folder / f"{name}.parquet"
    unfinished = folder / f".{name}.partial"
    batches = rows.to_reader() if isinstance(rows, pa.Table) else rows
    with pq.ParquetWriter(unfinished, batches.schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)
    flush(unfinished)
    unfinished.replace(path)
    flush(folder)
    return path


def _rows(files: list[Path]) -> pa.RecordBatchReader:
    """The rows of all files, with every column that appears in any of them."""
    schema = pa.unify_schemas([pq.read_schema(file) for file in files])
    return pa.RecordBatchReader.from_batches(schema, _batches(files, schema))


def _batches(files: list[Path], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Yield batches of some thousand rows, even if the files are smaller."""
    waiting: list[pa.RecordBatch] = []
    for file in files:
        with pq.ParquetFile(file) as stored:
            for batch in stored.iter_batches(_ROWS_AT_ONCE):
                waiting.append(_with_columns(batch, schema))
                if sum(map(len, waiting)) >= _ROWS_AT_ONCE:
                    yield pa.concat_batches(waiting)
                    waiting = []
    if waiting:
        yield pa.concat_batches(waiting)


def _with_columns(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    columns = [
        batch[column.name].cast(column.type)
        if column.name in batch.schema.names
        else pa.nulls(len(batch), column.type)
        for column in schema
    ]
    return pa.record_batch(columns, schema=schema)


def state(folder: Path, setting: str = "CHURN_STORE_DIR") -> str:
    """Return a checksum that changes when Parquet files are added, replaced or removed.

    `setting` is the environment variable that sets the place, for messages.

    Raises ChurnError when the folder cannot be listed.
    """
    return _state(parquet_files(folder, setting))


def states(folder: Path) -> dict[str, str]:
    """Return the `state` of every store table that has files, by its path below the store.

    Raises ChurnError if a folder cannot be listed.
    """
    tables = {table: parquet_files(folder / table) for table in _TABLES}
    return {table: _state(files) for table, files in tables.items() if files}


def _state(files: list[Path]) -> str:
    stamps = [(file.name, file.stat().st_mtime_ns) for file in files]
    return md5(repr(stamps).encode(), usedforsecurity=False).hexdigest()
