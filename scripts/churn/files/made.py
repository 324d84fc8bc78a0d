"""Markers that list the files this project wrote and may therefore replace.

Users choose the places that commands write to, so a place may hold files of their own. A command
replaces a place only if it is missing or empty, or if its marker lists everything in it. Other
files are foreign, and no command touches them.
"""

import hashlib
import json
import os
import re
import shutil
import stat
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from churn.files.disk import flush
from churn.terminal import plain
from churn.terminal.errors import ChurnError, InputError

MARKER = ".churn.json"
_PARTIAL = f"{MARKER}.partial"
# file managers leave these behind; they hold no user data
LITTER = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
EARLIER = "If an earlier version of this project made what is there, delete it."
_NAMES_SHOWN = 5
_REMOVAL_ATTEMPTS = 20
_SECONDS_BETWEEN = 0.1


class Made(NamedTuple):
    """The content of a marker.

    Attributes:
        by: the kind of work, such as `load`.
        files: path below the folder -> SHA-256 digests that the file may have. An empty list
            accepts any content. The path of an empty folder ends with a slash.
    """

    by: str
    files: Mapping[str, Sequence[str]]


def mark(folder: Path, by: str, files: Mapping[str, Sequence[str]] | None = None) -> None:
    """Write the marker of a folder; by default it lists every file now in the folder."""
    if files is None:
        files = {name: [] for name in _files(folder) if name != MARKER}
    _write_marker(folder / MARKER, Made(by, files))


def made(folder: Path) -> Made | None:
    """Read the marker of a folder; None if it has no readable marker."""
    return _read_marker(folder / MARKER)


def foreign(folder: Path, by: str) -> list[str]:
    """Return the sorted files and folders in a folder that this kind of work did not write.

    Hidden files count. So do empty folders: somebody may have created them on purpose. A folder
    that does not exist holds nothing foreign. Raises ChurnError if the folder cannot be listed.
    """
    marker = made(folder)
    ours = set(marker.files) if marker and marker.by == by else set()
    ours_above = {str(above) for name in ours for above in Path(name).parents}
    found = []
    for here, folders, names in _walk(folder):
        for name in [*folders]:
            path = (here / name).as_posix()
            # files behind a symbolic link are not in the folder
            is_ours_above = path in ours_above and not (folder / path).is_symlink()
            if not is_ours_above and not ours & {path, f"{path}/"}:
                found.append(f"{path}/")
                folders.remove(name)
        for name in names:
            path = (here / name).as_posix()
            is_marker = path in (MARKER, _PARTIAL) and marker is not None and marker.by == by
            if path not in ours and not is_marker and name not in LITTER:
                found.append(path)
    return sorted(found)


def _walk(folder: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Like `os.walk`, with paths below the folder; ChurnError if a folder cannot be listed."""

    def fail(error: OSError) -> None:
        # treating it as empty would let a command replace it
        raise ChurnError(
            f"{error.filename} cannot be read: {error.strerror}. Correct its permissions, or name "
            "another place."
        ) from error

    for parent, folders, names in os.walk(folder, onerror=fail if folder.exists() else None):
        yield Path(parent).relative_to(folder), folders, names


def check_folder(folder: Path, by: str, setting: str) -> None:
    """Check that a command may replace a folder as a whole.

    Args:
        folder: a resolved path; it need not exist.
        by: the kind of work that replaces it, such as `load`.
        setting: the environment variable that sets the folder.

    Raises:
        InputError: it is not a folder, is a mount point, or holds something foreign.
    """
    check_place(folder, setting)
    if names := foreign(folder, by):
        raise InputError(
            f"{folder} holds files that no {by} has put there: {_listed(names)}. A {by} replaces "
            f"the whole folder. Move them away, or set {setting} to another folder. {EARLIER}"
        )


def check_place(folder: Path, setting: str) -> None:
    """Raise InputError if a folder (a resolved path) can never be replaced, whatever it holds."""
    if os.path.lexists(folder) and not folder.is_dir():
        raise InputError(f"{folder} is not a folder. Move it away, or name a folder in {setting}.")
    if is_mount_point(folder):
        raise InputError(
            f"{folder} is a mount point, which cannot be replaced. Name a folder below it in "
            f"{setting}, such as {folder / 'churn'}."
        )


def is_mount_point(path: Path) -> bool:
    """Whether a disk, a share or another folder is mounted at a resolved path."""
    if os.path.ismount(path):
        return True
    # a bind mount shares the device of its disk; Linux lists it here
    mounts = Path("/proc/self/mountinfo")
    if not mounts.is_file():
        return False
    points = (line.split(" ")[4] for line in mounts.read_text(errors="replace").splitlines())
    return str(path) in (re.sub(r"\\([0-7]{3})", lambda c: chr(int(c[1], 8)), p) for p in points)


def remove_folder(folder: Path) -> None:
    """Remove a folder that we wrote, file by file, and keep foreign files.

    If the process is killed, the next call continues.

    Raises:
        ChurnError: the folder still holds something foreign.
    """
    if not folder.is_dir() or folder.is_symlink():
        return
    marker = made(folder)
    for name in marker.files if marker else ():
        above = (folder / parent for parent in Path(name).parents)
        # a folder that has become a symbolic link points elsewhere
        if not name.endswith("/") and not any(parent.is_symlink() for parent in above):
            (folder / name).unlink(missing_ok=True)
    for parent, folders, names in os.walk(folder, topdown=False):
        here = Path(parent)
        for name in LITTER.intersection(names):
            (here / name).unlink(missing_ok=True)
        for name in folders:
            _remove_empty(here / name)
    if marker and {path.name for path in folder.iterdir()} <= {MARKER, _PARTIAL}:
        (folder / _PARTIAL).unlink(missing_ok=True)
        (folder / MARKER).unlink()
    _remove_empty(folder)
    if folder.exists():
        left = foreign(folder, marker.by if marker else "") or ["a folder in place of a file"]
        raise ChurnError(
            f"{folder} holds files that this project has not put there: {_listed(left)}. Move them "
            "away, then try again."
        )


def remove_unfinished(folder: Path, by: str) -> None:
    """Remove what a killed command was writing; keep a folder without our marker.

    A child process of the command may still write for a moment, so this retries.
    """
    marker = made(folder)
    if (
        marker is None
        and folder.is_dir()
        and {path.name for path in folder.iterdir()} == {_PARTIAL}
    ):
        (folder / _PARTIAL).unlink()
    if marker is None or marker.by != by:
        # the folder is empty if the command was killed before it wrote the marker
        _remove_empty(folder)
        return
    for attempt in range(_REMOVAL_ATTEMPTS):
        try:
            # remove the marker last, so that the next command can continue
            for path in folder.iterdir():
                if path.name != MARKER:
                    shutil.rmtree(path) if _is_real_folder(path) else path.unlink()
            shutil.rmtree(folder)
        except FileNotFoundError:
            if not folder.exists():
                return
        except OSError:
            if attempt == _REMOVAL_ATTEMPTS - 1:
                raise
        else:
            return
        time.sleep(_SECONDS_BETWEEN)


def replace_file(finished: Path, file: Path, by: str) -> None:
    """Move a finished file to a place that is empty or holds a file that we wrote.

    Args:
        finished: a file on the same disk. It is flushed before it is renamed, and removed if the
            place is refused.
        file: the place. A marker beside it, `.<name>.churn.json`, records what was written.
        by: the kind of work, such as `PDF`.

    Raises:
        InputError: the place holds a file that we did not write.
    """
    marker_file = file.with_name(f".{file.name}{MARKER}")
    marker = _read_marker(marker_file)
    known = list(marker.files.get(file.name, ())) if marker and marker.by == by else []
    try:
        if os.path.lexists(file):
            check_regular(file, f"the {by}")
            if (before := digest(file)) not in known:
                raise InputError(
                    f"{file} is not as the last {by} left it, or something else has written it. "
                    f"Move it away, then try again. {EARLIER}"
                )
            known = [before]
        # if the process is killed between the two writes, either version may be in place
        _write_marker(marker_file, Made(by, {file.name: [*known, digest(finished)]}))
        flush(finished)
        finished.replace(file)
    finally:
        finished.unlink(missing_ok=True)
    flush(file.parent)


def check_regular(file: Path, what: str) -> None:
    """Raise InputError if a place holds anything but a regular file."""
    try:
        mode = file.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        # if the file cannot be created, the writer reports it
        return
    if not stat.S_ISREG(mode):
        raise InputError(f"{file} is not a regular file. Name another place for {what}.")
    if is_mount_point(file):
        raise InputError(
            f"{file} is a mount point, which cannot be replaced. Mount its folder instead, or name "
            f"another place for {what}."
        )


def digest(file: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _files(folder: Path) -> Iterable[str]:
    for parent, folders, names in os.walk(folder):
        here = Path(parent)
        # list links to folders as files: we remove the link, not its target
        links = [name for name in folders if (here / name).is_symlink()]
        for name in sorted([*names, *links]):
            yield (here / name).relative_to(folder).as_posix()
        if not names and not folders and here != folder:
            yield f"{here.relative_to(folder).as_posix()}/"


def _read_marker(file: Path) -> Made | None:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        marker = Made(str(content["made_by"]), {**content["files"]})
    except (OSError, ValueError, KeyError, TypeError):
        return None
    # a marker may list only files in its own folder
    names = map(Path, marker.files)
    return None if any(name.is_absolute() or ".." in name.parts for name in names) else marker


def _write_marker(file: Path, marker: Made) -> None:
    partial = file.with_name(f"{file.name}.partial")
    content = {"made_by": marker.by, "files": {name: [*of] for name, of in marker.files.items()}}
    partial.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
    flush(partial)
    partial.replace(file)


def _is_real_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _remove_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        # keep foreign content; the caller checks whether anything is left
        return


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMES_SHOWN
    shown = ", ".join(plain(name, 100) for name in names[:_NAMES_SHOWN])
    return shown + (f" and {more:,} more" if more > 0 else "")
