"""The `churn` command from the user's view: texts, exit codes, and never a stack trace."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
from dbt.cli.main import dbtRunnerResult
from dbt_common.exceptions import DbtDatabaseError
from rich.cells import cell_len

from churn.build import dbt
from churn.project import Project
from conftest import ODD, ROOT, Tables, Workspace

COMMANDS = [
    *("run", "show", "list", "explain", "export", "backtest", "enrich", "analyze", "load"),
    *("watch", "generate", "publish"),
]


def plain(text: str) -> str:
    """Return the text without line breaks and table padding."""
    return " ".join(text.split())


def test_help_says_what_every_command_does(workspace: Workspace) -> None:
    code, out, _ = workspace.churn("--help")
    assert code == 0
    for command in COMMANDS:
        assert re.search(rf"^\W*{command} +\w", out, re.MULTILINE)
        shown = workspace.churn(command, "--help")
        assert shown.code == 0
        assert f"Usage: churn {command}" in shown.out
    assert "--data" in workspace.churn("run", "--help").out
    assert "--partial" in workspace.churn("load", "--help").out


@pytest.mark.builds
def test_a_run_in_a_folder_of_any_name_prints_the_list_and_what_to_do_next(
    tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch, tables: Tables
) -> None:
    monkeypatch.chdir(ROOT)
    place = Workspace(tmp_path / 'it\'s [1] *100%* {data} "so"; --', target)
    for number, row in enumerate(tables["accounts"]):
        row["account_name"] = f"{'株式会社' if number else 'O’Neill'} {number}"
    tables["feature_usage"][0]["usage_count"] = "-1"
    tables["support_tickets"] = tables["support_tickets"][:-2]
    # a run with variables records no scores, which saves a second build
    look = ["--vars", "{history_weeks: 4}"]
    code, out, err = place.churn("run", "--data", place.write(tables), *look)
    assert (code, err) == (0, "")
    *said, not_recorded = out.splitlines()
    assert "its own scores were not recorded" in not_recorded
    assert max(cell_len(line) for line in said) <= 120
    assert "2026-03-31 (rule set standard)" in plain(out)
    parts = [
        "Warning: Support data ends on 2026-03-29, 2 days before the as-of date 2026-03-31",
        "Accounts to call first",
        "O’Neill 0",
        "Usage dropped 75% (30d vs prior), strong evidence",
        "Schedule a check-in to reset goals",
        "12 scored in 12 accounts, 11 active",
        "Rows rejected: 1.",
        "make show",
        "make help",
    ]
    rest = plain(out)
    for part in parts:
        _, found, rest = rest.partition(part)
        assert found, part
    assert place.churn("show").code == 0

    # writing the data dictionary does not depend on what was built
    page = ROOT / "build" / "docs" / "index.html"
    page.unlink(missing_ok=True)
    assert place.churn("docs").code == 0
    assert "at_risk_accounts" in page.read_text(encoding="utf-8")


def test_the_sample_list_fits_into_120_columns(sample: Workspace) -> None:
    code, out, err = sample.churn("show")
    assert (code, err) == (0, "")
    assert max(cell_len(line) for line in out.splitlines()) <= 120
    names = sample.column(
        "select account_name from marts.at_risk_accounts where arr_at_risk > 0 "
        "order by contact_priority limit 15"
    )
    # a name may wrap, so look for its first word only
    assert [name for name in names if name.split()[0] not in out] == []


def test_evidence_stands_beside_the_usage_drop_wherever_it_stands(sample: Workspace) -> None:
    out = sample.churn("show").out
    lines = [line for line in out.splitlines() if line.rstrip().endswith(" evidence")]
    assert all("Usage dropped" in line for line in lines)
    # the account's place on the list stands beside its first reason
    is_first = {bool(line[:4].strip()) for line in lines}
    assert is_first == {True, False}


# ------------------------------------------------------------------------------ failures


def assert_fails(workspace: Workspace, *arguments: object, code: int, says: list[str]) -> None:
    outcome = workspace.churn(*arguments)
    assert outcome.code == code, outcome
    for text in says:
        assert text in plain(outcome.err)
    assert "Traceback" not in outcome.out + outcome.err
    assert 'File "' not in outcome.err


@contextmanager
def held_by_another_process(warehouse: Path) -> Iterator[int]:
    """Hold the warehouse open for writing in another process; yield the process id."""
    script = (
        "import duckdb, sys; connection = duckdb.connect(sys.argv[1]); "
        "print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, warehouse],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout.readline() == "open\n"
        yield holder.pid
        holder.stdin.close()


@pytest.mark.parametrize("command", [pytest.param("run", marks=pytest.mark.builds), "show"])
def test_a_warehouse_in_use_is_said(workspace: Workspace, command: str) -> None:
    with held_by_another_process(workspace.warehouse) as holder:
        says = [workspace.warehouse.name, str(holder)]
        assert_fails(workspace, command, code=1, says=says)


@pytest.mark.parametrize("damage", ["text", "cut"])
def test_a_damaged_warehouse_is_said(workspace: Workspace, damage: str) -> None:
    if damage == "text":
        workspace.warehouse.write_text("This is not a database. " * 1000)
    else:
        with duckdb.connect(str(workspace.warehouse)) as connection:
            connection.execute("create table numbers as select range from range(200000)")
        data = workspace.warehouse.read_bytes()
        workspace.warehouse.write_bytes(data[: len(data) // 2])
    assert_fails(workspace, "show", code=1, says=[workspace.warehouse.name])
    # dbt receives DuckDB's own message
    with workspace.active(), pytest.raises(duckdb.Error) as refused:
        duckdb.connect(str(workspace.warehouse))
    with workspace.active():
        failure = dbt._failure(
            dbtRunnerResult(False, DbtDatabaseError(str(refused.value))), Project(), is_full=False
        )
    assert f"{workspace.warehouse} is not a database" in str(failure)
    assert failure.exit_code == 1


def test_a_file_of_somebody_is_not_to_be_deleted(workspace: Workspace) -> None:
    said = "Error: not a valid DuckDB database file!"
    with workspace.active():
        project = Project()
        foreign = dbt._warehouse_failure(said, project)
        project.build_record.write_text("{}")
        derived = dbt._warehouse_failure(said, project)
    assert "delete" not in str(foreign)
    assert "Name another file in CHURN_WAREHOUSE, or move this one away." in str(foreign)
    assert "It is derived and can be deleted" in str(derived)


def test_a_device_is_no_warehouse(workspace: Workspace) -> None:
    workspace.environment["CHURN_WAREHOUSE"] = "/dev/null"
    assert_fails(workspace, "run", code=2, says=["/dev/null", "regular file", "CHURN_WAREHOUSE"])
    assert not Path("/dev/null.lock").exists()


def test_show_needs_a_built_warehouse(workspace: Workspace) -> None:
    assert_fails(workspace, "show", code=2, says=["no warehouse", "make run"])
    duckdb.connect(str(workspace.warehouse)).close()
    assert_fails(workspace, "show", code=2, says=["not fully built", "make run"])


def test_a_build_that_was_killed_is_said(workspace: Workspace, sample: Workspace) -> None:
    """The figures for leadership are still those of the day before."""
    workspace.warehouse.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(sample.warehouse, workspace.warehouse)
    with duckdb.connect(str(workspace.warehouse)) as connection:
        connection.execute(
            "update marts.executive_summary set usage_window_end = usage_window_end - 1"
        )
    for command in ("show", "list", "export"):
        assert_fails(workspace, command, code=2, says=["did not end", "make run"])


def test_a_warehouse_of_another_version_is_said(workspace: Workspace) -> None:
    with duckdb.connect(str(workspace.warehouse)) as connection:
        connection.execute("create schema marts")
        connection.execute("create schema quality")
        connection.execute("create table quality.feed_freshness as select 1 as feed")
    assert_fails(workspace, "show", code=2, says=[workspace.warehouse.name, "make run"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "--data", "nowhere"], ["nowhere does not exist"]),
        (["load", "nowhere"], ["nowhere does not exist"]),
        (["load", "README.md"], ["README.md is neither a folder nor a .zip"]),
        (["load"], ["Missing argument"]),
        (["run", "--partial"], ["--partial", "needs --data"]),
        (["run", "--vars", "{as_of_date"], ["--vars cannot be read: expected ',' or '}'"]),
        (["run", "--vars", "{as_of_date: 2026-13-06}"], ["cannot be read: month must be in 1..12"]),
        (["run", "--vars", "basic"], ["--vars must name its values"]),
        (["run", "--vars", "{history_week: 5}"], ["names history_week", "history_weeks"]),
        (["fly"], ["No such command 'fly'"]),
    ],
    ids=lambda value: " ".join(value).replace("/", " "),
)
def test_wrong_use_exits_with_2_and_says_why(
    workspace: Workspace, arguments: list[str], says: list[str]
) -> None:
    assert_fails(workspace, *arguments, code=2, says=says)
    assert not workspace.warehouse.exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ("{disabled_risk_rules: [2026-01-01]}", "2026-01-01"),
        ("{risk_ruleset: [basic]}", "there is no rule set '['basic']'"),
    ],
)
def test_settings_that_dbt_refuses_exit_with_2(
    workspace: Workspace, variables: str, says: str
) -> None:
    assert_fails(workspace, "run", "--vars", variables, code=2, says=[says])


@pytest.mark.parametrize("command", [["run"], ["run", "--data", "."], ["load", "."]])
def test_outside_the_project_nothing_is_left_behind(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    # remove the test's own paths, so that everything resolves from the working directory
    for variable in ("CHURN_WAREHOUSE", "CHURN_STORE_DIR", "CHURN_TEMP_DIR"):
        del workspace.environment[variable]
    assert_fails(workspace, *command, code=2, says=["dbt_project.yml", "project"])
    assert list(tmp_path.iterdir()) == []


def test_a_data_folder_without_data_is_said(workspace: Workspace) -> None:
    workspace.environment["CHURN_DATA_DIR"] = "nowhere"
    assert_fails(workspace, "run", code=2, says=["CHURN_DATA_DIR is nowhere", "make load"])


# ------------------------------------------------------------------------------ make


@pytest.mark.builds
def test_make_installs_a_command_that_starts_from_any_folder(tmp_path: Path) -> None:
    clone = tmp_path / ODD
    (clone / ".venv" / "bin").mkdir(parents=True)
    # use the layout of a virtual environment, but the packages of this one
    packages = os.pathsep.join([str(ROOT / "scripts"), *sys.path])
    (clone / ".venv" / "bin" / "python").symlink_to(sys.executable)
    make = ["make", "-f", str(ROOT / "Makefile"), "--eval", "only-the-command: ; $(command)"]
    subprocess.run([*make, "only-the-command"], cwd=clone, check=True)
    (tmp_path / "churn").symlink_to(clone / ".venv" / "bin" / "churn")
    for command in (".venv/bin/churn", str(tmp_path / "churn")):
        started = subprocess.run(
            [command, "no such $HOME command"],
            cwd=clone,
            env=os.environ | {"PYTHONPATH": packages},
            capture_output=True,
            text=True,
            check=False,
        )
        assert started.returncode == 2
        assert "No such command 'no such $HOME command'" in started.stderr


def test_make_help_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].split()
    shown = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert [line.split()[0] for line in shown.stdout.splitlines()] == targets
    assert set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE)) == set(targets)
