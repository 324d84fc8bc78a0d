"""Runs dbt in this process, with a progress bar, and turns a failure into one message."""

import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from churn.files.disk import refusal, saying_what_is_refused
from churn.files.made import replace_file
from churn.files.store import names_in, parquet_files
from churn.project import Project
from churn.terminal.errors import ChurnError, InputError
from churn.warehouse import WarehouseInUse, reading
from churn.warehouse.build_record import is_complete, keep, last_build, made_from, why_all_again
from churn.warehouse.lock import reserved

# importing dbt is half of the start-up time: commands that build nothing skip it
if TYPE_CHECKING:
    from dbt.cli.main import dbtRunnerResult
    from dbt_common.events.base_types import EventMsg

# dbt unit tests check the code, not the data: `make test` runs them, and builds skip them
_BUILD = ["build", "--exclude-resource-type", "unit_test"]
_BUILD_UNTESTED = [*_BUILD, "test"]
_DOCS_PAGE = Path("build/docs/index.html")
# DuckDB's prefix for messages of `stop_build`, which rejects unusable data
_STOPPED = "Invalid Input Error: "
# dbt's prefix for messages of `raise_compiler_error` during a build
_NOT_COMPILED = "Compilation Error"
_FAILURES_SHOWN = 5
_UNREADABLE_WAREHOUSE = (
    "not a valid DuckDB database",
    "database file with version number",
    "Could not read enough bytes",
    "Corrupt database file",
)
_NO_RECORD = (
    "How the warehouse was built is not on record: this goes by CHURN_DATA_DIR and dbt_project.yml."
)
_NOTHING_REBUILT = (
    "How the warehouse was built is not on record: what was logged since is shown after `make run`."
)
_ALL_AGAIN = "Every row is read again."
_OTHER_DATA = (
    "The loaded data is not what the warehouse was built from: this reads it as it is now."
)
# a line of a Java stack trace, or the count of omitted lines
_JAVA_FRAME = re.compile(r"at [\w.$/<>@-]+\(.*\)$|\.\.\. \d+ more")
_CHANGED_SINCE = (
    "The warehouse is not as the last complete build left it: this goes by what that was made from."
)
_QUIET = ["--log-level", "none", "--log-level-file", "debug", "--no-use-colors"]


def build(
    project: Project,
    console: Console,
    *,
    data_dir: Path | None,
    variables: Mapping[str, Any] | None = None,
    models: Sequence[str] = (),
    tables: Sequence[str] = (),
    tested: bool = True,
    full_refresh: bool = False,
) -> None:
    """Build the whole project into the warehouse, or only these `models`.

    `data_dir` is the folder of loaded data to read, or None for the bundled sample. `variables`
    override those of `dbt_project.yml`. `tables` are the store tables whose changes the `models`
    show. Without `tested`, data tests are skipped. `full_refresh` also rebuilds incremental models
    from scratch. A build of everything does so by itself, and says why, if it must not be
    incremental (`why_all_again`).

    Raises InputError if the configuration is wrong, and ChurnError if the build fails or the
    warehouse is in use.
    """
    if data_dir is None:
        os.environ.pop("CHURN_DATA_DIR", None)
    else:
        os.environ["CHURN_DATA_DIR"] = str(data_dir)
    _check_places(project, data_dir)
    with reserved(project):
        last = last_build(project) if is_complete(project) else None
        record = made_from(project, data_dir, variables)
        if not models and not full_refresh and (why := why_all_again(project, record)):
            console.print(f"{why} {_ALL_AGAIN}", markup=False, highlight=False, soft_wrap=True)
            full_refresh = True
        arguments = build_command(
            variables, models=models, tested=tested, full_refresh=full_refresh
        )
        run_showing_progress(arguments, project, console)
        with saying_what_is_refused(project.build_record, "CHURN_WAREHOUSE"):
            if not models:
                keep(project, record)
            elif last is not None:
                # a complete warehouse stays complete after a partial rebuild
                shown = {name: record["stored"].get(name) for name in tables}
                keep(project, {**last, "stored": {**last["stored"], **shown}})
    console.print()


def build_command(
    variables: Mapping[str, Any] | None,
    *,
    models: Sequence[str] = (),
    tested: bool = True,
    full_refresh: bool = False,
) -> list[str]:
    """Return the dbt arguments of a build, for the profile's default target."""
    arguments = [*_QUIET, *(_BUILD if tested else _BUILD_UNTESTED)]
    arguments += ["--vars", yaml.safe_dump(dict(variables or {}))]
    if models:
        arguments += ["--select", *models]
    if full_refresh:
        arguments.append("--full-refresh")
    return arguments


def run_showing_progress(arguments: list[str], project: Project, console: Console) -> None:
    """Run dbt with a progress bar.

    Raises InputError if the configuration is wrong, and ChurnError if the build fails.
    """
    progress = Progress(
        TextColumn("Building"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[step]}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with progress:
        task = progress.add_task("build", total=None, step="reading the project")

        def on_event(event: "EventMsg") -> None:
            if event.info.name == "LogStartLine":
                step = event.data.description.removeprefix("sql ")
                progress.update(task, total=event.data.total, step=step[:60])
            elif event.info.name == "NodeFinished":
                progress.advance(task)

        _invoke(arguments, project, on_event)


def rebuild(
    project: Project, console: Console, models: Sequence[str], tables: Sequence[str]
) -> None:
    """Rebuild these models if any of these store tables has changed since the last build.

    Uses the data and variables of the last complete build. Builds everything if there is no such
    build, or if its warehouse, the data or the code has changed since.
    """
    last, data_dir = last_build(project), built_from(project)
    variables = last["variables"] if last else None
    now = made_from(project, data_dir, variables)
    if last is None or last["data"] != now["data"]:
        build(project, console, data_dir=data_dir, variables=variables)
        return
    if any(last["stored"].get(name) != now["stored"].get(name) for name in tables):
        is_same = is_complete(project) and last.get("code") == now["code"]
        part = models if is_same else ()
        build(project, console, data_dir=data_dir, variables=variables, models=part, tables=tables)


def build_what_was_logged(project: Project, console: Console) -> None:
    """Rebuild the models that show outcomes, if any were logged since the last build.

    Raises InputError if nothing has been built yet: this function does not guess which data to use.
    """
    with reading(project):
        is_on_record = last_build(project) is not None
    if is_on_record:
        rebuild(project, console, ("stg_store__outcomes+",), ("outcomes",))
    elif parquet_files(project.store_dir / "outcomes"):
        console.print(_NOTHING_REBUILT, style="yellow", markup=False, highlight=False)


class Inputs(NamedTuple):
    """The inputs of a build.

    `data_dir` is None for the bundled sample. `doubt` says why a build from these inputs may differ
    from the warehouse; it is empty if it cannot differ.
    """

    data_dir: Path | None
    variables: Mapping[str, Any]
    doubt: str


def inputs(project: Project) -> Inputs:
    """Return the inputs of the last build, or of a new build if there is no record."""
    last = last_build(project)
    if last is None:
        return Inputs(project.data_dir, {}, _NO_RECORD)
    data_dir = Path(last["data_dir"]) if last["data_dir"] else None
    now = made_from(project, data_dir, last["variables"])
    doubt = "" if is_complete(project) else _CHANGED_SINCE
    if now["data"] != last["data"]:
        doubt = _OTHER_DATA
    return Inputs(data_dir, last["variables"], doubt)


def built_from(project: Project) -> Path | None:
    """Return the data folder of the last build or of a new one; None for the bundled sample."""
    last = last_build(project)
    if project.data_dir is not None or last is None or last["data_dir"] is None:
        return project.data_dir
    return Path(last["data_dir"])


def _invoke(
    arguments: list[str], project: Project, on_event: Callable[["EventMsg"], None] | None = None
) -> None:
    """Run dbt, close its connections, and raise a readable error if it fails."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    # override DBT_PROJECT_DIR: all other paths belong to this project
    command = [*arguments, "--project-dir", str(Path.cwd())]
    try:
        result = dbtRunner(callbacks=[on_event] if on_event else []).invoke(command)
    finally:
        DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
    if isinstance(result.exception, KeyboardInterrupt):
        raise result.exception
    if not result.success:
        raise _failure(result, project, is_full="--full-refresh" in arguments)


def _check_places(project: Project, data_dir: Path | None) -> None:
    if "?" in str(project.warehouse):
        raise InputError(f"DuckDB cannot open a file whose name has a '?': {project.warehouse}")
    if data_dir is not None:
        check_loaded(project, data_dir)


def check_loaded(project: Project, data_dir: Path) -> None:
    """Raise InputError if the folder lacks a table that every build reads.

    Raises ChurnError if the folder cannot be listed.
    """
    needed = [name for name, table in project.tables.items() if not table.may_be_absent]
    there = names_in(data_dir, "CHURN_DATA_DIR")
    missing = [name for name in needed if f"{name}.parquet" not in there]
    if missing:
        raise InputError(
            f"CHURN_DATA_DIR is {data_dir}, which holds no loaded {', '.join(missing)}. "
            "Load your data (make load DATA=…), or unset CHURN_DATA_DIR."
        )


def write_docs(project: Project) -> Path:
    """Write the dbt docs of the built warehouse as one static page, and return its path.

    Raises ChurnError if dbt fails.
    """
    _invoke([*_QUIET, "docs", "generate", "--static"], project)
    page = _DOCS_PAGE
    page.parent.mkdir(parents=True, exist_ok=True)
    partial = page.with_suffix(".partial")
    target = Path(os.environ.get("DBT_TARGET_PATH") or "target")
    shutil.copyfile(target / "static_index.html", partial)
    replace_file(partial, page, "data dictionary")
    return page


def _failure(result: "dbtRunnerResult", project: Project, *, is_full: bool) -> ChurnError:
    """Describe why the build failed; `is_full` marks a full refresh."""
    if result.exception is not None:
        return _exception(result.exception, project)
    messages, is_stopped = [], False
    failed: list[Any] = []
    # only the result of a run has this list
    for node in getattr(result.result, "results", ()):
        if node.status not in ("error", "fail"):
            continue
        said = node.message or "failed"
        text = _plain(said)
        if failure := _warehouse_failure(text, project):
            return failure
        is_stopped |= _STOPPED in text or said.lstrip().startswith(_NOT_COMPILED)
        messages.append(f"{node.node.name}: {text}")
        if node.status == "fail":
            failed.append(node.node)
    shown = "\n".join(messages[:_FAILURES_SHOWN]) or "dbt gave no reason."
    if len(messages) > _FAILURES_SHOWN:
        shown += f"\n… and {len(messages) - _FAILURES_SHOWN} more."
    if failed:
        shown += f"\n{_remedy(failed, is_full)}"
    log = Path(os.environ.get("DBT_LOG_PATH") or "logs") / "dbt.log"
    kind = InputError if is_stopped else ChurnError
    return kind(f"The build failed.\n{shown.replace(_STOPPED, '')}\nDetails are in {log}.")


def _exception(error: BaseException, project: Project) -> ChurnError:
    """Describe why dbt failed before it built anything."""
    from dbt.cli.exceptions import DbtUsageException
    from dbt.exceptions import ParsingError
    from dbt_common.exceptions import CompilationError, DbtConfigError, DbtValidationError

    if isinstance(error, OSError):
        return refusal(error, Path(str(error.filename or project.warehouse)), _place_of(error))
    message = _plain(str(error))
    if failure := _warehouse_failure(message, project):
        return failure
    is_configuration = isinstance(
        error,
        CompilationError | ParsingError | DbtConfigError | DbtValidationError | DbtUsageException,
    )
    kind = InputError if is_configuration else ChurnError
    return kind(f"The project cannot be built.\n{message}")


def _place_of(error: OSError) -> str:
    """The setting for the place of a file that dbt could not write."""
    log = os.environ.get("DBT_LOG_PATH") or "logs"
    is_log = error.filename is not None and Path(str(error.filename)).resolve().is_relative_to(
        Path(log).resolve()
    )
    return "DBT_LOG_PATH" if is_log else "DBT_TARGET_PATH"


def _remedy(tests: Sequence[Any], is_full: bool) -> str:
    """Say what to do after failed data tests."""
    read = {name for test in tests for name in test.depends_on.nodes}
    seeds = sorted(name.rpartition(".")[2] for name in read if name.startswith("seed."))
    if seeds and len(seeds) == len(read):
        files = ", ".join(
            str(file) for name in seeds for file in Path("seeds").rglob(f"{name}.csv")
        )
        return f"Correct what is wrong in {files}, then run this again."
    if is_full:
        return (
            "All rows were read again, so neither a partial build nor an earlier one is the cause: "
            "look at what was changed in dbt_project.yml, seeds and models."
        )
    return (
        "The tables contradict each other, as they do after a part of them was built by hand. This "
        "builds all of them anew: make run FULL_REFRESH=1"
    )


def _warehouse_failure(message: str, project: Project) -> ChurnError | None:
    if "Could not set lock" in message:
        holder = re.search(r"PID (\d+)", message)
        by = f" by process {holder[1]}" if holder else ""
        return WarehouseInUse(
            f"The warehouse {project.warehouse} is in use{by}. "
            "Close what reads or builds it, then run this again."
        )
    if any(sign in message for sign in _UNREADABLE_WAREHOUSE):
        what = f"{project.warehouse} is not a database that this version of DuckDB can read."
        # without a build record, the file may not be ours
        remedy = (
            "It is derived and can be deleted; then run this again."
            if project.build_record.is_file()
            else "Name another file in CHURN_WAREHOUSE, or move this one away."
        )
        return ChurnError(f"{what} {remedy}")
    return None


def _plain(message: str) -> str:
    """A dbt error without compile locations, repeated titles and blank lines."""
    kept = []
    for line in message.splitlines():
        line = line.strip()
        if not line or line.startswith(("compiled code at", "> in macro", "> called by")):
            continue
        if _JAVA_FRAME.match(line):
            continue
        line = re.sub(r"^(Runtime|Compilation|Database|Parsing) Error( in .*)?$", "", line)
        if line and line not in kept:
            kept.append(line)
    return "\n".join(kept)
