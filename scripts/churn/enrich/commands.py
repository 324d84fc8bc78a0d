"""What `churn enrich` and its companions do, once their options are parsed."""

import asyncio
import sys
from datetime import datetime
from decimal import Decimal
from pathlib import Path

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

from churn.dbt import built_from, rebuild
from churn.enrich.batch import Batch, read_all
from churn.enrich.engine import Engine, EngineUnavailable, Reading
from churn.enrich.evaluate import evaluate, keep, labelled_messages, measures
from churn.enrich.messages import read_messages
from churn.enrich.results import Results
from churn.enrich.sources import kept_files, open_source
from churn.errors import ChurnError
from churn.project import Project
from churn.terminal import plain, plain_text, progress_bar
from churn.warehouse import reading

# what shows or scores a result, in dbt's words
ENRICHED_MODELS = tuple(
    f"stg_store__enrichment_{table}+" for table in ("results", "runs", "markers", "evaluations")
)


def enrichment(project: Project) -> Results:
    """What has been read so far."""
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
    """Read messages with the engine, keep the results, build what depends on them, and say so.

    Raises EngineUnavailable, once, when the server or the model is not there or goes away, and
    KeyboardInterrupt when it was stopped; what was read until then is kept and built.
    """
    # the other allocators keep what a large file took
    pa.set_memory_pool(pa.system_memory_pool())
    with (
        open_source(project, built_from(project), tickets) as source,
        enrichment(project).held(),
        _reading_bar(console) as bar,
    ):
        console.print(
            plain(
                f"Reading {source.name} with {engine.model}; the words are in: "
                f"{', '.join(source.text_columns)}."
            ),
            markup=False,
            highlight=False,
        )
        task = bar.add_task("read", total=min(limit or source.rows, source.rows), rate="")

        def progress(batch: Batch) -> None:
            finished = batch.done + batch.cached + batch.timed_out + batch.failed
            speed = bar.tasks[task].speed
            bar.update(task, completed=finished, rate=f"{speed:.1f}/s" if speed else "")

        async def read() -> tuple[Batch, str | None, EngineUnavailable | None]:
            await engine.check()
            batch = await read_all(
                read_messages(source.file, source.text_columns, since=since),
                engine,
                enrichment(project),
                source_file=source.name,
                is_from_data=source.is_from_data,
                limit=limit,
                timeout=timeout,
                concurrency=concurrency,
                refresh=refresh,
                progress=progress,
            )
            gone = await _why_gone(batch, engine)
            device = await engine.device()
            await engine.close()
            return batch, device, gone

        batch, device, gone = asyncio.run(read())
    try:
        if batch.stored:
            rebuild(project, console, ENRICHED_MODELS)
    finally:
        _print_summary(project, batch, engine, device, timeout, console)
    if gone is not None:
        raise gone
    if batch.was_stopped:
        raise KeyboardInterrupt


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


async def _why_gone(batch: Batch, engine: Engine) -> EngineUnavailable | None:
    """The engine's own words for the outage that ended the run; None where there was none."""
    if batch.outage is None:
        return None
    try:
        await engine.check()
    except EngineUnavailable as error:
        return error
    return EngineUnavailable(
        f"The server was gone for a moment ({batch.outage}). The same command goes on where this "
        "one ended."
    )


def _print_summary(
    project: Project,
    batch: Batch,
    engine: Engine,
    device: str | None,
    timeout: float,
    console: Console,
) -> None:
    linked = _linked(project, batch, engine)
    grid = Table.grid(padding=(0, 2))
    model = plain_text(f"{batch.done:,} ({engine.model}, {device or 'device not known'})")
    grid.add_row("Read", model)
    grid.add_row("Known already", f"{batch.cached:,}")
    grid.add_row("Timed out", f"{batch.timed_out:,}")
    grid.add_row("Failed otherwise", f"{batch.failed:,}")
    grid.add_row("Linked to customers", "not known" if linked is None else f"{linked:,}")
    grid.add_row("Cancellation intents found", f"{batch.intents:,}")
    console.print(grid)
    if batch.timed_out:
        console.print(
            f"Tickets that took over {timeout:g} seconds were given up. What helps: a longer "
            "TIMEOUT, a smaller LIMIT, or a smaller MODEL."
        )
    if batch.message_ids and linked == 0:
        console.print(
            "No key of these messages names a customer: they are shown in marts.ticket_insights "
            "and never scored."
        )
    if batch.was_stopped:
        console.print("Stopped. The same command goes on where this one ended.")


_LINKED = """
    select count(*) as messages
    from marts.ticket_insights
    inner join read_now using (message_id)
    where engine = $engine and link_level != 'unlinked'
"""


def _linked(project: Project, batch: Batch, engine: Engine) -> int | None:
    """How many messages of the run belong to a customer; None where nothing has been built."""
    try:
        with reading(project) as warehouse:
            ids = pa.table({"message_id": pa.array(batch.message_ids, pa.string())})
            warehouse.connection.register("read_now", ids)
            [row] = warehouse.select(_LINKED, engine=engine.name)
            return int(row["messages"])
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
    """Read labelled messages, print how well that went, and keep the figures."""
    with (
        labelled_messages(project, labels, limit) as (name, messages),
        progress_bar(console, "Reading") as progress,
    ):
        readings = evaluate(
            engine, messages, timeout=timeout, concurrency=concurrency, progress=progress
        )
    figures = measures(messages, readings)
    keep(project, engine, name, figures)
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
    """Read one ticket. Raises EngineUnavailable when the server or the model is not there."""

    async def read() -> Reading:
        await engine.check()
        reading = await engine.read(text, timeout)
        await engine.close()
        return reading

    return asyncio.run(read())


def pasted(text: str | None) -> str:
    """A ticket as an argument, the name of a file, or standard input."""
    if text is None or text == "-":
        return sys.stdin.read()
    try:
        is_file = Path(text).is_file()
    except (OSError, ValueError):  # too long, or a null byte: no name of a file
        return text
    return Path(text).read_text(encoding="utf-8", errors="replace") if is_file else text
