"""Replaces the output folder as a whole, and only if the generator wrote it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from churn.files.made import check_folder
from churn.files.swap import disk_errors, exclusive, swap_in, working_folder
from churn.terminal.errors import InputError

MANIFEST = "generated.json"
_WORK = "generation"
_SETTING = "--out"


@contextmanager
def replaced(out: Path) -> Iterator[Path]:
    """Yield a new folder to write into, which replaces `out` if the block succeeds.

    Raises InputError if `out` holds anything that the generator did not write. Raises ChurnError if
    another process is writing it, or if the disk refuses the write.
    """
    out = out.resolve()
    if out in (Path.cwd(), *Path.cwd().parents):
        raise InputError(f"{out} is the folder you are working in. Choose a new folder.")
    # check this before minutes of work
    check_folder(out, _WORK, _SETTING)
    with (
        disk_errors(out, _WORK, _SETTING),
        exclusive(out, _WORK),
        working_folder(out, _WORK) as work,
    ):
        complete = work / "complete"
        complete.mkdir()
        yield complete
        swap_in(complete, out, work=_WORK, setting=_SETTING)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write indented JSON."""
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
