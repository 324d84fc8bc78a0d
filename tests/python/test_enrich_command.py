"""The commands that read tickets with a model, as a user runs them."""

import asyncio
import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from churn.enrich.answer import Answer, vocabulary
from churn.enrich.batch import read_all
from churn.enrich.engine import Reading
from churn.enrich.messages import read_messages
from churn.enrich.results import Results
from churn.enrich.text import clean, text_hash
from churn.project import Project
from churn.terminal.errors import ChurnError
from churn.warehouse import WarehouseInUse, reading
from conftest import ROOT, Outcome, Row, Tables, Workspace, built_once, small_company
from test_enrich_batch import ANSWER as LEAVING
from test_enrich_batch import Scripted, stored, written

if TYPE_CHECKING:
    from ollama_server import RealModel

pytest_plugins = ["ollama_server"]

TICKETS = ROOT.parent / "shared" / "data" / "tickets"
# part of every message and of no answer: if it turns up elsewhere, a ticket has leaked
SECRET = "Zanzibar"

# the newest first
MESSAGES = [
    {"submitted_at": "2026-03-30 10:00:00", "subscription_id": "S07", "body": "Thank you."},
    {"submitted_at": "2026-03-29 10:00:00", "subscription_id": "S03", "body": "We leave you."},
    {"submitted_at": "2026-03-28 10:00:00", "crm_id": "X-1", "body": "We leave, said nobody."},
    {"submitted_at": "2026-03-27 10:00:00", "ticket_id": "?", "body": "The page is slow."},
    {"submitted_at": "2026-02-10 10:00:00", "subscription_id": "S06", "body": "We leave soon."},
    # takes the date of its ticket, which A05 filed on 2026-03-23
    {"submitted_at": "", "ticket_id": "T061", "body": "We all leave together."},
    {"submitted_at": "", "subscription_id": "S08", "body": "We leave some day."},
]


def said(text: str) -> dict[str, Any]:
    """Return the scripted model's answer to a text."""
    leaves = "leave" in text
    return {
        "summary": "They leave." if leaves else "They stay.",
        "language": "en",
        "category": "account" if leaves else "other",
        "sentiment": "negative" if leaves else "neutral",
        "signals": ["urgency"] if leaves else [],
        "churn_intent": leaves,
        "recommended_action": "Call them.",
    }


class ScriptedServer:
    """Ollama's protocol with a scripted model; it records what it was asked."""

    def __init__(self, server: HTTPServer) -> None:
        self.server = server
        self.host = server.url_for("/")
        self.asked: list[str] = []
        self.say: Callable[[str], Response | dict[str, Any] | str] = said
        self.seconds = 0.0
        self.most_at_once = 0
        self._now = 0
        self._lock = threading.Lock()
        server.expect_request("/api/show").respond_with_json(
            {"capabilities": ["completion"], "model_info": {}}
        )
        server.expect_request("/api/ps").respond_with_json(
            {"models": [{"name": "llama3.2:3b", "model": "llama3.2:3b", "size": 9, "size_vram": 9}]}
        )
        server.expect_request("/api/chat").respond_with_handler(self._chat)

    def _chat(self, request: Request) -> Response:
        prompt = request.get_json()["messages"][-1]["content"]
        text = prompt.removeprefix("<ticket>\n").removesuffix("\n</ticket>")
        with self._lock:
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
            self.asked.append(text)
        time.sleep(self.seconds)
        with self._lock:
            self._now -= 1
        answer = self.say(text)
        if isinstance(answer, Response):
            return answer
        content = answer if isinstance(answer, str) else json.dumps(answer)
        message = {"role": "assistant", "content": content}
        body = {"model": "m", "message": message, "done": True, "done_reason": "stop"}
        return Response(json.dumps(body), content_type="application/json")


@pytest.fixture(scope="module")
def server() -> Iterator[HTTPServer]:
    """One server for all tests, because stopping it takes half a second."""
    with HTTPServer(host="127.0.0.1", threaded=True) as server:
        yield server


@pytest.fixture
def ollama(server: HTTPServer) -> ScriptedServer:
    server.clear()
    return ScriptedServer(server)


@pytest.fixture
def company(
    tmp_path_factory: pytest.TempPathFactory, target: Path, workspace: Workspace
) -> Workspace:
    """The small company with messages, built once and then copied."""

    def make(place: Workspace) -> None:
        few = {"history_weeks": 8, "backtest_weeks": 4}
        place.build(with_messages(small_company()), **few)

    built = built_once(tmp_path_factory, target, "company with messages", make, light=True)
    workspace.copy_of(built)
    workspace.environment["OLLAMA_HOST"] = "127.0.0.1:1"
    return workspace


def with_messages(tables: Tables) -> Tables:
    """Add messages, and two more customers of A05, one of which has ended."""
    fifth = next(row for row in tables["subscriptions"] if row["subscription_id"] == "S05")
    tables["subscriptions"] += [
        fifth | {"subscription_id": "S05B"},
        fifth | {"subscription_id": "S05C", "end_date": "2026-02-28"},
    ]
    keys = ["ticket_id", "subscription_id", "crm_id", "submitted_at", "body"]
    tables["ticket_messages"] = [
        {key: row.get(key, "") for key in keys} | {"body": f"{row['body']} {SECRET}"}
        for row in MESSAGES
    ]
    return tables


@pytest.fixture
def not_built(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Skip builds, for tests of what is asked and stored; record the models of each build."""
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(
        "churn.enrich.commands.rebuild", lambda _, __, models, ___: asked.append(models)
    )
    return asked


def enrich(company: Workspace, ollama: ScriptedServer, *arguments: object) -> Outcome:
    company.environment["OLLAMA_HOST"] = ollama.host
    return company.churn("enrich", *arguments)


def words(ollama: ScriptedServer) -> list[str]:
    """Return the texts that the model was asked about, in order, without the secret word."""
    return [text.removesuffix(f" {SECRET}") for text in ollama.asked]


def summary(outcome: Outcome) -> dict[str, str]:
    names = "Read|Known already|Timed out|Failed otherwise|Linked to customers|Cancellation.* found"
    return dict(re.findall(rf"^({names})  +(.*?) *$", outcome.out, re.MULTILINE))


def results(company: Workspace) -> list[dict[str, Any]]:
    folder = company.store / "enrichment" / "results"
    return stored(Results(folder.parent)) if folder.is_dir() else []


def runs(company: Workspace, *columns: str) -> list[dict[str, Any]]:
    """Return these columns of the recorded runs, in order."""
    found = pq.read_table(company.store / "enrichment" / "runs").sort_by("started_at")
    return found.select(columns).to_pylist()


def assert_nothing_leaked(company: Workspace, *outcomes: Outcome) -> None:
    """Assert that no ticket text is in the output of the commands or in the logs."""
    logs = [path for path in (company.source.parent / "logs").rglob("*") if path.is_file()]
    texts = [text for outcome in outcomes for text in (outcome.out, outcome.err)]
    texts += [path.read_text(encoding="utf-8", errors="replace") for path in logs]
    assert logs
    assert not any(SECRET.lower() in text.lower() for text in texts)


# ------------------------------------------------------------------------------ a real model


@pytest.mark.slow
def test_a_real_model_reads_once_and_what_was_cleared_comes_back(
    company: Workspace, real_model: "RealModel"
) -> None:
    company.environment["OLLAMA_HOST"] = real_model.host
    command = ["enrich", "--limit", "3", "--timeout", "300", "--model", real_model.name]
    outcome = company.churn(*command, "--concurrency", "1")
    assert (outcome.code, outcome.err) == (0, "")
    intents = company.column("select count(*) from marts.ticket_insights where churn_intent")
    assert summary(outcome) == {
        "Read": f"3 ({real_model.name}, CPU)",
        "Known already": "0",
        "Timed out": "0",
        "Failed otherwise": "0",
        "Linked to customers": "2",
        "Cancellation intents found": str(intents[0]),
    }
    rows = company.select("select * from enrichment.ticket_enrichments")
    shown = company.select("select * from marts.ticket_insights order by message_id")
    assert len(shown) == len(rows) == len({row["message_id"] for row in rows}) == 3
    for row in rows:
        assert row["error"] is None
        assert row["category"] in vocabulary("categories")
        assert row["sentiment"] in vocabulary("sentiments")
        assert set(filter(None, row["signals"].split(","))) <= set(vocabulary("signals"))
        assert row["churn_intent"] in (True, False)
        assert len(row["summary"]) <= 200
        assert row["latency_ms"] > 0
    counts = "done, cached, timed_out, failed, message_limit, device, was_stopped"
    assert company.select(f"select {counts}, model from enrichment.runs") == [
        dict(zip(counts.split(", "), [3, 0, 0, 0, 3, "CPU", False], strict=True))
        | {"model": real_model.name}
    ]

    before = company.warehouse.read_bytes(), company.warehouse.stat().st_mtime_ns
    again = company.churn(*command)
    assert again.code == 0
    assert summary(again)["Read"].startswith("0 ")
    assert summary(again)["Known already"] == "3"
    assert (company.warehouse.read_bytes(), company.warehouse.stat().st_mtime_ns) == before

    assert company.churn("clear-enrichment").code == 0
    for table in ("marts.ticket_insights", "enrichment.ticket_enrichments"):
        assert company.select(f"from {table}") == []
    assert len(results(company)) == 3

    # the answers are known, so the model is not asked
    back = company.churn(*command)
    assert summary(back)["Known already"] == "3"
    assert summary(back)["Read"].startswith("0 ")
    shown_again = company.select("select * from marts.ticket_insights order by message_id")
    for row in (*shown_again, *shown):
        del row["created_at"]
    assert shown_again == shown


# ------------------------------------------------------------------------------ effect on the score


def test_intent_counts_for_whom_it_is_about_until_it_is_old_or_cleared(
    company: Workspace, ollama: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a full workspace: with dbt's log and the data tests
    company.light = False
    assert "Tickets read" not in company.churn("show").out
    scores = "select customer_id, risk_score from marts.customer_risk"
    before = {row["customer_id"]: row["risk_score"] for row in company.select(scores)}
    outcome = enrich(company, ollama)
    assert (outcome.code, outcome.err) == (0, "")
    assert summary(outcome) == {
        "Read": "7 (llama3.2:3b, GPU)",
        "Known already": "0",
        "Timed out": "0",
        "Failed otherwise": "0",
        "Linked to customers": "5",
        "Cancellation intents found": "5",
    }
    assert sorted(ollama.asked) == sorted(f"{row['body']} {SECRET}" for row in MESSAGES)
    assert_nothing_leaked(company, outcome)

    links = "select link_level, linked_by, message_date, count(*) from marts.ticket_insights"
    found = company.select(f"{links} where churn_intent group by all order by all")
    assert [tuple(row.values()) for row in found] == [
        ("account", "ticket_id", date(2026, 3, 23), 1),
        ("customer", "subscription_id", date(2026, 2, 10), 1),
        ("customer", "subscription_id", date(2026, 3, 29), 1),
        ("customer", "subscription_id", None, 1),
        ("unlinked", None, date(2026, 3, 28), 1),
    ]

    # S05C has ended, S06 wrote 49 days ago, and the message of S08 has no date
    speakers = ["S03", "S05", "S05B"]
    after = {row["customer_id"]: row["risk_score"] for row in company.select(scores)}
    assert {customer: after[customer] - before[customer] for customer in after} == {
        customer: 22 if customer in speakers else 0 for customer in before
    }
    assert company.select(
        "select customer_id, signal_value, points from marts.risk_rule_firings "
        "where rule_id = 'churn_intent' order by customer_id"
    ) == [{"customer_id": customer, "signal_value": 1, "points": 22} for customer in speakers]
    assert (
        company.column(
            "select customer_id from marts.customer_risk where churn_intent_30d = 1 order by 1"
        )
        == speakers
    )
    past = (
        "select as_of_date from marts.customer_risk_history "
        "where customer_id = 'S06' and churn_intent_30d = 1 order by 1"
    )
    sundays = [date(2026, 2, 15), date(2026, 2, 22), date(2026, 3, 1), date(2026, 3, 8)]
    assert company.column(past) == sundays

    assert company.select("select * from quality.data_warnings") == []
    shown = {row["message_id"]: row for row in company.select("from marts.ticket_insights")}

    # known messages cause neither a request nor a build
    was = company.warehouse.read_bytes(), company.warehouse.stat().st_mtime_ns
    again = enrich(company, ollama)
    assert (again.code, summary(again)["Known already"]) == (0, "7")
    assert (company.warehouse.read_bytes(), company.warehouse.stat().st_mtime_ns) == was

    # the next command that brings readings back also builds what was cleared
    built: list[object] = []
    with monkeypatch.context() as patched:
        patched.setattr("churn.enrich.commands.rebuild", lambda *_: built.append(_))
        assert company.churn("clear-enrichment").code == 0
    assert len(built) == 1
    assert len(results(company)) == len(MESSAGES)

    # the answers are known, so the model is not asked
    company.light = True
    back = enrich(company, ollama, "--limit", 3)
    assert summary(back)["Known already"] == "3"
    assert summary(back)["Read"].startswith("0 ")
    assert "make show prints the list" in back.out
    assert len(ollama.asked) == len(MESSAGES)
    rows = company.select("from marts.ticket_insights")
    assert len(rows) == len(company.select("from enrichment.ticket_enrichments")) == 3
    for row in rows:
        assert row | {"created_at": None} == shown[row["message_id"]] | {"created_at": None}
    after = {row["customer_id"]: row["risk_score"] for row in company.select(scores)}
    assert {customer for customer in after if after[customer] != before[customer]} == {"S03"}
    [line] = [line for line in company.churn("show").out.splitlines() if "Tickets read" in line]
    assert "3 of 7 messages, by llama3.2:3b" in line


# ------------------------------------------------------------------------------ how many, and which


@pytest.mark.usefixtures("not_built")
def test_the_newest_messages_are_read_first_as_many_as_are_wanted(
    company: Workspace, ollama: ScriptedServer
) -> None:
    bodies = [row["body"] for row in MESSAGES]
    assert enrich(company, ollama, "--limit", 2, "--concurrency", 1).code == 0
    assert words(ollama) == bodies[:2]
    # known messages count among the newest
    enrich(company, ollama, "--limit", 3, "--concurrency", 1)
    assert words(ollama) == bodies[:3]
    enrich(company, ollama, "--since", "2026-03-27", "--limit", "all")
    assert words(ollama) == bodies[:4]
    outcome = enrich(company, ollama, "--limit", "ALL")
    assert sorted(words(ollama)) == sorted(bodies)
    assert summary(outcome)["Known already"] == "4"
    assert len(results(company)) == len(bodies)

    assert enrich(company, ollama).code == 0
    assert "nothing to read: no message" in enrich(company, ollama, "--since", "2030-01-01").out
    assert len(ollama.asked) == len(bodies)
    outcome = enrich(company, ollama, "--refresh", "--limit", 2, "--concurrency", 1)
    assert words(ollama)[len(bodies) :] == bodies[:2]
    assert summary(outcome)["Known already"] == "0"


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.usefixtures("not_built")
def test_so_many_messages_are_read_at_a_time(
    company: Workspace, ollama: ScriptedServer, number: int
) -> None:
    ollama.seconds = 0.2
    assert enrich(company, ollama, "--concurrency", number).code == 0
    assert ollama.most_at_once == number


LIMIT = "--limit must be a whole number from 1"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        *((["--limit", limit], LIMIT) for limit in ("0", "-1", "1.5", "few", "²", "9" * 20)),
        (["--since", "yesterday"], "Invalid value for '--since'"),
        (["--timeout", "0"], "Invalid value for '--timeout'"),
        (["--concurrency", "0"], "Invalid value for '--concurrency'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_options_are_refused(
    workspace: Workspace, ollama: ScriptedServer, arguments: list[str], says: str
) -> None:
    outcome = enrich(workspace, ollama, *arguments)
    assert outcome.code == 2
    assert says in outcome.err
    assert ollama.asked == []


@pytest.mark.usefixtures("not_built")
def test_a_timeout_is_an_error_of_the_ticket_and_the_batch_goes_on(
    company: Workspace, ollama: ScriptedServer
) -> None:
    def say(text: str) -> dict[str, Any]:
        time.sleep(2 if "slow" in text else 0)
        return said(text)

    ollama.say = say
    outcome = enrich(company, ollama, "--timeout", 1, "--concurrency", 7)
    assert outcome.code == 0
    assert summary(outcome)["Timed out"] == "1"
    assert summary(outcome)["Read"].startswith("6 ")
    assert "What helps" in outcome.out
    assert Counter(row["error"] for row in results(company)) == {None: 6, "timeout_after_1s": 1}


# ------------------------------------------------------------------------------ other files


def test_files_of_tickets_are_shown_and_never_scored(
    company: Workspace, ollama: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["multi-lang-five-languages", "multi-lang-with-version"]
    if not all((TICKETS / f"{name}.csv").is_file() for name in names):
        pytest.skip(f"the ticket files are not in {TICKETS}")
    ollama.say = lambda text: said("We leave.")
    before = company.contents("marts")["marts.customer_risk"]
    for name in names:
        file = company.source / f"{name}.csv"
        file.parent.mkdir(exist_ok=True)
        shutil.copyfile(TICKETS / file.name, file)
        ollama.asked.clear()
        with monkeypatch.context() as patched:
            if name != names[-1]:
                patched.setattr("churn.enrich.commands.rebuild", lambda *_: None)
            outcome = enrich(company, ollama, "--tickets", file, "--limit", 5)
        assert (outcome.code, outcome.err) == (0, "")
        assert "the words are in: subject, body." in outcome.out
        assert summary(outcome)["Linked to customers"] == "0"
        assert summary(outcome)["Cancellation intents found"] == "5"
        assert "never scored" in outcome.out
        with file.open(newline="", encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
        assert len(ollama.asked) == 5
        for text in ollama.asked:
            assert any(row["body"] and opening(row["body"]) in text for row in rows)
            assert not [row for row in rows if row["answer"] and opening(row["answer"]) in text]

    unlinked = {"link_level": "unlinked", "customer_id": None, "account_id": None}
    assert company.select(
        "select link_level, source_file, churn_intent, customer_id, account_id, count(*) as rows, "
        "count(queue) as queues from marts.ticket_insights group by all order by source_file"
    ) == [
        unlinked | {"source_file": name, "churn_intent": True, "rows": 5, "queues": 5}
        for name in names
    ]
    assert company.contents("marts")["marts.customer_risk"] == before

    # the stored copy is enough, and its name identifies it
    assert company.churn("tickets").out.split() == names
    file.unlink()
    again = enrich(company, ollama, "--tickets", name, "--limit", 5)
    assert (again.code, summary(again)["Known already"]) == (0, "5")
    assert len(ollama.asked) == 5
    unknown = enrich(company, ollama, "--tickets", "others")
    assert unknown.code == 2
    there = ", ".join(names)
    assert f"There is no file others, nor tickets of that name; there are: {there}." in unknown.err


def opening(text: str) -> str:
    """Return the first words as they appear in a prompt."""
    return clean(text)[:80].translate(str.maketrans("<>", "‹›"))


def test_a_file_without_words_is_refused(workspace: Workspace, ollama: ScriptedServer) -> None:
    rows = [{"number": "1", "answer": "We are sorry to hear that you mean to leave us."}]
    file = workspace.write({"numbers": rows}) / "numbers.csv"
    outcome = enrich(workspace, ollama, "--tickets", file)
    assert outcome.code == 2
    assert "there is no column with the customers' words" in outcome.err
    assert "number, answer" in outcome.err
    assert ollama.asked == []


# ------------------------------------------------------------------------------ outages


@pytest.mark.usefixtures("not_built")
def test_a_server_that_is_not_there_is_said_once(company: Workspace) -> None:
    for command in (["enrich"], ["analyze", "Hello"], ["evaluate-enrichment", "--limit", "3"]):
        outcome = company.churn(*command)
        assert outcome.code == 1
        assert outcome.err.count("`ollama serve`") == outcome.err.count("Error") == 1
    assert results(company) == []
    assert runs(company, "done", "failed", "was_stopped") == [
        {"done": 0, "failed": 0, "was_stopped": True}
    ]


def test_a_model_that_is_not_there_is_said_once(company: Workspace, server: HTTPServer) -> None:
    server.clear()
    refusal = {"error": "model 'nothing:1b' not found"}
    server.expect_request("/api/show").respond_with_json(refusal, 404)
    company.environment["OLLAMA_HOST"] = server.url_for("/")
    outcome = company.churn("enrich", "--model", "nothing:1b")
    assert outcome.code == 1
    assert outcome.err.count("`ollama pull nothing:1b`") == outcome.err.count("Error") == 1
    assert results(company) == []


def test_a_server_that_dies_leaves_what_was_read_and_the_command_goes_on(
    company: Workspace, ollama: ScriptedServer, not_built: list[tuple[str, ...]]
) -> None:
    def say(text: str) -> dict[str, Any]:
        if len(ollama.asked) == 3:
            ollama.server.stop()
        return said(text)

    ollama.say = say
    outcome = enrich(company, ollama, "--concurrency", 1)
    assert outcome.code == 1
    assert outcome.err.count("`ollama serve`") == outcome.err.count("Error") == 1
    assert summary(outcome)["Read"] == "3 (llama3.2:3b, device not known)"
    assert [row["error"] for row in results(company)] == [None] * 3
    assert len(not_built) == 1
    assert SECRET not in outcome.out + outcome.err

    ollama.server.start()
    ollama.say = said
    outcome = enrich(company, ollama)
    assert (outcome.code, summary(outcome)["Known already"]) == (0, "3")
    assert [row["error"] for row in results(company)] == [None] * 7
    assert len(ollama.asked) == 7
    assert runs(company, "done", "cached", "failed", "was_stopped") == [
        {"done": 3, "cached": 0, "failed": 0, "was_stopped": True},
        {"done": 4, "cached": 3, "failed": 0, "was_stopped": False},
    ]


def test_another_machine_is_refused(workspace: Workspace) -> None:
    workspace.environment["OLLAMA_HOST"] = "http://192.0.2.1:11434"
    for command in (["enrich"], ["analyze", SECRET], ["evaluate-enrichment"]):
        outcome = workspace.churn(*command)
        assert outcome.code == 2
        assert "--allow-remote" in outcome.err
        assert SECRET not in outcome.out + outcome.err


# ------------------------------------------------------------------------------ stopping


COMMAND = "from churn.cli import main; main()"
# for tests in which the build does not matter
NOT_BUILT = f"""
from churn.enrich import commands
commands.rebuild = lambda *_: print("Here it is built.")
{COMMAND}
"""


def started(
    company: Workspace, ollama: ScriptedServer, command: str = COMMAND
) -> "subprocess.Popen[str]":
    """Start `churn enrich` in a process, one message at a time; return after the third request."""
    ollama.seconds = 0.4
    company.environment["OLLAMA_HOST"] = ollama.host
    run = subprocess.Popen(
        [sys.executable, "-c", command, "enrich", "--concurrency", "1"],
        env=os.environ | company.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + 60
    while len(ollama.asked) < 3:
        assert run.poll() is None, run.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)
    return run


@pytest.mark.usefixtures("not_built")
def test_killing_it_loses_what_was_in_flight_and_the_command_goes_on(
    company: Workspace, ollama: ScriptedServer
) -> None:
    run = started(company, ollama)
    run.kill()
    assert run.wait(10) == -signal.SIGKILL
    run.communicate()
    ollama.seconds = 0.0

    outcome = enrich(company, ollama)
    assert (outcome.code, summary(outcome)["Known already"]) == (0, "2")
    assert sorted(Counter(words(ollama)).values()) == [1, 1, 1, 1, 1, 1, 2]
    assert words(ollama).count(MESSAGES[2]["body"]) == 2
    rows = results(company)
    assert len(rows) == len({row["message_id"] for row in rows}) == len(MESSAGES)
    assert runs(company, "was_stopped") == [{"was_stopped": True}, {"was_stopped": False}]


@pytest.mark.parametrize(
    "is_built",
    [False, pytest.param(True, marks=pytest.mark.slow)],
)
def test_stopping_it_keeps_and_shows_what_was_read(
    company: Workspace, ollama: ScriptedServer, is_built: bool
) -> None:
    run = started(company, ollama, COMMAND if is_built else NOT_BUILT)
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=60)
    assert (run.returncode, err) == (130, "")
    outcome = Outcome(run.returncode, out, err)
    assert summary(outcome)["Read"] == "2 (llama3.2:3b, GPU)"
    assert summary(outcome)["Linked to customers"] == ("2" if is_built else "0")
    assert "Stopped. The same command goes on" in out
    assert SECRET.lower() not in (out + err).lower()
    dates = [row["submitted_at"] for row in results(company)]
    assert sorted(dates) == [MESSAGES[1]["submitted_at"], MESSAGES[0]["submitted_at"]]
    assert runs(company, "was_stopped") == [{"was_stopped": True}]
    if is_built:
        assert_nothing_leaked(company, outcome)
        assert company.column("select message_date from marts.ticket_insights") == [
            date(2026, 3, 30),
            date(2026, 3, 29),
        ]
        assert company.column("select was_stopped from enrichment.runs") == [True]
    else:
        assert "Here it is built." in out


# ------------------------------------------------------------------------------ a single ticket


def test_one_ticket_is_read_from_an_argument_a_file_or_standard_input(
    workspace: Workspace,
    ollama: ScriptedServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workspace.environment["OLLAMA_HOST"] = ollama.host
    file = tmp_path / "ticket.txt"
    file.write_bytes("We leave\xa0– no r\0eply\n".encode("cp1252"))
    for arguments in (["We leave."], [file], ["-"], []):
        standard_input = io.TextIOWrapper(io.BytesIO(b"We leave, too.\n"))
        monkeypatch.setattr(sys, "stdin", standard_input)
        outcome = workspace.churn("analyze", *arguments)
        assert (outcome.code, outcome.err) == (0, "")
        assert json.loads(outcome.out) == said("We leave.")
    broken, *others = ollama.asked[1], ollama.asked[0], *ollama.asked[2:]
    assert others == ["We leave.", "We leave, too.", "We leave, too."]
    assert re.fullmatch("We leave.* no reply", broken)
    assert not (workspace.store / "enrichment").exists()


def test_one_ticket_takes_no_longer_than_it_may(
    workspace: Workspace, ollama: ScriptedServer
) -> None:
    def drip() -> Iterator[bytes]:
        for _ in range(80):
            time.sleep(0.05)
            yield b" "

    ollama.say = lambda _: Response(drip(), content_type="application/json")
    workspace.environment["OLLAMA_HOST"] = ollama.host
    begun = time.perf_counter()
    outcome = workspace.churn("analyze", SECRET, "--timeout", 1)
    assert 1 <= time.perf_counter() - begun < 2.5
    assert outcome == (1, "", "Error: The ticket could not be read: timeout_after_1s.\n")


def test_an_answer_that_is_none_is_an_error(workspace: Workspace, ollama: ScriptedServer) -> None:
    ollama.say = lambda text: f"I was told: {text}"
    workspace.environment["OLLAMA_HOST"] = ollama.host
    outcome = workspace.churn("analyze", SECRET)
    assert outcome == (1, "", "Error: The ticket could not be read: invalid_json.\n")
    assert len(ollama.asked) == 2


# ------------------------------------------------------------------------------ evaluation

LABELLED = [
    # the label, then the model's answer: intent, category, sentiment
    (("true", "billing", "negative"), (True, "billing", "negative")),
    (("Yes", "Bug", "neutral"), (True, "bug", "negative")),
    (("1", "account", ""), (False, "account", "neutral")),
    (("t", "other", "positive"), (False, "bug", "neutral")),
    (("no", "", "positive"), (True, "other", "positive")),
    (("false", "", "neutral"), None),
    (("", "", ""), (True, "other", "neutral")),
]


def test_readings_are_judged_by_their_labels(company: Workspace, ollama: ScriptedServer) -> None:
    columns = ["churn_intent", "category", "sentiment"]
    rows: list[Row] = [
        {"body": f"This is ticket number {number}"} | dict(zip(columns, truth, strict=True))
        for number, (truth, _) in enumerate(LABELLED)
    ]
    file = company.write({"labels": rows}) / "labels.csv"

    def say(text: str) -> dict[str, Any] | str:
        answer = LABELLED[int(text[-1])][1]
        return "no" if answer is None else said("") | dict(zip(columns, answer, strict=True))

    ollama.say = say
    company.environment["OLLAMA_HOST"] = ollama.host
    outcome = company.churn("evaluate-enrichment", "--labels", file)
    assert (outcome.code, outcome.err) == (0, "")
    # intent: of four true ones the model finds two, and it reports one false one
    expected = {
        "messages": 7,
        "valid_answers": 6,
        "intent_precision": Decimal("0.666667"),
        "intent_recall": Decimal("0.500000"),
        "intent_f1": Decimal("0.571429"),
        "category_accuracy": Decimal("0.750000"),
        "sentiment_accuracy": Decimal("0.400000"),
        "json_validity": Decimal("0.857143"),
    }
    [row] = company.select("from marts.enrichment_quality")
    assert {name: row[name] for name in expected} == expected
    assert (row["engine"], row["model"], row["data_set"]) == ("ollama", "llama3.2:3b", "labels.csv")
    assert 0 <= row["latency_p50_ms"] <= row["latency_p95_ms"]
    for name in expected:
        assert re.search(rf"^{name} +{expected[name]:.3f}".replace(".000", ""), outcome.out, re.M)


def test_what_is_stored_and_not_built_is_built_by_the_next_run(
    company: Workspace, ollama: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[tuple[str, ...]] = []

    def build(project: Project, *_: object, models: tuple[str, ...], **__: object) -> None:
        try:
            with reading(project):
                built.append(models)
        except ChurnError as error:
            # repeat the error in dbt's words, since dbt would meet it at this point
            raise WarehouseInUse(f"The warehouse is in use: {error}") from error

    monkeypatch.setattr("churn.build.dbt.build", build)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(company.warehouse)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    outcome = enrich(company, ollama)
    assert outcome.code == 1
    assert "is in use" in outcome.err
    assert summary(outcome)["Linked to customers"] == "not known"
    assert "never scored" not in outcome.out
    holder.communicate()
    assert len(results(company)) == len(ollama.asked) == len(MESSAGES)
    assert built == []

    outcome = enrich(company, ollama)
    assert summary(outcome)["Known already"] == "7"
    assert len(ollama.asked) == len(MESSAGES)
    [models] = built
    assert "stg_store__enrichment_results+" in models


HOLDER = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.usefixtures("not_built")
def test_a_server_that_goes_away_leaves_no_figures(
    company: Workspace, ollama: ScriptedServer
) -> None:
    def say(text: str) -> Response | dict[str, Any]:
        return said(text) if len(ollama.asked) < 3 else Response('{"error": "no model"}', 404)

    ollama.say = say
    company.environment["OLLAMA_HOST"] = ollama.host
    outcome = company.churn("evaluate-enrichment", "--limit", 9)
    assert outcome.code == 1
    assert "gone" in outcome.err
    assert not (company.store / "enrichment" / "quality").exists()


def test_labels_that_no_answer_can_have_are_refused(workspace: Workspace) -> None:
    # nothing listens here: a request would end with another exit code
    workspace.environment["OLLAMA_HOST"] = "http://127.0.0.1:9"
    for row, named in (
        ({"category": "Technical"}, "feature_request"),
        ({"churn_intent": "maybe"}, "true"),
    ):
        file = workspace.write({"labels": [{"body": "We leave you now."} | row]}) / "labels.csv"
        outcome = workspace.churn("evaluate-enrichment", "--labels", file)
        assert outcome.code == 2
        assert named in outcome.err
    assert workspace.churn("evaluate-enrichment", "--labels", "nowhere.csv").code == 2


@pytest.mark.parametrize(
    ("ticket", "message"),
    [(" ", "no words"), ("letters/ticket.txt", "no file"), ("/tmp", "no file")],
)
def test_what_is_no_ticket_is_not_asked_about(
    workspace: Workspace, ollama: ScriptedServer, ticket: str, message: str
) -> None:
    workspace.environment["OLLAMA_HOST"] = ollama.host
    outcome = workspace.churn("analyze", ticket)
    assert (outcome.code, outcome.out) == (2, "")
    assert message in outcome.err
    assert ollama.asked == []


def test_a_host_that_is_no_address_matters_only_where_it_is_asked(company: Workspace) -> None:
    company.environment["OLLAMA_HOST"] = ":::garbage"
    # the package reads the variable when it is imported
    read = [name for name in sys.modules if name.partition(".")[0] == "ollama"]
    for command, code in (("show", 0), ("enrich", 2)):
        with patch.dict(sys.modules):
            for name in (*read, "churn.enrich.ollama"):
                sys.modules.pop(name, None)
            outcome = company.churn(command)
        assert outcome.code == code
        assert ("is no address" in outcome.err) is (code == 2)


@pytest.mark.usefixtures("not_built")
def test_files_of_other_names_do_not_replace_each_other(
    company: Workspace, ollama: ScriptedServer
) -> None:
    for name in ("客户", "工单"):
        company.write({name: [{"body": f"We stay with you, {name}."}]})
        assert enrich(company, ollama, "--tickets", company.source / f"{name}.csv").code == 0
    assert company.churn("tickets").out.split() == ["客户", "工单"]
    company.write({"客户": [{"body": "We stay with you for ever."}]})
    outcome = enrich(company, ollama, "--tickets", company.source / "客户.csv")
    assert "takes the place" in outcome.out
    assert "takes the place" not in enrich(company, ollama, "--tickets", "客户").out


@pytest.mark.usefixtures("not_built")
def test_a_file_of_tickets_replaces_only_what_we_wrote_of_that_file(
    company: Workspace, ollama: ScriptedServer
) -> None:
    for name in ("a b", "a_b", "a-b"):
        company.write({name: [{"body": f"We stay with you, {name}."}]})
        outcome = enrich(company, ollama, "--tickets", company.source / f"{name}.csv")
        assert "takes the place" not in outcome.out
        assert ("a b.csv is kept under the name a_b__" in outcome.out) is (name == "a b")
    names = company.churn("tickets").out.split()
    assert sorted(re.sub("__[0-9a-f]{7}$", "__hash", name) for name in names) == [
        "a-b",
        "a_b",
        "a_b__hash",
    ]
    again = enrich(company, ollama, "--tickets", names[-1])
    assert (again.code, "is kept under" in again.out) == (0, False)

    theirs = company.store / "tickets" / "mine.parquet"
    company.write({"mine": [{"body": "We stay."}]})
    given = company.source / "mine.csv"
    for content in (b"mine", None):
        if content is None:
            pq.write_table(pa.table({"_row_number": [1], "body": ["mine"]}), theirs)
        else:
            theirs.write_bytes(content)
        before = theirs.read_bytes()
        refused = enrich(company, ollama, "--tickets", given)
        said = " ".join(refused.err.split())
        assert refused.code == 2
        assert str(given) in said
        assert str(theirs) in said
        assert theirs.read_bytes() == before


def test_a_file_without_labels_is_refused(workspace: Workspace, ollama: ScriptedServer) -> None:
    file = workspace.write({"plain": [{"body": "We leave."}]}) / "plain.csv"
    workspace.environment["OLLAMA_HOST"] = ollama.host
    outcome = workspace.churn("evaluate-enrichment", "--labels", file)
    assert outcome.code == 2
    assert "has no labels" in outcome.err
    assert ollama.asked == []


# ------------------------------------------------------------------------------ any text


class Echo(Scripted):
    """Repeats every text in its answer, and fails for some texts."""

    async def read(self, text: str, timeout: float) -> Reading:
        reading = await super().read(text, timeout)
        answer = LEAVING.model_dump() | {"summary": text, "recommended_action": text}
        return Reading(reading.answer and Answer(**answer), reading.error, 5, 1)


# Parquet cannot store lone surrogates
TEXT = st.none() | st.text(st.characters(codec="utf-8"), max_size=400)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT, TEXT), min_size=1, max_size=12))
def test_any_text_gives_one_row_that_is_kept_as_it_is(
    texts: list[tuple[str | None, str | None, str | None]],
) -> None:
    rows = [
        {"number": str(number), "body": body, "queue": queue, "submitted_at": day}
        for number, (body, queue, day) in enumerate(texts)
    ]
    engine = Echo(lambda text: "invalid_json" if len(text) % 5 == 4 else None)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patched:
        patched.chdir(ROOT)
        file = written(Path(folder), rows)
        kept = Results(Path(folder) / "enrichment")
        messages = {message.message_id: message for message in read_messages(file, ["body"])}
        with kept.held():
            reading = read_all(
                read_messages(file, ["body"]),
                engine,
                kept,
                source_file="f",
                is_from_data=True,
                limit=None,
                timeout=5,
                concurrency=3,
            )
            batch = asyncio.run(reading)
        found = {row["message_id"]: row for row in stored(kept)}
        [run] = pq.read_table(next(kept.runs.glob("*.parquet"))).to_pylist()

    assert len(messages) == len(found) == batch.finished == len(texts)
    assert sum(run[name] for name in ("done", "cached", "timed_out", "failed")) == len(texts)
    for identifier, message in messages.items():
        row = found[identifier]
        assert row["text_hash"] == text_hash(message.text)
        assert {name: row[name] for name in message.fields} == message.fields
        if not message.text:
            assert row["error"] == "no_text"
        elif len(message.text) % 5 == 4:
            assert row["error"] == "invalid_json"
        else:
            answer = LEAVING.model_dump() | {"summary": message.text}
            assert (row["error"], row["summary"]) == (None, Answer(**answer).summary)
