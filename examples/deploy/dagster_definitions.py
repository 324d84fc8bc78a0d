"""Dagster definitions that build, publish and make the pages every weekday.

Try them: dagster dev -f dagster_definitions.py. The commands run in the project's own environment,
not in Dagster's. CHURN_PROJECT names the project's folder.
"""

import os
import subprocess

import dagster as dg

PROJECT = os.environ.get("CHURN_PROJECT", "/srv/churn")
EXPORTS = os.environ.get("CHURN_EXPORTS", "/srv/exports/latest")
TWICE_MORE = dg.RetryPolicy(max_retries=2, delay=600)


def churn(*arguments: str) -> None:
    """Run one command; its output goes to the log of the run."""
    ended = subprocess.run([".venv/bin/churn", *arguments], cwd=PROJECT, check=False)
    if ended.returncode != 0:
        # 2 means that the input cannot be used, so a retry would fail too
        raise dg.Failure(
            f"churn ended with exit code {ended.returncode}",
            allow_retries=ended.returncode != 2,
        )


@dg.asset(retry_policy=TWICE_MORE)
def warehouse() -> None:
    """The warehouse, built from last night's export."""
    churn("run", "--data", EXPORTS)


@dg.asset(deps=[warehouse], retry_policy=TWICE_MORE)
def published_warehouse() -> None:
    """The copy that analysts query."""
    churn("publish")


# after the copy, because both read the warehouse
@dg.asset(deps=[published_warehouse], retry_policy=TWICE_MORE)
def reports() -> None:
    """The pages for leadership and customer success."""
    churn("reports")


assets = [warehouse, published_warehouse, reports]
early_warning = dg.define_asset_job("churn_early_warning", selection=assets)
weekdays = dg.ScheduleDefinition(job=early_warning, cron_schedule="0 6 * * 1-5")
definitions = dg.Definitions(assets=assets, jobs=[early_warning], schedules=[weekdays])
