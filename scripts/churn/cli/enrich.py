"""The commands that let a local language model read tickets."""

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from churn.cli.arguments import expanded_path, expanded_text, limit_of
from churn.project import Project
from churn.project.options import DEFAULT_MODEL
from churn.terminal import output_console, plain
from churn.terminal.errors import ChurnError, InputError

if TYPE_CHECKING:
    from churn.enrich.engine import Engine

Model = Annotated[
    str,
    typer.Option(help="The model, as Ollama calls it; `llama3.1:8b` is slower and reads better."),
]
Timeout = Annotated[
    float, typer.Option(min=1, max=86_400, help="Seconds a ticket may take, all in all.")
]
Concurrency = Annotated[int, typer.Option(min=1, max=64, help="How many at a time.")]
AllowRemote = Annotated[
    bool, typer.Option("--allow-remote", help="Let the text of tickets leave this machine.")
]


def enrich(
    limit: Annotated[
        str, typer.Option(help="How many messages, the newest first; `all` for all.")
    ] = "50",
    timeout: Timeout = 60,
    model: Model = DEFAULT_MODEL,
    concurrency: Concurrency = 2,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only messages from that day on.")
    ] = None,
    tickets: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|NAME",
            callback=expanded_text,
            help="Any other file of tickets. It is copied to `data/tickets`; later, its name is "
            "enough. A name with blanks or special characters gets a short hash.",
        ),
    ] = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Read again what is known.")] = False,
    allow_remote: AllowRemote = False,
) -> None:
    """Let a local language model read what customers wrote.

    Asks an Ollama server on this machine (`OLLAMA_HOST`), stores every answer in `data/enrichment/`
    and rebuilds what depends on the answers. You can stop it at any time: run the same command to
    continue.
    """
    from churn.enrich.commands import enrich as enrich_tickets

    project, console = Project(), output_console()
    enrich_tickets(
        project,
        console,
        _ollama(model, allow_remote),
        tickets=tickets,
        limit=limit_of(limit),
        timeout=timeout,
        concurrency=concurrency,
        since=since,
        refresh=refresh,
    )


def tickets_() -> None:
    """List the ticket files that `enrich --tickets` can read by name."""
    from churn.enrich.commands import list_tickets

    list_tickets(Project(), output_console())


def clear_enrichment() -> None:
    """Hide all answers so far, also from scores. Deletes nothing; `enrich` brings them back."""
    from churn.enrich.commands import clear

    clear(Project(), output_console())


def analyze(
    ticket: Annotated[
        str | None,
        typer.Argument(
            callback=expanded_text, help="The text, the name of a file, or `-` for standard input."
        ),
    ] = None,
    timeout: Timeout = 60,
    model: Model = DEFAULT_MODEL,
    allow_remote: AllowRemote = False,
) -> None:
    """Let the model read one ticket, and print the answer as JSON. Stores nothing."""
    from churn.enrich.commands import analyze as read_one
    from churn.enrich.commands import pasted

    engine = _ollama(model, allow_remote)
    reading = read_one(pasted(ticket), engine, timeout)
    if reading.answer is None:
        raise ChurnError(f"The ticket could not be read: {reading.error}.")
    console = output_console()
    # JSON can escape characters that the terminal cannot show
    console.print_json(
        reading.answer.model_dump_json(), ensure_ascii=not console.encoding.startswith("utf")
    )


def evaluate_enrichment(
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            callback=expanded_path,
            help="Messages with any of the columns churn_intent, category, sentiment. Without it: "
            "messages of a generated company, whose truth is known.",
        ),
    ] = None,
    limit: Annotated[str, typer.Option(help="How many messages; `all` for all.")] = "100",
    timeout: Timeout = 60,
    model: Model = DEFAULT_MODEL,
    concurrency: Concurrency = 2,
    allow_remote: AllowRemote = False,
) -> None:
    """Measure how well the model reads, on messages whose meaning is known."""
    from churn.enrich.commands import evaluate_engine

    project, console = Project(), output_console()
    evaluate_engine(
        project,
        console,
        _ollama(model, allow_remote),
        labels=labels,
        limit=limit_of(limit),
        timeout=timeout,
        concurrency=concurrency,
    )


def _ollama(model: str, allow_remote: bool) -> "Engine":
    import httpx

    # the package reads OLLAMA_HOST at import, and fails if it is not an address
    try:
        from churn.enrich.ollama import OllamaEngine
    except (ValueError, httpx.InvalidURL) as error:
        host = plain(os.environ.get("OLLAMA_HOST", ""), 100)
        raise InputError(
            f"OLLAMA_HOST is {host}, which is no address. Write it as http://127.0.0.1:11434."
        ) from error
    return OllamaEngine(model=model, allow_remote=allow_remote)
