"""The places of the project's files, and the settings in `dbt_project.yml`.

Paths are relative to the working directory, which must be the project's folder. The environment
variables `CHURN_WAREHOUSE`, `CHURN_DATA_DIR` and `CHURN_STORE_DIR` mean the same here as in dbt.
"""

import os
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from churn.terminal.errors import InputError

PROJECT_FILE = Path("dbt_project.yml")


class TableSpec(BaseModel):
    """One source table as configured under `vars: saas_tables:` in `dbt_project.yml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    dated_by: str | None = None
    unique_key: str | None = None
    keep: str | None = None
    event_id: str | None = None
    grows: bool = False
    late_rows_wait: bool = False
    copies_need_id: bool = False
    keeps_row_hash: bool = False
    may_be_empty: bool = False
    may_be_absent: bool = False
    not_in_sample: bool = False
    text_columns: tuple[str, ...] = ()
    never_read: tuple[str, ...] = ()
    required: dict[str, str]
    optional: dict[str, str]

    @property
    def columns(self) -> dict[str, str]:
        """Every column the project reads, with its type; required columns first."""
        return {**self.required, **self.optional}


class Project:
    """The dbt project in the working directory."""

    def __init__(self) -> None:
        """Raise InputError if the working directory holds no dbt project."""
        if not PROJECT_FILE.is_file():
            raise InputError(
                f"There is no {PROJECT_FILE} in {Path.cwd()}. "
                "Run this from the project's own folder."
            )

    @cached_property
    def _settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = yaml.safe_load(PROJECT_FILE.read_text(encoding="utf-8"))
        return settings

    @property
    def variables(self) -> list[str]:
        """The names of the dbt variables, in the order of `dbt_project.yml`."""
        return list(self._settings["vars"])

    @cached_property
    def tables(self) -> dict[str, TableSpec]:
        """The source tables by name, in the order of `dbt_project.yml`."""
        specs = self._settings["vars"]["saas_tables"]
        return {name: TableSpec(name=name, **spec) for name, spec in specs.items()}

    @property
    def warehouse(self) -> Path:
        """The DuckDB file that dbt builds. It is derived and may be deleted at any time."""
        return Path(os.environ.get("CHURN_WAREHOUSE") or "warehouse/churn.duckdb")

    @property
    def build_record(self) -> Path:
        """JSON: the inputs of the last complete build, and the warehouse's state after it."""
        return self.warehouse.with_name(f"{self.warehouse.name}.build.json")

    @property
    def build_lock(self) -> Path:
        """The lock of the command that builds or publishes the warehouse."""
        return self.warehouse.with_name(f"{self.warehouse.name}.lock")

    @property
    def published_warehouse(self) -> Path:
        """The read-only copy of the warehouse that people query. It is derived."""
        named = os.environ.get("CHURN_PUBLISHED_WAREHOUSE")
        return Path(named or "build/published/churn.duckdb")

    @property
    def store_dir(self) -> Path:
        """The durable store: results of people and models, which cannot be rebuilt."""
        return Path(os.environ.get("CHURN_STORE_DIR") or "data")

    @property
    def export_dir(self) -> Path:
        """The folder of exports. They are derived, but people write into the workbooks."""
        return Path(os.environ.get("CHURN_EXPORT_DIR") or "exports")

    @property
    def reports_dir(self) -> Path:
        """The folder of the report site. It is derived."""
        return Path(os.environ.get("CHURN_REPORTS_DIR") or "build/reports")

    @property
    def reports_log(self) -> Path:
        """The log of the last site build: all output of the tools that build it."""
        return Path(os.environ.get("DBT_LOG_PATH") or "logs") / "churn_reports.log"

    @property
    def data_dir(self) -> Path | None:
        """The folder of loaded data that dbt reads, or None if it reads the bundled sample."""
        folder = os.environ.get("CHURN_DATA_DIR")
        return Path(folder) if folder else None

    @property
    def load_dir(self) -> Path:
        """The folder where `churn load` writes: one canonical Parquet file per table."""
        return self.data_dir or self.store_dir / "saas"
