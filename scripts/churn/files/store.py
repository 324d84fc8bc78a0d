"""The durable store: append-only Parquet files, one folder a table, that nothing can rebuild.

dbt reads the files in place (`sources: store`), so no writer waits for the lock of the warehouse.
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
# every table, by its folder; `sources: store` describes them
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
    """The names of what is in a folder, sorted; none where there is no such folder.

    `setting` is the environment variable that names the place, for messages.

    Raises ChurnError when it cannot be listed, InputError when it is something else than a folder:
    taken as an empty folder, it would hide what was stored.
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
    """The name of an entry; OSError where it links to a Parquet file that is not there."""
    if entry.name.endswith(".parquet") and entry.is_symlink():
        entry.stat()
    return entry.name


def parquet_files(folder: Path, setting: str = "CHURN_STORE_DIR") -> list[Path]:
    """The Parquet files of a folder, by name; none where there is no such folder.

    `setting` is the environment variable that names the place, for messages.

    Raises ChurnError when the folder cannot be listed.
    """
    return [folder / name for name in names_in(folder, setting) if name.endswith(".parquet")]


def append(folder: Path, name: str, rows: pa.Table | pa.RecordBatchReader) -> Path:
    """Add rows to a table of the store, as the new file `<name>.parquet`; returns its path.

    Of a reader no more than a batch is in memory.

    The file appears complete or not at all; killing the process leaves at most a hidden partial
    file, which the next writer removes. Raises ChurnError when the disk refuses.
    """
    with appending(folder) as write:
        return write(name, rows)


@contextmanager
def appending(folder: Path) -> Iterator[Callable[[str, pa.Table | pa.RecordBatchReader], Path]]:
    """Keep other writers out while the block decides what to add; gives what `append` does.

    Who reads the table in the block has read everything that was added before.
    """
    with _locked(folder):
        yield partial(_write, folder)


def read(file: Path, schema: pa.Schema, always_known: Collection[str]) -> pa.Table:
    """The rows of a file of the store, with the columns and types of the schema.

    A column that an earlier release did not write is null.

    Args:
        file: a Parquet file.
        schema: which columns to read, and as what.
        always_known: the columns that hold a value in every row.

    Raises:
        InputError: the file is damaged, or holds what cannot be; the message names the column.
        ChurnError: the file cannot be read now.
        FileNotFoundError: it is gone.
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
    """Why a Parquet file cannot be read: the system refuses, or else it is damaged."""
    # what Arrow says of damaged bytes has no number
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
    """Make one file of all files of a table, where there are more than `most_files`.

    The new file is there before the others go, so that whoever lists the folder finds every row,
    for a moment twice: readers count a row once, by its id. Who has listed it and not yet opened
    what goes has to list it again. Killed at any point, this loses nothing: at worst rows stay
    twice.

    Raises ChurnError when the disk refuses, or when a file is no Parquet or of another table.
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
    """One writer at a time; what a killed one left half-written is removed."""
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
    """The rows of all files, with every column that any of them has."""
    schema = pa.unify_schemas([pq.read_schema(file) for file in files])
    return pa.RecordBatchReader.from_batches(schema, _batches(files, schema))


def _batches(files: list[Path], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Some thousand rows at a time, however few a file has."""
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
    """Another one whenever a Parquet file of the folder was added, replaced or removed.

    `setting` is the environment variable that names the place, for messages.

    Raises ChurnError when the folder cannot be listed.
    """
    return _state(parquet_files(folder, setting))


def states(folder: Path) -> dict[str, str]:
    """The state of every table of the store that has files, by its path from there.

    Raises ChurnError when one of them cannot be listed.
    """
    tables = {table: parquet_files(folder / table) for table in _TABLES}
    return {table: _state(files) for table, files in tables.items() if files}


def _state(files: list[Path]) -> str:
    stamps = [(file.name, file.stat().st_mtime_ns) for file in files]
    return md5(repr(stamps).encode(), usedforsecurity=False).hexdigest()
