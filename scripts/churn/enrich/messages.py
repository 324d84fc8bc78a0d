"""The messages to read: those of the loaded data, of the bundled sample, or of any ticket file."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

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

    Rows that are equal in every column are one message. Memory does not grow with the file. With
    `since`, only messages from that moment on.
    """
    with closing(duckdb.connect(config={"memory_limit": "200MB", "threads": 2})) as connection:
        source = connection.read_parquet(str(file))
        columns = [name for name in source.columns if name != "_row_number"]
        cursor = connection.execute(_select(columns), [str(file)])
        names = [column[0] for column in cursor.description]
        seen: set[str] = set()
        while rows := cursor.fetchmany(_ROWS_AT_ONCE):
            for values in rows:
                row = dict(zip(names, values, strict=True))
                if row["message_id"] in seen:
                    continue
                seen.add(row["message_id"])
                message = _message(row, text_columns)
                if since is None or (message.submitted_at and message.submitted_at >= since):
                    yield message


def _select(columns: Sequence[str]) -> str:
    quoted = {name: '"' + name.replace('"', '""') + '"' for name in columns}
    # lengths keep the values apart, as in the row hash of staging
    parts = ", ".join(
        f"coalesce(length({text}) || ':' || {text}, '-')"
        for text in (f"cast({name} as varchar)" for name in quoted.values())
    )
    texts = ", ".join(f"cast({name} as varchar) as {name}" for name in quoted.values())
    by_date = ""
    if "submitted_at" in columns:
        by_date = f"cast({quoted['submitted_at']} as varchar) desc nulls last, "
    return f"""
        select md5(concat({parts})) as message_id, {texts}
        from read_parquet(?)
        order by {by_date}message_id
    """


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
