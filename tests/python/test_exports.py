"""Exports: files for other tools agree with the marts, whatever characters names contain."""

import csv
import fcntl
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
from markdown_it import MarkdownIt
from openpyxl.utils.escape import unescape
from openpyxl.worksheet.worksheet import Worksheet
from python_calamine import CalamineWorkbook

from churn.export import folder as export_folder
from churn.export.crm import HUBSPOT, SALESFORCE
from churn.export.folder import replaced
from churn.export.markdown import escaped
from churn.export.names import file_name
from churn.export.rows import Export
from churn.export.tables import ACTION_LIST, TASKS
from churn.files.formulas import guarded, unguarded
from churn.outcomes.log import outcomes
from churn.project.options import EXPORT_FORMATS
from churn.terminal.errors import ChurnError, InputError
from conftest import HOSTILE, ROOT, Row, Workspace, built_once, company_of
from test_cli import plain
from test_outcomes import stored

NAMES = [*HOSTILE, "Acme;=cmd|' /C calc'!A0;"]
GUARDED = tuple("=+-@\t\r＝＋－＠")


def exported(place: Workspace, *arguments: object) -> str:
    code, out, err = place.churn("export", *arguments)
    assert (code, err) == (0, "")
    return plain(out)


def refused(place: Workspace, *arguments: object, code: int = 2) -> str:
    found = place.churn("export", *arguments)
    assert found.code == code, found
    assert "Traceback" not in found.out + found.err
    return plain(found.err)


def read_csv(path: Path) -> list[Row]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, strict=True))


def sheet_of(path: Path) -> Worksheet:
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["Action list"]
    return book.active


def rows_of(sheet: Worksheet) -> list[dict[str, Any]]:
    header, *rows = sheet.iter_rows(values_only=True)
    return [dict(zip(header, map(_decoded, row), strict=True)) for row in rows]


def _decoded(cell: Any) -> Any:
    """Decode a cell as Excel does: openpyxl does not turn `_x005F_` back into `_`."""
    return unescape(cell) if isinstance(cell, str) else cell


def as_text(value: Any) -> str:
    """Return a value as it appears in a CSV file."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def export_place(place: Workspace, folder: Path) -> Workspace:
    """Return the same workspace, but with its own export folder."""
    found = Workspace(place.warehouse.parent, place.load_dir)
    found.environment = {**place.environment, "CHURN_EXPORT_DIR": str(folder)}
    return found


@pytest.fixture
def of_sample(sample: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The sample, with its own export folder."""
    monkeypatch.chdir(ROOT)
    return export_place(sample, tmp_path / "exports")


@pytest.fixture
def company(
    tmp_path_factory: pytest.TempPathFactory, target: Path, workspace: Workspace, tmp_path: Path
) -> Workspace:
    """Accounts at risk with hostile names, with their own export folder."""

    def make(place: Workspace) -> None:
        place.build(company_of(NAMES))

    built = built_once(tmp_path_factory, target, "hostile names", make, light=True)
    return export_place(workspace.copy_of(built), tmp_path / "exports")


@pytest.fixture
def short_playbooks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write short texts instead of playbooks, which take seconds to print."""

    def write(export: Export, folder: Path) -> None:
        for customer in export.customers:
            name = file_name(customer["customer_id"])
            (folder / f"{name}.pdf").write_text(customer["customer_id"])

    monkeypatch.setattr("churn.export.commands.write_playbooks", write)


def folder_of(place: Workspace) -> Path:
    [folder] = [
        found
        for found in Path(place.environment["CHURN_EXPORT_DIR"]).iterdir()
        if not found.name.startswith(".")
    ]
    return folder


# ------------------------------------------------------------------------------ the same figures


def test_the_action_list_says_what_the_marts_say(of_sample: Workspace) -> None:
    out = exported(of_sample, "--format", "csv,xlsx")
    listed = of_sample.select(
        "select * from marts.at_risk_customers where is_active order by contact_priority"
    )
    drafts = {
        row["customer_id"]: row for row in of_sample.select("select * from marts.outreach_drafts")
    }
    folder = folder_of(of_sample)
    assert folder.name == str(listed[0]["usage_window_end"])
    rows = read_csv(folder / "action_list.csv")
    assert len(rows) == len(listed) > 50
    assert f"Exported {len(rows)} active customers at risk" in out
    in_workbook = rows_of(sheet_of(folder / "action_list.xlsx"))
    for row, cells, customer in zip(rows, in_workbook, listed, strict=True):
        expected = {**customer, **drafts[customer["customer_id"]]}
        assert list(row) == list(cells) == list(ACTION_LIST)
        for name in ACTION_LIST:
            if name in ("outcome", "note", "by", "at"):
                assert not row[name]
                assert cells[name] is None
            elif name != "row_key":
                assert unguarded(row[name]) == as_text(expected[name]), name
                assert _same(cells[name], expected[name]), (name, cells[name], expected[name])
    assert len({row["row_key"] for row in rows}) == len(rows)
    assert [row["row_key"] for row in rows] == [cells["row_key"] for cells in in_workbook]


def _same(cell: Any, expected: Any) -> bool:
    if isinstance(expected, Decimal):
        return abs(cell - float(expected)) < 1e-6
    if isinstance(expected, str):
        return unguarded(cell) == expected
    return (cell.date() if isinstance(cell, datetime) else cell) == expected


def test_tasks_are_the_plans(of_sample: Workspace) -> None:
    exported(of_sample, "--format", "tasks,hubspot,salesforce")
    folder = folder_of(of_sample)
    plans = of_sample.select(
        """
        select plans.*, listed.contact_priority, listed.plan_tier, listed.arr, listed.risk_score
        from marts.next_best_actions as plans
        inner join marts.at_risk_customers as listed on plans.customer_id = listed.customer_id
        order by listed.contact_priority, plans.step_number
        """
    )
    tasks = read_csv(folder / "tasks.csv")
    assert len({task["task_id"] for task in tasks}) == len(tasks) == len(plans)
    for task, step in zip(tasks, plans, strict=True):
        assert list(task) == list(TASKS)
        for name in set(TASKS) - {"task_id"}:
            assert unguarded(task[name]) == as_text(step[name]), name

    hubspot, salesforce = (
        read_csv(folder / f"{name}_tasks.csv") for name in ("hubspot", "salesforce")
    )
    assert (tuple(hubspot[0]), tuple(salesforce[0])) == (HUBSPOT, SALESFORCE)
    for task, one, other in zip(tasks, hubspot, salesforce, strict=True):
        assert one["hs_timestamp"][:10] == other["ActivityDate"] == task["due_date"]
        datetime.fromisoformat(one["hs_timestamp"])
        assert one["hs_task_subject"] == other["Subject"]
        assert one["hs_task_subject"].startswith(task["step"])
        assert one["hs_task_type"] in {"EMAIL", "CALL", "TODO"}
        assert one["hs_task_priority"] == task["risk_level"].upper()
        assert one["hs_task_status"] == "NOT_STARTED"
        assert other["Status"] == "Not Started"
        assert other["Priority"] == {"High": "High", "Medium": "Normal"}[task["risk_level"]]
        assert other["TaskSubtype"] in {"Task", "Email", "Call"}
        assert len(other["Subject"]) <= 255
        assert one["Task id"] == other["Task id"] == task["task_id"]
        assert other["WhatId"] == task["account_id"]


def test_the_digest_says_what_the_marts_say(of_sample: Workspace) -> None:
    exported(of_sample, "--format", "digest")
    folder = folder_of(of_sample)
    texts = [(folder / name).read_text("utf-8") for name in ("digest.md", "digest_slack.txt")]
    [summary] = of_sample.select("select * from marts.executive_summary")
    [verdict] = of_sample.column(
        "select verdict_text from marts.backtest_verdicts where is_headline"
    )
    changes = of_sample.select("select * from marts.list_changes")
    accounts = of_sample.select("select * from marts.at_risk_accounts order by contact_priority")
    for text in texts:
        assert f"ARR at risk: {summary['arr_at_risk']:,.0f}" in text
        assert verdict in text
        for change in changes:
            assert re.search(
                rf"{change['list_status']}\W+{change['accounts']}\D+{change['arr_at_risk']:,.0f}\b",
                text,
            )
        places = [text.index(account["worst_customer_id"]) for account in accounts[:10]]
        assert all(one < other for one, other in pairwise(places))
        assert f"and {len(accounts) - 10} more" in text
    assert "| new |" in texts[0]
    assert "|" not in texts[1]


def test_a_note_has_the_plan_and_the_drafts(of_sample: Workspace) -> None:
    exported(of_sample, "--format", "markdown")
    notes = {
        path.stem: path.read_text("utf-8") for path in (folder_of(of_sample) / "notes").iterdir()
    }
    drafts = of_sample.select("select * from marts.outreach_drafts")
    assert set(notes) == {draft["customer_id"] for draft in drafts}
    firings = of_sample.select("select * from marts.risk_rule_firings")
    plans = of_sample.select("select * from marts.next_best_actions")
    for draft in drafts:
        note = notes[draft["customer_id"]]
        assert draft["email_body"] in note
        assert draft["slack_message"] in note
        shown = _text(note)
        assert draft["email_subject"] in shown
        for firing in firings:
            if firing["customer_id"] == draft["customer_id"]:
                assert f"{firing['reason']}: {firing['points']} points" in shown
        for step in plans:
            if step["customer_id"] == draft["customer_id"]:
                assert f"{step['step']} — {step['owner']}, by {step['due_date']}" in shown


# ------------------------------------------------------------------------------ hostile names


def _text(markdown: str) -> str:
    """Return what a Markdown reader sees; assert that it has no HTML, link or picture."""
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    shown = []
    for token in parser.parse(markdown):
        assert token.type != "html_block"
        if token.type == "fence":
            shown.append(token.content)
        for child in token.children or ():
            assert child.type not in ("html_inline", "link_open", "image", "code_inline", "em_open")
            shown.append(child.content)
        shown.append("\n")
    return "".join(shown)


def test_hostile_names_are_text_in_every_export(company: Workspace) -> None:
    exported(company)
    folder = folder_of(company)
    listed = company.select("select * from marts.at_risk_customers where is_active")
    names = {row["customer_id"]: row["account_name"] for row in listed}
    assert set(NAMES) <= set(names.values())
    for file in ("action_list", "tasks"):
        rows = read_csv(folder / f"{file}.csv")
        assert {row["customer_id"]: unguarded(row["account_name"]) for row in rows} == names
    for file in folder.glob("*.csv"):
        # also guard against programs that split cells at other separators
        assert not re.search(r'[;|\t\n,"] *[=+@＝＋－＠]', file.read_text("utf-8"))
        for row in read_csv(file):
            for name, cell in row.items():
                is_number = re.fullmatch(r"-?[0-9.]+", cell) is not None
                assert is_number or not cell.startswith(GUARDED), (file.name, name, cell)
        # another CSV parser must agree
        with duckdb.connect() as connection:
            sql = "select count(*) from read_csv(?, all_varchar = true, strict_mode = true)"
            [count] = connection.execute(sql, [str(file)]).fetchone() or ()
        assert count == len(read_csv(file))

    sheet = sheet_of(folder / "action_list.xlsx")
    cells = rows_of(sheet)
    assert {row["customer_id"]: unguarded(row["account_name"]) for row in cells} == names
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "n", "b", "d"}
    # another workbook parser must agree
    book = CalamineWorkbook.from_path(folder / "action_list.xlsx")
    header, *others = book.get_sheet_by_index(0).to_python()
    found = [dict(zip(header, row, strict=True)) for row in others]
    assert {row["customer_id"]: unguarded(row["account_name"]) for row in found} == names
    assert not any(
        isinstance(cell, str) and cell.startswith(GUARDED) for row in cells for cell in row.values()
    )

    for customer, name in names.items():
        shown = _text((folder / "notes" / f"{customer}.md").read_text("utf-8"))
        assert " ".join(re.sub(r"[\u202c\u202e\u200d]", " ", name).split()) in shown
    digest = (folder / "digest.md").read_text("utf-8")
    _text(digest)
    assert "@here" not in (folder / "digest_slack.txt").read_text("utf-8")


@pytest.mark.parametrize("text", [*HOSTILE, "", "'", "''=x", "plain", "a=b", " =x"])
def test_a_guarded_cell_is_read_back(text: str) -> None:
    assert not guarded(text).startswith(GUARDED)
    assert unguarded(guarded(text)) == text


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_shows_text_as_it_is(text: str) -> None:
    wanted = " ".join(re.sub(r"[\u202c\u202e\u200d]", " ", text).split())
    for frame in ("{}", "# {} (x)", "- {}", "1. {}", "**{}**", "a {}"):
        assert wanted in _text(frame.format(escaped(text)))
    assert wanted in _text(f"| a | b |\n|---|---|\n| x | {escaped(text)} |")


@pytest.mark.parametrize(
    "customer",
    ["../../etc/passwd", "a/b", "A:B", ".", "..", "", "con", "x" * 300, "株", "a\nb", "s1"],
)
def test_file_names_are_safe_and_their_own(customer: str) -> None:
    name = file_name(customer)
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,80}", name)
    others = {file_name(other) for other in (customer + "x", customer.upper() + "-", "S1011-1")}
    assert name.lower() not in {other.lower() for other in others}
    assert file_name("S1011-1") == "S1011-1"
    assert file_name("s1").lower() != file_name("S1").lower()


# ------------------------------------------------------------------------------ the workbook


def filled_in(path: Path, **cells: Any) -> list[str]:
    """Fill in the first rows of a workbook as a user would; return their customers."""
    book = openpyxl.load_workbook(path)
    sheet = book.active
    header = [cell.value for cell in sheet[1]]
    customers = []
    for number in (2, 3):
        customers.append(unguarded(sheet.cell(number, header.index("customer_id") + 1).value))
        for name, value in cells.items():
            sheet.cell(number, header.index(name) + 1).value = value
    book.save(path)
    return customers


def test_the_workbook_offers_the_outcomes(of_sample: Workspace) -> None:
    exported(of_sample, "--format", "xlsx")
    sheet = sheet_of(folder_of(of_sample) / "action_list.xlsx")
    [choice] = [rule for rule in sheet.data_validations.dataValidation if rule.type == "list"]
    column = openpyxl.utils.get_column_letter(ACTION_LIST.index("outcome") + 1)
    assert str(choice.sqref) == f"{column}2:{column}{sheet.max_row}"
    assert choice.formula1.strip('"').split(",") == list(outcomes())
    assert sheet.freeze_panes is not None


def test_a_workbook_imported_twice_counts_once(
    company: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported(company, "--format", "xlsx")
    workbook = folder_of(company) / "action_list.xlsx"
    customers = filled_in(
        workbook, outcome="contacted", note='=1+1 "said"', by="Ada", at=date(2026, 3, 30)
    )
    for _ in range(2):
        assert company.churn("outcome", "import", workbook).code == 0
    rows = stored(company)
    assert sorted(row["customer_id"] for row in rows) == sorted(customers)
    for row in rows:
        assert (row["outcome"], row["note"], row["logged_by"], row["occurred_on"]) == (
            "contacted",
            '=1+1 "said"',
            "Ada",
            date(2026, 3, 30),
        )

    # an export keeps the edited workbook, and rows of the next one count separately
    out = exported(company, "--format", "csv,xlsx")
    assert "are kept: action_list_edited_1.xlsx" in out
    kept = folder_of(company) / "action_list_edited_1.xlsx"
    assert company.churn("outcome", "import", kept).code == 0
    assert len(stored(company)) == 2
    again = rows_of(sheet_of(workbook))
    assert {row["last_outcome"] for row in again if row["customer_id"] in customers} == {
        "contacted"
    }
    assert filled_in(workbook, outcome="no_response", at=date(2026, 3, 31))
    assert company.churn("outcome", "import", workbook).code == 0
    assert len(stored(company)) == 4
    # without a build, the next export has the same content
    monkeypatch.setattr("churn.build.dbt.build_what_was_logged", lambda *_: None)
    assert "edited_2" not in exported(company, "--format", "csv")


def test_a_row_that_cannot_be_used_is_named(of_sample: Workspace, tmp_path: Path) -> None:
    of_sample.environment["CHURN_STORE_DIR"] = str(tmp_path / "store")
    exported(of_sample, "--format", "xlsx")
    workbook = folder_of(of_sample) / "action_list.xlsx"
    filled_in(workbook, outcome="had lunch")
    found = of_sample.churn("outcome", "import", workbook)
    assert found.code == 2
    assert "Row 2: The outcome had lunch is not known; there are: contacted" in plain(found.out)


def test_what_is_no_workbook_is_refused(of_sample: Workspace, tmp_path: Path) -> None:
    broken = tmp_path / "broken.xlsx"
    broken.write_bytes(b"PK\x03\x04" + bytes(100))
    found = of_sample.churn("outcome", "import", broken)
    assert found.code == 2
    assert "cannot be read as a workbook" in plain(found.err)
    other = tmp_path / "other.xlsx"
    book = openpyxl.Workbook()
    book.active.append(["a", "b"])
    book.save(other)
    found = of_sample.churn("outcome", "import", other)
    assert found.code == 2
    assert "has no column customer_id and no outcome" in plain(found.err)


# ------------------------------------------------------------------------------ files and folders


@pytest.mark.usefixtures("short_playbooks")
def test_one_customer_has_a_folder_of_its_own(of_sample: Workspace) -> None:
    exported(of_sample)
    folder = folder_of(of_sample)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    [first] = of_sample.column(
        "select customer_id from marts.at_risk_customers where contact_priority = 1"
    )
    exported(of_sample, "--customer", f" {first} ")
    own = folder / "customers" / first
    assert [row["customer_id"] for row in read_csv(own / "action_list.csv")] == [first]
    assert (own / "notes" / f"{first}.md").is_file()
    assert not (own / "digest.md").exists()
    # the whole list's files do not change, and exporting it again keeps the customer's folder
    assert all(path.read_bytes() == content for path, content in before.items())
    exported(of_sample, "--format", "csv")
    assert (own / "action_list.csv").is_file()


def test_what_is_not_on_the_list_is_refused(of_sample: Workspace) -> None:
    [low] = of_sample.column(
        "select customer_id from marts.customer_risk where is_active and risk_level = 'Low' limit 1"
    )
    [ended] = of_sample.column(
        "select customer_id from marts.at_risk_customers where not is_active limit 1"
    )
    [account] = of_sample.column("select account_id from marts.at_risk_accounts limit 1")
    assert f"{low} is not on the list: its risk is Low" in refused(of_sample, "--customer", low)
    assert f"{ended} is not on the list: it has ended" in refused(of_sample, "--customer", ended)
    assert "is an account" in refused(of_sample, "--customer", account)
    unknown = refused(of_sample, "--customer", "nobody")
    assert "nobody is no customer of the last build, which read the bundled sample." in unknown
    assert f"there are: {', '.join(EXPORT_FORMATS)}" in refused(of_sample, "--format", "csv,docx")
    assert (
        "leave the customer out"
        in refused(of_sample, "--customer", account.replace("A", "S") + "-1", "--format", "digest")
        or account
    )
    assert not Path(of_sample.environment["CHURN_EXPORT_DIR"]).exists()


def test_an_empty_list_is_exported_too(
    sample: Workspace, workspace: Workspace, tmp_path: Path
) -> None:
    workspace.copy_of(sample)
    with duckdb.connect(str(workspace.warehouse)) as connection:
        for table in LISTS:
            connection.execute(f"delete from marts.{table}")
    place = export_place(workspace, tmp_path / "exports")
    assert "Exported 0 active customers at risk" in exported(place)
    folder = folder_of(place)
    assert read_csv(folder / "action_list.csv") == []
    assert rows_of(sheet_of(folder / "action_list.xlsx")) == []
    assert "Nobody: no account is at risk." in (folder / "digest.md").read_text("utf-8")


LISTS = ("at_risk_customers", "at_risk_accounts", "next_best_actions", "outreach_drafts")


def test_without_a_build_there_is_nothing_to_export(workspace: Workspace, tmp_path: Path) -> None:
    assert "Run `make run` first" in refused(export_place(workspace, tmp_path / "exports"))
    found = workspace.churn("list")
    assert (found.code, "Run `make run` first" in found.err) == (2, True)
    assert not workspace.warehouse.exists()


@pytest.mark.usefixtures("short_playbooks")
def test_a_killed_export_leaves_the_last_one(of_sample: Workspace) -> None:
    exported(of_sample)
    folder = folder_of(of_sample)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED_IN_THE_MIDDLE],
        env={**os.environ, **of_sample.environment},
        cwd=ROOT,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert (folder.parent / f".{folder.name}.new" / "action_list.csv").is_file()
    assert all(path.read_bytes() == content for path, content in before.items())
    exported(of_sample)
    assert not list(folder.parent.glob(".*.new"))
    assert {path for path in folder.rglob("*") if path.is_file()} == set(before)


_KILLED_IN_THE_MIDDLE = """
import os, signal
from churn.export import commands
from churn.project import Project
from churn.terminal import output_console
commands.write_playbooks = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
commands.export_files(Project(), output_console(), customer=None, formats=[])
"""


class Stopped(BaseException):
    """Stands for the end of the process; the test can catch it and continue."""


@pytest.mark.parametrize("moment", range(7))
@pytest.mark.parametrize("ends", [Stopped, OSError(28, "No space left on device")])
def test_ended_while_files_take_their_places_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int, ends: Any
) -> None:
    folder = tmp_path / "2026-03-31"
    names = ("a.csv", "notes/1.md", "playbooks/1.pdf", "worked_in.csv")

    def replace(what: str, names: Iterable[str] = names) -> list[str]:
        with replaced(folder, ["notes", "playbooks"]) as (new, kept):
            for name in names:
                (new / name).parent.mkdir(exist_ok=True)
                (new / name).write_text(what)
        return kept

    assert replace("old", [*names, "notes/gone.md", "notes/gone_and_edited.md"]) == []
    by_hand = ("worked_in.csv", "notes/1.md", "notes/gone_and_edited.md", "notes/own.txt")
    for name in by_hand:
        (folder / name).write_text(f"by hand: {name}")
    moves = iter(range(100))

    def ended_at(move: Callable[..., Any]) -> Callable[..., Any]:
        def moved(*arguments: Any) -> Any:
            if next(moves) == moment:
                raise ends
            return move(*arguments)

        return moved

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", ended_at(Path.replace))
        if ends is Stopped:
            # a killed process does not clean up
            patched.setattr(export_folder, "remove_unfinished", lambda *_: None)
        with pytest.raises((Stopped, ChurnError)):
            replace("new")

    def found() -> set[str]:
        return {path.read_text() for path in folder.rglob("*") if path.is_file()}

    assert {(folder / name).read_text() for name in names} <= {"old", "new", *found()}
    assert {f"by hand: {name}" for name in by_hand} <= found()
    # the next export completes the work, and does not mistake its own files for edited ones
    replace("newest")
    edited = {path.name for path in folder.rglob("*_edited_*")}
    assert edited == {"worked_in_edited_1.csv", "1_edited_1.md"}
    assert {(folder / name).read_text() for name in names} == {"newest"}
    assert {f"by hand: {name}" for name in by_hand} <= found()
    assert not (folder / "notes/gone.md").exists()
    assert replace("and again") == []
    assert {path.name for path in folder.parent.iterdir()} == {folder.name}


def test_a_file_in_the_way_of_a_folder_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "2026-03-31"
    folder.mkdir()
    (folder / "notes").write_text("mine")

    def export() -> None:
        with replaced(folder, ["notes"]) as (new, _):
            (new / "notes").mkdir()
            (new / "notes/1.md").write_text("new")

    with pytest.raises(InputError, match="notes is a link, or not a file or folder of an export"):
        export()
    assert (folder / "notes").read_text() == "mine"


@pytest.mark.parametrize("kind", ["pipe", "link", "link to nowhere"])
def test_what_is_no_file_of_an_export_stays(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "2026-03-31"
    folder.mkdir()
    place, mine = folder / "digest.md", tmp_path / "mine"
    if kind == "pipe":
        os.mkfifo(place)
    else:
        place.symlink_to(mine)
    if kind == "link":
        mine.write_text("mine")
    before = place.lstat()

    def export() -> None:
        with replaced(folder) as (new, _):
            (new / "digest.md").write_text("new")

    with pytest.raises(InputError, match=r"digest\.md is a link, or not a file"):
        export()
    assert place.lstat().st_ino == before.st_ino
    assert kind != "link" or mine.read_text() == "mine"


@pytest.mark.usefixtures("short_playbooks")
def test_whatever_somebody_changed_stays_beside_the_next_export(of_sample: Workspace) -> None:
    exported(of_sample)
    folder = folder_of(of_sample)
    workbook = openpyxl.load_workbook(folder / "action_list.xlsx")
    workbook.create_sheet("My notes")["A1"] = "call the CFO first"
    workbook.save(folder / "action_list.xlsx")
    [note, other, *_] = sorted((folder / "notes").iterdir())
    changed = ("action_list.xlsx", "action_list.csv", f"notes/{note.name}")
    for name in changed[1:]:
        (folder / name).write_text((folder / name).read_text() + "mine\n")
    own = ("notes/own.md", "playbooks/plan.pdf", "plan.docx")
    for name in own:
        (folder / name).write_text("mine")
    before = {name: (folder / name).read_bytes() for name in (*changed, *own)}
    untouched = other.read_bytes()

    out = exported(of_sample)
    kept = [
        "action_list_edited_1.csv",
        "action_list_edited_1.xlsx",
        f"notes/{note.stem}_edited_1.md",
    ]
    assert f"are kept: {', '.join(kept)}" in out
    for name, file in zip(sorted(changed), kept, strict=True):
        assert (folder / file).read_bytes() == before[name]
        assert (folder / name).read_bytes() != before[name]
    assert all((folder / name).read_bytes() == before[name] for name in own)
    assert other.read_bytes() == untouched
    assert "are kept" not in exported(of_sample)


def test_two_exports_at_once_do_not_mix(of_sample: Workspace) -> None:
    exported(of_sample, "--format", "csv")
    folder = folder_of(of_sample)
    with (folder.parent / f".{folder.name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "Another export" in refused(of_sample, code=1)


def test_a_disk_that_refuses_is_one_line(of_sample: Workspace, tmp_path: Path) -> None:
    (tmp_path / "exports").write_text("a file is in the way")
    assert "The export stopped" in refused(of_sample, code=2)
