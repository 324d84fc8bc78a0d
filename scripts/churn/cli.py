"""The `churn` command: thin wrappers; `churn --help` is the manual."""

import difflib
import os
import re
import shlex
import sys
from collections.abc import Sequence
from datetime import datetime, time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
import yaml
from rich.console import Console

from churn.crash import details_of, was_refused
from churn.errors import ChurnError, InputError
from churn.options import (
    DEFAULT_ACCOUNTS,
    DEFAULT_CAPACITY,
    DEFAULT_KNOWN_ACCOUNTS,
    DEFAULT_MODEL,
    DEFAULT_PORT,
    DEFAULT_SEED,
    DEFAULT_UNTIL,
    EXPORT_FORMATS,
    FEWEST_USAGE_ROWS,
    FileFormat,
    Level,
    Signal,
)
from churn.paths import expand_settings, expanded, given
from churn.project import Project
from churn.terminal import (
    output_console,
    plain,
    plain_lines,
    progress_bar,
    replace_unknown_characters,
)

# A command imports what it works with when it runs: all of it together takes longer to load than
# most commands take.
if TYPE_CHECKING:
    from churn.enrich.engine import Engine
    from churn.generate import Summary

app = typer.Typer(
    help="Five SaaS tables in, who to call first out. Run it in the project's folder.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)

_LOOK = "A run with --vars is a look"
_OLDER = "The scores of {}, a later date, are on record"
_NOT_RECORDED = (
    "{}: its own scores were not recorded. To record them, add --record (make: RECORD=1)."
)


def _expanded(path: Path | None) -> Path | None:
    return None if path is None else given(path)


def _expanded_text(text: str | None) -> str | None:
    return text and (str(expanded(Path(text))) if text.startswith("~") else text)


LAST_DAY = datetime.combine(DEFAULT_UNTIL, time.min)

Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="FOLDER|ZIP",
        callback=_expanded,
        help="Load these files first and build from them. Without it: the data of "
        "`CHURN_DATA_DIR` where that is set, else the bundled sample.",
    ),
]
Partial = Annotated[
    bool,
    typer.Option("--partial", help="Replace only the tables that are given; keep the others."),
]
Variables = Annotated[
    str,
    typer.Option(
        "--vars",
        metavar="YAML",
        help="Variables of `dbt_project.yml`, such as "
        "`{as_of_date: 2026-06-30, risk_ruleset: basic}`.",
    ),
]


@app.command()
def run(
    data: Data = None,
    partial: Partial = False,
    variables: Variables = "{}",
    full_refresh: Annotated[
        bool,
        typer.Option(
            "--full-refresh",
            help="Read every row again, those too that came too late to be added.",
        ),
    ] = False,
    record: Annotated[
        bool,
        typer.Option(
            "--record",
            help="Record the scores of a look, too: of a run with --vars or of an older export.",
        ),
    ] = False,
) -> None:
    """Build everything and print who to call first.

    Reads the bundled sample, or your own data with `--data`. The result is in the DuckDB file
    `warehouse/churn.duckdb` (or `CHURN_WAREHOUSE`). The first scores of each as-of date are kept
    for good in `data/published/` (or `CHURN_STORE_DIR`). A run with `--vars`, or of an as-of date
    before the last one on record, is a look: it records nothing without `--record`.
    """
    from churn.dbt import build
    from churn.load import recover
    from churn.publish import PUBLISHED_MODELS, later_date, publish
    from churn.show import show as show_list

    project, console = Project(), output_console()
    settings = _parsed_variables(project, variables)
    if partial and data is None:
        raise InputError("--partial says which tables to replace; it needs --data.")
    if data is not None:
        data_dir: Path | None = _load(project, console, data, partial)
    else:
        recover(project.load_dir)
        data_dir = project.data_dir
    _say_what_is_built(project, console, data_dir)
    build(project, console, data_dir=data_dir, variables=settings, full_refresh=full_refresh)
    look = ""
    if settings and not record:
        look = _LOOK
    elif not record and (later := later_date(project)):
        look = _OLDER.format(later)
    if not look and publish(project):
        build(project, console, data_dir=data_dir, variables=settings, models=PUBLISHED_MODELS)
    show_list(project, console)
    if look:
        console.print(_NOT_RECORDED.format(look), markup=False, highlight=False, soft_wrap=True)


@app.command("publish")
def publish_warehouse(
    replace: Annotated[
        bool, typer.Option("--replace", help="Let the bundled sample replace your data, too.")
    ] = False,
) -> None:
    """Copy the last build to a read-only file that people query while the next one is built.

    It goes to `build/published/churn.duckdb` (or `CHURN_PUBLISHED_WAREHOUSE`) and holds the schemas
    marts, quality, enrichment and config. A new copy takes the place of the old one all at once:
    who has the old one open goes on reading it.
    """
    from churn.published_warehouse import publish_warehouse as publish_copy

    project, console = Project(), output_console()
    with progress_bar(console, "Publishing") as progress:
        copy = publish_copy(project, progress, replace=replace)
    before = f" It takes the place of {copy.replaced.name}." if copy.replaced else ""
    look = yaml.safe_dump(dict(copy.variables), default_flow_style=True, width=10_000).strip()
    built_with = f" It was built with --vars {plain(look)}." if copy.variables else ""
    console.print(
        f"{copy.tables} tables of {copy.content.name} are in {project.published_warehouse}, "
        f"{copy.size / 1e6:,.1f} MB, read-only.{built_with}{before}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


@app.command()
def show(
    svg: Annotated[
        Path | None, typer.Option(callback=_expanded, help="Save the page as a picture, too.")
    ] = None,
) -> None:
    """Print the at-risk list of the last build again."""
    from churn.show import show as show_list

    show_list(Project(), output_console(record=svg is not None), svg)


@app.command("list")
def list_(
    capacity: Annotated[
        int, typer.Option(min=1, help="How many calls there is time for.")
    ] = DEFAULT_CAPACITY,
    plan: Annotated[
        str | None, typer.Option(help="Only accounts with a customer at risk of this plan.")
    ] = None,
    level: Annotated[
        Level | None,
        typer.Option(case_sensitive=False, help="Only accounts with a customer at this level."),
    ] = None,
    min_arr: Annotated[
        float | None, typer.Option(min=0, help="Only accounts with at least so much ARR at risk.")
    ] = None,
    churned: Annotated[
        bool, typer.Option("--churned", help="Only accounts that had a churn event.")
    ] = False,
    owner: Annotated[
        str | None, typer.Option(help="Only accounts whose next step is this person's or role's.")
    ] = None,
) -> None:
    """Print the week's calls, one row a company, headed by what has changed in a week.

    Reads the last build; what was logged since is built first.
    """
    from churn.call_list import Filters, show_calls
    from churn.dbt import build_what_was_logged

    project, console = Project(), output_console()
    build_what_was_logged(project, console)
    least = None if min_arr is None else Decimal(str(min_arr))
    filters = Filters(plan, level, least, churned, owner)
    show_calls(project, console, capacity, filters)


@app.command()
def export(
    customer: Annotated[
        str | None, typer.Option(help="Only this customer; its files get a folder of their own.")
    ] = None,
    formats: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="NAMES",
            help=f"Only these, with commas between them: {', '.join(EXPORT_FORMATS)}.",
        ),
    ] = "",
) -> None:
    """Write the list, its plans and drafts to files that other tools take.

    They go to `exports/<as-of date>/` (or `CHURN_EXPORT_DIR`): CSV, a workbook to work in, tasks
    for HubSpot and Salesforce, notes, a page a customer, a digest of the week. What was logged
    since the last build is built first.
    """
    from churn.dbt import build_what_was_logged
    from churn.export.commands import export_files

    project, console = Project(), output_console()
    chosen = _formats(formats)
    build_what_was_logged(project, console)
    export_files(project, console, customer=customer, formats=chosen)


@app.command()
def explain(
    customer: Annotated[str, typer.Argument(help="The customer: the id of a subscription.")],
    at: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="As of another date, from the rows known by then. By default the last build's.",
        ),
    ] = None,
) -> None:
    """Print where a customer's score comes from: every rule, what it missed by, and the rows.

    Any customer, at risk or not, active or ended. Reads the last build; another date is built in a
    temporary place, and the warehouse stays as it is.
    """
    from churn.explain import explain as explain_score

    explain_score(Project(), output_console(), customer=customer, at=at.date() if at else None)


@app.command()
def backtest(
    oracle: Annotated[
        bool,
        typer.Option(
            "--oracle",
            help="Judge the rule sets on generated data instead, beside an oracle that knows the "
            "true chance of every customer to leave. Your data is left alone.",
        ),
    ] = False,
    accounts: Annotated[
        int | None,
        typer.Option(
            min=1, help=f"With --oracle: how many companies ({DEFAULT_KNOWN_ACCOUNTS:,})."
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help=f"With --oracle: another company ({DEFAULT_SEED}).")
    ] = None,
    signal: Annotated[
        Signal | None,
        typer.Option(help="With --oracle: how much of the churn the data explains (strong)."),
    ] = None,
) -> None:
    """Print whether the warnings of the past came true.

    The scores of past Sundays, from the rows known by then, against who left within 90 days
    (`backtest_horizon_days`), for every rule set. Reads the last build, or builds first.
    """
    from churn.backtest import show_backtest, show_comparison
    from churn.known_truth import compare

    project, console = Project(), output_console()
    if oracle:
        comparison = compare(
            console,
            accounts=DEFAULT_KNOWN_ACCOUNTS if accounts is None else accounts,
            seed=DEFAULT_SEED if seed is None else seed,
            signal=signal or "strong",
        )
        show_comparison(comparison, console)
        return
    if (accounts, seed, signal) != (None, None, None):
        raise InputError(
            "--accounts, --seed and --signal say what to generate; they need --oracle."
        )
    _build_once(project, console)
    show_backtest(project, console)


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


@app.command()
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
            callback=_expanded_text,
            help="Any other file of tickets; it is copied to `data/tickets` and known by its name "
            "from then on. A name with blanks or the like gets a short hash.",
        ),
    ] = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Read again what is known.")] = False,
    allow_remote: AllowRemote = False,
) -> None:
    """Have a local language model read what customers wrote.

    Asks an Ollama server on this machine (`OLLAMA_HOST`), keeps every answer in `data/enrichment/`
    and builds what depends on it. Stop it at any time: the same command goes on where it ended.
    """
    from churn.enrich.commands import enrich as enrich_tickets

    project, console = Project(), output_console()
    enrich_tickets(
        project,
        console,
        _ollama(model, allow_remote),
        tickets=tickets,
        limit=_limit(limit),
        timeout=timeout,
        concurrency=concurrency,
        since=since,
        refresh=refresh,
    )


@app.command("tickets")
def tickets_() -> None:
    """List the ticket files that `enrich --tickets` can read by name."""
    from churn.enrich.commands import list_tickets

    list_tickets(Project(), output_console())


@app.command()
def clear_enrichment() -> None:
    """Show and score nothing of what was read so far. Deletes nothing; `enrich` brings it back."""
    from churn.enrich.commands import clear

    clear(Project(), output_console())


@app.command()
def analyze(
    ticket: Annotated[
        str | None,
        typer.Argument(
            callback=_expanded_text, help="The text, the name of a file, or `-` for standard input."
        ),
    ] = None,
    timeout: Timeout = 60,
    model: Model = DEFAULT_MODEL,
    allow_remote: AllowRemote = False,
) -> None:
    """Have the model read one ticket, and print what it says as JSON. Nothing is kept."""
    from churn.enrich.commands import analyze as read_one
    from churn.enrich.commands import pasted

    engine = _ollama(model, allow_remote)
    reading = read_one(pasted(ticket), engine, timeout)
    if reading.answer is None:
        raise ChurnError(f"The ticket could not be read: {reading.error}.")
    console = output_console()
    # JSON has a way to write what a terminal cannot show
    console.print_json(
        reading.answer.model_dump_json(), ensure_ascii=not console.encoding.startswith("utf")
    )


@app.command()
def evaluate_enrichment(
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            callback=_expanded,
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
    """Say how well the model reads, on messages whose meaning is known."""
    from churn.enrich.commands import evaluate_engine

    project, console = Project(), output_console()
    evaluate_engine(
        project,
        console,
        _ollama(model, allow_remote),
        labels=labels,
        limit=_limit(limit),
        timeout=timeout,
        concurrency=concurrency,
    )


@app.command()
def load(
    data: Annotated[
        Path,
        typer.Argument(metavar="FOLDER|ZIP", callback=_expanded, help="Where your files are."),
    ],
    partial: Partial = False,
) -> None:
    """Check your files and load them, without building.

    Finds accounts, subscriptions, feature_usage, churn_events, support_tickets and, optionally,
    ticket_messages as .csv or .parquet, at any depth and with any prefix, and writes one Parquet
    file a table to `data/saas/` (or `CHURN_DATA_DIR`). The previous load stays until the new one is
    complete.
    """
    project, console = Project(), output_console()
    load_dir = _load(project, console, data, partial)
    console.print(f"Next: {_build_command(load_dir)}", markup=False, highlight=False)


@app.command()
def watch(data: Data = None, variables: Variables = "{}") -> None:
    """Rebuild whenever the files change; Ctrl-C ends it.

    With `--data` it watches your files, loads and builds; without it watches the loaded data.
    """
    from churn.dbt import build
    from churn.show import show as show_list
    from churn.watch import watch as watch_files

    project, console = Project(), output_console()
    settings = _parsed_variables(project, variables)

    def reload() -> None:
        if data is not None:
            _load(project, console, data, partial=False)

    def rebuild() -> None:
        build(project, console, data_dir=project.load_dir, variables=settings)
        show_list(project, console)

    watch_files(project, source=data, reload=reload, rebuild=rebuild)


OnCluster = Annotated[
    bool, typer.Option("--cluster", help="On the cluster whose address is `SPARK_MASTER`.")
]


@app.command()
def spark(
    data: Data = None,
    partial: Partial = False,
    variables: Variables = "{}",
    cluster: OnCluster = False,
    untested: Annotated[
        bool, typer.Option("--untested", help="Leave out the tests of the data.")
    ] = False,
) -> None:
    """Build everything on Apache Spark: the same tables, with the same rows.

    For data that one machine does not hold. The tables are Parquet files in
    `target/spark/warehouse` (or `CHURN_SPARK_DIR`). `CHURN_DATA_DIR` may be any address that Spark
    can read, such as `s3a://bucket/saas`.
    """
    from churn.spark import build_on_spark, spark_dir

    project, console = Project(), output_console()
    settings = _parsed_variables(project, variables)
    if partial and data is None:
        raise InputError("--partial says which tables to replace; it needs --data.")
    if data is not None:
        data_dir: str | None = str(_load(project, console, data, partial))
    else:
        data_dir = _spark_data(project, console, "spark")
    with build_on_spark(
        project,
        console,
        on_cluster=cluster,
        data_dir=data_dir,
        variables=settings,
        tested=not untested,
    ):
        pass
    console.print(
        f"Built with Spark: the tables are in {spark_dir() / 'warehouse'}. "
        "To compare them with DuckDB's: make parity",
        markup=False,
        highlight=False,
    )


@app.command()
def parity(
    data: Data = None,
    variables: Variables = "{}",
    cluster: OnCluster = False,
) -> None:
    """Build on DuckDB and on Spark, and compare every table: row by row and type by type.

    Exit code 1 if any row differs. Files are loaded, and both are built, in a folder of their own,
    which is gone afterwards.
    """
    from churn.dbt import build
    from churn.spark import build_on_spark, compare_engines, print_comparisons
    from churn.temporary import temporary_place

    project, console = Project(), output_console()
    settings = _parsed_variables(project, variables)
    data_dir = None if data is not None else _spark_data(project, console, "parity")
    with temporary_place("churn-parity-") as place:
        if data is not None:
            os.environ["CHURN_DATA_DIR"] = str(place / "saas")
            data_dir = str(_load(project, console, data, partial=False))
        build(
            project,
            console,
            data_dir=Path(data_dir) if data_dir else None,
            variables=settings,
            tested=False,
        )
        os.environ["CHURN_SPARK_DIR"] = str(place / "spark")
        with build_on_spark(
            project,
            console,
            on_cluster=cluster,
            data_dir=data_dir,
            variables=settings,
            tested=False,
        ) as session:
            comparisons = compare_engines(project, session, place / "views")
    print_comparisons(comparisons, console)
    if any(comparison.first for comparison in comparisons):
        raise ChurnError("DuckDB and Spark do not give the same rows.")


@app.command()
def generate(
    out: Annotated[
        Path,
        typer.Option(
            callback=_expanded, help="Folder to write to; the truth goes to its `truth/`."
        ),
    ],
    accounts: Annotated[int, typer.Option(min=1, help="How many companies.")] = DEFAULT_ACCOUNTS,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same bytes.")] = DEFAULT_SEED,
    signal: Annotated[
        Signal,
        typer.Option(help="How much of the churn the data explains; null: nothing."),
    ] = "strong",
    file_format: Annotated[FileFormat, typer.Option("--format")] = "csv",
    until: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="Last day of the data.")
    ] = LAST_DAY,
    faults: Annotated[
        bool,
        typer.Option(
            help="Plant some two dozen faulty rows; with --usage-rows one in 10,000 of each kind."
        ),
    ] = True,
    usage_rows: Annotated[
        int | None,
        typer.Option(
            min=FEWEST_USAGE_ROWS,
            help="Instead of --accounts: a company of any size, 50 usage rows a customer, in the "
            "order in which they came in; without truth and messages. To measure with.",
        ),
    ] = None,
    more_days: Annotated[
        int,
        typer.Option(
            min=0,
            help="With --usage-rows: the same company so many days after --until; what came "
            "since stands below the same rows.",
        ),
    ] = 0,
) -> None:
    """Make sample data whose churn has a known cause, for trying, testing and judging scores."""
    console = output_console()
    if usage_rows is not None:
        from churn.generate.volume import VolumeRequest, generate_volume

        if (accounts, signal) != (DEFAULT_ACCOUNTS, "strong"):
            raise InputError("--accounts and --signal do not go with --usage-rows.")
        request = VolumeRequest(
            usage_rows,
            more_days=more_days,
            seed=seed,
            file_format=file_format,
            faults=faults,
            until=until.date(),
        )
        with progress_bar(console, "Generating") as progress:
            summary = generate_volume(out, request, progress=progress)
        _print_generated(summary, console)
        return
    if more_days:
        raise InputError("--more-days needs --usage-rows.")
    from churn.generate import generate as generate_data

    with progress_bar(console, "Generating") as progress:
        summary = generate_data(
            out,
            accounts=accounts,
            seed=seed,
            signal=signal,
            file_format=file_format,
            faults=faults,
            until=until.date(),
            progress=progress,
        )
    _print_generated(summary, console)


@app.command()
def sample() -> None:
    """Make the bundled sample in `seeds/saas` again: `generate` with its defaults."""
    from churn.generate import write_seeds

    console = output_console()
    _print_generated(write_seeds(Path("seeds/saas")), console)


@app.command()
def docs() -> None:
    """Write the data dictionary, every table and column, as one page that needs no network."""
    from churn.dbt import write_docs

    project, console = Project(), output_console()
    _build_once(project, console)
    page = write_docs(project)
    console.print(f"The data dictionary is {page}", markup=False, highlight=False)


reports = typer.Typer(
    help="The published reports: pages of the marts for leadership and customer success.",
    invoke_without_command=True,
    rich_markup_mode="markdown",
)
app.add_typer(reports, name="reports")

Port = Annotated[int, typer.Option(min=1, max=65535, help="The port on this machine.")]


@reports.callback()
def reports_build(
    context: typer.Context,
    base_path: Annotated[
        str,
        typer.Option(
            metavar="/PATH",
            help="The path of the web server below which the site is to be published.",
        ),
    ] = "",
) -> None:
    """Build the pages of the reports from the last build, to be published by any web server.

    They go to `build/reports/` (or `CHURN_REPORTS_DIR`) and ask no other host for anything. Needs
    Node; its packages are installed once. What was logged since the last build is built first.
    """
    if context.invoked_subcommand is not None:
        return
    from churn.reports.commands import build_reports

    build_reports(Project(), output_console(), base_path)


@reports.command("serve")
def reports_serve(port: Port = DEFAULT_PORT) -> None:
    """Serve the built pages on this machine, and to nobody else; Ctrl-C ends it."""
    from churn.reports.commands import serve_reports

    serve_reports(Project(), output_console(), port)


@reports.command("dev")
def reports_dev(port: Port = DEFAULT_PORT) -> None:
    """Serve the pages as you edit them in `reports/pages`; Ctrl-C ends it."""
    from churn.reports.commands import develop_reports

    develop_reports(Project(), output_console(), port)


@reports.command("pdf")
def reports_pdf() -> None:
    """Print the executive page to `build/reports.pdf`. Needs Chromium."""
    from churn.reports.commands import print_reports

    print_reports(Project(), output_console())


@reports.command("screenshots")
def reports_screenshots() -> None:
    """Take the pictures of the documentation again, of the bundled sample. Needs Chromium."""
    from churn.reports.commands import photograph_reports

    photograph_reports(output_console())


outcome = typer.Typer(
    help="Log what was done about customers at risk, and what came of it.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
app.add_typer(outcome, name="outcome")

Customer = Annotated[str, typer.Argument(help="The customer: the id of a subscription.")]
Note = Annotated[str | None, typer.Option(help="Anything worth knowing, 2,000 characters at most.")]
By = Annotated[str | None, typer.Option(help="Who says so. By default the user of this session.")]


@outcome.command("add")
def outcome_add(
    customer: Customer,
    what: Annotated[
        str,
        typer.Argument(
            metavar="OUTCOME",
            help="contacted, meeting_scheduled, issue_resolved, renewed, downgraded, cancelled or "
            "no_response.",
        ),
    ],
    note: Note = None,
    by: By = None,
    at: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The day on which it happened. By default today."),
    ] = None,
    corrects: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="The row that this one replaces, as `outcome list` names it."
        ),
    ] = None,
) -> None:
    """Log one outcome.

    Outcomes are records: they are shown beside the customer and never change a score. They are kept
    in `data/outcomes/` (or `CHURN_STORE_DIR`), and the next build shows them.
    """
    from churn.outcomes import commands

    commands.add(
        Project(),
        output_console(),
        customer=customer,
        what=what,
        note=note,
        by=by,
        at=at.date() if at else None,
        corrects=corrects,
    )


@outcome.command("snooze")
def outcome_snooze(
    customer: Customer,
    until: Annotated[
        datetime,
        typer.Argument(formats=["%Y-%m-%d"], help="The last day of it."),
    ],
    note: Note = None,
    by: By = None,
) -> None:
    """Put a customer last on the list, up to and including a day. `retract` ends it early."""
    from churn.outcomes import commands

    commands.snooze(
        Project(), output_console(), customer=customer, until=until.date(), note=note, by=by
    )


@outcome.command("not-a-risk")
def outcome_not_a_risk(
    customer: Customer,
    reason: Annotated[str, typer.Argument(help="Why the rules are wrong about the customer.")],
    by: By = None,
) -> None:
    """Log a false alarm; `marts.false_alarms` counts them by rule. The score stays."""
    from churn.outcomes import commands

    commands.not_a_risk(Project(), output_console(), customer=customer, reason=reason, by=by)


@outcome.command("retract")
def outcome_retract(
    outcome_id: Annotated[
        str, typer.Argument(metavar="ID", help="The row, as `outcome list` names it.")
    ],
    note: Note = None,
    by: By = None,
) -> None:
    """Take back what was logged by mistake; it stays in the log and counts no more."""
    from churn.outcomes import commands

    commands.retract(Project(), output_console(), outcome_id=outcome_id, note=note, by=by)


@outcome.command("list")
def outcome_list(
    customer: Annotated[
        str | None, typer.Argument(help="Only of this customer.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many rows.")] = 20,
) -> None:
    """Print what was logged, the newest first; what was corrected says by which row."""
    from churn.outcomes import commands

    commands.list_outcomes(Project(), output_console(), customer=customer, limit=limit)


@outcome.command("import")
def outcome_import(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", callback=_expanded, help="A CSV file or a workbook."),
    ],
    by: By = None,
) -> None:
    """Log many outcomes from a CSV file or a workbook, such as the one that `churn export` writes.

    Its columns: customer_id, outcome, and optionally note, by, at (a date) and row_key; others are
    ignored. Good rows are stored all at once, bad ones are listed. Importing a file again stores
    nothing new: a row is known by its row_key, else by what it says. So give rows a date: without
    one, the same words about the same customer count once for good.
    """
    from churn.outcomes import commands

    commands.import_file(Project(), output_console(), file, by=by)


def main() -> None:
    """Run the command; an error is one message on standard error and an exit code (1 or 2)."""
    replace_unknown_characters()
    expand_settings()
    try:
        app(prog_name="churn")
    except ChurnError as error:
        _fail(error)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        # a fault of this program shows where it is
        if not was_refused(error):
            raise
        _fail(ChurnError(details_of(error)))


def _fail(error: ChurnError) -> NoReturn:
    Console(stderr=True).print(
        f"Error: {plain_lines(error)}",
        markup=False,
        highlight=False,
        style="red",
        # what is to be copied stays in one piece
        soft_wrap=True,
    )
    sys.exit(error.exit_code)


def _ollama(model: str, allow_remote: bool) -> "Engine":
    import httpx

    # the package reads OLLAMA_HOST when it is imported, and fails where that is no address
    try:
        from churn.enrich.ollama import OllamaEngine
    except (ValueError, httpx.InvalidURL) as error:
        host = plain(os.environ.get("OLLAMA_HOST", ""), 100)
        raise InputError(
            f"OLLAMA_HOST is {host}, which is no address. Write it as http://127.0.0.1:11434."
        ) from error
    return OllamaEngine(model=model, allow_remote=allow_remote)


def _load(project: Project, console: Console, data: Path, partial: bool) -> Path:
    from churn.load import load as load_files
    from churn.load import print_summary

    with progress_bar(console, "Loading") as progress:
        summary = load_files(data, project, partial=partial, progress=progress)
    print_summary(summary, console)
    return project.load_dir


def _spark_data(project: Project, console: Console, command: str) -> str | None:
    """What was loaded before: a folder or an address, None for the bundled sample."""
    from churn.load import recover

    address = os.environ.get("CHURN_DATA_DIR")
    # the loader knows folders only
    if not address or "://" not in address:
        recover(project.load_dir)
        _say_what_is_built(project, console, project.data_dir, command)
    return address or None


def _build_once(project: Project, console: Console) -> None:
    """Build if there is no warehouse yet."""
    from churn.dbt import build

    if not project.warehouse.is_file():
        _say_what_is_built(project, console, project.data_dir)
        build(project, console, data_dir=project.data_dir)


def _print_generated(summary: "Summary", console: Console) -> None:
    rows = ", ".join(f"{count:,} {table}" for table, count in summary.rows.items())
    console.print(f"Wrote to {summary.folder}: {rows}", markup=False, highlight=False)
    if summary.truth:
        console.print(f"The truth is in {summary.truth}", markup=False, highlight=False)
    if summary.oracle_auc is not None:
        console.print(f"AUC of an oracle that knows it: {summary.oracle_auc:.3f}", highlight=False)


def _build_command(data_dir: Path, command: str = "run") -> str:
    return f"CHURN_DATA_DIR={shlex.quote(str(data_dir))} make {command}"


def _say_what_is_built(
    project: Project, console: Console, data_dir: Path | None, command: str = "run"
) -> None:
    if data_dir is not None:
        console.print(f"Building from the data in {data_dir}.", markup=False, highlight=False)
        return
    console.print("Building the bundled sample: an invented company.")
    if project.load_dir.is_dir():
        console.print(
            f"Your own data in {project.load_dir} is left alone; "
            f"to build from it: {_build_command(project.load_dir, command)}",
            markup=False,
            highlight=False,
        )


def _formats(text: str) -> list[str]:
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in EXPORT_FORMATS]
    if unknown:
        raise InputError(
            f"There is no format {plain(', '.join(unknown))}; there are: "
            f"{', '.join(EXPORT_FORMATS)}."
        )
    return list(dict.fromkeys(names))


def _limit(text: str) -> int | None:
    if text.strip().lower() == "all":
        return None
    if not re.fullmatch(r"0*[1-9][0-9]{0,8}", text.strip(), re.ASCII):
        raise InputError(
            f"--limit must be a whole number from 1 to 999,999,999, or all, not {text}."
        )
    return int(text)


def _with_close_name(name: str, known: Sequence[str]) -> str:
    """The name and, in brackets, what may have been meant."""
    close = difflib.get_close_matches(name, known, n=1)
    return f"{name} (did you mean {close[0]}?)" if close else name


def _parsed_variables(project: Project, text: str) -> dict[str, Any]:
    try:
        variables = yaml.safe_load(text) or {}
    except (yaml.YAMLError, ValueError) as error:
        # of YAML the last line of a page, such as "expected ',' or '}', but got '<stream end>'"
        why = getattr(error, "problem", None) or error
        raise InputError(
            f"--vars cannot be read: {why}, in {plain(text, 100)}. Write it as "
            "{as_of_date: 2026-06-30}, with a date that exists."
        ) from error
    if not isinstance(variables, dict):
        raise InputError("--vars must name its values, such as {as_of_date: 2026-06-30}.")
    unknown = [str(name) for name in variables if name not in project.variables]
    if unknown:
        named = ", ".join(plain(_with_close_name(name, project.variables), 100) for name in unknown)
        raise InputError(f"--vars names {named}; there are: {', '.join(project.variables)}.")
    return variables
