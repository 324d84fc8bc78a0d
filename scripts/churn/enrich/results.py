"""What was read, kept for good: a journal while a run goes on, Parquet in the store after it.

A run writes every result to its journal as soon as it has one, so that killing it loses only the
tickets in flight. The journal becomes a Parquet file of the store at the end of the run, or at the
beginning of the next.
"""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from churn.disk import flush
from churn.errors import ChurnError
from churn.store import append

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
        ("submitted_at", pa.timestamp("us")),
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
# what an answer consists of: copied from one result to the next for the same words
ANSWER = (
    "summary",
    "category",
    "sentiment",
    "churn_intent",
    "signals",
    "recommended_action",
    "language",
)
_ANSWERS = ["message_id", "is_from_data", "cache_key", "created_at", "error", *ANSWER]
# a message without words is not asked about, and its error is no reason to try again
NO_TEXT = "no_text"
FILES_BEFORE_COMPACTION = 20

Row = dict[str, Any]


class Results:
    """The folder `enrichment` of the store, held by one run at a time."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; it need not exist."""
        self.folder = folder
        self.results = folder / "results"
        self.runs = folder / "runs"
        self.markers = folder / "markers"

    def answers(self, *, is_from_data: bool) -> tuple[dict[str, Row], set[tuple[str, str]]]:
        """The answers by cache key, and the messages that show one (message id, cache key).

        Messages without words count as answered: there is nothing to ask about. Answers stay known
        when messages do not show them: results that were cleared, and of a file of tickets those
        that were read from the data (`is_from_data`), which may be other data by now.
        """
        by_key: dict[str, Row] = {}
        shown = set()
        cleared = self._cleared_at()
        for batch in self._batches(_ANSWERS):
            for row in batch.to_pylist():
                by_key[row["cache_key"]] = row
                is_cleared = cleared is not None and row["created_at"] <= cleared
                if not is_cleared and (is_from_data or not row["is_from_data"]):
                    shown.add((row["message_id"], row["cache_key"]))
        return by_key, shown

    def clear(self) -> None:
        """Set the marker up to which results are neither shown nor scored; deletes nothing."""
        append(self.markers, uuid4().hex, pa.table({"cleared_at": [now()]}, schema=MARKER))

    def _cleared_at(self) -> datetime | None:
        files = sorted(self.markers.glob("*.parquet"))
        moments = [pq.read_table(file)["cleared_at"][0].as_py() for file in files]
        return max(moments, default=None)

    def _batches(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        files = sorted(self.results.glob("*.parquet"))
        if files:
            table = ds.dataset([str(file) for file in files], schema=RESULT)
            error = ds.field("error")
            is_final = error.is_null() | (error == NO_TEXT)
            yield from table.to_batches(columns=columns, filter=is_final)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder for this process; what a killed run left is stored first.

        Raises ChurnError when another run holds it, or the disk refuses.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / ".lock").open("a") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError as error:
                    raise ChurnError(
                        "Tickets are being read by another run. Wait until it is done, then try "
                        "again."
                    ) from error
                for journal in sorted(self.folder.glob(".*.journal")):
                    self._store(journal)
                self._compact()
                yield
        except OSError as error:
            raise ChurnError(
                f"{self.folder} cannot be written: {error.strerror or error}."
            ) from error

    @contextmanager
    def journal(self, run: Row) -> Iterator["Journal"]:
        """A journal for one run; what is in it at the end of the block goes to the store."""
        path = self.folder / f".{run['run_id']}.journal"
        with path.open("w", encoding="utf-8") as file:
            journal = Journal(file)
            journal.write({"run": run})
            try:
                yield journal
            finally:
                file.flush()
        self._store(path)

    def _store(self, journal: Path) -> None:
        """Turn a journal into Parquet and remove it; doing that twice changes nothing."""
        run: Row = {}
        rows = []
        for line in journal.read_text(encoding="utf-8").splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                break  # the line that was being written
            if "run" in entry:
                run |= {name: _moment(name, value) for name, value in entry["run"].items()}
            else:
                rows.append({name: _moment(name, value) for name, value in entry.items()})
        if rows:
            append(self.results, run["run_id"], pa.Table.from_pylist(rows, RESULT))
        if run:
            append(self.runs, run["run_id"], pa.Table.from_pylist([_counted(run, rows)], RUN))
        journal.unlink()

    def _compact(self) -> None:
        """Many small files become one. Killed in between, rows stand twice, by the same id."""
        files = sorted(self.results.glob("*.parquet"))
        if len(files) < FILES_BEFORE_COMPACTION:
            return
        target = self.results / f"{uuid4().hex}.parquet"
        partial = target.with_name(f".{target.stem}.partial")
        with pq.ParquetWriter(partial, RESULT, compression="zstd") as writer:
            for file in files:
                writer.write_table(pq.read_table(file, schema=RESULT))
        flush(partial)
        partial.replace(target)
        flush(self.results)
        for file in files:
            file.unlink()


class Journal:
    """One line a result, written at once."""

    def __init__(self, file: IO[str]) -> None:
        """Write to an open file."""
        self._file = file

    def write(self, row: Row) -> None:
        """Append a row; it survives the death of this process."""
        self._file.write(json.dumps(row, default=datetime.isoformat) + "\n")
        self._file.flush()


def now() -> datetime:
    """This moment in UTC, without its zone."""
    return datetime.now(UTC).replace(tzinfo=None)


def _moment(name: str, value: Any) -> Any:
    return datetime.fromisoformat(value) if value and name.endswith("_at") else value


def _counted(run: Row, rows: list[Row]) -> Row:
    """The run with what became of its messages; a run that says nothing of its end was killed."""
    timed_out = sum((row["error"] or "").startswith("timeout") for row in rows)
    failed = sum(row["error"] is not None for row in rows) - timed_out
    cached = sum(row["error"] is None and row["attempts"] == 0 for row in rows)
    counts = {
        "done": len(rows) - cached - timed_out - failed,
        "cached": cached + run.get("already_stored", 0),
        "timed_out": timed_out,
        "failed": failed,
    }
    row = {"ended_at": None, "was_stopped": True, "device": None} | run | counts
    return {name: row.get(name) for name in RUN.names}
