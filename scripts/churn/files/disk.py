"""Locks, flushes to disk, and messages for what the file system refuses."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from churn.terminal.errors import ChurnError, InputError

# another try ends in the same way
_NO_PLACE = (errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP)
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


def flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def held(lock: Path, in_use: str) -> Iterator[None]:
    """Hold a lock for this process alone until the block ends; it goes with the process, too.

    The holder removes the file at the end. A killed process leaves it, and the next one takes it.

    Args:
        lock: a file, made where it is missing.
        in_use: what to say where another process holds it.

    Raises:
        ChurnError: another process holds it.
        OSError: the file cannot be made.
    """
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ChurnError(in_use) from error
        # the last holder may have removed the file after it was opened here
        if not _is_open(lock, descriptor):
            raise ChurnError(in_use)
        try:
            yield
        finally:
            # a file with content is somebody's own
            if os.fstat(descriptor).st_size == 0 and _is_open(lock, descriptor):
                with suppress(OSError):
                    lock.unlink()
    finally:
        os.close(descriptor)


def _is_open(file: Path, descriptor: int) -> bool:
    """Whether the file at a path is the one that was opened."""
    try:
        return os.path.samestat(file.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def refusal(
    error: OSError, place: Path, setting: str, *, work: str = "", kept: str = ""
) -> ChurnError:
    """Why nothing can be written at a place, and what to do.

    Args:
        error: what the system refused.
        place: the file or folder to write.
        setting: the environment variable that names another place.
        work: what stopped, such as `load`.
        kept: a sentence about what is still there.

    Returns:
        An InputError where there can be no such place, a ChurnError where another try may end
        better.
    """
    at, why = Path(str(error.filename or place)), error.strerror or str(error)
    stopped, kept = f"The {work} stopped: " if work else "", f"{kept} " if kept else ""
    if not _belongs_to(place.absolute(), at.absolute()):
        # the system may have refused to read it
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
    """Whether a path is the place, above or below it, or beside it under a name made of its own."""
    if place.is_relative_to(at):
        return True
    if not at.is_relative_to(place.parent):
        return False
    return at.relative_to(place.parent).parts[0].lstrip(".").startswith(place.name.lstrip("."))


@contextmanager
def saying_what_is_refused(place: Path, setting: str) -> Iterator[None]:
    """Turn what the system refuses in the block into the errors of `refusal`."""
    try:
        yield
    except OSError as error:
        raise refusal(error, place, setting) from error
