"""Relative paths start at the project's folder; unreadable data does not count as empty."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

import dbt_test_costs
from churn.build import dbt
from churn.enrich.results import Results
from churn.enrich.sources import kept_files
from churn.files.store import compact, names_in, parquet_files, state, states
from churn.outcomes.log import Entry, OutcomeLog
from churn.project import Project
from churn.project.profile import duckdb_limits, profile
from churn.terminal.errors import ChurnError
from churn.warehouse import duckdb_plugin
from churn.warehouse.build_record import made_from
from conftest import ODD, Tables, Workspace, copy_of_project

# ------------------------------------------------------------------------------ relative paths


def logged(store: Path) -> None:
    """Log an outcome in the store."""
    entry = Entry(
        kind="outcome", customer_id="S01", account_id=None, outcome="renewed", logged_by="ada"
    )
    OutcomeLog(store / "outcomes").append([entry])


@pytest.mark.builds
def test_plain_dbt_reads_the_store_of_the_project_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = copy_of_project(tmp_path / ODD)
    logged(clone / "data")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    # a store of another project
    for _ in range(2):
        logged(elsewhere / "data")
    monkeypatch.chdir(elsewhere)
    for name in list(os.environ):
        if name.startswith(("CHURN_", "DBT_")) and name != dbt_test_costs.FILE:
            monkeypatch.delenv(name)
    # an empty setting counts as not set
    monkeypatch.setenv("CHURN_WAREHOUSE", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CHURN_TEMP_DIR", "~/spilled/here")
    project = os.path.relpath(clone)
    try:
        built = dbtRunner().invoke(
            [
                *("--log-level", "none", "build", "--select", "resource_type:seed"),
                *("stg_store__outcomes", "stg_store__published_scores"),
                *("--exclude-resource-type", "test", "unit_test", "--target-path", "a/b"),
                *("--project-dir", project, "--profiles-dir", project),
            ]
        )
    finally:
        DuckDBConnectionManager.close_all_connections()
    assert built.success, built.exception or [r.message for r in built.result if r.message]
    assert [path.name for path in elsewhere.iterdir()] == ["data"]
    assert (tmp_path / "spilled").is_dir()
    assert not (clone / "~").exists()
    # check how the macros find the store and the loaded data
    found = duckdb_plugin._found_folder(f"~/{ODD}/data")
    assert found == {"path": str(clone / "data"), "names": "outcomes", "problem": None}
    # views work from any working directory, too
    monkeypatch.chdir("/")
    with duckdb.connect(clone / "warehouse" / "churn.duckdb", read_only=True) as connection:
        for table, rows in (("outcomes", 1), ("published_scores", 0)):
            found = connection.execute(f"select count(*) from staging.stg_store__{table}")
            assert found.fetchall() == [(rows,)]


def test_every_connection_has_the_temporary_folder_of_the_profile(
    workspace: Workspace, tmp_path: Path
) -> None:
    with workspace.active():
        del os.environ["CHURN_TEMP_DIR"]
        # the folder of the warehouse always exists when the warehouse can be opened
        assert duckdb_limits()["temp_directory"] == f"{workspace.warehouse}.tmp"
        os.environ["CHURN_WAREHOUSE"] = ""
        assert profile()["config_options"]["temp_directory"] == "warehouse/churn.duckdb.tmp"
        os.environ["CHURN_TEMP_DIR"] = str(tmp_path / "one" / "two" / "three")
        limits = duckdb_limits() | {"memory_limit": "20MB"}
        with duckdb.connect(config=limits) as connection:
            connection.execute("create table t as select md5(i::varchar) from range(1000000) r(i)")
        assert (tmp_path / "one" / "two").is_dir()
        (tmp_path / "file").touch()
        os.environ["CHURN_TEMP_DIR"] = str(tmp_path / "file" / "two" / "three")
        with pytest.raises(ChurnError, match="file/two cannot be made: Not a directory"):
            duckdb_limits()


# ------------------------------------------------------------------------------ unreadable data


def to_nowhere(place: Path) -> None:
    place.symlink_to("nowhere")


def in_a_circle(place: Path) -> None:
    place.symlink_to(place.name)


def a_file(place: Path) -> None:
    place.write_text("not a folder")


def below_a_file(place: Path) -> None:
    place.parent.rmdir()
    place.parent.touch()


def with_a_link_to_nowhere(place: Path) -> None:
    place.mkdir()
    (place / "rows.parquet").symlink_to("nowhere")


BROKEN = [to_nowhere, in_a_circle, a_file, below_a_file, with_a_link_to_nowhere]
READERS: dict[str, Callable[[Path], object]] = {
    "store": lambda store: names_in(store / "outcomes"),
    "state of a table": lambda store: state(store / "outcomes"),
    "states": states,
    "compaction": lambda store: compact(store / "outcomes", 0),
    "outcome log": lambda store: OutcomeLog(store / "outcomes").read(),
    "results": lambda store: Results(store).known("ollama", "any", is_from_data=True),
    "markers": lambda store: Results(store)._cleared_at(),
    "journals": lambda store: Results(store / "outcomes").held().__enter__(),
}
OF_TABLE = {"results": "results", "markers": "markers"}


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
@pytest.mark.parametrize("reader", READERS)
def test_no_reader_takes_what_it_cannot_read_for_empty(
    tmp_path: Path, reader: str, broken: Callable[[Path], None]
) -> None:
    store = tmp_path / "store"
    store.mkdir()
    read = READERS[reader]
    if broken is not below_a_file and reader not in ("compaction", "journals"):
        # a missing folder is an empty table
        read(store)
    broken(store / OF_TABLE.get(reader, "outcomes"))
    with pytest.raises(ChurnError, match=r"cannot be (read|used): |is no Parquet"):
        read(store)


def test_tickets_and_loaded_data_are_not_taken_for_missing(
    workspace: Workspace, tmp_path: Path
) -> None:
    to_nowhere(tmp_path / "data")
    workspace.store.mkdir()
    in_a_circle(workspace.store / "tickets")
    with workspace.active():
        project = Project()
        with pytest.raises(ChurnError, match="data cannot be read: No such file"):
            dbt.check_loaded(project, tmp_path / "data")
        with pytest.raises(ChurnError, match="data cannot be read: No such file"):
            made_from(project, tmp_path / "data", None)
        with pytest.raises(ChurnError, match="tickets cannot be read: Too many levels"):
            kept_files(project)


def test_a_folder_of_another_user_is_no_empty_one(tmp_path: Path) -> None:
    folder = tmp_path / "outcomes"
    folder.mkdir()
    (folder / "rows.parquet").touch()
    folder.chmod(0o000)
    program = f"""
        import os
        from pathlib import Path
        from churn.terminal.errors import ChurnError
        from churn.files.store import parquet_files
        folder = Path(os.path.realpath({str(folder)!r}))
        # root reads everything
        if os.getuid() == 0:
            for parent in folder.parents:
                if parent != Path("/") and "pytest" in str(parent):
                    parent.chmod(0o755)
            os.setgid(65534)
            os.setuid(65534)
        try:
            print(parquet_files(folder))
        except ChurnError as error:
            print(error)
    """
    said = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True
    )
    folder.chmod(0o755)
    assert "outcomes cannot be read: Permission denied" in said.stdout
    assert parquet_files(folder) == [folder / "rows.parquet"]


@pytest.mark.builds
def test_a_build_stops_where_the_store_or_the_data_cannot_be_read(
    workspace: Workspace, tables: Tables
) -> None:
    workspace.load(tables)
    (workspace.load_dir / "ticket_messages.parquet").symlink_to("nowhere")
    enrichment = workspace.store / "enrichment"
    enrichment.mkdir()
    to_nowhere(workspace.store / "published")
    in_a_circle(workspace.store / "outcomes")
    a_file(enrichment / "results")
    with_a_link_to_nowhere(enrichment / "runs")
    tables_of_store = ("published_scores", "outcomes", "enrichment_results", "enrichment_runs")
    result = workspace.dbt(
        *("run", "--select", *(f"stg_store__{table}" for table in tables_of_store)),
        *("stg_store__enrichment_markers", "base_saas__ticket_messages"),
        data_dir=workspace.load_dir,
    )
    models = [found for found in result.result if found.node.resource_type == "model"]
    said = {found.node.name: found.message or "" for found in models}
    assert len(said) == 6
    assert "cannot be read" not in said.pop("stg_store__enrichment_markers")
    assert all("cannot be read: " in message for message in said.values()), said
    assert "store/outcomes cannot be read: Too many levels" in said["stg_store__outcomes"]
    assert "results cannot be read: Not a directory" in said["stg_store__enrichment_results"]


def test_a_table_is_the_parquet_files_of_its_folder(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "b.parquet")
    (tmp_path / "a.parquet").symlink_to("b.parquet")
    (tmp_path / "notes.txt").symlink_to("nowhere")
    assert names_in(tmp_path) == ["a.parquet", "b.parquet", "notes.txt"]
    assert [file.name for file in parquet_files(tmp_path)] == ["a.parquet", "b.parquet"]
    assert names_in(tmp_path / "not" / "there") == []
