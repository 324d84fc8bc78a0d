"""Recorded scores: appends the first scores of each as-of date to the durable store."""

import uuid
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa

from churn.files.store import append
from churn.project import Project
from churn.warehouse.read import reading

# the models that a new publication changes, in build order
PUBLISHED_MODELS = (
    "int_as_of_dates",
    "stg_store__published_scores",
    "int_published_scores",
    "published_scores",
)

_IS_PUBLISHED = """
    select count(*) > 0
    from marts.published_scores
    inner join intermediate.int_as_of_dates using (as_of_date)
    where is_current
"""
# a date in the future is a typo, and would block the recording of real dates
_LATER = """
    select max(published.as_of_date) filter (published.as_of_date <= $tomorrow)
    from marts.published_scores as published
    inner join intermediate.int_as_of_dates as today
        on today.is_current and published.as_of_date >= today.as_of_date
    having not bool_or(published.as_of_date = today.as_of_date)
"""
_SCORES = "select * from intermediate.int_scores_to_publish order by customer_id"


def later_date(project: Project) -> date | None:
    """Return a later as-of date with recorded scores, if the last build's date has none.

    The last build then looks at the past, for example because it used an older export.
    """
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    with reading(project) as warehouse:
        found = warehouse.connection.execute(_LATER, {"tomorrow": tomorrow}).fetchone()
    day: date | None = found[0] if found else None
    return day


def publish(project: Project) -> bool:
    """Append the scores of the last build to the store; False if the store already has their date.

    Each publication is one file with the columns of `int_scores_to_publish`, `publication_id` and
    `published_at` (UTC). Raises ChurnError if the disk refuses the write.
    """
    with reading(project) as warehouse:
        found = warehouse.connection.execute(_IS_PUBLISHED).fetchone()
        scores = warehouse.connection.execute(_SCORES).to_arrow_table()
    if found == (True,) or not len(scores):
        return False
    publication, now = uuid.uuid4().hex, datetime.now(UTC).replace(tzinfo=None)
    publication_ids = pa.array([publication] * len(scores), pa.string())
    published_at = pa.array([now] * len(scores), pa.timestamp("us"))
    scores = scores.append_column("publication_id", publication_ids)
    scores = scores.append_column("published_at", published_at)
    name = f"{scores['as_of_date'][0]}_{publication[:12]}"
    append(project.store_dir / "published", name, scores)
    return True
