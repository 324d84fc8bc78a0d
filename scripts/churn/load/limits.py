"""Limits on the memory and unpacked size that an untrusted file may cause."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from churn.terminal.errors import InputError

# the memory for reading one file, on top of what the process already uses
MEMORY = 2 << 30
_STACK = 16 << 20
_USED = Path("/proc/self/statm")
_USED_DATA = 5

# names in a header; every batch of rows holds one array per name
COLUMNS = 5_000
CHARACTERS_OF_HEADER = 1_000_000
CHARACTERS_A_CELL = 16_000_000
BYTES_A_ROW = 40_000_000

# tables compress 3 to 30 times; only a file made to fill the disk exceeds this
UNPACKED_RATIO = 300
UNPACKED_FREELY = 250_000_000


def check_unpacked(what: str, unpacked: int, packed: int) -> None:
    """Refuse to unpack a file that is far larger than a table of its packed size can be.

    Args:
        what: the file, for the message.
        unpacked: its unpacked size in bytes, or the bytes read so far.
        packed: the packed size in bytes.

    Raises:
        InputError: the unpacked file is too large.
    """
    if unpacked > UNPACKED_FREELY and unpacked > UNPACKED_RATIO * packed:
        raise InputError(
            f"{what}: {packed:,} packed bytes unpack to {unpacked:,} or more, over "
            f"{UNPACKED_RATIO} times as much. No table packs that small. If the file is what you "
            "expect, unpack it and give the unpacked file."
        )


def check_columns(what: str, columns: int) -> None:
    """Refuse a header with more columns than a table can have.

    Raises:
        InputError: there are too many.
    """
    if columns > COLUMNS:
        raise InputError(
            f"{what}: the header names {columns:,} columns; at most {COLUMNS:,} are read. "
            "Export only the columns that are needed."
        )


@contextmanager
def bounded_memory(what: str) -> Iterator[None]:
    """Refuse a file that makes its reader use more than `MEMORY` bytes, whatever its compression.

    The operating system enforces this limit on Linux, where it counts a process's memory. The
    other limits hold everywhere. A library's thread counts with its stack.

    Raises:
        InputError: the reader needs more memory.
    """
    before = resource.getrlimit(resource.RLIMIT_DATA)
    if _USED.is_file():
        used = int(_USED.read_text().split()[_USED_DATA]) * resource.getpagesize()
        wanted = used + MEMORY + (os.cpu_count() or 1) * _STACK
        known = [limit for limit in (*before, wanted) if limit != resource.RLIM_INFINITY]
        resource.setrlimit(resource.RLIMIT_DATA, (min(known), before[1]))
    try:
        yield
    except MemoryError as error:
        raise InputError(
            f"{what}: reading it needs over {MEMORY:,} bytes of memory. Its rows or cells are far "
            "larger than those of a table: check that it is the file you expect, and export it "
            "again without the columns that are not needed."
        ) from error
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)
