"""The whole load: finds the files, checks every header, converts and swaps in the result."""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from churn.files.made import check_folder, check_place, made, mark
from churn.files.swap import disk_errors, exclusive, swap_in, working_folder
from churn.load.archive import Archive
from churn.load.columns import ColumnPlan, normalised, plan_columns
from churn.load.convert import convert
from churn.load.delimited import Delimited
from churn.load.find import list_files, match_tables, missing_table_message, readable_suffix
from churn.load.growth import load_ids
from churn.load.limits import bounded_memory
from churn.load.parquet import Parquet
from churn.load.summary import LoadSummary, TableSummary
from churn.load.table_file import Origin, TableFile
from churn.project import Project, TableSpec
from churn.terminal.errors import InputError

# the kind of work and the environment variable of the folder that a load replaces
WORK = "load"
SETTING = "CHURN_DATA_DIR"
SOURCE_FILES = "source_files"
SOURCE_FILES_SCHEMA = pa.schema(
    [
        ("table_name", pa.string()),
        ("file_name", pa.string()),
        ("file_format", pa.string()),
        ("encoding", pa.string()),
        ("delimiter", pa.string()),
        ("row_count", pa.int64()),
        ("file_columns", pa.string()),
        ("text_column", pa.string()),
        ("load_ids", pa.string()),
    ]
)


def load(
    source: Path,
    project: Project,
    *,
    partial: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> LoadSummary:
    """Check the user's data and write it to `project.load_dir`, one Parquet file per table.

    The previous load stays until the new one is complete, and a failure leaves it untouched. Memory
    use does not grow with the size of the files.

    Args:
        source: a folder or .zip; the tables' files may lie at any depth.
        project: gives the tables and the load folder.
        partial: replace only the tables in the source, and keep the others of the previous load.
        progress: called repeatedly with the finished and the total bytes of the source.

    Returns:
        A summary of the found and loaded tables.

    Raises:
        InputError: the source cannot be used; the message says what is wrong in which file.
        ChurnError: another load is running, or the disk is full or read-only.
    """
    load_dir = project.load_dir.resolve()
    check_place(load_dir, SETTING)
    if made(load_dir) is not None or not _record(load_dir).is_file():
        # check before we create a lock beside a folder that may not be ours
        check_folder(load_dir, WORK, SETTING)
    with disk_errors(load_dir), exclusive(load_dir), working_folder(load_dir) as work:
        previous = _previous_load(load_dir)
        with _found(source, project, load_dir, partial=partial, previous=previous) as found:
            unpacked = work / "unpacked"
            unpacked.mkdir()
            opened = _open_all(found.origins(unpacked), project.tables)
            complete = work / "complete"
            complete.mkdir()
            tables = _convert_all(opened, project.tables, complete, progress or _unseen)
            kept = [name for name in previous if partial and name not in opened]
            for name in kept:
                _link(load_dir / f"{name}.parquet", complete / f"{name}.parquet")
            files = [
                _source_file(table, project.tables[table.table], previous, load_dir, complete)
                for table in tables
            ]
            _write_source_files(complete, files, [previous[name] for name in kept])
            swap_in(complete, load_dir, work=WORK, setting=SETTING)
            return LoadSummary(
                source=source,
                load_dir=project.load_dir,
                tables=tuple(tables),
                kept=tuple(kept),
                dropped=tuple(n for n in previous if n not in opened and n not in kept),
                absent=tuple(n for n in project.tables if n not in opened and n not in kept),
                added=_added_rows(files, previous),
                other_files=tuple(str(file) for file in found.other_files),
            )


def convert_file(path: Path, spec: TableSpec, target: Path) -> TableSummary:
    """Check one file of a table and write it as canonical Parquet.

    Raises:
        InputError: the file cannot be used; the message says why.
    """
    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    if not readable_suffix(path.name):
        raise InputError(f"{path} is neither CSV nor Parquet.")
    file = _open(Origin(spec.name, str(path), path), spec)
    plan = plan_columns(spec, file.header, path.name, textual=file.textual)
    with bounded_memory(str(file.origin)):
        return convert(file, plan, spec, target, lambda _: None)


@dataclass(frozen=True)
class _Found:
    """The files of a source that hold tables, in configured order."""

    source: Path
    matches: Mapping[str, PurePosixPath]
    files: list[PurePosixPath]
    archive: Archive | None

    @property
    def other_files(self) -> list[PurePosixPath]:
        return [file for file in self.files if file not in self.matches.values()]

    def origins(self, unpacked: Path) -> list[Origin]:
        """Return readable files; unpack those of an archive into the folder first."""
        if self.archive is None:
            return [
                Origin(table, str(file), self.source / file) for table, file in self.matches.items()
            ]
        paths = self.archive.unpack(self.matches.values(), unpacked)
        return [
            Origin(table, f"{self.source.name}/{file}", paths[file])
            for table, file in self.matches.items()
        ]


@contextmanager
def _found(
    source: Path,
    project: Project,
    load_dir: Path,
    *,
    partial: bool,
    previous: Mapping[str, Any],
) -> Iterator[_Found]:
    archive = None
    if source.is_dir():
        files = list_files(source, without=None if source.resolve() == load_dir else load_dir)
    elif not source.exists():
        raise InputError(f"{source} does not exist. Give the folder or .zip with your tables.")
    elif source.suffix.lower() == ".zip":
        archive = Archive(source)
        files = archive.files
    elif readable_suffix(source.name):
        raise InputError(
            f"{source} is a single file. Give the folder that holds it and the other tables: "
            f"{source.parent}"
        )
    else:
        raise InputError(f"{source} is neither a folder nor a .zip. Give one with your tables.")
    try:
        matches = match_tables(files, project.tables)
        _check_complete(source, files, matches, project, partial=partial, previous=previous)
        ordered = {table: matches[table] for table in project.tables if table in matches}
        yield _Found(source, ordered, files, archive)
    finally:
        if archive is not None:
            archive.close()


def _check_complete(
    source: Path,
    files: list[PurePosixPath],
    matches: Mapping[str, PurePosixPath],
    project: Project,
    *,
    partial: bool,
    previous: Mapping[str, Any],
) -> None:
    if partial and not matches:
        raise InputError(missing_table_message(project.tables, files, source, any_of=True))
    there = {*matches, *previous} if partial else {*matches}
    missing = [
        name
        for name, spec in project.tables.items()
        if name not in there and not spec.may_be_absent
    ]
    if missing:
        raise InputError(missing_table_message(missing, files, source))


def _open_all(
    origins: list[Origin], specs: Mapping[str, TableSpec]
) -> dict[str, tuple[TableFile, ColumnPlan]]:
    """Read every header before any row, and report all problems at once."""
    opened, problems = {}, []
    for origin in origins:
        spec = specs[origin.table]
        try:
            file = _open(origin, spec)
            plan = plan_columns(spec, file.header, origin.name, textual=file.textual)
        except InputError as error:
            problems.append(str(error))
        else:
            opened[origin.table] = (file, plan)
    if problems:
        raise InputError("\n".join(problems))
    return opened


def _open(origin: Origin, spec: TableSpec) -> TableFile:
    with bounded_memory(str(origin)):
        if origin.path.suffix.lower() == ".parquet":
            return Parquet(origin, spec.columns)
        return Delimited(
            origin, lambda header: sum(normalised(name) in spec.columns for name in header)
        )


def _convert_all(
    opened: Mapping[str, tuple[TableFile, ColumnPlan]],
    specs: Mapping[str, TableSpec],
    folder: Path,
    progress: Callable[[int, int], None],
) -> list[TableSummary]:
    """Convert every table into the folder."""
    total = sum(file.size for file, _ in opened.values())
    before, tables = 0, []
    for name, (file, plan) in opened.items():
        target = folder / f"{name}.parquet"
        for_all = _offset(progress, before, total)
        with bounded_memory(str(file.origin)):
            tables.append(convert(file, plan, specs[name], target, for_all))
        before += file.size
    progress(total, total)
    return tables


def _offset(progress: Callable[[int, int], None], before: int, total: int) -> Callable[[int], None]:
    """Turn progress within one file into progress of the whole load."""
    return lambda done: progress(before + done, total)


def _unseen(done: int, total: int) -> None:
    """A no-op progress callback."""


def _record(load_dir: Path) -> Path:
    return load_dir / f"{SOURCE_FILES}.parquet"


def _previous_load(load_dir: Path) -> dict[str, dict[str, Any]]:
    """Table name -> its row of `source_files` in the current load; {} if there is no load.

    Raises:
        InputError: the folder must not be replaced, or its record is damaged.
    """
    record = _record(load_dir)
    try:
        rows = pq.read_table(record).to_pylist() if record.is_file() else []
        loaded = {row["table_name"]: row for row in rows}
    except (OSError, KeyError, pa.ArrowException) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise InputError(
            f"{record} is damaged. Move it away, then load again, with all tables."
        ) from error
    if loaded and made(load_dir) is None:
        # a load by an earlier release has no marker, but its record lists its files
        tables = [f"{name}.parquet" for name in loaded]
        mark(load_dir, WORK, {name: [] for name in (record.name, *tables)})
    check_folder(load_dir, WORK, SETTING)
    return loaded


def _source_file(
    table: TableSummary,
    spec: TableSpec,
    previous: Mapping[str, dict[str, Any]],
    load_dir: Path,
    folder: Path,
) -> dict[str, Any]:
    """The row of `source_files` for a table that was written into the folder."""
    file = f"{table.table}.parquet"
    earlier_ids = (previous.get(table.table, {}).get("load_ids") or "").split()
    # a table that does not grow may be replaced by any load, so it has no load ids
    ids = load_ids(load_dir / file, earlier_ids, folder / file) if spec.grows else []
    return {
        "table_name": table.table,
        "file_name": table.file,
        "file_format": table.file_format,
        "encoding": table.encoding,
        "delimiter": table.delimiter,
        "row_count": table.rows,
        "file_columns": json.dumps(table.file_columns, ensure_ascii=False),
        "text_column": table.text_column,
        "load_ids": " ".join(ids),
    }


def _added_rows(
    files: list[dict[str, Any]], previous: Mapping[str, dict[str, Any]]
) -> dict[str, int | None]:
    """Growing table -> rows added since the previous load; None if earlier rows changed."""
    added: dict[str, int | None] = {}
    for file in files:
        earlier = previous.get(file["table_name"], {})
        if earlier.get("load_ids"):
            is_the_same = file["load_ids"].startswith(earlier["load_ids"])
            rows = file["row_count"] - earlier["row_count"]
            added[file["table_name"]] = rows if is_the_same else None
    return added


def _write_source_files(
    folder: Path, tables: list[dict[str, Any]], kept: list[dict[str, Any]]
) -> None:
    pq.write_table(
        pa.Table.from_pylist([*tables, *kept], schema=SOURCE_FILES_SCHEMA),
        folder / f"{SOURCE_FILES}.parquet",
    )


def _link(existing: Path, new: Path) -> None:
    """Create a hard link, or a copy if the disk does not support links."""
    try:
        os.link(existing, new)
    except OSError:
        shutil.copyfile(existing, new)
