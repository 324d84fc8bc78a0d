"""Measures how well an engine reads, by comparing its answers with labelled messages."""

import asyncio
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import numpy as np
import pyarrow as pa

from churn.enrich.answer import vocabulary, word
from churn.enrich.engine import Engine, EngineUnavailable, Reading
from churn.enrich.messages import Message, read_messages
from churn.enrich.results import now
from churn.enrich.sources import TABLE, open_file
from churn.files.store import append
from churn.generate import generate
from churn.project import Project
from churn.terminal import plain
from churn.terminal.errors import InputError
from churn.warehouse.sql_text import file_pattern

DEFAULT_SEED = 11
_ACCOUNTS = 200
# limits for a file of labelled messages
_MOST_MESSAGES = 200_000
_MOST_CHARACTERS = 200_000_000

QUALITY = pa.schema(
    [
        ("evaluation_id", pa.string()),
        ("evaluated_at", pa.timestamp("us")),
        ("engine", pa.string()),
        ("model", pa.string()),
        ("prompt_version", pa.string()),
        ("data_set", pa.string()),
        ("messages", pa.int64()),
        ("valid_answers", pa.int64()),
        ("intent_precision", pa.decimal128(18, 6)),
        ("intent_recall", pa.decimal128(18, 6)),
        ("intent_f1", pa.decimal128(18, 6)),
        ("category_accuracy", pa.decimal128(18, 6)),
        ("sentiment_accuracy", pa.decimal128(18, 6)),
        ("json_validity", pa.decimal128(18, 6)),
        ("latency_p50_ms", pa.int64()),
        ("latency_p95_ms", pa.int64()),
    ]
)

# generator topic -> category of the answer; other topics fit several categories
_CATEGORIES = {
    "bug_report": "bug",
    "feature_request": "feature_request",
    "billing_question": "billing",
    "pricing_pushback": "billing",
    "onboarding": "onboarding",
}
_SENTIMENTS = {"praise": "positive", "frustration": "negative"}
# errors in which the model wrote an invalid answer
_NOT_VALID = ("invalid_json", "wrong_schema", "cut_off")
_YES, _NO = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")


@dataclass(frozen=True)
class Labelled:
    """A message and its true labels; None if a label is missing."""

    text: str
    churn_intent: bool | None
    category: str | None
    sentiment: str | None


@contextmanager
def labelled_messages(
    project: Project, labels: Path | None, limit: int | None
) -> Iterator[tuple[str, list[Labelled]]]:
    """Yield labelled messages and the name of their data set.

    Reads a file that has any of the columns churn_intent, category and sentiment beside the text.
    Without a file, it uses messages of a generated company, whose truth is known. Raises InputError
    if the file has no labels.
    """
    with tempfile.TemporaryDirectory() as folder:
        if labels is None:
            generate(Path(folder) / "company", accounts=_ACCOUNTS, seed=DEFAULT_SEED, faults=False)
            found = _generated(Path(folder) / "company")
            yield f"generated, seed {DEFAULT_SEED}", found[:limit]
        else:
            yield labels.name, _of_file(project, labels, Path(folder))[:limit]


def _generated(company: Path) -> list[Labelled]:
    rows = duckdb.execute(
        """
        select messages.subject || chr(10) || chr(10) || messages.body, labels.topic,
            labels.is_cancellation
        from read_csv(?, all_varchar = true) as messages
        inner join read_csv(?) as labels on messages.ticket_id = labels.ticket_id
        order by md5(messages.ticket_id)
        """,
        [
            file_pattern(company / f"{TABLE}.csv"),
            file_pattern(company / "truth" / "message_labels.csv"),
        ],
    ).fetchall()
    return [
        Labelled(text, intent, _CATEGORIES.get(topic), _SENTIMENTS.get(topic))
        for text, topic, intent in rows
    ]


def _of_file(project: Project, labels: Path, folder: Path) -> list[Labelled]:
    source = open_file(project, labels, folder)
    columns = ("churn_intent", "category", "sentiment")
    found = duckdb.read_parquet(file_pattern(source.file))
    named = [name for name in found.columns if not name.startswith("_")]
    if not set(columns) & set(found.columns):
        raise InputError(
            f"{labels} has no labels. Add a column churn_intent (true or false), category or "
            f"sentiment. Columns found: {', '.join(named)}."
        )
    if not len(found):
        raise InputError(f"{labels} has no messages.")
    texts: dict[str, Message] = {}
    characters = 0
    for message in read_messages(source.file, source.text_columns):
        texts[message.message_id] = message
        characters += len(message.text) + sum(map(len, filter(None, message.others.values())))
        if len(texts) > _MOST_MESSAGES or characters > _MOST_CHARACTERS:
            raise InputError(
                f"{labels} has over {_MOST_MESSAGES:,} messages or {_MOST_CHARACTERS:,} "
                "characters. Give a smaller sample: it is read as a whole."
            )
    return [
        Labelled(
            message.text,
            _flag(message.others.get("churn_intent")),
            _label(message.others.get("category"), "category", vocabulary("categories")),
            _label(message.others.get("sentiment"), "sentiment", vocabulary("sentiments")),
        )
        for message in texts.values()
    ]


def _label(value: str | None, column: str, allowed: Iterable[str]) -> str | None:
    """Normalise a label; InputError for a word that no answer can have."""
    label = word(value or "") or None
    if label is not None and label not in allowed:
        raise InputError(
            f"{column} has the label {plain(value, 60)}. Labels are: {', '.join(allowed)}."
        )
    return label


def _flag(value: str | None) -> bool | None:
    label = _label(value, "churn_intent", (*_YES, *_NO))
    return None if label is None else label in _YES


def evaluate(
    engine: Engine,
    messages: Sequence[Labelled],
    *,
    timeout: float,
    concurrency: int,
    progress: Callable[[int, int], None],
) -> list[Reading]:
    """Return one reading per message, in their order.

    Raises EngineUnavailable if the server or the model is or becomes unavailable, because the
    remaining answers are then unknown.
    """

    async def read() -> list[Reading]:
        await engine.check()
        slots, done = asyncio.Semaphore(concurrency), 0

        async def one(message: Labelled) -> Reading:
            nonlocal done
            async with slots:
                reading = await engine.read(message.text, timeout)
            if reading.is_outage:
                await engine.check()
                raise EngineUnavailable(f"The server was gone for a moment ({reading.error}).")
            done += 1
            progress(done, len(messages))
            return reading

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(message)) for message in messages]
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        finally:
            await engine.close()
        return [task.result() for task in tasks]

    return asyncio.run(read())


def measures(messages: Sequence[Labelled], readings: Sequence[Reading]) -> dict[str, Any]:
    """Return precision, recall and F1 of intent, accuracies, validity and latency.

    An error counts as "not found", so it lowers recall and accuracy. Validity is the share of valid
    answers in the model's output; timeouts do not count. Figures without labels are null.
    """
    pairs = list(zip(messages, readings, strict=True))
    intents = [(m.churn_intent, r) for m, r in pairs if m.churn_intent is not None]
    found = [(truth, r.answer is not None and r.answer.churn_intent) for truth, r in intents]
    hits = sum(truth and said for truth, said in found)
    precision = _share(hits, sum(said for _, said in found))
    recall = _share(hits, sum(bool(truth) for truth, _ in found))
    said_or_true = sum(said for _, said in found) + sum(bool(truth) for truth, _ in found)
    latencies = [reading.latency_ms for reading in readings if reading.answer is not None]
    p50, p95 = (
        (int(value) for value in np.percentile(latencies, [50, 95])) if latencies else (None, None)
    )
    valid = sum(reading.answer is not None for reading in readings)
    invalid = sum(reading.error in _NOT_VALID for reading in readings)
    return {
        "messages": len(pairs),
        "valid_answers": valid,
        "intent_precision": precision,
        "intent_recall": recall,
        "intent_f1": _share(2 * hits, said_or_true),
        "category_accuracy": _accuracy([(m.category, r, "category") for m, r in pairs]),
        "sentiment_accuracy": _accuracy([(m.sentiment, r, "sentiment") for m, r in pairs]),
        "json_validity": _share(valid, valid + invalid),
        "latency_p50_ms": p50,
        "latency_p95_ms": p95,
    }


def _accuracy(pairs: Sequence[tuple[str | None, Reading, str]]) -> Decimal | None:
    known = [(truth, reading, name) for truth, reading, name in pairs if truth is not None]
    right = sum(getattr(reading.answer, name, None) == truth for truth, reading, name in known)
    return _share(right, len(known))


def _share(part: int, whole: int) -> Decimal | None:
    return (Decimal(part) / Decimal(whole)).quantize(Decimal("0.000001")) if whole else None


def keep(project: Project, engine: Engine, data_set: str, figures: dict[str, Any]) -> None:
    """Append the figures to the store. Raises ChurnError if the disk refuses the write."""
    row = {
        "evaluation_id": uuid4().hex,
        "evaluated_at": now(),
        "engine": engine.name,
        "model": engine.model,
        "prompt_version": engine.prompt_version,
        "data_set": data_set,
        **figures,
    }
    folder = project.store_dir / "enrichment" / "quality"
    append(folder, row["evaluation_id"], pa.Table.from_pylist([row], QUALITY))
