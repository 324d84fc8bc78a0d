"""Imports outcomes from a file: decides which rows can be stored, and what is wrong with others.

A row is stored once, however often its file is imported. Its `row_key`, or else its content,
identifies it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
from uuid import UUID, uuid5

from churn.outcomes.customers import Customer, Customers
from churn.outcomes.files import FileRows, Problem
from churn.outcomes.log import NAME_LENGTH, Entry, day, free_text, one_line, outcome, today
from churn.terminal import plain
from churn.terminal.errors import InputError
from churn.warehouse.customer_ids import shown_id, staged_id

_SHOWN = 100
# the same key gives the same id, so that even two concurrent imports store a row once
_IDS = UUID("6b0e2c1e-6a4b-4d0b-9a53-1f3c55f9a4d7")


@dataclass
class Import:
    """What to do with the rows of a file.

    Attributes:
        entries: the rows to store.
        known: the number of rows that are already in the log, or repeated in the file.
        empty: the number of rows that nobody has filled in.
        problems: the rows that cannot be stored, sorted by number.
    """

    entries: list[Entry] = field(default_factory=list)
    known: int = 0
    empty: int = 0
    problems: list[Problem] = field(default_factory=list)


def prepare(
    file: FileRows, customers: Customers, stored: Mapping[str, Entry], logged_by: str
) -> Import:
    """Decide what to do with every row of a file.

    Args:
        file: the rows of the file.
        customers: the result of looking up its customers.
        stored: earlier imported rows, by `import_key`.
        logged_by: who logs a row that names nobody.
    """
    result = Import(problems=list(file.problems))
    imported = dict(stored)
    for row in file.rows:
        if not row.is_filled_in:
            result.empty += 1
            continue
        try:
            entry = _entry(row.cells, customers, logged_by)
            known = imported.get(str(entry.import_key))
            if known is None:
                imported[str(entry.import_key)] = entry
                result.entries.append(entry)
            elif _says(known, row.cells) == _says(entry, row.cells):
                result.known += 1
            else:
                raise InputError(
                    f"its row_key was imported before with something else, as {known.short_id}: "
                    f"{shown_id(known.customer_id)} {known.outcome}. To change that, use "
                    f"`churn outcome add … --corrects {known.short_id}`."
                )
        except InputError as error:
            result.problems.append(Problem(row.number, str(error)))
    result.problems.sort()
    return result


def _entry(cells: Mapping[str, str], customers: Customers, logged_by: str) -> Entry:
    """Turn a row into a log entry. Raises InputError that lists all its problems."""
    wrong: list[str] = []
    customer_id, said_by = staged_id(cells["customer_id"]), one_line(cells["by"])
    row_key, customer = one_line(cells["row_key"]), Customer()
    if not customer_id:
        wrong.append("customer_id is empty.")
    elif customer_id in customers.unknown:
        wrong.append(f"{shown_id(customer_id, _SHOWN)} {customers.unknown[customer_id]}")
    else:
        customer = customers.known[customer_id]
    for name, text in (("by", said_by), ("row_key", row_key)):
        if len(text) > NAME_LENGTH:
            wrong.append(f"{name} has over {NAME_LENGTH} characters.")
    said, note, at = "", None, None
    with _noted(wrong):
        said = outcome(cells["outcome"])
    with _noted(wrong):
        note = free_text(cells["note"])
    with _noted(wrong):
        at = _day(one_line(cells["at"]))
    if wrong:
        raise InputError(" ".join(wrong))
    key = row_key or _hash([customer_id, said, note, said_by, str(at or "")])
    return Entry(
        outcome_id=uuid5(_IDS, key).hex,
        kind="outcome",
        customer_id=customer_id,
        account_id=customer.account_id,
        outcome=said,
        note=note,
        logged_by=said_by or logged_by,
        occurred_on=at or today(),
        import_key=key,
    )


@contextmanager
def _noted(wrong: list[str]) -> Iterator[None]:
    try:
        yield
    except InputError as error:
        wrong.append(str(error))


def _says(entry: Entry, cells: Mapping[str, str]) -> tuple[object, ...]:
    """The content of an entry; who and when are left out if the row's cells are empty."""
    by = entry.logged_by if one_line(cells["by"]) else None
    at = entry.occurred_on if one_line(cells["at"]) else None
    return entry.customer_id, entry.outcome, entry.note, by, at


def _hash(content: Sequence[str | None]) -> str:
    return sha256(json.dumps(content).encode()).hexdigest()


def _day(text: str) -> date | None:
    """Parse a date, with or without a time; None for an empty text."""
    if not text:
        return None
    try:
        return day(datetime.fromisoformat(text).date())
    except ValueError as error:
        raise InputError(f"at is {plain(text, _SHOWN)}; write dates as 2026-03-31.") from error
