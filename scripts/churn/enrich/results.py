"""Permanent results: a journal during a run, Parquet files in the store after it.

A run writes every result to its journal at once, so killing it loses only the tickets in flight.
The journal becomes a Parquet file of the store at the end of the run, or at the start of the next
one.
"""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc

from churn.files.disk import held, saying_what_is_refused
from churn.files.store import append, compact, names_in, parquet_files, read
from churn.terminal.errors import ChurnError

_SETTING = "CHURN_STORE_DIR"
RESULT = pa.schema(
    [
        ("result_id", pa.string()),
        ("run_id", pa.string()),
        ("message_id", pa.string()),
        ("source_file", pa.string()),
        ("is_from_data", pa.bool_()),
        ("ticket_id", pa.string()),
        ("account_id", pa.string()),
        ("subscription_id", pa.string()),
        ("customer_id", pa.string()),
        ("submitted_at", pa.string()),
        ("match_keys", pa.string()),
        ("queue", pa.string()),
        ("priority", pa.string()),
        ("ticket_type", pa.string()),
        ("ticket_language", pa.string()),
        ("engine", pa.string()),
        ("model", pa.string()),
        ("prompt_version", pa.string()),
        ("schema_version", pa.string()),
        ("text_hash", pa.string()),
        ("cache_key", pa.string()),
        ("summary", pa.string()),
        ("category", pa.string()),
        ("sentiment", pa.string()),
        ("churn_intent", pa.bool_()),
        ("signals", pa.string()),
        ("recommended_action", pa.string()),
        ("language", pa.string()),
        ("latency_ms", pa.int64()),
        ("attempts", pa.int32()),
        ("error", pa.string()),
        ("created_at", pa.timestamp("us")),
    ]
)
RUN = pa.schema(
    [
        ("run_id", pa.string()),
        ("started_at", pa.timestamp("us")),
        ("ended_at", pa.timestamp("us")),
        ("engine", pa.string()),
        ("model", pa.string()),
        ("device", pa.string()),
        ("source_file", pa.string()),
        ("message_limit", pa.int64()),
        ("done", pa.int64()),
        ("cached", pa.int64()),
        ("timed_out", pa.int64()),
        ("failed", pa.int64()),
        ("was_stopped", pa.bool_()),
    ]
)
MARKER = pa.schema([("cleared_at", pa.timestamp("us"))])
# the fields of an answer; copied to the results of other messages with the same words
ANSWER = (
    "summary",
    "category",
    "sentiment",
    "churn_intent",
    "signals",
    "recommended_action",
    "language",
)
_KNOWN = ["message_id", "source_file", "is_from_data", "cache_key", "created_at", *ANSWER]
_READ = pa.schema([RESULT.field(name) for name in (*_KNOWN, "engine", "error")])
_ALWAYS_KNOWN = ("message_id", "source_file", "is_from_data", "engine", "cache_key", "created_at")
# the model is not asked about a message without words, and its error is not retried
NO_TEXT = "no_text"
FILES_BEFORE_COMPACTION = 20
_ROWS_AT_ONCE = 10_000
_MOMENTS = ("started_at", "ended_at", "created_at")

Row = dict[str, Any]


_NOTHING = RESULT.empty_table()
MESSAGES = pa.schema([("source_file", pa.string()), ("message_id", pa.string())])


class Results:
    """The folder `enrichment` of the store; one run at a time locks it."""

    def __init__(self, folder: Path) -> None:
        """Take the folder, which need not exist."""
        self.folder = folder
        self.results = folder / "results"
        self.runs = folder / "runs"
        self.markers = folder / "markers"
        self.messages = folder / "messages"

    def known(self, engine: str, source_file: str, *, is_from_data: bool) -> "Known":
        """Return the earlier answers of an engine, for messages of the data or of a ticket file.

        Raises InputError if a file of the store is damaged.
        """
        files = parquet_files(self.results)
        if not files:
            return Known()
        error = pc.field("error")
        is_final = error.is_null() | (error == NO_TEXT)
        rows = pa.concat_tables(
            read(file, _READ, _ALWAYS_KNOWN)
            .filter(is_final & (pc.field("engine") == engine))
            .select(_KNOWN)
            for file in files
        )
        # the newest result of a message counts, as in dbt
        rows = rows.sort_by("created_at")
        visible = rows.filter(pc.equal(rows["is_from_data"], is_from_data))
        if not is_from_data:
            visible = visible.filter(pc.equal(visible["source_file"], source_file))
        if cleared := self._cleared_at():
            moment = pa.scalar(cleared, pa.timestamp("us"))
            visible = visible.filter(pc.greater(visible["created_at"], moment))
        return Known(rows, visible)

    def has_messages(self, source_file: str, message_ids: pa.Table) -> None:
        """Record the messages that a ticket file now holds; hide results of other messages."""
        ids = message_ids["message_id"].cast(pa.string())
        table = pa.table({"source_file": [source_file] * len(ids), "message_id": ids}, MESSAGES)
        path = self.messages / f"{source_file}.parquet"
        if not path.is_file() or not read(path, MESSAGES, MESSAGES.names).equals(table):
            append(self.messages, source_file, table)

    def clear(self) -> None:
        """Set a marker: earlier results are neither shown nor scored. Deletes nothing."""
        append(self.markers, uuid4().hex, pa.table({"cleared_at": [now()]}, schema=MARKER))

    def _cleared_at(self) -> datetime | None:
        files = parquet_files(self.markers)
        moments = [pc.max(read(file, MARKER, MARKER.names)["cleared_at"]).as_py() for file in files]
        return max(filter(None, moments), default=None)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Lock the folder for this process, and first store the journal of a killed run.

        Raises ChurnError if another run holds the folder, or if the disk refuses the write. Also
        raises it, but only once, if the journal of a killed run cannot be read.
        """
        in_use = "Tickets are being read by another run. Wait until it is done, then try again."
        with ExitStack() as lock:
            with saying_what_is_refused(self.folder, _SETTING):
                self.folder.mkdir(parents=True, exist_ok=True)
                lock.enter_context(held(self.folder / ".lock", in_use))
                for name in names_in(self.folder):
                    if name.startswith(".") and name.endswith(".journal"):
                        self._store(self.folder / name)
            yield

    @contextmanager
    def journal(self, run: Row) -> Iterator["Journal"]:
        """Yield a journal for one run, and move its content to the store at the end."""
        path = self.folder / f".{run['run_id']}.journal"
        with saying_what_is_refused(self.folder, _SETTING):
            file = path.open("w", encoding="utf-8")
        with file:
            journal = Journal(file)
            journal.write({"run": run})
            yield journal
        with saying_what_is_refused(self.folder, _SETTING):
            self._store(path)

    def _store(self, journal: Path) -> None:
        """Turn a journal into Parquet and remove it; this is idempotent."""
        run: Row = {}
        counts: Counter[str] = Counter()
        try:
            for entry in _entries(journal):
                if "run" in entry:
                    run |= _with_moments(entry["run"])
                else:
                    counts[_outcome(entry)] += 1
            if counts:
                rows = pa.RecordBatchReader.from_batches(RESULT, _results(journal))
                append(self.results, run["run_id"], rows)
            if run:
                append(self.runs, run["run_id"], pa.Table.from_pylist([_counted(run, counts)], RUN))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            aside = journal.with_suffix(".unreadable")
            journal.replace(aside)
            raise ChurnError(
                f"What an earlier run left cannot be read and was put aside as {aside}. Run the "
                "same command again."
            ) from error
        journal.unlink()
        if counts:
            compact(self.results, FILES_BEFORE_COMPACTION - 1)


class Known:
    """Answers by cache key, and the messages that show them.

    An answer stays known even if no message shows it, because it was cleared or comes from another
    source. Messages without words count as answered: there is nothing to read.
    """

    def __init__(self, stored: pa.Table = _NOTHING, visible: pa.Table = _NOTHING) -> None:
        """Take rows of the store, oldest first, and those of them that are shown."""
        # a hundred thousand answers are small as an Arrow table, but large as Python objects
        self._stored = stored
        self._position = {key: place for place, key in enumerate(stored["cache_key"].to_pylist())}
        intents = stored["churn_intent"].to_pylist()
        self._intents = {key for key, place in self._position.items() if intents[place]}
        self._new: dict[str, tuple[Any, ...]] = {}
        ids, keys = visible["message_id"].to_pylist(), visible["cache_key"].to_pylist()
        self._shown = dict(zip(ids, keys, strict=True))

    def __contains__(self, key: str) -> bool:
        """Whether the words have an answer."""
        return key in self._new or key in self._position

    def __getitem__(self, key: str) -> Row:
        """Return the fields of the answer."""
        if key in self._new:
            return dict(zip(ANSWER, self._new[key], strict=True))
        [row] = self._stored.slice(self._position[key], 1).select(ANSWER).to_pylist()
        return dict(row)

    def add(self, key: str, answer: Row) -> None:
        """Cache an answer for further messages with the same words."""
        self._new[key] = tuple(answer[name] for name in ANSWER)

    def has_intent(self, key: str) -> bool:
        """Whether the answer says that the customer intends to leave."""
        return bool(self[key]["churn_intent"]) if key in self._new else key in self._intents

    def is_shown(self, message_id: str, key: str) -> bool:
        """Whether the message shows this answer."""
        return self._shown.get(message_id) == key


class Journal:
    """Writes one line per result, at once."""

    def __init__(self, file: IO[str]) -> None:
        """Take an open file."""
        self._file = file

    def write(self, row: Row) -> None:
        """Append a row, which survives if this process dies. Raises ChurnError on a full disk."""
        with saying_what_is_refused(Path(self._file.name), _SETTING):
            self._file.write(json.dumps(row, default=datetime.isoformat) + "\n")
            self._file.flush()


def now() -> datetime:
    """The current time in UTC, without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)


def _entries(journal: Path) -> Iterator[Row]:
    """Yield the complete lines of a journal; a killed run may leave the last one incomplete."""
    with journal.open(encoding="utf-8") as file:
        for line in file:
            try:
                entry: Row = json.loads(line)
            except ValueError:
                return
            yield entry


def _results(journal: Path) -> Iterator[pa.RecordBatch]:
    rows = (_with_moments(entry) for entry in _entries(journal) if "run" not in entry)
    while some := list(islice(rows, _ROWS_AT_ONCE)):
        yield pa.RecordBatch.from_pylist(some, RESULT)


def _with_moments(row: Row) -> Row:
    return {
        name: datetime.fromisoformat(value) if value and name in _MOMENTS else value
        for name, value in row.items()
    }


def _outcome(row: Row) -> str:
    if row["error"] is None:
        return "done" if row["attempts"] else "cached"
    return "timed_out" if row["error"].startswith("timeout") else "failed"


def _counted(run: Row, counts: Counter[str]) -> Row:
    """The run with counts of its results; a run without an end was killed."""
    row = {
        "was_stopped": True,
        **run,
        "done": counts["done"],
        "cached": counts["cached"] + run.get("already_stored", 0),
        "timed_out": counts["timed_out"],
        "failed": counts["failed"],
    }
    return {name: row.get(name) for name in RUN.names}
