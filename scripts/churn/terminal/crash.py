"""Messages for operating system, DuckDB and Arrow errors that no other code handles."""

import os
import traceback
from pathlib import Path

from churn.terminal.console import plain

_LIBRARIES = ("duckdb", "_duckdb", "pyarrow")
_LOG = "churn.log"
_SHOWN = 500


def was_refused(error: Exception) -> bool:
    """Whether the error comes from the file system, a text encoding, DuckDB or Arrow."""
    origins = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    return isinstance(error, OSError | UnicodeError) or not origins.isdisjoint(_LIBRARIES)


def details_of(error: Exception) -> str:
    """Return a readable message, and write the stack trace to a log if the disk allows it."""
    reason = plain((str(error).splitlines() or [""])[0], _SHOWN)
    said = f"This failed in a way that `churn` does not expect. {type(error).__name__}: {reason}"
    log = Path(os.environ.get("DBT_LOG_PATH") or "logs") / _LOG
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8", errors="replace") as file:
            traceback.print_exception(error, file=file)
    except OSError:
        return f"{said}\nThere is no room for details: {log} cannot be written."
    return f"{said}\nDetails are in {log}."
