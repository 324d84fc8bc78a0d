"""Replace the output folder as a whole, and only if it is ours to replace."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from churn.disk import held
from churn.errors import ChurnError, InputError

MANIFEST = "generated.json"
MAKER = "churn generate"
# File managers leave these behind; they are nobody's data.
LITTER = {".DS_Store", "Thumbs.db", "desktop.ini"}


@contextmanager
def replaced(out: Path) -> Iterator[Path]:
    """A new folder to write into, which takes the place of `out` when the block ends well.

    `out` is complete at all times, old or new. Only killing the process between two renames can
    leave it missing; the next call then brings the old one back first.

    Raises InputError if `out` holds anything that the generator did not write, ChurnError if
    another process is writing it or the disk refuses.
    """
    out = out.resolve()
    partial = out.with_name(f".{out.name}.churn-partial")
    previous = out.with_name(f".{out.name}.churn-previous")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        if previous.exists() and not out.exists():
            previous.rename(out)
        _check_replaceable(out)
        with _sole_writer(partial, out):
            try:
                yield partial
                _swap(partial, out, previous)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise ChurnError(f"Could not write {out}: {error.strerror or error}.") from error


def _check_replaceable(out: Path) -> None:
    """Raise InputError unless `out` is missing, empty, or entirely an output of the generator."""
    if out in (Path.cwd(), *Path.cwd().parents):
        raise InputError(f"{out} is the folder you are working in. Choose a new folder.")
    if not out.exists():
        return
    if not out.is_dir():
        raise InputError(f"{out} is a file. Choose a folder.")
    known = _written_files(out)
    for path in sorted(out.rglob("*")):
        name = path.relative_to(out).as_posix()
        if path.is_dir() and not path.is_symlink():
            continue
        if name not in known and path.name not in LITTER:
            raise InputError(
                f"{out} holds {name}, which this command did not write. Choose a new or empty "
                "folder, or remove that file."
            )


def _written_files(out: Path) -> set[str]:
    """The files that the manifest in `out` lists, itself included; none without a manifest."""
    try:
        manifest = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
        return {MANIFEST, *manifest["files"]} if manifest["made_by"] == MAKER else set()
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def write_manifest(folder: Path, facts: dict[str, Any]) -> None:
    """List every file in `folder` as written by the generator, along with `facts`."""
    files = sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )
    write_json(folder / MANIFEST, {"made_by": MAKER, **facts, "files": files})


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write indented JSON."""
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


@contextmanager
def _sole_writer(partial: Path, out: Path) -> Iterator[None]:
    """Hold an empty `partial` for this process alone; left-overs of a killed one are removed."""
    partial.mkdir(exist_ok=True)
    with held(partial, f"Another process is writing {out} at this moment."):
        for path in partial.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        yield


def _swap(partial: Path, out: Path, previous: Path) -> None:
    """Put `partial` in the place of `out`."""
    shutil.rmtree(previous, ignore_errors=True)
    if out.exists():
        out.rename(previous)
    partial.rename(out)
    shutil.rmtree(previous, ignore_errors=True)
