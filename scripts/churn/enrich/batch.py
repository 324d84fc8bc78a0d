"""Reads many messages concurrently, each at most once, and can stop cleanly at any moment."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import md5
from itertools import islice
from uuid import uuid4

from churn.enrich.engine import Engine, EngineUnavailable, Reading
from churn.enrich.messages import Message
from churn.enrich.results import ANSWER, NO_TEXT, Known, Results, Row, now
from churn.enrich.text import text_hash


@dataclass
class Batch:
    """The progress of a run: counts of its messages by result.

    `done`, `cached`, `timed_out` and `failed` add up to the messages with a result. `copied` counts
    the cached messages that had no result of their own before. `gone` says why reading stopped.
    """

    run_id: str = field(default_factory=lambda: uuid4().hex)
    message_ids: list[str] = field(default_factory=list)
    done: int = 0
    cached: int = 0
    copied: int = 0
    timed_out: int = 0
    failed: int = 0
    intents: int = 0
    was_stopped: bool = False
    gone: EngineUnavailable | None = None
    device: str | None = None

    @property
    def tried(self) -> int:
        """The number of messages that were not in the cache."""
        return self.done + self.timed_out + self.failed

    @property
    def finished(self) -> int:
        """The number of messages that now have a result."""
        return self.tried + self.cached


class _Once:
    """Checks the engine once, when the first message needs it."""

    def __init__(self, check: Callable[[], Awaitable[None]]) -> None:
        self._check = check
        self._lock = asyncio.Lock()
        self._is_made = False

    async def made(self) -> None:
        async with self._lock:
            if not self._is_made:
                await self._check()
                self._is_made = True


def cache_key(engine: Engine, text: str) -> str:
    """Return the cache key: equal for equal words read by an equally configured engine."""
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
    """Read the first `limit` messages, `concurrency` at a time; call within `held`.

    A message with a cached answer costs nothing, unless `refresh` is set. Errors are retried.
    Every message gets one result. If the server or the model is unavailable, the rest is left for
    the next run, and `Batch.gone` says why. `is_from_data` says whether the messages come from the
    table ticket_messages.
    """
    batch = Batch()
    known = (
        Known() if refresh else results.known(engine.name, source_file, is_from_data=is_from_data)
    )
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
        # cache keys that the model is reading now
        asking: dict[str, asyncio.Event] = {}
        is_there = _Once(engine.check)

        def store(message: Message, key: str, reading: Row) -> None:
            journal.write(
                {
                    "result_id": uuid4().hex,
                    "run_id": batch.run_id,
                    "message_id": message.message_id,
                    "source_file": source_file,
                    "is_from_data": is_from_data,
                    **message.fields,
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
                if stop.is_set():
                    return
                if key in known:
                    batch.cached += 1
                    batch.copied += 1
                    copied = known[key]
                    batch.intents += bool(copied["churn_intent"])
                    store(message, key, {**copied, "latency_ms": 0, "attempts": 0, "error": None})
                    continue
                asking[key] = asyncio.Event()
                try:
                    await is_there.made()
                    reading = await engine.read(message.text, timeout)
                    row = _row(reading)
                    if reading.error is None:
                        known.add(key, row)
                    if reading.is_outage:
                        await engine.check()
                        raise EngineUnavailable(
                            f"The server was gone for a moment ({reading.error}). The same "
                            "command goes on where this one ended."
                        )
                except EngineUnavailable as gone:
                    batch.gone = gone
                    stop.set()
                    return
                finally:
                    asking.pop(key).set()
                _count(batch, reading)
                store(message, key, row)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(concurrency):
                    group.create_task(work())
        except asyncio.CancelledError:
            batch.was_stopped = True
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        if batch.tried:
            batch.device = await engine.device()
        await engine.close()
        journal.write({"run": _end(batch)})
    return batch


def _new_messages(
    messages: Iterable[Message],
    engine: Engine,
    batch: Batch,
    known: Known,
) -> Iterator[tuple[Message, str]]:
    """Yield the messages without a valid result, with their cache keys."""
    for message in messages:
        key = cache_key(engine, message.text)
        if known.is_shown(message.message_id, key):
            batch.cached += 1
            batch.message_ids.append(message.message_id)
            batch.intents += known.has_intent(key)
        else:
            yield message, key


def _end(batch: Batch) -> Row:
    return {
        "ended_at": now(),
        "device": batch.device,
        "was_stopped": batch.was_stopped or batch.gone is not None,
        "already_stored": batch.cached - batch.copied,
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
