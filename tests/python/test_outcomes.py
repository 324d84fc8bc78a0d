"""The outcome log: it records users' work once, and never loses it."""

import csv
import fcntl
import os
import random
import re
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from pathlib import Path
from time import sleep
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn.files import store
from churn.files.store import append, compact
from churn.outcomes.log import OUTCOME, Entry, OutcomeLog, free_text, outcome, outcomes
from churn.project import Project
from churn.terminal.errors import ChurnError, InputError
from churn.warehouse.build_record import keep, made_from
from churn.warehouse.customer_ids import shown_id
from conftest import ROOT, Outcome, Workspace
from test_cli import held_by_another_process, plain

AS_OF = date(2026, 3, 31)
# a fixed day, independent of the machine's clock
TODAY = date(2026, 12, 31)
CUSTOMERS = [
    ("S01", "A01", "High", True, 80),
    ("S02", "A02", "Medium", True, 40),
    ("S02b", "A02", "Low", True, 10),
    ("S02c", "A02", "High", False, 90),
    ("S-株-12345", "A03", "Low", True, 0),
]
HOSTILE = [
    "She said \"no\", then 'maybe'; DROP TABLE x--",
    "one\ntwo\n\nfour",
    '=HYPERLINK("http://example.com","x")',
    "+1",
    "-1",
    "@SUM(A1)",
    "שלום \u202eabc\u202c",
    "𝕏 𠮷 👩‍👩‍👧 \U0010ffff",
    "[bold]markup[/bold] \\ %s {x}",
    "a,b;c|d",
]


class Clock(datetime):
    """Stands just before midnight in UTC, and advances by a millisecond each time."""

    reads = 0

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:
        assert tz is UTC
        cls.reads += 1
        last_minute = datetime.combine(TODAY, time(23, 59), UTC)
        return last_minute + timedelta(milliseconds=cls.reads)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the log a clock that no run can carry past midnight."""
    monkeypatch.setattr(Clock, "reads", 0)
    monkeypatch.setattr("churn.outcomes.log.datetime", Clock)


@pytest.fixture
def place(workspace: Workspace) -> Workspace:
    """A warehouse with only the tables that the log reads."""
    with duckdb.connect(str(workspace.warehouse)) as connection:
        connection.execute("create schema marts; create schema quality")
        connection.execute(
            "create table quality.source_columns as "
            "select 'accounts' as table_name, 'crm_accounts.csv' as file_name"
        )
        connection.execute(
            "create table marts.customer_risk (customer_id varchar, account_id varchar, "
            "risk_level varchar, is_active boolean, risk_score integer, usage_window_end date)"
        )
        connection.executemany(
            f"insert into marts.customer_risk values (?, ?, ?, ?, ?, '{AS_OF}')", CUSTOMERS
        )
    workspace.environment["USER"] = "ada"
    return workspace


@pytest.fixture
def log(tmp_path: Path) -> OutcomeLog:
    return OutcomeLog(tmp_path / "outcomes")


def stored(place: Workspace) -> list[dict[str, Any]]:
    """Return the rows as another program reads them, in the order of logging."""
    files = str(place.store / "outcomes" / "*.parquet")
    cursor = duckdb.sql(f"select * from read_parquet('{files}') order by logged_at")
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def files(place: Workspace) -> list[Path]:
    return sorted((place.store / "outcomes").glob("*.parquet"))


def done(place: Workspace, *arguments: object) -> str:
    code, out, err = place.churn("outcome", *arguments)
    assert (code, err) == (0, "")
    return out


def refused(place: Workspace, *arguments: object, code: int = 2) -> str:
    before = files(place)
    found = place.churn("outcome", *arguments)
    assert found.code == code, found
    assert "Traceback" not in found.out + found.err
    assert files(place) == before
    return plain(found.err)


# ------------------------------------------------------------------------------ one at a time


def test_an_outcome_is_stored_as_it_was_given(place: Workspace) -> None:
    out = done(place, "add", "S01", "contacted", "--note", "They are back.", "--at", "2026-03-30")
    [row] = stored(place)
    assert re.fullmatch("[0-9a-f]{32}", row.pop("outcome_id"))
    assert row.pop("logged_at").replace(second=0, microsecond=0) == datetime.combine(
        TODAY, time(23, 59)
    )
    assert row == {
        "kind": "outcome",
        "customer_id": "S01",
        "account_id": "A01",
        "outcome": "contacted",
        "note": "They are back.",
        "reason": None,
        "snoozed_until": None,
        "logged_by": "ada",
        "occurred_on": date(2026, 3, 30),
        "corrects": None,
        "import_key": None,
    }
    assert "S01, contacted, on 2026-03-30, by ada" in plain(out)
    assert "`make list` shows it" in plain(out)
    [file] = files(place)
    assert pq.read_schema(file).equals(OUTCOME)


def test_what_is_not_given_is_today_and_the_user_of_the_session(place: Workspace) -> None:
    done(place, "add", "S-株-12345", " Meeting  SCHEDULED ", "--by", " Bob \x1b[31m B. ")
    place.environment["USER"] = ""
    done(place, "add", "S01", "no-response")
    first, second = stored(place)
    assert (first["outcome"], first["logged_by"]) == ("meeting_scheduled", "Bob [31m B.")
    assert first["occurred_on"] == TODAY
    assert second["outcome"] == "no_response"
    assert second["logged_by"]


def test_snooze_and_not_a_risk_are_kept_apart_from_outcomes(place: Workspace) -> None:
    done(place, "snooze", "S01", str(AS_OF), "--note", "On leave.")
    done(place, "not-a-risk", "S01", "Seasonal\tbusiness.", "--by", "Bob")
    snooze, not_a_risk = stored(place)
    assert (snooze["kind"], snooze["outcome"]) == ("snooze", None)
    assert (snooze["snoozed_until"], snooze["note"]) == (AS_OF, "On leave.")
    assert (not_a_risk["kind"], not_a_risk["outcome"]) == ("not_a_risk", None)
    assert (not_a_risk["reason"], not_a_risk["note"]) == ("Seasonal business.", None)
    assert (snooze["occurred_on"], not_a_risk["logged_by"]) == (TODAY, "Bob")


@pytest.mark.parametrize("note", HOSTILE)
def test_a_note_is_kept_and_does_nothing_to_the_terminal(place: Workspace, note: str) -> None:
    done(place, "add", "S01", "contacted", f"--note={note}")
    assert stored(place)[0]["note"] == note
    assert "\u202e" not in done(place, "list")


def test_a_note_has_no_control_characters_and_an_end() -> None:
    assert free_text("a\x00b\x1b[2J\r\nc\rd\te\x85\x7f\n ") == "ab[2J\nc\nd e"
    assert free_text("bytes \udcff that are no text") == "bytes ? that are no text"
    assert free_text(" \x00\n ") is None
    assert free_text("x" * 2_000 + "\n") == "x" * 2_000
    with pytest.raises(InputError, match=r"The note has 2,001 characters; at most 2,000"):
        free_text("x" * 2_001)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["add", "S01", "phoned"], ["phoned is not known", *outcomes()]),
        (["add", "S01", ""], ["The outcome is empty", "contacted"]),
        (["add", "S01", "contacted", "--at", "31.03.2026"], ["31.03.2026"]),
        (["add", "S01", "contacted", "--at", str(TODAY + timedelta(days=2))], ["in the future"]),
        (["add", "S01", "contacted", "--note", "x" * 2_001], ["2,001 characters"]),
        (["add", "S01", "contacted", "--by", "x" * 201], ["--by"]),
        (["add", "S01", "contacted", "--corrects", "abcd"], ["Nothing in the log has the id abcd"]),
        (["add", "s01", "contacted"], ["s01 is no customer", "but looks like S01. Give"]),
        (["add", "S0l", "contacted"], ["S0l is no customer", "Close to it: S01, S02."]),
        (["add", "S-株-12354", "contacted"], ["Close to it: S-株-12345."]),
        (
            ["add", "somebody else", "contacted"],
            ["somebody else is no customer of the last build, which read"],
        ),
        (["add", "x" * 5_000, "contacted"], ["is no customer"]),
        (["add", "", "contacted"], ["Nothing is no customer"]),
        (["add", "A01", "contacted"], ["A01 is an account", "customers: S01 (High)."]),
        (["snooze", "A02", "2030-01-01"], ["S02 (Medium), S02b (Low), S02c (ended)."]),
        (["snooze", "S01", "2026-03-30"], ["as of 2026-03-31", "over already", "retract it"]),
        (["snooze", "S01", "soon"], ["soon"]),
        (["not-a-risk", "S01", "\x00 "], ["Say why"]),
        (["not-a-risk", "S01", "x" * 2_001], ["The reason has 2,001"]),
        (["retract", "abcd"], ["Nothing in the log", "churn outcome list"]),
        (["import", "nowhere.csv"], ["nowhere.csv is not a file"]),
    ],
    ids=lambda value: " ".join(value)[:30],
)
def test_what_cannot_be_used_is_said(
    place: Workspace, arguments: list[str], says: list[str]
) -> None:
    message = refused(place, *arguments)
    for text in says:
        assert text in message


def test_the_data_without_such_a_customer_is_named(place: Workspace) -> None:
    add = ["add", "somebody", "contacted"]
    file = "the last build, which read crm_accounts.csv and the files loaded with it."
    assert file in refused(place, *add)
    place.load_dir.mkdir(parents=True)
    with place.active():
        keep(Project(), made_from(Project(), place.load_dir, None))
    assert f"the last build, which read {place.load_dir}." in refused(place, *add)


def test_tomorrow_may_have_begun_elsewhere(place: Workspace) -> None:
    done(place, "add", "S01", "contacted", "--at", str(TODAY + timedelta(days=1)))


def test_without_a_warehouse_nothing_can_be_logged(workspace: Workspace) -> None:
    assert "make run" in refused(workspace, "add", "S01", "contacted")


def test_logging_works_while_a_build_holds_the_warehouse(place: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "outcomes.csv"
    file.write_text("customer_id,outcome\nS77,renewed\n")
    with held_by_another_process(place.warehouse):
        for arguments in (
            ["add", "S99", "contacted"],
            ["snooze", "S98", "2999-01-01"],
            ["import", file],
        ):
            assert "taken as it is. The next build lists" in plain(done(place, *arguments))
    rows = stored(place)
    assert [row["customer_id"] for row in rows] == ["S99", "S98", "S77"]
    assert {row["account_id"] for row in rows} == {None}


def test_a_damaged_warehouse_is_said(place: Workspace) -> None:
    place.warehouse.write_text("This is not a database. " * 1000)
    assert "cannot be read" in refused(place, "add", "S01", "contacted", code=1)


def test_the_help_names_every_outcome_of_the_seed(workspace: Workspace) -> None:
    shown = plain(workspace.churn("outcome", "add", "--help").out.replace("│", " "))
    assert [each for each in outcomes() if each not in shown] == []
    assert "outcome" in workspace.churn("--help").out


def test_spelling_does_not_matter() -> None:
    assert outcome("Issue-Resolved") == "issue_resolved"
    with (ROOT / "seeds/playbooks/outcomes.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["outcome"]: row["description"] for row in rows} == outcomes()
    assert all(row["description"] for row in rows)


@pytest.mark.builds
def test_short_commands_load_little() -> None:
    heavy = ["duckdb", "pyarrow", "numpy", "dbt", "ollama", "httpx", "watchfiles"]
    slow = ["dbt", "pyarrow.dataset", "ollama", "churn.load", "churn.generate"]
    code = (
        "import sys\n"
        f"import churn.cli; found = [name for name in {heavy} if name in sys.modules]\n"
        f"import churn.outcomes.commands; found += [n for n in {slow} if n in sys.modules]\n"
        "print(found)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "[]\n"


# ------------------------------------------------------------------------------ corrections


def logged(place: Workspace, *arguments: object) -> str:
    """Log something; return the id that the user sees."""
    return re.search(r"Logged as ([0-9a-f]+):", done(place, *arguments))[1]


def test_a_correction_is_a_new_row_that_names_the_old_one(place: Workspace) -> None:
    wrong = logged(place, "add", "S01", "cancelled")
    right = logged(place, "add", "S02", "renewed", "--corrects", wrong[:6].upper())
    old, new = stored(place)
    assert new["corrects"] == old["outcome_id"]
    assert (new["customer_id"], new["outcome"]) == ("S02", "renewed")
    message = refused(place, "add", "S02", "contacted", "--corrects", wrong)
    assert f"corrected already. Correct {right} instead." in message
    listed = plain(done(place, "list"))
    assert f"cancelled — corrected by {right}" in listed
    assert f"renewed (in place of {wrong})" in listed


def test_a_retraction_replaces_a_row_with_nothing(place: Workspace) -> None:
    snooze = logged(place, "snooze", "S01", "2027-01-01")
    retraction = logged(place, "retract", snooze, "--by", "Bob", "--note", "Wrong customer.")
    _, row = stored(place)
    assert row["kind"] == "retraction"
    assert (row["customer_id"], row["account_id"]) == ("S01", "A01")
    assert (row["logged_by"], row["note"]) == ("Bob", "Wrong customer.")
    assert (row["outcome"], row["snoozed_until"]) == (None, None)
    assert f"retracted by {retraction}" in plain(done(place, "list"))
    assert f"was retracted already, by {retraction}" in refused(place, "retract", snooze)
    assert "is a retraction" in refused(place, "retract", retraction)


def test_the_beginning_of_an_id_must_name_one_row(place: Workspace) -> None:
    folder = place.store / "outcomes"
    entries = [
        Entry(
            outcome_id=f"abcd{n}" + "0" * 27,
            kind="outcome",
            customer_id="S01",
            account_id=None,
            outcome="renewed",
            logged_by="ada",
        )
        for n in range(2)
    ]
    OutcomeLog(folder).append(entries)
    assert "2 ids begin with abcd, such as abcd" in refused(place, "retract", "abcd")
    assert "Nothing in the log" in refused(place, "retract", "abc")
    assert "Nothing in the log" in refused(place, "retract", "")
    done(place, "retract", "abcd1")


def test_the_list_has_the_newest_first(place: Workspace) -> None:
    assert "Nothing has been logged yet." in done(place, "list")
    for day in range(1, 26):
        done(place, "add", "S01", "contacted", "--at", f"2026-03-{day:02}")
    done(place, "add", "S02", "renewed", "--at", "2026-01-01")
    shown = done(place, "list", "--limit", "3")
    assert re.findall(r"2026-03-\d\d", shown) == ["2026-03-25", "2026-03-24", "2026-03-23"]
    assert "and 23 older ones; --limit shows more" in plain(shown)
    assert "2026-01-01" in done(place, "list", "S02")
    assert "S01" not in done(place, "list", "S02")
    assert "Nothing has been logged about S99 yet." in done(place, "list", "S99")


def test_a_file_that_is_no_part_of_the_log_is_named(place: Workspace) -> None:
    logged(place, "add", "S01", "renewed")
    (place.store / "outcomes" / "notes.parquet").write_text("not Parquet")
    assert "notes.parquet is damaged" in refused(place, "list")
    # logging does not read this file
    place.churn("outcome", "add", "S01", "renewed")
    assert len(files(place)) == 3


# ------------------------------------------------------------------------------ ids that look alike

ALIKE = ["ACME 1", "ACME  1", "ACME\u00a01", "acme 1", "Zoe\u0301", "Zo\u00e9", "\x07 1", "\\' ;"]


@pytest.fixture
def alike(place: Workspace) -> Workspace:
    """A warehouse with customers whose ids look alike; each has its own account."""
    with duckdb.connect(str(place.warehouse)) as connection:
        connection.executemany(
            f"insert into marts.customer_risk values (?, ?, 'Low', true, 0, '{AS_OF}')",
            [(customer, f"of {customer}") for customer in ALIKE],
        )
    return place


def test_an_id_is_the_one_that_was_given(alike: Workspace, tmp_path: Path) -> None:
    for customer in ALIKE:
        # spaces around an id are ignored, as in staging
        done(alike, "add", f" {customer}\u00a0\n", "contacted")
        done(alike, "snooze", customer, "2030-01-01")
        done(alike, "not-a-risk", customer, "a reason")
        assert [row["customer_id"] for row in stored(alike)[-3:]] == [customer] * 3
        assert {row["account_id"] for row in stored(alike)[-3:]} == {f"of {customer}"}
        assert len(re.findall("not a risk", done(alike, "list", customer))) == 1
    rows = [("customer_id", "outcome"), *((customer, "renewed") for customer in ALIKE)]
    found = alike.churn("outcome", "import", written(tmp_path, rows))
    assert counts(found) == {"Stored": len(ALIKE), "Known already": 0, "Refused": 0}, found
    imported = stored(alike)[-len(ALIKE) :]
    assert {row["customer_id"]: row["account_id"] for row in imported} == {
        customer: f"of {customer}" for customer in ALIKE
    }


@pytest.mark.parametrize(
    ("given", "said", "meant"),
    [
        (
            "ACME\u20031",
            r"$'ACME\u20031'",
            r"looks like $'ACME\x20\x201', ACME 1, $'ACME\u00a01', ",
        ),
        ("Acme   1", r"$'Acme\x20\x20\x201'", "acme 1"),
        ("ＡＣＭＥ 1", r"$'\uff21\uff23\uff2d\uff25 1'", "acme 1"),
        ("zo\u00e9", "zo\u00e9", r"looks like $'Zoe\u0301', Zo\u00e9. Give"),
        ("S\u200b01", r"$'S\u200b01'", "looks like S01. Give the one you mean exactly."),
    ],
)
def test_which_of_several_ids_is_meant_is_asked(
    alike: Workspace, tmp_path: Path, given: str, said: str, meant: str
) -> None:
    said, meant = (text.replace(r"\u00e9", "\u00e9") for text in (said, meant))
    for arguments in (["add", given, "contacted"], ["snooze", given, "2030-01-01"]):
        message = refused(alike, *arguments)
        assert f"{said} is no customer of the last build, but " in message
        assert meant in message
    assert meant in plain(alike.churn("export", "--customer", given).err)
    rows = [("customer_id", "outcome"), (given, "renewed"), ("S02", "renewed")]
    found = alike.churn("outcome", "import", written(tmp_path, rows))
    assert counts(found) == {"Stored": 1, "Known already": 0, "Refused": 1}
    assert f"Row 2: {said} is no customer of the last build, but looks like" in found.out
    assert meant in found.out


def test_a_shell_reads_an_id_as_it_was_shown() -> None:
    for customer in [*ALIKE, "\x7f", "\U000e0041 \u2028", "it's", "S1011-1"]:
        shown = shown_id(customer)
        if shown.startswith("$'"):
            command = ["bash", "-c", f"printf %s {shown}"]
            read = subprocess.run(
                command, env={"LC_ALL": "C.UTF-8"}, capture_output=True, check=True
            )
            assert read.stdout.decode() == customer
        else:
            assert shown == customer


def test_an_id_that_is_not_in_the_log_is_asked_about(alike: Workspace) -> None:
    done(alike, "add", "ACME  1", "contacted")
    assert r"looks like $'ACME\x20\x201'" in refused(alike, "list", "acme 1")
    assert "Nothing has been logged about S01 yet." in done(alike, "list", "S01")


def test_an_id_that_is_no_text_is_refused(place: Workspace) -> None:
    assert "not valid UTF-8" in refused(place, "add", "S\udcff1", "contacted")


# ------------------------------------------------------------------------------ files


def written(folder: Path, rows: Iterable[Iterable[object]], **options: Any) -> Path:
    file = folder / "outcomes.csv"
    encoding = options.pop("encoding", "utf-8")
    with file.open("w", newline="", encoding=encoding) as opened:
        csv.writer(opened, **options).writerows(rows)
    return file


def counts(found: Outcome) -> dict[str, int]:
    figures = re.findall(r"^(Stored|Known already|Refused|Not filled in) +(\d+)", found.out, re.M)
    return {name: int(number) for name, number in figures}


def test_a_file_is_stored_once_however_often_it_comes(place: Workspace, tmp_path: Path) -> None:
    rows = [("S01", "contacted", note, "Bob", "2026-03-01", "") for note in HOSTILE]
    rows += [("S02", "Renewed", note, "", "", f"row {n}") for n, note in enumerate(HOSTILE)]
    header = (" Customer ID", "OUTCOME ", "Note", "By", "at", "Row-Key")
    file = written(tmp_path, [header, *rows])
    first = place.churn("outcome", "import", file, "--by", "Eve")
    assert (first.code, first.err) == (0, "")
    assert counts(first) == {"Stored": 20, "Known already": 0, "Refused": 0}
    [stored_file] = files(place)
    before = stored_file.read_bytes()
    found = stored(place)
    assert Counter(row["note"] for row in found) == Counter(HOSTILE * 2)
    assert {row["logged_by"] for row in found if row["customer_id"] == "S01"} == {"Bob"}
    assert {row["logged_by"] for row in found if row["customer_id"] == "S02"} == {"Eve"}
    assert {row["import_key"] for row in found if row["customer_id"] == "S02"} == {
        f"row {n}" for n in range(10)
    }
    assert {row["account_id"] for row in found} == {"A01", "A02"}
    assert {row["occurred_on"] for row in found} == {date(2026, 3, 1), TODAY}

    # the same rows as another program might write them, with an extra column
    again = [("x", *header), *(("", *row) for row in reversed(rows))]
    file = written(tmp_path, again, delimiter=";", encoding="utf-16", quoting=csv.QUOTE_ALL)
    second = place.churn("outcome", "import", file, "--by", "somebody else")
    assert counts(second) == {"Stored": 0, "Known already": 20, "Refused": 0}
    assert files(place) == [stored_file]
    assert stored_file.read_bytes() == before


def test_good_rows_are_stored_and_bad_ones_listed_by_number(
    place: Workspace, tmp_path: Path
) -> None:
    rows = [
        ("customer_id", "outcome", "note", "at", "by"),
        ("S01", "contacted", "two\nlines", "2026-03-01 10:00:00", ""),
        (),
        ("S99", "phoned", "x" * 2_001, "yesterday", "y" * 201),
        ("", "renewed"),
        ("S02", "", "not said what"),
        ("S02", "", "", "", ""),
        ("A02", "renewed"),
        ("S02", "renewed", "", "", "", "extra"),
        ("S02", "renewed", "", str(TODAY + timedelta(days=9))),
        ("S02", "cancelled"),
        ("S02", "cancelled"),
    ]
    found = place.churn("outcome", "import", written(tmp_path, rows))
    assert found.code == 2
    assert counts(found) == {"Stored": 2, "Known already": 1, "Refused": 6, "Not filled in": 1}
    assert [row["outcome"] for row in stored(place)] == ["contacted", "cancelled"]
    assert stored(place)[0]["occurred_on"] == date(2026, 3, 1)
    listed = dict(re.findall(r"^Row (\d+): (.*)$", found.out, re.M))
    assert list(listed) == ["4", "5", "6", "8", "9", "10"]
    for text in (
        "S99 is no customer",
        "phoned is not known",
        "contacted",
        "2,001",
        "yesterday",
        "by has",
    ):
        assert text in listed["4"]
    assert listed["5"] == "customer_id is empty."
    assert "The outcome is empty" in listed["6"]
    assert "A02 is an account" in listed["8"]
    assert "has 6 cells, but the header names 5 columns" in listed["9"]
    assert "is in the future" in listed["10"]
    assert "rows were refused" in plain(found.err)


def test_a_key_that_comes_with_something_else_is_no_known_row(
    place: Workspace, tmp_path: Path
) -> None:
    header = ("customer_id", "outcome", "row_key")
    done(place, "import", written(tmp_path, [header, ("S01", "contacted", "k")]))
    rows = [header, ("S01", "renewed", "k"), ("S02", "renewed", "j"), ("S01", "renewed", "j")]
    found = place.churn("outcome", "import", written(tmp_path, rows))
    assert (found.code, counts(found)["Stored"], counts(found)["Refused"]) == (2, 1, 2)
    assert "Row 2: its row_key was imported before with something else" in found.out
    assert "--corrects" in found.out
    # corrected or retracted rows stay so, even if the file is imported again
    done(place, "retract", stored(place)[0]["outcome_id"])
    found = place.churn("outcome", "import", written(tmp_path, [header, ("S01", "contacted", "k")]))
    assert counts(found) == {"Stored": 0, "Known already": 1, "Refused": 0}


def test_a_broken_quote_ends_a_file_but_not_what_stands_before(
    place: Workspace, tmp_path: Path
) -> None:
    file = tmp_path / "outcomes.csv"
    file.write_text('customer_id,outcome,note\nS01,renewed,\nS02,renewed,"open\nS01,cancelled,\n')
    found = place.churn("outcome", "import", file)
    assert counts(found) == {"Stored": 1, "Known already": 0, "Refused": 1}
    assert "Row 3: and all after it cannot be read" in found.out


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no column customer_id and no outcome"),
        (b"customer,outcome\nS01,renewed\n", "no column customer_id. It needs"),
        (b"customer_id,outcome,Outcome\nS01,renewed,renewed\n", "has outcome twice"),
        (b"PK\x03\x04\x14\x00\x06\x00workbook", "cannot be read as a workbook"),
        (b"PAR1" + bytes(200), "is neither a CSV file nor a workbook"),
    ],
    ids=["empty", "column", "twice", "workbook", "Parquet"],
)
def test_a_file_that_cannot_be_used_is_said(
    place: Workspace, tmp_path: Path, content: bytes, says: str
) -> None:
    file = tmp_path / "a file.csv"
    file.write_bytes(content)
    assert says in refused(place, "import", file)


def test_a_header_alone_is_nothing_to_import(place: Workspace, tmp_path: Path) -> None:
    found = place.churn("outcome", "import", written(tmp_path, [("customer_id", "outcome")]))
    assert (found.code, counts(found)["Stored"]) == (0, 0)
    assert files(place) == []


# ------------------------------------------------------------------------------ concurrency


def some_entry(number: int) -> Entry:
    return Entry(
        outcome_id=uuid5(NAMESPACE_OID, str(number)).hex,
        kind="outcome",
        customer_id=f"S{number}",
        account_id=None,
        outcome="contacted",
        logged_by="ada",
    )


def ids(log: OutcomeLog) -> set[str]:
    return {entry.outcome_id for entry in log.read()}


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("step", range(1, 11))
def test_a_kill_at_any_point_of_a_compaction_loses_nothing(
    log: OutcomeLog, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    for number in range(5):
        log.append([some_entry(number)])
    everything = ids(log)
    assert len(everything) == 5
    left = step

    def counted(action: Any) -> Any:
        def act(*arguments: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                raise Killed
            return action(*arguments, **options)

        return act

    with monkeypatch.context() as patched:
        patched.setattr(store, "flush", counted(store.flush))
        for name in ("replace", "unlink"):
            patched.setattr(Path, name, counted(getattr(Path, name)))
        try:
            compact(log.folder, 4)
        except Killed:
            assert ids(log) == everything
    assert ids(log) == everything
    # the next compaction completes the work
    compact(log.folder, 1)
    assert ids(log) == everything
    assert len(list(log.folder.iterdir())) == 2


def test_columns_that_only_some_files_have_survive(tmp_path: Path) -> None:
    append(tmp_path, "a", pa.table({"id": ["1"]}))
    append(tmp_path, "b", pa.table({"new": [2.5], "id": ["2"]}))
    compact(tmp_path, 1)
    [merged] = tmp_path.glob("*.parquet")
    assert pq.read_metadata(merged).num_row_groups == 1
    assert sorted(pq.read_table(merged).to_pylist(), key=lambda row: row["id"]) == [
        {"id": "1", "new": None},
        {"id": "2", "new": 2.5},
    ]
    append(tmp_path, "c", pa.table({"id": [3]}))
    with pytest.raises(ChurnError, match="cannot be made one"):
        compact(tmp_path, 1)


WORKER = """
    import sys
    from pathlib import Path
    folder, acknowledged, worker, each, most_files = sys.argv[1:]
    from churn.outcomes import log
    log.MOST_FILES = int(most_files)

    from churn.outcomes.log import Entry, OutcomeLog
    from uuid import NAMESPACE_OID, uuid5
    outcomes = OutcomeLog(Path(folder))
    with open(acknowledged, "a+") as file:
        file.seek(0)
        for number in range(len(file.readlines()), int(each)):
            entry = Entry(
                outcome_id=uuid5(NAMESPACE_OID, str(int(worker) * int(each) + number)).hex,
                kind="outcome", customer_id=f"S{worker}", account_id=None, outcome="contacted",
                logged_by=worker,
            )
            outcomes.append([entry])
            file.write(entry.outcome_id + "\\n")
            file.flush()
            outcomes.tidy()
"""


@pytest.mark.builds
@pytest.mark.parametrize(
    ("workers", "each", "kills_wanted", "most_files"),
    [(3, 100, 5, 25), pytest.param(8, 200, 24, 50, marks=pytest.mark.slow)],
)
def test_nothing_acknowledged_is_lost_and_nothing_doubled(
    tmp_path: Path,
    log: OutcomeLog,
    workers: int,
    each: int,
    kills_wanted: int,
    most_files: int,
) -> None:
    chance = random.Random(7)
    places = [tmp_path / f"{worker}.txt" for worker in range(workers)]

    def start(worker: int) -> subprocess.Popen[bytes]:
        arguments = [log.folder, places[worker], worker, each, most_files]
        command = [sys.executable, "-c", textwrap.dedent(WORKER), *map(str, arguments)]
        return subprocess.Popen(command)

    def acknowledged() -> list[list[str]]:
        return [place.read_text().split() if place.exists() else [] for place in places]

    def seen() -> set[str] | None:
        """Return what other programs see, or None if a file was compacted after the listing."""
        try:
            rows = duckdb.sql(f"select outcome_id from read_parquet('{log.folder}/*.parquet')")
            return {row[0] for row in rows.fetchall()}
        except duckdb.IOException as error:
            if "No such file" not in str(error):
                raise
            return None

    running = [start(worker) for worker in range(workers)]
    at_start = [0] * workers
    kills = reads = 0
    try:
        while any(process.poll() is None for process in running):
            known = acknowledged()
            # a read finds everything that was acknowledged before it
            found = seen() if any(known) else None
            assert found is None or set().union(*known) <= found
            reads += found is not None
            sleep(0.05)
            busy = [
                worker
                for worker, process in enumerate(running)
                if process.poll() is None and len(known[worker]) > at_start[worker]
            ]
            if busy and kills < kills_wanted:
                victim = chance.choice(busy)
                sleep(chance.random() / 20)
                os.kill(running[victim].pid, signal.SIGKILL)
                running[victim].wait()
                kills += 1
                at_start[victim] = len(acknowledged()[victim])
                running[victim] = start(victim)
        assert [process.wait() for process in running] == [0] * workers
    finally:
        for process in running:
            process.kill()
            process.wait()
    assert (kills, reads > kills_wanted) == (kills_wanted, True)
    expected = {some_entry(number).outcome_id for number in range(workers * each)}
    assert set().union(*acknowledged()) == expected
    in_the_end = [entry.outcome_id for entry in log.read()]
    assert len(in_the_end) == len(expected)
    assert set(in_the_end) == expected
    rows = [pq.read_metadata(file).num_rows for file in log.folder.glob("*.parquet")]
    assert max(rows) > most_files
    assert len(rows) <= most_files + workers


def wait_until_both_wait(lock: Path, processes: list[subprocess.Popen[str]]) -> None:
    """Return once both processes wait for the lock, according to the kernel's list."""
    inode = f":{lock.stat().st_ino} "
    waiting: set[int] = set()
    while waiting != {process.pid for process in processes}:
        assert all(process.poll() is None for process in processes)
        sleep(0.05)
        lines = Path("/proc/locks").read_text().splitlines()
        waiting = {int(line.split()[5]) for line in lines if "->" in line and inode in line}


@pytest.mark.builds
@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="the system does not list its locks")
@pytest.mark.parametrize(
    ("command", "both_say"),
    [
        (["import", "calls.csv"], ["Stored 1 Known already 0", "Stored 0 Known already 1"]),
        (["retract", "{id}"], ["Logged as", "was retracted already"]),
    ],
    ids=["import", "retract"],
)
def test_of_two_that_store_the_same_at_once_the_second_is_told(
    place: Workspace, tmp_path: Path, command: list[str], both_say: list[str]
) -> None:
    done(place, "add", "S02", "contacted")
    (tmp_path / "calls.csv").write_text("customer_id,outcome\nS01,contacted\n")
    names = {"calls.csv": str(tmp_path / "calls.csv"), "{id}": stored(place)[0]["outcome_id"]}
    arguments = [names.get(argument, argument) for argument in command]
    lock = place.store / "outcomes" / ".lock"
    with lock.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", "from churn.cli import main; main()", "outcome", *arguments],
                env=os.environ | place.environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for _ in range(2)
        ]
        wait_until_both_wait(lock, processes)
    said = [plain(process.communicate()[0]) for process in processes]
    assert all(any(text in out for out in said) for text in both_say), said
    assert len(stored(place)) == 2
