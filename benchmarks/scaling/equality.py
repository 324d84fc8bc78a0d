"""Checks that all contenders give the same scores, and so do the same work."""

from pathlib import Path

import duckdb

from churn.warehouse.sql_text import file_pattern, literal
from scaling.contenders import Place, run_script

COMPARED = """
    customer_id, usage_30d, usage_prev30d, errors_30d, tickets_30d, escalations_30d,
    satisfaction_score, risk_score, risk_level, top_reasons
"""


class UnequalError(AssertionError):
    """Two contenders gave different scores."""


def check(place: Place) -> list[str]:
    """Compare the scores in a place with the floor's, and return the compared contenders.

    If the floor has not run on the data, it runs now. For the later day's data this is always so.

    Raises UnequalError for the first contender with other scores.
    """
    today, later = place.company.base, place.company.later
    compared = []
    for name, floor, data, scores in (
        ("pandas", "floor", today, place.scores),
        ("dbt", "floor", today, place.database("dbt")),
        ("spark", "floor", today, place.spark_scores),
        ("dbt_later", "floor_later", later, place.database("dbt_later")),
    ):
        if scores.exists():
            if not place.database(floor).exists():
                run_script("floor", place, floor, data)
            _compare(place, name, place.database(floor), scores)
            compared.append(name)
    return compared


def _compare(place: Place, name: str, floor: Path, scores: Path) -> None:
    settings = {"memory_limit": "1GB", "temp_directory": str(place.spill)}
    with duckdb.connect(config=settings) as both:
        _attach(both, floor, "floor")
        if scores.suffix == ".duckdb":
            _attach(both, scores, "other")
            other = "other.marts.customer_risk"
        else:
            files = file_pattern(scores) + ("/*.parquet" if scores.is_dir() else "")
            other = f"read_parquet({literal(files)})"
        count, example, customers = both.execute(f"""
            with floor as (select {COMPARED} from floor.scores),
            other as (select {COMPARED} from {other}),
            differing as (
                (from floor except all from other) union all (from other except all from floor)
            )
            select count(*), min(customer_id), (select count(*) from floor) from differing
        """).fetchall()[0]
    if count or not customers:
        raise UnequalError(
            f"{name} and the floor differ in {count} rows of {customers} customers; the first is "
            f"customer {example}."
        )


def _attach(both: duckdb.DuckDBPyConnection, file: Path, name: str) -> None:
    both.execute(f"attach {literal(str(file))} as {name} (read_only)")
