"""Implements `churn explain`, on the last build or on a temporary build of another date."""

from datetime import date

from rich.console import Console

from churn.build.dbt import build, inputs
from churn.explain.page import print_explanation
from churn.explain.reading import (
    MODELS,
    Explanation,
    Standing,
    feed_warnings,
    read,
    standing,
    verdict_warnings,
)
from churn.files.temporary import temporary_place
from churn.outcomes.customers import look_up_one
from churn.project import Project
from churn.terminal import plain
from churn.terminal.errors import InputError
from churn.warehouse import reading
from churn.warehouse.customer_ids import shown_id, staged_id

_SHOWN = 100
# skip the past dates that a backtest needs: nothing here judges warnings
_ONLY_ITS_HISTORY = {"backtest_weeks": 1}


def explain(project: Project, console: Console, *, customer: str, at: date | None) -> None:
    """Print how the customer's score arises, at the last build's as-of date or at the date `at`.

    For another date, this builds that date in a temporary folder, with the data and variables of
    the last build. It only reads the user's warehouse.

    Raises:
        InputError: there is no such customer, it has no score at that date, or nothing has been
            built yet.
        ChurnError: the warehouse cannot be read, or the build fails.
    """
    customer_id = staged_id(customer)
    with reading(project) as warehouse:
        found = standing(warehouse, customer_id, at)
        explanation = None
        if found is not None and found.is_scored and found.is_last_build:
            explanation = read(warehouse, customer_id, found.day, warehouse.warnings())
    if found is None:
        look_up_one(project, customer_id)
        raise InputError(f"{shown_id(customer_id, _SHOWN)} is no customer of the last build.")
    if not found.is_scored:
        raise InputError(plain(found.why_not))
    if explanation is None:
        explanation = _built(project, console, customer_id, found)
    print_explanation(explanation, console)


def _built(project: Project, console: Console, customer_id: str, found: Standing) -> Explanation:
    """Build a date in a temporary folder, and return the explanation."""
    made_from = inputs(project)
    with reading(project) as warehouse:
        data_set, verdicts = warehouse.data_set(), verdict_warnings(warehouse)
    console.print(
        f"Computing {found.day} from the rows known by then, beside the warehouse of "
        f"{found.as_of_date}, which stays as it is."
    )
    if made_from.doubt:
        console.print(made_from.doubt, style="yellow", markup=False, highlight=False)
    with temporary_place("churn-explain-"):
        elsewhere = Project()
        build(
            elsewhere,
            console,
            data_dir=made_from.data_dir,
            variables={**made_from.variables, **_ONLY_ITS_HISTORY, "as_of_date": str(found.day)},
            models=MODELS,
            tested=False,
        )
        with reading(elsewhere) as warehouse:
            if warehouse.data_set() != data_set:
                raise InputError(
                    f"The warehouse is not of {warehouse.data_set()}, and it is not on record what "
                    "it was built from. Build it with `make run`, or set CHURN_DATA_DIR."
                )
            warnings = [*verdicts, *feed_warnings(warehouse)]
            return read(warehouse, customer_id, found.day, warnings)
