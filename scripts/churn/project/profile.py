"""The settings of `profiles.yml`, for code that runs DuckDB or Spark outside dbt."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment

from churn.terminal.errors import ChurnError

PROFILES = Path("profiles.yml")


def profile(target: str = "duckdb", environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """A target of the project's profile, filled in from the environment."""
    text = PROFILES.read_text(encoding="utf-8")
    filled = (
        Environment().from_string(text).render(env_var=environment.get, flags={"PROFILES_DIR": "."})
    )
    outputs: dict[str, dict[str, Any]] = yaml.safe_load(filled)["churn"]["outputs"]
    return outputs[target]


def duckdb_limits() -> dict[str, Any]:
    """How much memory DuckDB may take, and where the rest goes: options of `duckdb.connect`.

    Raises ChurnError when the folder for the rest cannot be made.
    """
    options: dict[str, Any] = profile()["config_options"]
    make_room_for(Path(options["temp_directory"]))
    return options


def make_room_for(temp_directory: Path) -> None:
    """Make the folders above DuckDB's temporary one, which DuckDB makes and removes itself.

    Raises ChurnError when they cannot be made.
    """
    folder = temp_directory.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ChurnError(
            f"{folder} cannot be made: {error.strerror or error}. It would hold what does not fit "
            "into memory: set CHURN_TEMP_DIR to another folder."
        ) from error
