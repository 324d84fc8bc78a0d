"""Builds the project on Apache Spark, through dbt-spark's session in this process."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.console import Console

from churn.dbt import build_command, run_showing_progress
from churn.errors import InputError
from churn.project import Project

_NO_SPARK = "Spark is not installed here. Run `make spark`, or install the extra `spark`."
_NO_JAVA = (
    "Spark needs Java 17 or later, and there is no `java` here. Install it, or set JAVA_HOME."
)
_NO_MASTER = "SPARK_MASTER is not set: the address of the cluster, such as spark://host:7077."


def spark_dir() -> Path:
    """Where Spark keeps its tables, what it knows of them, and its log: derived."""
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
    """Build everything; gives the Spark session that did it, which ends with the block.

    `data_dir` is a folder or an address that Spark can read, None for the bundled sample.

    Raises InputError when there is no Spark, Java or master, or the configuration is wrong,
    ChurnError when the build fails.
    """
    _check(on_cluster)
    from pyspark.sql import SparkSession

    if data_dir is None:
        os.environ.pop("CHURN_DATA_DIR", None)
    else:
        os.environ["CHURN_DATA_DIR"] = data_dir
    spark_dir().mkdir(parents=True, exist_ok=True)
    # what dbt remembers of the other engine does not hold here
    target_path = ["--target-path", str(spark_dir() / "dbt")]
    target = ["--target", "spark_cluster" if on_cluster else "spark"]
    command = [*build_command(variables, tested=tested), *target, *target_path]
    with _standard_error_in(spark_dir() / "spark.log"):
        run_showing_progress(command, project, console)
    # the one that dbt has opened
    session = SparkSession.builder.getOrCreate()
    try:
        yield session
    finally:
        session.stop()


@contextmanager
def _standard_error_in(log: Path) -> Iterator[None]:
    """What Java writes to standard error goes to a file: from here on, for as long as it runs."""
    standard_error = os.dup(2)
    try:
        with log.open("wb") as file:
            os.dup2(file.fileno(), 2)
        yield
    finally:
        os.dup2(standard_error, 2)
        os.close(standard_error)


def _check(on_cluster: bool) -> None:
    if find_spec("pyspark") is None or find_spec("dbt.adapters.spark") is None:
        raise InputError(_NO_SPARK)
    if not os.environ.get("JAVA_HOME") and shutil.which("java") is None:
        raise InputError(_NO_JAVA)
    if on_cluster and not os.environ.get("SPARK_MASTER"):
        raise InputError(_NO_MASTER)
