"""Paths as people write them: a leading `~` is the home folder, as in a shell.

`make` quotes its variables, so no shell expands them.
"""

import os
from errno import ENAMETOOLONG
from pathlib import Path

from churn.terminal import plain
from churn.terminal.errors import InputError

# the environment variables that name a place, for this process, dbt and every child process
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
    """The path with the home folder in place of a leading `~`.

    A path stays as it is where nobody knows the home folder.
    """
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def given(path: Path) -> Path:
    """A path that somebody gave as an argument, expanded.

    Raises InputError where its name is longer than names can be.
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
    """Expand `~` in every environment variable that names a place."""
    for name in PATH_SETTINGS:
        value = os.environ.get(name, "")
        if value.startswith("~"):
            os.environ[name] = str(expanded(Path(value)))
