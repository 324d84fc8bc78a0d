"""Putting a complete load in the place of the previous one, so that no moment shows half of each.

Beside the folder of the load, `saas` say, stand for a short while:

    .saas.lock               held by the load that is running
    .saas.loading-<pid>      what a running load has written so far
    .saas.next               a complete load; from its existence on, it is the one that counts
    .saas.previous           the load before, until the next one is in place

`recover` finishes whatever a killed load left behind.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from churn.disk import flush
from churn.errors import ChurnError


def _beside(load_dir: Path, what: str) -> Path:
    return load_dir.with_name(f".{load_dir.name}.{what}")


def _unfinished(load_dir: Path) -> list[Path]:
    """The folders of loads that were running."""
    prefix = _beside(load_dir, "loading-").name
    if not load_dir.parent.is_dir():
        return []
    return [path for path in load_dir.parent.iterdir() if path.name.startswith(prefix)]


def recover(load_dir: Path) -> None:
    """Finish or roll back a load that was killed, and remove what it left.

    A load that was complete is put in place, an incomplete one is removed. Does nothing, and
    leaves no trace, where there is nothing to recover.

    Args:
        load_dir: the folder of the load; it need not exist.

    Raises:
        ChurnError: another load is running, or the disk is full or may not be written.
    """
    load_dir = load_dir.resolve()
    traces = [_beside(load_dir, "next"), _beside(load_dir, "previous"), *_unfinished(load_dir)]
    if any(path.exists() for path in traces):
        with disk_errors(), exclusive(load_dir):
            pass


@contextmanager
def exclusive(load_dir: Path) -> Iterator[None]:
    """Hold the load folder, recovered, for this process alone.

    Args:
        load_dir: the folder of the load, resolved; its parent is made if it does not exist.

    Raises:
        ChurnError: another load is running.
    """
    load_dir.parent.mkdir(parents=True, exist_ok=True)
    with _beside(load_dir, "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ChurnError(
                f"Another load into {load_dir} is running. Wait until it is done, then try again."
            ) from error
        _finish(load_dir)
        for folder in _unfinished(load_dir):
            shutil.rmtree(folder)
        yield


@contextmanager
def disk_errors() -> Iterator[None]:
    """Turn what the operating system refuses into an error that a person can act on."""
    try:
        yield
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise ChurnError(
            f"The load stopped: {error.strerror or error}{where}. The previous load is untouched. "
            "Check free space and permissions, then load again."
        ) from error


@contextmanager
def working_folder(load_dir: Path) -> Iterator[Path]:
    """An empty folder on the same disk as the load folder, removed at the end."""
    folder = _beside(load_dir, f"loading-{os.getpid()}")
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def swap_in(complete: Path, load_dir: Path) -> None:
    """Put a complete folder in the place of the load folder. Call within `exclusive`.

    Args:
        complete: a folder on the same disk, below a working folder; its files are flushed to disk
            before anything is renamed.
        load_dir: the folder of the load, resolved; it may hold a previous load.
    """
    for file in complete.iterdir():
        flush(file)
    flush(complete)
    complete.rename(_beside(load_dir, "next"))
    flush(load_dir.parent)
    _finish(load_dir)


def _finish(load_dir: Path) -> None:
    following, previous = _beside(load_dir, "next"), _beside(load_dir, "previous")
    if following.exists():
        if load_dir.exists():
            _remove(previous)
            load_dir.rename(previous)
        following.rename(load_dir)
        flush(load_dir.parent)
    elif previous.exists() and not load_dir.exists():
        previous.rename(load_dir)
    _remove(previous)


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
