"""Whatever happened to a warehouse, the next `churn run` gives the rows of a fresh build.

`make test-slow` tries a few random sequences. `SEQUENCES=300` tries 300 of them, and
`FIRST_SEQUENCE` sets the seed of the first.
"""

import os

import pytest

from conftest import Workspace, assert_same
from sequences import Sequence, Town, telling
from test_growth import Company

FIRST = int(os.environ.get("FIRST_SEQUENCE") or 0)
RANDOM = int(os.environ.get("SEQUENCES") or 2)


@pytest.mark.builds
def test_a_part_built_by_hand_from_stale_tables_does_not_stay(workspace: Workspace) -> None:
    """A run with variables comes first; the corrected export has the same number of rows."""
    company = Company()
    workspace.load(company.tables)
    workspace.environment["CHURN_DATA_DIR"] = str(workspace.load_dir)

    def run(*arguments: str) -> str:
        outcome = workspace.churn("run", *arguments)
        assert (outcome.code, outcome.err) == (0, "")
        return outcome.out

    assert "To record them, add --record" in run("--vars", "{min_usage_rows: 40}")
    published = workspace.store / "published"
    assert not published.exists()

    for row in company.tables["feature_usage"]:
        if row["subscription_id"] == "S05" and row["usage_date"] >= "2026-03-01":
            row["usage_count"] = "1"
    workspace.load(company.tables)
    assert workspace.dbt("run", "--select", "int_customer_usage").success
    assert "Every row is read again" in run()
    stored = sorted(published.glob("*.parquet"))
    assert len(stored) == 1

    found = workspace.contents()
    workspace.warehouse.unlink()
    run()
    assert sorted(published.glob("*.parquet")) == stored
    assert_same(found, workspace.contents(), in_order=False)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    return Town(tmp_path_factory.mktemp("town"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(FIRST, FIRST + RANDOM))
def test_any_sequence_ends_in_what_a_fresh_build_gives(town: Town, seed: int) -> None:
    sequence = Sequence(town, seed)
    with telling(sequence):
        sequence.happen(sequence.any_steps())
