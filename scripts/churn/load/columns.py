"""Decides which columns of a file are loaded, and under which names."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from churn.load.find import shortened
from churn.project import TableSpec
from churn.terminal.errors import InputError

ROW_NUMBER = "_row_number"
HASHED = "_hash_"  # prefix for the name of a column that is never read
NAMES_SHOWN = 40


@dataclass(frozen=True)
class ColumnPlan:
    """The plan for the columns of one file.

    Attributes:
        names: position in the file (0-based) -> name in the loaded table, in the file's order.
        never_read: names in the file of columns whose values are not loaded.
        hashed: the positions of those columns; a hash is loaded instead, to tell rows apart.
        missing_optional: configured names that the file does not have.
        text_candidates: positions, one of which must be read as `text`. Empty if the table
            needs no text or already has one of its text columns.
        notes: remarks on the names for the user.
    """

    names: dict[int, str]
    never_read: tuple[str, ...]
    hashed: frozenset[int]
    missing_optional: tuple[str, ...]
    text_candidates: tuple[int, ...]
    notes: tuple[str, ...]


def normalised(name: str) -> str:
    """Normalise a header name: trim it, use lower case, and turn blanks and dashes into `_`.

    >>> normalised(" Account-ID")
    'account_id'
    """
    return re.sub(r'[\s"-]+', "_", name.strip().lower())


def plan_columns(
    spec: TableSpec, header: Sequence[str], file: str, *, textual: Sequence[bool] | None = None
) -> ColumnPlan:
    """Plan every column of a file.

    Args:
        spec: the table as configured.
        header: the column names as in the file.
        file: the file's name, for messages.
        textual: whether each column can hold text; by default all can.

    Raises:
        InputError: a name is empty or occurs twice, a required column is missing, or a table of
            texts has no text column.
    """
    where = f"{spec.name} ({file})"
    found = [normalised(name) for name in header]
    _check_names(where, header, found)
    missing = [name for name in spec.required if name not in found]
    if missing:
        raise InputError(
            f"{where}: the required column{'s' if missing[1:] else ''} {', '.join(missing)} "
            f"{'are' if missing[1:] else 'is'} missing. Columns found: "
            f"{shortened(header, limit=NAMES_SHOWN)}. "
            "The first row must hold the column names; rename the column, or add it."
        )

    names, notes, hashed = {}, [], set()
    for position, name in enumerate(found):
        if name in spec.never_read:
            name = HASHED + name
            hashed.add(position)
        if name == ROW_NUMBER:
            name = _free_name("source_row_number", found)
            notes.append(f"the column {header[position]} is kept as {name}")
        names[position] = name

    candidates: tuple[int, ...] = ()
    if spec.text_columns and not set(spec.text_columns) & set(names.values()):
        candidates = tuple(
            position
            for position, name in names.items()
            if name not in spec.optional
            and position not in hashed
            and (textual is None or textual[position])
        )
        if not candidates:
            raise no_text(spec, header, file)

    loaded = names.values()
    return ColumnPlan(
        names=names,
        never_read=tuple(name for name in found if name in spec.never_read),
        hashed=frozenset(hashed),
        missing_optional=tuple(
            name for name in spec.optional if name not in loaded and name not in spec.text_columns
        ),
        text_candidates=candidates,
        notes=tuple(notes),
    )


def no_text(spec: TableSpec, header: Sequence[str], file: str) -> InputError:
    """Return the error for a table of texts without a text column."""
    return InputError(
        f"{spec.name} ({file}): there is no column with the customers' words. Columns found: "
        f"{shortened(header, limit=NAMES_SHOWN)}. "
        f"Name one of them {', '.join(spec.text_columns[:-1])} or {spec.text_columns[-1]}."
    )


def _check_names(where: str, header: Sequence[str], found: Sequence[str]) -> None:
    for position, name in enumerate(found):
        if not name.strip("_"):
            raise InputError(
                f"{where}: column {position + 1} has no name. Columns found: "
                f"{shortened([name or '(no name)' for name in header], limit=NAMES_SHOWN)}. "
                "The first row must name every column."
            )
        if name in found[:position]:
            first = header[found.index(name)]
            raise InputError(
                f"{where}: two columns have the same name: {first} and {header[position]} "
                f"(letter case, blanks and dashes do not count). Columns found: "
                f"{shortened(header, limit=NAMES_SHOWN)}. Rename or remove one of them."
            )


def _free_name(name: str, taken: Sequence[str]) -> str:
    return _free_name(f"{name}_", taken) if name in taken else name
