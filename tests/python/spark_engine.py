"""Spark for the tests: checks whether it can run, and runs commands in their own processes.

A process holds one Spark session, and frees its memory only when it ends.
"""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from conftest import Workspace

_MISSING = (
    "there is no java"
    if shutil.which("java") is None and not os.environ.get("JAVA_HOME")
    else "the extra `spark` is not installed"
    if find_spec("pyspark") is None
    else ""
)
needs_spark = pytest.mark.skipif(bool(_MISSING), reason=f"Spark cannot run here: {_MISSING}")

# many times longer than any command takes
_SECONDS = 900

# a short history is enough: the tables are the same
SHORT = "{backtest_weeks: 6, history_weeks: 4}"


def run_program(
    place: Workspace, program: str, *arguments: object, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a program of the virtual environment in the working directory, for this workspace."""
    settings = {
        "CHURN_SPARK_DIR": str(place.store.parent / "spark"),
        "CHURN_SPARK_MEMORY": "1500m",
        # small jobs end before the second compiler pays off
        "JDK_JAVA_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m",
    }
    kept = {key: value for key, value in os.environ.items() if key != "CHURN_DATA_DIR"}
    try:
        return subprocess.run(
            [Path(sys.executable).with_name(program), *map(str, arguments)],
            env=kept | place.environment | settings | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired:
        logs = Path(place.environment["DBT_LOG_PATH"]).glob("*.log")
        tails = [f"{log.name}:\n{log.read_text(errors='replace')[-3000:]}" for log in logs]
        pytest.fail("\n".join([f"{program} did not end within {_SECONDS} seconds", *tails]))
