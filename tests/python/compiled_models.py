"""The compiled scoring models in an in-memory DuckDB, where a run takes a fraction of a second.

dbt compiles the project once. Its staging, intermediate and risk models then run over generated raw
tables, in which every value is text.
"""

import json
import re
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, ClassVar

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner
from pyarrow import csv

ROOT = Path(__file__).parents[2]
TABLES = ("accounts", "subscriptions", "feature_usage", "churn_events", "support_tickets")
# 30 days before this date is March 1, and 31 days before it is a leap day
CONFIGURED_DATE = date(2024, 3, 31)

# the compared marts, with their key columns
MARTS = {
    "customer_risk": ("customer_id",),
    "risk_rule_evaluations": ("customer_id", "rule_id"),
    "risk_rule_firings": ("customer_id", "rule_id"),
    "at_risk_customers": ("customer_id",),
    "at_risk_accounts": ("account_id",),
    "customer_risk_history": ("as_of_date", "customer_id"),
    "risk_movements": ("customer_id",),
    "risk_trend": ("as_of_date",),
}
BASE = tuple(f"base_saas__{table}" for table in TABLES)
# the tests generate these tables; they are empty by default
STORED = ("stg_store__published_scores", "stg_store__outcomes")
GENERATED = (*BASE, *STORED, "int_customer_churn_intents")
INTENT_COLUMNS = "customer_id varchar, is_account_level boolean, intent_date date"
# the tests supply these tables: generated, or read from the seed file
SEEDS = ("recommended_actions", "playbook_steps", "outcomes")
GIVEN = (*GENERATED, *SEEDS)
HISTORY_WEEKS = {"standard": 26, "basic": 9}


@dataclass(frozen=True)
class Model:
    relation: str
    materialized: str
    sql: str
    reads: tuple[str, ...]


Models = dict[str, Model]


def fingerprint(models: Models) -> str:
    """Return the fingerprint of the scoring rules in the models."""
    return re.search("configuration = '([0-9a-f]+)'", models["int_as_of_dates"].sql)[1]


def compiled(folder: Path, ruleset: str, as_of: str) -> Models:
    """Compile the models behind the compared marts, sorted so that each follows its inputs."""
    variables = {
        "risk_ruleset": ruleset,
        "as_of_date": as_of,
        "history_weeks": HISTORY_WEEKS[ruleset],
    }
    return compiled_models(folder, MARTS, GIVEN, variables)


def compiled_models(
    folder: Path,
    wanted: Collection[str],
    given: Collection[str],
    variables: dict[str, Any],
) -> Models:
    """Return the wanted models and their inputs down to the given ones, in dependency order."""
    data, target = folder / "data", Path(tempfile.mkdtemp(dir=folder))
    data.mkdir(exist_ok=True)
    no_rows = pa.table({"_row_number": pa.array([], pa.int64()), "any": pa.array([], pa.string())})
    for table in (*TABLES, "source_files"):
        pq.write_table(no_rows, data / f"{table}.parquet")
    command = ["--log-level", "none", "--log-path", str(folder / "logs"), "compile"]
    command += ["--target-path", str(target)]
    command += ["--project-dir", str(ROOT), "--profiles-dir", str(ROOT)]
    command += ["--vars", json.dumps(variables)]
    command += ["--select", *(f"+{name}" for name in wanted)]
    command += ["--exclude", "resource_type:test", "resource_type:unit_test"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        # relation names contain the file's name, also in the parsed project that other tests share
        patch.setenv("CHURN_WAREHOUSE", str(folder / "churn.duckdb"))
        patch.setenv("CHURN_DATA_DIR", str(data))
        patch.setenv("CHURN_STORE_DIR", str(folder / "empty"))
        patch.setenv("CHURN_TEMP_DIR", str(folder / "temp"))
        patch.setenv("DO_NOT_TRACK", "1")
        try:
            result = dbtRunner().invoke(command)
        finally:
            DuckDBConnectionManager.close_all_connections()
    assert result.success, result.exception

    nodes = {found.node.unique_id: found.node for found in result.result}
    by_name = {node.name: node for node in nodes.values()}
    parents, open_names = {}, list(wanted)
    while open_names:
        name = open_names.pop()
        if name not in parents:
            above = [] if name in given else by_name[name].depends_on.nodes
            parents[name] = [nodes[node].name for node in above if node in nodes]
            open_names += parents[name]
    return {
        name: Model(
            by_name[name].relation_name,
            by_name[name].config.materialized,
            getattr(by_name[name], "compiled_code", None) or "",
            tuple(parents[name]),
        )
        for name in TopologicalSorter(parents).static_order()
    }


class Pipeline:
    """Runs the models in an in-memory DuckDB."""

    def __init__(self, models: Models) -> None:
        self.connection = duckdb.connect(config={"threads": 1})
        self.connection.execute("set TimeZone = 'UTC'")
        self.connection.execute("attach ':memory:' as churn")
        for schema in sorted({model.relation.rsplit(".", 1)[0] for model in models.values()}):
            self.connection.execute(f"create schema if not exists {schema}")
        for name in (*BASE, *STORED):
            # the compiled SQL returns no rows, but sets the columns and their types
            self.execute(models[name], models[name].sql, "table")
        intents = models["int_customer_churn_intents"].relation
        self.connection.execute(f"create table {intents} ({INTENT_COLUMNS})")
        for name in SEEDS:
            self.connection.register("seed", csv.read_csv(ROOT / f"seeds/playbooks/{name}.csv"))
            self.execute(models[name], "from seed", "table")

    def execute(self, model: Model, sql: str, kind: str) -> None:
        self.connection.execute(f"create or replace {kind} {model.relation} as {sql}")

    def run(self, models: Models, raw: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
        """Return the rows of the compared marts by key, built from the given raw tables."""
        for name in GENERATED:
            relation = models[name].relation
            self.connection.execute(f"truncate {relation}")
            if rows := raw.get(name):
                given_rows = pa.Table.from_pylist(rows)
                self.connection.register("given_rows", given_rows)
                self.connection.execute(f"insert into {relation} by name from given_rows")
        for name, model in models.items():
            if name not in GIVEN:
                kind = "view" if model.materialized == "view" else "table"
                self.execute(model, model.sql, kind)
        return {name: self.rows(models[name].relation, key) for name, key in MARTS.items()}

    def rows(self, relation: str, key: tuple[str, ...]) -> dict[tuple[str, ...], dict[str, Any]]:
        found = self.connection.execute(f"from {relation}")
        names = [column[0] for column in found.description]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        by_key = {tuple(row[column] for column in key): row for row in rows}
        assert len(by_key) == len(rows), f"{relation} has two rows with the same key"
        return by_key


Choices = dict[tuple[str, bool], Models]


def compiled_choices(folder: Path) -> Choices:
    """The compiled models by rule set and by whether the as-of date is configured."""
    standard = compiled(folder, "standard", "")
    basic = compiled(folder, "basic", CONFIGURED_DATE.isoformat())
    dates = {False: standard["int_as_of_dates"], True: basic["int_as_of_dates"]}
    return {
        (ruleset, configured): {**models, "int_as_of_dates": dates[configured]}
        for ruleset, models in (("standard", standard), ("basic", basic))
        for configured in (False, True)
    }


class CompiledProject:
    """The compiled models by rule set and by whether the as-of date is configured."""

    # the number of weeks comes from the same compilation as the dates
    history_weeks: ClassVar = {False: HISTORY_WEEKS["standard"], True: HISTORY_WEEKS["basic"]}

    def __init__(self, by_choice: Choices) -> None:
        self.by_choice = by_choice
        self.pipeline = Pipeline(by_choice["standard", False])
