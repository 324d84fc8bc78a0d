"""Reading many messages: each gets one result, none is read twice, and none is lost."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn.enrich.answer import Answer
from churn.enrich.batch import Batch, read_all
from churn.enrich.engine import EngineUnavailable, Reading
from churn.enrich.messages import read_messages
from churn.enrich.results import FILES_BEFORE_COMPACTION, Results
from churn.terminal.errors import ChurnError

ANSWER = Answer(
    summary="They leave.",
    category="account",
    sentiment="negative",
    churn_intent=True,
    signals=["urgency"],
    recommended_action="Call them.",
    language="en",
)


class Scripted:
    """An engine that answers at once as scripted, and records what it was asked."""

    name, prompt_version, schema_version = "scripted", "1", "1"

    def __init__(self, say: Callable[[str], str | None] = lambda _: None, model: str = "m") -> None:
        self.say, self.model = say, model
        self.asked: list[str] = []

    async def check(self) -> None: ...

    async def read(self, text: str, timeout: float) -> Reading:
        self.asked.append(text)
        await asyncio.sleep(0)
        error = self.say(text)
        return Reading(None if error else ANSWER, error, 5, 1)

    async def device(self) -> str | None:
        return "CPU"

    async def close(self) -> None: ...


def written(folder: Path, rows: list[dict[str, str | None]]) -> Path:
    file = folder / "ticket_messages.parquet"
    numbered = [{**row, "_row_number": number} for number, row in enumerate(rows, 1)]
    pq.write_table(pa.Table.from_pylist(numbered), file)
    return file


def messages(count: int) -> list[dict[str, str | None]]:
    return [
        {
            "ticket_id": f"T{number:04}",
            "submitted_at": f"2026-01-{number % 28 + 1:02} 10:00:00",
            "body": f"We have question number {number}.",
        }
        for number in range(count)
    ]


def read(file: Path, results: Results, engine: Scripted, **options: object) -> Batch:
    settings = {"limit": None, "timeout": 5.0, "concurrency": 3, "source_file": "f"}
    settings |= {"is_from_data": True} | options
    with results.held():
        return asyncio.run(read_all(read_messages(file, ["body"]), engine, results, **settings))


def stored(results: Results) -> list[dict[str, object]]:
    return pa.concat_tables(
        [pq.read_table(file) for file in sorted(results.results.glob("*.parquet"))]
    ).to_pylist()


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return Results(tmp_path / "enrichment")


def test_every_message_gets_one_result_the_newest_first(tmp_path: Path, results: Results) -> None:
    file = written(tmp_path, messages(40))
    engine = Scripted()
    batch = read(file, results, engine, limit=10)

    rows = stored(results)
    assert (batch.done, batch.intents, len(rows), len(engine.asked)) == (10, 10, 10, 10)
    newest = sorted((row["submitted_at"] for row in messages(40)), reverse=True)[:10]
    assert sorted((row["submitted_at"] for row in rows), reverse=True) == newest
    assert {row["signals"] for row in rows} == {"urgency"}
    [run] = pq.read_table(next(results.runs.glob("*.parquet"))).to_pylist()
    assert (run["done"], run["cached"], run["failed"], run["device"]) == (10, 0, 0, "CPU")
    assert run["ended_at"] is not None
    assert not run["was_stopped"]


def test_what_was_read_costs_nothing_again(tmp_path: Path, results: Results) -> None:
    rows = messages(6)
    # the same words in another ticket, and a repeated row
    rows += [rows[0] | {"ticket_id": "T9999"}, rows[1]]
    file = written(tmp_path, rows)
    first = read(file, results, Scripted(), concurrency=1)
    assert (first.done, first.cached, first.copied) == (6, 1, 1)

    engine = Scripted()
    again = read(file, results, engine)
    assert (again.done, again.cached, again.copied, engine.asked) == (0, 7, 0, [])

    for other in (Scripted(model="other"), Scripted()):
        refresh = other.model == "m"
        batch = read(file, results, other, refresh=refresh)
        assert (batch.done, batch.cached, batch.copied) == (6, 1, 1)


def test_words_that_are_being_read_are_not_asked_about_again(
    tmp_path: Path, results: Results
) -> None:
    rows = [row | {"body": "Where is my invoice?"} for row in messages(12)]
    file = written(tmp_path, rows)
    failing = iter(["invalid_json"])
    engine = Scripted(lambda _: next(failing, None))
    batch = read(file, results, engine, concurrency=4)
    # The first attempt fails. Only one of the waiting tickets asks again.
    assert (batch.failed, batch.done, batch.cached, len(engine.asked)) == (1, 1, 10, 2)
    assert len(stored(results)) == 12


def test_a_file_of_tickets_is_not_taken_for_the_data(tmp_path: Path, results: Results) -> None:
    file = written(tmp_path, messages(3))
    read(file, results, Scripted(), is_from_data=True)
    engine = Scripted()
    # results of a file are separate from those of the data, so each new file copies them
    for source, copied in (("f", 3), ("f", 0), ("g", 3)):
        batch = read(file, results, engine, is_from_data=False, source_file=source)
        assert (batch.cached, batch.copied) == (3, copied)
    assert read(file, results, engine, is_from_data=True, source_file="other").copied == 0
    assert engine.asked == []
    sources = Counter((row["is_from_data"], row["source_file"]) for row in stored(results))
    assert sources == {(True, "f"): 3, (False, "f"): 3, (False, "g"): 3}


def test_the_newest_answer_is_the_one_that_is_shown(tmp_path: Path, results: Results) -> None:
    file = written(tmp_path, messages(2))
    for model in ("small", "large"):
        assert read(file, results, Scripted(model=model)).done == 2
    # back to the first model: its answers are known, and are shown again
    engine = Scripted(model="small")
    assert read(file, results, engine).copied == 2
    assert read(file, results, engine).copied == 0
    assert engine.asked == []


def test_errors_are_results_but_no_cache_hits(tmp_path: Path, results: Results) -> None:
    file = written(tmp_path, messages(9))

    def say(text: str) -> str | None:
        return {"1": "timeout_after_5s", "2": "invalid_json"}.get(text[-2])

    batch = read(file, results, Scripted(say))
    assert (batch.done, batch.timed_out, batch.failed, batch.intents) == (7, 1, 1, 7)
    failed = [row for row in stored(results) if row["error"]]
    assert {row["churn_intent"] for row in failed} == {None}
    assert {row["summary"] for row in failed} == {None}

    engine = Scripted()
    assert read(file, results, engine).done == 2
    assert len(engine.asked) == 2


def test_what_the_model_runs_on_is_known_where_every_ticket_timed_out(
    tmp_path: Path, results: Results
) -> None:
    file = written(tmp_path, messages(2))
    batch = read(file, results, Scripted(lambda _: "timeout_after_5s"))
    assert (batch.timed_out, batch.tried, batch.device) == (2, 2, "CPU")


def test_messages_without_words_are_not_asked_about(tmp_path: Path, results: Results) -> None:
    rows = [row | {"body": " \x00 "} for row in messages(2)] + messages(3)[2:]
    file = written(tmp_path, rows)
    engine = Scripted()
    batch = read(file, results, engine)
    assert (batch.done, batch.failed, len(engine.asked)) == (1, 2, 1)
    assert sorted(row["error"] or "" for row in stored(results)) == ["", "no_text", "no_text"]
    again = read(file, results, engine)
    assert (again.done, again.cached, again.copied, len(engine.asked)) == (0, 3, 0, 1)


def test_an_outage_ends_the_run_and_the_next_goes_on(tmp_path: Path, results: Results) -> None:
    file = written(tmp_path, messages(20))
    asked = iter(range(100))
    gone = Scripted(lambda _: "server_unreachable" if next(asked) >= 8 else None)
    batch = read(file, results, gone)
    assert "server_unreachable" in str(batch.gone)
    assert (batch.done, batch.failed) == (8, 0)
    assert read(file, results, Scripted()).done == 12
    assert len({row["message_id"] for row in stored(results)}) == 20


def test_cleared_results_come_back_without_being_asked_for(
    tmp_path: Path, results: Results
) -> None:
    file = written(tmp_path, messages(3))
    read(file, results, Scripted())
    results.clear()
    engine = Scripted()
    batch = read(file, results, engine)
    assert (batch.cached, batch.copied, engine.asked) == (3, 3, [])
    assert read(file, results, engine).copied == 0
    assert len(stored(results)) == 6


def test_one_run_at_a_time(tmp_path: Path, results: Results) -> None:
    with results.held(), pytest.raises(ChurnError, match="another run"), results.held():
        pass


def test_many_files_become_one(tmp_path: Path, results: Results) -> None:
    for number in range(FILES_BEFORE_COMPACTION):
        read(written(tmp_path, messages(number + 1)), results, Scripted())
    read(written(tmp_path, messages(1)), results, Scripted())
    assert len(list(results.results.glob("*.parquet"))) < 3
    assert len(stored(results)) == FILES_BEFORE_COMPACTION


KILLED = """
    import asyncio, sys
    from pathlib import Path
    sys.path.insert(0, sys.argv[3])
    from test_enrich_batch import Scripted
    from churn.enrich.batch import read_all
    from churn.enrich.messages import read_messages
    from churn.enrich.results import Results

    class Slow(Scripted):
        async def read(self, text, timeout):
            await asyncio.sleep(0.02)
            print("read", flush=True)
            return await super().read(text, timeout)

    results = Results(Path(sys.argv[2]))
    with results.held():
        asyncio.run(
            read_all(
                read_messages(Path(sys.argv[1]), ["body"]), Slow(), results,
                source_file="f", is_from_data=True, limit=None, timeout=5, concurrency=2,
            )
        )
"""


@pytest.mark.builds
@pytest.mark.parametrize(
    "how", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_killing_a_run_loses_only_what_was_in_flight(
    tmp_path: Path, results: Results, how: signal.Signals
) -> None:
    file = written(tmp_path, messages(200))
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(file), str(results.folder)]
    command.append(str(Path(__file__).parent))
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    answers = 0
    while answers < 30:
        answers += run.stdout.readline() == "read\n"
    os.kill(run.pid, how)
    answers += run.stdout.read().count("read")
    run.wait(10)
    time.sleep(0.1)

    engine = Scripted()
    read(file, results, engine)
    rows = stored(results)
    assert len(rows) == len({row["message_id"] for row in rows}) == 200
    assert len(engine.asked) <= 200 - answers + 2
    runs = [pq.read_table(path).to_pylist()[0] for path in results.runs.glob("*.parquet")]
    assert sorted((run["was_stopped"] for run in runs), key=bool) == [False, True]


def test_messages_carry_what_links_them(tmp_path: Path) -> None:
    rows = [
        {
            "ticket_id": " T1 ",
            "account_id": "",
            "submitted_at": "2026-03-01T10:00:00+02:00",
            "body": "Hello\x00 there",
            "crm_id": "X 7",
            "from_email": "Ann <ann@Acme.com>",
            "queue": "Billing",
        },
        {"ticket_id": None, "submitted_at": "soon", "body": None},
    ]
    file = written(tmp_path, rows)
    dated, undated = read_messages(file, ["body"])
    assert dated.text == "Hello there"
    # values stay as they are: staging cleans them like those of the other tables
    assert dated.fields["submitted_at"] == "2026-03-01T10:00:00+02:00"
    assert dated.fields["ticket_id"] == " T1 "
    assert dated.fields["account_id"] is None
    assert dated.fields["queue"] == "Billing"
    assert dated.match_keys == "\ncrm_id=x 7\nemail_domain=acme.com\n"
    assert (undated.text, undated.fields["submitted_at"], undated.match_keys) == ("", "soon", None)
    assert [m.text for m in read_messages(file, ["body"], since=datetime(2026, 1, 1))] == [
        "Hello there"
    ]


@pytest.mark.parametrize(
    ("columns", "keys"),
    [
        ({"customer_email": "a@acme.com", "agent_email": "x@ours.com"}, ["acme.com", "ours.com"]),
        ({"email": "Ann <ann@mail.acme.com>"}, ["mail.acme.com"]),
        ({"email_thread": "write to a@b.com, my password is hunter2"}, []),
        ({"email": "nobody"}, []),
        ({"email_domain": "Acme.com"}, ["acme.com"]),
        ({"email": "a@b@c.com"}, []),
        ({"email": "a@" + "b" * 200 + ".com"}, []),
    ],
)
def test_only_an_address_by_itself_gives_a_domain(
    tmp_path: Path, columns: dict[str, str], keys: list[str]
) -> None:
    [message] = read_messages(written(tmp_path, [{"body": "Hello", **columns}]), ["body"])
    lines = (message.match_keys or "").split()
    assert lines == [f"email_domain={key}" for key in keys]


def test_messages_come_by_moment_not_by_how_it_is_written(tmp_path: Path) -> None:
    moments = [
        "2026-06-01T01:00:00+02:00",
        "2026-05-31 22:30:00",
        "2026-05-31",
        "0001-01-01T00:00:00+05:00",
        "yesterday",
    ]
    rows = [{"submitted_at": moment, "body": "Hello"} for moment in moments]
    file = written(tmp_path, rows[::-1])
    found = [message.fields["submitted_at"] for message in read_messages(file, ["body"])]
    assert found == moments
    since = read_messages(file, ["body"], since=datetime(2026, 5, 31))
    assert [message.fields["submitted_at"] for message in since] == moments[:3]


@pytest.mark.builds
def test_a_message_has_the_same_id_in_every_time_zone(tmp_path: Path) -> None:
    moments = pa.array([datetime(2026, 3, 1, 8, tzinfo=UTC)], pa.timestamp("us", "UTC"))
    file = tmp_path / "ticket_messages.parquet"
    pq.write_table(pa.table({"at": moments, "body": ["Hello"], "_row_number": [1]}), file)
    code = (
        "import sys; from pathlib import Path; from churn.enrich.messages import message_ids\n"
        "print(message_ids(Path(sys.argv[1]))['message_id'][0])"
    )
    ids = {
        subprocess.run(
            [sys.executable, "-c", code, str(file)],
            env=os.environ | {"TZ": zone},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for zone in ("UTC", "America/New_York")
    }
    assert len(ids) == 1


def test_what_cannot_be_stored_blocks_nothing(tmp_path: Path, results: Results) -> None:
    file = written(tmp_path, messages(2))
    results.folder.mkdir()
    run = {"run_id": "killed", "message_limit": 10**20}
    (results.folder / ".killed.journal").write_text(json.dumps({"run": run}) + "\n")
    with pytest.raises(ChurnError, match="put aside"):
        read(file, results, Scripted())
    assert read(file, results, Scripted()).done == 2


def test_nobody_is_asked_whether_the_model_is_there_when_all_is_known(
    tmp_path: Path, results: Results
) -> None:
    file = written(tmp_path, messages(2))
    read(file, results, Scripted())

    class Gone(Scripted):
        async def check(self) -> None:
            raise EngineUnavailable("Start it with `ollama serve`.")

    assert read(file, results, Gone()).gone is None
    batch = read(written(tmp_path, messages(3)), results, Gone())
    assert (batch.cached, batch.done) == (2, 0)
    assert "ollama serve" in str(batch.gone)
    assert read(written(tmp_path, messages(3)), results, Scripted()).done == 1
