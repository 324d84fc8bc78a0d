"""The permanent outcome log: one Parquet file per append, in the folder `outcomes` of the store.

Rows never change. A correction is a new row that names the row it replaces. A retraction is a new
row that names the row it cancels.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Literal
from uuid import uuid4

import pyarrow as pa

from churn.files.store import append, appending, compact, parquet_files, read
from churn.project.vocabulary import read_words
from churn.terminal import plain
from churn.terminal.errors import ChurnError, InputError

OUTCOME = pa.schema(
    [
        ("outcome_id", pa.string()),
        ("kind", pa.string()),
        ("customer_id", pa.string()),
        ("account_id", pa.string()),
        ("outcome", pa.string()),
        ("note", pa.string()),
        ("reason", pa.string()),
        ("snoozed_until", pa.date32()),
        ("logged_by", pa.string()),
        ("occurred_on", pa.date32()),
        ("logged_at", pa.timestamp("us")),
        ("corrects", pa.string()),
        ("import_key", pa.string()),
    ]
)
_ALWAYS_KNOWN = ("outcome_id", "kind", "customer_id", "logged_by", "occurred_on", "logged_at")
VOCABULARY = Path("seeds/playbooks/outcomes.csv")
NOTE_LENGTH = 2_000
NAME_LENGTH = 200
MOST_FILES = 200
_ATTEMPTS = 5
# the shortest start of an id that a user may type
_SHORTEST_ID = 4
_SHOWN_ID = 12
# characters of an invalid input in messages
_SHOWN = 100

Kind = Literal["outcome", "snooze", "not_a_risk", "retraction"]

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


def today() -> date:
    """Today in UTC."""
    return datetime.now(UTC).date()


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One row of the log.

    Attributes:
        outcome_id: 32 hexadecimal digits.
        kind: the kind of row; `outcome`, `reason` and `snoozed_until` are set for their kind only.
        customer_id: a subscription.
        account_id: its account; None if the warehouse could not be queried.
        outcome: a word of the seed `outcomes`.
        note: free text, cleaned.
        reason: why the customer is not a risk, cleaned.
        snoozed_until: the last day of a snooze.
        logged_by: who logged the row.
        occurred_on: the day on which it happened.
        logged_at: when the row was logged, in UTC without a zone.
        corrects: the `outcome_id` of the row that this one replaces.
        import_key: identifies a row of a file when the file is imported again.
    """

    outcome_id: str = field(default_factory=lambda: uuid4().hex)
    kind: Kind
    customer_id: str
    account_id: str | None
    outcome: str | None = None
    note: str | None = None
    reason: str | None = None
    snoozed_until: date | None = None
    logged_by: str
    occurred_on: date = field(default_factory=today)
    logged_at: datetime = field(default_factory=_now)
    corrects: str | None = None
    import_key: str | None = None

    @property
    def short_id(self) -> str:
        """The start of the id, for display."""
        return short(self.outcome_id)


def short(outcome_id: str) -> str:
    """The start of an id, for display."""
    return outcome_id[:_SHOWN_ID]


class Entries:
    """The rows of the log without duplicates, newest first."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        """Take rows in any order; of rows with the same id, keep the one logged first."""
        by_age = sorted(entries, key=lambda entry: entry.logged_at, reverse=True)
        self._by_id = {entry.outcome_id: entry for entry in by_age}
        self._replaced: dict[str, Entry] = {}
        for entry in self._by_id.values():
            if entry.corrects is None:
                continue
            # if two corrections of a row were logged concurrently, the later one wins
            newest = self._replaced.setdefault(entry.corrects, entry)
            if newest is not entry:
                self._replaced[entry.outcome_id] = newest

    def __iter__(self) -> Iterator[Entry]:
        """Iterate by day of the event, then by time of logging, newest first."""
        newest = sorted(
            self._by_id.values(),
            key=lambda entry: (entry.occurred_on, entry.logged_at, entry.outcome_id),
            reverse=True,
        )
        return iter(newest)

    def replaced_by(self, entry: Entry) -> Entry | None:
        """The row that corrects or retracts this one, or None."""
        return self._replaced.get(entry.outcome_id)

    def imported(self) -> Mapping[str, Entry]:
        """The imported rows, by `import_key`."""
        return {entry.import_key: entry for entry in self._by_id.values() if entry.import_key}

    def to_replace(self, start_of_id: str) -> Entry:
        """Find the row whose id begins with this text.

        Raises:
            InputError: no row or several rows match, or the row cannot be replaced.
        """
        start = start_of_id.strip().lower()
        found = [entry for key, entry in self._by_id.items() if key.startswith(start)]
        if len(start) < _SHORTEST_ID or not found:
            raise InputError(
                f"Nothing in the log has the id {plain(start_of_id, _SHOWN)}. `churn outcome list` "
                f"shows the ids; their first {_SHORTEST_ID} characters are enough."
            )
        if len(found) > 1:
            ids = ", ".join(entry.outcome_id for entry in found[:3])
            raise InputError(f"{len(found)} ids begin with {start_of_id}, such as {ids}.")
        [entry] = found
        if entry.kind == "retraction":
            raise InputError(f"{entry.short_id} is a retraction. Log what is true again instead.")
        if newer := self.replaced_by(entry):
            raise InputError(
                f"{entry.short_id} was retracted already, by {newer.short_id}."
                if newer.kind == "retraction"
                else f"{entry.short_id} was corrected already. Correct {newer.short_id} instead."
            )
        return entry


class OutcomeLog:
    """The folder `outcomes` of the store. Many processes may read and write it concurrently."""

    def __init__(self, folder: Path) -> None:
        """Take the folder, which need not exist."""
        self.folder = folder

    def append(self, entries: Sequence[Entry]) -> None:
        """Add all rows or none; when this returns, they are flushed to the disk.

        Raises ChurnError if the disk refuses the write.
        """
        append(self.folder, uuid4().hex, _table(entries))

    def append_chosen(self, choose: Callable[[Entries], Sequence[Entry]]) -> None:
        """Pass the log's rows to `choose`, and append the rows that it returns.

        A lock keeps other writers out until the rows are stored. Raises ChurnError if the disk
        refuses the write, and any error of `choose`.
        """
        with appending(self.folder) as write:
            if entries := choose(self.read()):
                write(uuid4().hex, _table(entries))

    def tidy(self) -> None:
        """Merge the log's files if there are many. Call this while no build reads them.

        The rows are stored already, so disk errors are ignored.
        """
        with suppress(ChurnError):
            compact(self.folder, MOST_FILES)

    def read(self) -> Entries:
        """Read all rows.

        Raises InputError if a file is damaged, and ChurnError if the folder or a file cannot be
        read now.
        """
        for _ in range(_ATTEMPTS):
            # a listed file may vanish if another process merges the files meanwhile
            with suppress(FileNotFoundError):
                return Entries(self._rows())
        raise ChurnError(f"{self.folder} changes while it is read. Try again.")

    def _rows(self) -> list[Entry]:
        return [
            Entry(**row)
            for file in parquet_files(self.folder)
            for row in read(file, OUTCOME, _ALWAYS_KNOWN).to_pylist()
        ]


def _table(entries: Sequence[Entry]) -> pa.Table:
    return pa.Table.from_pylist([asdict(entry) for entry in entries], schema=OUTCOME)


@cache
def outcomes() -> Mapping[str, str]:
    """The allowed outcomes with their meanings. Raises InputError if the seed is invalid."""
    return read_words(VOCABULARY)


def outcome(text: str) -> str:
    """Normalise the spelling of an outcome: `Meeting scheduled` becomes `meeting_scheduled`.

    Raises:
        InputError: there is no such outcome.
    """
    spelled = re.sub(r"[\s_-]+", "_", one_line(text).lower())
    known = outcomes()
    if spelled not in known:
        what = (
            f"The outcome {plain(text, _SHOWN)} is not known" if spelled else "The outcome is empty"
        )
        raise InputError(f"{what}; there are: {', '.join(known)}.")
    return spelled


def day(given: date) -> date:
    """Check the day of an event; tomorrow in UTC has already begun in some time zones.

    Raises:
        InputError: the day is in the future.
    """
    if given > today() + timedelta(days=1):
        raise InputError(f"{given} is in the future; the log holds what has happened.")
    return given


def free_text(text: str, what: str = "The note") -> str | None:
    """Remove control characters from a note; return None if nothing is left.

    Line ends stay, tabs become blanks, and invalid characters become question marks.

    Raises:
        InputError: the note is longer than 2,000 characters.
    """
    lines = re.sub(r"\r\n?", "\n", text).replace("\t", " ")
    cleaned = _CONTROL.sub("", lines).encode(errors="replace").decode().strip()
    if len(cleaned) > NOTE_LENGTH:
        raise InputError(
            f"{what} has {len(cleaned):,} characters; at most {NOTE_LENGTH:,} are kept. Shorten it."
        )
    return cleaned or None


def one_line(text: str) -> str:
    """Turn a name into one line without control characters."""
    cleaned = _CONTROL.sub(" ", text).encode(errors="replace").decode()
    return " ".join(cleaned.split())
