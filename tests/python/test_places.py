"""Commands write to places that users name, and leave everything else there alone."""

import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import psutil
import pytest

from churn.files.disk import held
from churn.files.made import (
    LITTER,
    MARKER,
    check_folder,
    foreign,
    mark,
    remove_folder,
    replace_file,
)
from churn.files.store import append
from churn.files.swap import exclusive, recover, swap_in, working_folder
from churn.outcomes.log import MOST_FILES, Entry, OutcomeLog
from churn.project import Project
from churn.project.paths import PATH_SETTINGS
from churn.project.profile import profile
from churn.reports.commands import built_site
from churn.spark import build as spark_build
from churn.terminal.errors import ChurnError, InputError
from conftest import ROOT, Workspace, small_company

# settings that name a place to write to
PLACES = set(PATH_SETTINGS)
# settings that name something to read, or no place at all
OTHERS = {
    "CHURN_CHROMIUM",
    "DBT_PROJECT_DIR",
    "CHURN_MEMORY_LIMIT",
    "CHURN_SPARK_CORES",
    "CHURN_SPARK_MEMORY",
    "CHURN_SPARK_PARTITIONS",
}


def a_place_of_somebody(folder: Path) -> dict[str, bytes]:
    """Create a folder with many kinds of user files; return its content."""
    for name in (
        ".ssh/id_ed25519",
        ".git/HEAD",
        ".htaccess",
        "index.php",
        "index.html",
        "otherapp/app.js",
        "accounts.parquet",
        "outcomes/notes.txt",
        "warehouse/customers.csv",
        "2026-09-27/action_list.csv",
        "2026-09-27/notes/S1011-1.md",
        "2026-09-27/plan.docx",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"somebody's {name}")
    (folder / "empty").mkdir()
    return content(folder)


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else b""
        for path in folder.rglob("*")
    }


# ------------------------------------------------------------------------------ every setting


def load_into(place: Path, workspace: Workspace) -> None:
    workspace.environment["CHURN_DATA_DIR"] = str(place)
    source = workspace.write(small_company())
    # `Workspace.load` ignores a data folder in the environment
    code, _, err = workspace.churn("load", source)
    assert code == 2
    assert "holds files that no load has put there" in err


def build_reports_in(place: Path, workspace: Workspace) -> None:
    workspace.environment["CHURN_REPORTS_DIR"] = str(place)
    code, _, err = workspace.churn("reports")
    assert code == 2
    assert "holds files that no build of the reports has put there" in err


def publish_over(place: Path, workspace: Workspace) -> None:
    before = content(place)
    device = "/dev/null"
    for name in ("index.php", "index.html", ".htaccess", "link", device):
        workspace.environment["CHURN_PUBLISHED_WAREHOUSE"] = str(place / name)
        if name == "link":
            (place / name).symlink_to(place / "otherapp/app.js")
        code, _, err = workspace.churn("publish")
        assert code == 2, name
        assert "is not a database that" in err or "is not a regular file" in err
    (place / "link").unlink()
    assert content(place) == before


def store_in(place: Path, workspace: Workspace) -> None:
    workspace.environment["CHURN_STORE_DIR"] = str(place)
    log = OutcomeLog(place / "outcomes")
    entries = [
        Entry(kind="outcome", customer_id=f"S{number}", account_id=None, logged_by="Ada")
        for number in range(MOST_FILES + 1)
    ]
    for entry in entries:
        log.append([entry])
    log.tidy()
    assert {entry.customer_id for entry in log.read()} == {entry.customer_id for entry in entries}
    assert workspace.churn("load", workspace.write(small_company())).code == 0


def build_with_spark_in(place: Path, workspace: Workspace) -> None:
    with pytest.raises(InputError, match="is not known as a folder of"):
        _empty_for_spark(place)
    own = place / "spark"
    _empty_for_spark(own)
    # files that builds leave, including killed builds
    built = (
        "warehouse/marts.db/customer_risk/part-00000-1.snappy.parquet",
        "warehouse/marts.db/customer_risk/.part-00000-1.snappy.parquet.crc",
        "warehouse/marts.db/customer_risk/_SUCCESS",
        "warehouse/marts.db/customer_risk/._SUCCESS.crc",
        "warehouse/raw.db/raw_accounts/_temporary/0/task_1/part-00000.parquet",
        "warehouse/raw.db/raw_accounts/.spark-staging-1/a=1/part-00000.parquet",
        "metastore/seg0/c10.dat",
        "metastore/service.properties",
        "warehouse/files_ad9ef99f6dbdfa901bb1c41848e608b5-__PLACEHOLDER__/.DS_Store",
        "metastore/db.lck",
    )
    for foreign_file in (
        None,
        "warehouse/mine.csv",
        "warehouse/mine.db/customers/notes.csv",
        "warehouse/marts.db/mine.csv",
        "warehouse/marts.db/mine/part-0",
        "warehouse/marts.db/customer_risk/notes.csv",
        "warehouse/marts.db/customer_risk/part-1/notes.csv",
        "metastore/mine",
    ):
        for name in (*built, *([foreign_file] if foreign_file else [])):
            (own / name).parent.mkdir(parents=True, exist_ok=True)
            (own / name).write_text("mine")
        if foreign_file:
            with pytest.raises(InputError, match="no tables of Spark: ") as refused:
                _empty_for_spark(own)
            [named] = re.findall(r"Spark: (\S+)\. ", str(refused.value))
            assert (own / foreign_file).is_relative_to(own / named)
            assert (own / foreign_file).read_text() == "mine"
            (own / foreign_file).unlink()
            (own / named).is_dir() and shutil.rmtree(own / named)
        _empty_for_spark(own)
        assert not (own / "warehouse").exists()
        assert not (own / "metastore").exists()
    with pytest.raises(InputError, match="CHURN_SPARK_DIR=…"):
        _empty_for_spark(place / "index.php" / "spark")


def _empty_for_spark(folder: Path) -> None:
    with spark_build._emptied(folder):
        pass


def spill_into(place: Path, workspace: Workspace) -> None:
    with workspace.active():
        limits = profile()["config_options"]
    limits |= {"memory_limit": "60MB", "temp_directory": str(place), "threads": "1"}
    with duckdb.connect(str(workspace.warehouse), config=limits) as connection:
        # the query is still open, so its temporary files are on disk
        rows = connection.execute(
            "select range as id, md5(range::varchar) as text from range(2_000_000) order by text"
        )
        assert rows.fetchone()
        assert list(place.glob("duckdb_temp*"))


def build_into(place: Path, workspace: Workspace) -> None:
    """Build into a user's database, with dbt's log and target in a user's folder."""
    # schema names ignore case
    tables = ("RAW.Raw_Accounts", "marts.customer_risk", "mine.customer_risk")
    with duckdb.connect(str(workspace.warehouse)) as connection:
        for table in tables:
            connection.execute(f"create schema {table.split('.')[0]}")
            connection.execute(f"create table {table} as select 42 as answer")
    workspace.environment |= {"DBT_TARGET_PATH": str(place), "DBT_LOG_PATH": str(place)}
    workspace.load(small_company())
    workspace.environment["CHURN_DATA_DIR"] = str(workspace.load_dir)
    before = content(workspace.warehouse.parent)
    code, _, err = workspace.churn("run")
    assert code == 2
    # the build adds not even an empty schema, and no file beside the database
    assert content(workspace.warehouse.parent) == before
    shown = " ".join(err.split())
    assert (
        "relations that this project did not make: RAW.Raw_Accounts, marts.customer_risk" in shown
    )
    assert "Name another file in CHURN_WAREHOUSE" in shown


# dbt uses its own file names in these folders
OF_DBT = {"DBT_LOG_PATH", "DBT_TARGET_PATH"}
WRITERS: dict[str, Callable[[Path, Workspace], None]] = {
    "CHURN_DATA_DIR": load_into,
    "CHURN_PUBLISHED_WAREHOUSE": publish_over,
    "CHURN_REPORTS_DIR": build_reports_in,
    "CHURN_SPARK_DIR": build_with_spark_in,
    "CHURN_STORE_DIR": store_in,
    "CHURN_TEMP_DIR": spill_into,
    "CHURN_WAREHOUSE": build_into,
}


@pytest.mark.parametrize(
    "setting",
    [
        pytest.param(name, marks=pytest.mark.builds if name == "CHURN_WAREHOUSE" else ())
        for name in sorted(WRITERS)
    ],
)
def test_what_is_foreign_in_a_place_stays(
    setting: str, workspace: Workspace, tmp_path: Path
) -> None:
    place = tmp_path / "home"
    before = a_place_of_somebody(place)
    WRITERS[setting](place, workspace)
    after = content(place)
    assert {name: after.get(name) for name in before} == before


def test_an_export_leaves_what_is_foreign(sample: Workspace, tmp_path: Path) -> None:
    place = tmp_path / "home"
    before = a_place_of_somebody(place)
    exporting = Workspace(sample.warehouse.parent, Path(sample.environment["DBT_TARGET_PATH"]))
    exporting.environment["CHURN_EXPORT_DIR"] = str(place)
    os.chdir(ROOT)
    code, out, _ = exporting.churn("export", "--format", "csv,markdown")
    assert code == 0
    assert "action_list_edited_1.csv" in out
    after = content(place)
    # the export renames files that it would otherwise replace
    for name in ("2026-09-27/action_list.csv", "2026-09-27/notes/S1011-1.md"):
        if after[name] != before[name]:
            edited = Path(name).with_stem(f"{Path(name).stem}_edited_1").as_posix()
            after[name] = after[edited]
    assert {name: after.get(name) for name in before} == before


def test_every_setting_that_names_a_place_is_tried() -> None:
    texts = [
        path.read_text(encoding="utf-8")
        for folder, pattern in (("scripts/churn", "*.py"), ("macros", "*.sql"), ("models", "*.yml"))
        for path in (ROOT / folder).rglob(pattern)
    ]
    texts.append((ROOT / "profiles.yml").read_text(encoding="utf-8"))
    found = set(re.findall(r"\b(?:CHURN|DBT)_[A-Z_]+[A-Z]\b", "\n".join(texts)))
    assert found == PLACES | OTHERS
    assert set(WRITERS) | {"CHURN_EXPORT_DIR"} | OF_DBT == PLACES


# ------------------------------------------------------------------------------ folders


def fill(folder: Path, name: str = "file", text: str = "new") -> None:
    setting = "CHURN_DATA_DIR"
    with exclusive(folder), working_folder(folder) as work:
        complete = work / "complete"
        complete.mkdir()
        (complete / name).write_text(text)
        (complete / "empty").mkdir()
        swap_in(complete, folder, setting=setting)


@pytest.mark.parametrize("name", [".git/HEAD", ".env", "mine.txt", "sub/mine", "hidden/.a/b"])
def test_a_folder_with_something_foreign_is_not_replaced(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "saas"
    fill(folder)
    fill(folder, text="newer")
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("mine")
    with pytest.raises(InputError, match="Move them away, or set CHURN_DATA_DIR to another"):
        fill(folder, text="newest")
    assert (folder / name).read_text() == "mine"
    assert (folder / "file").read_text() == "newer"
    assert {path.name for path in tmp_path.iterdir()} == {"saas"}


def test_an_empty_folder_and_litter_are_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "saas"
    folder.mkdir()
    fill(folder)
    for name in LITTER:
        (folder / name).touch()
    fill(folder, "other")
    assert {path.name for path in folder.iterdir()} == {MARKER, "other", "empty"}


def test_what_other_work_has_made_is_foreign(tmp_path: Path) -> None:
    folder = tmp_path / "saas"
    fill(folder)
    with pytest.raises(InputError, match="no build of the reports has put there"):
        check_folder(folder, "build of the reports", "CHURN_REPORTS_DIR")


def test_what_comes_between_the_check_and_the_end_stays(tmp_path: Path) -> None:
    """A user adds a file to the folder while it is being replaced."""
    folder = tmp_path / "saas"
    fill(folder)
    rename = Path.rename

    def put_before(path: Path, target: Path) -> Path:
        if path == folder:
            (folder / "mine.txt").write_text("mine")
        return rename(path, target)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Path, "rename", put_before)
        with pytest.raises(ChurnError, match=r"mine\.txt\. Move them away"):
            fill(folder, text="newer")
    assert (folder / "file").read_text() == "newer"
    assert (tmp_path / ".saas.previous/mine.txt").read_text() == "mine"


@pytest.mark.parametrize("beside", [".saas.next", ".saas.previous", ".saas.loading-1"])
def test_a_foreign_folder_beside_stays(tmp_path: Path, beside: str) -> None:
    folder = tmp_path / "saas"
    (tmp_path / beside).mkdir()
    (tmp_path / beside / "mine").write_text("mine")
    if beside == ".saas.loading-1":
        fill(folder)
        recover(folder)
    else:
        with pytest.raises(InputError, match="which holds something else"):
            fill(folder)
    assert (tmp_path / beside / "mine").read_text() == "mine"


def test_a_mount_point_is_said(workspace: Workspace) -> None:
    mounts = [Path("/dev/shm"), Path("/proc"), Path("/dev")]
    mount = next((place for place in mounts if place.is_mount()), None)
    if mount is None:
        pytest.skip("no mount point is known on this machine")
    before = {path.name for path in mount.parent.iterdir()}
    for setting, command in (
        ("CHURN_DATA_DIR", ("load", workspace.write(small_company()))),
        ("CHURN_REPORTS_DIR", ("reports",)),
    ):
        workspace.environment = {**workspace.environment, setting: str(mount)}
        code, _, err = workspace.churn(*command)
        assert code == 2
        assert f"{mount} is a mount point" in " ".join(err.split())
    assert {path.name for path in mount.parent.iterdir()} == before


def test_foreign_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/file").write_text("mine")
    folder = tmp_path / "saas"
    fill(folder)
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    assert foreign(folder, "load") == ["link/"]
    mark(folder, "load")
    assert foreign(folder, "load") == []
    fill(folder, text="newer")
    assert (tmp_path / "elsewhere/file").read_text() == "mine"


def test_a_folder_that_became_a_link_is_not_emptied(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "saas", tmp_path / "elsewhere"
    elsewhere.mkdir()
    fill(folder, "file")
    (folder / "sub").mkdir()
    (folder / "sub/b").write_text("ours")
    mark(folder, "load")
    (elsewhere / "b").write_text("mine")
    (folder / "sub/b").unlink()
    (folder / "sub").rmdir()
    (folder / "sub").symlink_to(elsewhere)
    assert foreign(folder, "load") == ["sub/"]
    with pytest.raises(InputError, match="sub/"):
        fill(folder)
    with pytest.raises(ChurnError, match="sub/"):
        remove_folder(folder)
    assert (elsewhere / "b").read_text() == "mine"


@pytest.mark.parametrize("name", ["../victim", "sub/../../victim", "{folder}/victim"])
def test_a_marker_speaks_of_its_own_folder_alone(tmp_path: Path, name: str) -> None:
    victim, folder = tmp_path / "victim", tmp_path / "saas"
    victim.write_text("mine")
    folder.mkdir()
    mark(folder, "load", {name.format(folder=tmp_path): []})
    with pytest.raises(InputError, match=r"\.churn\.json"):
        fill(folder)
    assert victim.read_text() == "mine"


def test_a_folder_of_another_user_is_not_replaced(tmp_path: Path) -> None:
    site = tmp_path / "www"
    (site / "private").mkdir(parents=True)
    (site / "private/notes").write_text("mine")
    (site / "private").chmod(0o000)
    program = f"""
        import os
        from pathlib import Path
        from churn.terminal.errors import ChurnError
        from churn.files.made import check_folder, mark
        site = Path({str(site)!r})
        mark(site, "load", {{"private/notes": []}})
        # root reads everything
        if os.getuid() == 0:
            for parent in (site, *site.parents):
                if parent != Path("/") and "pytest" in str(parent):
                    parent.chmod(0o755)
            os.setgid(65534)
            os.setuid(65534)
        try:
            check_folder(site, "load", "CHURN_DATA_DIR")
        except ChurnError as error:
            print(error)
    """
    said = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True
    )
    (site / "private").chmod(0o755)
    assert "private cannot be read: Permission denied" in said.stdout


def test_a_bind_mount_of_the_same_disk_is_said(tmp_path: Path) -> None:
    folder, source = tmp_path / "two words", tmp_path / "source"
    folder.mkdir()
    source.mkdir()
    program = f"""
        from pathlib import Path
        from churn.terminal.errors import InputError
        from churn.files.made import check_place
        try:
            check_place(Path({str(folder)!r}), "CHURN_DATA_DIR")
        except InputError as error:
            print(error)
    """
    mounted = 'mount --bind "$1" "$2" && exec "$3" -c "$4"'
    command = ["unshare", "--mount", "sh", "-c", mounted, "sh", source, folder, sys.executable]
    try:
        said = subprocess.run(
            [*map(str, command), textwrap.dedent(program)],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"nothing can be mounted here: {error}")
    assert f"{folder} is a mount point, which cannot be replaced" in said.stdout


# ------------------------------------------------------------------------------ files


def test_a_file_is_replaced_only_as_we_left_it(tmp_path: Path) -> None:
    file, finished = tmp_path / "reports.pdf", tmp_path / ".reports.pdf.new"

    def write(text: str) -> None:
        finished.write_text(text)
        replace_file(finished, file, "PDF")

    write("one")
    write("two")
    file.write_text("annotated")
    with pytest.raises(InputError, match=r"reports\.pdf is not as the last PDF left it"):
        write("three")
    assert file.read_text() == "annotated"
    file.unlink()
    write("four")
    assert file.read_text() == "four"
    other = tmp_path / "other"
    other.mkdir()
    finished.write_text("five")
    with pytest.raises(InputError, match="not a regular file"):
        replace_file(finished, other, "PDF")


# ------------------------------------------------------------------------------ locks


def test_a_lock_goes_with_its_holder(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with held(lock, "in use"):
        with pytest.raises(ChurnError, match="in use"), held(lock, "in use"):
            pass
        assert lock.exists()
    assert not lock.exists()
    lock.write_text("mine")
    with held(lock, "in use"):
        pass
    assert lock.read_text() == "mine"


def test_a_lock_that_its_holder_has_removed_is_no_lock(tmp_path: Path) -> None:
    """The holder removed the file after it was opened; another process may hold the next one."""
    lock, wait = tmp_path / "lock", fcntl.flock

    def flock_late(descriptor: int, how: int) -> None:
        lock.unlink()
        lock.touch()
        wait(descriptor, how)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(fcntl, "flock", flock_late)
        with pytest.raises(ChurnError, match="in use"), held(lock, "in use"):
            pass
    assert lock.exists()


# ------------------------------------------------------------------------------ stores


def test_a_store_keeps_foreign_files(tmp_path: Path) -> None:
    import pyarrow as pa

    folder = tmp_path / "outcomes"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    append(folder, "one", pa.table({"a": [1]}))
    assert (folder / "notes.txt").read_text() == "mine"


# ------------------------------------------------------------------------------ processes

STARTS_CHILDREN = """
    import sys
    from pathlib import Path
    from churn.reports import evidence

    work = Path(sys.argv[1])
    script = (
        "sh -c 'while :; do mkdir -p .evidence; touch .evidence/$(date +%N); done' & "
        "echo $! > child; echo $$ > parent; wait"
    )
    with evidence._started(["sh", "-c", script], work, None, None) as process:
        print("started", flush=True)
        process.wait()
"""


def test_children_end_with_a_killed_command(tmp_path: Path) -> None:
    site = tmp_path / "site"
    with exclusive(site, "build of the reports"):
        work = tmp_path / ".site.loading-1"
        work.mkdir()
        mark(work, "build of the reports")
    script = textwrap.dedent(STARTS_CHILDREN)
    with subprocess.Popen(
        [sys.executable, "-c", script, str(work)], stdout=subprocess.PIPE, text=True
    ) as command:
        assert command.stdout is not None
        assert command.stdout.readline() == "started\n"
        while not ((work / "parent").exists() and (work / "child").exists()):
            time.sleep(0.01)
        ids = [int((work / name).read_text() or 0) for name in ("parent", "child")]
        assert all(map(psutil.pid_exists, ids))
        command.send_signal(signal.SIGKILL)
    # the same command can run again at once
    with exclusive(site, "build of the reports"):
        assert not work.exists()
    deadline = time.monotonic() + 20
    while any(_runs(process) for process in ids):
        assert time.monotonic() < deadline, "the children outlive their parent"
        time.sleep(0.05)


def _runs(process: int) -> bool:
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_what_is_still_written_to_is_removed(tmp_path: Path) -> None:
    site, work = tmp_path / "site", tmp_path / ".site.loading-1"
    work.mkdir()
    mark(work, "build of the reports")
    until = time.monotonic() + 0.5

    def write() -> None:
        while time.monotonic() < until:
            (work / ".evidence").mkdir(parents=True, exist_ok=True)
            (work / ".evidence" / str(time.monotonic_ns())).touch()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with exclusive(site, "build of the reports"):
            pass
    finally:
        writer.join()


def test_a_site_of_ours_is_known_again(tmp_path: Path, workspace: Workspace) -> None:
    site = tmp_path / "site"
    with (
        exclusive(site, "build of the reports"),
        working_folder(site, "build of the reports") as work,
    ):
        built = work / "build"
        (built / "customers/S1").mkdir(parents=True)
        (built / "index.html").write_text("<p>first</p>")
        (built / "customers/S1/index.html").write_text("<p>S1</p>")
        (built / "base_path.txt").write_text("")
        swap_in(built, site, work="build of the reports", setting="CHURN_REPORTS_DIR")
    workspace.environment["CHURN_REPORTS_DIR"] = str(site)
    with workspace.active():
        assert built_site(Project()) == (site.resolve(), "")
    check_folder(site, "build of the reports", "CHURN_REPORTS_DIR")
