"""A temporary folder to build in, apart from the user's warehouse."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def temporary_place(prefix: str) -> Iterator[Path]:
    """A folder for the warehouse and what dbt remembers, in place of the user's.

    dbt finds these places in the environment, which is as it was when the block ends, whatever the
    block sets. The store and the log stay where they are: dbt only reads the one, and the other
    outlives a build that fails.
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
