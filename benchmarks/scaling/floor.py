"""Runs one of the hand-written scripts with the settings of the project's profile.

    floor.py <script.sql> <folder of loaded data>

The database is `CHURN_WAREHOUSE`. Prints the seconds of the statements as JSON.
"""

import json
import sys
from pathlib import Path
from time import perf_counter

import duckdb

from churn.project.profile import profile
from churn.warehouse.sql_text import literal


def run(script: Path, data_dir: Path) -> float:
    """The total seconds of a script's statements."""
    settings = profile()
    with duckdb.connect(settings["path"], config=settings.get("config_options", {})) as database:
        for name, value in settings.get("settings", {}).items():
            database.execute(f"set {name} = '{value}'")
        database.execute(f"set variable data_dir = {literal(str(data_dir))}")
        started = perf_counter()
        for statement in database.extract_statements(script.read_text(encoding="utf-8")):
            database.execute(statement)
        database.execute("checkpoint")
        return perf_counter() - started


if __name__ == "__main__":
    print(json.dumps({"seconds": run(Path(sys.argv[1]), Path(sys.argv[2]))}))
