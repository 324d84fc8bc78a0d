"""Random sequences of what users do to a warehouse, its data, its store and its exports.

The seed alone determines a sequence, so that a failing one can be run again:
`python tests/python/sequences.py 17` runs the sequence of seed 17, `0-300` the first 300.
"""

import io
import os
import random
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import dbt.cli.main
import duckdb
import pyarrow.parquet as pq
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest
from dbt_common.events.event_manager import EventManager

import churn.build.dbt
from churn.load import load
from churn.project import Project
from churn.warehouse.build_record import is_complete
from conftest import AS_OF, ROOT, Contents, Outcome, Workspace, assert_same
from test_growth import Company

# with few dates and one thread, a build of the small company takes seconds
SETTINGS = {
    "history_weeks: 26": "history_weeks: 2",
    "backtest_weeks: 52": "backtest_weeks: 0",
    "+persist_docs: {relation: true, columns: true}": "+persist_docs: {}",
}
# Most of a small build is dbt's work per table, not SQL. So there are no contracts, and one
# statement, without hooks, writes each table or view. Incremental tables are written as usual.
CONTRACT = ("contract: {enforced: true}", "contract: {enforced: false}")
MATERIALIZATIONS = """
{% materialization table, adapter='duckdb' %}
    {{ return(one_statement('table')) }}
{% endmaterialization %}
{% materialization view, adapter='duckdb' %}
    {{ return(one_statement('view')) }}
{% endmaterialization %}
{% macro one_statement(kind) %}
    {% set old = load_cached_relation(this) %}
    {% set new = this.incorporate(type=kind) %}
    {% if old is not none and old.type != kind %}{% do adapter.drop_relation(old) %}{% endif %}
    {% call statement('main') %}create or replace {{ kind }} {{ new }} as ({{ sql }}){% endcall %}
    {% do adapter.commit() %}
    {{ return({'relations': [new]}) }}
{% endmacro %}
"""
# a code change that changes scores
CODE = (Path("macros/windows.sql"), "{{ as_of_date }} - 60", "{{ as_of_date }} - 45")
CONFIGURATION = (Path("dbt_project.yml"), "min_usage_rows: 5", "min_usage_rows: 40")

# writing dbt's log and its JSON manifest takes a sixth of a build
QUIET = ["--log-level", "none", "--log-level-file", "none", "--no-write-json", "--no-use-colors"]

PARTS = (
    "checked_saas__feature_usage",
    "+checked_saas__feature_usage",
    "int_daily_usage",
    "+int_daily_usage",
    "int_subscription_usage",
    "int_as_of_dates",
    "int_customer_usage",
    "+int_customer_usage",
    "int_account_support",
    "+int_customer_signals",
    "int_customer_signals",
    "int_customer_scores",
    "int_customer_scores+",
    "staging",
    "intermediate",
    "customer_risk",
    "+customer_risk",
    "data_quality_issues+",
)
LOOKS = (
    "{as_of_date: 2026-03-15}",
    "{as_of_date: 2026-03-20, history_weeks: 1}",
    "{risk_ruleset: basic}",
    "{disabled_risk_rules: [usage_drop, trial]}",
    "{late_arrival_days: 2}",
    "{min_usage_rows: 40}",
)
# messages that a reading command may print if the last build was not complete
NOT_BUILT = (
    "There is no warehouse at|is not fully built, or by another|is only partly of the last build"
)
# the user's own relations in the same file
MINE = """
    create schema if not exists mine;
    create or replace table mine.customer_risk as select {number} as number;
    create or replace view mine.numbers as select * from mine.customer_risk;
"""
OUTCOMES = ("contacted", "meeting_scheduled", "no_response", "renewed", "issue_resolved")

Step = Callable[[], None]


class Prepared(dbtRunner):
    """dbt with a parsed project, through dbt's own interface: parsing is the slowest step."""

    manifest_now: Manifest

    def __init__(self, manifest: object = None, callbacks: Any = None) -> None:
        super().__init__(manifest=self.manifest_now, callbacks=callbacks)
        # macros store data in the graph during one invocation
        self.manifest_now.build_flat_graph()


class Town:
    """A copy of the project with small settings, and the folders of a sequence."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.project = folder / "project"
        self.manifests: dict[str, bytes] = {}
        for name in ("models", "macros", "seeds", "docs"):
            shutil.copytree(ROOT / name, self.project / name)
        for name in ("dbt_project.yml", "profiles.yml"):
            shutil.copy(ROOT / name, self.project)
        settings = self.project / "dbt_project.yml"
        text = settings.read_text(encoding="utf-8")
        for before, after in SETTINGS.items():
            assert before in text, before
            text = text.replace(before, after)
        settings.write_text(text, encoding="utf-8")
        profile = self.project / "profiles.yml"
        text = profile.read_text(encoding="utf-8").replace("threads: 2", "threads: 1")
        text = text.replace("config_options:\n", "config_options:\n        threads: 1\n", 1)
        profile.write_text(text, encoding="utf-8")
        for file in self.project.glob("models/**/*.yml"):
            text = file.read_text(encoding="utf-8")
            file.write_text(text.replace(*CONTRACT), encoding="utf-8")
        light = self.project / "macros" / "one_statement.sql"
        light.write_text(MATERIALIZATIONS, encoding="utf-8")
        self.original = {
            file: (self.project / file).read_text(encoding="utf-8")
            for file in (CODE[0], CONFIGURATION[0])
        }

    @contextmanager
    def open(self) -> Iterator[None]:
        """Make the project the working directory, and prepare dbt."""
        here = Path.cwd()
        os.chdir(self.project)
        try:
            with (
                patch.object(dbt.cli.main, "dbtRunner", Prepared),
                # data tests take as long as the models
                patch.object(churn.build.dbt, "_BUILD", churn.build.dbt._BUILD_UNTESTED),
                patch.object(churn.build.dbt, "_QUIET", QUIET),
                # events, which nobody reads here, take an eighth of a build
                patch.object(EventManager, "fire_event"),
            ):
                yield
        finally:
            os.chdir(here)

    def restore_code(self) -> None:
        for file, text in self.original.items():
            (self.project / file).write_text(text, encoding="utf-8")

    def toggle(self, change: tuple[Path, str, str]) -> None:
        """Apply a code change, or revert it."""
        file, one, other = change
        path = self.project / file
        text = path.read_text(encoding="utf-8")
        before, after = (one, other) if one in text else (other, one)
        assert before in text
        path.write_text(text.replace(before, after), encoding="utf-8")

    def parse(self, place: Workspace) -> None:
        """Give dbt the current code; parse each variant once."""
        code = (self.project / CODE[0]).read_text(encoding="utf-8")
        if code not in self.manifests:
            with place.active():
                os.environ["CHURN_DATA_DIR"] = str(place.load_dir)
                found = dbtRunner().invoke(["--log-level", "none", "parse"])
                assert found.success, found.exception
            target = Path(place.environment["DBT_TARGET_PATH"])
            self.manifests[code] = (target / "partial_parse.msgpack").read_bytes()
        # a fresh copy, without changes by earlier invocations
        Prepared.manifest_now = Manifest.from_msgpack(self.manifests[code])


class Sequence:
    """One sequence; `steps` lists what has happened so far."""

    def __init__(self, town: Town, seed: int) -> None:
        self.town, self.seed = town, seed
        self.random = random.Random(seed)
        self.steps: list[str] = []
        self.company = Company()
        self.seconds: dict[str, float] = {}
        folder = town.folder / "place"
        shutil.rmtree(folder, ignore_errors=True)
        self.place = Workspace(folder, town.folder / "target", light=False)
        self.exports = folder / "exports"
        self.place.environment |= {
            "CHURN_EXPORT_DIR": str(self.exports),
            "CHURN_DATA_DIR": str(self.place.load_dir),
        }
        self.backup = folder / "backup"
        self.published: set[str] = set()
        self.logged: set[str] = set()
        self.edits: set[str] = set()
        # the number in the user's schema `mine`, if the warehouse has one
        self.mine: int | None = None
        self.mine_in_backup: int | None = None
        self.foreign = {
            self.place.store / "notes.txt": "of the user\n",
            self.place.store / "published" / "notes.txt": "of the user\n",
            self.exports / "mine" / "notes.txt": "of the user\n",
        }
        for file, text in self.foreign.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        town.restore_code()

    # -------------------------------------------------------------------------- user actions
    def company_changes(self) -> None:
        """Add a day, late rows, faults, tickets or corrections, then load."""
        changes = (
            *(Company.a_day_passes, Company.a_day_passes, Company.rows_come_late),
            *(Company.faults_come, Company.tickets_come, Company.customers_change),
            *(Company.rows_are_edited, Company.nothing_happens),
        )
        chosen = self.random.choices(changes, k=self.random.randint(1, 3))
        for change in chosen:
            change(self.company)
        self.note(*(change.__name__ for change in chosen))
        self.load()

    def export_is_corrected(self) -> None:
        """Change values or remove the last rows; the number of rows may stay the same."""
        usage = self.company.tables["feature_usage"]
        if self.random.random() < 0.3:
            del usage[-self.random.randint(1, 40) :]
        else:
            since = str(AS_OF - timedelta(days=self.random.randint(5, 45)))
            customer = self.random.choice(["S03", "S05", "S08"])
            for row in usage:
                if row["subscription_id"] == customer and row["usage_date"] >= since:
                    row["usage_count"] = str(self.random.randint(0, 40))
        self.note("corrected")
        self.load()

    def one_table_is_loaded(self) -> None:
        table = self.random.choice(["subscriptions", "accounts", "churn_events"])
        Company.customers_change(self.company)
        folder = self.place.source.with_name("part")
        shutil.rmtree(folder, ignore_errors=True)
        whole = self.place.source
        self.place.source = folder
        self.place.write({table: self.company.tables[table]})
        self.place.source = whole
        self.note(table)
        with self.place.active():
            load(folder, Project(), partial=True)

    def dbt_by_hand(self) -> None:
        command = self.random.choice(["run", "run", "build", "build", "test", "seed"])
        arguments = [command]
        if command != "seed":
            arguments += ["--select", *self.random.sample(PARTS, self.random.randint(1, 3))]
        if command == "build":
            arguments += ["--exclude-resource-type", "unit_test"]
        if self.random.random() < 0.15 and command != "test":
            arguments.append("--full-refresh")
        if self.random.random() < 0.2:
            arguments += ["--vars", self.random.choice(LOOKS)]
        self.dbt(*arguments)

    def full_run(self) -> None:
        self.run(*(["--data", str(self.place.source)] if self.random.random() < 0.3 else []))

    def run_is_killed(self) -> None:
        """Kill the run after the build, before it keeps its record."""
        self.note("before the record")
        with patch.object(churn.build.dbt, "keep", side_effect=KeyboardInterrupt):
            outcome = self.churn("run")
        assert outcome.code == 130, outcome

    def look(self) -> None:
        """Run with variables, which must leave nothing in the store."""
        before = self.stored_files()
        out = self.run("--vars", self.random.choice(LOOKS))
        assert self.stored_files() == before
        assert "To record them, add --record" in out

    def look_on_record(self) -> None:
        self.run("--vars", self.random.choice(LOOKS), "--record")

    def outcome_is_logged(self) -> None:
        if not self.place.warehouse.exists():
            return
        customer = self.random.choice(["S01", "S02", "S03"])
        kind = self.random.random()
        if kind < 0.6:
            what = self.random.choice(OUTCOMES)
            arguments = [
                "add",
                customer,
                what,
                "--at",
                "2026-03-2" + str(self.random.randint(1, 9)),
            ]
        elif kind < 0.8:
            arguments = ["snooze", customer, "2027-01-01"]
        else:
            arguments = ["not-a-risk", customer, "moved"]
        self.churn("outcome", *arguments)

    def list_is_printed(self) -> None:
        self.churn("list")

    def export_is_written(self) -> None:
        self.churn("export", "--format", "csv,tasks,digest")

    def export_is_edited(self) -> None:
        for file in sorted(self.exports.glob("*/action_list.csv")):
            text = file.read_text(encoding="utf-8-sig")
            mark = f"edit {len(self.edits)}"
            header, _, rows = text.partition("\n")
            if "note" not in header or not rows:
                continue
            # append rows: users' columns are the last ones
            file.write_text(text.rstrip("\n") + f"\nS01,contacted,{mark}\n", encoding="utf-8")
            self.edits.add(mark)
            own = file.with_name("of the user.txt")
            own.write_text("of the user\n", encoding="utf-8")
            self.foreign[own] = "of the user\n"

    def code_changes(self) -> None:
        change = self.random.choice([CODE, CONFIGURATION])
        self.note(str(change[0]))
        self.town.toggle(change)
        self.town.parse(self.place)

    def client_makes_tables(self) -> None:
        """Create the user's own relations in the file that is or becomes the warehouse."""
        self.mine = (self.mine or 0) + 1
        with duckdb.connect(str(self.place.warehouse)) as connection:
            connection.execute(MINE.format(number=self.mine))

    def client_writes(self) -> None:
        """Write to the warehouse from another client."""
        if not self.place.warehouse.exists():
            return
        statement = self.random.choice(
            [
                "create or replace table main.another as select 1 as one",
                "update intermediate.int_customer_usage set errors_30d = 99",
                "delete from intermediate.int_customer_scores",
                "delete from intermediate.int_daily_usage where usage_count > 30",
                "drop table if exists intermediate.int_customer_signals",
                "select 1",
            ]
        )
        self.note(statement)
        try:
            with duckdb.connect(str(self.place.warehouse)) as connection:
                connection.execute(statement)
        except duckdb.CatalogException:
            # not built yet
            pass

    def backup_is_taken(self) -> None:
        shutil.rmtree(self.backup, ignore_errors=True)
        self.backup.mkdir()
        for file in self.warehouse_files():
            shutil.copy2(file, self.backup)
        self.mine_in_backup = self.mine

    def backup_comes_back(self) -> None:
        """Restore the warehouse alone or with its record, with the times of `cp` or `cp -p`."""
        copy: Callable[..., object] = self.random.choice([shutil.copy, shutil.copy2])
        names = ["churn.duckdb", "churn.duckdb.build.json"]
        if self.random.random() < 0.5:
            names.pop()
        self.note(copy.__name__, *names)
        if (self.backup / names[0]).exists():
            self.mine = self.mine_in_backup
        for name in names:
            if (self.backup / name).exists():
                copy(self.backup / name, self.place.warehouse.parent / name)

    def warehouse_is_deleted(self) -> None:
        for file in self.warehouse_files():
            file.unlink()
        self.mine = None

    def other_data_is_built(self) -> None:
        """Build the same warehouse from another folder of loaded data."""
        other = Workspace(
            self.place.store.parent / "other", self.town.folder / "target", light=False
        )
        if not other.load_dir.exists():
            other.load(Company().tables)
        with patch.dict(self.place.environment, {"CHURN_DATA_DIR": str(other.load_dir)}):
            self.run()

    # -------------------------------------------------------------------------- running a sequence
    def any_steps(self) -> list[Step]:
        """Return a full run followed by random steps."""
        weights: dict[Step, float] = {
            self.company_changes: 5,
            self.export_is_corrected: 4,
            self.one_table_is_loaded: 1,
            self.dbt_by_hand: 8,
            self.full_run: 4,
            self.run_is_killed: 1,
            self.look: 1,
            self.look_on_record: 1,
            self.outcome_is_logged: 2,
            self.list_is_printed: 1,
            self.export_is_written: 2,
            self.export_is_edited: 1,
            self.code_changes: 1,
            self.client_writes: 2,
            self.client_makes_tables: 1,
            self.backup_is_taken: 1,
            self.backup_comes_back: 1,
            self.warehouse_is_deleted: 0.3,
            self.other_data_is_built: 0.5,
        }
        number = self.random.randint(2, 6)
        return [self.full_run, *self.random.choices([*weights], [*weights.values()], k=number)]

    def happen(self, steps: Iterable[Step]) -> None:
        """Load into the user's file, take the steps and a full run, then check the result."""
        self.town.parse(self.place)
        self.client_makes_tables()
        self.load()
        for step in (*steps, self.full_run):
            self.take(step)
        self.check_fresh()

    def take(self, step: Step) -> None:
        began = time.process_time()
        self.steps.append(step.__name__)
        step()
        self.seconds[step.__name__] = (
            self.seconds.get(step.__name__, 0) + time.process_time() - began
        )
        self.check_nothing_is_lost()

    def note(self, *words: str) -> None:
        self.steps[-1] += f" ({', '.join(words)})"

    def load(self) -> None:
        self.place.load(self.company.tables)

    def run(self, *arguments: str) -> str:
        if arguments:
            self.note(*arguments)
        return self.churn("run", *arguments).out

    def churn(self, *arguments: str) -> Outcome:
        """Run the command; a reading command may refuse an incomplete warehouse with a message."""
        with self.place.active():
            may_refuse = arguments[0] != "run" and not is_complete(Project())
        outcome = self.place.churn(*arguments)
        if arguments[0] == "run" and outcome.code == 0:
            self.note(*re.findall(r"[^.\n]*\. Every row is read again", outcome.out))
        if may_refuse and outcome.code == 2:
            self.note("refused")
            assert re.search(NOT_BUILT, " ".join(outcome.err.split())), outcome
        else:
            assert outcome.code in (0, 130), outcome
        assert outcome.code != 0 or outcome.err == ""
        return outcome

    def dbt(self, *arguments: str) -> None:
        self.note(*arguments)
        with self.place.active(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            try:
                Prepared().invoke([*QUIET, *arguments])
            finally:
                DuckDBConnectionManager.close_all_connections()

    def warehouse_files(self) -> list[Path]:
        folder = self.place.warehouse.parent
        return [file for file in folder.glob("churn.duckdb*") if not file.name.endswith(".lock")]

    # -------------------------------------------------------------------------- invariants
    def stored_files(self) -> set[Path]:
        return {*self.place.store.glob("published/*.parquet")}

    def stored(self, table: str, column: str) -> set[str]:
        files = self.place.store.glob(f"{table}/*.parquet")
        return {value for file in files for value in pq.read_table(file)[column].to_pylist()}

    def check_nothing_is_lost(self) -> None:
        published = self.stored("published", "publication_id")
        logged = self.stored("outcomes", "outcome_id")
        assert published >= self.published
        assert logged >= self.logged
        self.published, self.logged = published, logged
        for file, text in self.foreign.items():
            assert file.read_text(encoding="utf-8") == text, file
        if self.mine is not None:
            assert self.place.column("select number from mine.customer_risk") == [self.mine]
            assert self.place.column("select number from mine.numbers") == [self.mine]
        lists = [file.read_text(encoding="utf-8-sig") for file in self.exports.rglob("*.csv")]
        for edit in self.edits:
            assert any(edit in text for text in lists), edit

    def check_fresh(self) -> None:
        """A newly built warehouse has the same rows."""
        found = self.contents()
        before = self.stored_files()
        self.warehouse_is_deleted()
        self.steps.append("fresh")
        self.run()
        assert self.stored_files() == before
        assert_same(found, self.contents(), in_order=False)

    def contents(self) -> dict[str, Contents]:
        every = self.place.contents()
        # leave out the user's own relations
        foreign = ("main.", "mine.")
        return {name: rows for name, rows in every.items() if not name.startswith(foreign)}


@contextmanager
def telling(sequence: Sequence) -> Iterator[None]:
    """Add the steps so far to a failure."""
    try:
        with sequence.town.open():
            yield
    except Exception as error:
        error.add_note(f"sequence {sequence.seed}:\n  " + "\n  ".join(sequence.steps))
        raise


def main(seeds: str, folder: str) -> None:
    """Run sequences by their seeds, such as `17` or `0-300`; print the result of each."""
    first, _, last = seeds.partition("-")
    shutil.rmtree(folder, ignore_errors=True)
    town = Town(Path(folder))
    for seed in range(int(first), int(last or int(first) + 1)):
        began = time.monotonic()
        try:
            sequence = Sequence(town, seed)
            with telling(sequence):
                sequence.happen(sequence.any_steps())
        except Exception as error:
            notes = "\n".join(error.__notes__)
            print(f"FAILED {seed}: {type(error).__name__} {error}\n{notes}", flush=True)
        else:
            shown = {name: round(seconds, 1) for name, seconds in sequence.seconds.items()}
            print(f"ok {seed} {time.monotonic() - began:.0f}s {shown}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
