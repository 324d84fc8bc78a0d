"""Reading many messages: some at a time, each at most once, stopping cleanly at any moment."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import md5
from itertools import islice
from uuid import uuid4

from churn.enrich.engine import Engine, Reading
from churn.enrich.messages import Message
from churn.enrich.results import ANSWER, NO_TEXT, Known, Results, Row, now
from churn.enrich.text import text_hash


@dataclass
class Batch:
    """What became of the messages of a run so far."""

    run_id: str = field(default_factory=lambda: uuid4().hex)
    message_ids: list[str] = field(default_factory=list)
    done: int = 0
    cached: int = 0
    timed_out: int = 0
    failed: int = 0
    intents: int = 0
    was_stopped: bool = False
    outage: str | None = None

    @property
    def stored(self) -> int:
        """How many results are new."""
        return self.done + self.timed_out + self.failed + self._copied

    _copied: int = 0


def cache_key(engine: Engine, text: str) -> str:
    """The same for the same words read in the same way."""
    parts = (text_hash(text), engine.name, engine.model, engine.prompt_version)
    return md5(
        "|".join((*parts, engine.schema_version)).encode(), usedforsecurity=False
    ).hexdigest()


async def read_all(
    messages: Iterable[Message],
    engine: Engine,
    results: Results,
    *,
    source_file: str,
    is_from_data: bool,
    limit: int | None,
    timeout: float,
    concurrency: int,
    refresh: bool = False,
    progress: Callable[[Batch], None] = lambda _: None,
) -> Batch:
    """Read the first `limit` messages that come, `concurrency` at a time; call within `held`.

    A message whose words have been read in the same way before costs nothing, unless `refresh`;
    errors are tried again. Every message gets one result. When the server is gone, the rest is
    left for the next run and `Batch.outage` says why. `is_from_data` says that the messages are
    those of the table ticket_messages, so that they count only while they are in it.
    """
    batch = Batch()
    known = Known() if refresh else results.known(is_from_data=is_from_data)
    run = {
        "run_id": batch.run_id,
        "started_at": now(),
        "engine": engine.name,
        "model": engine.model,
        "source_file": source_file,
        "message_limit": limit,
    }
    with results.journal(run) as journal:
        waiting = _new_messages(islice(messages, limit), engine, batch, known)
        stop = asyncio.Event()
        # the words that the model is reading now
        asking: dict[str, asyncio.Event] = {}

        def store(message: Message, key: str, reading: Row) -> None:
            journal.write(
                {
                    "result_id": uuid4().hex,
                    "run_id": batch.run_id,
                    "message_id": message.message_id,
                    "source_file": source_file,
                    "is_from_data": is_from_data,
                    **message.fields,
                    "submitted_at": message.submitted_at,
                    "match_keys": message.match_keys,
                    "engine": engine.name,
                    "model": engine.model,
                    "prompt_version": engine.prompt_version,
                    "schema_version": engine.schema_version,
                    "text_hash": text_hash(message.text),
                    "cache_key": key,
                    **reading,
                    "created_at": now(),
                }
            )
            batch.message_ids.append(message.message_id)
            progress(batch)

        async def work() -> None:
            for message, key in waiting:
                if stop.is_set():
                    return
                if not message.text:
                    batch.failed += 1
                    nothing = Reading(None, NO_TEXT, latency_ms=0, attempts=0)
                    store(message, key, _row(nothing))
                    continue
                while key in asking:
                    await asking[key].wait()
                if key in known:
                    batch.cached += 1
                    batch._copied += 1
                    copied = known[key]
                    batch.intents += bool(copied["churn_intent"])
                    store(message, key, {**copied, "latency_ms": 0, "attempts": 0, "error": None})
                    continue
                asking[key] = asyncio.Event()
                try:
                    reading = await engine.read(message.text, timeout)
                    row = _row(reading)
                    if reading.error is None:
                        known.add(key, row)
                finally:
                    asking.pop(key).set()
                if reading.is_outage:
                    batch.outage = reading.error
                    stop.set()
                    return
                _count(batch, reading)
                store(message, key, row)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(concurrency):
                    group.create_task(work())
        except asyncio.CancelledError:
            batch.was_stopped = True
        journal.write({"run": await _end(batch, engine)})
    return batch


def _new_messages(
    messages: Iterable[Message],
    engine: Engine,
    batch: Batch,
    known: Known,
) -> Iterator[tuple[Message, str]]:
    """The messages that have no valid result yet, with their cache keys."""
    for message in messages:
        key = cache_key(engine, message.text)
        if known.is_shown(message.message_id, key):
            batch.cached += 1
            batch.message_ids.append(message.message_id)
            batch.intents += known.has_intent(key)
        else:
            yield message, key


async def _end(batch: Batch, engine: Engine) -> Row:
    return {
        "ended_at": now(),
        "device": await engine.device(),
        "was_stopped": batch.was_stopped or batch.outage is not None,
        "already_stored": batch.cached - batch._copied,
    }


def _count(batch: Batch, reading: Reading) -> None:
    if reading.error is None:
        batch.done += 1
        batch.intents += reading.answer is not None and reading.answer.churn_intent
    elif reading.error.startswith("timeout"):
        batch.timed_out += 1
    else:
        batch.failed += 1


def _row(reading: Reading) -> Row:
    answer: Row = dict.fromkeys(ANSWER)
    if reading.answer is not None:
        answer = reading.answer.model_dump(include=set(ANSWER))
        answer["signals"] = ",".join(answer["signals"])
    return {
        **answer,
        "latency_ms": reading.latency_ms,
        "attempts": reading.attempts,
        "error": reading.error,
    }
