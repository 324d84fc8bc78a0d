"""The export folder: files are written to a temporary folder, then moved in one by one.

People edit exported files. A marker in the folder (`churn.files.made`) holds a digest of each file
that we wrote. An export never loses a file that differs from its digest or is not in the marker.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from churn.files.disk import flush, held, refusal
from churn.files.made import MARKER, digest, made, mark, remove_unfinished
from churn.terminal.errors import InputError

_WORK = "export"


@contextmanager
def replaced(folder: Path, covers: Sequence[str] = ()) -> Iterator[tuple[Path, list[str]]]:
    """Yield an empty folder to write into, and move its files into place at the end.

    If a file was changed since we wrote it, or is not ours, it is kept under another name beside
    the new one. Files that are not written again stay as they are. The exception is `covers`: below
    these folders, files that we wrote before and do not write again are removed.

    If the block fails or is killed, every file is either the old or the new version, and the next
    export continues from there.

    Args:
        folder: it need not exist.
        covers: subfolders, such as `notes`, that the block writes completely.

    Yields:
        The folder to write into, and a list. After the block, the list holds the paths below
        `folder` under which changed files were kept.

    Raises:
        InputError: a folder stands in the place of a file, or a file in the place of a folder.
        ChurnError: another export is running, or the disk refuses the write.
    """
    in_use = f"Another export into {folder} is running. Wait until it is done, then try again."
    kept: list[str] = []
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        new = _beside(folder, "new")
        with held(_beside(folder, "lock"), in_use):
            remove_unfinished(new, _WORK)
            new.mkdir()
            mark(new, _WORK)
            try:
                yield new, kept
                kept += _put_in_place(new, folder, covers)
            finally:
                remove_unfinished(new, _WORK)
    except OSError as error:
        there = "What was exported before is still there."
        raise refusal(error, folder, "CHURN_EXPORT_DIR", work=_WORK, kept=there) from error


def _beside(folder: Path, what: str) -> Path:
    return folder.with_name(f".{folder.name}.{what}")


def _put_in_place(new: Path, folder: Path, covers: Sequence[str]) -> list[str]:
    """Move every file to its place, and return the names under which changed files were kept."""
    folder.mkdir(exist_ok=True)
    marker = made(folder)
    before = dict(marker.files) if marker and marker.by == _WORK else {}
    written = {
        path.relative_to(new).as_posix(): digest(path)
        for path in sorted(new.rglob("*"))
        if path.is_file() and path.name != MARKER
    }
    for name in written:
        _check_kind(folder, folder / name)
    outdated = [name for name in before if name.split("/")[0] in covers and name not in written]
    # until the end either version may be in place, so the marker lists both
    noted = {name: [*before.get(name, []), found] for name, found in written.items()}
    mark(folder, _WORK, {**before, **noted})
    for path in new.rglob("*"):
        if path.is_dir():
            (folder / path.relative_to(new)).mkdir(parents=True, exist_ok=True)
    kept = []
    for name, found in written.items():
        place = folder / name
        if place.is_file() and digest(place) not in [*before.get(name, []), found]:
            kept.append(_keep(place).relative_to(folder).as_posix())
        (new / name).replace(place)
    for name in outdated:
        place = folder / name
        if place.is_file() and digest(place) in before[name]:
            place.unlink()
    remaining = {name: of for name, of in before.items() if name not in outdated}
    mark(folder, _WORK, {**remaining, **{name: [found] for name, found in written.items()}})
    flush(folder)
    return kept


def _check_kind(folder: Path, place: Path) -> None:
    """Raise InputError if the place of a file, or its parent, is a link or of the wrong kind."""
    in_the_way = [
        place
        for place, is_right in ((place, place.is_file()), (place.parent, place.parent.is_dir()))
        if os.path.lexists(place) and (place.is_symlink() or not is_right) and place != folder
    ]
    if in_the_way:
        raise InputError(
            f"{in_the_way[0]} is a link, or not a file or folder of an export. Move it away."
        )


def _keep(file: Path) -> Path:
    """Keep a file under a second name, and return that; the first name never disappears."""
    content, number = digest(file), 1
    while os.path.lexists(second := file.with_stem(f"{file.stem}_edited_{number}")):
        # an export that was killed had already kept the file
        if second.is_file() and digest(second) == content:
            return second
        number += 1
    try:
        os.link(file, second)
    except OSError:
        # not every disk supports hard links
        shutil.copy2(file, second)
    return second
