"""Chooses the file of messages: from the loaded data, the bundled sample, or any other file."""

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from filecmp import cmp
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from churn.enrich.text import text_columns
from churn.files.disk import flush, refusal
from churn.files.store import names_in, parquet_files, unreadable
from churn.load import convert_file
from churn.load.parquet import WRITTEN_BY_US
from churn.project import Project
from churn.terminal.errors import InputError

TABLE = "ticket_messages"
_SAMPLE = Path("seeds/saas") / f"raw_{TABLE}.csv"
ROW_NUMBER = "_row_number"
_SAMPLE_VALUES = 1000
_SAMPLE_ROWS = 20
_SAMPLE_BYTES = 8_000_000
_LONGEST_NAME = 80
_HASH_DIGITS = 7


@dataclass(frozen=True)
class Source:
    """A canonical Parquet file of messages, and the columns that hold the words.

    `is_from_data`: whether it is the table ticket_messages that dbt reads. `rows`: an upper limit
    on the number of messages. `replaced`: whether it replaced another file of that name.
    """

    name: str
    file: Path
    is_from_data: bool
    rows: int
    text_columns: tuple[str, ...]
    replaced: bool = False


@contextmanager
def open_source(project: Project, data_dir: Path | None, tickets: str | None) -> Iterator[Source]:
    """Yield the messages of `data_dir` (None: of the bundled sample), or those of a file.

    `tickets` is a CSV or Parquet file, which is copied to `data/tickets/` of the store, or the name
    of an earlier copy. Raises InputError if there is nothing to read.
    """
    if tickets is not None:
        file, replaced = _kept(project, tickets)
        source = _source(project, file.stem, file, is_from_data=False)
        yield replace(source, replaced=replaced)
    elif data_dir is not None:
        file = data_dir / f"{TABLE}.parquet"
        if file.name not in names_in(data_dir, "CHURN_DATA_DIR"):
            raise InputError(
                f"The data in {data_dir} has no {TABLE}. Load it with that table, or name a file "
                "of tickets: make enrich TICKETS=<file.csv>."
            )
        yield _source(project, file.name, file, is_from_data=True)
    else:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"{TABLE}.parquet"
            convert_file(_SAMPLE, project.tables[TABLE], file)
            yield _source(project, _SAMPLE.name, file, is_from_data=True)


def open_file(project: Project, file: Path, folder: Path) -> Source:
    """Convert any file of messages into the folder; raises InputError if it is unusable."""
    target = folder / f"{TABLE}.parquet"
    convert_file(file, project.tables[TABLE], target)
    return _source(project, file.name, target, is_from_data=False)


def kept_files(project: Project) -> list[Path]:
    """The ticket files in the store, sorted by name."""
    return parquet_files(_folder(project))


def _folder(project: Project) -> Path:
    return project.store_dir / "tickets"


def _kept(project: Project, tickets: str) -> tuple[Path, bool]:
    """Copy a ticket file to the store; returns the copy, and whether it replaced another file."""
    folder, given = _folder(project), Path(tickets)
    kept = folder / f"{_kept_name(given.stem)}.parquet"
    if not is_file(given):
        named = folder / f"{tickets}.parquet"
        if named.parent == folder and is_file(named):
            return named, False
        there = ", ".join(file.stem for file in kept_files(project)) or "none yet"
        raise InputError(
            f"There is no file {tickets}, nor tickets of that name; there are: {there}."
        )
    if os.path.lexists(kept) and not _is_ours(kept):
        raise InputError(
            f"{given} would be kept as {kept}, where a file stands that `churn` did not write. "
            "Move that file away, or rename yours."
        )
    partial = folder / f".{kept.stem}.partial"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        convert_file(given, project.tables[TABLE], partial)
        flush(partial)
        replaced = kept.is_file() and not cmp(kept, partial, shallow=False)
        partial.replace(kept)
        flush(folder)
    except OSError as error:
        raise refusal(error, folder, "CHURN_STORE_DIR") from error
    finally:
        if folder.is_dir():
            partial.unlink(missing_ok=True)
    return kept, replaced


def _kept_name(stem: str) -> str:
    """A unique name for a stem that is valid on any file system."""
    name = re.sub(r"[^\w.-]+", "_", stem)[:_LONGEST_NAME]
    if name == stem:
        return name
    short_hash = sha256(stem.encode("utf-8", "surrogateescape")).hexdigest()[:_HASH_DIGITS]
    return f"{name[: _LONGEST_NAME - _HASH_DIGITS - 2]}__{short_hash}"


def _is_ours(file: Path) -> bool:
    """Whether a Parquet file was written by `convert_file`."""
    try:
        return WRITTEN_BY_US in (pq.read_schema(file).metadata or {})
    except (OSError, pa.ArrowException):
        return False


def is_file(path: Path) -> bool:
    """Whether a path that the user gave is an existing file."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long, or holds a null byte
        return False


def _source(project: Project, name: str, file: Path, *, is_from_data: bool) -> Source:
    restore = "Load the data" if is_from_data else "Give enrich the file with the tickets"
    try:
        parquet = pq.ParquetFile(file)
        columns = [column for column in parquet.schema_arrow.names if column != ROW_NUMBER]
        if len(columns) == len(parquet.schema_arrow.names):
            raise InputError(
                f"{file} was not written by this program: it has no column {ROW_NUMBER}. "
                f"{restore} again."
            )

        def values(column: str) -> list[object]:
            found: list[object] = []
            size = 0
            # read a few values at a time, because each may be very long
            for batch in parquet.iter_batches(_SAMPLE_ROWS, columns=[column]):
                found += batch.column(0).cast(pa.string()).to_pylist()
                size += batch.nbytes
                if len(found) >= _SAMPLE_VALUES or size > _SAMPLE_BYTES:
                    break
            return found

        words = text_columns(project.tables[TABLE], columns, values)
    except (OSError, pa.ArrowException) as error:
        raise unreadable(file, error, f"{restore} again.") from error
    return Source(name, file, is_from_data, parquet.metadata.num_rows, words)
