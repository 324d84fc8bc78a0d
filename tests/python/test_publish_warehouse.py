"""The published warehouse is complete at every moment, whoever reads, builds or is killed."""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from rich.console import Console

from churn.build import dbt
from churn.files.disk import held
from churn.project import Project
from churn.terminal.errors import ChurnError
from churn.warehouse import build_record
from churn.warehouse.lock import reserved
from churn.warehouse.published_copy import PUBLISHED_SCHEMAS
from conftest import (
    AS_OF,
    ROOT,
    Outcome,
    Workspace,
    assert_same,
    built_once,
    small_company,
)
from test_cli import held_by_another_process, plain

pytestmark = pytest.mark.builds

SECRET = "Our whole team is leaving for a competitor in June"
NEXT_DAY = AS_OF + timedelta(days=1)


def build_company(place: Workspace) -> None:
    """Build the small company with a message, without the data tests."""
    tables = small_company()
    tables["ticket_messages"] = [
        {"account_id": "A01", "submitted_at": "2026-03-30", "subject": "Help", "body": SECRET}
    ]
    place.load(tables)
    with place.active():
        project = Project()
        dbt.build(project, Console(quiet=True), data_dir=project.load_dir, tested=False)


def with_own_warehouse(built: Workspace, folder: Path) -> Workspace:
    """Return the same workspace with a copy of its warehouse, for a test to change or lock."""
    folder.mkdir()
    for name in (built.warehouse.name, f"{built.warehouse.name}.build.json"):
        # keep the times, which show that a warehouse has not changed
        shutil.copy2(built.warehouse.with_name(name), folder)
    place = Workspace(built.warehouse.parent, Path(built.environment["DBT_TARGET_PATH"]))
    place.warehouse = folder / built.warehouse.name
    place.environment["CHURN_WAREHOUSE"] = str(place.warehouse)
    return place


@pytest.fixture
def company(tmp_path_factory: pytest.TempPathFactory, target: Path, tmp_path: Path) -> Workspace:
    built = built_once(tmp_path_factory, target, "company", build_company)
    return with_own_warehouse(built, tmp_path / "company")


@pytest.fixture
def day_later(company: Workspace, tmp_path: Path) -> Workspace:
    """The same company, whose marts say that it was built a day later."""
    place, days = with_own_warehouse(company, tmp_path / "day_later"), [NEXT_DAY, AS_OF]
    with duckdb.connect(str(place.warehouse)) as connection:
        for mart in ("executive_summary", "customer_risk"):
            connection.execute(f"update marts.{mart} set usage_window_end = ?", [NEXT_DAY])
        # this mart is a view
        connection.execute("create table history as from marts.customer_risk_history")
        connection.execute("update history set as_of_date = ? where as_of_date = ?", days)
        connection.execute("drop view marts.customer_risk_history")
        connection.execute("create table marts.customer_risk_history as from history")
    keep_record(place)
    return place


def keep_record(place: Workspace, **changes: object) -> None:
    """Record the warehouse in its present state as the last build's, with these changes."""
    file = place.warehouse.with_name(f"{place.warehouse.name}.build.json")
    record = json.loads(file.read_text(encoding="utf-8"))
    with place.active():
        build_record.keep(Project(), {**record, **changes})


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file to which every workspace publishes."""
    monkeypatch.chdir(ROOT)
    file = tmp_path / "published" / "churn.duckdb"
    monkeypatch.setenv("CHURN_PUBLISHED_WAREHOUSE", str(file))
    return file


def publish(place: Workspace) -> Outcome:
    outcome = place.churn("publish")
    assert (outcome.code, outcome.err) == (0, "")
    return outcome


def assert_refused(place: Workspace, *, code: int, says: str) -> None:
    outcome = place.churn("publish")
    assert (outcome.code, outcome.out) == (code, "")
    assert says in plain(outcome.err)
    assert "Traceback" not in outcome.err


def as_of(file: Path) -> object:
    with duckdb.connect(str(file), read_only=True) as connection:
        [[day]] = connection.execute(
            "select usage_window_end from marts.executive_summary"
        ).fetchall()
        return day


# ------------------------------------------------------------------------------ the published file


def test_the_copy_is_the_public_schemas_and_nothing_else(
    company: Workspace, published: Path
) -> None:
    outcome = publish(company)

    copy = Workspace(published.parent, published.parent / "target")
    assert_same(copy.contents(), company.contents(*PUBLISHED_SCHEMAS))
    # no views, so the file needs no other file
    assert copy.select("select view_name from duckdb_views() where not internal") == []
    assert f"{len(copy.contents())} tables of your data as of 2026-03-31" in plain(outcome.out)
    assert str(published) in plain(outcome.out).replace(" ", "")


def test_descriptions_are_kept(company: Workspace, published: Path) -> None:
    publish(company)

    described = """
        select schema_name, table_name as name, '' as column_name, comment from duckdb_tables()
        union all
        select schema_name, view_name, '', comment from duckdb_views()
        union all
        select schema_name, table_name, column_name, comment from duckdb_columns()
    """
    described = (
        f"from ({described}) where comment is not null and schema_name in {PUBLISHED_SCHEMAS} "
        "order by all"
    )
    copy = Workspace(published.parent, published.parent / "target")
    comments = copy.select(described)
    assert comments == company.select(described)
    assert {"signal_sources", "customer_risk", "rejected_rows"} <= {row["name"] for row in comments}


def test_no_word_of_a_ticket_and_no_path_goes_out(company: Workspace, published: Path) -> None:
    read = "select count(*) from staging.stg_saas__ticket_messages where body = ?"
    assert company.column(read, SECRET) == [1]

    publish(company)

    words = str(Workspace(published.parent, published.parent / "target").contents())
    assert "Company 01" in words
    for private in (SECRET, str(company.store.parent)):
        assert private not in words
        # unused blocks of the file do not contain it either
        assert private.encode() not in published.read_bytes()


def test_the_file_is_read_only_and_stands_alone(company: Workspace, published: Path) -> None:
    for _ in range(2):
        publish(company)

    assert stat.S_IMODE(published.stat().st_mode) == 0o444
    # the previous file keeps a name until the next publication
    names = {published.name, ".churn.duckdb.previous"}
    assert {path.name for path in published.parent.iterdir()} == names


def test_every_client_can_read_the_format(company: Workspace, published: Path) -> None:
    publish(company)

    tags = "select tags['storage_version'] as version from duckdb_databases() where not internal"
    copy = Workspace(published.parent, published.parent / "target")
    assert copy.select(tags) == company.select(tags)


def test_the_warehouse_stays_as_it_is(company: Workspace, published: Path) -> None:
    files = [company.warehouse, *company.store.rglob("*.parquet")]
    before = [(file.read_bytes(), file.stat().st_mtime_ns) for file in files]

    publish(company)

    assert [(file.read_bytes(), file.stat().st_mtime_ns) for file in files] == before


def test_names_may_hold_anything(
    company: Workspace, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = published.parent / 'it\'s [1] *100%* {data} "so"; --' / "ch'urn.1.db"
    monkeypatch.setenv("CHURN_PUBLISHED_WAREHOUSE", str(odd))

    publish(company)

    assert as_of(odd) == AS_OF


def test_a_link_stays_a_link(
    company: Workspace, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = published.parent / "share" / "real.duckdb"
    elsewhere.parent.mkdir(parents=True)
    published.symlink_to(elsewhere)

    publish(company)

    assert published.is_symlink()
    assert as_of(elsewhere) == AS_OF


# ------------------------------------------------------------------------------ readers

READER = """
    import sys, time
    from pathlib import Path
    import duckdb

    path, stop = sys.argv[1], Path(sys.argv[2])
    days = []
    print("reading", flush=True)
    while not stop.exists():
        with duckdb.connect(path, read_only=True) as connection:
            for pause in (0.05, 0.1, 0.2):
                [found] = connection.execute('''
                    select
                        (select usage_window_end from marts.executive_summary),
                        (select max(usage_window_end) from marts.customer_risk),
                        (select max(as_of_date) from marts.customer_risk_history),
                        (select customers from marts.executive_summary),
                        (select count(*) from marts.customer_risk),
                        (select count(*) from marts.signal_sources) > 0
                ''').fetchall()
                assert len(set(found[:3])) == 1, found
                assert found[3] == found[4] and found[5], found
                days.append(str(found[0]))
                time.sleep(pause)
        assert len(set(days[-3:])) == 1, days[-3:]
    print(len(days), *sorted(set(days)))
"""


@contextmanager
def readers(published: Path, stop: Path) -> Iterator[list[subprocess.Popen[str]]]:
    command = [sys.executable, "-c", textwrap.dedent(READER), published, stop]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        for reader in running:
            assert reader.stdout.readline() == "reading\n"
        yield running
    finally:
        stop.touch()
        for reader in running:
            reader.kill() if reader.poll() is None else None
            reader.communicate()


def test_readers_see_one_whole_build_while_others_are_published(
    company: Workspace, day_later: Workspace, published: Path
) -> None:
    stop = published.parent / "stop"
    publish(company)
    with readers(published, stop) as running:
        for _ in range(3):
            publish(day_later)
            publish(company)
        publish(day_later)
        assert_saw_both_days(running, stop)
    assert as_of(published) == NEXT_DAY


def assert_saw_both_days(running: list[subprocess.Popen[str]], stop: Path) -> None:
    stop.touch()
    for reader in running:
        out, err = reader.communicate(timeout=60)
        assert (reader.returncode, err) == (0, "")
        count, *days = out.split()
        assert int(count) > 10
        assert days == [str(AS_OF), str(NEXT_DAY)]


@pytest.mark.slow
def test_readers_see_one_whole_build_while_another_is_built(
    company: Workspace, day_later: Workspace, published: Path, workspace: Workspace
) -> None:
    stop = published.parent / "stop"
    publish(company)
    with readers(published, stop) as running:
        # while this build runs, publishing its warehouse is refused
        source = company.source
        building = subprocess.Popen(
            [sys.executable, "-c", "from churn.cli import main; main()", "run", "--data", source],
            env=os.environ | workspace.environment | {"PYTHONPATH": str(ROOT / "scripts")},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        refused = 0
        while building.poll() is None:
            publish(day_later)
            publish(company)
            outcome = workspace.churn("publish")
            assert "Traceback" not in outcome.err
            refused += outcome.code != 0
            time.sleep(0.5)
        assert building.returncode == 0, building.stderr.read()
        assert refused > 1
        publish(workspace)
        publish(day_later)
        assert_saw_both_days(running, stop)
    assert as_of(published) == NEXT_DAY


def test_who_has_the_file_open_reads_the_old_one_until_it_is_opened_anew(
    company: Workspace, day_later: Workspace, published: Path
) -> None:
    publish(company)
    day = "select usage_window_end from marts.executive_summary"
    with duckdb.connect(str(published), read_only=True) as connection:
        publish(day_later)
        publish(day_later)
        assert connection.execute(day).fetchall() == [(AS_OF,)]
        # within a process, DuckDB reuses a file that is already open
        assert as_of(published) == AS_OF
    assert as_of(published) == NEXT_DAY


# ------------------------------------------------------------------------------ refusals


def test_without_a_warehouse(workspace: Workspace, published: Path) -> None:
    assert_refused(workspace, code=2, says=f"There is no warehouse at {workspace.warehouse} yet")
    assert not published.exists()


def test_while_somebody_writes_to_the_warehouse(company: Workspace, published: Path) -> None:
    publish(company)
    with held_by_another_process(company.warehouse) as holder:
        says = f"The warehouse {company.warehouse} is in use by process {holder}"
        assert_refused(company, code=1, says=says)
    assert as_of(published) == AS_OF


def test_while_a_build_runs_that_has_not_opened_the_file_yet(
    company: Workspace, published: Path
) -> None:
    with company.active(), reserved(Project()):
        for command in ("publish", "run"):
            outcome = company.churn(command)
            assert outcome.code == 1
            assert "is being built or published by another command" in plain(outcome.err)
    publish(company)


def build_with(
    place: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    write: Callable[[], None],
    models: tuple[str, ...] = (),
) -> None:
    """Run a build that calls this function instead of dbt."""
    with place.active(), monkeypatch.context() as patched:
        patched.setattr(dbt, "_invoke", lambda *_: write())
        dbt.build(Project(), Console(quiet=True), data_dir=None, models=models)


def change(place: Workspace) -> None:
    """Write to the warehouse, as one step of a build does."""
    with duckdb.connect(str(place.warehouse)) as connection:
        connection.execute("create or replace table marts.half as select now() as at")


@pytest.mark.parametrize("models", [(), ("customer_risk",)])
def test_after_a_build_that_was_not_finished(
    company: Workspace,
    published: Path,
    monkeypatch: pytest.MonkeyPatch,
    models: tuple[str, ...],
) -> None:
    def fails() -> None:
        change(company)
        raise ChurnError("half of it")

    with pytest.raises(ChurnError):
        build_with(company, monkeypatch, fails, models)
    assert_refused(company, code=2, says="the last one failed or was stopped")
    # building a part does not complete another build that was interrupted
    build_with(company, monkeypatch, lambda: change(company), ("customer_risk",))
    assert_refused(company, code=2, says="Run `make run` first.")
    build_with(company, monkeypatch, lambda: change(company))
    publish(company)


def test_after_a_part_of_a_complete_build(
    company: Workspace, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_with(company, monkeypatch, lambda: change(company), ("customer_risk",))
    publish(company)


@pytest.mark.parametrize(
    "options", [(), pytest.param(("--vars", "{risk_ruleset: basic}"), marks=pytest.mark.slow)]
)
def test_after_a_build_that_could_not_begin(
    company: Workspace, published: Path, options: tuple[str, ...]
) -> None:
    with held_by_another_process(company.warehouse) as holder:
        outcome = company.churn("run", *options)
        assert outcome.code == 1
        assert f"is in use by process {holder}" in plain(outcome.err)
    publish(company)


def test_after_anything_else_has_changed_the_warehouse(company: Workspace, published: Path) -> None:
    commands = (["show"], ["list"], ["backtest"], ["explain", "S01"], ["export", "--format", "csv"])
    doubt = "What follows may be of two builds"
    assert not [command for command in commands if doubt in plain(company.churn(*command).out)]
    change(company)
    assert_refused(company, code=2, says="something else has changed it since")
    assert not [command for command in commands if doubt not in plain(company.churn(*command).out)]
    company.warehouse.with_name("churn.duckdb.build.json").write_text("[]")
    assert company.churn("list").code == 0


def test_what_was_killed_leaves_is_not_known_to_be_complete(
    company: Workspace, published: Path
) -> None:
    killed = """
        import duckdb, os, sys
        connection = duckdb.connect(sys.argv[1])
        connection.execute("create table marts.half as select 1 as one")
        os._exit(9)
    """
    run_python(company, killed, str(company.warehouse))
    assert company.warehouse.with_name("churn.duckdb.wal").exists()
    assert_refused(company, code=2, says="something else has changed it since")


@pytest.mark.parametrize("is_changed", [False, True])
def test_what_was_logged_since_is_built_into_what_is_complete(
    company: Workspace, published: Path, monkeypatch: pytest.MonkeyPatch, is_changed: bool
) -> None:
    record = company.warehouse.with_name("churn.duckdb.build.json")
    known = json.loads(record.read_text(encoding="utf-8"))
    known["stored"]["outcomes"] = "as it was"
    record.write_text(json.dumps(known), encoding="utf-8")
    if is_changed:
        change(company)
    commands: list[list[str]] = []
    monkeypatch.setattr(dbt, "_invoke", lambda arguments, *_: commands.append(arguments))
    with company.active():
        assert bool(dbt.inputs(Project()).doubt) == is_changed
        for _ in range(2):
            dbt.rebuild(Project(), Console(quiet=True), ("customer_risk",), ("outcomes",))
        assert not dbt.inputs(Project()).doubt
    [command] = commands
    assert ("--select" in command) == (not is_changed)
    publish(company)


def test_without_a_record(company: Workspace, published: Path) -> None:
    company.warehouse.with_name("churn.duckdb.build.json").unlink()
    assert_refused(company, code=2, says="is not as a complete `make run` left it")


def test_what_is_no_warehouse(workspace: Workspace, published: Path) -> None:
    workspace.warehouse.write_text("words")
    assert_refused(workspace, code=1, says="cannot be read now")
    workspace.warehouse.unlink()
    duckdb.connect(str(workspace.warehouse)).close()
    with workspace.active():
        build_record.keep(Project(), {})
    assert_refused(workspace, code=2, says="is not fully built, or by another version")


def test_the_sample_takes_no_ones_place_unasked(
    company: Workspace, published: Path, sample: Workspace
) -> None:
    publish(company)
    before = published.read_bytes()

    assert_refused(sample, code=2, says="What is published is of your data as of 2026-03-31")
    assert published.read_bytes() == before

    outcome = sample.churn("publish", "--replace")
    assert outcome.code == 0
    assert "It takes the place of your data as of 2026-03-31." in plain(outcome.out)
    # real data may replace the sample without `--replace`
    assert "the bundled sample" in plain(publish(company).out)


def test_two_at_once(company: Workspace, published: Path) -> None:
    publish(company)
    with held(published.with_name(".churn.duckdb.lock"), ""):
        assert_refused(company, code=1, says=f"Another publication to {published} is running.")
    publish(company)


def test_what_publish_did_not_write_is_not_replaced(company: Workspace, published: Path) -> None:
    published.parent.mkdir()
    previous = published.with_name(".churn.duckdb.previous")
    with duckdb.connect(str(published)) as connection:
        connection.execute("create schema marts")
        connection.execute("create table marts.executive_summary as select date '2026-01-01' as d")
    before = published.read_bytes()
    for _ in range(2):
        assert_refused(company, code=2, says="is a database that `churn publish` did not write")
    assert published.read_bytes() == before

    # the warehouse of another project is not a published copy
    shutil.copy(company.warehouse, published)
    assert_refused(company, code=2, says="holds tables that `churn publish` did not write, such as")

    # a copy to which a user has added a table is not replaced, either
    published.unlink()
    publish(company)
    published.chmod(0o644)
    with duckdb.connect(str(published)) as connection:
        connection.execute("create table marts.mine as select 42 as answer")
    assert_refused(company, code=2, says="did not write, such as marts.mine")
    assert as_of(published) is not None

    published.unlink()
    previous.write_text("mine")
    assert_refused(company, code=2, says=f"{previous} is not a database that `churn publish` wrote")
    assert previous.read_text() == "mine"

    previous.unlink()
    published.touch()
    publish(company)


def test_what_a_look_has_built_is_published_as_such(company: Workspace, published: Path) -> None:
    keep_record(company, variables={"risk_ruleset": "basic"})
    said = plain(publish(company).out)
    assert "It was built with --vars {risk_ruleset: basic}." in said


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("{warehouse}", "is the warehouse itself"),
        ("{folder}", "Name a file, such as"),
        ("{folder}/who?.duckdb", "a file whose name has a '?'"),
    ],
)
def test_places_that_are_none(
    company: Workspace, published: Path, monkeypatch: pytest.MonkeyPatch, name: str, says: str
) -> None:
    place = name.format(warehouse=company.warehouse, folder=published.parent.parent)
    monkeypatch.setenv("CHURN_PUBLISHED_WAREHOUSE", place)
    assert_refused(company, code=2, says=says)


def test_a_name_that_duckdb_takes_for_another(
    company: Workspace, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.environment["CHURN_WAREHOUSE"] = str(company.warehouse.with_name("Memory.duckdb"))
    assert_refused(company, code=2, says="A warehouse of the name Memory.duckdb cannot be")


# ------------------------------------------------------------------------------ failures

KILLED = """
    import itertools, os, signal, sys
    from pathlib import Path
    import duckdb
    from churn.project import Project
    from churn.warehouse.published_copy import publish_warehouse

    events = {"open", "os.rename", "os.remove", "os.chmod", "os.link"}
    project = Project()
    file = project.published_warehouse

    def in_child(work):
        child = os.fork()
        if child == 0:
            try:
                work()
            except BaseException as error:
                print(repr(error), file=sys.stderr)
                os._exit(1)
            os._exit(0)
        return os.waitpid(child, 0)[1]

    stride = int(sys.argv[1])

    def killed_at(step):
        steps = itertools.count()
        def count():
            if next(steps) == step:
                os.kill(os.getpid(), signal.SIGKILL)
        def hook(event, arguments):
            if event in events and "churn.duckdb" in str(arguments):
                count()
        sys.addaudithook(hook)
        publish_warehouse(project, lambda done, total: done % 10 == 0 and count())

    def check():
        with duckdb.connect(str(file), read_only=True) as connection:
            assert connection.execute("from marts.executive_summary").fetchall()
        publish_warehouse(project, lambda *_: None)
        left = {path.name for path in file.parent.iterdir()}
        assert left == {file.name, ".churn.duckdb.previous"}, left

    assert in_child(lambda: publish_warehouse(project, lambda *_: None)) == 0
    for step in itertools.count(0, stride):
        status = in_child(lambda: killed_at(step))
        assert in_child(check) == 0, step
        if status == 0:
            break
        assert os.WTERMSIG(status) == signal.SIGKILL, (step, status)
    print(step)
"""

LIMITED = """
    import resource, signal
    from churn.cli import main

    # as a disk with room for so much
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
    main()
"""


def run_python(place: Workspace, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *arguments],
        env=os.environ | place.environment | {"PYTHONPATH": str(ROOT / "scripts")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("stride", [6, pytest.param(1, marks=pytest.mark.slow)])
def test_killed_at_any_step_the_same_command_succeeds(
    company: Workspace, published: Path, stride: int
) -> None:
    done = run_python(company, KILLED, str(stride))
    assert done.returncode == 0, done.stderr
    # DuckDB takes a script without a file for a session and may print its progress
    assert int(done.stdout.splitlines()[-1]) > 15


def test_a_full_disk_is_said_and_leaves_what_was_published(
    company: Workspace, published: Path
) -> None:
    publish(company)
    before = published.read_bytes()

    stopped = run_python(company, LIMITED, "publish")

    assert stopped.returncode == 1, stopped
    assert re.search("The publication stopped: Could not write .*: [A-Z][a-z ]+", stopped.stderr)
    assert "What was published before is untouched. Check free space" in plain(stopped.stderr)
    assert "Traceback" not in stopped.stderr
    assert published.read_bytes() == before
    assert {path.name for path in published.parent.iterdir()} == {published.name}


def test_a_place_that_cannot_be_written_is_said(company: Workspace, published: Path) -> None:
    published.parent.write_text("a file where the folder should be")
    assert_refused(company, code=2, says="The publication stopped: ")


def test_a_share_without_second_names_does_without(
    company: Workspace, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuses)
    publish(company)
    publish(company)
    assert {path.name for path in published.parent.iterdir()} == {published.name}
