"""Published scores never change, and the product says when today's rows disagree with them."""

import io
import shutil
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn.project import Project
from churn.warehouse.recorded_scores import PUBLISHED_MODELS, publish
from conftest import AS_OF, Stages, Tables, Workspace, built_once, small_company

NEXT_DAY = AS_OF + timedelta(days=1)
# earlier than the history of a light build
LONG_AGO = AS_OF - timedelta(days=60)
KILLED = ".2026-03-31_abc.partial"


def run(workspace: Workspace, tables: Tables, **variables: object) -> str:
    settings = ", ".join(f"{name}: {value}" for name, value in variables.items())
    outcome = workspace.churn("run", "--data", workspace.write(tables), "--vars", f"{{{settings}}}")
    assert (outcome.code, outcome.err) == (0, "")
    return outcome.out


def build(workspace: Workspace, tables: Tables, **variables: object) -> None:
    """Do what `run` does, but without data tests; the next build shows the published scores."""
    workspace.build_tables(tables, **variables)
    with workspace.active():
        publish(Project())


def add_day(tables: Tables) -> None:
    """Add a day on which everyone uses as much as on the last day."""
    last = [row for row in tables["feature_usage"] if row["usage_date"] == str(AS_OF)]
    tables["feature_usage"] += [
        row | {"usage_id": f"N{row['usage_id']}", "usage_date": str(NEXT_DAY)} for row in last
    ]


def quarter_usage(tables: Tables, customer: str) -> None:
    """Reduce a customer's usage in the 30 days up to the as-of date to a quarter."""
    since = str(AS_OF - timedelta(days=30))
    for row in tables["feature_usage"]:
        if row["subscription_id"] == customer and row["usage_date"] >= since:
            row["usage_count"] = str(int(row["usage_count"]) // 4)


# ------------------------------------------------------------------------------ a company's past
def live(folder: Path, target: Path) -> None:
    """Run the builds of a company, in a store with an odd name, and keep these stages.

    - `first`: a run
    - `day`: a day later
    - `edited`: the same day, after rows behind both days were edited
    - `others`: the store instead holds scores of other rules, another company and an old date
    - `older`: an older export
    """
    stages, place = Stages(folder, target), Workspace(folder / "place", target)
    store = place.store = place.store.parent / "it's [a] {store}*?"
    place.environment |= {
        "CHURN_STORE_DIR": str(store),
        "CHURN_DATA_DIR": str(place.load_dir),
    }
    published = store / "published"
    published.mkdir(parents=True)
    (published / KILLED).write_bytes(b"PAR1 half of a file")

    def keep(stage: str, said: str) -> None:
        stages.keep(stage, place, said)
        shutil.copytree(published, folder / stage / "published")

    tables = small_company()
    keep("first", run(place, tables))

    add_day(tables)
    keep("day", run(place, tables))

    quarter_usage(tables, "S05")
    by_id = {row["subscription_id"]: row for row in tables["subscriptions"]}
    by_id["S02"]["is_trial"] = "false"
    by_id["S04"]["end_date"] = "2026-03-15"
    tables["subscriptions"] = [
        row for row in tables["subscriptions"] if row["subscription_id"] != "S07"
    ]
    tables["subscriptions"].append(by_id["S08"] | {"subscription_id": "S08b"})
    keep("edited", run(place, tables))

    kept = store / "kept"
    published.rename(kept)
    published.mkdir()
    [first] = [pq.read_table(file) for file in kept.glob(f"{AS_OF}*.parquet")]
    for name, changes in {
        "other rules": {"ruleset": "basic", "configuration": "basic"},
        "other company": {"as_of_date": NEXT_DAY, "start_date": date(2025, 1, 16)},
        "long ago": {"as_of_date": LONG_AGO},
    }.items():
        rows = [row | changes | {"publication_id": name} for row in first.to_pylist()]
        pq.write_table(pa.Table.from_pylist(rows, first.schema), published / f"{name}.parquet")
    models = (*PUBLISHED_MODELS, "restated_scores", "data_warnings")
    built = place.dbt("run", "--select", *models, data_dir=place.load_dir)
    assert built.success, built.exception
    with place.active():
        is_published = publish(Project())
    keep("others", f"{is_published}")
    shutil.rmtree(published)
    kept.rename(published)

    tables["feature_usage"] = [
        row for row in tables["feature_usage"] if row["usage_date"] < str(AS_OF)
    ]
    keep("older", run(place, tables))


@pytest.fixture
def stages(tmp_path_factory: pytest.TempPathFactory, target: Path) -> Stages:
    """The stages, built once for all tests; only read them."""
    place = built_once(
        tmp_path_factory, target, "past", lambda place: live(place.store.parent, target)
    )
    return Stages(place.store.parent, target)


def files(stages: Stages, stage: str) -> dict[str, bytes]:
    folder = stages.folder / stage / "published"
    return {file.name: file.read_bytes() for file in folder.glob("*.parquet")}


PUBLISHED = "from marts.published_scores order by as_of_date, customer_id"
DATES = "select distinct as_of_date from marts.published_scores order by 1"


def test_a_run_publishes_the_scores_of_its_date(stages: Stages) -> None:
    shared = "customer_id, account_id, ruleset, is_active, arr, plan_tier, risk_score, risk_level"
    shared = f"{shared}, top_reasons"
    published = stages["first"].select(f"select {shared} {PUBLISHED}")
    assert published == stages["first"].select(
        f"select {shared} from marts.customer_risk order by customer_id"
    )
    assert stages["first"].column(DATES) == [AS_OF]
    [content] = files(stages, "first").values()
    assert len(pq.read_table(io.BytesIO(content))) == len(published) == 12


def test_a_date_is_published_once(stages: Stages) -> None:
    """Published scores stay, whatever the rows of the date become later."""
    assert stages["day"].column(DATES) == [AS_OF, NEXT_DAY]
    assert files(stages, "first").items() < files(stages, "day").items()
    assert files(stages, "edited") == files(stages, "day")
    assert stages["edited"].select(PUBLISHED) == stages["day"].select(PUBLISHED)


def test_what_was_edited_behind_a_published_date_is_found(stages: Stages) -> None:
    """March 31, 2026 is not a Sunday: the date is compared because it was published."""
    for stage in ("first", "day"):
        assert stages[stage].select("from quality.restated_scores") == []
        assert "differently" not in stages.said(stage)
    restated = stages["edited"].select("from quality.restated_scores")
    found = [(row["as_of_date"], row["customer_id"], row["difference"]) for row in restated]
    assert found == [
        (day, customer, difference)
        for day in (AS_OF, NEXT_DAY)
        for customer, difference in (
            ("S02", "a flag has changed"),
            ("S04", "ended by then"),
            ("S05", "scored differently"),
            ("S07", "no longer scored"),
            ("S08b", "not scored then"),
        )
    ]
    assert restated[2] == {
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
    # a converted trial does not count as a change of the past
    warning = "8 scores that were published for 2 dates from 2026-03-31 to 2026-04-01 come out"
    assert warning in stages.said("edited")


def test_an_older_export_is_a_look_at_the_past(stages: Stages) -> None:
    assert files(stages, "older") == files(stages, "edited")
    assert (
        "The scores of 2026-04-01, a later date, are on record: its own scores were not recorded."
        in stages.said("older")
    )


def test_scores_of_other_rules_and_before_the_history_are_kept_and_not_compared(
    stages: Stages,
) -> None:
    kept = stages["others"].select(
        "select distinct as_of_date, ruleset from marts.published_scores order by all"
    )
    assert [(*row.values(),) for row in kept] == [(LONG_AGO, "standard"), (AS_OF, "basic")]
    assert stages["others"].select("from quality.restated_scores") == []
    warned = stages["others"].column("select about from quality.data_warnings")
    assert "restated_scores" not in warned


def test_another_company_in_the_same_store_is_not_this_ones_past(stages: Stages) -> None:
    """It has the same ids and date, but other start dates, so its scores are published."""
    assert stages.said("others") == "True"
    assert NEXT_DAY not in stages["others"].column(DATES)
    assert len(files(stages, "others")) == 4


def test_a_killed_publication_leaves_nothing_that_counts(stages: Stages) -> None:
    assert {path.name for path in (stages.folder / "first" / "published").iterdir()} == {
        ".lock",
        *files(stages, "first"),
    }


# ------------------------------------------------------------------------------ refusals
@pytest.mark.builds
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
