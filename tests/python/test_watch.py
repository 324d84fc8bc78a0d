"""Watching: a change causes one reaction, however slowly it arrives, and nothing else does."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from churn.build.watch import watch
from churn.load import load
from churn.project import Project
from churn.terminal.errors import InputError

ROOT = Path(__file__).parents[2]
QUIET = 0.2

TABLES = {
    "accounts": "account_id\nA1\n",
    "subscriptions": "subscription_id,account_id,start_date\nS1,A1,2024-01-02\n",
    "feature_usage": "subscription_id,usage_date,usage_count\nS1,2024-03-01,5\n",
    "churn_events": "account_id,churn_date\nA1,2024-04-01\n",
    "support_tickets": "ticket_id,account_id,submitted_at\nT1,A1,2024-03-02 10:00:00\n",
}


class Watched:
    """The steps and output of a watch in its own thread."""

    def __init__(self, project: Project, source: Path | None, to_load: Path) -> None:
        self.project = project
        self.to_load = to_load
        self.steps: list[str] = []
        self.output = StringIO()
        self.stop = threading.Event()
        self.thread = threading.Thread(
            target=watch,
            args=(project,),
            kwargs={
                "source": source,
                "reload": self.reload,
                "rebuild": lambda: self.steps.append("rebuild"),
                "console": Console(file=self.output, width=200),
                "quiet_seconds": QUIET,
                "stop": self.stop,
            },
        )

    def reload(self) -> None:
        self.steps.append("reload")
        load(self.to_load, self.project)

    def said(self, text: str) -> bool:
        return text in self.output.getvalue()

    def settles_at(self, steps: list[str]) -> bool:
        """Whether the watch takes exactly these steps, and no others for some time afterwards."""
        eventually(lambda: len(self.steps) >= len(steps))
        time.sleep(5 * QUIET)
        return self.steps == steps


def eventually(condition: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition did not hold in time"
        time.sleep(0.02)


@contextmanager
def watching(project: Project, source: Path | None, to_load: Path) -> Iterator[Watched]:
    watched = Watched(project, source, to_load)
    watched.thread.start()
    try:
        eventually(lambda: watched.said("Watching"))
        time.sleep(2 * QUIET)
        yield watched
    finally:
        watched.stop.set()
        watched.thread.join(10)
    assert not watched.thread.is_alive()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    shutil.copy(ROOT / "dbt_project.yml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CHURN_DATA_DIR", raising=False)
    monkeypatch.delenv("CHURN_STORE_DIR", raising=False)
    return Project()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    for table, text in TABLES.items():
        (folder / f"{table}.csv").write_text(text)
    return folder


def test_a_slow_change_reloads_and_rebuilds_once(project: Project, source: Path) -> None:
    load(source, project)
    with watching(project, source, source) as watched:
        with (source / "accounts.csv").open("a") as file:
            for number in range(8):
                file.write(f"B{number}\n")
                file.flush()
                time.sleep(QUIET / 2)
        assert watched.settles_at(["reload", "rebuild"])


def test_a_failing_load_keeps_the_data_and_the_watch(project: Project, source: Path) -> None:
    load(source, project)
    before = (project.load_dir / "accounts.parquet").read_bytes()
    with watching(project, source, source) as watched:
        (source / "accounts.csv").write_text("id\n1\n")
        assert watched.settles_at(["reload"])
        assert watched.said("account_id is missing")
        assert (project.load_dir / "accounts.parquet").read_bytes() == before
        (source / "accounts.csv").write_text("account_id\nA1\nA2\n")
        assert watched.settles_at(["reload", "reload", "rebuild"])


def test_files_that_hold_no_data_do_not_trigger(project: Project, source: Path) -> None:
    with watching(project, source, source) as watched:
        (source / ".accounts.csv.part").write_text("x")
        (source / "notes.txt").write_text("x")
        assert watched.settles_at([])


def test_the_load_inside_the_source_does_not_trigger_again(
    project: Project, source: Path, tmp_path: Path
) -> None:
    load(source, project)
    with watching(project, tmp_path, source) as watched:
        (source / "accounts.csv").write_text("account_id\nA2\n")
        assert watched.settles_at(["reload", "rebuild"])


def test_a_replaced_zip_triggers(project: Project, source: Path, tmp_path: Path) -> None:
    archive = Path(shutil.make_archive(str(tmp_path / "export"), "zip", source))
    with watching(project, archive, archive) as watched:
        archive.unlink()
        shutil.make_archive(str(tmp_path / "export"), "zip", source)
        assert watched.settles_at(["reload", "rebuild"])


def test_loads_of_others_only_rebuild(project: Project, source: Path) -> None:
    load(source, project)
    with watching(project, None, source) as watched:
        load(source, project)
        assert watched.settles_at(["rebuild"])
        load(source, project, partial=True)
        assert watched.settles_at(["rebuild", "rebuild"])


def test_nothing_to_watch_is_said(project: Project) -> None:
    with pytest.raises(InputError, match="nothing to watch"):
        watch(project, source=None, reload=lambda: None, rebuild=lambda: None)


def test_ctrl_c_ends_cleanly(project: Project, source: Path) -> None:
    script = """
        from pathlib import Path
        from churn.project import Project
        from churn.build.watch import watch
        watch(Project(), source=Path("source"), reload=print, rebuild=print)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "scripts")},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert "Watching source" in process.stderr.readline()
    time.sleep(2 * QUIET)
    process.send_signal(signal.SIGINT)
    rest = process.stderr.read()
    assert process.wait(10) == 0
    assert rest.strip() == "Stopped watching."
