"""Every dbt test: unit tests of the logic, and data tests of what must hold."""

import json
from collections import Counter

import pytest
from dbt.artifacts.schemas.run import RunExecutionResult

from conftest import Workspace

# exposures have nothing to build: their status is no-op
FINE = {"success", "pass", "warn", "no-op"}


def test_every_data_test_passes_on_the_bundled_sample(sample: Workspace) -> None:
    results = json.loads(sample.results.read_text(encoding="utf-8"))["results"]
    tests = [result for result in results if result["unique_id"].startswith("test.")]
    assert {result["status"] for result in results} <= FINE
    assert sum(result["status"] == "pass" for result in tests) >= 120
    warned = {test["unique_id"].split(".")[2] for test in tests if test["status"] == "warn"}
    assert_warns_of_planted_faults(warned)


def assert_warns_of_planted_faults(warned: set[str]) -> None:
    """Assert that the planted faults of the sample are the only reasons for warnings."""
    assert {"warn_about_rejected_rows", "warn_about_data_quality_issues"} <= warned
    assert all(name.startswith(("warn_about", "relationships_stg")) for name in warned)


@pytest.mark.slow
def test_plain_dbt_build_passes_every_test_on_the_bundled_sample(workspace: Workspace) -> None:
    workspace.light = False
    result = workspace.dbt("build")

    assert result.success
    assert isinstance(result.result, RunExecutionResult)
    statuses = Counter(
        (str(node.node.resource_type), str(node.status)) for node in result.result.results
    )
    assert {status for _, status in statuses} <= FINE
    assert statuses["unit_test", "pass"] >= 40
    assert statuses["test", "pass"] >= 120
    assert_warns_of_planted_faults(
        {node.node.name for node in result.result.results if str(node.status) == "warn"}
    )
