"""The messages to read: those of the loaded data, of the bundled sample, or of any ticket file."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from churn.enrich.text import clean

# the columns of a message that dbt links and shows; null where the file has none
KEYS = ("ticket_id", "account_id", "subscription_id", "customer_id")
LABELS = {
    "queue": "queue",
    "priority": "priority",
    "ticket_type": "type",
    "ticket_language": "language",
}
_ROWS_AT_ONCE = 500
_BYTES_AT_ONCE = 8_000_000
_LITTLE_MEMORY: dict[str, str | int | float | list[str]] = {"memory_limit": "200MB", "threads": 1}


@dataclass(frozen=True)
class Message:
    """One message: the customer's words, cleaned, and what links it to a customer.

    `message_id` is the md5 of all columns of its row in the source. `submitted_at` is in UTC.
    `others` are the columns that are neither words nor known. `match_keys` are lines of
    `key_type=key_value` for the table `account_keys`: every other column whose name ends in `_id`,
    and the domain of an e-mail address.
    """

    message_id: str
    text: str
    submitted_at: datetime | None
    fields: Mapping[str, str | None]
    others: Mapping[str, str | None]
    match_keys: str | None


def read_messages(
    file: Path, text_columns: Sequence[str], *, since: datetime | None = None
) -> Iterator[Message]:
    """The messages of a canonical Parquet file, the newest first, those without a date last.

    Rows that are equal in every column are one message. Memory does not grow with the file: it is
    sorted without its texts, and then read again, some messages at a time. With `since`, only
    messages from that moment on.
    """
    with closing(duckdb.connect(config=_LITTLE_MEMORY)) as connection:
        found = connection.read_parquet(str(file)).columns
        columns = {name: '"' + name.replace('"', '""') + '"' for name in found}
        del columns["_row_number"]
        wanted = connection.execute(_places(columns), [str(file)]).to_arrow_table()
        for some in _portions(wanted):
            connection.register("wanted", some)
            cursor = connection.execute(_rows(columns), [str(file)])
            names = [column[0] for column in cursor.description]
            while rows := cursor.fetchmany(_ROWS_AT_ONCE):
                for values in rows:
                    message = _message(dict(zip(names, values, strict=True)), text_columns)
                    if since is None or (message.submitted_at and message.submitted_at >= since):
                        yield message


def _places(columns: Mapping[str, str]) -> str:
    """Where the messages stand, in the order in which they are read; the first of equal rows."""
    texts = [f"cast({quoted} as varchar)" for quoted in columns.values()]
    # lengths keep the values apart, as in the row hash of staging
    parts = ", ".join(f"coalesce(length({text}) || ':' || {text}, '-')" for text in texts)
    size = " + ".join(f"coalesce(strlen({text}), 0)" for text in texts)
    date = f"cast({columns['submitted_at']} as varchar)" if "submitted_at" in columns else "null"
    return f"""
        with messages as (
            select
                md5(concat({parts})) as message_id,
                min(_row_number) as _row_number,
                any_value({date}) as written,
                any_value({size}) as bytes
            from read_parquet(?)
            group by message_id
        )
        select message_id, _row_number, bytes
        from messages
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
    """As many messages at a time as are small enough together, at least one."""
    places = places.append_column("position", pa.array(range(len(places)), pa.int64()))
    portions = pc.divide(pc.cumulative_sum(places["bytes"]), _BYTES_AT_ONCE)
    start = 0
    for size in pc.value_counts(portions).field("counts").to_pylist():
        yield places.slice(start, size)
        start += size


def _message(row: Mapping[str, Any], text_columns: Sequence[str]) -> Message:
    words = "\n\n".join(row[name] for name in text_columns if row[name])
    known = {*KEYS, *LABELS.values(), *text_columns, "submitted_at", "message_id"}
    others = {name: row[name] for name in row if name not in known}
    return Message(
        message_id=row["message_id"],
        text=clean(words),
        submitted_at=_moment(row.get("submitted_at")),
        fields={
            **{name: _trimmed(row.get(name)) for name in KEYS},
            **{name: _trimmed(row.get(column)) for name, column in LABELS.items()},
        },
        others=others,
        match_keys=_match_keys(others),
    )


def _trimmed(value: str | None) -> str | None:
    return clean(value).strip()[:200] or None if value else None


def _moment(text: str | None) -> datetime | None:
    """A moment in UTC without its zone; None where the text names none."""
    try:
        moment = datetime.fromisoformat((text or "").strip())
    except ValueError:
        return None
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _match_keys(row: Mapping[str, str | None]) -> str | None:
    found = {}
    for name, value in row.items():
        text = " ".join((value or "").split()).lower()
        if not text:
            continue
        if name.endswith("_id"):
            found[name] = text
        elif "email" in name and "@" in text:
            found["email_domain"] = text.rsplit("@", 1)[1].strip(" >")
    lines = [f"{name}={value}" for name, value in sorted(found.items())]
    return "\n" + "\n".join(lines) + "\n" if lines else None
