"""Builds the project on Apache Spark, through dbt-spark's session in this process."""

import os
import re
import shutil
import socket
import subprocess
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path, PurePath
from typing import Any

from rich.console import Console

from churn.build.dbt import build_command, check_loaded, run_showing_progress
from churn.files.disk import held, saying_what_is_refused
from churn.files.made import LITTER, made, mark
from churn.files.store import states
from churn.project import Project
from churn.terminal.errors import ChurnError, InputError

_NO_SPARK = "Spark is not installed here. Run `make spark`, or install the extra `spark`."
_OLDEST_JAVA = 17
_NO_JAVA = f"Spark needs Java {_OLDEST_JAVA} or later, and {{}}. Install it, or set JAVA_HOME."
_NO_MASTER = "SPARK_MASTER is not set: the address of the cluster, such as spark://host:7077."
_MASTER = re.compile(
    r"spark://(?P<hosts>[^/\s]+:\d+(,[^/\s]+:\d+)*)"
    r"|local(\[(\d+|\*)(\s*,\s*\d+)?\])?|local-cluster\[\d+(\s*,\s*\d+){2}\]|yarn|k8s://\S+"
)
_WRONG_MASTER = (
    "SPARK_MASTER is {}: it must be an address such as spark://host:7077, k8s://https://host:6443, "
    "yarn or local[2]."
)
_NOBODY = "No Spark master answers at {}. Start it, or correct SPARK_MASTER."
_SECONDS_TO_ANSWER = 5
# invalid values would end in a long Java stack trace a minute later
_SETTINGS = {
    "CHURN_SPARK_PARTITIONS": (re.compile(r"[1-9]\d*"), "a number from 1"),
}
_LOCAL_SETTINGS = {
    "CHURN_SPARK_MEMORY": (re.compile(r"[1-9]\d*[kmgt]", re.IGNORECASE), "a size, such as 2g"),
    "CHURN_SPARK_CORES": (re.compile(r"[1-9]\d*|\*"), "a number of cores, or * for all"),
}
_NO_FOLDER = (
    "CHURN_SPARK_DIR is {}: it must be a folder that the driver and all workers see under this "
    "name."
)
_NOT_OURS = (
    "{} holds files and is not known as a folder of `churn spark`, which builds its tables anew "
    "each time. Empty it, or name an empty one in CHURN_SPARK_DIR."
)
_FOREIGN = (
    "{} holds files that are no tables of Spark: {}. A build with Spark replaces them. Move them "
    "away, or name another folder in CHURN_SPARK_DIR."
)
_WORK = "build with Spark"
_IN_USE = "Spark is building into {} at this moment. Wait until that is done, then try again."
# this lock is held while Spark builds
_LOCK = "build.lock"
# the folders of the schemas in dbt_project.yml
_SCHEMAS = tuple(
    f"{schema}.db"
    for schema in (
        *("raw", "staging", "intermediate", "marts"),
        *("quality", "enrichment", "config", "main"),
    )
)
# the macro `found_folder` leaves these if a build is killed
_LISTING = re.compile(r"files_[0-9a-f]{32}(-__PLACEHOLDER__)?")
# files that Spark writes into a table's folder, and Derby into the metastore's
_TABLE_FILE = re.compile(r"part-.*|\.part-.*\.crc|_SUCCESS|\._SUCCESS\.crc")
_TABLE_FOLDER = re.compile(r"_temporary|\.spark-staging-.*")
_DERBY = re.compile(
    r"service\.properties|seg0|log|db\.lck|dbex\.lck|tmp|README_DO_NOT_TOUCH_FILES\.txt"
)


def spark_dir() -> Path:
    """The folder of Spark's tables and its metastore. It is derived."""
    return Path(os.environ.get("CHURN_SPARK_DIR") or "target/spark")


@contextmanager
def build_on_spark(
    project: Project,
    console: Console,
    *,
    on_cluster: bool = False,
    data_dir: str | None,
    variables: Mapping[str, Any] | None = None,
    tested: bool = True,
) -> Iterator[Any]:
    """Build everything; yields the Spark session of the build, which ends with the block.

    `data_dir` is a folder or an address that Spark can read, or None for the bundled sample.

    Raises InputError if there is no Spark, Java, master or loaded data, or the configuration is
    wrong. Raises ChurnError if the store cannot be read, the build fails, or another build writes
    to the same folder.
    """
    _check(on_cluster)
    # these warnings concern parts of other libraries that dbt does not use
    warnings.filterwarnings("ignore", category=FutureWarning, module="pyspark")
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    if data_dir is not None and "://" not in data_dir:
        check_loaded(project, Path(data_dir))
    # check for broken links first: Spark would read them as empty tables
    states(project.store_dir)
    if data_dir is None:
        os.environ.pop("CHURN_DATA_DIR", None)
    else:
        os.environ["CHURN_DATA_DIR"] = data_dir
    # dbt's state of the DuckDB build does not apply to Spark
    target_path = ["--target-path", str(spark_dir() / "dbt")]
    target = ["--target", "spark_cluster" if on_cluster else "spark"]
    command = [*build_command(variables, tested=tested), *target, *target_path]
    log = Path(os.environ.get("DBT_LOG_PATH") or "logs") / "churn_spark.log"
    with _emptied(spark_dir()):
        try:
            with _java_says_in(log):
                run_showing_progress(command, project, console)
            # this returns the session that dbt has opened
            yield SparkSession.builder.getOrCreate()
        finally:
            # there is no context if Spark could not start; stopping twice is harmless
            if context := SparkContext._active_spark_context:
                context.stop()


@contextmanager
def _emptied(folder: Path) -> Iterator[None]:
    """Lock Spark's folder for this process, and remove the tables of an earlier build.

    A killed build may leave files that belong to no known table, and Spark refuses to create a
    table in a folder with files.
    """
    with ExitStack() as lock:
        with saying_what_is_refused(folder, "CHURN_SPARK_DIR"):
            folder.mkdir(parents=True, exist_ok=True)
            marker = made(folder)
            if (marker is None or marker.by != _WORK) and any(folder.iterdir()):
                raise InputError(_NOT_OURS.format(folder))
            # include relations of an earlier version of the project
            relations = _relations() | {*(marker.files if marker else ())}
            mark(folder, _WORK, {name: [] for name in sorted(relations)})
            lock.enter_context(held(folder / _LOCK, _IN_USE.format(folder)))
            if names := _foreign(folder, relations):
                raise InputError(_FOREIGN.format(folder, ", ".join(names[:5])))
            for part in ("warehouse", "metastore"):
                if (folder / part).exists():
                    shutil.rmtree(folder / part)
        yield


def _relations() -> set[str]:
    """The names of all tables and views of the project."""
    files = [*Path("models").rglob("*.sql"), *Path("seeds").rglob("*.csv")]
    return {file.stem for file in files}


def _foreign(folder: Path, relations: Iterable[str]) -> list[str]:
    """The sorted foreign files among Spark's tables and in its metastore."""
    found: set[PurePath] = set()
    for part in ("warehouse", "metastore"):
        for path in sorted((folder / part).rglob("*")):
            name, is_folder = path.relative_to(folder), path.is_dir() and not path.is_symlink()
            if path.name in LITTER or not found.isdisjoint(name.parents):
                continue
            if not _is_ours(name, relations, is_folder=is_folder):
                found.add(name)
    return sorted(map(str, found))


def _is_ours(path: PurePath, relations: Iterable[str], *, is_folder: bool) -> bool:
    """Whether a build writes this: `warehouse/<schema>.db/<relation>/<file>` or a Derby file."""
    match path.parts:
        case ["metastore", name, *_]:
            return _DERBY.fullmatch(name) is not None
        case [_, schema]:
            return is_folder and (schema in _SCHEMAS or _LISTING.fullmatch(schema) is not None)
        case [_, _, relation]:
            return is_folder and relation in relations
        case [_, _, _, name]:
            return (_TABLE_FOLDER if is_folder else _TABLE_FILE).fullmatch(name) is not None
    # temporary files that Spark writes while a query runs
    return True


@contextmanager
def _java_says_in(log: Path) -> Iterator[None]:
    """Redirect Java's standard error to a file, from here on, while Java runs."""
    log.parent.mkdir(parents=True, exist_ok=True)
    standard_error = os.dup(2)
    try:
        with log.open("wb") as file:
            os.dup2(file.fileno(), 2)
        yield
    except ChurnError as error:
        raise type(error)(f"{error}{first_exception(log)}\nSpark's own log is {log}.") from error
    finally:
        os.dup2(standard_error, 2)
        os.close(standard_error)


def first_exception(log: Path) -> str:
    """Return the first error line in Java's log; empty if there is none."""
    said = log.read_text(encoding="utf-8", errors="replace")
    found = re.search(r'^(?:Exception in thread ".*?" |Caused by: )(\S+: .+)$', said, re.MULTILINE)
    return f"\nJava says: {found[1][:300]}" if found else ""


def _check(on_cluster: bool) -> None:
    if find_spec("pyspark") is None or find_spec("dbt.adapters.spark") is None:
        raise InputError(_NO_SPARK)
    if fault := _java_fault():
        raise InputError(_NO_JAVA.format(fault))
    settings = _SETTINGS if on_cluster else _SETTINGS | _LOCAL_SETTINGS
    for name, (pattern, what) in settings.items():
        value = os.environ.get(name)
        if value is not None and not pattern.fullmatch(value):
            raise InputError(f"{name} is '{value}': it must be {what}.")
    if on_cluster:
        _check_master(os.environ.get("SPARK_MASTER", ""))
    if "://" in str(os.environ.get("CHURN_SPARK_DIR")):
        raise InputError(_NO_FOLDER.format(os.environ["CHURN_SPARK_DIR"]))


def _check_master(master: str) -> None:
    """Raise InputError if this is not an address, and ChurnError if no Spark master answers."""
    if not master:
        raise InputError(_NO_MASTER)
    found = _MASTER.fullmatch(master)
    if not found:
        raise InputError(_WRONG_MASTER.format(master))
    # one master leads and the others are on standby, so one answer is enough
    hosts = (found["hosts"] or "").split(",")
    if found["hosts"] and not any(map(_answers, hosts)):
        raise ChurnError(_NOBODY.format(master))


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), _SECONDS_TO_ANSWER):
            return True
    # an invalid host name or port
    except (OSError, UnicodeError, OverflowError):
        return False


def _java_fault() -> str:
    """Why Spark cannot use the Java that it would start; empty if it can."""
    home = os.environ.get("JAVA_HOME")
    java = f"{home}/bin/java" if home else "java"
    if shutil.which(java) is None:
        return f"JAVA_HOME is {home}, which has no bin/java" if home else "there is no `java` here"
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(?:1\.)?(\d+)', said)
    if version is None:
        return f"`{java} -version` does not say which version it is"
    return f"{java} is Java {version[1]}" if int(version[1]) < _OLDEST_JAVA else ""
