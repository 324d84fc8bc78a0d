"""Recorded scores: appends the first scores of each as-of date to the durable store."""

import uuid
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa

from churn.files.store import append
from churn.project import Project
from churn.warehouse.read import reading

# what shows a new publication, in the order in which it is built
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
# a date beyond today is a typo, and would keep the real ones from being recorded
_LATER = """
    select max(published.as_of_date) filter (published.as_of_date <= $tomorrow)
    from marts.published_scores as published
    inner join intermediate.int_as_of_dates as today
        on today.is_current and published.as_of_date >= today.as_of_date
    having not bool_or(published.as_of_date = today.as_of_date)
"""
_SCORES = "select * from intermediate.int_scores_to_publish order by customer_id"


def later_date(project: Project) -> date | None:
    """A later as-of date whose scores are on record, where those of the last build are not.

    The last build is then a look at the past, such as one from an older export.
    """
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    with reading(project) as warehouse:
        found = warehouse.connection.execute(_LATER, {"tomorrow": tomorrow}).fetchone()
    day: date | None = found[0] if found else None
    return day


def publish(project: Project) -> bool:
    """Append the scores of the last build to the store; false where their date is in it already.

    The store gets one file a publication: the columns of `int_scores_to_publish`, with
    `publication_id` and `published_at` (UTC). Raises ChurnError when the disk refuses.
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
