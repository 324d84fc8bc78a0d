"""A build adds to the warehouse only if the last complete build left it unchanged."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from churn.load import load
from churn.project import Project
from churn.warehouse import build_record
from churn.warehouse.build_record import is_complete, keep, made_from, why_all_again
from conftest import ROOT
from test_watch import TABLES

OTHER_ROWS = "The loaded rows are not those"
OTHER_CODE = "The code or its configuration has changed"
CHANGED = "The warehouse is not as the last complete build left it"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project of a few files, with loaded data and the record of a complete build."""
    for file in ("models/a/one.sql", "macros/one.sql", "seeds/saas/one.csv", "seeds/b/two.csv"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("one")
    for file in ("dbt_project.yml", "profiles.yml"):
        shutil.copy(ROOT / file, tmp_path)
    monkeypatch.chdir(tmp_path)
    for name in ("CHURN_DATA_DIR", "CHURN_STORE_DIR", "CHURN_WAREHOUSE"):
        monkeypatch.delenv(name, raising=False)
    project = Project()
    load_tables(project)
    project.warehouse.parent.mkdir()
    write(project)
    keep(project, now(project))
    return project


def load_tables(
    project: Project, usage: str = "", tickets: str = "", *, names: Any = TABLES
) -> None:
    """Load the export again, with extra rows at the end of two of its tables."""
    added = {"feature_usage": usage, "support_tickets": tickets}
    shutil.rmtree("export", ignore_errors=True)
    Path("export").mkdir()
    for name in names:
        text = TABLES[name] + added.get(name, "")
        (Path("export") / f"{name}.csv").write_text(text)
    load(Path("export"), project, partial=len(names) < len(TABLES))


def write(project: Project) -> None:
    with duckdb.connect(str(project.warehouse)) as connection:
        connection.execute("create or replace table one as select 1 as one")


def now(project: Project, **variables: object) -> dict[str, Any]:
    return made_from(project, project.load_dir, variables)


def why(project: Project, **variables: object) -> str:
    return why_all_again(project, now(project, **variables))


def test_the_same_again_adds(project: Project) -> None:
    assert is_complete(project)
    assert why(project) == ""
    load_tables(project)
    assert why(project) == ""


def test_more_rows_at_the_end_are_added(project: Project) -> None:
    load_tables(project, usage="S1,2024-03-02,5\n")
    load_tables(project, usage="S1,2024-03-02,5\nS1,2024-03-03,5\n")
    assert why(project) == ""
    # builds always read non-growing tables as a whole
    load_tables(project, names=("accounts",))
    assert why(project) == ""
    load_tables(project, "S1,2024-03-02,5\n", "T2,A1,2024-03-03 10:00:00\n")
    load_tables(project, "S1,2024-03-02,5\n", "T2,A1,2024-03-03 10:00:00\nT3,A1,2024-03-04\n")
    # the row of the second day is missing at the end
    assert OTHER_ROWS in why(project)


def test_corrected_rows_are_others(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    corrected = TABLES["feature_usage"].replace(",5\n", ",6\n")
    monkeypatch.setitem(TABLES, "feature_usage", corrected)
    load_tables(project)
    assert OTHER_ROWS in why(project)


def test_data_without_ids_of_its_loads_is_known_by_its_files(project: Project) -> None:
    file = project.load_dir / "source_files.parquet"
    pq.write_table(pq.read_table(file).drop_columns(["load_ids"]), file)
    keep(project, now(project))
    assert why(project) == ""
    usage = project.load_dir / "feature_usage.parquet"
    pq.write_table(pq.read_table(usage), usage)
    assert OTHER_ROWS in why(project)


def test_the_sample_is_other_data(project: Project) -> None:
    assert "other data" in why_all_again(project, made_from(project, None, {}))
    keep(project, made_from(project, None, {}))
    assert "other data" in why(project)
    assert why_all_again(project, made_from(project, None, {})) == ""
    Path("seeds/saas/one.csv").write_text("two")
    assert OTHER_CODE in why_all_again(project, made_from(project, None, {}))


@pytest.mark.parametrize(
    "file",
    ["models/a/one.sql", "macros/one.sql", "seeds/b/two.csv", "dbt_project.yml", "profiles.yml"],
)
def test_other_code_or_configuration(project: Project, file: str) -> None:
    with Path(file).open("a") as opened:
        opened.write("\n# changed\n")
    assert OTHER_CODE in why(project)


def test_a_file_more_or_less_is_other_code(project: Project) -> None:
    Path("models/a/two.sql").write_text("two")
    assert OTHER_CODE in why(project)
    keep(project, now(project))
    Path("models/a/two.sql").rename("models/a/three.sql")
    assert OTHER_CODE in why(project)
    keep(project, now(project))
    Path("models/a/three.sql").unlink()
    assert OTHER_CODE in why(project)


def test_a_linked_folder_holds_code(project: Project) -> None:
    Path("elsewhere").mkdir()
    Path("models/linked").symlink_to(Path("elsewhere").resolve())
    Path("elsewhere/two.sql").write_text("two")
    assert OTHER_CODE in why(project)


def test_what_is_no_code_changes_nothing(project: Project) -> None:
    Path("seeds/saas/one.csv").write_text("the sample is not read")
    Path("models/a/.one.sql.swp").write_text("of an editor")
    Path("models/a/one.sql~").write_text("of an editor")
    os.utime("models/a/one.sql", (0, 0))
    assert why(project) == ""


def test_another_version_of_dbt(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_record, "version", lambda name: f"{name} 99")
    assert OTHER_CODE in why(project)


def test_other_variables(project: Project) -> None:
    assert "other variables" in why(project, as_of_date="2024-03-01")
    keep(project, now(project, as_of_date="2024-03-01"))
    assert why(project, as_of_date="2024-03-01") == ""
    assert "other variables" in why(project)


def cut_record(project: Project) -> None:
    project.build_record.write_text('{"data":')


def write_ahead(project: Project) -> None:
    project.warehouse.with_name("churn.duckdb.wal").write_bytes(b"yet to go into the file")


def copy(project: Project) -> None:
    shutil.copy(project.warehouse, "copy")
    project.warehouse.unlink()
    shutil.copy("copy", project.warehouse)


@pytest.mark.parametrize("change", [write, write_ahead, copy])
def test_a_warehouse_that_was_changed(project: Project, change: Callable[[Project], None]) -> None:
    change(project)
    assert CHANGED in why(project)
    assert not is_complete(project)


@pytest.mark.parametrize("change", [cut_record, lambda project: project.build_record.unlink()])
def test_a_warehouse_without_a_record(project: Project, change: Callable[[Project], None]) -> None:
    change(project)
    assert "not on record" in why(project)


def test_a_warehouse_that_is_gone_is_built_without_a_word(project: Project) -> None:
    project.warehouse.unlink()
    assert why(project) == ""


def test_a_backup_with_its_record_grows_by_what_came_since(project: Project) -> None:
    shutil.copytree(project.warehouse.parent, "backup")
    load_tables(project, usage="S1,2024-03-02,5\n")
    write(project)
    keep(project, now(project))
    shutil.rmtree(project.warehouse.parent)
    # copytree keeps the times, as `cp -p` does
    shutil.copytree("backup", project.warehouse.parent)
    assert why(project) == ""


def test_warehouses_that_share_their_data_have_their_own_records(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_tables(project, usage="S1,2024-03-02,5\n")
    monkeypatch.setenv("CHURN_WAREHOUSE", str(Path("other.duckdb").resolve()))
    write(project)
    assert "not on record" in why(project)
    keep(project, now(project))
    assert why(project) == ""
    monkeypatch.delenv("CHURN_WAREHOUSE")
    assert why(project) == ""


def test_data_that_is_replaced_during_a_build_leaves_it_incomplete(project: Project) -> None:
    record = now(project)
    load_tables(project, usage="S1,2024-03-02,5\n")
    keep(project, record)
    assert not is_complete(project)
    assert CHANGED in why(project)


def test_a_record_of_an_earlier_release_reads_all_again(project: Project) -> None:
    record = now(project)
    for name in ("code", "loads"):
        del record[name]
    keep(project, record)
    assert is_complete(project)
    assert OTHER_CODE in why(project)
