"""Expands a leading `~` in paths to the home folder, as a shell does.

`make` quotes its variables, so no shell expands them.
"""

import os
from errno import ENAMETOOLONG
from pathlib import Path

from churn.terminal import plain
from churn.terminal.errors import InputError

# environment variables that hold a path, for this process, dbt and every child process
PATH_SETTINGS = (
    "CHURN_WAREHOUSE",
    "CHURN_DATA_DIR",
    "CHURN_STORE_DIR",
    "CHURN_EXPORT_DIR",
    "CHURN_REPORTS_DIR",
    "CHURN_PUBLISHED_WAREHOUSE",
    "CHURN_TEMP_DIR",
    "CHURN_SPARK_DIR",
    "DBT_TARGET_PATH",
    "DBT_LOG_PATH",
)
_SHOWN = 80


def expanded(path: Path) -> Path:
    """Replace a leading `~` by the home folder.

    If the home folder is unknown, the path is returned unchanged.
    """
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def given(path: Path) -> Path:
    """Expand a path that was given as an argument.

    Raises InputError if its name is too long for the file system.
    """
    place = expanded(path)
    try:
        place.lstat()
    except OSError as error:
        if error.errno == ENAMETOOLONG:
            raise InputError(
                f"The name {plain(str(place), _SHOWN)} is too long for a file or folder."
            ) from error
    return place


def expand_settings() -> None:
    """Expand `~` in every environment variable that holds a path."""
    for name in PATH_SETTINGS:
        value = os.environ.get(name, "")
        if value.startswith("~"):
            os.environ[name] = str(expanded(Path(value)))
