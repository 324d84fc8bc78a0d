"""What was published stays published, and the product says when today's rows disagree."""

import shutil
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq

from churn.project import Project
from churn.publish import publish
from conftest import AS_OF, Tables, Workspace

NEXT_DAY = AS_OF + timedelta(days=1)


def run(workspace: Workspace, tables: Tables, **variables: object) -> str:
    settings = ", ".join(f"{name}: {value}" for name, value in variables.items())
    outcome = workspace.churn("run", "--data", workspace.write(tables), "--vars", f"{{{settings}}}")
    assert (outcome.code, outcome.err) == (0, "")
    return outcome.out


def build(workspace: Workspace, tables: Tables, **variables: object) -> None:
    """What `run` does, faster: without data tests and the page; a publication shows next time."""
    workspace.build_tables(tables, **variables)
    with workspace.active():
        publish(Project())


def files(workspace: Workspace) -> list[Path]:
    return sorted((workspace.store / "published").glob("*.parquet"))


def add_day(tables: Tables) -> None:
    """One more day, on which everybody uses as much as on the last."""
    last = [row for row in tables["feature_usage"] if row["usage_date"] == str(AS_OF)]
    tables["feature_usage"] += [
        row | {"usage_id": f"N{row['usage_id']}", "usage_date": str(NEXT_DAY)} for row in last
    ]


def quarter_usage(tables: Tables, customer: str) -> None:
    """What a customer used in the 30 days up to the as-of date turns out to be a quarter."""
    since = str(AS_OF - timedelta(days=30))
    for row in tables["feature_usage"]:
        if row["subscription_id"] == customer and row["usage_date"] >= since:
            row["usage_count"] = str(int(row["usage_count"]) // 4)


def test_a_run_publishes_the_scores_of_its_date_once(workspace: Workspace, tables: Tables) -> None:
    run(workspace, tables)

    published = workspace.select("select * from marts.published_scores order by customer_id")
    scored = workspace.select("select * from marts.customer_risk order by customer_id")
    shared = ["customer_id", "account_id", "ruleset", "is_active", "arr", "plan_tier"]
    shared += ["risk_score", "risk_level", "top_reasons"]
    assert [[row[c] for c in shared] for row in published] == [
        [row[c] for c in shared] for row in scored
    ]
    assert {row["as_of_date"] for row in published} == {AS_OF}
    [path] = files(workspace)
    before = path.read_bytes()

    quarter_usage(tables, "S05")
    out = run(workspace, tables)

    assert files(workspace) == [path]
    assert path.read_bytes() == before
    again = workspace.select("select * from marts.published_scores order by customer_id")
    assert again == published
    [restated] = workspace.select("select * from quality.restated_scores")
    assert restated == {
        "as_of_date": AS_OF,
        "customer_id": "S05",
        "account_id": "A05",
        "difference": "scored differently",
        "published_score": 0,
        "recomputed_score": 40,
        "published_level": "Low",
        "recomputed_level": "Medium",
        "published_reasons": None,
        "recomputed_reasons": "Usage dropped 76% (30d vs prior)",
    }
    warning = "1 score that was published for 2026-03-31 comes out differently"
    assert warning in " ".join(out.split())


def test_later_runs_find_what_was_edited_behind_a_published_date(
    workspace: Workspace, tables: Tables
) -> None:
    # March 31 of 2026 is no Sunday: it is compared because it was published
    run(workspace, tables)
    add_day(tables)
    out = run(workspace, tables)
    assert workspace.select("select * from quality.restated_scores") == []
    assert "differently" not in out
    assert workspace.column(
        "select distinct as_of_date from marts.published_scores order by 1"
    ) == [
        AS_OF,
        NEXT_DAY,
    ]

    quarter_usage(tables, "S05")
    by_id = {row["subscription_id"]: row for row in tables["subscriptions"]}
    by_id["S02"]["is_trial"] = "false"
    by_id["S04"]["end_date"] = "2026-03-15"
    tables["subscriptions"] = [
        row for row in tables["subscriptions"] if row["subscription_id"] != "S07"
    ]
    tables["subscriptions"].append(by_id["S08"] | {"subscription_id": "S08b"})
    out = run(workspace, tables)

    assert workspace.select(
        "select as_of_date, customer_id, difference from quality.restated_scores"
    ) == [
        {"as_of_date": day, "customer_id": customer, "difference": difference}
        for day in (AS_OF, NEXT_DAY)
        for customer, difference in (
            ("S02", "a flag has changed"),
            ("S04", "ended by then"),
            ("S05", "scored differently"),
            ("S07", "no longer scored"),
            ("S08b", "not scored then"),
        )
    ]
    # that a trial converts is no news of the past
    warning = "8 scores that were published for 2 dates from 2026-03-31 to 2026-04-01 come out"
    assert warning in " ".join(out.split())

    # an older export is a look at the past
    before = files(workspace)
    tables["feature_usage"] = [
        row for row in tables["feature_usage"] if row["usage_date"] < str(AS_OF)
    ]
    out = run(workspace, tables)
    assert files(workspace) == before
    assert (
        "The scores of 2026-04-01, a later date, are on record: its own scores were not recorded."
        in " ".join(out.split())
    )


def test_scores_of_other_rules_are_kept_and_not_compared(
    workspace: Workspace, tables: Tables
) -> None:
    build(workspace, tables, risk_ruleset="basic")
    quarter_usage(tables, "S05")
    build(workspace, tables)

    assert workspace.column("select distinct ruleset from marts.published_scores") == ["basic"]
    assert workspace.select("select * from quality.restated_scores") == []
    assert workspace.select("select * from quality.data_warnings") == []


def test_another_company_in_the_same_store_is_not_this_ones_past(
    workspace: Workspace, tables: Tables
) -> None:
    build(workspace, tables)
    other = {
        name: [
            {column: value.replace("2025-01-15", "2025-01-16") for column, value in row.items()}
            for row in rows
        ]
        for name, rows in tables.items()
    }

    build(workspace, other)

    # the same ids and the same date, but other starts: published in its own right
    assert len(files(workspace)) == 2
    assert workspace.select("from marts.published_scores") == []
    assert workspace.select("select * from quality.restated_scores") == []


def test_a_killed_publication_leaves_nothing_that_counts(
    workspace: Workspace, tables: Tables
) -> None:
    folder = workspace.store / "published"
    folder.mkdir(parents=True)
    left_over = folder / ".2026-03-31_abc.partial"
    left_over.write_bytes(b"PAR1 half of a file")

    build(workspace, tables)

    assert len(files(workspace)) == 1
    assert not left_over.exists()


def test_a_file_that_is_no_publication_is_named(workspace: Workspace, tables: Tables) -> None:
    folder = workspace.store / "published"
    folder.mkdir(parents=True)
    (folder / "notes.parquet").write_text("not Parquet")

    outcome = workspace.churn("run", "--data", workspace.write(tables))

    assert outcome.code == 2
    assert "notes.parquet" in outcome.err
    assert "Traceback" not in outcome.err


def test_a_store_that_cannot_be_written_is_one_message(
    workspace: Workspace, tables: Tables
) -> None:
    workspace.store.mkdir()
    (workspace.store / "published").write_text("a file where the folder should be")

    outcome = workspace.churn("run", "--data", workspace.write(tables))

    assert outcome.code == 2
    said = " ".join(outcome.err.split())
    assert "published cannot be" in said
    assert "CHURN_STORE_DIR=…" in said


def test_the_store_may_have_any_name(workspace: Workspace, tables: Tables) -> None:
    store = workspace.store.parent / "it's [a] {store}*?"
    workspace.environment["CHURN_STORE_DIR"] = str(store)
    workspace.environment["CHURN_DATA_DIR"] = str(workspace.load_dir)
    try:
        run(workspace, tables)
        assert workspace.column("select count(*) from marts.published_scores") == [12]
        [path] = (store / "published").glob("*.parquet")
        assert len(pq.read_table(path)) == 12
    finally:
        shutil.rmtree(store, ignore_errors=True)


def test_dates_before_the_history_are_kept_but_not_compared(
    workspace: Workspace, tables: Tables
) -> None:
    build(workspace, tables, history_weeks=1)
    add_day(tables)
    quarter_usage(tables, "S05")
    build(workspace, tables, history_weeks=1)

    assert workspace.select("from quality.restated_scores") == []
    assert workspace.column("select distinct as_of_date from marts.published_scores") == [AS_OF]
