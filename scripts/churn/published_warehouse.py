"""The published warehouse: a read-only copy of what people query, beside the one that is built.

DuckDB lets nobody read a file while another process writes it. So people open the copy, and a new
one takes its place all at once: who has opened the old one goes on reading that one. Beside the
file, `churn.duckdb` say, stand:

    .churn.duckdb.lock       held by the command that is running
    .churn.duckdb.new        what a running command has written so far
    .churn.duckdb.previous   the file before, for those on other machines who still read it
"""

import os
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from churn.build_record import NOT_COMPLETE, is_complete
from churn.dbt import reserved
from churn.disk import flush, held
from churn.errors import ChurnError, InputError
from churn.profile import duckdb_limits
from churn.project import Project
from churn.sql_text import identifier, literal
from churn.swap import disk_errors
from churn.warehouse import saying_why_unreadable

# what people query: no other schema goes out, so the words of tickets stay where they are
PUBLISHED_SCHEMAS = ("marts", "quality", "enrichment", "config")
_WORK = "publication"
_READ_ONLY = 0o444
# a name that no file gives a database
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
    """What a warehouse is about: the as-of date of its scores, whether they are of the sample."""

    as_of: date
    is_sample: bool

    @property
    def name(self) -> str:
        """As people are told of it."""
        return f"{'the bundled sample' if self.is_sample else 'your data'} as of {self.as_of}"


class Publication(NamedTuple):
    """What was published, how many tables, how many bytes, and what it took the place of."""

    content: Content
    tables: int
    size: int
    replaced: Content | None


def publish_warehouse(
    project: Project, progress: Callable[[int, int], None], *, replace: bool = False
) -> Publication:
    """Copy the last build to the published warehouse; it is replaced all at once or not at all.

    The copy holds the public schemas and nothing else. Views become tables, so that it needs no
    other file; descriptions are kept. The warehouse is read, and not changed.

    Args:
        project: whose warehouse, and where the copy goes.
        progress: told how many tables are done, and of how many.
        replace: put the bundled sample in the place of the user's data, too.

    Raises:
        InputError: there is no complete build, it is of the sample and would replace what is not,
            or a file has a name or place that cannot be.
        ChurnError: a build or another publication is running, or the disk refuses.
    """
    file = _place(project)
    in_use = f"Another publication to {file} is running. Wait until it is done, then try again."
    with disk_errors(_WORK):
        file.parent.mkdir(parents=True, exist_ok=True)
        new = _beside(file, "new")
        with held(_beside(file, "lock"), in_use):
            # of one that was killed
            _remove(new)
            replaced = _published(file)
            keeps = replaced if replaced and not replaced.is_sample and not replace else None
            try:
                content, tables = _copy(project, new, progress, keeps=keeps)
                new.chmod(_READ_ONLY)
                flush(new)
                size = new.stat().st_size
                _keep_previous(file)
                new.replace(file)
                flush(file.parent)
            finally:
                _remove(new)
    return Publication(content, tables, size, replaced)


def _place(project: Project) -> Path:
    """Where the copy goes; what it must not replace is refused."""
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
    # DuckDB calls a database after its file, and one without a file so
    if project.warehouse.name.lower().split(".")[0] == "memory":
        raise InputError(
            f"A warehouse of the name {project.warehouse.name} cannot be published. "
            "Rename it, and set CHURN_WAREHOUSE."
        )
    if "?" in str(file):
        raise InputError(f"DuckDB cannot open a file whose name has a '?': {file}")
    return file


def _published(file: Path) -> Content | None:
    """What the published file is about; None where there is none, or none of ours."""
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
) -> tuple[Content, int]:
    """Write the public tables to a new file; returns what they are about and how many there are.

    What the published file `keeps`, if anything, is not replaced by the sample.
    """
    # as much memory as a build has, and the same place for what does not fit
    limits = duckdb_limits()
    with (
        saying_why_unreadable(project),
        reserved(project),
        duckdb.connect(config=limits) as connection,
    ):
        connection.execute(f"attach {literal(str(project.warehouse))} (read_only)")
        # from here on nothing else can write, so that what has written is seen
        _check_complete(project)
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
            # one transaction waits for the disk once
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
            # everything into the file, nothing beside it
            connection.execute(f"checkpoint {_COPY}")
            connection.execute(f"detach {_COPY}")
        except duckdb.Error as error:
            raise ChurnError(
                f"The {_WORK} stopped: {_reason(error)}. What was published before is untouched. "
                "Check free space and permissions, then try again."
            ) from error
    return content, len(relations)


def _reason(error: duckdb.Error) -> str:
    """What DuckDB says went wrong first."""
    line = str(error).splitlines()[0].rpartition("Original error: ")[2]
    return line.removeprefix("IO Error: ").rstrip(".")


def _check_complete(project: Project) -> None:
    if not is_complete(project):
        raise InputError(f"{NOT_COMPLETE} It is {project.warehouse}. Run `make run` first.")


def _name(connection: duckdb.DuckDBPyConnection) -> str:
    """What DuckDB calls the warehouse, after its file; views name it so."""
    [[name]] = connection.execute(
        "select database_name from duckdb_databases() where not internal and path is not null"
    ).fetchall()
    return str(name)


def _describe(connection: duckdb.DuckDBPyConnection, what: str, comment: str | None) -> None:
    if comment is not None:
        connection.execute(f"comment on {what} is {literal(comment)}")


def _keep_previous(file: Path) -> None:
    """Keep the published file under a second name until the next one is published.

    On this machine a file lives as long as somebody has it open; on a network share only as long
    as it has a name.
    """
    second, previous = _beside(file, "previous.new"), _beside(file, "previous")
    second.unlink(missing_ok=True)
    # not every share knows second names; the copy is published all the same
    with suppress(OSError):
        os.link(file, second)
        second.replace(previous)
    # two names of one file are not replaced by each other
    second.unlink(missing_ok=True)


def _remove(new: Path) -> None:
    for path in (new, new.with_name(f"{new.name}.wal")):
        path.unlink(missing_ok=True)


def _beside(file: Path, what: str) -> Path:
    return file.with_name(f".{file.name}.{what}")
