"""Closed vocabularies: seeds with a column of words and a column of meanings."""

import csv
from collections.abc import Mapping
from pathlib import Path

from churn.terminal.errors import InputError


def read_words(seed: Path) -> Mapping[str, str]:
    """Return the allowed words with their meanings, in the order of the seed.

    Raises:
        InputError: the seed is missing, or is not a list of words with meanings.
    """
    try:
        with seed.open(newline="", encoding="utf-8") as file:
            (column, _, *_), *rows = csv.reader(file)
            meanings = {word: meaning for word, meaning, *_ in rows}
    except (OSError, ValueError) as error:
        raise InputError(
            f"{seed} cannot be read. It must be a CSV file with a column of words and a column "
            "`description`; run this from the project's own folder."
        ) from error
    if not meanings:
        raise InputError(f"{seed} has no {column}. Restore the file that came with the project.")
    return meanings
