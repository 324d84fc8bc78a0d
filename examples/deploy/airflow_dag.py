"""An Airflow 3 DAG that builds, publishes and makes the pages every weekday.

Copy it to the folder of your DAGs. The commands run in the project's own environment, not in
Airflow's. CHURN_PROJECT names the project's folder on the worker's machine.
"""

import os
import subprocess
from datetime import datetime, timedelta

# works in every Airflow 3; from 3.2 on it is also in airflow.sdk.exceptions
from airflow.exceptions import AirflowFailException
from airflow.sdk import dag, task

PROJECT = os.environ.get("CHURN_PROJECT", "/srv/churn")
EXPORTS = os.environ.get("CHURN_EXPORTS", "/srv/exports/latest")


@task(retries=2, retry_delay=timedelta(minutes=10))
def churn(*arguments: str) -> None:
    """Run one command; its output goes to the log of the task."""
    # setpriv ends the command together with the task, even if the task is killed
    command = ["setpriv", "--pdeathsig", "TERM", ".venv/bin/churn", *arguments]
    ended = subprocess.run(command, cwd=PROJECT, check=False)
    if ended.returncode == 2:
        # the input cannot be used, so a retry would fail too
        raise AirflowFailException("churn ended with exit code 2")
    ended.check_returncode()


@dag(
    schedule="0 6 * * 1-5",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    # only one process at a time can write to the warehouse
    max_active_runs=1,
)
def churn_early_warning() -> None:
    """Build the list, the copy for analysts, and the pages."""
    run = churn.override(task_id="run")("run", "--data", EXPORTS)
    publish = churn.override(task_id="publish")("publish")
    reports = churn.override(task_id="reports")("reports")
    run >> publish >> reports


churn_early_warning()
