"""The contenders, each of which runs in a fresh process."""

import importlib.util
import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from churn.project.profile import profile
from measure import Cost, cost
from scaling.data import Company

HERE = Path(__file__).parent
DBT = Path(sys.executable).with_name("dbt")
# Today's scores, their audit, the list, the figures and the quality tables, without past dates.
CORE = ("--selector", "core", "--vars", "{history_weeks: 1, backtest_weeks: 0}")
MODELS_ONLY = ("--exclude-resource-type", "test", "unit_test")
# Measured: memory of pandas in bytes per usage row, including its share of other tables.
PANDAS_BYTES_A_ROW = 420
LARGEST_SCALE_OF_SPARK = 100
# Measured: at scale 4000 it runs out of memory, with the profile's limit.
LARGEST_SCALE_OF_FLOOR = 1000

# One measurement: seconds of the work and of its process, and of models by name.
Run = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """An empty working folder, and its data.

    Attributes:
        folder: all output goes here.
        company: the data.
        everything: whether to build the history and its dependents, too.
    """

    folder: Path
    company: Company
    everything: bool = False

    @property
    def data(self) -> Path:
        """The folder in which dbt finds the data of both days."""
        return self.folder / "data"

    @property
    def spill(self) -> Path:
        """The spill folder."""
        return self.folder / "spill"

    @property
    def scores(self) -> Path:
        """The file of pandas' scores."""
        return self.folder / "pandas.parquet"

    @property
    def spark_scores(self) -> Path:
        """The folder of Spark's scores."""
        return self.folder / "spark/warehouse/marts.db/customer_risk"

    def database(self, name: str) -> Path:
        """A contender's database. Its views contain the file name, so all use the same name."""
        return self.folder / name / "churn.duckdb"

    def environment(self, name: str) -> dict[str, str]:
        """An environment in which all output goes to the folder."""
        self.database(name).parent.mkdir(exist_ok=True)
        return os.environ | {
            "CHURN_WAREHOUSE": str(self.database(name)),
            "CHURN_DATA_DIR": str(self.data),
            "CHURN_STORE_DIR": str(self.folder / "store"),
            "CHURN_TEMP_DIR": str(self.spill),
            "CHURN_SPARK_DIR": str(self.folder / "spark"),
            "DBT_TARGET_PATH": str(self.folder / "target"),
            "DBT_LOG_PATH": str(self.folder / "logs"),
        }

    def receive(self, data: Path) -> None:
        """Place loaded data where dbt finds it."""
        shutil.rmtree(self.data, ignore_errors=True)
        shutil.copytree(data, self.data, copy_function=os.link)


def script(name: str, place: Place) -> dict[str, Run]:
    """Run a hand-written script: `floor` or `windows`."""
    return {name: run_script(name, place, name, place.company.base)}


def run_script(script: str, place: Place, name: str, data: Path) -> Run:
    """Run a script on loaded data, into the named database."""
    command = [sys.executable, HERE / "floor.py", HERE / f"{script}.sql", data]
    found = cost(command, place.environment(name), place.spill)
    return _run(found, json.loads(found.output)["seconds"])


def pandas(place: Place) -> dict[str, Run]:
    """The obvious alternative."""
    command = [sys.executable, HERE / "alternative.py", place.company.base, place.scores]
    found = cost(command, os.environ)
    return {"pandas": _run(found, json.loads(found.output)["seconds"])}


def dbt(place: Place) -> dict[str, Run]:
    """Run a full build, and an incremental one a day later."""
    place.receive(place.company.base)
    full = _build(place, "dbt")
    place.receive(place.company.later)
    return {"full": full, "day": _build(place, "dbt_later", warehouse="dbt")}


def spark(place: Place) -> dict[str, Run]:
    """Run the same models on Spark."""
    place.receive(place.company.base)
    return {"spark": _build(place, "spark", "--target", "spark")}


def _build(place: Place, name: str, *options: str, warehouse: str | None = None) -> Run:
    environment = place.environment(name)
    if warehouse:
        # keep the first day's scores for the comparison
        shutil.copyfile(place.database(warehouse), place.database(name))
    selection = () if place.everything else CORE
    command = [DBT, "--quiet", "build", *MODELS_ONLY, *selection, *options]
    found = cost(command, environment, place.spill)
    results = json.loads((place.folder / "target/run_results.json").read_text(encoding="utf-8"))
    models = model_times(results["results"])
    return {**_run(found, span(results["results"])), "models": models}


def span(results: Sequence[Mapping[str, Any]]) -> float:
    """Seconds from the start of the first model to the end of the last one."""
    moments = [
        datetime.fromisoformat(timing[end])
        for result in results
        if result["unique_id"].startswith("model.")
        for timing in result["timing"]
        for end in ("started_at", "completed_at")
    ]
    return (max(moments) - min(moments)).total_seconds()


def model_times(results: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Seconds of each model, slowest first."""
    times = {
        result["unique_id"].rpartition(".")[2]: result["execution_time"]
        for result in results
        if result["unique_id"].startswith("model.")
    }
    return dict(sorted(times.items(), key=lambda item: -item[1]))


def _run(found: Cost, seconds: float) -> Run:
    return {
        "seconds": seconds,
        "process_seconds": found.seconds,
        "cpu_seconds": found.cpu_seconds,
        "peak_bytes": found.peak_bytes,
        "spilled_bytes": found.spilled_bytes,
    }


@dataclass(frozen=True)
class Contender:
    """A contender.

    Attributes:
        name: its name on the command line.
        work: does the work, and returns measurements by name.
        hindrance: for a scale and its usage rows, why it cannot run; None if it can.
        once: whether it is so slow that it runs only in the first round.
    """

    name: str
    work: Callable[[Place], dict[str, Run]]
    hindrance: Callable[[float, int], str | None]
    once: bool = False


def _none(scale: float, rows: int) -> None:
    """No hindrance."""


def _no_floor(scale: float, rows: int) -> str | None:
    if scale > LARGEST_SCALE_OF_FLOOR:
        return f"it needs more memory than the profile allows; up to {LARGEST_SCALE_OF_FLOOR}"
    return None


def _no_pandas(scale: float, rows: int) -> str | None:
    if importlib.util.find_spec("pandas") is None:
        return "pandas is not installed (make test installs it)"
    needed, free = rows * PANDAS_BYTES_A_ROW, psutil.virtual_memory().available
    if needed > free:
        return f"it needs about {needed / 1e9:,.0f} GB of memory, {free / 1e9:,.0f} GB are free"
    return None


def _no_spark(scale: float, rows: int) -> str | None:
    if scale > LARGEST_SCALE_OF_SPARK:
        return f"one machine gains nothing by it; measured up to scale {LARGEST_SCALE_OF_SPARK}"
    if importlib.util.find_spec("pyspark") is None:
        return "pyspark is not installed"
    if shutil.which("java") is None:
        return "there is no Java"
    try:
        profile("spark")
    except KeyError:
        return "profiles.yml has no target spark"
    return None


CONTENDERS = (
    Contender("windows", lambda place: script("windows", place), _none),
    Contender("floor", lambda place: script("floor", place), _no_floor),
    Contender("pandas", pandas, _no_pandas),
    Contender("dbt", dbt, _none),
    Contender("spark", spark, _no_spark, once=True),
)
