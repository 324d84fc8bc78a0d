"""Yields the messages to read: from loaded data, the bundled sample, or any ticket file."""

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from churn.enrich.text import clean
from churn.files.store import unreadable
from churn.warehouse.sql_text import file_pattern, identifier

# the columns of a message that dbt links and shows; null if the file lacks them
KEYS = ("ticket_id", "account_id", "subscription_id", "customer_id", "submitted_at")
LABELS = {
    "queue": "queue",
    "priority": "priority",
    "ticket_type": "type",
    "ticket_language": "language",
}
_LONGEST_KEY = 200
_ROWS_AT_ONCE = 500
_BYTES_AT_ONCE = 8_000_000
_SETTINGS: dict[str, str | int | float | list[str]] = {"memory_limit": "200MB", "threads": 1}
_KEY_NAME = re.compile(r"[a-z0-9_]+_id")
_DOMAINS = ("domain", "email_domain")
# exactly one address, with or without its owner's name before it
_ADDRESS = re.compile(r"(?:[^@<>]*<)?[^@\s<>]+@([^@\s<>]+\.[^@\s<>]+)>?")

Values = Mapping[str, str | None]


@dataclass(frozen=True)
class Message:
    """One message: the customer's words, cleaned, and what links it to a customer.

    `message_id` is the md5 of all columns of its source row. `fields` holds the columns of `KEYS`,
    unchanged, and those of `LABELS`. `others` holds the columns that are neither words nor known.
    `match_keys` has lines of `key_type=key_value` for the table `account_keys`: every other column
    whose name ends in `_id`, and `email_domain`. The latter comes from the columns `domain` and
    `email_domain`, and from columns that hold one e-mail address.
    """

    message_id: str
    text: str
    fields: Values
    others: Values
    match_keys: str | None


def read_messages(
    file: Path, text_columns: Sequence[str], *, since: datetime | None = None
) -> Iterator[Message]:
    """Yield the messages of a canonical Parquet file, newest first, undated ones last.

    Rows that are equal in every column are one message. Memory use does not grow with the file:
    this sorts the rows without their texts, then reads the texts in portions. With `since` (in
    UTC), only messages from that moment on are returned.
    """
    with _opened(file) as (connection, columns):
        wanted = connection.execute(_places(columns, since), [file_pattern(file)]).to_arrow_table()
        for some in _portions(wanted):
            connection.register("wanted", some)
            cursor = connection.execute(_rows(columns), [file_pattern(file)])
            names = [column[0] for column in cursor.description]
            while rows := cursor.fetchmany(_ROWS_AT_ONCE):
                for values in rows:
                    yield _message(dict(zip(names, values, strict=True)), text_columns)


def message_ids(file: Path) -> pa.Table:
    """Return the ids of all messages of a canonical Parquet file, in the column `message_id`."""
    with _opened(file) as (connection, columns):
        places = connection.execute(_places(columns), [file_pattern(file)]).to_arrow_table()
        return places.select(["message_id"])


@contextmanager
def _opened(file: Path) -> Iterator[tuple[duckdb.DuckDBPyConnection, dict[str, str]]]:
    """Yield a connection that can read the file, and its columns: name -> quoted name.

    Raises InputError in the block if the file is damaged.
    """
    with (
        _saying_what_is_damaged(file),
        tempfile.TemporaryDirectory() as spill,
        duckdb.connect(config={**_SETTINGS, "temp_directory": spill}) as connection,
    ):
        # as in staging, so that the same rows have the same hashes
        connection.execute("set TimeZone = 'UTC'")
        found = connection.read_parquet(file_pattern(file)).columns
        columns = {name: identifier(name) for name in found}
        del columns["_row_number"]
        yield connection, columns


@contextmanager
def _saying_what_is_damaged(file: Path) -> Iterator[None]:
    try:
        yield
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        raise unreadable(file, error, "Give enrich the file with the tickets again.") from error


def _places(columns: Mapping[str, str], since: datetime | None = None) -> str:
    """The positions of the messages in reading order; of equal rows, the first."""
    texts = [f"cast({quoted} as varchar)" for quoted in columns.values()]
    # lengths separate the values, as in staging's row hash
    parts = ", ".join(f"coalesce(length({text}) || ':' || {text}, '-')" for text in texts)
    size = " + ".join(f"coalesce(strlen({text}), 0)" for text in texts)
    written = "cast(null as timestamptz)"
    if "submitted_at" in columns:
        written = f"try_cast(trim(cast({columns['submitted_at']} as varchar)) as timestamptz)"
    return f"""
        with messages as (
            select
                md5(concat({parts})) as message_id,
                min(_row_number) as _row_number,
                any_value({written}) as written,
                any_value({size}) as bytes
            from read_parquet(?)
            group by message_id
        )
        select message_id, _row_number, bytes
        from messages
        {f"where written >= '{since:%Y-%m-%d %H:%M:%S}+00'" if since else ""}
        order by written desc nulls last, message_id
    """


def _rows(columns: Mapping[str, str]) -> str:
    texts = ", ".join(f"cast(found.{quoted} as varchar) as {quoted}" for quoted in columns.values())
    return f"""
        select wanted.message_id, {texts}
        from read_parquet(?) as found
        inner join wanted on found._row_number = wanted._row_number
        order by wanted.position
    """


def _portions(places: pa.Table) -> Iterator[pa.Table]:
    """Yield portions of messages of limited total size, with at least one message each."""
    places = places.append_column("position", pa.array(range(len(places)), pa.int64()))
    portions = pc.divide(pc.cumulative_sum(places["bytes"]), _BYTES_AT_ONCE)
    start = 0
    for size in pc.value_counts(portions).field("counts").to_pylist():
        yield places.slice(start, size)
        start += size


def _message(row: Values, text_columns: Sequence[str]) -> Message:
    words = (clean(row[name] or "") for name in text_columns)
    known = {*KEYS, *LABELS.values(), *text_columns, "message_id"}
    others = {name: row[name] for name in row if name not in known}
    return Message(
        message_id=row["message_id"] or "",
        text="\n\n".join(filter(None, words)),
        fields={
            **{name: _key(row.get(name)) for name in KEYS},
            **{name: _label(row.get(column)) for name, column in LABELS.items()},
        },
        others=others,
        match_keys=_match_keys(others),
    )


def _key(value: str | None) -> str | None:
    return value if value and len(value) <= _LONGEST_KEY else None


def _label(value: str | None) -> str | None:
    return clean(value)[:_LONGEST_KEY] or None if value else None


def _match_keys(row: Values) -> str | None:
    found = set()
    for name, value in row.items():
        text = " ".join((value or "").split()).lower()
        if not text or len(text) > _LONGEST_KEY:
            continue
        if _KEY_NAME.fullmatch(name):
            found.add(f"{name}={text}")
        elif name in _DOMAINS:
            found.add(f"email_domain={text}")
        elif "email" in name and (address := _ADDRESS.fullmatch(text)):
            found.add(f"email_domain={address[1]}")
    return "\n" + "\n".join(sorted(found)) + "\n" if found else None
