"""A plugin that dbt-duckdb runs before it opens the warehouse; `profiles.yml` names it.

It resolves relative paths from the project's folder, even if dbt was started elsewhere
(`dbt build --project-dir ...`). It also lets macros list folders.
"""

from pathlib import Path
from typing import Any

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin
from dbt.flags import get_flags
from dbt_common.exceptions import DbtRuntimeError
from duckdb.sqltypes import VARCHAR

from churn.files.disk import saying_what_is_refused
from churn.files.store import names_in
from churn.project.paths import expanded
from churn.project.profile import make_room_for
from churn.terminal.errors import ChurnError

_FOUND = {"path": VARCHAR, "names": VARCHAR, "problem": VARCHAR}


class Plugin(BasePlugin):
    """Sets the paths of the connection, and adds the SQL function `found_folder`."""

    def update_connection_config(self, creds: Any, config: dict[str, Any]) -> None:
        """Resolve the paths of the warehouse and the temporary folder, and create their parents.

        Raises DbtRuntimeError if the parents cannot be created.
        """
        warehouse = _project_path(creds.path)
        creds.path = str(warehouse)
        temp_directory = _project_path(config["temp_directory"])
        config["temp_directory"] = str(temp_directory)
        try:
            with saying_what_is_refused(warehouse, "CHURN_WAREHOUSE"):
                warehouse.parent.mkdir(parents=True, exist_ok=True)
            make_room_for(temp_directory)
        except ChurnError as error:
            raise DbtRuntimeError(str(error)) from error

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Add `found_folder(path)`: the absolute path and the names in it, or the error."""
        conn.create_function(
            "found_folder", _found_folder, [VARCHAR], duckdb.struct_type(_FOUND), side_effects=True
        )


def _found_folder(folder: str) -> dict[str, str | None]:
    """Describe a folder for the macro `found_folder`; slashes join names, as no name holds one."""
    if "://" in folder:
        return {"path": folder, "names": None, "problem": f"DuckDB reads no addresses: {folder}"}
    path = _project_path(folder)
    try:
        return {"path": str(path), "names": "/".join(names_in(path)), "problem": None}
    except ChurnError as error:
        return {"path": str(path), "names": None, "problem": str(error)}


def _project_path(path: str) -> Path:
    """Make a path absolute; a leading `~` is the home folder."""
    flags = get_flags()  # type: ignore[no-untyped-call]
    return Path(getattr(flags, "PROJECT_DIR", None) or "").resolve() / expanded(Path(path))
