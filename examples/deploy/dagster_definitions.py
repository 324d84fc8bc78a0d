"""Build, publish, pages: every weekday, in Dagster. Try it: dagster dev -f dagster_definitions.py.

Dagster has an environment of its own; the commands run in the project's, which stands where
CHURN_PROJECT says.
"""

import os
import subprocess

import dagster as dg

PROJECT = os.environ.get("CHURN_PROJECT", "/srv/churn")
EXPORTS = os.environ.get("CHURN_EXPORTS", "/srv/exports/latest")
TWICE_MORE = dg.RetryPolicy(max_retries=2, delay=600)


def churn(*arguments: str) -> None:
    """One command; what it says is in the log of the run."""
    ended = subprocess.run([".venv/bin/churn", *arguments], cwd=PROJECT, check=False)
    if ended.returncode != 0:
        # 2: the input cannot be used, and trying again changes nothing
        raise dg.Failure(
            f"churn ended with exit code {ended.returncode}",
            allow_retries=ended.returncode != 2,
        )


@dg.asset(retry_policy=TWICE_MORE)
def warehouse() -> None:
    """Everything, built on last night's export."""
    churn("run", "--data", EXPORTS)


@dg.asset(deps=[warehouse], retry_policy=TWICE_MORE)
def published_warehouse() -> None:
    """The copy that analysts query."""
    churn("publish")


# after the copy, not beside it: both read the warehouse
@dg.asset(deps=[published_warehouse], retry_policy=TWICE_MORE)
def reports() -> None:
    """The pages for leadership and customer success."""
    churn("reports")


assets = [warehouse, published_warehouse, reports]
early_warning = dg.define_asset_job("churn_early_warning", selection=assets)
weekdays = dg.ScheduleDefinition(job=early_warning, cron_schedule="0 6 * * 1-5")
definitions = dg.Definitions(assets=assets, jobs=[early_warning], schedules=[weekdays])
