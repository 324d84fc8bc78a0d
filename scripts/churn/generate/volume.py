"""Generates a company of any size for measurements, in bulk, with DuckDB.

The rows look like an export that grows day by day: usage rows, tickets and churn events are in the
order of arrival, and some arrive days late. The causes of churn are simpler than in
`churn.generate.run`, and there is no truth and no ticket messages.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb

from churn.generate.folder import MANIFEST, replaced, write_json
from churn.generate.settings import HISTORY_DAYS, Request, Summary
from churn.generate.volume_tables import TABLES
from churn.generate.volume_world import (
    HAPPENS,
    KEEP_WAITING,
    RANDOM,
    RECORD,
    SLOT_DAYS,
    SUBSCRIPTIONS,
    USAGE_ROWS,
)
from churn.project.options import DEFAULT_SEED, DEFAULT_UNTIL, FEWEST_USAGE_ROWS, FileFormat
from churn.terminal.errors import ChurnError, InputError
from churn.warehouse.sql_text import literal

ROWS_A_CUSTOMER = 50
MEMORY = "1GB"
# Day numbers have two bytes, and events of the last day are recorded days later.
MOST_MORE_DAYS = 32_000
# Pairs of a customer and a moment that one statement simulates.
PAIRS = 3_000_000
STREAMS = ("usage", "tickets")
# Days between a customer's chances of a ticket; for usage this number is computed.
TICKET_DAYS = 30.0

Progress = Callable[[int, int], None]
# The values that fill in the statements.
Facts = dict[str, Any]


@dataclass(frozen=True)
class VolumeRequest:
    """The arguments of one generation, checked on construction.

    Raises InputError for fewer than 1,000 usage rows, for `more_days` outside 0 to 32,000, and for
    values that `settings.Request` refuses.
    """

    usage_rows: int
    more_days: int = 0
    seed: int = DEFAULT_SEED
    file_format: FileFormat = "parquet"
    prefix: str = ""
    faults: bool = True
    until: date = DEFAULT_UNTIL

    def __post_init__(self) -> None:
        """Check every argument."""
        if self.usage_rows < FEWEST_USAGE_ROWS:
            raise InputError(
                f"The number of usage rows must be {FEWEST_USAGE_ROWS:,} or more, "
                f"not {self.usage_rows:,}."
            )
        if not 0 <= self.more_days <= MOST_MORE_DAYS:
            raise InputError(
                f"The number of more days must be from 0 to {MOST_MORE_DAYS:,}, "
                f"not {self.more_days:,}."
            )
        Request(seed=self.seed, file_format=self.file_format, prefix=self.prefix, until=self.until)

    @property
    def days(self) -> int:
        """The number of days in the history."""
        return HISTORY_DAYS + self.more_days


def generate_volume(
    out: Path, request: VolumeRequest, *, progress: Progress | None = None
) -> Summary:
    """Write a company with the exact number of usage rows, 50 per customer, to the folder `out`.

    Five tables of `vars: saas_tables` become `<prefix><table>.<file_format>`, with all columns as
    text, over 660 days that end on `until`. `more_days` writes the same company that many days
    later. Then feature_usage, support_tickets and churn_events begin with the same rows, and new
    rows follow below. Accounts and subscriptions are snapshots: new ones come last, and a
    subscription that has ended since has an end date.

    With the same version of DuckDB, the same arguments give the same rows, for any number of
    threads. `faults` plants copies, id collisions, unreadable values and unknown ids, each in about
    one row of 10,000. Memory use stays below about 1.3 GB for any size. `progress` is called with
    the finished and total steps.

    Raises the errors of `churn.generate.generate`.
    """
    with replaced(out) as folder:
        with tempfile.TemporaryDirectory(dir=folder) as scratch, _working(Path(scratch)) as world:
            rows = _write_files(world, request, folder, progress or _unseen)
        arguments = {**asdict(request), "until": request.until.isoformat()}
        write_json(folder / MANIFEST, {"arguments": arguments, "rows": rows})
    return Summary(out, None, rows, None)


@contextmanager
def _working(scratch: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty database that spills into `scratch`."""
    settings: Facts = {"memory_limit": MEMORY, "temp_directory": str(scratch / "spill")}
    try:
        with duckdb.connect(str(scratch / "world.duckdb"), config=settings) as world:
            yield world
    except duckdb.Error as error:
        raise ChurnError(f"Could not generate: {str(error).splitlines()[0]}") from error


def _write_files(
    world: duckdb.DuckDBPyConnection, request: VolumeRequest, folder: Path, progress: Progress
) -> dict[str, int]:
    """Simulate, write the tables, and return the number of rows of each."""
    customers = max(round(request.usage_rows / ROWS_A_CUSTOMER), 1)
    facts: Facts = {
        "customers": customers,
        "days": HISTORY_DAYS,
        "last_day": request.days - 1,
        "first_date": f"date '{request.until - timedelta(days=HISTORY_DAYS - 1)}'",
        "fault_share": 1e-4 if request.faults else 0,
    }
    world.execute(RANDOM.format(seed=request.seed))
    world.execute(SUBSCRIPTIONS.format(**facts))
    facts["slot_days"] = world.sql(
        SLOT_DAYS.format(usage_rows=request.usage_rows, **facts)
    ).fetchall()[0][0]
    steps = _Steps(progress, len(STREAMS) + len(TABLES))
    for stream in STREAMS:
        _simulate(world, stream, facts, steps)
    facts["first_row"] = _first_row(world, request, facts)
    rows = {}
    for name, query in TABLES.items():
        path = folder / f"{request.prefix}{name}.{request.file_format}"
        rows[name] = _write(world, query.format(**facts), path, request.file_format)
        steps.advance()
    return rows


class _Steps:
    """Reports progress in steps, which may advance in fractions."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._total, self._done = progress, total * 100, 0

    def advance(self, share: float = 1.0) -> None:
        self._done += round(share * 100)
        self._progress(min(self._done, self._total), self._total)


def _simulate(world: duckdb.DuckDBPyConnection, stream: str, facts: Facts, steps: _Steps) -> None:
    """Simulate customer events in the order in which they are recorded.

    One statement covers several days; events that are recorded after them wait for a later one.
    """
    happens, record = HAPPENS[stream], RECORD[stream]
    customers = world.sql("select count(*) from subscriptions").fetchall()[0][0]
    width = facts["slot_days"] if stream == "usage" else TICKET_DAYS
    slots = int((facts["last_day"] + 1) / width) + 1
    stretch = max(PAIRS // customers, 1)
    for first in range(0, slots, stretch):
        end = min(first + stretch, slots)
        until = int(end * width) if end < slots else facts["last_day"] + 1
        stretch_of = {"first": first, "end": end, "width": f"cast({width!r} as double)"}
        world.execute(happens.format(**stretch_of, **facts))
        world.execute(record.format(until=until, **facts))
        world.execute(KEEP_WAITING.format(until=until, stream=stream))
        steps.advance((end - first) / slots)


def _first_row(world: duckdb.DuckDBPyConnection, request: VolumeRequest, facts: Facts) -> int:
    """The first recorded usage row that is written, so that the file has the exact row count."""
    recorded = world.sql(USAGE_ROWS.format(**facts)).fetchall()[0][0]
    if recorded < request.usage_rows:
        raise ChurnError(
            f"Only {recorded:,} of {request.usage_rows:,} usage rows came about. Try another seed."
        )
    first: int = recorded - request.usage_rows
    return first


def _write(world: duckdb.DuckDBPyConnection, query: str, path: Path, file_format: str) -> int:
    options = (
        "format parquet, compression zstd, row_group_size 100000"
        if file_format == "parquet"
        else "format csv, header"
    )
    target = literal(str(path))
    rows: int = world.execute(f"copy ({query}) to {target} ({options})").fetchall()[0][0]
    return rows


def _unseen(done: int, total: int) -> None:
    """A no-op progress callback."""
