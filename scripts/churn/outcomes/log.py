"""The outcome log, kept for good: one Parquet file an append in the folder `outcomes` of the store.

Nothing in it changes. A correction is a new row that names the one it replaces; a retraction is one
that replaces it with nothing.
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
# the beginning of an id that a person types
_SHORTEST_ID = 4
_SHOWN_ID = 12
# of what cannot be used
_SHOWN = 100

Kind = Literal["outcome", "snooze", "not_a_risk", "retraction"]

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


def today() -> date:
    """This day in UTC."""
    return datetime.now(UTC).date()


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One row of the log.

    Attributes:
        outcome_id: 32 hexadecimal digits.
        kind: what the row says; `outcome`, `reason` and `snoozed_until` go with their kind.
        customer_id: a subscription.
        account_id: its account; None where the warehouse could not be asked.
        outcome: one word of the seed `outcomes`.
        note: free text, cleaned.
        reason: why the customer is not a risk, cleaned.
        snoozed_until: the last day of a snooze.
        logged_by: who says so.
        occurred_on: the day on which it happened.
        logged_at: when it was written down, in UTC without its zone.
        corrects: the `outcome_id` of the row that this one replaces.
        import_key: what makes the row of a file known when the file comes again.
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
        """As much of the id as people need."""
        return short(self.outcome_id)


def short(outcome_id: str) -> str:
    """The beginning of an id, as people see it."""
    return outcome_id[:_SHOWN_ID]


class Entries:
    """What the log holds, every row once, the newest first."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        """Take rows in any order; of those with the same id, the first that was logged."""
        by_age = sorted(entries, key=lambda entry: entry.logged_at, reverse=True)
        self._by_id = {entry.outcome_id: entry for entry in by_age}
        self._replaced: dict[str, Entry] = {}
        for entry in self._by_id.values():
            if entry.corrects is None:
                continue
            # of two corrections that were logged at once, the last one holds
            newest = self._replaced.setdefault(entry.corrects, entry)
            if newest is not entry:
                self._replaced[entry.outcome_id] = newest

    def __iter__(self) -> Iterator[Entry]:
        """By the day on which it happened; of one day the last that was logged comes first."""
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
        """The rows that came from files, by `import_key`."""
        return {entry.import_key: entry for entry in self._by_id.values() if entry.import_key}

    def to_replace(self, start_of_id: str) -> Entry:
        """The row whose id begins so.

        Raises:
            InputError: there is no such row, there are several, or it cannot be replaced.
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
    """The folder `outcomes` of the store. Any number of processes may read and write it at once."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; it need not exist."""
        self.folder = folder

    def append(self, entries: Sequence[Entry]) -> None:
        """Add rows, all of them or none; when this returns they survive whatever happens.

        Raises ChurnError when the disk refuses.
        """
        append(self.folder, uuid4().hex, _table(entries))

    def append_chosen(self, choose: Callable[[Entries], Sequence[Entry]]) -> None:
        """Add the rows that `choose` gives for what the log holds, as `append` does.

        Nobody else adds a row from the choice until the rows are there. Raises ChurnError when the
        disk refuses, and what `choose` raises.
        """
        with appending(self.folder) as write:
            if entries := choose(self.read()):
                write(uuid4().hex, _table(entries))

    def tidy(self) -> None:
        """Put files together where there are many. Call it while no build reads them.

        What was logged is safe already, so a disk that refuses is nothing to tell.
        """
        with suppress(ChurnError):
            compact(self.folder, MOST_FILES)

    def read(self) -> Entries:
        """All rows.

        Raises InputError when a file is damaged, ChurnError when the folder or a file cannot be
        read now.
        """
        for _ in range(_ATTEMPTS):
            # files that are gone were put together since they were listed
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
    """The outcomes there are, each with its meaning. Raises InputError when the seed is broken."""
    return read_words(VOCABULARY)


def outcome(text: str) -> str:
    """An outcome as the log spells it: `Meeting scheduled` is `meeting_scheduled`.

    Raises:
        InputError: there is none of that name.
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
    """The day on which something happened; tomorrow, too, for those whose day began already.

    Raises:
        InputError: it is in the future.
    """
    if given > today() + timedelta(days=1):
        raise InputError(f"{given} is in the future; the log holds what has happened.")
    return given


def free_text(text: str, what: str = "The note") -> str | None:
    """A note without control characters; None where nothing is left.

    Line ends stay, tabs become blanks, what is no character becomes a question mark.

    Raises:
        InputError: it is longer than 2,000 characters.
    """
    lines = re.sub(r"\r\n?", "\n", text).replace("\t", " ")
    cleaned = _CONTROL.sub("", lines).encode(errors="replace").decode().strip()
    if len(cleaned) > NOTE_LENGTH:
        raise InputError(
            f"{what} has {len(cleaned):,} characters; at most {NOTE_LENGTH:,} are kept. Shorten it."
        )
    return cleaned or None


def one_line(text: str) -> str:
    """A name: one line without control characters."""
    cleaned = _CONTROL.sub(" ", text).encode(errors="replace").decode()
    return " ".join(cleaned.split())
