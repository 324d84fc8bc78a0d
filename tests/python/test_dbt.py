"""Every dbt test: unit tests of the logic, data tests of what must hold."""

from collections import Counter

from dbt.artifacts.schemas.run import RunExecutionResult

from conftest import Workspace


def test_dbt_build_passes_every_test_on_the_bundled_sample(workspace: Workspace) -> None:
    result = workspace.dbt("build")

    assert result.success
    assert isinstance(result.result, RunExecutionResult)
    statuses = Counter(
        (node.node.resource_type, str(node.status)) for node in result.result.results
    )
    # there is nothing to build of an exposure
    fine = ("success", "pass", "warn")
    assert not [key for key in statuses if key[1] not in fine and key != ("exposure", "no-op")]
    assert statuses["unit_test", "pass"] >= 40
    assert statuses["test", "pass"] >= 120
    warned = {node.node.name for node in result.result.results if str(node.status) == "warn"}
    # the sample has planted faults, and nothing else to warn about
    assert {"warn_about_rejected_rows", "warn_about_data_quality_issues"} <= warned
    assert all(name.startswith(("warn_about", "relationships_stg")) for name in warned)
