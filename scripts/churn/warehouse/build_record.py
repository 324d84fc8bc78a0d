"""Records the inputs of the last build beside the warehouse, and detects later changes."""

import json
from collections.abc import Iterator, Mapping
from glob import glob
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from churn.files.store import state, states
from churn.project import PROJECT_FILE, Project

NOT_COMPLETE = (
    "The warehouse is not as a complete `make run` left it: the last one failed or was stopped, or "
    "something else has changed it since."
)
_NO_RECORD = "How the warehouse was built is not on record."
_CHANGED = "The warehouse is not as the last complete build left it."
_OTHER_CODE = "The code or its configuration has changed since the last build."
_OTHER_VARIABLES = "The last build had other variables."
_OTHER_DATA = "The last build read other data."
_OTHER_ROWS = "The loaded rows are not those of the last build with more rows added."

_CODE = ("models", "macros", "seeds")
_SAMPLE = Path("seeds/saas")
_CONFIGURATION = (PROJECT_FILE, Path("profiles.yml"))
_ENGINES = ("dbt-core", "dbt-duckdb", "duckdb")
# `churn load` records here which loads have added rows to each table
_LOADS = "source_files.parquet"


def last_build(project: Project) -> dict[str, Any] | None:
    """Return the record of the last complete build; None if there is no record."""
    try:
        last = json.loads(project.build_record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return last if isinstance(last, dict) and project.warehouse.is_file() else None


def is_complete(project: Project) -> bool:
    """Whether nothing has written to the warehouse since the last complete build."""
    last = last_build(project)
    return last is not None and last.get("warehouse") == _stamp(project)


def made_from(
    project: Project, data_dir: Path | None, variables: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the inputs of a build that begins now, as plain JSON for the record.

    `loads` holds, for each growing table, the ids of the loads that added to it, oldest first.
    """
    made = {
        "data_dir": str(data_dir) if data_dir else None,
        "data": _data(data_dir),
        "loads": _loads(project, data_dir) if data_dir else {},
        "variables": dict(variables or {}),
        "code": code(data_dir),
        "stored": states(project.store_dir),
    }
    plain: dict[str, Any] = json.loads(json.dumps(made, default=str))
    return plain


def why_all_again(project: Project, now: Mapping[str, Any]) -> str:
    """Return why a build from `now` needs a full refresh; empty if it may be incremental.

    An incremental build needs a complete last build with the same code and variables. Its data
    must be the same or have grown. Without a warehouse, no reason is returned.
    """
    if not project.warehouse.is_file():
        return ""
    last = last_build(project)
    if last is None:
        return _NO_RECORD
    if not is_complete(project):
        return _CHANGED
    # the sample counts as code
    if (last.get("data") is None) != (now["data"] is None):
        return _OTHER_DATA
    if last.get("code") != now["code"]:
        return _OTHER_CODE
    if last.get("variables") != now["variables"]:
        return _OTHER_VARIABLES
    return "" if last["data"] == now["data"] or _has_grown(last, now) else _OTHER_ROWS


def code(data_dir: Path | None) -> str:
    """Return a checksum of all code that determines the result of a build.

    It covers the code, its configuration and the versions of the tools. If no data was loaded, the
    bundled sample counts as code.
    """
    digest = sha256(repr([(name, version(name)) for name in _ENGINES]).encode())
    for file in (*_CONFIGURATION, *_code_files(data_dir)):
        content = file.read_bytes()
        digest.update(f"{file.as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def keep(project: Project, record: Mapping[str, Any]) -> None:
    """Record beside the warehouse the inputs of the build, and the warehouse's state now.

    If the data was replaced during the build, the warehouse counts as incomplete: it may hold rows
    of both versions.
    """
    data_dir = record.get("data_dir")
    is_same = record.get("data") == _data(Path(data_dir) if data_dir else None)
    partial = project.build_record.with_suffix(".partial")
    noted = {**record, "warehouse": _stamp(project) if is_same else None}
    partial.write_text(json.dumps(noted, default=str), encoding="utf-8")
    partial.replace(project.build_record)


def _data(data_dir: Path | None) -> list[str] | None:
    return [str(data_dir), state(data_dir, "CHURN_DATA_DIR")] if data_dir else None


def _loads(project: Project, data_dir: Path) -> dict[str, list[str]]:
    """The loads of each growing table; none if the data has no record of loads."""
    file = data_dir / _LOADS
    if not file.is_file():
        return {}
    names = [name for name, table in project.tables.items() if table.grows]
    return {
        row["table_name"]: (row.get("load_ids") or "").split()
        for row in pq.read_table(file).to_pylist()
        if row["table_name"] in names
    }


def _has_grown(last: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether each growing table still has the last build's loads, with or without newer ones."""
    before, after = last["loads"], now["loads"]
    return bool(before) and all(
        loads and after.get(name, [])[: len(loads)] == loads for name, loads in before.items()
    )


def _code_files(data_dir: Path | None) -> Iterator[Path]:
    for folder in _CODE:
        # unlike pathlib's glob, this follows links and skips hidden files
        for name in sorted(glob(f"{folder}/**", recursive=True)):  # noqa: PTH207
            file = Path(name)
            # editors leave backup copies that end with a tilde
            is_code = file.is_file() and not name.endswith("~")
            if is_code and (data_dir is None or _SAMPLE not in file.parents):
                yield file


def _stamp(project: Project) -> list[list[int]]:
    """A value that changes whenever the warehouse or its write-ahead log changes."""
    log = project.warehouse.with_name(f"{project.warehouse.name}.wal")
    found = [file.stat() for file in (project.warehouse, log) if file.is_file()]
    return [[file.st_size, file.st_mtime_ns] for file in found]
