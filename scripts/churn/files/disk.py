"""Locks, flushes to disk, and messages for file system errors."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from churn.terminal.errors import ChurnError, InputError

# trying again cannot help
_NO_PLACE = (errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP)
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


def flush(path: Path) -> None:
    """Flush a file, or the entries of a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def held(lock: Path, in_use: str) -> Iterator[None]:
    """Hold an exclusive lock until the block or the process ends.

    The holder removes the file at the end. A killed process leaves it, and the next one reuses it.

    Args:
        lock: the lock file, created if missing.
        in_use: the message if another process holds the lock.

    Raises:
        ChurnError: another process holds it.
        OSError: the file cannot be created.
    """
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ChurnError(in_use) from error
        # the previous holder may have removed the file after we opened it
        if not _is_open(lock, descriptor):
            raise ChurnError(in_use)
        try:
            yield
        finally:
            # a file with content is not our lock file
            if os.fstat(descriptor).st_size == 0 and _is_open(lock, descriptor):
                with suppress(OSError):
                    lock.unlink()
    finally:
        os.close(descriptor)


def _is_open(file: Path, descriptor: int) -> bool:
    """Whether the descriptor still refers to the file at the path."""
    try:
        return os.path.samestat(file.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def refusal(
    error: OSError, place: Path, setting: str, *, work: str = "", kept: str = ""
) -> ChurnError:
    """Return an error that says why a place cannot be written, and what to do.

    Args:
        error: the error of the operating system.
        place: the file or folder to write.
        setting: the environment variable that sets the place.
        work: the work that stopped, such as `load`.
        kept: a sentence that says what has been kept.

    Returns:
        An InputError if the place cannot exist, a ChurnError if trying again may help.
    """
    at, why = Path(str(error.filename or place)), error.strerror or str(error)
    stopped, kept = f"The {work} stopped: " if work else "", f"{kept} " if kept else ""
    if not _belongs_to(place.absolute(), at.absolute()):
        # the failed operation may have been a read
        return ChurnError(
            f"{stopped}{why} ({at}). {kept}Check free space and permissions, then try again."
        )
    if error.errno in _NO_PLACE:
        return InputError(
            f"{stopped}{place} cannot be used: {why} ({at}). {kept}Name another place: {setting}=…"
        )
    if error.errno in _NO_SPACE:
        return ChurnError(
            f"{stopped}{at} cannot be written: {why}. {kept}There is no space left: free some, "
            "then try again."
        )
    return ChurnError(
        f"{stopped}{at} cannot be written: {why}. {kept}Check its permissions, or name another "
        f"place: {setting}=…"
    )


def _belongs_to(place: Path, at: Path) -> bool:
    """Whether a path is the place, is above or below it, or is a sibling named after it."""
    if place.is_relative_to(at):
        return True
    if not at.is_relative_to(place.parent):
        return False
    return at.relative_to(place.parent).parts[0].lstrip(".").startswith(place.name.lstrip("."))


@contextmanager
def saying_what_is_refused(place: Path, setting: str) -> Iterator[None]:
    """Turn each OSError of the block into the error that `refusal` returns."""
    try:
        yield
    except OSError as error:
        raise refusal(error, place, setting) from error
