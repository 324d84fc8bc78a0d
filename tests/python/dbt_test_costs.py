"""Records what dbt does during tests, in this process and in its child processes.

dbt loads every module whose name begins with `dbt_` as a plugin, once per invocation.
"""

import os
from pathlib import Path
from typing import Any

from dbt.flags import get_flags
from dbt.parser.manifest import ManifestLoader
from dbt.plugins.manager import dbtPlugin

FILE = "CHURN_TEST_COSTS"


def note(kind: str, detail: str = "") -> None:
    """Add a line: the kind of work, the test that caused it, and details."""
    if file := os.environ.get(FILE):
        test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
        with Path(file).open("a", encoding="utf-8") as notes:
            notes.write(f"{kind}\t{test}\t{detail}\n".encode("ascii", "replace").decode())


class Costs(dbtPlugin):
    """Records an invocation of dbt, and whether it builds the whole project."""

    def initialize(self) -> None:
        flags: Any = get_flags()
        command = flags.WHICH
        note("dbt", command)
        if command in ("build", "run") and not flags.SELECT and not getattr(flags, "EMPTY", False):
            note("whole build", flags.TARGET or "duckdb")
        if (flags.TARGET or "").startswith("spark"):
            note("spark", command)


def _load(self: ManifestLoader, load: Any = ManifestLoader.load) -> Any:
    manifest = load(self)
    if not self.skip_parsing and not self.partially_parsing:
        note("full parse")
    return manifest


ManifestLoader.load = _load  # type: ignore[method-assign]

plugins = [Costs]
