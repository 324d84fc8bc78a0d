"""The published warehouse: a read-only copy of the tables that people query.

No process can read a DuckDB file while another one writes it. So people open the copy, and
publication replaces it atomically: open connections keep reading the old copy. These stand beside
the file, here `churn.duckdb`:

    .churn.duckdb.lock            the running command holds it
    .churn.duckdb.loading-<…>     a folder with the partial output of the running command
    .churn.duckdb.previous        the previous file, for readers on other machines

Publication replaces a file only if it is such a copy: its table `config.made_relations` lists every
relation in it.
"""

import glob
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from churn.files.disk import flush, held
from churn.files.made import EARLIER, check_regular, remove_unfinished
from churn.files.swap import disk_errors, working_folder
from churn.project import Project
from churn.project.profile import duckdb_limits
from churn.terminal import plain
from churn.terminal.errors import ChurnError, InputError
from churn.warehouse.build_record import NOT_COMPLETE, is_complete, last_build
from churn.warehouse.lock import reserved
from churn.warehouse.read import saying_why_unreadable
from churn.warehouse.sql_text import identifier, literal

# other schemas are never published, so the texts of tickets stay in the warehouse
PUBLISHED_SCHEMAS = ("marts", "quality", "enrichment", "config")
_WORK = "publication"
_READ_ONLY = 0o444
# no file name can produce this database name
_COPY = '"the copy"'
_CONTENT = """
    select
        usage_window_end,
        (
            select bool_and(file_name = concat('seeds/saas/raw_', table_name, '.csv'))
            from quality.source_columns
        )
    from marts.executive_summary
"""
_FOREIGN = """
    select concat(table_schema, '.', table_name)
    from information_schema.tables as found
    where
        table_catalog = current_database()
        and (
            -- a warehouse holds more
            not list_contains($schemas, table_schema)
            or not exists (
                select 1 from config.made_relations as made
                where
                    made.schema_name = found.table_schema
                    and made.relation_name = found.table_name
            )
        )
    order by all
"""
_RELATIONS = """
    select schema_name, table_name as name, comment from duckdb_tables()
    where database_name = $warehouse and list_contains($schemas, schema_name)
    union all
    select schema_name, view_name, comment from duckdb_views()
    where database_name = $warehouse and list_contains($schemas, schema_name)
    order by all
"""
_COLUMN_COMMENTS = """
    select schema_name, table_name, column_name, comment from duckdb_columns()
    where
        database_name = $warehouse
        and list_contains($schemas, schema_name)
        and comment is not null
    order by all
"""


class Content(NamedTuple):
    """The as-of date of a warehouse's scores, and whether its data is the bundled sample."""

    as_of: date
    is_sample: bool

    @property
    def name(self) -> str:
        """A description for messages."""
        return f"{'the bundled sample' if self.is_sample else 'your data'} as of {self.as_of}"


class Publication(NamedTuple):
    """The published content, its tables and bytes, and the content that it replaced.

    `variables` holds the build's `--vars`.
    """

    content: Content
    tables: int
    size: int
    replaced: Content | None
    variables: Mapping[str, Any]


def publish_warehouse(
    project: Project, progress: Callable[[int, int], None], *, replace: bool = False
) -> Publication:
    """Copy the last build to the published warehouse, atomically.

    The copy holds only the public schemas. Views become tables, so that it needs no other file.
    Descriptions are kept. The warehouse is only read.

    Args:
        project: gives the places of the warehouse and of the copy.
        progress: called with the number of finished tables and of all tables.
        replace: allow the bundled sample to replace the user's data.

    Raises:
        InputError: there is no complete build, the sample would replace the user's data, or a file
            name or place is impossible.
        ChurnError: a build or another publication is running, or the disk refuses the write.
    """
    file = _place(project)
    in_use = f"Another publication to {file} is running. Wait until it is done, then try again."
    with disk_errors(file, _WORK, "CHURN_PUBLISHED_WAREHOUSE"):
        file.parent.mkdir(parents=True, exist_ok=True)
        with held(_beside(file, "lock"), in_use):
            for unfinished in file.parent.glob(f".{glob.escape(file.name)}.loading-*"):
                remove_unfinished(unfinished, _WORK)
            _check_ours(file)
            _check_ours(_beside(file, "previous"))
            replaced = _published(file)
            keeps = replaced if replaced and not replaced.is_sample and not replace else None
            with working_folder(file, _WORK) as work:
                new = work / file.name
                content, tables, variables = _copy(project, new, progress, keeps=keeps)
                new.chmod(_READ_ONLY)
                flush(new)
                size = new.stat().st_size
                # check again: the copy may have taken minutes
                _check_ours(file)
                _keep_previous(file, work)
                new.replace(file)
                flush(file.parent)
    return Publication(content, tables, size, replaced, variables)


def _place(project: Project) -> Path:
    """The place of the copy; raises InputError if the copy must not be written there."""
    file = project.published_warehouse.resolve()
    if file == project.warehouse.resolve():
        raise InputError(
            "CHURN_PUBLISHED_WAREHOUSE is the warehouse itself. Name another file for the copy."
        )
    if file.is_dir():
        raise InputError(
            f"CHURN_PUBLISHED_WAREHOUSE is the folder {file}. Name a file, such as "
            f"{file / 'churn.duckdb'}."
        )
    check_regular(file, "the copy in CHURN_PUBLISHED_WAREHOUSE")
    # DuckDB names a database after its file, and `memory` is its in-memory database
    if project.warehouse.name.lower().split(".")[0] == "memory":
        raise InputError(
            f"A warehouse of the name {project.warehouse.name} cannot be published. "
            "Rename it, and set CHURN_WAREHOUSE."
        )
    if "?" in str(file):
        raise InputError(f"DuckDB cannot open a file whose name has a '?': {file}")
    return file


def _check_ours(file: Path) -> None:
    """Raise InputError if the place holds anything but our own copy."""
    if not os.path.lexists(file):
        return
    check_regular(file, "the copy in CHURN_PUBLISHED_WAREHOUSE")
    if file.stat().st_size == 0:
        return
    public = {"schemas": list(PUBLISHED_SCHEMAS)}
    try:
        with duckdb.connect(file, read_only=True) as connection:
            foreign = [name for (name,) in connection.execute(_FOREIGN, public).fetchall()]
    except (duckdb.CatalogException, duckdb.BinderException):
        what = "is a database that `churn publish` did not write"
    except duckdb.IOException as error:
        if "Could not set lock" in str(error):
            raise ChurnError(
                f"{file} is open for writing elsewhere. Close it there, then try again."
            ) from error
        what = "is not a database that `churn publish` wrote"
    else:
        if not foreign:
            return
        what = f"holds tables that `churn publish` did not write, such as {plain(foreign[0], 100)}"
    raise InputError(
        f"{file} {what}, so it is not replaced. Name another file in CHURN_PUBLISHED_WAREHOUSE, or "
        f"move this one away. {EARLIER}"
    )


def _published(file: Path) -> Content | None:
    """The content of the published file; None if there is no copy of ours."""
    if not file.exists():
        return None
    try:
        with duckdb.connect(file, read_only=True) as connection:
            return _content(connection)
    except (duckdb.Error, ValueError):
        return None


def _content(connection: duckdb.DuckDBPyConnection) -> Content:
    [[as_of, is_sample]] = connection.execute(_CONTENT).fetchall()
    return Content(as_of, bool(is_sample))


def _copy(
    project: Project, new: Path, progress: Callable[[int, int], None], *, keeps: Content | None
) -> tuple[Content, int, Mapping[str, Any]]:
    """Write the public tables to a new file.

    Returns what they are about, how many there are, and the variables that they were built with.

    What the published file `keeps`, if anything, is not replaced by the sample.
    """
    # the same memory limit and spill folder as a build
    limits = duckdb_limits()
    with (
        saying_why_unreadable(project),
        reserved(project),
        duckdb.connect(config=limits) as connection,
    ):
        connection.execute(f"attach {literal(str(project.warehouse))} (read_only)")
        # the open connection now blocks writers, so the check cannot miss a write
        variables = _checked_record(project).get("variables") or {}
        warehouse = _name(connection)
        connection.execute(f"use {identifier(warehouse)}")
        content = _content(connection)
        if keeps and content.is_sample:
            raise InputError(
                f"What is published is of {keeps.name}; the last build is of {content.name}. Build "
                "your own data (make run DATA=…), or publish the sample all the same "
                "(make publish REPLACE=1)."
            )
        of_public: dict[str, Any] = {"warehouse": warehouse, "schemas": list(PUBLISHED_SCHEMAS)}
        relations = connection.execute(_RELATIONS, of_public).fetchall()
        column_comments = connection.execute(_COLUMN_COMMENTS, of_public).fetchall()
        try:
            connection.execute(f"attach {literal(str(new))} as {_COPY}")
            # one transaction flushes to the disk once
            connection.execute("begin")
            for schema in sorted({schema for schema, _, _ in relations}):
                connection.execute(f"create schema {_COPY}.{identifier(schema)}")
            for done, (schema, name, comment) in enumerate(relations):
                progress(done, len(relations))
                table = f"{identifier(schema)}.{identifier(name)}"
                connection.execute(f"create table {_COPY}.{table} as from {table}")
                _describe(connection, f"table {_COPY}.{table}", comment)
            for schema, name, column, comment in column_comments:
                path = ".".join(map(identifier, (schema, name, column)))
                _describe(connection, f"column {_COPY}.{path}", comment)
            connection.execute("commit")
            # write everything into the file and leave no write-ahead log
            connection.execute(f"checkpoint {_COPY}")
            connection.execute(f"detach {_COPY}")
        except duckdb.Error as error:
            raise ChurnError(
                f"The {_WORK} stopped: {_reason(error)}. What was published before is untouched. "
                "Check free space and permissions, then try again."
            ) from error
    return content, len(relations), variables


def _reason(error: duckdb.Error) -> str:
    """The first line of DuckDB's message."""
    line = str(error).splitlines()[0].rpartition("Original error: ")[2]
    return line.removeprefix("IO Error: ").rstrip(".")


def _checked_record(project: Project) -> dict[str, Any]:
    """The record of the last build. Raises InputError if the warehouse has changed since."""
    record = last_build(project)
    if record is None or not is_complete(project):
        raise InputError(f"{NOT_COMPLETE} It is {project.warehouse}. Run `make run` first.")
    return record


def _name(connection: duckdb.DuckDBPyConnection) -> str:
    """The database name that DuckDB derives from the warehouse's file; views refer to it."""
    [[name]] = connection.execute(
        "select database_name from duckdb_databases() where not internal and path is not null"
    ).fetchall()
    return str(name)


def _describe(connection: duckdb.DuckDBPyConnection, what: str, comment: str | None) -> None:
    if comment is not None:
        connection.execute(f"comment on {what} is {literal(comment)}")


def _keep_previous(file: Path, work: Path) -> None:
    """Keep the published file under a second name until the next one is published.

    On this machine a file survives while a process has it open. On a network share it survives only
    while it has a name.
    """
    second = work / "previous"
    # not every share supports hard links; publish anyway
    with suppress(OSError):
        os.link(file, second)
        second.replace(_beside(file, "previous"))


def _beside(file: Path, what: str) -> Path:
    return file.with_name(f".{file.name}.{what}")
