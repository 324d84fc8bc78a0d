"""How much a file from outside may make the readers hold in memory or unpack."""

from churn.errors import InputError

# names in the header; every batch of rows holds this many arrays
COLUMNS = 5_000
CHARACTERS_OF_HEADER = 1_000_000
CHARACTERS_A_CELL = 16_000_000
CHARACTERS_A_ROW = 24_000_000

# tables pack 3 to 30 times smaller; only a file that is made to fill a disk exceeds this
UNPACKED_RATIO = 300
UNPACKED_FREELY = 250_000_000


def check_unpacked(what: str, unpacked: int, packed: int) -> None:
    """Refuse to unpack what is far larger than any table of its packed size.

    Args:
        what: the file, for the message.
        unpacked: bytes or characters that it holds, or that were read so far.
        packed: bytes of the packed file.

    Raises:
        InputError: the file unpacks to too much.
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
