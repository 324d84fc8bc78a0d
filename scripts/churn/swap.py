"""Putting a complete folder in the place of the previous one: no moment shows half of each.

Beside the folder, `saas` say, stand for a short while:

    .saas.lock               held by the command that is running
    .saas.loading-<pid>      what a running command has written so far
    .saas.next               a complete folder; from its existence on, it is the one that counts
    .saas.previous           the folder before, until the next one is in place

`recover` finishes whatever a killed command left behind.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from churn.disk import flush, held
from churn.errors import ChurnError


def _beside(folder: Path, what: str) -> Path:
    return folder.with_name(f".{folder.name}.{what}")


def _unfinished(folder: Path) -> list[Path]:
    """What commands were writing when they were killed."""
    prefix = _beside(folder, "loading-").name
    if not folder.parent.is_dir():
        return []
    return [path for path in folder.parent.iterdir() if path.name.startswith(prefix)]


def recover(folder: Path, work: str = "load") -> None:
    """Finish or roll back what was killed, and remove what it left.

    What was complete is put in place, what was incomplete is removed. Does nothing, and leaves no
    trace, where there is nothing to recover.

    Args:
        folder: the folder to fill; it need not exist.
        work: what was done, for messages.

    Raises:
        ChurnError: the same is running, or the disk is full or may not be written.
    """
    folder = folder.resolve()
    traces = [_beside(folder, "next"), _beside(folder, "previous"), *_unfinished(folder)]
    if any(path.exists() for path in traces):
        with disk_errors(work), exclusive(folder, work):
            pass


@contextmanager
def exclusive(folder: Path, work: str = "load") -> Iterator[None]:
    """Hold the folder, recovered, for this process alone.

    Args:
        folder: the folder to fill, resolved; its parent is made if it does not exist.
        work: what is done, for messages.

    Raises:
        ChurnError: another process holds it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    in_use = f"Another {work} into {folder} is running. Wait until it is done, then try again."
    with held(_beside(folder, "lock"), in_use):
        _finish(folder)
        for unfinished in _unfinished(folder):
            shutil.rmtree(unfinished)
        yield


@contextmanager
def disk_errors(work: str = "load") -> Iterator[None]:
    """Turn what the operating system refuses into an error that a person can act on."""
    try:
        yield
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise ChurnError(
            f"The {work} stopped: {error.strerror or error}{where}. The previous {work} is "
            "untouched. Check free space and permissions, then try again."
        ) from error


@contextmanager
def working_folder(folder: Path) -> Iterator[Path]:
    """An empty folder on the same disk as the folder to fill, removed at the end."""
    working = _beside(folder, f"loading-{os.getpid()}")
    working.mkdir()
    try:
        yield working
    finally:
        shutil.rmtree(working, ignore_errors=True)


def swap_in(complete: Path, folder: Path) -> None:
    """Put a complete folder in the place of another. Call within `exclusive`.

    Args:
        complete: a folder on the same disk, below a working folder; its files are flushed to disk
            before anything is renamed.
        folder: the folder to fill, resolved; it may hold what was there before.
    """
    for path in complete.rglob("*"):
        flush(path)
    flush(complete)
    complete.rename(_beside(folder, "next"))
    flush(folder.parent)
    _finish(folder)


def _finish(folder: Path) -> None:
    following, previous = _beside(folder, "next"), _beside(folder, "previous")
    if following.exists():
        if folder.exists():
            _remove(previous)
            folder.rename(previous)
        following.rename(folder)
        flush(folder.parent)
    elif previous.exists() and not folder.exists():
        previous.rename(folder)
    _remove(previous)


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
