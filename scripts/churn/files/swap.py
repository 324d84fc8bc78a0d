"""Replaces a folder as a whole: no moment shows half of the old and half of the new one.

Beside the folder, `saas` say, stand for a short while:

    .saas.lock               held by the command that is running
    .saas.loading-<random>   what a running command has written so far
    .saas.next               a complete folder; from its existence on, it is the one that counts
    .saas.previous           the folder before, until the next one is in place

`recover` finishes whatever a killed command left behind. Each of these folders holds a marker
(`churn.files.made`); a folder without one is somebody else's and stays.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp

from churn.files.disk import flush, held, refusal
from churn.files.made import check_folder, foreign, made, mark, remove_folder, remove_unfinished
from churn.terminal.errors import InputError


def _beside(folder: Path, what: str) -> Path:
    return folder.with_name(f".{folder.name}.{what}")


def _unfinished(folder: Path) -> list[Path]:
    """What commands were writing when they were killed."""
    prefix = _beside(folder, "loading-").name
    if not folder.parent.is_dir():
        return []
    return [path for path in folder.parent.iterdir() if path.name.startswith(prefix)]


def recover(folder: Path, work: str = "load", setting: str = "CHURN_DATA_DIR") -> None:
    """Finish or roll back what was killed, and remove what it left.

    What was complete is put in place, what was incomplete is removed. Does nothing, and leaves no
    trace, where there is nothing to recover.

    Args:
        folder: the folder to fill; it need not exist.
        work: what was done, for messages.
        setting: the environment variable that names the folder, for messages.

    Raises:
        ChurnError: the same is running, or the disk is full or may not be written.
    """
    folder = folder.resolve()
    traces = [_beside(folder, "next"), _beside(folder, "previous"), *_unfinished(folder)]
    if any(path.exists() for path in traces):
        with disk_errors(folder, work, setting), exclusive(folder, work):
            pass


@contextmanager
def exclusive(folder: Path, work: str = "load") -> Iterator[None]:
    """Hold the folder, recovered, for this process alone.

    Args:
        folder: the folder to fill, resolved; its parent is made if it does not exist.
        work: what is done, for messages.

    Raises:
        InputError: something foreign has a name that is needed beside the folder.
        ChurnError: another process holds it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    in_use = f"Another {work} into {folder} is running. Wait until it is done, then try again."
    with held(_beside(folder, "lock"), in_use):
        for place in (_beside(folder, "next"), _beside(folder, "previous")):
            if foreign(place, work):
                raise InputError(
                    f"A {work} needs the name {place}, which holds something else. Move it away."
                )
        _finish(folder, work)
        for unfinished in _unfinished(folder):
            remove_unfinished(unfinished, work)
        yield


@contextmanager
def disk_errors(place: Path, work: str = "load", setting: str = "CHURN_DATA_DIR") -> Iterator[None]:
    """Turn what the system refuses before a place is filled into the errors of `refusal`."""
    try:
        yield
    except OSError as error:
        kept = f"The previous {work} is untouched."
        raise refusal(error, place, setting, work=work, kept=kept) from error


@contextmanager
def working_folder(folder: Path, work: str = "load") -> Iterator[Path]:
    """A folder on the same disk as the folder to fill, removed at the end.

    It holds nothing but its marker.
    """
    prefix = _beside(folder, "loading-").name
    working = Path(mkdtemp(prefix=prefix, dir=folder.parent))
    mark(working, work)
    try:
        yield working
    finally:
        with suppress(OSError):
            remove_unfinished(working, work)


def swap_in(complete: Path, folder: Path, *, work: str = "load", setting: str) -> None:
    """Put a complete folder in the place of another. Call within `exclusive`.

    Args:
        complete: a folder on the same disk, below a working folder; its files are flushed to disk
            before anything is renamed.
        folder: the folder to fill, resolved; it may hold what was there before.
        work: what is done; the folder may be replaced only where the same work has made it.
        setting: the environment variable that names the folder, for messages.

    Raises:
        InputError: something foreign is in the folder.
    """
    mark(complete, work)
    for path in complete.rglob("*"):
        flush(path)
    flush(complete)
    check_folder(folder, work, setting)
    complete.rename(_beside(folder, "next"))
    try:
        flush(folder.parent)
        _finish(folder, work)
    except OSError as error:
        kept = f"The new {work} is complete; the next command puts it in its place."
        raise refusal(error, folder, setting, work=work, kept=kept) from error


def _finish(folder: Path, work: str) -> None:
    following, previous = _beside(folder, "next"), _beside(folder, "previous")
    if _is_ours(following, work):
        if folder.exists():
            _remove_previous(previous, work)
            folder.rename(previous)
        following.rename(folder)
        flush(folder.parent)
    elif _is_ours(previous, work) and not folder.exists():
        previous.rename(folder)
    _remove_previous(previous, work)


def _remove_previous(previous: Path, work: str) -> None:
    # an empty folder that was replaced has no marker
    if previous.is_dir() and (_is_ours(previous, work) or not any(previous.iterdir())):
        remove_folder(previous)


def _is_ours(folder: Path, work: str) -> bool:
    marker = made(folder)
    return marker is not None and marker.by == work
