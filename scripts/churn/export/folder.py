"""The folder of an export: written beside its place, then renamed into it."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from churn.disk import held
from churn.errors import ChurnError


@contextmanager
def replaced(folder: Path, keep: Callable[[Path], bool]) -> Iterator[Path]:
    """An empty folder to write into, whose files and folders take their places at the end.

    What is in `folder` and not written anew stays. A file that would be replaced, and for which
    `keep` says so, stays under another name. Where the block fails, or is killed, every file and
    folder is either as it was or as it was written anew; what was left on its way is put back by
    the next export.

    Raises:
        ChurnError: another export is writing there, or the disk refuses.
    """
    in_use = f"Another export into {folder} is running. Wait until it is done, then try again."
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with held(_beside(folder, "lock"), in_use):
            _recover(folder)
            new = _beside(folder, "new")
            new.mkdir()
            try:
                yield new
                _put_in_place(new, folder, keep)
            finally:
                _recover(folder)
    except OSError as error:
        place = error.filename or folder
        raise ChurnError(
            f"The export stopped: {error.strerror or error} ({place}). What was exported before is "
            "still there. Check free space and permissions, then export again."
        ) from error


def _beside(folder: Path, what: str) -> Path:
    return folder.with_name(f".{folder.name}.{what}")


def _put_in_place(new: Path, folder: Path, keep: Callable[[Path], bool]) -> None:
    if not folder.exists():
        new.rename(folder)
        return
    for written in sorted(new.iterdir()):
        place = folder / written.name
        if place.is_dir():
            old = _beside(folder, "old")
            old.mkdir(exist_ok=True)
            place.rename(old / written.name)
            written.rename(place)
            continue
        if place.exists() and keep(place):
            # under both names, so that it is never missing under the first
            os.link(place, _free_name(place))
        written.replace(place)


def _recover(folder: Path) -> None:
    """Put back what had made room for something that did not come, and remove the rest."""
    old = _beside(folder, "old")
    if old.exists():
        for kept in old.iterdir():
            if not (folder / kept.name).exists():
                kept.rename(folder / kept.name)
        shutil.rmtree(old)
    if _beside(folder, "new").exists():
        shutil.rmtree(_beside(folder, "new"))


def _free_name(file: Path) -> Path:
    """A name beside the file that nothing has."""
    number = 1
    while (found := file.with_stem(f"{file.stem}_filled_in_{number}")).exists():
        number += 1
    return found
