"""A temporary folder to build in, apart from the user's warehouse."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def temporary_place(prefix: str) -> Iterator[Path]:
    """Yield a temporary folder for the warehouse and dbt's state, in place of the user's.

    dbt finds these places in environment variables. They are restored when the block ends, whatever
    the block sets. The store and the log keep their places: dbt only reads the store, and the log
    must outlive a failed build.
    """
    environment = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix=prefix) as name:
        folder = Path(name)
        os.environ.pop("CHURN_DATA_DIR", None)
        os.environ |= {
            "CHURN_WAREHOUSE": str(folder / "churn.duckdb"),
            "CHURN_TEMP_DIR": str(folder / "spill"),
            "DBT_TARGET_PATH": str(folder / "target"),
        }
        try:
            yield folder
        finally:
            os.environ.clear()
            os.environ |= environment
