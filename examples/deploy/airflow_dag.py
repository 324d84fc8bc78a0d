"""Build, publish, pages: every weekday, as an Airflow 3 DAG. Copy it to the folder of your DAGs.

Airflow has an environment of its own; the commands run in the project's. It stands where
CHURN_PROJECT says, on the machine of the worker.
"""

import os
import subprocess
from datetime import datetime, timedelta

# in every Airflow 3; from 3.2 on, airflow.sdk.exceptions has it, too
from airflow.exceptions import AirflowFailException
from airflow.sdk import dag, task

PROJECT = os.environ.get("CHURN_PROJECT", "/srv/churn")
EXPORTS = os.environ.get("CHURN_EXPORTS", "/srv/exports/latest")


@task(retries=2, retry_delay=timedelta(minutes=10))
def churn(*arguments: str) -> None:
    """One command; what it says is in the log of the task."""
    # it ends when the task does, however that ends
    command = ["setpriv", "--pdeathsig", "TERM", ".venv/bin/churn", *arguments]
    ended = subprocess.run(command, cwd=PROJECT, check=False)
    if ended.returncode == 2:
        # the input cannot be used: trying again changes nothing
        raise AirflowFailException("churn ended with exit code 2")
    ended.check_returncode()


@dag(
    schedule="0 6 * * 1-5",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    # one process at a time writes to the warehouse
    max_active_runs=1,
)
def churn_early_warning() -> None:
    """Who to call first, for analysts and in pages."""
    run = churn.override(task_id="run")("run", "--data", EXPORTS)
    publish = churn.override(task_id="publish")("publish")
    reports = churn.override(task_id="reports")("reports")
    run >> publish >> reports


churn_early_warning()
