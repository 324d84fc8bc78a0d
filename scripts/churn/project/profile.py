"""Reads `profiles.yml`, for code that runs DuckDB or Spark outside dbt."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment

from churn.terminal.errors import ChurnError

PROFILES = Path("profiles.yml")


def profile(target: str = "duckdb", environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Return a target of the project's profile, with environment variables filled in."""
    text = PROFILES.read_text(encoding="utf-8")
    filled = (
        Environment().from_string(text).render(env_var=environment.get, flags={"PROFILES_DIR": "."})
    )
    outputs: dict[str, dict[str, Any]] = yaml.safe_load(filled)["churn"]["outputs"]
    return outputs[target]


def duckdb_limits() -> dict[str, Any]:
    """Return the memory limit and the spill folder of DuckDB, as options of `duckdb.connect`.

    Raises ChurnError if the spill folder's parents cannot be created.
    """
    options: dict[str, Any] = profile()["config_options"]
    make_room_for(Path(options["temp_directory"]))
    return options


def make_room_for(temp_directory: Path) -> None:
    """Create the parents of DuckDB's temporary folder; DuckDB creates and removes the folder.

    Raises ChurnError if they cannot be created.
    """
    folder = temp_directory.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ChurnError(
            f"{folder} cannot be made: {error.strerror or error}. It would hold what does not fit "
            "into memory: set CHURN_TEMP_DIR to another folder."
        ) from error
