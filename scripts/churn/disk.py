"""What writers need of a disk: that what was written is there, and that nobody else writes."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from churn.errors import ChurnError


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

    Args:
        lock: a file, made where it is missing, or a folder that exists.
        in_use: what to say where another process holds it.

    Raises:
        ChurnError: another process holds it.
        OSError: the file cannot be made.
    """
    flags = os.O_RDONLY if lock.is_dir() else os.O_RDWR | os.O_CREAT
    descriptor = os.open(lock, flags, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ChurnError(in_use) from error
        yield
    finally:
        os.close(descriptor)
