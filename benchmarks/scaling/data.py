"""The measured companies: generated and loaded once, and regenerated if incomplete."""

import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

import churn
from measure import Cost, cost

ROWS_A_SCALE = 25_000
CHURN = (sys.executable, "-c", "from churn.cli import main; main()")
COMPLETE = "complete.json"
# these files of the package and of the project determine the data
MAKERS = ("generate/*.py", "load/*.py", "project/options.py", "warehouse/sql_text.py")
CONFIGURATION = Path("dbt_project.yml")


@dataclass(frozen=True)
class Company:
    """A company of one size, as loaded data.

    Attributes:
        base: the folder to build from.
        later: the same company a day later.
        facts: rows by table, and the cost of generating and loading them.
    """

    base: Path
    later: Path
    facts: Mapping[str, Any]


def company(scale: int | float, folder: Path) -> Company:
    """Return a scale's company from `folder`, or create it there; run in the project's folder."""
    home = folder / f"scale-{scale:g}"
    found = Company(home / "base", home / "later", _facts(home))
    if found.facts.get("made_by") == _makers():
        return found
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    generating, loading = _make(scale, 0, found.base)
    # load the next day on top of the first data, as a user would
    shutil.copytree(found.base, found.later, copy_function=os.link)
    _make(scale, 1, found.later)
    facts = {
        "made_by": _makers(),
        "usage_rows": round(scale * ROWS_A_SCALE),
        "rows": _rows(found.base),
        "rows_later": _rows(found.later),
        "generating": _summary(generating),
        "loading": _summary(loading),
    }
    partial = home / f".{COMPLETE}"
    partial.write_text(json.dumps(facts), encoding="utf-8")
    partial.rename(home / COMPLETE)
    return Company(found.base, found.later, facts)


def _make(scale: float, more_days: int, target: Path) -> tuple[Cost, Cost]:
    """Generate and load into `target`; return the costs of both."""
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        exported = Path(scratch) / "export"
        environment = {**os.environ, "CHURN_DATA_DIR": str(target.resolve())}
        rows = round(scale * ROWS_A_SCALE)
        making = ("--usage-rows", rows, "--more-days", more_days, "--format", "parquet")
        generating = cost([*CHURN, "generate", "--out", exported, *making], environment)
        return generating, cost([*CHURN, "load", exported], environment)


def _rows(folder: Path) -> dict[str, int]:
    import pyarrow.parquet as pq

    table = pq.read_table(folder / "source_files.parquet", columns=["table_name", "row_count"])
    return {row["table_name"]: row["row_count"] for row in table.to_pylist()}


def _summary(found: Cost) -> dict[str, float]:
    return {
        "seconds": found.seconds,
        "cpu_seconds": found.cpu_seconds,
        "peak_bytes": found.peak_bytes,
    }


def _facts(home: Path) -> dict[str, Any]:
    try:
        facts: dict[str, Any] = json.loads((home / COMPLETE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts


def _makers() -> str:
    """A digest of what determines the data: code, configuration, the version of DuckDB."""
    package = Path(churn.__file__).parent
    digest = hashlib.md5(duckdb.__version__.encode(), usedforsecurity=False)
    for pattern in MAKERS:
        for file in sorted(package.glob(pattern)):
            digest.update(file.read_bytes())
    digest.update(CONFIGURATION.read_bytes())
    return digest.hexdigest()
