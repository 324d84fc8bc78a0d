"""Replaces a folder as a whole: readers never see a mixture of old and new files.

For a short while these stand beside the folder, here `saas`:

    .saas.lock               the running command holds it
    .saas.loading-<random>   the partial output of the running command
    .saas.next               the complete new folder; once it exists, it is the valid one
    .saas.previous           the old folder, until the new one is in place

`recover` finishes the work of a killed command. Each of these folders holds a marker
(`churn.files.made`). A folder without a marker is foreign, and nothing touches it.
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
    """The partial output of killed commands."""
    prefix = _beside(folder, "loading-").name
    if not folder.parent.is_dir():
        return []
    return [path for path in folder.parent.iterdir() if path.name.startswith(prefix)]


def recover(folder: Path, work: str = "load", setting: str = "CHURN_DATA_DIR") -> None:
    """Finish or roll back the work of a killed command.

    Puts a complete folder in place and removes an incomplete one. If there is nothing to recover,
    does nothing and creates no file.

    Args:
        folder: the folder to fill; it need not exist.
        work: the kind of work, for messages.
        setting: the environment variable that sets the folder, for messages.

    Raises:
        ChurnError: the same work is running, or the disk is full or read-only.
    """
    folder = folder.resolve()
    traces = [_beside(folder, "next"), _beside(folder, "previous"), *_unfinished(folder)]
    if any(path.exists() for path in traces):
        with disk_errors(folder, work, setting), exclusive(folder, work):
            pass


@contextmanager
def exclusive(folder: Path, work: str = "load") -> Iterator[None]:
    """Recover the folder, and lock it for this process until the block ends.

    Args:
        folder: the folder to fill, a resolved path; its parent is created if missing.
        work: the kind of work, for messages.

    Raises:
        InputError: something foreign has a name that we need beside the folder.
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
    """Turn each OSError raised before a place is filled into the error that `refusal` returns."""
    try:
        yield
    except OSError as error:
        kept = f"The previous {work} is untouched."
        raise refusal(error, place, setting, work=work, kept=kept) from error


@contextmanager
def working_folder(folder: Path, work: str = "load") -> Iterator[Path]:
    """Yield a folder on the same disk as the folder to fill; remove it at the end.

    At first it holds only its marker.
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
    """Replace a folder by a complete one. Call within `exclusive`.

    Args:
        complete: a folder on the same disk, below a working folder. Its files are flushed to disk
            before anything is renamed.
        folder: the folder to fill, a resolved path; it may hold earlier output.
        work: the kind of work; only a folder written by the same work may be replaced.
        setting: the environment variable that sets the folder, for messages.

    Raises:
        InputError: the folder holds something foreign.
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
    # an empty old folder has no marker
    if previous.is_dir() and (_is_ours(previous, work) or not any(previous.iterdir())):
        remove_folder(previous)


def _is_ours(folder: Path, work: str) -> bool:
    marker = made(folder)
    return marker is not None and marker.by == work
