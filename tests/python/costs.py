"""The cost of a test run, in counts that do not depend on the machine, and its budget.

The budgets are in tests/budget.toml. A run above its budget fails, even if its tests pass.
"""

import os
import tempfile
import tomllib
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import pytest

import dbt_test_costs

BUDGET = Path(__file__).parents[1] / "budget.toml"
KINDS = ("dbt", "full parse", "whole build", "evidence site", "spark")
_DEAREST = 10


def pytest_configure(config: pytest.Config) -> None:
    """Give this run and all its child processes one file for their notes."""
    if not hasattr(config, "workerinput"):
        file, os.environ[dbt_test_costs.FILE] = tempfile.mkstemp(prefix="churn-test-costs-")
        os.close(file)
        folder = str(Path(__file__).parent)
        others = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [folder, others]))


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        Path(os.environ.pop(dbt_test_costs.FILE)).unlink(missing_ok=True)


def _noted() -> list[tuple[str, str]]:
    """Return what was done, with the test that did it."""
    text = Path(os.environ[dbt_test_costs.FILE]).read_text(encoding="utf-8")
    return [(line.split("\t")[0], line.split("\t")[1]) for line in text.splitlines()]


def _budget(config: pytest.Config) -> dict[str, int]:
    """Return the budget of this selection of tests; it is empty if there is none."""
    budgets = tomllib.loads(BUDGET.read_text(encoding="utf-8"))
    return budgets.get(config.getoption("markexpr"), {})


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None]:
    yield
    if hasattr(session.config, "workerinput"):
        return
    counts = Counter(kind for kind, _ in _noted())
    budget = _budget(session.config)
    if session.exitstatus == pytest.ExitCode.OK and any(
        counts[kind] > most for kind, most in budget.items()
    ):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the counts with their budget, dbt invocations by file, and the slowest tests."""
    noted, budget = _noted(), _budget(config)
    counts = Counter(kind for kind, _ in noted)
    terminalreporter.section("what the run cost")
    for kind in KINDS:
        most = budget.get(kind)
        line = f"{counts[kind]:5} {kind}" + (f", at most {most}" if most is not None else "")
        is_above = most is not None and counts[kind] > most
        terminalreporter.line(line + ("  ABOVE THE BUDGET" if is_above else ""), red=is_above)
    files = Counter(test.partition("::")[0] or "-" for kind, test in noted if kind == "dbt")
    shown = ", ".join(f"{Path(file).stem} {count}" for file, count in files.most_common())
    terminalreporter.line(f"dbt invocations by file: {shown or 'none'}")
    seconds: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                seconds[report.nodeid] += report.duration
    terminalreporter.line("slowest tests, fixtures included:")
    for test, duration in seconds.most_common(_DEAREST):
        terminalreporter.line(f"{duration:7.1f} s  {test}")
