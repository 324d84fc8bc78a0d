"""Whether all contenders give the same scores: else they do not do the same work."""

import duckdb

from scaling.contenders import Place

COMPARED = """
    customer_id, usage_30d, usage_prev30d, errors_30d, tickets_30d, escalations_30d,
    satisfaction_score, risk_score, risk_level, top_reasons
"""


class UnequalError(AssertionError):
    """Two contenders give different scores."""


def check(place: Place) -> list[str]:
    """Compare what was computed in a place with the floor; returns who was compared.

    Raises UnequalError for the first one that gives other scores.
    """
    with duckdb.connect(config={"memory_limit": "1GB", "temp_directory": str(place.spill)}) as all_:
        _attach(all_, place, "floor")
        others = {"pandas": f"read_parquet('{place.scores}')"} if place.scores.exists() else {}
        if place.database("dbt").exists():
            _attach(all_, place, "dbt")
            others["dbt"] = "dbt.marts.customer_risk"
        for name, scores in others.items():
            _compare(all_, name, scores)
    return list(others)


def _attach(all_: duckdb.DuckDBPyConnection, place: Place, name: str) -> None:
    all_.execute(f"attach '{place.database(name)}' as {name} (read_only)")


def _compare(all_: duckdb.DuckDBPyConnection, name: str, scores: str) -> None:
    differing = all_.execute(f"""
        with floor as (select {COMPARED} from floor.scores),
        other as (select {COMPARED} from {scores}),
        differing as (
            (from floor except all from other) union all (from other except all from floor)
        )
        select count(*), min(customer_id), (select count(*) from floor) from differing
    """).fetchall()[0]
    count, example, customers = differing
    if count or not customers:
        raise UnequalError(
            f"{name} and the floor differ in {count} rows of {customers} customers; the first is "
            f"customer {example}."
        )
