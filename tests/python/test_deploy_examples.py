"""The tools that `examples/deploy` is written for accept its files, and its commands run."""

import ast
import fcntl
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest
import typer
import yaml

from churn import cli
from conftest import ODD, ROOT, Tables, Workspace, copy_of_project

if TYPE_CHECKING:
    import dagster

EXAMPLES = ROOT / "examples" / "deploy"
GUIDE = (ROOT / "docs" / "deploying.md").read_text(encoding="utf-8")
CRONTAB = (EXAMPLES / "crontab").read_text(encoding="utf-8")
WORKFLOW = (EXAMPLES / "github-actions.yml").read_text(encoding="utf-8")
AIRFLOW = (EXAMPLES / "airflow_dag.py").read_text(encoding="utf-8")
EVERY_STEP = [["run", "--data", "exports"], ["publish"], ["reports"]]

# a line of a crontab has five fields, then the command
JOBS = re.findall(r"^((?:[\d*][\d*/,-]* +){4}[\d*][\d*/,-]*) +(.+)$", CRONTAB, flags=re.MULTILINE)


def churn_commands(text: str) -> list[list[str]]:
    """Return the arguments of every `.venv/bin/churn` in shell commands."""
    found = re.findall(r"\.venv/bin/churn ([^&|;>#`'\n]+)", text)
    return [shlex.split(arguments) for arguments in found]


def dag_commands() -> list[list[str]]:
    """Return the arguments of the tasks, in order; names in capitals stand for paths."""
    calls = [node for node in ast.walk(ast.parse(AIRFLOW)) if isinstance(node, ast.Call)]
    tasks = [call for call in calls if isinstance(call.func, ast.Call)]
    assert tasks
    return [
        [arg.value if isinstance(arg, ast.Constant) else "exports" for arg in task.args]
        for task in sorted(tasks, key=lambda task: task.lineno)
        if task.args and all(isinstance(arg, ast.Constant | ast.Name) for arg in task.args)
    ]


def assert_is_a_command(arguments: list[str]) -> None:
    """Assert that the command has these names, options and values; run nothing."""
    command, rest = typer.main.get_command(cli.app), arguments
    while rest and hasattr(command, "commands"):
        name, *rest = rest
        assert name in command.commands, f"No such command: {name}"
        command = command.commands[name]
    command.make_context("churn", list(rest))


@pytest.mark.parametrize("text", [GUIDE, CRONTAB], ids=["guide", "crontab"])
def test_every_command_exists(text: str) -> None:
    commands = churn_commands(text)
    assert len(commands) >= 3
    for command in commands:
        assert_is_a_command(command)


def test_a_command_that_does_not_exist_is_found() -> None:
    for wrong in (["walk"], ["run", "--dada", "x"], ["outcome", "forget"]):
        with pytest.raises(Exception, match=r"(?i)no such"):
            assert_is_a_command(wrong)


@pytest.mark.parametrize("text", [GUIDE, WORKFLOW], ids=["guide", "workflow"])
def test_every_target_of_make_exists(text: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, flags=re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)", text))
    assert {"run", "publish", "reports"} <= named <= targets


def test_every_file_that_the_guide_links_exists() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", GUIDE)
    assert all((ROOT / "docs" / link).exists() for link in links if "://" not in link)
    assert {f"../examples/deploy/{file.name}" for file in EXAMPLES.iterdir()} <= set(links)


def test_the_guide_is_one_of_the_readme() -> None:
    assert "docs/deploying.md" in (ROOT / "README.md").read_text(encoding="utf-8")


# ------------------------------------------------------------------------------ cron


@pytest.fixture
def server(tmp_path: Path, workspace: Workspace) -> Path:
    """A copy of the project as deployed on a server, without anything built."""
    folder = copy_of_project(tmp_path / "srv" / ODD)
    install(folder, "from churn.cli import main; main()")
    return folder


def install(folder: Path, program: str) -> None:
    """Install a `churn` that runs this program with the project's own Python."""
    command = folder / ".venv" / "bin" / "churn"
    command.parent.mkdir(parents=True, exist_ok=True)
    script = f"#!{sys.executable}\nimport sys\nsys.path.insert(0, 'scripts')\n{program}\n"
    command.write_text(script, encoding="utf-8")
    command.chmod(0o755)


def cron(server: Path, line: str) -> str:
    """Return what cron would mail: the output of the line that does not go to a log."""
    places = {
        "/srv/churn": server,
        "/srv/exports/latest": server.parent / "exports",
    }
    for place, here in places.items():
        line = line.replace(place, shlex.quote(str(here)))
    kept = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
    done = subprocess.run(
        ["/bin/sh", "-c", line],
        env=kept,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout


def test_cron_knows_when() -> None:
    # this import takes seconds
    import dagster

    lines = [line for line in CRONTAB.splitlines() if line and not re.match(r"#|[A-Z]+=", line)]
    assert len(JOBS) == len(lines) == 2
    for when, command in JOBS:
        dagster.ScheduleDefinition(job_name="any", cron_schedule=when)
        # cron reads an unescaped % as the end of the line
        assert "%" not in command
    assert churn_commands(JOBS[0][1]) == [["run", "--data", "/srv/exports/latest"], *EVERY_STEP[1:]]


def test_cron_does_every_step_and_mails_nothing(server: Path) -> None:
    install(server, NOTED.format(code=1, fails="") + "\nprint(sys.argv[1], 'is done')")
    assert cron(server, JOBS[0][1]) == ""
    assert [command[0] for command in noted(server)] == ["run", "publish", "reports"]
    log = (server / "logs" / "cron.log").read_text(encoding="utf-8")
    assert re.findall(r"^(\w+) is done$", log, re.MULTILINE) == ["run", "publish", "reports"]


@pytest.mark.slow
def test_the_line_of_cron_builds_and_publishes_and_mails_nothing(
    server: Path, workspace: Workspace, tables: Tables
) -> None:
    shutil.copytree(workspace.write(tables), server.parent / "exports")

    # leave out the report pages, which take minutes
    assert cron(server, JOBS[0][1].replace(" && .venv/bin/churn reports", "")) == ""

    log = (server / "logs" / "cron.log").read_text(encoding="utf-8")
    assert "Accounts to call first" in log
    copy = server / "build" / "published" / "churn.duckdb"
    with duckdb.connect(str(copy), read_only=True) as connection:
        assert connection.execute("select count(*) from marts.customer_risk").fetchall() == [(12,)]


@pytest.mark.builds
def test_cron_mails_what_went_wrong(server: Path) -> None:
    mail = cron(server, JOBS[0][1])
    assert "Error: " in mail
    assert mail.splitlines()[-1] == "churn: exit code 2"


def test_cron_does_nothing_more_after_what_failed(server: Path) -> None:
    for fails, done in (("run", 1), ("publish", 2)):
        install(server, NOTED.format(code=1, fails=fails))
        assert cron(server, JOBS[0][1]) == "churn: exit code 1\n"
        assert len(noted(server)) == done
        (server / "noted").unlink()


def test_cron_mails_that_the_copy_is_not_of_today(server: Path) -> None:
    copy = server / "build" / "published" / "churn.duckdb"
    assert "No such file" in cron(server, JOBS[1][1])
    copy.parent.mkdir(parents=True)
    copy.touch()
    assert cron(server, JOBS[1][1]) == ""
    os.utime(copy, (0, 0))
    assert cron(server, JOBS[1][1]) == f"{copy}\n"


def test_what_cron_writes_is_no_part_of_the_project() -> None:
    written = [".deploy.lock", "logs/cron.log"]
    ignored = subprocess.run(
        ["git", "check-ignore", *written], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ignored.stdout.split() == written


def test_cron_mails_that_another_is_running(server: Path) -> None:
    with (server / ".deploy.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert cron(server, JOBS[0][1]) == "churn: exit code 75\n"


# ------------------------------------------------------------------------------ GitHub Actions


def test_the_workflow_is_one_for_github() -> None:
    workflow = EXAMPLES / "github-actions.yml"
    check = ["check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(workflow)]
    checked = subprocess.run(
        [sys.executable, "-m", *check], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout


def test_the_workflow_keeps_the_store_before_anything_can_fail() -> None:
    steps = yaml.safe_load(WORKFLOW)["jobs"]["build"]["steps"]
    said = [step.get("run", step.get("uses")) for step in steps]
    order = [
        next(number for number, text in enumerate(said) if words in text)
        for words in ('"${{ vars.STORE }}" data', "make run", 'data "${{ vars.STORE }}"', "publish")
    ]
    assert order == sorted(order)
    for words in said:
        if "upload-artifact" not in words and "@" not in words:
            # check the syntax with a shell
            subprocess.run(["/bin/bash", "-n", "-c", words], check=True)


def test_the_workflow_keeps_the_store_after_a_build_that_failed() -> None:
    steps = {step.get("name"): step for step in yaml.safe_load(WORKFLOW)["jobs"]["build"]["steps"]}
    [keep] = [step for name, step in steps.items() if name and name.startswith("Keep the store")]
    assert keep["if"] == "${{ !cancelled() && steps.fetch.outcome == 'success' }}"
    assert any(step.get("id") == "fetch" for step in steps.values())


def test_only_of_the_load_a_copy_loses_what_is_no_more_there() -> None:
    copies = re.findall(r"^.*(?:aws s3 sync|rsync).* data.*$", f"{WORKFLOW}\n{GUIDE}", re.MULTILINE)
    copies = [line for line in copies if "/latest" not in line and '}}" data' not in line]
    assert len(copies) >= 5
    for line in copies:
        assert ("data/saas" in line) == ("--delete" in line), line


@pytest.mark.skipif(shutil.which("rsync") is None, reason="rsync is not installed")
def test_the_guide_copies_the_store(tmp_path: Path) -> None:
    lines = [line for line in GUIDE.splitlines() if re.match(r"rsync .* data/", line)]
    assert len(lines) == 2
    store, copy = tmp_path / "data", tmp_path / "copy"
    copy.mkdir()
    for name in ("saas/accounts", "saas/ticket_messages", "outcomes/first"):
        file = store / f"{name}.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    for gone in ("saas/ticket_messages.parquet", "outcomes/first.parquet", None):
        for line in lines:
            command = line.replace("/srv/backup/churn/", f"{copy}/")
            subprocess.run(["/bin/sh", "-c", command], cwd=tmp_path, check=True)
        if gone:
            (store / gone).unlink()
    kept = {file.relative_to(copy).as_posix() for file in copy.rglob("*.parquet")}
    assert kept == {"saas/accounts.parquet", "outcomes/first.parquet"}


def test_the_guide_uploads_what_was_published_just_before() -> None:
    blocks = re.findall(r"```sh\n(.*?)```", GUIDE, flags=re.DOTALL)
    [block] = [block for block in blocks if "aws s3 cp build/published" in block]
    assert [command[0] for command in churn_commands(block)] == ["run", "publish"]
    assert block.index("churn publish") < block.index("aws s3 cp")


# ------------------------------------------------------------------------------ Airflow and Dagster

NOTED = """
with open("noted", "a") as noted:
    print(*sys.argv[1:], file=noted)
if sys.argv[1] == {fails!r}:
    sys.exit({code})
"""


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a `churn` that records its arguments."""
    monkeypatch.setenv("CHURN_PROJECT", str(tmp_path))
    monkeypatch.setenv("CHURN_EXPORTS", "exports")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
    install(tmp_path, NOTED.format(code=0, fails=""))
    return tmp_path


def noted(jobs: Path) -> list[list[str]]:
    return [line.split() for line in (jobs / "noted").read_text(encoding="utf-8").splitlines()]


def run_dagster() -> "dagster.ExecuteInProcessResult":
    definitions = runpy.run_path(str(EXAMPLES / "dagster_definitions.py"))["definitions"]
    job = definitions.resolve_job_def("churn_early_warning")
    return job.execute_in_process(raise_on_error=False)


@pytest.mark.builds
def test_dagster_runs_every_step_in_order(jobs: Path) -> None:
    assert run_dagster().success
    assert noted(jobs) == EVERY_STEP


@pytest.mark.builds
def test_dagster_does_not_try_unusable_input_again(jobs: Path) -> None:
    install(jobs, NOTED.format(code=2, fails="run"))
    assert not run_dagster().success
    assert noted(jobs) == EVERY_STEP[:1]


def test_airflow_is_asked_for_the_same_steps() -> None:
    compile(AIRFLOW, "airflow_dag.py", "exec")
    assert dag_commands() == EVERY_STEP
    for command in dag_commands():
        assert_is_a_command(command)


AIRFLOW_TASK = """
import runpy, sys, types

class Task:
    override = lambda self, **_: lambda *_: self
    __rshift__ = lambda self, other: other

exceptions, sdk = types.ModuleType("airflow.exceptions"), types.ModuleType("airflow.sdk")
exceptions.AirflowFailException = type("AirflowFailException", (Exception,), {})
functions = []
sdk.task = lambda **_: lambda function: functions.append(function) or Task()
sdk.dag = lambda **_: lambda function: function
for module in (types.ModuleType("airflow"), exceptions, sdk):
    sys.modules[module.__name__] = module
runpy.run_path(sys.argv[1])
functions[0](*sys.argv[2:])
"""


def airflow_task(*arguments: str) -> subprocess.Popen[str]:
    """Run the function of the tasks in a separate process, as Airflow does."""
    command = [sys.executable, "-c", AIRFLOW_TASK, str(EXAMPLES / "airflow_dag.py"), *arguments]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(
    ("code", "says"), [(0, ""), (1, "CalledProcessError"), (2, "AirflowFailException")]
)
def test_airflow_does_not_try_unusable_input_again(jobs: Path, code: int, says: str) -> None:
    install(jobs, NOTED.format(code=code, fails="run"))
    _, err = airflow_task("run", "--data", "exports").communicate(timeout=60)
    assert says in err
    assert bool(says) == bool(err)
    assert noted(jobs) == EVERY_STEP[:1]


WAITS = """
import time
pipe = open("end", "w", buffering=1)
print("running", file=pipe)
time.sleep(600)
"""


def test_airflow_leaves_no_command_behind_when_a_task_is_killed(jobs: Path) -> None:
    os.mkfifo(jobs / "end")
    install(jobs, WAITS)
    task = airflow_task("run")
    with (jobs / "end").open() as pipe:
        assert pipe.readline() == "running\n"
        task.kill()
        # the pipe is at its end: no process holds it open any more
        assert pipe.read() == ""
    task.communicate()
