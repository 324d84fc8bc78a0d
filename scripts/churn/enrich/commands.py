"""Implements `churn enrich` and related commands, after their options are parsed."""

import asyncio
import sys
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from time import perf_counter
from typing import BinaryIO

import pyarrow as pa
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from churn.build.dbt import built_from, rebuild
from churn.enrich.batch import Batch, read_all
from churn.enrich.engine import Engine, Reading
from churn.enrich.evaluate import evaluate, keep, labelled_messages, measures
from churn.enrich.messages import message_ids, read_messages
from churn.enrich.results import Results
from churn.enrich.sources import is_file, kept_files, open_source
from churn.enrich.text import clean
from churn.project import Project
from churn.terminal import plain, plain_text, progress_bar
from churn.terminal.errors import ChurnError, InputError
from churn.warehouse import Row, reading

# dbt selectors of the models that show or score results, and the store tables they read
_MODELS = tuple(
    f"stg_store__enrichment_{table}+" for table in ("results", "runs", "markers", "messages")
)
_TABLES = tuple(f"enrichment/{table}" for table in ("results", "markers", "messages"))
_QUALITY_MODELS = ("stg_store__enrichment_evaluations+",)
_QUALITY_TABLES = ("enrichment/quality",)
_TEXT_SUFFIXES = (".txt", ".eml", ".md")
_LONGEST_TICKET = 16_000_000


def enrichment(project: Project) -> Results:
    """The stored results of the project."""
    return Results(project.store_dir / "enrichment")


def enrich(
    project: Project,
    console: Console,
    engine: Engine,
    *,
    tickets: str | None,
    limit: int | None,
    timeout: float,
    concurrency: int,
    since: datetime | None,
    refresh: bool,
) -> None:
    """Read messages with the engine, store the results, rebuild dependents and print a summary.

    Raises EngineUnavailable if the server or the model is or becomes unavailable, and
    KeyboardInterrupt if the user stops it. Results read until then are stored and built.
    """
    # other allocators do not return the memory of a large file
    pa.set_memory_pool(pa.system_memory_pool())
    results = enrichment(project)
    with (
        results.held(),
        open_source(project, built_from(project), tickets) as source,
        _reading_bar(console) as bar,
    ):
        if not source.is_from_data:
            results.has_messages(source.name, message_ids(source.file))
        columns = ", ".join(source.text_columns)
        opening = f"Reading {source.name} with {engine.model}; the words are in: {columns}."
        console.print(plain(opening), markup=False, highlight=False)
        if tickets is not None and tickets != source.name and Path(tickets).stem != source.name:
            kept_as = f"{Path(tickets).name} is kept under the name {source.name}."
            console.print(plain(kept_as), markup=False, highlight=False)
        if source.replaced:
            console.print(
                "It takes the place of the file of that name that was read before; what was read "
                "in messages that it lacks is not shown any more."
            )
        task = bar.add_task("read", total=min(limit or source.rows, source.rows), rate="")

        def progress(batch: Batch) -> None:
            speed = bar.tasks[task].speed
            bar.update(task, completed=batch.finished, rate=f"{speed:.1f}/s" if speed else "")

        batch = asyncio.run(
            read_all(
                read_messages(source.file, source.text_columns, since=since),
                engine,
                results,
                source_file=source.name,
                is_from_data=source.is_from_data,
                limit=limit,
                timeout=timeout,
                concurrency=concurrency,
                refresh=refresh,
                progress=progress,
            )
        )
    if batch.was_stopped:
        console.print("Stopping: what was read is built …")
    try:
        if batch.finished:
            rebuild(project, console, _MODELS, _TABLES)
    finally:
        if batch.finished:
            _print_summary(project, batch, engine, timeout, console)
            _print_next(batch, refresh, console)
    if not batch.finished and batch.gone is None:
        console.print(
            "There was nothing to read"
            + (f": no message is dated {since:%Y-%m-%d} or later." if since else ".")
        )
    if batch.gone is not None:
        raise batch.gone
    if batch.was_stopped:
        raise KeyboardInterrupt


def clear(project: Project, console: Console) -> None:
    """Hide all earlier results by setting a marker, and rebuild."""
    results = enrichment(project)
    with results.held():
        results.clear()
    rebuild(project, console, _MODELS, _TABLES)
    console.print(
        "What was read so far, in the data and in files of tickets, is neither shown nor scored "
        "any more. Nothing is deleted: make enrich brings it back without asking the model."
    )


def _reading_bar(console: Console) -> Progress:
    return Progress(
        TextColumn("Reading"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _print_summary(
    project: Project,
    batch: Batch,
    engine: Engine,
    timeout: float,
    console: Console,
) -> None:
    linked = _linked(project, batch, engine)
    messages = "not known" if linked is None else f"{linked['messages']:,}"
    grid = Table.grid(padding=(0, 2))
    device = f", {batch.device or 'device not known'}" if batch.tried else ""
    grid.add_row("Read", plain_text(f"{batch.done:,} ({engine.model}{device})"))
    grid.add_row("Known already", f"{batch.cached:,}")
    grid.add_row("Timed out", f"{batch.timed_out:,}")
    grid.add_row("Failed otherwise", f"{batch.failed:,}")
    grid.add_row("Linked to customers", messages)
    grid.add_row("Cancellation intents found", f"{batch.intents:,}")
    console.print(grid)
    if batch.timed_out:
        console.print(
            f"Tickets that took over {timeout:g} seconds were given up. What helps: a longer "
            "TIMEOUT, a smaller LIMIT, or a smaller MODEL."
        )
    if linked is not None and linked["messages"] == 0:
        console.print(
            "No key of these messages names a customer: they are shown in marts.ticket_insights "
            "and never scored."
        )
    elif linked is not None and linked["undated"]:
        console.print(
            f"{linked['undated']:,} of those have no date: they are shown and never scored."
        )


def _print_next(batch: Batch, refresh: bool, console: Console) -> None:
    if batch.was_stopped and refresh:
        console.print("Stopped. What was read is kept; with REFRESH it begins anew.")
    elif batch.was_stopped:
        console.print("Stopped. The same command goes on where this one ended.")
    elif batch.gone is None:
        console.print("What was read is in marts.ticket_insights; make show prints the list.")


_LINKED = """
    select
        count(*) as messages,
        count(*) filter (where message_date is null) as undated
    from marts.ticket_insights
    inner join read_now using (message_id)
    where engine = $engine and link_level != 'unlinked' and error is null
"""


def _linked(project: Project, batch: Batch, engine: Engine) -> Row | None:
    """Count the run's messages with an answer and a customer, and those of them without a date.

    Returns None if nothing has been built.
    """
    try:
        with reading(project) as warehouse:
            ids = pa.table({"message_id": pa.array(batch.message_ids, pa.string())})
            warehouse.connection.register("read_now", ids)
            return warehouse.select(_LINKED, engine=engine.name)[0]
    except ChurnError:
        return None


def evaluate_engine(
    project: Project,
    console: Console,
    engine: Engine,
    *,
    labels: Path | None,
    limit: int | None,
    timeout: float,
    concurrency: int,
) -> None:
    """Read labelled messages, print how well the engine reads, and store the figures."""
    with (
        labelled_messages(project, labels, limit) as (name, messages),
        progress_bar(console, "Reading") as progress,
    ):
        readings = evaluate(
            engine, messages, timeout=timeout, concurrency=concurrency, progress=progress
        )
    figures = measures(messages, readings)
    keep(project, engine, name, figures)
    rebuild(project, console, _QUALITY_MODELS, _QUALITY_TABLES)
    heading = f"{engine.model} on {figures['messages']:,} messages ({name})"
    console.print(plain(heading), markup=False, highlight=False)
    grid = Table.grid(padding=(0, 2))
    for measure, value in figures.items():
        shown = "–" if value is None else f"{value:,.3f}" if isinstance(value, Decimal) else value
        grid.add_row(measure, str(shown))
    console.print(grid)
    console.print("Kept in marts.enrichment_quality.")


def list_tickets(project: Project, console: Console) -> None:
    """Print the names of the ticket files in the store."""
    files = kept_files(project)
    for file in files:
        console.print(plain(file.stem), markup=False, highlight=False)
    if not files:
        console.print("No ticket files yet. Add one: make enrich TICKETS=<file.csv>")


def analyze(text: str, engine: Engine, timeout: float) -> Reading:
    """Read one ticket.

    Raises InputError if it has no words, and EngineUnavailable if the server or the model is
    unavailable.
    """

    if not clean(text):
        raise InputError("There are no words to read.")

    async def read() -> Reading:
        started = perf_counter()
        try:
            async with asyncio.timeout(timeout):
                await engine.check()
                return await engine.read(text, timeout)
        except TimeoutError:
            elapsed = round(1000 * (perf_counter() - started))
            return Reading(None, f"timeout_after_{timeout:g}s", elapsed, attempts=1)
        finally:
            await engine.close()

    return asyncio.run(read())


def pasted(text: str | None) -> str:
    """Return a ticket's text from an argument, a file or standard input.

    Raises InputError if the text looks like a file name but no such file exists, or is too long.
    """
    if text is None or text == "-":
        return _one_ticket(sys.stdin.buffer, "standard input")
    path = Path(text)
    if is_file(path):
        try:
            with path.open("rb") as file:
                return _one_ticket(file, str(path))
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error
    if len(text.split()) == 1 and ("/" in text or path.suffix in _TEXT_SUFFIXES):
        raise InputError(f"There is no file {text}.")
    return text


def _one_ticket(file: BinaryIO, name: str) -> str:
    content = file.read(_LONGEST_TICKET + 1)
    if len(content) > _LONGEST_TICKET:
        raise InputError(
            f"{name} holds over {_LONGEST_TICKET:,} bytes; a ticket is shorter. "
            "For a file of many tickets use make enrich TICKETS=<file.csv>."
        )
    return content.decode(errors="replace")
