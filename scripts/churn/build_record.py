"""What the warehouse was built from, noted beside it, and whether it still is what was built."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from churn.project import Project
from churn.store import state, states

NOT_COMPLETE = (
    "The warehouse is not as a complete `make run` left it: the last one failed or was stopped, or "
    "something else has changed it since."
)


def last_build(project: Project) -> dict[str, Any] | None:
    """What the last complete build was made from; None where that is not on record."""
    try:
        last = json.loads(project.build_record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return last if isinstance(last, dict) and project.warehouse.is_file() else None


def is_complete(project: Project) -> bool:
    """Whether the warehouse is as a complete build left it: nothing has written to it since."""
    last = last_build(project)
    return last is not None and last.get("warehouse") == _stamp(project)


def made_from(
    project: Project, data_dir: Path | None, variables: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What a build that begins now is made from."""
    return {
        "data_dir": str(data_dir) if data_dir else None,
        "data": [str(data_dir), state(data_dir)] if data_dir else None,
        "variables": dict(variables or {}),
        "stored": states(project.store_dir),
    }


def keep(project: Project, record: Mapping[str, Any]) -> None:
    """Note beside the warehouse what it was built from, and how it looks now that it is."""
    partial = project.build_record.with_suffix(".partial")
    noted = {**record, "warehouse": _stamp(project)}
    partial.write_text(json.dumps(noted, default=str), encoding="utf-8")
    partial.replace(project.build_record)


def _stamp(project: Project) -> list[list[int]]:
    """Another one whenever something was written to the warehouse or is yet to go into it."""
    log = project.warehouse.with_name(f"{project.warehouse.name}.wal")
    found = [file.stat() for file in (project.warehouse, log) if file.is_file()]
    return [[file.st_size, file.st_mtime_ns] for file in found]
