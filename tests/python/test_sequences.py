"""Whatever is done to a warehouse, the next `churn run` gives what a fresh build gives.

`SEQUENCES=300` tries so many random sequences, too; `FIRST_SEQUENCE` is the seed of the first.
"""

import os

import pytest

from sequences import Sequence, Town, telling

FIRST = int(os.environ.get("FIRST_SEQUENCE") or 0)
RANDOM = int(os.environ.get("SEQUENCES") or 0)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    return Town(tmp_path_factory.mktemp("town"))


def test_a_part_built_by_hand_from_stale_tables_does_not_stay(town: Town) -> None:
    """After a look, which leaves nothing; the corrected export has as many rows as before."""
    sequence = Sequence(town, 0)

    def correct() -> None:
        for row in sequence.company.tables["feature_usage"]:
            if row["subscription_id"] == "S05" and row["usage_date"] >= "2026-03-01":
                row["usage_count"] = "1"
        sequence.load()

    def build_a_part() -> None:
        sequence.dbt("run", "--select", "int_customer_usage")

    with telling(sequence):
        sequence.happen([sequence.look, correct, build_a_part])
    assert "Every row is read again" in sequence.steps[-2]


if RANDOM:

    @pytest.mark.parametrize("seed", range(FIRST, FIRST + RANDOM))
    def test_any_sequence_ends_in_what_a_fresh_build_gives(town: Town, seed: int) -> None:
        sequence = Sequence(town, seed)
        with telling(sequence):
            sequence.happen(sequence.any_steps())
